//! Safety stock and reorder points from what is known of demand and lead time.

use serde::Serialize;

use super::distribution::{normal_cdf, normal_loss, normal_quantile};
use super::{InventoryError, not_negative, positive, share};

/// Demand over a lead time, both uncertain and independent (Silver, Pyke and Thomas, section 6.10).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeadTimeDemand {
    pub mean: f64,
    pub sd: f64,
}

impl LeadTimeDemand {
    /// From demand per period and the lead time in periods.
    pub fn new(
        demand_mean: f64,
        demand_sd: f64,
        lead_time_mean: f64,
        lead_time_sd: f64,
    ) -> Result<Self, InventoryError> {
        not_negative("demand_mean", demand_mean)?;
        not_negative("demand_sd", demand_sd)?;
        positive("lead_time_mean", lead_time_mean)?;
        not_negative("lead_time_sd", lead_time_sd)?;
        Ok(Self {
            mean: demand_mean * lead_time_mean,
            sd: (lead_time_mean * demand_sd * demand_sd + (demand_mean * lead_time_sd).powi(2)).sqrt(),
        })
    }
}

/// A reorder point and the part of it that is there for uncertainty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SafetyStock {
    pub reorder_point: f64,
    pub safety_stock: f64,
    /// Probability of no stock-out in a cycle.
    pub cycle_service_level: f64,
    /// Share of demand served from stock, when the lot is known.
    pub fill_rate: Option<f64>,
}

/// The reorder point at which a cycle has no stock-out with probability `service_level`.
pub fn reorder_point_for_service_level(
    demand: LeadTimeDemand,
    service_level: f64,
) -> Result<SafetyStock, InventoryError> {
    share("service_level", service_level)?;
    let safety = normal_quantile(service_level) * demand.sd;
    Ok(SafetyStock {
        reorder_point: demand.mean + safety,
        safety_stock: safety,
        cycle_service_level: service_level,
        fill_rate: None,
    })
}

/// The reorder point at which a share `fill_rate` of demand is served from stock, with lots of
/// `quantity`.
pub fn reorder_point_for_fill_rate(
    demand: LeadTimeDemand,
    quantity: f64,
    fill_rate: f64,
) -> Result<SafetyStock, InventoryError> {
    share("fill_rate", fill_rate)?;
    positive("quantity", quantity)?;
    if demand.sd == 0.0 {
        return Ok(SafetyStock {
            reorder_point: demand.mean,
            safety_stock: 0.0,
            cycle_service_level: 1.0,
            fill_rate: Some(1.0),
        });
    }
    let target = (1.0 - fill_rate) * quantity / demand.sd;
    let (mut low, mut high) = (-target - 10.0, 40.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if normal_loss(middle) > target {
            low = middle;
        } else {
            high = middle;
        }
    }
    let z = 0.5 * (low + high);
    Ok(SafetyStock {
        reorder_point: demand.mean + z * demand.sd,
        safety_stock: z * demand.sd,
        cycle_service_level: normal_cdf(z),
        fill_rate: Some(fill_rate),
    })
}

/// The same from sampled demand over the lead time (paths of a forecast, or history): the smallest
/// sample that covers a share `service_level` of all.
pub fn reorder_point_empirical(lead_time_demand: &[f64], service_level: f64) -> Result<SafetyStock, InventoryError> {
    share("service_level", service_level)?;
    if lead_time_demand.is_empty() {
        return Err(InventoryError { field: "number of samples", value: 0.0, bound: "at least 1" });
    }
    for &d in lead_time_demand {
        not_negative("sampled demand", d)?;
    }
    let mut sorted = lead_time_demand.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let at = ((service_level * n - 1e-12).ceil() as usize).clamp(1, sorted.len()) - 1;
    let mean = sorted.iter().sum::<f64>() / n;
    let covered = sorted.iter().filter(|&&d| d <= sorted[at]).count() as f64 / n;
    Ok(SafetyStock {
        reorder_point: sorted[at],
        safety_stock: sorted[at] - mean,
        cycle_service_level: covered,
        fill_rate: None,
    })
}
