//! Intervals that contain what they say: multipliers learnt from backtest errors.
//!
//! Split conformal prediction (Vovk, Gammerman & Shafer 2005; Lei et al. 2018) on errors scaled by the model's own spread.
//! A multiplier has three parts: how much faster or slower than theory errors grow with the step (over the set, as a power
//! of the step, another one past the usual steps), how much wider than theory this series errs (its own origins, shrunk to
//! those of the set, and those to theory), and how heavy the tails are (the set's errors, each over its series' own width,
//! shrunk to Student's distribution). Errors from one origin hang together, so origins are counted, not errors. Newer ones
//! count more, because spread changes in time, but not much more: a calm or a wild stretch that all series of a set went
//! through lately says little of the next one.

use crate::forecast::normal_quantile;

/// Errors of one series from earlier origins over the standard deviation foretold, by step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scores {
    /// Steps on which intervals are calibrated, whatever the horizon.
    pub span: usize,
    /// Errors from the origins on which intervals are calibrated, the newest first; `span` steps at most.
    pub near: Vec<Vec<f64>>,
    /// Errors from all origins, the newest first, as far as any of them reach.
    pub whole: Vec<Vec<f64>>,
}

impl Scores {
    /// Of all `origins`, the newest first, those that are `usual` calibrate intervals on their first `span` steps.
    pub(crate) fn new(span: usize, origins: impl IntoIterator<Item = (Vec<f64>, bool)>) -> Scores {
        let mut scores = Scores { span, ..Scores::default() };
        for (errors, usual) in origins {
            if usual {
                scores.near.push(errors[..span.min(errors.len())].to_vec());
            }
            scores.whole.push(errors);
        }
        scores
    }

    pub(crate) fn count(&self) -> usize {
        self.near.iter().map(Vec::len).sum()
    }
}

/// Weight of an origin against the next newer one.
const FORGETTING: f64 = 0.8;
/// Origins that the set counts as against a series' own, and theory against the set.
const WEIGHT_OF_SET: f64 = 2.0;
const WEIGHT_OF_THEORY: f64 = 2.0;
/// Origins that the usual shape counts as against the shape seen in the set. The usual one is Student's with as many degrees
/// of freedom as errors of open series have over widths learnt from a few of their origins.
const WEIGHT_OF_USUAL: f64 = 30.0;
const DEGREES_OF_FREEDOM: f64 = 5.0;
/// Power of the step by which errors of open series grow faster than theory on average, and the origins of a usual spread over
/// steps that it counts as against the growth seen in the set, and the growth over the usual steps against the growth seen
/// past them.
const USUAL_GROWTH: f64 = 0.08;
const WEIGHT_OF_GROWTH: f64 = 8.0;
/// The growth learnt is kept to this: as far from theory as a random walk is from no growth at all.
const LARGEST_GROWTH: f64 = 0.5;
/// Errors below this share of their origin's width count as this when growth is learnt: a logarithm near zero would
/// speak louder than all others.
const LEAST_ERROR: f64 = 0.05;
/// Origins nearer than this to another see points of it again: its width says nothing new of the other's errors.
const APART: usize = 2;
/// The shape is measured against widths made without the errors' own points. They are less sure than the forecast's own
/// width, so errors over them look larger; by this share of the mean squared distance of an origin's log width from that
/// of the others. It is the share with which intervals hold what they say from rolling origins inside the training parts of
/// ten open sets.
const LESS_SURE: f64 = 0.25;
/// Log widths of one origin are cut here. A spread foretold from few points can be tiny by accident, and an exact backtest
/// does not promise an exact future: neither may rule the next interval. The shape keeps what is cut.
const LOG_WIDTH: (f64, f64) = (-1.5, 1.5);

/// What a set's backtests say about its series.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    growth: Growth,
    /// Log of how much wider than theory errors are over the set.
    width: f64,
    /// Errors over their series' width, sorted, each with the weight of all up to it.
    shape: Vec<(f64, f64)>,
}

/// Powers by which errors grow faster than theory.
#[derive(Debug, Clone, Copy)]
struct Growth {
    /// Of the step, over the usual steps.
    near: f64,
    /// Of the step over the last usual one, past it.
    far: f64,
}

/// Multipliers of the standard deviation for one series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calibration<'a> {
    pool: &'a Pool,
    /// Steps over which the spread grows as over the usual ones.
    span: usize,
    width: f64,
}

/// The errors of one origin as if all were of the first step.
struct Levelled {
    errors: Vec<f64>,
    log_width: f64,
    weight: f64,
}

