//! The state of a bounded revised simplex: matrix, bounds, basis, factors, and the linear algebra
//! that both algorithms share. The dual method is in `dual`, the primal one in `primal`.
//!
//! Computational form: minimise `c'x` with `A x + s = 0`, every variable (structural `x`, then the
//! logical `s` of each row) between a lower and an upper bound. A row `lo <= a x <= hi` becomes
//! `-hi <= s <= -lo`.

use super::lu::Factors;
use super::sparse::{Compressed, SparseVec};
use crate::effort::Effort;

pub(crate) const INF: f64 = f64::INFINITY;
/// Bounds may be missed by this much (scaled).
pub(crate) const PRIMAL_TOL: f64 = 1e-9;
/// Reduced costs may have the wrong sign by this much (scaled).
pub(crate) const DUAL_TOL: f64 = 1e-9;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Basic,
    Lower,
    Upper,
    /// Nonbasic without bounds, at zero.
    Free,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Optimal,
    Infeasible,
    Unbounded,
    /// The objective cannot get below the cutoff.
    CutOff,
    /// Out of work, or stopped.
    Limit,
    /// Numerical trouble that did not go away.
    Trouble,
}

/// Where every variable sits: enough to start again from here.
#[derive(Debug, Clone)]
pub(crate) struct Basis {
    pub place: Vec<Place>,
    pub head: Vec<u32>,
    pub weight: Vec<f64>,
}

pub(crate) struct Simplex {
    pub m: usize,
    pub n: usize,
    pub cols: Compressed,
    pub rows: Compressed,
    pub row_scale: Vec<f64>,
    pub col_scale: Vec<f64>,
    /// True costs (scaled), logicals included.
    pub true_cost: Vec<f64>,
    /// Costs the algorithm works with: perturbed or shifted against degeneracy.
    pub cost: Vec<f64>,
    pub shifted: bool,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    pub place: Vec<Place>,
    pub head: Vec<u32>,
    pub x: Vec<f64>,
    pub d: Vec<f64>,
    /// Dual steepest edge weights by slot.
    pub weight: Vec<f64>,
    pub factors: Factors,
    pub factored: bool,
    pub rho: SparseVec,
    pub column: SparseVec,
    pub tau: SparseVec,
    pub flips: SparseVec,
    pub pivot_row: SparseVec,
    pub iterations: u64,
    pub work: u64,
    /// Stop when the objective is proven to be above this (unscaled, minimisation).
    pub cutoff: f64,
    /// Stop after this many iterations of one call.
    pub iteration_limit: u64,
    pub perturb_at_start: bool,
    seed: u64,
    unit: Vec<u32>,
}

/// Input in the caller's units: columns by entry lists, rows by bounds.
pub(crate) struct LpInput<'a> {
    pub cost: &'a [f64],
    pub lower: &'a [f64],
    pub upper: &'a [f64],
    pub rows: &'a [Vec<(usize, f64)>],
    pub row_lower: &'a [f64],
    pub row_upper: &'a [f64],
}

/// Terms, lower and upper limit of a row.
pub(crate) type BoundedRow = (Vec<(usize, f64)>, f64, f64);

const ONE: [f64; 1] = [1.0];
/// A matrix of fewer entries is at hand in the nearest caches, with its factors.
const NEAR_ENTRIES: usize = 10_000;

