//! Seasonal ARIMA with drift and exogenous columns, chosen automatically.
//!
//! The search is Hyndman & Khandakar (2008): differences by tests, then a walk over orders that lowers the corrected
//! Akaike criterion. Parameters are estimated in the space of partial autocorrelations, so every model visited is
//! stationary and invertible.

mod difference;
mod likelihood;
mod model;
mod outliers;
mod polynomial;
mod search;

use likelihood::{Workspace, exact, extrapolate, run};
use polynomial::{from_partial, multiply_ar, multiply_ma, roots_outside, shock_weights};

use crate::forecast::Prediction;
use crate::minimize::{Stop, bfgs_numeric};

pub(crate) use model::{Model, candidates, refit_all};
use search::search_each;
pub(crate) use search::{Budget, FINALISTS, search};

/// Orders of a model: (p,d,q)(P,D,Q)[m], with or without a constant (a mean when d + D = 0, a drift when 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Spec {
    pub p: usize,
    pub d: usize,
    pub q: usize,
    pub seasonal_p: usize,
    pub seasonal_d: usize,
    pub seasonal_q: usize,
    pub m: usize,
    pub constant: bool,
}

impl Spec {
    /// `ARIMA(1,1,1)(0,1,1)[12] with drift`.
    pub(crate) fn label(self) -> String {
        let mut out = format!("ARIMA({},{},{})", self.p, self.d, self.q);
        if self.m > 1 && self.seasonal_p + self.seasonal_d + self.seasonal_q > 0 {
            out += &format!("({},{},{})[{}]", self.seasonal_p, self.seasonal_d, self.seasonal_q, self.m);
        }
        match (self.constant, self.d + self.seasonal_d) {
            (true, 0) => out += " with mean",
            (true, _) => out += " with drift",
            _ => {}
        }
        out
    }

    fn coefficients(self) -> usize {
        self.p + self.q + self.seasonal_p + self.seasonal_q
    }
}

/// A fitted model.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub spec: Spec,
    pub aicc: f64,
    /// Partial autocorrelations on the free scale: warm start for neighbours.
    free: Vec<f64>,
    phi: Vec<f64>,
    theta: Vec<f64>,
    /// Of the constant (when there is one) and of the exogenous columns, on the scale of the series.
    beta: Vec<f64>,
    variance: f64,
}

/// The differenced series and regressors of a specification, around zero and on a scale near one: a search must not depend
/// on where the series' zero is.
struct Data {
    columns: Vec<Vec<f64>>,
    /// What was taken off the differenced series: its mean where the model has a constant, else 0.
    middle: f64,
    scale: f64,
    /// Of each exogenous column; zero when differencing leaves nothing of it (a holiday that comes every year), and then
    /// it is left out.
    exogenous_scale: Vec<f64>,
}

impl Data {
    /// Coefficients of the regressors on the scale of the series.
    fn unscaled(&self, coefficients: &[f64], constant: bool) -> Vec<f64> {
        let mut coefficients = coefficients.iter().map(|b| b * self.scale);
        let mut beta: Vec<f64> = coefficients.by_ref().take(usize::from(constant)).map(|b| b + self.middle).collect();
        let own = self.exogenous_scale.iter();
        beta.extend(own.map(|size| if *size > 0.0 { coefficients.next().unwrap_or(0.0) / size } else { 0.0 }));
        beta
    }
}

fn prepare(y: &[f64], exogenous: &[Vec<f64>], spec: Spec) -> Data {
    let mut w = difference::differences(y, spec.d, spec.seasonal_d, spec.m);
    let middle = if spec.constant { w.iter().sum::<f64>() / w.len().max(1) as f64 } else { 0.0 };
    w.iter_mut().for_each(|v| *v -= middle);
    let spread = |w: &[f64]| {
        let size = (w.iter().map(|v| v * v).sum::<f64>() / w.len().max(1) as f64).sqrt();
        if size > 0.0 { size } else { 1.0 }
    };
    let scale = spread(&w);
    let mut columns = vec![w.iter().map(|v| v / scale).collect::<Vec<f64>>()];
    if spec.constant {
        columns.push(vec![1.0; w.len()]);
    }
    let mut exogenous_scale = Vec::new();
    for column in exogenous {
        let x = difference::differences(&column[..y.len()], spec.d, spec.seasonal_d, spec.m);
        if x.iter().all(|v| *v == 0.0) {
            exogenous_scale.push(0.0);
            continue;
        }
        let size = spread(&x);
        exogenous_scale.push(size);
        columns.push(x.iter().map(|v| v / size).collect());
    }
    Data { columns, middle, scale, exogenous_scale }
}

