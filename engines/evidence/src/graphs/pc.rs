//! The PC algorithm: remove every edge that some set of neighbours explains away, then direct what
//! the removals imply.
//!
//! Spirtes, Glymour and Scheines (2000), Causation, Prediction, and Search; in the order-independent
//! ("stable") form of Colombo and Maathuis (2014), JMLR 15:3741.

use super::independence::{Independence, IndependenceTest};
use super::knowledge::Knowledge;
use super::meek;
use super::pdag::{NodeSet, Pdag, bit, members};
use crate::error::{EvidenceError, Result};
use crate::progress::Progress;
use crate::table::Table;

/// What PC found.
#[derive(Debug, Clone)]
pub struct PcResult {
    pub graph: Pdag,
    /// For each pair without an edge, the union of all sets that separated it.
    pub separators: Vec<Vec<Option<NodeSet>>>,
    pub tests: usize,
}

/// Learns the class of graphs from rows of `data`.
///
/// Two nodes stay joined while every test rejects independence at `alpha`. An unshielded triple
/// x - y - z becomes a collider when y is in none of the sets that separated x and z; where two
/// colliders contradict each other the surer one stands: the one whose ends remain dependent most
/// clearly once the middle is held (Ramsey 2016, arXiv:1610.00378, orders them alike).
///
/// # Errors
/// As [`Independence::new`] and its tests; `alpha` outside (0, 1); contradictory knowledge; cancelled.
pub fn pc(
    data: &Table,
    test: IndependenceTest,
    alpha: f64,
    knowledge: &Knowledge,
    progress: &mut Progress<'_>,
) -> Result<PcResult> {
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(EvidenceError::OutOfRange { name: "alpha", value: alpha, bound: "between 0 and 1".into() });
    }
    knowledge.check()?;
    let mut independence = Independence::new(data, test)?;
    let (mut graph, separators) = skeleton(data.width(), &mut independence, alpha, knowledge, progress)?;
    knowledge.orient(&mut graph);
    direct_colliders(&mut graph, &separators, knowledge, &mut independence)?;
    meek::close(&mut graph, knowledge, &by_name(data.names()));
    Ok(PcResult { graph, separators, tests: independence.tests_made() })
}

/// The columns by name, numbers in names by their size: X2 before X10. What contradicts itself is settled in this order, so
/// that it does not hang on the order of columns; in that of columns called X1, X2, … it is what other programs do.
fn by_name(names: &[String]) -> Vec<usize> {
    let key = |name: &str| {
        let mut parts: Vec<(u128, String)> = vec![(0, String::new())];
        let mut in_number = false;
        for letter in name.chars() {
            let digit = letter.to_digit(10);
            if digit.is_some() && !in_number {
                parts.push((0, String::new()));
            }
            in_number = digit.is_some();
            let part = parts.len() - 1;
            match digit {
                Some(digit) => parts[part].0 = parts[part].0.saturating_mul(10).saturating_add(digit.into()),
                None => parts[part].1.push(letter),
            }
        }
        parts
    };
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_cached_key(|&j| (key(&names[j]), &names[j]));
    order
}

type Separators = Vec<Vec<Option<NodeSet>>>;

fn skeleton(
    nodes: usize,
    independence: &mut Independence,
    alpha: f64,
    knowledge: &Knowledge,
    progress: &mut Progress<'_>,
) -> Result<(Pdag, Separators)> {
    let mut graph = Pdag::complete(nodes)?;
    let mut separators: Separators = vec![vec![None; nodes]; nodes];
    for a in 0..nodes {
        for b in 0..a {
            if knowledge.is_excluded(a, b) {
                graph.remove(a, b);
                separators[a][b] = Some(0);
                separators[b][a] = Some(0);
            }
        }
    }
    let mut depth = 0;
    loop {
        let degree = (0..nodes).map(|v| graph.adjacent(v).count_ones() as usize).max();
        if degree.unwrap_or(0) < depth + 1 {
            break;
        }
        // All tests of one depth see the same graph: the order of columns cannot matter.
        let before = graph.clone();
        for x in 0..nodes {
            progress.report(depth * nodes + x, (depth + 1) * nodes)?;
            for y in members(before.adjacent(x)) {
                if knowledge.is_required(x, y) || knowledge.is_required(y, x) {
                    continue;
                }
                let others: Vec<usize> = members(before.adjacent(x) & !bit(y)).collect();
                for_each_subset(&others, depth, &mut |set| {
                    if independence.p(x, y, set)? > alpha {
                        graph.remove(x, y);
                        let union = separators[x][y].unwrap_or(0) | set;
                        separators[x][y] = Some(union);
                        separators[y][x] = Some(union);
                    }
                    Ok(())
                })?;
            }
        }
        depth += 1;
    }
    Ok((graph, separators))
}

