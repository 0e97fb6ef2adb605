//! Structural time series: a level that may drift, a slope, a season, and regression on controls.
//!
//! Harvey (1989), Forecasting, Structural Time Series Models and the Kalman Filter, chapters 3 and 4.
//! Regression coefficients and the scale are concentrated out of the likelihood: the filter runs on
//! the series and on each control alike, and generalised least squares on the innovations gives both.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use crate::error::{EvidenceError, Result};
use crate::statistics::least_squares::Design;

/// Variance of the start relative to the scale: vague for a standardised series.
const VAGUE: f64 = 1e6;

/// Which components move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Structure {
    /// A slope that drifts too (local linear trend); otherwise a local level.
    pub slope: bool,
    /// Period of a dummy seasonal, at least 2; none for no season.
    pub season: Option<usize>,
}

impl Structure {
    pub const LOCAL_LEVEL: Structure = Structure { slope: false, season: None };

    fn states(&self) -> usize {
        1 + usize::from(self.slope) + self.season.map_or(0, |s| s - 1)
    }

    /// Variance ratios to estimate besides the irregular: level, slope, season.
    fn ratios(&self) -> usize {
        1 + usize::from(self.slope) + usize::from(self.season.is_some())
    }

    fn transition(&self) -> DMatrix<f64> {
        let n = self.states();
        let mut t = DMatrix::zeros(n, n);
        t[(0, 0)] = 1.0;
        let mut at = 1;
        if self.slope {
            t[(0, 1)] = 1.0;
            t[(1, 1)] = 1.0;
            at = 2;
        }
        if let Some(s) = self.season {
            for j in 0..s - 1 {
                t[(at, at + j)] = -1.0;
            }
            for j in 1..s - 1 {
                t[(at + j, at + j - 1)] = 1.0;
            }
        }
        t
    }

    fn observation(&self) -> DVector<f64> {
        let mut z = DVector::zeros(self.states());
        z[0] = 1.0;
        if self.season.is_some() {
            z[1 + usize::from(self.slope)] = 1.0;
        }
        z
    }

    fn disturbance(&self, variances: &[f64]) -> DVector<f64> {
        let mut q = DVector::zeros(self.states());
        q[0] = variances[1];
        let mut at = 1;
        if self.slope {
            q[1] = variances[2];
            at = 2;
        }
        if self.season.is_some() {
            q[at] = variances[variances.len() - 1];
        }
        q
    }
}

/// A model at given relative variances, its coefficients and scale estimated.
#[derive(Debug, Clone)]
pub struct Fitted {
    pub structure: Structure,
    /// Irregular, level, then slope and season where present; absolute, in squared units of the series.
    pub variances: Vec<f64>,
    /// Coefficients of the controls.
    pub coefficients: Vec<f64>,
    pub log_likelihood: f64,
    /// Log of the likelihood with coefficients and scale integrated out (flat priors), up to a constant.
    pub integrated_likelihood: f64,
    /// Observations less the start and the coefficients.
    pub df: usize,
    /// Scale: the factor from relative to absolute variances (maximum likelihood).
    scale: f64,
    /// Sum of squares of the standardised innovations.
    ssr: f64,
    relative: Vec<f64>,
    cross_inverse: DMatrix<f64>,
    /// Predicted state after the last observation, of the series and of each control.
    state: DMatrix<f64>,
    covariance: DMatrix<f64>,
}