impl Simplex {
    pub fn new(input: &LpInput) -> Self {
        let n = input.cost.len();
        let m = input.rows.len();
        let mut rows = Compressed::with_lines(0);
        for row in input.rows {
            rows.push_line(row.iter().copied());
        }
        let (row_scale, col_scale) = scale_factors(&rows, n);
        for (i, &scale) in row_scale.iter().enumerate() {
            for p in rows.start[i]..rows.start[i + 1] {
                rows.val[p] *= scale * col_scale[rows.idx[p] as usize];
            }
        }
        let cols = rows.transposed(n);
        let mut lower = Vec::with_capacity(n + m);
        let mut upper = Vec::with_capacity(n + m);
        let mut true_cost = Vec::with_capacity(n + m);
        for j in 0..n {
            lower.push(input.lower[j] / col_scale[j]);
            upper.push(input.upper[j] / col_scale[j]);
            true_cost.push(input.cost[j] * col_scale[j]);
        }
        for i in 0..m {
            lower.push(-input.row_upper[i] * row_scale[i]);
            upper.push(-input.row_lower[i] * row_scale[i]);
            true_cost.push(0.0);
        }
        let mut simplex = Self {
            m,
            n,
            cols,
            rows,
            row_scale,
            col_scale,
            cost: true_cost.clone(),
            true_cost,
            shifted: false,
            lower,
            upper,
            place: Vec::new(),
            head: Vec::new(),
            x: vec![0.0; n + m],
            d: vec![0.0; n + m],
            weight: vec![1.0; m],
            factors: Factors::default(),
            factored: false,
            rho: SparseVec::new(m),
            column: SparseVec::new(m),
            tau: SparseVec::new(m),
            flips: SparseVec::new(m),
            pivot_row: SparseVec::new(n),
            iterations: 0,
            work: 0,
            cutoff: INF,
            iteration_limit: u64::MAX,
            perturb_at_start: true,
            seed: 0x9E37_79B9_7F4A_7C15,
            unit: (0..m as u32).collect(),
        };
        simplex.slack_basis();
        simplex
    }

    /// Starts from the basis of all logicals.
    pub fn slack_basis(&mut self) {
        let (m, n) = (self.m, self.n);
        self.place = vec![Place::Lower; n + m];
        for j in 0..n {
            self.place[j] = self.natural_place(j);
        }
        self.head = (n as u32..(n + m) as u32).collect();
        for i in 0..m {
            self.place[n + i] = Place::Basic;
        }
        self.weight = vec![1.0; m];
        self.factored = false;
    }

    /// Where a nonbasic variable sits when nothing else is known.
    pub fn natural_place(&self, j: usize) -> Place {
        match (self.lower[j].is_finite(), self.upper[j].is_finite()) {
            (true, true) => {
                if self.cost[j] < 0.0 {
                    Place::Upper
                } else {
                    Place::Lower
                }
            }
            (true, false) => Place::Lower,
            (false, true) => Place::Upper,
            (false, false) => Place::Free,
        }
    }

    pub fn basis(&self) -> Basis {
        Basis { place: self.place.clone(), head: self.head.clone(), weight: self.weight.clone() }
    }

    pub fn set_basis(&mut self, basis: &Basis) {
        self.place.clone_from(&basis.place);
        self.head.clone_from(&basis.head);
        self.weight.clone_from(&basis.weight);
        // Rows added since the basis was stored enter with their logicals.
        for i in self.head.len()..self.m {
            self.head.push((self.n + i) as u32);
            self.place.push(Place::Basic);
            self.weight.push(1.0);
        }
        self.factored = false;
    }

    /// Bounds of a structural variable, in the caller's units.
    pub fn set_bounds(&mut self, j: usize, lower: f64, upper: f64) {
        self.lower[j] = lower / self.col_scale[j];
        self.upper[j] = upper / self.col_scale[j];
    }

    pub fn value(&self, j: usize) -> f64 {
        self.x[j] * self.col_scale[j]
    }

    pub fn values(&self) -> Vec<f64> {
        (0..self.n).map(|j| self.value(j)).collect()
    }

    /// Objective of the current point with the true costs.
    pub fn objective(&self) -> f64 {
        self.true_cost.iter().zip(&self.x).map(|(c, x)| c * x).sum()
    }

    /// Reduced cost of a structural variable, in the caller's units.
    pub fn reduced_cost(&self, j: usize) -> f64 {
        self.d[j] / self.col_scale[j]
    }

    /// Dual value of a row: the change of the optimum per unit of its right-hand side.
    pub fn row_dual(&self, i: usize) -> f64 {
        // The logical's reduced cost is -y_i, in scaled units of the row.
        -self.d[self.n + i] * self.row_scale[i]
    }

    pub(crate) fn random(&mut self) -> f64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn reseed(&mut self, seed: u64) {
        self.seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    }

