//! Covariances, and partial correlations from them.

use nalgebra::{Cholesky, DMatrix};

use crate::error::{EvidenceError, Result};

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Variance with divisor n - `ddof`.
pub fn variance(values: &[f64], ddof: usize) -> f64 {
    let m = mean(values);
    values.iter().map(|v| (v - m) * (v - m)).sum::<f64>() / (values.len() - ddof) as f64
}

/// The value below which a share `p` of the sorted values lies, interpolated linearly
/// (Hyndman and Fan 1996, definition 7). `sorted` must not be empty.
pub fn quantile_of_sorted(sorted: &[f64], p: f64) -> f64 {
    let position = p.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// The middle of the values; 0 for none.
pub fn median(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_of_sorted(&sorted, 0.5)
}

/// The correlation matrix of columns of equal length. Columns must vary.
pub fn correlation_matrix(columns: &[&[f64]]) -> DMatrix<f64> {
    let k = columns.len();
    let standardised: Vec<Vec<f64>> = columns
        .iter()
        .map(|column| {
            let m = mean(column);
            let centred: Vec<f64> = column.iter().map(|v| v - m).collect();
            let norm = centred.iter().map(|v| v * v).sum::<f64>().sqrt();
            centred.into_iter().map(|v| v / norm).collect()
        })
        .collect();
    let mut matrix = DMatrix::identity(k, k);
    for a in 0..k {
        for b in 0..a {
            let r = dot(&standardised[a], &standardised[b]).clamp(-1.0, 1.0);
            matrix[(a, b)] = r;
            matrix[(b, a)] = r;
        }
    }
    matrix
}

/// Σ aᵢ bᵢ, with four running sums so that the compiler can use vector instructions.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let chunks = a.chunks_exact(4).zip(b.chunks_exact(4));
    for (a, b) in chunks {
        for i in 0..4 {
            sums[i] += a[i] * b[i];
        }
    }
    let done = a.len() / 4 * 4;
    let rest: f64 = a[done..].iter().zip(&b[done..]).map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// The correlation of `x` and `y` given `given`, from a correlation (or covariance) matrix.
///
/// # Errors
/// [`EvidenceError::Singular`] when the conditioning columns are linearly dependent or determine `x` or `y`.
pub fn partial_correlation(matrix: &DMatrix<f64>, x: usize, y: usize, given: &[usize]) -> Result<f64> {
    let raw = match given {
        [] => matrix[(x, y)] / (matrix[(x, x)] * matrix[(y, y)]).sqrt(),
        [z] => {
            let vz = matrix[(*z, *z)];
            let cxz = matrix[(x, *z)];
            let cyz = matrix[(y, *z)];
            let vx = matrix[(x, x)] - cxz * cxz / vz;
            let vy = matrix[(y, y)] - cyz * cyz / vz;
            if vx <= 1e-12 * matrix[(x, x)] || vy <= 1e-12 * matrix[(y, y)] {
                return Err(dependent());
            }
            (matrix[(x, y)] - cxz * cyz / vz) / (vx * vy).sqrt()
        }
        _ => {
            // Schur complement of the conditioning block: the joint residual covariance of x and y.
            let k = given.len();
            let block = DMatrix::from_fn(k, k, |a, b| matrix[(given[a], given[b])]);
            let cross = DMatrix::from_fn(k, 2, |a, b| matrix[(given[a], if b == 0 { x } else { y })]);
            let factor = Cholesky::new(block).ok_or_else(dependent)?;
            let lower = factor.l();
            let half = lower.solve_lower_triangular(&cross).ok_or_else(dependent)?;
            let vx = matrix[(x, x)] - half.column(0).norm_squared();
            let vy = matrix[(y, y)] - half.column(1).norm_squared();
            if vx <= 1e-12 * matrix[(x, x)] || vy <= 1e-12 * matrix[(y, y)] {
                return Err(dependent());
            }
            (matrix[(x, y)] - half.column(0).dot(&half.column(1))) / (vx * vy).sqrt()
        }
    };
    Ok(raw.clamp(-1.0, 1.0))
}

fn dependent() -> EvidenceError {
    EvidenceError::Singular {
        what: "correlations".into(),
        hint: "some columns determine another exactly; leave one of them out".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_many_conditioning_columns_agree() {
        let mut random = crate::random::Random::new(5);
        let columns: Vec<Vec<f64>> = (0..5).map(|_| (0..50).map(|_| random.normal()).collect()).collect();
        let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let r = correlation_matrix(&views);
        // Recursion of partial correlations (Fisher 1924) against the Schur complement.
        let p = |a, b, z: &[usize]| partial_correlation(&r, a, b, z).expect("regular");
        let (xy, xz, yz) = (p(0, 1, &[2]), p(0, 3, &[2]), p(1, 3, &[2]));
        let recursive = (xy - xz * yz) / ((1.0 - xz * xz) * (1.0 - yz * yz)).sqrt();
        assert!((recursive - p(0, 1, &[2, 3])).abs() < 1e-12);
    }
}
