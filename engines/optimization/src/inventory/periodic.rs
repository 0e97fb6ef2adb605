//! Periodic review, `(s, S)`: below `s`, order up to `S` (Snyder and Shen, chapter 4).

use serde::Serialize;

use super::distribution::{Poisson, normal_cdf};
use super::newsvendor::poisson_mean;
use super::{InventoryError, not_negative, positive};

/// A reorder level and an order-up-to level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MinMax {
    pub reorder_level: f64,
    pub up_to: f64,
    /// Expected cost per period, where the method gives one.
    pub cost: Option<f64>,
}

/// Poisson demand: the exact optimum (Zheng and Federgruen, 1991).
pub fn min_max_poisson(
    holding_cost: f64,
    stockout_cost: f64,
    fixed_cost: f64,
    demand_mean: f64,
) -> Result<MinMax, InventoryError> {
    positive("holding_cost", holding_cost)?;
    positive("stockout_cost", stockout_cost)?;
    positive("fixed_cost", fixed_cost)?;
    positive("demand_mean", demand_mean)?;
    poisson_mean(demand_mean)?;
    let demand = Poisson::new(demand_mean);
    let rate = |y: i64| {
        let (over, under) = demand.losses(y);
        holding_cost * over + stockout_cost * under
    };
    // Renewal densities m(j) and sums M(j) of demand, grown as needed.
    struct Renewal<'a> {
        demand: &'a Poisson,
        density: Vec<f64>,
        sum: Vec<f64>,
    }
    impl Renewal<'_> {
        fn grow(&mut self, to: usize) {
            let none = 1.0 - self.demand.probability(0);
            while self.density.len() <= to {
                let j = self.density.len();
                let m = if j == 0 {
                    1.0 / none
                } else {
                    (1..=j).map(|l| self.demand.probability(l as u64) * self.density[j - l]).sum::<f64>() / none
                };
                self.sum.push(self.sum.last().copied().unwrap_or(0.0) + m);
                self.density.push(m);
            }
        }
    }
    let mut renewal = Renewal { demand: &demand, density: Vec::new(), sum: Vec::new() };
    let mut cost = |s: i64, big: i64| {
        let width = (big - s) as usize;
        renewal.grow(width - 1);
        let stock: f64 = (0..width).map(|j| renewal.density[j] * rate(big - j as i64)).sum();
        (fixed_cost + stock) / renewal.sum[width - 1]
    };
    let mut floor = 0i64;
    while rate(floor + 1) < rate(floor) {
        floor += 1;
    }
    let mut up_to = floor;
    let mut s = floor - 1;
    while cost(s, up_to) > rate(s) {
        s -= 1;
    }
    let mut best = cost(s, up_to);
    let mut candidate = up_to + 1;
    while rate(candidate) <= best {
        let mut found = cost(s, candidate);
        if found < best {
            up_to = candidate;
            while found <= rate(s + 1) {
                s += 1;
                found = cost(s, candidate);
            }
            best = cost(s, up_to);
        }
        candidate += 1;
    }
    Ok(MinMax { reorder_level: s as f64, up_to: up_to as f64, cost: Some(best) })
}

/// The power approximation (Ehrhardt and Mosier, 1984) for demand with a mean and a standard
/// deviation.
pub fn min_max_power(
    holding_cost: f64,
    stockout_cost: f64,
    fixed_cost: f64,
    demand_mean: f64,
    demand_sd: f64,
) -> Result<MinMax, InventoryError> {
    positive("holding_cost", holding_cost)?;
    positive("stockout_cost", stockout_cost)?;
    positive("fixed_cost", fixed_cost)?;
    positive("demand_mean", demand_mean)?;
    positive("demand_sd", demand_sd)?;
    let quantity = 1.30
        * demand_mean.powf(0.494)
        * (fixed_cost / holding_cost).powf(0.506)
        * (1.0 + demand_sd * demand_sd / (demand_mean * demand_mean)).powf(0.116);
    let z = (quantity / (demand_sd * stockout_cost / holding_cost)).sqrt();
    let s = 0.973 * demand_mean + demand_sd * (0.183 / z + 1.063 - 2.192 * z);
    Ok(MinMax { reorder_level: s, up_to: s + quantity, cost: None })
}

