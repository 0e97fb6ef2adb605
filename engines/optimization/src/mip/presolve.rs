//! Reductions before the search: redundant and singleton rows, implied bounds, dominated columns,
//! tighter coefficients (Savelsbergh, 1994). Every reduction keeps an optimal plan.

use super::problem::Problem;
use super::propagate::Propagator;
use crate::effort::Effort;

/// How to turn a plan of the reduced problem into one of the original.
pub(crate) struct Restore {
    /// Reduced column -> original column.
    pub kept: Vec<usize>,
    /// Values of the columns that were fixed, by original column.
    fixed: Vec<f64>,
    /// Original column -> reduced column.
    pub reduced: Vec<Option<usize>>,
}

impl Restore {
    pub fn expand(&self, x: &[f64]) -> Vec<f64> {
        let mut out = self.fixed.clone();
        for (r, &j) in self.kept.iter().enumerate() {
            out[j] = x[r];
        }
        out
    }

    pub fn shrink(&self, x: &[f64]) -> Vec<f64> {
        self.kept.iter().map(|&j| x[j]).collect()
    }

    /// A row over original columns as one over reduced columns, and what the fixed part sums to.
    pub fn row(&self, terms: &[(usize, f64)]) -> (Vec<(usize, f64)>, f64) {
        let mut out = Vec::with_capacity(terms.len());
        let mut constant = 0.0;
        for &(j, v) in terms {
            match self.reduced[j] {
                Some(r) => out.push((r, v)),
                None => constant += v * self.fixed[j],
            }
        }
        (out, constant)
    }
}

pub(crate) enum Presolved {
    Reduced(Box<(Problem, Restore)>),
    Infeasible,
}

pub(crate) fn presolve(original: &Problem, effort: &mut Effort) -> Presolved {
    let mut p = original.clone();
    let n = p.columns();
    let mut alive = vec![true; p.rows.len()];
    for j in 0..n {
        if p.integer[j] {
            p.lower[j] = (p.lower[j] - 1e-6).ceil();
            p.upper[j] = (p.upper[j] + 1e-6).floor();
        }
        if p.lower[j] > p.upper[j] + 1e-9 {
            return Presolved::Infeasible;
        }
    }
    let mut propagator = Propagator::new(&p);
    let mut changed = Vec::new();
    for j in 0..n {
        propagator.touch(j);
    }
    for _round in 0..4 {
        effort.add(p.rows.iter().map(|r| r.len() as u64).sum::<u64>() * 2);
        let mut reductions = 0usize;
        let (mut lower, mut upper) = (p.lower.clone(), p.upper.clone());
        if !propagator.run(&p, &mut lower, &mut upper, &mut changed) {
            return Presolved::Infeasible;
        }
        reductions += changed.len();
        changed.clear();
        p.lower = lower;
        p.upper = upper;
        match rows_pass(&mut p, &mut alive, &mut propagator) {
            Some(count) => reductions += count,
            None => return Presolved::Infeasible,
        }
        reductions += dual_fixing(&mut p, &alive, &mut propagator);
        if reductions == 0 {
            break;
        }
    }
    effort.add(propagator.work);
    mark_implied_integers(&mut p, &alive);
    Presolved::Reduced(Box::new(shrink_parts(&p, &alive)))
}

fn shrink_parts(p: &Problem, alive: &[bool]) -> (Problem, Restore) {
    let n = p.columns();
    let mut reduced = vec![None; n];
    let mut kept = Vec::new();
    let mut fixed = vec![0.0; n];
    for j in 0..n {
        if p.lower[j] == p.upper[j] {
            fixed[j] = p.lower[j];
        } else {
            reduced[j] = Some(kept.len());
            kept.push(j);
        }
    }
    let restore = Restore { kept, fixed, reduced };
    let mut small = Problem::default();
    for &j in &restore.kept {
        small.cost.push(p.cost[j]);
        small.lower.push(p.lower[j]);
        small.upper.push(p.upper[j]);
        small.integer.push(p.integer[j]);
        small.implied.push(p.implied[j]);
    }
    for (i, row) in p.rows.iter().enumerate() {
        if !alive[i] {
            continue;
        }
        let (terms, constant) = restore.row(row);
        if terms.is_empty() {
            continue;
        }
        small.rows.push(terms);
        small.row_lower.push(p.row_lower[i] - constant);
        small.row_upper.push(p.row_upper[i] - constant);
    }
    (small, restore)
}

