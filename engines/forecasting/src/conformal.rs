//! Intervals that contain what they say: multipliers learnt from backtest errors.
//!
//! Split conformal prediction (Vovk, Gammerman & Shafer 2005; Lei et al. 2018) on errors scaled by the model's own spread.
//! A series' few errors are shrunk to those of the whole set, and those to the normal distribution.

use crate::forecast::normal_quantile;

/// Multipliers of the standard deviation for one series.
pub(crate) struct Calibration<'a> {
    own: Vec<f64>,
    pooled: &'a [f64],
}

/// Scaled errors that count as much as one set-wide opinion. Errors of overlapping horizons are far from independent.
const WEIGHT_OF_POOL: f64 = 60.0;
const WEIGHT_OF_NORMAL: f64 = 40.0;

impl<'a> Calibration<'a> {
    /// `pooled` is sorted.
    pub(crate) fn new(scores: &[(usize, f64)], pooled: &'a [f64]) -> Calibration<'a> {
        let mut own: Vec<f64> = scores.iter().map(|s| s.1).collect();
        own.sort_by(f64::total_cmp);
        Calibration { own, pooled }
    }

    /// Half width of the interval of `level` percent, in standard deviations.
    pub(crate) fn multiplier(&self, level: f64) -> f64 {
        let normal = normal_quantile(0.5 + level / 200.0);
        let share = level / 100.0;
        let shrink = |sorted: &[f64], prior: f64, weight: f64| match quantile(sorted, share) {
            Some(q) if q > 0.0 => {
                let n = sorted.len() as f64;
                ((n * q.ln() + weight * prior.ln()) / (n + weight)).exp()
            }
            _ => prior,
        };
        let pooled = shrink(self.pooled, normal, WEIGHT_OF_NORMAL);
        shrink(&self.own, pooled, WEIGHT_OF_POOL)
    }
}

/// The conformal quantile: the value that (n + 1) share of n + 1 draws do not exceed, the largest for a share beyond.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let n = sorted.len();
    if n == 0 {
        return None;
    }
    let place = (n as f64 + 1.0) * share - 1.0;
    let below = place.floor().clamp(0.0, n as f64 - 1.0) as usize;
    let above = (below + 1).min(n - 1);
    Some(sorted[below] + (place - below as f64).clamp(0.0, 1.0) * (sorted[above] - sorted[below]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_errors_the_normal_distribution_answers() {
        let calibration = Calibration::new(&[], &[]);
        assert!((calibration.multiplier(95.0) - 1.959_964).abs() < 1e-5);
    }

    #[test]
    fn many_wide_errors_widen_the_interval_to_their_quantile() {
        let wide: Vec<(usize, f64)> = (0..4_000).map(|k| (0, 4.0 * f64::from(k) / 4_000.0)).collect();
        let pooled: Vec<f64> = wide.iter().map(|s| s.1).collect();
        let multiplier = Calibration::new(&wide, &pooled).multiplier(80.0);
        assert!((multiplier - 3.2).abs() < 0.05, "{multiplier}");
    }
}
