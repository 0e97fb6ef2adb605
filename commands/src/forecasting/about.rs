//! What analyses of metrics share: the request is read and checked, the metrics' histories are gathered, and what is
//! computed from them is kept with its words.

use async_trait::async_trait;
use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::Bucket;
use dyocense_domain::runs::RunRefusal;
use dyocense_eventlog::TenantId;
use dyocense_forecasting::METHOD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::beside;
use super::history::{History, impossible, read};
use crate::error::Fault;
use crate::execute::Commands;
use crate::runs::{Analysis, Computed, Control, Gathered, NoAnswer};

/// Which metrics a request is about.
pub(crate) struct About {
    pub metric: MetricId,
    /// Those it is looked at with.
    pub others: Vec<MetricId>,
    /// The calendar's step; days where None.
    pub bucket: Option<Bucket>,
}

impl About {
    pub fn metric(metric: MetricId, bucket: Option<Bucket>) -> About {
        About { metric, others: Vec::new(), bucket }
    }
}

/// What was found, with what people read of it.
pub(crate) struct Found<A> {
    pub answer: A,
    pub summary: String,
    pub caveats: Vec<String>,
    pub stopped_early: bool,
}

/// What a request is answered from.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Input<R> {
    pub request: R,
    pub history: History,
    /// Those of the other metrics, in the request's order.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<History>,
    /// Those of the business's other metrics, where models learn from them.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<History>,
}

/// An analysis that needs a request and histories of metrics, and nothing else.
pub(crate) trait OfMetrics: Send + Sync + 'static {
    type Request: Serialize + DeserializeOwned + Send;
    type Answer: Serialize;

    /// Refuses what can never be answered.
    fn check(request: &Self::Request) -> Result<(), RunRefusal>;

    fn about(request: &Self::Request) -> About;

    /// Whether what is asked is learned from all metrics of the business.
    fn learns_beside(_: &Self::Request) -> bool {
        false
    }

    /// The part of the history that is looked at.
    fn part(_: &Self::Request, history: History) -> Result<History, NoAnswer> {
        Ok(history)
    }

    fn find(input: Input<Self::Request>, seed: u32, control: &Control) -> Result<Found<Self::Answer>, NoAnswer>;
}

#[async_trait]
impl<T: OfMetrics> Analysis for T {
    fn method(&self) -> &'static str {
        METHOD
    }

    fn check(&self, request: &Value) -> Result<(), RunRefusal> {
        T::check(&read(request)?)
    }

    async fn gather(
        &self,
        commands: &Commands,
        tenant: TenantId,
        request: &Value,
    ) -> Result<Result<Gathered, NoAnswer>, Fault> {
        let request: T::Request = read(request).map_err(Fault::internal)?;
        let About { metric, others: named, bucket } = T::about(&request);
        let found = History::of_metric(commands, tenant, metric, bucket).await?;
        let history = match found.and_then(|history| T::part(&request, history)) {
            Ok(history) => history,
            Err(none) => return Ok(Err(none)),
        };
        let mut others = Vec::with_capacity(named.len());
        for other in named {
            match History::of_metric(commands, tenant, other, bucket).await? {
                Ok(other) => others.push(other),
                Err(none) => return Ok(Err(none)),
            }
        }
        let beside = match T::learns_beside(&request) {
            true => beside::others(commands, tenant, &history).await?,
            false => Vec::new(),
        };
        Ok(Ok(Gathered { input: json!(Input { request, history, others, beside }) }))
    }

    fn compute(&self, input: &Value, seed: u32, control: &Control) -> Result<Computed, NoAnswer> {
        let found = T::find(read(input).map_err(impossible)?, seed, control)?;
        let Found { answer, summary, caveats, stopped_early } = found;
        Ok(Computed { answer: json!(answer), summary, caveats, stopped_early })
    }
}
