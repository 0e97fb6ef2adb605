use async_trait::async_trait;
use dyocense_domain::ids::MetricId;
use dyocense_domain::runs::RunRefusal;
use dyocense_eventlog::TenantId;
use dyocense_evidence::explain::calendar::Calendar;
use dyocense_evidence::explain::change::Explanation;
use dyocense_evidence::questions::{ChangeInput, explain_change};
use dyocense_evidence::table::Table;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::METHOD;
use super::table::{Days, ask, refuse_unless};
use crate::error::Fault;
use crate::execute::Commands;
use crate::forecasting::{impossible, read};
use crate::runs::{Analysis, Computed, Control, Gathered, NoAnswer};

/// Why a metric changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeRequest {
    pub metric_id: MetricId,
    /// First and last day of the change.
    pub first: Date,
    pub last: Date,
    /// Metrics that may be behind it; every other metric of the business where there are none.
    pub factors: Vec<MetricId>,
    /// Longest delay of a factor, in days, 0 to 60.
    pub max_lag: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeAnswer {
    pub metric_id: MetricId,
    pub unit: String,
    pub first: Date,
    pub last: Date,
    pub explanation: Explanation,
}

#[derive(Serialize, Deserialize)]
struct Input {
    request: ChangeRequest,
    days: Days,
}

pub(crate) struct ChangeExplaining;

const LONGEST_LAG: usize = 60;

#[async_trait]
impl Analysis for ChangeExplaining {
    fn method(&self) -> &'static str {
        METHOD
    }

    fn check(&self, request: &Value) -> Result<(), RunRefusal> {
        let request: ChangeRequest = read(request)?;
        let (first, last) = (request.first, request.last);
        refuse_unless(first <= last, "last", || format!("the range ends on {last}, before it begins on {first}"))?;
        let lag = request.max_lag;
        refuse_unless(lag <= LONGEST_LAG, "maxLag", || format!("a delay of {lag} days: 0 to {LONGEST_LAG} are allowed"))
    }

    async fn gather(
        &self,
        commands: &Commands,
        tenant: TenantId,
        request: &Value,
    ) -> Result<Result<Gathered, NoAnswer>, Fault> {
        let request: ChangeRequest = read(request).map_err(Fault::internal)?;
        let found = Days::of(commands, tenant, request.metric_id, &request.factors, Some(request.last)).await?;
        Ok(found.map(|days| Gathered { input: json!(Input { request, days }) }))
    }

    fn compute(&self, input: &Value, seed: u32, control: &Control) -> Result<Computed, NoAnswer> {
        let Input { request, days } = read(input).map_err(impossible)?;
        let row = |day: Date| {
            days.row(day).ok_or_else(|| {
                let rows = days.rows();
                NoAnswer::Impossible(format!(
                    "{day} is outside the {rows} days of {} from {} on",
                    days.name, days.first
                ))
            })
        };
        let (first, last) = (row(request.first)?, row(request.last)?);
        let mut columns = days.columns;
        let values = columns.remove(0).1;
        let question = ChangeInput {
            values,
            factors: Table::new(columns).map_err(impossible)?,
            calendar: Calendar::daily(),
            first,
            last,
            max_lag: request.max_lag,
            seed: seed.into(),
        };
        let explanation =
            ask(control, "comparing the change with its history", |progress| explain_change(&question, progress))?;
        let summary = explanation.reading.clone();
        let answer = ChangeAnswer {
            metric_id: request.metric_id,
            unit: days.unit,
            first: request.first,
            last: request.last,
            explanation,
        };
        Ok(Computed { answer: json!(answer), summary, caveats: days.caveats, stopped_early: false })
    }
}
