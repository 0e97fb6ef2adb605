//! Scores of a node given its parents: BIC for numbers, BDeu for categories. Larger is better.

use std::collections::HashMap;

use libm::lgamma;
use nalgebra::DMatrix;

use super::independence::Categories;
use super::pdag::{NodeSet, bit, members};
use crate::error::Result;
use crate::statistics::correlation::{correlation_matrix, variance};
use crate::table::Table;

/// Which score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScoreKind {
    /// Gaussian likelihood less `penalty` ln(n) per parameter (Schwarz 1978; 0.5 is the usual penalty).
    Bic { penalty: f64 },
    /// Bayesian Dirichlet equivalent uniform (Heckerman, Geiger and Chickering 1995) with the given
    /// equivalent sample size, and a prior of `structure` expected parents per node.
    Bdeu { sample: f64, structure: f64 },
}

impl ScoreKind {
    pub fn bic() -> Self {
        ScoreKind::Bic { penalty: 0.5 }
    }

    pub fn bdeu() -> Self {
        ScoreKind::Bdeu { sample: 1.0, structure: 1.0 }
    }
}

/// Scores of nodes given parents, remembered.
pub struct LocalScores {
    kind: Prepared,
    seen: HashMap<(usize, NodeSet), f64>,
    nodes: usize,
}

enum Prepared {
    Gaussian { correlations: DMatrix<f64>, variances: Vec<f64>, rows: f64, penalty: f64 },
    Dirichlet { categories: Categories, sample: f64, structure: f64 },
}

impl LocalScores {
    /// Prepares `data` for a score.
    ///
    /// # Errors
    /// Constant columns, or for BDeu values that are not whole numbers.
    pub fn new(data: &Table, kind: ScoreKind) -> Result<Self> {
        data.require_varying()?;
        crate::table::require_observations("a graph score", data.rows(), 5)?;
        let kind = match kind {
            ScoreKind::Bic { penalty } => {
                let views: Vec<&[f64]> = data.columns().iter().map(Vec::as_slice).collect();
                Prepared::Gaussian {
                    correlations: correlation_matrix(&views),
                    variances: data.columns().iter().map(|c| variance(c, 0)).collect(),
                    rows: data.rows() as f64,
                    penalty,
                }
            }
            ScoreKind::Bdeu { sample, structure } => {
                Prepared::Dirichlet { categories: Categories::new(data)?, sample, structure }
            }
        };
        Ok(LocalScores { kind, seen: HashMap::new(), nodes: data.width() })
    }

    /// The score of `node` with these parents. Minus infinity when the parents determine it exactly.
    pub fn of(&mut self, node: usize, parents: NodeSet) -> f64 {
        if let Some(&score) = self.seen.get(&(node, parents)) {
            return score;
        }
        let score = match &self.kind {
            Prepared::Gaussian { correlations, variances, rows, penalty } => {
                gaussian(correlations, variances[node], *rows, *penalty, node, parents)
            }
            Prepared::Dirichlet { categories, sample, structure } => {
                dirichlet(categories, self.nodes, *sample, *structure, node, parents)
            }
        };
        self.seen.insert((node, parents), score);
        score
    }
}

fn gaussian(correlations: &DMatrix<f64>, variance: f64, rows: f64, penalty: f64, node: usize, parents: NodeSet) -> f64 {
    let set: Vec<usize> = members(parents).collect();
    let k = set.len();
    let block = DMatrix::from_fn(k, k, |a, b| correlations[(set[a], set[b])]);
    let cross = nalgebra::DVector::from_fn(k, |a, _| correlations[(set[a], node)]);
    let unexplained = match block.cholesky() {
        Some(factor) => 1.0 - cross.dot(&factor.solve(&cross)),
        // Dependent parents explain nothing more than fewer of them: never choose them.
        None => return f64::NEG_INFINITY,
    };
    if unexplained <= 1e-12 {
        return f64::NEG_INFINITY;
    }
    -0.5 * rows * (1.0 + (variance * unexplained).ln()) - penalty * (k as f64 + 1.0) * rows.ln()
}

fn dirichlet(categories: &Categories, nodes: usize, sample: f64, structure: f64, node: usize, parents: NodeSet) -> f64 {
    debug_assert!(parents & bit(node) == 0);
    let sizes = categories.sizes();
    let levels = sizes[node] as f64;
    let configurations: f64 = members(parents).map(|p| sizes[p] as f64).product();
    let (tables, cells) = categories.tables(&[node], parents);
    let prior = sample / configurations;
    let cell_prior = prior / levels;
    let (ln_prior, ln_cell_prior) = (lgamma(prior), lgamma(cell_prior));
    let mut score = 0.0;
    for table in tables.chunks_exact(cells) {
        let total: f64 = table.iter().sum();
        if total == 0.0 {
            continue;
        }
        score += ln_prior - lgamma(total + prior);
        for &count in table.iter().filter(|count| **count > 0.0) {
            score += lgamma(count + cell_prior) - ln_cell_prior;
        }
    }
    let others = (nodes - 1) as f64;
    let k = f64::from(parents.count_ones());
    if structure > 0.0 && structure < others {
        score += k * (structure / others).ln() + (others - k) * (1.0 - structure / others).ln();
    }
    score
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Graphs of one class must score the same (score equivalence).
    fn chain_and_fork_agree(kind: ScoreKind, data: &Table) {
        let mut scores = LocalScores::new(data, kind).expect("valid");
        let chain = scores.of(0, 0) + scores.of(1, bit(0)) + scores.of(2, bit(1));
        let fork = scores.of(1, 0) + scores.of(0, bit(1)) + scores.of(2, bit(1));
        assert!((chain - fork).abs() < 1e-8 * chain.abs(), "{chain} {fork}");
    }

    #[test]
    fn graphs_of_one_class_score_the_same() {
        let mut random = Random::new(23);
        let numbers: Vec<Vec<f64>> = (0..200)
            .map(|_| {
                let a = random.normal();
                let b = a + random.normal();
                vec![a, b, b - random.normal()]
            })
            .collect();
        chain_and_fork_agree(ScoreKind::bic(), &Table::from_rows(&numbers, &[]).expect("finite"));
        let codes: Vec<Vec<f64>> = (0..200).map(|_| (0..3).map(|_| random.below(3) as f64).collect()).collect();
        chain_and_fork_agree(ScoreKind::bdeu(), &Table::from_rows(&codes, &[]).expect("finite"));
    }
}
