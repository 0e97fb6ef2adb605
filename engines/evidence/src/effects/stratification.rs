//! Stratification: compare treated and untreated within bands of the propensity score.
//!
//! Rosenbaum and Rubin (1984), JASA 79:516.

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::propensity::Scored;
use crate::error::{EvidenceError, Result};
use crate::statistics::correlation::{mean, quantile_of_sorted, variance};

/// One band of scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stratum {
    pub low: f64,
    pub high: f64,
    pub treated: usize,
    pub untreated: usize,
    /// Absent where one group has fewer than two rows.
    pub effect: Option<f64>,
}

/// The effect on the treated over bands with equal numbers of treated rows.
///
/// Bands in which either group has fewer than two rows are left out, and the estimate speaks only of
/// the treated rows in the others.
///
/// # Errors
/// No usable band, or fewer than one band asked for.
pub fn stratify(scored: &Scored<'_>, bands: usize) -> Result<(Estimate, Vec<Stratum>)> {
    if bands == 0 {
        return Err(EvidenceError::OutOfRange { name: "bands", value: 0.0, bound: "at least 1".into() });
    }
    let study = scored.study;
    let scores = scored.scores();
    let mut treated_scores: Vec<f64> = (0..study.rows()).filter(|&i| study.treated()[i]).map(|i| scores[i]).collect();
    treated_scores.sort_by(f64::total_cmp);
    let edges: Vec<f64> = (0..=bands).map(|b| quantile_of_sorted(&treated_scores, b as f64 / bands as f64)).collect();
    let mut strata = Vec::new();
    let (mut effect, mut spread, mut total) = (0.0, 0.0, 0usize);
    for b in 0..bands {
        let inside = |p: f64| p >= edges[b] && (p < edges[b + 1] || (b + 1 == bands && p <= edges[bands]));
        let mut groups = [Vec::new(), Vec::new()];
        for i in (0..study.rows()).filter(|&i| inside(scores[i])) {
            groups[usize::from(study.treated()[i])].push(study.outcome()[i]);
        }
        let [untreated, treated] = &groups;
        let usable = treated.len() >= 2 && untreated.len() >= 2;
        let own = usable.then(|| mean(treated) - mean(untreated));
        if let Some(own) = own {
            let n = treated.len() as f64;
            effect += n * own;
            spread += n * n * (variance(treated, 1) / n + variance(untreated, 1) / untreated.len() as f64);
            total += treated.len();
        }
        strata.push(Stratum {
            low: edges[b],
            high: edges[b + 1],
            treated: treated.len(),
            untreated: untreated.len(),
            effect: own,
        });
    }
    if total == 0 {
        return Err(EvidenceError::NotIdentifiable {
            reason: "no band of scores holds both treated and untreated rows".into(),
        });
    }
    let n = total as f64;
    Ok((Estimate::normal(effect / n, spread.sqrt() / n, total), strata))
}

#[cfg(test)]
mod tests {
    use super::super::study::tests::confounded;
    use super::*;

    #[test]
    fn five_bands_remove_most_of_the_bias() {
        let study = confounded(21, 5000, 1.5);
        let scored = Scored::fit(&study).expect("fits");
        let (answer, strata) = stratify(&scored, 5).expect("bands");
        let naive_bias = (study.naive_difference() - 1.5).abs();
        assert!((answer.effect - 1.5).abs() < 0.2 * naive_bias, "{answer:?}");
        assert_eq!(strata.len(), 5);
    }
}
