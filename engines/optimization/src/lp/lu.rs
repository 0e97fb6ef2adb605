//! Sparse LU factors of a simplex basis, with product-form updates.
//!
//! Singletons are pivoted without arithmetic; what is left is factored column by column
//! (Gilbert and Peierls, 1988) with threshold pivoting that prefers sparse rows. Solves with
//! sparse right-hand sides visit only the entries that can become non-zero.

use super::sparse::{Compressed, DROP, SparseVec};

/// A pivot must be at least this share of the largest entry of its column.
const THRESHOLD: f64 = 0.1;
/// Smaller pivots count as zero: the basis is singular there.
const SINGULAR: f64 = 1e-9;

#[derive(Debug, Default)]
struct Eta {
    row: usize,
    pivot: f64,
    start: usize,
    end: usize,
}

/// Factors of a basis in *position space*: the k-th pivot is position k.
///
/// After [`Factors::factor`], the caller orders its basis by pivots, so that a slot of the basis
/// and a position are the same number.
#[derive(Debug, Default)]
pub(crate) struct Factors {
    m: usize,
    l_cols: Compressed,
    l_rows: Compressed,
    u_cols: Compressed,
    u_rows: Compressed,
    diag: Vec<f64>,
    /// Position at which a row was pivoted.
    pub row_pos: Vec<u32>,
    /// Row pivoted at a position.
    pub row_at: Vec<u32>,
    etas: Vec<Eta>,
    eta_idx: Vec<u32>,
    eta_val: Vec<f64>,
    mark: Vec<u32>,
    stamp: u32,
    order: Vec<u32>,
    stack: Vec<(u32, u32)>,
    /// Entries touched so far: the deterministic measure of effort.
    pub work: u64,
}

/// What [`Factors::factor`] did: which column was pivoted at each position, and which columns had
/// to be replaced by logicals because the basis was singular.
pub(crate) struct Factored {
    pub col_at: Vec<usize>,
    /// (index of the replaced column, row whose logical takes its place)
    pub replaced: Vec<(usize, usize)>,
}

impl Factors {
    /// Factors the matrix whose columns `column(k)` gives, `k` in `0..m`, as (row, value) lists.
    pub fn factor<'a>(&mut self, m: usize, column: impl Fn(usize) -> (&'a [u32], &'a [f64])) -> Factored {
        self.m = m;
        self.etas.clear();
        self.eta_idx.clear();
        self.eta_val.clear();
        let none = u32::MAX;
        self.row_pos.clear();
        self.row_pos.resize(m, none);
        self.row_at.clear();
        self.diag.clear();
        self.mark.clear();
        self.mark.resize(m, 0);
        self.stamp = 0;
        let mut l = Compressed::with_lines(0);
        let mut u = Compressed::with_lines(0);
        let mut col_at: Vec<usize> = Vec::with_capacity(m);

        // Counts over the active part, and the rows of the basis for singleton search.
        let mut col_count = vec![0u32; m];
        let mut row_count = vec![0u32; m];
        let mut total = 0usize;
        for (k, count) in col_count.iter_mut().enumerate() {
            let (rows, _) = column(k);
            *count = rows.len() as u32;
            total += rows.len();
            for &i in rows {
                row_count[i as usize] += 1;
            }
        }
        self.work += total as u64 * 3 + 12 * m as u64;
        let mut row_start = vec![0usize; m + 1];
        for i in 0..m {
            row_start[i + 1] = row_start[i] + row_count[i] as usize;
        }
        let mut next = row_start.clone();
        let mut row_cols = vec![0u32; total];
        for k in 0..m {
            for &i in column(k).0 {
                row_cols[next[i as usize]] = k as u32;
                next[i as usize] += 1;
            }
        }
        let mut done = vec![false; m];
        let mut col_queue: Vec<u32> = (0..m as u32).filter(|&k| col_count[k as usize] == 1).collect();
        let mut row_queue: Vec<u32> = (0..m as u32).filter(|&i| row_count[i as usize] == 1).collect();

