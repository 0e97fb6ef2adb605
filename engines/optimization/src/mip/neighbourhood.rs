//! Large-neighbourhood search: fix most of a plan, search the rest exactly (RENS, RINS, mutation;
//! Danna, Rothberg and Le Pape, 2005).

use super::tree::Tree;
use super::{Guidance, Problem};
use crate::effort::Effort;

impl Tree<'_> {
    /// Searches around the root relaxation, then around plans, until a few rounds bring nothing.
    pub(super) fn root_neighbourhoods(&mut self, effort: &mut Effort) {
        let begin = effort.spent;
        let budget = (effort.limit - effort.spent.min(effort.limit)) / 4;
        if self.incumbent.is_none() || self.guidance.depth == 0 {
            let fixed = self.rens();
            self.explore(fixed, budget / 3, effort);
        }
        let mut dull = 0;
        while self.incumbent.is_some() && dull < 3 && effort.spent - begin < budget {
            if effort.is_over() || self.closed() {
                break;
            }
            let before = self.value;
            self.neighbourhood(effort);
            dull = if self.value < before { 0 } else { dull + 1 };
            self.report(effort);
        }
        self.reduced_cost_fixing();
    }

    /// Where columns are many and rows are few, most columns are priced out: the search over the
    /// promising ones is far smaller and nearly as good.
    pub(super) fn promising_columns(&mut self, effort: &mut Effort) {
        for (part, keep) in [(3, 1), (3, 2)] {
            let budget = effort.limit.saturating_sub(effort.spent) / part;
            let fixed = self.priced_out(keep * self.problem.rows.len() / 2);
            self.explore(fixed, budget, effort);
            self.report(effort);
        }
    }

    /// Integers at a bound in the root relaxation, but for the `keep` with the lowest prices.
    fn priced_out(&self, keep: usize) -> Vec<(usize, f64)> {
        let mut at_bound: Vec<(f64, usize, f64)> = self
            .integers
            .iter()
            .filter(|&&j| (self.root_x[j] - self.root_x[j].round()).abs() < 1e-7)
            .filter(|&&j| self.root_reduced[j].abs() > 1e-9)
            .map(|&j| (self.root_reduced[j].abs(), j, self.root_x[j].round()))
            .collect();
        at_bound.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        at_bound.into_iter().skip(keep).map(|(_, j, v)| (j, v)).collect()
    }

    /// One neighbourhood of the best plan; the kind rotates.
    pub(super) fn neighbourhood(&mut self, effort: &mut Effort) {
        let Some(plan) = self.incumbent.clone() else {
            return;
        };
        self.neighbourhood_round += 1;
        let round = self.neighbourhood_round;
        let fixed = match round % 3 {
            1 => self
                .integers
                .iter()
                .filter(|&&j| (self.root_x[j] - plan[j]).abs() < 1e-6)
                .map(|&j| (j, plan[j]))
                .collect(),
            _ => self.mutation(&plan, round),
        };
        let share = (effort.limit - effort.spent.min(effort.limit)) / 12;
        self.explore(fixed, share, effort);
    }

    /// Whole values of the root relaxation stay; fractions may go to either side.
    fn rens(&self) -> Vec<(usize, f64)> {
        self.integers
            .iter()
            .filter(|&&j| (self.root_x[j] - self.root_x[j].round()).abs() < 1e-6)
            .map(|&j| (j, self.root_x[j].round()))
            .collect()
    }

    /// A connected part of the plan is set free: columns that share rows with a random one.
    fn mutation(&self, plan: &[f64], round: u64) -> Vec<(usize, f64)> {
        let n = self.integers.len();
        let mut random = Random::new(self.guidance.seed ^ (round * 0x9E37_79B9));
        let free_target = (n / (3 + (round as usize % 4) * 2)).max(20).min(n);
        let mut free = vec![false; self.problem.columns()];
        let mut count = 0;
        let by_column = self.problem.column_rows();
        let mut queue: Vec<usize> = Vec::new();
        let mut at = 0;
        let mut row_seen = vec![false; self.problem.rows.len()];
        while count < free_target {
            if at >= queue.len() {
                let j = self.integers[random.below(n)];
                if free[j] {
                    if queue.len() > 4 * n {
                        break;
                    }
                    queue.push(j);
                    continue;
                }
                queue.push(j);
            }
            let j = queue[at];
            at += 1;
            if !free[j] {
                free[j] = true;
                if self.problem.integer[j] {
                    count += 1;
                }
            }
            for &i in &by_column[j] {
                let i = i as usize;
                if row_seen[i] || self.problem.rows[i].len() > free_target.max(30) {
                    continue;
                }
                row_seen[i] = true;
                for &(k, _) in &self.problem.rows[i] {
                    if !free[k] {
                        queue.push(k);
                    }
                }
            }
        }
        self.integers.iter().filter(|&&j| !free[j]).map(|&j| (j, plan[j])).collect()
    }

    fn explore(&mut self, fixed: Vec<(usize, f64)>, share: u64, effort: &mut Effort) {
        let n = self.integers.len();
        if fixed.len() * 10 < n * 3 {
            return;
        }
        let mut part: Problem = self.problem.clone();
        for &j in &self.integers {
            part.lower[j] = self.root_lower[j];
            part.upper[j] = self.root_upper[j];
        }
        for (j, v) in fixed {
            // A root bound tightened since may exclude the old value: then it stays free.
            if v >= part.lower[j] && v <= part.upper[j] {
                part.lower[j] = v;
                part.upper[j] = v;
            }
        }
        // A plan that uses a column outside of the part cannot start the search of the part.
        let start = self
            .incumbent
            .clone()
            .filter(|x| self.integers.iter().all(|&j| x[j] >= part.lower[j] && x[j] <= part.upper[j]));
        let cutoff = (self.value < f64::INFINITY && start.is_none()).then_some(self.value);
        for (terms, lo, hi) in &self.cut_rows {
            part.rows.push(terms.clone());
            part.row_lower.push(*lo);
            part.row_upper.push(*hi);
        }
        let guidance = Guidance {
            node_limit: Some(1000),
            cutoff,
            start,
            gap: self.guidance.gap.max(1e-4),
            depth: self.guidance.depth + 1,
            seed: self.guidance.seed + self.neighbourhood_round,
            sign: 1.0,
            ..Guidance::default()
        };
        let answer = effort.part(share, |effort| effort.silently(|effort| super::solve(&part, &guidance, effort)));
        if let Some(x) = answer.x {
            self.offer(x);
        }
    }
}

/// A small deterministic generator (xorshift).
pub(crate) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ 0x9E37_79B9_7F4A_7C15);
        if random.0 == 0 {
            random.0 = 1;
        }
        for _ in 0..4 {
            random.next();
        }
        random
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}
