//! Intervals that contain what they say: multipliers learnt from backtest errors.
//!
//! Split conformal prediction (Vovk, Gammerman & Shafer 2005; Lei et al. 2018) on errors scaled by the model's own spread.
//! A multiplier has three parts: how much faster or slower than theory errors grow with the step (over the set, as a power
//! of the step, another one past the usual steps), how much wider than theory this series errs (its own origins, shrunk to
//! those of the set, and those to theory), and how heavy the tails are (the set's errors, each over its series' own width,
//! shrunk to Student's distribution). Errors from one origin hang together, so origins are counted, not errors. Newer ones
//! count more, because spread changes in time, but not much more: a calm or a wild stretch that all series of a set went
//! through lately says little of the next one.

use crate::growth::Growth;
use crate::normal::normal_quantile;
use crate::scores::Scores;
use crate::widths::{Origin, Together, WEIGHT_OF_THEORY, origins, shrunk};

/// Origins that the usual shape counts as against the shape seen in the set. The usual one is Student's with as many degrees
/// of freedom as errors of open series have over widths learnt from a few of their origins.
const WEIGHT_OF_USUAL: f64 = 30.0;
const DEGREES_OF_FREEDOM: f64 = 5.0;
/// Origins nearer than this to another see points of it again: its width says nothing new of the other's errors.
const APART: usize = 2;
/// The shape is measured against widths made without the errors' own points. They are less sure than the forecast's own
/// width, so errors over them look larger; by this share of the mean squared distance of an origin's log width from that
/// of the others. It is the share with which intervals hold what they say from rolling origins inside the training parts of
/// ten open sets.
const LESS_SURE: f64 = 0.23;
/// What a set's backtests say about its series.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    growth: Growth,
    together: Together,
    /// Log of how much wider than theory errors are over the set.
    width: f64,
    /// Errors over their series' width, sorted, each with the weight of all up to it.
    shape: Vec<(f64, f64)>,
}

/// Multipliers of the standard deviation for one series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calibration<'a> {
    pool: &'a Pool,
    /// Steps over which the spread grows as over the usual ones.
    span: usize,
    width: f64,
}

impl Pool {
    pub(crate) fn new<'s>(set: impl Iterator<Item = &'s Scores> + Clone) -> Pool {
        let growth = Growth::new(set.clone());
        let set: Vec<Vec<Origin>> = set.map(|scores| origins(scores, growth)).collect();
        let together = Together::new(&set);
        let set: Vec<Vec<Origin>> = set.into_iter().map(|origins| together.without(origins)).collect();
        let total = set.iter().flatten().map(|o| o.weight).sum::<f64>() + WEIGHT_OF_THEORY;
        let width = set.iter().flatten().map(|o| o.weight * o.log_width).sum::<f64>() / total;
        let mut shape: Vec<(f64, f64)> = Vec::new();
        let mut apart = 0.0;
        for origins in &set {
            for (k, origin) in origins.iter().enumerate() {
                let others = origins.iter().enumerate().filter(|(i, _)| i.abs_diff(k) >= APART);
                let around = shrunk(others.map(|(_, o)| o), width);
                apart += origin.weight * (origin.log_width - around).powi(2);
                let size = (around + together.at(k)).exp();
                let share = origin.weight / origin.errors.len() as f64;
                shape.extend(origin.errors.iter().map(|e| (e.abs() / size, share)));
            }
        }
        let too_large = (LESS_SURE * apart / total).exp();
        shape.iter_mut().for_each(|s| s.0 /= too_large);
        shape.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut reached = 0.0;
        for entry in &mut shape {
            reached += entry.1;
            entry.1 = reached;
        }
        Pool { growth, together, width, shape }
    }

    /// Origins behind the shape.
    fn origins(&self) -> f64 {
        self.shape.last().map_or(0.0, |s| s.1)
    }

    pub(crate) fn calibration(&self, own: &Scores) -> Calibration<'_> {
        let origins = self.together.without(origins(own, self.growth));
        let width = shrunk(origins.iter(), self.width) + self.together.next;
        Calibration { pool: self, span: own.span.max(1), width }
    }
}

