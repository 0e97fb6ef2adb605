//! Ordinary least squares by orthogonal triangularisation, with collinear columns named.

use nalgebra::{DMatrix, DVector};

use super::distributions::{student_quantile_two_sided, student_two_sided};
use crate::error::{EvidenceError, Result};

/// A column counts as collinear when less than this share of its length is new after the columns before it.
///
/// Double precision leaves about 1e-15 times the condition of the columns before; 1e-9 separates that
/// noise from a column that is only strongly correlated.
pub const COLLINEAR: f64 = 1e-9;

/// The fit of `y = X b + e`.
#[derive(Debug, Clone)]
pub struct LeastSquares {
    /// One per column of the design, in its order.
    pub coefficients: Vec<f64>,
    pub residuals: Vec<f64>,
    /// Sum of squared residuals.
    pub ssr: f64,
    /// Rows minus columns.
    pub df_residual: usize,
    /// (X'X)^-1.
    pub cross_inverse: DMatrix<f64>,
}

impl LeastSquares {
    /// Residual variance with degrees of freedom removed.
    pub fn variance(&self) -> f64 {
        self.ssr / self.df_residual as f64
    }

    /// The standard error of coefficient `j` under equal variances.
    pub fn standard_error(&self, j: usize) -> f64 {
        (self.variance() * self.cross_inverse[(j, j)]).sqrt()
    }

    /// Student's t of coefficient `j`.
    pub fn t(&self, j: usize) -> f64 {
        self.coefficients[j] / self.standard_error(j)
    }

    /// Two-sided p-value of coefficient `j`.
    pub fn p(&self, j: usize) -> f64 {
        student_two_sided(self.t(j), self.df_residual as f64)
    }

    /// Confidence interval of coefficient `j` at `level` (0.95 for 95 %).
    pub fn interval(&self, j: usize, level: f64) -> (f64, f64) {
        let half = student_quantile_two_sided(1.0 - level, self.df_residual as f64) * self.standard_error(j);
        (self.coefficients[j] - half, self.coefficients[j] + half)
    }

    /// Maximised Gaussian log-likelihood.
    pub fn log_likelihood(&self) -> f64 {
        let n = self.residuals.len() as f64;
        -0.5 * n * ((2.0 * std::f64::consts::PI * self.ssr / n).ln() + 1.0)
    }
}

/// Fits `y` on the columns of `design` (each with a name for refusals).
///
/// # Errors
/// Fewer rows than columns + 1, columns of other lengths, or a collinear column (named).
pub fn fit(design: &[(&str, &[f64])], y: &[f64]) -> Result<LeastSquares> {
    let n = y.len();
    let k = design.len();
    crate::table::require_observations("least squares", n, k + 1)?;
    for (name, column) in design {
        if column.len() != n {
            return Err(EvidenceError::LengthMismatch {
                column: (*name).to_string(),
                expected: n,
                found: column.len(),
            });
        }
    }
    let mut x = DMatrix::<f64>::zeros(n, k);
    for (j, (_, column)) in design.iter().enumerate() {
        x.column_mut(j).copy_from_slice(column);
    }
    let names: Vec<&str> = design.iter().map(|(name, _)| *name).collect();
    fit_matrix(x, &names, y)
}

/// As [`fit`], on a matrix.
///
/// # Errors
/// As [`fit`].
pub fn fit_matrix(x: DMatrix<f64>, names: &[&str], y: &[f64]) -> Result<LeastSquares> {
    Design::new(x, names)?.fit(y)
}

/// A design matrix made triangular once, for many left-hand sides.
pub struct Design {
    original: DMatrix<f64>,
    qr: nalgebra::QR<f64, nalgebra::Dyn, nalgebra::Dyn>,
    r: DMatrix<f64>,
    scale: Vec<f64>,
    cross_inverse: DMatrix<f64>,
}

impl Design {
    /// Decomposes `x` (rows are observations); `names` are its columns' names, for refusals.
    ///
    /// # Errors
    /// Fewer rows than columns + 1, a column of zeros, or a collinear column (named).
    pub fn new(x: DMatrix<f64>, names: &[&str]) -> Result<Self> {
        let (n, k) = x.shape();
        crate::table::require_observations("least squares", n, k + 1)?;
        let name = |j: usize| names.get(j).unwrap_or(&"?").to_string();
        // Columns of unit length: the triangular factor's diagonal is then the share of each column that is new.
        let scale: Vec<f64> = (0..k).map(|j| x.column(j).norm()).collect();
        let mut unit = x.clone();
        for (j, &s) in scale.iter().enumerate() {
            if s == 0.0 {
                return Err(EvidenceError::ConstantColumn { column: name(j), value: 0.0 });
            }
            unit.column_mut(j).scale_mut(1.0 / s);
        }
        let qr = unit.qr();
        let r = qr.r();
        for j in 0..k {
            if r[(j, j)].abs() < COLLINEAR {
                return Err(EvidenceError::CollinearColumn {
                    column: name(j),
                    before: names[..j.min(names.len())].join(", "),
                });
            }
        }
        let r_inverse =
            r.solve_upper_triangular(&DMatrix::identity(k, k)).expect("the diagonal was checked to be away from zero");
        let mut cross_inverse = &r_inverse * r_inverse.transpose();
        for a in 0..k {
            for b in 0..k {
                cross_inverse[(a, b)] /= scale[a] * scale[b];
            }
        }
        Ok(Design { original: x, qr, r, scale, cross_inverse })
    }

