//! What Dyocense says about a goal: whether it can be reached, how it goes, and how it went.
//!
//! All amounts are in the goal's unit. Texts are plain English sentences with the numbers in them.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{RunId, UserId};
use crate::personal::Personal;

/// How likely a goal is, judged by the metric's own past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// At least half of the past windows of the same length did it.
    Likely,
    /// Some past windows did it, or came close.
    Ambitious,
    /// The past shows nothing like it.
    Unlikely,
    /// There is too little history to say, or the goal is measured by hand.
    Unknown,
}

/// The required pace against what history shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feasibility {
    pub likelihood: Likelihood,
    /// Past windows of the goal's length that could be looked at, and how many of them would have done it.
    pub windows: u32,
    pub reached: u32,
    /// What a window has to bring: a total, a change, or a level (`basis` says which).
    pub required: Option<Decimal>,
    pub basis: FeasibilityBasis,
    /// The median and the best of what past windows brought, on the same basis.
    pub typical: Option<Decimal>,
    pub best: Option<Decimal>,
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeasibilityBasis {
    /// The sum over a window of the goal's length.
    Total,
    /// The change of the reading from the start to the end of a window of the goal's length, as a share of the
    /// reading at its start where that is positive throughout; else in units.
    RelativeChange,
    Change,
    /// The share of a window's periods within the band.
    ShareWithin,
    /// Nothing to compare with.
    None,
}

/// Someone takes on a goal that history calls unlikely, and says why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub by: UserId,
    pub why: Personal<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalStatus {
    OnTrack,
    AtRisk,
    Behind,
    Achieved,
    Missed,
}

/// Expected against actual at the end of a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// The calendar day up to which the numbers count.
    pub day: Date,
    pub status: GoalStatus,
    /// `None` while there is nothing to read.
    pub actual: Option<Decimal>,
    /// Where the seasonal path stands on `day`; `None` for a goal that keeps within bounds.
    pub expected: Option<Decimal>,
    /// The share of the way done: 0 at the start, 1 at the target; may lie outside.
    /// For a goal that keeps within bounds: the share of its periods so far that were within.
    pub progress: Decimal,
    /// The share of the way that should be done by now.
    pub expected_progress: Decimal,
    /// The reading at the due date if it goes on like this.
    pub projected: Option<Decimal>,
    /// What each remaining day has to bring to reach the target.
    pub required_per_day: Option<Decimal>,
    /// What the path follows.
    pub path: PathShape,
    pub reason: String,
    /// Where a forecast of the metric sees it at the due date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<GoalForecast>,
}

/// The reading at the due date by a forecast of the metric behind the goal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalForecast {
    /// The run that answered with the forecast.
    pub run_id: RunId,
    /// Days up to here count as they were, the rest as forecast.
    pub known_until: Date,
    /// The expected reading.
    pub value: Decimal,
    /// It lies between `lower` and `upper` with a probability of `level` percent.
    pub level: Decimal,
    pub lower: Decimal,
    pub upper: Decimal,
    /// Of meeting the target on the due date, 0 to 1; `None` for a goal that keeps within bounds.
    pub probability: Option<Decimal>,
}

/// What the expected path follows between start and due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathShape {
    /// Every day counts the same: there is too little history for more.
    Linear,
    /// Days weigh as their weekday did.
    Weekday,
    /// Days weigh as their weekday and their month of the year did.
    WeekdayAndMonth,
    /// No path: the goal keeps within bounds.
    Band,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Achieved,
    Missed,
}

/// One stop on the goal's course, for a chart and for the words of the insight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoursePoint {
    pub day: Date,
    pub actual: Option<Decimal>,
    pub expected: Option<Decimal>,
    pub status: GoalStatus,
}

/// What there is to learn from a goal that came due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Insight {
    /// A few sentences: what was reached, how the pace went, what would have been needed.
    pub summary: String,
    pub reached: Option<Decimal>,
    /// How much was missing (0 where achieved); for a band, the share of periods missing.
    pub shortfall: Decimal,
    /// Days that counted, and days the goal was paused.
    pub days: u32,
    pub paused_days: u32,
    /// What a day brought on average, and what it would have had to bring.
    pub average_per_day: Option<Decimal>,
    pub needed_per_day: Option<Decimal>,
    /// The first day on which the target was met.
    pub first_met: Option<Date>,
    /// At most 13 stops from start to due.
    pub course: Vec<CoursePoint>,
}
