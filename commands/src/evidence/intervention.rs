use async_trait::async_trait;
use dyocense_domain::ids::MetricId;
use dyocense_domain::runs::RunRefusal;
use dyocense_eventlog::TenantId;
use dyocense_evidence::explain::calendar::Calendar;
use dyocense_evidence::explain::simulation::Simulation;
use dyocense_evidence::questions::{SimulationInput, simulate_intervention};
use dyocense_evidence::table::Table;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::METHOD;
use super::table::{Days, ask, refuse_unless};
use crate::error::Fault;
use crate::execute::Commands;
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
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InterventionAnswer {
    pub metric_id: MetricId,
    pub factor_id: MetricId,
    pub unit: String,
    /// The first day of the path.
    pub first: Date,
    pub simulation: Simulation,
}

#[derive(Serialize, Deserialize)]
struct Input {
    request: InterventionRequest,
    factor: String,
    days: Days,
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
        let mut others = vec![request.factor_id];
        others.extend(request.held.iter().filter(|id| **id != request.factor_id));
        let found = Days::of(commands, tenant, request.metric_id, &others, None).await?;
        Ok(found.and_then(|days| match days.columns.iter().any(|(key, _)| *key == factor) {
            true => Ok(Gathered { input: json!(Input { request, factor, days }) }),
            false => Err(NoAnswer::Impossible(format!("{factor} does not cover the days of {}", days.name))),
        }))
    }

    fn compute(&self, input: &Value, seed: u32, control: &Control) -> Result<Computed, NoAnswer> {
        let Input { request, factor, days } = read(input).map_err(impossible)?;
        let first = days.first.checked_add((days.rows() as i64).days()).map_err(impossible)?;
        let mut columns = days.columns;
        let values = columns.remove(0).1;
        let question = SimulationInput {
            values,
            factors: Table::new(columns).map_err(impossible)?,
            calendar: Calendar::daily(),
            factor: factor.clone(),
            impact: request.impact,
            lag: request.lag,
            horizon: request.horizon,
            seed: seed.into(),
        };
        let simulation =
            ask(control, "simulating what would happen", |progress| simulate_intervention(&question, progress))?;
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
        };
        Ok(Computed { answer: json!(answer), summary, caveats, stopped_early: false })
    }
}
