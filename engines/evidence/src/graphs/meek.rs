//! Meek's rules: directions that follow from those already known.
//!
//! Meek (1995), UAI 11:403. Rules 1 to 3 suffice without background knowledge; rule 4 is needed with it.

use super::knowledge::Knowledge;
use super::pdag::{Pdag, bit, members};

/// Applies the rules until nothing changes. An edge that would close a directed cycle stays undirected.
///
/// Where directed edges contradict each other, as those learnt from data may, an edge can follow in both directions: the
/// first that is met stands, of the pairs in this `order` of the nodes. Elsewhere the order is nothing.
pub fn close(graph: &mut Pdag, knowledge: &Knowledge, order: &[usize]) {
    let fourth = !knowledge.is_empty();
    loop {
        let mut changed = false;
        for (a, b) in ordered_pairs(graph, order) {
            changed |= follows(graph, a, b, first) && direct(graph, knowledge, a, b);
        }
        for (a, b) in ordered_pairs(graph, order) {
            changed |= follows(graph, a, b, second) && direct(graph, knowledge, a, b);
        }
        for (a, b) in ordered_pairs(graph, order) {
            changed |= follows(graph, a, b, third) && direct(graph, knowledge, a, b);
        }
        if fourth {
            for (a, b) in ordered_pairs(graph, order) {
                changed |= follows(graph, a, b, rule_four) && direct(graph, knowledge, a, b);
            }
        }
        if !changed {
            return;
        }
    }
}

fn ordered_pairs(graph: &Pdag, order: &[usize]) -> Vec<(usize, usize)> {
    let pairs = order.iter().flat_map(|a| order.iter().map(move |b| (*a, *b)));
    pairs.filter(|(a, b)| graph.is_undirected(*a, *b)).collect()
}

fn follows(graph: &Pdag, a: usize, b: usize, rule: fn(&Pdag, usize, usize) -> bool) -> bool {
    graph.is_undirected(a, b) && rule(graph, a, b)
}

fn direct(graph: &mut Pdag, knowledge: &Knowledge, a: usize, b: usize) -> bool {
    if !knowledge.allows(a, b) || graph.descendants(b) & bit(a) != 0 {
        return false;
    }
    graph.set_directed(a, b);
    true
}

/// c -> a - b with c and b not adjacent: a -> b, or a new collider would appear at a.
fn first(graph: &Pdag, a: usize, b: usize) -> bool {
    graph.parents(a) & !graph.adjacent(b) & !bit(b) != 0
}

/// a -> c -> b with a - b: a -> b, or a cycle would appear.
fn second(graph: &Pdag, a: usize, b: usize) -> bool {
    graph.children(a) & graph.parents(b) != 0
}

/// a - c -> b and a - d -> b, c and d not adjacent, a - b: a -> b.
fn third(graph: &Pdag, a: usize, b: usize) -> bool {
    let middle = graph.neighbours(a) & graph.parents(b);
    members(middle).any(|c| middle & !graph.adjacent(c) & !bit(c) != 0)
}

/// a - d -> c -> b, a adjacent to c, d and b not adjacent, a - b: a -> b.
fn rule_four(graph: &Pdag, a: usize, b: usize) -> bool {
    members(graph.parents(b) & graph.adjacent(a))
        .any(|c| graph.parents(c) & graph.neighbours(a) & !graph.adjacent(b) & !bit(b) != 0)
}
