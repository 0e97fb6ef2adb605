//! The one estimate to read first, and why: doubly robust, on richer covariates, where the groups overlap.
//!
//! Three steps, each from the literature: covariates are extended by squares and by indicators of
//! zero (Imbens and Rubin 2015, chapter 13; zero earnings or sales are another state, not a small
//! number); rows without comparable rows are left out, below the 5th percentile of the treated scores
//! and above the largest untreated score (Stürmer et al. 2010, Am. J. Epidemiol. 172:843), and the scores
//! fitted anew; then AIPW.

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::balance::{self, CovariateBalance};
use super::doubly_robust::aipw;
use super::propensity::{Overlap, Scored};
use super::study::Study;
use crate::error::{EvidenceError, Result};
use crate::statistics::correlation::quantile_of_sorted;
use crate::statistics::least_squares::COLLINEAR;
use crate::table::Table;

/// Share of the treated below whose score rows are left out.
const LOWER_TAIL: f64 = 0.05;
/// A column with at least this many distinct values counts as a quantity that may curve.
const DISTINCT: usize = 10;

/// The recommended estimate with what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    pub method: String,
    pub estimate: Estimate,
    /// Covariates of the models, with the terms added.
    pub covariates: Vec<String>,
    /// Rows left out because nothing comparable exists.
    pub treated_left_out: usize,
    pub untreated_left_out: usize,
    pub balance: Vec<CovariateBalance>,
    pub overlap: Overlap,
    /// What the reader must know.
    pub warnings: Vec<String>,
}

/// Estimates the effect on the comparable treated rows.
///
/// # Errors
/// As [`Scored::fit`]; or nothing comparable remains.
pub fn recommend(study: &Study) -> Result<Recommendation> {
    let extended = study.with_covariates(extend(study.covariates(), study)?);
    // A term that makes the groups separable is worse than no term: fall back to the covariates as given.
    let first = match Scored::fit(&extended) {
        Ok(scored) => scored.scores().to_vec(),
        Err(EvidenceError::PerfectSeparation { .. }) => Scored::fit(study)?.scores().to_vec(),
        Err(other) => return Err(other),
    };
    let keep = comparable(study, &first);
    let mut warnings = Vec::new();
    let usable = extended
        .take_rows(&keep)
        .and_then(|s| {
            let covariates = independent(s.covariates(), &s)?;
            Ok(s.with_covariates(covariates))
        })
        .and_then(|s| {
            Scored::fit(&s)?;
            Ok(s)
        });
    let trimmed = match usable {
        Ok(trimmed) => trimmed,
        Err(_) => {
            warnings.push(
                "the richer model cannot be fitted on the comparable rows: covariates are used as given".to_string(),
            );
            study.take_rows(&keep)?
        }
    };
    let scored = Scored::fit(&trimmed)?;
    let estimate = aipw(&scored)?;
    let kept_treated = trimmed.treated_count();
    let left_out = study.treated_count() - kept_treated;
    let overlap = scored.overlap();
    let table = balance::balance(&trimmed, trimmed.covariates(), &scored.odds());
    if left_out > 0 {
        warnings.push(format!(
            "{left_out} of {} treated rows have too few comparable untreated rows and are left out: the answer does not speak of them",
            study.treated_count()
        ));
    }
    warnings.extend(overlap.warning());
    let worst = balance::worst(&table);
    if worst > balance::BALANCED {
        warnings.push(format!(
            "after weighting a covariate still differs by {worst:.2} standard deviations (more than {})",
            balance::BALANCED
        ));
    }
    Ok(Recommendation {
        method: "doubly robust (AIPW) on the comparable rows, covariates with squares and zero indicators".into(),
        estimate,
        covariates: trimmed.covariates().names().to_vec(),
        treated_left_out: left_out,
        untreated_left_out: study.rows() - study.treated_count() - (trimmed.rows() - kept_treated),
        balance: table,
        overlap,
        warnings,
    })
}