impl Calibration<'_> {
    /// Half width of the interval of `level` percent at the first step, in standard deviations; grows with the level.
    pub(crate) fn multiplier(&self, level: f64) -> f64 {
        let usual = student_quantile(0.5 + level / 200.0);
        let origins = self.pool.origins();
        let seen = quantile(&self.pool.shape, level / 100.0).unwrap_or(usual).max(1e-3);
        let shape = (origins * seen.ln() + WEIGHT_OF_USUAL * usual.ln()) / (origins + WEIGHT_OF_USUAL);
        (shape + self.width).exp()
    }

    /// The usual size of a score at the first step: how much wider than theory the series errs.
    pub(crate) fn width(&self) -> f64 {
        self.width.exp()
    }

    /// What half widths of the step (0 for the first) are multiplied by besides.
    pub(crate) fn growth(&self, step: usize) -> f64 {
        self.pool.growth.of_step(step, self.span)
    }
}

/// Quantile of Student's distribution by its expansion around the normal one (Abramowitz & Stegun 1964, 26.7.5): grows
/// with `p`, within 0.3 % up to a level of 95 %.
fn student_quantile(p: f64) -> f64 {
    let z = normal_quantile(p);
    let (square, n) = (z * z, DEGREES_OF_FREEDOM);
    let first = (square + 1.0) / (4.0 * n);
    let second = ((5.0 * square + 16.0) * square + 3.0) / (96.0 * n * n);
    let third = (((3.0 * square + 19.0) * square + 17.0) * square - 15.0) / (384.0 * n * n * n);
    z * (1.0 + first + second + third)
}

/// The value that a `share` of the weight does not exceed, linear between the values seen.
fn quantile(shape: &[(f64, f64)], share: f64) -> Option<f64> {
    let wanted = share * shape.last()?.1;
    let above = shape.partition_point(|s| s.1 < wanted).min(shape.len() - 1);
    let (high, reached) = shape[above];
    let Some(&(low, before)) = above.checked_sub(1).and_then(|i| shape.get(i)) else { return Some(high) };
    let step = if reached > before { ((wanted - before) / (reached - before)).clamp(0.0, 1.0) } else { 1.0 };
    Some(low + step * (high - low))
}

