//! A Newton search with a curvature taken by differences and made positive (Nocedal & Wright 2006, sections 3.4 and 8.1),
//! with the constants and the stopping rule with which Stan searches (Carpenter et al. 2017), so that it ends where the
//! reference implementation of Prophet ends on short histories.
//!
//! Differences as wide as [`WIDTH`] see the kink of a change's prior as a wall of curvature: that is where it stops.

use crate::cholesky::{Square, backward, factor, forward};

/// Distance of the neighbours at which the gradient is taken: one and two of it to either side.
const WIDTH: f64 = 1e-3;
/// Of the four neighbours, the nearest below first: weights of the derivative of order four.
const NEIGHBOURS: [(f64, f64); 4] = [(-2.0, 1.0 / 12.0), (-1.0, -2.0 / 3.0), (1.0, 2.0 / 3.0), (2.0, -1.0 / 12.0)];
/// Ends the search: a change of the value as small as this.
const VALUE: f64 = 1e-8;
/// Shares of the step that are tried: halves of the longest, which itself is as good as a million halved twenty times.
const LONGEST: f64 = 1e6 / (1 << 20) as f64;
const SHORTEST: f64 = 1e-50;

/// Minimises `f`, which writes its gradient into the second argument and returns the value; `curvature` is what
/// differences of the gradient show around a place. `None` when `iterations` steps do not end it, the start has no value,
/// or it comes where there is no curvature to speak of.
pub(super) fn newton<F: FnMut(&[f64], &mut [f64]) -> f64>(
    start: &[f64],
    iterations: usize,
    mut f: F,
    curvature: impl Fn(&[f64], &mut F) -> Option<Square>,
) -> Option<Vec<f64>> {
    let mut x = start.to_vec();
    let mut gradient = vec![0.0; x.len()];
    let mut value = f(&x, &mut gradient);
    if !value.is_finite() {
        return None;
    }
    for _ in 0..iterations {
        let step = step(&curvature(&x, &mut f)?, &gradient);
        let mut share = LONGEST;
        let (next, lower) = loop {
            let next: Vec<f64> = x.iter().zip(&step).map(|(x, s)| x - share * s).collect();
            let found = f(&next, &mut gradient);
            if found <= value {
                break (next, found);
            }
            share *= 0.5;
            if share < SHORTEST {
                return Some(x);
            }
        };
        let change = value - lower;
        (x, value) = (next, lower);
        if change <= VALUE {
            return Some(x);
        }
    }
    None
}

/// What differences see of the curvature of `|x|`: nothing beyond two of them from its kink, a wall at it.
pub(super) fn wall(x: f64) -> f64 {
    let sign = |v: f64| if v == 0.0 { 0.0 } else { v.signum() };
    NEIGHBOURS.iter().map(|(at, weight)| weight / WIDTH * sign(x + at * WIDTH)).sum()
}

/// The curvature of any function, four gradients for each coordinate.
pub(super) fn by_differences(at: &[f64], f: &mut impl FnMut(&[f64], &mut [f64]) -> f64) -> Square {
    let size = at.len();
    let mut x = at.to_vec();
    let mut whole = vec![0.0; size * size];
    let mut gradient = vec![0.0; size];
    for i in 0..size {
        let here = x[i];
        let row = &mut whole[i * size..(i + 1) * size];
        for (at, weight) in NEIGHBOURS {
            x[i] = here + at * WIDTH;
            f(&x, &mut gradient);
            row.iter_mut().zip(&gradient).for_each(|(h, g)| *h += weight / WIDTH * g);
        }
        x[i] = here;
    }
    let mut h = Square::zeros(size);
    for i in 0..size {
        for j in 0..=i {
            h.rows[i * size + j] = 0.5 * (whole[i * size + j] + whole[j * size + i]);
        }
    }
    h
}

