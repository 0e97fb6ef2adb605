//! Zero-half cuts (Caprara and Fischetti, 1996): sums of whole rows, halved and rounded down. Which rows
//! to add is found by elimination over parities (Koster, Zymolka and Kutschka, 2009). Covering rows with
//! general integers, as in staffing, leave gaps that single rows cannot see.

use super::tree::Tree;
use crate::effort::Effort;
use crate::lp::simplex::BoundedRow;

/// Sums of rows looked at in one round.
const LINES: usize = 2000;
/// Cuts taken from one round.
const FOUND: usize = 200;
/// Least amount by which `x` must break a halved row before rounding.
const BROKEN: f64 = 0.02;
const NEAR: f64 = 1e-6;

/// A sum of rows `a x' <= b`, known by parities only.
struct Line {
    /// Columns with an odd coefficient, of those away from their bound.
    odd: Vec<u64>,
    /// Rows in the sum, as places in the list of sides.
    sources: Vec<u64>,
    odd_limit: bool,
    slack: f64,
}

/// A column measured from its nearer bound: `x = bound + x'` or, from above, `x = bound - x'`.
#[derive(Clone, Copy)]
pub(super) struct Measured {
    pub bound: f64,
    pub from_above: bool,
    pub away: f64,
}

impl Tree<'_> {
    pub(super) fn zero_half_cuts(&self, x: &[f64], effort: &mut Effort) -> Vec<BoundedRow> {
        let measured: Vec<Option<Measured>> = (0..x.len()).map(|j| self.measured(j, x[j])).collect();
        let mut away: Vec<(usize, f64)> =
            measured.iter().enumerate().filter_map(|(j, m)| m.filter(|m| m.away > NEAR).map(|m| (j, m.away))).collect();
        away.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut place = vec![usize::MAX; x.len()];
        for (k, &(j, _)) in away.iter().enumerate() {
            place[j] = k;
        }
        let sides = self.whole_sides(x, &measured, effort);
        let mut lines = lines_of(&sides, &place, away.len());
        let mut out = Vec::new();
        let mut used = vec![false; lines.len()];
        for column in 0..away.len() {
            let (word, bit) = (column / 64, 1u64 << (column % 64));
            let pivot = (0..lines.len())
                .filter(|&k| !used[k] && lines[k].odd[word] & bit != 0)
                .min_by(|&a, &b| lines[a].slack.total_cmp(&lines[b].slack));
            effort.add(lines.len() as u64);
            let Some(pivot) = pivot else { continue };
            used[pivot] = true;
            let (odd, sources) = (lines[pivot].odd.clone(), lines[pivot].sources.clone());
            let (odd_limit, slack) = (lines[pivot].odd_limit, lines[pivot].slack);
            for (k, line) in lines.iter_mut().enumerate() {
                if used[k] || line.odd[word] & bit == 0 {
                    continue;
                }
                line.odd.iter_mut().zip(&odd).for_each(|(a, b)| *a ^= b);
                line.sources.iter_mut().zip(&sources).for_each(|(a, b)| *a ^= b);
                line.odd_limit ^= odd_limit;
                line.slack += slack;
                effort.add((odd.len() + sources.len()) as u64);
                if line.slack >= 1.0 - BROKEN {
                    used[k] = true;
                } else if line.broken_by(&away) > BROKEN {
                    out.extend(rounded(line, &sides));
                    if out.len() >= FOUND {
                        return out;
                    }
                }
            }
            if effort.is_over() {
                break;
            }
        }
        out
    }

    pub(super) fn measured(&self, j: usize, x: f64) -> Option<Measured> {
        let (lower, upper) = (self.root_lower[j], self.root_upper[j]);
        let (down, up) = (x - lower, upper - x);
        if !self.problem.integer[j] || down.min(up) == f64::INFINITY {
            return None;
        }
        let from_above = up < down;
        let bound = if from_above { upper } else { lower };
        (bound.fract() == 0.0).then_some(Measured { bound, from_above, away: down.min(up).max(0.0) })
    }

    /// Nearly tight sides of rows with whole numbers only, as `a x' <= b` with what `x` leaves of them.
    pub(super) fn whole_sides(&self, x: &[f64], measured: &[Option<Measured>], effort: &mut Effort) -> Vec<Side> {
        let mut out = Vec::new();
        for i in 0..self.simplex.m {
            let (terms, lo, hi) = self.row_at(i);
            effort.add(terms.len() as u64);
            if !terms.iter().all(|&(j, v)| v.fract() == 0.0 && v.abs() < 1e6 && measured[j].is_some()) {
                continue;
            }
            let sum: f64 = terms.iter().map(|&(j, v)| v * x[j]).sum();
            for (sign, limit) in [(1.0, hi), (-1.0, -lo)] {
                let slack = (limit - sign * sum).max(0.0);
                if limit.fract() != 0.0 || limit.abs() > 1e9 || slack >= 1.0 - BROKEN || (sign < 0.0 && lo == hi) {
                    continue;
                }
                let mut b = limit;
                let mut coefficients = Vec::with_capacity(terms.len());
                for &(j, v) in terms {
                    let Some(m) = measured[j] else { continue };
                    b -= sign * v * m.bound;
                    coefficients.push((j, if m.from_above { -sign * v } else { sign * v }, m));
                }
                out.push(Side { coefficients, limit: b, slack });
            }
        }
        out.sort_by(|a, b| a.slack.total_cmp(&b.slack));
        out.truncate(LINES);
        out
    }
}

pub(super) struct Side {
    pub coefficients: Vec<(usize, f64, Measured)>,
    pub limit: f64,
    pub slack: f64,
}

fn is_odd(v: f64) -> bool {
    v.rem_euclid(2.0) == 1.0
}

