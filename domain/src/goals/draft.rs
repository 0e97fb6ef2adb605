//! From what people ask for to a plan that cannot be wrong.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::outlook::Outlook;
use super::plan::*;
use super::reading::{History, Reading, days_between, plus_days};
use super::refusal::GoalRefusal;
use crate::ids::{MetricId, MilestoneId, UserId};
use crate::metrics::MetricKind;
use crate::personal::Personal;
use crate::text;
use crate::time_zone::TimeZoneName;

/// Ten years.
pub const MOST_DAYS: i64 = 3_660;
pub const MOST_MILESTONES: usize = 20;
/// Amounts lie within plus and minus this.
pub const LARGEST_AMOUNT: Decimal = Decimal::from_parts(2_764_472_320, 232_830, 0, false, 0);

/// What a decision needs to know of the metric behind a goal.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredMetric {
    pub metric_id: MetricId,
    pub kind: MetricKind,
    pub unit: String,
    pub archived: bool,
    /// The metric's days in the goal's time zone: at best all, at least from two years before the start.
    pub history: History,
    pub outlook: Outlook,
}

#[derive(Debug, Clone, PartialEq)]
pub enum MeasureDraft {
    Metric { metric_id: MetricId, aggregation: Aggregation },
    Manual { unit: String },
}