    /// (X'X)^-1.
    pub fn cross_inverse(&self) -> &DMatrix<f64> {
        &self.cross_inverse
    }

    /// Fits one left-hand side.
    ///
    /// # Errors
    /// [`EvidenceError::LengthMismatch`].
    pub fn fit(&self, y: &[f64]) -> Result<LeastSquares> {
        let (n, k) = self.original.shape();
        if y.len() != n {
            return Err(EvidenceError::LengthMismatch {
                column: "(left-hand side)".into(),
                expected: n,
                found: y.len(),
            });
        }
        let mut rotated = DVector::from_column_slice(y);
        self.qr.q_tr_mul(&mut rotated);
        let scaled = self
            .r
            .solve_upper_triangular(&rotated.rows(0, k).into_owned())
            .expect("the diagonal was checked to be away from zero");
        let coefficients: Vec<f64> = scaled.iter().zip(&self.scale).map(|(b, s)| b / s).collect();
        let fitted = &self.original * DVector::from_column_slice(&coefficients);
        let residuals: Vec<f64> = y.iter().zip(fitted.iter()).map(|(y, f)| y - f).collect();
        // The rotated tail holds the same sum with less rounding than the residuals do.
        let ssr = rotated.rows(k, n - k).norm_squared();
        Ok(LeastSquares { coefficients, residuals, ssr, df_residual: n - k, cross_inverse: self.cross_inverse.clone() })
    }

    /// What each column takes off the sum of squared residuals of the columns before it, and the sum that all leave:
    /// the fits of every leading part of the design at the cost of one.
    ///
    /// # Errors
    /// [`EvidenceError::LengthMismatch`].
    pub fn sequential(&self, y: &[f64]) -> Result<(Vec<f64>, f64)> {
        let (n, k) = self.original.shape();
        if y.len() != n {
            return Err(EvidenceError::LengthMismatch {
                column: "(left-hand side)".into(),
                expected: n,
                found: y.len(),
            });
        }
        let mut rotated = DVector::from_column_slice(y);
        self.qr.q_tr_mul(&mut rotated);
        let taken = rotated.rows(0, k).iter().map(|v| v * v).collect();
        Ok((taken, rotated.rows(k, n - k).norm_squared()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_is_found_exactly() {
        let x = [1.0, 2.0, 3.0, 4.0];
        let ones = [1.0; 4];
        let y: Vec<f64> = x.iter().map(|x| 3.0 + 2.0 * x).collect();
        let fit = fit(&[("const", &ones), ("x", &x)], &y).expect("fits");
        assert!((fit.coefficients[0] - 3.0).abs() < 1e-12);
        assert!((fit.coefficients[1] - 2.0).abs() < 1e-12);
        assert!(fit.ssr < 1e-24);
    }

    #[test]
    fn the_columns_in_turn_take_off_what_fits_of_their_own_show() {
        let a = [1.0, 2.0, 4.0, 5.0, 9.0, 3.0];
        let b = [0.5, -1.0, 2.0, 0.0, 1.0, 7.0];
        let y = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0];
        let ones = [1.0; 6];
        let design: [(&str, &[f64]); 3] = [("const", &ones), ("a", &a), ("b", &b)];
        let x = DMatrix::from_fn(6, 3, |i, j| design[j].1[i]);
        let (taken, left) = Design::new(x, &["const", "a", "b"]).and_then(|d| d.sequential(&y)).expect("fits");
        for leading in 1..=3 {
            let alone = fit(&design[..leading], &y).expect("fits").ssr;
            assert!((left + taken[leading..].iter().sum::<f64>() - alone).abs() < 1e-12 * alone, "{leading}");
        }
    }

    #[test]
    fn a_collinear_column_is_named() {
        let a = [1.0, 2.0, 3.0, 5.0];
        let ones = [1.0; 4];
        let b: Vec<f64> = a.iter().map(|a| 7.0 - 2.0 * a).collect();
        let refused = fit(&[("const", &ones), ("a", &a), ("b", &b)], &[1.0, 0.0, 1.0, 0.0]);
        assert!(matches!(refused, Err(EvidenceError::CollinearColumn { column, .. }) if column == "b"));
    }
}