/// Calls `visit` with each subset of `items` of that size, in lexicographic order.
pub(super) fn for_each_subset(
    items: &[usize],
    size: usize,
    visit: &mut dyn FnMut(NodeSet) -> Result<()>,
) -> Result<()> {
    fn grow(items: &[usize], size: usize, set: NodeSet, visit: &mut dyn FnMut(NodeSet) -> Result<()>) -> Result<()> {
        if size == 0 {
            return visit(set);
        }
        for i in 0..items.len().saturating_sub(size - 1) {
            grow(&items[i + 1..], size - 1, set | bit(items[i]), visit)?;
        }
        Ok(())
    }
    grow(items, size, 0, visit)
}

/// A triple x - y - z to be directed into y.
struct Collider {
    x: usize,
    y: usize,
    z: usize,
    /// ln of the largest p-value of "x and z are independent" given a set with y: the smaller, the surer.
    doubt: f64,
}

/// Above this many neighbours only sets of up to three of them are tried for a collider's doubt.
const ALL_SUBSETS: usize = 10;

/// ln of the largest p-value of "x and z are independent" given a set with y, of neighbours of either.
fn doubt(graph: &Pdag, independence: &mut Independence, x: usize, y: usize, z: usize) -> Result<f64> {
    let mut doubt = f64::NEG_INFINITY;
    for end in [x, z] {
        let others: Vec<usize> = members(graph.adjacent(end) & !bit(x) & !bit(y) & !bit(z)).collect();
        let largest = if others.len() > ALL_SUBSETS { 3 } else { others.len() };
        for size in 0..=largest {
            for_each_subset(&others, size, &mut |set| {
                doubt = doubt.max(independence.ln_p(x, z, set | bit(y))?);
                Ok(())
            })?;
        }
    }
    Ok(doubt)
}

