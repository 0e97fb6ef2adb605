//! Effects of a treatment from observational data: what happened to the treated, against what would
//! have happened to the same units without treatment.
//!
//! All estimators here target the average effect on the treated (ATT) and assume that the covariates
//! hold every common cause of treatment and outcome. That cannot be tested; [`refutation`] and
//! [`sensitivity`] say how fragile the answer is if it is wrong.

pub mod balance;
pub mod comparison;
pub mod doubly_robust;
pub mod logistic;
pub mod matching;
pub mod propensity;
pub mod recommendation;
pub mod refutation;
pub mod sensitivity;
pub mod stratification;
pub mod study;
pub mod weighting;

use serde::{Deserialize, Serialize};

/// An estimated effect on the treated, in units of the outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub effect: f64,
    pub standard_error: f64,
    /// 95 % interval.
    pub lower: f64,
    pub upper: f64,
    /// Treated rows that the estimate speaks of.
    pub treated: usize,
}

impl Estimate {
    /// An estimate with the normal 95 % interval around it.
    pub fn normal(effect: f64, standard_error: f64, treated: usize) -> Self {
        let half = 1.959963984540054 * standard_error;
        Estimate { effect, standard_error, lower: effect - half, upper: effect + half, treated }
    }

    /// Two-sided p-value against no effect.
    pub fn p(&self) -> f64 {
        crate::statistics::distributions::normal_two_sided(self.effect / self.standard_error)
    }
}
