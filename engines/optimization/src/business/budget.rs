//! Where to spend: channels with diminishing returns, smallest useful amounts, caps and groups.

use serde::{Deserialize, Serialize};

use crate::bounds::{amount, count, length, refuse};
use crate::effort::Effort;
use crate::mmm::History;
use crate::model::{Model, ModelError, Role, Sense};

/// A channel that returns `alpha s / (k + s)` for a spend of `s` in a period.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Channel {
    #[serde(default)]
    pub name: Option<String>,
    /// Return that no spend exceeds.
    pub alpha: f64,
    /// Spend at which half of it is reached.
    pub k: f64,
    /// Smallest spend if any.
    #[serde(default)]
    pub min_if_active: f64,
    /// Largest spend.
    pub cap: f64,
    #[serde(default)]
    pub group: usize,
}

fn one() -> usize {
    1
}
fn all() -> f64 {
    1.0
}
fn segments() -> usize {
    20
}

/// What a budget is to be good for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Goal {
    /// Most returns, less the cost of running channels.
    #[default]
    Returns,
    /// Most of `margin` times the returns, less the spend and the cost of running channels.
    Profit,
    /// Most profit for each unit of money spent; `spend_at_least` must be given, for the first unit
    /// returns most.
    Roi,
}

/// What to spend on each channel in each period.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BudgetPlanProblem {
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// The past, from which the channels are fitted where none are given; a channel may then spend up
    /// to one and a half times what it ever did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    #[serde(default)]
    pub goal: Goal,
    /// Share of a return that is profit.
    #[serde(default = "all")]
    pub margin: f64,
    /// Least over all periods and channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_at_least: Option<f64>,
    /// What a unit of money is charged in a search for the best ratio.
    #[serde(skip)]
    pub(super) charge: f64,
    #[serde(default = "one")]
    pub periods: usize,
    pub budget_per_period: f64,
    /// Most channels at once in a period.
    #[serde(default)]
    pub max_active: Option<usize>,
    /// Cost of having a channel active in a period.
    #[serde(default)]
    pub activation_cost: f64,
    /// Spend comes in multiples of this; 0 for any amount.
    #[serde(default)]
    pub lot: f64,
    /// Most of each group in a period.
    #[serde(default)]
    pub group_caps: Option<Vec<f64>>,
    /// Most over all periods.
    #[serde(default)]
    pub total_budget: Option<f64>,
    /// Least over all periods, by channel.
    #[serde(default)]
    pub contracts: Option<Vec<f64>>,
    /// Pieces each return curve is cut into.
    #[serde(default = "segments")]
    pub segments: usize,
}

/// Work for fitting a history: a few seconds at most.
const FIT_SECONDS: f64 = 4.0;
/// How far beyond its largest spend a fitted curve is believed.
const BEYOND: f64 = 1.5;

impl BudgetPlanProblem {
    /// Fits the channels from the history where none are given.
    pub(super) fn expanded(mut self) -> Result<Self, ModelError> {
        if let (true, Some(history)) = (self.channels.is_empty(), &self.history) {
            let fit = crate::mmm::fit(history, 0, &mut Effort::seconds(FIT_SECONDS))?;
            self.channels = fit
                .channels
                .into_iter()
                .map(|channel| Channel {
                    name: Some(channel.name),
                    alpha: channel.alpha.value,
                    k: channel.k.value,
                    min_if_active: 0.0,
                    cap: BEYOND * channel.largest_spend,
                    group: 0,
                })
                .collect();
        }
        Ok(self)
    }

    /// Charge of a unit of money in the objective.
    fn price_of_money(&self) -> f64 {
        match self.goal {
            Goal::Returns => 0.0,
            Goal::Profit => 1.0,
            Goal::Roi => 1.0 + self.charge,
        }
    }

    /// What a unit of return counts.
    pub(super) fn worth(&self) -> f64 {
        if self.goal == Goal::Returns { 1.0 } else { self.margin }
    }

