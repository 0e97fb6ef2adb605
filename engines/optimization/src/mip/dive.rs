//! Diving: fix what the relaxation almost decides, solve again, until everything is whole.

use super::tree::Tree;
use crate::effort::Effort;
use crate::lp::Outcome;

/// Share of a run's work that one dive may take.
const SHARE: u64 = 8;

/// A dive goes carefully at first and faster the more of its share is used, so that it ends with a
/// plan: one in how many fractions is fixed at once, and how unsure the least sure may be.
fn hurry(used: u64, allowed: u64) -> (usize, f64) {
    match used as f64 / allowed.max(1) as f64 {
        share if share < 0.25 => (12, 0.3),
        share if share < 0.5 => (8, 0.4),
        share if share < 0.75 => (4, 0.6),
        _ => (2, 0.9),
    }
}

impl Tree<'_> {
    /// Dives from the root relaxation with different rules; leaves the tree as it was.
    pub(super) fn dive(&mut self, effort: &mut Effort) {
        let basis = self.simplex.basis();
        for rule in 0..3 {
            if effort.is_over() || self.closed() {
                break;
            }
            if rule == 2 && self.incumbent.is_some() {
                break;
            }
            self.lower.copy_from_slice(&self.root_lower);
            self.upper.copy_from_slice(&self.root_upper);
            self.apply_bounds();
            self.simplex.set_basis(&basis);
            if self.simplex.solve(effort) != Outcome::Optimal {
                break;
            }
            let share = (effort.limit - effort.spent.min(effort.limit)) / SHARE;
            effort.part(share, |effort| self.dive_from_here(effort, rule));
            self.report(effort);
        }
        self.lower.copy_from_slice(&self.root_lower);
        self.upper.copy_from_slice(&self.root_upper);
        self.apply_bounds();
        self.simplex.set_basis(&basis);
        self.simplex.cutoff = f64::INFINITY;
        let _ = effort.silently(|effort| {
            // The root's basis is optimal for the root's bounds: this only recomputes its values.
            let over = effort.limit;
            effort.limit = u64::MAX;
            let outcome = self.simplex.solve(effort);
            effort.limit = over;
            outcome
        });
    }

    /// Dives from the present relaxation, which must be solved.
    pub(super) fn dive_from_here(&mut self, effort: &mut Effort, rule: u64) {
        let locks = self.locks();
        let begin = effort.spent;
        let allowed = effort.limit.saturating_sub(begin);
        let mut backtracked = 0;
        self.simplex.cutoff = f64::INFINITY;
        loop {
            if effort.is_over() {
                self.finish_upwards(effort);
                return;
            }
            let fractional = self.fractional();
            if fractional.is_empty() {
                self.accept_relaxation(effort);
                return;
            }
            let relaxed = self.simplex.objective();
            if relaxed >= self.cutoff() {
                return;
            }
            // Everything that is whole already and several almost decided ones are fixed at once
            // when there are many.
            let mut ranked: Vec<(f64, usize, f64)> = fractional
                .iter()
                .map(|&(j, x)| {
                    let (score, to) = self.rule(rule, x, locks[j]);
                    (score, j, to)
                })
                .collect();
            ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let batch = 1 + ranked.len() / hurry(effort.spent.saturating_sub(begin), allowed).0;
            let surest = hurry(effort.spent.saturating_sub(begin), allowed).1;
            let (saved_lower, saved_upper) = (self.lower.clone(), self.upper.clone());
            let mut first = None;
            let mut feasible = true;
            for &(score, j, to) in ranked.iter().take(batch) {
                if first.is_some() && score > surest {
                    break;
                }
                if self.lower[j] == self.upper[j] || to < self.lower[j] || to > self.upper[j] {
                    continue;
                }
                let (before_lower, before_upper) = (self.lower.clone(), self.upper.clone());
                self.fix(j, to);
                if !self.spread(j, effort) {
                    self.lower = before_lower;
                    self.upper = before_upper;
                    if first.is_none() {
                        first = Some((j, to));
                        feasible = false;
                    }
                    break;
                }
                if first.is_none() {
                    first = Some((j, to));
                }
            }
            let Some((j, to)) = first else { return };
            if feasible {
                self.apply_bounds();
                feasible = match self.simplex.solve(effort) {
                    Outcome::Optimal => true,
                    Outcome::Infeasible | Outcome::CutOff => false,
                    _ => return,
                };
            }
            if !feasible {
                // Once or twice the other way round; then the dive is given up.
                backtracked += 1;
                if backtracked > 8 {
                    self.finish_upwards(effort);
                    return;
                }
                self.lower = saved_lower;
                self.upper = saved_upper;
                let x = fractional.iter().find(|f| f.0 == j).map_or(to, |f| f.1);
                if to > x {
                    self.upper[j] = to - 1.0;
                } else {
                    self.lower[j] = to + 1.0;
                }
                if self.lower[j] > self.upper[j] || !self.spread(j, effort) {
                    return;
                }
                self.apply_bounds();
                if self.simplex.solve(effort) != Outcome::Optimal {
                    return;
                }
            }
        }
    }

    /// A dive that must end: what is still open is rounded up, then down.
    fn finish_upwards(&mut self, effort: &mut Effort) {
        let x = self.simplex.values();
        let limit = effort.limit;
        // One linear solve beyond the share of the dive.
        effort.limit = limit.max(effort.spent.saturating_add(limit / 50));
        for up in [true, false] {
            let mut whole = x.clone();
            for &j in &self.integers {
                let to = if up { (x[j] - 1e-6).ceil() } else { (x[j] + 1e-6).floor() };
                whole[j] = to.clamp(self.root_lower[j], self.root_upper[j]);
            }
            if let Some(x) = self.settled(&whole, effort) {
                self.offer(x);
                break;
            }
        }
        effort.limit = limit;
    }

    /// Moves the bound of `j` so that it goes the way of `to`; binaries are fixed by that.
    fn fix(&mut self, j: usize, to: f64) {
        let x = self.simplex.value(j);
        if to >= x {
            self.lower[j] = to;
        } else {
            self.upper[j] = to;
        }
    }

    fn spread(&mut self, j: usize, effort: &mut Effort) -> bool {
        self.propagator.touch(j);
        self.propagate(effort)
    }

    /// How many rows resist a column going down and up.
    fn locks(&self) -> Vec<(u32, u32)> {
        let mut out = vec![(0, 0); self.problem.columns()];
        for (i, row) in self.problem.rows.iter().enumerate() {
            let has_lower = self.problem.row_lower[i] != f64::NEG_INFINITY;
            let has_upper = self.problem.row_upper[i] != f64::INFINITY;
            for &(j, v) in row {
                if (v > 0.0 && has_lower) || (v < 0.0 && has_upper) {
                    out[j].0 += 1;
                }
                if (v > 0.0 && has_upper) || (v < 0.0 && has_lower) {
                    out[j].1 += 1;
                }
            }
        }
        out
    }

    /// Score (low first) and target of one fractional column.
    fn rule(&self, rule: u64, x: f64, locks: (u32, u32)) -> (f64, f64) {
        let f = x - x.floor();
        match rule {
            // The largest fraction goes up: for covering rows and switches.
            0 => (1.0 - f + if f < 0.2 { 1.0 } else { 0.0 }, x.ceil()),
            // The nearest whole value.
            1 => {
                if f <= 0.5 {
                    (f, x.floor())
                } else {
                    (1.0 - f, x.ceil())
                }
            }
            // The side fewer rows resist.
            _ => {
                let (down, up) = locks;
                if down == up {
                    if f <= 0.5 { (f, x.floor()) } else { (1.0 - f, x.ceil()) }
                } else if down < up {
                    (f + 0.1 * f64::from(down.min(9)) / 10.0, x.floor())
                } else {
                    (1.0 - f + 0.1 * f64::from(up.min(9)) / 10.0, x.ceil())
                }
            }
        }
    }
}
