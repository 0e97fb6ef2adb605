//! The Theta family: the standard, optimised, dynamic and dynamic optimised models
//! (Assimakopoulos & Nikolopoulos 2000; Fiorucci, Pellegrini, Louzada, Petropoulos & Koehler 2016).

use crate::forecast::Prediction;
use crate::minimize::{Stop, bfgs_numeric};
use crate::seasonality::{SeasonalIndex, adjust};

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

    fn label(self) -> &'static str {
        match self {
            Form::Standard => "Theta",
            Form::Optimised => "OTM",
            Form::Dynamic => "DTM",
            Form::DynamicOptimised => "DOTM",
        }
    }

    fn dynamic(self) -> bool {
        matches!(self, Form::Dynamic | Form::DynamicOptimised)
    }

    fn optimised(self) -> bool {
        matches!(self, Form::Optimised | Form::DynamicOptimised)
    }
}

/// A fitted model on the seasonally adjusted series.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub form: Form,
    /// Sum of squared one-step errors.
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

/// The four members, smallest one-step error first. `y` is finite, not constant and has at least three points.
pub(crate) fn search(y: &[f64], season: usize) -> Vec<Fit> {
    let y = newest(y, season);
    let (adjusted, index) = adjust(y, season);
    let mut fits: Vec<Fit> = Form::ALL.iter().map(|&form| fit(&adjusted, form, index.clone())).collect();
    fits.sort_by(|a, b| a.loss.total_cmp(&b.loss));
    fits
}

/// Fits one member.
pub(crate) fn refit(y: &[f64], season: usize, form: Form) -> Fit {
    let y = newest(y, season);
    let (adjusted, index) = adjust(y, season);
    fit(&adjusted, form, index)
}

fn newest(y: &[f64], season: usize) -> &[f64] {
    if y.len() <= LONGEST_HISTORY {
        return y;
    }
    let drop = y.len() - LONGEST_HISTORY;
    &y[drop.div_ceil(season) * season..]
}

fn fit(y: &[f64], form: Form, index: SeasonalIndex) -> Fit {
    let scale = y.iter().map(|v| v.abs()).sum::<f64>() / y.len() as f64;
    let scale = if scale > 0.0 { scale } else { 1.0 };
    let y: Vec<f64> = y.iter().map(|v| v / scale).collect();
    let line = straight_line(&y);
    let mut steps: Vec<f64> = y.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
    steps.sort_by(f64::total_cmp);
    let unit = steps.get(steps.len() / 2).copied().unwrap_or(0.0).max(1e-3);
    let optimised = form.optimised();
    let unpack = |x: &[f64]| {
        let alpha = 0.01 + 0.98 / (1.0 + (-x[0]).exp());
        let theta = if optimised { 1.0 + x[2].clamp(-7.0, 5.0).exp() } else { 2.0 };
        (alpha, theta, y[0] + unit * x[1])
    };
    let start = if optimised { vec![0.0, 0.0, 0.0] } else { vec![0.0, 0.0] };
    let stop = Stop { iterations: 40, tolerance: 1e-7 };
    let loss = |x: &[f64]| {
        let (alpha, theta, level) = unpack(x);
        let burn = BURN_IN.min(y.len() - 1);
        let mut state = State::new(form.dynamic(), alpha, theta, level, line);
        let mut sum = 0.0;
        for (t, &value) in y.iter().enumerate() {
            if t >= burn {
                let error = value - state.forecast();
                sum += error * error;
            }
            state.observe(value);
        }
        (sum + 1e-12).ln()
    };
    let found = bfgs_numeric(&start, stop, 1e-6, loss);
    let (alpha, theta, level) = unpack(&found.x);
    Fit { form, loss: found.value + 2.0 * scale.ln(), alpha, theta, level: level * scale, index }
}

/// The recursion of the level and of the line beneath it (Fiorucci et al. 2016, equations 6 to 10).
struct State {
    dynamic: bool,
    alpha: f64,
    weight: f64,
    level: f64,
    line: (f64, f64),
    mean: f64,
    forgetting: f64,
    points: f64,
}

impl State {
    fn new(dynamic: bool, alpha: f64, theta: f64, level: f64, line: (f64, f64)) -> State {
        State { dynamic, alpha, weight: 1.0 - 1.0 / theta, level, line, mean: 0.0, forgetting: 1.0, points: 0.0 }
    }

    fn forecast(&self) -> f64 {
        if self.dynamic && self.points == 0.0 {
            return self.level;
        }
        let next = self.forgetting * (1.0 - self.alpha);
        self.level + self.weight * (self.forgetting * self.line.0 + (1.0 - next) / self.alpha * self.line.1)
    }

    fn observe(&mut self, value: f64) {
        self.points += 1.0;
        let t = self.points;
        self.level += self.alpha * (value - self.level);
        self.forgetting *= 1.0 - self.alpha;
        if self.dynamic {
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
        let adjusted = self.index.remove(used);
        let line = straight_line(&adjusted);
        let mut fitted = Vec::with_capacity(adjusted.len());
        let mut state = State::new(self.form.dynamic(), self.alpha, self.theta, self.level, line);
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
            mean.push(self.index.restore(point, k));
            sd.push((variance * total).sqrt() * self.index.spread(k));
            total += self.alpha * self.alpha;
        }
        let mut whole = y[..offset].to_vec();
        whole.extend(fitted.iter().enumerate().map(|(k, v)| self.index.restore(*v, k)));
        Prediction { label: self.form.label().to_string(), mean, sd, fitted: whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_is_continued() {
        let y: Vec<f64> = (0..40).map(|t| 10.0 + 2.0 * f64::from(t)).collect();
        for form in Form::ALL {
            let mean = refit(&y, 1, form).predict(&y, 5).mean;
            let tolerance = if form.optimised() { 3.0 } else { 6.0 };
            assert!((mean[4] - 98.0).abs() < tolerance, "{form:?} {mean:?}");
        }
    }

    #[test]
    fn the_season_is_put_back() {
        let y: Vec<f64> = (0..60).map(|t| (100.0 + f64::from(t)) * [0.5, 1.0, 1.5, 1.0][t as usize % 4]).collect();
        let best = search(&y, 4).remove(0);
        let mean = best.predict(&y, 4).mean;
        assert!((mean[0] / 80.0 - 1.0).abs() < 0.06 && (mean[2] / 243.0 - 1.0).abs() < 0.06, "{mean:?}");
    }
}
