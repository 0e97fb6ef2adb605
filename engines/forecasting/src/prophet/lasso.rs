//! A quadratic in which some coordinates pay for their size: the step of the fit.
//!
//! Minimises `x'Hx / 2 - b'x + price * sum |x_j|` over the last coordinates `j >= free`. The free ones are eliminated by a
//! Cholesky factor; the rest is the feature-sign search of Lee, Battle, Raina & Ng (2007), which ends at the exact
//! minimum after finitely many steps.

use crate::cholesky::{Square, backward, factor, forward};

/// Where the minimum lies; `start` is a guess of the whole vector. `None` when the matrix is not positive definite.
pub(super) fn minimise(h: &Square, b: &[f64], free: usize, price: f64, start: &[f64]) -> Option<Vec<f64>> {
    let paying = h.size - free;
    let l = factor(free, |i, j| h.at(i, j))?;
    // Rows of L^-1 H_fp transposed: one for each paying coordinate.
    let mut w = vec![0.0; paying * free];
    for p in 0..paying {
        let row = &mut w[p * free..(p + 1) * free];
        row.copy_from_slice(&h.rows[(free + p) * h.size..(free + p) * h.size + free]);
        forward(&l, row);
    }
    let mut u = b[..free].to_vec();
    forward(&l, &mut u);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let row = |p: usize| &w[p * free..(p + 1) * free];
    let mut schur = Square::zeros(paying);
    let mut c = vec![0.0; paying];
    for i in 0..paying {
        for j in 0..=i {
            schur.rows[i * paying + j] = h.at(free + i, free + j) - dot(row(i), row(j));
        }
        c[i] = b[free + i] - dot(row(i), &u);
    }
    let tail = feature_sign(&schur, &c, price, &start[free..])?;
    for (p, x) in tail.iter().enumerate() {
        for (value, weight) in u.iter_mut().zip(row(p)) {
            *value -= weight * x;
        }
    }
    backward(&l, &mut u);
    u.extend(tail);
    Some(u)
}

fn feature_sign(h: &Square, b: &[f64], price: f64, start: &[f64]) -> Option<Vec<f64>> {
    let n = h.size;
    let mut x = start.to_vec();
    let mut active: Vec<usize> = (0..n).filter(|&j| x[j] != 0.0).collect();
    let mut signs: Vec<f64> = active.iter().map(|&j| x[j].signum()).collect();
    // Each round ends at the minimum for one pattern of signs and none comes twice; the bound is against rounding.
    for _ in 0..40 * (n + 1) {
        if !active.is_empty() {
            let l = factor(active.len(), |i, j| h.at(active[i], active[j]))?;
            let mut z: Vec<f64> = active.iter().zip(&signs).map(|(&j, s)| b[j] - price * s).collect();
            forward(&l, &mut z);
            backward(&l, &mut z);
            if z.iter().zip(&signs).any(|(v, s)| v * s < 0.0) {
                descend(h, b, price, &mut x, &active, &z);
                active.retain(|&j| x[j] != 0.0);
                signs = active.iter().map(|&j| x[j].signum()).collect();
                continue;
            }
            for (&j, v) in active.iter().zip(&z) {
                x[j] = *v;
            }
        }
        let slope = |j: usize| active.iter().map(|&i| h.at(i, j) * x[i]).sum::<f64>() - b[j];
        let worst = (0..n)
            .filter(|j| !active.contains(j))
            .map(|j| (j, slope(j)))
            .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        match worst {
            Some((j, g)) if g.abs() > price * (1.0 + 1e-10) => {
                active.push(j);
                signs.push(-g.signum());
            }
            _ => return Some(x),
        }
    }
    Some(x)
}

/// Moves `x` to the lowest of the points where the way to `z` crosses an axis, and of its end.
fn descend(h: &Square, b: &[f64], price: f64, x: &mut [f64], active: &[usize], z: &[f64]) {
    let from: Vec<f64> = active.iter().map(|&j| x[j]).collect();
    let value = |point: &[f64]| {
        let mut sum = 0.0;
        for (a, &i) in active.iter().enumerate() {
            let row: f64 = active.iter().enumerate().map(|(c, &j)| h.at(i, j) * point[c]).sum();
            sum += point[a] * (0.5 * row - b[i]) + price * point[a].abs();
        }
        sum
    };
    let mut best = (value(z), z.to_vec());
    for (a, start) in from.iter().enumerate() {
        if *start != 0.0 && start * z[a] < 0.0 {
            let share = start / (start - z[a]);
            let mut point: Vec<f64> = from.iter().zip(z).map(|(f, t)| f + share * (t - f)).collect();
            point[a] = 0.0;
            let found = value(&point);
            if found < best.0 {
                best = (found, point);
            }
        }
    }
    for (&j, v) in active.iter().zip(best.1) {
        x[j] = v;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn the_minimum_has_no_slope_but_what_is_paid() {
        let mut random = Random::new(4);
        for free in [1, 3] {
            for price in [0.01, 1.0, 5.0] {
                let (n, rows) = (12, 9);
                let design: Vec<Vec<f64>> = (0..rows).map(|_| (0..n).map(|_| random.normal()).collect()).collect();
                let mut h = Square::zeros(n);
                for i in 0..n {
                    for j in 0..n {
                        let ridge = if i == j { 0.01 } else { 0.0 };
                        h.rows[i * n + j] = design.iter().map(|r| r[i] * r[j]).sum::<f64>() + ridge;
                    }
                }
                let b: Vec<f64> = (0..n).map(|_| 5.0 * random.normal()).collect();
                let start: Vec<f64> = (0..n).map(|j| if j % 2 == 0 { random.normal() } else { 0.0 }).collect();
                let x = minimise(&h, &b, free, price, &start).expect("positive definite");
                for j in 0..n {
                    let slope = (0..n).map(|i| h.at(i, j) * x[i]).sum::<f64>() - b[j];
                    if j < free {
                        assert!(slope.abs() < 1e-7, "{j} {slope}");
                    } else if x[j] == 0.0 {
                        assert!(slope.abs() <= price + 1e-7, "{j} {slope}");
                    } else {
                        assert!((slope + price * x[j].signum()).abs() < 1e-7, "{j} {slope}");
                    }
                }
            }
        }
    }
}
