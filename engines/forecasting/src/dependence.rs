//! How steps err together, learnt from backtest errors.
//!
//! Each step's interval says how far the step errs; a sum over steps errs as far as they err together. The growth of the
//! spread accounts for the shocks that a model carries on. What it leaves out is that the model may be off from the first
//! step to the last: its level, slope or season were misjudged at the origin. That share of the variance is found by
//! matching moments: the squared sum of an origin's errors against the sum of their squares, over the origins of the
//! series, shrunk to those of the set, and those to what series of many kinds have shown.

use crate::paths::sum_of_correlations;
use crate::scores::{Scores, ages};

/// Share of the variance of a forecast's errors that all its steps have in common beyond what the growth of the spread
/// carries on, on average over open sets.
pub const USUAL_COMMON: f64 = 0.25;
/// What it counts as against the origins of a set, and the set against a series' own.
const ROOM_OF_USUAL: f64 = 5.0;
const ROOM_OF_SET: f64 = 3.0;

/// A backtest's models were chosen with the points that they foretell, so it shows less of what is misjudged at an origin
/// than there is: of the rest of the variance this much is common as well.
const ALLOWANCE: f64 = 0.1;
/// Mean square of an origin's errors, over that of its series, above which the origin counts no more.
const MOST: f64 = 4.0;

/// What one series' origins show: by how much the squared mean of their errors exceeds what the growth of the spread
/// makes of it, and by how much it could.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shown {
    excess: f64,
    room: f64,
}

/// What the backtests of one series show. `sd` is the spread of the steps, `growth` what it grows by beyond theory, `width`
/// the usual size of a score at the first step.
pub(crate) fn shown(scores: &Scores, sd: &[f64], growth: impl Fn(usize) -> f64, width: f64) -> Shown {
    let mut shown = Shown::default();
    let origins = scores.whole.iter().map(|errors| &errors[..errors.len().min(sd.len())]);
    for (errors, age) in origins.zip(ages()).filter(|(errors, _)| errors.len() > 1) {
        let steps = errors.len() as f64;
        let scaled = errors.iter().enumerate().map(|(h, e)| e / growth(h) / width);
        let (sum, squares) = scaled.fold((0.0, 0.0), |(sum, squares), e| (sum + e, squares + e * e));
        let carried_on = sum_of_correlations(&sd[..errors.len()]) / (steps * steps);
        let size = squares / steps;
        if size > 0.0 {
            // Sums of both over origins, not means of their ratios: those are drawn to the middle.
            let weight = age * (MOST / size).min(1.0);
            shown.excess += weight * ((sum / steps).powi(2) - size * carried_on);
            shown.room += weight * size * (1.0 - carried_on);
        }
    }
    shown
}

/// What a set shows.
pub(crate) fn of_set(set: impl Iterator<Item = Shown>) -> f64 {
    let (excess, room) =
        set.fold((ROOM_OF_USUAL * USUAL_COMMON, ROOM_OF_USUAL), |(e, r), s| (e + s.excess, r + s.room));
    (excess / room).clamp(0.0, 1.0)
}

/// What is believed of one series.
pub(crate) fn of_series(own: Shown, of_set: f64) -> f64 {
    let share = ((ROOM_OF_SET * of_set + own.excess) / (ROOM_OF_SET + own.room)).clamp(0.0, 1.0);
    share + ALLOWANCE * (1.0 - share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::{Dependence, Draw, draw};
    use crate::random::Random;
    use crate::{Model, Request, Series, forecast_set};

    #[test]
    fn the_share_that_all_steps_have_in_common_is_found() {
        for truth in [0.0, 0.3, 0.7] {
            let mut random = Random::new(3);
            let mut origin = || -> Vec<f64> {
                let together = f64::sqrt(truth) * random.normal();
                (0..8).map(|_| together + f64::sqrt(1.0 - truth) * random.normal()).collect()
            };
            let set: Vec<Scores> = (0..400).map(|_| Scores::new(8, (0..3).map(|_| (origin(), true)))).collect();
            let found = of_set(set.iter().map(|scores| shown(scores, &[1.0; 8], |_| 1.0, 1.0)));
            assert!((found - truth).abs() < 0.05, "{found} where {truth} is true");
            assert!(of_series(Shown::default(), found) >= found);
        }
        assert_eq!(of_set(std::iter::empty()), USUAL_COMMON);
    }

    /// What then came is known. Levels wander, so steps err together, and a sum over steps is to be held as often as a step.
    #[test]
    fn a_sum_over_a_lead_time_is_as_sure_as_a_step() {
        let mut random = Random::new(9);
        let walks: Vec<Vec<f64>> = (0..300)
            .map(|_| {
                let mut level = 500.0;
                let mut day = || {
                    level += 4.0 * random.normal();
                    level + 10.0 * random.normal()
                };
                (0..68).map(|_| day()).collect()
            })
            .collect();
        let known: Vec<Series> =
            walks.iter().map(|walk| Series::new("shop", walk[..60].to_vec(), 1).expect("a series")).collect();
        let request = Request { horizon: 8, levels: vec![50.0, 80.0, 95.0], model: Model::Ets, seed: 1 };
        let (mut steps, mut sums) = (0.0, [0.0; 2]);
        for (walk, forecast) in walks.iter().zip(forecast_set(&known, &[], &request)) {
            let forecast = forecast.expect("a forecast");
            let paths = draw(&forecast, Dependence::Backtest, Draw::default()).expect("in range");
            let inside = |from: usize, to: usize| {
                let came: f64 = walk[60 + from..60 + to].iter().sum();
                f64::from(u8::from((0.1..=0.9).contains(&paths.sum(from..to).expect("inside").above(came))))
            };
            steps += (0..8).map(|h| inside(h, h + 1)).sum::<f64>() / 8.0 / 300.0;
            for (sum, lead) in sums.iter_mut().zip([4, 8]) {
                *sum += inside(0, lead) / 300.0;
            }
        }
        // Two standard deviations of a share of 300.
        assert!(sums.iter().all(|share| (share - steps).abs() < 0.047), "{steps} of steps, {sums:?} of sums");
    }
}
