//! The Theta family: the standard, optimised, dynamic and dynamic optimised models
//! (Assimakopoulos & Nikolopoulos 2000; Fiorucci, Pellegrini, Louzada, Petropoulos & Koehler 2016), with a trend that adds or
//! one that multiplies (Spiliotis, Assimakopoulos & Makridakis 2020).

use crate::forecast::Prediction;
use crate::seasonality::{SeasonalIndex, adjust_for_forecast};

/// A member of the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Theta 2, line through the whole series.
    Standard,
    /// Theta estimated, line through the whole series.
    Optimised,
    /// Theta 2, line through the points so far.
    Dynamic,
    /// Theta estimated, line through the points so far.
    DynamicOptimised,
}

impl Form {
    pub(crate) const ALL: [Form; 4] = [Form::Standard, Form::Optimised, Form::Dynamic, Form::DynamicOptimised];

    fn dynamic(self) -> bool {
        matches!(self, Form::Dynamic | Form::DynamicOptimised)
    }

    fn optimised(self) -> bool {
        matches!(self, Form::Optimised | Form::DynamicOptimised)
    }
}

/// How a series goes on: by so much, or by such a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trend {
    Additive,
    /// The model is one of logarithms.
    Multiplicative,
}

impl Trend {
    pub(crate) const ALL: [Trend; 2] = [Trend::Additive, Trend::Multiplicative];
}

/// A form and its trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Variant {
    pub form: Form,
    pub trend: Trend,
}

impl Variant {
    fn label(self) -> String {
        let form = match self.form {
            Form::Standard => "Theta",
            Form::Optimised => "OTM",
            Form::Dynamic => "DTM",
            Form::DynamicOptimised => "DOTM",
        };
        match self.trend {
            Trend::Additive => form.to_string(),
            Trend::Multiplicative => format!("{form} of logarithms"),
        }
    }
}

/// A fitted model on the seasonally adjusted series.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub variant: Variant,
    /// Logarithm of the sum of squared one-step errors; comparable among the forms of one trend.
    pub loss: f64,
    alpha: f64,
    theta: f64,
    level: f64,
    index: SeasonalIndex,
}

/// Only this many newest points are used: the level forgets, and the line should not remember a decade of hours.
const LONGEST_HISTORY: usize = 4_000;

/// First points whose errors do not count: the dynamic forms have no line yet there, and all forms must be compared on
/// the same points.
const BURN_IN: usize = 3;

/// The forms with each of the trends that the series allows, smallest one-step error first. `y` is finite, not constant and
/// has at least three points.
pub(crate) fn search(y: &[f64], season: usize, trends: &[Trend]) -> Vec<Vec<Fit>> {
    let y = newest(y, season);
    let (adjusted, index) = adjust_for_forecast(y, season);
    let mut found = Vec::new();
    for &trend in trends {
        if trend == Trend::Multiplicative && !multiplies(&adjusted, &index) {
            continue;
        }
        let mut fits: Vec<Fit> =
            Form::ALL.iter().map(|&form| fit(&adjusted, Variant { form, trend }, index.clone())).collect();
        fits.sort_by(|a, b| a.loss.total_cmp(&b.loss));
        found.push(fits);
    }
    found
}

/// Fits one member; `None` where its trend is not defined.
pub(crate) fn refit(y: &[f64], season: usize, variant: Variant) -> Option<Fit> {
    let y = newest(y, season);
    let (adjusted, index) = adjust_for_forecast(y, season);
    if variant.trend == Trend::Multiplicative && !multiplies(&adjusted, &index) {
        return None;
    }
    Some(fit(&adjusted, variant, index))
}

/// Fewest points that tell a trend that multiplies from one that adds: of less, one odd value makes it explode.
const FEWEST_THAT_MULTIPLY: usize = 8;

/// Whether a trend that multiplies is tried: on positive values of which there are enough, and not beside a season, whose
/// index takes the growth of the swings already; there it was as often worse as better.
fn multiplies(adjusted: &[f64], index: &SeasonalIndex) -> bool {
    *index == SeasonalIndex::None && adjusted.len() >= FEWEST_THAT_MULTIPLY && adjusted.iter().all(|v| *v > 0.0)
}

/// The scale on which a model adds: of the values, or of their logarithms around their mean, so that the unit of the series
/// does not matter.
#[derive(Debug, Clone, Copy)]
enum Scale {
    Values,
    Logarithms {
        centre: f64,
        /// Beyond these a forecast does not go: as far again as the series has come.
        bounds: (f64, f64),
    },
}

