//! Columns that are known ahead, of parts and of the totals over them.

use super::product::Node;
use crate::error::ForecastError;

/// What is known ahead of parts and totals: columns over the history and the horizon.
///
/// A total for which nothing is given takes the mean of its parts' columns of the same place, weighted by the parts' size:
/// what each part does in proportion to its size, their sum does in proportion to that mean. A column that all parts share
/// (a holiday, the weather) is its own mean. Parts with different numbers of columns leave a total without.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Columns {
    /// By part, in the order of the parts, each column from the part's own first point on; no columns where there are
    /// none. Parts beyond the list have none.
    pub parts: Vec<Vec<Vec<f64>>>,
    /// By name of a total, each column from the first point of the earliest part on.
    pub totals: Vec<(String, Vec<Vec<f64>>)>,
}

impl Columns {
    /// Columns of all nodes over the whole history and `horizon`, totals first. `offsets[i]` is how many points part `i`
    /// starts after the earliest.
    pub(super) fn of_nodes(
        &self,
        nodes: &[Node],
        offsets: &[usize],
        horizon: usize,
    ) -> Result<Vec<Vec<Vec<f64>>>, ForecastError> {
        let refused = |reason: String| ForecastError::Hierarchy { reason };
        let totals = nodes.len() - offsets.len();
        let needed = nodes[0].series.values().len() + horizon;
        if self.parts.len() > offsets.len() {
            return Err(refused(format!("columns of {} parts, there are {}", self.parts.len(), offsets.len())));
        }
        if let Some((name, _)) = self.totals.iter().find(|(name, _)| nodes[..totals].iter().all(|n| n.name != *name)) {
            return Err(refused(format!("columns of {name}, which is no total")));
        }
        let whole = |name: &str, column: usize, values: &[f64], offset: usize| -> Result<Vec<f64>, ForecastError> {
            let known = needed - offset;
            if values.len() < known {
                return Err(refused(format!(
                    "{name}: column {column} has {} values, {known} are needed",
                    values.len()
                )));
            }
            match values[..known].iter().position(|v| !v.is_finite()) {
                Some(index) => Err(refused(format!("{name}: column {column} has no value at {index}"))),
                None => Ok(beginning_later(&values[..known], offset)),
            }
        };
        let mut parts = vec![Vec::new(); offsets.len()];
        for (i, columns) in self.parts.iter().enumerate() {
            let column = |(j, c): (usize, &Vec<f64>)| whole(&nodes[totals + i].name, j, c, offsets[i]);
            parts[i] = columns.iter().enumerate().map(column).collect::<Result<_, _>>()?;
        }
        let mut all = Vec::with_capacity(nodes.len());
        for node in &nodes[..totals] {
            all.push(match self.totals.iter().find(|(name, _)| *name == node.name) {
                Some((name, columns)) => {
                    columns.iter().enumerate().map(|(j, c)| whole(name, j, c, 0)).collect::<Result<_, _>>()?
                }
                None => mean_by_size(node, &nodes[totals..], &parts),
            });
        }
        all.extend(parts);
        Ok(all)
    }
}

/// Before a part began, its columns did what they usually do: nothing can be learnt from them there.
fn beginning_later(values: &[f64], offset: usize) -> Vec<f64> {
    let usual = values.iter().sum::<f64>() / values.len() as f64;
    let mut out = vec![usual; offset];
    out.extend_from_slice(values);
    out
}

fn mean_by_size(total: &Node, parts: &[Node], columns: &[Vec<Vec<f64>>]) -> Vec<Vec<f64>> {
    let count = columns[total.parts[0]].len();
    if total.parts.iter().any(|&p| columns[p].len() != count) {
        return Vec::new();
    }
    let mut shares: Vec<f64> = total.parts.iter().map(|&p| size(parts[p].series.values())).collect();
    let sum: f64 = shares.iter().sum();
    let equal = 1.0 / shares.len() as f64;
    shares.iter_mut().for_each(|s| *s = if sum > 0.0 { *s / sum } else { equal });
    let mean = |j: usize| -> Vec<f64> {
        let first = &columns[total.parts[0]][j];
        if total.parts.iter().all(|&p| columns[p][j] == *first) {
            return first.clone();
        }
        (0..first.len()).map(|t| total.parts.iter().zip(&shares).map(|(&p, s)| s * columns[p][j][t]).sum()).collect()
    };
    (0..count).map(mean).collect()
}

/// Sum of the absolute values seen.
fn size(values: &[f64]) -> f64 {
    values.iter().filter(|v| !v.is_nan()).map(|v| v.abs()).sum()
}
