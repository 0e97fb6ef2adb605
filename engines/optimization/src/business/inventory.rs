//! Several products over several periods: set-ups, capacity, minimum orders, lost sales.

use serde::{Deserialize, Serialize};

use crate::bounds::{amount, count, length};
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
    /// Customers wait at this cost per unit and period; without it, what is not served at once is
    /// lost. What still waits at the end counts as lost as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backorder: Option<f64>,
    /// Periods in which a unit can be sold, the one it arrives in included; stock at the start
    /// counts as new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shelf_life: Option<usize>,
    /// Cost of each unit thrown away.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waste_cost: f64,
    /// Shelf space of a unit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub space: f64,
    /// Periods from an order to its arrival. Capacity and money are used when it is placed.
    #[serde(default, skip_serializing_if = "at_once")]
    pub lead_time: usize,
    /// Units on their way already, by the period they arrive in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arriving: Vec<f64>,
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

fn at_once(periods: &usize) -> bool {
    *periods == 0
}

impl Product {
    pub(super) fn arriving(&self, t: usize) -> f64 {
        self.arriving.get(t).copied().unwrap_or(0.0)
    }
}

/// Units of one age on a shelf, with the last period they can be sold in.
pub(super) type Batch = (usize, f64);

/// Takes units from the oldest batches first; what there was too little of.
pub(super) fn take(batches: &mut [Batch], mut units: f64) -> f64 {
    for batch in batches {
        let taken = batch.1.min(units);
        batch.1 -= taken;
        units -= taken;
    }
    units
}

/// What to order when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InventoryProblem {
    pub products: Vec<Product>,
    pub periods: usize,
    /// Capacity of each period, shared by all products; empty: without a limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capacity: Vec<f64>,
    /// Shelf space at the end of each period, shared by all products.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<Vec<f64>>,
    /// Money for units and orders in each period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Vec<f64>>,
}

/// Where the columns are that only some products have: first column of each, by product.
pub(super) struct Extras {
    pub backorders: Vec<Option<usize>>,
    pub waste: Vec<Option<usize>>,
    pub columns: usize,
}

