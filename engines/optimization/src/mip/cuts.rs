//! Cutting planes at the root: Gomory mixed-integer cuts (Gomory, 1960; Balas et al., 1996), mixed
//! integer rounding of single and aggregated rows with variable upper bounds (Marchand and Wolsey,
//! 2001), and whatever the formulation's author separates.

use super::Cut;
use super::implied::ImpliedBounds;
use super::tree::Tree;
use crate::effort::Effort;
use crate::lp::Outcome;
use crate::lp::simplex::Place;

const ROUNDS: usize = 25;
/// Problems of at most this many rows are cut for longer.
const LIGHT: usize = 400;
/// Rounds between two looks at what cutting brings.
const TAIL: usize = 12;
const AWAY: f64 = 0.01;
/// Largest ratio of coefficients in one cut.
const DYNAMISM: f64 = 1e6;
const MIN_EFFICACY: f64 = 1e-4;

use crate::lp::simplex::BoundedRow as Row;

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
    fn whole_row(&self, i: usize) -> bool {
        let (terms, lo, hi) = self.row_at(i);
        let whole = |v: f64| !v.is_finite() || v.fract() == 0.0;
        i < self.problem.rows.len()
            && whole(lo)
            && whole(hi)
            && terms.iter().all(|&(j, v)| self.problem.integer[j] && v.fract() == 0.0)
    }

    fn gomory_cuts(&mut self, fractional: &[(usize, f64)], x: &[f64], cuts: &mut Vec<(f64, Row)>, effort: &mut Effort) {
        let n = self.simplex.n;
        let mut slot_of = vec![usize::MAX; n];
        for (slot, &var) in self.simplex.head.iter().enumerate() {
            if (var as usize) < n {
                slot_of[var as usize] = slot;
            }
        }
        let mut candidates: Vec<(usize, f64)> =
            fractional.iter().copied().filter(|&(_, v)| (v - v.round()).abs() > AWAY).collect();
        candidates.sort_by(|a, b| {
            let key = |v: f64| (v - v.floor() - 0.5).abs();
            key(a.1).total_cmp(&key(b.1)).then(a.0.cmp(&b.0))
        });
        for &(b, _) in candidates.iter().take(100) {
            if slot_of[b] == usize::MAX {
                continue;
            }
            if let Some(row) = self.gomory(slot_of[b], b)
                && let Some(found) = rated(row, x)
            {
                cuts.push(found);
            }
            self.simplex.charge(effort);
            if effort.is_over() {
                return;
            }
        }
    }

    fn gomory(&mut self, slot: usize, b: usize) -> Option<Row> {
        self.simplex.compute_rho(slot);
        self.simplex.compute_pivot_row();
        let s = &self.simplex;
        let n = s.n;
        let scale = s.col_scale[b];
        let beta = s.value(b);
        let f0 = beta - beta.floor();
        if !(AWAY..=1.0 - AWAY).contains(&f0) {
            return None;
        }
        let mut terms: Vec<(usize, f64)> = Vec::new();
        let mut rhs = 1.0;
        let weight = |a: f64, whole: bool| {
            if whole {
                let f = a - a.floor();
                if f <= f0 { f / f0 } else { (1.0 - f) / (1.0 - f0) }
            } else if a > 0.0 {
                a / f0
            } else {
                -a / (1.0 - f0)
            }
        };
        for &j in &s.pivot_row.idx {
            let j = j as usize;
            if s.place[j] == Place::Basic || s.lower[j] == s.upper[j] {
                continue;
            }
            let a = s.pivot_row.val[j] * scale / s.col_scale[j];
            if a.abs() < 1e-11 {
                continue;
            }
            let (lo, hi) = (s.lower[j] * s.col_scale[j], s.upper[j] * s.col_scale[j]);
            let whole = self.problem.integer[j];
            match s.place[j] {
                Place::Lower => {
                    let g = weight(a, whole);
                    terms.push((j, g));
                    rhs += g * lo;
                }
                Place::Upper => {
                    let g = weight(-a, whole);
                    terms.push((j, -g));
                    rhs -= g * hi;
                }
                _ => return None,
            }
        }
        let mut slack_terms: Vec<(usize, f64)> = Vec::new();
        for &p in &s.rho.idx {
            let i = s.factors.row_at[p as usize] as usize;
            let j = n + i;
            if s.place[j] == Place::Basic || s.lower[j] == s.upper[j] {
                continue;
            }
            let a = s.rho.val[p as usize] * scale * s.row_scale[i];
            if a.abs() < 1e-11 {
                continue;
            }
            let (row, lo, hi) = self.row_at(i);
            let whole = self.whole_row(i);
            // s_i = -a_i x between -hi and -lo.
            match s.place[j] {
                Place::Lower => {
                    let g = weight(a, whole);
                    rhs += g * -hi;
                    slack_terms.extend(row.iter().map(|&(k, v)| (k, -g * v)));
                }
                Place::Upper => {
                    let g = weight(-a, whole);
                    rhs -= g * -lo;
                    slack_terms.extend(row.iter().map(|&(k, v)| (k, g * v)));
                }
                _ => return None,
            }
        }
        terms.extend(slack_terms);
        let terms = crate::model::merged(terms);
        self.cleaned(terms, rhs)
    }

    /// Drops tiny coefficients safely from `terms >= rhs`; refuses badly scaled or dense rows.
    fn cleaned(&self, mut terms: Vec<(usize, f64)>, mut rhs: f64) -> Option<Row> {
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

    fn mir_cuts(&mut self, x: &[f64], bounds: &VariableBounds, cuts: &mut Vec<(f64, Row)>, effort: &mut Effort) {
        let rows = self.problem.rows.len();
        let mut dense = vec![0.0f64; x.len()];
        for i in 0..rows {
            let (lo, hi) = (self.problem.row_lower[i], self.problem.row_upper[i]);
            for side in [1.0, -1.0] {
                let b = if side > 0.0 { hi } else { -lo };
                if !b.is_finite() {
                    continue;
                }
                let mut terms: Vec<(usize, f64)> = self.problem.rows[i].iter().map(|&(j, v)| (j, v * side)).collect();
                let mut rhs = b;
                let mut used = vec![i];
                for _aggregation in 0..5 {
                    effort.add(terms.len() as u64 * 20);
                    if let Some(row) = self.mir(&terms, rhs, x, bounds)
                        && let Some(found) = rated(row, x)
                    {
                        cuts.push(found);
                        break;
                    }
                    if !self.aggregate(&mut terms, &mut rhs, &mut used, x, bounds, &mut dense) {
                        break;
                    }
                }
                if effort.is_over() {
                    return;
                }
            }
        }
    }

    /// Eliminates the continuous column that is farthest from its bounds with an equality row.
    fn aggregate(
        &self,
        terms: &mut Vec<(usize, f64)>,
        rhs: &mut f64,
        used: &mut Vec<usize>,
        x: &[f64],
        bounds: &VariableBounds,
        dense: &mut [f64],
    ) -> bool {
        let mut best: Option<(f64, usize, f64)> = None;
        for &(j, v) in terms.iter() {
            if self.problem.integer[j] {
                continue;
            }
            let up = bounds.upper_at(j, x, &self.root_upper);
            let room = (x[j] - self.root_lower[j]).min(up - x[j]);
            if room > 1e-6 && best.is_none_or(|b| room > b.0) && bounds.equalities[j].iter().any(|i| !used.contains(i))
            {
                best = Some((room, j, v));
            }
        }
        let Some((_, j, v)) = best else { return false };
        let Some(&row) = bounds.equalities[j].iter().find(|i| !used.contains(i)) else {
            return false;
        };
        used.push(row);
        let Some(&(_, w)) = self.problem.rows[row].iter().find(|t| t.0 == j) else {
            return false;
        };
        let factor = -v / w;
        if !(1e-4..1e4).contains(&factor.abs()) {
            return false;
        }
        for &(k, a) in terms.iter() {
            dense[k] = a;
        }
        let mut out: Vec<(usize, f64)> = Vec::with_capacity(terms.len() + 4);
        for &(k, a) in &self.problem.rows[row] {
            if dense[k] == 0.0 {
                out.push((k, factor * a));
            } else {
                dense[k] += factor * a;
                if dense[k].abs() < 1e-12 || k == j {
                    dense[k] = f64::NAN;
                }
            }
        }
        for &(k, _) in terms.iter() {
            if !dense[k].is_nan() {
                out.push((k, dense[k]));
            }
            dense[k] = 0.0;
        }
        *terms = out;
        *rhs += factor * self.problem.row_upper[row];
        true
    }

    /// The most violated mixed-integer rounding of `terms <= rhs`, as a `>=` row.
    fn mir(&self, terms: &[(usize, f64)], rhs: f64, x: &[f64], bounds: &VariableBounds) -> Option<Row> {
        // After substitution: integer part by column, continuous part as t >= 0.
        let mut b = rhs;
        let mut whole: Vec<(usize, f64)> = Vec::new();
        // (coefficient of t, value of t, column, +1 for x - bound / -1 for bound - x, switch)
        struct Rest {
            a: f64,
            value: f64,
            column: usize,
            from_lower: bool,
            switch: Option<(usize, f64)>,
        }
        let mut rest: Vec<Rest> = Vec::new();
        for &(j, v) in terms {
            if self.problem.integer[j] {
                whole.push((j, v));
                continue;
            }
            let lo = self.root_lower[j];
            let hi = self.root_upper[j];
            let switch = bounds.upper[j];
            let switched = switch.map(|(k, u)| u * x[k]);
            let to_lower = x[j] - lo;
            let (to_upper, use_switch) = match switched {
                Some(u) => (u - x[j], true),
                None => (hi - x[j], false),
            };
            if !to_lower.is_finite() && !to_upper.is_finite() {
                return None;
            }
            if to_lower < to_upper || (to_lower == to_upper && v < 0.0 && !use_switch) {
                b -= v * lo;
                rest.push(Rest { a: v, value: to_lower, column: j, from_lower: true, switch: None });
            } else if use_switch {
                let (k, u) = switch?;
                whole.push((k, v * u));
                rest.push(Rest { a: -v, value: to_upper, column: j, from_lower: false, switch });
            } else {
                b -= v * hi;
                rest.push(Rest { a: -v, value: to_upper, column: j, from_lower: false, switch: None });
            }
        }
        let mut whole = crate::model::merged(whole);
        whole.retain(|t| t.1.abs() > 1e-12);
        if whole.is_empty() {
            return None;
        }
        let slack: f64 = rest.iter().filter(|r| r.a < 0.0).map(|r| -r.a * r.value).sum();
        // Complement integers nearer to their upper bound.
        let mut flipped = vec![false; whole.len()];
        let mut values = vec![0.0; whole.len()];
        for (k, &(j, v)) in whole.iter().enumerate() {
            let (lo, hi) = (self.root_lower[j], self.root_upper[j]);
            if !lo.is_finite() && !hi.is_finite() {
                return None;
            }
            if !lo.is_finite() || (hi.is_finite() && hi - x[j] < x[j] - lo) {
                flipped[k] = true;
                values[k] = hi - x[j];
                b -= v * hi;
            } else {
                values[k] = x[j] - lo;
                b -= v * lo;
            }
        }
        let coefficient = |k: usize, flipped: &[bool]| {
            if flipped[k] { -whole[k].1 } else { whole[k].1 }
        };
        let violation = |delta: f64, b: f64, flipped: &[bool], values: &[f64]| {
            let beta = b / delta;
            let f0 = beta - beta.floor();
            if !(0.01..=0.99).contains(&f0) {
                return f64::NEG_INFINITY;
            }
            let mut left = 0.0;
            for k in 0..whole.len() {
                left += rounded(coefficient(k, flipped) / delta, f0) * values[k];
            }
            left - beta.floor() - slack / (delta * (1.0 - f0))
        };
        let mut deltas: Vec<f64> = Vec::new();
        for (k, &(j, v)) in whole.iter().enumerate() {
            let inside = x[j] > self.root_lower[j] + 1e-6 && x[j] < self.root_upper[j] - 1e-6;
            if inside && !deltas.iter().any(|d| (d - v.abs()).abs() < 1e-9 * d) {
                deltas.push(v.abs());
            }
            if deltas.len() > 12 || k > 400 {
                break;
            }
        }
        if !deltas.contains(&1.0) {
            deltas.push(1.0);
        }
        let mut best = (1e-6, 0.0);
        for &delta in &deltas {
            let v = violation(delta, b, &flipped, &values);
            if v > best.0 {
                best = (v, delta);
            }
        }
        if best.1 == 0.0 {
            return None;
        }
        for divisor in [2.0, 4.0, 8.0] {
            let delta = best.1 / divisor;
            let v = violation(delta, b, &flipped, &values);
            if v > best.0 {
                best = (v, delta);
            }
        }
        // Complementing one at a time may still help.
        for k in 0..whole.len().min(60) {
            let (j, v) = whole[k];
            let (lo, hi) = (self.root_lower[j], self.root_upper[j]);
            if values[k] < 1e-6 || !lo.is_finite() || !hi.is_finite() {
                continue;
            }
            let change = if flipped[k] { v * (hi - lo) } else { -v * (hi - lo) };
            flipped[k] = !flipped[k];
            let old = values[k];
            values[k] = hi - lo - old;
            let found = violation(best.1, b + change, &flipped, &values);
            if found > best.0 {
                best.0 = found;
                b += change;
            } else {
                flipped[k] = !flipped[k];
                values[k] = old;
            }
        }
        // Back to the columns, as terms <= right.
        let delta = best.1;
        let beta = b / delta;
        let f0 = beta - beta.floor();
        let mut right = beta.floor();
        let mut out: Vec<(usize, f64)> = Vec::new();
        for k in 0..whole.len() {
            let (j, _) = whole[k];
            let g = rounded(coefficient(k, &flipped) / delta, f0);
            if flipped[k] {
                out.push((j, -g));
                right -= g * self.root_upper[j];
            } else {
                out.push((j, g));
                right += g * self.root_lower[j];
            }
        }
        for r in &rest {
            if r.a >= 0.0 {
                continue;
            }
            let g = r.a / (delta * (1.0 - f0));
            if r.from_lower {
                out.push((r.column, g));
                right += g * self.root_lower[r.column];
            } else {
                out.push((r.column, -g));
                match r.switch {
                    Some((k, u)) => out.push((k, g * u)),
                    None => right -= g * self.root_upper[r.column],
                }
            }
        }
        let negated = crate::model::merged(out.into_iter().map(|(j, v)| (j, -v)).collect());
        self.cleaned(negated, -right)
    }
}