/// Filters `y` and `controls` (equal lengths) at relative `variances`.
fn filter(structure: Structure, relative: &[f64], y: &[f64], controls: &[&[f64]]) -> Result<Fitted> {
    let states = structure.states();
    let series = 1 + controls.len();
    let transition = structure.transition();
    let z = structure.observation();
    let disturbance = structure.disturbance(relative);
    let mut state = DMatrix::zeros(states, series);
    let mut covariance = DMatrix::from_diagonal_element(states, states, VAGUE);
    let burn = states;
    let mut ln_f = 0.0;
    let used = y.len() - burn;
    let mut standard_y = Vec::with_capacity(used);
    let mut standard_x = DMatrix::zeros(used, controls.len());
    for t in 0..y.len() {
        if states == 1 {
            // The common case without matrices: the same arithmetic at a fraction of the cost.
            let variance: f64 = covariance[(0, 0)];
            let f = variance + relative[0];
            let root = f.sqrt();
            if t >= burn {
                ln_f += f.ln();
            }
            for j in 0..series {
                let value = if j == 0 { y[t] } else { controls[j - 1][t] };
                let innovation = value - state[(0, j)];
                match (t >= burn, j) {
                    (false, _) => {}
                    (true, 0) => standard_y.push(innovation / root),
                    (true, _) => standard_x[(t - burn, j - 1)] = innovation / root,
                }
                state[(0, j)] += variance / f * innovation;
            }
            covariance[(0, 0)] = variance - variance * variance / f + disturbance[0];
            continue;
        }
        let pz = &covariance * &z;
        let f = z.dot(&pz) + relative[0];
        let gain = &transition * &pz / f;
        let predicted = state.tr_mul(&z);
        let innovations = DVector::from_fn(series, |j, _| {
            let value = if j == 0 { y[t] } else { controls[j - 1][t] };
            value - predicted[j]
        });
        if t >= burn {
            let root = f.sqrt();
            ln_f += f.ln();
            standard_y.push(innovations[0] / root);
            for j in 1..series {
                standard_x[(t - burn, j - 1)] = innovations[j] / root;
            }
        }
        state = &transition * &state + &gain * innovations.transpose();
        let kept = &covariance - &pz * pz.transpose() / f;
        covariance = &transition * kept * transition.transpose();
        for s in 0..states {
            covariance[(s, s)] += disturbance[s];
        }
    }
    let n = used as f64;
    let (coefficients, ssr, cross_inverse) = if controls.is_empty() {
        let ssr = standard_y.iter().map(|v| v * v).sum();
        (Vec::new(), ssr, DMatrix::zeros(0, 0))
    } else {
        let names: Vec<String> = (1..=controls.len()).map(|j| format!("control {j}")).collect();
        let views: Vec<&str> = names.iter().map(String::as_str).collect();
        let design = Design::new(standard_x, &views)?;
        let fit = design.fit(&standard_y)?;
        (fit.coefficients, fit.ssr, fit.cross_inverse)
    };
    if ssr <= 0.0 {
        return Err(EvidenceError::NotIdentifiable { reason: "the model follows the series without any error".into() });
    }
    let k = coefficients.len();
    let scale = ssr / n;
    let ln_cross = if k == 0 { 0.0 } else { cross_inverse.determinant().max(f64::MIN_POSITIVE).ln() };
    let df = used - k;
    Ok(Fitted {
        structure,
        variances: relative.iter().map(|v| v * scale).collect(),
        log_likelihood: -0.5 * (n * (2.0 * std::f64::consts::PI).ln() + ln_f + n * scale.ln() + n),
        integrated_likelihood: -0.5 * ln_f + 0.5 * ln_cross - 0.5 * df as f64 * ssr.ln(),
        coefficients,
        df,
        scale,
        ssr,
        relative: relative.to_vec(),
        cross_inverse,
        state,
        covariance,
    })
}

/// Fits by maximum likelihood.
///
/// # Errors
/// Too few points (states + controls + 3 at least), collinear controls, or a season shorter than 2.
pub fn fit(structure: Structure, y: &[f64], controls: &[&[f64]]) -> Result<Fitted> {
    check(structure, y, controls)?;
    if structure.ratios() == 1 {
        let at = |share: f64| filter(structure, &[1.0 - share, share], y, controls);
        let shares = share_grid();
        let mut best = at(shares[0])?;
        let mut place = 0;
        for (i, &share) in shares.iter().enumerate().skip(1) {
            let candidate = at(share)?;
            if candidate.log_likelihood > best.log_likelihood {
                best = candidate;
                place = i;
            }
        }
        // Golden section between the neighbours of the best grid point, on the scale of log odds.
        let odds = |share: f64| (share / (1.0 - share)).ln();
        if place > 0 && place + 1 < shares.len() {
            let mut low = odds(shares[place - 1]).max(-40.0);
            let mut high = odds(shares[place + 1]).min(40.0);
            const GOLDEN: f64 = 0.618_033_988_749_895;
            let at_odds = |o: f64| at(1.0 / (1.0 + (-o).exp()));
            let (mut a, mut b) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
            let (mut fa, mut fb) = (at_odds(a)?, at_odds(b)?);
            // The section keeps one of its two points: a step costs one likelihood.
            for _ in 0..60 {
                if fa.log_likelihood >= fb.log_likelihood {
                    (high, b, fb) = (b, a, fa);
                    a = high - GOLDEN * (high - low);
                    fa = at_odds(a)?;
                } else {
                    (low, a, fa) = (a, b, fb);
                    b = low + GOLDEN * (high - low);
                    fb = at_odds(b)?;
                }
            }
            for end in [fa, fb] {
                if end.log_likelihood > best.log_likelihood {
                    best = end;
                }
            }
        }
        return Ok(best);
    }
    let objective = |logs: &[f64]| -> f64 {
        let mut relative = vec![1.0];
        relative.extend(logs.iter().map(|v| v.clamp(-30.0, 20.0).exp()));
        filter(structure, &relative, y, controls).map_or(f64::INFINITY, |f| -f.log_likelihood)
    };
    let mut best: Option<(f64, Vec<f64>)> = None;
    for start in [-2.0, -6.0, 1.0] {
        let found = simplex(&objective, vec![start; structure.ratios()]);
        if best.as_ref().is_none_or(|(value, _)| found.0 < *value) {
            best = Some(found);
        }
    }
    let (_, logs) = best.expect("three starts were tried");
    let mut relative = vec![1.0];
    relative.extend(logs.iter().map(|v| v.clamp(-30.0, 20.0).exp()));
    filter(structure, &relative, y, controls)
}

