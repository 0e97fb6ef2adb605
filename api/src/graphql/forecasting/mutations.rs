//! Asking where a metric is heading, what would move it, and what in it was odd.

use async_graphql::{Context, ID, InputObject, InputType, Object, SimpleObject};
use dyocense_commands::forecasting::{
    AnomalyRequest, BacktestRequest, ChangepointRequest, ForecastRequest, HierarchyRequest,
};
use dyocense_domain::ids::MetricId;
use dyocense_domain::runs::RunKind;
use serde_json::{Value, json};

use super::types::ForecastModel;
use super::what_if::WhatIfInput;
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::metrics::Bucket;
use crate::graphql::refusal::{UserError, refusable, refused};
use crate::graphql::request::{caller, commands};
use crate::graphql::runs::{Run, load};
use crate::graphql::scalars::Position;

/// What to forecast.
#[derive(InputObject)]
pub struct ForecastMetricInput {
    /// The metric.
    metric_id: ID,
    /// Steps ahead (1 to 1,000).
    horizon: u32,
    /// The calendar's step.
    #[graphql(default_with = "Bucket::Day")]
    bucket: Bucket,
    /// Interval levels in percent (1 to 99.9), at most 10.
    #[graphql(default_with = "vec![80.0, 95.0]")]
    levels: Vec<f64>,
    /// The model.
    #[graphql(default_with = "ForecastModel::Auto")]
    model: ForecastModel,
    /// Of everything random.
    #[graphql(default = 1)]
    seed: u32,
    /// How many seconds (0 to 20) to wait for the answer.
    #[graphql(default = 10)]
    wait_seconds: u32,
}

/// What to forecast with all models together.
#[derive(InputObject)]
pub struct EnsembleForecastInput {
    /// The metric.
    metric_id: ID,
    /// Steps ahead (1 to 1,000).
    horizon: u32,
    /// The calendar's step.
    #[graphql(default_with = "Bucket::Day")]
    bucket: Bucket,
    /// Interval levels in percent (1 to 99.9), at most 10.
    #[graphql(default_with = "vec![80.0, 95.0]")]
    levels: Vec<f64>,
    /// Of everything random.
    #[graphql(default = 1)]
    seed: u32,
    /// How many seconds (0 to 20) to wait for the answer.
    #[graphql(default = 10)]
    wait_seconds: u32,
}

/// What to look back on.
#[derive(InputObject)]
pub struct BacktestInput {
    /// The metric.
    metric_id: ID,
    /// Steps ahead (1 to 1,000).
    horizon: u32,
    /// Moments in the past to forecast from (1 to 50).
    #[graphql(default = 5)]
    origins: u32,
    /// The calendar's step.
    #[graphql(default_with = "Bucket::Day")]
    bucket: Bucket,
    /// Interval levels in percent (1 to 99.9), at most 10.
    #[graphql(default_with = "vec![80.0, 95.0]")]
    levels: Vec<f64>,
    /// The model.
    #[graphql(default_with = "ForecastModel::Auto")]
    model: ForecastModel,
    /// Of everything random.
    #[graphql(default = 1)]
    seed: u32,
    /// How many seconds (0 to 20) to wait for the answer.
    #[graphql(default = 10)]
    wait_seconds: u32,
}

/// Where to look for what was odd.
#[derive(InputObject)]
pub struct DetectAnomaliesInput {
    /// The metric.
    metric_id: ID,
    /// The calendar's step.
    #[graphql(default_with = "Bucket::Day")]
    bucket: Bucket,
    /// The share of false alarms among the alarms that is put up with (0.001 to 0.5).
    #[graphql(default = 0.05)]
    false_discovery_rate: f64,
    /// How many seconds (0 to 20) to wait for the answer.
    #[graphql(default = 10)]
    wait_seconds: u32,
}

/// Where to look for changes for good.
#[derive(InputObject)]
pub struct DetectChangepointsInput {
    /// The metric.
    metric_id: ID,
    /// The calendar's step.
    #[graphql(default_with = "Bucket::Day")]
    bucket: Bucket,
    /// The chance of a false alarm in a metric that never changes (0.0001 to 0.5).
    #[graphql(default = 0.05)]
    false_alarms: f64,
    /// How many seconds (0 to 20) to wait for the answer.
    #[graphql(default = 10)]
    wait_seconds: u32,
}

