//! Least squares in which some coefficients must not be negative (Lawson and Hanson, 1974, on the
//! normal equations: columns are few and scaled).

/// A positive definite system by Cholesky; rows and columns not in `used` are left at 0.
fn solve(gram: &[Vec<f64>], right: &[f64], used: &[usize]) -> Vec<f64> {
    let n = used.len();
    let mut l = vec![vec![0.0; n]; n];
    let mut y = vec![0.0; n];
    for i in 0..n {
        for j in 0..=i {
            let mut sum = gram[used[i]][used[j]];
            if i == j {
                // A whisker of ridge keeps columns that say the same apart.
                sum += 1e-9 * (1.0 + sum);
            }
            for k in 0..j {
                sum -= l[i][k] * l[j][k];
            }
            l[i][j] = if i == j { sum.max(1e-12).sqrt() } else { sum / l[j][j] };
        }
        let known: f64 = (0..i).map(|k| l[i][k] * y[k]).sum();
        y[i] = (right[used[i]] - known) / l[i][i];
    }
    let mut out = vec![0.0; gram.len()];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| l[k][i] * out[used[k]]).sum();
        out[used[i]] = (y[i] - known) / l[i][i];
    }
    out
}

/// Coefficients that minimise `x' gram x - 2 right' x` with those marked at least 0.
pub(super) fn constrained(gram: &[Vec<f64>], right: &[f64], not_negative: &[bool]) -> Vec<f64> {
    let n = right.len();
    let mut out_of_use = vec![false; n];
    let mut best = vec![0.0; n];
    for _ in 0..3 * n + 3 {
        let used: Vec<usize> = (0..n).filter(|&j| !out_of_use[j]).collect();
        best = solve(gram, right, &used);
        let worst = used.iter().copied().filter(|&j| not_negative[j] && best[j] < 0.0).min_by(|&a, &b| {
            let size = |j: usize| best[j] * gram[j][j].sqrt();
            size(a).total_cmp(&size(b))
        });
        if let Some(j) = worst {
            out_of_use[j] = true;
            continue;
        }
        // One that would help again comes back.
        let slope = |j: usize| right[j] - (0..n).map(|k| gram[j][k] * best[k]).sum::<f64>();
        let back = (0..n).filter(|&j| out_of_use[j]).map(|j| (slope(j) / gram[j][j].sqrt().max(1e-12), j));
        match back.max_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((gain, j)) if gain > 1e-7 * (1.0 + right[j].abs()) => out_of_use[j] = false,
            _ => break,
        }
    }
    for j in 0..n {
        if not_negative[j] {
            best[j] = best[j].max(0.0);
        }
    }
    best
}
