//! Cutting planes at the root: rounds of the families, and whatever the formulation's author separates; which of them
//! become rows, and which are dropped again.

use super::Cut;
use super::efficacy::rated;
use super::implied::ImpliedBounds;
use super::mir::VariableBounds;
use super::tree::Tree;
use crate::effort::Effort;
use crate::lp::Outcome;
use crate::lp::simplex::{BoundedRow as Row, Place};

const ROUNDS: usize = 25;
/// Problems of at most this many rows are cut for longer.
const LIGHT: usize = 400;
/// Rounds between two looks at what cutting brings.
const TAIL: usize = 12;
/// Largest ratio of coefficients in one cut.
const DYNAMISM: f64 = 1e6;

impl Tree<'_> {
    /// Tightens the root. `false`: nothing below the cutoff is left.
    pub(super) fn root_cuts(&mut self, effort: &mut Effort) -> bool {
        let mut flat = 0;
        let mut last = self.simplex.objective();
        let mut anchor = last;
        // Where the relaxation is cheap, long tails of small gains still pay.
        let light = self.problem.rows.len() <= LIGHT && self.guidance.depth == 0;
        let rounds = match self.guidance.depth {
            0 if light => 8 * ROUNDS,
            0 => ROUNDS,
            _ => 6,
        };
        let bounds = VariableBounds::find(self);
        let budget = effort.limit.saturating_sub(effort.spent) / 4;
        let begin = effort.spent;
        let mut work = 0;
        let implied = ImpliedBounds::find(self.problem, &mut work);
        effort.add(work);
        for round in 0..rounds * 4 {
            if effort.is_over() || effort.spent - begin > budget {
                break;
            }
            let x = self.simplex.values();
            let mut own = self.separated(&x);
            own.extend(implied.separate(&x, self));
            if round >= rounds && own.is_empty() {
                break;
            }
            let fractional = self.fractional();
            if fractional.is_empty() && own.is_empty() {
                break;
            }
            let mut cuts: Vec<(f64, Row)> = Vec::new();
            let had_own = !own.is_empty();
            for cut in own {
                if let Some(found) = rated(cut, &x) {
                    cuts.push(found);
                }
            }
            if !had_own || cuts.len() < 5 {
                self.mir_cuts(&x, &bounds, &mut cuts, effort);
                self.gomory_cuts(&fractional, &x, &mut cuts, effort);
                if self.guidance.depth == 0 {
                    cuts.extend(self.zero_half_cuts(&x, effort).into_iter().filter_map(|row| rated(row, &x)));
                    cuts.extend(self.mod_k_cuts(&x, effort).into_iter().filter_map(|row| rated(row, &x)));
                }
            }
            if cuts.is_empty() {
                break;
            }
            cuts.sort_by(|a, b| b.0.total_cmp(&a.0));
            let limit = if had_own { 2000 } else { 50 + self.problem.rows.len() / 4 };
            let chosen = self.choose(cuts, limit);
            if chosen.is_empty() {
                break;
            }
            self.simplex.add_rows(&chosen);
            self.cut_rows.extend(chosen);
            self.simplex.cutoff = f64::INFINITY;
            match self.simplex.solve(effort) {
                Outcome::Optimal => {}
                Outcome::Infeasible => return false,
                _ => {
                    // The cuts made trouble: go back to the plain root.
                    self.drop_all_cuts(effort);
                    return true;
                }
            }
            self.drop_slack_cuts(effort);
            if !self.tighten_root(effort) {
                return false;
            }
            let now = self.simplex.objective();
            self.bound = self.bound.max(self.round(now));
            if self.incumbent.is_some() && self.bound >= self.cutoff() {
                return true;
            }
            let little = if light { 0.01 * (self.value - now).abs().min(now.abs()) } else { 1e-4 * (1.0 + now.abs()) };
            if now - last < little.min(1e-4 * (1.0 + now.abs())).min((self.value - now).abs().max(1e-3)) {
                flat += 1;
                if flat
                    >= if light {
                        25
                    } else if had_own {
                        6
                    } else {
                        3
                    }
                {
                    break;
                }
            } else {
                flat = 0;
            }
            last = now;
            // A long tail of small gains is worth less than what the search makes of the work.
            if round % TAIL == 0 {
                let dear = effort.spent - begin > effort.limit.saturating_sub(begin) / 10;
                if dear && self.is_far() && now - anchor < 0.05 * (self.value - now) {
                    break;
                }
                anchor = now;
            }
            self.report(effort);
        }
        self.root_x = self.simplex.values();
        true
    }

    /// What the prices say of every plan better than the best known holds for the whole search, and cuts
    /// of narrower bounds are deeper. `false`: no better plan is left.
    fn tighten_root(&mut self, effort: &mut Effort) -> bool {
        self.lower.copy_from_slice(&self.root_lower);
        self.upper.copy_from_slice(&self.root_upper);
        if !self.tighten_by_prices(self.simplex.objective(), effort) {
            return false;
        }
        if self.lower == self.root_lower && self.upper == self.root_upper {
            return true;
        }
        self.root_lower.copy_from_slice(&self.lower);
        self.root_upper.copy_from_slice(&self.upper);
        self.apply_bounds();
        !matches!(self.simplex.solve(effort), Outcome::Infeasible)
    }

    fn round(&self, bound: f64) -> f64 {
        let step = self.problem.objective_step();
        if step > 0.0 { (bound / step - 1e-6).ceil() * step } else { bound }
    }

    fn separated(&self, x: &[f64]) -> Vec<Row> {
        let Some(separator) = self.guidance.separator else {
            return Vec::new();
        };
        let whole = self.restore.expand(x);
        separator
            .separate(&whole)
            .into_iter()
            .map(|cut: Cut| {
                let (terms, constant) = self.restore.row(&cut.terms);
                (terms, cut.lower - constant, cut.upper - constant)
            })
            .filter(|row| !row.0.is_empty())
            .collect()
    }

    fn choose(&self, cuts: Vec<(f64, Row)>, limit: usize) -> Vec<Row> {
        let mut chosen: Vec<Row> = Vec::new();
        let mut norms: Vec<f64> = Vec::new();
        let mut dense = vec![0.0; self.problem.columns()];
        for (_, row) in cuts {
            if chosen.len() >= limit {
                break;
            }
            let norm = row.0.iter().map(|(_, v)| v * v).sum::<f64>().sqrt();
            for &(j, v) in &row.0 {
                dense[j] = v;
            }
            // Near-parallel cuts add rows, not strength.
            let parallel = chosen.iter().zip(&norms).rev().take(300).any(|(other, other_norm)| {
                let dot: f64 = other.0.iter().map(|&(j, v)| v * dense[j]).sum();
                dot.abs() > 0.95 * norm * other_norm
            });
            for &(j, _) in &row.0 {
                dense[j] = 0.0;
            }
            if !parallel {
                chosen.push(row);
                norms.push(norm);
            }
        }
        chosen
    }

    fn drop_slack_cuts(&mut self, effort: &mut Effort) {
        let own = self.problem.rows.len();
        let drop: Vec<bool> =
            (0..self.simplex.m).map(|i| i >= own && self.simplex.place[self.simplex.n + i] == Place::Basic).collect();
        let count = drop.iter().filter(|&&d| d).count();
        if count * 4 < self.cut_rows.len() || count < 10 {
            return;
        }
        self.simplex.remove_rows(&drop);
        let mut k = own;
        self.cut_rows.retain(|_| {
            k += 1;
            !drop[k - 1]
        });
        let _ = self.simplex.solve(effort);
    }

    fn drop_all_cuts(&mut self, effort: &mut Effort) {
        self.cut_rows.clear();
        let seed = self.guidance.seed + 1;
        self.simplex = self.problem.simplex();
        self.simplex.reseed(seed);
        for &j in &self.integers {
            self.simplex.set_bounds(j, self.root_lower[j], self.root_upper[j]);
        }
        let _ = self.simplex.solve(effort);
        self.simplex.perturb_at_start = false;
    }

    pub(super) fn row_at(&self, i: usize) -> (&[(usize, f64)], f64, f64) {
        let own = self.problem.rows.len();
        if i < own {
            (&self.problem.rows[i], self.problem.row_lower[i], self.problem.row_upper[i])
        } else {
            let (terms, lo, hi) = &self.cut_rows[i - own];
            (terms, *lo, *hi)
        }
    }

    /// Whether the logical of a row takes only whole values at whole plans.
    pub(super) fn whole_row(&self, i: usize) -> bool {
        let (terms, lo, hi) = self.row_at(i);
        let whole = |v: f64| !v.is_finite() || v.fract() == 0.0;
        i < self.problem.rows.len()
            && whole(lo)
            && whole(hi)
            && terms.iter().all(|&(j, v)| self.problem.integer[j] && v.fract() == 0.0)
    }

    /// Drops tiny coefficients safely from `terms >= rhs`; refuses badly scaled or dense rows.
    pub(super) fn cleaned(&self, mut terms: Vec<(usize, f64)>, mut rhs: f64) -> Option<Row> {
        let largest = terms.iter().fold(0.0f64, |a, t| a.max(t.1.abs()));
        if largest == 0.0 || !largest.is_finite() || !rhs.is_finite() {
            return None;
        }
        let mut ok = true;
        terms.retain(|&(j, v)| {
            if v.abs() >= largest / DYNAMISM {
                return true;
            }
            let bound = if v > 0.0 { self.root_upper[j] } else { self.root_lower[j] };
            if bound.is_finite() {
                rhs -= v * bound;
            } else {
                ok = false;
            }
            false
        });
        let limit = 100 + self.problem.columns() / 5;
        if !ok || terms.is_empty() || terms.len() > limit {
            return None;
        }
        // A whisker of slack keeps rounding errors from cutting plans off.
        rhs -= 1e-9 * (1.0 + rhs.abs());
        Some((terms, rhs, f64::INFINITY))
    }
}