    /// Appends rows `lo <= a x <= hi` in the caller's units; their logicals become basic.
    pub fn add_rows(&mut self, rows: &[BoundedRow]) {
        for (terms, lo, hi) in rows {
            let largest = terms.iter().map(|&(j, v)| (v * self.col_scale[j]).abs()).fold(0.0f64, f64::max);
            let scale = if largest > 0.0 { (-largest.log2().round()).exp2() } else { 1.0 };
            let scaled: Vec<(usize, f64)> = terms.iter().map(|&(j, v)| (j, v * scale * self.col_scale[j])).collect();
            self.rows.push_line(scaled);
            self.row_scale.push(scale);
            let logical = self.n + self.m;
            self.lower.push(-hi * scale);
            self.upper.push(-lo * scale);
            self.true_cost.push(0.0);
            self.cost.push(0.0);
            self.x.push(0.0);
            self.d.push(0.0);
            self.place.push(Place::Basic);
            self.head.push(logical as u32);
            self.weight.push(1.0);
            self.unit.push(self.m as u32);
            self.m += 1;
        }
        self.after_resize();
    }

    /// Removes rows whose logicals are basic (a nonbasic one would leave the basis without a column).
    pub fn remove_rows(&mut self, drop: &[bool]) {
        debug_assert_eq!(drop.len(), self.m);
        let n = self.n;
        let keep = |i: usize| !drop[i] || self.place[n + i] != Place::Basic;
        let kept: Vec<usize> = (0..self.m).filter(|&i| keep(i)).collect();
        if kept.len() == self.m {
            return;
        }
        let mut new_index = vec![u32::MAX; self.m];
        let mut rows = Compressed::with_lines(0);
        for (new, &old) in kept.iter().enumerate() {
            new_index[old] = new as u32;
            let line: Vec<_> = self.rows.line(old).collect();
            rows.push_line(line);
        }
        let mut head = Vec::with_capacity(kept.len());
        let mut weight = Vec::with_capacity(kept.len());
        for (slot, &var) in self.head.iter().enumerate() {
            let var = var as usize;
            if var < n {
                head.push(var as u32);
                weight.push(self.weight[slot]);
            } else if new_index[var - n] != u32::MAX {
                head.push(n as u32 + new_index[var - n]);
                weight.push(self.weight[slot]);
            }
        }
        let pick = |values: &Vec<f64>| -> Vec<f64> {
            values[..n].iter().copied().chain(kept.iter().map(|&i| values[n + i])).collect()
        };
        self.lower = pick(&self.lower);
        self.upper = pick(&self.upper);
        self.true_cost = pick(&self.true_cost);
        self.cost = pick(&self.cost);
        self.x = pick(&self.x);
        self.d = pick(&self.d);
        self.place = self.place[..n].iter().copied().chain(kept.iter().map(|&i| self.place[n + i])).collect();
        self.row_scale = kept.iter().map(|&i| self.row_scale[i]).collect();
        self.rows = rows;
        self.head = head;
        self.weight = weight;
        self.m = kept.len();
        self.unit = (0..self.m as u32).collect();
        self.after_resize();
    }

    fn after_resize(&mut self) {
        self.cols = self.rows.transposed(self.n);
        self.factored = false;
        self.rho.resize(self.m);
        self.column.resize(self.m);
        self.tau.resize(self.m);
        self.flips.resize(self.m);
    }

    /// Factors the basis and orders the head by pivots.
    pub fn factor(&mut self) {
        let (n, m) = (self.n, self.m);
        let head = std::mem::take(&mut self.head);
        let cols = &self.cols;
        let unit = &self.unit;
        let before = self.factors.work;
        let result = self.factors.factor(m, |k| {
            let var = head[k] as usize;
            if var < n {
                let range = cols.start[var]..cols.start[var + 1];
                (&cols.idx[range.clone()], &cols.val[range])
            } else {
                (&unit[var - n..=var - n], &ONE[..])
            }
        });
        self.work += self.factors.work - before;
        let mut new_head: Vec<u32> = result.col_at.iter().map(|&k| head[k]).collect();
        let mut weight: Vec<f64> = result.col_at.iter().map(|&k| self.weight[k]).collect();
        for &(k, row) in &result.replaced {
            let var = head[k] as usize;
            let slot = self.factors.row_pos[row] as usize;
            new_head[slot] = (n + row) as u32;
            weight[slot] = 1.0;
            self.place[var] = self.natural_place(var);
            self.x[var] = self.rest_value(var);
        }
        for &var in &new_head {
            self.place[var as usize] = Place::Basic;
        }
        self.head = new_head;
        self.weight = weight;
        self.factored = true;
    }

