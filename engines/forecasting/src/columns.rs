//! How far the effect of columns that are known ahead is believed: as far as it would have helped from the backtest's
//! origins.
//!
//! A forecast with the columns is the one without them and a difference; the share of the difference that would have
//! erred least is a regression of the errors on it (stacking: Wolpert 1992, Breiman 1996). Its variance counts origins,
//! not points, as errors of one origin hang together. A series' share is shrunk to that of its set, and that to none
//! (Efron & Morris 1973): columns that merely wander along with a series explain its past, not its future.

/// How far what columns explain is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Belief {
    /// As far as it would have helped before.
    Earned,
    /// In full: whoever asks what columns do is to hear it, however little it helps to foretell.
    Whole,
}

/// What the columns would have brought from one origin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Trial {
    /// Errors without columns times the difference that the columns make, summed.
    pub product: f64,
    /// Squares of the difference, summed.
    pub square: f64,
    /// Squares of the errors without columns, summed.
    pub error: f64,
}

impl Trial {
    pub(crate) fn add(&mut self, actual: &[f64], without: &[f64], with: &[f64]) {
        for ((y, plain), other) in actual.iter().zip(without).zip(with) {
            self.product += (y - plain) * (other - plain);
            self.square += (other - plain) * (other - plain);
            self.error += (y - plain) * (y - plain);
        }
    }
}

/// The share of the difference that would have erred least, and its variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Evidence {
    share: f64,
    variance: f64,
}

/// Origins that a variance needs.
const LEAST_ORIGINS: usize = 2;
/// Neighbouring origins see half of their points in common: as many independent ones are behind each as this.
const OVERLAP: f64 = 2.0;
/// Variance of shares between the series of a set, and of a set's share around none.
const BETWEEN_SERIES: f64 = 0.09;
const BETWEEN_SETS: f64 = 0.25;

/// `None` with too few origins, or when the columns make no difference or there is no error to lower.
pub(crate) fn evidence(trials: &[Trial]) -> Option<Evidence> {
    // Each origin in units of its own errors: one hard stretch must not outvote the others.
    let origins: Vec<(f64, f64)> =
        trials.iter().filter(|t| t.error > 0.0).map(|t| (t.product / t.error, t.square / t.error)).collect();
    let square: f64 = origins.iter().map(|o| o.1).sum();
    if origins.len() < LEAST_ORIGINS || square.is_nan() || square <= 0.0 {
        return None;
    }
    let share = origins.iter().map(|o| o.0).sum::<f64>() / square;
    let count = origins.len() as f64;
    let scatter: f64 = origins.iter().map(|(product, own)| (product - share * own).powi(2)).sum();
    Some(Evidence { share, variance: OVERLAP * scatter * count / (count - 1.0) / (square * square) })
}

/// The share, 0 to 1, that each series of a set takes of what its columns make different.
pub(crate) fn believed(set: &[Option<Evidence>]) -> Vec<f64> {
    let (mut sum, mut total) = (0.0, 1.0 / BETWEEN_SETS);
    for e in set.iter().flatten() {
        let weight = 1.0 / (e.variance + BETWEEN_SERIES);
        sum += weight * e.share;
        total += weight;
    }
    let common = sum / total;
    let own = |e: &Evidence| (e.share * BETWEEN_SERIES + common * e.variance) / (BETWEEN_SERIES + e.variance);
    set.iter().map(|e| e.as_ref().map_or(common, own).clamp(0.0, 1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(gain: f64) -> Trial {
        let mut trial = Trial::default();
        trial.add(&[10.0, 12.0], &[9.0, 14.0], &[9.0 + gain, 14.0 - 2.0 * gain]);
        trial
    }

    #[test]
    fn columns_that_helped_from_every_origin_are_believed() {
        let share = believed(&[evidence(&[trial(0.9), trial(1.0), trial(1.1), trial(1.0)])]);
        assert!(share[0] > 0.9, "{share:?}");
    }

    #[test]
    fn columns_that_helped_here_and_hurt_there_are_not() {
        let share = believed(&[evidence(&[trial(0.5), trial(-1.0), trial(0.6), trial(-0.5)])]);
        assert!(share[0] < 0.1, "{share:?}");
    }

    #[test]
    fn a_short_series_takes_the_share_of_its_set() {
        let good = evidence(&[trial(1.0), trial(0.8), trial(1.2)]);
        let shares = believed(&[good, good, good, good, None]);
        assert!(shares[4] > 0.7, "{shares:?}");
        assert_eq!(believed(&[None]), vec![0.0]);
    }

    #[test]
    fn columns_that_change_nothing_are_no_evidence() {
        assert_eq!(evidence(&[trial(0.0); 5]), None);
    }
}