impl Scale {
    fn of(y: &[f64], trend: Trend) -> Scale {
        if trend == Trend::Additive {
            return Scale::Values;
        }
        let centre = y.iter().map(|v| v.ln()).sum::<f64>() / y.len() as f64;
        let (low, high) = y.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            let z = v.ln() - centre;
            (low.min(z), high.max(z))
        });
        Scale::Logarithms { centre, bounds: (2.0 * low - high, 2.0 * high - low) }
    }

    fn forth(self, y: &[f64]) -> Vec<f64> {
        match self {
            Scale::Values => y.to_vec(),
            Scale::Logarithms { centre, .. } => y.iter().map(|v| v.ln() - centre).collect(),
        }
    }

    fn back(self, value: f64) -> f64 {
        match self {
            Scale::Values => value,
            Scale::Logarithms { centre, bounds } => (value.max(bounds.0).min(bounds.1) + centre).exp(),
        }
    }

    /// What an error on this scale is in values, at a value.
    fn unit(self, value: f64) -> f64 {
        match self {
            Scale::Values => 1.0,
            Scale::Logarithms { .. } => value,
        }
    }
}

fn newest(y: &[f64], season: usize) -> &[f64] {
    if y.len() <= LONGEST_HISTORY {
        return y;
    }
    let drop = y.len() - LONGEST_HISTORY;
    &y[drop.div_ceil(season) * season..]
}

/// Smoothing parameters tried at once.
const LANES: usize = 8;
/// Rounds of the search, each around the best of the one before.
const ROUNDS: usize = 3;
/// Largest smoothing parameter; the smallest is the inverse of a share of the points (a level that remembers more of them
/// than that is all start), kept between these bounds.
const LARGEST_SMOOTHING: f64 = 0.99;
const SHARE_REMEMBERED: f64 = 0.25;
const LEAST_SMOOTHING: (f64, f64) = (0.01, 0.1);
/// Range of theta where it is estimated; 1 would be the line without the level.
const THETAS: (f64, f64) = (1.001, 150.0);
/// Points that the first value counts as when the start of the level is estimated: where the level forgets at once,
/// nothing else tells.
const POINTS_OF_START: f64 = 1e-3;

fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// Range of the smoothing parameter for `n` points, on the logit scale.
fn range(n: usize) -> (f64, f64) {
    let logit = |share: f64| (share / (1.0 - share)).ln();
    let least = 1.0 / (SHARE_REMEMBERED * n as f64);
    (logit(least.clamp(LEAST_SMOOTHING.0, LEAST_SMOOTHING.1)), logit(LARGEST_SMOOTHING))
}

/// Least squares. Given the smoothing parameter a one-step forecast is linear in the start of the level and in the weight
/// of the line, so only that parameter is searched for: over its whole range, several values in one pass.
fn fit(y: &[f64], variant: Variant, index: SeasonalIndex) -> Fit {
    let form = variant.form;
    let y = Scale::of(y, variant.trend).forth(y);
    let scale = y.iter().map(|v| v.abs()).sum::<f64>() / y.len() as f64;
    let scale = if scale > 0.0 { scale } else { 1.0 };
    let y: Vec<f64> = y.iter().map(|v| v / scale).collect();
    let line = straight_line(&y);
    let mut best = Estimate { loss: f64::INFINITY, alpha: 0.5, weight: 0.5, moved: 0.0 };
    let bounds = range(y.len());
    let (mut low, mut high) = bounds;
    for round in 0..ROUNDS {
        // The ends of a later round were tried before.
        let inner = if round == 0 { 0.0 } else { 1.0 };
        let step = (high - low) / (LANES as f64 - 1.0 + 2.0 * inner);
        let logits: [f64; LANES] = std::array::from_fn(|i| low + step * (i as f64 + inner));
        let found = Sums::over(&y, line, form.dynamic(), &logits.map(logistic));
        let mut centre = None;
        for (lane, &logit) in logits.iter().enumerate() {
            let estimate = found.solve(lane, logistic(logit), form.optimised());
            if estimate.loss < best.loss {
                best = estimate;
                centre = Some(logit);
            }
        }
        let centre = centre.unwrap_or(0.5 * (low + high));
        (low, high) = ((centre - step).max(bounds.0), (centre + step).min(bounds.1));
    }
    Fit {
        variant,
        loss: (best.loss + 1e-12).ln() + 2.0 * scale.ln(),
        alpha: best.alpha,
        theta: 1.0 / (1.0 - best.weight),
        level: (y[0] + best.moved) * scale,
        index,
    }
}

