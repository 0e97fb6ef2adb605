//! Which integer a node is split on: pseudocosts made reliable by strong branching (Achterberg, Koch and Martin, 2005).

use super::pseudo_cost::PseudoCost;
use super::tree::Tree;
use crate::effort::Effort;
use crate::lp::Outcome;

impl Tree<'_> {
    pub(super) fn dead(&self) -> bool {
        self.integers.iter().any(|&j| self.lower[j] > self.upper[j])
    }

    pub(super) fn prefer_up(&self, j: usize, x: f64) -> bool {
        if let Some(plan) = &self.incumbent {
            // Towards the incumbent's side costs less depth; away from the root's value otherwise.
            return plan[j] > x;
        }
        let root = self.root_x.get(j).copied().unwrap_or(x);
        if (x - root).abs() > 0.4 { x > root } else { x - x.floor() > 0.5 }
    }

    pub(super) fn learn(&mut self, j: usize, moved: f64, up: bool, gain: f64) {
        let side = usize::from(up);
        self.pseudo[j].sum[side] += gain.max(0.0) / moved;
        self.pseudo[j].count[side] += 1;
    }

    pub(super) fn choose_branch(
        &mut self,
        fractional: &[(usize, f64)],
        relaxed: f64,
        effort: &mut Effort,
    ) -> Option<(usize, f64)> {
        let mut average = [0.0f64; 2];
        for (side, mean) in average.iter_mut().enumerate() {
            let (mut sum, mut count) = (0.0, 0u32);
            for p in &self.pseudo {
                if p.count[side] > 0 {
                    sum += p.sum[side] / f64::from(p.count[side]);
                    count += 1;
                }
            }
            *mean = if count > 0 { sum / f64::from(count) } else { 1.0 };
        }
        let estimate = |pseudo: &PseudoCost, side: usize| {
            if pseudo.count[side] > 0 { pseudo.sum[side] / f64::from(pseudo.count[side]) } else { average[side] }
        };
        let score = |down: f64, up: f64| down.max(1e-6) * up.max(1e-6);
        let mut ranked: Vec<(f64, usize, f64)> = fractional
            .iter()
            .map(|&(j, x)| {
                let f = x - x.floor();
                let down = estimate(&self.pseudo[j], 0) * f;
                let up = estimate(&self.pseudo[j], 1) * (1.0 - f);
                (score(down, up), j, x)
            })
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut best = (ranked[0].1, ranked[0].2);
        let mut best_score = -1.0;
        // A better plan first, then a smaller tree.
        if self.strong_work * if self.is_far() { 3 } else { 2 } > effort.spent + 20_000_000 {
            return Some(best);
        }
        let saved = self.simplex.basis();
        let mut failures = 0;
        for &(rank, j, x) in ranked.iter().take(if self.nodes < 10 { 16 } else { 8 }) {
            let p = &self.pseudo[j];
            let value = if p.count[0].min(p.count[1]) >= 4 {
                rank
            } else {
                let before = effort.spent;
                let mut gains = [0.0f64; 2];
                let mut dead = [false; 2];
                for side in 0..2 {
                    if side == 0 {
                        self.simplex.set_bounds(j, self.lower[j], x.floor());
                    } else {
                        self.simplex.set_bounds(j, x.floor() + 1.0, self.upper[j]);
                    }
                    let limit = self.simplex.iteration_limit;
                    self.simplex.iteration_limit = 60;
                    let outcome = self.simplex.solve(effort);
                    self.simplex.iteration_limit = limit;
                    gains[side] = match outcome {
                        Outcome::Infeasible | Outcome::CutOff => {
                            dead[side] = true;
                            (self.cutoff() - relaxed).clamp(1.0, 1e12)
                        }
                        _ => (self.simplex.objective() - relaxed).max(0.0),
                    };
                    if outcome == Outcome::Optimal {
                        let moved = if side == 0 { x - x.floor() } else { x.ceil() - x };
                        self.learn(j, moved, side == 1, gains[side]);
                        if self.fractional().is_empty() {
                            self.offer(self.simplex.values());
                        }
                    }
                    self.simplex.set_bounds(j, self.lower[j], self.upper[j]);
                    self.simplex.set_basis(&saved);
                    self.simplex.shifted = false;
                }
                self.strong_work += effort.spent - before;
                if effort.is_over() {
                    break;
                }
                if dead[0] || dead[1] {
                    if dead[0] {
                        self.lower[j] = x.floor() + 1.0;
                    }
                    if dead[1] {
                        self.upper[j] = x.floor();
                    }
                    return None;
                }
                score(gains[0], gains[1])
            };
            if value > best_score {
                best_score = value;
                best = (j, x);
                failures = 0;
            } else {
                failures += 1;
                if failures >= 6 {
                    break;
                }
            }
        }
        Some(best)
    }
}
