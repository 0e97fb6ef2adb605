//! A run as clients see it.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use dyocense_commands::evidence::{ChangeAnswer, GraphAnswer, InterventionAnswer};
use dyocense_commands::forecasting::{
    AnomalyAnswer, BacktestAnswer, ChangepointAnswer, ForecastAnswer, HierarchyAnswer, WatchAnswer, WhatIfAnswer,
};
use dyocense_commands::optimization::PlanAnswer;
use dyocense_commands::runs::Progress;
use dyocense_domain::runs::{self as domain, RunCompleted};
use dyocense_projections::runs;
use serde::de::DeserializeOwned;

use crate::graphql::connection::Named;
use crate::graphql::evidence::{CausalGraph, ChangeExplanation, Intervention};
use crate::graphql::fault::Fault;
use crate::graphql::forecasting::{
    AnomalyReport, Backtest, ChangepointReport, Forecast, HierarchyForecast, WatchReport, WhatIf,
};
use crate::graphql::identity::User;
use crate::graphql::ids::Kind;
use crate::graphql::loaders;
use crate::graphql::metrics::Metric;
use crate::graphql::optimization::{PlanFile, PlanFollowing, PlanReport};
use crate::graphql::request::{commands, visitor};
use crate::graphql::scalars::{DateTime, Json, Position};

use super::load;

/// What a run does.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "domain::RunKind")]
pub enum RunKind {
    /// Where a metric is heading.
    Forecast,
    /// How well a metric's past would have been foreseen.
    Backtest,
    /// What in a metric was odd.
    Anomalies,
    /// Whether the newest steps of a metric were odd, and whether its forecasts held. The program asks by itself.
    Watch,
    /// Where a metric would be heading if others went another way.
    WhatIf,
    /// Where a metric changed for good.
    Changepoints,
    /// Where a total and its parts are heading, so that they add up.
    Hierarchy,
    /// What to order.
    Inventory,
    /// How many people to schedule.
    Staffing,
    /// Whom to schedule.
    Roster,
    /// Where to spend.
    Budget,
    /// Why a metric changed.
    ChangeExplanation,
    /// What would happen if.
    Intervention,
    /// What causes what.
    CausalGraph,
}

/// How a run stands.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// Waiting for its turn.
    Queued,
    /// Being worked on.
    Running,
    /// Answered.
    Completed,
    /// There is no answer, and why is said.
    Failed,
    /// Stopped before there was an answer.
    Cancelled,
}

/// How far a run is.
#[derive(SimpleObject, Debug, Clone, PartialEq)]
pub struct RunProgress {
    /// The part that is done, 0 to 1; null where nobody can say.
    share: Option<f64>,
    /// What is being done, in words.
    note: String,
    /// Of a search for a plan: what the best so far costs, or returns.
    incumbent: Option<f64>,
    /// Of a search for a plan: no plan can be better than this.
    bound: Option<f64>,
    /// Of a search for a plan: the part by which a better plan could be better at most; 0 when proven.
    gap: Option<f64>,
}

impl From<Progress> for RunProgress {
    fn from(progress: Progress) -> Self {
        let search = progress.search;
        Self {
            share: progress.share,
            note: progress.note,
            incumbent: search.and_then(|search| search.incumbent),
            bound: search.and_then(|search| search.bound),
            gap: search.and_then(|search| search.gap),
        }
    }
}

pub struct Run(pub runs::Run);

impl Named for Run {
    const NAME: &'static str = "Run";
}

impl Run {
    fn completed(&self) -> Option<&RunCompleted> {
        self.0.completion.as_ref().map(|completion| &completion.0)
    }

    fn answer_of<T: DeserializeOwned>(&self, kind: domain::RunKind) -> Result<Option<T>, Fault> {
        match self.completed() {
            Some(completed) if self.0.kind == kind => {
                serde_json::from_value(completed.answer.clone()).map(Some).map_err(Fault::internal)
            }
            _ => Ok(None),
        }
    }

    fn watched(&self, ctx: &Context<'_>) -> Result<Option<Progress>, Fault> {
        if self.0.status != runs::RunStatus::Open {
            return Ok(None);
        }
        let tenant = visitor(ctx).tenant()?;
        Ok(commands(ctx).run_progress(tenant, self.0.run_id).map(|watch| watch.borrow().clone()))
    }
}

