//! Granger causality: does the past of one series help to predict another beyond its own past?
//!
//! Granger (1969), Econometrica 37:424. A screen, not a proof: a third series that drives both with
//! different delays passes the test too.

use crate::error::{EvidenceError, Result};
use crate::statistics::Matrix;
use crate::statistics::distributions::{chi_square_upper, f_upper, ln_f_upper, log10_from_ln};
use crate::statistics::least_squares::Design;
use crate::table::{require_finite, require_observations, require_varying};
use serde::{Deserialize, Serialize};

/// A statistic with its p-value and degrees of freedom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Test {
    pub stat: f64,
    pub p: f64,
    /// For an F test denominator then numerator; for a chi-square test the one number.
    pub df: Vec<f64>,
}

/// All tests of "no help from x" with `lag` lags of both series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GrangerAtLag {
    pub lag: usize,
    /// From the sums of squared residuals of the restricted and the full regression.
    pub ssr_ftest: Test,
    pub ssr_chi2test: Test,
    /// Likelihood ratio.
    pub lrtest: Test,
    /// Wald test that all coefficients of x are zero.
    pub params_ftest: Test,
    /// Decimal logarithm of the F test's p-value, where the p-value itself underflows.
    pub log10_p: f64,
    /// Coefficients of x at lags 1, 2, … `lag` in the full regression.
    pub coefficients: Vec<f64>,
    /// Two-sided p-value of each of them.
    pub coefficient_p: Vec<f64>,
    /// Akaike's criterion of the full regression on the rows of this lag.
    pub aic: f64,
}

/// Tests at every lag from 1 to `max_lag` whether past `x` helps to predict `y`.
///
/// Both series are in time order, equally spaced, without gaps.
///
/// # Errors
/// NaN, a constant series, different lengths, too few points (3 max_lag + 2 are needed), a perfect fit
/// by y's own past, or collinear lags.
pub fn granger(x: &[f64], y: &[f64], max_lag: usize) -> Result<Vec<GrangerAtLag>> {
    for (name, series) in [("x", x), ("y", y)] {
        require_finite(name, series)?;
        require_varying(name, series)?;
    }
    if x.len() != y.len() {
        return Err(EvidenceError::LengthMismatch { column: "x".into(), expected: y.len(), found: x.len() });
    }
    if max_lag == 0 {
        return Err(EvidenceError::OutOfRange { name: "maxlag", value: 0.0, bound: "at least 1".into() });
    }
    require_observations(&format!("a Granger test with {max_lag} lags"), y.len(), 3 * max_lag + 2)?;
    (1..=max_lag).map(|lag| at_lag(x, y, lag)).collect()
}

fn at_lag(x: &[f64], y: &[f64], lag: usize) -> Result<GrangerAtLag> {
    let n = y.len() - lag;
    let names: Vec<String> = std::iter::once("const".to_string())
        .chain((1..=lag).map(|l| format!("y {l} back")))
        .chain((1..=lag).map(|l| format!("x {l} back")))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let design = Matrix::from_fn(n, 1 + 2 * lag, |t, j| match j {
        0 => 1.0,
        j if j <= lag => y[lag - j + t],
        j => x[2 * lag - j + t],
    });
    let target = &y[lag..];
    let design = Design::new(design, &names)?;
    let full = design.fit(target)?;
    let (taken, _) = design.sequential(target)?;
    let df = full.df_residual as f64;
    let k = lag as f64;
    let level = target.iter().map(|v| v * v).sum::<f64>();
    if full.ssr <= 1e-26 * level {
        return Err(EvidenceError::NotIdentifiable {
            reason: format!("with {lag} lags y is predicted without any error, so no test of x is possible"),
        });
    }
    // From the extra columns' own share: the difference of two nearly equal sums would lose digits.
    let gained = taken[1 + lag..].iter().sum::<f64>();
    let f = gained / full.ssr / k * df;
    let chi = n as f64 * gained / full.ssr;
    let lr = n as f64 * (gained / full.ssr).ln_1p();
    let f_test = Test { stat: f, p: f_upper(f, k, df), df: vec![df, k] };
    let first_x = 1 + lag;
    Ok(GrangerAtLag {
        lag,
        // With F from least squares, Wald and residual forms are the same number.
        params_ftest: f_test.clone(),
        log10_p: log10_from_ln(ln_f_upper(f, k, df)),
        ssr_ftest: f_test,
        ssr_chi2test: Test { stat: chi, p: chi_square_upper(chi, k), df: vec![k] },
        lrtest: Test { stat: lr, p: chi_square_upper(lr, k), df: vec![k] },
        coefficients: full.coefficients[first_x..].to_vec(),
        coefficient_p: (first_x..first_x + lag).map(|j| full.p(j)).collect(),
        aic: -2.0 * full.log_likelihood() + 2.0 * full.coefficients.len() as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use proptest::prelude::*;

    fn pair(seed: u64, n: usize, strength: f64) -> (Vec<f64>, Vec<f64>) {
        let mut random = Random::new(seed);
        let x: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let mut y = vec![random.normal()];
        for t in 1..n {
            let next = 0.5 * y[t - 1] + strength * x[t - 1] + random.normal();
            y.push(next);
        }
        (x, y)
    }

    #[test]
    fn a_planted_delay_is_found_in_its_direction_only() {
        let (x, y) = pair(2, 200, 0.8);
        assert!(granger(&x, &y, 2).expect("tests")[0].ssr_ftest.p < 1e-10);
        assert!(granger(&y, &x, 2).expect("tests")[0].ssr_ftest.p > 0.01);
    }

    #[test]
    fn false_alarms_come_at_the_promised_rate() {
        let alarms = (0..400)
            .filter(|&seed| {
                let (x, y) = pair(1000 + seed, 120, 0.0);
                granger(&x, &y, 3).expect("tests")[2].ssr_ftest.p < 0.05
            })
            .count();
        // 400 draws at 5 %: 20 expected, standard deviation 4.4.
        assert!((8..=34).contains(&alarms), "{alarms}");
    }

    #[test]
    fn identical_series_are_refused_by_name() {
        let (x, _) = pair(2, 50, 0.0);
        assert!(matches!(granger(&x, &x, 2), Err(EvidenceError::CollinearColumn { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn scale_and_shift_change_nothing(seed in 0u64..1000, scale in 0.01f64..100.0, shift in -50.0f64..50.0) {
            let (x, y) = pair(seed, 60, 0.3);
            let moved: Vec<f64> = x.iter().map(|v| scale * v + shift).collect();
            let (a, b) = (granger(&x, &y, 2).expect("tests"), granger(&moved, &y, 2).expect("tests"));
            for (a, b) in a.iter().zip(&b) {
                prop_assert!((a.ssr_ftest.p - b.ssr_ftest.p).abs() < 1e-8);
                prop_assert!((0.0..=1.0).contains(&a.ssr_ftest.p));
            }
        }
    }
}
