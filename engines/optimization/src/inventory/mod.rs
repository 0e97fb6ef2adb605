//! Inventory: classical policies with closed forms or exact dynamic programmes, safety stock, and
//! multi-product plans.
//!
//! Costs are per unit and per unit of time; rates, costs and lead times must use the same unit of
//! time. Sources: Snyder and Shen, *Fundamentals of Supply Chain Theory* (2nd ed., 2019); Zipkin,
//! *Foundations of Inventory Management* (2000).

mod classical;
pub mod distribution;
mod economic_order;
mod lot_sizing;
mod newsvendor;
mod periodic;
mod reorder;
mod safety_stock;

pub use classical::{KINDS, is_classical, solve_classical};
pub use economic_order::{
    DiscountedOrder, EconomicOrder, Tier, all_units_discount, backorders, economic_order_quantity,
    incremental_discount, production_quantity,
};
pub use lot_sizing::{LotSizing, wagner_whitin};
pub use newsvendor::{Newsvendor, newsvendor_empirical, newsvendor_normal, newsvendor_poisson};
pub use periodic::{FiniteCosts, FinitePolicy, MinMax, finite_horizon, min_max_poisson, min_max_power};
pub use reorder::{
    ReorderPolicy, reorder_backorder_split, reorder_expected_level, reorder_loss_function, reorder_poisson,
    reorder_safety_stock,
};
pub use safety_stock::{
    LeadTimeDemand, SafetyStock, reorder_point_empirical, reorder_point_for_fill_rate, reorder_point_for_service_level,
};

/// A number outside of what a formula is defined for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{field} is {value}: it must be {bound}")]
pub struct InventoryError {
    pub field: &'static str,
    pub value: f64,
    pub bound: &'static str,
}

pub(crate) fn positive(field: &'static str, value: f64) -> Result<(), InventoryError> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(InventoryError { field, value, bound: "a finite number above 0" })
    }
}

pub(crate) fn not_negative(field: &'static str, value: f64) -> Result<(), InventoryError> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(InventoryError { field, value, bound: "a finite number of at least 0" })
    }
}

pub(crate) fn share(field: &'static str, value: f64) -> Result<(), InventoryError> {
    if value > 0.0 && value < 1.0 {
        Ok(())
    } else {
        Err(InventoryError { field, value, bound: "strictly between 0 and 1" })
    }
}
