use async_trait::async_trait;
use dyocense_domain::evidence::LearntBecause;
use dyocense_domain::ids::{CausalModelId, MetricId};
use dyocense_domain::runs::RunRefusal;
use dyocense_eventlog::TenantId;
use dyocense_evidence::questions::{Background, CausalGraph, CausalGraphInput, Edit, Observations, build_causal_graph};
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

/// What causes what, day by day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GraphRequest {
    /// The metrics; 2 to 40 of them.
    pub metrics: Vec<MetricId>,
    /// Longest delay of an effect, in days, 1 to 14.
    pub max_lag: usize,
    /// Level of the tests; between 0 and 1.
    pub alpha: f64,
    /// Resamples for the stability of each edge, 0 to 200.
    pub repeats: usize,
    pub background: Background,
    /// What people decided about edges, with their reasons, by keys of metrics.
    pub edits: Vec<Edit>,
    /// The model that is learnt; None where the graph is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<CausalModelId>,
    #[serde(default)]
    pub because: LearntBecause,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GraphAnswer {
    pub graph: CausalGraph,
    /// The first and the last day that it was learnt from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Date>,
}

/// Refuses what can never be learnt.
pub(super) fn check(request: &GraphRequest) -> Result<(), RunRefusal> {
    let GraphRequest { metrics, max_lag, alpha, repeats, .. } = request;
    let count = metrics.len();
    refuse_unless((2..=40).contains(&count), "metricIds", || format!("{count} metrics: 2 to 40 are allowed"))?;
    refuse_unless((1..=LONGEST_LAG).contains(max_lag), "maxLag", || {
        format!("a delay of {max_lag} days: 1 to {LONGEST_LAG} are allowed")
    })?;
    refuse_unless(*alpha > 0.0 && *alpha < 1.0, "alpha", || format!("a level of {alpha}: between 0 and 1 is due"))?;
    refuse_unless(*repeats <= MOST_REPEATS, "repeats", || {
        format!("{repeats} resamples: 0 to {MOST_REPEATS} are allowed")
    })
}

#[derive(Serialize, Deserialize)]
struct Input {
    request: GraphRequest,
    days: Days,
}

pub(crate) struct GraphLearning;

const LONGEST_LAG: usize = 14;
const MOST_REPEATS: usize = 200;

#[async_trait]
impl Analysis for GraphLearning {
    fn method(&self) -> &'static str {
        METHOD
    }

    fn check(&self, request: &Value) -> Result<(), RunRefusal> {
        check(&read(request)?)
    }

    async fn gather(
        &self,
        commands: &Commands,
        tenant: TenantId,
        request: &Value,
    ) -> Result<Result<Gathered, NoAnswer>, Fault> {
        let request: GraphRequest = read(request).map_err(Fault::internal)?;
        let (first, others) = (request.metrics[0], &request.metrics[1..]);
        let found = Days::of(commands, tenant, first, others, None).await?;
        Ok(found.and_then(|days| match days.columns.len() {
            0 | 1 => Err(NoAnswer::Impossible("no two of the metrics cover the same days".to_owned())),
            _ => Ok(Gathered { input: json!(Input { request, days }) }),
        }))
    }

    fn compute(&self, input: &Value, seed: u32, control: &Control) -> Result<Computed, NoAnswer> {
        let Input { request, days } = read(input).map_err(impossible)?;
        let (first, last) = (days.first, days.last());
        let question = CausalGraphInput {
            data: Table::new(days.columns).map_err(impossible)?,
            observations: Observations::TimeSeries { tau_max: request.max_lag },
            knowledge: request.background,
            edits: request.edits,
            alpha: request.alpha,
            repeats: request.repeats,
            seed: seed.into(),
        };
        let graph = ask(control, "testing what depends on what", |progress| build_causal_graph(&question, progress))?;
        let mut caveats = days.caveats;
        caveats.extend(graph.warnings.iter().cloned());
        let summary = graph.reading.clone();
        Ok(Computed {
            answer: json!(GraphAnswer { graph, first: Some(first), last: Some(last) }),
            summary,
            caveats,
            stopped_early: false,
        })
    }
}