struct Estimate {
    /// Sum of squared one-step errors.
    loss: f64,
    alpha: f64,
    /// Of the line, 1 - 1 / theta.
    weight: f64,
    /// The start of the level, from the first value.
    moved: f64,
}

/// Products, summed over the points, of the errors of the level alone, the effect of its start, and that of the line; by
/// smoothing parameter.
#[derive(Default)]
struct Sums {
    errors: [f64; LANES],
    errors_start: [f64; LANES],
    errors_line: [f64; LANES],
    start: [f64; LANES],
    start_line: [f64; LANES],
    line: [f64; LANES],
}

impl Sums {
    fn over(y: &[f64], line: (f64, f64), dynamic: bool, alphas: &[f64; LANES]) -> Sums {
        let mut sums = Sums::default();
        let burn = BURN_IN.min(y.len() - 1);
        let mut line = Line { dynamic, line, mean: 0.0, points: 0.0 };
        let inverse = alphas.map(|a| 1.0 / a);
        let mut level = [y[0]; LANES];
        let mut forgetting = [1.0; LANES];
        for (t, &value) in y.iter().enumerate() {
            let (from, slope) = line.line;
            let counts = if t >= burn { 1.0 } else { 0.0 };
            for i in 0..LANES {
                let left = forgetting[i];
                let next = left * (1.0 - alphas[i]);
                let below = left * from + (1.0 - next) * inverse[i] * slope;
                let error = value - level[i];
                sums.errors[i] += counts * error * error;
                sums.errors_start[i] += counts * error * left;
                sums.errors_line[i] += counts * error * below;
                sums.start[i] += counts * left * left;
                sums.start_line[i] += counts * left * below;
                sums.line[i] += counts * below * below;
                level[i] += alphas[i] * error;
                forgetting[i] = next;
            }
            line.observe(value);
        }
        sums
    }

    /// The least sum of squares at one smoothing parameter.
    fn solve(&self, lane: usize, alpha: f64, optimised: bool) -> Estimate {
        let (start, both) = (self.start[lane] + POINTS_OF_START, self.start_line[lane]);
        let (with_start, with_line) = (self.errors_start[lane], self.errors_line[lane]);
        let mut weight = 0.5;
        if optimised {
            let free = (with_line * start - with_start * both) / (self.line[lane] * start - both * both);
            if free.is_finite() {
                weight = free.clamp(1.0 - 1.0 / THETAS.0, 1.0 - 1.0 / THETAS.1);
            }
        }
        let left = with_start - weight * both;
        let moved = left / start;
        let without_line = self.errors[lane] - 2.0 * weight * with_line + weight * weight * self.line[lane];
        let loss = without_line - 2.0 * moved * left + moved * moved * self.start[lane];
        Estimate { loss: loss.max(0.0), alpha, weight, moved }
    }
}

/// The line beneath the level: through the whole series, or through the points so far.
struct Line {
    dynamic: bool,
    /// Value at 0 and slope.
    line: (f64, f64),
    mean: f64,
    points: f64,
}

impl Line {
    fn observe(&mut self, value: f64) {
        self.points += 1.0;
        if !self.dynamic {
            return;
        }
        let t = self.points;
        let before = self.mean;
        self.mean += (value - before) / t;
        if t > 1.0 {
            let slope = ((t - 2.0) * self.line.1 + 6.0 * (value - before) / t) / (t + 1.0);
            self.line = (self.mean - slope * (t + 1.0) / 2.0, slope);
        } else {
            self.line = (value, 0.0);
        }
    }
}

/// The recursion of the level and of the line beneath it (Fiorucci et al. 2016, equations 6 to 10).
struct State {
    alpha: f64,
    weight: f64,
    level: f64,
    forgetting: f64,
    line: Line,
}

impl State {
    fn new(dynamic: bool, alpha: f64, theta: f64, level: f64, line: (f64, f64)) -> State {
        let line = Line { dynamic, line, mean: 0.0, points: 0.0 };
        State { alpha, weight: 1.0 - 1.0 / theta, level, forgetting: 1.0, line }
    }

    fn forecast(&self) -> f64 {
        if self.line.dynamic && self.line.points == 0.0 {
            return self.level;
        }
        let next = self.forgetting * (1.0 - self.alpha);
        let (from, slope) = self.line.line;
        self.level + self.weight * (self.forgetting * from + (1.0 - next) / self.alpha * slope)
    }

