//! Bounds implied by rows (activity-based propagation; Savelsbergh, 1994).

use super::problem::Problem;

pub(crate) struct Propagator {
    column_rows: Vec<Vec<u32>>,
    queued: Vec<bool>,
    queue: Vec<u32>,
    pub work: u64,
}

/// Rows visited in one call at most, per row of the problem.
const SWEEPS: usize = 4;

impl Propagator {
    pub fn new(problem: &Problem) -> Self {
        Self { column_rows: problem.column_rows(), queued: vec![false; problem.rows.len()], queue: Vec::new(), work: 0 }
    }

    pub fn touch(&mut self, j: usize) {
        for &i in &self.column_rows[j] {
            if !self.queued[i as usize] {
                self.queued[i as usize] = true;
                self.queue.push(i);
            }
        }
    }

    /// Tightens the bounds of integers until nothing changes. `false`: no value is left for one.
    /// Columns whose bounds changed are appended to `changed`.
    pub fn run(&mut self, problem: &Problem, lower: &mut [f64], upper: &mut [f64], changed: &mut Vec<usize>) -> bool {
        let mut visits = 0;
        let limit = SWEEPS * problem.rows.len() + 100;
        let mut feasible = true;
        let mut at = 0;
        while at < self.queue.len() {
            let i = self.queue[at] as usize;
            at += 1;
            self.queued[i] = false;
            if !feasible || visits > limit {
                continue;
            }
            visits += 1;
            let row = &problem.rows[i];
            self.work += row.len() as u64 * 2;
            let (row_lower, row_upper) = (problem.row_lower[i], problem.row_upper[i]);
            let (mut least, mut most) = (0.0f64, 0.0f64);
            let (mut least_inf, mut most_inf) = (0u32, 0u32);
            let mut size = 1.0f64;
            for &(j, v) in row {
                let (lo, hi) = if v > 0.0 { (v * lower[j], v * upper[j]) } else { (v * upper[j], v * lower[j]) };
                if lo.is_finite() {
                    least += lo;
                    size = size.max(lo.abs());
                } else {
                    least_inf += 1;
                }
                if hi.is_finite() {
                    most += hi;
                    size = size.max(hi.abs());
                } else {
                    most_inf += 1;
                }
            }
            let tolerance = 1e-7 * size.max(1.0);
            if (least_inf == 0 && least > row_upper + tolerance) || (most_inf == 0 && most < row_lower - tolerance) {
                feasible = false;
                continue;
            }
            let upper_useless =
                row_upper == f64::INFINITY || least_inf > 1 || (most_inf == 0 && most <= row_upper + tolerance);
            let lower_useless =
                row_lower == f64::NEG_INFINITY || most_inf > 1 || (least_inf == 0 && least >= row_lower - tolerance);
            if upper_useless && lower_useless {
                continue;
            }
            for &(j, v) in row {
                if !problem.integer[j] || lower[j] == upper[j] {
                    continue;
                }
                let (lo, hi) = if v > 0.0 { (v * lower[j], v * upper[j]) } else { (v * upper[j], v * lower[j]) };
                let mut new_lower = lower[j];
                let mut new_upper = upper[j];
                if !upper_useless {
                    let others_inf = least_inf - u32::from(!lo.is_finite());
                    if others_inf == 0 {
                        let others = if lo.is_finite() { least - lo } else { least };
                        let limit = (row_upper - others) / v;
                        if v > 0.0 {
                            new_upper = new_upper.min((limit + 1e-6).floor());
                        } else {
                            new_lower = new_lower.max((limit - 1e-6).ceil());
                        }
                    }
                }
                if !lower_useless {
                    let others_inf = most_inf - u32::from(!hi.is_finite());
                    if others_inf == 0 {
                        let others = if hi.is_finite() { most - hi } else { most };
                        let limit = (row_lower - others) / v;
                        if v > 0.0 {
                            new_lower = new_lower.max((limit - 1e-6).ceil());
                        } else {
                            new_upper = new_upper.min((limit + 1e-6).floor());
                        }
                    }
                }
                if new_lower > lower[j] || new_upper < upper[j] {
                    if new_lower > new_upper {
                        feasible = false;
                        break;
                    }
                    // Sums over the old bounds stay valid: they are only weaker.
                    lower[j] = new_lower;
                    upper[j] = new_upper;
                    changed.push(j);
                    for &other in &self.column_rows[j] {
                        if !self.queued[other as usize] {
                            self.queued[other as usize] = true;
                            self.queue.push(other);
                        }
                    }
                    // The sums of this row are stale for the next column: update them.
                    let (lo2, hi2) =
                        if v > 0.0 { (v * new_lower, v * new_upper) } else { (v * new_upper, v * new_lower) };
                    if lo.is_finite() {
                        least += lo2 - lo;
                    } else if lo2.is_finite() {
                        least_inf -= 1;
                        least += lo2;
                    }
                    if hi.is_finite() {
                        most += hi2 - hi;
                    } else if hi2.is_finite() {
                        most_inf -= 1;
                        most += hi2;
                    }
                }
            }
        }
        self.queue.clear();
        feasible
    }
}