impl Pool {
    pub(crate) fn new<'s>(set: impl Iterator<Item = &'s Scores> + Clone) -> Pool {
        let growth = Growth::new(set.clone());
        let set: Vec<Vec<Levelled>> = set.map(|scores| growth.levelled(scores)).collect();
        let total: f64 = set.iter().flatten().map(|o| o.weight).sum();
        let width = set.iter().flatten().map(|o| o.weight * o.log_width).sum::<f64>() / (total + WEIGHT_OF_THEORY);
        let mut shape: Vec<(f64, f64)> = Vec::new();
        let mut apart = 0.0;
        for origins in &set {
            for (k, origin) in origins.iter().enumerate() {
                let others = origins.iter().enumerate().filter(|(i, _)| i.abs_diff(k) >= APART);
                let around = shrunk(others.map(|(_, o)| o), width);
                apart += origin.weight * (origin.log_width - around).powi(2);
                let share = origin.weight / origin.errors.len() as f64;
                shape.extend(origin.errors.iter().map(|e| (e.abs() / around.exp(), share)));
            }
        }
        let too_large = (LESS_SURE * apart / (total + WEIGHT_OF_THEORY)).exp();
        shape.iter_mut().for_each(|s| s.0 /= too_large);
        shape.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut reached = 0.0;
        for entry in &mut shape {
            reached += entry.1;
            entry.1 = reached;
        }
        Pool { growth, width, shape }
    }

    /// Origins behind the shape.
    fn origins(&self) -> f64 {
        self.shape.last().map_or(0.0, |s| s.1)
    }

    pub(crate) fn calibration(&self, own: &Scores) -> Calibration<'_> {
        let width = shrunk(self.growth.levelled(own).iter(), self.width);
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

/// Weights of origins, the newest first.
pub(crate) fn ages() -> impl Iterator<Item = f64> {
    std::iter::successors(Some(1.0), |w| Some(w * FORGETTING))
}

impl Growth {
    /// The slopes of log errors over the log of the step, over the set; the near one shrunk to the usual one, the far one to
    /// the near one.
    fn new<'s>(set: impl Iterator<Item = &'s Scores> + Clone) -> Growth {
        let near_parts = set.clone().flat_map(|s| s.near.iter().zip(ages()));
        let near = slope(near_parts.filter_map(|(errors, age)| Some((near_part(errors)?, age))), USUAL_GROWTH);
        let far_parts = set.flat_map(|s| s.whole.iter().zip(ages()).map(|(errors, age)| (errors, s.span, age)));
        let far = far_parts.filter_map(|(errors, span, age)| Some((far_part(errors, span, near)?, age)));
        let far = slope(far, near);
        Growth { near, far }
    }

    fn of_step(self, step: usize, span: usize) -> f64 {
        let near = (step + 1).min(span) as f64;
        near.powf(self.near) * ((step + 1) as f64 / near).powf(self.far)
    }

    fn levelled(self, scores: &Scores) -> Vec<Levelled> {
        let level = |(errors, weight): (&Vec<f64>, f64)| {
            let errors: Vec<f64> = errors.iter().enumerate().map(|(h, e)| e / self.of_step(h, scores.span)).collect();
            log_width(&errors).map(|log_width| Levelled { errors, log_width, weight })
        };
        scores.near.iter().zip(ages()).filter_map(level).collect()
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
    let logs = log_errors(errors, log_width(errors)?);
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
    let logs = log_errors(&levelled, log_width(&levelled[..span])?);
    let start = mean(&logs[..span]);
    let count = (errors.len() - span) as f64;
    let steps = (span + 1..=errors.len()).map(|h| (h as f64 / span as f64).ln());
    let product = steps.clone().zip(&logs[span..]).map(|(x, e)| x * (e - start)).sum::<f64>() / count;
    Some((product, steps.map(|x| x * x).sum::<f64>() / count))
}

fn log_errors(errors: &[f64], log_width: f64) -> Vec<f64> {
    errors.iter().map(|e| (e.abs() / log_width.exp()).max(LEAST_ERROR).ln()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Log of the root mean square of the errors of one origin.
fn log_width(errors: &[f64]) -> Option<f64> {
    let squares = errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64;
    (!errors.is_empty()).then(|| (0.5 * squares.ln()).clamp(LOG_WIDTH.0, LOG_WIDTH.1))
}

/// The origins' mean log width, shrunk to `prior`.
fn shrunk<'o>(origins: impl Iterator<Item = &'o Levelled>, prior: f64) -> f64 {
    let (mut sum, mut total) = (WEIGHT_OF_SET * prior, WEIGHT_OF_SET);
    for origin in origins {
        sum += origin.weight * origin.log_width;
        total += origin.weight;
    }
    sum / total
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