fn direct_colliders(
    graph: &mut Pdag,
    separators: &Separators,
    knowledge: &Knowledge,
    independence: &mut Independence,
) -> Result<()> {
    let mut found = Vec::new();
    for y in 0..graph.nodes() {
        for x in members(graph.adjacent(y)) {
            for z in members(graph.adjacent(y)).filter(|&z| z > x) {
                if graph.is_adjacent(x, z) {
                    continue;
                }
                let separated_by_y = separators[x][z].is_some_and(|union| union & bit(y) != 0);
                if separated_by_y || !knowledge.allows(x, y) || !knowledge.allows(z, y) {
                    continue;
                }
                let doubt = doubt(graph, independence, x, y, z)?;
                found.push(Collider { x, y, z, doubt });
            }
        }
    }
    found.sort_by(|a, b| a.doubt.total_cmp(&b.doubt));
    for Collider { x, y, z, .. } in found {
        let contradicts = graph.descendants(y) & (bit(x) | bit(z)) != 0;
        if !contradicts {
            graph.set_directed(x, y);
            graph.set_directed(z, y);
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::equivalence::{completed, tests::random_dag};
    use super::*;
    use crate::random::Random;

    /// Rows of a linear model on a graph whose nodes are in topological order.
    pub(in super::super) fn linear_rows(dag: &Pdag, rows: usize, seed: u64) -> Table {
        let mut random = Random::new(seed);
        let n = dag.nodes();
        let weights: Vec<Vec<f64>> = (0..n)
            .map(|_| {
                (0..n)
                    .map(|_| {
                        let size = 0.6 + 0.6 * random.uniform();
                        if random.below(2) == 0 { size } else { -size }
                    })
                    .collect()
            })
            .collect();
        let data: Vec<Vec<f64>> = (0..rows)
            .map(|_| {
                let mut row = vec![0.0; n];
                for v in 0..n {
                    row[v] = random.normal() + members(dag.parents(v)).map(|p| weights[p][v] * row[p]).sum::<f64>();
                }
                row
            })
            .collect();
        Table::from_rows(&data, &[]).expect("finite")
    }

    fn run(data: &Table, knowledge: &Knowledge) -> Pdag {
        pc(data, IndependenceTest::FisherZ, 0.01, knowledge, &mut Progress::silent()).expect("runs").graph
    }

    #[test]
    fn a_sparse_linear_model_is_found_up_to_its_class() {
        let dag = Pdag::from_edges(5, &[[0, 2], [1, 2], [2, 3], [2, 4]], &[]).expect("valid");
        let found = run(&linear_rows(&dag, 5000, 1), &Knowledge::none(5));
        assert_eq!(found, completed(&dag));
    }

    #[test]
    fn time_order_directs_what_data_cannot() {
        let dag = Pdag::from_edges(3, &[[0, 1], [1, 2]], &[]).expect("valid");
        let data = linear_rows(&dag, 3000, 2);
        assert_eq!(run(&data, &Knowledge::none(3)).edges().undirected.len(), 2);
        let ordered = Knowledge::none(3).tiers(&[vec![0], vec![1, 2]]);
        assert_eq!(run(&data, &ordered), dag);
    }

    /// The same rows with column `order[i]` at place i.
    fn rearranged(data: &Table, order: &[usize]) -> Table {
        let column = |&c: &usize| (data.names()[c].clone(), data.columns()[c].clone());
        Table::new(order.iter().map(column).collect()).expect("finite")
    }

    fn shuffled(nodes: usize, seed: u64) -> Vec<usize> {
        let mut random = Random::new(seed);
        let mut order: Vec<usize> = (0..nodes).collect();
        for i in (1..nodes).rev() {
            order.swap(i, random.below(i + 1));
        }
        order
    }

    /// The graphs of both orders, compared node by node.
    fn is_same_in_another_order(data: &Table, test: IndependenceTest, seed: u64) -> bool {
        let nodes = data.width();
        let order = shuffled(nodes, seed);
        let graph = |data: &Table| pc(data, test, 0.01, &Knowledge::none(nodes), &mut Progress::silent());
        let found = graph(data).expect("runs").graph;
        let other = graph(&rearranged(data, &order)).expect("runs").graph;
        assert!(found.topological_order().is_ok(), "a cycle with seed {seed}");
        let pairs = (0..nodes).flat_map(|a| (0..nodes).map(move |b| (a, b)));
        pairs.into_iter().all(|(a, b)| {
            other.is_directed(a, b) == found.is_directed(order[a], order[b])
                && other.is_undirected(a, b) == found.is_undirected(order[a], order[b])
        })
    }

    // Few rows on dense graphs: what is found contradicts itself often.
    #[test]
    fn the_order_of_columns_changes_nothing_and_graphs_are_acyclic() {
        for seed in 0..1000 {
            let nodes = 5 + seed as usize % 5;
            let dag = random_dag(seed, nodes, 0.25 + 0.05 * (seed % 6) as f64);
            let data = linear_rows(&dag, 60 + 40 * (seed as usize % 7), seed);
            assert!(is_same_in_another_order(&data, IndependenceTest::FisherZ, seed), "seed {seed}");
            if seed % 4 == 0 {
                let signs = data.columns().iter().map(|c| c.iter().map(|v| f64::from(*v > 0.0)).collect());
                let signs = Table::new(data.names().iter().cloned().zip(signs).collect()).expect("finite");
                assert!(is_same_in_another_order(&signs, IndependenceTest::GSquare, seed), "signs, seed {seed}");
            }
        }
    }

    #[test]
    fn numbers_in_names_go_by_their_size() {
        let names = ["X10", "price", "X2", "X1", "X1b", "2"].map(String::from);
        let sorted: Vec<&str> = by_name(&names).into_iter().map(|j| names[j].as_str()).collect();
        assert_eq!(sorted, ["2", "X1", "X1b", "X2", "X10", "price"]);
    }

    #[test]
    fn scaling_and_row_order_change_nothing_and_graphs_are_acyclic() {
        for seed in 0..6 {
            let dag = random_dag(seed, 7, 0.3);
            let data = linear_rows(&dag, 400, seed);
            let scaled = Table::new(
                data.names()
                    .iter()
                    .zip(data.columns())
                    .map(|(n, c)| (n.clone(), c.iter().rev().map(|v| 7.0 - 1e3 * v).collect()))
                    .collect(),
            )
            .expect("finite");
            let found = run(&data, &Knowledge::none(7));
            assert_eq!(found, run(&scaled, &Knowledge::none(7)));
            assert!(found.topological_order().is_ok());
        }
    }
}
