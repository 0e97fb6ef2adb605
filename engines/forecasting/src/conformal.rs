//! Intervals that contain what they say: multipliers learnt from backtest errors.
//!
//! Split conformal prediction (Vovk, Gammerman & Shafer 2005; Lei et al. 2018) on errors scaled by the model's own spread.
//! A multiplier has three parts: how much faster or slower than theory errors grow with the step (over the set, as a power
//! of the step), how much wider than theory this series errs (its own origins, shrunk to those of the set, and those to
//! theory), and how heavy the tails are (the set's errors, each over its series' own width, shrunk to the normal
//! distribution). Errors from one origin hang together, so origins are counted, not errors; newer origins count
//! more, because spread changes in time.

use crate::forecast::normal_quantile;

/// Errors over the standard deviation foretold, by origin (newest first) and step.
pub(crate) type Scores = Vec<Vec<f64>>;

/// Weight of an origin against the next newer one.
const FORGETTING: f64 = 0.6;
/// Origins that the set counts as against a series' own, and theory against the set.
const WEIGHT_OF_SET: f64 = 1.8;
const WEIGHT_OF_THEORY: f64 = 2.0;
/// Origins that the normal shape counts as against the shape seen in the set.
const WEIGHT_OF_NORMAL: f64 = 10.0;
/// Origins of a usual spread over steps that theory's growth of the spread counts as against the growth seen in the set.
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
/// of the others. It is the share with the least interval score at 50, 80 and 95 % from three rolling origins inside the
/// training parts of ten open sets (Gneiting & Raftery 2007).
const LESS_SURE: f64 = 0.3;
/// Log widths of one origin are cut here. A spread foretold from few points can be tiny by accident, and an exact backtest
/// does not promise an exact future: neither may rule the next interval. The shape keeps what is cut.
const LOG_WIDTH: (f64, f64) = (-1.5, 1.5);

/// What a set's backtests say about its series.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    /// Power of the step by which errors grow faster than theory.
    growth: f64,
    /// Log of how much wider than theory errors are over the set.
    width: f64,
    /// Errors over their series' width, sorted, each with the weight of all up to it.
    shape: Vec<(f64, f64)>,
}

/// Multipliers of the standard deviation for one series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calibration<'a> {
    pool: &'a Pool,
    width: f64,
}

impl Pool {
    pub(crate) fn new<'s>(set: impl Iterator<Item = &'s Scores> + Clone) -> Pool {
        let growth = growth(set.clone());
        let set: Vec<Vec<(Vec<f64>, f64, f64)>> = set
            .map(|scores| {
                let origins = scores.iter().zip(ages());
                origins
                    .filter_map(|(e, w)| level(e, growth).and_then(|e| Some((log_width(&e)?, e, w))))
                    .map(|(width, e, w)| (e, width, w))
                    .collect()
            })
            .collect();
        let (mut sum, mut total) = (0.0, 0.0);
        for (_, width, weight) in set.iter().flatten() {
            sum += weight * width;
            total += weight;
        }
        let width = sum / (total + WEIGHT_OF_THEORY);
        let mut shape: Vec<(f64, f64)> = Vec::new();
        let mut apart = 0.0;
        for origins in &set {
            for (k, (errors, width_here, weight)) in origins.iter().enumerate() {
                let others = origins.iter().enumerate().filter(|(i, _)| i.abs_diff(k) >= APART);
                let around = shrunk(others.map(|(_, o)| (o.1, o.2)), width);
                apart += weight * (width_here - around).powi(2);
                shape.extend(errors.iter().map(|e| (e.abs() / around.exp(), weight / errors.len() as f64)));
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

    /// Origins behind the shape, newer ones counting more.
    fn origins(&self) -> f64 {
        self.shape.last().map_or(0.0, |s| s.1)
    }

    pub(crate) fn calibration(&self, own: &Scores) -> Calibration<'_> {
        let origins = own.iter().zip(ages()).filter_map(|(e, w)| Some((log_width(&level(e, self.growth)?)?, w)));
        Calibration { pool: self, width: shrunk(origins, self.width) }
    }
}

impl Calibration<'_> {
    /// Half width of the interval of `level` percent at the first step, in standard deviations; grows with the level.
    pub(crate) fn multiplier(&self, level: f64) -> f64 {
        let normal = normal_quantile(0.5 + level / 200.0);
        let origins = self.pool.origins();
        let seen = quantile(&self.pool.shape, level / 100.0).unwrap_or(normal).max(1e-3);
        let shape = (origins * seen.ln() + WEIGHT_OF_NORMAL * normal.ln()) / (origins + WEIGHT_OF_NORMAL);
        (shape + self.width).exp()
    }

    /// The usual size of a score at the first step: how much wider than theory the series errs.
    pub(crate) fn width(&self) -> f64 {
        self.width.exp()
    }

    /// What half widths of the step (0 for the first) are multiplied by besides.
    pub(crate) fn growth(&self, step: usize) -> f64 {
        of_step(step, self.pool.growth)
    }
}

