//! Orders: demand from metrics, safety stock and reorder points from its spread over the lead time.

use std::collections::BTreeMap;

use dyocense_optimization::business::{InventoryRule, Limit, Rule};
use dyocense_optimization::inventory::{LeadTimeDemand, reorder_point_empirical, reorder_point_for_service_level};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Asked, Filled, Foreseen, FromMetric, Sources, amount, check_quantile, read, steps};
use crate::forecasting::{grouped, impossible};
use crate::runs::NoAnswer;

/// Lead times in periods.
const LONGEST_LEAD: f64 = 365.0;
const MOST_LEAD_SAMPLES: usize = 10_000;
/// Simulated futures behind a reorder point.
const PATHS: usize = 4_000;
/// Shares no factor with [`PATHS`]: pairs each path with another of the lead time's quantiles.
const STRIDE: usize = 1_597;

/// How long an order takes to arrive, in periods of the plan.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "LeadTimeFields")]
enum LeadTime {
    Normal {
        mean: f64,
        sd: f64,
    },
    /// As it was seen, each as likely as the others.
    Seen {
        samples: Vec<f64>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeadTimeFields {
    #[serde(default)]
    mean: Option<f64>,
    #[serde(default)]
    sd: Option<f64>,
    #[serde(default)]
    samples: Option<Vec<f64>>,
}

impl TryFrom<LeadTimeFields> for LeadTime {
    type Error = &'static str;

    fn try_from(fields: LeadTimeFields) -> Result<LeadTime, Self::Error> {
        match fields {
            LeadTimeFields { mean: Some(mean), sd, samples: None } => {
                Ok(LeadTime::Normal { mean, sd: sd.unwrap_or(0.0) })
            }
            LeadTimeFields { mean: None, sd: None, samples: Some(samples) } => Ok(LeadTime::Seen { samples }),
            _ => Err("a lead time needs its mean (and sd) or its samples"),
        }
    }
}

impl LeadTime {
    fn check(&self, field: &str) -> Result<(), String> {
        let within = |name: &str, value: f64| match value.is_finite() && (0.0..=LONGEST_LEAD).contains(&value) {
            true => Ok(()),
            false => Err(format!("{field}.{name} is {value}: it must be from 0 to {LONGEST_LEAD} periods")),
        };
        match self {
            LeadTime::Normal { mean, sd } => within("mean", *mean).and_then(|()| within("sd", *sd)),
            LeadTime::Seen { samples } => {
                if samples.is_empty() || samples.len() > MOST_LEAD_SAMPLES {
                    let count = samples.len();
                    return Err(format!("{field}.samples has {count} values: 1 to {MOST_LEAD_SAMPLES} are allowed"));
                }
                samples.iter().try_for_each(|value| within("samples", *value))
            }
        }
    }

    fn mean(&self) -> f64 {
        match self {
            LeadTime::Normal { mean, .. } => *mean,
            LeadTime::Seen { samples } => samples.iter().sum::<f64>() / samples.len() as f64,
        }
    }

    fn sd(&self) -> f64 {
        match self {
            LeadTime::Normal { sd, .. } => *sd,
            LeadTime::Seen { samples } => {
                let mean = self.mean();
                (samples.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
            }
        }
    }

    /// `count` lead times that stand for the distribution: its quantiles, the shortest first.
    fn spread(&self, count: usize) -> Vec<f64> {
        let share = |i: usize| (i as f64 + 0.5) / count as f64;
        match self {
            LeadTime::Normal { mean, sd } => (0..count)
                .map(|i| (mean + sd * dyocense_forecasting::normal_quantile(share(i))).clamp(0.0, LONGEST_LEAD))
                .collect(),
            LeadTime::Seen { samples } => {
                let mut sorted = samples.clone();
                sorted.sort_by(f64::total_cmp);
                let at = |i: usize| ((share(i) * sorted.len() as f64) as usize).min(sorted.len() - 1);
                (0..count).map(|i| sorted[at(i)]).collect()
            }
        }
    }

    /// As far ahead as demand has to be known.
    fn furthest(&self) -> usize {
        let longest = match self {
            LeadTime::Normal { mean, sd } => mean + 4.0 * sd,
            LeadTime::Seen { samples } => samples.iter().copied().fold(0.0, f64::max),
        };
        longest.min(LONGEST_LEAD).ceil() as usize
    }
}

/// How sure a product is to be there.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    /// Probability that demand over a lead time is served, 0.5 to 0.9999.
    level: f64,
    lead_time: LeadTime,
    /// Standard deviation of a period's demand, where demand is given and not foreseen.
    #[serde(default)]
    demand_sd: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct DemandFrom {
    metric: String,
    /// Plan for the value that demand stays below with this probability; for its mean where None.
    #[serde(default)]
    quantile: Option<f64>,
}

#[derive(Debug, PartialEq)]
struct Product {
    name: String,
    demand: Option<DemandFrom>,
    service: Option<Service>,
    /// What was ordered so far.
    ordered: Option<FromMetric>,
}

#[derive(Debug, PartialEq)]
pub struct Draft {
    periods: usize,
    products: Vec<Product>,
}

/// When to order a product, and what to keep for the unforeseen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockTarget {
    pub product: String,
    pub service_level: f64,
    /// Mean, in periods of the plan.
    pub lead_time: f64,
    /// Mean over the lead time, in units.
    pub lead_time_demand: f64,
    /// Order when stock and open orders together fall to this.
    pub reorder_point: f64,
    pub safety_stock: f64,
}

impl Draft {
    pub fn read(problem: &Value) -> Result<Draft, String> {
        let periods = problem["periods"].as_u64().and_then(|periods| usize::try_from(periods).ok()).unwrap_or(0);
        let mut products = Vec::new();
        for (p, product) in problem["products"].as_array().into_iter().flatten().enumerate() {
            let field = |name: &str| format!("products[{p}].{name}");
            let demand: Option<DemandFrom> = match &product["demand"] {
                from @ Value::Object(_) => Some(read(&field("demand"), from)?),
                _ => None,
            };
            if let Some(demand) = &demand {
                check_quantile(&field("demand"), demand.quantile)?;
            }
            let service: Option<Service> = match &product["service"] {
                Value::Null => None,
                service => Some(read(&field("service"), service)?),
            };
            if let Some(service) = &service {
                service.lead_time.check(&field("service.lead_time"))?;
                if !(0.5..=0.9999).contains(&service.level) {
                    let level = service.level;
                    return Err(format!("{} is {level}: it must be from 0.5 to 0.9999", field("service.level")));
                }
                match service.demand_sd {
                    Some(sd) if !(sd.is_finite() && (0.0..1e9).contains(&sd)) => {
                        return Err(format!("{} is {sd}: it must be from 0 to below 1e9", field("service.demand_sd")));
                    }
                    None if demand.is_none() => {
                        return Err(format!("{} is needed where demand is given", field("service.demand_sd")));
                    }
                    _ => {}
                }
            }
            let ordered = match &product["ordered"] {
                Value::Null => None,
                from => Some(read(&field("ordered"), from)?),
            };
            let name = product["name"].as_str().map_or_else(|| format!("product {}", p + 1), str::to_owned);
            products.push(Product { name, demand, service, ordered });
        }
        Ok(Draft { periods, products })
    }

    pub fn is_plain(&self) -> bool {
        self.products.iter().all(|p| p.demand.is_none() && p.service.is_none() && p.ordered.is_none())
    }

    pub(super) fn asked(&self) -> Asked {
        let mut asked = Asked::default();
        for product in &self.products {
            if let Some(demand) = &product.demand {
                let lead = product.service.as_ref().map_or(0, |service| service.lead_time.furthest());
                asked.ahead(&demand.metric, self.periods.max(lead).max(1));
            }
            if let Some(ordered) = &product.ordered {
                asked.past(&ordered.metric, self.periods);
            }
        }
        asked
    }

    pub fn fill_with_zeros(&self, problem: &mut Value) {
        // More periods than a plan has are refused by the engine, with its bound.
        let zeros = vec![0.0; self.periods.min(super::FURTHEST)];
        for (p, product) in self.products.iter().enumerate() {
            if product.demand.is_some() {
                problem["products"][p]["demand"] = json!(zeros);
            }
        }
    }

    pub fn fill(
        &self,
        problem: &mut Value,
        sources: &Sources,
        foreseen: &BTreeMap<String, Foreseen>,
        seed: u32,
    ) -> Result<Filled, NoAnswer> {
        let mut filled = Filled::default();
        for (p, product) in self.products.iter().enumerate() {
            if let Some(demand) = &product.demand {
                let (known, steps) = steps(foreseen, sources, &demand.metric, self.periods)?;
                let units: Vec<f64> = steps.map(|step| amount(known, step, demand.quantile)).collect();
                problem["products"][p]["demand"] = json!(units);
            }
            if let Some(service) = &product.service {
                let given: Vec<f64> = super::read("demand", &problem["products"][p]["demand"]).map_err(impossible)?;
                let target = self.target(product, service, &given, sources, foreseen, seed)?;
                let wait = service.lead_time.mean().floor() as usize;
                filled.rules.extend(self.rules(product, service, &target, wait));
                if wait > 0 {
                    filled.caveats.push(format!(
                        "orders of {} are shown in the period in which they arrive; place them {} before",
                        product.name,
                        periods(service.lead_time.mean())
                    ));
                }
                filled.stock_targets.push(target);
            }
            if let Some(fields) = problem["products"][p].as_object_mut() {
                fields.remove("service");
                fields.remove("ordered");
            }
        }
        filled.today = self.today(sources);
        if filled.today.is_some() {
            filled.caveats.push(format!("today's way is what was ordered in the last {} periods", self.periods));
        }
        Ok(filled)
    }

    /// Over simulated futures where demand is foreseen: each path's demand over one of the lead times. Where it is
    /// given, by the normal approximation.
    fn target(
        &self,
        product: &Product,
        service: &Service,
        given: &[f64],
        sources: &Sources,
        foreseen: &BTreeMap<String, Foreseen>,
        seed: u32,
    ) -> Result<StockTarget, NoAnswer> {
        let lead = &service.lead_time;
        let (stock, mean) = match (&product.demand, service.demand_sd) {
            (Some(demand), None) => {
                let (known, steps) = steps(foreseen, sources, &demand.metric, lead.furthest())?;
                let leads = lead.spread(PATHS);
                let paths = known.as_forecast().sample_paths(PATHS, seed.into());
                let over: Vec<f64> = paths
                    .iter()
                    .enumerate()
                    .map(|(i, path)| over_lead_time(&path[steps.clone()], leads[i * STRIDE % PATHS]))
                    .collect();
                let mean = over.iter().sum::<f64>() / over.len() as f64;
                (reorder_point_empirical(&over, service.level).map_err(impossible)?, mean)
            }
            (_, sd) => {
                let near = &given[..given.len().min(lead.furthest().max(1))];
                let mean = near.iter().sum::<f64>() / near.len().max(1) as f64;
                // The engine's formula is for orders that take time.
                let over = LeadTimeDemand::new(mean, sd.unwrap_or(0.0), lead.mean().max(1e-9), lead.sd());
                let over = over.map_err(impossible)?;
                (reorder_point_for_service_level(over, service.level).map_err(impossible)?, over.mean)
            }
        };
        Ok(StockTarget {
            product: product.name.clone(),
            service_level: service.level,
            lead_time: lead.mean(),
            lead_time_demand: mean,
            reorder_point: rounded_up(stock.reorder_point),
            safety_stock: rounded_up(stock.safety_stock),
        })
    }

    /// What the safety stock and the lead time ask of the plan. They are cited as the owner's constraints are.
    fn rules(&self, product: &Product, service: &Service, target: &StockTarget, wait: usize) -> Vec<Rule> {
        let name = &product.name;
        let mut rules: Vec<Rule> = (1..=wait.min(self.periods))
            .map(|period| Rule {
                id: format!("lead time of {name}, period {period}"),
                says: format!("an order of {name} takes {} to arrive", periods(service.lead_time.mean())),
                limit: Limit::Inventory(InventoryRule::NoOrders { product: Some(name.clone()), period }),
            })
            .collect();
        if target.safety_stock > 0.0 && wait < self.periods {
            rules.push(Rule {
                id: format!("safety stock of {name}"),
                says: format!(
                    "keep a safety stock of {} of {name}, for a service level of {} %",
                    grouped(target.safety_stock),
                    service.level * 100.0
                ),
                limit: Limit::Inventory(InventoryRule::StockAtLeast {
                    product: name.clone(),
                    period: None,
                    from_period: Some(wait + 1),
                    units: target.safety_stock,
                }),
            });
        }
        rules
    }

    /// What was ordered in the last periods, if that is known of every product.
    fn today(&self, sources: &Sources) -> Option<Value> {
        let lines = self.products.iter().map(|product| {
            let past = sources.past.get(&product.ordered.as_ref()?.metric).filter(|past| !past.is_empty())?;
            // A younger metric's steps are repeated.
            let orders: Vec<f64> = past.iter().cycle().take(self.periods).map(|units| units.max(0.0)).collect();
            Some(json!({"product": product.name, "orders": orders}))
        });
        let lines: Vec<Value> = lines.collect::<Option<_>>()?;
        (!lines.is_empty()).then(|| json!({"products": lines}))
    }
}

/// "2 periods", "1.25 periods".
fn periods(count: f64) -> String {
    let count = (count * 100.0).round() / 100.0;
    format!("{count} period{}", if count == 1.0 { "" } else { "s" })
}

/// The demand of a path's first `lead` steps; of the last step as much as its part.
fn over_lead_time(path: &[f64], lead: f64) -> f64 {
    let whole = lead.floor() as usize;
    let first: f64 = path.iter().take(whole).map(|units| units.max(0.0)).sum();
    let rest = path.get(whole).map_or(0.0, |units| units.max(0.0) * lead.fract());
    first + rest
}

fn rounded_up(units: f64) -> f64 {
    ((units.max(0.0) * 100.0) - 1e-6).ceil() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demand_over_a_lead_time_takes_part_of_its_last_step() {
        assert_eq!(over_lead_time(&[2.0, 4.0, 8.0], 2.5), 10.0);
        assert_eq!(over_lead_time(&[2.0, -4.0], 5.0), 2.0);
        assert_eq!(over_lead_time(&[2.0], 0.0), 0.0);
    }

    #[test]
    fn a_lead_time_is_spread_as_its_distribution() {
        let seen = LeadTime::Seen { samples: vec![3.0, 1.0] };
        assert_eq!(seen.spread(4), [1.0, 1.0, 3.0, 3.0]);
        assert_eq!((seen.mean(), seen.sd()), (2.0, 1.0));
        let normal = LeadTime::Normal { mean: 2.0, sd: 0.5 };
        let spread = normal.spread(PATHS);
        let mean = spread.iter().sum::<f64>() / spread.len() as f64;
        assert!((mean - 2.0).abs() < 1e-9, "{mean}");
    }

    #[test]
    fn the_stride_meets_every_quantile_once() {
        let mut met: Vec<usize> = (0..PATHS).map(|i| i * STRIDE % PATHS).collect();
        met.sort_unstable();
        met.dedup();
        assert_eq!(met.len(), PATHS);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_bound() {
        let problem = |product: Value| json!({"periods": 3, "products": [product]});
        for (product, says) in [
            (json!({"demand": {"metric": "m", "quantile": 1.0}}), "0.01 to 0.99"),
            (json!({"demand": {"of": "m"}}), "unknown field"),
            (json!({"demand": [1], "service": {"level": 0.9, "lead_time": {"mean": 1}}}), "demand_sd is needed"),
            (json!({"demand": [1], "service": {"level": 2, "lead_time": {"mean": 1}, "demand_sd": 1}}), "0.9999"),
            (json!({"demand": [1], "service": {"level": 0.9, "lead_time": {"mean": -1}, "demand_sd": 1}}), "0 to 365"),
            (
                json!({"demand": [1], "service": {"level": 0.9, "lead_time": {"samples": []}, "demand_sd": 1}}),
                "0 values",
            ),
        ] {
            let refused = Draft::read(&problem(product)).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
