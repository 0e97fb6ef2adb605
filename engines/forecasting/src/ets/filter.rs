//! The innovations recursion of exponential smoothing and its exact gradient.
//!
//! All models share one recursion in the absolute one-step error (Hyndman, Koehler, Ord & Snyder 2008, ch. 2): the form
//! of the error only changes how residuals enter the likelihood. The gradient is the recursion run backwards
//! (reverse-mode differentiation), so its cost does not grow with the number of initial states.

use super::{Component, ErrorForm, Spec};

/// Smoothing parameters and initial states. `seasonal[k]` belongs to the points t ≡ k (mod season).
#[derive(Debug, Clone)]
pub(super) struct Parameters {
    pub alpha: f64,
    pub beta: f64,
    pub gamma: f64,
    pub phi: f64,
    pub level: f64,
    pub slope: f64,
    pub seasonal: Vec<f64>,
}

/// States after the last point, and the one-step forecasts on the way.
#[derive(Debug, Clone)]
pub(super) struct Filtered {
    pub level: f64,
    pub slope: f64,
    pub seasonal: Vec<f64>,
    pub fitted: Vec<f64>,
}

/// What each step leaves for the way back.
#[derive(Clone, Copy, Default)]
struct Step {
    slope: f64,
    base: f64,
    season: f64,
    error: f64,
    fitted: f64,
}

/// Working memory kept between evaluations.
#[derive(Default)]
pub(super) struct Workspace {
    steps: Vec<Step>,
    seasonal: Vec<f64>,
    adjoint: Vec<f64>,
}

/// Gradient of the criterion with respect to each of [`Parameters`].
#[derive(Debug, Clone, Default)]
pub(super) struct Gradient {
    pub alpha: f64,
    pub beta: f64,
    pub gamma: f64,
    pub phi: f64,
    pub level: f64,
    pub slope: f64,
    pub seasonal: Vec<f64>,
}

/// Runs the filter; returns minus twice the concentrated log likelihood (up to a constant) and fills `gradient`.
/// Infinite where the model is not defined (a multiplicative part that reaches zero).
pub(super) fn criterion(spec: Spec, y: &[f64], p: &Parameters, work: &mut Workspace, gradient: &mut Gradient) -> f64 {
    match (spec.trend != Component::None, spec.season) {
        (false, Component::None) => evaluate::<false, 0>(spec, y, p, work, gradient),
        (true, Component::None) => evaluate::<true, 0>(spec, y, p, work, gradient),
        (false, Component::Additive) => evaluate::<false, 1>(spec, y, p, work, gradient),
        (true, Component::Additive) => evaluate::<true, 1>(spec, y, p, work, gradient),
        (false, Component::Multiplicative) => evaluate::<false, 2>(spec, y, p, work, gradient),
        (true, Component::Multiplicative) => evaluate::<true, 2>(spec, y, p, work, gradient),
    }
}

