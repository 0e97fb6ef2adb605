//! Plans in the owner's terms, and what they cost: told from the problem, not from a model, so that
//! what is done today can be priced beside what is proposed.

use serde::{Deserialize, Serialize};

use super::Problem;
use super::budget::{BudgetPlanProblem, Goal};
use super::inventory::{InventoryProblem, Product, take};
use super::roster::RosterProblem;
use super::staffing::StaffingProblem;
use crate::bounds::{amount, count, length, refuse};
use crate::model::ModelError;

/// Orders, stock and lost sales of one product, one figure a period, in units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductPlan {
    pub product: String,
    pub orders: Vec<f64>,
    /// Left at the end of each period; may be left out of a plan that is only to be priced.
    #[serde(default)]
    pub stock: Vec<f64>,
    /// Demand that is not served; when left out, all that stock allows is served.
    #[serde(default)]
    pub lost: Vec<f64>,
    /// Demand that waits at the end of each period, where customers do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backorders: Vec<f64>,
    /// Units thrown away; when left out, what is past its shelf life.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wasted: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InventoryPlan {
    pub products: Vec<ProductPlan>,
}

/// People on one tour; `tour` counts from 0 in the problem's list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TourHeads {
    pub tour: usize,
    pub people: f64,
}

/// An hour, from the start of the horizon, in which people of a skill or higher are missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShortHour {
    pub skill: usize,
    pub hour: usize,
    pub people: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StaffingPlan {
    pub heads: Vec<TourHeads>,
    #[serde(default)]
    pub short: Vec<ShortHour>,
    /// Hours after the end of shifts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overtime: Vec<OvertimeHour>,
    /// People taken on (or, below 0, let go) by skill.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hired: Vec<f64>,
}

/// People of a skill who stay on in an hour from the start of the horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OvertimeHour {
    pub skill: usize,
    pub hour: usize,
    pub people: f64,
}

/// A person at work; days count from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    pub person: String,
    pub day: usize,
    pub shift: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RosterPlan {
    pub shifts: Vec<Assignment>,
}

/// Spend of one channel, one figure a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelPlan {
    pub channel: String,
    pub spend: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BudgetPlan {
    pub channels: Vec<ChannelPlan>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Plan {
    Inventory(InventoryPlan),
    Staffing(StaffingPlan),
    Roster(RosterPlan),
    Budget(BudgetPlan),
}

/// One part of a plan's objective; the parts add up to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Term {
    pub name: String,
    pub amount: f64,
}

/// One part of the objective in two plans.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    pub name: String,
    pub before: f64,
    pub after: f64,
    pub change: f64,
}

/// Compares two plans, or two scenarios, term by term; terms that one lacks count 0 there.
pub fn compare(before: &[Term], after: &[Term]) -> Vec<Difference> {
    let amount = |terms: &[Term], name: &str| terms.iter().find(|t| t.name == name).map_or(0.0, |t| t.amount);
    let mut names: Vec<&str> = before.iter().map(|t| t.name.as_str()).collect();
    names.extend(after.iter().map(|t| t.name.as_str()).filter(|name| before.iter().all(|t| t.name != *name)));
    names
        .into_iter()
        .map(|name| {
            let (before, after) = (amount(before, name), amount(after, name));
            Difference { name: name.into(), before, after, change: after - before }
        })
        .collect()
}

fn terms<const N: usize>(parts: [(&str, f64); N]) -> Vec<Term> {
    parts.into_iter().map(|(name, amount)| Term { name: name.into(), amount }).collect()
}

fn find(field: String, name: &str, names: impl Iterator<Item = String>) -> Result<usize, ModelError> {
    match names.enumerate().find(|(_, known)| known.eq_ignore_ascii_case(name)) {
        Some((i, _)) => Ok(i),
        None => refuse(field, format!("{name:?}"), "a name of the problem"),
    }
}

