//! Gradient boosting of regression trees on binned features (Friedman 2001; histograms as in Ke et al. 2017).
//!
//! Branches that no processor foretells cost more than all else here: rows are drawn, parted and walked down the trees
//! without one, and the gains of all splits of a feature are computed before the best is looked for.

use super::bins::{BINS, Binned, Feature};
use super::table::Table;
use crate::random::Random;

/// Gains whose ratio is nearer to one are the same.
const BARELY: f64 = 1.0 - 1e-9;

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

/// A question, or a leaf: one that sends every row to itself, so that all rows take as many steps as the tree is deep.
#[derive(Debug, Clone, Copy)]
struct Node {
    value: f64,
    /// The left child; the right one follows it.
    left: u16,
    /// Place of the feature to ask.
    feature: u16,
    /// Go left when the bin is at most this.
    bin: u8,
}

impl Node {
    fn leaf(at: usize, value: f64) -> Node {
        Node { value, left: at as u16, feature: 0, bin: u8::MAX }
    }
}

/// A boosted model.
#[derive(Debug, Clone)]
pub(super) struct Boosted {
    features: Vec<Feature>,
    depth: usize,
    trees: Vec<Vec<Node>>,
    base: f64,
}

impl Boosted {
    /// Fits squared error. `table` has at least one row.
    pub(super) fn fit(table: &Table, settings: Settings) -> Boosted {
        let rows = table.target.len();
        let Binned { features, bins } = Binned::new(table);
        let width = features.len();
        let base = table.target.iter().sum::<f64>() / rows as f64;
        let mut trees = Vec::with_capacity(settings.rounds);
        let mut residual: Vec<f64> = table.target.iter().map(|y| y - base).collect();
        let mut random = Random::new(settings.seed);
        let mut grower = Grower::new(&bins, &features, settings);
        let mut others = Vec::with_capacity(rows);
        let rounds = if width == 0 { 0 } else { settings.rounds };
        for _ in 0..rounds {
            draw(rows, settings.rows, &mut random, &mut grower.order, &mut others);
            grower.drawn.clear();
            grower.drawn.extend((0..width).filter(|_| random.uniform() < settings.features));
            if grower.drawn.is_empty() || grower.order.len() < 2 * settings.smallest_leaf {
                continue;
            }
            let tree = grower.grow(&residual);
            // Rows that taught the tree lie in the order of its leaves; only the others walk through it.
            for &(from, to, value) in &grower.leaves {
                for &row in &grower.order[from..to] {
                    residual[row as usize] -= value;
                }
            }
            for &row in &others {
                let row = row as usize;
                residual[row] -= leaf_value(&tree, settings.depth, &bins[row * width..(row + 1) * width]);
            }
            trees.push(tree);
        }
        Boosted { features, depth: settings.depth, trees, base }
    }

    /// Predicts one row of raw features; `bins` is scratch space.
    pub(super) fn predict(&self, row: &[f64], bins: &mut Vec<u8>) -> f64 {
        bins.clear();
        bins.extend(self.features.iter().map(|feature| feature.bin_in(row)));
        self.base + self.trees.iter().map(|tree| leaf_value(tree, self.depth, bins)).sum::<f64>()
    }
}

/// Puts each row with the chance `share` into `taken`, the others into `left`, both in order.
fn draw(rows: usize, share: f64, random: &mut Random, taken: &mut Vec<u32>, left: &mut Vec<u32>) {
    taken.resize(rows, 0);
    left.resize(rows, 0);
    let (mut inside, mut outside) = (0, 0);
    let bound = (share * 65_536.0) as u64;
    // Four rows to a draw: sixteen bits are fine enough for a share.
    for first in (0..rows).step_by(4) {
        let mut bits = random.next();
        for row in first..(first + 4).min(rows) {
            let takes = bits & 0xffff < bound;
            bits >>= 16;
            taken[inside] = row as u32;
            left[outside] = row as u32;
            inside += usize::from(takes);
            outside += usize::from(!takes);
        }
    }
    taken.truncate(inside);
    left.truncate(outside);
}

fn leaf_value(tree: &[Node], depth: usize, bins: &[u8]) -> f64 {
    let mut node = tree[0];
    for _ in 0..depth {
        node = tree[node.left as usize + usize::from(bins[node.feature as usize] > node.bin)];
    }
    node.value
}

/// Sum of residuals and number of rows.
type Cell = [f64; 2];

struct Grower<'a> {
    bins: &'a [u8],
    features: &'a [Feature],
    settings: Settings,
    order: Vec<u32>,
    spare: Vec<u32>,
    /// Places of the features of the tree.
    drawn: Vec<usize>,
    /// Histograms that are free to be used again.
    free: Vec<Vec<Cell>>,
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
    /// Place among the features drawn.
    place: usize,
    bin: u8,
    left: Cell,
}

