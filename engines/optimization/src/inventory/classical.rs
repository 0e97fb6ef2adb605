//! Classical problems by name with their inputs as JSON: the form files and benchmarks use.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    FiniteCosts, InventoryError, LeadTimeDemand, Tier, all_units_discount, backorders, economic_order_quantity,
    finite_horizon, incremental_discount, min_max_poisson, min_max_power, newsvendor_empirical, newsvendor_normal,
    newsvendor_poisson, production_quantity, reorder_backorder_split, reorder_expected_level, reorder_loss_function,
    reorder_point_empirical, reorder_point_for_fill_rate, reorder_point_for_service_level, reorder_poisson,
    reorder_safety_stock, wagner_whitin,
};
use crate::model::ModelError;

/// Names that [`solve_classical`] knows.
pub const KINDS: [&str; 20] = [
    "eoq",
    "eoqb",
    "epq",
    "economic_order_quantity_with_all_units_discounts",
    "economic_order_quantity_with_incremental_discounts",
    "newsvendor_normal",
    "newsvendor_normal_L4",
    "newsvendor_poisson",
    "newsvendor_empirical",
    "wagner_whitin",
    "s_s_discrete_exact",
    "s_s_power_approximation",
    "r_q_eil_approximation",
    "r_q_eoqb_approximation",
    "r_q_eoqss_approximation",
    "r_q_loss_function_approximation",
    "r_q_poisson_exact",
    "finite_horizon_dp",
    "safety_stock",
    "safety_stock_empirical",
];

