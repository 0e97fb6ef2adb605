//! Vector autoregression: each series on the past of all of them.
//!
//! Lütkepohl (2005), New Introduction to Multiple Time Series Analysis, chapters 2 to 4.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use crate::error::{EvidenceError, Result};
use crate::statistics::distributions::f_upper;
use crate::statistics::least_squares::Design;
use crate::table::{Table, require_observations};

/// A fitted vector autoregression of order `lags` with a constant.
#[derive(Debug, Clone)]
pub struct Var {
    pub names: Vec<String>,
    pub lags: usize,
    /// Rows of the regression: length of the series minus `lags`.
    pub nobs: usize,
    /// Row 0 holds the constants, then one row per (lag, series); one column per equation.
    pub params: DMatrix<f64>,
    /// Covariance of the residuals, degrees of freedom removed.
    pub sigma_u: DMatrix<f64>,
    /// The same divided by `nobs`: the maximum-likelihood estimate.
    pub sigma_ml: DMatrix<f64>,
    pub log_likelihood: f64,
    pub criteria: Criteria,
    cross_inverse: DMatrix<f64>,
    last: DMatrix<f64>,
}

/// Criteria of fit less complexity: smaller is better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Criteria {
    pub aic: f64,
    pub bic: f64,
    pub hqic: f64,
    pub fpe: f64,
}

/// The order each criterion chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectedOrder {
    pub aic: usize,
    pub bic: usize,
    pub hqic: usize,
    pub fpe: usize,
}

/// A test that one series does not help to predict another within the system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemCausality {
    pub cause: String,
    pub effect: String,
    pub stat: f64,
    pub p: f64,
}

/// Fits an order-`lags` vector autoregression to the columns of `data` (rows in time order, no gaps).
///
/// # Errors
/// Constant or collinear columns, or fewer rows than `lags (k + 1) + 2` for k columns.
pub fn fit(data: &Table, lags: usize) -> Result<Var> {
    if lags == 0 {
        return Err(EvidenceError::OutOfRange { name: "lags", value: 0.0, bound: "at least 1".into() });
    }
    data.require_varying()?;
    fit_from(data, lags, lags)
}

/// Fits on the rows after `skip`, so that orders can be compared on the same rows. Order 0 is a mean.
fn fit_from(data: &Table, lags: usize, skip: usize) -> Result<Var> {
    let k = data.width();
    let per_equation = k * lags + 1;
    require_observations(
        &format!("a vector autoregression of {k} series with {lags} lags"),
        data.rows(),
        skip + per_equation + 1,
    )?;
    let nobs = data.rows() - skip;
    let mut names = vec!["const".to_string()];
    let mut x = DMatrix::from_element(nobs, per_equation, 1.0);
    for lag in 1..=lags {
        for (j, column) in data.columns().iter().enumerate() {
            x.column_mut(1 + (lag - 1) * k + j).copy_from_slice(&column[skip - lag..skip - lag + nobs]);
            names.push(format!("{} {lag} back", data.names()[j]));
        }
    }
    let name_views: Vec<&str> = names.iter().map(String::as_str).collect();
    let design = Design::new(x, &name_views)?;
    let mut params = DMatrix::zeros(per_equation, k);
    let mut residuals = DMatrix::zeros(nobs, k);
    for (j, column) in data.columns().iter().enumerate() {
        let equation = design.fit(&column[skip..])?;
        params.column_mut(j).copy_from_slice(&equation.coefficients);
        residuals.column_mut(j).copy_from_slice(&equation.residuals);
    }
    let sse = residuals.tr_mul(&residuals);
    let n = nobs as f64;
    let df = (nobs - per_equation) as f64;
    let sigma_ml = &sse / n;
    let ln_det = ln_determinant(&sigma_ml)?;
    let free = (per_equation * k) as f64;
    let criteria = Criteria {
        aic: ln_det + 2.0 / n * free,
        bic: ln_det + n.ln() / n * free,
        hqic: ln_det + 2.0 * n.ln().ln() / n * free,
        fpe: ((n + per_equation as f64) / df).powi(k as i32) * ln_det.exp(),
    };
    let log_likelihood = -0.5 * n * k as f64 * (2.0 * std::f64::consts::PI).ln() - 0.5 * n * (ln_det + k as f64);
    let last = DMatrix::from_fn(lags, k, |back, j| data.columns()[j][data.rows() - 1 - back]);
    Ok(Var {
        names: data.names().to_vec(),
        lags,
        nobs,
        params,
        sigma_u: &sse / df,
        sigma_ml,
        log_likelihood,
        criteria,
        cross_inverse: design.cross_inverse().clone(),
        last,
    })
}

fn ln_determinant(matrix: &DMatrix<f64>) -> Result<f64> {
    let factor = matrix.clone().cholesky().ok_or_else(|| EvidenceError::Singular {
        what: "residual covariances".into(),
        hint: "one series is determined by the others; leave it out".into(),
    })?;
    Ok(2.0 * factor.l().diagonal().iter().map(|d| d.ln()).sum::<f64>())
}

