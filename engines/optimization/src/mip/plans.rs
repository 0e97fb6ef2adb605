//! Plans on the way: whole solutions offered by roundings and relaxations, checked by plain arithmetic.

use super::presolve::{Presolved, presolve};
use super::tree::{RELATIVE, Tree};
use crate::effort::Effort;
use crate::lp::Outcome;

impl Tree<'_> {
    /// Takes a plan if it is whole, keeps every row, and is better.
    pub(super) fn offer(&mut self, mut x: Vec<f64>) -> bool {
        for (value, &whole) in x.iter_mut().zip(&self.problem.integer) {
            if whole {
                *value = value.round();
            }
        }
        let value = self.problem.objective(&x);
        let better = value < self.value - 1e-9 * (1.0 + value.abs());
        if better && self.problem.accepts(&x) {
            self.value = value;
            self.incumbent = Some(x);
            true
        } else {
            false
        }
    }

    /// The relaxation looks whole: round, fix, solve the rest again, check. `false` if no plan came
    /// of it.
    pub(super) fn accept_relaxation(&mut self, effort: &mut Effort) -> bool {
        let x = self.simplex.values();
        let relaxed = self.problem.objective(&x);
        let mut rounded = x.clone();
        for (value, &whole) in rounded.iter_mut().zip(&self.problem.integer) {
            if whole {
                *value = value.round();
            }
        }
        let same = self.integers.iter().all(|&j| rounded[j] == x[j]);
        if self.problem.accepts(&rounded) {
            let value = self.problem.objective(&rounded);
            if same || value <= relaxed + RELATIVE * (1.0 + relaxed.abs()) {
                self.offer(rounded);
                return true;
            }
        }
        let Some(x) = self.settled(&rounded, effort) else {
            return false;
        };
        let value = self.problem.objective(&x);
        let taken = self.offer(x) || value >= self.value;
        // Rounding may have cost something: then other whole plans near here may be better.
        taken && (value <= relaxed + 1e-6 * (1.0 + relaxed.abs()) || same)
    }

    /// The best values of the rest once the integers are fixed, at exactly whole values: without
    /// their rounding errors, which coefficients would multiply.
    pub(super) fn settled(&self, whole: &[f64], effort: &mut Effort) -> Option<Vec<f64>> {
        let mut rest = self.problem.clone();
        for &j in &self.integers {
            rest.lower[j] = whole[j];
            rest.upper[j] = whole[j];
        }
        rest.integer.fill(false);
        rest.implied.fill(false);
        let Presolved::Reduced(reduced) = presolve(&rest, effort) else {
            return None;
        };
        let (small, restore) = *reduced;
        if small.columns() == 0 {
            return Some(restore.expand(&[]));
        }
        let mut simplex = small.simplex();
        (simplex.solve(effort) == Outcome::Optimal).then(|| restore.expand(&simplex.values()))
    }

    /// Plans that cost one linear solve each: everything at its least, at its most, or as the
    /// relaxation rounded. Poor, but a run that is cut short has something to show.
    pub(super) fn simple_plans(&mut self, effort: &mut Effort) {
        let least = |tree: &Self, j: usize| {
            let lower = tree.root_lower[j];
            if lower.is_finite() { lower } else { tree.root_x[j].floor() }
        };
        let most = |tree: &Self, j: usize| {
            let upper = tree.root_upper[j];
            if upper.is_finite() { upper } else { tree.root_x[j].ceil() }
        };
        for rule in 0..4 {
            let mut whole = self.root_x.clone();
            for &j in &self.integers {
                let to = match rule {
                    0 => (self.root_x[j] - 1e-6).ceil(),
                    1 => (self.root_x[j] + 1e-6).floor(),
                    2 => least(self, j),
                    _ => most(self, j),
                };
                whole[j] = to.clamp(self.root_lower[j], self.root_upper[j]);
            }
            if let Some(x) = self.settled(&whole, effort) {
                self.offer(x);
            }
            if effort.is_over() {
                return;
            }
        }
    }

    /// Rounds each fraction to a side on which no row can break, if there is one.
    pub(super) fn simple_rounding(&mut self) {
        let mut x = self.simplex.values();
        let fractional = self.fractional();
        if fractional.is_empty() {
            return;
        }
        let mut can_down = vec![true; x.len()];
        let mut can_up = vec![true; x.len()];
        for (i, row) in self.problem.rows.iter().enumerate() {
            let has_lower = self.problem.row_lower[i] != f64::NEG_INFINITY;
            let has_upper = self.problem.row_upper[i] != f64::INFINITY;
            for &(j, v) in row {
                if (v > 0.0 && has_upper) || (v < 0.0 && has_lower) {
                    can_up[j] = false;
                }
                if (v > 0.0 && has_lower) || (v < 0.0 && has_upper) {
                    can_down[j] = false;
                }
            }
        }
        for (j, value) in fractional {
            if can_down[j] {
                x[j] = value.floor();
            } else if can_up[j] {
                x[j] = value.ceil();
            } else {
                return;
            }
        }
        self.offer(x);
    }
}
