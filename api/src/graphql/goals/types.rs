//! Goals, their pace and what is said about them, as the API shows them.

use async_graphql::{Enum, ID, SimpleObject};
use dyocense_domain::goals;

use crate::graphql::ids::Kind;
use crate::graphql::scalars::{Date, Decimal};

/// How a metric's points become the one number that the goal is about.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "goals::Aggregation")]
pub enum Aggregation {
    /// The sum of all points from the goal's start: "sell 1,000 units by June". For flows.
    Total,
    /// The sum over the last full cadence: "earn 12,000 a month". For flows.
    PeriodTotal,
    /// The mean of the daily values over the last full cadence: "answer within 4 hours on average".
    PeriodAverage,
    /// The latest value: "have 500 subscribers". For levels.
    Latest,
}

/// Where the measure should go.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Reach at least the target.
    Up,
    /// Come down to at most the target.
    Down,
    /// Stay between `low` and `high`.
    KeepWithin,
}

/// The business objective that a goal serves.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "goals::Objective")]
pub enum Objective {
    /// Earn more.
    GrowRevenue,
    /// Keep more of what is earned.
    RaiseProfit,
    /// Gain customers.
    WinCustomers,
    /// Lose fewer customers.
    KeepCustomers,
    /// Spend less.
    CutCosts,
    /// Always be able to pay.
    SteadyCash,
    /// Do what is done better.
    ImproveQuality,
    /// Do what is done with less effort.
    WorkEfficiently,
    /// Find, keep and develop people.
    BuildTeam,
    /// Something else; the goal's relevance says what.
    Other,
}

/// How often the goal is looked at, and the length of its periods.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "goals::Cadence")]
pub enum Cadence {
    /// Every day.
    Daily,
    /// Every seven days.
    Weekly,
    /// Every month.
    Monthly,
    /// Every three months.
    Quarterly,
}

/// How likely a goal is, judged by the metric's own past.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "goals::Likelihood")]
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

/// What the numbers of a goal's feasibility are about.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "goals::FeasibilityBasis")]
pub enum FeasibilityBasis {
    /// The sum over a window of the goal's length.
    Total,
    /// The change over a window of the goal's length, as a share of the reading at its start.
    RelativeChange,
    /// The change over a window of the goal's length, in units.
    Change,
    /// The share of a window's periods within the bounds.
    ShareWithin,
    /// Nothing to compare with.
    None,
}

/// How a goal goes.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "goals::GoalStatus")]
pub enum GoalStatus {
    /// As it should.
    OnTrack,
    /// Short of where it should be, but it can still be made up.
    AtRisk,
    /// Far from where it should be.
    Behind,
    /// The target is met.
    Achieved,
    /// The due date passed without the target being met.
    Missed,
}

/// Where a goal is in its life.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "dyocense_projections::goals::Lifecycle")]
pub enum Lifecycle {
    /// It is pursued.
    Active,
    /// Its clock stands.
    Paused,
    /// It was given up.
    Abandoned,
    /// It came due and was looked back on.
    Evaluated,
}

/// What the expected path follows between start and due.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "goals::PathShape")]
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

/// How a goal ended.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "goals::Outcome")]
pub enum Outcome {
    /// The target was met at the due date.
    Achieved,
    /// It was not.
    Missed,
}

/// A part of a goal's plan.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "goals::PlanField")]
pub enum PlanField {
    /// What it is called.
    Title,
    /// What exactly is meant.
    Description,
    /// Who answers for it.
    Owner,
    /// What it is measured by.
    Measure,
    /// Where the measure should go.
    Aim,
    /// The business objective it serves.
    Objective,
    /// Why it matters.
    Relevance,
    /// Its first day.
    Start,
    /// Its last day.
    Due,
    /// How often it is looked at.
    Cadence,
    /// The calendar of its days.
    TimeZone,
}

/// Where the measure should go, in the goal's unit.
#[derive(SimpleObject, Debug, Clone)]
pub struct GoalAim {
    /// Which way.
    pub direction: Direction,
    /// Where it stood before the goal; null for a goal that keeps within bounds.
    pub baseline: Option<Decimal>,
    /// What to reach; null for a goal that keeps within bounds.
    pub target: Option<Decimal>,
    /// The lower bound, included.
    pub low: Option<Decimal>,
    /// The upper bound, included.
    pub high: Option<Decimal>,
    /// The share of periods that must be within the bounds, from 0 to 1.
    pub share: Option<Decimal>,
}

impl From<&goals::Aim> for GoalAim {
    fn from(aim: &goals::Aim) -> Self {
        let empty = Self { direction: Direction::Up, baseline: None, target: None, low: None, high: None, share: None };
        match *aim {
            goals::Aim::Up { baseline, target } => {
                Self { baseline: Some(Decimal(baseline)), target: Some(Decimal(target)), ..empty }
            }
            goals::Aim::Down { baseline, target } => Self {
                direction: Direction::Down,
                baseline: Some(Decimal(baseline)),
                target: Some(Decimal(target)),
                ..empty
            },
            goals::Aim::KeepWithin { low, high, share } => Self {
                direction: Direction::KeepWithin,
                low: Some(Decimal(low)),
                high: Some(Decimal(high)),
                share: Some(Decimal(share)),
                ..empty
            },
        }
    }
}

/// The pace a goal requires against what history shows.
#[derive(SimpleObject, Debug, Clone)]
pub struct Feasibility {
    /// How likely the goal is.
    pub likelihood: Likelihood,
    /// Past windows of the goal's length that could be looked at.
    pub windows: i32,
    /// How many of them would have done it.
    pub reached: i32,
    /// What a window has to bring.
    pub required: Option<Decimal>,
    /// What the numbers are about.
    pub basis: FeasibilityBasis,
    /// The median of what past windows brought.
    pub typical: Option<Decimal>,
    /// The best of what past windows brought.
    pub best: Option<Decimal>,
    /// The judgement in plain words, with the numbers.
    pub reason: String,
}

