//! The dual simplex method: steepest edge pricing (Forrest and Goldfarb, 1992), the bound flipping
//! ratio test (Maros, 2003) with Harris tolerances, and cost perturbation against stalling
//! (Koberstein, 2005).

use super::simplex::{DUAL_TOL, INF, Outcome, PRIMAL_TOL, Place, Simplex};
use crate::effort::Effort;

const PIVOT_TOL: f64 = 1e-9;
const REFACTOR_AFTER: usize = 80;

struct Candidate {
    var: usize,
    /// Entry of the pivot row.
    raw: f64,
    /// Its size: how fast the reduced cost goes to zero.
    alpha: f64,
    /// Reduced cost, signed so that feasible means non-negative.
    d: f64,
    range: f64,
}

impl Simplex {
    /// Solves the problem from the present basis.
    pub fn solve(&mut self, effort: &mut Effort) -> Outcome {
        let mut perturb = self.perturb_at_start;
        let begin = self.iterations;
        self.cost.copy_from_slice(&self.true_cost);
        self.shifted = false;
        // Passes over all variables that no entry count shows.
        self.work += 4 * (self.n + self.m) as u64;
        for round in 0..12 {
            let outcome = self.dual(effort, perturb, begin);
            self.charge(effort);
            match outcome {
                Outcome::Optimal => {}
                other => return other,
            }
            if !self.shifted {
                return Outcome::Optimal;
            }
            self.cost.copy_from_slice(&self.true_cost);
            self.shifted = false;
            self.compute_duals();
            if self.dual_infeasibility() <= DUAL_TOL {
                return Outcome::Optimal;
            }
            let outcome = self.primal(effort, begin);
            self.charge(effort);
            match outcome {
                Outcome::Optimal => {
                    if self.primal_infeasibility() <= 10.0 * PRIMAL_TOL {
                        return Outcome::Optimal;
                    }
                }
                Outcome::Trouble => {}
                other => return other,
            }
            perturb = round > 4;
            self.factored = false;
        }
        Outcome::Trouble
    }

    pub fn primal_infeasibility(&self) -> f64 {
        self.head.iter().fold(0.0f64, |worst, &var| {
            let j = var as usize;
            worst.max(self.lower[j] - self.x[j]).max(self.x[j] - self.upper[j])
        })
    }

    /// The largest wrong-signed reduced cost of a variable that could move.
    pub fn dual_infeasibility(&self) -> f64 {
        let mut worst = 0.0f64;
        for j in 0..self.n + self.m {
            if self.lower[j] == self.upper[j] {
                continue;
            }
            let wrong = match self.place[j] {
                Place::Basic => 0.0,
                Place::Lower => -self.d[j],
                Place::Upper => self.d[j],
                Place::Free => self.d[j].abs(),
            };
            worst = worst.max(wrong);
        }
        worst
    }

    /// Moves boxed variables to the bound their reduced cost asks for; shifts the cost of others.
    fn make_dual_feasible(&mut self) {
        for j in 0..self.n + self.m {
            if self.place[j] == Place::Basic {
                continue;
            }
            let (lower, upper) = (self.lower[j], self.upper[j]);
            if lower == upper {
                continue;
            }
            let d = self.d[j];
            match self.place[j] {
                Place::Lower if d < -DUAL_TOL => {
                    if upper.is_finite() {
                        self.place[j] = Place::Upper;
                        self.x[j] = upper;
                    } else {
                        self.shift(j);
                    }
                }
                Place::Upper if d > DUAL_TOL => {
                    if lower.is_finite() {
                        self.place[j] = Place::Lower;
                        self.x[j] = lower;
                    } else {
                        self.shift(j);
                    }
                }
                Place::Free if d.abs() > DUAL_TOL => self.shift(j),
                _ => {}
            }
        }
    }

    /// Changes a cost so that the reduced cost is zero; undone by the primal method at the end.
    fn shift(&mut self, j: usize) {
        self.cost[j] -= self.d[j];
        self.d[j] = 0.0;
        self.shifted = true;
    }

    fn perturb(&mut self) {
        let largest = self.cost.iter().fold(0.0f64, |a, c| a.max(c.abs()));
        // Costs far above one would make the perturbation itself matter.
        let damp = if largest > 100.0 { largest.sqrt().sqrt() / largest } else { 1.0 };
        let base = 5e-7 * damp.max(1e-3);
        for j in 0..self.n {
            let size = (1.0 + self.cost[j].abs()) * base * (1.0 + self.random());
            let (lower, upper) = (self.lower[j], self.upper[j]);
            if lower == upper {
                continue;
            }
            let sign = match (lower.is_finite(), upper.is_finite()) {
                (true, false) => 1.0,
                (false, true) => -1.0,
                (true, true) => {
                    if self.cost[j] >= 0.0 {
                        1.0
                    } else {
                        -1.0
                    }
                }
                (false, false) => continue,
            };
            self.cost[j] += sign * size;
        }
        for j in self.n..self.n + self.m {
            self.cost[j] += (self.random() - 0.5) * 1e-12;
        }
        self.shifted = true;
    }

