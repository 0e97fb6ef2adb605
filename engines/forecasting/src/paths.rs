//! Futures of a whole horizon, quantiles at any level, and what a lead time will ask for.
//!
//! Each step's distribution is the forecast's own: it passes through the bounds of the calibrated intervals. How steps
//! hang together comes from a template, what backtests show or whole stretches of past errors; its ranks are filled
//! with the steps' quantiles (the Schaake shuffle: Clark et al. 2004), so that the spread of one step is the interval's
//! and the spread of a sum is that of steps that err together.

use std::ops::Range;

use crate::error::ForecastError;
use crate::forecast::Forecast;
use crate::normal::normal_quantile;
use crate::random::Random;

/// Most futures drawn at once.
pub const MAX_PATHS: usize = 100_000;

/// Why neighbouring steps err together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dependence<'a> {
    /// As the backtests behind the forecast show: as the growth of the spread says, and in part all steps alike
    /// ([`Forecast::common`]).
    Backtest,
    /// As the growth of the spread says: what is added from step to step is new, the rest is carried on.
    Growth,
    /// As past errors did: each row is one stretch of errors by step, from a backtest's origin, at least as long as the
    /// horizon. Rows are drawn whole and smoothed a little.
    Errors(&'a [Vec<f64>]),
}

/// How many futures, and what bounds them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// 1 to [`MAX_PATHS`].
    pub count: usize,
    /// The same seed gives the same futures.
    pub seed: u64,
    /// Nothing falls below it: 0 for demand.
    pub floor: Option<f64>,
}

impl Default for Draw {
    fn default() -> Draw {
        Draw { count: 1_000, seed: 1, floor: None }
    }
}

/// Futures, each over the whole horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct Paths {
    paths: Vec<Vec<f64>>,
}

/// A distribution known by equally likely values.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    sorted: Vec<f64>,
}

impl Forecast {
    /// `count` simulated futures of the whole horizon, at most [`MAX_PATHS`]. Each step has the spread of its intervals, and
    /// steps err together as they did in the backtests, so sums over a lead time have the right spread.
    ///
    /// A step whose `sd` is 0 is certain. The same seed gives the same paths.
    pub fn sample_paths(&self, count: usize, seed: u64) -> Vec<Vec<f64>> {
        let wanted = Draw { count: count.min(MAX_PATHS), seed, floor: None };
        draw(self, Dependence::Backtest, wanted).map_or_else(|_| Vec::new(), Paths::into_values)
    }
}

/// Draws futures of a forecast.
///
/// # Errors
/// A count out of range; errors that are fewer than two, shorter than the horizon or not finite.
pub fn draw(forecast: &Forecast, dependence: Dependence, draw: Draw) -> Result<Paths, ForecastError> {
    let horizon = forecast.mean.len();
    if draw.count == 0 || draw.count > MAX_PATHS {
        let bound = format!("1..={MAX_PATHS}");
        return Err(ForecastError::Setting { name: "number of paths".into(), value: draw.count.to_string(), bound });
    }
    let template = match dependence {
        Dependence::Backtest => partly_common(&forecast.sd, forecast.common, draw),
        Dependence::Growth => growth(&forecast.sd, draw),
        Dependence::Errors(rows) => stretches(rows, horizon, draw)?,
    };
    let mut paths = vec![vec![0.0; horizon]; draw.count];
    let mut order: Vec<usize> = (0..draw.count).collect();
    for (h, column) in template.iter().enumerate() {
        order.sort_by(|&a, &b| column[a].total_cmp(&column[b]).then(a.cmp(&b)));
        let marginal = Marginal::new(forecast, h);
        for (rank, &path) in order.iter().enumerate() {
            let value = marginal.quantile((rank as f64 + 0.5) / draw.count as f64);
            paths[path][h] = draw.floor.map_or(value, |f| value.max(f));
        }
    }
    Ok(Paths { paths })
}

/// The value of each step that the future stays below with probability `p`, through the bounds of the forecast's
/// intervals; grows with `p`, which is kept to 0.00001..=0.99999.
pub fn quantiles(forecast: &Forecast, p: f64) -> Vec<f64> {
    (0..forecast.mean.len()).map(|h| Marginal::new(forecast, h).quantile(p)).collect()
}

impl Paths {
    /// [`Paths::values`] to keep.
    pub fn into_values(self) -> Vec<Vec<f64>> {
        self.paths
    }

    /// The futures; each holds one value for each step.
    pub fn values(&self) -> &[Vec<f64>] {
        &self.paths
    }