impl Problem {
    /// A solver's point as a plan.
    pub(super) fn plan(&self, x: &[f64]) -> Plan {
        match self {
            Problem::Inventory(p) => Plan::Inventory(p.plan(x)),
            Problem::Staffing(p) => Plan::Staffing(p.plan(x)),
            Problem::Roster(p) => Plan::Roster(p.plan(x)),
            Problem::Budget(p) => Plan::Budget(p.plan(x)),
        }
    }

    /// What a plan costs (a budget: returns), term by term. Any plan can be priced, also one that
    /// breaks limits: what is done today, say.
    ///
    /// # Errors
    /// The plan is of another kind, or names or lengths do not fit the problem.
    pub fn costs(&self, plan: &Plan) -> Result<Vec<Term>, ModelError> {
        match (self, plan) {
            (Problem::Inventory(p), Plan::Inventory(plan)) => p.costs(plan),
            (Problem::Staffing(p), Plan::Staffing(plan)) => p.costs(plan),
            (Problem::Roster(p), Plan::Roster(plan)) => p.costs(plan),
            (Problem::Budget(p), Plan::Budget(plan)) => p.costs(plan),
            _ => refuse("the plan", "of another kind", format!("a plan for {}", self.kind())),
        }
    }
}

impl InventoryProblem {
    fn plan(&self, x: &[f64]) -> InventoryPlan {
        let extras = self.extras();
        let of = |p: usize, which: usize| (0..self.periods).map(|t| x[self.at(p, t) + which]).collect();
        let extra = |first: Option<usize>| first.map_or_else(Vec::new, |first| x[first..first + self.periods].to_vec());
        let line = |p| ProductPlan {
            product: self.name(p),
            orders: of(p, 0),
            stock: of(p, 2),
            lost: of(p, 3),
            backorders: extra(extras.backorders[p]),
            wasted: extra(extras.waste[p]),
        };
        InventoryPlan { products: (0..self.products.len()).map(line).collect() }
    }

    fn costs(&self, plan: &InventoryPlan) -> Result<Vec<Term>, ModelError> {
        let mut costs = InventoryCosts::default();
        let mut ordered: Vec<Option<&ProductPlan>> = vec![None; self.products.len()];
        for (n, line) in plan.products.iter().enumerate() {
            let names = (0..self.products.len()).map(|p| self.name(p));
            let p = find(format!("products[{n}].product"), &line.product, names)?;
            length(format!("products[{n}].orders"), line.orders.len(), self.periods, "the number of periods")?;
            for (field, figures) in [("lost", &line.lost), ("backorders", &line.backorders), ("wasted", &line.wasted)] {
                if !figures.is_empty() {
                    length(format!("products[{n}].{field}"), figures.len(), self.periods, "the number of periods")?;
                }
            }
            for (t, &units) in line.orders.iter().enumerate() {
                // A solver's zero may be a hair below 0.
                amount(format!("products[{n}].orders[{t}]"), if units.abs() < 1e-6 { 0.0 } else { units })?;
            }
            ordered[p] = Some(line);
        }
        for (product, line) in self.products.iter().zip(ordered) {
            costs.add(product, line);
        }
        let mut out = terms([
            ("purchases", costs.bought),
            ("orders placed", costs.setups),
            ("stock held", costs.held),
            ("lost sales", costs.lost_sales),
        ]);
        if self.products.iter().any(|product| product.backorder.is_some()) {
            out.extend(terms([("customers waiting", costs.waiting)]));
        }
        if self.products.iter().any(|product| product.waste_cost > 0.0) {
            out.extend(terms([("waste", costs.waste)]));
        }
        Ok(out)
    }
}

#[derive(Default)]
struct InventoryCosts {
    bought: f64,
    setups: f64,
    held: f64,
    lost_sales: f64,
    waiting: f64,
    waste: f64,
}

