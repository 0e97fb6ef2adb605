//! The exact Gaussian likelihood of an ARMA process by Chandrasekhar's recursions.
//!
//! Morf, Sidhu & Kailath (1974): in a stationary model the state variance changes by a matrix of rank one, so a step
//! costs O(r) instead of the O(r²) of the Kalman filter, r being the longest lag. Means (constant, drift, exogenous
//! columns) are taken out by generalised least squares: the same filter runs over every column.

use super::polynomial::{autocovariances, shock_weights};

/// Result of filtering.
#[derive(Debug, Clone)]
pub(super) struct Likelihood {
    /// Minus twice the log likelihood, the variance concentrated out.
    pub deviance: f64,
    pub variance: f64,
    pub coefficients: Vec<f64>,
}

/// Working memory kept between evaluations.
#[derive(Default)]
pub(super) struct Workspace {
    /// The autoregressive coefficients, with zeros up to the longest lag.
    phi: Vec<f64>,
    gain: Vec<f64>,
    change: Vec<f64>,
    states: Vec<f64>,
    innovations: Vec<f64>,
    first: Vec<f64>,
}

/// Evaluates the likelihood of `columns[0]` given regressors `columns[1..]`, all of one length.
/// `None` when the process is not stationary to working accuracy or the regressors are collinear.
pub(super) fn exact(phi: &[f64], theta: &[f64], columns: &[Vec<f64>], work: &mut Workspace) -> Option<Likelihood> {
    let n = columns[0].len();
    let log_determinant = filter(phi, theta, columns, work)?;
    let k = columns.len();
    let v = &work.innovations;
    let regressors = k - 1;
    let mut normal = vec![0.0; regressors * (regressors + 1)];
    let width = regressors + 1;
    let mut total = 0.0;
    for row in v.chunks_exact(k) {
        total += row[0] * row[0];
        for i in 0..regressors {
            for j in 0..=i {
                normal[i * width + j] += row[i + 1] * row[j + 1];
            }
            normal[i * width + regressors] += row[i + 1] * row[0];
        }
    }
    let coefficients = solve_normal(&mut normal, regressors)?;
    if regressors > 0 {
        total = v
            .chunks_exact(k)
            .map(|row| {
                let explained: f64 = coefficients.iter().zip(&row[1..]).map(|(b, x)| b * x).sum();
                (row[0] - explained) * (row[0] - explained)
            })
            .sum();
    }
    let variance = (total / n as f64).max(1e-300);
    let deviance = n as f64 * (variance.ln() + 1.0 + std::f64::consts::TAU.ln()) + log_determinant;
    deviance.is_finite().then_some(Likelihood { deviance, variance, coefficients })
}

/// One-step forecasts of `y`, and the state after it: `state[0]` forecasts the next point.
pub(super) fn run(phi: &[f64], theta: &[f64], y: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
    let mut work = Workspace::default();
    let columns = [y.to_vec()];
    filter(phi, theta, &columns, &mut work)?;
    let mut fitted = Vec::with_capacity(y.len());
    fitted.extend_from_slice(&work.first);
    Some((fitted, work.states))
}

/// The forecasts of the next `horizon` points from a state.
pub(super) fn extrapolate(phi: &[f64], mut state: Vec<f64>, horizon: usize) -> Vec<f64> {
    let mut out = Vec::with_capacity(horizon);
    for _ in 0..horizon {
        out.push(state[0]);
        advance(phi, &mut state);
    }
    out
}

/// T·a for the companion form in which state i holds what is known at time t of the part of y that is i steps ahead.
fn advance(phi: &[f64], state: &mut [f64]) {
    let first = state[0];
    let r = state.len();
    for i in 0..r - 1 {
        state[i] = state[i + 1];
    }
    state[r - 1] = 0.0;
    for (s, c) in state.iter_mut().zip(phi) {
        *s += c * first;
    }
}

