//! Matching: each treated row beside its nearest untreated rows.
//!
//! Intervals after Abadie and Imbens (2006, Econometrica 74:235), without their 2016 term for the
//! estimated score, which for the effect on the treated can go either way and is small in large samples.

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::study::Study;
use crate::error::{EvidenceError, Result};

/// Distances of scores closer than this are equal but for the rounding of their sums: two rows on either
/// side of a treated row can be equally near in truth and differ in the last digit.
const ROUNDING: f64 = 1e-12;

/// What to do when several untreated rows are equally near.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// Use all of them, each with an equal share; distances within the tolerance are equal.
    /// Zero means equal as double-precision numbers.
    Average { tolerance: f64 },
    /// Use all rows with the nearest row's own score, each with an equal share. Of rows equally far below and
    /// above, the one that comes first in the data decides the side. Distances within 1e-12 are equal.
    SameScore,
    /// Use the one that comes first in the data; distances within 1e-12 are equal.
    FirstRow,
}

/// How to match.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MatchRule {
    /// Untreated rows per treated row, at least 1.
    pub neighbours: usize,
    /// Largest distance allowed, in units of the score; none means any.
    pub caliper: Option<f64>,
    pub ties: Ties,
    /// Whether an untreated row may serve several treated rows.
    /// Without replacement, treated rows choose in the order of the data.
    pub replacement: bool,
}

impl MatchRule {
    /// One neighbour, ties averaged, with replacement, no caliper.
    pub fn nearest() -> Self {
        MatchRule { neighbours: 1, caliper: None, ties: Ties::Average { tolerance: 1e-12 }, replacement: true }
    }
}

/// The pairs found: for each matched treated row, its untreated rows with weights that sum to one.
#[derive(Debug, Clone, PartialEq)]
pub struct Matches {
    pub pairs: Vec<(usize, Vec<(usize, f64)>)>,
    /// Treated rows with no untreated row within the caliper (or none left).
    pub unmatched: Vec<usize>,
}

/// Finds matches on `score` (one value per row of the study).
///
/// # Errors
/// No treated row can be matched, a caliper that is not positive, or no neighbours asked for.
pub fn matches(study: &Study, score: &[f64], rule: &MatchRule) -> Result<Matches> {
    if rule.neighbours == 0 {
        return Err(EvidenceError::OutOfRange { name: "neighbours", value: 0.0, bound: "at least 1".into() });
    }
    if let Some(caliper) = rule.caliper
        && (caliper.is_nan() || caliper <= 0.0)
    {
        return Err(EvidenceError::OutOfRange { name: "caliper", value: caliper, bound: "positive".into() });
    }
    let (treated, mut pool) = study.groups();
    pool.sort_by(|&a, &b| score[a].total_cmp(&score[b]).then(a.cmp(&b)));
    let mut free = vec![true; pool.len()];
    let mut found = Matches { pairs: Vec::with_capacity(treated.len()), unmatched: Vec::new() };
    for t in treated {
        let near = nearest(score[t], score, &pool, &free, rule);
        if near.is_empty() {
            found.unmatched.push(t);
            continue;
        }
        if !rule.replacement {
            for &(position, _) in &near {
                free[position] = false;
            }
        }
        let total: f64 = near.iter().map(|(_, share)| share).sum();
        let partners = near.into_iter().map(|(position, share)| (pool[position], share / total)).collect();
        found.pairs.push((t, partners));
    }
    if found.pairs.is_empty() {
        return Err(EvidenceError::NotIdentifiable {
            reason: "no treated row has an untreated row within the caliper".into(),
        });
    }
    Ok(found)
}

