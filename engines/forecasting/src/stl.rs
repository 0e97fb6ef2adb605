//! Seasonal-trend decomposition by loess (Cleveland, Cleveland, McRae & Terpenning 1990), for one season or several
//! (MSTL, Bandara, Hyndman & Bergmeir 2021), and what is read off it: the strength of a season.

/// How the seasonal pattern may change from cycle to cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Seasonal {
    /// The same in every cycle.
    Periodic,
    /// Loess over this odd number of cycles.
    Window(usize),
}

/// `series = trend + seasonal + remainder`; the trend is what the other two leave.
#[derive(Debug, Clone)]
pub(crate) struct Decomposition {
    pub seasonal: Vec<f64>,
    pub remainder: Vec<f64>,
}

/// Decomposes `y` (at least two full seasons, season at least 2). `robust` bounds the pull of outliers.
pub(crate) fn stl(y: &[f64], season: usize, form: Seasonal, robust: bool) -> Decomposition {
    let n = y.len();
    let smoothing = match form {
        Seasonal::Periodic => 10 * n + 1,
        Seasonal::Window(w) => w,
    };
    let trend_window = odd((1.5 * season as f64 / (1.0 - 1.5 / smoothing as f64)).ceil() as usize);
    let low_window = odd(season);
    let mut trend = vec![0.0; n];
    let mut seasonal = vec![0.0; n];
    // Means would smear an outlier over its whole cycle before the first weights are known: start from medians.
    let mut weights: Option<Vec<f64>> = robust.then(|| bisquare(&median_residual(y, season)));
    let outer = if robust { 4 } else { 1 };
    for round in 0..outer {
        for _ in 0..2 {
            let detrended: Vec<f64> = y.iter().zip(&trend).map(|(v, t)| v - t).collect();
            let cycle = smooth_cycles(&detrended, season, form, weights.as_deref());
            let low = low_pass(&cycle, season, low_window);
            for t in 0..n {
                seasonal[t] = cycle[t + season] - low[t];
            }
            let adjusted: Vec<f64> = y.iter().zip(&seasonal).map(|(v, s)| v - s).collect();
            trend = loess(&adjusted, trend_window, weights.as_deref());
        }
        if round + 1 < outer {
            let residual: Vec<f64> = (0..n).map(|t| (y[t] - trend[t] - seasonal[t]).abs()).collect();
            weights = Some(bisquare(&residual));
        }
    }
    if form == Seasonal::Periodic {
        let mut sums = vec![0.0; season];
        let mut counts = vec![0.0; season];
        for (t, s) in seasonal.iter().enumerate() {
            sums[t % season] += s;
            counts[t % season] += 1.0;
        }
        for (t, s) in seasonal.iter_mut().enumerate() {
            *s = sums[t % season] / counts[t % season];
        }
    }
    let remainder = (0..n).map(|t| y[t] - trend[t] - seasonal[t]).collect();
    Decomposition { seasonal, remainder }
}

/// One seasonal part per season, the shortest first.
#[derive(Debug, Clone)]
pub(crate) struct MultipleDecomposition {
    pub seasonals: Vec<Vec<f64>>,
}

/// MSTL: the seasons taken out in turn, twice around. Seasons of which the series has less than two cycles are ignored.
pub(crate) fn mstl(y: &[f64], seasons: &[usize]) -> MultipleDecomposition {
    let seasons: Vec<usize> = seasons.iter().copied().filter(|&m| m >= 2 && 2 * m < y.len()).collect();
    let mut seasonals = vec![vec![0.0; y.len()]; seasons.len()];
    let mut rest = y.to_vec();
    let rounds = if seasons.len() > 1 { 2 } else { 1 };
    for _ in 0..rounds {
        for (i, &m) in seasons.iter().enumerate() {
            for (r, s) in rest.iter_mut().zip(&seasonals[i]) {
                *r += s;
            }
            let parts = stl(&rest, m, Seasonal::Window(11 + 4 * i), false);
            for (r, s) in rest.iter_mut().zip(&parts.seasonal) {
                *r -= s;
            }
            seasonals[i] = parts.seasonal;
        }
    }
    MultipleDecomposition { seasonals }
}

