//! Continuous review, `(r, Q)`: order `Q` when the stock position falls to `r` (Snyder and Shen,
//! chapter 5).

use serde::Serialize;

use super::distribution::{Poisson, normal_cdf, normal_loss, normal_quantile, normal_second_loss, normal_tail};
use super::economic_order::{backorders, economic_order_quantity};
use super::newsvendor::poisson_mean;
use super::{InventoryError, positive};

/// A reorder point and a lot.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReorderPolicy {
    pub reorder_point: f64,
    pub quantity: f64,
    /// Expected cost per unit of time, where the method gives one.
    pub cost: Option<f64>,
}

struct LeadTime {
    mean: f64,
    sd: f64,
}

fn check(
    holding: f64,
    stockout: f64,
    fixed: f64,
    mean: f64,
    sd: f64,
    lead_time: f64,
) -> Result<LeadTime, InventoryError> {
    positive("holding_cost", holding)?;
    positive("stockout_cost", stockout)?;
    positive("fixed_cost", fixed)?;
    positive("demand_mean", mean)?;
    positive("demand_sd", sd)?;
    positive("lead_time", lead_time)?;
    Ok(LeadTime { mean: mean * lead_time, sd: sd * lead_time.sqrt() })
}

impl LeadTime {
    fn shortfall(&self, r: f64) -> f64 {
        self.sd * normal_loss((r - self.mean) / self.sd)
    }

    /// Newsvendor cost of a stock position.
    fn rate(&self, y: f64, holding: f64, stockout: f64) -> f64 {
        let short = self.shortfall(y);
        holding * (y - self.mean + short) + stockout * short
    }
}

/// Shortages cost once per unit: the expected-inventory-level approximation (Whitin, 1953),
/// alternated to its fixed point.
pub fn reorder_expected_level(
    holding_cost: f64,
    stockout_cost: f64,
    fixed_cost: f64,
    demand_mean: f64,
    demand_sd: f64,
    lead_time: f64,
) -> Result<ReorderPolicy, InventoryError> {
    let lead = check(holding_cost, stockout_cost, fixed_cost, demand_mean, demand_sd, lead_time)?;
    let mut quantity = economic_order_quantity(fixed_cost, holding_cost, demand_mean)?.quantity;
    let mut reorder = lead.mean;
    for _ in 0..10_000 {
        let tail = holding_cost * quantity / (stockout_cost * demand_mean);
        if tail >= 1.0 {
            return Err(InventoryError {
                field: "stockout_cost",
                value: stockout_cost,
                bound: "high enough that holding stock pays (above holding cost x lot / demand)",
            });
        }
        let z = if tail < 0.5 { -normal_quantile(tail) } else { normal_quantile(1.0 - tail) };
        reorder = lead.mean + z * lead.sd;
        let next = (2.0 * demand_mean * (fixed_cost + stockout_cost * lead.shortfall(reorder)) / holding_cost).sqrt();
        let moved = (next - quantity).abs();
        quantity = next;
        if moved <= 1e-13 * quantity {
            break;
        }
    }
    let cost = holding_cost * (reorder - lead.mean + quantity / 2.0)
        + fixed_cost * demand_mean / quantity
        + stockout_cost * demand_mean * lead.shortfall(reorder) / quantity;
    Ok(ReorderPolicy { reorder_point: reorder, quantity, cost: Some(cost) })
}

