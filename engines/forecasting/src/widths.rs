//! How wide errors are over theory, from origin to origin: what is a series' own, and what all series of a set went through
//! together.
//!
//! Series of a set have calm and wild stretches in common. Without them a series' own width is told more surely. What the
//! next stretch will be like they hardly tell: a trend in them foretold no better than their mean.

use crate::growth::Growth;
use crate::scores::{Scores, ages, log_size};

/// Origins that the set counts as against a series' own, and theory against the set.
const WEIGHT_OF_SET: f64 = 2.0;
pub(crate) const WEIGHT_OF_THEORY: f64 = 4.0;
/// Errors of one origin hang together: each after the first says as much as this share of one that does not.
const SAYS_NEW: f64 = 0.8;
/// Errors at which an origin's width is believed half as far as one of very many.
const ERRORS_OF_DOUBT: f64 = 2.0;
/// What logs of the sizes of a usual origin's errors miss on average: Student's shape, the usual one, has it already.
const MISSING_USUALLY: f64 = 0.05;
/// Origins without anything in common that a set is imagined to have at each age besides its own.
const ORIGINS_APART: f64 = 5.0;
/// Weight of an age against the next newer one in what a set's series have in common. It is near one: a calm or a wild
/// stretch that all went through lately says little of the next one.
const FORGETTING_TOGETHER: f64 = 0.9;

/// The errors of one origin as if all were of the first step.
pub(crate) struct Origin {
    pub errors: Vec<f64>,
    /// Log of their width over theory.
    pub log_width: f64,
    /// By what it says and by its age.
    pub weight: f64,
    /// By what it says alone.
    says: f64,
}

/// The origins of a series, the newest first.
pub(crate) fn origins(scores: &Scores, growth: Growth) -> Vec<Origin> {
    let origin = |(errors, age): (&Vec<f64>, f64)| {
        let errors: Vec<f64> = errors.iter().enumerate().map(|(h, e)| e / growth.of_step(h, scores.span)).collect();
        let size = log_size(&errors)?;
        let count = 1.0 + SAYS_NEW * (errors.len() - 1) as f64;
        let says = count / (count + ERRORS_OF_DOUBT);
        Some(Origin { errors, log_width: size + missing(count) - MISSING_USUALLY, weight: age * says, says })
    };
    scores.near.iter().zip(ages()).filter_map(origin).collect()
}

/// By how much the log of the root mean square of `count` errors is below that of very many: half of ln(x) - digamma(x) at
/// half of the count, by recurrence and Stirling's series.
fn missing(count: f64) -> f64 {
    let mut x = count / 2.0;
    let mut below = x.ln();
    while x < 6.0 {
        below += 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let digamma = x.ln() - 0.5 / x - square * (1.0 / 12.0 - square * (1.0 / 120.0 - square / 252.0));
    0.5 * (below - digamma)
}

/// The origins' mean log width, shrunk to `prior`.
pub(crate) fn shrunk<'o>(origins: impl Iterator<Item = &'o Origin>, prior: f64) -> f64 {
    let (mut sum, mut total) = (WEIGHT_OF_SET * prior, WEIGHT_OF_SET);
    for origin in origins {
        sum += origin.weight * origin.log_width;
        total += origin.weight;
    }
    sum / total
}

/// How far all series of a set were from their own widths.
#[derive(Debug, Clone)]
pub(crate) struct Together {
    /// By age, the newest first.
    of_age: Vec<f64>,
    /// What is expected of the next stretch.
    pub next: f64,
}

impl Together {
    pub(crate) fn new(set: &[Vec<Origin>]) -> Together {
        let ages = set.iter().map(Vec::len).max().unwrap_or(0);
        let mut sums = vec![(0.0, 0.0); ages];
        for origins in set {
            let total: f64 = origins.iter().map(|o| o.weight).sum();
            let own = origins.iter().map(|o| o.weight * o.log_width).sum::<f64>() / total;
            for (sum, origin) in sums.iter_mut().zip(origins) {
                sum.0 += origin.says * (origin.log_width - own);
                sum.1 += origin.says;
            }
        }
        let of_age: Vec<f64> = sums.iter().map(|(sum, says)| sum / (says + ORIGINS_APART)).collect();
        let next = expected(&of_age);
        Together { of_age, next }
    }

    /// Takes from origins what all series had in common.
    pub(crate) fn without(&self, mut origins: Vec<Origin>) -> Vec<Origin> {
        origins.iter_mut().zip(&self.of_age).for_each(|(origin, common)| origin.log_width -= common);
        origins
    }

    pub(crate) fn at(&self, age: usize) -> f64 {
        self.of_age.get(age).copied().unwrap_or(0.0)
    }
}

/// The mean over ages, newer ones a little more.
fn expected(of_age: &[f64]) -> f64 {
    let weights = std::iter::successors(Some(1.0), |w| Some(w * FORGETTING_TOGETHER)).take(of_age.len());
    let total: f64 = weights.clone().sum();
    if total > 0.0 { weights.zip(of_age).map(|(w, v)| w * v).sum::<f64>() / total } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn widths_of_few_errors_are_right_on_average() {
        let mut random = Random::new(8);
        for count in [1, 2, 5] {
            let logs = (0..20_000).map(|_| {
                let squares = (0..count).map(|_| random.normal().powi(2)).sum::<f64>();
                0.5 * (squares / f64::from(count)).ln()
            });
            let mean = logs.sum::<f64>() / 20_000.0;
            assert!((mean + missing(f64::from(count))).abs() < 0.02, "{count}: {mean}");
        }
        // ln 2 and Euler's constant.
        assert!((missing(1.0) - 0.5 * (2f64.ln() + 0.577_215_664_9)).abs() < 1e-7);
    }

    fn origin(log_width: f64) -> Origin {
        Origin { errors: vec![1.0], log_width, weight: 1.0, says: 1.0 }
    }

    fn set(of_age: [f64; 6]) -> Vec<Vec<Origin>> {
        (0..60).map(|i| of_age.iter().map(|v| origin(v + 0.1 * f64::from(i % 7))).collect()).collect()
    }

    #[test]
    fn a_stretch_that_all_series_went_through_is_no_series_own() {
        let together = Together::new(&set([0.0, 0.0, 0.9, 0.0, 0.0, 0.0]));
        assert!(together.at(2) > 0.6 && together.next.abs() < 0.15, "{together:?}");
        let rest = together.without(set([0.0, 0.0, 0.9, 0.0, 0.0, 0.0]).remove(0));
        assert!((rest[2].log_width - rest[1].log_width).abs() < 0.1);
    }

    #[test]
    fn one_series_alone_hardly_tells_what_its_set_went_through() {
        let falling = [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2];
        let (many, alone) = (Together::new(&set(falling)), Together::new(&set(falling)[..1]));
        assert!((many.at(0) + 0.25).abs() < 0.03 && alone.at(0).abs() < 0.05, "{many:?} {alone:?}");
        assert_eq!(Together::new(&[]).next, 0.0);
    }
}