/// Whether a kind is a classical problem.
pub fn is_classical(kind: &str) -> bool {
    KINDS.contains(&kind)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Inputs {
    fixed_cost: Option<f64>,
    holding_cost: Option<f64>,
    holding_cost_rate: Option<f64>,
    stockout_cost: Option<f64>,
    terminal_holding_cost: Option<f64>,
    terminal_stockout_cost: Option<f64>,
    purchase_cost: Option<f64>,
    demand_rate: Option<f64>,
    production_rate: Option<f64>,
    breakpoints: Option<Vec<f64>>,
    unit_costs: Option<Vec<f64>>,
    demand_mean: Option<f64>,
    demand_sd: Option<f64>,
    lead_time: Option<f64>,
    num_periods: Option<usize>,
    demand: Option<Vec<f64>>,
    lead_time_sd: Option<f64>,
    service_level: Option<f64>,
    fill_rate: Option<f64>,
    quantity: Option<f64>,
    lead_time_demand: Option<Vec<f64>>,
}

fn need<T>(field: &str, value: Option<T>) -> Result<T, ModelError> {
    value.ok_or_else(|| ModelError::OutOfRange {
        field: format!("inputs.{field}"),
        value: "missing".into(),
        bound: "given".into(),
    })
}

fn refused(error: InventoryError) -> ModelError {
    ModelError::OutOfRange {
        field: format!("inputs.{}", error.field),
        value: error.value.to_string(),
        bound: error.bound.to_string(),
    }
}

/// Solves a classical problem: the answer is a JSON object of its policy and cost.
pub fn solve_classical(kind: &str, inputs: &Value) -> Result<Value, ModelError> {
    let i: Inputs =
        serde_json::from_value(inputs.clone()).map_err(|error| ModelError::Malformed(format!("inputs: {error}")))?;
    let fixed = || need("fixed_cost", i.fixed_cost);
    let holding = || need("holding_cost", i.holding_cost);
    let stockout = || need("stockout_cost", i.stockout_cost);
    let rate = || need("demand_rate", i.demand_rate);
    let mean = || need("demand_mean", i.demand_mean);
    let sd = || need("demand_sd", i.demand_sd);
    let tiers = || -> Result<Vec<Tier>, ModelError> {
        let from = need("breakpoints", i.breakpoints.clone())?;
        let costs = need("unit_costs", i.unit_costs.clone())?;
        if from.len() != costs.len() {
            return Err(ModelError::OutOfRange {
                field: "the length of inputs.unit_costs".into(),
                value: costs.len().to_string(),
                bound: format!("{}, the length of breakpoints", from.len()),
            });
        }
        Ok(from.into_iter().zip(costs).map(|(from, unit_cost)| Tier { from, unit_cost }).collect())
    };
    let reorder = |policy: Result<super::ReorderPolicy, InventoryError>| {
        policy.map(|p| json!({"r": p.reorder_point, "Q": p.quantity, "cost": p.cost})).map_err(refused)
    };
    let lead = || need("lead_time", i.lead_time);
    match kind {
        "eoq" => economic_order_quantity(fixed()?, holding()?, rate()?)
            .map(|a| json!({"Q": a.quantity, "cost": a.cost}))
            .map_err(refused),
        "eoqb" => backorders(fixed()?, holding()?, stockout()?, rate()?)
            .map(|a| json!({"Q": a.quantity, "x": a.backordered_share, "cost": a.cost}))
            .map_err(refused),
        "epq" => production_quantity(fixed()?, holding()?, rate()?, need("production_rate", i.production_rate)?)
            .map(|a| json!({"Q": a.quantity, "cost": a.cost}))
            .map_err(refused),
        "economic_order_quantity_with_all_units_discounts" | "economic_order_quantity_with_incremental_discounts" => {
            let solve = if kind.contains("all_units") { all_units_discount } else { incremental_discount };
            let share = need("holding_cost_rate", i.holding_cost_rate)?;
            solve(fixed()?, share, rate()?, &tiers()?)
                .map(|a| json!({"Q": a.quantity, "region": a.tier, "cost": a.cost}))
                .map_err(refused)
        }
        "newsvendor_normal" | "newsvendor_normal_L4" => {
            newsvendor_normal(holding()?, stockout()?, mean()?, sd()?, i.lead_time.unwrap_or(0.0))
                .map(|a| json!({"S": a.level, "cost": a.cost}))
                .map_err(refused)
        }
        "newsvendor_poisson" => newsvendor_poisson(holding()?, stockout()?, mean()?, i.lead_time.unwrap_or(0.0))
            .map(|a| json!({"S": a.level, "cost": a.cost}))
            .map_err(refused),
        "newsvendor_empirical" => newsvendor_empirical(holding()?, stockout()?, &need("demand", i.demand.clone())?)
            .map(|a| json!({"S": a.level, "cost": a.cost}))
            .map_err(refused),
        "wagner_whitin" => {
            let demand = need("demand", i.demand.clone())?;
            if let Some(periods) = i.num_periods
                && periods != demand.len()
            {
                return Err(ModelError::OutOfRange {
                    field: "inputs.num_periods".into(),
                    value: periods.to_string(),
                    bound: format!("{}, the length of demand", demand.len()),
                });
            }
            wagner_whitin(&demand, &[holding()?], &[fixed()?], &[i.purchase_cost.unwrap_or(0.0)])
                .map(|a| {
                    json!({"order_quantities": a.orders, "cost": a.cost,
                       "costs_to_go": a.cost_to_go, "next_order_periods": a.next_order})
                })
                .map_err(refused)
        }
        "s_s_discrete_exact" => min_max_poisson(holding()?, stockout()?, fixed()?, mean()?)
            .map(|a| json!({"s": a.reorder_level, "S": a.up_to, "g": a.cost}))
            .map_err(refused),
        "s_s_power_approximation" => min_max_power(holding()?, stockout()?, fixed()?, mean()?, sd()?)
            .map(|a| json!({"s": a.reorder_level, "S": a.up_to}))
            .map_err(refused),
        "r_q_eil_approximation" => {
            reorder(reorder_expected_level(holding()?, stockout()?, fixed()?, mean()?, sd()?, lead()?))
        }
        "r_q_eoqb_approximation" => {
            reorder(reorder_backorder_split(holding()?, stockout()?, fixed()?, mean()?, sd()?, lead()?))
        }
        "r_q_eoqss_approximation" => {
            reorder(reorder_safety_stock(holding()?, stockout()?, fixed()?, mean()?, sd()?, lead()?))
        }
        "r_q_loss_function_approximation" => {
            reorder(reorder_loss_function(holding()?, stockout()?, fixed()?, mean()?, sd()?, lead()?))
        }
        "r_q_poisson_exact" => reorder(reorder_poisson(holding()?, stockout()?, fixed()?, mean()?, lead()?)),
        "finite_horizon_dp" => finite_horizon(
            need("num_periods", i.num_periods)?,
            FiniteCosts {
                holding: holding()?,
                stockout: stockout()?,
                terminal_holding: i.terminal_holding_cost.unwrap_or(0.0),
                terminal_stockout: i.terminal_stockout_cost.unwrap_or(0.0),
                purchase: i.purchase_cost.unwrap_or(0.0),
                fixed: fixed()?,
            },
            mean()?,
            sd()?,
        )
        .map(|a| json!({"s": a.reorder_level, "S": a.up_to, "cost": a.cost}))
        .map_err(refused),
        "safety_stock" => {
            let spread = i.lead_time_sd.unwrap_or(0.0);
            let demand = LeadTimeDemand::new(mean()?, sd()?, lead()?, spread).map_err(refused)?;
            match (i.service_level, i.fill_rate) {
                (Some(level), None) => reorder_point_for_service_level(demand, level),
                (None, Some(rate)) => reorder_point_for_fill_rate(demand, need("quantity", i.quantity)?, rate),
                _ => {
                    return Err(ModelError::OutOfRange {
                        field: "inputs.service_level and inputs.fill_rate".into(),
                        value: "both or neither".into(),
                        bound: "one of the two".into(),
                    });
                }
            }
            .map(|a| json!(a))
            .map_err(refused)
        }
        "safety_stock_empirical" => {
            let samples = need("lead_time_demand", i.lead_time_demand.clone())?;
            let level = need("service_level", i.service_level)?;
            reorder_point_empirical(&samples, level).map(|a| json!(a)).map_err(refused)
        }
        other => Err(ModelError::OutOfRange {
            field: "kind".into(),
            value: format!("{other:?}"),
            bound: "one of the classical problems".into(),
        }),
    }
}
