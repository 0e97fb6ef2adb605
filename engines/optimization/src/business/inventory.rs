//! Several products over several periods: set-ups, capacity, minimum orders, lost sales.

use serde::{Deserialize, Serialize};

use super::{amount, count, length};
use crate::mip::{Cut, Separator};
use crate::model::{Model, ModelError, Role, Sense};

/// A product and its costs, per unit unless said otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Product {
    #[serde(default)]
    pub name: Option<String>,
    /// Units asked for in each period.
    pub demand: Vec<f64>,
    /// Holding cost per unit and period.
    pub hold: f64,
    /// Cost of each order.
    #[serde(default)]
    pub setup_cost: f64,
    #[serde(default)]
    pub unit_cost: f64,
    /// Cost of each unit of demand that is not served.
    pub lost_sale: f64,
    /// Capacity each order takes.
    #[serde(default)]
    pub setup_time: f64,
    /// Capacity each unit takes.
    #[serde(default)]
    pub unit_time: f64,
    /// Smallest order; 0 for none.
    #[serde(default)]
    pub moq: f64,
    /// Units in stock at the start.
    #[serde(default)]
    pub init: f64,
}

/// What to order when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InventoryProblem {
    pub products: Vec<Product>,
    pub periods: usize,
    /// Capacity of each period, shared by all products.
    pub capacity: Vec<f64>,
}

impl InventoryProblem {
    pub(crate) fn validate(&self) -> Result<(), ModelError> {
        count("periods", self.periods, 1, 1000)?;
        count("number of products", self.products.len(), 1, 5000)?;
        count("products x periods", self.products.len() * self.periods, 1, 100_000)?;
        length("capacity", self.capacity.len(), self.periods, "the number of periods")?;
        for (t, &c) in self.capacity.iter().enumerate() {
            amount(format!("capacity[{t}]"), c)?;
        }
        for (p, product) in self.products.iter().enumerate() {
            length(format!("products[{p}].demand"), product.demand.len(), self.periods, "the number of periods")?;
            for (t, &d) in product.demand.iter().enumerate() {
                amount(format!("products[{p}].demand[{t}]"), d)?;
            }
            for (field, value) in [
                ("hold", product.hold),
                ("setup_cost", product.setup_cost),
                ("unit_cost", product.unit_cost),
                ("lost_sale", product.lost_sale),
                ("setup_time", product.setup_time),
                ("unit_time", product.unit_time),
                ("moq", product.moq),
                ("init", product.init),
            ] {
                amount(format!("products[{p}].{field}"), value)?;
            }
        }
        Ok(())
    }

    pub(super) fn name(&self, p: usize) -> String {
        self.products[p].name.clone().unwrap_or_else(|| format!("product {}", p + 1))
    }

    /// Columns of product `p` in period `t`: order, whether ordered, stock at the end, lost sales.
    pub(super) fn at(&self, p: usize, t: usize) -> usize {
        4 * (p * self.periods + t)
    }

    /// No order can usefully be larger.
    fn largest(&self, p: usize, t: usize) -> f64 {
        let product = &self.products[p];
        let rest = product.demand[t..].iter().sum::<f64>().max(product.moq) + product.moq;
        if product.unit_time > 0.0 {
            let room = ((self.capacity[t] - product.setup_time) / product.unit_time).max(0.0);
            let whole = product.demand.iter().all(|d| d.fract() == 0.0);
            rest.min(if whole { room.floor() } else { room })
        } else {
            rest
        }
    }

    pub(crate) fn model(&self) -> Model {
        let mut model = Model::new("inventory", Sense::Min);
        for (p, product) in self.products.iter().enumerate() {
            for t in 0..self.periods {
                model.column(format!("q{p}_{t}"), product.unit_cost, 0.0, f64::INFINITY);
                model.integer(format!("y{p}_{t}"), product.setup_cost, 0.0, 1.0);
                model.column(format!("I{p}_{t}"), product.hold, 0.0, f64::INFINITY);
                model.column(format!("L{p}_{t}"), product.lost_sale, 0.0, product.demand[t]);
            }
        }
        for (p, product) in self.products.iter().enumerate() {
            let name = self.name(p);
            for t in 0..self.periods {
                let c = self.at(p, t);
                let mut terms = vec![(c, 1.0), (c + 3, 1.0), (c + 2, -1.0)];
                let mut need = product.demand[t];
                if t > 0 {
                    terms.push((self.at(p, t - 1) + 2, 1.0));
                } else {
                    need -= product.init;
                }
                let row = model.row(format!("bal{p}_{t}"), Role::Structure, terms, need, need);
                model.say(row, format!("demand for {name} in period {} is {}", t + 1, product.demand[t]), "units");
                model.row(
                    format!("set{p}_{t}"),
                    Role::Structure,
                    vec![(c, 1.0), (c + 1, -self.largest(p, t))],
                    f64::NEG_INFINITY,
                    0.0,
                );
                if product.moq > 0.0 {
                    let row = model.row(
                        format!("moq{p}_{t}"),
                        Role::Rule,
                        vec![(c, 1.0), (c + 1, -product.moq)],
                        0.0,
                        f64::INFINITY,
                    );
                    model.say(row, format!("an order of {name} is at least {} units", product.moq), "units");
                }
            }
        }
        for t in 0..self.periods {
            let mut terms = Vec::new();
            for (p, product) in self.products.iter().enumerate() {
                let c = self.at(p, t);
                terms.push((c, product.unit_time));
                terms.push((c + 1, product.setup_time));
            }
            let row = model.row(format!("cap{t}"), Role::Rule, terms, f64::NEG_INFINITY, self.capacity[t]);
            model.say(row, format!("capacity of period {} is {}", t + 1, self.capacity[t]), "capacity");
        }
        model
    }

