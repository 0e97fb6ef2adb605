//! The KPSS test, which takes stationarity as its null: the other half of the question the
//! Dickey-Fuller test asks. And the choice of differencing that follows from both.
//!
//! Kwiatkowski, Phillips, Schmidt and Shin (1992), J. Econometrics 54:159; automatic lag of
//! Hobijn, Franses and Ooms (2004), Statistica Neerlandica 58:483.

use super::dickey_fuller::{Deterministic, LagChoice, dickey_fuller};
use crate::error::{EvidenceError, Result};
use crate::statistics::least_squares;
use crate::table::{require_finite, require_observations, require_varying};
use serde::{Deserialize, Serialize};

/// The answer of the test. A small `p` speaks against stationarity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kpss {
    pub stat: f64,
    /// Interpolated in the paper's table, which ends at 0.01 and 0.10.
    pub p: f64,
    /// Whether `p` lies at an end of the table: then it is only known to be at most 0.01, or at least 0.10.
    pub p_is_bound: bool,
    /// Lags of the long-run variance.
    pub lags: usize,
}

/// Tests whether `x` is stationary around a level (or a trend, with [`Deterministic::ConstantTrend`]).
///
/// # Errors
/// NaN, a constant series, fewer than 10 points, or `Deterministic::None` (the test has no such form).
pub fn kpss(x: &[f64], deterministic: Deterministic) -> Result<Kpss> {
    require_finite("x", x)?;
    require_varying("x", x)?;
    let n = x.len();
    require_observations("a KPSS test", n, 10)?;
    let ones = vec![1.0; n];
    let trend: Vec<f64> = (1..=n).map(|t| t as f64).collect();
    let (design, table): (Vec<(&str, &[f64])>, [f64; 4]) = match deterministic {
        Deterministic::Constant => (vec![("const", &ones)], [0.347, 0.463, 0.574, 0.739]),
        Deterministic::ConstantTrend => (vec![("const", &ones), ("trend", &trend)], [0.119, 0.146, 0.176, 0.216]),
        Deterministic::None => {
            return Err(EvidenceError::NotIdentifiable { reason: "the KPSS test needs at least a constant".into() });
        }
    };
    let residuals = least_squares::fit(&design, x)?.residuals;
    let lags = automatic_lags(&residuals);
    let mut running = 0.0;
    let eta = residuals
        .iter()
        .map(|e| {
            running += e;
            running * running
        })
        .sum::<f64>()
        / (n * n) as f64;
    let stat = eta / long_run_variance(&residuals, lags);
    let (p, p_is_bound) = interpolate(stat, table);
    Ok(Kpss { stat, p, p_is_bound, lags })
}

fn autocovariance_sum(e: &[f64], lag: usize) -> f64 {
    e[lag..].iter().zip(e).map(|(a, b)| a * b).sum()
}

/// Newey and West's (1987) estimate with Bartlett weights.
fn long_run_variance(e: &[f64], lags: usize) -> f64 {
    let n = e.len() as f64;
    let weighted: f64 = (1..=lags).map(|l| 2.0 * (1.0 - l as f64 / (lags + 1) as f64) * autocovariance_sum(e, l)).sum();
    (autocovariance_sum(e, 0) + weighted) / n
}

fn automatic_lags(e: &[f64]) -> usize {
    let n = e.len() as f64;
    let window = n.powf(2.0 / 9.0) as usize;
    let mut s0 = autocovariance_sum(e, 0) / n;
    let mut s1 = 0.0;
    for l in 1..=window {
        let product = autocovariance_sum(e, l) / (n / 2.0);
        s0 += product;
        s1 += l as f64 * product;
    }
    let ratio = s1 / s0;
    let gamma = 1.1447 * (ratio * ratio).powf(1.0 / 3.0);
    ((gamma * n.powf(1.0 / 3.0)) as usize).min(e.len() - 1)
}

fn interpolate(stat: f64, table: [f64; 4]) -> (f64, bool) {
    const P: [f64; 4] = [0.10, 0.05, 0.025, 0.01];
    if stat <= table[0] {
        return (P[0], true);
    }
    if stat >= table[3] {
        return (P[3], true);
    }
    let k = (0..3).rfind(|&k| stat >= table[k]).unwrap_or(0);
    let share = (stat - table[k]) / (table[k + 1] - table[k]);
    (P[k] + share * (P[k + 1] - P[k]), false)
}

/// What both tests say of a series, and the differencing that follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Differencing {
    /// How often to difference: 0, 1 or 2.
    pub order: usize,
    /// One sentence per step, with the numbers.
    pub reasons: Vec<String>,
}

/// Chooses how often to difference `x` before methods that need stationarity.
///
/// Differences while the Dickey-Fuller test keeps its unit root (p > 0.05) and KPSS rejects
/// stationarity (p < 0.05); where only one of them does, the series is taken as it is unless the unit
/// root is kept with p > 0.10, and the reason says that the tests disagree. At most twice.
///
/// # Errors
/// As [`dickey_fuller`] and [`kpss`].
pub fn differencing(x: &[f64]) -> Result<Differencing> {
    let mut current = x.to_vec();
    let mut reasons = Vec::new();
    for order in 0..=2 {
        let df = dickey_fuller(&current, Deterministic::Constant, LagChoice::Aic { max: None })?;
        let level = kpss(&current, Deterministic::Constant)?;
        let (root, moving) = (df.p > 0.05, level.p < 0.05);
        let verdict = match (root, moving) {
            (false, false) => "both tests say stationary",
            (true, true) => "both tests say it wanders",
            (true, false) if df.p > 0.10 => "the tests disagree (too little data to tell); differenced to be safe",
            _ => "the tests disagree; taken as it is",
        };
        reasons.push(format!(
            "after {order} differences: Dickey-Fuller p = {:.4}, KPSS p = {:.3}: {verdict}",
            df.p, level.p
        ));
        if order == 2 || !(root && (moving || df.p > 0.10)) {
            return Ok(Differencing { order, reasons });
        }
        current = current.windows(2).map(|w| w[1] - w[0]).collect();
    }
    unreachable!("the loop returns at order 2")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn noise_needs_no_difference_and_a_walk_needs_one() {
        let mut random = Random::new(11);
        let noise: Vec<f64> = (0..400).map(|_| random.normal()).collect();
        let mut level = 0.0;
        let walk: Vec<f64> = noise
            .iter()
            .map(|e| {
                level += e;
                level
            })
            .collect();
        assert_eq!(differencing(&noise).expect("tests").order, 0);
        assert_eq!(differencing(&walk).expect("tests").order, 1);
    }

    #[test]
    fn scaling_changes_nothing() {
        let x: Vec<f64> = (0..80).map(|t| ((t * t) as f64 * 0.37).sin()).collect();
        let scaled: Vec<f64> = x.iter().map(|x| 1000.0 * x + 5.0).collect();
        let (a, b) =
            (kpss(&x, Deterministic::Constant).expect("tests"), kpss(&scaled, Deterministic::Constant).expect("tests"));
        assert!((a.stat - b.stat).abs() < 1e-9);
    }
}
