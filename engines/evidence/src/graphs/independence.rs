//! Tests of conditional independence: Fisher's z for numbers, chi-square and G-square for categories.

use std::collections::HashMap;

use nalgebra::DMatrix;

use super::pdag::{NodeSet, bit, members};
use crate::error::{EvidenceError, Result};
use crate::statistics::correlation::{correlation_matrix, partial_correlation};
use crate::statistics::distributions::{chi_square_upper, normal_two_sided};
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
            Kind::Correlations { matrix, rows } => fisher_z(matrix, *rows, x, y, given)?,
            Kind::Counts { categories, g } => categories.p(x, y, given, *g),
        };
        self.seen.insert(key, p);
        Ok(p)
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
    let z = r.atanh() * ((rows - set.len() - 3) as f64).sqrt();
    Ok(normal_two_sided(z))
}

/// Categorical columns as codes 0, 1, …, equal rows merged with their counts.
pub struct Categories {
    /// Row-major codes of the distinct rows.
    codes: Vec<u16>,
    counts: Vec<f64>,
    sizes: Vec<usize>,
    rows: usize,
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
            let mut levels = column.clone();
            levels.sort_by(f64::total_cmp);
            levels.dedup();
            let bad =
                |row: usize| EvidenceError::NotCategorical { column: name.clone(), row: row + 1, value: column[row] };
            if let Some(row) = column.iter().position(|v| v.fract() != 0.0) {
                return Err(bad(row));
            }
            if levels.len() > MOST {
                return Err(EvidenceError::OutOfRange {
                    name: "distinct values of a categorical column",
                    value: levels.len() as f64,
                    bound: format!("at most {MOST} (column `{name}`)"),
                });
            }
            let codes: Vec<u16> = column.iter().map(|v| levels.partition_point(|level| level < v) as u16).collect();
            sizes.push(levels.len());
            coded.push(codes);
        }
        let mut merged: HashMap<Vec<u16>, usize> = HashMap::new();
        let mut codes = Vec::new();
        let mut counts: Vec<f64> = Vec::new();
        for row in 0..data.rows() {
            let key: Vec<u16> = coded.iter().map(|column| column[row]).collect();
            match merged.get(&key) {
                Some(&at) => counts[at] += 1.0,
                None => {
                    codes.extend_from_slice(&key);
                    merged.insert(key, counts.len());
                    counts.push(1.0);
                }
            }
        }
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
        let width = self.sizes.len();
        let cells: usize = inner.iter().map(|&c| self.sizes[c]).product();
        let outer: Vec<usize> = members(given).collect();
        let configurations = outer.iter().try_fold(1usize, |product, &c| product.checked_mul(self.sizes[c]));
        let index =
            |row: &[u16], columns: &[usize]| columns.iter().fold(0usize, |at, &c| at * self.sizes[c] + row[c] as usize);
        match configurations {
            Some(count) if count * cells <= DENSE => {
                let mut tables = vec![0.0; count * cells];
                for (row, count) in self.codes.chunks_exact(width).zip(&self.counts) {
                    tables[index(row, &outer) * cells + index(row, inner)] += count;
                }
                (tables, cells)
            }
            _ => {
                let mut places: HashMap<Vec<u16>, usize> = HashMap::new();
                let mut tables: Vec<f64> = Vec::new();
                for (row, count) in self.codes.chunks_exact(width).zip(&self.counts) {
                    let key: Vec<u16> = outer.iter().map(|&c| row[c]).collect();
                    let place = *places.entry(key).or_insert_with(|| {
                        tables.resize(tables.len() + cells, 0.0);
                        tables.len() - cells
                    });
                    tables[place + index(row, inner)] += count;
                }
                (tables, cells)
            }
        }
    }

    /// Degrees of freedom count only categories that occur within each configuration; with none left
    /// the data cannot speak, and p is 1.
    fn p(&self, x: usize, y: usize, given: NodeSet, g: bool) -> f64 {
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
        if freedom == 0 { 1.0 } else { chi_square_upper(statistic.max(0.0), freedom as f64) }
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
