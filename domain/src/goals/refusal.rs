//! Why a command about a goal is refused.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::assessment::Feasibility;
use super::plan::{Aggregation, Cadence};
use super::state::Lifecycle;
use super::words;
use crate::metrics::MetricKind;
use crate::text::TextError;

/// Why a command about a goal was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GoalRefusal {
    #[error("there is already a goal with this id")]
    AlreadyExists,
    #[error("there is no such goal")]
    NoSuchGoal,
    #[error(transparent)]
    Text(#[from] TextError),
    #[error("the owner is no active user of this business")]
    NoSuchOwner,
    #[error("there is no such metric")]
    NoSuchMetric,
    #[error("the metric is archived; it gets no more points")]
    MetricArchived,
    #[error("{aggregation} does not fit {kind}")]
    AggregationUnfit { aggregation: Aggregation, kind: MetricKind },
    #[error("the due date {due} is before the start {start}")]
    DueBeforeStart { start: Date, due: Date },
    #[error("the due date {due} is in the past; today is {today}")]
    DueInThePast { due: Date, today: Date },
    #[error("the goal would last {days} days; at most {most} are allowed")]
    TooLong { days: i64, most: i64 },
    #[error("the goal would last {}, less than the {} that its cadence has", words::count(*days, "day", "days"), cadence.noun())]
    ShorterThanAPeriod { days: i64, cadence: Cadence },
    #[error("the goal started on {start}; its start can no longer change")]
    AlreadyStarted { start: Date },
    #[error("{field} {value} is beyond the largest amount, {most}")]
    AmountTooLarge { field: &'static str, value: Decimal, most: Decimal },
    #[error("where the goal starts from is not known from the metric's history; give a baseline")]
    BaselineUnknown,
    #[error("the target {target} must be {direction} {from}, where the goal starts")]
    TargetNotAhead { from: Decimal, target: Decimal, direction: &'static str },
    #[error("the lower bound {low} is above the upper bound {high}")]
    BoundsReversed { low: Decimal, high: Decimal },
    #[error("the share of periods {share} must be above 0 and at most 1")]
    ShareOutOfRange { share: Decimal },
    #[error("a total grows all the time and cannot keep within bounds; use a total or average per period")]
    TotalWithinBounds,
    #[error("the metric's history calls this goal unlikely: {}", .0.reason)]
    Unlikely(Box<Feasibility>),
    #[error("this kind of goal has no way to set milestones on")]
    NoWayForMilestones,
    #[error("the milestone {value} is not on the way from {from} to {to}")]
    MilestoneOffTheWay { value: Decimal, from: Decimal, to: Decimal },
    #[error("the milestone's due date {due} is outside the goal's time, {start} to {end}")]
    MilestoneDueOutside { due: Date, start: Date, end: Date },
    #[error("a goal has at most {most} milestones")]
    TooManyMilestones { most: usize },
    #[error("there is already a milestone with this id")]
    MilestoneExists,
    #[error("there is no such milestone")]
    NoSuchMilestone,
    #[error("the goal is {0}; only an active or paused goal can change")]
    Closed(Lifecycle),
    #[error("the goal is paused already")]
    AlreadyPaused,
    #[error("the goal is not paused")]
    NotPaused,
    #[error("the due date {due} passed while the goal was paused; resume it with the due date moved")]
    DueWhilePaused { due: Date },
    #[error("this goal is measured by a metric; record points of the metric instead")]
    NotManual,
    #[error("{day} is outside the goal's time so far, {start} to {end}")]
    DayOutside { day: Date, start: Date, end: Date },
    #[error("giving up a goal needs a reason")]
    ReasonNeeded,
}
