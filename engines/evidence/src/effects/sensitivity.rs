//! Sensitivity: how strong a hidden common cause would have to be to explain the effect away.

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::matching::Matches;
use super::study::Study;
use crate::statistics::correlation::variance;
use crate::statistics::distributions::normal_cdf;

/// The E-value: the risk ratio that a hidden common cause needs with both treatment and outcome.
///
/// VanderWeele and Ding (2017, Ann. Intern. Med. 167:268); an effect on a quantity is first turned into
/// a risk ratio by exp(0.91 d), d being the effect in standard deviations (Chinn 2000).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EValue {
    /// To explain away the estimate. 1 means that none is needed.
    pub estimate: f64,
    /// To move the 95 % interval to include zero. 1 where it includes zero already.
    pub interval: f64,
}

/// The E-value of an effect on an outcome measured in numbers.
pub fn e_value(study: &Study, estimate: &Estimate) -> EValue {
    let spread = variance(study.outcome(), 1).sqrt();
    let of = |effect: f64| {
        let ratio = (0.91 * effect.abs() / spread).exp();
        ratio + (ratio * (ratio - 1.0)).sqrt()
    };
    let nearest_to_zero = if estimate.lower <= 0.0 && estimate.upper >= 0.0 {
        0.0
    } else if estimate.effect > 0.0 {
        estimate.lower
    } else {
        estimate.upper
    };
    EValue { estimate: of(estimate.effect), interval: of(nearest_to_zero) }
}

/// Rosenbaum's bound: the largest Γ at which matched pairs still show an effect at 5 % one-sided.
///
/// At Γ two matched rows may differ in their odds of treatment by that factor through something
/// unmeasured. Signed-rank statistic with its normal approximation (Rosenbaum 2002, Observational
/// Studies, section 4.3.3). `None` when the effect is not significant even at Γ = 1, or with fewer than 10 pairs.
pub fn rosenbaum_gamma(study: &Study, found: &Matches) -> Option<f64> {
    let y = study.outcome();
    let mut differences: Vec<f64> = found
        .pairs
        .iter()
        .map(|(t, partners)| y[*t] - partners.iter().map(|(row, share)| share * y[*row]).sum::<f64>())
        .filter(|d| *d != 0.0)
        .collect();
    if differences.len() < 10 {
        return None;
    }
    differences.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let ranks = average_ranks(&differences);
    let positive: f64 = differences.iter().zip(&ranks).filter(|(d, _)| **d > 0.0).map(|(_, r)| r).sum();
    let total: f64 = ranks.iter().sum();
    let squares: f64 = ranks.iter().map(|r| r * r).sum();
    // Work in the direction of the effect.
    let statistic = positive.max(total - positive);
    let significant = |gamma: f64| {
        let share = gamma / (1.0 + gamma);
        let mean = share * total;
        let deviation = (share * (1.0 - share) * squares).sqrt();
        1.0 - normal_cdf((statistic - mean) / deviation) < 0.05
    };
    if !significant(1.0) {
        return None;
    }
    let (mut low, mut high) = (1.0, 2.0);
    while significant(high) && high < 1e6 {
        low = high;
        high *= 2.0;
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if significant(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(low)
}

/// Ranks 1, 2, … of sizes sorted ascending, ties sharing their mean rank.
fn average_ranks(sorted: &[f64]) -> Vec<f64> {
    let mut ranks = vec![0.0; sorted.len()];
    let mut start = 0;
    while start < sorted.len() {
        let mut end = start;
        while end + 1 < sorted.len() && sorted[end + 1].abs() == sorted[start].abs() {
            end += 1;
        }
        let rank = 0.5 * ((start + 1) as f64 + (end + 1) as f64);
        ranks[start..=end].fill(rank);
        start = end + 1;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::super::matching::{MatchRule, matches};
    use super::super::propensity::Scored;
    use super::super::study::tests::confounded;
    use super::*;

    #[test]
    fn the_e_value_of_the_paper_is_reproduced() {
        // A risk ratio of 3.9 needs 7.26 (VanderWeele and Ding 2017, smoking and lung cancer example's form).
        let study = confounded(1, 200, 0.0);
        let spread = variance(study.outcome(), 1).sqrt();
        let effect = 3.9_f64.ln() / 0.91 * spread;
        let value = e_value(&study, &Estimate::normal(effect, 1e-9, 1));
        assert!((value.estimate - 7.263).abs() < 1e-3, "{value:?}");
    }

    #[test]
    fn a_stronger_effect_withstands_more_hidden_bias() {
        let gamma = |effect: f64| {
            let study = confounded(51, 600, effect);
            let scored = Scored::fit(&study).expect("fits");
            let found = matches(&study, scored.scores(), &MatchRule::nearest()).expect("matches");
            rosenbaum_gamma(&study, &found)
        };
        let (weak, strong) = (gamma(0.6).unwrap_or(1.0), gamma(2.0).expect("significant"));
        assert!(strong > weak && strong > 1.5, "{weak} {strong}");
    }
}
