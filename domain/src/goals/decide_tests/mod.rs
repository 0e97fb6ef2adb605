//! Deciding about goals, by subject.

use jiff::civil::date;
use uuid::Uuid;

use super::super::draft::{AimDraft, MeasureDraft};
use super::*;
use crate::Personal;
use crate::event::DomainEvent;
use crate::metrics::MetricKind;
use crate::time_zone::TimeZoneName;

mod ending;
mod laws;
mod measures;
mod progress;
mod revising;
mod setting;

fn id<T: From<Uuid>>(n: u128) -> T {
    T::from(Uuid::from_u128(n))
}

fn by() -> UserId {
    id(1)
}

fn num(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Noon in Berlin.
fn noon(day: Date) -> Timestamp {
    day.at(11, 0, 0, 0).in_tz("UTC").unwrap().timestamp()
}

fn metric(kind: MetricKind, history: History) -> MeasuredMetric {
    MeasuredMetric {
        metric_id: id(5),
        kind,
        unit: "orders".into(),
        archived: false,
        history,
        outlook: Outlook::default(),
    }
}

fn flow(days: impl IntoIterator<Item = (Date, i64)>) -> MeasuredMetric {
    metric(MetricKind::Flow, days.into_iter().map(|(day, value)| (day, Decimal::from(value))).collect())
}

fn steady(from: Date, to: Date, a_day: i64) -> Vec<(Date, i64)> {
    (0..=days_between(from, to)).map(|i| (plus_days(from, i), a_day)).collect()
}

fn draft(aggregation: Aggregation, aim: AimDraft, start: Date, due: Date) -> GoalDraft {
    GoalDraft {
        title: "Sell more".into(),
        description: Some("As much as we can.".into()),
        owner: id(2),
        measure: MeasureDraft::Metric { metric_id: id(5), aggregation },
        aim,
        objective: Objective::GrowRevenue,
        relevance: None,
        start: Some(start),
        due,
        cadence: Cadence::Weekly,
        time_zone: TimeZoneName::parse("Europe/Berlin").unwrap(),
    }
}

fn manual(aim: AimDraft, start: Date, due: Date) -> GoalDraft {
    let measure = MeasureDraft::Manual { unit: "calls".into() };
    GoalDraft { measure, ..draft(Aggregation::Latest, aim, start, due) }
}

fn up(target: i64) -> AimDraft {
    AimDraft::Up { baseline: None, target: Decimal::from(target) }
}

fn create(draft: GoalDraft) -> GoalCommand {
    let (goal_id, acknowledge) = (id(9), None);
    GoalCommand::Create { goal_id, draft: Box::new(draft), milestones: vec![], acknowledge, by: by() }
}

fn then(goal: Goal, command: GoalCommand, metric: Option<&MeasuredMetric>, today: Date) -> (Goal, Vec<GoalEvent>) {
    let events = decide(&goal, command, metric, noon(today)).unwrap();
    (events.iter().fold(goal, Goal::evolve), events)
}

fn refused(goal: &Goal, command: GoalCommand, metric: Option<&MeasuredMetric>, today: Date) -> GoalRefusal {
    decide(goal, command, metric, noon(today)).unwrap_err()
}

fn names(events: &[GoalEvent]) -> Vec<&'static str> {
    events.iter().map(|event| event.event_type().name).collect()
}

const START: Date = date(2026, 3, 2);
const DUE: Date = date(2026, 4, 10);

/// 40 days, 10 orders a day usual; the goal asks for `target` in total.
fn total_goal(target: i64) -> Goal {
    let metric = flow(steady(date(2025, 12, 1), date(2026, 3, 1), 10));
    then(Goal::default(), create(draft(Aggregation::Total, up(target), START, DUE)), Some(&metric), START).0
}

fn with_sales(until: Date, a_day: i64) -> MeasuredMetric {
    flow(steady(date(2025, 12, 1), date(2026, 3, 1), 10).into_iter().chain(steady(START, until, a_day)))
}
