//! Greedy equivalence search: insert the edge that improves the score most until none does, then
//! delete, always moving between classes of graphs.
//!
//! Chickering (2002), JMLR 3:507; operators and their validity are theorems 15 and 17 there.

use super::equivalence::{completed, extension};
use super::pc::for_each_subset;
use super::pdag::{NodeSet, Pdag, bit, members};
use super::score::{LocalScores, ScoreKind};
use crate::error::Result;
use crate::progress::Progress;
use crate::table::Table;

/// Improvements below this are rounding.
const GAIN: f64 = 1e-9;

/// Learns the class of graphs with the best score found.
///
/// # Errors
/// As [`LocalScores::new`]; cancelled.
pub fn ges(data: &Table, kind: ScoreKind, progress: &mut Progress<'_>) -> Result<Pdag> {
    let mut scores = LocalScores::new(data, kind)?;
    let nodes = data.width();
    let mut graph = Pdag::empty(nodes)?;
    let mut steps = 0;
    // Forward and backward are repeated: a second round can only improve the score.
    loop {
        let mut moved = false;
        while let Some(better) = best_insertion(&graph, &mut scores)? {
            graph = better;
            steps += 1;
            moved = true;
            progress.report(steps, steps.max(2 * nodes))?;
        }
        let mut deleted = false;
        while let Some(better) = best_deletion(&graph, &mut scores)? {
            graph = better;
            steps += 1;
            deleted = true;
            progress.report(steps, steps.max(2 * nodes))?;
        }
        if !(moved && deleted) {
            return Ok(graph);
        }
    }
}

fn best_insertion(graph: &Pdag, scores: &mut LocalScores) -> Result<Option<Pdag>> {
    let nodes = graph.nodes();
    let mut best: Option<(f64, Pdag)> = None;
    for y in 0..nodes {
        for x in (0..nodes).filter(|&x| x != y && !graph.is_adjacent(x, y)) {
            let shared = graph.neighbours(y) & graph.adjacent(x);
            let free: Vec<usize> = members(graph.neighbours(y) & !graph.adjacent(x)).collect();
            for size in 0..=free.len() {
                let mut any_clique = false;
                for_each_subset(&free, size, &mut |turned| {
                    let joint = shared | turned;
                    if !graph.is_clique(joint) {
                        return Ok(());
                    }
                    any_clique = true;
                    // Every semi-directed path from y to x must be blocked, or a cycle could appear.
                    if graph.possible_descendants(y, joint) & bit(x) != 0 {
                        return Ok(());
                    }
                    let base = joint | graph.parents(y);
                    let gain = scores.of(y, base | bit(x)) - scores.of(y, base);
                    if gain > best.as_ref().map_or(GAIN, |(g, _)| *g) {
                        let mut next = graph.clone();
                        next.set_directed(x, y);
                        members(turned).for_each(|t| next.set_directed(t, y));
                        if let Ok(dag) = extension(&next) {
                            best = Some((gain, completed(&dag)));
                        }
                    }
                    Ok(())
                })?;
                // Supersets of sets that are no clique are none either.
                if !any_clique {
                    break;
                }
            }
        }
    }
    Ok(best.map(|(_, graph)| graph))
}

fn best_deletion(graph: &Pdag, scores: &mut LocalScores) -> Result<Option<Pdag>> {
    let nodes = graph.nodes();
    let mut best: Option<(f64, Pdag)> = None;
    for y in 0..nodes {
        for x in members(graph.parents(y) | graph.neighbours(y)) {
            let shared = graph.neighbours(y) & graph.adjacent(x);
            let items: Vec<usize> = members(shared).collect();
            for size in 0..=items.len() {
                for_each_subset(&items, size, &mut |turned: NodeSet| {
                    let kept = shared & !turned;
                    if !graph.is_clique(kept) {
                        return Ok(());
                    }
                    let base = (kept | graph.parents(y)) & !bit(x);
                    let gain = scores.of(y, base) - scores.of(y, base | bit(x));
                    if gain > best.as_ref().map_or(GAIN, |(g, _)| *g) {
                        let mut next = graph.clone();
                        next.remove(x, y);
                        for h in members(turned) {
                            next.set_directed(y, h);
                            if graph.is_undirected(x, h) {
                                next.set_directed(x, h);
                            }
                        }
                        if let Ok(dag) = extension(&next) {
                            best = Some((gain, completed(&dag)));
                        }
                    }
                    Ok(())
                })?;
            }
        }
    }
    Ok(best.map(|(_, graph)| graph))
}

#[cfg(test)]
mod tests {
    use super::super::equivalence::tests::random_dag;
    use super::super::pc::tests::linear_rows;
    use super::*;

    #[test]
    fn large_samples_give_the_true_class_or_one_that_scores_higher() {
        let mut exact = 0;
        for seed in 0..8 {
            let dag = random_dag(seed, 6, 0.35);
            let data = linear_rows(&dag, 20_000, seed + 50);
            let found = ges(&data, ScoreKind::bic(), &mut Progress::silent()).expect("runs");
            assert!(found.topological_order().is_ok());
            let mut scores = LocalScores::new(&data, ScoreKind::bic()).expect("valid");
            let mut total = |graph: &Pdag| -> f64 { (0..6).map(|v| scores.of(v, graph.parents(v))).sum() };
            let (ours, truth) = (total(&extension(&found).expect("extends")), total(&dag));
            assert!(ours >= truth - 1e-6, "seed {seed}: {ours} below {truth}");
            exact += usize::from(found == completed(&dag));
        }
        assert!(exact >= 7, "{exact} of 8");
    }

    #[test]
    fn the_order_of_columns_does_not_matter() {
        let dag = random_dag(3, 5, 0.4);
        let data = linear_rows(&dag, 3000, 4);
        let order: Vec<usize> = (0..5).rev().collect();
        let names: Vec<String> = order.iter().map(|&j| data.names()[j].clone()).collect();
        let turned = data.select(&names).expect("there");
        let run = |t: &Table| ges(t, ScoreKind::bic(), &mut Progress::silent()).expect("runs");
        let (a, b) = (run(&data), run(&turned));
        for i in 0..5 {
            for j in 0..5 {
                assert_eq!(a.is_directed(order[i], order[j]), b.is_directed(i, j));
            }
        }
    }
}
