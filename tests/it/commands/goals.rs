use dyocense_commands::metrics::DefineMetric;
use dyocense_domain::goals::{Aggregation, AimDraft, Cadence, GoalDraft, GoalStatus, MeasureDraft, Objective};
use dyocense_domain::ids::{GoalId, MetricId};
use dyocense_domain::metrics::{GoodDirection, MetricKind, Point};
use dyocense_domain::time_zone::TimeZoneName;
use dyocense_projections::Keyset;
use dyocense_projections::goals::{Goal, Lifecycle, goal};
use dyocense_projections::notifications::{NotificationKind, notifications};
use jiff::civil::{Date, date};
use rust_decimal::Decimal;

use super::{House, Shop, eventually};

fn zone() -> TimeZoneName {
    TimeZoneName::parse("America/New_York").unwrap()
}

fn noon(day: Date) -> jiff::Timestamp {
    zone().start_of(day).unwrap() + jiff::SignedDuration::from_hours(12)
}

async fn signups(house: &House, shop: &Shop) -> MetricId {
    let define = DefineMetric {
        key: "signups".to_owned(),
        name: "Sign-ups".to_owned(),
        unit: "people".to_owned(),
        kind: MetricKind::Flow,
        currency: None,
        time_zone: None,
        good_direction: GoodDirection::Up,
        description: String::new(),
    };
    house.commands.define_metric(&shop.caller(), define).await.unwrap().0
}

/// Records `value` on each day from `from` up to and without `to`.
async fn record(house: &House, shop: &Shop, metric: MetricId, from: Date, to: Date, value: i64) {
    let points: Vec<Point> = from
        .series(jiff::Span::new().days(1))
        .take_while(|day| *day < to)
        .map(|day| Point { at: noon(day), value: value.into() })
        .collect();
    house.commands.record_points(&shop.caller(), metric, &points).await.unwrap();
}

async fn seen(house: &House, shop: &Shop, id: GoalId, is_so: impl Fn(&Goal) -> bool) -> Goal {
    eventually("the goal to follow", || async {
        let mut snapshot = house.snapshot(shop.tenant).await;
        goal(&mut snapshot, id).await.unwrap().filter(&is_so)
    })
    .await
}