/// Local levels over a grid of drift, each with its posterior weight (weights sum to one).
///
/// Flat prior on the share √q / (1 + √q) of the level's standard deviation, q being the variance ratio.
///
/// # Errors
/// As [`fit`].
pub fn local_levels(y: &[f64], controls: &[&[f64]]) -> Result<Vec<(f64, Fitted)>> {
    let structure = Structure::LOCAL_LEVEL;
    check(structure, y, controls)?;
    const POINTS: usize = 24;
    let fits = (0..POINTS)
        .map(|i| {
            let u = (i as f64 + 0.5) / POINTS as f64;
            let root = u / (1.0 - u);
            let q = root * root;
            filter(structure, &[1.0 / (1.0 + q), q / (1.0 + q)], y, controls)
        })
        .collect::<Result<Vec<_>>>()?;
    let most = fits.iter().map(|f| f.integrated_likelihood).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = fits.iter().map(|f| (f.integrated_likelihood - most).exp()).collect();
    let total: f64 = weights.iter().sum();
    Ok(weights.into_iter().map(|w| w / total).zip(fits).filter(|(w, _)| *w > 1e-6).collect())
}

fn share_grid() -> Vec<f64> {
    let mut grid = vec![0.0];
    grid.extend((-36..=36).map(|i| 1.0 / (1.0 + (-f64::from(i) * 0.5).exp())));
    grid.push(1.0);
    grid
}

fn check(structure: Structure, y: &[f64], controls: &[&[f64]]) -> Result<()> {
    if let Some(season) = structure.season
        && season < 2
    {
        return Err(EvidenceError::OutOfRange { name: "season", value: season as f64, bound: "at least 2".into() });
    }
    crate::table::require_varying("y", y)?;
    crate::table::require_observations(
        "a structural model before the event",
        y.len(),
        structure.states() + controls.len() + 3,
    )
}

