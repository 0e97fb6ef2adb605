//! Inverse-probability weighting: untreated rows weighted to look like the treated.
//!
//! Hájek's (1971) normalised form; standard errors from the stacked estimating equations, which
//! count that the scores are themselves estimated (Lunceford and Davidian 2004, Stat. Med. 23:2937).

use nalgebra::DVector;

use super::Estimate;
use super::propensity::Scored;
use crate::error::{EvidenceError, Result};

/// The effect on the treated by normalised weighting over the rows with `keep` (all rows where empty).
///
/// Trimming keeps the scores of the full fit.
///
/// # Errors
/// When trimming leaves no treated or no untreated row.
pub fn hajek(scored: &Scored<'_>, keep: &[bool]) -> Result<Estimate> {
    let study = scored.study;
    let y = study.outcome();
    let kept = |i: usize| keep.is_empty() || keep[i];
    let odds = scored.odds();
    let (mut treated, mut sum_treated, mut weight, mut sum_weighted) = (0usize, 0.0, 0.0, 0.0);
    for i in (0..study.rows()).filter(|&i| kept(i)) {
        if study.treated()[i] {
            treated += 1;
            sum_treated += y[i];
        } else {
            weight += odds[i];
            sum_weighted += odds[i] * y[i];
        }
    }
    if treated == 0 || weight == 0.0 {
        return Err(EvidenceError::NotIdentifiable {
            reason: "trimming leaves no treated or no untreated row: the groups do not overlap".into(),
        });
    }
    let mean_treated = sum_treated / treated as f64;
    let mean_hypothetical = sum_weighted / weight;
    // Influence of the estimated scores, through the derivative of the weighted mean.
    let basis = &scored.model.basis;
    let k = basis.q.ncols();
    let mut slope = DVector::zeros(k);
    for i in (0..study.rows()).filter(|&i| kept(i) && !study.treated()[i]) {
        let pull = odds[i] * (y[i] - mean_hypothetical) / weight;
        for j in 0..k {
            slope[j] += pull * basis.q[(i, j)];
        }
    }
    let through_scores = &basis.inverse_information * slope;
    let variance: f64 = (0..study.rows())
        .map(|i| {
            let is_treated = study.treated()[i];
            let own = match (kept(i), is_treated) {
                (false, _) => 0.0,
                (true, true) => (y[i] - mean_treated) / treated as f64,
                (true, false) => -odds[i] * (y[i] - mean_hypothetical) / weight,
            };
            let residual = f64::from(u8::from(is_treated)) - scored.scores()[i];
            let score: f64 = (0..k).map(|j| basis.q[(i, j)] * through_scores[j]).sum();
            (own - residual * score).powi(2)
        })
        .sum();
    Ok(Estimate::normal(mean_treated - mean_hypothetical, variance.sqrt(), treated))
}

/// Rows whose score lies in `[low, high]` (Crump, Hotz, Imbens and Mitnik 2009 suggest 0.1 and 0.9).
pub fn trimmed(scores: &[f64], low: f64, high: f64) -> Vec<bool> {
    scores.iter().map(|p| (low..=high).contains(p)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::study::tests::confounded;
    use super::*;

    #[test]
    fn weighting_covers_the_effect_at_the_promised_rate() {
        let covered = (0..60)
            .filter(|&seed| {
                let study = confounded(500 + seed, 800, 1.5);
                let scored = Scored::fit(&study).expect("fits");
                let answer = hajek(&scored, &[]).expect("overlap");
                answer.lower <= 1.5 && 1.5 <= answer.upper
            })
            .count();
        assert!(covered >= 53, "{covered} of 60");
    }

    #[test]
    fn trimming_everything_is_refused() {
        let study = confounded(1, 100, 0.0);
        let scored = Scored::fit(&study).expect("fits");
        assert!(hajek(&scored, &[false; 100]).is_err());
    }
}
