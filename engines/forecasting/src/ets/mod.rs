//! Exponential smoothing in innovations form, chosen by the corrected Akaike criterion.
//!
//! Hyndman, Koehler, Ord & Snyder (2008), *Forecasting with Exponential Smoothing*: additive and multiplicative errors,
//! no, additive or damped trend, no, additive or multiplicative season; the combinations that are numerically unstable
//! (additive error with multiplicative season) are left out, which makes 15 models.

mod filter;
mod start;

use filter::{Gradient, Parameters, Workspace, criterion};

use crate::forecast::Prediction;
use crate::minimize::{Stop, bfgs};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorForm {
    Additive,
    Multiplicative,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Component {
    None,
    Additive,
    Multiplicative,
}

/// One model of the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spec {
    pub error: ErrorForm,
    /// `None` or `Additive`.
    pub trend: Component,
    pub damped: bool,
    pub season: Component,
    pub period: usize,
}

impl Spec {
    /// `ETS(M,Ad,M)`.
    pub(crate) fn label(self) -> String {
        let letter = |c| match c {
            Component::None => "N",
            Component::Additive => "A",
            Component::Multiplicative => "M",
        };
        let error = if self.error == ErrorForm::Additive { "A" } else { "M" };
        let damped = if self.damped { "d" } else { "" };
        format!("ETS({error},{}{damped},{})", letter(self.trend), letter(self.season))
    }

    fn smoothing(self) -> usize {
        1 + usize::from(self.trend != Component::None)
            + usize::from(self.damped)
            + usize::from(self.season != Component::None)
    }

    /// Free parameters: smoothing, initial states (the seasonal ones are constrained to their mean) and the variance.
    fn parameters(self) -> usize {
        let states = 1 + usize::from(self.trend != Component::None);
        let seasonal = if self.season == Component::None { 0 } else { self.period - 1 };
        self.smoothing() + states + seasonal + 1
    }
}

/// A fitted model.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub spec: Spec,
    pub aicc: f64,
    parameters: Parameters,
    scale: f64,
}

/// Longest season that initial seasonal states are estimated for.
pub(crate) const LONGEST_SEASON: usize = 48;
/// Points used by the search; older ones say nothing about states that forget.
const LONGEST_HISTORY: usize = 4_000;

const PHI: (f64, f64) = (0.8, 0.98);
const ALPHA: (f64, f64) = (1e-4, 0.9999);
/// Weight of a prior that the trend changes slowly, β/α ~ Beta(1, 1 + weight / 2): few points say little about how fast a
/// trend changes, and one that follows the last of them is extrapolated over the whole horizon. On the open yearly,
/// quarterly and monthly series it lowers MASE by 1 to 8 %; with hundreds of points it hardly counts.
const TREND_PRIOR: f64 = 20.0;

/// Smoothing parameters that a search starts from: two always, the slower ones where these do not do.
const STARTS: [(f64, f64, f64); 4] = [(0.3, 0.1, 0.1), (0.75, 0.05, 0.15), (0.1, 0.01, 0.01), (0.02, 0.001, 0.001)];

/// Every model that the series admits, best criterion first. `y` is finite and not constant.
pub(crate) fn search(y: &[f64], season: usize) -> Vec<Fit> {
    let y = newest(y, season);
    let positive = y.iter().all(|&v| v > 0.0);
    let seasonal = (2..=LONGEST_SEASON).contains(&season) && y.len() > 2 * season;
    let mut fits: Vec<Fit> = Vec::new();
    let mut work = Workspace::default();
    for season_form in [Component::None, Component::Additive, Component::Multiplicative] {
        if season_form != Component::None && !seasonal || season_form == Component::Multiplicative && !positive {
            continue;
        }
        for error in [ErrorForm::Additive, ErrorForm::Multiplicative] {
            if error == ErrorForm::Multiplicative && !positive
                || error == ErrorForm::Additive && season_form == Component::Multiplicative
            {
                continue;
            }
            for (trend, damped) in [(Component::None, false), (Component::Additive, false), (Component::Additive, true)]
            {
                let period = if season_form == Component::None { 1 } else { season };
                let spec = Spec { error, trend, damped, season: season_form, period };
                if let Some(fit) = fit(y, spec, &mut work) {
                    fits.push(fit);
                }
            }
        }
    }
    if fits.is_empty() {
        let spec = Spec {
            error: ErrorForm::Additive,
            trend: Component::None,
            damped: false,
            season: Component::None,
            period: 1,
        };
        fits.extend(fit_unpenalised(y, spec, &mut work));
    }
    fits.sort_by(|a, b| a.aicc.total_cmp(&b.aicc));
    fits
}

