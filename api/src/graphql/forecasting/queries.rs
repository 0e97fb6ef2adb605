//! How forecasts did, and what was noticed.

use async_graphql::{Context, ID, Object, SimpleObject};
use dyocense_commands::forecasting::ForecastAnswer;
use dyocense_domain::ids::MetricId;
use dyocense_domain::runs::RunKind;
use dyocense_projections::forecasting;
use dyocense_projections::runs::{self, RunFilter, RunStatus};
use uuid::Uuid;

use super::insights::MetricInsight;
use super::types::IntervalCoverage;
use crate::graphql::connection::{Connection, Paging};
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::request::{commands, fault, query_fault, snapshot, visitor};
use crate::graphql::runs::Run;
use crate::graphql::scalars::Position;

/// How a forecast did, as far as its steps are over.
#[derive(SimpleObject)]
pub struct ForecastAccuracy {
    /// The forecast.
    run: Run,
    /// The steps that are over and whose value is known; 0 where none is.
    steps: i64,
    /// The mean absolute error in the metric's unit.
    mean_absolute_error: Option<f64>,
    /// The mean of forecast less actual: above 0 it promised too much.
    bias: Option<f64>,
    /// How often the intervals held.
    coverage: Vec<IntervalCoverage>,
}

#[derive(Default)]
pub struct ForecastingQuery;

#[Object]
impl ForecastingQuery {
    /// The newest forecasts of a metric, the oldest of them first, scored against what then happened.
    async fn forecast_accuracy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The metric's id.")] metric_id: ID,
        #[graphql(desc = "How many forecasts (1 to 100).", default = 20)] last: i32,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Vec<ForecastAccuracy>, Fault> {
        let Some(metric) = ids::of::<MetricId>(Kind::Metric, &metric_id) else { return Ok(vec![]) };
        let paging = Paging { first: None, after: None, last: Some(last.clamp(1, 100)), before: None };
        let keys = paging.keyset(|text| Uuid::try_parse(text).ok())?;
        let filter =
            RunFilter { kind: Some(RunKind::Forecast), status: Some(RunStatus::Completed), metric: Some(metric) };
        let mut snapshot = snapshot(ctx, min_position).await?;
        let page = runs::runs(&mut snapshot, &filter, &keys).await.map_err(query_fault)?;
        drop(snapshot);
        let mut kept = Vec::new();
        for row in page.items {
            let Some(completed) = &row.completion else { continue };
            let answer: ForecastAnswer = serde_json::from_value(completed.0.answer.clone()).map_err(Fault::internal)?;
            kept.push((row, answer));
        }
        let (rows, answers): (Vec<_>, Vec<_>) = kept.into_iter().unzip();
        let tenant = visitor(ctx).tenant()?;
        let scores = commands(ctx).score_forecasts(tenant, metric, &answers).await.map_err(fault)?;
        let scored = rows.into_iter().zip(scores).map(|(row, score)| match score {
            None => {
                ForecastAccuracy { run: Run(row), steps: 0, mean_absolute_error: None, bias: None, coverage: vec![] }
            }
            Some(score) => ForecastAccuracy {
                run: Run(row),
                steps: score.steps as i64,
                mean_absolute_error: Some(score.mean_absolute_error),
                bias: Some(score.bias),
                coverage: score.coverage.into_iter().map(Into::into).collect(),
            },
        });
        Ok(scored.collect())
    }

    /// What was noticed about a metric without anybody asking, the oldest first: odd steps, and forecasts that did not
    /// hold. Ask for the `last` to see the newest.
    #[allow(clippy::too_many_arguments)] // Relay's four, and what the list is asked for.
    async fn insights(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The metric's id.")] metric_id: ID,
        #[graphql(desc = "The size of the page, from its start (1 to 500).")] first: Option<i32>,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end (1 to 500).")] last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Connection<MetricInsight>, Fault> {
        let keys = Paging { first, after, last, before }.keyset(|text| text.parse().ok())?;
        // An id that names no metric has no insights.
        let metric = ids::of::<MetricId>(Kind::Metric, &metric_id).unwrap_or_else(|| Uuid::nil().into());
        let mut snapshot = snapshot(ctx, min_position).await?;
        let page = forecasting::insights(&mut snapshot, metric, &keys).await.map_err(query_fault)?;
        Ok(Connection::of(page, |row| row.position.to_string(), Into::into))
    }
}
