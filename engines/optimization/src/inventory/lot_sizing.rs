//! Orders for demand that is known but varies: Wagner and Whitin (1958), exactly.

use serde::Serialize;

use super::{InventoryError, not_negative};

/// When and how much to order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LotSizing {
    /// Order of each period.
    pub orders: Vec<f64>,
    /// Set-ups, stock and purchases over the horizon.
    pub cost: f64,
    /// Cost from each period to the end, when its stock is zero; one more than the periods, last 0.
    pub cost_to_go: Vec<f64>,
    /// For each period that orders: the period of the next order (the number of periods if none).
    pub next_order: Vec<usize>,
}

/// The cheapest orders that meet `demand`; `holding_cost`, `fixed_cost` and `unit_cost` are given
/// per period (a slice of one holds for all).
pub fn wagner_whitin(
    demand: &[f64],
    holding_cost: &[f64],
    fixed_cost: &[f64],
    unit_cost: &[f64],
) -> Result<LotSizing, InventoryError> {
    let periods = demand.len();
    if periods == 0 {
        return Err(InventoryError { field: "number of periods", value: 0.0, bound: "at least 1" });
    }
    for &d in demand {
        not_negative("demand", d)?;
    }
    for (field, values) in [("holding_cost", holding_cost), ("fixed_cost", fixed_cost), ("unit_cost", unit_cost)] {
        if values.len() != 1 && values.len() != periods {
            return Err(InventoryError {
                field,
                value: values.len() as f64,
                bound: "one number, or one for each period",
            });
        }
        for &v in values {
            not_negative(field, v)?;
        }
    }
    let at = |values: &[f64], t: usize| values[if values.len() == 1 { 0 } else { t }];
    let mut cost_to_go = vec![0.0; periods + 1];
    let mut next_order = vec![periods; periods];
    for t in (0..periods).rev() {
        let mut best = f64::INFINITY;
        let mut stock_cost = 0.0;
        // Cost of holding one unit from t to the period looked at.
        let mut carry = 0.0;
        let mut bought = 0.0;
        for next in t + 1..=periods {
            let last = next - 1;
            if last > t {
                carry += at(holding_cost, last - 1);
            }
            stock_cost += carry * demand[last];
            bought += demand[last];
            let cost = at(fixed_cost, t) + stock_cost + at(unit_cost, t) * bought + cost_to_go[next];
            if cost < best {
                best = cost;
                next_order[t] = next;
            }
        }
        // A period without demand may also wait.
        if demand[t] == 0.0 && cost_to_go[t + 1] < best {
            best = cost_to_go[t + 1];
            next_order[t] = t + 1;
        }
        cost_to_go[t] = best;
    }
    let mut orders = vec![0.0; periods];
    let mut t = 0;
    while t < periods {
        let next = next_order[t];
        orders[t] = demand[t..next].iter().sum();
        t = next;
    }
    Ok(LotSizing { orders, cost: cost_to_go[0], cost_to_go, next_order })
}
