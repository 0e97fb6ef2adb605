//! A total and its parts, forecast so that they add up.

use async_graphql::{ID, SimpleObject};
use dyocense_commands::forecasting as answers;

use super::types::{ForecastPoint, HistorySpan, points};
use crate::graphql::ids::Kind;
use crate::graphql::metrics::Bucket;

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
        }
    }
}