    /// The distribution of one step, counted from 0. `None` past the horizon.
    pub fn step(&self, step: usize) -> Option<Distribution> {
        self.sum(step..step + 1)
    }

    /// The distribution of the sum over steps: demand over a lead time `0..lead_time`. `None` for an empty range or one
    /// past the horizon.
    pub fn sum(&self, steps: Range<usize>) -> Option<Distribution> {
        let horizon = self.paths.first().map_or(0, Vec::len);
        if steps.is_empty() || steps.end > horizon {
            return None;
        }
        let mut sorted: Vec<f64> = self.paths.iter().map(|p| p[steps.clone()].iter().sum()).collect();
        sorted.sort_by(f64::total_cmp);
        Some(Distribution { sorted })
    }
}

impl Distribution {
    /// The value that is not exceeded with probability `p`; linear between the values drawn, grows with `p`.
    pub fn quantile(&self, p: f64) -> f64 {
        let last = self.sorted.len() - 1;
        let place = (p.clamp(0.0, 1.0) * self.sorted.len() as f64 - 0.5).clamp(0.0, last as f64);
        let (low, high) = (self.sorted[place.floor() as usize], self.sorted[place.ceil() as usize]);
        low + (place - place.floor()) * (high - low)
    }

    pub fn mean(&self) -> f64 {
        self.sorted.iter().sum::<f64>() / self.sorted.len() as f64
    }

    pub fn sd(&self) -> f64 {
        let mean = self.mean();
        (self.sorted.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / self.sorted.len() as f64).sqrt()
    }

    /// Probability of more than `value`: that a stock of it runs out.
    pub fn above(&self, value: f64) -> f64 {
        let up_to = self.sorted.partition_point(|v| *v <= value);
        (self.sorted.len() - up_to) as f64 / self.sorted.len() as f64
    }

    /// What is short on average when `value` is there: the mean of what lies above it.
    pub fn expected_shortfall(&self, value: f64) -> f64 {
        self.sorted.iter().map(|v| (v - value).max(0.0)).sum::<f64>() / self.sorted.len() as f64
    }
}

/// The distribution of one step: distances from the mean at normal scores, increasing.
struct Marginal {
    mean: f64,
    points: Vec<(f64, f64)>,
}

