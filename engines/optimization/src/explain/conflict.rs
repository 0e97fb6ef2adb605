//! Why there is no plan: an irreducible conflict by the deletion filter (Chinneck and Dravnieks,
//! 1991), and the smallest single changes that would end it.

use serde::{Deserialize, Serialize};

use crate::effort::Effort;
use crate::lp::{Outcome, Status, relaxation};
use crate::mip::{self, Guidance, Problem};
use crate::model::{Model, Role};

/// One side of the argument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Member {
    /// A row of the model, by index.
    Row { index: usize, says: String },
    /// The lower bound of a column.
    Lower { index: usize, says: String },
    /// The upper bound of a column.
    Upper { index: usize, says: String },
}

impl Member {
    pub fn says(&self) -> &str {
        match self {
            Member::Row { says, .. } | Member::Lower { says, .. } | Member::Upper { says, .. } => says,
        }
    }
}

/// Rules that cannot all be kept; without any one of them the rest can.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    pub members: Vec<Member>,
    /// Every member was proven necessary and the set proven impossible. False only when the work
    /// limit ended the proof; then the set is a conflict but may hold a member too many.
    pub verified: bool,
}

/// A change that ends the conflict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repair {
    pub says: String,
    /// The limit as it is.
    pub from: f64,
    /// The nearest limit that leaves a plan.
    pub to: f64,
    /// The change relative to the size of the limit: what repairs are ranked by.
    pub relative: f64,
    pub unit: String,
    /// Not enough alone: all changes marked so are needed together.
    #[serde(default)]
    pub together: bool,
}

/// Whether a model, objective aside, has a plan; `None` when the work ran out.
fn has_plan(model: &Model, effort: &mut Effort) -> Option<bool> {
    let mut bare = Problem::from_model(model);
    bare.cost.fill(0.0);
    if model.has_integers() {
        let guidance = Guidance { sign: 1.0, depth: 1, ..Guidance::default() };
        let answer = effort.silently(|effort| mip::solve(&bare, &guidance, effort));
        return match answer.status {
            Status::Optimal | Status::Feasible => Some(true),
            Status::Infeasible => Some(false),
            _ => None,
        };
    }
    let mut simplex = bare.simplex();
    match simplex.solve(effort) {
        Outcome::Optimal | Outcome::Unbounded => Some(true),
        Outcome::Infeasible => Some(false),
        _ => None,
    }
}

/// Finds an irreducible conflict of an infeasible model. Structure rows stay in force and are never
/// members; bounds are members only where no rule row is (`bounds_too`).
///
/// Returns `None` if the model has a plan or the work ended before a conflict was proven.
pub fn conflict(model: &Model, bounds_too: bool, effort: &mut Effort) -> Option<Conflict> {
    if has_plan(model, effort)? {
        return None;
    }
    let mut verified = true;
    let mut current = model.clone();
    let rules: Vec<usize> = (0..model.rows.len()).filter(|&i| model.rows[i].role == Role::Rule).collect();
    let mut kept: Vec<usize> = rules.clone();
    // The relaxation's own proof names few rows: start from those when they suffice.
    if let Some(proof) = proof_rows(model, effort) {
        let mut small = model.clone();
        for &i in &rules {
            if !proof.contains(&i) {
                release_row(&mut small, i);
            }
        }
        if has_plan(&small, effort) == Some(false) {
            kept.retain(|i| proof.contains(i));
            current = small;
        }
    }
    // Halves first: long lists shrink in few solves.
    let mut chunk = kept.len().div_ceil(2);
    while chunk >= 1 {
        let mut at = 0;
        while at < kept.len() {
            let part: Vec<usize> = kept[at..(at + chunk).min(kept.len())].to_vec();
            let mut trial = current.clone();
            for &i in &part {
                release_row(&mut trial, i);
            }
            match has_plan(&trial, effort) {
                Some(false) => {
                    current = trial;
                    kept.retain(|i| !part.contains(i));
                }
                Some(true) => at += part.len(),
                None => {
                    verified = false;
                    at += part.len();
                }
            }
        }
        if chunk == 1 {
            break;
        }
        chunk = chunk.div_ceil(2).min(kept.len().div_ceil(2)).max(1);
    }
    let mut members: Vec<Member> =
        kept.iter().map(|&i| Member::Row { index: i, says: model.rows[i].words().to_string() }).collect();
    if bounds_too {
        filter_bounds(model, &mut current, &kept, &mut members, &mut verified, effort);
    }
    Some(Conflict { members, verified })
}