fn evaluate<const TREND: bool, const SEASON: u8>(
    spec: Spec,
    y: &[f64],
    p: &Parameters,
    work: &mut Workspace,
    gradient: &mut Gradient,
) -> f64 {
    let n = y.len();
    let m = spec.period.max(1);
    work.steps.resize(n, Step::default());
    work.seasonal.clear();
    work.seasonal.extend_from_slice(&p.seasonal);
    let multiplicative = spec.error == ErrorForm::Multiplicative;
    let (mut level, mut slope) = (p.level, p.slope);
    let mut sum = 0.0;
    let mut logs = 0.0;
    let mut product = 1.0;
    let mut k = 0;
    for (step, &value) in work.steps.iter_mut().zip(y) {
        let base = if TREND { level + p.phi * slope } else { level };
        let season = if SEASON == 0 { 0.0 } else { work.seasonal[k] };
        let fitted = match SEASON {
            0 => base,
            1 => base + season,
            _ => base * season,
        };
        let error = value - fitted;
        *step = Step { slope, base, season, error, fitted };
        if multiplicative {
            if fitted <= 1e-10 {
                return f64::INFINITY;
            }
            let relative = error / fitted;
            sum += relative * relative;
            // One logarithm for many points: the product stays far inside the range of a double.
            product *= fitted;
            if !(1e-200..1e200).contains(&product) {
                logs += product.ln();
                product = 1.0;
            }
        } else {
            sum += error * error;
        }
        let adjusted = if SEASON == 2 {
            if season <= 1e-8 || base <= 1e-10 {
                return f64::INFINITY;
            }
            error / season
        } else {
            error
        };
        if SEASON == 1 {
            work.seasonal[k] = season + p.gamma * error;
        } else if SEASON == 2 {
            work.seasonal[k] = season + p.gamma * error / base;
        }
        level = base + p.alpha * adjusted;
        if TREND {
            slope = p.phi * slope + p.beta * adjusted;
        }
        if SEASON != 0 {
            k += 1;
            if k == m {
                k = 0;
            }
        }
    }
    let sum = sum.max(1e-300);
    let mut value = n as f64 * sum.ln();
    if multiplicative {
        value += 2.0 * (logs + product.ln());
    }
    if !value.is_finite() {
        return f64::INFINITY;
    }

    // The way back. `bar_*` are derivatives of the criterion with respect to the states after each step.
    let weight = 2.0 * n as f64 / sum;
    let (mut bar_level, mut bar_slope) = (0.0, 0.0);
    work.adjoint.clear();
    work.adjoint.resize(p.seasonal.len(), 0.0);
    let (mut g_alpha, mut g_beta, mut g_gamma, mut g_phi) = (0.0, 0.0, 0.0, 0.0);
    let mut k = if SEASON == 0 { 0 } else { n % m };
    for step in work.steps[..n].iter().rev() {
        if SEASON != 0 {
            k = if k == 0 { m - 1 } else { k - 1 };
        }
        let mut bar_adjusted = p.alpha * bar_level;
        let mut bar_base = bar_level;
        if TREND {
            bar_adjusted += p.beta * bar_slope;
        }
        let mut bar_error;
        let mut bar_season = 0.0;
        if SEASON == 2 {
            let after = work.adjoint[k];
            let adjusted = step.error / step.season;
            g_alpha += adjusted * bar_level;
            if TREND {
                g_beta += adjusted * bar_slope;
            }
            let relative = step.error / step.base;
            g_gamma += relative * after;
            bar_error = p.gamma / step.base * after + bar_adjusted / step.season;
            bar_base -= p.gamma * relative / step.base * after;
            bar_season = after - adjusted / step.season * bar_adjusted;
        } else {
            g_alpha += step.error * bar_level;
            if TREND {
                g_beta += step.error * bar_slope;
            }
            bar_error = bar_adjusted;
            if SEASON == 1 {
                let after = work.adjoint[k];
                g_gamma += step.error * after;
                bar_error += p.gamma * after;
                bar_season = after;
            }
        }
        let mut bar_fitted = 0.0;
        if multiplicative {
            let inverse = 1.0 / step.fitted;
            let relative = step.error * inverse;
            let bar_relative = weight * relative;
            bar_error += bar_relative * inverse;
            bar_fitted = (2.0 - bar_relative * relative) * inverse;
        } else {
            bar_error += weight * step.error;
        }
        bar_fitted -= bar_error;
        if SEASON == 2 {
            bar_base += bar_fitted * step.season;
            bar_season += bar_fitted * step.base;
        } else {
            bar_base += bar_fitted;
            if SEASON == 1 {
                bar_season += bar_fitted;
            }
        }
        if SEASON != 0 {
            work.adjoint[k] = bar_season;
        }
        bar_level = bar_base;
        if TREND {
            g_phi += step.slope * (bar_base + bar_slope);
            bar_slope = p.phi * (bar_slope + bar_base);
        }
    }
    gradient.alpha = g_alpha;
    gradient.beta = g_beta;
    gradient.gamma = g_gamma;
    gradient.phi = g_phi;
    gradient.level = bar_level;
    gradient.slope = bar_slope;
    gradient.seasonal.clear();
    gradient.seasonal.extend_from_slice(&work.adjoint);
    value
}