/// Splits free parameters into the two polynomials.
fn unpack(spec: Spec, x: &[f64]) -> (Vec<f64>, Vec<f64>, Vec<f64>, Vec<f64>) {
    let bounded: Vec<f64> = x.iter().map(|v| v.tanh()).collect();
    let (ar, rest) = bounded.split_at(spec.p);
    let (ma, rest) = rest.split_at(spec.q);
    let (seasonal_ar, seasonal_ma) = rest.split_at(spec.seasonal_p);
    let negative = |c: Vec<f64>| c.into_iter().map(|v| -v).collect::<Vec<f64>>();
    (from_partial(ar), negative(from_partial(ma)), from_partial(seasonal_ar), negative(from_partial(seasonal_ma)))
}

/// Estimates one model by exact maximum likelihood from a start on the free scale (zeros when `None`).
///
/// `None` when there are too few points, the regressors are collinear, or a root comes so close to the unit circle that
/// the model stands for another one.
fn estimate(
    y: &[f64],
    exogenous: &[Vec<f64>],
    spec: Spec,
    start: Option<&[f64]>,
    stop: Stop,
    budget: &mut Budget,
) -> Option<Fit> {
    let data = prepare(y, exogenous, spec);
    let n = data.columns[0].len();
    let k = spec.coefficients() + data.columns.len();
    if n < k + 2 {
        return None;
    }
    let mut work = Workspace::default();
    let r = (spec.p + spec.seasonal_p * spec.m).max(spec.q + spec.seasonal_q * spec.m + 1);
    let cost = (n * (2 + data.columns.len()) * r + r * r * r / 6) as u64;
    let zero = vec![0.1; spec.coefficients()];
    let start = start.unwrap_or(&zero);
    let found = bfgs_numeric(start, stop, 1e-5, |x| {
        budget.spend(cost);
        if budget.exhausted() {
            return f64::INFINITY;
        }
        let (ar, ma, sar, sma) = unpack(spec, x);
        let phi = multiply_ar(&ar, &sar, spec.m);
        let theta = multiply_ma(&ma, &sma, spec.m);
        // A light pull towards zero on the free scale keeps the search from running along flat directions at the
        // circle; at ordinary values it is far below the criterion's own differences.
        let leash: f64 = x.iter().map(|v| (v.abs() - 2.0).max(0.0)).map(|v| v * v).sum();
        exact(&phi, &theta, &data.columns, &mut work).map_or(f64::INFINITY, |l| l.deviance / n as f64 + 0.01 * leash)
    });
    let (ar, ma, sar, sma) = unpack(spec, &found.x);
    let negative = |c: &[f64]| c.iter().map(|v| -v).collect::<Vec<f64>>();
    let clear = roots_outside(&ar, 1, 1.01)
        && roots_outside(&negative(&ma), 1, 1.01)
        && roots_outside(&sar, spec.m, 1.0 + 0.01 / spec.m as f64)
        && roots_outside(&negative(&sma), spec.m, 1.0 + 0.01 / spec.m as f64);
    if !clear {
        return None;
    }
    let phi = multiply_ar(&ar, &sar, spec.m);
    let theta = multiply_ma(&ma, &sma, spec.m);
    let fit = exact(&phi, &theta, &data.columns, &mut work)?;
    let count = n as f64;
    let k = (k) as f64;
    if count - k - 1.0 <= 0.0 {
        return None;
    }
    let aicc = fit.deviance + 2.0 * count * data.scale.ln() + 2.0 * k + 2.0 * k * (k + 1.0) / (count - k - 1.0);
    let beta = data.unscaled(&fit.coefficients, spec.constant);
    Some(Fit { spec, aicc, free: found.x, phi, theta, beta, variance: fit.variance * data.scale * data.scale })
}

/// From the parameters of the whole series, those of a stretch of it, or without its outliers, are near.
const AGAIN: Stop = Stop { iterations: 10, tolerance: 1e-4 };

/// Estimates one model again on another stretch of the series.
pub(crate) fn refit(y: &[f64], exogenous: &[Vec<f64>], like: &Fit, budget: &mut Budget) -> Option<Fit> {
    estimate(y, exogenous.get(..like.columns())?, like.spec, Some(&like.free), AGAIN, budget)
}

