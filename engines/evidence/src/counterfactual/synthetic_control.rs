//! Synthetic control: the mix of untouched units that followed the treated unit before the event.
//!
//! Abadie, Diamond and Hainmueller (2010), JASA 105:493. Weights are non-negative and sum to one; the
//! test asks how unusual the gap is among the gaps of the untouched units treated as if.

use serde::{Deserialize, Serialize};

use crate::error::{EvidenceError, Result};
use crate::statistics::correlation::{dot, mean};
use crate::table::{Table, require_finite, require_observations};

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyntheticControl {
    /// Weight of each donor, by name.
    pub weights: Vec<(String, f64)>,
    /// Synthetic path over all points.
    pub path: Vec<f64>,
    /// Actual less synthetic after the event.
    pub gap: Vec<f64>,
    pub avg_effect: f64,
    /// Root mean squared gap before the event.
    pub fit_before: f64,
    /// Ratio of the root mean squared gaps after and before.
    pub ratio: f64,
    /// Share of units (the treated one included) whose ratio is at least as large.
    /// With few donors it cannot be small: its least value is one over their number plus one.
    pub p: f64,
    pub warnings: Vec<String>,
}

/// Builds the synthetic control of `y` from `donors` with the event after `n_pre` points.
///
/// # Errors
/// NaN, different lengths, fewer than 2 donors, fewer than 5 points before or none after the event.
pub fn synthetic_control(y: &[f64], donors: &Table, n_pre: usize) -> Result<SyntheticControl> {
    require_finite("y", y)?;
    require_observations("a synthetic control's donors", donors.width(), 2)?;
    require_observations("the time before the event", n_pre, 5)?;
    require_observations("the time after the event", y.len().saturating_sub(n_pre), 1)?;
    if donors.rows() != y.len() {
        return Err(EvidenceError::LengthMismatch { column: "donors".into(), expected: y.len(), found: donors.rows() });
    }
    let views: Vec<&[f64]> = donors.columns().iter().map(Vec::as_slice).collect();
    let own = gaps(y, &views, n_pre);
    let ratio = own.ratio(n_pre);
    let mut as_extreme = 1;
    for unit in 0..views.len() {
        // The treated unit must not serve a placebo: it carries the effect.
        let others: Vec<&[f64]> = (0..views.len()).filter(|&j| j != unit).map(|j| views[j]).collect();
        if gaps(views[unit], &others, n_pre).ratio(n_pre) >= ratio {
            as_extreme += 1;
        }
    }
    let fit_before = root_mean_square(&own.gap[..n_pre]);
    let spread = crate::statistics::correlation::variance(&y[..n_pre], 0).sqrt();
    let mut warnings = Vec::new();
    if fit_before > 0.5 * spread {
        warnings.push(
            "no mix of the donors follows the series before the event: the synthetic path says little".to_string(),
        );
    }
    Ok(SyntheticControl {
        weights: donors.names().iter().cloned().zip(own.weights.clone()).collect(),
        avg_effect: mean(&own.gap[n_pre..]),
        path: y.iter().zip(&own.gap).map(|(y, g)| y - g).collect(),
        gap: own.gap[n_pre..].to_vec(),
        fit_before,
        ratio,
        p: f64::from(as_extreme) / (views.len() + 1) as f64,
        warnings,
    })
}

struct Gaps {
    weights: Vec<f64>,
    gap: Vec<f64>,
}

impl Gaps {
    fn ratio(&self, n_pre: usize) -> f64 {
        root_mean_square(&self.gap[n_pre..]) / root_mean_square(&self.gap[..n_pre]).max(1e-12)
    }
}

fn gaps(y: &[f64], donors: &[&[f64]], n_pre: usize) -> Gaps {
    let past: Vec<&[f64]> = donors.iter().map(|d| &d[..n_pre]).collect();
    let weights = simplex_least_squares(&past, &y[..n_pre]);
    let gap = (0..y.len()).map(|t| y[t] - donors.iter().zip(&weights).map(|(d, w)| w * d[t]).sum::<f64>()).collect();
    Gaps { weights, gap }
}

fn root_mean_square(values: &[f64]) -> f64 {
    (values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64).sqrt()
}

/// Weights on the simplex with the least squared error, by accelerated projected gradients
/// (Beck and Teboulle 2009) with the exact projection of Duchi et al. (2008).
fn simplex_least_squares(columns: &[&[f64]], y: &[f64]) -> Vec<f64> {
    let k = columns.len();
    // The sum of the weights is one, so a level common to all may be taken off: better conditioned.
    let level = mean(y);
    let centred: Vec<Vec<f64>> = columns.iter().map(|c| c.iter().map(|v| v - level).collect()).collect();
    let target: Vec<f64> = y.iter().map(|v| v - level).collect();
    let cross: Vec<Vec<f64>> = centred.iter().map(|a| centred.iter().map(|b| dot(a, b)).collect()).collect();
    let pull: Vec<f64> = centred.iter().map(|a| dot(a, &target)).collect();
    let bound: f64 = cross.iter().map(|row| row.iter().map(|v| v.abs()).sum::<f64>()).fold(f64::MIN_POSITIVE, f64::max);
    let mut weights = vec![1.0 / k as f64; k];
    let mut ahead = weights.clone();
    let mut momentum = 1.0_f64;
    for _ in 0..20_000 {
        let step: Vec<f64> = (0..k).map(|i| ahead[i] - (dot(&cross[i], &ahead) - pull[i]) / bound).collect();
        let next = project(&step);
        let moved: f64 = next.iter().zip(&weights).map(|(a, b)| (a - b).abs()).sum();
        let faster = 0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt());
        ahead = next.iter().zip(&weights).map(|(n, w)| n + (momentum - 1.0) / faster * (n - w)).collect();
        weights = next;
        momentum = faster;
        if moved < 1e-13 {
            break;
        }
    }
    weights
}

fn project(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let mut sum = 0.0;
    let mut shift = 0.0;
    for (i, v) in sorted.iter().enumerate() {
        sum += v;
        let candidate = (sum - 1.0) / (i + 1) as f64;
        if v - candidate > 0.0 {
            shift = candidate;
        }
    }
    values.iter().map(|v| (v - shift).max(0.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn a_planted_mix_and_effect_are_found() {
        let mut random = Random::new(71);
        let donors: Vec<(String, Vec<f64>)> = (0..20)
            .map(|j| {
                let mut level = 10.0 + random.normal();
                let path = (0..60)
                    .map(|_| {
                        level += 0.5 * random.normal();
                        level
                    })
                    .collect();
                (format!("shop {j}"), path)
            })
            .collect();
        let y: Vec<f64> = (0..60)
            .map(|t| {
                0.7 * donors[2].1[t] + 0.3 * donors[5].1[t] + 0.05 * random.normal() + if t >= 45 { 2.0 } else { 0.0 }
            })
            .collect();
        let answer = synthetic_control(&y, &Table::new(donors).expect("finite"), 45).expect("fits");
        assert!((answer.weights[2].1 - 0.7).abs() < 0.05);
        assert!((answer.weights.iter().map(|w| w.1).sum::<f64>() - 1.0).abs() < 1e-9);
        assert!((answer.avg_effect - 2.0).abs() < 0.1);
        assert!((answer.p - 1.0 / 21.0).abs() < 1e-12);
    }
}