        loop {
            let (k, i) = if let Some(k) = col_queue.pop() {
                let k = k as usize;
                if done[k] || col_count[k] != 1 {
                    continue;
                }
                let (rows, vals) = column(k);
                let Some(at) = rows.iter().position(|&i| self.row_pos[i as usize] == none) else {
                    continue;
                };
                if vals[at].abs() < SINGULAR {
                    continue;
                }
                (k, rows[at] as usize)
            } else if let Some(i) = row_queue.pop() {
                let i = i as usize;
                if self.row_pos[i] != none || row_count[i] != 1 {
                    continue;
                }
                let Some(&k) = row_cols[row_start[i]..row_start[i + 1]].iter().find(|&&k| !done[k as usize]) else {
                    continue;
                };
                let k = k as usize;
                let (rows, vals) = column(k);
                let mut pivot = 0.0f64;
                let mut largest = 0.0f64;
                for (&r, &v) in rows.iter().zip(vals) {
                    if r as usize == i {
                        pivot = v.abs();
                    }
                    if self.row_pos[r as usize] == none {
                        largest = largest.max(v.abs());
                    }
                }
                // A tiny multiplier base would blow the factors up: leave it to the nucleus.
                if pivot < SINGULAR || pivot < 1e-3 * largest {
                    continue;
                }
                (k, i)
            } else {
                break;
            };
            let position = self.row_at.len();
            let (rows, vals) = column(k);
            let mut pivot = 0.0;
            for (&r, &v) in rows.iter().zip(vals) {
                let r = r as usize;
                if r == i {
                    pivot = v;
                } else if self.row_pos[r] != none {
                    u.idx.push(self.row_pos[r]);
                    u.val.push(v);
                }
            }
            for (&r, &v) in rows.iter().zip(vals) {
                let row = r as usize;
                if row != i && self.row_pos[row] == none {
                    l.idx.push(r);
                    l.val.push(v / pivot);
                    row_count[row] -= 1;
                    if row_count[row] == 1 {
                        row_queue.push(r);
                    }
                }
            }
            u.start.push(u.idx.len());
            l.start.push(l.idx.len());
            self.diag.push(pivot);
            self.row_pos[i] = position as u32;
            self.row_at.push(i as u32);
            col_at.push(k);
            done[k] = true;
            for &other in &row_cols[row_start[i]..row_start[i + 1]] {
                let o = other as usize;
                if !done[o] {
                    col_count[o] -= 1;
                    if col_count[o] == 1 {
                        col_queue.push(other);
                    }
                }
            }
        }

        let mut nucleus: Vec<usize> = (0..m).filter(|&k| !done[k]).collect();
        nucleus.sort_by_key(|&k| (col_count[k], k));
        let mut failed = Vec::new();
        let mut x = vec![0.0f64; m];
        let mut pattern: Vec<u32> = Vec::new();
        for &k in &nucleus {
            let (rows, vals) = column(k);
            // Symbolic: rows reachable through the columns of L, in topological order.
            self.stamp += 1;
            let stamp = self.stamp;
            pattern.clear();
            self.order.clear();
            for &i in rows {
                if self.mark[i as usize] == stamp {
                    continue;
                }
                self.mark[i as usize] = stamp;
                self.stack.push((i, 0));
                while let Some(&(node, at)) = self.stack.last() {
                    let position = self.row_pos[node as usize];
                    let (begin, len) = if position == none {
                        (0, 0)
                    } else {
                        let p = position as usize;
                        (l.start[p], l.start[p + 1] - l.start[p])
                    };
                    let mut advanced = false;
                    let mut step = at as usize;
                    while step < len {
                        let child = l.idx[begin + step];
                        step += 1;
                        if self.mark[child as usize] != stamp {
                            self.mark[child as usize] = stamp;
                            if let Some(top) = self.stack.last_mut() {
                                top.1 = step as u32;
                            }
                            self.stack.push((child, 0));
                            advanced = true;
                            break;
                        }
                    }
                    if !advanced {
                        self.order.push(node);
                        self.stack.pop();
                    }
                }
            }
            for (&i, &v) in rows.iter().zip(vals) {
                x[i as usize] = v;
            }
            for p in (0..self.order.len()).rev() {
                let i = self.order[p] as usize;
                let position = self.row_pos[i];
                if position == none {
                    pattern.push(i as u32);
                    continue;
                }
                let value = x[i];
                if value != 0.0 {
                    let pos = position as usize;
                    for q in l.start[pos]..l.start[pos + 1] {
                        x[l.idx[q] as usize] -= l.val[q] * value;
                    }
                    self.work += (l.start[pos + 1] - l.start[pos]) as u64;
                }
            }
            // Values of unpivoted rows are final only now.
            let largest = pattern.iter().fold(0.0f64, |a, &i| a.max(x[i as usize].abs()));
            self.work += self.order.len() as u64 * 2;
            if largest < SINGULAR {
                for &i in &self.order {
                    x[i as usize] = 0.0;
                }
                failed.push(k);
                continue;
            }
            let mut best = none;
            let mut best_key = (u32::MAX, 0.0f64);
            for &i in &pattern {
                let size = x[i as usize].abs();
                if size >= THRESHOLD * largest {
                    let count = row_count[i as usize];
                    if count < best_key.0 || (count == best_key.0 && size > best_key.1) {
                        best = i;
                        best_key = (count, size);
                    }
                }
            }
            let position = self.row_at.len();
            let pivot = x[best as usize];
            for &i in &self.order {
                let value = x[i as usize];
                x[i as usize] = 0.0;
                if value.abs() < DROP || i == best {
                    continue;
                }
                let at = self.row_pos[i as usize];
                if at == none {
                    l.idx.push(i);
                    l.val.push(value / pivot);
                } else {
                    u.idx.push(at);
                    u.val.push(value);
                }
            }
            u.start.push(u.idx.len());
            l.start.push(l.idx.len());
            self.diag.push(pivot);
            self.row_pos[best as usize] = position as u32;
            self.row_at.push(best);
            col_at.push(k);
        }