/// Activities of a row over the present bounds.
fn activity(p: &Problem, row: &[(usize, f64)]) -> (f64, f64, f64) {
    let (mut least, mut most, mut size) = (0.0f64, 0.0f64, 1.0f64);
    for &(j, v) in row {
        let (lo, hi) = if v > 0.0 { (v * p.lower[j], v * p.upper[j]) } else { (v * p.upper[j], v * p.lower[j]) };
        least += lo;
        most += hi;
        if lo.is_finite() {
            size = size.max(lo.abs());
        }
        if hi.is_finite() {
            size = size.max(hi.abs());
        }
    }
    (least, most, size)
}

/// Removes rows that say nothing, turns singletons into bounds, tightens coefficients.
/// `None`: a row cannot be kept.
fn rows_pass(p: &mut Problem, alive: &mut [bool], propagator: &mut Propagator) -> Option<usize> {
    let mut count = 0;
    for i in 0..p.rows.len() {
        if !alive[i] {
            continue;
        }
        let (least, most, size) = activity(p, &p.rows[i]);
        let tolerance = 1e-9 * size;
        if least > p.row_upper[i] + 1e-6 * size || most < p.row_lower[i] - 1e-6 * size {
            return None;
        }
        let mut drop_lower = least >= p.row_lower[i] - tolerance;
        let mut drop_upper = most <= p.row_upper[i] + tolerance;
        let free: Vec<(usize, f64)> = p.rows[i].iter().copied().filter(|&(j, _)| p.lower[j] != p.upper[j]).collect();
        if let ([(j, v)], false) = (free.as_slice(), drop_lower && drop_upper) {
            let (j, v) = (*j, *v);
            let constant: f64 = p.rows[i].iter().filter(|&&(k, _)| k != j).map(|&(k, w)| w * p.lower[k]).sum();
            let (mut lo, mut hi) = ((p.row_lower[i] - constant) / v, (p.row_upper[i] - constant) / v);
            if v < 0.0 {
                std::mem::swap(&mut lo, &mut hi);
            }
            if p.integer[j] {
                lo = (lo - 1e-6).ceil();
                hi = (hi + 1e-6).floor();
            }
            p.lower[j] = p.lower[j].max(lo);
            p.upper[j] = p.upper[j].min(hi);
            if p.lower[j] > p.upper[j] {
                if p.lower[j] > p.upper[j] + 1e-7 * (1.0 + p.lower[j].abs()) {
                    return None;
                }
                p.lower[j] = p.upper[j];
            }
            propagator.touch(j);
            drop_lower = true;
            drop_upper = true;
        }
        if drop_lower && drop_upper {
            alive[i] = false;
            count += 1;
            continue;
        }
        if drop_lower && p.row_lower[i] != f64::NEG_INFINITY {
            p.row_lower[i] = f64::NEG_INFINITY;
        }
        if drop_upper && p.row_upper[i] != f64::INFINITY {
            p.row_upper[i] = f64::INFINITY;
        }
        count += tighten_coefficients(p, i);
    }
    Some(count)
}

