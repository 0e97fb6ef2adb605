//! Rules about orders and stock.

use serde::{Deserialize, Serialize};

use super::{Reader, RuleRow, each, within};
use crate::business::inventory::InventoryProblem;
use crate::business::plan::InventoryPlan;
use crate::refusal::Refusal;

/// A rule about orders and stock. Products are named as in the problem; periods count from 1, and
/// without one each period is meant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum InventoryRule {
    OrderAtMost {
        product: String,
        #[serde(default)]
        period: Option<usize>,
        units: f64,
    },
    OrderAtLeast {
        product: String,
        #[serde(default)]
        period: Option<usize>,
        units: f64,
    },
    /// Nothing is ordered in the period; without a product, of none.
    NoOrders {
        #[serde(default)]
        product: Option<String>,
        period: usize,
    },
    /// Units left at the end of the period; without one, of each from `from_period` on.
    StockAtLeast {
        product: String,
        #[serde(default)]
        period: Option<usize>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from_period: Option<usize>,
        units: f64,
    },
    /// Units on the shelf at the end of the period; without a product, of all together.
    StockAtMost {
        #[serde(default)]
        product: Option<String>,
        #[serde(default)]
        period: Option<usize>,
        units: f64,
    },
    /// Money for units bought; without a period, in all.
    PurchasesAtMost {
        #[serde(default)]
        period: Option<usize>,
        amount: f64,
    },
    /// Share of a product's demand that is served.
    ServeAtLeast { product: String, share: f64 },
}