/// Which total to forecast with its parts.
#[derive(InputObject)]
pub struct ForecastHierarchyInput {
    /// The metric that is the total.
    metric_id: ID,
    /// The metrics that are its parts (1 to 50), by shop, product or channel. What is in none of them is a part too.
    part_ids: Vec<ID>,
    /// Steps ahead (1 to 1,000).
    horizon: u32,
    /// The calendar's step.
    #[graphql(default_with = "Bucket::Day")]
    bucket: Bucket,
    /// Interval levels in percent (1 to 99.9), at most 10.
    #[graphql(default_with = "vec![80.0, 95.0]")]
    levels: Vec<f64>,
    /// The model of each forecast, before they are made to add up.
    #[graphql(default_with = "ForecastModel::Auto")]
    model: ForecastModel,
    /// Of everything random.
    #[graphql(default = 1)]
    seed: u32,
    /// How many seconds (0 to 20) to wait for the answer.
    #[graphql(default = 10)]
    wait_seconds: u32,
}

macro_rules! run_payloads {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(SimpleObject, Default)]
            pub struct $name {
                /// The run: with its answer, or still at work after the time that was waited.
                run: Option<Run>,
                /// The history's position at which it was asked for.
                position: Option<Position>,
                /// Why it was refused.
                user_errors: Vec<UserError>,
            }

            impl From<Asked> for $name {
                fn from(asked: Asked) -> Self {
                    Self { run: asked.run, position: Some(asked.position), user_errors: vec![] }
                }
            }
        )*
        refusable!($($name),*);
    };
}

run_payloads!(
    /// What became of asking for a forecast.
    ForecastMetricPayload,
    /// What became of asking for a forecast of all models together.
    EnsembleForecastPayload,
    /// What became of asking what if.
    WhatIfPayload,
    /// What became of asking for changes for good.
    DetectChangepointsPayload,
    /// What became of asking for a forecast of a total and its parts.
    ForecastHierarchyPayload,
    /// What became of asking for a backtest.
    BacktestPayload,
    /// What became of asking for anomalies.
    DetectAnomaliesPayload,
);

struct Asked {
    run: Option<Run>,
    position: Position,
}

/// Asks for a run about a metric and waits for it as long as the client wants.
async fn ask<I: InputType, P: From<Asked> + From<UserError>>(
    ctx: &Context<'_>,
    input: I,
    idempotency_key: Option<String>,
    metric: impl Fn(&I) -> &ID,
    kind: RunKind,
    request: impl FnOnce(MetricId, I) -> (Value, u32, u32),
) -> Result<P, Fault> {
    let caller = caller(ctx, &input, idempotency_key)?;
    let metric_id = match ids::of::<MetricId>(Kind::Metric, metric(&input)) {
        Some(metric_id) if crate::graphql::metrics::load::metric(ctx, metric_id).await?.is_some() => metric_id,
        _ => return Ok(UserError::not_found("metric", &["input", "metricId"]).into()),
    };
    let (request, seed, wait) = request(metric_id, input);
    match commands(ctx).request_run(&caller, kind, request, seed).await {
        Ok((run_id, position)) => {
            let run = load::run_within(ctx, caller.tenant, run_id, wait).await?;
            Ok(Asked { run, position: Position(position) }.into())
        }
        Err(error) => Ok(refused(error)?.into()),
    }
}

#[derive(Default)]
pub struct ForecastingMutation;

