//! Forecasts that follow their metrics: made again as days pass, compared with what came, heard by goals.

use dyocense_commands::forecasting::{ForecastAnswer, ForecastRequest, Model};
use dyocense_commands::metrics::DefineMetric;
use dyocense_commands::policies;
use dyocense_domain::goals::{Aggregation, AimDraft, Cadence, GoalDraft, MeasureDraft, Objective};
use dyocense_domain::ids::{MetricId, RunId};
use dyocense_domain::metrics::{GoodDirection, MetricKind, Point};
use dyocense_domain::runs::RunKind;
use dyocense_domain::time_zone::TimeZoneName;
use dyocense_eventlog::{Direction, Position, RecordedEvent};
use dyocense_projections::Keyset;
use dyocense_projections::forecasting::{Insight, InsightKind, insights};
use dyocense_projections::goals::goal;
use dyocense_projections::notifications::{NotificationKind, notifications};
use dyocense_projections::runs::{Run, RunFilter, RunStatus, runs};
use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{House, Shop, eventually};

/// A house that works on runs, until dropped.
struct Works(CancellationToken);

impl Works {
    fn at(house: &House) -> Works {
        let stop = CancellationToken::new();
        tokio::spawn(house.commands.clone().run_analyses(1, stop.clone()));
        Works(stop)
    }
}

