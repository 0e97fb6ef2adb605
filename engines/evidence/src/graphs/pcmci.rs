//! PCMCI: which series drives which, after how many steps, when all of them have memory.
//!
//! Runge, Nowack, Kretschmer, Flaxman and Sejdinovic (2019), Science Advances 5:eaau4996. Each series'
//! likely parents are first selected (PC1), then each link is tested given the parents of both ends
//! (momentary conditional independence) by partial correlation with Student's t.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use crate::error::{EvidenceError, Result};
use crate::progress::Progress;
use crate::statistics::correlation::{dot, mean, partial_correlation};
use crate::statistics::distributions::student_two_sided;
use crate::statistics::multiple_testing::benjamini_hochberg;
use crate::table::{Table, require_observations};

/// Settings of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PcmciOptions {
    /// Longest delay, at least 1 step.
    pub tau_max: usize,
    /// Level of the selection of parents; a liberal 0.2 is the paper's choice.
    pub pc_alpha: f64,
}

/// Every link's test. Indices: `[from][to][lag]`; lag 0 is symmetric and undirected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pcmci {
    pub p_matrix: Vec<Vec<Vec<f64>>>,
    /// Partial correlations.
    pub val_matrix: Vec<Vec<Vec<f64>>>,
    /// Benjamini-Hochberg over all lagged links; at lag 0 the plain p-value.
    pub q_matrix: Vec<Vec<Vec<f64>>>,
    /// Selected parents of each series as (series, lag), strongest first.
    pub parents: Vec<Vec<(usize, usize)>>,
    /// Rows that every test used.
    pub rows: usize,
}

/// A lagged link that passed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaggedLink {
    pub from: usize,
    pub to: usize,
    pub lag: usize,
    pub value: f64,
    pub p: f64,
    pub q: f64,
}

impl Pcmci {
    /// Lagged links with q at most `level`, smallest p first.
    pub fn links(&self, level: f64) -> Vec<LaggedLink> {
        let mut links = Vec::new();
        for (from, targets) in self.q_matrix.iter().enumerate() {
            for (to, lags) in targets.iter().enumerate() {
                for (lag, &q) in lags.iter().enumerate().skip(1) {
                    if q <= level {
                        links.push(LaggedLink {
                            from,
                            to,
                            lag,
                            value: self.val_matrix[from][to][lag],
                            p: self.p_matrix[from][to][lag],
                            q,
                        });
                    }
                }
            }
        }
        links.sort_by(|a, b| a.p.total_cmp(&b.p));
        links
    }
}

/// Correlations of every series at every delay over the same rows, so that no test touches the data again.
struct Delayed {
    matrix: DMatrix<f64>,
    series: usize,
    rows: usize,
}

impl Delayed {
    /// `deepest` is the largest delay that any test reaches: the parents of a series `tau_max` back.
    fn new(data: &Table, deepest: usize) -> Self {
        let rows = data.rows() - deepest;
        let series = data.width();
        let mut columns: Vec<Vec<f64>> = Vec::with_capacity(series * (deepest + 1));
        for delay in 0..=deepest {
            for column in data.columns() {
                let part = &column[deepest - delay..deepest - delay + rows];
                let m = mean(part);
                let centred: Vec<f64> = part.iter().map(|v| v - m).collect();
                let norm = dot(&centred, &centred).sqrt();
                columns.push(centred.into_iter().map(|v| v / norm).collect());
            }
        }
        let k = columns.len();
        let mut matrix = DMatrix::identity(k, k);
        for a in 0..k {
            for b in 0..a {
                let r = dot(&columns[a], &columns[b]);
                matrix[(a, b)] = r;
                matrix[(b, a)] = r;
            }
        }
        Delayed { matrix, series, rows }
    }

    fn place(&self, (series, lag): (usize, usize)) -> usize {
        lag * self.series + series
    }