fn filter_bounds(
    model: &Model,
    current: &mut Model,
    kept: &[usize],
    members: &mut Vec<Member>,
    verified: &mut bool,
    effort: &mut Effort,
) {
    let mut mentioned = vec![false; model.columns.len()];
    for (i, row) in model.rows.iter().enumerate() {
        if row.role == Role::Structure || kept.contains(&i) {
            for &(j, _) in &row.terms {
                mentioned[j] = true;
            }
        }
    }
    for (j, &used) in mentioned.iter().enumerate() {
        let column = &model.columns[j];
        for upper in [false, true] {
            let bound = if upper { column.upper } else { column.lower };
            if !bound.is_finite() {
                continue;
            }
            let mut trial = current.clone();
            if upper {
                trial.columns[j].upper = f64::INFINITY;
            } else {
                trial.columns[j].lower = f64::NEG_INFINITY;
            }
            let verdict = if used || model.columns[j].lower > model.columns[j].upper {
                has_plan(&trial, effort)
            } else {
                Some(false)
            };
            match verdict {
                Some(false) => {
                    *current = trial;
                    continue;
                }
                Some(true) => {}
                None => *verified = false,
            }
            let side = if upper { "at most" } else { "at least" };
            let says = format!("{} must be {side} {bound}", column.name);
            members.push(if upper { Member::Upper { index: j, says } } else { Member::Lower { index: j, says } });
        }
    }
}

fn release_row(model: &mut Model, i: usize) {
    let row = &mut model.rows[i];
    row.lower = f64::NEG_INFINITY;
    row.upper = f64::INFINITY;
    row.terms.clear();
}

/// Rows with a weight in the relaxation's proof that there is no plan.
fn proof_rows(model: &Model, effort: &mut Effort) -> Option<Vec<usize>> {
    let mut bare = model.clone();
    for column in &mut bare.columns {
        column.cost = 0.0;
    }
    let mut simplex = relaxation(&bare);
    if simplex.solve(effort) != Outcome::Infeasible {
        return None;
    }
    let rows = simplex
        .rho
        .idx
        .iter()
        .filter(|&&p| simplex.rho.val[p as usize].abs() > 1e-9)
        .map(|&p| simplex.factors.row_at[p as usize] as usize)
        .collect();
    Some(rows)
}

/// For each row of a conflict, the smallest change of its limit that leaves a plan when every other
/// rule is kept; smallest relative change first. A row that cannot end the conflict alone (there may
/// be a second one elsewhere) is left out.
pub fn repairs(model: &Model, conflict: &Conflict, effort: &mut Effort) -> Vec<Repair> {
    let mut out = Vec::new();
    for member in &conflict.members {
        let &Member::Row { index, .. } = member else {
            continue;
        };
        let row = &model.rows[index];
        let mut elastic = model.clone();
        elastic.sense = crate::model::Sense::Min;
        for column in &mut elastic.columns {
            column.cost = 0.0;
        }
        let above = elastic.column("above", 1.0, 0.0, f64::INFINITY);
        let below = elastic.column("below", 1.0, 0.0, f64::INFINITY);
        elastic.rows[index].terms.push((above, -1.0));
        elastic.rows[index].terms.push((below, 1.0));
        let Ok(answer) = effort.silently(|effort| crate::solve::solve(&elastic, 0, effort)) else {
            continue;
        };
        let Some(x) = answer.x else { continue };
        let (over, under) = (x[above], x[below]);
        let (from, to) = if over > under { (row.upper, row.upper + over) } else { (row.lower, row.lower - under) };
        out.push(Repair {
            says: row.words().to_string(),
            from,
            to,
            relative: (to - from).abs() / from.abs().max(1.0),
            unit: row.unit.clone(),
            together: false,
        });
    }
    if out.is_empty() {
        out = joint_repair(model, effort);
    }
    out.sort_by(|a, b| a.relative.total_cmp(&b.relative));
    out
}

/// The changes of rules that together leave a plan at the least relative change in sum: the way out
/// when there are several conflicts.
fn joint_repair(model: &Model, effort: &mut Effort) -> Vec<Repair> {
    let mut elastic = model.clone();
    elastic.sense = crate::model::Sense::Min;
    for column in &mut elastic.columns {
        column.cost = 0.0;
    }
    let mut slack = Vec::new();
    for i in 0..model.rows.len() {
        let row = &model.rows[i];
        if row.role == Role::Rule {
            let limit = if row.upper.is_finite() { row.upper } else { row.lower };
            let cost = 1.0 / limit.abs().max(1.0);
            let above = elastic.column("above", cost, 0.0, f64::INFINITY);
            let below = elastic.column("below", cost, 0.0, f64::INFINITY);
            elastic.rows[i].terms.extend([(above, -1.0), (below, 1.0)]);
            slack.push((i, above, below));
        }
    }
    let answer = effort.silently(|effort| crate::solve::solve(&elastic, 0, effort));
    let Some(x) = answer.ok().and_then(|answer| answer.x) else { return Vec::new() };
    let moved = slack.into_iter().filter(|&(_, above, below)| x[above] > 1e-7 || x[below] > 1e-7);
    moved
        .map(|(i, above, below)| {
            let row = &model.rows[i];
            let (from, to) =
                if x[above] > x[below] { (row.upper, row.upper + x[above]) } else { (row.lower, row.lower - x[below]) };
            let relative = (to - from).abs() / from.abs().max(1.0);
            Repair { says: row.words().to_string(), from, to, relative, unit: row.unit.clone(), together: true }
        })
        .collect()
}
