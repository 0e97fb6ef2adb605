//! What people say about a goal.

use async_graphql::{ID, InputObject, OneofObject};
use dyocense_domain::goals::{AimDraft, GoalDraft, MeasureDraft, MilestoneDraft, PlanChange};
use dyocense_domain::ids::{MetricId, MilestoneId, UserId};
use dyocense_domain::time_zone::TimeZoneName;
use uuid::Uuid;

use super::types::*;
use crate::graphql::ids::{self, Kind};
use crate::graphql::refusal::UserError;
use crate::graphql::scalars::{Date, Decimal, TimeZone};

/// Measured by a metric.
#[derive(InputObject)]
pub struct MetricMeasureInput {
    /// The metric.
    metric_id: ID,
    /// How its points become one number.
    aggregation: Aggregation,
}

/// Measured by hand.
#[derive(InputObject)]
pub struct ManualMeasureInput {
    /// What one of it is (1 to 40 characters).
    unit: String,
}

/// What the goal is measured by: one of these.
#[derive(OneofObject)]
pub enum MeasureInput {
    /// A metric: progress follows from its points.
    Metric(MetricMeasureInput),
    /// People record where the goal stands.
    Manual(ManualMeasureInput),
}

/// From a baseline to a target.
#[derive(InputObject)]
pub struct TargetInput {
    /// Where it stands before the goal; read from the metric's history where it is left out.
    baseline: Option<Decimal>,
    /// What to reach.
    target: Decimal,
}

/// Bounds to stay within.
#[derive(InputObject)]
pub struct BoundsInput {
    /// The lower bound, included.
    low: Decimal,
    /// The upper bound, included.
    high: Decimal,
    /// The share of periods that must be within, above 0 to 1; nine in ten where it is left out.
    share: Option<Decimal>,
}

/// Where the measure should go: one of these.
#[derive(OneofObject)]
pub enum AimInput {
    /// Reach at least the target.
    Up(TargetInput),
    /// Come down to at most the target.
    Down(TargetInput),
    /// Stay within bounds.
    KeepWithin(BoundsInput),
}

impl From<AimInput> for AimDraft {
    fn from(input: AimInput) -> Self {
        let number = |number: Option<Decimal>| number.map(|number| number.0);
        match input {
            AimInput::Up(up) => AimDraft::Up { baseline: number(up.baseline), target: up.target.0 },
            AimInput::Down(down) => AimDraft::Down { baseline: number(down.baseline), target: down.target.0 },
            AimInput::KeepWithin(bounds) => {
                AimDraft::KeepWithin { low: bounds.low.0, high: bounds.high.0, share: number(bounds.share) }
            }
        }
    }
}

/// A value on the way.
#[derive(InputObject)]
pub struct MilestoneInput {
    /// What it is called (1 to 200 characters).
    title: String,
    /// The value, in the goal's unit, after the baseline and not beyond the target.
    value: Decimal,
    /// The day by which it should be reached, if it has one of its own.
    due: Option<Date>,
}

impl From<MilestoneInput> for MilestoneDraft {
    fn from(input: MilestoneInput) -> Self {
        MilestoneDraft {
            milestone_id: MilestoneId::from(Uuid::now_v7()),
            title: input.title,
            value: input.value.0,
            due: input.due.map(|due| due.0),
        }
    }
}

/// A goal to set: specific, measurable, achievable, relevant and time-bound.
#[derive(InputObject)]
pub struct CreateGoalInput {
    /// What it is called (1 to 200 characters).
    title: String,
    /// What exactly is meant (at most 5,000 characters).
    description: Option<String>,
    /// Who answers for it; the caller where it is left out.
    owner_id: Option<ID>,
    /// What it is measured by.
    measure: MeasureInput,
    /// Where the measure should go.
    aim: AimInput,
    /// The business objective it serves.
    objective: Objective,
    /// Why it matters (at most 5,000 characters).
    relevance: Option<String>,
    /// Its first day; today where it is left out.
    start: Option<Date>,
    /// Its last day.
    due: Date,
    /// How often it is looked at.
    cadence: Cadence,
    /// The calendar of its days; the business's own where it is left out.
    time_zone: Option<TimeZone>,
    /// Values on the way, at most 20.
    #[graphql(default)]
    pub milestones: Vec<MilestoneInput>,
    /// Why the goal is taken on although history calls it unlikely. Needed only then.
    pub acknowledge: Option<String>,
}