/// In a one-sided row, a binary whose switch makes the row slack gets a smaller coefficient.
fn tighten_coefficients(p: &mut Problem, i: usize) -> usize {
    let sign = match (p.row_lower[i] == f64::NEG_INFINITY, p.row_upper[i] == f64::INFINITY) {
        (true, false) => 1.0,
        (false, true) => -1.0,
        _ => return 0,
    };
    let mut count = 0;
    // As `sum a x <= b` with a = sign * v.
    let mut most = 0.0;
    for &(j, v) in &p.rows[i] {
        let a = v * sign;
        most += a * if a > 0.0 { p.upper[j] } else { p.lower[j] };
    }
    if !most.is_finite() {
        return 0;
    }
    let mut b = if sign > 0.0 { p.row_upper[i] } else { -p.row_lower[i] };
    for k in 0..p.rows[i].len() {
        let (j, v) = p.rows[i][k];
        if !p.integer[j] || p.upper[j] - p.lower[j] != 1.0 {
            continue;
        }
        let a = v * sign;
        let excess = most - b;
        if excess <= 1e-7 * (1.0 + b.abs()) {
            break;
        }
        if a > 0.0 && a > excess + 1e-7 {
            // At the lower value the row is slack by a - excess.
            let cut = a - excess;
            p.rows[i][k].1 = (a - cut) * sign;
            b -= cut * p.upper[j];
            most -= cut * p.upper[j];
            count += 1;
        } else if a < 0.0 && -a > excess + 1e-7 {
            let cut = -a - excess;
            p.rows[i][k].1 = (a + cut) * sign;
            b += cut * p.lower[j];
            most += cut * p.lower[j];
            count += 1;
        }
    }
    if count > 0 {
        if sign > 0.0 {
            p.row_upper[i] = b;
        } else {
            p.row_lower[i] = -b;
        }
    }
    count
}

/// A column that no row holds up (or down) goes where its cost sends it.
fn dual_fixing(p: &mut Problem, alive: &[bool], propagator: &mut Propagator) -> usize {
    let n = p.columns();
    let mut holds_down = vec![false; n];
    let mut holds_up = vec![false; n];
    for (i, row) in p.rows.iter().enumerate() {
        if !alive[i] {
            continue;
        }
        let (has_lower, has_upper) = (p.row_lower[i] != f64::NEG_INFINITY, p.row_upper[i] != f64::INFINITY);
        for &(j, v) in row {
            // Going up may break an upper side when v > 0.
            if (v > 0.0 && has_upper) || (v < 0.0 && has_lower) {
                holds_down[j] = true;
            }
            if (v > 0.0 && has_lower) || (v < 0.0 && has_upper) {
                holds_up[j] = true;
            }
        }
    }
    let mut count = 0;
    for j in 0..n {
        if p.lower[j] == p.upper[j] {
            continue;
        }
        if p.cost[j] >= 0.0 && !holds_up[j] && p.lower[j].is_finite() {
            p.upper[j] = p.lower[j];
        } else if p.cost[j] <= 0.0 && !holds_down[j] && p.upper[j].is_finite() {
            p.lower[j] = p.upper[j];
        } else {
            continue;
        }
        propagator.touch(j);
        count += 1;
    }
    count
}

/// A continuous column that whole rows pin to whole values may be called whole: cuts get stronger.
fn mark_implied_integers(p: &mut Problem, alive: &[bool]) {
    let n = p.columns();
    let whole = |v: f64| !v.is_finite() || v.fract() == 0.0;
    let mut implied: Vec<bool> = (0..n).map(|j| !p.integer[j] && whole(p.lower[j]) && whole(p.upper[j])).collect();
    for (i, row) in p.rows.iter().enumerate() {
        if !alive[i] {
            continue;
        }
        let fine = whole(p.row_lower[i]) && whole(p.row_upper[i]) && row.iter().all(|&(_, v)| v.fract() == 0.0);
        let mut continuous = row.iter().filter(|&&(j, _)| !p.integer[j]);
        match (continuous.next(), continuous.next()) {
            (Some(&(_, v)), None) if fine && v.abs() == 1.0 => {}
            (None, _) => {}
            _ => {
                for &(j, _) in row {
                    implied[j] = false;
                }
            }
        }
    }
    for j in 0..n {
        if implied[j] {
            p.integer[j] = true;
            p.implied[j] = true;
        }
    }
}
