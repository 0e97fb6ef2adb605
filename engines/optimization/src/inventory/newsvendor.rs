//! One order for uncertain demand (Snyder and Shen, chapter 4).

use serde::Serialize;

use super::distribution::{Poisson, normal_density, normal_quantile};
use super::{InventoryError, not_negative, positive};

/// A stock level for one season.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Newsvendor {
    /// Units to have in stock (or on order, with a lead time).
    pub level: f64,
    /// Expected cost of leftovers and shortages per period.
    pub cost: f64,
    /// Probability that demand is met in full.
    pub service_level: f64,
}

fn check(holding: f64, stockout: f64, lead_time: f64) -> Result<(), InventoryError> {
    positive("holding_cost", holding)?;
    positive("stockout_cost", stockout)?;
    not_negative("lead_time", lead_time)
}

/// Normal demand per period; with a `lead_time` in periods the level covers lead time plus one.
pub fn newsvendor_normal(
    holding_cost: f64,
    stockout_cost: f64,
    demand_mean: f64,
    demand_sd: f64,
    lead_time: f64,
) -> Result<Newsvendor, InventoryError> {
    check(holding_cost, stockout_cost, lead_time)?;
    positive("demand_mean", demand_mean)?;
    positive("demand_sd", demand_sd)?;
    let ratio = stockout_cost / (stockout_cost + holding_cost);
    let z = normal_quantile(ratio);
    let mean = demand_mean * (lead_time + 1.0);
    let sd = demand_sd * (lead_time + 1.0).sqrt();
    Ok(Newsvendor {
        level: mean + z * sd,
        cost: (holding_cost + stockout_cost) * sd * normal_density(z),
        service_level: ratio,
    })
}

/// Poisson demand per period. `demand_mean` times the periods covered is at most 1e6.
pub fn newsvendor_poisson(
    holding_cost: f64,
    stockout_cost: f64,
    demand_mean: f64,
    lead_time: f64,
) -> Result<Newsvendor, InventoryError> {
    check(holding_cost, stockout_cost, lead_time)?;
    positive("demand_mean", demand_mean)?;
    let mean = demand_mean * (lead_time + 1.0);
    poisson_mean(mean)?;
    let demand = Poisson::new(mean);
    let ratio = stockout_cost / (stockout_cost + holding_cost);
    let mut total = 0.0;
    let mut level = 0i64;
    for (k, p) in demand.pmf.iter().enumerate() {
        total += p;
        level = k as i64;
        if total >= ratio {
            break;
        }
    }
    let (over, under) = demand.losses(level);
    Ok(Newsvendor {
        level: level as f64,
        cost: holding_cost * over + stockout_cost * under,
        service_level: total.min(1.0),
    })
}

pub(super) fn poisson_mean(mean: f64) -> Result<(), InventoryError> {
    if mean <= 1e6 {
        Ok(())
    } else {
        Err(InventoryError {
            field: "mean demand over the lead time",
            value: mean,
            bound: "at most 1e6 (use the normal model beyond)",
        })
    }
}

/// Demand as it was seen: each of `observed` is equally likely.
pub fn newsvendor_empirical(
    holding_cost: f64,
    stockout_cost: f64,
    observed: &[f64],
) -> Result<Newsvendor, InventoryError> {
    check(holding_cost, stockout_cost, 0.0)?;
    if observed.is_empty() {
        return Err(InventoryError { field: "number of observed demands", value: 0.0, bound: "at least 1" });
    }
    for &d in observed {
        not_negative("observed demand", d)?;
    }
    let mut sorted = observed.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let ratio = stockout_cost / (stockout_cost + holding_cost);
    let at = ((ratio * n - 1e-12).ceil() as usize).clamp(1, sorted.len()) - 1;
    let level = sorted[at];
    let cost =
        sorted.iter().map(|d| holding_cost * (level - d).max(0.0) + stockout_cost * (d - level).max(0.0)).sum::<f64>()
            / n;
    let met = sorted.iter().filter(|&&d| d <= level).count() as f64;
    Ok(Newsvendor { level, cost, service_level: met / n })
}
