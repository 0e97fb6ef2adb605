//! The augmented Dickey-Fuller test: does a series wander (a unit root), or does it return to a level?
//!
//! Said and Dickey (1984), Biometrika 71:599; p-values by the response surfaces of MacKinnon (1994,
//! JBES 12:167), critical values by MacKinnon (2010, Queen's Economics working paper 1227).

use crate::error::Result;
use crate::statistics::Matrix;
use crate::statistics::distributions::normal_cdf;
use crate::statistics::least_squares::{self, Design};
use crate::table::{require_finite, require_observations, require_varying};
use serde::{Deserialize, Serialize};

/// Deterministic terms of the test regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deterministic {
    None,
    Constant,
    ConstantTrend,
}

/// How many lagged differences the test regression has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LagChoice {
    Fixed(usize),
    /// The number with the least AIC, at most `max` (Schwert's 12 (n/100)^(1/4) when absent).
    Aic {
        max: Option<usize>,
    },
}

/// Critical values at 1, 5 and 10 %.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CriticalValues {
    #[serde(rename = "1%")]
    pub one: f64,
    #[serde(rename = "5%")]
    pub five: f64,
    #[serde(rename = "10%")]
    pub ten: f64,
}

/// The answer of the test. A small `p` speaks against a unit root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DickeyFuller {
    /// t of the lagged level.
    pub stat: f64,
    pub p: f64,
    /// Lagged differences in the regression.
    pub lag: usize,
    /// Rows of the regression.
    pub nobs: usize,
    pub crit: CriticalValues,
}

/// Tests `x`, in time order and without gaps, for a unit root.
///
/// # Errors
/// NaN, a constant series, or too few points for the lags asked for.
pub fn dickey_fuller(x: &[f64], deterministic: Deterministic, lags: LagChoice) -> Result<DickeyFuller> {
    require_finite("x", x)?;
    require_varying("x", x)?;
    let n = x.len();
    let terms = match deterministic {
        Deterministic::None => 0,
        Deterministic::Constant => 1,
        Deterministic::ConstantTrend => 2,
    };
    require_observations("a Dickey-Fuller test", n, 2 * (terms + 2) + 2)?;
    let largest = n / 2 - terms - 1;
    let lag = match lags {
        LagChoice::Fixed(lag) => {
            require_observations("a Dickey-Fuller test with that many lags", n, 2 * (lag + terms + 1))?;
            lag
        }
        LagChoice::Aic { max } => {
            let schwert = (12.0 * (n as f64 / 100.0).powf(0.25)).ceil() as usize;
            let max = max.unwrap_or(schwert).min(largest);
            best_lag(x, deterministic, max)?
        }
    };
    let (design, names, y) = regression(x, deterministic, lag, lag);
    let stat = least_squares::fit_matrix(design, &names, &y)?.t(0);
    let nobs = n - 1 - lag;
    Ok(DickeyFuller { stat, p: p_value(stat, deterministic), lag, nobs, crit: critical_values(deterministic, nobs) })
}

/// AIC over the same rows for every lag, so that the candidates are comparable: one decomposition of the largest
/// regression holds them all, as each lag's columns lead the next one's.
fn best_lag(x: &[f64], deterministic: Deterministic, max: usize) -> Result<usize> {
    let (design, names, y) = regression(x, deterministic, max, max);
    let (taken, left) = Design::new(design, &names)?.sequential(&y)?;
    let n = y.len() as f64;
    let base = taken.len() - max;
    let mut best = (f64::INFINITY, 0);
    for lag in 0..=max {
        let ssr = left + taken[base + lag..].iter().sum::<f64>();
        let aic = n * (ssr / n).ln() + 2.0 * (base + lag) as f64;
        if aic < best.0 {
            best = (aic, lag);
        }
    }
    Ok(best.1)
}

