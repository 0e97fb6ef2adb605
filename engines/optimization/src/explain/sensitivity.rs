//! Prices of what binds and the ranges in which they hold (textbook ranging on the final basis;
//! Chvátal, *Linear Programming*, chapter 10).

use serde::{Deserialize, Serialize};

use crate::effort::Effort;
use crate::lp::simplex::Place;
use crate::lp::{Basis, Outcome, Simplex, relaxation};
use crate::model::{Model, Row};

/// A row that the plan uses up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    pub row: String,
    /// The row in its owner's words.
    pub says: String,
    /// The limit that binds.
    pub limit: f64,
    pub unit: String,
    /// Change of the objective per unit of the limit, in the model's own sense.
    pub shadow_price: f64,
    /// The price holds while the limit is within; `null` where it has no end.
    pub holds_from: Option<f64>,
    pub holds_to: Option<f64>,
}

/// How far one cost may move before the plan changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CostRange {
    pub decision: String,
    pub value: f64,
    pub cost: f64,
    /// The plan stands while the cost is within; `null` where it has no end.
    pub from: Option<f64>,
    pub to: Option<f64>,
    /// Change of the objective per unit forced upon the decision.
    pub marginal: f64,
}

/// How far the limit of one row may move before the plan changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitRange {
    pub row: String,
    pub says: String,
    pub limit: f64,
    pub unit: String,
    /// The same limits bind while this one is within; `null` where it has no end.
    pub from: Option<f64>,
    pub to: Option<f64>,
}

/// Prices at a plan. With whole decisions these are the prices of the rest once the whole
/// ones are settled, and `exact` is false.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Sensitivity {
    pub exact: bool,
    pub binding: Vec<Binding>,
    pub costs: Vec<CostRange>,
    /// Rows in words, binding or not.
    pub limits: Vec<LimitRange>,
}

/// At most this many cost ranges are computed: each needs a row of the inverse.
const MAX_COSTS: usize = 400;
/// At most this many binding rows get ranges.
const MAX_RANGED: usize = 400;

fn finite(v: f64) -> Option<f64> {
    v.is_finite().then_some(v)
}

/// Prices and ranges at an optimal plan `x` of a valid model.
pub fn sensitivity(model: &Model, x: &[f64], effort: &mut Effort) -> Sensitivity {
    sensitivity_from(model, x, None, effort)
}

/// The same from the basis at which a linear model was solved, if it is known.
pub(crate) fn sensitivity_from(model: &Model, x: &[f64], basis: Option<&Basis>, effort: &mut Effort) -> Sensitivity {
    let mut settled = model.clone();
    for (column, &value) in settled.columns.iter_mut().zip(x) {
        if column.integer {
            column.lower = value;
            column.upper = value;
        }
    }
    let mut simplex = relaxation(&settled);
    if let Some(basis) = basis {
        simplex.set_basis(basis);
        simplex.perturb_at_start = false;
    }
    let mut out = Sensitivity { exact: !model.has_integers(), ..Sensitivity::default() };
    if simplex.solve(effort) != Outcome::Optimal {
        return out;
    }
    let sign = model.sense.sign();
    let n = simplex.n;
    for (i, row) in model.rows.iter().enumerate() {
        let price = sign * simplex.row_dual(i);
        if !row.says.is_empty() && out.limits.len() < MAX_RANGED {
            out.limits.extend(range_of(&mut simplex, i, row));
        }
        if simplex.place[n + i] == Place::Basic || price.abs() < 1e-9 {
            continue;
        }
        let limit = -simplex.x[n + i] / simplex.row_scale[i];
        let (down, up) = if out.binding.len() < MAX_RANGED { limit_range(&mut simplex, i) } else { (0.0, 0.0) };
        out.binding.push(Binding {
            row: row.name.clone(),
            says: row.words().to_string(),
            limit,
            unit: row.unit.clone(),
            shadow_price: price,
            holds_from: finite(limit + down),
            holds_to: finite(limit + up),
        });
    }
    for (j, &value) in x.iter().enumerate() {
        if out.costs.len() >= MAX_COSTS {
            break;
        }
        if value == 0.0 || model.columns[j].integer {
            continue;
        }
        let (down, up) = cost_range(&mut simplex, j);
        let cost = model.columns[j].cost;
        let (from, to) = if sign > 0.0 { (cost + down, cost + up) } else { (cost - up, cost - down) };
        out.costs.push(CostRange {
            decision: model.columns[j].name.clone(),
            value,
            cost,
            from: finite(from),
            to: finite(to),
            marginal: sign * simplex.reduced_cost(j),
        });
    }
    effort.add(std::mem::take(&mut simplex.work));
    out
}