    /// Partial correlation and its p-value.
    fn test(&self, x: (usize, usize), y: (usize, usize), given: &[(usize, usize)]) -> Result<(f64, f64)> {
        let set: Vec<usize> = given.iter().map(|&z| self.place(z)).collect();
        require_observations("a PCMCI test with that many conditions", self.rows, set.len() + 3)?;
        let r = partial_correlation(&self.matrix, self.place(x), self.place(y), &set)?;
        let df = (self.rows - 2 - set.len()) as f64;
        if r.abs() >= 1.0 {
            return Ok((r, 0.0));
        }
        let t = r * (df / (1.0 - r * r)).sqrt();
        Ok((r, student_two_sided(t, df)))
    }
}

/// Runs PCMCI on the columns of `data`: stationary series, rows in time order, equally spaced, no gaps.
///
/// All tests use the rows from `2 tau_max` on, so that they are comparable.
///
/// # Errors
/// Constant or duplicate series, too few rows for `tau_max`, settings out of range; cancelled.
pub fn pcmci(data: &Table, options: PcmciOptions, progress: &mut Progress<'_>) -> Result<Pcmci> {
    let PcmciOptions { tau_max, pc_alpha } = options;
    if tau_max == 0 {
        return Err(EvidenceError::OutOfRange { name: "tau_max", value: 0.0, bound: "at least 1".into() });
    }
    if !(pc_alpha > 0.0 && pc_alpha <= 1.0) {
        return Err(EvidenceError::OutOfRange {
            name: "pc_alpha",
            value: pc_alpha,
            bound: "above 0 and at most 1".into(),
        });
    }
    require_observations(&format!("PCMCI with delays up to {tau_max}"), data.rows(), 2 * tau_max + 8)?;
    data.require_varying()?;
    let delayed = Delayed::new(data, 2 * tau_max);
    for (name, place) in data.names().iter().zip(0..) {
        let window = &data.columns()[place][2 * tau_max..];
        crate::table::require_varying(name, window)?;
    }
    let n = data.width();
    let mut parents = Vec::with_capacity(n);
    for target in 0..n {
        parents.push(select_parents(&delayed, target, tau_max, pc_alpha)?);
        progress.report(target + 1, 2 * n)?;
    }
    let cube = |fill: f64| vec![vec![vec![fill; tau_max + 1]; n]; n];
    let (mut p_matrix, mut val_matrix) = (cube(1.0), cube(0.0));
    for to in 0..n {
        for from in 0..n {
            for lag in 0..=tau_max {
                if lag == 0 && from >= to {
                    continue;
                }
                let mut given: Vec<(usize, usize)> =
                    parents[to].iter().copied().filter(|&z| z != (from, lag)).collect();
                for &(series, back) in &parents[from] {
                    let shifted = (series, back + lag);
                    if !given.contains(&shifted) {
                        given.push(shifted);
                    }
                }
                let (value, p) = delayed.test((from, lag), (to, 0), &given)?;
                val_matrix[from][to][lag] = value;
                p_matrix[from][to][lag] = p;
                if lag == 0 {
                    val_matrix[to][from][0] = value;
                    p_matrix[to][from][0] = p;
                }
            }
        }
        progress.report(n + to + 1, 2 * n)?;
    }
    let mut q_matrix = p_matrix.clone();
    let places: Vec<(usize, usize, usize)> =
        (0..n).flat_map(|i| (0..n).flat_map(move |j| (1..=tau_max).map(move |l| (i, j, l)))).collect();
    let lagged: Vec<f64> = places.iter().map(|&(i, j, l)| p_matrix[i][j][l]).collect();
    for (&(i, j, l), q) in places.iter().zip(benjamini_hochberg(&lagged)) {
        q_matrix[i][j][l] = q;
    }
    Ok(Pcmci { p_matrix, val_matrix, q_matrix, parents, rows: delayed.rows })
}

