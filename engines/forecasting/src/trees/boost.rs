//! Gradient boosting of regression trees on binned features (Friedman 2001; histograms as in Ke et al. 2017).

use crate::random::Random;

/// Bins per feature.
const BINS: usize = 64;

/// How the trees grow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub rounds: usize,
    pub depth: usize,
    pub learning_rate: f64,
    /// Share of rows seen by one tree.
    pub rows: f64,
    /// Share of features seen by one tree.
    pub features: f64,
    pub smallest_leaf: usize,
    /// L2 penalty on leaf values, in rows.
    pub ridge: f64,
    pub seed: u64,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    /// Feature to ask, or `LEAF`.
    feature: u16,
    /// Go left when the bin is at most this.
    bin: u8,
    /// The left child; the right one follows it.
    left: u32,
    value: f64,
}

const LEAF: u16 = u16::MAX;

/// A boosted model.
#[derive(Debug, Clone)]
pub(super) struct Boosted {
    edges: Vec<Vec<f64>>,
    trees: Vec<Vec<Node>>,
    base: f64,
}

/// Rows of features, row-major, `NaN` for missing.
pub(super) struct Table {
    pub width: usize,
    pub values: Vec<f64>,
    pub target: Vec<f64>,
}

impl Boosted {
    /// Fits squared error. `table` has at least one row.
    pub(super) fn fit(table: &Table, settings: Settings) -> Boosted {
        let rows = table.target.len();
        let width = table.width;
        let edges: Vec<Vec<f64>> = (0..width).map(|f| bin_edges(table, f)).collect();
        let mut bins = vec![0u8; rows * width];
        for (row, out) in table.values.chunks_exact(width).zip(bins.chunks_exact_mut(width)) {
            for ((value, edges), bin) in row.iter().zip(&edges).zip(out) {
                *bin = bin_of(*value, edges);
            }
        }
        let base = table.target.iter().sum::<f64>() / rows as f64;
        let mut model = Boosted { edges, trees: Vec::with_capacity(settings.rounds), base };
        let mut residual: Vec<f64> = table.target.iter().map(|y| y - base).collect();
        let mut random = Random::new(settings.seed);
        let mut grower = Grower {
            bins: &bins,
            width,
            settings,
            order: Vec::with_capacity(rows),
            spare: Vec::new(),
            features: Vec::new(),
            leaves: Vec::new(),
        };
        let mut seen = vec![false; rows];
        for _ in 0..settings.rounds {
            // Branches that no processor foretells cost more than all else here: rows are written, then counted or not.
            grower.order.resize(rows, 0);
            let mut taken = 0;
            for row in 0..rows {
                grower.order[taken] = row as u32;
                taken += usize::from(settings.rows >= 1.0 || random.uniform() < settings.rows);
            }
            grower.order.truncate(taken);
            grower.features = (0..width).filter(|_| random.uniform() < settings.features).collect();
            if grower.features.is_empty() || grower.order.len() < 2 * settings.smallest_leaf {
                continue;
            }
            let tree = grower.grow(&residual);
            // Rows that taught the tree lie in the order of its leaves; only the others walk through it.
            seen.fill(false);
            for &(from, to, value) in &grower.leaves {
                for &row in &grower.order[from..to] {
                    residual[row as usize] -= value;
                    seen[row as usize] = true;
                }
            }
            for ((row, r), _) in bins.chunks_exact(width).zip(residual.iter_mut()).zip(&seen).filter(|(_, s)| !**s) {
                *r -= leaf_value(&tree, row);
            }
            model.trees.push(tree);
        }
        model
    }

    /// Predicts one row of raw features; `bins` is scratch space.
    pub(super) fn predict(&self, row: &[f64], bins: &mut Vec<u8>) -> f64 {
        bins.clear();
        bins.extend(row.iter().zip(&self.edges).map(|(value, edges)| bin_of(*value, edges)));
        self.base + self.trees.iter().map(|tree| leaf_value(tree, bins)).sum::<f64>()
    }
}

fn leaf_value(tree: &[Node], bins: &[u8]) -> f64 {
    let mut at = 0;
    loop {
        let node = tree[at];
        if node.feature == LEAF {
            return node.value;
        }
        at = node.left as usize + usize::from(bins[node.feature as usize] > node.bin);
    }
}