/// Without a baseline it is read from the metric's history.
#[derive(Debug, Clone, PartialEq)]
pub enum AimDraft {
    Up {
        baseline: Option<Decimal>,
        target: Decimal,
    },
    Down {
        baseline: Option<Decimal>,
        target: Decimal,
    },
    /// Without a share, nine periods in ten must be within.
    KeepWithin {
        low: Decimal,
        high: Decimal,
        share: Option<Decimal>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct MilestoneDraft {
    pub milestone_id: MilestoneId,
    pub title: String,
    pub value: Decimal,
    pub due: Option<Date>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct GoalDraft {
    pub title: String,
    pub description: Option<String>,
    pub owner: UserId,
    pub measure: MeasureDraft,
    pub aim: AimDraft,
    pub objective: Objective,
    pub relevance: Option<String>,
    /// Today, if not given.
    pub start: Option<Date>,
    pub due: Date,
    pub cadence: Cadence,
    pub time_zone: TimeZoneName,
}

/// What a revision changes; what is `None` stays. An empty text takes the text away.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanChange {
    pub title: Option<String>,
    pub description: Option<String>,
    pub owner: Option<UserId>,
    pub aim: Option<AimDraft>,
    pub objective: Option<Objective>,
    pub relevance: Option<String>,
    pub start: Option<Date>,
    pub due: Option<Date>,
    pub cadence: Option<Cadence>,
}

pub(super) fn plan(
    draft: GoalDraft,
    metric: Option<&MeasuredMetric>,
    by: UserId,
    today: Date,
) -> Result<GoalPlan, GoalRefusal> {
    let measure = measure(draft.measure, metric)?;
    let start = draft.start.unwrap_or(today);
    check_dates(start, draft.due, draft.cadence, today)?;
    let span = (start, draft.due, draft.cadence);
    Ok(GoalPlan {
        title: text::line("title", &draft.title, 200)?,
        description: personal("description", draft.description, by)?,
        owner: draft.owner,
        aim: aim(draft.aim, &measure, metric, span, today)?,
        measure,
        objective: draft.objective,
        relevance: personal("relevance", draft.relevance, by)?,
        start,
        due: draft.due,
        cadence: draft.cadence,
        time_zone: draft.time_zone,
    })
}

/// The plan after `change`, and what is different in it.
pub(super) fn revised(
    old: &GoalPlan,
    change: PlanChange,
    metric: Option<&MeasuredMetric>,
    by: UserId,
    today: Date,
) -> Result<(GoalPlan, Vec<PlanField>), GoalRefusal> {
    let mut new = old.clone();
    if let Some(title) = change.title {
        new.title = text::line("title", &title, 200)?;
    }
    if let Some(description) = change.description {
        new.description = rewritten(&old.description, personal("description", Some(description), by)?);
    }
    if let Some(relevance) = change.relevance {
        new.relevance = rewritten(&old.relevance, personal("relevance", Some(relevance), by)?);
    }
    new.owner = change.owner.unwrap_or(new.owner);
    new.objective = change.objective.unwrap_or(new.objective);
    new.cadence = change.cadence.unwrap_or(new.cadence);
    if let Some(start) = change.start.filter(|start| *start != old.start) {
        if old.start <= today {
            return Err(GoalRefusal::AlreadyStarted { start: old.start });
        }
        new.start = start;
    }
    new.due = change.due.unwrap_or(new.due);
    if (new.start, new.due, new.cadence) != (old.start, old.due, old.cadence) {
        check_dates(new.start, new.due, new.cadence, today)?;
    }
    if let Some(draft) = change.aim {
        let draft = keeping_baseline(draft, &old.aim);
        new.aim = aim(draft, &new.measure, metric, (new.start, new.due, new.cadence), today)?;
    }
    let differs = [
        (PlanField::Title, new.title != old.title),
        (PlanField::Description, new.description != old.description),
        (PlanField::Owner, new.owner != old.owner),
        (PlanField::Aim, new.aim != old.aim),
        (PlanField::Objective, new.objective != old.objective),
        (PlanField::Relevance, new.relevance != old.relevance),
        (PlanField::Start, new.start != old.start),
        (PlanField::Due, new.due != old.due),
        (PlanField::Cadence, new.cadence != old.cadence),
    ];
    let changed = differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect();
    Ok((new, changed))
}

/// A text that says the same stays the first author's.
fn rewritten(old: &Option<Personal<String>>, new: Option<Personal<String>>) -> Option<Personal<String>> {
    let said = |text: &Option<Personal<String>>| text.as_ref().and_then(|text| text.value().cloned());
    if new.is_some() && said(old) == said(&new) { old.clone() } else { new }
}

/// Where a goal came from does not change because its target does.
fn keeping_baseline(draft: AimDraft, old: &Aim) -> AimDraft {
    let known = match old {
        Aim::Up { baseline, .. } | Aim::Down { baseline, .. } => Some(*baseline),
        Aim::KeepWithin { .. } => None,
    };
    match draft {
        AimDraft::Up { baseline, target } => AimDraft::Up { baseline: baseline.or(known), target },
        AimDraft::Down { baseline, target } => AimDraft::Down { baseline: baseline.or(known), target },
        band @ AimDraft::KeepWithin { .. } => band,
    }
}

fn measure(draft: MeasureDraft, metric: Option<&MeasuredMetric>) -> Result<Measure, GoalRefusal> {
    match draft {
        MeasureDraft::Manual { unit } => Ok(Measure::Manual { unit: text::line("unit", &unit, 40)? }),
        MeasureDraft::Metric { metric_id, aggregation } => {
            let metric = metric.filter(|metric| metric.metric_id == metric_id).ok_or(GoalRefusal::NoSuchMetric)?;
            if metric.archived {
                return Err(GoalRefusal::MetricArchived);
            }
            let fits = match aggregation {
                Aggregation::Total | Aggregation::PeriodTotal => metric.kind == MetricKind::Flow,
                Aggregation::Latest => metric.kind == MetricKind::Level,
                Aggregation::PeriodAverage => true,
            };
            if !fits {
                return Err(GoalRefusal::AggregationUnfit { aggregation, kind: metric.kind });
            }
            Ok(Measure::Metric { metric_id, aggregation, unit: metric.unit.clone() })
        }
    }
}

fn check_dates(start: Date, due: Date, cadence: Cadence, today: Date) -> Result<(), GoalRefusal> {
    if due < start {
        return Err(GoalRefusal::DueBeforeStart { start, due });
    }
    if due < today {
        return Err(GoalRefusal::DueInThePast { due, today });
    }
    let days = days_between(start, due) + 1;
    if days > MOST_DAYS {
        return Err(GoalRefusal::TooLong { days, most: MOST_DAYS });
    }
    if due < plus_days(cadence.period_start(start, 1), -1) {
        return Err(GoalRefusal::ShorterThanAPeriod { days, cadence });
    }
    Ok(())
}

fn aim(
    draft: AimDraft,
    measure: &Measure,
    metric: Option<&MeasuredMetric>,
    (start, due, cadence): (Date, Date, Cadence),
    today: Date,
) -> Result<Aim, GoalRefusal> {
    let aggregation = measure.aggregation();
    let is_total = aggregation == Aggregation::Total;
    let history = metric.map(|metric| &metric.history);
    let baseline = |given: Option<Decimal>| match (given, history) {
        (Some(given), _) => amount("baseline", given),
        (None, Some(history)) => {
            let read = read_baseline(aggregation, cadence, history, (start, due), today);
            amount("baseline", read.ok_or(GoalRefusal::BaselineUnknown)?)
        }
        (None, None) => Err(GoalRefusal::BaselineUnknown),
    };
    match draft {
        AimDraft::Up { baseline: given, target } => {
            let target = amount("target", target)?;
            let given = if metric.is_none() { given.or(Some(Decimal::ZERO)) } else { given };
            let baseline = baseline(given)?;
            let from = if is_total { Decimal::ZERO } else { baseline };
            if target <= from {
                return Err(GoalRefusal::TargetNotAhead { from, target, direction: "above" });
            }
            Ok(Aim::Up { baseline, target })
        }
        AimDraft::Down { baseline: given, target } => {
            let target = amount("target", target)?;
            let baseline = baseline(given)?;
            if is_total && target <= Decimal::ZERO {
                return Err(GoalRefusal::TargetNotAhead { from: Decimal::ZERO, target, direction: "above" });
            }
            if !is_total && target >= baseline {
                return Err(GoalRefusal::TargetNotAhead { from: baseline, target, direction: "below" });
            }
            Ok(Aim::Down { baseline, target })
        }
        AimDraft::KeepWithin { low, high, share } => {
            if is_total {
                return Err(GoalRefusal::TotalWithinBounds);
            }
            let (low, high) = (amount("low", low)?, amount("high", high)?);
            if low > high {
                return Err(GoalRefusal::BoundsReversed { low, high });
            }
            let share = share.unwrap_or(Decimal::new(9, 1));
            if share <= Decimal::ZERO || share > Decimal::ONE {
                return Err(GoalRefusal::ShareOutOfRange { share });
            }
            Ok(Aim::KeepWithin { low, high, share })
        }
    }
}

/// Where the measure stood before the goal. A total without a past starts from nothing.
fn read_baseline(
    aggregation: Aggregation,
    cadence: Cadence,
    history: &History,
    (start, due): (Date, Date),
    today: Date,
) -> Option<Decimal> {
    let eve = plus_days(start, -1).min(today);
    if aggregation == Aggregation::Total {
        return Some(history.total(plus_days(eve, -days_between(start, due)), eve).0);
    }
    Reading { aggregation, cadence, start }.at(history, eve)
}

/// Milestones lie on the way: after where the goal starts, not beyond its target, not after its due date.
pub(super) fn milestone(draft: MilestoneDraft, plan: &GoalPlan) -> Result<Milestone, GoalRefusal> {
    let value = amount("milestone value", draft.value)?;
    let is_total = plan.measure.aggregation() == Aggregation::Total;
    let (from, to) = match &plan.aim {
        Aim::Up { target, .. } if is_total => (Decimal::ZERO, *target),
        Aim::Down { .. } if is_total => return Err(GoalRefusal::NoWayForMilestones),
        Aim::KeepWithin { .. } => return Err(GoalRefusal::NoWayForMilestones),
        Aim::Up { baseline, target } | Aim::Down { baseline, target } => (*baseline, *target),
    };
    let on_the_way = if from < to { from < value && value <= to } else { to <= value && value < from };
    if !on_the_way {
        return Err(GoalRefusal::MilestoneOffTheWay { value, from, to });
    }
    if let Some(due) = draft.due.filter(|due| *due < plan.start || *due > plan.due) {
        return Err(GoalRefusal::MilestoneDueOutside { due, start: plan.start, end: plan.due });
    }
    let title = text::line("milestone title", &draft.title, 200)?;
    Ok(Milestone { milestone_id: draft.milestone_id, title, value, due: draft.due })
}

pub(super) fn amount(field: &'static str, value: Decimal) -> Result<Decimal, GoalRefusal> {
    if value.abs() > LARGEST_AMOUNT {
        return Err(GoalRefusal::AmountTooLarge { field, value, most: LARGEST_AMOUNT });
    }
    Ok(value.round_dp(8).normalize())
}

/// What a person typed, under that person's key. Nothing typed is nothing.
pub(super) fn personal(
    field: &'static str,
    typed: Option<String>,
    by: UserId,
) -> Result<Option<Personal<String>>, GoalRefusal> {
    let Some(typed) = typed else { return Ok(None) };
    let typed = text::paragraph(field, &typed, 5_000)?;
    Ok((!typed.is_empty()).then(|| Personal::of(by, typed)))
}
