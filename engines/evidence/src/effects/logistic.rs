//! Logistic regression by iteratively reweighted least squares, on an orthogonal basis.
//!
//! McCullagh and Nelder (1989), Generalized Linear Models, section 4.4. The columns are first made
//! orthonormal (QR), so powers and products of covariates cost no digits.

use nalgebra::{DMatrix, DVector};

use crate::error::{EvidenceError, Result};
use crate::statistics::correlation::dot;
use crate::statistics::least_squares::COLLINEAR;
use crate::table::Table;

const MAX_ITERATIONS: usize = 60;
/// A log-odds beyond this means a probability within 1e-13 of certainty: the sign of separation.
const CERTAIN: f64 = 30.0;

/// A fitted logistic regression with a constant.
#[derive(Debug, Clone)]
pub struct Logistic {
    /// Names of the coefficients: `const`, then the covariates.
    pub names: Vec<String>,
    pub coefficients: Vec<f64>,
    pub standard_errors: Vec<f64>,
    pub log_likelihood: f64,
    /// Fitted probability of each row.
    pub probabilities: Vec<f64>,
    /// Fitted log-odds of each row.
    pub log_odds: Vec<f64>,
    pub iterations: usize,
    /// The rows' orthonormal basis and the inverse information in it, for influence functions.
    pub(super) basis: Basis,
}

/// Orthonormal columns spanning the design, and the inverse information of the fit in that basis.
#[derive(Debug, Clone)]
pub(super) struct Basis {
    pub q: DMatrix<f64>,
    pub inverse_information: DMatrix<f64>,
}

/// Fits the probability that `outcome` is true given `covariates`.
///
/// # Errors
/// Collinear covariates (named), perfect or quasi-perfect separation, or both outcomes not present.
pub fn fit(covariates: &Table, outcome: &[bool]) -> Result<Logistic> {
    let n = outcome.len();
    let k = covariates.width() + 1;
    crate::table::require_observations("a logistic regression", n, k + 1)?;
    let mut names = vec!["const".to_string()];
    names.extend(covariates.names().iter().cloned());
    let (q, r) = orthonormal(covariates, n, &names)?;
    let target: Vec<f64> = outcome.iter().map(|&t| f64::from(u8::from(t))).collect();
    let mut gamma = DVector::zeros(k);
    let mut log_odds = DVector::zeros(n);
    let mut likelihood = log_likelihood(log_odds.as_slice(), &target);
    let mut weights = vec![0.25; n];
    let mut probabilities = vec![0.5; n];
    let mut converged = None;
    let mut information = DMatrix::zeros(k, k);
    for iteration in 1..=MAX_ITERATIONS {
        for i in 0..n {
            let p = 1.0 / (1.0 + (-log_odds[i]).exp());
            probabilities[i] = p;
            weights[i] = p * (1.0 - p);
        }
        information = weighted_cross(&q, &weights);
        let score = DVector::from_iterator(
            k,
            (0..k).map(|j| {
                let column = q.column(j);
                column.iter().zip(target.iter().zip(&probabilities)).map(|(q, (t, p))| q * (t - p)).sum::<f64>()
            }),
        );
        let Some(factor) = information.clone().cholesky() else {
            return Err(separation(&log_odds, &names, &gamma, &r));
        };
        let mut step = factor.solve(&score);
        // Halve the step while it lowers the likelihood: Newton's method may overshoot far from the optimum.
        let mut halvings = 0;
        loop {
            let candidate = &gamma + &step;
            let odds = &q * &candidate;
            let value = log_likelihood(odds.as_slice(), &target);
            if value >= likelihood - 1e-12 * likelihood.abs() || halvings == 40 {
                gamma = candidate;
                log_odds = odds;
                likelihood = value;
                break;
            }
            step *= 0.5;
            halvings += 1;
        }
        if likelihood > -1e-8 * n as f64 || separated(&log_odds, &target) {
            return Err(separation(&log_odds, &names, &gamma, &r));
        }
        if step.norm() <= 1e-11 * gamma.norm().max(1e-300) {
            converged = Some(iteration);
            break;
        }
    }
    let Some(iterations) = converged else {
        return Err(separation(&log_odds, &names, &gamma, &r));
    };
    for i in 0..n {
        probabilities[i] = 1.0 / (1.0 + (-log_odds[i]).exp());
    }
    let inverse_information = information.cholesky().expect("it had a factor in the loop").inverse();
    let r_inverse =
        r.solve_upper_triangular(&DMatrix::identity(k, k)).expect("the diagonal was checked to be away from zero");
    let coefficients = &r_inverse * &gamma;
    let covariance = &r_inverse * &inverse_information * r_inverse.transpose();
    Ok(Logistic {
        names,
        coefficients: coefficients.iter().copied().collect(),
        standard_errors: covariance.diagonal().iter().map(|v| v.sqrt()).collect(),
        log_likelihood: likelihood,
        log_odds: linear_predictor(covariates, coefficients.as_slice(), n),
        probabilities,
        iterations,
        basis: Basis { q, inverse_information },
    })
}

/// Sums in the order of the columns: rows alike in their covariates get identical log-odds.
fn linear_predictor(covariates: &Table, coefficients: &[f64], n: usize) -> Vec<f64> {
    (0..n)
        .map(|i| {
            covariates
                .columns()
                .iter()
                .zip(&coefficients[1..])
                .fold(coefficients[0], |sum, (column, b)| sum + column[i] * b)
        })
        .collect()
}