/// The covariates, then an indicator of zero for quantities with many zeros, and squares of quantities,
/// each only where it adds something new.
fn extend(covariates: &Table, study: &Study) -> Result<Table> {
    let mut named: Vec<(String, Vec<f64>)> =
        covariates.names().iter().cloned().zip(covariates.columns().iter().cloned()).collect();
    let mut added = Vec::new();
    for (name, column) in &named {
        if distinct(column) < DISTINCT {
            continue;
        }
        let zeros = column.iter().filter(|v| **v == 0.0).count() as f64 / column.len() as f64;
        if (0.02..=0.98).contains(&zeros) {
            let indicator = column.iter().map(|v| f64::from(u8::from(*v == 0.0))).collect();
            added.push((format!("{name} is zero"), indicator));
        }
        let centre = crate::statistics::correlation::mean(column);
        added.push((format!("{name} squared"), column.iter().map(|v| (v - centre) * (v - centre)).collect()));
    }
    named.extend(added.into_iter().filter(|(name, _)| !covariates.names().contains(name)));
    independent(&Table::new(named)?, study)
}

/// Drops columns that are (nearly) determined by those before them, among all rows or the untreated ones.
fn independent(covariates: &Table, study: &Study) -> Result<Table> {
    let (_, untreated) = study.groups();
    let all: Vec<usize> = (0..study.rows()).collect();
    let mut bases: [Vec<Vec<f64>>; 2] = [vec![unit(vec![1.0; all.len()])], vec![unit(vec![1.0; untreated.len()])]];
    let mut kept = Vec::new();
    for (name, column) in covariates.names().iter().zip(covariates.columns()) {
        let mut fresh = Vec::new();
        for (rows, basis) in [&all, &untreated].into_iter().zip(&bases) {
            let picked = unit(rows.iter().map(|&i| column[i]).collect());
            let mut rest = picked;
            // Twice, so that rounding does not let a dependent column pass (Kahan's rule).
            for _ in 0..2 {
                for b in basis {
                    let share = crate::statistics::correlation::dot(&rest, b);
                    rest.iter_mut().zip(b).for_each(|(r, b)| *r -= share * b);
                }
            }
            let norm = rest.iter().map(|v| v * v).sum::<f64>().sqrt();
            if norm < COLLINEAR.sqrt() {
                break;
            }
            fresh.push(unit(rest));
        }
        if fresh.len() == 2 {
            for (basis, new) in bases.iter_mut().zip(fresh) {
                basis.push(new);
            }
            kept.push(name.clone());
        }
    }
    covariates.select(&kept)
}

fn unit(mut values: Vec<f64>) -> Vec<f64> {
    let norm = values.iter().map(|v| v * v).sum::<f64>().sqrt();
    if norm > 0.0 {
        values.iter_mut().for_each(|v| *v /= norm);
    }
    values
}

fn distinct(column: &[f64]) -> usize {
    let mut seen: Vec<f64> = Vec::new();
    for value in column {
        if !seen.contains(value) {
            seen.push(*value);
            if seen.len() >= DISTINCT {
                break;
            }
        }
    }
    seen.len()
}

fn comparable(study: &Study, scores: &[f64]) -> Vec<usize> {
    let mut treated: Vec<f64> = Vec::new();
    let mut highest_untreated = 0.0_f64;
    for (&p, &t) in scores.iter().zip(study.treated()) {
        if t {
            treated.push(p);
        } else {
            highest_untreated = highest_untreated.max(p);
        }
    }
    treated.sort_by(f64::total_cmp);
    let low = quantile_of_sorted(&treated, LOWER_TAIL);
    (0..study.rows()).filter(|&i| scores[i] >= low && scores[i] <= highest_untreated).collect()
}

#[cfg(test)]
mod tests {
    use super::super::study::tests::confounded;
    use super::*;

    #[test]
    fn the_recommended_interval_covers_at_the_promised_rate() {
        let covered = (0..60)
            .filter(|&seed| {
                let study = confounded(2000 + seed, 800, 1.5);
                let answer = recommend(&study).expect("overlap").estimate;
                answer.lower <= 1.5 && 1.5 <= answer.upper
            })
            .count();
        assert!(covered >= 53, "{covered} of 60");
    }

    #[test]
    fn rows_without_counterparts_are_left_out_and_said_so() {
        let study = confounded(7, 800, 1.5);
        let answer = recommend(&study).expect("overlap");
        assert!(answer.treated_left_out > 0);
        assert!(answer.warnings[0].contains("left out"));
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let study = confounded(8, 500, 1.0);
        let backwards: Vec<usize> = (0..500).rev().collect();
        let turned = study.take_rows(&backwards).expect("same rows");
        let (a, b) = (recommend(&study).expect("fits"), recommend(&turned).expect("fits"));
        assert!((a.estimate.effect - b.estimate.effect).abs() < 1e-8);
    }
}
