//! Orders of constant demand: the economic order quantity and its relatives (Snyder and Shen,
//! chapter 3).

use serde::Serialize;

use super::{InventoryError, not_negative, positive};

/// A lot and what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EconomicOrder {
    /// Units per order.
    pub quantity: f64,
    /// Cost per unit of time, purchases excluded.
    pub cost: f64,
    /// Share of demand that waits (backorders only).
    pub backordered_share: f64,
}

/// The lot that balances a fixed cost per order with holding cost per unit and time.
///
/// # Errors
/// `fixed_cost`, `holding_cost`, `demand_rate` must be positive.
pub fn economic_order_quantity(
    fixed_cost: f64,
    holding_cost: f64,
    demand_rate: f64,
) -> Result<EconomicOrder, InventoryError> {
    positive("fixed_cost", fixed_cost)?;
    positive("holding_cost", holding_cost)?;
    positive("demand_rate", demand_rate)?;
    Ok(EconomicOrder {
        quantity: (2.0 * fixed_cost * demand_rate / holding_cost).sqrt(),
        cost: (2.0 * fixed_cost * demand_rate * holding_cost).sqrt(),
        backordered_share: 0.0,
    })
}

/// The same when customers wait at `stockout_cost` per unit and time.
pub fn backorders(
    fixed_cost: f64,
    holding_cost: f64,
    stockout_cost: f64,
    demand_rate: f64,
) -> Result<EconomicOrder, InventoryError> {
    let plain = economic_order_quantity(fixed_cost, holding_cost, demand_rate)?;
    positive("stockout_cost", stockout_cost)?;
    let both = holding_cost + stockout_cost;
    Ok(EconomicOrder {
        quantity: plain.quantity * (both / stockout_cost).sqrt(),
        cost: plain.cost * (stockout_cost / both).sqrt(),
        backordered_share: holding_cost / both,
    })
}

/// The same when lots arrive at `production_rate`, which must exceed demand.
pub fn production_quantity(
    fixed_cost: f64,
    holding_cost: f64,
    demand_rate: f64,
    production_rate: f64,
) -> Result<EconomicOrder, InventoryError> {
    positive("demand_rate", demand_rate)?;
    if !(production_rate.is_finite() && production_rate > demand_rate) {
        return Err(InventoryError {
            field: "production_rate",
            value: production_rate,
            bound: "a finite number above the demand rate",
        });
    }
    economic_order_quantity(fixed_cost, holding_cost * (1.0 - demand_rate / production_rate), demand_rate)
}

/// A price that holds from a quantity on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tier {
    /// Smallest quantity of the tier; 0 for the first.
    pub from: f64,
    pub unit_cost: f64,
}

/// A lot under quantity discounts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountedOrder {
    pub quantity: f64,
    /// Index of the tier the lot falls into.
    pub tier: usize,
    /// Cost per unit of time, purchases included.
    pub cost: f64,
}

fn check_tiers(tiers: &[Tier]) -> Result<(), InventoryError> {
    let Some(first) = tiers.first() else {
        return Err(InventoryError { field: "number of tiers", value: 0.0, bound: "at least 1" });
    };
    if first.from != 0.0 {
        return Err(InventoryError { field: "start of the first tier", value: first.from, bound: "0" });
    }
    for tier in tiers {
        positive("unit_cost", tier.unit_cost)?;
    }
    for pair in tiers.windows(2) {
        if !(pair[1].from > pair[0].from && pair[1].from.is_finite()) {
            return Err(InventoryError {
                field: "start of a tier",
                value: pair[1].from,
                bound: "above the start of the tier before it",
            });
        }
        if pair[1].unit_cost > pair[0].unit_cost {
            return Err(InventoryError {
                field: "unit_cost",
                value: pair[1].unit_cost,
                bound: "at most the unit cost of the tier before it",
            });
        }
    }
    Ok(())
}

/// Best lot when a tier's price applies to every unit of it. Holding costs are `holding_rate` of
/// the unit cost.
pub fn all_units_discount(
    fixed_cost: f64,
    holding_rate: f64,
    demand_rate: f64,
    tiers: &[Tier],
) -> Result<DiscountedOrder, InventoryError> {
    positive("fixed_cost", fixed_cost)?;
    positive("holding_cost_rate", holding_rate)?;
    positive("demand_rate", demand_rate)?;
    check_tiers(tiers)?;
    let mut best: Option<DiscountedOrder> = None;
    for (k, tier) in tiers.iter().enumerate() {
        let holding = holding_rate * tier.unit_cost;
        let free = (2.0 * fixed_cost * demand_rate / holding).sqrt();
        let end = tiers.get(k + 1).map_or(f64::INFINITY, |next| next.from);
        if free >= end {
            // The next tier is cheaper at its first unit than anything in this one.
            continue;
        }
        let quantity = free.max(tier.from);
        let cost = tier.unit_cost * demand_rate + fixed_cost * demand_rate / quantity + holding * quantity / 2.0;
        if best.is_none_or(|b| cost < b.cost) {
            best = Some(DiscountedOrder { quantity, tier: k, cost });
        }
    }
    Ok(best.expect("the last tier has no end, so it always has a lot"))
}

/// Best lot when a tier's price applies only to the units within the tier.
pub fn incremental_discount(
    fixed_cost: f64,
    holding_rate: f64,
    demand_rate: f64,
    tiers: &[Tier],
) -> Result<DiscountedOrder, InventoryError> {
    positive("fixed_cost", fixed_cost)?;
    positive("holding_cost_rate", holding_rate)?;
    positive("demand_rate", demand_rate)?;
    check_tiers(tiers)?;
    let mut best: Option<DiscountedOrder> = None;
    // What the units below the tier cost more than the tier's own price.
    let mut extra = 0.0;
    for (k, tier) in tiers.iter().enumerate() {
        if k > 0 {
            extra += (tiers[k - 1].unit_cost - tier.unit_cost) * tier.from;
        }
        not_negative("discount", extra)?;
        let holding = holding_rate * tier.unit_cost;
        let fixed = fixed_cost + extra;
        let quantity = (2.0 * fixed * demand_rate / holding).sqrt();
        let end = tiers.get(k + 1).map_or(f64::INFINITY, |next| next.from);
        if quantity < tier.from || quantity >= end {
            continue;
        }
        let cost =
            tier.unit_cost * demand_rate + holding_rate * extra / 2.0 + (2.0 * fixed * demand_rate * holding).sqrt();
        if best.is_none_or(|b| cost < b.cost) {
            best = Some(DiscountedOrder { quantity, tier: k, cost });
        }
    }
    Ok(best.expect("one tier's lot falls into it: the average cost curve is continuous"))
}
