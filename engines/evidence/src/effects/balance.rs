//! Balance: how alike the groups are before and after weighting, covariate by covariate.
//!
//! Austin (2009), Stat. Med. 28:3083.

use serde::{Deserialize, Serialize};

use super::study::Study;
use crate::statistics::correlation::{mean, variance};
use crate::table::Table;

/// Standardised mean differences above this share of a standard deviation call for a warning.
pub const BALANCED: f64 = 0.1;

/// The difference between the groups in one covariate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CovariateBalance {
    pub covariate: String,
    /// Difference of means over the root of the mean of the groups' variances, before weighting.
    pub smd_before: f64,
    /// The same with the untreated weighted; the denominator stays that of before.
    pub smd_after: f64,
    /// Variance of the treated over that of the weighted untreated; 1 is balanced.
    pub variance_ratio_after: f64,
}

/// Balance of `covariates` (rows as in `study`) under `weights` of the rows (treated rows count as they are).
pub fn balance(study: &Study, covariates: &Table, weights: &[f64]) -> Vec<CovariateBalance> {
    let (treated, untreated) = study.groups();
    covariates
        .names()
        .iter()
        .zip(covariates.columns())
        .map(|(name, column)| {
            let pick = |rows: &[usize]| rows.iter().map(|&i| column[i]).collect::<Vec<f64>>();
            let (a, b) = (pick(&treated), pick(&untreated));
            let spread = (0.5 * (variance(&a, 1) + variance(&b, 1))).sqrt();
            let total: f64 = untreated.iter().map(|&i| weights[i]).sum();
            let weighted_mean = untreated.iter().map(|&i| weights[i] * column[i]).sum::<f64>() / total;
            let weighted_variance =
                untreated.iter().map(|&i| weights[i] * (column[i] - weighted_mean).powi(2)).sum::<f64>() / total;
            CovariateBalance {
                covariate: name.clone(),
                smd_before: (mean(&a) - mean(&b)) / spread,
                smd_after: (mean(&a) - weighted_mean) / spread,
                variance_ratio_after: variance(&a, 0) / weighted_variance,
            }
        })
        .collect()
}

/// The largest absolute standardised difference after weighting.
pub fn worst(balance: &[CovariateBalance]) -> f64 {
    balance.iter().map(|b| b.smd_after.abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::super::propensity::Scored;
    use super::super::study::tests::confounded;
    use super::*;

    #[test]
    fn weighting_balances_what_was_unbalanced() {
        let study = confounded(31, 3000, 0.0);
        let scored = Scored::fit(&study).expect("fits");
        let table = balance(&study, study.covariates(), &scored.odds());
        assert!(table[0].smd_before.abs() > 0.5);
        assert!(worst(&table) < BALANCED);
    }
}
