//! Gomory's mixed-integer cuts (Gomory, 1960; Balas et al., 1996).

use super::efficacy::rated;
use super::tree::Tree;
use crate::effort::Effort;
use crate::lp::simplex::{BoundedRow as Row, Place};

/// How far from whole a value must be to be worth a cut.
const AWAY: f64 = 0.01;

impl Tree<'_> {
    pub(super) fn gomory_cuts(
        &mut self,
        fractional: &[(usize, f64)],
        x: &[f64],
        cuts: &mut Vec<(f64, Row)>,
        effort: &mut Effort,
    ) {
        let n = self.simplex.n;
        let mut slot_of = vec![usize::MAX; n];
        for (slot, &var) in self.simplex.head.iter().enumerate() {
            if (var as usize) < n {
                slot_of[var as usize] = slot;
            }
        }
        let mut candidates: Vec<(usize, f64)> =
            fractional.iter().copied().filter(|&(_, v)| (v - v.round()).abs() > AWAY).collect();
        candidates.sort_by(|a, b| {
            let key = |v: f64| (v - v.floor() - 0.5).abs();
            key(a.1).total_cmp(&key(b.1)).then(a.0.cmp(&b.0))
        });
        for &(b, _) in candidates.iter().take(100) {
            if slot_of[b] == usize::MAX {
                continue;
            }
            if let Some(row) = self.gomory(slot_of[b], b)
                && let Some(found) = rated(row, x)
            {
                cuts.push(found);
            }
            self.simplex.charge(effort);
            if effort.is_over() {
                return;
            }
        }
    }

    pub(super) fn gomory(&mut self, slot: usize, b: usize) -> Option<Row> {
        self.simplex.compute_rho(slot);
        self.simplex.compute_pivot_row();
        let s = &self.simplex;
        let n = s.n;
        let scale = s.col_scale[b];
        let beta = s.value(b);
        let f0 = beta - beta.floor();
        if !(AWAY..=1.0 - AWAY).contains(&f0) {
            return None;
        }
        let mut terms: Vec<(usize, f64)> = Vec::new();
        let mut rhs = 1.0;
        let weight = |a: f64, whole: bool| {
            if whole {
                let f = a - a.floor();
                if f <= f0 { f / f0 } else { (1.0 - f) / (1.0 - f0) }
            } else if a > 0.0 {
                a / f0
            } else {
                -a / (1.0 - f0)
            }
        };
        for &j in &s.pivot_row.idx {
            let j = j as usize;
            if s.place[j] == Place::Basic || s.lower[j] == s.upper[j] {
                continue;
            }
            let a = s.pivot_row.val[j] * scale / s.col_scale[j];
            if a.abs() < 1e-11 {
                continue;
            }
            let (lo, hi) = (s.lower[j] * s.col_scale[j], s.upper[j] * s.col_scale[j]);
            let whole = self.problem.integer[j];
            match s.place[j] {
                Place::Lower => {
                    let g = weight(a, whole);
                    terms.push((j, g));
                    rhs += g * lo;
                }
                Place::Upper => {
                    let g = weight(-a, whole);
                    terms.push((j, -g));
                    rhs -= g * hi;
                }
                _ => return None,
            }
        }
        let mut slack_terms: Vec<(usize, f64)> = Vec::new();
        for &p in &s.rho.idx {
            let i = s.factors.row_at[p as usize] as usize;
            let j = n + i;
            if s.place[j] == Place::Basic || s.lower[j] == s.upper[j] {
                continue;
            }
            let a = s.rho.val[p as usize] * scale * s.row_scale[i];
            if a.abs() < 1e-11 {
                continue;
            }
            let (row, lo, hi) = self.row_at(i);
            let whole = self.whole_row(i);
            // s_i = -a_i x between -hi and -lo.
            match s.place[j] {
                Place::Lower => {
                    let g = weight(a, whole);
                    rhs += g * -hi;
                    slack_terms.extend(row.iter().map(|&(k, v)| (k, -g * v)));
                }
                Place::Upper => {
                    let g = weight(-a, whole);
                    rhs -= g * -lo;
                    slack_terms.extend(row.iter().map(|&(k, v)| (k, g * v)));
                }
                _ => return None,
            }
        }
        terms.extend(slack_terms);
        let terms = crate::model::merged(terms);
        self.cleaned(terms, rhs)
    }
}