/// The newest points of a long series, whole seasons kept together.
fn newest(y: &[f64], season: usize) -> &[f64] {
    if y.len() <= LONGEST_HISTORY {
        return y;
    }
    let drop = y.len() - LONGEST_HISTORY;
    &y[drop.div_ceil(season) * season..]
}

/// Fits one model; `None` when the series is too short for the criterion to be defined.
pub(crate) fn refit(y: &[f64], spec: Spec) -> Option<Fit> {
    fit(newest(y, spec.period), spec, &mut Workspace::default())
}

fn fit(y: &[f64], spec: Spec, work: &mut Workspace) -> Option<Fit> {
    if y.len() < spec.parameters() + 2 {
        return None;
    }
    fit_unpenalised(y, spec, work)
}

fn fit_unpenalised(y: &[f64], spec: Spec, work: &mut Workspace) -> Option<Fit> {
    let n = y.len() as f64;
    let scale = y.iter().map(|v| v.abs()).sum::<f64>() / n;
    if scale.is_nan() || scale <= 0.0 {
        return None;
    }
    let scaled: Vec<f64> = y.iter().map(|v| v / scale).collect();
    let initial = start::initial(&scaled, spec);
    let mut best: Option<(f64, Parameters)> = None;
    // An additive season beside a multiplicative error is undefined where the forecast is not positive: close to zero a
    // search from ordinary starts ends early at that wall, or has nowhere to begin.
    let walled = spec.error == ErrorForm::Multiplicative && spec.season == Component::Additive;
    for (i, &(alpha, beta, gamma)) in STARTS.iter().enumerate() {
        let needed = match i {
            0 | 1 => true,
            2 => walled || best.is_none(),
            _ => best.is_none(),
        };
        if !needed {
            continue;
        }
        let x = start_vector(spec, alpha, beta, gamma);
        let mut gradient = Gradient::default();
        let unit = initial.unit;
        let stop = Stop { iterations: 60, tolerance: 1e-5 };
        let found = bfgs(&x, stop, |x, g| {
            let (p, chain) = unpack(spec, x, &initial, unit);
            let value = criterion(spec, &scaled, &p, work, &mut gradient);
            if value.is_finite() {
                pull_back(spec, &chain, &gradient, &initial, g);
            }
            if spec.trend == Component::None || !value.is_finite() {
                return value;
            }
            // The share is the logistic of the second free parameter.
            g[1] += TREND_PRIOR * chain.beta_share;
            value - TREND_PRIOR * (1.0 - chain.beta_share).ln()
        });
        if found.value.is_finite() && best.as_ref().is_none_or(|(v, _)| found.value < *v) {
            best = Some((found.value, unpack(spec, &found.x, &initial, unit).0));
        }
    }
    let (value, parameters) = best?;
    let k = spec.parameters() as f64;
    // The scaling of the data adds the same constant to every model's criterion.
    let aicc = value + 2.0 * k + if n - k - 1.0 > 0.0 { 2.0 * k * (k + 1.0) / (n - k - 1.0) } else { f64::INFINITY };
    Some(Fit { spec, aicc, parameters, scale })
}

/// Starting values and the natural unit of the level and the additive states.
struct Initial {
    level: f64,
    slope: f64,
    seasonal: Vec<f64>,
    unit: f64,
}

