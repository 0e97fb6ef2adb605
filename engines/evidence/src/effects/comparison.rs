//! The common estimators beside each other on one fit of the scores: where they disagree, the answer hangs on the
//! choice of the method, and a reader must know.

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::doubly_robust::aipw;
use super::matching::{MatchRule, Ties, estimate, matches};
use super::propensity::Scored;
use super::stratification::{Stratum, stratify};
use super::weighting::{hajek, trimmed};
use crate::error::Result;
use crate::statistics::correlation::variance;

/// Rows with scores outside these limits are left out of the trimmed weighting (Crump et al. 2009, Biometrika 96:187).
pub const TRIM: (f64, f64) = (0.1, 0.9);
/// Largest distance of a match, in standard deviations of the log-odds (Austin 2011, Pharm. Stat. 10:150).
pub const CALIPER: f64 = 0.2;
const STRATA: usize = 5;

/// An estimate, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Estimated {
    Estimate(Estimate),
    Refused { refused: String },
}

impl Estimated {
    pub fn estimate(&self) -> Option<&Estimate> {
        match self {
            Estimated::Estimate(estimate) => Some(estimate),
            Estimated::Refused { .. } => None,
        }
    }
}

impl From<Result<Estimate>> for Estimated {
    fn from(answer: Result<Estimate>) -> Self {
        match answer {
            Ok(estimate) => Estimated::Estimate(estimate),
            Err(refusal) => Estimated::Refused { refused: refusal.to_string() },
        }
    }
}

/// The estimators' answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The nearest untreated row by score, with replacement, ties averaged.
    pub nearest: Estimated,
    /// The nearest by log-odds within [`CALIPER`].
    pub nearest_within_caliper: Estimated,
    /// The five nearest by score.
    pub five_nearest: Estimated,
    /// The nearest by score, each untreated row used once.
    pub without_replacement: Estimated,
    pub weighting: Estimated,
    /// Weighting of the rows with scores within [`TRIM`].
    pub weighting_trimmed: Estimated,
    /// Rows that the trimming keeps.
    pub kept_by_trimming: usize,
    pub doubly_robust: Estimated,
    pub stratification: Estimated,
    pub strata: Vec<Stratum>,
}

/// Runs every estimator on `scored`; one that cannot answer says why in its place.
pub fn compare(scored: &Scored<'_>) -> Comparison {
    let study = scored.study;
    let logits = scored.logits();
    let spread = variance(&logits, 1).sqrt();
    let matched = |score: &[f64], rule: MatchRule| {
        Estimated::from(matches(study, score, &rule).map(|found| estimate(study, score, &found)))
    };
    let nearest = MatchRule { ties: Ties::Average { tolerance: 0.0 }, ..MatchRule::nearest() };
    let within = MatchRule { caliper: Some(CALIPER * spread), ties: Ties::SameScore, ..MatchRule::nearest() };
    let five = MatchRule { neighbours: 5, ties: Ties::FirstRow, ..MatchRule::nearest() };
    let once = MatchRule { replacement: false, ties: Ties::FirstRow, ..MatchRule::nearest() };
    let keep = trimmed(scored.scores(), TRIM.0, TRIM.1);
    let (stratification, strata) = match stratify(scored, STRATA) {
        Ok((estimate, strata)) => (Estimated::Estimate(estimate), strata),
        Err(refusal) => (Estimated::Refused { refused: refusal.to_string() }, Vec::new()),
    };
    Comparison {
        nearest: matched(scored.scores(), nearest),
        nearest_within_caliper: matched(&logits, within),
        five_nearest: matched(scored.scores(), five),
        without_replacement: matched(scored.scores(), once),
        weighting: hajek(scored, &[]).into(),
        weighting_trimmed: hajek(scored, &keep).into(),
        kept_by_trimming: keep.iter().filter(|kept| **kept).count(),
        doubly_robust: aipw(scored).into(),
        stratification,
        strata,
    }
}

#[cfg(test)]
mod tests {
    use super::super::study::tests::confounded;
    use super::*;

    #[test]
    fn where_the_model_holds_the_estimators_agree() {
        let study = confounded(31, 4000, 1.5);
        let scored = Scored::fit(&study).expect("overlap");
        let all = compare(&scored);
        let robust = all.doubly_robust.estimate().expect("fits").clone();
        for other in [&all.nearest, &all.nearest_within_caliper, &all.five_nearest, &all.weighting] {
            let other = other.estimate().expect("fits");
            let doubt = robust.standard_error.hypot(other.standard_error);
            assert!((robust.effect - other.effect).abs() < 3.0 * doubt, "{robust:?} {other:?}");
            assert!((other.effect - 1.5).abs() < 4.0 * other.standard_error, "{other:?}");
        }
    }

    #[test]
    fn an_estimator_that_cannot_answer_says_why_and_the_others_go_on() {
        let study = confounded(32, 60, 1.0);
        let scored = Scored::fit(&study).expect("overlap");
        let all = compare(&scored);
        assert!(all.doubly_robust.estimate().is_some());
        let wire = serde_json::to_value(&all).expect("plain data");
        assert_eq!(serde_json::from_value::<Comparison>(wire).expect("its own form"), all);
    }
}