/// The level (percent) to ask for next so that intervals made for `level` percent go on containing their share while
/// the series drifts: adaptive conformal inference (Gibbs & Candès 2021, equation 2).
///
/// `covered` says for each past interval, oldest first, whether the value that came was inside; `rate` (0 to 1, usually
/// 0.005 to 0.05) is how fast to follow. A pure function of what is stored: the same history gives the same level. An
/// interval of 0 percent is empty and one of 100 percent is everything; the answer is kept to what [`crate::Request`]
/// accepts, 1 to 99.9, while the recursion itself runs free, so that after `n` points the share outside differs from
/// `1 - level / 100` by at most about `1 / (n rate)` as long as the bound of the level is not reached.
pub fn adapted_level(level: f64, covered: impl IntoIterator<Item = bool>, rate: f64) -> f64 {
    let outside = 1.0 - level / 100.0;
    let mut alpha = outside;
    for inside in covered {
        alpha += rate * (outside - if inside { 0.0 } else { 1.0 });
    }
    (100.0 * (1.0 - alpha)).clamp(1.0, 99.9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// From each of `origins` origins twelve errors, the first `span` of them usual.
    fn series(span: usize, origins: usize, mut error: impl FnMut(usize) -> f64) -> Scores {
        Scores::new(span, (0..origins).map(|_| ((1..=12).map(&mut error).collect(), true)))
    }

    #[test]
    fn without_errors_students_distribution_answers() {
        let pool = Pool::new(std::iter::empty());
        for (level, quantile) in [(50.0, 0.7267), (80.0, 1.4759), (90.0, 2.0150), (95.0, 2.5706)] {
            let found = pool.calibration(&Scores::default()).multiplier(level);
            assert!((found / quantile - 1.0).abs() < 0.003, "{level} %: {found}");
        }
    }

    #[test]
    fn a_set_that_errs_three_times_as_wide_as_theory_gets_intervals_three_times_as_wide() {
        let mut random = Random::new(5);
        let set: Vec<Scores> = (0..300).map(|_| series(12, 4, |_| 3.0 * random.normal())).collect();
        let pool = Pool::new(set.iter());
        let mean = set.iter().map(|s| pool.calibration(s).multiplier(80.0)).sum::<f64>() / 300.0;
        assert!((mean / (3.0 * 1.2816) - 1.0).abs() < 0.06, "{mean}");
    }

    #[test]
    fn errors_that_grow_where_theory_sees_none_get_intervals_that_grow() {
        let mut random = Random::new(7);
        let set: Vec<Scores> = (0..300).map(|_| series(12, 4, |h| (h as f64).sqrt() * random.normal())).collect();
        let pool = Pool::new(set.iter());
        let (mut first, mut last) = (0.0, 0.0);
        for scores in &set {
            let own = pool.calibration(scores);
            first += own.multiplier(80.0) * own.growth(0) / 300.0;
            last += own.multiplier(80.0) * own.growth(8) / 300.0;
        }
        assert!((first / 1.2816 - 1.0).abs() < 0.12 && (last / 3.8447 - 1.0).abs() < 0.12, "{first} {last}");
        let alone = Pool::new(std::iter::once(&set[0]));
        assert!(alone.calibration(&set[0]).growth(8) < 1.6, "one series is not believed so far");
    }

    /// Over four usual steps errors are as theory says, past them they grow with the step.
    #[test]
    fn past_the_usual_steps_intervals_grow_as_errors_do_there_and_the_first_is_left_alone() {
        let mut random = Random::new(13);
        let set: Vec<Scores> =
            (0..300).map(|_| series(4, 4, |h| (h as f64 / 4.0).max(1.0).sqrt() * random.normal())).collect();
        let far = Pool::new(set.iter());
        let short = |s: &Scores| Scores::new(4, s.near.iter().map(|errors| (errors.clone(), true)));
        let cut: Vec<Scores> = set.iter().map(short).collect();
        let near = Pool::new(cut.iter());
        let (far, near) = (far.calibration(&set[5]), near.calibration(&cut[5]));
        assert!((0..4).all(|h| far.growth(h) == near.growth(h)) && far.multiplier(80.0) == near.multiplier(80.0));
        assert!((far.growth(11) / far.growth(3) / 3f64.sqrt() - 1.0).abs() < 0.1, "{}", far.growth(11));
    }

    #[test]
    fn a_series_that_errs_more_than_its_set_gets_wider_intervals_and_levels_never_cross() {
        let mut random = Random::new(5);
        let set: Vec<Scores> =
            (0..50).map(|i| series(12, 4, |_| if i == 7 { 5.0 } else { 1.0 } * random.normal())).collect();
        let pool = Pool::new(set.iter());
        let width = |i: usize| pool.calibration(&set[i]).multiplier(80.0);
        assert!(width(7) > 2.0 * width(8), "{} {}", width(7), width(8));
        let widths: Vec<f64> = (1..=99).map(|l| pool.calibration(&set[3]).multiplier(f64::from(l))).collect();
        assert!(widths.windows(2).all(|w| w[0] <= w[1]));
    }

    #[test]
    fn intervals_that_miss_too_often_are_asked_wider_until_they_hold() {
        let mut random = Random::new(11);
        // The spread doubles half way: intervals of the old width would cover 48 %.
        let (mut history, mut inside) = (Vec::new(), 0);
        for t in 0..2_000 {
            let z = normal_quantile(0.5 + adapted_level(80.0, history.iter().copied(), 0.02) / 200.0);
            let value = random.normal() * if t < 1_000 { 1.0 } else { 2.0 };
            history.push(value.abs() <= z);
            inside += i32::from(value.abs() <= z);
        }
        assert!((f64::from(inside) / 2_000.0 - 0.8).abs() < 0.025, "{inside}");
        assert!(adapted_level(80.0, history, 0.02) > 95.0);
    }
}