impl<'a> Grower<'a> {
    fn new(bins: &'a [u8], features: &'a [Feature], settings: Settings) -> Grower<'a> {
        Grower {
            bins,
            features,
            settings,
            order: Vec::new(),
            spare: Vec::new(),
            drawn: Vec::new(),
            free: Vec::new(),
            leaves: Vec::new(),
        }
    }

    fn grow(&mut self, residual: &[f64]) -> Vec<Node> {
        let mut nodes = vec![Node::leaf(0, 0.0)];
        self.leaves.clear();
        let rows = self.order.len();
        let total = [self.order.iter().map(|&r| residual[r as usize]).sum(), rows as f64];
        let histogram = self.histogram(0, rows, residual);
        let mut open = vec![Open { node: 0, from: 0, to: rows, depth: 0, total, histogram }];
        while let Some(part) = open.pop() {
            let split =
                if self.is_open(part.depth, part.total) { self.best_split(&part.histogram, part.total) } else { None };
            let Some(Split { place, bin, left: left_total }) = split else {
                let value = self.settings.learning_rate * part.total[0] / (part.total[1] + self.settings.ridge);
                nodes[part.node] = Node::leaf(part.node, value);
                self.leaves.push((part.from, part.to, value));
                self.free.push(part.histogram);
                continue;
            };
            let feature = self.drawn[place];
            let middle = self.partition(part.from, part.to, feature, bin);
            let left = nodes.len();
            nodes[part.node] = Node { feature: feature as u16, bin, left: left as u16, value: 0.0 };
            nodes.push(Node::leaf(left, 0.0));
            nodes.push(Node::leaf(left + 1, 0.0));
            let depth = part.depth + 1;
            let right_total = [part.total[0] - left_total[0], part.total[1] - left_total[1]];
            let (mut left_histogram, mut right_histogram) = (Vec::new(), Vec::new());
            // What will be leaves need no histogram.
            if self.is_open(depth, left_total) || self.is_open(depth, right_total) {
                // The smaller side is counted, the other is what remains.
                let left_is_small = middle - part.from <= part.to - middle;
                let (from, to) = if left_is_small { (part.from, middle) } else { (middle, part.to) };
                let small = self.histogram(from, to, residual);
                let mut large = part.histogram;
                for (l, s) in large.iter_mut().zip(&small) {
                    l[0] -= s[0];
                    l[1] -= s[1];
                }
                (left_histogram, right_histogram) = if left_is_small { (small, large) } else { (large, small) };
            } else {
                self.free.push(part.histogram);
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
        depth < self.settings.depth && total[1] >= 2.0 * self.settings.smallest_leaf as f64
    }

    fn histogram(&mut self, from: usize, to: usize, residual: &[f64]) -> Vec<Cell> {
        let mut out = self.free.pop().unwrap_or_default();
        out.clear();
        out.resize(self.drawn.len() * BINS, [0.0, 0.0]);
        let width = self.features.len();
        for &row in &self.order[from..to] {
            let row = row as usize;
            let value = residual[row];
            let bins = &self.bins[row * width..(row + 1) * width];
            for (cells, &place) in out.chunks_exact_mut(BINS).zip(&self.drawn) {
                let cell = &mut cells[(bins[place] as usize) & (BINS - 1)];
                *cell = [cell[0] + value, cell[1] + 1.0];
            }
        }
        out
    }

    /// The split that lowers squared error most, the first of those that do alike: two features that part the rows in the same
    /// way differ by the rounding of sums, which is no reason to take the one or the other.
    fn best_split(&self, histogram: &[Cell], total: Cell) -> Option<Split> {
        let least = self.settings.smallest_leaf as f64;
        let ridge = self.settings.ridge;
        let whole = total[0] * total[0] / (total[1] + ridge);
        let mut best: Option<(f64, Split)> = None;
        let (mut sums, mut counts, mut gains) = ([0.0f64; BINS], [0.0f64; BINS], [0.0f64; BINS]);
        for (place, cells) in histogram.chunks_exact(BINS).enumerate() {
            let splits = self.features[self.drawn[place]].bins - 1;
            let (mut sum, mut count) = (0.0, 0.0);
            for ((s, c), cell) in sums.iter_mut().zip(&mut counts).zip(cells).take(splits) {
                sum += cell[0];
                count += cell[1];
                (*s, *c) = (sum, count);
            }
            for ((gain, left), count) in gains.iter_mut().zip(&sums).zip(&counts).take(splits) {
                let (right, rest) = (total[0] - left, total[1] - count);
                // Both scores over one denominator: divisions are most of the work.
                let (l, r) = (count + ridge, rest + ridge);
                let found = (left * left * r + right * right * l) / (l * r) - whole;
                *gain = if count.min(rest) >= least { found } else { 0.0 };
            }
            let largest = gains[..splits].iter().fold(0.0f64, |a, b| if *b > a { *b } else { a });
            if largest > 1e-9
                && best.as_ref().is_none_or(|(g, _)| largest * BARELY > *g)
                && let Some(bin) = gains.iter().position(|g| *g >= largest * BARELY)
            {
                best = Some((largest, Split { place, bin: bin as u8, left: [sums[bin], counts[bin]] }));
            }
        }
        best.map(|(_, split)| split)
    }

    /// Puts the rows that go left first, each side in its old order; returns where the right side starts.
    fn partition(&mut self, from: usize, to: usize, feature: usize, bin: u8) -> usize {
        let (order, column) = (&mut self.order[from..to], &self.bins[feature..]);
        let width = self.features.len();
        self.spare.resize(self.spare.len().max(order.len()), 0);
        let (mut left, mut right) = (0, 0);
        for read in 0..order.len() {
            let row = order[read];
            let goes_left = column[row as usize * width] <= bin;
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
