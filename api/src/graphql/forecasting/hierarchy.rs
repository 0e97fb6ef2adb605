//! A total and its parts, forecast so that they add up: what is asked, and what is answered.

use async_graphql::{Context, ID, InputObject, SimpleObject};
use dyocense_commands::forecasting as answers;
use dyocense_domain::runs::RunKind;

use super::inputs::Ahead;
use super::types::{ForecastModel, ForecastPoint, HistorySpan, points};
use super::what_if::{DriverFutureInput, WhatIfDriver};
use crate::graphql::ids::Kind;
use crate::graphql::metrics::Bucket;
use crate::graphql::runs::asking::{Asks, NoQuestion, Question, known_metric};

/// A metric that moves the total or its parts. It counts as far as it would have helped to foretell them before.
#[derive(InputObject)]
pub struct HierarchyDriverInput {
    /// The metric; neither the total nor one of the parts.
    metric_id: ID,
    /// How it goes on; as its own forecast expects where nothing is said.
    future: Option<DriverFutureInput>,
    /// What it moves: the total's id, parts' ids. Everything where none is named; what moves a part moves the total too.
    #[graphql(default)]
    moves: Vec<ID>,
}

/// Which total to forecast with its parts.
#[derive(InputObject)]
pub struct ForecastHierarchyInput {
    /// The metric that is the total.
    metric_id: ID,
    /// The metrics that are its parts (1 to 50), by shop, product or channel. What is in none of them is a part too.
    part_ids: Vec<ID>,
    #[graphql(flatten)]
    ahead: Ahead,
    /// The model of each forecast, before they are made to add up.
    #[graphql(default_with = "ForecastModel::Auto")]
    model: ForecastModel,
    /// Metrics that move them (at most 5): advertising, prices, the weather. With drivers the model is one that looks at
    /// other metrics: `AUTO`, `ENSEMBLE`, `ARIMA`, `TREES` or `PROPHET`.
    #[graphql(default)]
    drivers: Vec<HierarchyDriverInput>,
}

impl Asks for ForecastHierarchyInput {
    async fn question(self, ctx: &Context<'_>) -> Result<Question, NoQuestion> {
        let mut parts = Vec::with_capacity(self.part_ids.len());
        for part in &self.part_ids {
            parts.push(known_metric(ctx, part, "partIds").await?);
        }
        let mut drivers = Vec::with_capacity(self.drivers.len());
        for driver in self.drivers {
            let mut moves = Vec::with_capacity(driver.moves.len());
            for moved in &driver.moves {
                moves.push(known_metric(ctx, moved, "drivers").await?);
            }
            let metric_id = known_metric(ctx, &driver.metric_id, "drivers").await?;
            drivers.push(answers::HierarchyDriver { metric_id, future: driver.future.map(Into::into), moves });
        }
        let request = answers::HierarchyRequest {
            metric_id: known_metric(ctx, &self.metric_id, "metricId").await?,
            parts,
            horizon: self.ahead.steps()?,
            levels: self.ahead.levels.clone(),
            model: self.model.into(),
            bucket: Some(self.ahead.bucket.into()),
            drivers,
        };
        self.ahead.question(RunKind::Hierarchy, &request)
    }
}

/// The total or a part of it.
#[derive(SimpleObject)]
pub struct HierarchyNode {
    /// The metric's id; null for what is in no part.
    metric_id: Option<ID>,
    /// What it is called.
    name: String,
    /// The model in the field's own notation, before the forecasts were made to add up.
    model: String,
    /// The steps ahead.
    points: Vec<ForecastPoint>,
}

/// Where a total and its parts are heading. The parts add up to the total on every step.
#[derive(SimpleObject)]
pub struct HierarchyForecast {
    /// The unit of all values.
    unit: String,
    /// The calendar's step.
    bucket: Bucket,
    /// What it rests on.
    history: HistorySpan,
    /// How the forecasts were made to add up.
    reconciliation: String,
    /// The total.
    total: HierarchyNode,
    /// The parts, in the order in which they were named; what is in none of them comes last.
    parts: Vec<HierarchyNode>,
    /// The metrics that move them, as they were asked.
    drivers: Vec<HierarchyDriver>,
}

/// A metric that moves the total or its parts, as it went into the forecast.
#[derive(SimpleObject)]
pub struct HierarchyDriver {
    #[graphql(flatten)]
    driver: WhatIfDriver,
    /// How it goes on here, a step each.
    values: Vec<f64>,
    /// The ids of what it moves; everything where there are none.
    moves: Vec<ID>,
}

impl From<answers::NodeDriver> for HierarchyDriver {
    fn from(told: answers::NodeDriver) -> Self {
        let answers::NodeDriver { driver, values, moves } = told;
        Self { driver: driver.into(), values, moves: moves.into_iter().map(|metric| Kind::Metric.id(metric)).collect() }
    }
}

impl From<answers::HierarchyAnswer> for HierarchyForecast {
    fn from(answer: answers::HierarchyAnswer) -> Self {
        let starts = answer.starts;
        let node = |node: answers::HierarchyNode| HierarchyNode {
            metric_id: node.metric_id.map(|id| Kind::Metric.id(id)),
            name: node.name,
            model: node.model,
            points: points(&starts, &node.mean, &node.bands),
        };
        Self {
            unit: answer.unit,
            bucket: answer.bucket.into(),
            history: answer.history.into(),
            reconciliation: answer.reconciliation,
            total: node(answer.total),
            parts: answer.parts.into_iter().map(node).collect(),
            drivers: answer.drivers.into_iter().map(Into::into).collect(),
        }
    }
}