impl From<goals::Feasibility> for Feasibility {
    fn from(feasibility: goals::Feasibility) -> Self {
        let count = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        Self {
            likelihood: feasibility.likelihood.into(),
            windows: count(feasibility.windows),
            reached: count(feasibility.reached),
            required: feasibility.required.map(Decimal),
            basis: feasibility.basis.into(),
            typical: feasibility.typical.map(Decimal),
            best: feasibility.best.map(Decimal),
            reason: feasibility.reason,
        }
    }
}

/// Expected against actual at the end of a day, in the goal's unit.
#[derive(SimpleObject, Debug, Clone)]
pub struct Pace {
    /// The day up to which the numbers count.
    pub day: Date,
    /// How the goal goes.
    pub status: GoalStatus,
    /// Where it stands; null while there is nothing to read.
    pub actual: Option<Decimal>,
    /// Where the seasonal path stands on that day; null for a goal that keeps within bounds.
    pub expected: Option<Decimal>,
    /// The share of the way done: 0 at the start, 1 at the target. For a goal that keeps within bounds: the share of
    /// its periods so far that were within.
    pub progress: Decimal,
    /// The share of the way that should be done by now.
    pub expected_progress: Decimal,
    /// Where it will stand at the due date if it goes on like this.
    pub projected: Option<Decimal>,
    /// What each remaining day has to bring to reach the target.
    pub required_per_day: Option<Decimal>,
    /// What the path follows.
    pub path: PathShape,
    /// The status explained in plain words, with the numbers.
    pub reason: String,
    /// Where a forecast of the metric saw it at the due date; null where no kept forecast reaches that far.
    pub forecast: Option<GoalForecast>,
}

/// Where a goal is heading by a forecast of its metric, in the goal's unit.
#[derive(SimpleObject, Debug, Clone)]
pub struct GoalForecast {
    /// The id of the run that answered with the forecast.
    pub run_id: ID,
    /// Days up to here count as they were, the rest as forecast.
    pub known_until: Date,
    /// The expected reading at the due date.
    pub value: Decimal,
    /// The probability of the interval in percent.
    pub level: Decimal,
    /// The interval's lower end.
    pub lower: Decimal,
    /// The interval's upper end.
    pub upper: Decimal,
    /// The probability of meeting the target on the due date, 0 to 1; null for a goal that keeps within bounds.
    pub probability: Option<Decimal>,
}

impl From<goals::GoalForecast> for GoalForecast {
    fn from(forecast: goals::GoalForecast) -> Self {
        Self {
            run_id: Kind::Run.id(forecast.run_id),
            known_until: Date(forecast.known_until),
            value: Decimal(forecast.value),
            level: Decimal(forecast.level),
            lower: Decimal(forecast.lower),
            upper: Decimal(forecast.upper),
            probability: forecast.probability.map(Decimal),
        }
    }
}

impl From<goals::Pace> for Pace {
    fn from(pace: goals::Pace) -> Self {
        Self {
            day: Date(pace.day),
            status: pace.status.into(),
            actual: pace.actual.map(Decimal),
            expected: pace.expected.map(Decimal),
            progress: Decimal(pace.progress),
            expected_progress: Decimal(pace.expected_progress),
            projected: pace.projected.map(Decimal),
            required_per_day: pace.required_per_day.map(Decimal),
            path: pace.path.into(),
            reason: pace.reason,
            forecast: pace.forecast.map(Into::into),
        }
    }
}

/// One stop on a goal's course.
#[derive(SimpleObject, Debug, Clone)]
pub struct CoursePoint {
    /// The day.
    pub day: Date,
    /// Where the goal stood.
    pub actual: Option<Decimal>,
    /// Where it should have stood.
    pub expected: Option<Decimal>,
    /// How it went.
    pub status: GoalStatus,
}

/// What there is to learn from a goal that came due.
#[derive(SimpleObject, Debug, Clone)]
pub struct Insight {
    /// What was reached, how the pace went and what would have been needed, in a few sentences.
    pub summary: String,
    /// Where the goal ended.
    pub reached: Option<Decimal>,
    /// How much was missing: 0 where it was achieved.
    pub shortfall: Decimal,
    /// Days that counted.
    pub days: i32,
    /// Days on which the goal was paused.
    pub paused_days: i32,
    /// What a day brought on average.
    pub average_per_day: Option<Decimal>,
    /// What a day would have had to bring.
    pub needed_per_day: Option<Decimal>,
    /// The first day on which the target was met.
    pub first_met: Option<Date>,
    /// At most 13 stops from start to due.
    pub course: Vec<CoursePoint>,
}

impl From<goals::Insight> for Insight {
    fn from(insight: goals::Insight) -> Self {
        let count = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        Self {
            summary: insight.summary,
            reached: insight.reached.map(Decimal),
            shortfall: Decimal(insight.shortfall),
            days: count(insight.days),
            paused_days: count(insight.paused_days),
            average_per_day: insight.average_per_day.map(Decimal),
            needed_per_day: insight.needed_per_day.map(Decimal),
            first_met: insight.first_met.map(Date),
            course: insight
                .course
                .into_iter()
                .map(|stop| CoursePoint {
                    day: Date(stop.day),
                    actual: stop.actual.map(Decimal),
                    expected: stop.expected.map(Decimal),
                    status: stop.status.into(),
                })
                .collect(),
        }
    }
}