    fn refresh(&mut self) {
        self.factor();
        self.settle_nonbasic();
        self.compute_duals();
        self.make_dual_feasible();
        self.compute_primal();
    }

    fn infeasibility(&self, slot: usize) -> f64 {
        let j = self.head[slot] as usize;
        let x = self.x[j];
        if x < self.lower[j] - PRIMAL_TOL {
            x - self.lower[j]
        } else if x > self.upper[j] + PRIMAL_TOL {
            x - self.upper[j]
        } else {
            0.0
        }
    }

    fn dual(&mut self, effort: &mut Effort, mut perturb: bool, begin: u64) -> Outcome {
        if !self.factored {
            self.factor();
        }
        self.settle_nonbasic();
        if perturb && !self.shifted {
            self.perturb();
        }
        self.compute_duals();
        self.make_dual_feasible();
        self.compute_primal();
        let mut squares: Vec<f64> = (0..self.m).map(|s| self.infeasibility(s).powi(2)).collect();
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut banned: Vec<usize> = Vec::new();
        let mut stalled = 0u32;
        let mut troubles = 0u32;
        loop {
            self.charge(effort);
            if effort.is_over() || self.iterations - begin > self.iteration_limit {
                return Outcome::Limit;
            }
            if self.factors.updates() >= REFACTOR_AFTER || self.factors.is_heavy() {
                self.refresh();
                squares = (0..self.m).map(|s| self.infeasibility(s).powi(2)).collect();
                if self.cutoff < INF && !self.shifted && self.objective() > self.cutoff {
                    return Outcome::CutOff;
                }
            }
            if stalled > 300 && !perturb {
                perturb = true;
                stalled = 0;
                self.perturb();
                self.compute_duals();
                self.make_dual_feasible();
                self.compute_primal();
                squares = (0..self.m).map(|s| self.infeasibility(s).powi(2)).collect();
            }

            // Pricing.
            let mut slot = usize::MAX;
            let mut best = 0.0;
            for (s, &square) in squares.iter().enumerate() {
                if square > 0.0 && square > best * self.weight[s] && !banned.contains(&s) {
                    best = square / self.weight[s];
                    slot = s;
                }
            }
            self.work += self.m as u64 / 4;
            if slot == usize::MAX {
                if !banned.is_empty() {
                    banned.clear();
                    troubles += 1;
                    if troubles > 5 {
                        return Outcome::Trouble;
                    }
                    self.refresh();
                    squares = (0..self.m).map(|s| self.infeasibility(s).powi(2)).collect();
                    continue;
                }
                if self.factors.updates() > 0 {
                    self.refresh();
                    squares = (0..self.m).map(|s| self.infeasibility(s).powi(2)).collect();
                    if squares.iter().any(|&v| v > 0.0) {
                        continue;
                    }
                }
                return Outcome::Optimal;
            }
            let mut delta = self.infeasibility(slot);
            if delta == 0.0 {
                squares[slot] = 0.0;
                continue;
            }
            let sign = if delta > 0.0 { 1.0 } else { -1.0 };

            self.compute_rho(slot);
            self.compute_pivot_row();
            // The weight is known exactly now.
            let exact = self.rho.square_norm().max(1e-8);
            let guessed = self.weight[slot];
            self.weight[slot] = exact;
            if guessed < 0.1 * exact && squares[slot] / exact < 0.25 * best {
                // Priced far too high: look again.
                continue;
            }

            self.collect_candidates(sign, &mut candidates);
            let (entering, flips) = choose_entering(&candidates, delta.abs() - PRIMAL_TOL);
            let Some(entering) = entering else {
                if self.factors.updates() > 0 {
                    self.refresh();
                    squares = (0..self.m).map(|s| self.infeasibility(s).powi(2)).collect();
                    continue;
                }
                if self.row_proves_infeasible(slot, sign) {
                    return Outcome::Infeasible;
                }
                banned.push(slot);
                continue;
            };
            let q = candidates[entering].var;
            let alpha_row = candidates[entering].raw;

            // Flips change the right-hand side.
            if !flips.is_empty() {
                let mut rhs = std::mem::replace(&mut self.flips, super::sparse::SparseVec::new(0));
                rhs.clear();
                for &k in &flips {
                    let j = candidates[k].var;
                    let (to, value) = if self.place[j] == Place::Lower {
                        (Place::Upper, self.upper[j])
                    } else {
                        (Place::Lower, self.lower[j])
                    };
                    let step = value - self.x[j];
                    self.place[j] = to;
                    self.x[j] = value;
                    self.scatter(j, -step, &mut rhs);
                }
                self.ftran_vec(&mut rhs);
                for &s in &rhs.idx {
                    let s = s as usize;
                    self.x[self.head[s] as usize] += rhs.val[s];
                    squares[s] = self.infeasibility(s).powi(2);
                }
                rhs.clear();
                self.flips = rhs;
                let j = self.head[slot] as usize;
                delta = if sign > 0.0 { self.x[j] - self.upper[j] } else { self.x[j] - self.lower[j] };
            }

            self.compute_column(q);
            let alpha = self.column.val[slot];
            if (alpha - alpha_row).abs() > 1e-7 * (1.0 + alpha.abs()) || alpha.abs() < PIVOT_TOL {
                if self.factors.updates() > 0 {
                    self.refresh();
                    squares = (0..self.m).map(|s| self.infeasibility(s).powi(2)).collect();
                    continue;
                }
                if alpha.abs() < 1e-7 {
                    banned.push(slot);
                    self.compute_primal();
                    squares = (0..self.m).map(|s| self.infeasibility(s).powi(2)).collect();
                    continue;
                }
            }

            // Dual step, with the cost of the entering variable shifted if its sign was wrong.
            let p = self.head[slot] as usize;
            let mut theta_d = self.d[q] / alpha;
            if theta_d * sign < 0.0 {
                self.shift(q);
                theta_d = 0.0;
            }
            self.update_duals(theta_d);
            self.d[q] = 0.0;
            self.d[p] = -theta_d;
            stalled = if (theta_d * delta).abs() < 1e-12 { stalled + 1 } else { 0 };

            // Steepest edge weights need the pivot row solved once more.
            let mut tau = std::mem::replace(&mut self.tau, super::sparse::SparseVec::new(0));
            tau.copy_from(&self.rho);
            self.ftran_vec(&mut tau);

            let theta_p = delta / alpha;
            for &s in &self.column.idx {
                let s = s as usize;
                if s == slot {
                    continue;
                }
                let a = self.column.val[s];
                self.x[self.head[s] as usize] -= theta_p * a;
                let ratio = a / alpha;
                let w = self.weight[s] - 2.0 * ratio * tau.val[s] + ratio * ratio * exact;
                self.weight[s] = w.max(1e-4 + ratio * ratio);
                squares[s] = self.infeasibility(s).powi(2);
            }
            tau.clear();
            self.tau = tau;
            self.weight[slot] = (exact / (alpha * alpha)).max(1e-4);
            self.x[q] += theta_p;
            let to = if sign > 0.0 { Place::Upper } else { Place::Lower };
            self.x[p] = if sign > 0.0 { self.upper[p] } else { self.lower[p] };
            self.exchange(slot, q, to);
            squares[slot] = self.infeasibility(slot).powi(2);
            self.iterations += 1;
            if self.cutoff < INF
                && !self.shifted
                && self.iterations.is_multiple_of(10)
                && self.objective() > self.cutoff
            {
                return Outcome::CutOff;
            }
        }
    }

