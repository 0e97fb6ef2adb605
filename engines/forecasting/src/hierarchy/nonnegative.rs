//! The nearest parts that are not negative: a quadratic over an orthant, by block principal pivoting (Júdice & Pires
//! 1994), which falls back to one exchange at a time where blocks do not make progress.

use super::Hierarchy;
use crate::cholesky::{Square, backward, factor, forward};

/// Minimises `(S b - S free)' W^-1 (S b - S free)` over `b >= 0`, where `S` sums and `W` is the covariance.
pub(super) fn nearest(hierarchy: &Hierarchy, covariance: &Square, free: &[f64]) -> Vec<f64> {
    let clipped = || free.iter().map(|p| p.max(0.0)).collect::<Vec<f64>>();
    let Some(measure) = measure(hierarchy, covariance) else { return clipped() };
    let n = free.len();
    let pull: Vec<f64> = (0..n).map(|i| (0..n).map(|j| measure.at(i, j) * free[j]).sum()).collect();
    let size = pull.iter().fold(0.0f64, |m, v| m.max(v.abs())).max(f64::MIN_POSITIVE);
    let mut positive: Vec<bool> = free.iter().map(|p| *p > 0.0).collect();
    let (mut fewest, mut patience) = (n + 1, 3);
    for _ in 0..50 + 10 * n {
        let inside: Vec<usize> = (0..n).filter(|&i| positive[i]).collect();
        let Some(l) = factor(inside.len(), |a, b| measure.at(inside[a], inside[b])) else { return clipped() };
        let mut found: Vec<f64> = inside.iter().map(|&i| pull[i]).collect();
        forward(&l, &mut found);
        backward(&l, &mut found);
        let mut b = vec![0.0; n];
        inside.iter().zip(&found).for_each(|(&i, v)| b[i] = *v);
        let slope = |i: usize| inside.iter().map(|&j| measure.at(i, j) * b[j]).sum::<f64>() - pull[i];
        let wrong: Vec<usize> =
            (0..n).filter(|&i| if positive[i] { b[i] < 0.0 } else { slope(i) < -1e-12 * size }).collect();
        let Some(&last) = wrong.last() else { return b };
        if wrong.len() < fewest {
            (fewest, patience) = (wrong.len(), 3);
        } else {
            patience -= 1;
        }
        if patience >= 0 {
            wrong.iter().for_each(|&i| positive[i] = !positive[i]);
        } else {
            positive[last] = !positive[last];
        }
    }
    clipped()
}

/// `S' W^-1 S`.
fn measure(hierarchy: &Hierarchy, covariance: &Square) -> Option<Square> {
    let (n, m) = (hierarchy.nodes(), hierarchy.parts());
    let l = factor(n, |i, j| covariance.at(i, j))?;
    let mut columns = vec![vec![0.0; n]; m];
    for (p, column) in columns.iter_mut().enumerate() {
        column[hierarchy.totals().len() + p] = 1.0;
    }
    for (i, total) in hierarchy.totals().iter().enumerate() {
        total.iter().for_each(|&p| columns[p][i] = 1.0);
    }
    columns.iter_mut().for_each(|c| forward(&l, c));
    let mut out = Square::zeros(m);
    for i in 0..m {
        for j in 0..=i {
            out.rows[i * m + j] = columns[i].iter().zip(&columns[j]).map(|(a, b)| a * b).sum();
        }
    }
    Some(out)
}
