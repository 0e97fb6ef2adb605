use async_trait::async_trait;
use dyocense_domain::goals::{self, Goal, GoalPlan, GoalStatus, Pause};
use dyocense_domain::ids::{CausalModelId, GoalId, MetricId};
use dyocense_domain::runs::RunRefusal;
use dyocense_eventlog::TenantId;
use dyocense_evidence::explain::simulation::Simulation;
use dyocense_evidence::graphs::adjustment::Identification;
use dyocense_evidence::questions::{SimulationInput, simulate_intervention};
use dyocense_evidence::table::Table;
use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::METHOD;
use super::graph::GraphAnswer;
use super::table::{Days, KnownDays, ask, calendar, refuse_unless};
use crate::error::Fault;
use crate::execute::{Commands, stream_id};
use crate::forecasting::{grouped, impossible, read};
use crate::runs::{Analysis, Computed, Control, Gathered, NoAnswer};

/// What would happen to a metric if another were changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InterventionRequest {
    pub metric_id: MetricId,
    /// The metric that is changed.
    pub factor_id: MetricId,
    /// By how much, in its own unit, from the day after the history on.
    pub impact: f64,
    /// Metrics that are held where they are.
    pub held: Vec<MetricId>,
    /// Days from the factor to its effect, 0 to 60.
    pub lag: usize,
    /// Days ahead, 1 to 365.
    pub horizon: usize,
    /// A causal model that says which metrics must be held for the effect to be the factor's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<CausalModelId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InterventionAnswer {
    pub metric_id: MetricId,
    pub factor_id: MetricId,
    pub unit: String,
    /// The first day of the path.
    pub first: Date,
    pub simulation: Simulation,
    /// Keys of the metrics that were held, whoever chose them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<String>,
    /// Where the goals that the metric measures would stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<GoalOutlook>,
}

/// Where a goal would stand with the change and without.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalOutlook {
    pub goal_id: GoalId,
    /// The goal's due day, or the last simulated day where that comes first.
    pub day: Date,
    pub with: GoalScenario,
    pub without: GoalScenario,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalScenario {
    pub status: GoalStatus,
    /// In the goal's unit; None where there is nothing to read.
    pub reading: Option<Decimal>,
    /// Share of the way to the target.
    pub progress: Decimal,
}

#[derive(Serialize, Deserialize)]
struct Input {
    request: InterventionRequest,
    factor: String,
    days: Days,
    known: Vec<KnownDays>,
    goals: Vec<MeasuredGoal>,
    /// What the causal model says of the effect.
    notes: Vec<String>,
}

/// A goal of the metric with the days that it counts; without what people wrote about it.
#[derive(Serialize, Deserialize)]
struct MeasuredGoal {
    goal_id: GoalId,
    plan: GoalPlan,
    pauses: Vec<(Date, Option<Date>)>,
    days: Vec<(Date, Decimal)>,
}

impl MeasuredGoal {
    fn outlook(&self, first: Date, simulation: &Simulation) -> Option<GoalOutlook> {
        let end = first.checked_add((simulation.path.len() as i64 - 1).days()).ok()?;
        let day = end.min(self.plan.due);
        if day < first || day < self.plan.start {
            return None;
        }
        let pauses: Vec<Pause> = self.pauses.iter().map(|(from, until)| Pause { from: *from, until: *until }).collect();
        let scenario = |path: &[f64]| {
            let to_come = path.iter().enumerate().filter_map(|(i, value)| {
                Some((first.checked_add((i as i64).days()).ok()?, Decimal::from_f64(*value)?))
            });
            // What is not over yet of the history's own days is replaced by what is simulated.
            let before = self.days.iter().copied().filter(|(day, _)| *day < first);
            let history: goals::History = before.chain(to_come).collect();
            let pace = goals::pace(&self.plan, &pauses, &history, day, None);
            GoalScenario { status: pace.status, reading: pace.actual, progress: pace.progress }
        };
        Some(GoalOutlook {
            goal_id: self.goal_id,
            day,
            with: scenario(&simulation.path),
            without: scenario(&simulation.without),
        })
    }
}