fn lines_of(sides: &[Side], place: &[usize], columns: usize) -> Vec<Line> {
    let (words, source_words) = (columns / 64 + 1, sides.len() / 64 + 1);
    sides
        .iter()
        .enumerate()
        .map(|(k, side)| {
            let mut odd = vec![0; words];
            for &(j, v, _) in &side.coefficients {
                if place[j] != usize::MAX && is_odd(v) {
                    odd[place[j] / 64] ^= 1u64 << (place[j] % 64);
                }
            }
            let mut sources = vec![0; source_words];
            sources[k / 64] = 1u64 << (k % 64);
            Line { odd, sources, odd_limit: is_odd(side.limit), slack: side.slack }
        })
        .collect()
}

impl Line {
    /// Twice what the point breaks the halved and rounded row by.
    fn broken_by(&self, away: &[(usize, f64)]) -> f64 {
        if !self.odd_limit {
            return 0.0;
        }
        let mut left = 1.0 - self.slack;
        for (word, &bits) in self.odd.iter().enumerate() {
            let mut bits = bits;
            while bits != 0 && left > 0.0 {
                left -= away[word * 64 + bits.trailing_zeros() as usize].1;
                bits &= bits - 1;
            }
        }
        left
    }
}

fn rounded(line: &Line, sides: &[Side]) -> Option<BoundedRow> {
    let sources = (0..sides.len()).filter(|k| line.sources[k / 64] >> (k % 64) & 1 == 1);
    rounded_sum(sides, sources.map(|k| (k, 1.0)), 2.0)
}

/// The cut: the weighted sum divided, coefficients and limit rounded down, back in the columns' own terms.
pub(super) fn rounded_sum(
    sides: &[Side],
    weights: impl Iterator<Item = (usize, f64)>,
    divisor: f64,
) -> Option<BoundedRow> {
    let mut sum: std::collections::BTreeMap<usize, (f64, Measured)> = std::collections::BTreeMap::new();
    let mut limit = 0.0;
    for (k, weight) in weights {
        limit += weight * sides[k].limit;
        for &(j, v, m) in &sides[k].coefficients {
            sum.entry(j).or_insert((0.0, m)).0 += weight * v;
        }
    }
    let mut upper = (limit / divisor).floor();
    let mut terms = Vec::with_capacity(sum.len());
    for (j, (v, m)) in sum {
        let whole = (v / divisor).floor();
        if whole != 0.0 {
            let own = if m.from_above { -whole } else { whole };
            upper += own * m.bound;
            terms.push((j, own));
        }
    }
    (!terms.is_empty()).then_some((terms, f64::NEG_INFINITY, upper))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::lp::Outcome;
    use crate::mip::presolve::{Presolved, presolve};
    use crate::mip::{Guidance, Problem, Random};

    /// Rows of whole numbers up to `largest` over a few columns.
    fn packing(random: &mut Random, largest: u64) -> Problem {
        let (columns, rows) = (5, 6);
        let mut draw = |least: u64, most: u64| (least + random.next() % (most - least + 1)) as f64;
        Problem {
            cost: (0..columns).map(|_| -draw(1, 9)).collect(),
            lower: vec![0.0; columns],
            upper: (0..columns).map(|_| draw(1, 3)).collect(),
            integer: vec![true; columns],
            implied: vec![false; columns],
            rows: (0..rows)
                .map(|_| (0..columns).map(|j| (j, draw(0, largest))).filter(|term| term.1 != 0.0).collect())
                .collect(),
            row_lower: vec![f64::NEG_INFINITY; rows],
            row_upper: (0..rows).map(|_| draw(largest, 3 * largest + 1)).collect(),
        }
    }

    fn whole_plans(problem: &Problem) -> Vec<Vec<f64>> {
        let mut plans = vec![Vec::new()];
        for j in 0..problem.columns() {
            let values = problem.lower[j] as i64..=problem.upper[j] as i64;
            plans = plans.iter().flat_map(|p| values.clone().map(move |v| [&p[..], &[v as f64]].concat())).collect();
        }
        plans.retain(|x| problem.accepts(x));
        plans
    }

    /// Looks for cuts in small problems: every whole plan must keep each, and the relaxation break it by `least`. How many
    /// there were.
    pub fn tried(
        (seed, largest): (u64, u64),
        least: f64,
        cuts: impl Fn(&Tree<'_>, &[f64], &mut Effort) -> Vec<BoundedRow>,
    ) -> usize {
        let mut random = Random::new(seed);
        let mut found = 0;
        for _ in 0..3000 {
            let mut effort = Effort::seconds(1.0);
            let Presolved::Reduced(reduced) = presolve(&packing(&mut random, largest), &mut effort) else { continue };
            let (problem, restore) = *reduced;
            let guidance = Guidance::default();
            let mut tree = Tree::new(&problem, &restore, &guidance, 0.0);
            if tree.simplex.solve(&mut effort) != Outcome::Optimal {
                continue;
            }
            let x = tree.simplex.values();
            let plans = whole_plans(&problem);
            for (terms, _, upper) in cuts(&tree, &x, &mut effort) {
                let sum = |x: &[f64]| terms.iter().map(|&(j, v)| v * x[j]).sum::<f64>();
                assert!(sum(&x) > upper + least, "{terms:?} <= {upper} is kept by {x:?}");
                assert!(plans.iter().all(|plan| sum(plan) <= upper), "{terms:?} <= {upper} cuts a plan off");
                found += 1;
            }
        }
        found
    }

    #[test]
    fn every_whole_plan_keeps_every_cut_and_the_relaxation_breaks_it() {
        let found = tried((5, 2), 1e-3, |tree, x, effort| tree.zero_half_cuts(x, effort));
        assert!(found > 100, "{found}");
    }
}
