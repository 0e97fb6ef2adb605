//! The primal simplex method, phase 2: finishes what the dual method with shifted costs began.
//! Devex pricing (Forrest and Goldfarb, 1992) and a two-pass Harris ratio test.

use super::simplex::{DUAL_TOL, INF, Outcome, PRIMAL_TOL, Place, Simplex};
use crate::effort::Effort;

const PIVOT_TOL: f64 = 1e-8;

impl Simplex {
    /// Minimises the true costs from a primal feasible basis.
    pub(crate) fn primal(&mut self, effort: &mut Effort, begin: u64) -> Outcome {
        let total = self.n + self.m;
        let mut weight = vec![1.0f64; total];
        let mut stalled = 0u64;
        let mut rejected: Vec<usize> = Vec::new();
        loop {
            self.charge(effort);
            if effort.is_over() || self.iterations - begin > self.iteration_limit {
                return Outcome::Limit;
            }
            if self.factors.updates() >= 80 || self.factors.is_heavy() {
                self.factor();
                self.settle_nonbasic();
                self.compute_duals();
                self.compute_primal();
                if self.primal_infeasibility() > 1e-5 {
                    return Outcome::Trouble;
                }
            }
            let mut entering = usize::MAX;
            let mut best = 0.0;
            for j in 0..total {
                if self.place[j] == Place::Basic || self.lower[j] == self.upper[j] {
                    continue;
                }
                let d = self.d[j];
                let gain = match self.place[j] {
                    Place::Lower => -d,
                    Place::Upper => d,
                    _ => d.abs(),
                };
                if gain > DUAL_TOL && gain * gain > best * weight[j] && !rejected.contains(&j) {
                    best = gain * gain / weight[j];
                    entering = j;
                }
            }
            self.work += total as u64 / 4;
            if entering == usize::MAX {
                if self.factors.updates() > 0 {
                    self.factor();
                    self.settle_nonbasic();
                    self.compute_duals();
                    self.compute_primal();
                    if self.dual_infeasibility() > DUAL_TOL && rejected.is_empty() {
                        continue;
                    }
                }
                return if rejected.is_empty() { Outcome::Optimal } else { Outcome::Trouble };
            }
            let q = entering;
            let direction = if self.d[q] < 0.0 { 1.0 } else { -1.0 };
            self.compute_column(q);

            // Harris: the longest step with bounds relaxed, then the largest pivot within it.
            let mut relaxed = self.upper[q] - self.lower[q];
            for &s in &self.column.idx {
                let a = self.column.val[s as usize] * direction;
                if a.abs() < PIVOT_TOL {
                    continue;
                }
                let j = self.head[s as usize] as usize;
                let room = if a > 0.0 { self.x[j] - self.lower[j] } else { self.upper[j] - self.x[j] };
                relaxed = relaxed.min((room.max(0.0) + PRIMAL_TOL) / a.abs());
            }
            if relaxed == INF {
                return Outcome::Unbounded;
            }
            let mut slot = usize::MAX;
            let mut pivot = 0.0f64;
            let mut step = self.upper[q] - self.lower[q];
            for &s in &self.column.idx {
                let a = self.column.val[s as usize] * direction;
                if a.abs() < PIVOT_TOL {
                    continue;
                }
                let j = self.head[s as usize] as usize;
                let room = if a > 0.0 { self.x[j] - self.lower[j] } else { self.upper[j] - self.x[j] };
                let ratio = room / a.abs();
                if ratio <= relaxed && a.abs() > pivot {
                    pivot = a.abs();
                    slot = s as usize;
                    step = ratio.max(0.0);
                }
            }
            let flip = self.upper[q] - self.lower[q];
            if slot == usize::MAX || flip <= step {
                // Nothing blocks before the other bound.
                let value = if direction > 0.0 { self.upper[q] } else { self.lower[q] };
                let moved = value - self.x[q];
                for &s in &self.column.idx {
                    let j = self.head[s as usize] as usize;
                    self.x[j] -= moved * self.column.val[s as usize];
                }
                self.x[q] = value;
                self.place[q] = if direction > 0.0 { Place::Upper } else { Place::Lower };
                self.iterations += 1;
                continue;
            }
            if pivot < 1e-7 {
                rejected.push(q);
                if rejected.len() > 20 {
                    return Outcome::Trouble;
                }
                continue;
            }
            stalled = if step > 0.0 { 0 } else { stalled + 1 };
            if stalled > 2 * total as u64 + 1000 {
                return Outcome::Trouble;
            }

            self.compute_rho(slot);
            self.compute_pivot_row();
            let alpha = self.column.val[slot];
            let theta = self.d[q] / alpha;
            let p = self.head[slot] as usize;
            let reference = weight[q].max(1.0);
            for k in 0..self.pivot_row.idx.len() {
                let j = self.pivot_row.idx[k] as usize;
                let a = self.pivot_row.val[j];
                self.d[j] -= theta * a;
                weight[j] = weight[j].max((a / alpha).powi(2) * reference);
            }
            for k in 0..self.rho.idx.len() {
                let at = self.rho.idx[k] as usize;
                let j = self.n + self.factors.row_at[at] as usize;
                let a = self.rho.val[at];
                self.d[j] -= theta * a;
                weight[j] = weight[j].max((a / alpha).powi(2) * reference);
            }
            for s in 0..self.m {
                self.d[self.head[s] as usize] = 0.0;
            }
            self.d[q] = 0.0;
            self.d[p] = -theta;
            weight[p] = (reference / (alpha * alpha)).max(1.0);

            let moved = step * direction;
            for &s in &self.column.idx {
                let j = self.head[s as usize] as usize;
                self.x[j] -= moved * self.column.val[s as usize];
            }
            self.x[q] += moved;
            let to = if alpha * direction > 0.0 { Place::Lower } else { Place::Upper };
            self.x[p] = if to == Place::Lower { self.lower[p] } else { self.upper[p] };
            self.exchange(slot, q, to);
            // Dual weights are of another basis now; they are only a pricing guide.
            self.weight[slot] = 1.0;
            self.iterations += 1;
            rejected.clear();
        }
    }
}
