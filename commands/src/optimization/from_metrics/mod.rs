//! Problems whose numbers come from the metrics of the business: what is asked of which metric, the gathering of it,
//! and the problem with the numbers filled in.
//!
//! A metric is named by its key or its id. All that is gathered is part of the run's input, so that the same input
//! gives the same plan whatever the metric does afterwards.

mod budget;
mod gather;
mod interventions;
mod inventory;
mod staffing;

use std::collections::{BTreeMap, BTreeSet};

use dyocense_domain::ids::{MetricId, RunId};
use dyocense_domain::metrics::Bucket;
use dyocense_domain::optimization::PlanFamily;
use dyocense_forecasting::{Forecast, Model, Request, forecast_set_on};
use dyocense_optimization::business::Rule;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::calendar::PlanCalendar;
use crate::forecasting::{History, TradingDays, calendar_columns, impossible, usual_common};
use crate::runs::{Control, NoAnswer};

pub use interventions::Supposed;
pub use inventory::StockTarget;

use interventions::Simulated;

/// Metrics of one problem: each that has no forecast yet is forecast.
const MOST_METRICS: usize = 100;
/// Steps ahead, as for every forecast.
const FURTHEST: usize = 1_000;
/// The hours of a week, Monday's first.
const WEEK: usize = 168;

/// What is expected of a metric over the steps of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Foreseen {
    /// As the problem names it.
    pub metric: String,
    pub metric_id: MetricId,
    pub name: String,
    pub unit: String,
    pub bucket: Bucket,
    /// The first days of the steps; the first is the step after the metric's history.
    pub starts: Vec<Date>,
    pub mean: Vec<f64>,
    /// Standard deviation of each step's error.
    pub sd: Vec<f64>,
    /// Share of the errors' variance that all steps have in common.
    #[serde(default = "usual_common")]
    pub common: f64,
    /// The kept forecast it is; None where it was made for the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<RunId>,
}

impl Foreseen {
    /// The steps from `from` on; None where that is no first day of a step, or past the last.
    fn steps_from(&self, from: Date) -> Option<usize> {
        self.starts.iter().position(|start| *start == from)
    }

    fn as_forecast(&self) -> Forecast {
        Forecast {
            model: String::new(),
            mean: self.mean.clone(),
            sd: self.sd.clone(),
            common: self.common,
            intervals: Vec::new(),
            members: Vec::new(),
            caveats: Vec::new(),
        }
    }
}

/// A metric's future, or what it is to be forecast from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ahead {
    Known(Foreseen),
    History(History),
}

/// All that was gathered for a problem.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sources {
    /// Futures, by the metric's name in the problem.
    ahead: BTreeMap<String, Ahead>,
    /// Steps ahead that the plan needs of each.
    horizon: usize,
    /// What a metric was in its last steps, the oldest first.
    past: BTreeMap<String, Vec<f64>>,
    /// Pasts over the same steps, the oldest first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    together: BTreeMap<String, Vec<f64>>,
    /// What share of its day each hour of the week has had, Monday's hours first.
    hours: BTreeMap<String, Vec<f64>>,
    /// The first day of the plan.
    first_day: Option<Date>,
    /// Changes that the plan supposes are made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    interventions: Vec<Simulated>,
}

impl Sources {
    pub fn is_empty(&self) -> bool {
        *self == Sources::default()
    }
}

/// What a problem asks of metrics.
#[derive(Debug, Default, PartialEq)]
struct Asked {
    /// Futures: how many steps from the plan's first day on.
    ahead: BTreeMap<String, usize>,
    /// Pasts: how many steps.
    past: BTreeMap<String, usize>,
    hours: BTreeSet<String>,
    /// Pasts over the same steps, of which there are at most so many.
    together: BTreeSet<String>,
    together_steps: usize,
}

impl Asked {
    fn metrics(&self) -> impl Iterator<Item = &String> {
        self.ahead.keys().chain(self.past.keys()).chain(&self.hours).chain(&self.together)
    }

    fn ahead(&mut self, metric: &str, steps: usize) {
        let known = self.ahead.entry(metric.to_owned()).or_default();
        *known = steps.max(*known);
    }

    fn past(&mut self, metric: &str, steps: usize) {
        let known = self.past.entry(metric.to_owned()).or_default();
        *known = steps.max(*known);
    }
}

/// A number that comes from a metric.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct FromMetric {
    metric: String,
}