pub(crate) struct Simulating;

const LONGEST_LAG: usize = 60;
const FURTHEST: usize = 365;

#[async_trait]
impl Analysis for Simulating {
    fn method(&self) -> &'static str {
        METHOD
    }

    fn check(&self, request: &Value) -> Result<(), RunRefusal> {
        let InterventionRequest { metric_id, factor_id, impact, lag, horizon, .. } = read(request)?;
        refuse_unless(metric_id != factor_id, "factorId", || "a metric is no factor of itself".to_owned())?;
        refuse_unless(impact.is_finite(), "impact", || format!("an impact of {impact}: a finite number is due"))?;
        refuse_unless(lag <= LONGEST_LAG, "lag", || format!("a delay of {lag} days: 0 to {LONGEST_LAG} are allowed"))?;
        refuse_unless((1..=FURTHEST).contains(&horizon), "horizon", || {
            format!("a horizon of {horizon} days: 1 to {FURTHEST} are allowed")
        })
    }

    async fn gather(
        &self,
        commands: &Commands,
        tenant: TenantId,
        request: &Value,
    ) -> Result<Result<Gathered, NoAnswer>, Fault> {
        let request: InterventionRequest = read(request).map_err(Fault::internal)?;
        let factor = commands.reads.metric(tenant, request.factor_id).await?;
        let Some(factor) = factor.map(|metric| metric.key) else {
            return Ok(Err(NoAnswer::Impossible("the factor does not exist in this business".to_owned())));
        };
        let (chosen, notes) = match commands.held_by_model(tenant, &request).await? {
            Ok(held) => held,
            Err(none) => return Ok(Err(none)),
        };
        let mut others = vec![request.factor_id];
        for id in request.held.iter().chain(&chosen) {
            if *id != request.metric_id && !others.contains(id) {
                others.push(*id);
            }
        }
        let days = match Days::of(commands, tenant, request.metric_id, &others, None).await? {
            Ok(days) => days,
            Err(none) => return Ok(Err(none)),
        };
        if !days.columns.iter().any(|(key, _)| *key == factor) {
            return Ok(Err(NoAnswer::Impossible(format!("{factor} does not cover the days of {}", days.name))));
        }
        let known = days.occasions(commands, tenant, request.horizon).await?;
        let goals = commands.measured_goals(tenant, request.metric_id, days.day(days.rows())).await?;
        Ok(Ok(Gathered { input: json!(Input { request, factor, days, known, goals, notes }) }))
    }

    fn compute(&self, input: &Value, seed: u32, control: &Control) -> Result<Computed, NoAnswer> {
        let Input { request, factor, days, known, goals, notes } = read(input).map_err(impossible)?;
        let first = days.first.checked_add((days.rows() as i64).days()).map_err(impossible)?;
        let mut columns = days.columns;
        let held: Vec<String> = columns[1..].iter().map(|(key, _)| key.clone()).filter(|key| *key != factor).collect();
        let values = columns.remove(0).1;
        let question = SimulationInput {
            values,
            factors: Table::new(columns).map_err(impossible)?,
            calendar: calendar(&known).map_err(impossible)?,
            factor: factor.clone(),
            impact: request.impact,
            lag: request.lag,
            horizon: request.horizon,
            seed: seed.into(),
        };
        let mut simulation =
            ask(control, "simulating what would happen", |progress| simulate_intervention(&question, progress))?;
        simulation.assumptions.extend(notes);
        let outlooks: Vec<GoalOutlook> = goals.iter().filter_map(|goal| goal.outlook(first, &simulation)).collect();
        let sum = |path: &[f64]| path.iter().sum::<f64>();
        let change = sum(&simulation.path) - sum(&simulation.without);
        let sure = if simulation.p < 0.05 { "" } else { " History does not show this effect beyond chance." };
        let summary = format!(
            "Changing {factor} by {} is expected to change {} by about {} {} over {} days.{sure}",
            grouped(request.impact),
            days.name,
            grouped(change),
            days.unit,
            request.horizon
        );
        let mut caveats = days.caveats;
        caveats.extend(simulation.warnings.iter().cloned());
        let answer = InterventionAnswer {
            metric_id: request.metric_id,
            factor_id: request.factor_id,
            unit: days.unit,
            first,
            simulation,
            held,
            goals: outlooks,
        };
        Ok(Computed { answer: json!(answer), summary, caveats, stopped_early: false })
    }
}

