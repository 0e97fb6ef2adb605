//! Covariance of the nodes' one-step errors.

use crate::cholesky::Square;
use crate::error::ForecastError;

/// The times at which every node has an error: for each node its errors there.
pub(super) fn complete(residuals: &[Vec<f64>], nodes: usize) -> Result<Vec<Vec<f64>>, ForecastError> {
    let refuse = |reason: String| Err(ForecastError::Hierarchy { reason });
    if residuals.len() != nodes {
        return refuse(format!("residuals of {} nodes, {nodes} are needed", residuals.len()));
    }
    let length = residuals[0].len();
    if let Some((i, r)) = residuals.iter().enumerate().find(|(_, r)| r.len() != length) {
        return refuse(format!("node {i} has {} residuals, node 0 has {length}", r.len()));
    }
    let times: Vec<usize> = (0..length).filter(|&t| residuals.iter().all(|r| r[t].is_finite())).collect();
    if times.len() < 3 {
        return refuse(format!("{} times with residuals of all nodes; at least 3 are needed", times.len()));
    }
    Ok(residuals.iter().map(|r| times.iter().map(|&t| r[t]).collect()).collect())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Errors around their mean.
fn centred(residuals: &[Vec<f64>]) -> Vec<Vec<f64>> {
    residuals
        .iter()
        .map(|r| {
            let m = mean(r);
            r.iter().map(|v| v - m).collect()
        })
        .collect()
}

/// Variances, a node without any kept from zero by a trace of the others'.
fn variances(errors: &[Vec<f64>]) -> Vec<f64> {
    let n = errors[0].len() as f64;
    let found: Vec<f64> = errors.iter().map(|r| r.iter().map(|v| v * v).sum::<f64>() / (n - 1.0)).collect();
    let least = 2e-8 * mean(&found);
    found.iter().map(|v| if least > 0.0 { v.max(least) } else { 1.0 }).collect()
}

/// Mean squared errors, what a node errs on average included.
pub(super) fn diagonal(residuals: &[Vec<f64>]) -> Square {
    let n = residuals.len();
    let mut out = Square::zeros(n);
    for (i, v) in variances(residuals).into_iter().enumerate() {
        out.rows[i * n + i] = v;
    }
    out
}

/// The sample covariance with its correlations shrunk to zero by the share that minimises the expected squared error
/// (Schäfer & Strimmer 2005, target D).
pub(super) fn shrunk(residuals: &[Vec<f64>]) -> Square {
    let nodes = residuals.len();
    let n = residuals[0].len() as f64;
    let centred = centred(residuals);
    let roots: Vec<f64> = variances(&centred).into_iter().map(f64::sqrt).collect();
    let mut correlations = Square::zeros(nodes);
    let (mut doubt, mut squares) = (0.0, 0.0);
    for i in 0..nodes {
        for j in 0..i {
            let scale = roots[i] * roots[j];
            let products: Vec<f64> = centred[i].iter().zip(&centred[j]).map(|(a, b)| a * b / scale).collect();
            let middle = mean(&products);
            let r = middle * n / (n - 1.0);
            doubt += n / (n - 1.0).powi(3) * products.iter().map(|w| (w - middle) * (w - middle)).sum::<f64>();
            squares += r * r;
            correlations.rows[i * nodes + j] = r;
        }
    }
    let kept = if squares > 0.0 { 1.0 - (doubt / squares).clamp(0.0, 1.0) } else { 0.0 };
    // Never the whole sample correlation: where errors add up exactly, it is singular.
    let kept = kept.min(1.0 - 1e-6);
    for i in 0..nodes {
        for j in 0..i {
            correlations.rows[i * nodes + j] *= kept * roots[i] * roots[j];
        }
        correlations.rows[i * nodes + i] = roots[i] * roots[i];
    }
    correlations
}