    fn collect_candidates(&mut self, sign: f64, candidates: &mut Vec<Candidate>) {
        candidates.clear();
        let mut consider = |j: usize, value: f64, this: &Simplex| {
            if value.abs() < PIVOT_TOL || this.lower[j] == this.upper[j] {
                return;
            }
            let signed = value * sign;
            let (alpha, d) = match this.place[j] {
                Place::Basic => return,
                Place::Lower if signed > 0.0 => (signed, this.d[j]),
                Place::Upper if signed < 0.0 => (-signed, -this.d[j]),
                Place::Free => (signed.abs(), 0.0),
                _ => return,
            };
            candidates.push(Candidate { var: j, raw: value, alpha, d, range: this.upper[j] - this.lower[j] });
        };
        for &j in &self.pivot_row.idx {
            consider(j as usize, self.pivot_row.val[j as usize], self);
        }
        for &p in &self.rho.idx {
            let i = self.factors.row_at[p as usize] as usize;
            consider(self.n + i, self.rho.val[p as usize], self);
        }
        self.work += (self.pivot_row.idx.len() + self.rho.idx.len()) as u64;
    }

    /// Whether the pivot row alone, with every variable at its best, leaves the basic variable
    /// outside its bound.
    fn row_proves_infeasible(&self, slot: usize, sign: f64) -> bool {
        let p = self.head[slot] as usize;
        // x_p = -sum alpha_j x_j over the nonbasic ones; sign > 0 means x_p is too large.
        let mut least = 0.0;
        let mut size = 1.0f64;
        let mut consider = |j: usize, value: f64| {
            if self.place[j] == Place::Basic || value.abs() < 1e-11 {
                return;
            }
            let a = -value * sign;
            let bound = if a > 0.0 { self.lower[j] } else { self.upper[j] };
            if bound.is_finite() {
                least += a * bound;
                size = size.max((a * bound).abs());
            } else if value.abs() >= PIVOT_TOL {
                least = -INF;
            }
        };
        for &j in &self.pivot_row.idx {
            consider(j as usize, self.pivot_row.val[j as usize]);
        }
        for &q in &self.rho.idx {
            let i = self.factors.row_at[q as usize] as usize;
            consider(self.n + i, self.rho.val[q as usize]);
        }
        let limit = if sign > 0.0 { self.upper[p] } else { -self.lower[p] };
        least > limit + (0.5 * PRIMAL_TOL).max(1e-13 * size)
    }

