//! Partially directed graphs.

use serde::{Deserialize, Serialize};

use crate::error::{EvidenceError, Result};

/// The largest number of nodes a graph here may have: sets of nodes are bits of a `u128`.
pub const MAX_NODES: usize = 128;

/// A set of nodes, one bit each.
pub type NodeSet = u128;

/// The nodes of a set, ascending.
pub fn members(set: NodeSet) -> impl Iterator<Item = usize> {
    let mut rest = set;
    std::iter::from_fn(move || {
        (rest != 0).then(|| {
            let node = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            node
        })
    })
}

/// The set of one node.
pub fn bit(node: usize) -> NodeSet {
    1 << node
}

/// A graph whose edges are directed or undirected; at most one edge joins two nodes.
///
/// Nodes are numbers `0..nodes`; names live with the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdag {
    /// `out[i]` has j when i -> j or i - j.
    out: Vec<NodeSet>,
    /// `into[j]` has i when i -> j or i - j.
    into: Vec<NodeSet>,
}

/// Edges as lists of pairs, sorted: the form for people and files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeLists {
    pub directed: Vec<[usize; 2]>,
    /// Each with the smaller node first.
    pub undirected: Vec<[usize; 2]>,
}

impl Pdag {
    /// A graph without edges.
    ///
    /// # Errors
    /// More than [`MAX_NODES`] nodes.
    pub fn empty(nodes: usize) -> Result<Self> {
        if nodes > MAX_NODES {
            return Err(EvidenceError::OutOfRange {
                name: "the number of variables",
                value: nodes as f64,
                bound: format!("at most {MAX_NODES}"),
            });
        }
        Ok(Pdag { out: vec![0; nodes], into: vec![0; nodes] })
    }

    /// Every pair joined by an undirected edge.
    ///
    /// # Errors
    /// As [`Pdag::empty`].
    pub fn complete(nodes: usize) -> Result<Self> {
        let mut graph = Pdag::empty(nodes)?;
        for a in 0..nodes {
            for b in 0..a {
                graph.set_undirected(a, b);
            }
        }
        Ok(graph)
    }

    /// A graph from its edges.
    ///
    /// # Errors
    /// As [`Pdag::empty`]; an edge to a node that is not there is [`EvidenceError::OutOfRange`].
    pub fn from_edges(nodes: usize, directed: &[[usize; 2]], undirected: &[[usize; 2]]) -> Result<Self> {
        let mut graph = Pdag::empty(nodes)?;
        for &[a, b] in directed.iter().chain(undirected) {
            if a >= nodes || b >= nodes || a == b {
                return Err(EvidenceError::OutOfRange {
                    name: "a node of an edge",
                    value: a.max(b) as f64,
                    bound: format!("below {nodes}, and not joined to itself"),
                });
            }
        }
        directed.iter().for_each(|&[a, b]| graph.set_directed(a, b));
        undirected.iter().for_each(|&[a, b]| graph.set_undirected(a, b));
        Ok(graph)
    }

    pub fn nodes(&self) -> usize {
        self.out.len()
    }

    pub fn set_directed(&mut self, from: usize, to: usize) {
        self.remove(from, to);
        self.out[from] |= bit(to);
        self.into[to] |= bit(from);
    }

    pub fn set_undirected(&mut self, a: usize, b: usize) {
        self.out[a] |= bit(b);
        self.out[b] |= bit(a);
        self.into[a] |= bit(b);
        self.into[b] |= bit(a);
    }

    pub fn remove(&mut self, a: usize, b: usize) {
        self.out[a] &= !bit(b);
        self.out[b] &= !bit(a);
        self.into[a] &= !bit(b);
        self.into[b] &= !bit(a);
    }

    pub fn is_directed(&self, from: usize, to: usize) -> bool {
        self.out[from] & bit(to) != 0 && self.out[to] & bit(from) == 0
    }

    pub fn is_undirected(&self, a: usize, b: usize) -> bool {
        self.out[a] & self.into[a] & bit(b) != 0
    }

    pub fn is_adjacent(&self, a: usize, b: usize) -> bool {
        self.adjacent(a) & bit(b) != 0
    }

    pub fn adjacent(&self, node: usize) -> NodeSet {
        self.out[node] | self.into[node]
    }

    pub fn parents(&self, node: usize) -> NodeSet {
        self.into[node] & !self.out[node]
    }

    pub fn children(&self, node: usize) -> NodeSet {
        self.out[node] & !self.into[node]
    }

