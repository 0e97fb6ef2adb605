//! What is known before the data speak: directions that cannot be, edges that must be, and an order in time.

use super::pdag::{NodeSet, Pdag, bit, members};
use crate::error::{EvidenceError, Result};

/// Background knowledge over `nodes` variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knowledge {
    /// `forbidden[i]` has j when i -> j is impossible.
    forbidden: Vec<NodeSet>,
    /// `required[i]` has j when i -> j is certain.
    required: Vec<NodeSet>,
}

impl Knowledge {
    /// Nothing is known.
    pub fn none(nodes: usize) -> Self {
        Knowledge { forbidden: vec![0; nodes], required: vec![0; nodes] }
    }

    /// `from` cannot cause `to` directly.
    #[must_use]
    pub fn forbid(mut self, from: usize, to: usize) -> Self {
        self.forbidden[from] |= bit(to);
        self
    }

    /// `from` certainly causes `to` directly.
    #[must_use]
    pub fn require(mut self, from: usize, to: usize) -> Self {
        self.required[from] |= bit(to);
        self.forbidden[to] |= bit(from);
        self
    }

    /// Variables in the order of tiers: a later tier cannot cause an earlier one.
    /// Variables in no tier are free.
    #[must_use]
    pub fn tiers(mut self, tiers: &[Vec<usize>]) -> Self {
        for (early, earlier) in tiers.iter().enumerate() {
            for later in &tiers[early + 1..] {
                for &from in later {
                    for &to in earlier {
                        self.forbidden[from] |= bit(to);
                    }
                }
            }
        }
        self
    }

    pub fn is_forbidden(&self, from: usize, to: usize) -> bool {
        self.forbidden[from] & bit(to) != 0
    }

    pub fn is_required(&self, from: usize, to: usize) -> bool {
        self.required[from] & bit(to) != 0
    }

    /// No edge can join the two.
    pub fn is_excluded(&self, a: usize, b: usize) -> bool {
        self.is_forbidden(a, b) && self.is_forbidden(b, a)
    }

    /// Whether a -> b may be oriented.
    pub fn allows(&self, from: usize, to: usize) -> bool {
        !self.is_forbidden(from, to) && !self.is_required(to, from)
    }

    pub fn is_empty(&self) -> bool {
        self.forbidden.iter().chain(&self.required).all(|set| *set == 0)
    }

    /// Refuses contradictions: an edge both required and forbidden, or required edges in a circle.
    ///
    /// # Errors
    /// [`EvidenceError::Contradiction`].
    pub fn check(&self) -> Result<()> {
        let nodes = self.required.len();
        let mut certain = Pdag::empty(nodes)?;
        for from in 0..nodes {
            for to in members(self.required[from]) {
                if self.is_forbidden(from, to) {
                    return Err(EvidenceError::Contradiction {
                        reason: format!("the edge X{} -> X{} is both required and forbidden", from + 1, to + 1),
                    });
                }
                certain.set_directed(from, to);
            }
        }
        certain
            .topological_order()
            .map(|_| ())
            .map_err(|_| EvidenceError::Contradiction { reason: "the required edges form a circle".into() })
    }

    /// Directs the undirected edges of a graph that knowledge decides.
    pub fn orient(&self, graph: &mut Pdag) {
        for a in 0..graph.nodes() {
            for b in members(graph.neighbours(a)) {
                if self.is_required(a, b) || self.is_forbidden(b, a) {
                    graph.set_directed(a, b);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_refused() {
        let circle = Knowledge::none(3).require(0, 1).require(1, 2).require(2, 0);
        assert!(circle.check().is_err());
        assert!(Knowledge::none(2).require(0, 1).forbid(0, 1).check().is_err());
        assert!(Knowledge::none(2).tiers(&[vec![0], vec![1]]).check().is_ok());
    }
}