        // A singular basis: the rows left over take their logicals.
        let mut replaced = Vec::new();
        if !failed.is_empty() {
            let mut free_rows = (0..m).filter(|&i| self.row_pos[i] == none).collect::<Vec<_>>();
            free_rows.reverse();
            for k in failed {
                let Some(i) = free_rows.pop() else { break };
                let position = self.row_at.len();
                u.start.push(u.idx.len());
                l.start.push(l.idx.len());
                self.diag.push(1.0);
                self.row_pos[i] = position as u32;
                self.row_at.push(i as u32);
                col_at.push(k);
                replaced.push((k, i));
            }
        }
        for i in &mut l.idx {
            *i = self.row_pos[*i as usize];
        }
        self.l_rows = l.transposed(m);
        self.u_rows = u.transposed(m);
        self.work += (l.idx.len() + u.idx.len()) as u64 * 2;
        self.l_cols = l;
        self.u_cols = u;
        Factored { col_at, replaced }
    }

    pub fn updates(&self) -> usize {
        self.etas.len()
    }

    /// Whether the updates have become more expensive than the factors themselves.
    pub fn is_heavy(&self) -> bool {
        self.eta_idx.len() > 2 * (self.l_cols.idx.len() + self.u_cols.idx.len() + self.m)
    }

    /// Solves `B x = b`; `b` by position of its rows on entry, `x` by slot on return.
    pub fn ftran(&mut self, x: &mut SparseVec) {
        let mut work = 0;
        lower(
            &self.l_cols,
            None,
            x,
            &mut self.mark,
            &mut self.stamp,
            &mut self.order,
            &mut self.stack,
            false,
            &mut work,
        );
        lower(
            &self.u_cols,
            Some(&self.diag),
            x,
            &mut self.mark,
            &mut self.stamp,
            &mut self.order,
            &mut self.stack,
            true,
            &mut work,
        );
        for eta in &self.etas {
            let value = x.val[eta.row];
            if value == 0.0 {
                continue;
            }
            let t = value / eta.pivot;
            x.val[eta.row] = t;
            for p in eta.start..eta.end {
                x.add(self.eta_idx[p] as usize, -self.eta_val[p] * t);
            }
            work += (eta.end - eta.start) as u64;
        }
        self.work += work + self.etas.len() as u64;
    }

    /// Solves `B' y = c`; `c` by slot on entry, `y` by position of its rows on return.
    pub fn btran(&mut self, x: &mut SparseVec) {
        let mut work = 0;
        for eta in self.etas.iter().rev() {
            let mut sum = x.val[eta.row];
            let old = sum;
            for p in eta.start..eta.end {
                sum -= self.eta_val[p] * x.val[self.eta_idx[p] as usize];
            }
            work += (eta.end - eta.start) as u64;
            let new = sum / eta.pivot;
            if old == 0.0 {
                if new.abs() > DROP {
                    x.put(eta.row, new);
                }
            } else {
                x.val[eta.row] = if new.abs() < DROP { 1e-100 } else { new };
            }
        }
        lower(
            &self.u_rows,
            Some(&self.diag),
            x,
            &mut self.mark,
            &mut self.stamp,
            &mut self.order,
            &mut self.stack,
            false,
            &mut work,
        );
        lower(
            &self.l_rows,
            None,
            x,
            &mut self.mark,
            &mut self.stamp,
            &mut self.order,
            &mut self.stack,
            true,
            &mut work,
        );
        self.work += work;
    }

    /// Records that the column in slot `row` was replaced; `alpha` is the new column solved by the
    /// basis before the change.
    pub fn update(&mut self, row: usize, alpha: &SparseVec) {
        let start = self.eta_idx.len();
        for &i in &alpha.idx {
            let value = alpha.val[i as usize];
            if i as usize != row && value.abs() > DROP {
                self.eta_idx.push(i);
                self.eta_val.push(value);
            }
        }
        self.etas.push(Eta { row, pivot: alpha.val[row], start, end: self.eta_idx.len() });
    }
}

