//! Tests of conditional independence: Fisher's z for numbers, chi-square and G-square for categories.

use std::collections::HashMap;

use nalgebra::DMatrix;

use super::pdag::{NodeSet, bit, members};
use crate::error::{EvidenceError, Result};
use crate::statistics::correlation::{correlation_matrix, partial_correlation};
use crate::statistics::distributions::{chi_square_upper, ln_chi_square_upper, normal_two_sided};
use crate::table::Table;

/// Which test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndependenceTest {
    /// Fisher's z of the partial correlation: linear relations of numbers.
    FisherZ,
    /// Pearson's chi-square, summed over the categories conditioned on.
    ChiSquare,
    /// The likelihood-ratio form of the same.
    GSquare,
}

/// A data set prepared for many tests, with a memory of those already made.
pub struct Independence {
    kind: Kind,
    seen: HashMap<(u16, u16, NodeSet), f64>,
}

enum Kind {
    Correlations { matrix: DMatrix<f64>, rows: usize },
    Counts { categories: Categories, g: bool },
}

impl Independence {
    /// Prepares `data` for a test.
    ///
    /// # Errors
    /// Constant columns, fewer than 5 rows, or (for categorical tests) values that are not whole numbers.
    pub fn new(data: &Table, test: IndependenceTest) -> Result<Self> {
        data.require_varying()?;
        crate::table::require_observations("a test of independence", data.rows(), 5)?;
        let kind = match test {
            IndependenceTest::FisherZ => {
                let views: Vec<&[f64]> = data.columns().iter().map(Vec::as_slice).collect();
                Kind::Correlations { matrix: correlation_matrix(&views), rows: data.rows() }
            }
            IndependenceTest::ChiSquare | IndependenceTest::GSquare => {
                Kind::Counts { categories: Categories::new(data)?, g: test == IndependenceTest::GSquare }
            }
        };
        Ok(Independence { kind, seen: HashMap::new() })
    }

    /// p-value of "x and y are independent given the set".
    ///
    /// # Errors
    /// [`EvidenceError::Singular`] for linearly dependent columns, or too few rows for the set (Fisher's z).
    pub fn p(&mut self, x: usize, y: usize, given: NodeSet) -> Result<f64> {
        let key = (x.min(y) as u16, x.max(y) as u16, given);
        if let Some(&p) = self.seen.get(&key) {
            return Ok(p);
        }
        let p = match &self.kind {
            Kind::Correlations { matrix, rows } => normal_two_sided(fisher_z(matrix, *rows, x, y, given)?),
            Kind::Counts { categories, g } => match categories.statistic(x, y, given, *g) {
                (_, 0.0) => 1.0,
                (statistic, freedom) => chi_square_upper(statistic, freedom),
            },
        };
        self.seen.insert(key, p);
        Ok(p)
    }

    /// ln of [`p`](Self::p), which tells apart what is too sure to be a number.
    ///
    /// # Errors
    /// As [`p`](Self::p).
    pub fn ln_p(&mut self, x: usize, y: usize, given: NodeSet) -> Result<f64> {
        let p = self.p(x, y, given)?;
        if p > f64::MIN_POSITIVE {
            return Ok(p.ln());
        }
        Ok(match &self.kind {
            Kind::Correlations { matrix, rows } => {
                let z = fisher_z(matrix, *rows, x, y, given)?;
                ln_chi_square_upper(z * z, 1.0)
            }
            Kind::Counts { categories, g } => {
                let (statistic, freedom) = categories.statistic(x, y, given, *g);
                ln_chi_square_upper(statistic, freedom)
            }
        })
    }

    /// How many different tests were made.
    pub fn tests_made(&self) -> usize {
        self.seen.len()
    }
}

/// Fisher (1924), Metron 3:329.
fn fisher_z(matrix: &DMatrix<f64>, rows: usize, x: usize, y: usize, given: NodeSet) -> Result<f64> {
    let set: Vec<usize> = members(given).collect();
    crate::table::require_observations("a partial correlation with that many conditions", rows, set.len() + 4)?;
    let r = partial_correlation(matrix, x, y, &set)?.clamp(-1.0 + f64::EPSILON, 1.0 - f64::EPSILON);
    Ok(r.atanh() * ((rows - set.len() - 3) as f64).sqrt())
}

/// Categorical columns as codes 0, 1, …, equal rows merged with their counts.
pub struct Categories {
    /// Codes of the distinct rows, one list per column.
    codes: Vec<Vec<u16>>,
    counts: Vec<f64>,
    sizes: Vec<usize>,
    rows: usize,
}

