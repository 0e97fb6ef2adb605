//! Difference in differences: the change of the treated less the change of the untreated.
//!
//! Two-way fixed effects on a balanced panel with one event time; standard errors clustered by unit
//! (Liang and Zeger 1986; Bertrand, Duflo and Mullainathan 2004).

use serde::{Deserialize, Serialize};

use crate::error::{EvidenceError, Result};
use crate::statistics::correlation::{mean, variance};
use crate::statistics::distributions::{student_quantile_two_sided, student_two_sided};
use crate::table::{Table, require_observations};

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DifferenceInDifferences {
    pub effect: f64,
    pub standard_error: f64,
    /// 95 % interval.
    pub lower: f64,
    pub upper: f64,
    pub p: f64,
    /// p-value of "both groups had the same trend before the event"; small speaks against the method.
    pub parallel_trends_p: f64,
    pub warnings: Vec<String>,
}

/// Estimates the effect on the `treated` units (columns of `panel`, rows in time order) of an event
/// after `n_pre` rows.
///
/// # Errors
/// Fewer than 2 units in either group, fewer than 2 points before or 1 after the event.
pub fn difference_in_differences(panel: &Table, treated: &[String], n_pre: usize) -> Result<DifferenceInDifferences> {
    for name in treated {
        panel.index(name)?;
    }
    require_observations("the time before the event", n_pre, 2)?;
    require_observations("the time after the event", panel.rows().saturating_sub(n_pre), 1)?;
    let mut changes = [Vec::new(), Vec::new()];
    let mut trends = [Vec::new(), Vec::new()];
    for (name, column) in panel.names().iter().zip(panel.columns()) {
        let group = usize::from(treated.contains(name));
        changes[group].push(mean(&column[n_pre..]) - mean(&column[..n_pre]));
        trends[group].push(slope(&column[..n_pre]));
    }
    if changes[1].is_empty() {
        return Err(EvidenceError::NoTreated { column: "units".into() });
    }
    require_observations("the treated group's units", changes[1].len(), 2)?;
    require_observations("the comparison group's units", changes[0].len(), 2)?;
    // On a balanced panel with one event time, the two-way estimate is the difference of mean changes,
    // and clustering by unit is the two-sample comparison of the units' changes (Welch).
    let (effect, standard_error, df) = welch(&changes[1], &changes[0]);
    let (trend_gap, trend_error, trend_df) = welch(&trends[1], &trends[0]);
    let parallel_trends_p = if n_pre < 3 { 1.0 } else { student_two_sided(trend_gap / trend_error, trend_df) };
    let mut warnings = Vec::new();
    if parallel_trends_p < 0.05 {
        warnings.push("the groups already moved apart before the event: the comparison is not sound".to_string());
    }
    if n_pre < 3 {
        warnings.push("too few points before the event to check that the groups moved alike".to_string());
    }
    let half = student_quantile_two_sided(0.05, df) * standard_error;
    Ok(DifferenceInDifferences {
        effect,
        standard_error,
        lower: effect - half,
        upper: effect + half,
        p: student_two_sided(effect / standard_error, df),
        parallel_trends_p,
        warnings,
    })
}

fn slope(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let centre = 0.5 * (n - 1.0);
    let (mut top, mut bottom) = (0.0, 0.0);
    for (t, v) in values.iter().enumerate() {
        let d = t as f64 - centre;
        top += d * v;
        bottom += d * d;
    }
    top / bottom
}

fn welch(a: &[f64], b: &[f64]) -> (f64, f64, f64) {
    let (na, nb) = (a.len() as f64, b.len() as f64);
    let (va, vb) = (variance(a, 1) / na, variance(b, 1) / nb);
    let df = (va + vb).powi(2) / (va * va / (na - 1.0) + vb * vb / (nb - 1.0)).max(f64::MIN_POSITIVE);
    (mean(a) - mean(b), (va + vb).sqrt(), df.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn panel(seed: u64, effect: f64) -> (Table, Vec<String>) {
        let mut random = Random::new(seed);
        let units = (0..12)
            .map(|u| {
                let level = 5.0 * random.normal();
                let path = (0..20)
                    .map(|t| {
                        let on = u < 5 && t >= 12;
                        level + 0.3 * f64::from(t) + random.normal() + if on { effect } else { 0.0 }
                    })
                    .collect();
                (format!("u{u}"), path)
            })
            .collect();
        let treated = (0..5).map(|u| format!("u{u}")).collect();
        (Table::new(units).expect("finite"), treated)
    }

    #[test]
    fn the_interval_covers_the_planted_effect() {
        let covered = (0..100)
            .filter(|&seed| {
                let (table, treated) = panel(seed, 2.0);
                let answer = difference_in_differences(&table, &treated, 12).expect("fits");
                answer.lower <= 2.0 && 2.0 <= answer.upper
            })
            .count();
        assert!(covered >= 89, "{covered}");
    }
}