/// Strength of the season, 0 to 1 (Wang, Smith & Hyndman 2006): how much of the detrended variance it explains.
pub(crate) fn seasonal_strength(y: &[f64], season: usize) -> f64 {
    if season < 2 || y.len() <= 2 * season {
        return 0.0;
    }
    let parts = stl(y, season, Seasonal::Window(11), false);
    let both: Vec<f64> = parts.seasonal.iter().zip(&parts.remainder).map(|(s, r)| s + r).collect();
    let whole = variance(&both);
    if whole <= 0.0 { 0.0 } else { (1.0 - variance(&parts.remainder) / whole).clamp(0.0, 1.0) }
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64
}

fn odd(width: usize) -> usize {
    width | 1
}

/// Smooths each cycle-subseries and extends it by one cycle at both ends: `n + 2 season` values.
fn smooth_cycles(y: &[f64], season: usize, form: Seasonal, weights: Option<&[f64]>) -> Vec<f64> {
    let n = y.len();
    let mut out = vec![0.0; n + 2 * season];
    let mut part = Vec::with_capacity(n / season + 1);
    let mut part_weights = Vec::new();
    for k in 0..season {
        part.clear();
        part.extend(y[k..].iter().step_by(season));
        if let Some(w) = weights {
            part_weights.clear();
            part_weights.extend(w[k..].iter().step_by(season));
        }
        let count = part.len();
        let w = weights.map(|_| part_weights.as_slice());
        let mut place = |cycle: usize, value: f64| out[k + cycle * season] = value;
        match form {
            Seasonal::Periodic => {
                let (mut sum, mut total) = (0.0, 0.0);
                for (i, v) in part.iter().enumerate() {
                    let weight = w.map_or(1.0, |w| w[i]);
                    sum += weight * v;
                    total += weight;
                }
                // When (nearly) all points of this place in the cycle look odd, their middle is the better witness.
                let mean = if total > 0.3 * count as f64 { sum / total } else { median(part.clone()) };
                for cycle in 0..count + 2 {
                    place(cycle, mean);
                }
            }
            Seasonal::Window(window) => {
                for cycle in 0..count + 2 {
                    place(cycle, loess_at(&part, window, cycle as f64 - 1.0, w));
                }
            }
        }
    }
    out
}

/// Two moving averages of a season, one of three, and loess: `n` values from `n + 2 season`.
fn low_pass(cycle: &[f64], season: usize, window: usize) -> Vec<f64> {
    let once = trailing_mean(cycle, season);
    let twice = trailing_mean(&once, season);
    loess(&trailing_mean(&twice, 3), window, None)
}

fn trailing_mean(y: &[f64], width: usize) -> Vec<f64> {
    let mut sum: f64 = y[..width].iter().sum();
    let mut out = Vec::with_capacity(y.len() + 1 - width);
    out.push(sum / width as f64);
    for t in width..y.len() {
        sum += y[t] - y[t - width];
        out.push(sum / width as f64);
    }
    out
}

/// Locally linear smoothing with tricube weights over `window` points, evaluated on a subgrid when the window is wide
/// (the curve between is straight to the eye) and interpolated.
pub(crate) fn loess(y: &[f64], window: usize, weights: Option<&[f64]>) -> Vec<f64> {
    let n = y.len();
    let jump = (window / 10).max(1);
    let mut out = vec![0.0; n];
    let mut last = 0;
    out[0] = loess_at(y, window, 0.0, weights);
    while last + 1 < n {
        let next = (last + jump).min(n - 1);
        out[next] = loess_at(y, window, next as f64, weights);
        for t in last + 1..next {
            let share = (t - last) as f64 / (next - last) as f64;
            out[t] = out[last] + share * (out[next] - out[last]);
        }
        last = next;
    }
    out
}