/// Positions in `pool` (sorted by score) of the nearest free rows, with their shares.
fn nearest(at: f64, score: &[f64], pool: &[usize], free: &[bool], rule: &MatchRule) -> Vec<(usize, f64)> {
    let distance = |position: usize| (score[pool[position]] - at).abs();
    let tolerance = match rule.ties {
        Ties::Average { tolerance } => tolerance,
        Ties::SameScore | Ties::FirstRow => ROUNDING,
    };
    let start = pool.partition_point(|&row| score[row] < at);
    let mut left = (0..start).rev().filter(|&p| free[p]).peekable();
    let mut right = (start..pool.len()).filter(|&p| free[p]).peekable();
    let mut candidates: Vec<usize> = Vec::new();
    // Walk outwards; stop once the next row is farther than the k-th one found.
    loop {
        let next = match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some(&l), None) => l,
            (None, Some(&r)) => r,
            (Some(&l), Some(&r)) => {
                if distance(l) <= distance(r) {
                    l
                } else {
                    r
                }
            }
        };
        if rule.caliper.is_some_and(|caliper| distance(next) > caliper) {
            break;
        }
        if candidates.len() >= rule.neighbours {
            let kth = distance(candidates[rule.neighbours - 1]);
            if distance(next) > kth + tolerance {
                break;
            }
        }
        candidates.push(next);
        if left.peek() == Some(&next) {
            left.next();
        } else {
            right.next();
        }
    }
    candidates.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)).then(pool[a].cmp(&pool[b])));
    let side_only = rule.ties == Ties::SameScore && rule.replacement;
    if (side_only || rule.ties == Ties::FirstRow || !rule.replacement) && candidates.len() > rule.neighbours {
        // Rows as near as the last place, up to rounding, compete for it by their order in the data.
        let last = distance(candidates[rule.neighbours - 1]);
        let sure = candidates.partition_point(|&p| distance(p) < last - tolerance);
        candidates[sure..].sort_by_key(|&p| pool[p]);
        let side = score[pool[candidates[rule.neighbours - 1]]];
        let mut place = 0;
        candidates.retain(|&p| {
            place += 1;
            place <= rule.neighbours || (side_only && (score[pool[p]] - side).abs() <= tolerance)
        });
    }
    candidates.into_iter().map(|p| (p, 1.0)).collect()
}

/// The effect on the matched treated rows, with the Abadie-Imbens interval.
pub fn estimate(study: &Study, score: &[f64], found: &Matches) -> Estimate {
    let y = study.outcome();
    let count = found.pairs.len() as f64;
    let mut used = vec![0.0; study.rows()];
    let mut used_squares = vec![0.0; study.rows()];
    let differences: Vec<f64> = found
        .pairs
        .iter()
        .map(|(t, partners)| {
            let hypothetical: f64 = partners.iter().map(|(row, share)| share * y[*row]).sum();
            for &(row, share) in partners {
                used[row] += share;
                used_squares[row] += share * share;
            }
            y[*t] - hypothetical
        })
        .collect();
    let effect = differences.iter().sum::<f64>() / count;
    let between: f64 = differences.iter().map(|d| (d - effect).powi(2)).sum();
    let noise = untreated_noise(study, score);
    let reuse: f64 = (0..study.rows()).map(|row| (used[row] * used[row] - used_squares[row]) * noise[row]).sum();
    let variance = (between + reuse) / (count * count);
    Estimate::normal(effect, variance.max(0.0).sqrt(), found.pairs.len())
}

/// Each untreated row's conditional outcome variance, from its two nearest untreated rows by score.
fn untreated_noise(study: &Study, score: &[f64]) -> Vec<f64> {
    const NEIGHBOURS: usize = 2;
    let (_, mut pool) = study.groups();
    pool.sort_by(|&a, &b| score[a].total_cmp(&score[b]).then(a.cmp(&b)));
    let y = study.outcome();
    let mut noise = vec![0.0; study.rows()];
    for position in 0..pool.len() {
        let low = position.saturating_sub(NEIGHBOURS);
        let high = (position + NEIGHBOURS).min(pool.len() - 1);
        let mut near: Vec<usize> = (low..=high).filter(|&p| p != position).collect();
        near.sort_by(|&a, &b| {
            let gap = |p: usize| (score[pool[p]] - score[pool[position]]).abs();
            gap(a).total_cmp(&gap(b))
        });
        near.truncate(NEIGHBOURS);
        let j = near.len() as f64;
        let mean = near.iter().map(|&p| y[pool[p]]).sum::<f64>() / j;
        noise[pool[position]] = j / (j + 1.0) * (y[pool[position]] - mean).powi(2);
    }
    noise
}