impl InventoryCosts {
    /// Runs one product through the periods as a plan says; oldest units leave first.
    fn add(&mut self, product: &Product, line: Option<&ProductPlan>) {
        let life = product.shelf_life.unwrap_or(usize::MAX);
        let mut batches = vec![(life - 1, product.init)];
        let mut waiting = 0.0;
        for (t, &demand) in product.demand.iter().enumerate() {
            let planned = |figures: fn(&ProductPlan) -> &Vec<f64>| line.and_then(|line| figures(line).get(t).copied());
            let order = line.map_or(0.0, |line| line.orders[t]);
            let came = t.checked_sub(product.lead_time).and_then(|placed| line.map(|line| line.orders[placed]));
            batches.push((t.saturating_add(life - 1), came.unwrap_or(0.0) + product.arriving(t)));
            let there: f64 = batches.iter().map(|b| b.1).sum();
            let mut unserved = (demand + waiting - there).max(0.0);
            let mut waits = 0.0;
            if product.backorder.is_some() {
                let lost = planned(|line| &line.lost).unwrap_or(0.0).clamp(0.0, demand);
                waits = planned(|line| &line.backorders).unwrap_or(0.0).max(unserved - lost);
                unserved = lost;
            }
            let lost = planned(|line| &line.lost).unwrap_or(0.0).max(unserved).clamp(0.0, demand);
            take(&mut batches, demand - lost + waiting - waits);
            let spoilt: f64 = batches.iter().filter(|b| b.0 <= t).map(|b| b.1).sum();
            let thrown = planned(|line| &line.wasted).unwrap_or(0.0).max(spoilt);
            take(&mut batches, thrown);
            batches.retain(|b| b.0 > t);
            let stock: f64 = batches.iter().map(|b| b.1).sum();
            self.bought += order * product.unit_cost;
            self.setups += if order > 1e-6 { product.setup_cost } else { 0.0 };
            self.held += stock * product.hold;
            self.lost_sales += lost * product.lost_sale;
            self.waiting += waits * product.backorder.unwrap_or(0.0);
            self.waste += thrown * product.waste_cost;
            waiting = waits;
        }
        // What waits at the end is never served.
        self.lost_sales += waiting * product.lost_sale;
    }
}

impl StaffingProblem {
    fn plan(&self, x: &[f64]) -> StaffingPlan {
        let heads = (0..self.tours.len()).filter(|&i| x[i] > 0.5).map(|i| TourHeads { tour: i, people: x[i].round() });
        let mut plan =
            StaffingPlan { heads: heads.collect(), short: Vec::new(), overtime: Vec::new(), hired: Vec::new() };
        for nth in 0..self.overtime.map_or(0, |overtime| overtime.max_hours_a_day) {
            for skill in 0..self.demand.len() {
                for hour in 0..self.hours() {
                    let people = x[self.staying(skill, hour, nth)];
                    if people > 0.5 {
                        plan.overtime.push(OvertimeHour { skill, hour, people });
                    }
                }
            }
        }
        if let Some(workforce) = &self.workforce {
            let heads = self.heads_by_skill(&plan.heads);
            plan.hired = heads.iter().zip(&workforce.heads).map(|(now, before)| now - before).collect();
        }
        plan.short = self.short(&plan);
        plan
    }

    fn heads_by_skill(&self, heads: &[TourHeads]) -> Vec<f64> {
        let mut out = vec![0.0; self.demand.len()];
        for line in heads {
            out[self.tours[line.tour].skill] += line.people;
        }
        out
    }

    /// Where people are missing.
    fn short(&self, plan: &StaffingPlan) -> Vec<ShortHour> {
        let (skills, hours) = (self.demand.len(), self.hours());
        let mut there = vec![vec![0.0; hours]; skills];
        for line in &plan.overtime {
            for row in &mut there[..=line.skill] {
                row[line.hour] += line.people;
            }
        }
        for line in &plan.heads {
            let tour = &self.tours[line.tour];
            for h in self.worked(tour) {
                for row in &mut there[..=tour.skill] {
                    row[h] += line.people;
                }
            }
        }
        let mut out = Vec::new();
        for skill in 0..skills {
            for hour in 0..hours {
                let needed: f64 = self.demand[skill..].iter().map(|row| row[hour]).sum();
                let people = needed - there[skill][hour];
                if people > 1e-6 {
                    out.push(ShortHour { skill, hour, people });
                }
            }
        }
        out
    }