    /// The plan that orders nothing: always possible, rarely good.
    pub(crate) fn no_orders(&self) -> Vec<f64> {
        let mut x = vec![0.0; 4 * self.products.len() * self.periods];
        for (p, product) in self.products.iter().enumerate() {
            let mut stock = product.init;
            for t in 0..self.periods {
                let served = stock.min(product.demand[t]);
                stock -= served;
                x[self.at(p, t) + 2] = stock;
                x[self.at(p, t) + 3] = product.demand[t] - served;
            }
        }
        x
    }

    pub(crate) fn check(&self, x: &[f64]) -> Vec<String> {
        let mut out = Vec::new();
        let mut used = vec![0.0; self.periods];
        for (p, product) in self.products.iter().enumerate() {
            let name = self.name(p);
            let mut stock = product.init;
            for t in 0..self.periods {
                let c = self.at(p, t);
                let (order, lost) = (x[c], x[c + 3]);
                let tolerance = 1e-5 * (1.0 + order.abs() + stock.abs() + product.demand[t]);
                if order < -tolerance || lost < -tolerance || lost > product.demand[t] + tolerance {
                    out.push(format!("{name}, period {}: negative or impossible amounts", t + 1));
                }
                stock += order - (product.demand[t] - lost);
                if stock < -tolerance {
                    out.push(format!("{name}, period {}: sells {} more than it has", t + 1, -stock));
                }
                if (stock - x[c + 2]).abs() > tolerance {
                    out.push(format!("{name}, period {}: stock does not add up", t + 1));
                }
                stock = x[c + 2];
                if order > tolerance {
                    used[t] += product.setup_time + order * product.unit_time;
                    if x[c + 1] != 1.0 {
                        out.push(format!("{name}, period {}: an order without a set-up", t + 1));
                    }
                }
                if x[c + 1] == 1.0 && order < product.moq - tolerance {
                    out.push(format!("{name}, period {}: below the minimum order", t + 1));
                }
            }
        }
        for t in 0..self.periods {
            if used[t] > self.capacity[t] * (1.0 + 1e-6) + 1e-6 {
                out.push(format!("period {}: uses {} of {}", t + 1, used[t], self.capacity[t]));
            }
        }
        out
    }
}

impl Separator for InventoryProblem {
    /// The (l, S) inequalities (Barany, Van Roy and Wolsey, 1984): what orders of periods S deliver
    /// by period l is at most the demand that an order can still serve, plus what is left in stock.
    fn separate(&self, x: &[f64]) -> Vec<Cut> {
        let mut cuts = Vec::new();
        for (p, product) in self.products.iter().enumerate() {
            // Stock at hand serves the first demand: orders serve what is left.
            let mut stock = product.init;
            let net: Vec<f64> = product
                .demand
                .iter()
                .map(|d| {
                    let served = stock.min(*d);
                    stock -= served;
                    d - served
                })
                .collect();
            for l in 0..self.periods {
                let mut after = 0.0;
                let mut left = 0.0;
                let mut terms = Vec::new();
                for t in (0..=l).rev() {
                    after += net[t];
                    let c = self.at(p, t);
                    let covered = after * x[c + 1];
                    if x[c] > covered + 1e-7 {
                        left += x[c] - covered;
                        terms.push((c, 1.0));
                        terms.push((c + 1, -after));
                    }
                }
                let end = self.at(p, l) + 2;
                if terms.len() > 2 && left > x[end] + 1e-4 * (1.0 + after) {
                    terms.push((end, -1.0));
                    cuts.push(Cut { terms, lower: f64::NEG_INFINITY, upper: 0.0 });
                }
            }
        }
        cuts
    }
}