/// Each value's rank among the distinct values of a column of whole numbers, and how many distinct values there are.
fn code(column: &[f64]) -> (Vec<u16>, usize) {
    const NARROW: f64 = 4096.0;
    let (low, high) = column.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    if high - low < NARROW {
        // Whole numbers close together are looked up by their distance from the least.
        let place = |v: &f64| (v - low) as usize;
        let mut ranks = vec![0u16; (high - low) as usize + 1];
        column.iter().for_each(|v| ranks[place(v)] = 1);
        let mut count = 0;
        for rank in &mut ranks {
            let seen = *rank;
            *rank = count;
            count += seen;
        }
        return (column.iter().map(|v| ranks[place(v)]).collect(), count.into());
    }
    let mut levels = column.to_vec();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    (column.iter().map(|v| levels.partition_point(|level| level < v) as u16).collect(), levels.len())
}

/// The distinct rows of coded columns in order of first appearance, column by column, with how often each occurs.
fn merge(coded: &[Vec<u16>], sizes: &[usize], rows: usize) -> (Vec<Vec<u16>>, Vec<f64>) {
    // Rows are numbered as digits of a mixed radix: by a table where the numbers are few, by a map otherwise.
    const DENSE: u128 = 1 << 20;
    let (mut firsts, mut counts): (Vec<usize>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut count = |row: usize, place: &mut usize| {
        if *place == usize::MAX {
            *place = counts.len();
            counts.push(0.0);
            firsts.push(row);
        }
        counts[*place] += 1.0;
    };
    match sizes.iter().try_fold(1u128, |product, &size| product.checked_mul(size as u128)) {
        Some(numbers) if numbers <= DENSE.min(8 * rows as u128) => {
            let mut places = vec![usize::MAX; numbers as usize];
            let mut number = vec![0usize; rows];
            for (column, size) in coded.iter().zip(sizes) {
                number.iter_mut().zip(column).for_each(|(n, c)| *n = *n * size + *c as usize);
            }
            number.iter().enumerate().for_each(|(row, n)| count(row, &mut places[*n]));
        }
        Some(_) => {
            let mut places: HashMap<u128, usize> = HashMap::new();
            for row in 0..rows {
                let number = coded.iter().zip(sizes).fold(0u128, |n, (c, size)| n * *size as u128 + u128::from(c[row]));
                count(row, places.entry(number).or_insert(usize::MAX));
            }
        }
        None => {
            let mut places: HashMap<Vec<u16>, usize> = HashMap::new();
            for row in 0..rows {
                let key: Vec<u16> = coded.iter().map(|column| column[row]).collect();
                count(row, places.entry(key).or_insert(usize::MAX));
            }
        }
    }
    (coded.iter().map(|column| firsts.iter().map(|&row| column[row]).collect()).collect(), counts)
}

impl Categories {
    /// Codes the columns of `data`; each must hold whole numbers with at most 1,000 distinct values.
    ///
    /// # Errors
    /// [`EvidenceError::NotCategorical`] with the first offending value.
    pub fn new(data: &Table) -> Result<Self> {
        const MOST: usize = 1000;
        let width = data.width();
        let mut sizes = Vec::with_capacity(width);
        let mut coded = Vec::with_capacity(width);
        for (name, column) in data.names().iter().zip(data.columns()) {
            if let Some(row) = column.iter().position(|v| v.fract() != 0.0) {
                return Err(EvidenceError::NotCategorical { column: name.clone(), row: row + 1, value: column[row] });
            }
            let (codes, count) = code(column);
            if count > MOST {
                return Err(EvidenceError::OutOfRange {
                    name: "distinct values of a categorical column",
                    value: count as f64,
                    bound: format!("at most {MOST} (column `{name}`)"),
                });
            }
            sizes.push(count);
            coded.push(codes);
        }
        let (codes, counts) = merge(&coded, &sizes, data.rows());
        Ok(Categories { codes, counts, sizes, rows: data.rows() })
    }

    /// Number of levels of each column.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// For each configuration of `given` that occurs, the counts of the cells of `inner` columns
    /// (mixed radix, first column slowest), one after the other.
    pub fn tables(&self, inner: &[usize], given: NodeSet) -> (Vec<f64>, usize) {
        const DENSE: usize = 1 << 16;
        let cells: usize = inner.iter().map(|&c| self.sizes[c]).product();
        let outer: Vec<usize> = members(given).collect();
        let configurations = outer.iter().try_fold(1usize, |product, &c| product.checked_mul(self.sizes[c]));
        // A column at a time: the same few instructions on neighbouring memory.
        let number = |columns: &mut dyn Iterator<Item = usize>| {
            let mut number = vec![0u32; self.counts.len()];
            for c in columns {
                let size = self.sizes[c] as u32;
                number.iter_mut().zip(&self.codes[c]).for_each(|(n, code)| *n = *n * size + u32::from(*code));
            }
            number
        };
        match configurations {
            Some(count) if count.saturating_mul(cells) <= DENSE => {
                let mut tables = vec![0.0; count * cells];
                let cell = number(&mut outer.iter().chain(inner).copied());
                cell.iter().zip(&self.counts).for_each(|(cell, count)| tables[*cell as usize] += count);
                (tables, cells)
            }
            _ => {
                let mut places: HashMap<Vec<u16>, usize> = HashMap::new();
                let mut tables: Vec<f64> = Vec::new();
                let cell = number(&mut inner.iter().copied());
                for (row, count) in self.counts.iter().enumerate() {
                    let key: Vec<u16> = outer.iter().map(|&c| self.codes[c][row]).collect();
                    let place = *places.entry(key).or_insert_with(|| {
                        tables.resize(tables.len() + cells, 0.0);
                        tables.len() - cells
                    });
                    tables[place + cell[row] as usize] += count;
                }
                (tables, cells)
            }
        }
    }

    /// The statistic and its degrees of freedom, which count only categories that occur within each configuration;
    /// with none left the data cannot speak.
    fn statistic(&self, x: usize, y: usize, given: NodeSet, g: bool) -> (f64, f64) {
        debug_assert!(given & (bit(x) | bit(y)) == 0);
        let (tables, cells) = self.tables(&[x, y], given);
        let (nx, ny) = (self.sizes[x], self.sizes[y]);
        let mut statistic = 0.0;
        let mut freedom = 0usize;
        let mut by_x = vec![0.0; nx];
        let mut by_y = vec![0.0; ny];
        for table in tables.chunks_exact(cells) {
            by_x.fill(0.0);
            by_y.fill(0.0);
            for (cell, &count) in table.iter().enumerate() {
                by_x[cell / ny] += count;
                by_y[cell % ny] += count;
            }
            let total: f64 = by_x.iter().sum();
            if total == 0.0 {
                continue;
            }
            let present = |margin: &[f64]| margin.iter().filter(|v| **v > 0.0).count();
            let (px, py) = (present(&by_x), present(&by_y));
            freedom += (px - 1) * (py - 1);
            if px < 2 || py < 2 {
                continue;
            }
            for (cell, &count) in table.iter().enumerate() {
                let expected = by_x[cell / ny] * by_y[cell % ny] / total;
                if expected == 0.0 {
                    continue;
                }
                if g {
                    if count > 0.0 {
                        statistic += 2.0 * count * (count / expected).ln();
                    }
                } else {
                    statistic += (count - expected) * (count - expected) / expected;
                }
            }
        }
        (statistic.max(0.0), freedom as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn a_common_cause_explains_a_dependence_away() {
        let mut random = Random::new(17);
        let rows: Vec<Vec<f64>> = (0..4000)
            .map(|_| {
                let z = random.below(2) as f64;
                let mut noisy = |p: f64| if random.uniform() < p { z } else { 1.0 - z };
                vec![noisy(0.8), noisy(0.8), z]
            })
            .collect();
        let data = Table::from_rows(&rows, &[]).expect("finite");
        for test in [IndependenceTest::ChiSquare, IndependenceTest::GSquare] {
            let mut independence = Independence::new(&data, test).expect("categories");
            assert!(independence.p(0, 1, 0).expect("test") < 1e-20);
            assert!(independence.p(0, 1, bit(2)).expect("test") > 0.01);
        }
    }

    #[test]
    fn both_forms_agree_in_large_samples_and_sparse_tables_equal_dense_ones() {
        let mut random = Random::new(18);
        let rows: Vec<Vec<f64>> = (0..3000).map(|_| (0..3).map(|_| random.below(3) as f64).collect()).collect();
        let data = Table::from_rows(&rows, &[]).expect("finite");
        let p = |test| {
            let mut independence = Independence::new(&data, test).expect("categories");
            independence.p(0, 1, bit(2)).expect("test")
        };
        assert!((p(IndependenceTest::ChiSquare) - p(IndependenceTest::GSquare)).abs() < 0.05);
    }

    #[test]
    fn categories_near_and_far_apart_are_told_apart_alike() {
        let near = [3.0, -1.0, 3.0, 7.0, -0.0, 0.0];
        let far: Vec<f64> = near.iter().map(|v| v * 1e6).collect();
        assert_eq!(code(&near), (vec![2, 0, 2, 3, 1, 1], 4));
        assert_eq!(code(&far), code(&near));
    }

    #[test]
    fn fractions_are_no_categories() {
        let data =
            Table::from_rows(&[vec![0.5, 1.0], vec![1.0, 0.0], vec![0.0, 1.0], vec![1.0, 1.0], vec![0.0, 0.0]], &[])
                .expect("finite");
        assert!(matches!(
            Independence::new(&data, IndependenceTest::GSquare),
            Err(EvidenceError::NotCategorical { row: 1, .. })
        ));
    }
}
