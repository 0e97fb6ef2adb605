//! Implied bounds: what a switch that is off (or on) leaves of the columns behind it. Such a bound is
//! the perspective of the column (Günlük and Linderoth, 2010) where formulations say it only in sum.

use super::problem::Problem;
use super::tree::Tree;
use crate::lp::simplex::BoundedRow;

/// `x <= base + slope * y` for a binary `y`, and the same from below with `upper` false.
struct Implied {
    column: usize,
    switch: usize,
    base: f64,
    slope: f64,
    upper: bool,
}

pub(super) struct ImpliedBounds(Vec<Implied>);

/// Rows visited behind one switch at most.
const VISITS: usize = 200;
/// Longer rows than this couple switches with each other and imply little.
const LONG: usize = 400;

impl ImpliedBounds {
    /// Tries every binary at 0 and at 1 and follows the rows.
    pub fn find(problem: &Problem, work: &mut u64) -> Self {
        let by_column = problem.column_rows();
        let (mut lower, mut upper) = (problem.lower.clone(), problem.upper.clone());
        let mut out = Vec::new();
        if problem.integer.iter().all(|&whole| whole) {
            return Self(out);
        }
        for y in 0..problem.columns() {
            if !problem.integer[y] || problem.lower[y] != 0.0 || problem.upper[y] != 1.0 {
                continue;
            }
            for on in [false, true] {
                let value = f64::from(u8::from(on));
                (lower[y], upper[y]) = (value, value);
                let mut changed = vec![y];
                let mut at = 0;
                let mut visits = 0;
                while at < changed.len() && visits < VISITS {
                    let j = changed[at];
                    at += 1;
                    for &i in &by_column[j] {
                        let row = &problem.rows[i as usize];
                        if row.len() > LONG {
                            continue;
                        }
                        visits += 1;
                        *work += row.len() as u64 * 2;
                        follow(problem, i as usize, &mut lower, &mut upper, &mut changed);
                    }
                }
                for &j in &changed {
                    if j != y && !problem.integer[j] {
                        // With y at the other side the plain bound holds.
                        let mut say = |old: f64, new: f64, is_upper: bool| {
                            if old != new && old.is_finite() && new.is_finite() {
                                let (base, slope) = if on { (old, new - old) } else { (new, old - new) };
                                out.push(Implied { column: j, switch: y, base, slope, upper: is_upper });
                            }
                        };
                        say(problem.upper[j], upper[j], true);
                        say(problem.lower[j], lower[j], false);
                    }
                }
                for j in changed {
                    (lower[j], upper[j]) = (problem.lower[j], problem.upper[j]);
                }
            }
        }
        Self(out)
    }

    /// Bounds that `x` breaks.
    pub fn separate(&self, x: &[f64], tree: &Tree) -> Vec<BoundedRow> {
        let mut out = Vec::new();
        for b in &self.0 {
            let limit = b.base + b.slope * x[b.switch];
            let away = if b.upper { x[b.column] - limit } else { limit - x[b.column] };
            let size = (tree.problem.upper[b.column] - tree.problem.lower[b.column]).abs();
            if away > 1e-4 * size.clamp(1e-3, 1e6) {
                let terms = vec![(b.column, 1.0), (b.switch, -b.slope)];
                let (lo, hi) = if b.upper { (f64::NEG_INFINITY, b.base) } else { (b.base, f64::INFINITY) };
                out.push((terms, lo, hi));
            }
        }
        out
    }
}

/// Tightens the columns of one row by the present bounds of the others.
fn follow(problem: &Problem, i: usize, lower: &mut [f64], upper: &mut [f64], changed: &mut Vec<usize>) {
    let row = &problem.rows[i];
    let (mut least, mut most) = (0.0f64, 0.0f64);
    let (mut least_inf, mut most_inf) = (0u32, 0u32);
    for &(j, v) in row {
        let (lo, hi) = if v > 0.0 { (v * lower[j], v * upper[j]) } else { (v * upper[j], v * lower[j]) };
        if lo.is_finite() {
            least += lo
        } else {
            least_inf += 1
        }
        if hi.is_finite() { most += hi } else { most_inf += 1 }
    }
    let (row_lower, row_upper) = (problem.row_lower[i], problem.row_upper[i]);
    for &(j, v) in row {
        if lower[j] == upper[j] {
            continue;
        }
        let (lo, hi) = if v > 0.0 { (v * lower[j], v * upper[j]) } else { (v * upper[j], v * lower[j]) };
        let (mut down, mut up) = (f64::NEG_INFINITY, f64::INFINITY);
        if row_upper.is_finite() && least_inf - u32::from(!lo.is_finite()) == 0 {
            let room = (row_upper - if lo.is_finite() { least - lo } else { least }) / v;
            if v > 0.0 { up = room } else { down = room }
        }
        if row_lower.is_finite() && most_inf - u32::from(!hi.is_finite()) == 0 {
            let room = (row_lower - if hi.is_finite() { most - hi } else { most }) / v;
            if v > 0.0 { down = down.max(room) } else { up = up.min(room) }
        }
        if problem.integer[j] {
            down = (down - 1e-6).ceil();
            up = (up + 1e-6).floor();
        }
        let step = 1e-6 * (1.0 + upper[j].abs().min(1e9));
        let mut moved = false;
        if up < upper[j] - step {
            upper[j] = up.max(lower[j]);
            moved = true;
        }
        if down > lower[j] + step {
            lower[j] = down.min(upper[j]);
            moved = true;
        }
        if moved {
            // Sums over the old bounds stay valid: they are only weaker.
            if !changed.contains(&j) {
                changed.push(j);
            }
        }
    }
}