/// Leaves the standardised innovations of all columns (by row) in `work.innovations`; returns Σ ln F.
fn filter(phi: &[f64], theta: &[f64], columns: &[Vec<f64>], work: &mut Workspace) -> Option<f64> {
    let (p, q) = (phi.len(), theta.len());
    let r = p.max(q + 1);
    let k = columns.len();
    let n = columns[0].len();
    let gamma = autocovariances(phi, theta)?;
    let psi = shock_weights(phi, theta, q + 1);
    let mut f = gamma[0];
    work.gain.clear();
    for i in 0..r {
        let from_values: f64 = (i..p).map(|j| phi[j] * gamma[j - i]).sum();
        let from_shocks: f64 = (i + 1..=q).map(|j| theta[j - 1] * psi[j - i - 1]).sum();
        work.gain.push(from_values + from_shocks);
    }
    // One place more, always zero: what comes in behind the last.
    work.change.clear();
    work.change.extend_from_slice(&work.gain);
    work.change.push(0.0);
    work.phi.clear();
    work.phi.extend_from_slice(phi);
    work.phi.resize(r, 0.0);
    let mut factor = -1.0 / f;
    work.states.clear();
    work.states.resize(k * r, 0.0);
    work.innovations.clear();
    work.innovations.reserve(n * k);
    work.first.clear();
    let mut logs = 0.0;
    let mut product = 1.0;
    let mut steady = false;
    for t in 0..n {
        let inverse = 1.0 / f;
        let root = inverse.sqrt();
        work.first.push(work.states[0]);
        for (c, column) in columns.iter().enumerate() {
            let state = &mut work.states[c * r..(c + 1) * r];
            let error = column[t] - state[0];
            work.innovations.push(error * root);
            let first = state[0];
            let pull = error * inverse;
            let (gain, phi) = (&work.gain[..r], &work.phi[..r]);
            for i in 0..r - 1 {
                state[i] = state[i + 1] + pull * gain[i] + phi[i] * first;
            }
            state[r - 1] = pull * gain[r - 1] + phi[r - 1] * first;
        }
        product *= f;
        if !(1e-200..1e200).contains(&product) {
            logs += product.ln();
            product = 1.0;
        }
        if steady {
            continue;
        }
        let z = work.change[0];
        let next = f + factor * z * z;
        if next.is_nan() || next <= 0.0 {
            return None;
        }
        let along = factor * z;
        let back = z / next;
        let (gain, change, phi) = (&mut work.gain[..r], &mut work.change[..=r], &work.phi[..r]);
        for i in 0..r {
            let ahead = change[i + 1] + phi[i] * z;
            gain[i] += along * ahead;
            change[i] = ahead - back * gain[i];
        }
        factor *= next / f;
        f = next;
        if (f - 1.0).abs() < 1e-9 {
            let size: f64 = work.change.iter().map(|y| y * y).sum();
            steady = size * factor.abs() < 1e-9;
        }
    }
    let total = logs + product.ln();
    total.is_finite().then_some(total)
}

/// Solves the lower triangle of `normal` (rows of `size + 1`, the right-hand side last) by Cholesky.
fn solve_normal(normal: &mut [f64], size: usize) -> Option<Vec<f64>> {
    let width = size + 1;
    for i in 0..size {
        for j in 0..=i {
            let mut sum = normal[i * width + j];
            for l in 0..j {
                sum -= normal[i * width + l] * normal[j * width + l];
            }
            if i == j {
                if sum <= 1e-12 * normal[i * width + i].abs() || sum.is_nan() {
                    return None;
                }
                normal[i * width + i] = sum.sqrt();
            } else {
                normal[i * width + j] = sum / normal[j * width + j];
            }
        }
    }
    let mut x = vec![0.0; size];
    for i in 0..size {
        let known: f64 = (0..i).map(|j| normal[i * width + j] * x[j]).sum();
        x[i] = (normal[i * width + size] - known) / normal[i * width + i];
    }
    for i in (0..size).rev() {
        let known: f64 = (i + 1..size).map(|j| normal[j * width + i] * x[j]).sum();
        x[i] = (x[i] - known) / normal[i * width + i];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: a dense multivariate normal density with the process' covariance matrix.
    fn dense_deviance(phi: &[f64], theta: &[f64], y: &[f64]) -> f64 {
        let n = y.len();
        let psi = shock_weights(phi, theta, 4_000);
        let gamma: Vec<f64> = (0..n).map(|k| psi[k..].iter().zip(&psi).map(|(a, b)| a * b).sum::<f64>()).collect();
        let mut l = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
                let sum = gamma[i - j] - known;
                l[i * n + j] = if i == j { sum.sqrt() } else { sum / l[j * n + j] };
            }
        }
        let mut z = vec![0.0; n];
        let mut log_determinant = 0.0;
        for i in 0..n {
            let known: f64 = (0..i).map(|k| l[i * n + k] * z[k]).sum();
            z[i] = (y[i] - known) / l[i * n + i];
            log_determinant += 2.0 * l[i * n + i].ln();
        }
        let variance = z.iter().map(|v| v * v).sum::<f64>() / n as f64;
        n as f64 * (variance.ln() + 1.0 + std::f64::consts::TAU.ln()) + log_determinant
    }

    #[test]
    fn the_recursions_give_the_likelihood_of_the_definition() {
        let y: Vec<f64> = (0..40).map(|t| ((t * 7919 + 31) % 97) as f64 / 10.0 - 4.0).collect();
        let cases: [(&[f64], &[f64]); 5] = [
            (&[0.6], &[]),
            (&[], &[0.5, -0.2]),
            (&[0.5, 0.2], &[0.7]),
            (&[0.3, 0.0, 0.0, 0.5, -0.15], &[0.4, 0.0, 0.0, 0.6, 0.24]),
            (&[0.9], &[0.1, 0.2, 0.3, 0.4]),
        ];
        for (phi, theta) in cases {
            let fast = exact(phi, theta, std::slice::from_ref(&y), &mut Workspace::default()).expect("stationary");
            let slow = dense_deviance(phi, theta, &y);
            assert!((fast.deviance - slow).abs() < 1e-7, "{phi:?} {theta:?} {} {slow}", fast.deviance);
        }
    }

    #[test]
    fn a_constant_column_estimates_the_mean() {
        let y: Vec<f64> = (0..200).map(|t| 5.0 + ((t * 7919 + 31) % 97) as f64 / 97.0 - 0.5).collect();
        let fit = exact(&[0.2], &[], &[y.clone(), vec![1.0; 200]], &mut Workspace::default()).expect("stationary");
        assert!((fit.coefficients[0] - 5.0).abs() < 0.1);
    }
}