/// `(s, S)` for each period of a finite horizon.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FinitePolicy {
    pub reorder_level: Vec<i64>,
    pub up_to: Vec<i64>,
    /// Expected cost over the horizon from an empty stock.
    pub cost: f64,
}

/// What a finite horizon costs.
#[derive(Debug, Clone, Copy)]
pub struct FiniteCosts {
    pub holding: f64,
    pub stockout: f64,
    pub terminal_holding: f64,
    pub terminal_stockout: f64,
    pub purchase: f64,
    pub fixed: f64,
}

/// Backorders, normal demand rounded to whole units, exact dynamic programme over whole stocks.
/// `periods` is at most 1,000 and demand at most 10,000 units a period.
pub fn finite_horizon(
    periods: usize,
    costs: FiniteCosts,
    demand_mean: f64,
    demand_sd: f64,
) -> Result<FinitePolicy, InventoryError> {
    for (field, value) in [
        ("holding_cost", costs.holding),
        ("stockout_cost", costs.stockout),
        ("terminal_holding_cost", costs.terminal_holding),
        ("terminal_stockout_cost", costs.terminal_stockout),
        ("purchase_cost", costs.purchase),
        ("fixed_cost", costs.fixed),
        ("demand_mean", demand_mean),
    ] {
        not_negative(field, value)?;
    }
    positive("demand_sd", demand_sd)?;
    if !(1..=1000).contains(&periods) {
        return Err(InventoryError { field: "number of periods", value: periods as f64, bound: "between 1 and 1000" });
    }
    let most = (demand_mean + 8.0 * demand_sd).ceil();
    if most > 10_000.0 {
        return Err(InventoryError {
            field: "demand_mean plus 8 standard deviations",
            value: most,
            bound: "at most 10000 units a period",
        });
    }
    let top = most as i64;
    let cdf = |d: f64| normal_cdf((d - demand_mean) / demand_sd);
    let mut demand: Vec<f64> = (0..=top)
        .map(|d| {
            let d = d as f64;
            if d == 0.0 { cdf(0.5) } else { cdf(d + 0.5) - cdf(d - 0.5) }
        })
        .collect();
    let total: f64 = demand.iter().sum();
    demand.iter_mut().for_each(|p| *p /= total);

    // Stocks from `low` to `high`; below `low` the policy orders, so costs go on linearly.
    let low = -(periods as i64) * top;
    let high = top * (periods as i64).min(4);
    let size = (high - low + 1) as usize;
    let index = |x: i64| (x.clamp(low, high) - low) as usize;
    let mut value: Vec<f64> = (low..=high)
        .map(|x| if x >= 0 { costs.terminal_holding * x as f64 } else { -costs.terminal_stockout * x as f64 })
        .collect();
    let mut reorder_level = vec![0; periods];
    let mut up_to = vec![0; periods];
    let begin = -top;
    for t in (0..periods).rev() {
        // Cost of starting a period with y after ordering, purchases of y included.
        let after: Vec<f64> = (begin..=high)
            .map(|y| {
                let mut sum = costs.purchase * y as f64;
                for (d, p) in demand.iter().enumerate() {
                    let x = y - d as i64;
                    let stock = if x >= 0 { costs.holding * x as f64 } else { -costs.stockout * x as f64 };
                    sum += p * (stock + value[index(x)]);
                }
                sum
            })
            .collect();
        let (best, least) =
            after.iter().enumerate().fold((0, f64::INFINITY), |a, (k, &v)| if v < a.1 { (k, v) } else { a });
        let s = (0..=best).rev().find(|&k| after[k] > least + costs.fixed).map_or(begin - 1, |k| begin + k as i64);
        reorder_level[t] = s;
        up_to[t] = begin + best as i64;
        let mut new_value = vec![0.0; size];
        for x in low..=high {
            new_value[index(x)] = -costs.purchase * x as f64
                + if x <= s || x < begin { least + costs.fixed } else { after[(x - begin) as usize] };
        }
        value = new_value;
    }
    Ok(FinitePolicy { reorder_level, up_to, cost: value[index(0)] })
}