/// One run of an engine: what was asked, what it read, what it answered.
#[Object]
impl Run {
    /// The id, unique over all types.
    pub async fn id(&self) -> ID {
        Kind::Run.id(self.0.run_id)
    }

    /// What it does.
    pub async fn kind(&self) -> RunKind {
        self.0.kind.into()
    }

    /// How it stands. A run that another node works on is shown as queued until it ends.
    pub async fn status(&self, ctx: &Context<'_>) -> Result<RunStatus, Fault> {
        Ok(match self.0.status {
            runs::RunStatus::Open if self.watched(ctx)?.is_some() => RunStatus::Running,
            runs::RunStatus::Open => RunStatus::Queued,
            runs::RunStatus::Completed => RunStatus::Completed,
            runs::RunStatus::Failed => RunStatus::Failed,
            runs::RunStatus::Cancelled => RunStatus::Cancelled,
        })
    }

    /// How far it is; null where it is not being worked on.
    pub async fn progress(&self, ctx: &Context<'_>) -> Result<Option<RunProgress>, Fault> {
        Ok(self.watched(ctx)?.map(Into::into))
    }

    /// What was asked.
    pub async fn request(&self) -> Json {
        Json(self.0.request.0.clone())
    }

    /// The metric that was asked about, if it was one.
    pub async fn metric(&self, ctx: &Context<'_>) -> Result<Option<Metric>, Fault> {
        match self.0.metric_id {
            Some(metric) => loaders::metric(ctx, metric).await,
            None => Ok(None),
        }
    }

    /// Of everything random in it: the same request, data and seed give the same answer.
    pub async fn seed(&self) -> i64 {
        self.0.seed
    }

    /// Who asked; null where the program did by itself.
    pub async fn requested_by(&self, ctx: &Context<'_>) -> Result<Option<User>, Fault> {
        match self.0.requested_by {
            Some(user) => loaders::user(ctx, user).await,
            None => Ok(None),
        }
    }

    /// When it was asked for.
    pub async fn requested_at(&self) -> DateTime {
        DateTime(self.0.requested_at)
    }