/// The regression of the difference on the lagged level (first column), the deterministic terms and `lag` lagged
/// differences, over the rows that have `skip` earlier differences: its design, names and left-hand side.
fn regression(
    x: &[f64],
    deterministic: Deterministic,
    lag: usize,
    skip: usize,
) -> (Matrix, Vec<&'static str>, Vec<f64>) {
    let difference: Vec<f64> = x.windows(2).map(|w| w[1] - w[0]).collect();
    let rows = difference.len() - skip;
    let mut columns: Vec<(&'static str, Vec<f64>)> = vec![("level", x[skip..skip + rows].to_vec())];
    if deterministic != Deterministic::None {
        columns.push(("const", vec![1.0; rows]));
    }
    if deterministic == Deterministic::ConstantTrend {
        columns.push(("trend", (1..=rows).map(|t| t as f64).collect()));
    }
    for l in 1..=lag {
        columns.push(("lagged difference", difference[skip - l..skip - l + rows].to_vec()));
    }
    let design = Matrix::from_fn(rows, columns.len(), |t, j| columns[j].1[t]);
    (design, columns.into_iter().map(|(name, _)| name).collect(), difference[skip..].to_vec())
}

/// MacKinnon's (1994) approximate p-value of the t statistic.
fn p_value(stat: f64, deterministic: Deterministic) -> f64 {
    let surface = match deterministic {
        Deterministic::None => Surface {
            max: f64::INFINITY,
            min: -19.04,
            star: -1.04,
            small: [0.6344, 1.2378, 0.032496],
            large: [0.4797, 0.93557, -0.06999, 0.033066],
        },
        Deterministic::Constant => Surface {
            max: 2.74,
            min: -18.83,
            star: -1.61,
            small: [2.1659, 1.4412, 0.038269],
            large: [1.7339, 0.93202, -0.12745, -0.010368],
        },
        Deterministic::ConstantTrend => Surface {
            max: 0.7,
            min: -16.18,
            star: -2.89,
            small: [3.2512, 1.6047, 0.049588],
            large: [2.5261, 0.61654, -0.37956, -0.060285],
        },
    };
    surface.p(stat)
}

/// Coefficients of the response surface for one variable, one row of tables 3 and 4 of the paper.
struct Surface {
    max: f64,
    min: f64,
    star: f64,
    small: [f64; 3],
    large: [f64; 4],
}

impl Surface {
    fn p(&self, stat: f64) -> f64 {
        if stat > self.max {
            return 1.0;
        }
        if stat < self.min {
            return 0.0;
        }
        let polynomial = |c: &[f64]| c.iter().rev().fold(0.0, |sum, c| sum * stat + c);
        normal_cdf(if stat <= self.star { polynomial(&self.small) } else { polynomial(&self.large) })
    }
}

/// MacKinnon's (2010) finite-sample critical values, polynomials in 1/n.
fn critical_values(deterministic: Deterministic, nobs: usize) -> CriticalValues {
    let table = match deterministic {
        Deterministic::None => {
            [[-2.56574, -2.2358, -3.627, 0.0], [-1.941, -0.2686, -3.365, 31.223], [-1.61682, 0.2656, -2.714, 25.364]]
        }
        Deterministic::Constant => [
            [-3.43035, -6.5393, -16.786, -79.433],
            [-2.86154, -2.8903, -4.234, -40.04],
            [-2.56677, -1.5384, -2.809, 0.0],
        ],
        Deterministic::ConstantTrend => [
            [-3.95877, -9.0531, -28.428, -134.155],
            [-3.41049, -4.3904, -9.036, -45.374],
            [-3.12705, -2.5856, -3.925, -22.38],
        ],
    };
    let at = |row: [f64; 4]| {
        let inverse = 1.0 / nobs as f64;
        row.iter().rev().fold(0.0, |sum, c| sum * inverse + c)
    };
    CriticalValues { one: at(table[0]), five: at(table[1]), ten: at(table[2]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::EvidenceError;
    use crate::random::Random;

    /// A series that both we and statsmodels 0.15 can make exactly: no random numbers.
    fn waves(n: usize) -> Vec<f64> {
        (0..n)
            .map(|t| {
                let t = t as f64;
                (0.7 * t).sin() + 0.5 * (0.23 * t).cos() + 0.01 * t + 0.3 * ((t * t) % 7.0)
            })
            .collect()
    }

    #[test]
    fn agrees_with_statsmodels_on_a_reproducible_series() {
        // adfuller(x, maxlag=0/3, autolag=None, regression=...), statsmodels 0.15.0.
        let cases = REFERENCE;
        for (deterministic, lag, stat, p) in cases {
            let answer = dickey_fuller(&waves(60), deterministic, LagChoice::Fixed(lag)).expect("tests");
            assert!((answer.stat / stat - 1.0).abs() < 1e-8, "{answer:?}");
            assert!((answer.p / p - 1.0).abs() < 1e-6, "{answer:?}");
        }
    }

    const REFERENCE: [(Deterministic, usize, f64, f64); 6] = [
        (Deterministic::None, 0, -2.2815661236569427, 0.02166250128852644),
        (Deterministic::None, 3, -2.7961570813580123, 0.005046693599319853),
        (Deterministic::Constant, 0, -3.496806237226182, 0.00806949649579043),
        (Deterministic::Constant, 3, -5.613124109604289, 1.190949290358097e-06),
        (Deterministic::ConstantTrend, 0, -3.5485955266534703, 0.03447151955559653),
        (Deterministic::ConstantTrend, 3, -6.3589192109864765, 3.752375266136687e-07),
    ];

    #[test]
    fn a_random_walk_keeps_its_root_and_noise_does_not() {
        let mut random = Random::new(3);
        let noise: Vec<f64> = (0..300).map(|_| random.normal()).collect();
        let mut level = 0.0;
        let walk: Vec<f64> = noise
            .iter()
            .map(|e| {
                level += e;
                level
            })
            .collect();
        let test = |x: &[f64]| dickey_fuller(x, Deterministic::Constant, LagChoice::Aic { max: None }).expect("tests");
        assert!(test(&noise).p < 1e-6);
        assert!(test(&walk).p > 0.05);
    }

    #[test]
    fn a_constant_or_tiny_series_is_refused() {
        let test = |x: &[f64]| dickey_fuller(x, Deterministic::Constant, LagChoice::Fixed(0));
        assert!(matches!(test(&[1.0; 50]), Err(EvidenceError::ConstantColumn { .. })));
        assert!(matches!(test(&[1.0, 2.0]), Err(EvidenceError::TooFewObservations { .. })));
    }
}