    fn costs(&self, plan: &StaffingPlan) -> Result<Vec<Term>, ModelError> {
        let mut wages = 0.0;
        for (n, line) in plan.heads.iter().enumerate() {
            amount(format!("heads[{n}].people"), line.people)?;
            match self.tours.get(line.tour) {
                Some(tour) => wages += tour.cost * line.people,
                None => {
                    return refuse(format!("heads[{n}].tour"), line.tour, format!("below {}", self.tours.len()));
                }
            }
        }
        for (n, line) in plan.overtime.iter().enumerate() {
            amount(format!("overtime[{n}].people"), line.people)?;
            count(format!("overtime[{n}].skill"), line.skill, 0, self.demand.len() - 1)?;
            count(format!("overtime[{n}].hour"), line.hour, 0, self.hours() - 1)?;
        }
        let missing: f64 = self.short(plan).iter().map(|short| short.people).sum();
        let mut out = terms([("wages", wages), ("hours nobody covers", missing * self.under_penalty)]);
        if let Some(overtime) = &self.overtime {
            let hours: f64 = plan.overtime.iter().map(|line| line.people).sum();
            out.extend(terms([("overtime", hours * overtime.cost_per_hour)]));
        }
        if let Some(workforce) = &self.workforce {
            let heads = self.heads_by_skill(&plan.heads);
            let changes = heads.iter().zip(&workforce.heads).map(|(now, before)| now - before);
            let (mut hiring, mut firing) = (0.0, 0.0);
            for change in changes {
                hiring += change.max(0.0) * workforce.hire_cost;
                firing += (-change).max(0.0) * workforce.fire_cost;
            }
            out.extend(terms([("hiring", hiring), ("letting go", firing)]));
        }
        Ok(out)
    }
}

impl RosterProblem {
    fn plan(&self, x: &[f64]) -> RosterPlan {
        let mut shifts = Vec::new();
        for d in 0..self.days {
            for (s, shift) in self.shifts.iter().enumerate() {
                let crew = (0..self.people).filter(|&e| x[self.at(e, d, s)] > 0.5);
                shifts.extend(crew.map(|e| Assignment { person: self.name(e), day: d + 1, shift: shift.clone() }));
            }
        }
        RosterPlan { shifts }
    }

