//! Goals that follow plans.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use dyocense_commands::optimization::FollowPlan;
use dyocense_domain::ids::MetricId;
use dyocense_domain::runs as domain;
use dyocense_projections::runs::Followed;

use crate::graphql::fault::Fault;
use crate::graphql::goals::{self, Goal, Objective};
use crate::graphql::ids::{self, Kind};
use crate::graphql::loaders;
use crate::graphql::metrics::Metric;
use crate::graphql::refusal::UserError;
use crate::graphql::scalars::{Date, Decimal};

/// What of a plan a metric shows.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "domain::PlanFigure")]
pub enum PlanFigure {
    /// Money for channels, orders or wages: at most what is planned.
    Spend,
    /// What a budget returns: at least what is planned.
    Return,
    /// Units ordered: at least what is planned.
    Orders,
}

/// A goal that is to follow a plan.
#[derive(InputObject)]
pub struct FollowPlanInput {
    /// What of the plan it is about.
    figure: PlanFigure,
    /// The channel or the product; all of them together where it is left out.
    of: Option<String>,
    /// The metric in which it shows: a flow, in the unit of the plan.
    metric_id: ID,
    /// What the goal is called (1 to 200 characters); made from the plan where it is left out.
    title: Option<String>,
    /// The business objective it serves.
    objective: Objective,
    /// Its first day; the plan's own where it is left out.
    start: Option<Date>,
    /// Its last day; the plan's own where it is left out.
    due: Option<Date>,
    /// Why the goal is taken on although history calls it unlikely. Needed only then.
    acknowledge: Option<String>,
}

impl FollowPlanInput {
    pub fn into_follow(self) -> Result<FollowPlan, UserError> {
        Ok(FollowPlan {
            figure: self.figure.into(),
            of: self.of,
            metric_id: ids::of::<MetricId>(Kind::Metric, &self.metric_id)
                .ok_or_else(|| UserError::not_found("metric", &["input", "follow", "metricId"]))?,
            title: self.title,
            objective: self.objective.into(),
            start: self.start.map(|start| start.0),
            due: self.due.map(|due| due.0),
            acknowledge: self.acknowledge,
        })
    }
}

pub struct PlanFollowing(pub Followed);

/// A goal that follows a plan.
#[Object]
impl PlanFollowing {
    /// What of the plan it is about.
    async fn figure(&self) -> PlanFigure {
        self.0.figure.into()
    }

    /// The channel or the product; null where it is all of them together.
    async fn of(&self) -> Option<&str> {
        self.0.of.as_deref()
    }

    /// The metric in which it shows.
    async fn metric(&self, ctx: &Context<'_>) -> Result<Option<Metric>, Fault> {
        loaders::metric(ctx, self.0.metric_id).await
    }

    /// What the plan comes to over its whole time, in the metric's unit.
    async fn amount(&self) -> Decimal {
        Decimal(self.0.amount)
    }

    /// The goal; null for the moment until it is set.
    async fn goal(&self, ctx: &Context<'_>) -> Result<Option<Goal>, Fault> {
        goals::load::goal(ctx, self.0.goal_id).await
    }
}