impl Fit {
    /// Exogenous columns that the model takes.
    fn columns(&self) -> usize {
        self.beta.len() - usize::from(self.spec.constant)
    }

    /// Points at the start that differencing leaves without a residual.
    pub(crate) fn points_without_residual(&self) -> usize {
        self.spec.d + self.spec.m * self.spec.seasonal_d
    }

    /// What the columns add to each point.
    fn of_columns(&self, exogenous: &[Vec<f64>]) -> Vec<f64> {
        let slopes = &self.beta[usize::from(self.spec.constant)..];
        let points = exogenous.first().map_or(0, Vec::len);
        (0..points).map(|t| exogenous.iter().zip(slopes).map(|(column, b)| b * column[t]).sum()).collect()
    }

    /// The first `count` coefficients of the filter π(B) = φ(B)(1 - B)^d(1 - B^m)^D / θ(B) that turns the series into
    /// residuals.
    pub(crate) fn residual_weights(&self, count: usize) -> Vec<f64> {
        let back = difference::polynomial(self.spec.d, self.spec.seasonal_d, self.spec.m);
        let whole = multiply_ar(&self.phi, &back, 1);
        let negative = |c: &[f64]| c.iter().map(|v| -v).collect::<Vec<f64>>();
        shock_weights(&negative(&self.theta), &negative(&whole), count)
    }

    /// The same process with the constant and the columns' effects as far as `y`, a beginning of the series, shows them.
    pub(crate) fn as_known_from(&self, y: &[f64], exogenous: &[Vec<f64>]) -> Option<Fit> {
        let data = prepare(y, exogenous.get(..self.columns())?, self.spec);
        if data.columns[0].len() < data.columns.len() + 2 {
            return None;
        }
        let then = exact(&self.phi, &self.theta, &data.columns, &mut Workspace::default())?;
        Some(Fit { beta: data.unscaled(&then.coefficients, self.spec.constant), ..self.clone() })
    }

    /// Means, spread by theory and one-step fitted values. `exogenous` columns cover the series and the horizon; `y` may
    /// be longer than the series of the fit.
    pub(crate) fn predict(&self, y: &[f64], exogenous: &[Vec<f64>], horizon: usize) -> Option<Prediction> {
        let spec = self.spec;
        let order = spec.d + spec.seasonal_d;
        let n = y.len();
        // The regression in levels: a constant of the differenced series is a polynomial of the time in levels.
        let steps = spec.d + spec.m * spec.seasonal_d;
        let integral = |t: usize| match order {
            0 => 1.0,
            _ => t as f64 / (spec.m as f64).powi(spec.seasonal_d as i32),
        };
        let mean_at = |t: usize| {
            let mut value = 0.0;
            let mut i = 0;
            if spec.constant {
                value += self.beta[0] * integral(t);
                i = 1;
            }
            for (column, b) in exogenous.iter().zip(&self.beta[i..]) {
                value += b * column[t];
            }
            value
        };
        let free: Vec<f64> = (0..n).map(|t| y[t] - mean_at(t)).collect();
        let w = difference::differences(&free, spec.d, spec.seasonal_d, spec.m);
        let (one_step, state) = run(&self.phi, &self.theta, &w)?;
        let ahead = extrapolate(&self.phi, state, horizon);
        let back = difference::polynomial(spec.d, spec.seasonal_d, spec.m);
        let mut levels = free.clone();
        for value in &ahead {
            let t = levels.len();
            let known: f64 = back.iter().enumerate().map(|(i, c)| c * levels[t - 1 - i]).sum();
            levels.push(known + value);
        }
        let mean: Vec<f64> = (n..n + horizon).map(|t| levels[t] + mean_at(t)).collect();
        let mut fitted: Vec<f64> = y[..steps.min(n)].to_vec();
        fitted.extend(w.iter().zip(&one_step).zip(&y[steps..]).map(|((w, f), y)| y - (w - f)));
        let whole = multiply_ar(&self.phi, &back, 1);
        let psi = shock_weights(&whole, &self.theta, horizon);
        let freedom = w.len() as f64 / (w.len() as f64 - (spec.coefficients() + self.beta.len()) as f64).max(1.0);
        let mut total = 0.0;
        let sd = psi
            .iter()
            .map(|weight| {
                total += weight * weight;
                (self.variance * freedom * total).sqrt()
            })
            .collect();
        Some(Prediction { label: spec.label(), mean, sd, fitted })
    }
}