    fn update_duals(&mut self, theta: f64) {
        if theta == 0.0 {
            return;
        }
        for k in 0..self.pivot_row.idx.len() {
            let j = self.pivot_row.idx[k] as usize;
            if self.place[j] == Place::Basic {
                continue;
            }
            self.d[j] -= theta * self.pivot_row.val[j];
            self.keep_sign(j);
        }
        for k in 0..self.rho.idx.len() {
            let p = self.rho.idx[k] as usize;
            let j = self.n + self.factors.row_at[p] as usize;
            if self.place[j] == Place::Basic {
                continue;
            }
            self.d[j] -= theta * self.rho.val[p];
            self.keep_sign(j);
        }
    }

    fn keep_sign(&mut self, j: usize) {
        let d = self.d[j];
        let wrong = match self.place[j] {
            Place::Lower => d < -DUAL_TOL,
            Place::Upper => d > DUAL_TOL,
            _ => false,
        };
        if wrong && self.lower[j] != self.upper[j] {
            self.shift(j);
        }
    }
}

/// The bound flipping ratio test: returns the entering candidate and those that flip. No entering
/// candidate means that the leaving variable cannot reach its bound at all.
fn choose_entering(candidates: &[Candidate], delta: f64) -> (Option<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    let step = |k: usize| (candidates[k].d.max(0.0) + DUAL_TOL) / candidates[k].alpha;
    // Cheap passes first: keep only breakpoints up to a step at which the slope is negative.
    let mut cap = order.iter().fold(INF, |a, &k| a.min(step(k))) * 10.0;
    let mut active = 0;
    let mut slope = delta;
    while active < order.len() {
        let begin = active;
        for k in begin..order.len() {
            let c = &candidates[order[k]];
            if c.d <= cap * c.alpha {
                slope -= c.alpha * c.range;
                order.swap(active, k);
                active += 1;
            }
        }
        if slope < 0.0 {
            break;
        }
        cap = order[active..].iter().fold(INF, |a, &k| a.min(step(k))).max(cap) * 10.0;
    }
    if slope >= 0.0 {
        return (None, Vec::new());
    }
    order.truncate(active);
    let mut groups: Vec<(usize, usize)> = Vec::new();
    let mut done = 0;
    let mut slope = delta;
    while done < order.len() && slope >= 0.0 {
        let theta = order[done..].iter().fold(INF, |a, &k| a.min(step(k)));
        let begin = done;
        for k in begin..order.len() {
            let c = &candidates[order[k]];
            if c.d <= theta * c.alpha {
                slope -= c.alpha * c.range;
                order.swap(done, k);
                done += 1;
            }
        }
        if done == begin {
            break;
        }
        groups.push((begin, done));
    }
    let largest = order[..done].iter().fold(0.0f64, |a, &k| a.max(candidates[k].alpha));
    let enough = (0.1 * largest).min(1.0);
    for &(begin, end) in groups.iter().rev() {
        let mut best = order[begin];
        for &k in &order[begin..end] {
            let (a, b) = (&candidates[k], &candidates[best]);
            if a.alpha > b.alpha || (a.alpha == b.alpha && a.var < b.var) {
                best = k;
            }
        }
        if candidates[best].alpha >= enough {
            return (Some(best), order[..begin].to_vec());
        }
    }
    (None, Vec::new())
}