/// The states that the whole series leaves behind.
pub(super) fn run(spec: Spec, y: &[f64], p: &Parameters) -> Filtered {
    let m = spec.period.max(1);
    let (mut level, mut slope) = (p.level, p.slope);
    let mut seasonal = p.seasonal.clone();
    let mut fitted = Vec::with_capacity(y.len());
    for (t, &value) in y.iter().enumerate() {
        let base = if spec.trend == Component::None { level } else { level + p.phi * slope };
        let k = t % m;
        let forecast = match spec.season {
            Component::None => base,
            Component::Additive => base + seasonal[k],
            Component::Multiplicative => base * seasonal[k],
        };
        let error = value - forecast;
        let adjusted = if spec.season == Component::Multiplicative { error / seasonal[k] } else { error };
        match spec.season {
            Component::None => {}
            Component::Additive => seasonal[k] += p.gamma * error,
            Component::Multiplicative => seasonal[k] += p.gamma * error / base,
        }
        level = base + p.alpha * adjusted;
        if spec.trend != Component::None {
            slope = p.phi * slope + p.beta * adjusted;
        }
        fitted.push(forecast);
    }
    Filtered { level, slope, seasonal, fitted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_run_backwards_equals_finite_differences() {
        let y: Vec<f64> =
            (0..30).map(|t| 50.0 + f64::from(t) + 6.0 * f64::from(t % 4) + f64::from(t * t % 7)).collect();
        for error in [ErrorForm::Additive, ErrorForm::Multiplicative] {
            for trend in [Component::None, Component::Additive] {
                for season in [Component::None, Component::Additive, Component::Multiplicative] {
                    let spec = Spec {
                        error,
                        trend,
                        damped: true,
                        season,
                        period: if season == Component::None { 1 } else { 4 },
                    };
                    let start = match season {
                        Component::None => vec![],
                        Component::Additive => vec![-9.0, -3.0, 3.0, 9.0],
                        Component::Multiplicative => vec![0.8, 0.95, 1.05, 1.2],
                    };
                    let base = [0.3, 0.1, 0.2, 0.9, 52.0, 1.5];
                    let at = |x: &[f64], s: &[f64]| {
                        let p = Parameters {
                            alpha: x[0],
                            beta: x[1],
                            gamma: x[2],
                            phi: x[3],
                            level: x[4],
                            slope: x[5],
                            seasonal: s.to_vec(),
                        };
                        let mut gradient = Gradient::default();
                        let value = criterion(spec, &y, &p, &mut Workspace::default(), &mut gradient);
                        (value, gradient)
                    };
                    let (_, g) = at(&base, &start);
                    let exact = [g.alpha, g.beta, g.gamma, g.phi, g.level, g.slope];
                    for i in 0..6 {
                        let (mut up, mut down) = (base, base);
                        up[i] += 1e-5;
                        down[i] -= 1e-5;
                        let difference = (at(&up, &start).0 - at(&down, &start).0) / 2e-5;
                        assert!(
                            (difference - exact[i]).abs() < 1e-4 * (1.0 + exact[i].abs()),
                            "{spec:?} {i} {difference} {}",
                            exact[i]
                        );
                    }
                    for i in 0..start.len() {
                        let (mut up, mut down) = (start.clone(), start.clone());
                        up[i] += 1e-5;
                        down[i] -= 1e-5;
                        let difference = (at(&base, &up).0 - at(&base, &down).0) / 2e-5;
                        assert!(
                            (difference - g.seasonal[i]).abs() < 1e-4 * (1.0 + g.seasonal[i].abs()),
                            "{spec:?} s{i}"
                        );
                    }
                }
            }
        }
    }
}