fn loess_at(y: &[f64], window: usize, x: f64, weights: Option<&[f64]>) -> f64 {
    let n = y.len();
    let width = window.min(n);
    let left = (x - (width as f64 - 1.0) / 2.0).round().clamp(0.0, (n - width) as f64) as usize;
    let right = left + width - 1;
    let mut reach = (x - left as f64).abs().max((right as f64 - x).abs());
    if window > n {
        reach += ((window - n) / 2) as f64;
    }
    let reach = reach.max(1.0) * 1.001;
    let (mut sw, mut sx, mut sy, mut sxx, mut sxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for i in left..=right {
        let d = i as f64 - x;
        let r = d.abs() / reach;
        let cube = 1.0 - r * r * r;
        let mut w = cube * cube * cube;
        if let Some(robust) = weights {
            w *= robust[i];
        }
        sw += w;
        sx += w * d;
        sy += w * y[i];
        sxx += w * d * d;
        sxy += w * d * y[i];
    }
    if sw <= 0.0 {
        return y[left..=right].iter().sum::<f64>() / width as f64;
    }
    let mean_x = sx / sw;
    let spread = sxx / sw - mean_x * mean_x;
    if spread > 1e-6 * (n as f64) * 1e-3 {
        let slope = (sxy / sw - mean_x * sy / sw) / spread;
        sy / sw - slope * mean_x
    } else {
        sy / sw
    }
}

/// Distances from running medians and the medians of each point of the cycle.
fn median_residual(y: &[f64], season: usize) -> Vec<f64> {
    let n = y.len();
    let half = odd(season) / 2;
    let detrended: Vec<f64> = (0..n)
        .map(|t| {
            let left = t.saturating_sub(half).min(n.saturating_sub(2 * half + 1));
            let right = (left + 2 * half + 1).min(n);
            y[t] - median(y[left..right].to_vec())
        })
        .collect();
    let pattern: Vec<f64> =
        (0..season).map(|k| median(detrended[k..].iter().step_by(season).copied().collect())).collect();
    detrended.iter().enumerate().map(|(t, v)| (v - pattern[t % season]).abs()).collect()
}

/// The middle value; 0 of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let count = values.len();
    let (below, upper, _) = values.select_nth_unstable_by(count / 2, f64::total_cmp);
    let upper = *upper;
    if count % 2 == 1 {
        return upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    0.5 * (lower + upper)
}

fn bisquare(residual: &[f64]) -> Vec<f64> {
    let mut sorted = residual.to_vec();
    sorted.sort_by(f64::total_cmp);
    let bound = 6.0 * sorted[sorted.len() / 2];
    residual
        .iter()
        .map(|r| {
            if *r <= 0.001 * bound || bound <= 0.0 {
                1.0
            } else if *r >= 0.999 * bound {
                0.0
            } else {
                let u = r / bound;
                (1.0 - u * u) * (1.0 - u * u)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize, m: usize) -> Vec<f64> {
        (0..n).map(|t| 0.1 * t as f64 + 5.0 * (t as f64 * std::f64::consts::TAU / m as f64).sin()).collect()
    }

    #[test]
    fn a_pure_wave_leaves_nothing() {
        let y = wave(120, 12);
        for form in [Seasonal::Periodic, Seasonal::Window(7)] {
            for robust in [false, true] {
                let parts = stl(&y, 12, form, robust);
                for (t, r) in parts.remainder.iter().enumerate() {
                    assert!(r.abs() < 0.3, "{form:?} {robust} {t} {r}");
                }
            }
        }
    }

    #[test]
    fn strength_tells_a_season_from_noise() {
        assert!(seasonal_strength(&wave(96, 12), 12) > 0.95);
        let noise: Vec<f64> = (0..96).map(|t| ((t * 7919 + 31) % 97) as f64).collect();
        assert!(seasonal_strength(&noise, 12) < 0.6);
    }

    #[test]
    fn an_outlier_does_not_bend_a_robust_season() {
        // Some noise: on an exact wave the median residual is zero and every point near the outlier counts as one.
        let mut y: Vec<f64> =
            wave(96, 12).iter().enumerate().map(|(t, v)| v + ((t * 7919 + 31) % 97) as f64 / 97.0).collect();
        y[50] += 100.0;
        let parts = stl(&y, 12, Seasonal::Periodic, true);
        assert!(parts.remainder[50] > 90.0);
        for t in [26, 38, 49, 51, 62, 74] {
            assert!(parts.remainder[t].abs() < 1.5, "{t} {}", parts.remainder[t]);
        }
    }

    #[test]
    fn two_seasons_are_told_apart() {
        let y: Vec<f64> = (0..600)
            .map(|t| {
                let t = f64::from(t);
                10.0 + 3.0 * (t * std::f64::consts::TAU / 7.0).sin() + 8.0 * (t * std::f64::consts::TAU / 60.0).sin()
            })
            .collect();
        let parts = mstl(&y, &[7, 60]);
        assert_eq!(parts.seasonals.len(), 2);
        let peak = |s: &[f64]| s[200..400].iter().copied().fold(0.0, f64::max);
        assert!((peak(&parts.seasonals[0]) - 2.93).abs() < 0.3, "{}", peak(&parts.seasonals[0]));
        assert!((peak(&parts.seasonals[1]) - 8.0).abs() < 0.6, "{}", peak(&parts.seasonals[1]));
    }
}
