//! Meek's rules: directions that follow from those already known.
//!
//! Meek (1995), UAI 11:403. Rules 1 to 3 suffice without background knowledge; rule 4 is needed with it.

use super::knowledge::Knowledge;
use super::pdag::{Pdag, bit, members};

/// Applies the rules until nothing changes.
///
/// Where the directed edges contradict each other, as those learnt from data may, an edge that the rules would direct
/// both ways, or into a cycle, stays undirected. All edges of a round see the same graph: the order of nodes is nothing.
pub fn close(graph: &mut Pdag, knowledge: &Knowledge) {
    let rules: &[fn(&Pdag, usize, usize) -> bool] = match knowledge.is_empty() {
        true => &[first, second, third],
        false => &[first, second, third, fourth],
    };
    let mut open = Pdag::clone(graph);
    loop {
        let follows = |a: usize, b: usize| knowledge.allows(a, b) && rules.iter().any(|rule| rule(graph, a, b));
        let mut directed = Vec::new();
        for (a, b) in ordered_pairs(&open) {
            if graph.is_undirected(a, b) && follows(a, b) {
                directed.push((a, b));
            }
        }
        if directed.is_empty() {
            return;
        }
        // What contradicts itself is asked no more.
        let mut next = graph.clone();
        for &(a, b) in &directed {
            open.remove(a, b);
            if !directed.contains(&(b, a)) {
                next.set_directed(a, b);
            }
        }
        let circular: Vec<_> = directed.iter().filter(|(a, b)| next.descendants(*b) & bit(*a) != 0).collect();
        for &&(a, b) in &circular {
            next.remove(a, b);
            next.set_undirected(a, b);
        }
        *graph = next;
    }
}

fn ordered_pairs(graph: &Pdag) -> Vec<(usize, usize)> {
    (0..graph.nodes()).flat_map(|a| members(graph.neighbours(a)).map(move |b| (a, b))).collect()
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
fn fourth(graph: &Pdag, a: usize, b: usize) -> bool {
    members(graph.parents(b) & graph.adjacent(a))
        .any(|c| graph.parents(c) & graph.neighbours(a) & !graph.adjacent(b) & !bit(b) != 0)
}