    fn costs(&self, plan: &RosterPlan) -> Result<Vec<Term>, ModelError> {
        let mut wishes = 0.0;
        let mut crew = vec![vec![(0.0f64, 0usize); self.shifts.len()]; self.days];
        let loads = self.loads();
        let mut carried: Vec<Vec<usize>> = loads.iter().map(|_| vec![0; self.people]).collect();
        let mut weeks = vec![vec![0usize; self.weeks()]; self.people];
        for (n, line) in plan.shifts.iter().enumerate() {
            let e = find(format!("shifts[{n}].person"), &line.person, (0..self.people).map(|e| self.name(e)))?;
            let s = find(format!("shifts[{n}].shift"), &line.shift, self.shifts.iter().cloned())?;
            if !(1..=self.days).contains(&line.day) {
                return refuse(format!("shifts[{n}].day"), line.day, format!("from 1 to {}", self.days));
            }
            let d = line.day - 1;
            wishes += self.weight(e) * self.pref[e][d][s];
            crew[d][s].0 += 1.0;
            crew[d][s].1 += usize::from(self.senior[e]);
            for (load, carried) in loads.iter().zip(&mut carried) {
                carried[e] += usize::from(load.slots.contains(&(d, s)));
            }
            if let Some(week) = weeks[e].get_mut(d / 7) {
                *week += 1;
            }
        }
        let (mut under, mut over, mut alone) = (0.0, 0.0, 0.0);
        for (needs, crews) in self.demand.iter().zip(&crew) {
            for (need, &(people, senior)) in needs.iter().zip(crews) {
                under += (need - people).max(0.0);
                over += (people - need).max(0.0);
                alone += ((self.seniors_per_shift as f64).min(*need) - senior as f64).max(0.0);
            }
        }
        let short = |e: usize| weeks[e].iter().map(|&n| self.least_in_week(e).saturating_sub(n)).sum::<usize>();
        let short: usize = (0..self.people).map(short).sum();
        let p = &self.penalties;
        let mut out = terms([
            ("wishes", wishes),
            ("people missing", under * p.under),
            ("people too many", over * p.over),
            ("shifts without a senior", alone * p.no_senior),
            ("short weeks", short as f64 * p.short_week),
        ]);
        for (load, carried) in loads.iter().zip(&carried) {
            let of = || load.people.iter().map(|&e| carried[e]);
            let spread = of().max().unwrap_or(0) - of().min().unwrap_or(0);
            out.push(Term { name: format!("{} shared unevenly", load.name), amount: spread as f64 * load.price });
        }
        Ok(out)
    }
}

impl BudgetPlanProblem {
    fn plan(&self, x: &[f64]) -> BudgetPlan {
        let lines = self.spend(x).into_iter().enumerate();
        BudgetPlan { channels: lines.map(|(i, spend)| ChannelPlan { channel: self.name(i), spend }).collect() }
    }

    /// Return of a spend in one period, on the curve as it is cut into pieces.
    fn planned_return(&self, i: usize, spend: f64) -> f64 {
        let channel = &self.channels[i];
        let curve = |s: f64| channel.alpha * s / (channel.k + s);
        let width = channel.cap / self.segments as f64;
        if width <= 0.0 || spend <= 0.0 {
            return 0.0;
        }
        let piece = ((spend / width).floor() as usize).min(self.segments - 1) as f64;
        let (a, b) = (curve(width * piece), curve(width * (piece + 1.0)));
        a + (b - a) * (spend - width * piece) / width
    }

    fn costs(&self, plan: &BudgetPlan) -> Result<Vec<Term>, ModelError> {
        let (mut returns, mut switches, mut spent) = (0.0, 0.0, 0.0);
        for (n, line) in plan.channels.iter().enumerate() {
            let names = (0..self.channels.len()).map(|i| self.name(i));
            let i = find(format!("channels[{n}].channel"), &line.channel, names)?;
            length(format!("channels[{n}].spend"), line.spend.len(), self.periods, "the number of periods")?;
            for &spend in &line.spend {
                returns += self.worth() * self.planned_return(i, spend);
                spent += spend;
                switches -= if spend > 1e-9 { self.activation_cost } else { 0.0 };
            }
        }
        let mut out = terms([("returns", returns), ("running channels", switches)]);
        if self.goal != Goal::Returns {
            out.extend(terms([("spend", -spent)]));
        }
        Ok(out)
    }

    /// Return of the next unit of money on each channel and period of a plan, on the smooth curve.
    pub fn marginal_returns(&self, plan: &BudgetPlan) -> Vec<ChannelPlan> {
        let slope = |i: usize, s: f64| {
            let channel = &self.channels[i];
            channel.alpha * channel.k / (channel.k + s).powi(2)
        };
        plan.channels
            .iter()
            .filter_map(|line| {
                let i = (0..self.channels.len()).find(|&i| self.name(i).eq_ignore_ascii_case(&line.channel))?;
                let spend = line.spend.iter().map(|&s| slope(i, s.max(0.0))).collect();
                Some(ChannelPlan { channel: line.channel.clone(), spend })
            })
            .collect()
    }
}