/// PC1: drop candidates that the strongest others explain away, with one more condition in each round.
fn select_parents(delayed: &Delayed, target: usize, tau_max: usize, alpha: f64) -> Result<Vec<(usize, usize)>> {
    struct Candidate {
        place: (usize, usize),
        weakest: f64,
    }
    let mut candidates: Vec<Candidate> = (0..delayed.series)
        .flat_map(|series| (1..=tau_max).map(move |lag| (series, lag)))
        .map(|place| Candidate { place, weakest: f64::INFINITY })
        .collect();
    let mut conditions = 0;
    while candidates.len() > conditions {
        let order: Vec<(usize, usize)> = candidates.iter().map(|c| c.place).collect();
        let mut kept = Vec::with_capacity(candidates.len());
        for mut candidate in candidates {
            let given: Vec<(usize, usize)> =
                order.iter().copied().filter(|&z| z != candidate.place).take(conditions).collect();
            let (value, p) = delayed.test(candidate.place, (target, 0), &given)?;
            candidate.weakest = candidate.weakest.min(value.abs());
            if p <= alpha {
                kept.push(candidate);
            }
        }
        kept.sort_by(|a, b| b.weakest.total_cmp(&a.weakest));
        candidates = kept;
        conditions += 1;
    }
    Ok(candidates.into_iter().map(|c| c.place).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// a drives b after two steps, b drives c after one; a and c share nothing else.
    fn system(seed: u64, rows: usize) -> Table {
        let mut random = Random::new(seed);
        let mut data = vec![vec![0.0; 3]; 2];
        for t in 2..rows {
            let next = vec![
                0.6 * data[t - 1][0] + random.normal(),
                0.4 * data[t - 1][1] + 0.5 * data[t - 2][0] + random.normal(),
                0.3 * data[t - 1][2] - 0.5 * data[t - 1][1] + random.normal(),
            ];
            data.push(next);
        }
        Table::from_rows(&data, &["a", "b", "c"].map(String::from)).expect("finite")
    }

    const OPTIONS: PcmciOptions = PcmciOptions { tau_max: 3, pc_alpha: 0.2 };

    #[test]
    fn the_planted_links_are_found_and_false_ones_stay_within_the_rate() {
        let truth = [(0, 0, 1), (0, 1, 2), (1, 1, 1), (1, 2, 1), (2, 2, 1)];
        let mut false_links = 0;
        for seed in 0..20 {
            let found = pcmci(&system(seed, 600), OPTIONS, &mut Progress::silent()).expect("runs");
            let links: Vec<(usize, usize, usize)> = found.links(0.05).iter().map(|l| (l.from, l.to, l.lag)).collect();
            assert!(truth.iter().all(|t| links.contains(t)), "{links:?}");
            false_links += links.len() - truth.len();
        }
        // At q = 0.05, 5 % of about 105 claims may be false on average; twice that is improbable.
        assert!(false_links <= 10, "{false_links}");
    }

    #[test]
    fn scale_and_column_order_change_nothing() {
        let data = system(2, 200);
        let turned = Table::new(
            [2usize, 0, 1]
                .iter()
                .map(|&j| {
                    let column = data.columns()[j].iter().map(|v| 3.0 - 100.0 * v).collect();
                    (data.names()[j].clone(), column)
                })
                .collect(),
        )
        .expect("finite");
        let a = pcmci(&data, OPTIONS, &mut Progress::silent()).expect("runs");
        let b = pcmci(&turned, OPTIONS, &mut Progress::silent()).expect("runs");
        for (i, ti) in [(0, 1), (1, 2), (2, 0)] {
            for (j, tj) in [(0, 1), (1, 2), (2, 0)] {
                for lag in 0..=3 {
                    assert!((a.p_matrix[i][j][lag] - b.p_matrix[ti][tj][lag]).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn a_copy_of_a_series_is_refused() {
        let data = system(3, 100);
        let copied =
            Table::new(vec![("a".into(), data.columns()[0].clone()), ("copy".into(), data.columns()[0].clone())])
                .expect("finite");
        assert!(pcmci(&copied, OPTIONS, &mut Progress::silent()).is_err());
    }

    #[test]
    fn twenty_points_with_long_delays_are_too_few() {
        let options = PcmciOptions { tau_max: 8, ..OPTIONS };
        assert!(matches!(
            pcmci(&system(3, 20), options, &mut Progress::silent()),
            Err(EvidenceError::TooFewObservations { .. })
        ));
    }
}