/// Chooses the order by each criterion among 0 to `max_lags`, all fitted on the same rows.
///
/// # Errors
/// As [`fit`], for the largest order.
pub fn select_order(data: &Table, max_lags: usize) -> Result<SelectedOrder> {
    data.require_varying()?;
    let candidates =
        (0..=max_lags).map(|lags| Ok(fit_from(data, lags, max_lags)?.criteria)).collect::<Result<Vec<_>>>()?;
    let best = |value: fn(&Criteria) -> f64| {
        (0..candidates.len()).min_by(|&a, &b| value(&candidates[a]).total_cmp(&value(&candidates[b]))).unwrap_or(0)
    };
    Ok(SelectedOrder { aic: best(|c| c.aic), bic: best(|c| c.bic), hqic: best(|c| c.hqic), fpe: best(|c| c.fpe) })
}

impl Var {
    /// The coefficient matrix of a lag (1 to `lags`): entry (i, j) is the effect of series j on series i.
    pub fn coefficient_matrix(&self, lag: usize) -> DMatrix<f64> {
        let k = self.names.len();
        self.params.rows(1 + (lag - 1) * k, k).transpose()
    }

    /// Largest modulus of the companion matrix's eigenvalues. At 1 or above the system explodes or wanders.
    pub fn largest_root(&self) -> f64 {
        let k = self.names.len();
        let size = k * self.lags;
        let mut companion = DMatrix::zeros(size, size);
        for lag in 1..=self.lags {
            companion.view_mut((0, (lag - 1) * k), (k, k)).copy_from(&self.coefficient_matrix(lag));
        }
        for i in k..size {
            companion[(i, i - k)] = 1.0;
        }
        companion.complex_eigenvalues().iter().map(|root| root.norm()).fold(0.0, f64::max)
    }

    /// Whether shocks die out.
    pub fn is_stable(&self) -> bool {
        self.largest_root() < 1.0
    }

    /// The next `steps` values: one row per step, one column per series.
    pub fn forecast(&self, steps: usize) -> DMatrix<f64> {
        let k = self.names.len();
        let mut past: Vec<DVector<f64>> = (0..self.lags).map(|back| self.last.row(back).transpose()).collect();
        let mut path = DMatrix::zeros(steps, k);
        for step in 0..steps {
            let mut next: DVector<f64> = self.params.row(0).transpose();
            for lag in 1..=self.lags {
                next += self.coefficient_matrix(lag) * &past[lag - 1];
            }
            path.row_mut(step).copy_from(&next.transpose());
            past.insert(0, next);
            past.pop();
        }
        path
    }

    /// F tests of every ordered pair: does the past of `cause` help to predict `effect`, given all others?
    pub fn causality(&self) -> Vec<SystemCausality> {
        let k = self.names.len();
        let mut tests = Vec::new();
        for cause in 0..k {
            for effect in (0..k).filter(|&effect| effect != cause) {
                let rows: Vec<usize> = (0..self.lags).map(|l| 1 + l * k + cause).collect();
                let b = DVector::from_iterator(self.lags, rows.iter().map(|&r| self.params[(r, effect)]));
                let covariance = DMatrix::from_fn(self.lags, self.lags, |i, j| {
                    self.cross_inverse[(rows[i], rows[j])] * self.sigma_u[(effect, effect)]
                });
                let solved = covariance.cholesky().map_or_else(|| b.clone() * f64::NAN, |factor| factor.solve(&b));
                let restrictions = self.lags as f64;
                let stat = b.dot(&solved) / restrictions;
                let df = (self.nobs - k * self.lags - 1) as f64;
                tests.push(SystemCausality {
                    cause: self.names[cause].clone(),
                    effect: self.names[effect].clone(),
                    stat,
                    p: f_upper(stat, restrictions, k as f64 * df),
                });
            }
        }
        tests
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::random::Random;

    /// Three series: a drives b after one step, b drives c after one step.
    pub(crate) fn chain(seed: u64, n: usize) -> Table {
        let mut random = Random::new(seed);
        let mut rows = vec![vec![0.0; 3]];
        for t in 1..n {
            let before = &rows[t - 1];
            let next = vec![
                0.4 * before[0] + random.normal(),
                0.3 * before[1] + 0.6 * before[0] + random.normal(),
                0.2 * before[2] - 0.5 * before[1] + random.normal(),
            ];
            rows.push(next);
        }
        let names = ["a", "b", "c"].map(String::from);
        Table::from_rows(&rows, &names).expect("finite")
    }

    #[test]
    fn coefficients_of_a_known_system_are_recovered() {
        let var = fit(&chain(4, 4000), 1).expect("fits");
        let a = var.coefficient_matrix(1);
        for (i, j, value) in [(0, 0, 0.4), (1, 0, 0.6), (2, 1, -0.5), (0, 2, 0.0)] {
            assert!((a[(i, j)] - value).abs() < 0.06, "{a}");
        }
        assert!(var.is_stable());
    }

    #[test]
    fn every_criterion_finds_the_order_of_a_long_series() {
        let order = select_order(&chain(5, 3000), 5).expect("fits");
        assert_eq!((order.bic, order.hqic), (1, 1));
    }

    #[test]
    fn forecasts_return_to_the_mean() {
        let var = fit(&chain(6, 500), 2).expect("fits");
        let path = var.forecast(200);
        let distance = (path.row(199) - path.row(198)).norm();
        assert!(distance < 1e-9);
    }

    #[test]
    fn the_only_true_paths_are_significant() {
        let var = fit(&chain(7, 1500), 1).expect("fits");
        for test in var.causality() {
            let truth = matches!((test.cause.as_str(), test.effect.as_str()), ("a", "b") | ("b", "c"));
            assert_eq!(test.p < 1e-6, truth, "{test:?}");
        }
    }
}