    /// The value of a nonbasic variable.
    pub fn rest_value(&self, j: usize) -> f64 {
        match self.place[j] {
            Place::Lower => self.lower[j],
            Place::Upper => self.upper[j],
            Place::Free => 0.0,
            Place::Basic => self.x[j],
        }
    }

    /// Puts nonbasic variables on bounds that exist (bounds may have changed since).
    pub fn settle_nonbasic(&mut self) {
        for j in 0..self.n + self.m {
            if self.place[j] == Place::Basic {
                continue;
            }
            let ok = match self.place[j] {
                Place::Lower => self.lower[j].is_finite(),
                Place::Upper => self.upper[j].is_finite(),
                _ => !self.lower[j].is_finite() && !self.upper[j].is_finite(),
            };
            if !ok {
                self.place[j] = self.natural_place(j);
            }
            self.x[j] = self.rest_value(j);
        }
    }

    pub fn compute_primal(&mut self) {
        let mut rhs = std::mem::replace(&mut self.flips, SparseVec::new(0));
        rhs.clear();
        for j in 0..self.n + self.m {
            if self.place[j] != Place::Basic && self.x[j] != 0.0 {
                self.scatter(j, -self.x[j], &mut rhs);
            }
        }
        self.ftran_vec(&mut rhs);
        for slot in 0..self.m {
            self.x[self.head[slot] as usize] = rhs.val[slot];
        }
        rhs.clear();
        self.flips = rhs;
    }

    pub fn compute_duals(&mut self) {
        let mut y = std::mem::replace(&mut self.tau, SparseVec::new(0));
        y.clear();
        for slot in 0..self.m {
            y.put(slot, self.cost[self.head[slot] as usize]);
        }
        let before = self.factors.work;
        self.factors.btran(&mut y);
        self.work += self.factors.work - before;
        self.d.copy_from_slice(&self.cost);
        for &p in &y.idx {
            let i = self.factors.row_at[p as usize] as usize;
            let value = y.val[p as usize];
            for q in self.rows.start[i]..self.rows.start[i + 1] {
                self.d[self.rows.idx[q] as usize] -= self.rows.val[q] * value;
            }
            self.d[self.n + i] -= value;
            self.work += self.rows.line_len(i) as u64;
        }
        for &var in &self.head {
            self.d[var as usize] = 0.0;
        }
        y.clear();
        self.tau = y;
    }

    /// Adds `factor` times the column of `j` to a right-hand side in position space.
    pub fn scatter(&self, j: usize, factor: f64, into: &mut SparseVec) {
        if j < self.n {
            for p in self.cols.start[j]..self.cols.start[j + 1] {
                let position = self.factors.row_pos[self.cols.idx[p] as usize] as usize;
                into.add(position, self.cols.val[p] * factor);
            }
        } else {
            into.add(self.factors.row_pos[j - self.n] as usize, factor);
        }
    }

    pub fn ftran_vec(&mut self, x: &mut SparseVec) {
        let before = self.factors.work;
        self.factors.ftran(x);
        self.work += self.factors.work - before;
    }

    /// `rho` = row `slot` of the inverse, in position space.
    pub fn compute_rho(&mut self, slot: usize) {
        let mut rho = std::mem::replace(&mut self.rho, SparseVec::new(0));
        rho.clear();
        rho.put(slot, 1.0);
        let before = self.factors.work;
        self.factors.btran(&mut rho);
        self.work += self.factors.work - before;
        self.rho = rho;
    }

