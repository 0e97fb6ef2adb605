//! Between graphs and the classes of graphs that no observation can tell apart.
//!
//! Dor and Tarsi (1992, UCLA technical report R-185) for the extension; Chickering (1995, UAI 11:87)
//! for the completed graph of a class.

use super::knowledge::Knowledge;
use super::meek;
use super::pdag::{NodeSet, Pdag, bit, members};
use crate::error::{EvidenceError, Result};

/// A directed acyclic graph with the edges and colliders of `graph`.
///
/// # Errors
/// [`EvidenceError::NotIdentifiable`] when none exists.
pub fn extension(graph: &Pdag) -> Result<Pdag> {
    let n = graph.nodes();
    let mut rest = graph.clone();
    let mut dag = graph.clone();
    let mut left: NodeSet = (0..n).map(bit).fold(0, |a, b| a | b);
    while left != 0 {
        // A sink whose undirected neighbours are adjacent to all its other adjacent nodes can go last.
        let sink = members(left).find(|&v| {
            rest.children(v) == 0
                && members(rest.neighbours(v)).all(|u| rest.adjacent(v) & !bit(u) & !rest.adjacent(u) == 0)
        });
        let Some(v) = sink else {
            return Err(EvidenceError::NotIdentifiable {
                reason: "the graph has no directed acyclic form with the same colliders".into(),
            });
        };
        for u in members(rest.neighbours(v)) {
            dag.set_directed(u, v);
        }
        for u in members(rest.adjacent(v)) {
            rest.remove(u, v);
        }
        left &= !bit(v);
    }
    Ok(dag)
}

/// The completed partially directed graph of a directed acyclic graph: an edge is directed exactly
/// when all graphs of the class agree on its direction.
pub fn completed(dag: &Pdag) -> Pdag {
    let mut class = dag.clone();
    for a in 0..dag.nodes() {
        for b in members(dag.children(a)) {
            let collider = members(dag.parents(b)).any(|c| c != a && !dag.is_adjacent(a, c));
            if !collider {
                class.set_undirected(a, b);
            }
        }
    }
    let order: Vec<usize> = (0..dag.nodes()).collect();
    meek::close(&mut class, &Knowledge::none(dag.nodes()), &order);
    class
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::random::Random;
    use proptest::prelude::*;

    /// A random graph: edges only from earlier to later nodes.
    pub(in super::super) fn random_dag(seed: u64, nodes: usize, density: f64) -> Pdag {
        let mut random = Random::new(seed);
        let mut dag = Pdag::empty(nodes).expect("small");
        for b in 0..nodes {
            for a in 0..b {
                if random.uniform() < density {
                    dag.set_directed(a, b);
                }
            }
        }
        dag
    }

    #[test]
    fn a_chain_is_undirected_and_a_collider_is_not() {
        let chain = Pdag::from_edges(3, &[[0, 1], [1, 2]], &[]).expect("valid");
        assert_eq!(completed(&chain).edges().undirected.len(), 2);
        let collider = Pdag::from_edges(3, &[[0, 1], [2, 1]], &[]).expect("valid");
        assert_eq!(completed(&collider), collider);
    }

    proptest! {
        #[test]
        fn extending_a_class_and_completing_it_gives_the_class(seed in 0u64..5000, nodes in 2usize..9) {
            let class = completed(&random_dag(seed, nodes, 0.4));
            let member = extension(&class).expect("a class has members");
            prop_assert!(member.topological_order().is_ok());
            prop_assert_eq!(completed(&member), class);
        }
    }
}