    pub(crate) fn validate(&self) -> Result<(), ModelError> {
        count("number of channels", self.channels.len(), 1, 2000)?;
        count("periods", self.periods, 1, 366)?;
        count("segments", self.segments, 1, 200)?;
        count("channels x periods x segments", self.channels.len() * self.periods * self.segments, 1, 400_000)?;
        amount("budget_per_period", self.budget_per_period)?;
        amount("activation_cost", self.activation_cost)?;
        amount("lot", self.lot)?;
        if let Some(total) = self.total_budget {
            amount("total_budget", total)?;
        }
        if !(self.margin > 0.0 && self.margin <= 1.0) {
            return refuse("margin", self.margin, "above 0 and at most 1");
        }
        let least = self.spend_at_least.unwrap_or(0.0);
        amount("spend_at_least", least)?;
        if self.goal == Goal::Roi && least <= 0.0 {
            return refuse("spend_at_least", least, "above 0 where the goal is roi");
        }
        for (i, channel) in self.channels.iter().enumerate() {
            amount(format!("channels[{i}].alpha"), channel.alpha)?;
            amount(format!("channels[{i}].cap"), channel.cap)?;
            amount(format!("channels[{i}].min_if_active"), channel.min_if_active)?;
            if !(channel.k.is_finite() && channel.k > 0.0) {
                return refuse(format!("channels[{i}].k"), channel.k, "a finite number above 0");
            }
            if channel.min_if_active > channel.cap {
                return refuse(
                    format!("channels[{i}].min_if_active"),
                    channel.min_if_active,
                    format!("at most the cap, {}", channel.cap),
                );
            }
            if let Some(caps) = &self.group_caps
                && channel.group >= caps.len()
            {
                return refuse(
                    format!("channels[{i}].group"),
                    channel.group,
                    format!("below {}, the length of group_caps", caps.len()),
                );
            }
        }
        if let Some(contracts) = &self.contracts {
            length("contracts", contracts.len(), self.channels.len(), "the number of channels")?;
            for (i, &least) in contracts.iter().enumerate() {
                amount(format!("contracts[{i}]"), least)?;
            }
        }
        for (g, &cap) in self.group_caps.iter().flatten().enumerate() {
            amount(format!("group_caps[{g}]"), cap)?;
        }
        Ok(())
    }

    pub(super) fn name(&self, i: usize) -> String {
        self.channels[i].name.clone().unwrap_or_else(|| format!("channel {}", i + 1))
    }

    /// Columns of one channel in one period: active, lots (or spend), then the pieces.
    pub(super) fn at(&self, i: usize, t: usize) -> usize {
        (i * self.periods + t) * (2 + self.segments)
    }

    pub(super) fn lot_size(&self) -> f64 {
        if self.lot > 0.0 { self.lot } else { 1.0 }
    }

