//! Values as bins between quantiles, which is all that a tree asks of them.

use super::table::Table;

/// Bins per feature: a power of two, so that the bin of a value is found without a branch.
pub(super) const BINS: usize = 64;
/// Rows binned together: what they hold stays in the nearest cache from the first feature to the last.
const BLOCK: usize = 64;
/// Rows whose quantiles are the edges.
const SAMPLE: usize = 4_000;

/// A feature that tells rows apart.
#[derive(Debug, Clone)]
pub(super) struct Feature {
    /// Its place among the raw features.
    column: usize,
    /// Increasing; beyond the last one infinite.
    edges: [f64; BINS],
    /// Bins that a value can fall into.
    pub bins: usize,
}

/// Bins of rows, row-major, of the features that tell rows apart.
pub(super) struct Binned {
    pub features: Vec<Feature>,
    pub bins: Vec<u8>,
}

impl Binned {
    pub(super) fn new(table: &Table) -> Binned {
        let features: Vec<Feature> = (0..table.width).filter_map(|column| Feature::new(table, column)).collect();
        let width = features.len();
        let mut bins = vec![0u8; table.target.len() * width];
        if width > 0 {
            let blocks = table.values.chunks(BLOCK * table.width).zip(bins.chunks_mut(BLOCK * width));
            for (values, out) in blocks {
                for (place, feature) in features.iter().enumerate() {
                    let column = values.iter().skip(feature.column).step_by(table.width);
                    for (bin, value) in out.iter_mut().skip(place).step_by(width).zip(column) {
                        *bin = feature.bin(*value);
                    }
                }
            }
        }
        Binned { features, bins }
    }
}

impl Feature {
    /// `None` when all rows look alike.
    fn new(table: &Table, column: usize) -> Option<Feature> {
        let rows = table.target.len();
        let stride = (rows / SAMPLE).max(1);
        let mut sample: Vec<f64> = (0..rows)
            .step_by(stride)
            .map(|r| table.values[r * table.width + column])
            .filter(|v| v.is_finite())
            .collect();
        if sample.is_empty() {
            return None;
        }
        sample.sort_unstable_by(f64::total_cmp);
        if sample[0] == sample[sample.len() - 1] && sample.len() == rows {
            return None;
        }
        // Edges lie between values: on a value, the smallest change would move a new one into the neighbouring bin.
        let mut found: Vec<f64> = (1..BINS)
            .filter_map(|k| {
                let at = k * sample.len() / BINS;
                (at > 0).then(|| 0.5 * (sample[at - 1] + sample[at]))
            })
            .collect();
        found.dedup();
        let mut edges = [f64::INFINITY; BINS];
        edges[..found.len()].copy_from_slice(&found);
        Some(Feature { column, edges, bins: found.len() + 1 })
    }

    /// How many edges are not above the value. Missing values get bin 0.
    fn bin(&self, value: f64) -> u8 {
        let mut below = 0;
        let mut step = BINS / 2;
        while step > 0 {
            below += step * usize::from(self.edges[(below + step - 1) & (BINS - 1)] <= value);
            step /= 2;
        }
        below as u8
    }

    pub(super) fn bin_in(&self, row: &[f64]) -> u8 {
        self.bin(row[self.column])
    }
}