#[cfg(test)]
mod tests {
    use super::super::propensity::Scored;
    use super::super::study::tests::confounded;
    use super::*;
    use crate::table::Table;

    fn tiny() -> Study {
        let covariates = Table::new(vec![("x".into(), vec![0.0, 1.0, 2.0, -1.0, 1.0])]);
        Study::from_parts(
            "t",
            vec![true, true, false, false, false],
            vec![5.0, 6.0, 3.0, 1.0, 4.0],
            covariates.expect("finite"),
        )
        .expect("valid")
    }

    #[test]
    fn ties_are_averaged_or_the_first_row_taken() {
        let study = tiny();
        let score = study.covariates().columns()[0].clone();
        // Row 0 is one step from rows 3 and 4; row 1 sits on row 4.
        let averaged = matches(&study, &score, &MatchRule::nearest()).expect("matches");
        assert_eq!(averaged.pairs[0].1, vec![(3, 0.5), (4, 0.5)]);
        let first = MatchRule { ties: Ties::FirstRow, ..MatchRule::nearest() };
        let first = matches(&study, &score, &first).expect("matches");
        assert_eq!(first.pairs[0].1, vec![(3, 1.0)]);
        assert_eq!(first.pairs[1].1, vec![(4, 1.0)]);
    }

    #[test]
    fn rounding_does_not_decide_between_rows_on_either_side() {
        let study = tiny();
        // 0.1 + 0.2 and 0.3 are one number: rows 2 and 3 are equally far from row 0.
        let score = [0.0, 5.0, 0.1 + 0.2, -0.3, 9.0];
        let first = MatchRule { ties: Ties::FirstRow, ..MatchRule::nearest() };
        let found = matches(&study, &score, &first).expect("matches");
        assert_eq!(found.pairs[0].1, vec![(2, 1.0)]);
        let side = MatchRule { ties: Ties::SameScore, ..MatchRule::nearest() };
        let score = [0.0, 5.0, 0.1 + 0.2, -0.3, 0.3];
        let found = matches(&study, &score, &side).expect("matches");
        assert_eq!(found.pairs[0].1, vec![(2, 0.5), (4, 0.5)]);
    }

    #[test]
    fn without_replacement_no_row_serves_twice() {
        let study = confounded(6, 300, 1.0);
        let scored = Scored::fit(&study).expect("fits");
        let rule = MatchRule { replacement: false, ..MatchRule::nearest() };
        let found = matches(&study, scored.scores(), &rule).expect("matches");
        let mut rows: Vec<usize> = found.pairs.iter().flat_map(|(_, p)| p.iter().map(|p| p.0)).collect();
        let count = rows.len();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), count);
    }

    #[test]
    fn a_caliper_leaves_far_rows_unmatched() {
        let study = tiny();
        let score = study.covariates().columns()[0].clone();
        let rule = MatchRule { caliper: Some(0.5), ..MatchRule::nearest() };
        let found = matches(&study, &score, &rule).expect("matches");
        assert_eq!(found.unmatched, vec![0]);
    }

    #[test]
    fn matching_recovers_the_effect_and_its_interval_covers_it() {
        let covered = (0..40)
            .filter(|&seed| {
                let study = confounded(100 + seed, 600, 1.5);
                let scored = Scored::fit(&study).expect("fits");
                let logits = scored.logits();
                let found = matches(&study, &logits, &MatchRule::nearest()).expect("matches");
                let answer = estimate(&study, &logits, &found);
                answer.lower <= 1.5 && 1.5 <= answer.upper
            })
            .count();
        assert!(covered >= 34, "{covered} of 40");
    }
}
