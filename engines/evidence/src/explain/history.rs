//! A regression on the time before a change, with its memory (autocorrelation) taken out.
//!
//! Generalised least squares with autoregressive errors: Prais and Winsten's idea with the order by
//! BIC. Whitened rows are nearly independent, so that Student's t and resampling of rows are honest.

use nalgebra::DMatrix;

use crate::error::Result;
use crate::statistics::least_squares::{Design, LeastSquares};

/// Longest memory considered, in points.
const LONGEST_MEMORY: usize = 8;

/// A fit on whitened rows.
pub(super) struct Whitened {
    pub fit: LeastSquares,
    /// Autoregressive coefficients of the errors.
    pub memory: Vec<f64>,
    /// Errors before whitening.
    pub errors: Vec<f64>,
    pub rows: DMatrix<f64>,
    pub target: Vec<f64>,
}

/// Fits `y` on `columns` (all of the same length) with autoregressive errors.
pub(super) fn whitened(columns: &[&[f64]], names: &[&str], y: &[f64]) -> Result<Whitened> {
    let n = y.len();
    let x = DMatrix::from_fn(n, columns.len(), |t, j| columns[j][t]);
    let plain = Design::new(x.clone(), names)?.fit(y)?;
    let mut errors = plain.residuals;
    let mut answer = None;
    // Two rounds: the memory is re-estimated from the errors of the better coefficients.
    for _ in 0..2 {
        let memory = autoregression(&errors);
        let skip = memory.len();
        let whiten = |series: &dyn Fn(usize) -> f64, t: usize| {
            series(t) - memory.iter().enumerate().map(|(l, a)| a * series(t - l - 1)).sum::<f64>()
        };
        let rows = DMatrix::from_fn(n - skip, columns.len(), |t, j| whiten(&|s| columns[j][s], t + skip));
        let target: Vec<f64> = (skip..n).map(|t| whiten(&|s| y[s], t)).collect();
        let fit = Design::new(rows.clone(), names)?.fit(&target)?;
        errors =
            (0..n).map(|t| y[t] - columns.iter().zip(&fit.coefficients).map(|(c, b)| c[t] * b).sum::<f64>()).collect();
        answer = Some(Whitened { fit, memory, errors: errors.clone(), rows, target });
    }
    Ok(answer.expect("two rounds were run"))
}

/// Yule-Walker coefficients by Durbin's recursion, the order chosen by BIC.
pub(super) fn autoregression(errors: &[f64]) -> Vec<f64> {
    let n = errors.len();
    let longest = LONGEST_MEMORY.min(n / 10);
    let covariance = |lag: usize| errors[lag..].iter().zip(errors).map(|(a, b)| a * b).sum::<f64>() / n as f64;
    let c: Vec<f64> = (0..=longest).map(covariance).collect();
    if c[0] <= 0.0 {
        return Vec::new();
    }
    let mut best = (n as f64 * c[0].ln(), Vec::new());
    let mut current: Vec<f64> = Vec::new();
    let mut variance = c[0];
    for order in 1..=longest {
        let reflected =
            (c[order] - current.iter().enumerate().map(|(l, a)| a * c[order - l - 1]).sum::<f64>()) / variance;
        let mut next: Vec<f64> =
            (0..current.len()).map(|l| current[l] - reflected * current[current.len() - 1 - l]).collect();
        next.push(reflected);
        current = next;
        variance *= 1.0 - reflected * reflected;
        if variance <= 0.0 {
            break;
        }
        let criterion = n as f64 * variance.ln() + order as f64 * (n as f64).ln();
        if criterion < best.0 {
            best = (criterion, current.clone());
        }
    }
    best.1
}

/// Variance of the mean of the next `steps` errors, given that the last errors are known to be `errors`' end:
/// the effect of each innovation on the sum, squared and added up.
pub(super) fn variance_of_mean(memory: &[f64], innovation: f64, steps: usize) -> f64 {
    let mut response = vec![1.0_f64];
    for t in 1..steps {
        let next = memory.iter().enumerate().filter(|(l, _)| t > *l).map(|(l, a)| a * response[t - l - 1]).sum();
        response.push(next);
    }
    let mut cumulative = 0.0;
    let mut total = 0.0;
    for r in response {
        cumulative += r;
        total += cumulative * cumulative;
    }
    innovation * total / (steps * steps) as f64
}

/// The next `steps` errors to expect, given the past ones.
pub(super) fn continue_errors(memory: &[f64], errors: &[f64], steps: usize) -> Vec<f64> {
    let mut path = errors.to_vec();
    for _ in 0..steps {
        let t = path.len();
        let next = memory.iter().enumerate().map(|(l, a)| a * path[t - l - 1]).sum();
        path.push(next);
    }
    path.split_off(errors.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn the_memory_of_errors_is_found() {
        let mut random = Random::new(81);
        let mut e = vec![0.0];
        for _ in 0..2000 {
            let next = 0.6 * e[e.len() - 1] + random.normal();
            e.push(next);
        }
        let memory = autoregression(&e);
        assert!((memory[0] - 0.6).abs() < 0.06, "{memory:?}");
    }

    #[test]
    fn without_memory_the_mean_of_n_errors_has_one_nth_of_the_variance() {
        assert!((variance_of_mean(&[], 2.0, 10) - 0.2).abs() < 1e-12);
    }
}
