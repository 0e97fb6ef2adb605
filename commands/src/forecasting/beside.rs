//! The business's other metrics: trees learn from all of one frequency together, whichever is asked for.

use dyocense_domain::ids::MetricId;
use dyocense_eventlog::TenantId;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::history::History;
use crate::error::Fault;
use crate::execute::Commands;

/// A metric that models learned from beside the one that they forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Teacher {
    pub metric_id: MetricId,
    pub name: String,
}

/// Metrics that are learned from at most. Groups of a dozen open series teach as well as larger ones.
const MOST: usize = 11;
/// Metrics whose histories are read at most.
const MOST_READ: usize = 2 * MOST;

/// The histories of the business's other metrics in the same steps, up to the last step of this one: of the same kind first,
/// then by their keys.
pub(super) async fn others(commands: &Commands, tenant: TenantId, history: &History) -> Result<Vec<History>, Fault> {
    let mut metrics = commands.reads.metrics(tenant).await?;
    metrics.retain(|metric| metric.metric_id != history.metric_id && !metric.archived);
    metrics.sort_by_key(|metric| metric.kind != history.kind);
    let mut found = Vec::new();
    for metric in metrics.into_iter().take(MOST_READ) {
        let other = History::of_metric(commands, tenant, metric.metric_id, Some(history.bucket)).await?;
        let known = other.ok().and_then(|other| other.until(history.span().last));
        found.extend(known.filter(|other| can_teach(other, history.values.len())));
        if found.len() == MOST {
            break;
        }
    }
    Ok(found)
}

/// Much shorter ones would take the season from the trees of this one.
fn can_teach(other: &History, steps: usize) -> bool {
    2 * other.values.len() >= steps
}

/// What was known on a step of all of them, for a series of so many steps.
pub(super) fn known_on(others: &[History], last: Date, steps: usize) -> Vec<History> {
    let known = others.iter().filter_map(|other| other.clone().until(last));
    known.filter(|other| can_teach(other, steps)).collect()
}

pub(super) fn named(others: &[History]) -> Vec<Teacher> {
    others.iter().map(|other| Teacher { metric_id: other.metric_id, name: other.name.clone() }).collect()
}