impl Marginal {
    fn new(forecast: &Forecast, step: usize) -> Marginal {
        let mean = forecast.mean[step];
        let mut points = vec![(0.0, 0.0)];
        for interval in &forecast.intervals {
            let z = normal_quantile(0.5 + interval.level / 200.0);
            points.push((z, interval.upper[step] - mean));
            points.push((-z, interval.lower[step] - mean));
        }
        if forecast.intervals.is_empty() {
            points.extend([(1.0, forecast.sd[step]), (-1.0, -forecast.sd[step])]);
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points.dedup_by(|a, b| a.0 == b.0);
        Marginal { mean, points }
    }

    /// Linear in normal scores between the bounds; beyond them the outermost bound's own ratio goes on.
    fn quantile(&self, p: f64) -> f64 {
        let z = normal_quantile(p.clamp(1e-5, 1.0 - 1e-5));
        let above = self.points.partition_point(|q| q.0 < z);
        let distance = match (above.checked_sub(1).map(|i| self.points[i]), self.points.get(above)) {
            (Some(a), Some(b)) => a.1 + (z - a.0) / (b.0 - a.0) * (b.1 - a.1),
            (Some(a), None) => a.1 * z / a.0,
            (None, Some(b)) => b.1 * z / b.0,
            (None, None) => 0.0,
        };
        self.mean + distance
    }
}

/// Weights of the shocks, the newest first: what each step adds to the variance. Steps that are certain, at the beginning
/// or in between, add nothing.
fn shock_weights(sd: &[f64]) -> Vec<f64> {
    let first = sd.iter().copied().find(|s| *s > 0.0).unwrap_or(1.0);
    let mut reached = first * first;
    let mut weights = vec![first];
    for s in sd.iter().skip(1) {
        let added = (s * s - reached).max(0.0);
        weights.push(added.sqrt());
        reached += added;
    }
    weights
}

/// The sum of the correlations of all pairs of steps when the growth of the spread alone says how they hang together: the
/// number of steps when they do not, its square when all are one.
pub(crate) fn sum_of_correlations(sd: &[f64]) -> f64 {
    let weights = shock_weights(sd);
    let spread = spread_of(&weights);
    // The shock of step k enters each later step h with its weight over the step's spread.
    (0..sd.len()).map(|k| (k..sd.len()).map(|h| weights[h - k] / spread[h]).sum::<f64>().powi(2)).sum()
}

/// Standard deviation of the log of how far futures err: in one all steps go far, in another none does (the widths of a
/// series' origins differ by about as much beyond chance). It leaves a step's distribution as it is, and makes the tails
/// of a sum as heavy as a step's.
const WIDTHS: f64 = 0.4;

/// One column for each step: sums of shocks whose weights are what each step adds to the variance.
fn growth(sd: &[f64], draw: Draw) -> Vec<Vec<f64>> {
    let weights = shock_weights(sd);
    let mut random = Random::new(draw.seed);
    let mut columns = vec![vec![0.0; draw.count]; sd.len()];
    for path in 0..draw.count {
        let shocks: Vec<f64> = (0..sd.len()).map(|_| random.normal()).collect();
        for (h, column) in columns.iter_mut().enumerate() {
            column[path] = (0..=h).map(|j| weights[j] * shocks[h - j]).sum();
        }
    }
    columns
}

/// The same with a `common` share of the variance that is one shock for all steps, and with futures that err far or little
/// as a whole.
fn partly_common(sd: &[f64], common: f64, draw: Draw) -> Vec<Vec<f64>> {
    let mut columns = growth(sd, draw);
    let spread = spread_of(&shock_weights(sd));
    let (own, share) = ((1.0 - common).max(0.0).sqrt(), common.clamp(0.0, 1.0).sqrt());
    // Other numbers than those of the shocks.
    let mut random = Random::new(draw.seed ^ 0x9e37_79b9_7f4a_7c15);
    for path in 0..draw.count {
        let together = share * random.normal();
        let far = (WIDTHS * random.normal()).exp();
        for (column, spread) in columns.iter_mut().zip(&spread) {
            column[path] = far * (own * column[path] / spread + together);
        }
    }
    columns
}

/// The spread of each step from the weights of its shocks.
fn spread_of(weights: &[f64]) -> Vec<f64> {
    let mut reached = 0.0;
    let mut add = |w: &f64| {
        reached += w * w;
        f64::sqrt(reached)
    };
    weights.iter().map(&mut add).collect()
}

/// Share of a drawn stretch that is noise of its own, so that few stretches still give many futures.
const SMOOTHING: f64 = 0.3;

fn stretches(rows: &[Vec<f64>], horizon: usize, draw: Draw) -> Result<Vec<Vec<f64>>, ForecastError> {
    let refuse = |name: &str, value: usize, bound: String| {
        Err(ForecastError::Setting { name: name.to_string(), value: value.to_string(), bound })
    };
    if rows.len() < 2 {
        return refuse("number of stretches of errors", rows.len(), "2 and more".to_string());
    }
    if let Some(row) = rows.iter().find(|r| r.len() < horizon || r[..horizon].iter().any(|e| !e.is_finite())) {
        return refuse("length of a stretch of errors", row.len(), format!("{horizon} finite values and more"));
    }
    let scale: Vec<f64> = (0..horizon)
        .map(|h| (rows.iter().map(|r| r[h] * r[h]).sum::<f64>() / rows.len() as f64).sqrt())
        .map(|s| if s > 0.0 { s } else { 1.0 })
        .collect();
    let mut random = Random::new(draw.seed);
    let mut columns = vec![vec![0.0; draw.count]; horizon];
    for path in 0..draw.count {
        let row = &rows[(random.uniform() * rows.len() as f64) as usize];
        // Errors come with either sign: a stretch of backtests all on one side says nothing about the side.
        let side = if random.uniform() < 0.5 { -1.0 } else { 1.0 };
        // The noise hangs together over the stretch, as the stretch does.
        let common = random.normal();
        for (h, column) in columns.iter_mut().enumerate() {
            let own = std::f64::consts::FRAC_1_SQRT_2 * (common + random.normal());
            column[path] = side * row[h] / scale[h] + SMOOTHING * own;
        }
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::Interval;

    fn forecast() -> Forecast {
        let mean: Vec<f64> = (0..6).map(|h| 20.0 + h as f64).collect();
        let sd: Vec<f64> = (0..6).map(|h| 2.0 * (1.0 + h as f64).sqrt()).collect();
        let interval = |level: f64, below: f64, above: f64| Interval {
            level,
            lower: mean.iter().zip(&sd).map(|(m, s)| m - below * s).collect(),
            upper: mean.iter().zip(&sd).map(|(m, s)| m + above * s).collect(),
        };
        let intervals = vec![interval(80.0, 1.2, 1.5), interval(95.0, 1.8, 2.6)];
        Forecast { model: "test".into(), mean, sd, common: 0.0, intervals, members: vec![], caveats: vec![] }
    }

    #[test]
    fn paths_have_the_spread_of_the_forecast_and_lead_time_demand_more_than_independent_steps() {
        let f =
            Forecast { mean: vec![10.0; 3], sd: vec![1.0, 2f64.sqrt(), 3f64.sqrt()], intervals: vec![], ..forecast() };
        let paths = f.sample_paths(20_000, 1);
        assert_eq!(paths, f.sample_paths(20_000, 1));
        let variance = |values: Vec<f64>| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64
        };
        assert!((variance(paths.iter().map(|p| p[2]).collect()) - 3.0).abs() < 0.1);
        // A random walk: 1 + 4 + 9 instead of 1 + 2 + 3.
        assert!((variance(paths.iter().map(|p| p.iter().sum()).collect()) - 14.0).abs() < 0.6);
    }

    #[test]
    fn quantiles_pass_through_the_intervals_and_grow() {
        let f = forecast();
        for interval in &f.intervals {
            for (p, bounds) in
                [(0.5 - interval.level / 200.0, &interval.lower), (0.5 + interval.level / 200.0, &interval.upper)]
            {
                for (q, bound) in quantiles(&f, p).iter().zip(bounds) {
                    assert!((q - bound).abs() < 1e-9, "{p}: {q} {bound}");
                }
            }
        }
        let all: Vec<Vec<f64>> = (1..200).map(|i| quantiles(&f, f64::from(i) / 200.0)).collect();
        assert!(all.windows(2).all(|w| w[0].iter().zip(&w[1]).all(|(a, b)| a < b)));
    }

    #[test]
    fn futures_are_repeatable_and_each_step_has_the_spread_of_its_interval() {
        let f = forecast();
        let rows: Vec<Vec<f64>> =
            (0..5).map(|i| (0..6).map(|h| f64::from(i - 2) + 0.1 * f64::from(h)).collect()).collect();
        for dependence in [Dependence::Growth, Dependence::Errors(&rows)] {
            let options = Draw { count: 4_000, seed: 7, floor: None };
            let paths = draw(&f, dependence, options).expect("in range");
            assert_eq!(paths, draw(&f, dependence, options).expect("in range"));
            for h in 0..6 {
                let step = paths.step(h).expect("inside");
                for interval in &f.intervals {
                    let outside = 1.0 - interval.level / 100.0;
                    assert!((step.above(interval.upper[h]) - outside / 2.0).abs() < 1e-3);
                    assert!((step.quantile(outside / 2.0) - interval.lower[h]).abs() < 0.05);
                }
            }
            assert!(paths.step(6).is_none() && paths.sum(2..2).is_none());
        }
    }

    #[test]
    fn steps_that_err_together_make_a_lead_time_less_sure() {
        let mut f = forecast();
        f.sd = vec![2.0; 6];
        f.intervals.clear();
        let options = Draw { count: 8_000, seed: 3, floor: Some(0.0) };
        let sd = |d: Dependence| draw(&f, d, options).expect("in range").sum(0..6).expect("inside").sd();
        // Constant spread: nothing is carried on, sums of independent steps.
        assert!((sd(Dependence::Growth) / (2.0 * 6f64.sqrt()) - 1.0).abs() < 0.05);
        let together: Vec<Vec<f64>> = (1..9).map(|i| vec![f64::from(i); 6]).collect();
        assert!(sd(Dependence::Errors(&together)) > 10.0);
    }

    #[test]
    fn a_lead_times_distribution_answers_what_a_stock_needs() {
        let paths =
            draw(&forecast(), Dependence::Growth, Draw { floor: Some(0.0), ..Draw::default() }).expect("in range");
        let demand = paths.sum(0..4).expect("inside");
        assert!((demand.mean() - 86.0).abs() < 3.0, "{}", demand.mean());
        let stock = demand.quantile(0.95);
        assert!((demand.above(stock) - 0.05).abs() < 0.002);
        assert!(demand.expected_shortfall(stock) < demand.expected_shortfall(demand.mean()));
        assert!(paths.values().iter().flatten().all(|v| *v >= 0.0));
        assert!(draw(&forecast(), Dependence::Growth, Draw { count: 0, ..Draw::default() }).is_err());
    }
}
