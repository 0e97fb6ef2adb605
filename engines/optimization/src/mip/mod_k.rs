//! Mod-k cuts (Caprara, Fischetti and Letchford, 2000): sums of whole rows, divided by a small prime and
//! rounded down, that a relaxation breaks by as much as such a cut can be broken. Where everyone works five
//! days of seven, what five people cover between them is a fifth of a sum of rows: halving cannot see it.

use super::tree::Tree;
use super::zero_half::{Measured, Side, rounded_sum};
use crate::effort::Effort;
use crate::lp::simplex::BoundedRow;

const PRIMES: [u8; 3] = [3, 5, 7];
/// Sides of rows looked at in one round.
const LINES: usize = 1500;
/// Cuts taken from one round and prime.
const FOUND: usize = 60;
/// A side is tight when the point leaves no more of it than this.
const TIGHT: f64 = 1e-6;

impl Tree<'_> {
    pub(super) fn mod_k_cuts(&self, x: &[f64], effort: &mut Effort) -> Vec<BoundedRow> {
        let measured: Vec<Option<Measured>> = (0..x.len()).map(|j| self.measured(j, x[j])).collect();
        let mut sides = self.whole_sides(x, &measured, effort);
        sides.retain(|side| side.slack < TIGHT);
        sides.truncate(LINES);
        let mut place = vec![usize::MAX; x.len()];
        let mut columns = 0;
        for (j, m) in measured.iter().enumerate() {
            if m.is_some_and(|m| m.away > TIGHT) {
                place[j] = columns;
                columns += 1;
            }
        }
        let mut out = Vec::new();
        for prime in PRIMES {
            if effort.is_over() {
                break;
            }
            out.extend(cuts_of(&sides, &place, columns, prime, effort));
        }
        out
    }
}

/// Combinations of tight rows in which every column away from its bound has a multiple of `prime` and the
/// limit has none: such a sum, divided and rounded down, is broken by what the limit loses.
fn cuts_of(sides: &[Side], place: &[usize], columns: usize, prime: u8, effort: &mut Effort) -> Vec<BoundedRow> {
    let residue = |v: f64| v.rem_euclid(f64::from(prime)) as u8;
    // One line a row: residues by column, then of the limit, then the row's own part in every row.
    let width = columns + 1 + sides.len();
    let mut lines: Vec<Vec<u8>> = sides
        .iter()
        .enumerate()
        .map(|(k, side)| {
            let mut line = vec![0u8; width];
            for &(j, v, _) in &side.coefficients {
                if place[j] != usize::MAX {
                    line[place[j]] = residue(v);
                }
            }
            line[columns] = residue(side.limit);
            line[columns + 1 + k] = 1;
            line
        })
        .collect();
    let mut order: Vec<(usize, usize)> =
        (0..columns).map(|c| (lines.iter().filter(|line| line[c] != 0).count(), c)).collect();
    order.sort_unstable();
    effort.add((lines.len() * columns) as u64 / 8);
    let inverse = |v: u8| (1..prime).find(|i| i * v % prime == 1).unwrap_or(1);
    for (_, column) in order {
        let weight = |line: &[u8]| line.iter().filter(|&&v| v != 0).count();
        let Some(pivot) = (0..lines.len()).filter(|&k| lines[k][column] != 0).min_by_key(|&k| weight(&lines[k])) else {
            continue;
        };
        let pivot = lines.swap_remove(pivot);
        let to_one = inverse(pivot[column]);
        for line in &mut lines {
            if line[column] == 0 {
                continue;
            }
            let factor = (prime - line[column]) * to_one % prime;
            for (a, &b) in line.iter_mut().zip(&pivot) {
                *a = (*a + factor * b) % prime;
            }
            effort.add(width as u64 / 8);
        }
        if effort.is_over() {
            return Vec::new();
        }
    }
    // What is left has only multiples in every column.
    let mut found: Vec<&Vec<u8>> = lines.iter().filter(|line| line[columns] != 0).collect();
    found.sort_by_key(|line| line.iter().filter(|&&v| v != 0).count());
    found
        .into_iter()
        .take(FOUND)
        .filter_map(|line| {
            // The multiple whose limit loses most: all but one part.
            let times = (prime - 1) * inverse(line[columns]) % prime;
            let weights = line[columns + 1..].iter().enumerate().filter(|(_, w)| **w != 0);
            let weights = weights.map(|(k, &w)| (k, f64::from(w * times % prime)));
            rounded_sum(sides, weights, f64::from(prime))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::mip::zero_half::tests::tried;

    #[test]
    fn every_whole_plan_keeps_every_cut_and_the_relaxation_breaks_it() {
        let found = tried((11, 5), 0.5, |tree, x, effort| tree.mod_k_cuts(x, effort));
        assert!(found > 100, "{found}");
    }
}
