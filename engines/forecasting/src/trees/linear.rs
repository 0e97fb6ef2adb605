//! What of the target is a weighted sum of the features, a global autoregression (Montero-Manso & Hyndman 2021): trees
//! follow a slope in steps and know nothing beyond what they saw, so they start from it and learn what it leaves.

use super::table::Table;
use crate::cholesky::{Square, backward, factor, forward};

/// Penalty on standardised coefficients, in rows.
const PENALTY: f64 = 10.0;
/// Share of the regression's answer that is given before the trees say anything: walked over a horizon, the whole of it
/// repeats what wandered in the past. Half erred least from rolling origins inside the training parts of open sets.
const SHARE: f64 = 0.5;
/// Features that vary less than this are left out.
const LEAST_SPREAD: f64 = 1e-9;

/// A ridge regression on standardised features.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    base: f64,
    /// Place of a feature, its mean, and its coefficient.
    terms: Vec<(usize, f64, f64)>,
    /// Least and largest target seen: no answer lies beyond.
    range: (f64, f64),
}

impl Linear {
    /// `table` has at least one row. Features with missing values are left out.
    pub(super) fn fit(table: &Table) -> Linear {
        let rows = table.target.len();
        let n = rows as f64;
        let width = table.width;
        let base = table.target.iter().sum::<f64>() / n;
        let range = table.target.iter().fold((base, base), |(low, high), v| (low.min(*v), high.max(*v)));
        let (mut sums, mut squares) = (vec![0.0; width], vec![0.0; width]);
        for row in table.values.chunks_exact(width) {
            for ((v, sum), square) in row.iter().zip(&mut sums).zip(&mut squares) {
                *sum += v;
                *square += v * v;
            }
        }
        let spread = |j: usize| (squares[j] / n - (sums[j] / n).powi(2)).max(0.0).sqrt();
        let used: Vec<usize> = (0..width).filter(|&j| spread(j) > LEAST_SPREAD).collect();
        let size = used.len();
        let means: Vec<f64> = used.iter().map(|&j| sums[j] / n).collect();
        let spreads: Vec<f64> = used.iter().map(|&j| spread(j)).collect();
        let mut products = Square::zeros(size);
        let mut product = vec![0.0; size];
        let mut x = vec![0.0; size];
        for (row, target) in table.values.chunks_exact(width).zip(&table.target) {
            for (k, &j) in used.iter().enumerate() {
                x[k] = (row[j] - means[k]) / spreads[k];
            }
            let target = target - base;
            for i in 0..size {
                product[i] += x[i] * target;
                let (value, line) = (x[i], &mut products.rows[i * size..i * size + i + 1]);
                line.iter_mut().zip(&x).for_each(|(p, other)| *p += value * other);
            }
        }
        let terms = match factor(size, |i, j| products.at(i, j) + if i == j { PENALTY } else { 0.0 }) {
            Some(l) => {
                forward(&l, &mut product);
                backward(&l, &mut product);
                used.iter().enumerate().map(|(k, &j)| (j, means[k], product[k] / spreads[k])).collect()
            }
            None => Vec::new(),
        };
        Linear { base, terms, range }
    }

    /// The share of the answer that is believed.
    pub(super) fn predict(&self, row: &[f64]) -> f64 {
        let sum = self.terms.iter().map(|(j, mean, b)| b * (row[*j] - mean)).sum::<f64>();
        SHARE * (self.base + sum).clamp(self.range.0, self.range.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_slope_is_given_within_what_was_seen_and_missing_features_do_not_count() {
        let steps: Vec<f64> = (0..200).map(|t| f64::from(t % 21 - 10)).collect();
        let values = steps.iter().flat_map(|v| [*v, f64::NAN]).collect();
        let target = steps.iter().map(|v| 1.0 + 0.3 * v).collect();
        let linear = Linear::fit(&Table { width: 2, values, target });
        assert!((linear.predict(&[5.0, f64::NAN]) - SHARE * 2.5).abs() < 0.1);
        assert_eq!(linear.predict(&[1e6, 0.0]), SHARE * 4.0);
    }
}