/// The rounding function of a mixed-integer rounding cut.
fn rounded(a: f64, f0: f64) -> f64 {
    let down = (a + 1e-9).floor();
    let f = (a - down).max(0.0);
    down + (f - f0).max(0.0) / (1.0 - f0)
}

/// A cut with its efficacy (distance by which it cuts `x` off), if that is worth a row.
fn rated(row: Row, x: &[f64]) -> Option<(f64, Row)> {
    let mut sum = 0.0;
    let mut norm = 0.0;
    for &(j, v) in &row.0 {
        sum += v * x[j];
        norm += v * v;
    }
    let efficacy = (row.1 - sum).max(sum - row.2) / norm.sqrt().max(1e-9);
    (efficacy > MIN_EFFICACY).then_some((efficacy, row))
}

/// Upper bounds of the form `x <= u y` with an integer `y`, and the equalities of each column.
pub(super) struct VariableBounds {
    upper: Vec<Option<(usize, f64)>>,
    equalities: Vec<Vec<usize>>,
}

impl VariableBounds {
    fn find(tree: &Tree) -> Self {
        let p = tree.problem;
        let mut upper: Vec<Option<(usize, f64)>> = vec![None; p.columns()];
        let mut equalities = vec![Vec::new(); p.columns()];
        for (i, row) in p.rows.iter().enumerate() {
            if p.row_lower[i] == p.row_upper[i] {
                for &(j, _) in row {
                    if !p.integer[j] {
                        equalities[j].push(i);
                    }
                }
            }
            let [first, second] = row.as_slice() else {
                continue;
            };
            for (&(j, v), &(k, w)) in [(first, second), (second, first)] {
                if p.integer[j] || !p.integer[k] {
                    continue;
                }
                // v x + w y <= 0 with v > 0 > w, or the same with both signs turned.
                let right = if v > 0.0 { p.row_upper[i] } else { -p.row_lower[i] };
                if right == 0.0 && v * w < 0.0 && tree.root_lower[j] >= 0.0 {
                    upper[j] = Some((k, -w / v));
                }
            }
        }
        Self { upper, equalities }
    }

    fn upper_at(&self, j: usize, x: &[f64], simple: &[f64]) -> f64 {
        match self.upper[j] {
            Some((k, u)) => (u * x[k]).min(simple[j]),
            None => simple[j],
        }
    }
}