/// Lot of the backorder model, reorder point where the stock position's cost is the same at `r` and
/// `r + Q` (Zheng, 1992).
pub fn reorder_backorder_split(
    holding_cost: f64,
    stockout_cost: f64,
    fixed_cost: f64,
    demand_mean: f64,
    demand_sd: f64,
    lead_time: f64,
) -> Result<ReorderPolicy, InventoryError> {
    let lead = check(holding_cost, stockout_cost, fixed_cost, demand_mean, demand_sd, lead_time)?;
    let quantity = backorders(fixed_cost, holding_cost, stockout_cost, demand_mean)?.quantity;
    let best = lead.mean + lead.sd * normal_quantile(stockout_cost / (stockout_cost + holding_cost));
    let difference =
        |r: f64| lead.rate(r + quantity, holding_cost, stockout_cost) - lead.rate(r, holding_cost, stockout_cost);
    let (mut low, mut high) = (best - quantity, best);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if difference(middle) > 0.0 {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(ReorderPolicy { reorder_point: 0.5 * (low + high), quantity, cost: None })
}

/// Lot of the plain model plus a newsvendor safety stock.
pub fn reorder_safety_stock(
    holding_cost: f64,
    stockout_cost: f64,
    fixed_cost: f64,
    demand_mean: f64,
    demand_sd: f64,
    lead_time: f64,
) -> Result<ReorderPolicy, InventoryError> {
    let lead = check(holding_cost, stockout_cost, fixed_cost, demand_mean, demand_sd, lead_time)?;
    Ok(ReorderPolicy {
        reorder_point: lead.mean + lead.sd * normal_quantile(stockout_cost / (stockout_cost + holding_cost)),
        quantity: economic_order_quantity(fixed_cost, holding_cost, demand_mean)?.quantity,
        cost: None,
    })
}

/// Both from the normal loss functions of first and second order (Hadley and Whitin, 1963).
pub fn reorder_loss_function(
    holding_cost: f64,
    stockout_cost: f64,
    fixed_cost: f64,
    demand_mean: f64,
    demand_sd: f64,
    lead_time: f64,
) -> Result<ReorderPolicy, InventoryError> {
    let lead = check(holding_cost, stockout_cost, fixed_cost, demand_mean, demand_sd, lead_time)?;
    let both = holding_cost + stockout_cost;
    let mut quantity = economic_order_quantity(fixed_cost, holding_cost, demand_mean)?.quantity;
    let mut z = 0.0;
    for _ in 0..10_000 {
        // n(r) = hQ / (h + p): the loss falls from the mean side, so Newton from there is safe.
        let target = holding_cost * quantity / both / lead.sd;
        z = -target;
        for _ in 0..200 {
            let step = (normal_loss(z) - target) / normal_tail(z).max(1e-300);
            z += step;
            if step.abs() < 1e-15 * (1.0 + z.abs()) {
                break;
            }
        }
        let second = lead.sd * lead.sd * normal_second_loss(z);
        let next = (2.0 * (fixed_cost * demand_mean + both * second) / holding_cost).sqrt();
        let moved = (next - quantity).abs();
        quantity = next;
        if moved <= 1e-14 * quantity {
            break;
        }
    }
    debug_assert!(normal_cdf(z) >= 0.0);
    Ok(ReorderPolicy { reorder_point: lead.mean + z * lead.sd, quantity, cost: None })
}

/// Poisson demand, shortages cost per unit and time: the exact optimum (Federgruen and Zheng, 1992).
pub fn reorder_poisson(
    holding_cost: f64,
    stockout_cost: f64,
    fixed_cost: f64,
    demand_mean: f64,
    lead_time: f64,
) -> Result<ReorderPolicy, InventoryError> {
    check(holding_cost, stockout_cost, fixed_cost, demand_mean, 1.0, lead_time)?;
    poisson_mean(demand_mean * lead_time)?;
    let demand = Poisson::new(demand_mean * lead_time);
    let rate = |y: i64| {
        let (over, under) = demand.losses(y);
        holding_cost * over + stockout_cost * under
    };
    let mut best = 0i64;
    while rate(best + 1) < rate(best) {
        best += 1;
    }
    // Add the cheapest neighbouring position as long as it is below the average.
    let (mut low, mut high) = (best, best);
    let mut sum = fixed_cost * demand_mean + rate(best);
    let mut quantity = 1.0;
    loop {
        let (below, above) = (rate(low - 1), rate(high + 1));
        let next = below.min(above);
        if next >= sum / quantity {
            break;
        }
        if below < above {
            low -= 1;
        } else {
            high += 1;
        }
        sum += next;
        quantity += 1.0;
    }
    Ok(ReorderPolicy { reorder_point: (low - 1) as f64, quantity, cost: Some(sum / quantity) })
}
