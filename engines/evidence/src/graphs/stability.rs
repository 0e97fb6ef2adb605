//! Stability: how often each edge is found again when the rows are drawn anew.
//!
//! Friedman, Goldszmidt and Wyner (1999), UAI 15:196.

use serde::{Deserialize, Serialize};

use super::pdag::Pdag;
use crate::error::{EvidenceError, Result};
use crate::progress::Progress;
use crate::random::Random;
use crate::table::Table;

/// How often a pair was joined, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EdgeStability {
    pub a: usize,
    pub b: usize,
    /// Share of the resamples with any edge between the two.
    pub joined: f64,
    pub a_to_b: f64,
    pub b_to_a: f64,
    pub undirected: f64,
}

/// Learns the graph on `repeats` resamples of the rows; every pair ever joined is listed, `a < b`.
///
/// Rows are drawn independently: for time series use blocks instead, by passing a table of blocks.
///
/// # Errors
/// [`EvidenceError::Cancelled`]; or fewer than half of the resamples can be learnt from.
pub fn bootstrap(
    data: &Table,
    learn: &mut dyn FnMut(&Table) -> Result<Pdag>,
    repeats: usize,
    seed: u64,
    progress: &mut Progress<'_>,
) -> Result<Vec<EdgeStability>> {
    let n = data.width();
    let mut random = Random::new(seed);
    let mut counts = vec![[0usize; 3]; n * n];
    let mut learnt = 0;
    for repeat in 0..repeats {
        let rows = random.resample(data.rows(), data.rows());
        // A resample may by chance hold a constant column; it then says nothing.
        if let Ok(graph) = learn(&data.take_rows(&rows)) {
            learnt += 1;
            for a in 0..n {
                for b in a + 1..n {
                    let count = &mut counts[a * n + b];
                    if graph.is_directed(a, b) {
                        count[0] += 1;
                    } else if graph.is_directed(b, a) {
                        count[1] += 1;
                    } else if graph.is_undirected(a, b) {
                        count[2] += 1;
                    }
                }
            }
        }
        progress.report(repeat + 1, repeats)?;
    }
    if learnt == 0 || learnt * 2 < repeats {
        return Err(EvidenceError::NotIdentifiable {
            reason: format!("only {learnt} of {repeats} resamples of the rows can be learnt from"),
        });
    }
    let share = |count: usize| count as f64 / learnt as f64;
    Ok((0..n)
        .flat_map(|a| (a + 1..n).map(move |b| (a, b)))
        .filter_map(|(a, b)| {
            let [forward, backward, undirected] = counts[a * n + b];
            (forward + backward + undirected > 0).then(|| EdgeStability {
                a,
                b,
                joined: share(forward + backward + undirected),
                a_to_b: share(forward),
                b_to_a: share(backward),
                undirected: share(undirected),
            })
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::ges::ges;
    use super::super::pc::tests::linear_rows;
    use super::super::score::ScoreKind;
    use super::*;

    #[test]
    fn true_edges_are_stable_and_absent_ones_are_not() {
        let dag = Pdag::from_edges(4, &[[0, 2], [1, 2]], &[]).expect("valid");
        let data = linear_rows(&dag, 500, 6);
        let mut learn = |t: &Table| ges(t, ScoreKind::bic(), &mut Progress::silent());
        let edges = bootstrap(&data, &mut learn, 30, 1, &mut Progress::silent()).expect("runs");
        let joined = |a, b| edges.iter().find(|e| (e.a, e.b) == (a, b)).map_or(0.0, |e| e.joined);
        assert!(joined(0, 2) > 0.95 && joined(1, 2) > 0.95);
        assert!(joined(0, 3) < 0.5);
    }
}