#[Object]
impl ForecastingMutation {
    /// Forecasts a metric. The answer is kept, with the data range, the method's version and the seed behind it.
    async fn forecast_metric(
        &self,
        ctx: &Context<'_>,
        input: ForecastMetricInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<ForecastMetricPayload, Fault> {
        ask(
            ctx,
            input,
            idempotency_key,
            |input| &input.metric_id,
            RunKind::Forecast,
            |metric_id, input| {
                let request = ForecastRequest {
                    metric_id,
                    horizon: input.horizon as usize,
                    levels: input.levels,
                    model: input.model.into(),
                    bucket: Some(input.bucket.into()),
                    last: None,
                };
                (json!(request), input.seed, input.wait_seconds)
            },
        )
        .await
    }

    /// Forecasts a metric with all models together, each weighted by how well it foresaw the past. Its `members` tell
    /// their shares and their errors.
    async fn ensemble_forecast(
        &self,
        ctx: &Context<'_>,
        input: EnsembleForecastInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<EnsembleForecastPayload, Fault> {
        ask(
            ctx,
            input,
            idempotency_key,
            |input| &input.metric_id,
            RunKind::Forecast,
            |metric_id, input| {
                let request = ForecastRequest {
                    metric_id,
                    horizon: input.horizon as usize,
                    levels: input.levels,
                    model: ForecastModel::Ensemble.into(),
                    bucket: Some(input.bucket.into()),
                    last: None,
                };
                (json!(request), input.seed, input.wait_seconds)
            },
        )
        .await
    }

    /// Forecasts a metric as it is expected and as it would be if other metrics went another way, with the difference
    /// and how sure it is. What went together in the past need not be cause and effect.
    async fn what_if(
        &self,
        ctx: &Context<'_>,
        input: WhatIfInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<WhatIfPayload, Fault> {
        if input.names_no_metric(ctx).await? {
            return Ok(UserError::not_found("metric", &["input", "scenarios"]).into());
        }
        ask(
            ctx,
            input,
            idempotency_key,
            |input| &input.metric_id,
            RunKind::WhatIf,
            |metric_id, input| {
                let (seed, wait) = (input.seed, input.wait_seconds);
                (json!(input.request(metric_id)), seed, wait)
            },
        )
        .await
    }

    /// Forecasts a metric from moments of its own past and compares with what then happened.
    async fn backtest(
        &self,
        ctx: &Context<'_>,
        input: BacktestInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<BacktestPayload, Fault> {
        ask(
            ctx,
            input,
            idempotency_key,
            |input| &input.metric_id,
            RunKind::Backtest,
            |metric_id, input| {
                let request = BacktestRequest {
                    metric_id,
                    horizon: input.horizon as usize,
                    levels: input.levels,
                    model: input.model.into(),
                    bucket: Some(input.bucket.into()),
                    origins: input.origins as usize,
                };
                (json!(request), input.seed, input.wait_seconds)
            },
        )
        .await
    }

    /// Looks for steps of a metric that were not as they usually are, and says what was odd.
    async fn detect_anomalies(
        &self,
        ctx: &Context<'_>,
        input: DetectAnomaliesInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<DetectAnomaliesPayload, Fault> {
        ask(
            ctx,
            input,
            idempotency_key,
            |input| &input.metric_id,
            RunKind::Anomalies,
            |metric_id, input| {
                let request = AnomalyRequest {
                    metric_id,
                    bucket: Some(input.bucket.into()),
                    false_discovery_rate: input.false_discovery_rate,
                };
                (json!(request), 1, input.wait_seconds)
            },
        )
        .await
    }

    /// Looks for where a metric changed its level or its trend for good, and says how.
    async fn detect_changepoints(
        &self,
        ctx: &Context<'_>,
        input: DetectChangepointsInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<DetectChangepointsPayload, Fault> {
        ask(
            ctx,
            input,
            idempotency_key,
            |input| &input.metric_id,
            RunKind::Changepoints,
            |metric_id, input| {
                let bucket = Some(input.bucket.into());
                let request = ChangepointRequest { metric_id, bucket, false_alarms: input.false_alarms };
                (json!(request), 1, input.wait_seconds)
            },
        )
        .await
    }

    /// Forecasts a total and its parts together, so that the parts add up to the total on every step.
    async fn forecast_hierarchy(
        &self,
        ctx: &Context<'_>,
        input: ForecastHierarchyInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<ForecastHierarchyPayload, Fault> {
        let mut parts = Vec::with_capacity(input.part_ids.len());
        for part in &input.part_ids {
            match ids::of::<MetricId>(Kind::Metric, part) {
                Some(part) if crate::graphql::metrics::load::metric(ctx, part).await?.is_some() => parts.push(part),
                _ => return Ok(UserError::not_found("metric", &["input", "partIds"]).into()),
            }
        }
        ask(
            ctx,
            input,
            idempotency_key,
            |input| &input.metric_id,
            RunKind::Hierarchy,
            |metric_id, input| {
                let request = HierarchyRequest {
                    metric_id,
                    parts,
                    horizon: input.horizon as usize,
                    levels: input.levels,
                    model: input.model.into(),
                    bucket: Some(input.bucket.into()),
                };
                (json!(request), input.seed, input.wait_seconds)
            },
        )
        .await
    }
}