/// Weights of origins, the newest first.
pub(crate) fn ages() -> impl Iterator<Item = f64> {
    std::iter::successors(Some(1.0), |w| Some(w * FORGETTING))
}

fn of_step(step: usize, growth: f64) -> f64 {
    ((step + 1) as f64).powf(growth)
}

/// The errors of one origin as if all were of the first step.
fn level(errors: &[f64], growth: f64) -> Option<Vec<f64>> {
    (!errors.is_empty()).then(|| errors.iter().enumerate().map(|(h, e)| e / of_step(h, growth)).collect())
}

/// The slope of log errors over the log of the step, within each origin, over the set; shrunk to none.
fn growth<'s>(set: impl Iterator<Item = &'s Scores>) -> f64 {
    let (mut product, mut square) = (0.0, 0.0);
    for (errors, weight) in set.flat_map(|scores| scores.iter().zip(ages())) {
        let Some(width) = log_width(errors).filter(|_| errors.len() > 1) else { continue };
        let steps: Vec<f64> = (1..=errors.len()).map(|h| (h as f64).ln()).collect();
        let middle = steps.iter().sum::<f64>() / steps.len() as f64;
        let share = weight / errors.len() as f64;
        for (x, e) in steps.iter().zip(errors) {
            product += share * (x - middle) * (e.abs() / width.exp()).max(LEAST_ERROR).ln();
            square += share * (x - middle) * (x - middle);
        }
    }
    (product / (square + WEIGHT_OF_GROWTH)).clamp(-LARGEST_GROWTH, LARGEST_GROWTH)
}

/// Log of the root mean square of the errors of one origin.
fn log_width(errors: &[f64]) -> Option<f64> {
    let squares = errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64;
    (!errors.is_empty()).then(|| (0.5 * squares.ln()).clamp(LOG_WIDTH.0, LOG_WIDTH.1))
}

fn shrunk(origins: impl Iterator<Item = (f64, f64)>, prior: f64) -> f64 {
    let (mut sum, mut total) = (WEIGHT_OF_SET * prior, WEIGHT_OF_SET);
    for (width, weight) in origins {
        sum += weight * width;
        total += weight;
    }
    sum / total
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

    #[test]
    fn without_errors_the_normal_distribution_answers() {
        let pool = Pool::new(std::iter::empty());
        assert!((pool.calibration(&Vec::new()).multiplier(95.0) - 1.959_964).abs() < 1e-5);
    }

    #[test]
    fn a_set_that_errs_three_times_as_wide_as_theory_gets_intervals_three_times_as_wide() {
        let mut random = Random::new(5);
        let set: Vec<Scores> = (0..300)
            .map(|_| (0..4).map(|_| (0..12).map(|_| 3.0 * random.normal().abs()).collect()).collect())
            .collect();
        let pool = Pool::new(set.iter());
        let mean = set.iter().map(|s| pool.calibration(s).multiplier(80.0)).sum::<f64>() / 300.0;
        assert!((mean / (3.0 * 1.2816) - 1.0).abs() < 0.06, "{mean}");
    }

    #[test]
    fn errors_that_grow_where_theory_sees_none_get_intervals_that_grow() {
        let mut random = Random::new(7);
        let set: Vec<Scores> = (0..300)
            .map(|_| (0..4).map(|_| (1..=9).map(|h| f64::from(h).sqrt() * random.normal().abs()).collect()).collect())
            .collect();
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

    #[test]
    fn a_series_that_errs_more_than_its_set_gets_wider_intervals_and_levels_never_cross() {
        let mut random = Random::new(5);
        let mut set: Vec<Scores> =
            (0..50).map(|_| (0..4).map(|_| (0..12).map(|_| random.normal().abs()).collect()).collect()).collect();
        for error in set[7].iter_mut().flatten() {
            *error *= 5.0;
        }
        let pool = Pool::new(set.iter());
        assert!(pool.calibration(&set[7]).multiplier(80.0) > 2.0 * pool.calibration(&set[8]).multiplier(80.0));
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
