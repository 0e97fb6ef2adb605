//! Mixed-integer rounding of single and aggregated rows with variable upper bounds (Marchand and Wolsey, 2001).

use super::efficacy::rated;
use super::tree::Tree;
use crate::effort::Effort;
use crate::lp::simplex::BoundedRow as Row;

impl Tree<'_> {
    pub(super) fn mir_cuts(
        &mut self,
        x: &[f64],
        bounds: &VariableBounds,
        cuts: &mut Vec<(f64, Row)>,
        effort: &mut Effort,
    ) {
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
    pub(super) fn aggregate(
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
    pub(super) fn mir(&self, terms: &[(usize, f64)], rhs: f64, x: &[f64], bounds: &VariableBounds) -> Option<Row> {
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

/// Upper bounds of the form `x <= u y` with an integer `y`, and the equalities of each column.
pub(super) struct VariableBounds {
    upper: Vec<Option<(usize, f64)>>,
    equalities: Vec<Vec<usize>>,
}

impl VariableBounds {
    pub fn find(tree: &Tree) -> Self {
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