fn orthonormal(covariates: &Table, n: usize, names: &[String]) -> Result<(DMatrix<f64>, DMatrix<f64>)> {
    let k = names.len();
    let mut x = DMatrix::from_element(n, k, 1.0);
    for (j, column) in covariates.columns().iter().enumerate() {
        x.column_mut(j + 1).copy_from_slice(column);
    }
    let scale: Vec<f64> = (0..k).map(|j| x.column(j).norm()).collect();
    for (j, &s) in scale.iter().enumerate() {
        if s == 0.0 {
            return Err(EvidenceError::ConstantColumn { column: names[j].clone(), value: 0.0 });
        }
        x.column_mut(j).scale_mut(1.0 / s);
    }
    let qr = x.qr();
    let mut r = qr.r();
    for j in 0..k {
        if r[(j, j)].abs() < COLLINEAR {
            return Err(EvidenceError::CollinearColumn { column: names[j].clone(), before: names[..j].join(", ") });
        }
    }
    for (j, &s) in scale.iter().enumerate() {
        r.column_mut(j).scale_mut(s);
    }
    Ok((qr.q(), r))
}

/// Q' W Q.
fn weighted_cross(q: &DMatrix<f64>, weights: &[f64]) -> DMatrix<f64> {
    let k = q.ncols();
    let mut scaled = q.clone();
    for j in 0..k {
        for (value, weight) in scaled.column_mut(j).iter_mut().zip(weights) {
            *value *= weight;
        }
    }
    let mut cross = DMatrix::zeros(k, k);
    for a in 0..k {
        for b in 0..=a {
            let sum = dot(scaled.column(a).as_slice(), q.column(b).as_slice());
            cross[(a, b)] = sum;
            cross[(b, a)] = sum;
        }
    }
    cross
}

fn log_likelihood(log_odds: &[f64], target: &[f64]) -> f64 {
    log_odds
        .iter()
        .zip(target)
        .map(|(odds, t)| {
            let signed = if *t > 0.5 { *odds } else { -odds };
            // ln(1 / (1 + e^-s)) without overflow at either end.
            if signed > 0.0 { -(-signed).exp().ln_1p() } else { signed - signed.exp().ln_1p() }
        })
        .sum()
}

/// Whether some direction already predicts every row of one outcome with certainty.
fn separated(log_odds: &DVector<f64>, target: &[f64]) -> bool {
    let certain = |class: f64, sign: f64| {
        log_odds.iter().zip(target).filter(|(_, t)| **t == class).all(|(odds, _)| sign * odds > CERTAIN)
    };
    certain(1.0, 1.0) || certain(0.0, -1.0)
}

fn separation(log_odds: &DVector<f64>, names: &[String], gamma: &DVector<f64>, r: &DMatrix<f64>) -> EvidenceError {
    let certain = log_odds.iter().filter(|odds| odds.abs() > CERTAIN / 2.0).count();
    // The covariate whose own contribution to the log-odds is largest is the one to look at.
    let culprit = (1..names.len())
        .max_by(|&a, &b| {
            let share = |j: usize| (r[(j, j)] * gamma[j] / r[(j, j)].abs().max(1e-300)).abs();
            share(a).total_cmp(&share(b))
        })
        .map_or("the covariates", |j| names[j].as_str());
    EvidenceError::PerfectSeparation {
        detail: format!(
            "{certain} of {} rows are predicted with certainty, most of all by `{culprit}`",
            log_odds.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::study::tests::confounded;
    use super::*;

    #[test]
    fn known_log_odds_are_recovered() {
        let study = confounded(3, 20_000, 0.0);
        let fit = fit(study.covariates(), study.treated()).expect("fits");
        for (estimate, truth) in fit.coefficients.iter().zip([-1.0, 0.8, 0.3]) {
            assert!((estimate - truth).abs() < 0.08, "{:?}", fit.coefficients);
        }
    }

    #[test]
    fn probabilities_sum_to_the_number_of_treated() {
        // The score equation of the constant.
        let study = confounded(4, 500, 0.0);
        let fit = fit(study.covariates(), study.treated()).expect("fits");
        let sum: f64 = fit.probabilities.iter().sum();
        assert!((sum - study.treated_count() as f64).abs() < 1e-9);
    }

    #[test]
    fn perfect_separation_is_refused_and_named() {
        let x: Vec<f64> = (0..40).map(f64::from).collect();
        let outcome: Vec<bool> = x.iter().map(|x| *x > 19.5).collect();
        let noise: Vec<f64> = (0..40).map(|i| f64::from(i * 7 % 11)).collect();
        let table = Table::new(vec![("noise".into(), noise), ("size".into(), x)]).expect("finite");
        let refused = fit(&table, &outcome).expect_err("separated");
        assert!(
            matches!(&refused, EvidenceError::PerfectSeparation { detail } if detail.contains("size")),
            "{refused}"
        );
    }

    #[test]
    fn scaling_a_covariate_scales_its_coefficient_only() {
        let study = confounded(5, 800, 0.0);
        let scaled = Table::new(
            study
                .covariates()
                .names()
                .iter()
                .zip(study.covariates().columns())
                .map(|(name, c)| (name.clone(), c.iter().map(|v| 1e6 * v + 5e6).collect()))
                .collect(),
        )
        .expect("finite");
        let (a, b) =
            (fit(study.covariates(), study.treated()).expect("fits"), fit(&scaled, study.treated()).expect("fits"));
        assert!((a.coefficients[1] / (1e6 * b.coefficients[1]) - 1.0).abs() < 1e-7);
        assert!((a.log_likelihood - b.log_likelihood).abs() < 1e-8);
    }
}
