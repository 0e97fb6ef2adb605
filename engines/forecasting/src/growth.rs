//! How errors grow with the step beyond theory, over a set: as a power of the step over the usual ones, and as another past
//! them.

use crate::scores::{Scores, ages, log_size};

/// Power of the step by which errors of open series grow faster than theory on average, and the origins of a usual spread over
/// steps that it counts as against the growth seen in the set, and the growth over the usual steps against the growth seen
/// past them.
const USUAL_GROWTH: f64 = 0.05;
const WEIGHT_OF_GROWTH: f64 = 8.0;
/// The growth learnt is kept to this: as far from theory as a random walk is from no growth at all.
const LARGEST_GROWTH: f64 = 0.5;
/// Errors below this share of their origin's width count as this when growth is learnt: a logarithm near zero would
/// speak louder than all others.
const LEAST_ERROR: f64 = 0.05;

/// Powers by which errors grow faster than theory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    /// Of the step, over the usual steps.
    near: f64,
    /// Of the step over the last usual one, past it.
    far: f64,
}

impl Growth {
    /// The slopes of log errors over the log of the step, over the set; the near one shrunk to the usual one, the far one to
    /// the near one.
    pub(crate) fn new<'s>(set: impl Iterator<Item = &'s Scores> + Clone) -> Growth {
        let near_parts = set.clone().flat_map(|s| s.near.iter().zip(ages()));
        let near = slope(near_parts.filter_map(|(errors, age)| Some((near_part(errors)?, age))), USUAL_GROWTH);
        let far_parts = set.flat_map(|s| s.whole.iter().zip(ages()).map(|(errors, age)| (errors, s.span, age)));
        let far = far_parts.filter_map(|(errors, span, age)| Some((far_part(errors, span, near)?, age)));
        let far = slope(far, near);
        Growth { near, far }
    }

    pub(crate) fn of_step(self, step: usize, span: usize) -> f64 {
        let near = (step + 1).min(span) as f64;
        near.powf(self.near) * ((step + 1) as f64 / near).powf(self.far)
    }
}

/// Sums of products and of squares, of one origin's mean.
type Moments = (f64, f64);

/// A slope through the moments of origins with their weights, shrunk to `prior`.
fn slope(origins: impl Iterator<Item = (Moments, f64)>, prior: f64) -> f64 {
    let start = (WEIGHT_OF_GROWTH * prior, WEIGHT_OF_GROWTH);
    let (product, square) = origins.fold(start, |(p, s), ((product, square), w)| (p + w * product, s + w * square));
    (product / square).clamp(-LARGEST_GROWTH, LARGEST_GROWTH)
}

/// How log errors go with the log of the step, around the means of both.
fn near_part(errors: &[f64]) -> Option<Moments> {
    let logs = log_errors(errors, log_size(errors)?);
    let steps: Vec<f64> = (1..=errors.len()).map(|h| (h as f64).ln()).collect();
    let middle = mean(&steps);
    let count = errors.len() as f64;
    let product = steps.iter().zip(&logs).map(|(x, e)| (x - middle) * e).sum::<f64>() / count;
    Some((product, steps.iter().map(|x| (x - middle) * (x - middle)).sum::<f64>() / count))
}

/// How log errors past the first `span` go with the log of the step over `span`, both from where the near ones end.
fn far_part(errors: &[f64], span: usize, near: f64) -> Option<Moments> {
    if span == 0 || errors.len() <= span {
        return None;
    }
    let growth = Growth { near, far: 0.0 };
    let levelled: Vec<f64> = errors.iter().enumerate().map(|(h, e)| e / growth.of_step(h, span)).collect();
    let logs = log_errors(&levelled, log_size(&levelled[..span])?);
    let start = mean(&logs[..span]);
    let count = (errors.len() - span) as f64;
    let steps = (span + 1..=errors.len()).map(|h| (h as f64 / span as f64).ln());
    let product = steps.clone().zip(&logs[span..]).map(|(x, e)| x * (e - start)).sum::<f64>() / count;
    Some((product, steps.map(|x| x * x).sum::<f64>() / count))
}

fn log_errors(errors: &[f64], log_size: f64) -> Vec<f64> {
    errors.iter().map(|e| (e.abs() / log_size.exp()).max(LEAST_ERROR).ln()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