impl InventoryProblem {
    pub(crate) fn validate(&self) -> Result<(), ModelError> {
        count("periods", self.periods, 1, 1000)?;
        count("number of products", self.products.len(), 1, 5000)?;
        count("products x periods", self.products.len() * self.periods, 1, 100_000)?;
        if !self.capacity.is_empty() {
            length("capacity", self.capacity.len(), self.periods, "the number of periods")?;
        }
        for (t, &c) in self.capacity.iter().enumerate() {
            amount(format!("capacity[{t}]"), c)?;
        }
        for (name, limits) in [("space", &self.space), ("budget", &self.budget)] {
            if let Some(limits) = limits {
                length(name, limits.len(), self.periods, "the number of periods")?;
                for (t, &limit) in limits.iter().enumerate() {
                    amount(format!("{name}[{t}]"), limit)?;
                }
            }
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
                ("backorder", product.backorder.unwrap_or(0.0)),
                ("waste_cost", product.waste_cost),
                ("space", product.space),
            ] {
                amount(format!("products[{p}].{field}"), value)?;
            }
            count(format!("products[{p}].lead_time"), product.lead_time, 0, 1000)?;
            if !product.arriving.is_empty() {
                length(
                    format!("products[{p}].arriving"),
                    product.arriving.len(),
                    self.periods,
                    "the number of periods",
                )?;
            }
            for (t, &units) in product.arriving.iter().enumerate() {
                amount(format!("products[{p}].arriving[{t}]"), units)?;
            }
            if let Some(life) = product.shelf_life {
                count(format!("products[{p}].shelf_life"), life, 1, 1000)?;
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

    /// Units are thrown away where they spoil or where the shelf is too small for what is there.
    fn wastes(&self, p: usize) -> bool {
        self.products[p].shelf_life.is_some() || self.space.is_some() && self.products[p].space > 0.0
    }

    pub(super) fn extras(&self) -> Extras {
        let mut columns = 4 * self.products.len() * self.periods;
        let mut place = |wanted: bool| {
            wanted.then(|| {
                columns += self.periods;
                columns - self.periods
            })
        };
        let backorders = self.products.iter().map(|product| place(product.backorder.is_some())).collect();
        let waste = (0..self.products.len()).map(|p| place(self.wastes(p))).collect();
        Extras { backorders, waste, columns }
    }

    /// Nothing but capacity is shared, nothing waits, nothing spoils, and orders arrive at once.
    pub(super) fn is_plain(&self) -> bool {
        self.budget.is_none()
            && self.products.iter().all(|product| product.lead_time == 0 && product.arriving.is_empty())
            && self.extras().columns == 4 * self.products.len() * self.periods
    }

    /// The periods of the orders that can still be on the shelf at the end of period `t`, and how much
    /// of what there was or comes anyway can.
    fn fresh(&self, p: usize, t: usize) -> (std::ops::Range<usize>, f64) {
        let product = &self.products[p];
        let life = product.shelf_life.unwrap_or(usize::MAX);
        let (from, start) = if t + 2 > life { (t + 2 - life, 0.0) } else { (0, product.init) };
        let coming: f64 = (from..=t).map(|u| product.arriving(u)).sum();
        let placed = |arrival: usize| arrival.saturating_sub(product.lead_time);
        (placed(from)..placed(t + 1), start + coming)
    }

    /// Column of the order that arrives in period `t`.
    fn arrival(&self, p: usize, t: usize) -> Option<usize> {
        Some(self.at(p, t.checked_sub(self.products[p].lead_time)?))
    }

    /// No order can usefully be larger.
    fn largest(&self, p: usize, t: usize) -> f64 {
        let product = &self.products[p];
        let arrival = t + product.lead_time;
        if arrival >= self.periods {
            return 0.0;
        }
        let from = if product.backorder.is_some() { 0 } else { arrival };
        let end = product.shelf_life.map_or(self.periods, |life| (arrival + life).min(self.periods));
        let rest = product.demand[from..end].iter().sum::<f64>().max(product.moq) + product.moq;
        if let Some(capacity) = self.capacity.get(t).filter(|_| product.unit_time > 0.0) {
            let room = ((capacity - product.setup_time) / product.unit_time).max(0.0);
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
        let extras = self.extras();
        for (p, product) in self.products.iter().enumerate() {
            if let Some(cost) = product.backorder {
                for t in 0..self.periods {
                    let never = if t + 1 == self.periods { product.lost_sale } else { 0.0 };
                    model.column(format!("B{p}_{t}"), cost + never, 0.0, f64::INFINITY);
                }
            }
        }
        for (p, product) in self.products.iter().enumerate().filter(|&(p, _)| self.wastes(p)) {
            for t in 0..self.periods {
                model.column(format!("W{p}_{t}"), product.waste_cost, 0.0, f64::INFINITY);
            }
        }
        for (p, product) in self.products.iter().enumerate() {
            let name = self.name(p);
            for t in 0..self.periods {
                let c = self.at(p, t);
                let mut terms = vec![(c + 3, 1.0), (c + 2, -1.0)];
                terms.splice(0..0, self.arrival(p, t).map(|order| (order, 1.0)));
                let mut need = product.demand[t] - product.arriving(t);
                if t > 0 {
                    terms.push((self.at(p, t - 1) + 2, 1.0));
                } else {
                    need -= product.init;
                }
                if let Some(first) = extras.backorders[p] {
                    terms.push((first + t, 1.0));
                    if t > 0 {
                        terms.push((first + t - 1, -1.0));
                    }
                }
                if let Some(first) = extras.waste[p] {
                    terms.push((first + t, -1.0));
                }
                if product.shelf_life.is_some() {
                    let (orders, most) = self.fresh(p, t);
                    let mut terms = vec![(c + 2, 1.0)];
                    terms.extend(orders.map(|u| (self.at(p, u), -1.0)));
                    model.row(format!("fresh{p}_{t}"), Role::Structure, terms, f64::NEG_INFINITY, most);
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
        for (t, &capacity) in self.capacity.iter().enumerate() {
            let mut terms = Vec::new();
            for (p, product) in self.products.iter().enumerate() {
                let c = self.at(p, t);
                terms.push((c, product.unit_time));
                terms.push((c + 1, product.setup_time));
            }
            let row = model.row(format!("cap{t}"), Role::Rule, terms, f64::NEG_INFINITY, capacity);
            model.say(row, format!("capacity of period {} is {capacity}", t + 1), "capacity");
        }
        let none = f64::NEG_INFINITY;
        for (t, &room) in self.space.iter().flatten().enumerate() {
            let stock = (0..self.products.len()).filter(|&p| self.products[p].space > 0.0);
            let terms = stock.map(|p| (self.at(p, t) + 2, self.products[p].space)).collect();
            let row = model.row(format!("space{t}"), Role::Rule, terms, none, room);
            model.say(row, format!("shelf space at the end of period {} is {room}", t + 1), "space");
        }
        for (t, &money) in self.budget.iter().flatten().enumerate() {
            let costs = self.products.iter().enumerate().flat_map(|(p, product)| {
                let c = self.at(p, t);
                [(c, product.unit_cost), (c + 1, product.setup_cost)]
            });
            let row = model.row(format!("money{t}"), Role::Rule, costs.collect(), none, money);
            model.say(row, format!("orders of period {} cost at most {money}", t + 1), "USD");
        }
        model
    }

    /// The plan that orders nothing: always possible, rarely good.
    pub(crate) fn no_orders(&self) -> Vec<f64> {
        let extras = self.extras();
        let mut x = vec![0.0; extras.columns];
        let life = |p: usize| self.products[p].shelf_life.unwrap_or(usize::MAX);
        let mut shelves: Vec<Vec<Batch>> =
            self.products.iter().enumerate().map(|(p, product)| vec![(life(p) - 1, product.init)]).collect();
        for t in 0..self.periods {
            let mut room = self.space.as_ref().map_or(f64::INFINITY, |space| space[t]);
            for (p, product) in self.products.iter().enumerate() {
                let batches = &mut shelves[p];
                batches.push((t.saturating_add(life(p) - 1), product.arriving(t)));
                let lost = take(batches, product.demand[t]);
                let left: f64 = batches.iter().map(|b| b.1).sum();
                batches.retain(|b| b.0 > t);
                let mut kept: f64 = batches.iter().map(|b| b.1).sum();
                if product.space > 0.0 && kept > room / product.space {
                    take(batches, kept - room / product.space);
                    kept = room / product.space;
                }
                room -= kept * product.space;
                if let Some(first) = extras.waste[p] {
                    x[first + t] = left - kept;
                }
                x[self.at(p, t) + 2] = kept;
                x[self.at(p, t) + 3] = lost;
            }
        }
        x
    }

    pub(crate) fn check(&self, x: &[f64]) -> Vec<String> {
        let mut out = Vec::new();
        let extras = self.extras();
        let mut used = vec![0.0; self.periods];
        let mut shelf = vec![0.0; self.periods];
        let mut spent = vec![0.0; self.periods];
        for (p, product) in self.products.iter().enumerate() {
            let name = self.name(p);
            // What is on the shelf, oldest first: the last period it can be sold in, and how much.
            let life = product.shelf_life.unwrap_or(usize::MAX);
            let mut batches: Vec<Batch> = vec![(life.saturating_sub(1), product.init)];
            let mut waiting = 0.0;
            for t in 0..self.periods {
                let c = self.at(p, t);
                let extra = |first: Option<usize>| first.map_or(0.0, |first| x[first + t]);
                let (order, lost) = (x[c], x[c + 3]);
                let (backorders, waste) = (extra(extras.backorders[p]), extra(extras.waste[p]));
                let held: f64 = batches.iter().map(|b| b.1).sum();
                let tolerance = 1e-5 * (1.0 + order.abs() + held.abs() + product.demand[t] + waiting);
                let least = order.min(lost).min(backorders).min(waste);
                if least < -tolerance || lost > product.demand[t] + tolerance {
                    out.push(format!("{name}, period {}: negative or impossible amounts", t + 1));
                }
                let came = product.arriving(t) + self.arrival(p, t).map_or(0.0, |order| x[order]);
                batches.push((t.saturating_add(life - 1), came));
                let missing = take(&mut batches, product.demand[t] - lost + waiting - backorders + waste);
                waiting = backorders;
                if missing > tolerance {
                    out.push(format!("{name}, period {}: sells {missing} more than it has", t + 1));
                }
                let old: f64 = batches.iter().filter(|b| b.0 <= t).map(|b| b.1).sum();
                if old > tolerance {
                    out.push(format!("{name}, period {}: {old} units are past their shelf life", t + 1));
                }
                let stock: f64 = batches.iter().map(|b| b.1).sum();
                if (stock - x[c + 2]).abs() > tolerance {
                    out.push(format!("{name}, period {}: stock does not add up", t + 1));
                }
                batches.retain(|b| b.0 > t && b.1 > 0.0);
                shelf[t] += product.space * stock;
                if order > tolerance {
                    used[t] += product.setup_time + order * product.unit_time;
                    spent[t] += product.setup_cost + order * product.unit_cost;
                    if x[c + 1] != 1.0 {
                        out.push(format!("{name}, period {}: an order without a set-up", t + 1));
                    }
                }
                if x[c + 1] == 1.0 && order < product.moq - tolerance {
                    out.push(format!("{name}, period {}: below the minimum order", t + 1));
                }
            }
        }
        let mut within = |what: &str, have: &[f64], limits: &[f64]| {
            for (t, (have, limit)) in have.iter().zip(limits).enumerate() {
                if *have > limit * (1.0 + 1e-6) + 1e-5 {
                    out.push(format!("period {}: {have} of {limit} {what}", t + 1));
                }
            }
        };
        within("capacity", &used, &self.capacity);
        within("shelf space", &shelf, self.space.as_deref().unwrap_or_default());
        within("money", &spent, self.budget.as_deref().unwrap_or_default());
        out
    }
}

impl Separator for InventoryProblem {
    /// The (l, S) inequalities (Barany, Van Roy and Wolsey, 1984): what orders of periods S deliver
    /// by period l is at most the demand that an order can still serve, plus what is left in stock.
    fn separate(&self, x: &[f64]) -> Vec<Cut> {
        let mut cuts = Vec::new();
        let extras = self.extras();
        for (p, product) in self.products.iter().enumerate() {
            if product.backorder.is_some() {
                continue;
            }
            // Stock at hand and on its way serves the first demand: orders serve what is left. Where it may
            // be thrown away, orders may have to serve it all.
            let spoils = extras.waste[p].is_some();
            let mut stock = if spoils { 0.0 } else { product.init };
            let net: Vec<f64> = product
                .demand
                .iter()
                .enumerate()
                .map(|(t, d)| {
                    stock += if spoils { 0.0 } else { product.arriving(t) };
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
                    let Some(c) = self.arrival(p, t) else { break };
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
                    if let Some(first) = extras.waste[p] {
                        terms.extend((0..=l).map(|t| (first + t, -1.0)));
                        left -= (0..=l).map(|t| x[first + t]).sum::<f64>();
                    }
                    if left <= x[end] + 1e-4 * (1.0 + after) {
                        continue;
                    }
                    cuts.push(Cut { terms, lower: f64::NEG_INFINITY, upper: 0.0 });
                }
            }
        }
        cuts
    }
}
