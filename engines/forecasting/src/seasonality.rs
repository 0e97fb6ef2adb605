//! Whether a series has a season, and the classical adjustment for it.

use crate::series::moving_mean;

/// A fixed seasonal pattern that is taken out before a method that knows no season and put back after it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SeasonalIndex {
    None,
    /// Added to each point of the cycle; sums to zero.
    Additive(Vec<f64>),
    /// Multiplies each point of the cycle; mean one.
    Multiplicative(Vec<f64>),
}

impl SeasonalIndex {
    pub(crate) fn period(&self) -> usize {
        match self {
            SeasonalIndex::None => 1,
            SeasonalIndex::Additive(s) | SeasonalIndex::Multiplicative(s) => s.len(),
        }
    }

    pub(crate) fn remove(&self, y: &[f64]) -> Vec<f64> {
        match self {
            SeasonalIndex::None => y.to_vec(),
            SeasonalIndex::Additive(s) => y.iter().enumerate().map(|(t, v)| v - s[t % s.len()]).collect(),
            SeasonalIndex::Multiplicative(s) => y.iter().enumerate().map(|(t, v)| v / s[t % s.len()]).collect(),
        }
    }

    /// The value at point `t` of an adjusted value.
    pub(crate) fn restore(&self, value: f64, t: usize) -> f64 {
        match self {
            SeasonalIndex::None => value,
            SeasonalIndex::Additive(s) => value + s[t % s.len()],
            SeasonalIndex::Multiplicative(s) => value * s[t % s.len()],
        }
    }

    /// How much wider an error becomes when the season is put back at point `t`.
    pub(crate) fn spread(&self, t: usize) -> f64 {
        match self {
            SeasonalIndex::Multiplicative(s) => s[t % s.len()].abs(),
            _ => 1.0,
        }
    }
}

/// Autocorrelations at lags 1 to `lags`.
pub(crate) fn autocorrelations(y: &[f64], lags: usize) -> Vec<f64> {
    let n = y.len();
    let mean = y.iter().sum::<f64>() / n as f64;
    let centred: Vec<f64> = y.iter().map(|v| v - mean).collect();
    let whole: f64 = centred.iter().map(|v| v * v).sum();
    (1..=lags)
        .map(|k| {
            if k >= n || whole <= 0.0 {
                return 0.0;
            }
            centred[k..].iter().zip(&centred).map(|(a, b)| a * b).sum::<f64>() / whole
        })
        .collect()
}

/// The test that the Theta method uses: is the autocorrelation at one season beyond what the shorter lags leave to
/// chance (90 %)?
pub(crate) fn is_seasonal(y: &[f64], season: usize) -> bool {
    if season < 2 || y.len() < 2 * season + 2 {
        return false;
    }
    let acf = autocorrelations(y, season);
    let before: f64 = acf[..season - 1].iter().map(|r| r * r).sum();
    let limit = 1.645 * ((1.0 + 2.0 * before) / y.len() as f64).sqrt();
    acf[season - 1].abs() > limit
}

/// Takes the season out when there is one: ratios to the moving average where all values are positive, differences
/// otherwise.
pub(crate) fn adjust(y: &[f64], season: usize) -> (Vec<f64>, SeasonalIndex) {
    if !is_seasonal(y, season) {
        return (y.to_vec(), SeasonalIndex::None);
    }
    let index = index(y, season, y.iter().all(|&v| v > 0.0));
    (index.remove(y), index)
}

/// Classical decomposition: mean ratio to (or distance from) the centred moving average for each point of the cycle.
pub(crate) fn index(y: &[f64], season: usize, multiplicative: bool) -> SeasonalIndex {
    let trend = moving_mean(y, season);
    let half = season / 2;
    let mut sums = vec![0.0; season];
    let mut counts = vec![0.0; season];
    for t in half..y.len().saturating_sub(half) {
        let part = if multiplicative { y[t] / trend[t] } else { y[t] - trend[t] };
        sums[t % season] += part;
        counts[t % season] += 1.0;
    }
    let neutral = if multiplicative { 1.0 } else { 0.0 };
    let mut pattern: Vec<f64> = sums.iter().zip(&counts).map(|(s, c)| if *c > 0.0 { s / c } else { neutral }).collect();
    let mean = pattern.iter().sum::<f64>() / season as f64;
    if multiplicative {
        for p in &mut pattern {
            *p = (*p / mean).max(0.01);
        }
        SeasonalIndex::Multiplicative(pattern)
    } else {
        for p in &mut pattern {
            *p -= mean;
        }
        SeasonalIndex::Additive(pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_and_restoring_are_inverse() {
        let y: Vec<f64> = (0..50).map(|t| (40.0 + f64::from(t)) * [0.6, 1.1, 1.3, 1.0, 1.0][t as usize % 5]).collect();
        for multiplicative in [false, true] {
            let index = index(&y, 5, multiplicative);
            for (t, value) in index.remove(&y).iter().enumerate() {
                assert!((index.restore(*value, t) - y[t]).abs() < 1e-9);
            }
        }
        assert!(is_seasonal(&y, 5));
    }

    #[test]
    fn white_noise_has_no_season() {
        let y: Vec<f64> = (0..60).map(|t| ((t * 7919 + 31) % 97) as f64).collect();
        assert_eq!(adjust(&y, 12).1, SeasonalIndex::None);
    }
}