/// 300 sign-ups in March.
fn march(shop: &Shop, metric: MetricId) -> GoalDraft {
    GoalDraft {
        title: "300 sign-ups in March".to_owned(),
        description: None,
        owner: shop.owner,
        measure: MeasureDraft::Metric { metric_id: metric, aggregation: Aggregation::Total },
        aim: AimDraft::Up { baseline: None, target: 300.into() },
        objective: Objective::WinCustomers,
        relevance: None,
        start: Some(date(2026, 3, 1)),
        due: date(2026, 3, 31),
        cadence: Cadence::Weekly,
        time_zone: zone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_follows_its_metric_alerts_once_and_is_evaluated_when_due() {
    let house = House::at("2026-03-01T17:00:00Z").await;
    let shop = house.shop("ada@example.com").await;
    let metric = signups(&house, &shop).await;
    record(&house, &shop, metric, date(2025, 11, 1), date(2026, 3, 1), 10).await;
    let (id, _) = house.commands.create_goal(&shop.caller(), march(&shop, metric), vec![], None).await.unwrap();

    // Ten days without a single sign-up.
    house.set_clock("2026-03-11T17:00:00Z");
    record(&house, &shop, metric, date(2026, 3, 1), date(2026, 3, 11), 0).await;
    let behind = seen(&house, &shop, id, |goal| matches!(goal.status, GoalStatus::AtRisk | GoalStatus::Behind)).await;
    assert!(behind.pace.unwrap().0.reason.contains("people"));

    // The rest of the month makes up for it.
    house.set_clock("2026-03-31T17:00:00Z");
    record(&house, &shop, metric, date(2026, 3, 11), date(2026, 3, 31), 16).await;
    let achieved = seen(&house, &shop, id, |goal| goal.status == GoalStatus::Achieved).await;
    assert_eq!(achieved.pace.unwrap().0.actual, Some(Decimal::from(320)));

    // The day after the due date looks back, by the clock alone.
    house.set_clock("2026-04-02T12:00:00Z");
    eventually("the goal's timer", || async { (house.commands.run_due_timers().await.unwrap() > 0).then_some(()) })
        .await;
    let ended = seen(&house, &shop, id, |goal| goal.lifecycle == Lifecycle::Evaluated).await;
    assert!(ended.insight.unwrap().0.summary.contains("320"));

    let mut snapshot = house.snapshot(shop.tenant).await;
    let told = notifications(&mut snapshot, Some(id), None, &Keyset::first(50)).await.unwrap().items;
    let count = |kind| told.iter().filter(|notification| notification.kind == kind).count();
    assert_eq!(count(NotificationKind::GoalAchieved), 1, "{told:#?}");
    assert_eq!(count(NotificationKind::GoalEvaluated), 1);
    assert!(count(NotificationKind::GoalBehind) <= 1 && count(NotificationKind::GoalAtRisk) <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn points_that_come_after_the_evaluation_evaluate_again_if_they_belong_to_the_goal() {
    let house = House::at("2026-03-01T17:00:00Z").await;
    let shop = house.shop("ada@example.com").await;
    let metric = signups(&house, &shop).await;
    record(&house, &shop, metric, date(2025, 11, 1), date(2026, 3, 1), 10).await;
    let (id, _) = house.commands.create_goal(&shop.caller(), march(&shop, metric), vec![], None).await.unwrap();
    // What the creation is answered with is answered in March.
    eventually("the policies to be done", || async { house.policies_are_done(shop.tenant).await.then_some(()) }).await;
    house.set_clock("2026-04-02T12:00:00Z");
    record(&house, &shop, metric, date(2026, 3, 1), date(2026, 4, 1), 9).await;
    let missed = seen(&house, &shop, id, |goal| goal.lifecycle == Lifecycle::Evaluated).await;
    assert_eq!((missed.status, missed.pace.unwrap().0.actual), (GoalStatus::Missed, Some(Decimal::from(279))));

    // A day that was counted wrong, told two days after the end, is enough to have made it.
    record(&house, &shop, metric, date(2026, 3, 20), date(2026, 3, 21), 40).await;
    let achieved = seen(&house, &shop, id, |goal| goal.status == GoalStatus::Achieved).await;
    assert_eq!(achieved.pace.unwrap().0.actual, Some(Decimal::from(310)));
    assert_eq!(achieved.lifecycle, Lifecycle::Evaluated);

    // What belongs to April is none of its business.
    let evaluated_at = achieved.position;
    record(&house, &shop, metric, date(2026, 4, 1), date(2026, 4, 2), 500).await;
    eventually("the policies to be done", || async { house.policies_are_done(shop.tenant).await.then_some(()) }).await;
    let after = seen(&house, &shop, id, |_| true).await;
    assert_eq!((after.position, after.status), (evaluated_at, GoalStatus::Achieved));
}

/// A year that ends on a leap day, one that begins on it, and the month that it belongs to: each counts it once.
#[tokio::test(flavor = "multi_thread")]
async fn a_leap_day_is_a_day_of_the_year_the_month_and_the_goal() {
    let house = House::at("2027-03-01T17:00:00Z").await;
    let shop = house.shop("ada@example.com").await;
    let metric = signups(&house, &shop).await;
    record(&house, &shop, metric, date(2026, 11, 1), date(2027, 3, 1), 10).await;
    let yearly = |start: Date, due: Date, aggregation: Aggregation, target: i64| GoalDraft {
        title: format!("{target} by {due}"),
        measure: MeasureDraft::Metric { metric_id: metric, aggregation },
        aim: AimDraft::Up { baseline: None, target: target.into() },
        start: Some(start),
        due,
        cadence: Cadence::Monthly,
        ..march(&shop, metric)
    };
    let (leap_day, ten_a_day) = (date(2028, 2, 29), 3_660);
    let create = async |draft: GoalDraft| {
        let said = Some("We know.".to_owned());
        house.commands.create_goal(&shop.caller(), draft, vec![], said).await.unwrap().0
    };
    let until = create(yearly(date(2027, 3, 1), leap_day, Aggregation::Total, ten_a_day)).await;
    let month = create(yearly(date(2027, 3, 1), leap_day, Aggregation::PeriodTotal, 291)).await;

    // Half a year later it is as far as 184 of 366 days should be.
    house.set_clock("2027-09-01T17:00:00Z");
    record(&house, &shop, metric, date(2027, 3, 1), date(2027, 9, 1), 10).await;
    let half = seen(&house, &shop, until, |goal| {
        goal.pace.as_ref().is_some_and(|pace| pace.0.expected == Some(Decimal::from(1_840)))
    })
    .await;
    assert_eq!(half.status, GoalStatus::OnTrack, "{half:#?}");

    // On the leap day itself the year is not over: ten are missing.
    house.set_clock("2028-02-29T17:00:00Z");
    record(&house, &shop, metric, date(2027, 9, 1), date(2028, 2, 29), 10).await;
    let eve = seen(&house, &shop, until, |goal| {
        goal.pace.as_ref().is_some_and(|pace| pace.0.actual == Some(Decimal::from(3_650)))
    })
    .await;
    assert_eq!((eve.lifecycle, eve.status), (Lifecycle::Active, GoalStatus::OnTrack), "{eve:#?}");
    let from = create(yearly(leap_day, date(2029, 2, 28), Aggregation::Total, ten_a_day)).await;

    // The leap day brings them; the month of the leap day has 29 days, of which one brought eleven.
    house.set_clock("2028-03-02T12:00:00Z");
    record(&house, &shop, metric, leap_day, date(2028, 3, 1), 11).await;
    for id in [until, month] {
        let ended = eventually("the goal's timer", || async {
            house.commands.run_due_timers().await.unwrap();
            let mut snapshot = house.snapshot(shop.tenant).await;
            goal(&mut snapshot, id).await.unwrap().filter(|goal| goal.lifecycle == Lifecycle::Evaluated)
        })
        .await;
        assert_eq!(ended.status, GoalStatus::Achieved, "{ended:#?}");
        let reached = if id == until { 3_661 } else { 291 };
        assert_eq!(ended.pace.unwrap().0.actual, Some(Decimal::from(reached)));
    }

    // A year from the leap day ends on the last of February.
    house.set_clock("2029-03-02T12:00:00Z");
    record(&house, &shop, metric, date(2028, 3, 1), date(2029, 3, 1), 10).await;
    let ended = eventually("the goal's timer", || async {
        house.commands.run_due_timers().await.unwrap();
        let mut snapshot = house.snapshot(shop.tenant).await;
        goal(&mut snapshot, from).await.unwrap().filter(|goal| goal.lifecycle == Lifecycle::Evaluated)
    })
    .await;
    assert_eq!((ended.status, ended.pace.unwrap().0.actual), (GoalStatus::Achieved, Some(Decimal::from(3_661))));
}