impl CreateGoalInput {
    /// The draft, its milestones, and the acknowledgement.
    pub fn into_draft(
        self,
        caller: UserId,
        business_zone: TimeZoneName,
    ) -> Result<(GoalDraft, Vec<MilestoneDraft>, Option<String>), UserError> {
        let owner = match &self.owner_id {
            None => caller,
            Some(id) => user(id, "ownerId")?,
        };
        let measure = match self.measure {
            MeasureInput::Manual(manual) => MeasureDraft::Manual { unit: manual.unit },
            MeasureInput::Metric(metric) => MeasureDraft::Metric {
                metric_id: ids::of::<MetricId>(Kind::Metric, &metric.metric_id)
                    .ok_or_else(|| UserError::not_found("metric", &["input", "measure", "metric", "metricId"]))?,
                aggregation: metric.aggregation.into(),
            },
        };
        let draft = GoalDraft {
            title: self.title,
            description: self.description,
            owner,
            measure,
            aim: self.aim.into(),
            objective: self.objective.into(),
            relevance: self.relevance,
            start: self.start.map(|start| start.0),
            due: self.due.0,
            cadence: self.cadence.into(),
            time_zone: self.time_zone.map_or(business_zone, |zone| zone.0),
        };
        Ok((draft, self.milestones.into_iter().map(Into::into).collect(), self.acknowledge))
    }
}

/// What to change of a goal's plan. What is left out stays; an empty text takes the text away.
#[derive(InputObject)]
pub struct ReviseGoalInput {
    /// The goal.
    pub goal_id: ID,
    /// What it is called.
    title: Option<String>,
    /// What exactly is meant.
    description: Option<String>,
    /// Who answers for it.
    owner_id: Option<ID>,
    /// Where the measure should go.
    aim: Option<AimInput>,
    /// The business objective it serves.
    objective: Option<Objective>,
    /// Why it matters.
    relevance: Option<String>,
    /// Its first day, while it has not started.
    start: Option<Date>,
    /// Its last day.
    due: Option<Date>,
    /// How often it is looked at.
    cadence: Option<Cadence>,
    /// Why it is revised, for those who look back.
    pub reason: Option<String>,
    /// Why the goal is kept although history calls it unlikely now. Needed only then.
    pub acknowledge: Option<String>,
}

impl ReviseGoalInput {
    pub fn into_change(self) -> Result<PlanChange, UserError> {
        Ok(PlanChange {
            title: self.title,
            description: self.description,
            owner: self.owner_id.as_ref().map(|id| user(id, "ownerId")).transpose()?,
            aim: self.aim.map(Into::into),
            objective: self.objective.map(Into::into),
            relevance: self.relevance,
            start: self.start.map(|start| start.0),
            due: self.due.map(|due| due.0),
            cadence: self.cadence.map(Into::into),
        })
    }
}

fn user(id: &ID, field: &str) -> Result<UserId, UserError> {
    ids::of::<UserId>(Kind::User, id).ok_or_else(|| UserError::not_found("user", &["input", field]))
}

/// Which goal to pause.
#[derive(InputObject)]
pub struct PauseGoalInput {
    /// The goal. Its days do not count until it is resumed.
    pub goal_id: ID,
    /// Why it is paused.
    pub reason: Option<String>,
}

/// Which goal to resume.
#[derive(InputObject)]
pub struct ResumeGoalInput {
    /// The goal.
    pub goal_id: ID,
    /// Whether its due date moves by the days of the pause.
    #[graphql(default = false)]
    pub move_due: bool,
}

/// Which goal to give up.
#[derive(InputObject)]
pub struct AbandonGoalInput {
    /// The goal.
    pub goal_id: ID,
    /// Why it is given up, for those who look back.
    pub reason: String,
}

/// A milestone to add.
#[derive(InputObject)]
pub struct AddMilestoneInput {
    /// The goal.
    pub goal_id: ID,
    /// The milestone.
    pub milestone: MilestoneInput,
}

/// A milestone to take away.
#[derive(InputObject)]
pub struct RemoveMilestoneInput {
    /// The goal.
    pub goal_id: ID,
    /// The milestone.
    pub milestone_id: ID,
}

/// Where a goal that is measured by hand stands.
#[derive(InputObject)]
pub struct RecordGoalProgressInput {
    /// The goal.
    pub goal_id: ID,
    /// Where it stands, in its unit.
    pub value: Decimal,
    /// At the end of which day; today where it is left out. A later record for the same day replaces it.
    pub day: Option<Date>,
    /// A note for those who look back.
    pub note: Option<String>,
}
