//! Which columns to hold fixed so that an association becomes an effect.
//!
//! Adjustment criterion for graphs and classes of graphs: Perković, Textor, Kalisch and Maathuis
//! (2018), JMLR 18:220; the set chosen has the smallest asymptotic variance, Henckel, Perković and
//! Maathuis (2022), JRSS B 84:579.

use serde::{Deserialize, Serialize};

use super::pdag::{NodeSet, Pdag, bit, members};
use crate::error::{EvidenceError, Result};

/// Whether the effect of x on y can be had from observations, given the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Identification {
    /// No directed path leads from x to y in any graph of the class.
    NoEffect,
    /// Adjusting for these nodes gives the effect.
    Adjust { set: Vec<usize> },
    /// The class disagrees: the effect depends on the direction of these undirected edges.
    Undecided { edges: Vec<[usize; 2]> },
}

/// Identifies the total effect of `x` on `y` in a directed graph or a class of graphs.
///
/// # Errors
/// A node out of range, x = y, or a directed cycle.
pub fn identify(graph: &Pdag, x: usize, y: usize) -> Result<Identification> {
    let n = graph.nodes();
    if x >= n || y >= n || x == y {
        return Err(EvidenceError::OutOfRange {
            name: "a node",
            value: x.max(y) as f64,
            bound: format!("two different ones below {n}"),
        });
    }
    graph.topological_order()?;
    if graph.possible_descendants(x, 0) & bit(y) == 0 {
        return Ok(Identification::NoEffect);
    }
    // Amenable: every possibly causal path starts with an edge directed out of x.
    let open: Vec<[usize; 2]> = members(graph.neighbours(x))
        .filter(|&v| graph.possible_descendants(v, bit(x)) & bit(y) != 0)
        .map(|v| [x.min(v), x.max(v)])
        .collect();
    if !open.is_empty() {
        return Ok(Identification::Undecided { edges: open });
    }
    let causal = causal_nodes(graph, x, y);
    let mut forbidden: NodeSet = bit(x);
    for node in members(causal) {
        forbidden |= graph.possible_descendants(node, 0);
    }
    let mut set: NodeSet = 0;
    for node in members(causal) {
        set |= graph.parents(node);
    }
    set &= !forbidden & !causal;
    Ok(Identification::Adjust { set: members(set).collect() })
}

/// Nodes on possibly causal paths from x to y, without x.
fn causal_nodes(graph: &Pdag, x: usize, y: usize) -> NodeSet {
    let from_x = members(graph.children(x)).map(|v| graph.possible_descendants(v, bit(x))).fold(0, |a, b| a | b);
    // Backwards from y without passing x.
    let mut to_y = bit(y);
    let mut frontier = to_y;
    while frontier != 0 {
        let mut next = 0;
        for node in members(frontier) {
            next |= graph.parents(node) | graph.neighbours(node);
        }
        frontier = next & !to_y & !bit(x);
        to_y |= frontier;
    }
    from_x & to_y
}

/// Whether `x` and `y` are d-separated by `given` in a directed acyclic graph.
///
/// By reachability (Shachter's Bayes ball, 1998). Undirected edges are not allowed here.
pub fn d_separated(dag: &Pdag, x: usize, y: usize, given: NodeSet) -> bool {
    let mut above: NodeSet = 0;
    for node in members(given) {
        above |= dag.ancestors(node);
    }
    // States: arrived from a child (going up) or from a parent (going down).
    let (mut up, mut down): (NodeSet, NodeSet) = (0, 0);
    let mut queue = vec![(x, true)];
    while let Some((node, going_up)) = queue.pop() {
        let seen = if going_up { &mut up } else { &mut down };
        if *seen & bit(node) != 0 {
            continue;
        }
        *seen |= bit(node);
        if node == y {
            return false;
        }
        let fixed = given & bit(node) != 0;
        if going_up && !fixed {
            queue.extend(members(dag.parents(node)).map(|p| (p, true)));
            queue.extend(members(dag.children(node)).map(|c| (c, false)));
        } else if !going_up {
            if !fixed {
                queue.extend(members(dag.children(node)).map(|c| (c, false)));
            }
            if above & bit(node) != 0 {
                queue.extend(members(dag.parents(node)).map(|p| (p, true)));
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::equivalence::{completed, tests::random_dag};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_confounder_is_adjusted_for_and_a_mediator_is_not() {
        // z -> x, z -> y, x -> m -> y.
        let dag = Pdag::from_edges(4, &[[0, 1], [0, 3], [1, 2], [2, 3]], &[]).expect("valid");
        assert_eq!(identify(&dag, 1, 3).expect("valid"), Identification::Adjust { set: vec![0] });
        assert_eq!(identify(&dag, 3, 1).expect("valid"), Identification::NoEffect);
    }

    #[test]
    fn an_undirected_edge_leaves_the_effect_undecided() {
        let class = Pdag::from_edges(2, &[], &[[0, 1]]).expect("valid");
        assert_eq!(identify(&class, 0, 1).expect("valid"), Identification::Undecided { edges: vec![[0, 1]] });
    }

    proptest! {
        #[test]
        fn the_set_blocks_every_path_that_is_not_causal(seed in 0u64..3000, nodes in 3usize..9) {
            let dag = random_dag(seed, nodes, 0.45);
            for x in 0..nodes {
                for y in 0..nodes {
                    if x == y { continue; }
                    if let Identification::Adjust { set } = identify(&dag, x, y).expect("valid") {
                        // Without the first edges of causal paths, x and y must be separated by the set.
                        let mut cut = dag.clone();
                        for child in members(dag.children(x)) {
                            if dag.descendants(child) & bit(y) != 0 {
                                cut.remove(x, child);
                            }
                        }
                        let given = set.iter().fold(0, |s, &v| s | bit(v));
                        prop_assert!(d_separated(&cut, x, y, given));
                        prop_assert!(given & dag.descendants(x) == 0);
                    }
                }
            }
        }

        #[test]
        fn what_a_class_identifies_holds_in_its_graphs(seed in 0u64..3000, nodes in 3usize..7) {
            let dag = random_dag(seed, nodes, 0.4);
            let class = completed(&dag);
            for x in 0..nodes {
                for y in 0..nodes {
                    if x == y { continue; }
                    if identify(&class, x, y).expect("valid") == Identification::NoEffect {
                        prop_assert_eq!(identify(&dag, x, y).expect("valid"), Identification::NoEffect);
                    }
                }
            }
        }
    }
}
