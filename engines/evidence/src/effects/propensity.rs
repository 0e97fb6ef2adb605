//! Propensity scores: each row's probability of treatment given its covariates, and how far the two
//! groups' scores overlap.
//!
//! Rosenbaum and Rubin (1983), Biometrika 70:41.

use serde::{Deserialize, Serialize};

use super::logistic::{self, Logistic};
use super::study::Study;
use crate::error::Result;
use crate::statistics::correlation::quantile_of_sorted;

/// A study with its fitted propensity scores, each strictly between 0 and 1.
#[derive(Debug, Clone)]
pub struct Scored<'a> {
    pub study: &'a Study,
    pub model: Logistic,
}

impl<'a> Scored<'a> {
    /// Fits the propensity model of `study`.
    ///
    /// # Errors
    /// As [`logistic::fit`]: collinear covariates or perfect separation.
    pub fn fit(study: &'a Study) -> Result<Self> {
        let model = logistic::fit(study.covariates(), study.treated())?;
        Ok(Scored { study, model })
    }

    /// Probability of treatment of each row.
    pub fn scores(&self) -> &[f64] {
        &self.model.probabilities
    }

    /// Log-odds of treatment of each row.
    pub fn logits(&self) -> Vec<f64> {
        self.model.log_odds.clone()
    }

    /// Odds of treatment: the weight that makes an untreated row stand for treated ones.
    pub fn odds(&self) -> Vec<f64> {
        self.scores().iter().map(|p| p / (1.0 - p)).collect()
    }

    pub fn overlap(&self) -> Overlap {
        let mut groups = [Vec::new(), Vec::new()];
        for (&p, &t) in self.scores().iter().zip(self.study.treated()) {
            groups[usize::from(t)].push(p);
        }
        for group in &mut groups {
            group.sort_by(f64::total_cmp);
        }
        let [untreated, treated] = &groups;
        let (low, high) = (untreated[0], untreated[untreated.len() - 1]);
        let outside = treated.iter().filter(|p| **p > high || **p < low).count();
        let odds: Vec<f64> = untreated.iter().map(|p| p / (1.0 - p)).collect();
        let sum: f64 = odds.iter().sum();
        let squares: f64 = odds.iter().map(|w| w * w).sum();
        Overlap {
            treated_quartiles: [0.25, 0.5, 0.75].map(|p| quantile_of_sorted(treated, p)),
            untreated_quartiles: [0.25, 0.5, 0.75].map(|p| quantile_of_sorted(untreated, p)),
            untreated_range: [low, high],
            treated_outside: outside,
            treated: treated.len(),
            effective_untreated: sum * sum / squares,
        }
    }
}

/// How comparable the groups are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overlap {
    pub treated_quartiles: [f64; 3],
    pub untreated_quartiles: [f64; 3],
    pub untreated_range: [f64; 2],
    /// Treated rows whose score lies outside the untreated rows' range: no comparable row exists.
    pub treated_outside: usize,
    pub treated: usize,
    /// Untreated rows the weights amount to (Kish's effective sample size).
    pub effective_untreated: f64,
}

impl Overlap {
    /// What a reader must know, if anything.
    pub fn warning(&self) -> Option<String> {
        let share = self.treated_outside as f64 / self.treated as f64;
        if share > 0.05 {
            return Some(format!(
                "{} of {} treated rows have no comparable untreated row: the answer for them is extrapolation",
                self.treated_outside, self.treated
            ));
        }
        (self.effective_untreated < 30.0)
            .then(|| format!("the weights rest on only {:.0} untreated rows in effect", self.effective_untreated))
    }
}