/// A problem with its numbers filled in, and what comes with them.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub rules: Vec<Rule>,
    pub stock_targets: Vec<StockTarget>,
    /// What is done today, in the form of a plan.
    pub today: Option<Value>,
    pub caveats: Vec<String>,
}

/// What the parts of a problem that come from elsewhere say, read and checked.
#[derive(Debug, PartialEq)]
pub(super) struct Draft {
    parts: Parts,
    /// Simulated interventions that the plan supposes.
    interventions: Vec<RunId>,
}

#[derive(Debug, PartialEq)]
enum Parts {
    Inventory(inventory::Draft),
    Staffing(staffing::Draft),
    Budget(budget::Draft),
    /// Nothing of a roster comes from metrics.
    Plain,
}

impl Draft {
    /// # Errors
    /// Names the field and its bound.
    pub fn read(family: PlanFamily, problem: &Value) -> Result<Draft, String> {
        let parts = match family {
            PlanFamily::Inventory => Parts::Inventory(inventory::Draft::read(problem)?),
            PlanFamily::Staffing => Parts::Staffing(staffing::Draft::read(problem)?),
            PlanFamily::Budget => Parts::Budget(budget::Draft::read(problem)?),
            PlanFamily::Roster => Parts::Plain,
        };
        let draft = Draft { parts, interventions: interventions::read(problem)? };
        let asked = draft.asked();
        let metrics: BTreeSet<&String> = asked.metrics().collect();
        if metrics.len() > MOST_METRICS {
            return Err(format!("{} metrics: at most {MOST_METRICS} are allowed", metrics.len()));
        }
        if asked.ahead.is_empty() && !draft.interventions.is_empty() {
            return Err(
                "interventions change what is expected of metrics, and this problem expects nothing of any".into()
            );
        }
        match asked.ahead.values().max() {
            Some(steps) if *steps > FURTHEST => Err(format!("{steps} steps ahead: at most {FURTHEST} are forecast")),
            _ => Ok(draft),
        }
    }

    fn asked(&self) -> Asked {
        match &self.parts {
            Parts::Inventory(draft) => draft.asked(),
            Parts::Staffing(draft) => draft.asked(),
            Parts::Budget(draft) => draft.asked(),
            Parts::Plain => Asked::default(),
        }
    }

    /// Whether the problem stands as it is.
    pub fn is_plain(&self) -> bool {
        match &self.parts {
            Parts::Inventory(draft) => draft.is_plain(),
            Parts::Staffing(draft) => draft.is_plain(),
            Parts::Budget(draft) => draft.is_plain(),
            Parts::Plain => true,
        }
    }

    /// The problem with something in the place of what comes from elsewhere, so that the rest of it can be checked.
    pub fn with_stand_ins(&self, problem: &Value) -> Value {
        let mut problem = self.as_the_engine_reads(problem.clone());
        match &self.parts {
            Parts::Inventory(draft) => draft.fill_with_zeros(&mut problem),
            Parts::Staffing(draft) => draft.fill_with_zeros(&mut problem),
            Parts::Budget(draft) => draft.fill_with_any(&mut problem),
            Parts::Plain => {}
        }
        problem
    }

    /// The problem with its numbers filled in.
    pub fn fill(
        &self,
        problem: Value,
        sources: &Sources,
        foreseen: &BTreeMap<String, Foreseen>,
        seed: u32,
    ) -> Result<(Value, Filled), NoAnswer> {
        let mut problem = self.as_the_engine_reads(problem);
        let filled = match &self.parts {
            Parts::Inventory(draft) => draft.fill(&mut problem, sources, foreseen, seed)?,
            Parts::Staffing(draft) => draft.fill(&mut problem, sources, foreseen)?,
            Parts::Budget(draft) => draft.fill(&mut problem, sources)?,
            Parts::Plain => Filled::default(),
        };
        Ok((problem, filled))
    }

    /// Without what is not the engine's.
    fn as_the_engine_reads(&self, mut problem: Value) -> Value {
        if let Some(fields) = problem.as_object_mut() {
            fields.remove(interventions::FIELD);
        }
        problem
    }
}

