//! Asking where a metric is heading, what would move it, and what in it was odd.

use async_graphql::{Context, Object};

use super::hierarchy::ForecastHierarchyInput;
use super::inputs::{
    BacktestInput, DetectAnomaliesInput, DetectChangepointsInput, EnsembleForecastInput, ForecastMetricInput,
};
use super::what_if::WhatIfInput;
use crate::graphql::fault::Fault;
use crate::graphql::runs::asking::{ask, run_payloads};

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
        ask(ctx, input, idempotency_key).await
    }

    /// Forecasts a metric with all models together, each weighted by how well it foresaw the past. Its `members` tell
    /// their shares and their errors.
    async fn ensemble_forecast(
        &self,
        ctx: &Context<'_>,
        input: EnsembleForecastInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<EnsembleForecastPayload, Fault> {
        ask(ctx, input, idempotency_key).await
    }

    /// Forecasts a metric as it is expected and as it would be if other metrics went another way, with the difference
    /// and how sure it is. What went together in the past need not be cause and effect.
    async fn what_if(
        &self,
        ctx: &Context<'_>,
        input: WhatIfInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<WhatIfPayload, Fault> {
        ask(ctx, input, idempotency_key).await
    }

    /// Forecasts a metric from moments of its own past and compares with what then happened.
    async fn backtest(
        &self,
        ctx: &Context<'_>,
        input: BacktestInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<BacktestPayload, Fault> {
        ask(ctx, input, idempotency_key).await
    }

    /// Looks for steps of a metric that were not as they usually are, and says what was odd.
    async fn detect_anomalies(
        &self,
        ctx: &Context<'_>,
        input: DetectAnomaliesInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<DetectAnomaliesPayload, Fault> {
        ask(ctx, input, idempotency_key).await
    }

    /// Looks for where a metric changed its level or its trend for good, and says how.
    async fn detect_changepoints(
        &self,
        ctx: &Context<'_>,
        input: DetectChangepointsInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<DetectChangepointsPayload, Fault> {
        ask(ctx, input, idempotency_key).await
    }

    /// Forecasts a total and its parts together, so that the parts add up to the total on every step; other
    /// metrics may move them.
    async fn forecast_hierarchy(
        &self,
        ctx: &Context<'_>,
        input: ForecastHierarchyInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<ForecastHierarchyPayload, Fault> {
        ask(ctx, input, idempotency_key).await
    }
}