    /// The structural part of the pivot row, `rho' A`; the logical part is `rho` itself.
    pub fn compute_pivot_row(&mut self) {
        let mut row = std::mem::replace(&mut self.pivot_row, SparseVec::new(0));
        row.clear();
        let mut touched = 0;
        if self.rho.idx.len() * 4 > self.m {
            // Dense: plain arithmetic and one pass to list what came out.
            for &p in &self.rho.idx {
                let i = self.factors.row_at[p as usize] as usize;
                let value = self.rho.val[p as usize];
                let range = self.rows.start[i]..self.rows.start[i + 1];
                touched += range.len();
                for (&j, &v) in self.rows.idx[range.clone()].iter().zip(&self.rows.val[range]) {
                    row.val[j as usize] += v * value;
                }
            }
            row.relist();
        } else {
            for &p in &self.rho.idx {
                let i = self.factors.row_at[p as usize] as usize;
                let value = self.rho.val[p as usize];
                let range = self.rows.start[i]..self.rows.start[i + 1];
                touched += range.len();
                for (&j, &v) in self.rows.idx[range.clone()].iter().zip(&self.rows.val[range]) {
                    row.add(j as usize, v * value);
                }
            }
        }
        self.work += touched as u64 + 1;
        self.pivot_row = row;
    }

    /// `column` = the column of `j` solved by the basis.
    pub fn compute_column(&mut self, j: usize) {
        let mut column = std::mem::replace(&mut self.column, SparseVec::new(0));
        column.clear();
        self.scatter(j, 1.0, &mut column);
        self.ftran_vec(&mut column);
        self.column = column;
    }

    /// Exchanges the basic variable of `slot` with `entering`; `column` must hold its solved column.
    pub fn exchange(&mut self, slot: usize, entering: usize, leaving_place: Place) {
        let leaving = self.head[slot] as usize;
        self.factors.update(slot, &self.column);
        self.work += self.column.idx.len() as u64;
        self.head[slot] = entering as u32;
        self.place[entering] = Place::Basic;
        self.place[leaving] = leaving_place;
    }

    /// Entries of a matrix that stays in the nearest caches take three quarters of the time of others.
    pub fn charge(&mut self, effort: &mut Effort) {
        let near = self.rows.idx.len() < NEAR_ENTRIES;
        effort.add(if near { self.work - self.work / 4 } else { self.work });
        self.work = 0;
    }
}

/// Powers of two that bring the entries of the matrix towards one (Curtis and Reid's aim, by
/// alternating geometric means). A matrix that is tame already is left alone.
fn scale_factors(rows: &Compressed, n: usize) -> (Vec<f64>, Vec<f64>) {
    let m = rows.lines();
    let mut row = vec![1.0f64; m];
    let mut col = vec![1.0f64; n];
    let (mut least, mut most) = (INF, 0.0f64);
    for &v in &rows.val {
        let size = v.abs();
        if size > 0.0 {
            least = least.min(size);
            most = most.max(size);
        }
    }
    if most == 0.0 || (least >= 0.2 && most <= 5.0) {
        return (row, col);
    }
    for _ in 0..4 {
        let mut col_min = vec![INF; n];
        let mut col_max = vec![0.0f64; n];
        for i in 0..m {
            let (mut lo, mut hi) = (INF, 0.0f64);
            for (j, v) in rows.line(i) {
                let size = v.abs() * col[j];
                if size > 0.0 {
                    lo = lo.min(size);
                    hi = hi.max(size);
                }
            }
            if hi > 0.0 {
                row[i] = 1.0 / (lo * hi).sqrt();
            }
            for (j, v) in rows.line(i) {
                let size = v.abs() * row[i];
                if size > 0.0 {
                    col_min[j] = col_min[j].min(size);
                    col_max[j] = col_max[j].max(size);
                }
            }
        }
        for j in 0..n {
            if col_max[j] > 0.0 {
                col[j] = 1.0 / (col_min[j] * col_max[j]).sqrt();
            }
        }
    }
    let power = |v: &mut f64| *v = v.log2().round().clamp(-20.0, 20.0).exp2();
    row.iter_mut().for_each(power);
    col.iter_mut().for_each(power);
    (row, col)
}