/// Derivatives of the constrained parameters with respect to the free ones.
struct Chain {
    alpha: f64,
    beta_by_beta: f64,
    gamma_by_gamma: f64,
    phi: f64,
    beta_share: f64,
    gamma_share: f64,
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

fn start_vector(spec: Spec, alpha: f64, beta: f64, gamma: f64) -> Vec<f64> {
    let mut x = vec![logit(alpha)];
    if spec.trend != Component::None {
        x.push(logit(beta / alpha));
    }
    if spec.season != Component::None {
        x.push(logit(gamma / (1.0 - alpha)));
    }
    if spec.damped {
        x.push(1.0);
    }
    let states = 1 + usize::from(spec.trend != Component::None);
    let seasonal = if spec.season == Component::None { 0 } else { spec.period - 1 };
    x.resize(x.len() + states + seasonal, 0.0);
    x
}

/// Free vector to parameters: 0 < β < α, 0 < γ < 1 - α, φ in [`PHI`]; states as distances from their start in units of
/// the series' noise; the last seasonal state makes up for the others.
fn unpack(spec: Spec, x: &[f64], initial: &Initial, unit: f64) -> (Parameters, Chain) {
    let mut at = 0;
    let mut next = || {
        at += 1;
        x[at - 1]
    };
    let a = logistic(next());
    let width = ALPHA.1 - ALPHA.0;
    let alpha = ALPHA.0 + width * a;
    let mut chain = Chain {
        alpha: width * a * (1.0 - a),
        beta_by_beta: 0.0,
        gamma_by_gamma: 0.0,
        phi: 0.0,
        beta_share: 0.0,
        gamma_share: 0.0,
    };
    let mut beta = 0.0;
    if spec.trend != Component::None {
        let share = logistic(next());
        beta = alpha * share;
        chain.beta_share = share;
        chain.beta_by_beta = alpha * share * (1.0 - share);
    }
    let mut gamma = 0.0;
    if spec.season != Component::None {
        let share = logistic(next());
        gamma = (1.0 - alpha) * share;
        chain.gamma_share = share;
        chain.gamma_by_gamma = (1.0 - alpha) * share * (1.0 - share);
    }
    let mut phi = 1.0;
    if spec.damped {
        let f = logistic(next());
        phi = PHI.0 + (PHI.1 - PHI.0) * f;
        chain.phi = (PHI.1 - PHI.0) * f * (1.0 - f);
    }
    let level = initial.level + unit * next();
    let slope = if spec.trend == Component::None { 0.0 } else { initial.slope + slope_unit(unit) * next() };
    let mut seasonal = initial.seasonal.clone();
    if spec.season != Component::None {
        let unit = season_unit(spec, unit, initial);
        let last = spec.period - 1;
        for k in 0..last {
            let move_by = unit * next();
            seasonal[k] += move_by;
            seasonal[last] -= move_by;
        }
    }
    (Parameters { alpha, beta, gamma, phi, level, slope, seasonal }, chain)
}

fn slope_unit(unit: f64) -> f64 {
    0.1 * unit
}

fn season_unit(spec: Spec, unit: f64, initial: &Initial) -> f64 {
    if spec.season == Component::Multiplicative { unit / initial.level.abs().max(unit) } else { unit }
}

fn pull_back(spec: Spec, chain: &Chain, gradient: &Gradient, initial: &Initial, out: &mut [f64]) {
    let unit = initial.unit;
    let mut at = 0;
    let mut push = |value: f64| {
        out[at] = value;
        at += 1;
    };
    let by_alpha = gradient.alpha + chain.beta_share * gradient.beta - chain.gamma_share * gradient.gamma;
    push(by_alpha * chain.alpha);
    if spec.trend != Component::None {
        push(gradient.beta * chain.beta_by_beta);
    }
    if spec.season != Component::None {
        push(gradient.gamma * chain.gamma_by_gamma);
    }
    if spec.damped {
        push(gradient.phi * chain.phi);
    }
    push(gradient.level * unit);
    if spec.trend != Component::None {
        push(gradient.slope * slope_unit(unit));
    }
    if spec.season != Component::None {
        let last = spec.period - 1;
        let width = season_unit(spec, unit, initial);
        for k in 0..last {
            push((gradient.seasonal[k] - gradient.seasonal[last]) * width);
        }
    }
}

impl Fit {
    /// Means, spread by the model's own theory (ch. 6 of the book) and one-step fitted values.
    ///
    /// `y` may be longer than the series of the fit: the states are filtered through it.
    pub(crate) fn predict(&self, y: &[f64], horizon: usize) -> Prediction {
        let used = newest(y, self.spec.period);
        let scaled: Vec<f64> = used.iter().map(|v| v / self.scale).collect();
        let spec = self.spec;
        let p = &self.parameters;
        let state = filter::run(spec, &scaled, p);
        let n = scaled.len();
        let m = spec.period;
        let multiplicative = spec.error == ErrorForm::Multiplicative;
        let mut sum = 0.0;
        for (value, fitted) in scaled.iter().zip(&state.fitted) {
            let error = if multiplicative { (value - fitted) / fitted } else { value - fitted };
            sum += error * error;
        }
        let freedom = (n as f64 - spec.parameters() as f64 + 1.0).max(1.0);
        let variance = sum / freedom;
        let mut base = Vec::with_capacity(horizon);
        let mut damping = 0.0;
        let mut power = 1.0;
        for _ in 0..horizon {
            power *= p.phi;
            damping += power;
            base.push(if spec.trend == Component::None { state.level } else { state.level + damping * state.slope });
        }
        let season_at = |h: usize| match spec.season {
            Component::None => None,
            _ => Some(state.seasonal[(n + h) % m]),
        };
        let mean: Vec<f64> = (0..horizon)
            .map(|h| match (spec.season, season_at(h)) {
                (Component::Additive, Some(s)) => base[h] + s,
                (Component::Multiplicative, Some(s)) => base[h] * s,
                _ => base[h],
            })
            .collect();
        // Weights of past errors in the forecast h steps ahead.
        let mut weights = Vec::with_capacity(horizon);
        let mut damping = 0.0;
        let mut power = 1.0;
        for j in 1..=horizon {
            power *= p.phi;
            damping += power;
            let trend = if spec.trend == Component::None { 0.0 } else { p.beta * damping };
            let season = if spec.season == Component::Additive && j % m == 0 { p.gamma } else { 0.0 };
            weights.push(p.alpha + trend + season);
        }
        let mut sd = Vec::with_capacity(horizon);
        if multiplicative {
            let centre: &[f64] = if spec.season == Component::Multiplicative { &base } else { &mean };
            let mut theta: Vec<f64> = Vec::with_capacity(horizon);
            for h in 0..horizon {
                let spread: f64 = (1..=h).map(|j| weights[j - 1] * weights[j - 1] * theta[h - j]).sum();
                theta.push(centre[h] * centre[h] + variance * spread);
                let mut v = (1.0 + variance) * theta[h] - centre[h] * centre[h];
                if let (Component::Multiplicative, Some(s)) = (spec.season, season_at(h)) {
                    let seasonal_noise = 1.0 + p.gamma * p.gamma * variance * (h / m) as f64;
                    v = (theta[h] * (1.0 + variance) * seasonal_noise - centre[h] * centre[h]) * s * s;
                }
                sd.push(v.max(0.0).sqrt());
            }
        } else {
            let mut total = 1.0;
            for weight in &weights {
                sd.push((variance * total).sqrt());
                total += weight * weight;
            }
        }
        let mut fitted: Vec<f64> = y[..y.len() - n].to_vec();
        fitted.extend(state.fitted.iter().map(|v| v * self.scale));
        Prediction {
            label: spec.label(),
            mean: mean.iter().map(|v| v * self.scale).collect(),
            sd: sd.iter().map(|v| v * self.scale).collect(),
            fitted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize) -> Vec<f64> {
        (0..n)
            .map(|t| {
                let noise = ((t * 7919 + 13) % 101) as f64 / 101.0 - 0.5;
                (100.0 + 0.8 * t as f64) * (1.0 + 0.3 * (t as f64 * std::f64::consts::TAU / 12.0).sin()) + noise
            })
            .collect()
    }

    #[test]
    fn a_growing_wave_is_continued_by_a_multiplicative_season() {
        let y = wave(96);
        let best = search(&y, 12).remove(0);
        assert_eq!(best.spec.season, Component::Multiplicative, "{}", best.spec.label());
        let future = wave(108);
        for (forecast, actual) in best.predict(&y, 12).mean.iter().zip(&future[96..]) {
            assert!((forecast / actual - 1.0).abs() < 0.03, "{forecast} {actual}");
        }
    }

    #[test]
    fn a_positive_seasonal_series_admits_fifteen_models() {
        assert_eq!(search(&wave(60), 12).len(), 15);
    }

    #[test]
    fn forecasts_scale_with_the_series() {
        let y = wave(60);
        let big: Vec<f64> = y.iter().map(|v| v * 1e9).collect();
        let (a, b) = (search(&y, 12).remove(0), search(&big, 12).remove(0));
        for (x, z) in a.predict(&y, 5).mean.iter().zip(b.predict(&big, 5).mean) {
            assert!((z / (x * 1e9) - 1.0).abs() < 1e-4, "{x} {z}");
        }
    }

    #[test]
    fn three_points_are_enough_for_the_simplest_model() {
        let fit = search(&[3.0, 4.0, 3.5], 1).remove(0);
        assert!(fit.predict(&[3.0, 4.0, 3.5], 4).is_finite());
    }
}
