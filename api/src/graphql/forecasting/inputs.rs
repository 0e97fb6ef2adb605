//! What is asked about a metric, and the question for the engine that it is.

use async_graphql::{Context, ID, InputObject};
use dyocense_commands::forecasting::{AnomalyRequest, BacktestRequest, ChangepointRequest, FURTHEST, ForecastRequest};
use dyocense_domain::runs::RunKind;
use serde::Serialize;
use serde_json::json;

use super::types::ForecastModel;
use crate::graphql::metrics::Bucket;
use crate::graphql::refusal::{UserError, UserErrorCode};
use crate::graphql::runs::asking::{Asks, NoQuestion, Question, known_metric};

/// How far to look ahead, and how long to wait for it.
#[derive(InputObject)]
pub struct Ahead {
    /// Steps ahead (1 to 1,000).
    horizon: i32,
    /// The calendar's step.
    #[graphql(default_with = "Bucket::Day")]
    pub(super) bucket: Bucket,
    /// Interval levels in percent (1 to 99.9), at most 10.
    #[graphql(default_with = "vec![80.0, 95.0]")]
    pub(super) levels: Vec<f64>,
    /// Of everything random.
    #[graphql(default = 1)]
    seed: i32,
    /// How many seconds (0 to 20) to wait for the answer.
    #[graphql(default = 10)]
    wait_seconds: i32,
}

/// A number that is not negative; what is allowed is said with the refusal.
fn counted(value: i32, field: &str, allowed: impl FnOnce() -> String) -> Result<u32, NoQuestion> {
    u32::try_from(value).map_err(|_| UserError::new(UserErrorCode::Invalid, allowed(), &["input", field]).into())
}

fn seconds(wait: i32) -> Result<u32, NoQuestion> {
    counted(wait, "waitSeconds", || format!("a wait of {wait} seconds: 0 to 20 are allowed"))
}

impl Ahead {
    /// The steps ahead, where they are a number of steps at all; the bound is the question's own to check.
    pub(super) fn steps(&self) -> Result<usize, NoQuestion> {
        let horizon = self.horizon;
        let refused = || format!("a horizon of {horizon} steps: 1 to {FURTHEST} are allowed");
        usize::try_from(horizon)
            .map_err(|_| UserError::new(UserErrorCode::Invalid, refused(), &["input", "horizon"]).into())
    }

    pub(super) fn question(&self, kind: RunKind, request: &impl Serialize) -> Result<Question, NoQuestion> {
        let seed = self.seed;
        let allowed = || format!("a seed of {seed}: 0 to {} are allowed", i32::MAX);
        let seed = counted(seed, "seed", allowed)?;
        Ok(Question { kind, request: json!(request), seed, wait: seconds(self.wait_seconds)? })
    }
}

/// What to look back on, and how long to wait for it.
#[derive(InputObject)]
pub struct Back {
    /// The metric.
    metric_id: ID,
    /// The calendar's step.
    #[graphql(default_with = "Bucket::Day")]
    bucket: Bucket,
    /// How many seconds (0 to 20) to wait for the answer.
    #[graphql(default = 10)]
    wait_seconds: i32,
}

impl Back {
    /// Looking back draws nothing: the seed is any.
    fn question(&self, kind: RunKind, request: &impl Serialize) -> Result<Question, NoQuestion> {
        Ok(Question { kind, request: json!(request), seed: 1, wait: seconds(self.wait_seconds)? })
    }
}

/// What to forecast.
#[derive(InputObject)]
pub struct ForecastMetricInput {
    /// The metric.
    metric_id: ID,
    #[graphql(flatten)]
    ahead: Ahead,
    /// The model.
    #[graphql(default_with = "ForecastModel::Auto")]
    model: ForecastModel,
}

impl Asks for ForecastMetricInput {
    async fn question(self, ctx: &Context<'_>) -> Result<Question, NoQuestion> {
        forecast(ctx, &self.metric_id, self.ahead, self.model).await
    }
}

/// What to forecast with all models together.
#[derive(InputObject)]
pub struct EnsembleForecastInput {
    /// The metric.
    metric_id: ID,
    #[graphql(flatten)]
    ahead: Ahead,
}

impl Asks for EnsembleForecastInput {
    async fn question(self, ctx: &Context<'_>) -> Result<Question, NoQuestion> {
        forecast(ctx, &self.metric_id, self.ahead, ForecastModel::Ensemble).await
    }
}

async fn forecast(ctx: &Context<'_>, metric: &ID, ahead: Ahead, model: ForecastModel) -> Result<Question, NoQuestion> {
    let request = ForecastRequest {
        metric_id: known_metric(ctx, metric, "metricId").await?,
        horizon: ahead.steps()?,
        levels: ahead.levels.clone(),
        model: model.into(),
        bucket: Some(ahead.bucket.into()),
        last: None,
    };
    ahead.question(RunKind::Forecast, &request)
}

/// Which past to forecast.
#[derive(InputObject)]
pub struct BacktestInput {
    /// The metric.
    metric_id: ID,
    #[graphql(flatten)]
    ahead: Ahead,
    /// Moments in the past to forecast from (1 to 50).
    #[graphql(default = 5)]
    origins: i32,
    /// The model.
    #[graphql(default_with = "ForecastModel::Auto")]
    model: ForecastModel,
}

impl Asks for BacktestInput {
    async fn question(self, ctx: &Context<'_>) -> Result<Question, NoQuestion> {
        let allowed = || format!("{} origins: 1 to 50 are allowed", self.origins);
        let origins = counted(self.origins, "origins", allowed)? as usize;
        let request = BacktestRequest {
            metric_id: known_metric(ctx, &self.metric_id, "metricId").await?,
            horizon: self.ahead.steps()?,
            levels: self.ahead.levels.clone(),
            model: self.model.into(),
            bucket: Some(self.ahead.bucket.into()),
            origins,
        };
        self.ahead.question(RunKind::Backtest, &request)
    }
}

/// Where to look for what was odd.
#[derive(InputObject)]
pub struct DetectAnomaliesInput {
    #[graphql(flatten)]
    back: Back,
    /// The share of false alarms among the alarms that is put up with (0.001 to 0.5).
    #[graphql(default = 0.05)]
    false_discovery_rate: f64,
}

impl Asks for DetectAnomaliesInput {
    async fn question(self, ctx: &Context<'_>) -> Result<Question, NoQuestion> {
        let request = AnomalyRequest {
            metric_id: known_metric(ctx, &self.back.metric_id, "metricId").await?,
            bucket: Some(self.back.bucket.into()),
            false_discovery_rate: self.false_discovery_rate,
        };
        self.back.question(RunKind::Anomalies, &request)
    }
}

/// Where to look for changes for good.
#[derive(InputObject)]
pub struct DetectChangepointsInput {
    #[graphql(flatten)]
    back: Back,
    /// The chance of a false alarm in a metric that never changes (0.0001 to 0.5).
    #[graphql(default = 0.05)]
    false_alarms: f64,
}

impl Asks for DetectChangepointsInput {
    async fn question(self, ctx: &Context<'_>) -> Result<Question, NoQuestion> {
        let request = ChangepointRequest {
            metric_id: known_metric(ctx, &self.back.metric_id, "metricId").await?,
            bucket: Some(self.back.bucket.into()),
            false_alarms: self.false_alarms,
        };
        self.back.question(RunKind::Changepoints, &request)
    }
}
