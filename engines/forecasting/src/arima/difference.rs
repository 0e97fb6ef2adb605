//! Differencing: how often (unit-root and seasonal-strength tests), and there and back.

use crate::stl::seasonal_strength;

/// Critical values of the KPSS statistic for the first difference (5 %) and for the second (about 0.3 %): a difference too
/// many extrapolates the slope of the last few points over the whole horizon, so it needs more evidence.
const KPSS_BOUNDS: [f64; 2] = [0.463, 1.0];
/// Values of the statistic, before each difference, between which one difference more or less is a toss-up: a factor of
/// one and a half around the critical value of 5 %, and what lies between 1 % and the bound of the second.
const KPSS_DOUBT: [(f64, f64); 2] = [(0.33, 0.7), (0.7, 1.0)];

/// Number of first differences, 0 to 2, by repeated KPSS tests (Kwiatkowski, Phillips, Schmidt & Shin 1992; Hyndman &
/// Khandakar 2008), and another number where a test leaves it in doubt.
pub(super) fn first_differences(y: &[f64]) -> (usize, Option<usize>) {
    let mut y = y.to_vec();
    let mut doubt = None;
    for (d, bound) in KPSS_BOUNDS.into_iter().enumerate() {
        if y.len() < 4 || is_constant(&y) {
            return (d, doubt);
        }
        let statistic = kpss(&y);
        let (from, to) = KPSS_DOUBT[d];
        let in_doubt = doubt.is_none() && from < statistic && statistic < to;
        if statistic <= bound {
            return (d, if in_doubt { Some(d + 1) } else { doubt });
        }
        if in_doubt {
            doubt = Some(d);
        }
        y = difference(&y, 1);
    }
    (KPSS_BOUNDS.len(), doubt)
}

/// Strength of the season above which a seasonal difference is taken (Wang, Smith & Hyndman 2006; the bound is the one
/// that made the best forecasts on the M3 data).
const STRONG_SEASON: f64 = 0.64;
/// How near to that bound the choice is a toss-up.
const DOUBT: f64 = 0.1;

/// Number of seasonal differences, 0 or 1, and whether the strength of the season leaves that in doubt.
pub(super) fn seasonal_differences(y: &[f64], season: usize) -> (usize, bool) {
    if season < 2 || y.len() < 2 * season + 2 {
        return (0, false);
    }
    let above = seasonal_strength(y, season) - STRONG_SEASON;
    (usize::from(above > 0.0), above.abs() < DOUBT)
}

/// The KPSS statistic for stationarity around a level, with Bartlett weights.
pub(super) fn kpss(y: &[f64]) -> f64 {
    let n = y.len();
    let lags = (3.0 * (n as f64).sqrt() / 13.0) as usize;
    let mean = y.iter().sum::<f64>() / n as f64;
    let e: Vec<f64> = y.iter().map(|v| v - mean).collect();
    let mut sum = 0.0;
    let mut squares = 0.0;
    for v in &e {
        sum += v;
        squares += sum * sum;
    }
    let mut variance = e.iter().map(|v| v * v).sum::<f64>();
    for k in 1..=lags {
        let weight = 1.0 - k as f64 / (lags as f64 + 1.0);
        variance += 2.0 * weight * e[k..].iter().zip(&e).map(|(a, b)| a * b).sum::<f64>();
    }
    if variance <= 0.0 {
        return 0.0;
    }
    squares / (n as f64 * variance)
}

pub(super) fn difference(y: &[f64], lag: usize) -> Vec<f64> {
    y.iter().zip(&y[lag.min(y.len())..]).map(|(a, b)| b - a).collect()
}

/// `d` first and `s` seasonal differences.
pub(super) fn differences(y: &[f64], d: usize, s: usize, m: usize) -> Vec<f64> {
    let mut out = y.to_vec();
    for _ in 0..s {
        out = difference(&out, m);
    }
    for _ in 0..d {
        out = difference(&out, 1);
    }
    out
}

/// Coefficients c₁… of (1 - B)^d (1 - B^m)^s = 1 - Σ cᵢ Bⁱ.
pub(super) fn polynomial(d: usize, s: usize, m: usize) -> Vec<f64> {
    let mut out: Vec<f64> = Vec::new();
    for _ in 0..d {
        out = super::polynomial::multiply_ar(&out, &[1.0], 1);
    }
    for _ in 0..s {
        out = super::polynomial::multiply_ar(&out, &[1.0], m);
    }
    out
}

pub(super) fn is_constant(y: &[f64]) -> bool {
    y.iter().all(|v| *v == y[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_needs_one_difference_and_noise_none() {
        let line: Vec<f64> = (0..60).map(|t| f64::from(t) + ((t * 7919 + 31) % 97) as f64 / 97.0).collect();
        let noise: Vec<f64> = (0..60).map(|t| ((t * 7919 + 31) % 97) as f64).collect();
        assert_eq!(first_differences(&line), (1, None));
        assert_eq!(first_differences(&noise), (0, None));
    }

    #[test]
    fn a_slope_that_noise_hides_leaves_one_difference_in_doubt() {
        let noise = |t: usize| ((t * 7919 + 31) % 97) as f64 / 97.0;
        let sloped =
            |slope: f64| first_differences(&(0..60).map(|t| slope * t as f64 + noise(t)).collect::<Vec<f64>>());
        let found: Vec<_> = (0..40).map(|i| sloped(f64::from(i) * 0.001)).collect();
        assert_eq!(found[0], (0, None));
        assert!(found.contains(&(0, Some(1))) && found.contains(&(1, Some(0))), "{found:?}");
        assert_eq!(found[39], (1, None));
    }

    #[test]
    fn the_polynomial_undoes_the_differences() {
        let y: Vec<f64> = (0..30).map(|t| f64::from(t * t % 17)).collect();
        let w = differences(&y, 1, 1, 4);
        let c = polynomial(1, 1, 4);
        for t in c.len()..y.len() {
            let known: f64 = c.iter().enumerate().map(|(i, c)| c * y[t - 1 - i]).sum();
            assert!((known + w[t - c.len()] - y[t]).abs() < 1e-9);
        }
    }
}