/// One triangular solve by columns: each non-zero scatters its line.
/// `backward` tells the order of elimination in a dense pass.
#[allow(clippy::too_many_arguments)]
fn lower(
    lines: &Compressed,
    diag: Option<&[f64]>,
    x: &mut SparseVec,
    mark: &mut [u32],
    stamp: &mut u32,
    order: &mut Vec<u32>,
    stack: &mut Vec<(u32, u32)>,
    backward: bool,
    work: &mut u64,
) {
    let m = x.val.len();
    let sparse = x.idx.len() * 20 < m;
    if sparse {
        *stamp += 1;
        let now = *stamp;
        order.clear();
        let mut visited = 0usize;
        let give_up = m / 4;
        for &root in &x.idx {
            if mark[root as usize] == now {
                continue;
            }
            mark[root as usize] = now;
            stack.push((root, 0));
            while let Some(&(node, at)) = stack.last() {
                let begin = lines.start[node as usize];
                let len = lines.start[node as usize + 1] - begin;
                let mut step = at as usize;
                let mut advanced = false;
                while step < len {
                    let child = lines.idx[begin + step];
                    step += 1;
                    if mark[child as usize] != now {
                        mark[child as usize] = now;
                        if let Some(top) = stack.last_mut() {
                            top.1 = step as u32;
                        }
                        stack.push((child, 0));
                        advanced = true;
                        break;
                    }
                }
                if !advanced {
                    order.push(node);
                    stack.pop();
                    visited += 1;
                }
            }
            if visited > give_up {
                break;
            }
        }
        *work += visited as u64 * 2;
        if visited <= give_up {
            x.idx.clear();
            for &node in order.iter().rev() {
                let k = node as usize;
                let mut value = x.val[k];
                if value.abs() < DROP {
                    x.val[k] = 0.0;
                    continue;
                }
                if let Some(diag) = diag {
                    value /= diag[k];
                    x.val[k] = value;
                }
                x.idx.push(node);
                let range = lines.start[k]..lines.start[k + 1];
                *work += range.len() as u64;
                for (&i, &v) in lines.idx[range.clone()].iter().zip(&lines.val[range]) {
                    x.val[i as usize] -= v * value;
                }
            }
            return;
        }
    }
    let mut eliminate = |k: usize, x: &mut SparseVec| {
        let mut value = x.val[k];
        if value == 0.0 {
            return;
        }
        if value.abs() < DROP {
            x.val[k] = 0.0;
            return;
        }
        if let Some(diag) = diag {
            value /= diag[k];
            x.val[k] = value;
        }
        let range = lines.start[k]..lines.start[k + 1];
        *work += range.len() as u64;
        for (&i, &v) in lines.idx[range.clone()].iter().zip(&lines.val[range]) {
            x.val[i as usize] -= v * value;
        }
    };
    if backward {
        for k in (0..m).rev() {
            eliminate(k, x);
        }
    } else {
        for k in 0..m {
            eliminate(k, x);
        }
    }
    *work += m as u64 / 4;
    x.relist();
}