/// Quantiles of a sample of the column. Missing values get bin 0.
fn bin_edges(table: &Table, feature: usize) -> Vec<f64> {
    let rows = table.target.len();
    let stride = (rows / 4_000).max(1);
    let mut sample: Vec<f64> =
        (0..rows).step_by(stride).map(|r| table.values[r * table.width + feature]).filter(|v| v.is_finite()).collect();
    sample.sort_by(f64::total_cmp);
    // Edges lie between values: on a value, the smallest change would move a new one into the neighbouring bin.
    let mut edges: Vec<f64> = (1..BINS)
        .filter_map(|k| {
            let at = k * sample.len() / BINS;
            (at > 0).then(|| 0.5 * (sample[at - 1] + sample[at]))
        })
        .collect();
    edges.dedup();
    edges
}

fn bin_of(value: f64, edges: &[f64]) -> u8 {
    if value.is_nan() {
        return 0;
    }
    edges.partition_point(|e| *e <= value) as u8
}

#[derive(Clone, Copy, Default)]
struct Cell {
    sum: f64,
    count: f64,
}

struct Grower<'a> {
    bins: &'a [u8],
    width: usize,
    settings: Settings,
    order: Vec<u32>,
    spare: Vec<u32>,
    features: Vec<usize>,
    /// Of the tree grown last: where in `order` the rows of each leaf are, and its value.
    leaves: Vec<(usize, usize, f64)>,
}

/// A node that may be split, with the rows it holds.
struct Open {
    node: usize,
    from: usize,
    to: usize,
    depth: usize,
    total: Cell,
    histogram: Vec<Cell>,
}

struct Split {
    /// Place in the features of the tree.
    place: usize,
    bin: u8,
    left: Cell,
}