    /// Nodes joined by an undirected edge.
    pub fn neighbours(&self, node: usize) -> NodeSet {
        self.out[node] & self.into[node]
    }

    /// Whether every two nodes of the set are adjacent.
    pub fn is_clique(&self, set: NodeSet) -> bool {
        members(set).all(|node| set & !bit(node) & !self.adjacent(node) == 0)
    }

    /// Nodes reachable from `from` along edges that `step` gives for a node, without entering `blocked`.
    fn reach(&self, from: NodeSet, blocked: NodeSet, step: impl Fn(usize) -> NodeSet) -> NodeSet {
        let mut seen = from & !blocked;
        let mut frontier = seen;
        while frontier != 0 {
            let mut next = 0;
            for node in members(frontier) {
                next |= step(node);
            }
            frontier = next & !seen & !blocked;
            seen |= frontier;
        }
        seen
    }

    /// The node and all that it reaches along directed edges.
    pub fn descendants(&self, node: usize) -> NodeSet {
        self.reach(bit(node), 0, |n| self.children(n))
    }

    /// The node and all from which directed edges lead to it.
    pub fn ancestors(&self, node: usize) -> NodeSet {
        self.reach(bit(node), 0, |n| self.parents(n))
    }

    /// The node and all it may reach when undirected edges may point either way, not entering `blocked`.
    pub fn possible_descendants(&self, node: usize, blocked: NodeSet) -> NodeSet {
        self.reach(bit(node), blocked, |n| self.out[n])
    }

    /// The node and all that may reach it when undirected edges may point either way.
    pub fn possible_ancestors(&self, node: usize) -> NodeSet {
        self.reach(bit(node), 0, |n| self.into[n])
    }

    /// Nodes in an order in which every directed edge goes forward.
    ///
    /// # Errors
    /// [`EvidenceError::Cyclic`], naming a node (`X1`, …) of a cycle.
    pub fn topological_order(&self) -> Result<Vec<usize>> {
        let n = self.nodes();
        let mut placed: NodeSet = 0;
        let mut order = Vec::with_capacity(n);
        while order.len() < n {
            let next = (0..n).find(|&v| placed & bit(v) == 0 && self.parents(v) & !placed == 0);
            match next {
                Some(v) => {
                    placed |= bit(v);
                    order.push(v);
                }
                None => {
                    let stuck = (0..n).find(|&v| placed & bit(v) == 0).unwrap_or(0);
                    return Err(EvidenceError::Cyclic { node: format!("X{}", stuck + 1) });
                }
            }
        }
        Ok(order)
    }

    pub fn has_undirected(&self) -> bool {
        (0..self.nodes()).any(|v| self.neighbours(v) != 0)
    }

    pub fn edges(&self) -> EdgeLists {
        let mut lists = EdgeLists { directed: Vec::new(), undirected: Vec::new() };
        for a in 0..self.nodes() {
            for b in members(self.out[a]) {
                if self.is_directed(a, b) {
                    lists.directed.push([a, b]);
                } else if a < b {
                    lists.undirected.push([a, b]);
                }
            }
        }
        lists
    }

    /// Structural Hamming distance: pairs of nodes whose edge (none, undirected, or either direction) differs.
    ///
    /// Tsamardinos, Brown and Aliferis (2006), Machine Learning 65:31. Both graphs have the same nodes.
    pub fn hamming_distance(&self, other: &Pdag) -> usize {
        let mark = |g: &Pdag, a: usize, b: usize| (g.out[a] & bit(b) != 0, g.out[b] & bit(a) != 0);
        (0..self.nodes())
            .flat_map(|a| (0..a).map(move |b| (a, b)))
            .filter(|&(a, b)| mark(self, a, b) != mark(other, a, b))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_pairs_that_differ() {
        let a = Pdag::from_edges(4, &[[0, 1], [1, 2]], &[[2, 3]]).expect("valid");
        let b = Pdag::from_edges(4, &[[1, 0]], &[[2, 3], [0, 3]]).expect("valid");
        // 0-1 turned, 1-2 missing, 0-3 extra.
        assert_eq!(a.hamming_distance(&b), 3);
        assert_eq!(a.hamming_distance(&a), 0);
    }

    #[test]
    fn a_cycle_is_named() {
        let graph = Pdag::from_edges(3, &[[0, 1], [1, 2], [2, 0]], &[]).expect("valid");
        assert!(matches!(graph.topological_order(), Err(EvidenceError::Cyclic { .. })));
    }
}
