//! Causal models as clients see them.

use async_graphql::{Context, Enum, ID, Object};
use dyocense_domain::evidence as domain;
use dyocense_domain::ids::RunId;
use dyocense_projections::evidence;

use super::types::CausalGraph;
use crate::graphql::fault::Fault;
use crate::graphql::identity::User;
use crate::graphql::ids::Kind;
use crate::graphql::loaders;
use crate::graphql::metrics::Metric;
use crate::graphql::request::{query_fault, snapshot};
use crate::graphql::runs::{Run, load};
use crate::graphql::scalars::{DateTime, Position};

/// The most versions of one answer.
const MOST_VERSIONS: i64 = 100;

/// Why a model was learnt.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "domain::LearntBecause")]
pub enum LearntBecause {
    /// Somebody asked.
    Asked,
    /// An edge was edited.
    Edited,
    /// There were enough new days.
    DataGrew,
    /// Enough of the days it was learnt from were rewritten.
    DataRewritten,
}

/// What a person decides about an edge.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "domain::EdgeEdit")]
pub enum CausalEditKind {
    /// The first causes the second.
    Confirm,
    /// There is no such edge, in either direction.
    Remove,
    /// The data decide again.
    Reset,
}

pub struct CausalModel(pub evidence::CausalModel);

async fn run(ctx: &Context<'_>, id: Option<RunId>) -> Result<Option<Run>, Fault> {
    match id {
        Some(id) => load::run(ctx, id).await,
        None => Ok(None),
    }
}

/// What is known of the causes among some metrics: learnt from their history, edited by people, learnt again when there
/// is enough new. Each time is a version.
#[Object]
impl CausalModel {
    /// The id, unique over all types.
    pub async fn id(&self) -> ID {
        Kind::CausalModel.id(self.0.model_id)
    }

    /// The metrics.
    async fn metrics(&self, ctx: &Context<'_>) -> Result<Vec<Metric>, Fault> {
        let mut metrics = Vec::new();
        for id in &self.0.definition.0.metrics {
            metrics.extend(loaders::metric(ctx, *id).await?);
        }
        Ok(metrics)
    }

    /// The longest delay of an effect, in days.
    async fn max_lag(&self) -> u32 {
        self.0.definition.0.max_lag
    }

    /// The level of the tests.
    async fn alpha(&self) -> f64 {
        self.0.definition.0.alpha
    }

    /// Resamples for the stability of each edge.
    async fn repeats(&self) -> u32 {
        self.0.definition.0.repeats
    }

    /// Who defined it last.
    async fn defined_by(&self, ctx: &Context<'_>) -> Result<Option<User>, Fault> {
        loaders::user(ctx, self.0.definition.0.defined_by).await
    }

    /// When it was first defined.
    async fn defined_at(&self) -> DateTime {
        DateTime(self.0.defined_at)
    }

    /// The latest version's graph; null until it was learnt once.
    async fn graph(&self, ctx: &Context<'_>) -> Result<Option<CausalGraph>, Fault> {
        match run(ctx, self.0.latest_run).await? {
            Some(run) => run.causal_graph(ctx).await,
            None => Ok(None),
        }
    }

    /// The run that is learning it now.
    async fn learning(&self, ctx: &Context<'_>) -> Result<Option<Run>, Fault> {
        run(ctx, self.0.learning_run).await
    }

    /// What was learnt, the latest first; at most 100.
    async fn versions(&self, ctx: &Context<'_>) -> Result<Vec<CausalVersion>, Fault> {
        let mut snapshot = snapshot(ctx, None).await?;
        let rows = evidence::causal_versions(&mut snapshot, self.0.model_id, MOST_VERSIONS).await;
        Ok(rows.map_err(query_fault)?.into_iter().map(CausalVersion).collect())
    }

    /// What people decided about its edges, in order; of one pair of metrics the later counts.
    async fn edits(&self, ctx: &Context<'_>) -> Result<Vec<CausalEdit>, Fault> {
        let mut snapshot = snapshot(ctx, None).await?;
        let rows = evidence::causal_edits(&mut snapshot, self.0.model_id).await;
        Ok(rows.map_err(query_fault)?.into_iter().map(CausalEdit).collect())
    }
}

pub struct CausalVersion(evidence::CausalVersion);

/// One time that a causal model was learnt.
#[Object]
impl CausalVersion {
    /// Its number, from 1.
    async fn version(&self) -> i64 {
        self.0.version.unwrap_or_default()
    }

    /// The run, with the graph.
    async fn run(&self, ctx: &Context<'_>) -> Result<Option<Run>, Fault> {
        load::run(ctx, self.0.run_id).await
    }

    /// Why it was learnt.
    async fn because(&self) -> LearntBecause {
        self.0.because.into()
    }

    /// The days it was learnt from.
    async fn days(&self) -> Option<i64> {
        self.0.days
    }

    /// When.
    async fn learnt_at(&self) -> Option<DateTime> {
        self.0.learnt_at.map(DateTime)
    }
}

pub struct CausalEdit(evidence::CausalEdit);

/// A person's decision about an edge.
#[Object]
impl CausalEdit {
    /// The position of its event.
    async fn position(&self) -> Position {
        Position(dyocense_eventlog::Position::new(self.0.position).unwrap_or_default())
    }

    /// The cause's key.
    async fn from(&self) -> &str {
        &self.0.from_key
    }

    /// The effect's key.
    async fn to(&self) -> &str {
        &self.0.to_key
    }

    /// What was decided.
    async fn edit(&self) -> CausalEditKind {
        self.0.edit.into()
    }

    /// Why; null once its author was erased.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Who decided.
    async fn edited_by(&self, ctx: &Context<'_>) -> Result<Option<User>, Fault> {
        loaders::user(ctx, self.0.edited_by).await
    }

    /// When.
    async fn edited_at(&self) -> DateTime {
        DateTime(self.0.edited_at)
    }
}
