//! What a shock to one series does to the others, and whose shocks their uncertainty comes from.
//!
//! Lütkepohl (2005), sections 2.3.2 and 2.3.3; bands by residual-free simulation from the
//! coefficients' estimates would need a prior, so bands are left to the caller's bootstrap.

use nalgebra::DMatrix;

use super::var::Var;
use crate::error::{EvidenceError, Result};

/// Responses by horizon 0, 1, …: entry (i, j) is the response of series i to a shock in series j.
pub struct Responses {
    /// To a unit shock in one residual, the others held.
    pub plain: Vec<DMatrix<f64>>,
    /// To a shock of one standard deviation after orthogonalisation (Cholesky) in the order of the columns:
    /// a series reacts at once only to those before it.
    pub orthogonal: Vec<DMatrix<f64>>,
}

/// Impulse responses up to `horizon` steps (so `horizon + 1` matrices).
///
/// # Errors
/// [`EvidenceError::Singular`] when one series' shocks are determined by the others'.
pub fn impulse_responses(var: &Var, horizon: usize) -> Result<Responses> {
    let k = var.names.len();
    let factor = var
        .sigma_u
        .clone()
        .cholesky()
        .ok_or_else(|| EvidenceError::Singular {
            what: "residual covariances".into(),
            hint: "one series is determined by the others; leave it out".into(),
        })?
        .l();
    let mut plain = vec![DMatrix::identity(k, k)];
    for h in 1..=horizon {
        let mut next = DMatrix::zeros(k, k);
        for lag in 1..=var.lags.min(h) {
            next += &plain[h - lag] * var.coefficient_matrix(lag);
        }
        plain.push(next);
    }
    let orthogonal = plain.iter().map(|m| m * &factor).collect();
    Ok(Responses { plain, orthogonal })
}

/// Shares of the forecast-error variance: `[series][horizon - 1][shock]`, each row summing to one.
///
/// # Errors
/// As [`impulse_responses`].
pub fn variance_decomposition(var: &Var, horizon: usize) -> Result<Vec<Vec<Vec<f64>>>> {
    let responses = impulse_responses(var, horizon.saturating_sub(1))?.orthogonal;
    let k = var.names.len();
    let shares = (0..k)
        .map(|series| {
            let mut sums = vec![0.0; k];
            responses
                .iter()
                .map(|response| {
                    for (shock, sum) in sums.iter_mut().enumerate() {
                        *sum += response[(series, shock)].powi(2);
                    }
                    let total: f64 = sums.iter().sum();
                    sums.iter().map(|sum| sum / total).collect()
                })
                .collect()
        })
        .collect();
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::super::var::{fit, tests::chain};
    use super::*;

    #[test]
    fn shares_of_variance_sum_to_one() {
        let var = fit(&chain(8, 300), 2).expect("fits");
        for series in variance_decomposition(&var, 10).expect("regular") {
            for row in series {
                assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                assert!(row.iter().all(|share| (0.0..=1.0).contains(share)));
            }
        }
    }

    #[test]
    fn a_shock_travels_along_the_chain() {
        let var = fit(&chain(9, 4000), 1).expect("fits");
        let plain = impulse_responses(&var, 3).expect("regular").plain;
        // a reaches c only after two steps, through b: 0.6 * -0.5.
        assert!(plain[1][(2, 0)].abs() < 0.06);
        assert!((plain[2][(2, 0)] + 0.3).abs() < 0.08);
    }
}