/// Nelder and Mead's (1965) simplex search for a minimum.
fn simplex(objective: &dyn Fn(&[f64]) -> f64, start: Vec<f64>) -> (f64, Vec<f64>) {
    let n = start.len();
    let mut points: Vec<(f64, Vec<f64>)> = vec![(objective(&start), start.clone())];
    for i in 0..n {
        let mut point = start.clone();
        point[i] += 2.0;
        points.push((objective(&point), point));
    }
    for _ in 0..200 * n {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if points[n].0 - points[0].0 < 1e-10 * points[0].0.abs().max(1.0) {
            break;
        }
        let centre: Vec<f64> = (0..n).map(|i| points[..n].iter().map(|p| p.1[i]).sum::<f64>() / n as f64).collect();
        let along = |factor: f64| -> (f64, Vec<f64>) {
            let point: Vec<f64> = (0..n).map(|i| centre[i] + factor * (points[n].1[i] - centre[i])).collect();
            (objective(&point), point)
        };
        let reflected = along(-1.0);
        let next = if reflected.0 < points[0].0 {
            let expanded = along(-2.0);
            if expanded.0 < reflected.0 { expanded } else { reflected }
        } else if reflected.0 < points[n - 1].0 {
            reflected
        } else {
            let contracted = along(0.5);
            if contracted.0 < points[n].0 {
                contracted
            } else {
                let best = points[0].1.clone();
                for point in points.iter_mut().skip(1) {
                    for (value, b) in point.1.iter_mut().zip(&best) {
                        *value = 0.5 * (*value + b);
                    }
                    point.0 = objective(&point.1);
                }
                continue;
            }
        };
        points[n] = next;
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.swap_remove(0)
}

/// A forecast of the series as if nothing new had happened.
#[derive(Debug, Clone)]
pub struct Path {
    pub mean: Vec<f64>,
    /// Covariance of the errors with coefficients and variances taken as known.
    pub plug_in: DMatrix<f64>,
    /// What the uncertainty of the coefficients adds; multiply by Student's t with `df`.
    pub with_coefficients: DMatrix<f64>,
    pub df: usize,
}

impl Fitted {
    /// Continues the series over the controls' future values.
    pub fn forecast(&self, future: &[&[f64]], steps: usize) -> Path {
        let transition = self.structure.transition();
        let z = self.structure.observation();
        let disturbance = self.structure.disturbance(&self.relative);
        let k = self.coefficients.len();
        let mut state = self.state.clone();
        let mut covariance = self.covariance.clone();
        let mut mean = Vec::with_capacity(steps);
        let mut plug_in = DMatrix::zeros(steps, steps);
        let mut surprise = DMatrix::zeros(steps, k);
        let mut ahead: Vec<DVector<f64>> = Vec::with_capacity(steps);
        for t in 0..steps {
            let predicted = state.tr_mul(&z);
            let mut value = predicted[0];
            for j in 0..k {
                let gap = future[j][t] - predicted[j + 1];
                surprise[(t, j)] = gap;
                value += gap * self.coefficients[j];
            }
            mean.push(value);
            for (s, carried) in ahead.iter_mut().enumerate() {
                *carried = &transition * &*carried;
                let shared = z.dot(carried) * self.scale;
                plug_in[(s, t)] = shared;
                plug_in[(t, s)] = shared;
            }
            let pz = &covariance * &z;
            plug_in[(t, t)] = (z.dot(&pz) + self.relative[0]) * self.scale;
            ahead.push(pz);
            state = &transition * state;
            covariance = &transition * covariance * transition.transpose();
            for s in 0..covariance.nrows() {
                covariance[(s, s)] += disturbance[s];
            }
        }
        // The unbiased scale, because Student's t is applied to it.
        let unbiased = self.ssr / self.df as f64;
        let through = if k == 0 {
            DMatrix::zeros(steps, steps)
        } else {
            &surprise * &self.cross_inverse * surprise.transpose() * unbiased
        };
        let with_coefficients = &plug_in * (unbiased / self.scale) + through;
        Path { mean, plug_in, with_coefficients, df: self.df }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn a_drifting_level_is_told_from_noise() {
        let mut random = Random::new(61);
        let noise: Vec<f64> = (0..200).map(|_| random.normal()).collect();
        let mut level = 0.0;
        let walk: Vec<f64> = noise
            .iter()
            .map(|e| {
                level += e;
                level
            })
            .collect();
        let share = |y: &[f64]| {
            let fit = fit(Structure::LOCAL_LEVEL, y, &[]).expect("fits");
            fit.variances[1] / (fit.variances[0] + fit.variances[1])
        };
        assert!(share(&noise) < 0.05);
        assert!(share(&walk) > 0.8);
    }

    #[test]
    fn without_drift_the_level_model_is_least_squares() {
        let mut random = Random::new(62);
        let x: Vec<f64> = (0..80).map(|_| random.normal()).collect();
        let y: Vec<f64> = x.iter().map(|x| 3.0 + 2.0 * x + 0.1 * random.normal()).collect();
        let filtered = filter(Structure::LOCAL_LEVEL, &[1.0, 0.0], &y, &[&x]).expect("fits");
        let ones = vec![1.0; 80];
        let plain = crate::statistics::least_squares::fit(&[("c", &ones), ("x", &x)], &y).expect("fits");
        assert!((filtered.coefficients[0] - plain.coefficients[1]).abs() < 1e-5);
        assert!((filtered.ssr / plain.ssr - 1.0).abs() < 1e-4);
    }

    #[test]
    fn a_season_and_a_slope_are_continued() {
        let y: Vec<f64> = (0..84)
            .map(|t| {
                5.0 + 0.1 * f64::from(t)
                    + [3.0, -1.0, 0.0, 1.0, -2.0, -1.0, 0.0][t as usize % 7]
                    + 0.01 * f64::from(t * 31 % 17)
            })
            .collect();
        let structure = Structure { slope: true, season: Some(7) };
        let path = fit(structure, &y[..70], &[]).expect("fits").forecast(&[], 14);
        for (predicted, actual) in path.mean.iter().zip(&y[70..]) {
            assert!((predicted - actual).abs() < 0.3, "{predicted} {actual}");
        }
    }
}
