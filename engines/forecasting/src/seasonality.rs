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
/// otherwise. The pattern is the mean of all cycles.
pub(crate) fn adjust(y: &[f64], season: usize) -> (Vec<f64>, SeasonalIndex) {
    adjust_by(y, season, index)
}

/// [`adjust`] for a forecast: the pattern is the one of the last cycles, as far as it moves.
pub(crate) fn adjust_for_forecast(y: &[f64], season: usize) -> (Vec<f64>, SeasonalIndex) {
    adjust_by(y, season, latest_index)
}

/// The pattern of the last cycles where there is a season; a product where all values are positive and that `may_multiply`.
pub(crate) fn latest(y: &[f64], season: usize, may_multiply: bool) -> SeasonalIndex {
    if is_seasonal(y, season) {
        latest_index(y, season, may_multiply && y.iter().all(|v| *v > 0.0))
    } else {
        SeasonalIndex::None
    }
}

fn adjust_by(y: &[f64], season: usize, index: fn(&[f64], usize, bool) -> SeasonalIndex) -> (Vec<f64>, SeasonalIndex) {
    if !is_seasonal(y, season) {
        return (y.to_vec(), SeasonalIndex::None);
    }
    let index = index(y, season, y.iter().all(|&v| v > 0.0));
    (index.remove(y), index)
}

/// Classical decomposition: mean ratio to (or distance from) the centred moving average for each point of the cycle.
pub(crate) fn index(y: &[f64], season: usize, multiplicative: bool) -> SeasonalIndex {
    let parts = distances(y, season, multiplicative);
    normalised(smoothed(&parts, season, 1.0, multiplicative).pattern, multiplicative)
}

/// What a cycle weighs against the one after it; 1 is the mean of all cycles.
const FORGETTING: [f64; 7] = [1.0, 0.95, 0.9, 0.8, 0.7, 0.55, 0.4];
/// How much of the likelihood is believed in weighing patterns: their errors one cycle ahead hang together, and the horizon
/// may be several cycles.
const EVIDENCE: f64 = 0.1;

/// The pattern at the end of the series: seasonal factors smoothed exponentially from cycle to cycle (Winters 1960), at
/// several rates, averaged by how well each foretold the next cycle. Where seasons move, as in tourism, the mean of all
/// cycles is years behind; where they do not, it is best, and has most of the weight.
fn latest_index(y: &[f64], season: usize, multiplicative: bool) -> SeasonalIndex {
    let parts = distances(y, season, multiplicative);
    let found = FORGETTING.map(|forgetting| smoothed(&parts, season, forgetting, multiplicative));
    let size = parts.iter().map(|p| p * p).sum::<f64>() / parts.len().max(1) as f64;
    let floor = 1e-12 * size + f64::MIN_POSITIVE;
    let criterion = |s: &Smoothed| s.foretold * (s.squares / s.foretold.max(1.0) + floor).ln();
    let best = found.iter().map(criterion).fold(f64::INFINITY, f64::min);
    let weights = found.each_ref().map(|s| (-EVIDENCE * (criterion(s) - best)).exp());
    let total: f64 = weights.iter().sum();
    let pattern =
        (0..season).map(|k| found.iter().zip(&weights).map(|(s, w)| w * s.pattern[k]).sum::<f64>() / total).collect();
    normalised(pattern, multiplicative)
}

/// Ratios to (or distances from) the centred moving average, from half a season into the series on.
fn distances(y: &[f64], season: usize, multiplicative: bool) -> Vec<f64> {
    let trend = moving_mean(y, season);
    let half = season / 2;
    (half..y.len().saturating_sub(half))
        .map(|t| if multiplicative { y[t] / trend[t] } else { y[t] - trend[t] })
        .collect()
}

/// Seasonal factors after the last cycle, and their squared errors in foretelling each cycle from those before.
struct Smoothed {
    pattern: Vec<f64>,
    squares: f64,
    foretold: f64,
}

fn smoothed(parts: &[f64], season: usize, forgetting: f64, multiplicative: bool) -> Smoothed {
    let mut sums = vec![0.0; season];
    let mut counts = vec![0.0; season];
    let (mut squares, mut foretold) = (0.0, 0.0);
    for (i, part) in parts.iter().enumerate() {
        let k = (i + season / 2) % season;
        if counts[k] > 0.0 {
            let error = part - sums[k] / counts[k];
            squares += error * error;
            foretold += 1.0;
        }
        sums[k] = forgetting * sums[k] + part;
        counts[k] = forgetting * counts[k] + 1.0;
    }
    let neutral = if multiplicative { 1.0 } else { 0.0 };
    let pattern = sums.iter().zip(&counts).map(|(s, c)| if *c > 0.0 { s / c } else { neutral }).collect();
    Smoothed { pattern, squares, foretold }
}

fn normalised(mut pattern: Vec<f64>, multiplicative: bool) -> SeasonalIndex {
    let mean = pattern.iter().sum::<f64>() / pattern.len() as f64;
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
    fn a_pattern_that_moves_is_taken_where_it_is_and_one_that_stays_as_the_mean() {
        let noise = |t: usize| ((t * 7919 + 31) % 97) as f64 / 97.0 - 0.5;
        let series = |moving: f64| -> Vec<f64> {
            (0..120)
                .map(|t| 100.0 + (10.0 + moving * (t / 4) as f64) * [1.0, -1.0, 0.5, -0.5][t % 4] + noise(t))
                .collect()
        };
        let height = |index: SeasonalIndex| match index {
            SeasonalIndex::Additive(s) => s[0],
            other => panic!("{other:?}"),
        };
        let (moved, last) = (series(1.0), 39.0);
        assert!((height(latest_index(&moved, 4, false)) - last).abs() < 3.0);
        assert!((height(index(&moved, 4, false)) - last).abs() > 10.0);
        let still = series(0.0);
        assert!((height(latest_index(&still, 4, false)) - height(index(&still, 4, false))).abs() < 0.1);
    }

    #[test]
    fn white_noise_has_no_season() {
        let y: Vec<f64> = (0..60).map(|t| ((t * 7919 + 31) % 97) as f64).collect();
        assert_eq!(adjust(&y, 12).1, SeasonalIndex::None);
    }
}