impl Commands {
    /// The metrics that the request's causal model asks to hold, and what it says of the effect.
    async fn held_by_model(
        &self,
        tenant: TenantId,
        request: &InterventionRequest,
    ) -> Result<Result<(Vec<MetricId>, Vec<String>), NoAnswer>, Fault> {
        let Some(model_id) = request.model_id else { return Ok(Ok((vec![], vec![]))) };
        let impossible = |reason: &str| Ok(Err(NoAnswer::Impossible(reason.to_owned())));
        let models = self.reads.causal_models(tenant).await?;
        let Some(model) = models.into_iter().find(|model| model.model_id == model_id) else {
            return impossible("there is no such causal model in this business");
        };
        let answer = match model.latest_run {
            Some(run) => self.reads.run_answer(tenant, run).await?,
            None => None,
        };
        let Some(GraphAnswer { graph, .. }) = answer.and_then(|answer| serde_json::from_value(answer).ok()) else {
            return impossible("the causal model has not been learnt yet");
        };
        let mut ids = Vec::with_capacity(model.metrics.len());
        for id in &model.metrics {
            if let Some(metric) = self.reads.metric(tenant, *id).await? {
                ids.push((metric.key, *id));
            }
        }
        let key = |id: MetricId| ids.iter().find(|(_, known)| *known == id).map(|(key, _)| key.as_str());
        let (Some(factor), Some(metric)) = (key(request.factor_id), key(request.metric_id)) else {
            return impossible("the causal model knows nothing of one of the two metrics");
        };
        match graph.identify(factor, metric) {
            Ok(Identification::NoEffect) => Ok(Ok((
                vec![],
                vec![format!(
                    "the causal model knows no way from `{factor}` to `{metric}`: an effect would be new to it"
                )],
            ))),
            Ok(Identification::Adjust { set }) => {
                let names: Vec<&str> = set.iter().map(|node| graph.nodes[*node].as_str()).collect();
                let held = ids.iter().filter(|(key, _)| names.contains(&key.as_str())).map(|(_, id)| *id).collect();
                let note = match names.is_empty() {
                    true => "the causal model is right that nothing need be held".to_owned(),
                    false => format!("the causal model is right that holding {} is enough", names.join(", ")),
                };
                Ok(Ok((held, vec![note])))
            }
            Ok(Identification::Undecided { edges }) => {
                let open: Vec<String> =
                    edges.iter().map(|[a, b]| format!("{} - {}", graph.nodes[*a], graph.nodes[*b])).collect();
                Ok(Err(NoAnswer::Impossible(format!(
                    "the effect cannot be told from these data: it depends on the direction of {}; confirm or remove it",
                    open.join(", ")
                ))))
            }
            Err(refusal) => {
                Ok(Err(NoAnswer::Impossible(format!("the effect cannot be told from the model: {refusal}"))))
            }
        }
    }

    /// The goals of a metric that days from `first` on concern, with their history, without what people wrote about them.
    async fn measured_goals(
        &self,
        tenant: TenantId,
        metric: MetricId,
        first: Date,
    ) -> Result<Vec<MeasuredGoal>, Fault> {
        let mut measured = Vec::new();
        for goal_id in self.reads.goals_measured_by(tenant, metric, first).await? {
            let goal = self.load::<Goal>(tenant, &stream_id(goal_id.stream())?).await?.state;
            let Some(mut plan) = goal.plan else { continue };
            let Some(known) = self.measured(tenant, metric, &plan.time_zone).await? else { continue };
            (plan.description, plan.relevance) = (None, None);
            measured.push(MeasuredGoal {
                goal_id,
                pauses: goal.pauses.iter().map(|pause| (pause.from, pause.until)).collect(),
                plan,
                days: known.history.iter().collect(),
            });
        }
        Ok(measured)
    }
}