/// Within which limits a row may move: one that does not bind, until it does.
fn range_of(simplex: &mut Simplex, i: usize, row: &Row) -> Option<LimitRange> {
    let have = -simplex.x[simplex.n + i] / simplex.row_scale[i];
    let (limit, from, to) = if simplex.place[simplex.n + i] != Place::Basic {
        let (down, up) = limit_range(simplex, i);
        (have, have + down, have + up)
    } else if row.lower.is_finite() && row.upper == f64::INFINITY {
        (row.lower, f64::NEG_INFINITY, have.max(row.lower))
    } else if row.upper.is_finite() && row.lower == f64::NEG_INFINITY {
        (row.upper, have.min(row.upper), f64::INFINITY)
    } else {
        return None;
    };
    let (says, unit) = (row.says.clone(), row.unit.clone());
    Some(LimitRange { row: row.name.clone(), says, limit, unit, from: finite(from), to: finite(to) })
}

/// By how much the limit of a binding row may move (down, up) before another row takes over.
fn limit_range(simplex: &mut Simplex, i: usize) -> (f64, f64) {
    let logical = simplex.n + i;
    simplex.compute_column(logical);
    let (mut down, mut up) = (f64::NEG_INFINITY, f64::INFINITY);
    for &slot in &simplex.column.idx {
        let w = simplex.column.val[slot as usize];
        if w.abs() < 1e-9 {
            continue;
        }
        let j = simplex.head[slot as usize] as usize;
        let to_upper = (simplex.upper[j] - simplex.x[j]).max(0.0);
        let to_lower = (simplex.lower[j] - simplex.x[j]).min(0.0);
        // The basic variable moves by w per (scaled) unit of the limit.
        let (a, b) = (to_lower / w, to_upper / w);
        down = down.max(a.min(b));
        up = up.min(a.max(b));
    }
    let scale = simplex.row_scale[i];
    (down / scale, up / scale)
}

/// By how much the (minimisation) cost of a decision may move before the basis changes.
fn cost_range(simplex: &mut Simplex, j: usize) -> (f64, f64) {
    let scale = simplex.col_scale[j];
    match simplex.place[j] {
        Place::Lower => (-simplex.d[j] / scale, f64::INFINITY),
        Place::Upper => (f64::NEG_INFINITY, -simplex.d[j] / scale),
        Place::Free => (0.0, 0.0),
        Place::Basic => {
            let Some(slot) = simplex.head.iter().position(|&v| v as usize == j) else {
                return (0.0, 0.0);
            };
            simplex.compute_rho(slot);
            simplex.compute_pivot_row();
            let (mut down, mut up) = (f64::NEG_INFINITY, f64::INFINITY);
            let mut consider = |k: usize, a: f64| {
                if simplex.place[k] == Place::Basic || a.abs() < 1e-9 || simplex.lower[k] == simplex.upper[k] {
                    return;
                }
                // d_k - delta a must keep its sign.
                let limit = simplex.d[k] / a;
                let keeps_below = (simplex.place[k] == Place::Lower) == (a > 0.0);
                if keeps_below {
                    up = up.min(limit.max(0.0));
                } else {
                    down = down.max(limit.min(0.0));
                }
            };
            for &k in &simplex.pivot_row.idx {
                consider(k as usize, simplex.pivot_row.val[k as usize]);
            }
            for &p in &simplex.rho.idx {
                let row = simplex.factors.row_at[p as usize] as usize;
                consider(simplex.n + row, simplex.rho.val[p as usize]);
            }
            (down / scale, up / scale)
        }
    }
}