    fn observe(&mut self, value: f64) {
        self.level += self.alpha * (value - self.level);
        self.forgetting *= 1.0 - self.alpha;
        self.line.observe(value);
    }
}

/// Least squares line at 1, 2, …: value at 0 and slope.
fn straight_line(y: &[f64]) -> (f64, f64) {
    let n = y.len() as f64;
    let centre = (n + 1.0) / 2.0;
    let mean = y.iter().sum::<f64>() / n;
    let (mut sxy, mut sxx) = (0.0, 0.0);
    for (i, v) in y.iter().enumerate() {
        let x = i as f64 + 1.0 - centre;
        sxy += x * (v - mean);
        sxx += x * x;
    }
    let slope = if sxx > 0.0 { sxy / sxx } else { 0.0 };
    (mean - slope * centre, slope)
}

impl Fit {
    /// Means, spread and one-step fitted values; `y` may be longer than the series of the fit.
    pub(crate) fn predict(&self, y: &[f64], horizon: usize) -> Prediction {
        let used = newest(y, self.index.period());
        let offset = y.len() - used.len();
        let values = self.index.remove(used);
        let scale = Scale::of(&values, self.variant.trend);
        let adjusted = scale.forth(&values);
        let line = straight_line(&adjusted);
        let mut fitted = Vec::with_capacity(adjusted.len());
        let mut state = State::new(self.variant.form.dynamic(), self.alpha, self.theta, self.level, line);
        for value in &adjusted {
            fitted.push(state.forecast());
            state.observe(*value);
        }
        let n = adjusted.len();
        let burn = BURN_IN.min(n - 1);
        let sum: f64 = adjusted.iter().zip(&fitted).skip(burn).map(|(v, f)| (v - f) * (v - f)).sum();
        let variance = sum / (n as f64 - burn as f64 - 2.0).max(1.0);
        let (mut mean, mut sd) = (Vec::with_capacity(horizon), Vec::with_capacity(horizon));
        let mut total = 1.0;
        for k in n..n + horizon {
            let point = state.forecast();
            state.observe(point);
            let value = scale.back(point);
            mean.push(self.index.restore(value, k));
            sd.push((variance * total).sqrt() * scale.unit(value) * self.index.spread(k));
            total += self.alpha * self.alpha;
        }
        let mut whole = y[..offset].to_vec();
        whole.extend(fitted.iter().enumerate().map(|(k, v)| self.index.restore(scale.back(*v), k)));
        Prediction { label: self.variant.label(), mean, sd, fitted: whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_is_continued() {
        let y: Vec<f64> = (0..40).map(|t| 10.0 + 2.0 * f64::from(t)).collect();
        for form in Form::ALL {
            let mean = refit(&y, 1, Variant { form, trend: Trend::Additive }).expect("a fit").predict(&y, 5).mean;
            let tolerance = if form.optimised() { 3.0 } else { 6.0 };
            assert!((mean[4] - 98.0).abs() < tolerance, "{form:?} {mean:?}");
        }
    }

    #[test]
    fn a_steady_growth_is_continued_by_logarithms_and_stays_bounded() {
        let y: Vec<f64> = (0..30).map(|t| 5.0 * 1.1f64.powi(t)).collect();
        let fit = refit(&y, 1, Variant { form: Form::DynamicOptimised, trend: Trend::Multiplicative }).expect("a fit");
        let mean = fit.predict(&y, 1_000).mean;
        assert!((mean[3] / (5.0 * 1.1f64.powi(33)) - 1.0).abs() < 0.05, "{}", mean[3]);
        assert!(mean[999] <= 1.001 * y[29] * y[29] / y[0], "{}", mean[999]);
        assert!(refit(&[3.0, 0.0, 2.0, 1.0], 1, fit.variant).is_none());
    }

    #[test]
    fn the_season_is_put_back() {
        let y: Vec<f64> = (0..60).map(|t| (100.0 + f64::from(t)) * [0.5, 1.0, 1.5, 1.0][t as usize % 4]).collect();
        let best = search(&y, 4, &Trend::ALL).remove(0).remove(0);
        let mean = best.predict(&y, 4).mean;
        assert!((mean[0] / 80.0 - 1.0).abs() < 0.06 && (mean[2] / 243.0 - 1.0).abs() < 0.06, "{mean:?}");
    }
}