impl InventoryRule {
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::OrderAtMost { product, period, units } => {
                format!("order at most {units} of {product} {}", each(*period, "period"))
            }
            Self::OrderAtLeast { product, period, units } => {
                format!("order at least {units} of {product} {}", each(*period, "period"))
            }
            Self::NoOrders { product, period } => {
                format!(
                    "no orders{} in period {period}",
                    product.as_ref().map_or(String::new(), |p| format!(" of {p}"))
                )
            }
            Self::StockAtLeast { product, period: None, from_period: Some(first), units } => {
                format!("keep at least {units} of {product} from period {first} on")
            }
            Self::StockAtLeast { product, period, units, .. } => {
                format!("keep at least {units} of {product} {}", each(*period, "period"))
            }
            Self::StockAtMost { product, period, units } => {
                let what = product.as_deref().unwrap_or("everything together");
                format!("room for {units} of {what} {}", each(*period, "period"))
            }
            Self::PurchasesAtMost { period, amount } => match period {
                Some(p) => format!("buy for at most {amount} in period {p}"),
                None => format!("buy for at most {amount} in all"),
            },
            Self::ServeAtLeast { product, share } => {
                format!("serve at least {} % of the demand for {product}", share * 100.0)
            }
        }
    }

    pub(super) fn unit(&self) -> &'static str {
        match self {
            Self::PurchasesAtMost { .. } => "USD",
            _ => "units",
        }
    }

    pub(super) fn rows(&self, reader: &Reader, problem: &InventoryProblem) -> Result<Vec<RuleRow>, Refusal> {
        let names: Vec<String> = (0..problem.products.len()).map(|p| problem.name(p)).collect();
        let find = |product: &str| reader.named("product", product, &names);
        let periods = |period: Option<usize>| reader.counted("period", period, problem.periods);
        match self {
            Self::OrderAtMost { product, period, units } => {
                let (p, units) = (find(product)?, reader.amount("units", *units)?);
                let rows = periods(*period)?;
                Ok(rows.iter().map(|&t| RuleRow::at_most(vec![(problem.at(p, t), 1.0)], units)).collect())
            }
            Self::OrderAtLeast { product, period, units } => {
                let (p, units) = (find(product)?, reader.amount("units", *units)?);
                let rows = periods(*period)?;
                Ok(rows.iter().map(|&t| RuleRow::at_least(vec![(problem.at(p, t), 1.0)], units)).collect())
            }
            Self::NoOrders { product, period } => {
                let t = periods(Some(*period))?[0];
                let products = reader.named_or_all("product", product.as_deref(), &names)?;
                Ok(vec![RuleRow::at_most(products.iter().map(|&p| (problem.at(p, t), 1.0)).collect(), 0.0)])
            }
            Self::StockAtLeast { product, period, from_period, units } => {
                let (p, units) = (find(product)?, reader.amount("units", *units)?);
                let first = reader.counted("fromPeriod", Some(from_period.unwrap_or(1)), problem.periods)?;
                let mut rows = periods(*period)?;
                rows.retain(|t| period.is_some() || first.iter().all(|first| t >= first));
                Ok(rows.iter().map(|&t| RuleRow::at_least(vec![(problem.at(p, t) + 2, 1.0)], units)).collect())
            }
            Self::StockAtMost { product, period, units } => {
                let products = reader.named_or_all("product", product.as_deref(), &names)?;
                let units = reader.amount("units", *units)?;
                let stock = |t: usize| products.iter().map(|&p| (problem.at(p, t) + 2, 1.0)).collect();
                Ok(periods(*period)?.into_iter().map(|t| RuleRow::at_most(stock(t), units)).collect())
            }
            Self::PurchasesAtMost { period, amount } => {
                let amount = reader.amount("amount", *amount)?;
                let spent: Vec<(usize, f64)> = periods(*period)?
                    .into_iter()
                    .flat_map(|t| (0..names.len()).map(move |p| (p, t)))
                    .map(|(p, t)| (problem.at(p, t), problem.products[p].unit_cost))
                    .collect();
                Ok(vec![RuleRow::at_most(spent, amount)])
            }
            Self::ServeAtLeast { product, share } => {
                let (p, share) = (find(product)?, reader.share("share", *share)?);
                let lost = (0..problem.periods).map(|t| (problem.at(p, t) + 3, 1.0)).collect();
                let demand: f64 = problem.products[p].demand.iter().sum();
                Ok(vec![RuleRow::at_most(lost, (1.0 - share) * demand)])
            }
        }
    }

    pub(super) fn is_kept(&self, problem: &InventoryProblem, plan: &InventoryPlan) -> bool {
        let lines = |product: Option<&String>| {
            plan.products
                .iter()
                .filter(move |line| product.is_none_or(|name| line.product.eq_ignore_ascii_case(name)))
                .collect::<Vec<_>>()
        };
        let chosen = |period: Option<usize>| match period {
            Some(p) => p - 1..p,
            None => 0..problem.periods,
        };
        match self {
            Self::OrderAtMost { product, period, units } => {
                lines(Some(product)).iter().all(|line| chosen(*period).all(|t| within(line.orders[t], *units)))
            }
            Self::OrderAtLeast { product, period, units } => {
                lines(Some(product)).iter().all(|line| chosen(*period).all(|t| within(*units, line.orders[t])))
            }
            Self::NoOrders { product, period } => {
                lines(product.as_ref()).iter().all(|line| line.orders[period - 1] <= 1e-6)
            }
            Self::StockAtLeast { product, period, from_period, units } => {
                let first = if period.is_some() { 0 } else { from_period.map_or(0, |first| first.saturating_sub(1)) };
                let kept = |t: usize, stock: &[f64]| t < first || within(*units, stock[t]);
                lines(Some(product)).iter().all(|line| chosen(*period).all(|t| kept(t, &line.stock)))
            }
            Self::StockAtMost { product, period, units } => {
                let lines = lines(product.as_ref());
                chosen(*period).all(|t| within(lines.iter().map(|line| line.stock[t]).sum(), *units))
            }
            Self::PurchasesAtMost { period, amount } => {
                let spent: f64 = plan
                    .products
                    .iter()
                    .zip(&problem.products)
                    .map(|(line, product)| product.unit_cost * chosen(*period).map(|t| line.orders[t]).sum::<f64>())
                    .sum();
                within(spent, *amount)
            }
            Self::ServeAtLeast { product, share } => plan
                .products
                .iter()
                .zip(&problem.products)
                .filter(|(line, _)| line.product.eq_ignore_ascii_case(product))
                .all(|(line, of)| within(line.lost.iter().sum(), (1.0 - share) * of.demand.iter().sum::<f64>())),
        }
    }
}