impl Sources {
    /// The future of every metric: as it is known, or forecast now.
    pub fn foresee(&self, seed: u32, control: &Control) -> Result<BTreeMap<String, Foreseen>, NoAnswer> {
        let mut found: BTreeMap<String, Foreseen> = BTreeMap::new();
        let mut waiting: Vec<(&String, &History)> = Vec::new();
        for (metric, ahead) in &self.ahead {
            match ahead {
                Ahead::Known(foreseen) => drop(found.insert(metric.clone(), foreseen.clone())),
                Ahead::History(history) => waiting.push((metric, history)),
            }
        }
        if waiting.is_empty() {
            return Ok(found);
        }
        control.tell(None, format!("forecasting {} metrics", waiting.len()));
        let trading: Vec<TradingDays> = waiting.iter().map(|(_, history)| TradingDays::of(history)).collect();
        let series = waiting
            .iter()
            .zip(&trading)
            .map(|((_, history), trading)| trading.series(history, history.values.len()))
            .collect::<Result<Vec<_>, _>>()?;
        let request = Request { horizon: self.horizon, levels: vec![80.0], model: Model::Auto, seed: seed.into() };
        let count = waiting.len();
        let told = |done: usize| control.tell(None, format!("forecast {done} of {count} metrics"));
        let calendar: Vec<Vec<Vec<f64>>> =
            waiting.iter().map(|(_, history)| calendar_columns(history, history.values.len(), self.horizon)).collect();
        let forecasts = forecast_set_on(&series, &calendar, &request, 1, &told);
        for (((metric, history), trading), forecast) in waiting.into_iter().zip(trading).zip(forecasts) {
            let mut forecast = forecast.map_err(|error| impossible(format!("{}: {error}", history.name)))?;
            let starts = history.steps_ahead(self.horizon);
            trading.close(&starts, &mut forecast);
            let foreseen = Foreseen {
                metric: metric.clone(),
                metric_id: history.metric_id,
                name: history.name.clone(),
                unit: history.unit.clone(),
                bucket: history.bucket,
                starts,
                mean: forecast.mean,
                sd: forecast.sd,
                common: forecast.common,
                forecast: None,
            };
            found.insert(metric.clone(), foreseen);
        }
        match control.is_stopped() {
            true => Err(NoAnswer::Stopped),
            false => Ok(found),
        }
    }

    /// Adds what the supposed interventions do.
    pub fn suppose(&self, foreseen: &mut BTreeMap<String, Foreseen>) -> Result<Vec<Supposed>, NoAnswer> {
        interventions::suppose(foreseen, &self.interventions)
    }

    /// What a reader of the plan should know of what was gathered.
    pub fn caveats(&self) -> Vec<String> {
        interventions::caveats(&self.interventions)
    }

    /// The dates of a plan that has none of its own.
    pub fn calendar(&self, given: Option<&PlanCalendar>, step: Bucket) -> Option<PlanCalendar> {
        match (given, self.first_day) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(first_day)) => Some(PlanCalendar { first_day, step, shifts: vec![] }),
            (None, None) => None,
        }
    }
}

/// The steps of a metric's future that a plan is about.
fn steps<'f>(
    foreseen: &'f BTreeMap<String, Foreseen>,
    sources: &Sources,
    metric: &str,
    count: usize,
) -> Result<(&'f Foreseen, std::ops::Range<usize>), NoAnswer> {
    let known = foreseen.get(metric).ok_or_else(|| impossible(format!("nothing is known of {metric:?}")))?;
    let from = sources.first_day.and_then(|first| known.steps_from(first));
    match from.map(|from| from..from + count) {
        Some(steps) if steps.end <= known.mean.len() => Ok((known, steps)),
        _ => Err(impossible(format!("{} is not foreseen as far as the plan goes", known.name))),
    }
}

/// The value that a step stays below with a probability; nothing is asked for less than nothing. Two decimals: a
/// forecast knows no more.
fn amount(foreseen: &Foreseen, step: usize, quantile: Option<f64>) -> f64 {
    let spread = quantile.map_or(0.0, |p| dyocense_forecasting::normal_quantile(p) * foreseen.sd[step]);
    (((foreseen.mean[step] + spread).max(0.0)) * 100.0).round() / 100.0
}

fn check_quantile(field: &str, quantile: Option<f64>) -> Result<(), String> {
    match quantile {
        Some(p) if !(0.01..=0.99).contains(&p) => Err(format!("{field}.quantile is {p}: it must be from 0.01 to 0.99")),
        _ => Ok(()),
    }
}

fn read<T: serde::de::DeserializeOwned>(field: &str, value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|error| format!("{field}: {error}"))
}