/// The gradient over the curvature, each direction's by its size: where it is negative, the step still goes downhill.
fn step(curvature: &Square, gradient: &[f64]) -> Vec<f64> {
    let size = gradient.len();
    if let Some(l) = factor(size, |i, j| curvature.at(i, j)) {
        let mut step = gradient.to_vec();
        forward(&l, &mut step);
        backward(&l, &mut step);
        return step;
    }
    let (values, vectors) = eigen(curvature);
    let mut step = vec![0.0; size];
    for (value, vector) in values.iter().zip(vectors.chunks_exact(size)) {
        let along = vector.iter().zip(gradient).map(|(v, g)| v * g).sum::<f64>() / value.abs();
        step.iter_mut().zip(vector).for_each(|(s, v)| *s += along * v);
    }
    step
}

/// Sweeps of rotations; each squares what is left beside the diagonal once that is small.
const SWEEPS: usize = 30;

/// Eigenvalues and, row by row, their vectors: Jacobi's rotations (Golub & Van Loan 2013, section 8.5).
fn eigen(matrix: &Square) -> (Vec<f64>, Vec<f64>) {
    let n = matrix.size;
    let mut a: Vec<f64> = (0..n * n).map(|k| matrix.at(k / n, k % n)).collect();
    let mut vectors = vec![0.0; n * n];
    (0..n).for_each(|i| vectors[i * n + i] = 1.0);
    let size: f64 = a.iter().map(|v| v * v).sum();
    for _ in 0..SWEEPS {
        let beside: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i * n + j].powi(2)).sum();
        if beside <= f64::EPSILON * f64::EPSILON * size {
            break;
        }
        // What all entries this small add up to is lost in rounding.
        let nothing = f64::EPSILON * size.sqrt() / n as f64;
        for p in 0..n {
            for q in p + 1..n {
                let off = a[p * n + q];
                if off.abs() <= nothing {
                    continue;
                }
                let ratio = (a[q * n + q] - a[p * n + p]) / (2.0 * off);
                let tangent = ratio.signum() / (ratio.abs() + (1.0 + ratio * ratio).sqrt());
                let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
                let turn = (cosine, tangent * cosine);
                rotate_columns(&mut a, n, (p, q), turn);
                rotate_rows(&mut a, n, (p, q), turn);
                rotate_rows(&mut vectors, n, (p, q), turn);
            }
        }
    }
    ((0..n).map(|i| a[i * n + i]).collect(), vectors)
}

fn rotate_columns(a: &mut [f64], n: usize, (p, q): (usize, usize), (cosine, sine): (f64, f64)) {
    for row in a.chunks_exact_mut(n) {
        (row[p], row[q]) = (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]);
    }
}

fn rotate_rows(a: &mut [f64], n: usize, (p, q): (usize, usize), (cosine, sine): (f64, f64)) {
    let (above, below) = a.split_at_mut(q * n);
    for (x, y) in above[p * n..(p + 1) * n].iter_mut().zip(&mut below[..n]) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bottom_of_rosenbrocks_valley_is_found() {
        let valley = |x: &[f64], g: &mut [f64]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            g[0] = -2.0 * a - 400.0 * x[0] * b;
            g[1] = 200.0 * b;
            a * a + 100.0 * b * b
        };
        let found = newton(&[-1.2, 1.0], 1_000, valley, |x, f| Some(by_differences(x, f)));
        let found = found.expect("a minimum");
        assert!((found[0] - 1.0).abs() < 1e-4 && (found[1] - 1.0).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn eigenvectors_are_only_stretched() {
        let n = 6;
        let mut matrix = Square::zeros(n);
        for i in 0..n {
            for j in 0..=i {
                matrix.rows[i * n + j] = ((i * 31 + j * 17) % 11) as f64 - 5.0;
            }
        }
        let (values, vectors) = eigen(&matrix);
        assert!(values.iter().any(|v| *v < 0.0) && values.iter().any(|v| *v > 0.0));
        for (value, vector) in values.iter().zip(vectors.chunks_exact(n)) {
            for i in 0..n {
                let image: f64 = (0..n).map(|j| matrix.at(i, j) * vector[j]).sum();
                assert!((image - value * vector[i]).abs() < 1e-9, "{image} {}", value * vector[i]);
            }
        }
    }
}