impl Drop for Works {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn zone() -> TimeZoneName {
    TimeZoneName::parse("America/New_York").unwrap()
}

fn point(day: Date, value: i64) -> Point {
    let noon = zone().start_of(day).unwrap() + jiff::SignedDuration::from_hours(12);
    Point { at: noon, value: value.into() }
}

/// About 100 a day, 30 more on Saturdays.
fn usual(day: Date) -> i64 {
    let wobble = i64::from(day.day_of_year()) * 37 % 11 - 5;
    100 + wobble + if day.weekday() == jiff::civil::Weekday::Saturday { 30 } else { 0 }
}

/// Visitors from the first of February up to and without `to`.
async fn visitors(house: &House, shop: &Shop, to: Date) -> MetricId {
    let define = DefineMetric {
        key: "visitors".to_owned(),
        name: "Visitors".to_owned(),
        unit: "visitors".to_owned(),
        kind: MetricKind::Flow,
        currency: None,
        time_zone: None,
        good_direction: GoodDirection::Up,
        description: String::new(),
    };
    let metric = house.commands.define_metric(&shop.caller(), define).await.unwrap().0;
    let days = date(2026, 2, 1).series(jiff::Span::new().days(1)).take_while(|day| *day < to);
    let points: Vec<Point> = days.map(|day| point(day, usual(day))).collect();
    house.commands.record_points(&shop.caller(), metric, &points).await.unwrap();
    metric
}

async fn ask(house: &House, shop: &Shop, metric_id: MetricId, horizon: usize) -> RunId {
    let (levels, model) = (vec![80.0, 95.0, 99.0], Model::Ets);
    let request = ForecastRequest { metric_id, horizon, levels, model, bucket: None, last: None };
    house.commands.request_run(&shop.caller(), RunKind::Forecast, json!(request), 1).await.unwrap().0
}

/// The runs about a metric, the oldest first, once there are `count` of them and all have ended.
async fn ended(house: &House, shop: &Shop, metric: MetricId, count: usize) -> Vec<Run> {
    eventually("the runs to end", || async {
        let all = listed(house, shop, metric).await;
        (all.len() >= count && all.iter().all(|run| run.status != RunStatus::Open)).then_some(all)
    })
    .await
}

async fn listed(house: &House, shop: &Shop, metric: MetricId) -> Vec<Run> {
    let mut snapshot = house.snapshot(shop.tenant).await;
    let filter = RunFilter { kind: None, status: None, metric: Some(metric) };
    runs(&mut snapshot, &filter, &Keyset::first(100)).await.unwrap().items
}

/// Lets the policies answer all that happened, and the timers that are due a minute later run.
async fn a_minute_later(house: &House, shop: &Shop, now: &str) {
    eventually("the policies to be done", || async { house.policies_are_done(shop.tenant).await.then_some(()) }).await;
    house.set_clock(now);
    house.commands.run_due_timers().await.unwrap();
    eventually("the policies to be done", || async { house.policies_are_done(shop.tenant).await.then_some(()) }).await;
}

async fn noticed(house: &House, shop: &Shop, metric: MetricId) -> Vec<Insight> {
    let mut snapshot = house.snapshot(shop.tenant).await;
    insights(&mut snapshot, metric, &Keyset::first(100)).await.unwrap().items
}

async fn history(house: &House, shop: &Shop) -> Vec<RecordedEvent> {
    house.commands.log().read_tenant(shop.tenant, Position::START, 10_000, Direction::Forward).await.unwrap()
}

fn kinds(runs: &[Run]) -> Vec<(RunKind, bool)> {
    runs.iter().map(|run| (run.kind, run.requested_by.is_some())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_is_over_is_forecast_again_and_looked_at_once() {
    let house = House::at("2026-06-01T12:00:00Z").await;
    let _works = Works::at(&house);
    let shop = house.shop("ada@example.com").await;
    let metric = visitors(&house, &shop, date(2026, 6, 1)).await;
    // Nobody follows it yet: the history that came is nobody's news.
    a_minute_later(&house, &shop, "2026-06-01T12:01:00Z").await;
    assert_eq!(listed(&house, &shop, metric).await, []);
    let asked = ask(&house, &shop, metric, 14).await;
    ended(&house, &shop, metric, 1).await;

    // A day goes on: half of its visitors have come, and nothing is said about that.
    house.commands.record_points(&shop.caller(), metric, &[point(date(2026, 6, 1), 40)]).await.unwrap();
    a_minute_later(&house, &shop, "2026-06-01T18:00:00Z").await;
    assert_eq!(kinds(&ended(&house, &shop, metric, 1).await), [(RunKind::Forecast, true)]);

    // It is over, after a crowd in the evening. No point came since: the clock alone has it looked at.
    house.commands.record_points(&shop.caller(), metric, &[point(date(2026, 6, 1), 400)]).await.unwrap();
    a_minute_later(&house, &shop, "2026-06-01T22:00:00Z").await;
    a_minute_later(&house, &shop, "2026-06-02T04:06:00Z").await;
    let all = ended(&house, &shop, metric, 3).await;
    let by_itself = [(RunKind::Forecast, true), (RunKind::Forecast, false), (RunKind::Watch, false)];
    assert_eq!(kinds(&all), by_itself, "{all:#?}");
    let again: ForecastAnswer = serde_json::from_value(all[1].completion.as_ref().unwrap().0.answer.clone()).unwrap();
    assert_eq!((again.history.last, again.starts[0], again.starts.len()), (date(2026, 6, 1), date(2026, 6, 2), 14));
    assert_eq!(again.bands.iter().map(|band| band.level).collect::<Vec<_>>(), [80.0, 95.0, 99.0]);

    // The day was odd and outside the forecast; nothing older is told.
    let told = eventually("the insights", || async {
        let told = noticed(&house, &shop, metric).await;
        (told.len() == 2).then_some(told)
    })
    .await;
    assert!(told.iter().all(|insight| insight.start == date(2026, 6, 1) && insight.value == 400.0), "{told:#?}");
    assert_eq!(told[0].kind, InsightKind::Spike);
    assert_eq!((told[1].kind, told[1].forecast_id), (InsightKind::ForecastBreach, Some(asked)));
    let mut snapshot = house.snapshot(shop.tenant).await;
    let alerts = notifications(&mut snapshot, None, Some(metric), &Keyset::first(50)).await.unwrap().items;
    drop(snapshot);
    // One step is one notification.
    assert_eq!(alerts.iter().map(|alert| alert.kind).collect::<Vec<_>>(), [NotificationKind::MetricAnomaly]);
    assert_eq!((alerts[0].title.as_str(), alerts[0].message.as_str()), ("Visitors", told[0].explanation.as_str()));

    // The same again, from every policy and for every event: nothing is done twice.
    let events = history(&house, &shop).await;
    for policy in policies::all() {
        let heard: Vec<&RecordedEvent> = events.iter().filter(|event| policy.hears(event)).collect();
        if !heard.is_empty() {
            policy.react(&house.commands, shop.tenant, &heard).await.unwrap();
        }
    }
    a_minute_later(&house, &shop, "2026-06-02T05:00:00Z").await;
    assert_eq!(ended(&house, &shop, metric, 3).await.len(), 3);
    assert_eq!(history(&house, &shop).await.len(), events.len());

    // It is counted again and was a few less: as odd as before, so nobody is told again, and forecasts know the new number.
    house.commands.record_points(&shop.caller(), metric, &[point(date(2026, 6, 1), 390)]).await.unwrap();
    a_minute_later(&house, &shop, "2026-06-02T05:05:00Z").await;
    let all = ended(&house, &shop, metric, 5).await;
    assert_eq!(kinds(&all)[3..], [(RunKind::Forecast, false), (RunKind::Watch, false)]);
    eventually("the correction", || async {
        noticed(&house, &shop, metric).await.iter().all(|insight| insight.value == 390.0).then_some(())
    })
    .await;
    eventually("the policies to be done", || async { house.policies_are_done(shop.tenant).await.then_some(()) }).await;
    let mut snapshot = house.snapshot(shop.tenant).await;
    let alerts = notifications(&mut snapshot, None, Some(metric), &Keyset::first(50)).await.unwrap().items;
    drop(snapshot);
    assert_eq!(alerts.iter().map(|alert| alert.kind).collect::<Vec<_>>(), [NotificationKind::MetricAnomaly]);

    // The crowd was a slip of the counter: what was told is taken back, once, and the forecast knows nothing of it any more.
    house.commands.record_points(&shop.caller(), metric, &[point(date(2026, 6, 1), 103)]).await.unwrap();
    a_minute_later(&house, &shop, "2026-06-02T05:10:00Z").await;
    let all = ended(&house, &shop, metric, 7).await;
    assert_eq!(kinds(&all)[5..], [(RunKind::Forecast, false), (RunKind::Watch, false)]);
    let answer = |run: &Run| -> ForecastAnswer {
        serde_json::from_value(run.completion.as_ref().unwrap().0.answer.clone()).unwrap()
    };
    assert_ne!(answer(&all[5]).mean, answer(&all[1]).mean, "the forecast rests on the slip still");
    eventually("the withdrawal", || async {
        let told = noticed(&house, &shop, metric).await;
        told.iter().all(|insight| insight.withdrawn_at.is_some()).then_some(())
    })
    .await;
    a_minute_later(&house, &shop, "2026-06-02T05:20:00Z").await;
    assert_eq!(ended(&house, &shop, metric, 7).await.len(), 7);

    // It was none: the number is put back, and what was told stands again.
    house.commands.record_points(&shop.caller(), metric, &[point(date(2026, 6, 1), 390)]).await.unwrap();
    a_minute_later(&house, &shop, "2026-06-02T05:30:00Z").await;
    assert_eq!(
        kinds(&ended(&house, &shop, metric, 9).await)[7..],
        [(RunKind::Forecast, false), (RunKind::Watch, false)]
    );
    eventually("what stands again", || async {
        let told = noticed(&house, &shop, metric).await;
        told.iter().all(|insight| insight.withdrawn_at.is_none() && insight.value == 390.0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_points_and_an_import_are_one_change() {
    let house = House::at("2026-06-01T12:00:00Z").await;
    let _works = Works::at(&house);
    let shop = house.shop("ada@example.com").await;
    let metric = visitors(&house, &shop, date(2026, 5, 20)).await;
    ask(&house, &shop, metric, 14).await;
    ended(&house, &shop, metric, 1).await;
    // Ten days, a command each, while an import of the business goes on.
    let queue = "insert into vault.import_queue (tenant_id, import_id) values ($1, $1)";
    sqlx::query(queue).bind(Uuid::from(shop.tenant)).execute(&house.pools.vault).await.unwrap();
    for day in date(2026, 5, 20).series(jiff::Span::new().days(1)).take(10) {
        house.commands.record_points(&shop.caller(), metric, &[point(day, usual(day))]).await.unwrap();
        a_minute_later(&house, &shop, "2026-06-01T12:01:00Z").await;
    }
    assert_eq!(listed(&house, &shop, metric).await.len(), 1, "an import is not over");
    sqlx::query("delete from vault.import_queue").execute(&house.pools.vault).await.unwrap();
    a_minute_later(&house, &shop, "2026-06-01T12:05:00Z").await;
    let all = ended(&house, &shop, metric, 3).await;
    assert_eq!(kinds(&all)[1..], [(RunKind::Forecast, false), (RunKind::Watch, false)]);
    // Ten usual days: none of them is news.
    assert_eq!(all[2].request.0["from"], "2026-05-20");
    eventually("the policies to be done", || async { house.policies_are_done(shop.tenant).await.then_some(()) }).await;
    assert_eq!(noticed(&house, &shop, metric).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_asks_for_goes_before_what_the_program_asked_for() {
    let house = House::at("2026-06-01T12:00:00Z").await;
    let shop = house.shop("ada@example.com").await;
    let metric = visitors(&house, &shop, date(2026, 5, 31)).await;
    ask(&house, &shop, metric, 14).await;
    {
        let _works = Works::at(&house);
        ended(&house, &shop, metric, 1).await;
    }
    house.commands.record_points(&shop.caller(), metric, &[point(date(2026, 5, 31), 100)]).await.unwrap();
    a_minute_later(&house, &shop, "2026-06-01T12:01:00Z").await;
    let waiting = listed(&house, &shop, metric).await;
    assert_eq!(waiting.iter().filter(|run| run.status == RunStatus::Open).count(), 2, "{waiting:#?}");
    let asked = ask(&house, &shop, metric, 7).await;
    let _works = Works::at(&house);
    ended(&house, &shop, metric, 4).await;
    let completed = history(&house, &shop).await;
    let completed: Vec<&str> = completed
        .iter()
        .filter(|event| event.event_type == "RunCompleted")
        .map(|event| event.stream.as_str())
        .collect();
    assert_eq!(completed[1], asked.stream());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_says_where_it_is_heading() {
    let house = House::at("2026-06-11T12:00:00Z").await;
    let _works = Works::at(&house);
    let shop = house.shop("ada@example.com").await;
    let metric = visitors(&house, &shop, date(2026, 6, 11)).await;
    let draft = GoalDraft {
        title: "3,000 visitors in June".to_owned(),
        description: None,
        owner: shop.owner,
        measure: MeasureDraft::Metric { metric_id: metric, aggregation: Aggregation::Total },
        aim: AimDraft::Up { baseline: None, target: 3_000.into() },
        objective: Objective::WinCustomers,
        relevance: None,
        start: Some(date(2026, 6, 1)),
        due: date(2026, 6, 30),
        cadence: Cadence::Weekly,
        time_zone: zone(),
    };
    let (id, _) = house.commands.create_goal(&shop.caller(), draft, vec![], None).await.unwrap();
    a_minute_later(&house, &shop, "2026-06-11T12:01:00Z").await;
    // Nobody asked for a forecast but the goal, as far as it is due.
    let runs = ended(&house, &shop, metric, 1).await;
    assert_eq!(kinds(&runs), [(RunKind::Forecast, false)]);
    assert_eq!(runs[0].request.0["horizon"], 20);
    let pace = eventually("the goal to hear of it", || async {
        let mut snapshot = house.snapshot(shop.tenant).await;
        let pace = goal(&mut snapshot, id).await.unwrap().unwrap().pace.unwrap().0;
        pace.forecast.is_some().then_some(pace)
    })
    .await;
    let forecast = pace.forecast.clone().unwrap();
    assert_eq!((forecast.run_id, forecast.known_until), (runs[0].run_id, date(2026, 6, 10)));
    // Thirty days of about 100, of which four are Saturdays.
    let value = forecast.value;
    assert!((value - Decimal::from(3_120)).abs() < Decimal::from(60), "{forecast:?}");
    assert!(forecast.lower < value && value < forecast.upper);
    assert!(forecast.probability.unwrap() > Decimal::new(9, 1), "{forecast:?}");
    assert!(
        pace.reason.contains("The forecast sees") && pace.reason.contains("the chance of meeting"),
        "{}",
        pace.reason
    );
    assert!(pace.reason.contains("by 30 June 2026"), "{}", pace.reason);

    // An odd day is a word in the goal's reason.
    house.commands.record_points(&shop.caller(), metric, &[point(date(2026, 6, 11), 10)]).await.unwrap();
    a_minute_later(&house, &shop, "2026-06-12T12:00:00Z").await;
    ended(&house, &shop, metric, 3).await;
    let heard = eventually("the goal to hear of the odd day", || async {
        let mut snapshot = house.snapshot(shop.tenant).await;
        let pace = goal(&mut snapshot, id).await.unwrap().unwrap().pace.unwrap().0;
        let both = pace.forecast.as_ref().is_some_and(|forecast| forecast.known_until == date(2026, 6, 11));
        (both && pace.reason.contains("Noticed on 11 June 2026: ")).then_some(pace)
    })
    .await;
    assert!(heard.forecast.unwrap().value < value);
}