    /// When it ended.
    pub async fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(DateTime)
    }

    /// How long it was worked on, in milliseconds.
    pub async fn elapsed_ms(&self) -> Option<u32> {
        self.completed().map(|completed| completed.elapsed_ms)
    }

    /// Somebody asked it to end.
    pub async fn stop_requested(&self) -> bool {
        self.0.stop_requested
    }

    /// The answer is the best there was when it was asked to end.
    pub async fn stopped_early(&self) -> bool {
        self.completed().is_some_and(|completed| completed.stopped_early)
    }

    /// The answer in a sentence or two.
    pub async fn summary(&self) -> Option<&str> {
        self.completed().map(|completed| completed.summary.as_str())
    }

    /// What a reader of the answer should know.
    pub async fn caveats(&self) -> Vec<String> {
        self.completed().map(|completed| completed.caveats.clone()).unwrap_or_default()
    }

    /// Why there is no answer.
    pub async fn failure(&self) -> Option<&str> {
        self.0.failure.as_deref()
    }

    /// The method behind the answer and its version.
    pub async fn method(&self) -> Option<&str> {
        self.completed().map(|completed| completed.method.as_str())
    }

    /// The history of the business up to here was read.
    pub async fn input_position(&self) -> Option<Position> {
        let position = self.completed()?.input_position;
        dyocense_eventlog::Position::new(position).map(Position)
    }

    /// SHA-256 of all that the method was given, so that a replay can be compared.
    pub async fn input_sha256(&self) -> Option<&str> {
        self.completed().map(|completed| completed.input_sha256.as_str())
    }

    /// The answer as it is kept.
    pub async fn answer(&self) -> Option<Json> {
        self.completed().map(|completed| Json(completed.answer.clone()))
    }

    /// The answer of a forecast.
    pub async fn forecast(&self) -> Result<Option<Forecast>, Fault> {
        Ok(self.answer_of::<ForecastAnswer>(domain::RunKind::Forecast)?.map(Into::into))
    }

    /// The answer of a backtest.
    pub async fn backtest(&self) -> Result<Option<Backtest>, Fault> {
        Ok(self.answer_of::<BacktestAnswer>(domain::RunKind::Backtest)?.map(Into::into))
    }

    /// The answer of a search for anomalies.
    pub async fn anomalies(&self) -> Result<Option<AnomalyReport>, Fault> {
        Ok(self.answer_of::<AnomalyAnswer>(domain::RunKind::Anomalies)?.map(Into::into))
    }

    /// What the newest steps of a metric were found to be.
    pub async fn watch(&self) -> Result<Option<WatchReport>, Fault> {
        Ok(self.answer_of::<WatchAnswer>(domain::RunKind::Watch)?.map(Into::into))
    }

    /// The answer of supposing that other metrics go another way.
    pub async fn what_if(&self) -> Result<Option<WhatIf>, Fault> {
        Ok(self.answer_of::<WhatIfAnswer>(domain::RunKind::WhatIf)?.map(Into::into))
    }

    /// The answer of a search for changes for good.
    pub async fn changepoints(&self) -> Result<Option<ChangepointReport>, Fault> {
        Ok(self.answer_of::<ChangepointAnswer>(domain::RunKind::Changepoints)?.map(Into::into))
    }

    /// The answer of a forecast of a total and its parts.
    pub async fn hierarchy(&self) -> Result<Option<HierarchyForecast>, Fault> {
        Ok(self.answer_of::<HierarchyAnswer>(domain::RunKind::Hierarchy)?.map(Into::into))
    }

    /// The answer of a search for a plan.
    pub async fn plan(&self) -> Result<Option<PlanReport>, Fault> {
        use domain::RunKind::{Budget, Inventory, Roster, Staffing};
        match self.0.kind {
            kind @ (Inventory | Staffing | Roster | Budget) => {
                let plan = self.answer_of::<PlanAnswer>(kind)?;
                plan.map(PlanReport::try_from).transpose().map_err(Fault::internal)
            }
            _ => Ok(None),
        }
    }

    /// The answer of a question why.
    pub async fn change_explanation(&self) -> Result<Option<ChangeExplanation>, Fault> {
        Ok(self.answer_of::<ChangeAnswer>(domain::RunKind::ChangeExplanation)?.map(Into::into))
    }

    /// The answer of a question what if.
    pub async fn intervention(&self) -> Result<Option<Intervention>, Fault> {
        Ok(self.answer_of::<InterventionAnswer>(domain::RunKind::Intervention)?.map(Into::into))
    }

    /// The answer of a question what causes what.
    pub async fn causal_graph(&self, ctx: &Context<'_>) -> Result<Option<CausalGraph>, Fault> {
        let Some(answer) = self.answer_of::<GraphAnswer>(domain::RunKind::CausalGraph)? else { return Ok(None) };
        let model = self.0.request.0["model_id"].as_str().and_then(|id| id.parse().ok());
        Ok(Some(CausalGraph::of(ctx, answer, model).await?))
    }

    /// The run whose question this was before some of its inputs were changed, where it is a scenario.
    pub async fn scenario_of(&self, ctx: &Context<'_>) -> Result<Option<Run>, Fault> {
        match self.0.request.0["scenario_of"].as_str().and_then(|id| id.parse().ok()) {
            Some(run) => load::run(ctx, run).await,
            None => Ok(None),
        }
    }

    /// What was changed of that question.
    pub async fn changes(&self) -> Option<Json> {
        self.0.request.0.get("changes").cloned().map(Json)
    }

    /// Its plan as files.
    pub async fn files(&self) -> Vec<PlanFile> {
        match self.completed() {
            Some(completed) if !completed.answer["plan"].is_null() => PlanFile::of(&self.0),
            _ => vec![],
        }
    }

    /// The goals that follow its plan.
    pub async fn followed_by(&self) -> Vec<PlanFollowing> {
        self.0.followed.0.iter().cloned().map(PlanFollowing).collect()
    }

    /// When its plan was taken on.
    pub async fn accepted_at(&self) -> Option<DateTime> {
        self.0.accepted_at.map(DateTime)
    }

    /// Who took its plan on.
    pub async fn accepted_by(&self, ctx: &Context<'_>) -> Result<Option<User>, Fault> {
        match self.0.accepted_by {
            Some(user) => loaders::user(ctx, user).await,
            None => Ok(None),
        }
    }

    /// The position of its last event.
    pub async fn position(&self) -> Position {
        Position(dyocense_eventlog::Position::new(self.0.position).unwrap_or_default())
    }
}