    pub(crate) fn model(&self) -> Model {
        let mut model = Model::new("budget", Sense::Max);
        let (none, inf) = (f64::NEG_INFINITY, f64::INFINITY);
        let lot = self.lot_size();
        let money = if self.goal == Goal::Returns { 0.0 } else { -lot * self.price_of_money() };
        for (i, channel) in self.channels.iter().enumerate() {
            let width = channel.cap / self.segments as f64;
            let response = |s: f64| channel.alpha * s / (channel.k + s);
            for t in 0..self.periods {
                model.integer(format!("y{i}_{t}"), -self.activation_cost, 0.0, 1.0);
                let most = channel.cap / lot;
                if self.lot > 0.0 {
                    model.integer(format!("n{i}_{t}"), money, 0.0, (most + 1e-9).floor());
                } else {
                    model.column(format!("n{i}_{t}"), money, 0.0, most);
                }
                for k in 0..self.segments {
                    let (a, b) = (width * k as f64, width * (k + 1) as f64);
                    let slope = if width > 0.0 { (response(b) - response(a)) / width } else { 0.0 };
                    model.column(format!("s{i}_{t}_{k}"), self.worth() * slope, 0.0, width);
                }
            }
        }
        for (i, channel) in self.channels.iter().enumerate() {
            let name = self.name(i);
            for t in 0..self.periods {
                let c = self.at(i, t);
                let mut terms: Vec<_> = (0..self.segments).map(|k| (c + 2 + k, 1.0)).collect();
                terms.push((c + 1, -lot));
                model.row(format!("lot{i}_{t}"), Role::Structure, terms, 0.0, 0.0);
                let terms = vec![(c + 1, lot), (c, -channel.cap)];
                let row = model.row(format!("act{i}_{t}"), Role::Rule, terms, none, 0.0);
                model.say(row, format!("{name}: at most {} in a period", channel.cap), "USD");
                if channel.min_if_active > 0.0 {
                    let terms = vec![(c + 1, lot), (c, -channel.min_if_active)];
                    let row = model.row(format!("min{i}_{t}"), Role::Rule, terms, 0.0, inf);
                    model.say(row, format!("{name}: at least {} when it runs", channel.min_if_active), "USD");
                }
            }
        }
        let spend = |keep: &dyn Fn(usize, usize) -> bool| -> Vec<(usize, f64)> {
            (0..self.channels.len())
                .flat_map(|i| (0..self.periods).map(move |t| (i, t)))
                .filter(|&(i, t)| keep(i, t))
                .map(|(i, t)| (self.at(i, t) + 1, lot))
                .collect()
        };
        for t in 0..self.periods {
            let limit = self.budget_per_period;
            let row = model.row(format!("bud{t}"), Role::Rule, spend(&|_, at| at == t), none, limit);
            model.say(row, format!("never more than {limit} in period {}", t + 1), "USD");
            if let Some(most) = self.max_active {
                let terms = (0..self.channels.len()).map(|i| (self.at(i, t), 1.0)).collect();
                let row = model.row(format!("maxact{t}"), Role::Rule, terms, none, most as f64);
                model.say(row, format!("at most {most} channels in period {}", t + 1), "channels");
            }
            for (g, &cap) in self.group_caps.iter().flatten().enumerate() {
                let terms = spend(&|i, at| at == t && self.channels[i].group == g);
                let row = model.row(format!("grp{g}_{t}"), Role::Rule, terms, none, cap);
                model.say(row, format!("group {g}: at most {cap} in period {}", t + 1), "USD");
            }
        }
        if let Some(total) = self.total_budget {
            let row = model.row("total", Role::Rule, spend(&|_, _| true), none, total);
            model.say(row, format!("never more than {total} in all"), "USD");
        }
        if let Some(least) = self.spend_at_least.filter(|&least| least > 0.0) {
            let row = model.row("least", Role::Rule, spend(&|_, _| true), least, inf);
            model.say(row, format!("at least {least} in all"), "USD");
        }
        for (i, &least) in self.contracts.iter().flatten().enumerate() {
            if least > 0.0 {
                let row = model.row(format!("contract{i}"), Role::Rule, spend(&|channel, _| channel == i), least, inf);
                model.say(row, format!("{}: at least {least} in all", self.name(i)), "USD");
            }
        }
        model
    }

    /// Spend of each channel in each period.
    pub fn spend(&self, x: &[f64]) -> Vec<Vec<f64>> {
        (0..self.channels.len())
            .map(|i| (0..self.periods).map(|t| x[self.at(i, t) + 1] * self.lot_size()).collect())
            .collect()
    }

    pub(crate) fn check(&self, x: &[f64]) -> Vec<String> {
        let mut out = Vec::new();
        let spend = self.spend(x);
        let over = |have: f64, limit: f64| have > limit + 1e-6 * (1.0 + limit.abs());
        for t in 0..self.periods {
            let total: f64 = spend.iter().map(|row| row[t]).sum();
            if over(total, self.budget_per_period) {
                out.push(format!("period {}: spends {total}", t + 1));
            }
            let active = spend.iter().filter(|row| row[t] > 1e-9).count();
            if self.max_active.is_some_and(|most| active > most) {
                out.push(format!("period {}: {active} channels at once", t + 1));
            }
            for (g, &cap) in self.group_caps.iter().flatten().enumerate() {
                let sum: f64 = (0..spend.len()).filter(|&i| self.channels[i].group == g).map(|i| spend[i][t]).sum();
                if over(sum, cap) {
                    out.push(format!("period {}: group {g} spends {sum}", t + 1));
                }
            }
        }
        for (i, channel) in self.channels.iter().enumerate() {
            for (t, &s) in spend[i].iter().enumerate() {
                if over(s, channel.cap) || (s > 1e-6 && over(channel.min_if_active, s)) || s < -1e-9 {
                    out.push(format!("{}, period {}: spends {s}", self.name(i), t + 1));
                }
            }
        }
        let all: f64 = spend.iter().flatten().sum();
        if self.total_budget.is_some_and(|total| over(all, total)) {
            out.push(format!("spends {all} in all"));
        }
        if self.spend_at_least.is_some_and(|least| over(least, all)) {
            out.push(format!("spends only {all} in all"));
        }
        for (i, &least) in self.contracts.iter().flatten().enumerate() {
            if over(least, spend[i].iter().sum()) {
                out.push(format!("{}: less than its contract of {least}", self.name(i)));
            }
        }
        out
    }
}