impl Grower<'_> {
    fn grow(&mut self, residual: &[f64]) -> Vec<Node> {
        let leaf = Node { feature: LEAF, bin: 0, left: 0, value: 0.0 };
        let mut nodes = vec![leaf];
        self.leaves.clear();
        let rows = self.order.len();
        let total = Cell { sum: self.order.iter().map(|&r| residual[r as usize]).sum(), count: rows as f64 };
        let histogram = self.histogram(0, rows, residual);
        let mut open = vec![Open { node: 0, from: 0, to: rows, depth: 0, total, histogram }];
        while let Some(part) = open.pop() {
            let split =
                if self.is_open(part.depth, part.total) { self.best_split(&part.histogram, part.total) } else { None };
            let Some(Split { place, bin, left: left_total }) = split else {
                let value = self.settings.learning_rate * part.total.sum / (part.total.count + self.settings.ridge);
                nodes[part.node].value = value;
                self.leaves.push((part.from, part.to, value));
                continue;
            };
            let feature = self.features[place];
            let middle = self.partition(part.from, part.to, feature, bin);
            let left = nodes.len();
            nodes[part.node] = Node { feature: feature as u16, bin, left: left as u32, value: 0.0 };
            nodes.push(leaf);
            nodes.push(leaf);
            let depth = part.depth + 1;
            let right_total = Cell { sum: part.total.sum - left_total.sum, count: part.total.count - left_total.count };
            let (mut left_histogram, mut right_histogram) = (Vec::new(), Vec::new());
            // What will be leaves need no histogram.
            if self.is_open(depth, left_total) || self.is_open(depth, right_total) {
                // The smaller side is counted, the other is what remains.
                let left_is_small = middle - part.from <= part.to - middle;
                let (from, to) = if left_is_small { (part.from, middle) } else { (middle, part.to) };
                let small = self.histogram(from, to, residual);
                let mut large = part.histogram;
                for (l, s) in large.iter_mut().zip(&small) {
                    l.sum -= s.sum;
                    l.count -= s.count;
                }
                (left_histogram, right_histogram) = if left_is_small { (small, large) } else { (large, small) };
            }
            open.push(Open {
                node: left,
                from: part.from,
                to: middle,
                depth,
                total: left_total,
                histogram: left_histogram,
            });
            open.push(Open {
                node: left + 1,
                from: middle,
                to: part.to,
                depth,
                total: right_total,
                histogram: right_histogram,
            });
        }
        nodes
    }

    /// Whether a node may be split.
    fn is_open(&self, depth: usize, total: Cell) -> bool {
        depth < self.settings.depth && total.count >= 2.0 * self.settings.smallest_leaf as f64
    }

    fn histogram(&self, from: usize, to: usize, residual: &[f64]) -> Vec<Cell> {
        let mut out = vec![Cell::default(); self.features.len() * BINS];
        for &row in &self.order[from..to] {
            let row = row as usize;
            let value = residual[row];
            let bins = &self.bins[row * self.width..(row + 1) * self.width];
            for (cells, &feature) in out.chunks_exact_mut(BINS).zip(&self.features) {
                let cell = &mut cells[(bins[feature] as usize) & (BINS - 1)];
                cell.sum += value;
                cell.count += 1.0;
            }
        }
        out
    }

    /// The split that lowers squared error most.
    fn best_split(&self, histogram: &[Cell], total: Cell) -> Option<Split> {
        let least = self.settings.smallest_leaf as f64;
        let ridge = self.settings.ridge;
        let whole = total.sum * total.sum / (total.count + ridge);
        let mut best: Option<(f64, Split)> = None;
        for (place, cells) in histogram.chunks_exact(BINS).enumerate() {
            let mut left = Cell::default();
            for (bin, cell) in cells.iter().enumerate().take(BINS - 1) {
                // A split after an empty bin is the one before it.
                if cell.count == 0.0 {
                    continue;
                }
                left.sum += cell.sum;
                left.count += cell.count;
                if left.count < least {
                    continue;
                }
                let right = Cell { sum: total.sum - left.sum, count: total.count - left.count };
                if right.count < least {
                    break;
                }
                // Both scores over one denominator: divisions are most of the work in small nodes.
                let (l, r) = (left.count + ridge, right.count + ridge);
                let gain = (left.sum * left.sum * r + right.sum * right.sum * l) / (l * r) - whole;
                if gain > 1e-9 && best.as_ref().is_none_or(|(g, _)| gain > *g) {
                    best = Some((gain, Split { place, bin: bin as u8, left }));
                }
            }
        }
        best.map(|(_, split)| split)
    }

    /// Puts the rows that go left first, each side in its old order; returns where the right side starts.
    fn partition(&mut self, from: usize, to: usize, feature: usize, bin: u8) -> usize {
        let (order, column) = (&mut self.order[from..to], &self.bins[feature..]);
        self.spare.resize(self.spare.len().max(order.len()), 0);
        let (mut left, mut right) = (0, 0);
        for read in 0..order.len() {
            let row = order[read];
            let goes_left = column[row as usize * self.width] <= bin;
            order[left] = row;
            self.spare[right] = row;
            left += usize::from(goes_left);
            right += usize::from(!goes_left);
        }
        order[left..].copy_from_slice(&self.spare[..right]);
        from + left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings {
        rounds: 100,
        depth: 4,
        learning_rate: 0.1,
        rows: 0.8,
        features: 1.0,
        smallest_leaf: 5,
        ridge: 1.0,
        seed: 1,
    };

    #[test]
    fn a_step_and_an_interaction_are_learnt() {
        let mut random = Random::new(7);
        let truth = |a: f64, b: f64| if a > 0.3 { 2.0 } else { -1.0 } + if b > 0.5 && a < 0.2 { 3.0 } else { 0.0 };
        let mut table = Table { width: 3, values: Vec::new(), target: Vec::new() };
        for _ in 0..2_000 {
            let row = [random.uniform(), random.uniform(), random.uniform()];
            table.values.extend(row);
            table.target.push(truth(row[0], row[1]) + 0.1 * (random.uniform() - 0.5));
        }
        let model = Boosted::fit(&table, SETTINGS);
        let mut scratch = Vec::new();
        for (a, b) in [(0.1, 0.8), (0.1, 0.2), (0.8, 0.8), (0.25, 0.9)] {
            let found = model.predict(&[a, b, 0.5], &mut scratch);
            assert!((found - truth(a, b)).abs() < 0.2, "{a} {b} {found}");
        }
        let again = Boosted::fit(&table, SETTINGS);
        assert_eq!(model.predict(&[0.4, 0.1, 0.9], &mut scratch), again.predict(&[0.4, 0.1, 0.9], &mut scratch));
    }
}
