//! Days, months and years of a business are those of its own calendar: over changes of the clock, over leap days, and
//! with days on which it is closed.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan, Zoned};
use serde_json::{Value, json};

use super::super::client::Client;
use super::super::world;
use super::{FORECAST, record};

/// A metric whose days are those of `zone`.
async fn metric(client: &Client, key: &str, zone: &str) -> Value {
    let define =
        "mutation ($i: DefineMetricInput!) { defineMetric(input: $i) { metric { id } userErrors { message } } }";
    let input =
        json!({"key": key, "name": "Takings", "unit": "EUR", "kind": "FLOW", "goodDirection": "UP", "timeZone": zone});
    client.ok(define, json!({"i": input})).await["defineMetric"]["metric"]["id"].clone()
}

fn at(zone: &TimeZone, day: Date, hour: i8, minute: i8) -> Zoned {
    day.at(hour, minute, 0, 0).to_zoned(zone.clone()).expect("an instant")
}

fn point(at: &Zoned, value: f64) -> Value {
    json!({"at": at.timestamp().to_string(), "value": format!("{value:.2}")})
}

fn days(first: Date, count: i64) -> impl Iterator<Item = (i64, Date)> {
    (0..count).map(move |i| (i, first.checked_add(i.days()).expect("a day")))
}

/// The steps of a series: first day, value, points.
async fn steps(client: &Client, metric: &Value, bucket: &str) -> Vec<(String, f64, u64)> {
    let series = "query ($id: ID, $b: Bucket!) { metric(id: $id) { series(bucket: $b, maxPoints: 1000) {
        points { start value count } } } }";
    let shown = client.ok(series, json!({"id": metric, "b": bucket})).await;
    let points = shown["metric"]["series"]["points"].as_array().expect("points").clone();
    points
        .iter()
        .map(|point| {
            let value = point["value"].as_str().expect("a decimal").parse().expect("a number");
            (point["start"].as_str().expect("a day").to_owned(), value, point["count"].as_u64().expect("a count"))
        })
        .collect()
}

async fn forecast(client: &Client, metric: &Value, horizon: u32, more: Value) -> Value {
    let mut input = json!({"metricId": metric, "horizon": horizon, "waitSeconds": 20});
    for (field, value) in more.as_object().into_iter().flatten() {
        input[field] = value.clone();
    }
    let run = client.ok(FORECAST, json!({"i": input})).await["forecastMetric"]["run"].clone();
    assert_eq!(run["status"], "COMPLETED", "{run}");
    run
}

fn starts(run: &Value) -> Vec<String> {
    let points = run["forecast"]["points"].as_array().expect("points");
    points.iter().map(|point| point["start"].as_str().expect("a day").to_owned()).collect()
}

fn means(run: &Value) -> Vec<f64> {
    let points = run["forecast"]["points"].as_array().expect("points");
    points.iter().map(|point| point["mean"].as_f64().expect("a number")).collect()
}

fn caveats(run: &Value) -> Vec<String> {
    let caveats = run["caveats"].as_array().expect("caveats");
    caveats.iter().map(|caveat| caveat.as_str().expect("words").to_owned()).collect()
}

fn written(first: Date, count: i64) -> Vec<String> {
    days(first, count).map(|(_, day)| day.to_string()).collect()
}

#[tokio::test]
async fn a_day_is_a_day_of_the_zone_over_both_changes_of_the_clock() {
    let owner = world::owner().await;
    // Forward and back: an hour in Berlin and New York, half an hour on Lord Howe.
    for (zone, changes) in [
        ("Europe/Berlin", [date(2025, 3, 30), date(2025, 10, 26)]),
        ("America/New_York", [date(2025, 3, 9), date(2025, 11, 2)]),
        ("Australia/Lord_Howe", [date(2025, 4, 6), date(2025, 10, 5)]),
    ] {
        let tz = TimeZone::get(zone).expect("a zone");
        for (i, change) in changes.into_iter().enumerate() {
            let key = format!("{}_{i}", zone.to_lowercase().replace('/', "_"));
            let id = metric(&owner, &key, zone).await;
            // From a minute after midnight to a minute before it: nothing strays into the day before or after.
            let first = change.checked_sub(40.days()).expect("a day");
            let value = |i: i64| 100.0 + if i % 7 == 5 { 20.0 } else { 0.0 } + (i * 37 % 11) as f64 / 10.0;
            let points: Vec<Value> = days(first, 44)
                .flat_map(|(i, day)| [point(&at(&tz, day, 0, 1), value(i)), point(&at(&tz, day, 23, 59), 1.0)])
                .collect();
            record(&owner, &id, points).await;
            let shown = steps(&owner, &id, "DAY").await;
            assert_eq!(shown.iter().map(|step| step.0.clone()).collect::<Vec<_>>(), written(first, 44), "{zone}");
            assert!(
                shown.iter().zip(0..).all(|(step, i)| step.2 == 2 && (step.1 - value(i) - 1.0).abs() < 1e-9),
                "{zone}: {shown:?}"
            );
            let run = forecast(&owner, &id, 5, json!({"model": "ETS"})).await;
            assert_eq!(run["forecast"]["history"]["steps"], 44, "{zone}");
            let next = first.checked_add(44.days()).expect("a day");
            assert_eq!(starts(&run), written(next, 5), "{zone}");
            assert_eq!(run["caveats"], json!([]), "{zone}");

            // What is known to the day before the change foresees the days of it.
            let id = metric(&owner, &format!("{key}_before"), zone).await;
            let before = change.checked_sub(3.days()).expect("a day");
            let points = days(before.checked_sub(40.days()).expect("a day"), 41);
            record(&owner, &id, points.map(|(i, day)| point(&at(&tz, day, 12, 0), value(i))).collect()).await;
            let run = forecast(&owner, &id, 5, json!({"model": "ETS"})).await;
            assert_eq!(starts(&run), written(before.tomorrow().expect("a day"), 5), "{zone}");
        }
    }
}

#[tokio::test]
async fn a_day_of_23_or_25_hours_holds_them_all() {
    let owner = world::owner().await;
    for (zone, short, long) in [
        ("Europe/Berlin", (date(2025, 3, 30), 23), (date(2025, 10, 26), 25)),
        ("America/New_York", (date(2025, 3, 9), 23), (date(2025, 11, 2), 25)),
        // Half an hour more or less: the readings on the half hour are 47 and 49.
        ("Australia/Lord_Howe", (date(2025, 10, 5), 47), (date(2025, 4, 6), 49)),
    ] {
        let tz = TimeZone::get(zone).expect("a zone");
        let (step, usual) = match zone {
            "Australia/Lord_Howe" => (SignedDuration::from_mins(30), 48),
            _ => (SignedDuration::from_hours(1), 24),
        };
        for (change, count) in [short, long] {
            let id = metric(&owner, &format!("{}_{count}", zone.to_lowercase().replace('/', "_")), zone).await;
            let first = change.checked_sub(10.days()).expect("a day");
            let begin = at(&tz, first, 0, 0).timestamp();
            let end = at(&tz, change.checked_add(3.days()).expect("a day"), 0, 0).timestamp();
            let instants = std::iter::successors(Some(begin), |at| Some(*at + step)).take_while(|at| *at < end);
            let points: Vec<Value> = instants.map(|at| json!({"at": at.to_string(), "value": "2"})).collect();
            record(&owner, &id, points).await;
            let shown = steps(&owner, &id, "DAY").await;
            assert_eq!(shown.iter().map(|step| step.0.clone()).collect::<Vec<_>>(), written(first, 13), "{zone}");
            for (day, value, points) in &shown {
                let held = if *day == change.to_string() { count } else { usual };
                assert_eq!((*points, *value), (held, 2.0 * held as f64), "{zone} {day}");
            }
        }
    }
}

#[tokio::test]
async fn a_leap_day_is_a_day_of_its_month_and_year() {
    let owner = world::owner().await;
    let berlin = TimeZone::get("Europe/Berlin").expect("a zone");
    let id = metric(&owner, "leap", "Europe/Berlin").await;
    let first = date(2023, 1, 1);
    let points = |until: Date| -> Vec<Value> {
        let count = i64::from((until - first).get_days()) + 1;
        days(first, count).map(|(i, day)| point(&at(&berlin, day, 12, 0), 10.0 + (i % 3) as f64)).collect()
    };
    record(&owner, &id, points(date(2024, 2, 27))).await;
    let run = forecast(&owner, &id, 4, json!({"model": "ETS"})).await;
    assert_eq!(starts(&run), ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"]);
    record(&owner, &id, points(date(2024, 3, 31))).await;
    let days = steps(&owner, &id, "DAY").await;
    assert_eq!(days.iter().filter(|day| day.0 == "2024-02-29").count(), 1);
    let months = steps(&owner, &id, "MONTH").await;
    let points = |month: &str| months.iter().find(|of| of.0 == month).map(|of| of.2);
    assert_eq!((points("2023-02-01"), points("2024-02-01")), (Some(28), Some(29)));
    let run = forecast(&owner, &id, 13, json!({"bucket": "MONTH", "model": "ETS"})).await;
    assert_eq!(run["forecast"]["history"]["steps"], 15);
    assert_eq!((&starts(&run)[0], &starts(&run)[12]), (&"2024-04-01".to_owned(), &"2025-04-01".to_owned()));
}

/// Takings of a shop with a busy Friday, which is closed where `closed` says so.
fn takings(first: Date, count: i64, closed: impl Fn(Date) -> bool) -> Vec<(Date, f64)> {
    let of = |(i, day): (i64, Date)| {
        let friday = if day.weekday() == jiff::civil::Weekday::Friday { 40.0 } else { 0.0 };
        (day, 100.0 + friday + (i * 37 % 11) as f64)
    };
    days(first, count).filter(|(_, day)| !closed(*day)).map(of).collect()
}

fn is_weekend(day: Date) -> bool {
    day.weekday().to_monday_zero_offset() >= 5
}

async fn recorded(owner: &Client, key: &str, values: &[(Date, f64)]) -> Value {
    let berlin = TimeZone::get("Europe/Berlin").expect("a zone");
    let id = metric(owner, key, "Europe/Berlin").await;
    record(owner, &id, values.iter().map(|(day, value)| point(&at(&berlin, *day, 18, 0), *value)).collect()).await;
    id
}

#[tokio::test]
async fn a_shop_that_is_closed_at_weekends_takes_nothing_then_and_that_is_said() {
    let owner = world::owner().await;
    // Sixteen weeks from a Monday to a Friday; the next day is a Saturday.
    let open = takings(date(2025, 6, 2), 110, is_weekend);
    assert_eq!((open.len(), open[79].0), (80, date(2025, 9, 19)));
    let silent = recorded(&owner, "silent", &open).await;
    // The same with a zero on every closed day.
    let all = takings(date(2025, 6, 2), 110, |_| false);
    let zeros: Vec<(Date, f64)> = all.iter().map(|(day, v)| (*day, if is_weekend(*day) { 0.0 } else { *v })).collect();
    let zeros = recorded(&owner, "zeros", &zeros).await;
    assert_eq!(steps(&owner, &silent, "DAY").await.len(), 80);
    let mut answers = Vec::new();
    for id in [&silent, &zeros] {
        let run = forecast(&owner, id, 14, json!({})).await;
        assert_eq!(starts(&run), written(date(2025, 9, 20), 14));
        let points = run["forecast"]["points"].as_array().expect("points");
        for (point, (_, day)) in points.iter().zip(days(date(2025, 9, 20), 14)) {
            let number = |value: &Value| value.as_f64().expect("a number");
            let (mean, upper) = (number(&point["mean"]), number(&point["intervals"][1]["upper"]));
            match is_weekend(day) {
                true => assert_eq!((mean, upper), (0.0, 0.0), "{day}"),
                false => assert!((90.0..160.0).contains(&mean) && upper > mean, "{day}: {point}"),
            }
        }
        let total = run["forecast"]["total"]["mean"].as_f64().expect("a number");
        let usual = 10.0 * 105.0 + 2.0 * 40.0;
        assert!((total - usual).abs() < 0.08 * usual, "{total}, {usual} is usual");
        let (lower, upper) = (&run["forecast"]["total"]["lower"], &run["forecast"]["total"]["upper"]);
        assert!(lower.as_f64() < Some(total) && Some(total) < upper.as_f64(), "{run}");
        assert_eq!(caveats(&run), ["Takings is closed on Saturdays and Sundays: 0 is forecast for them"]);
        answers.push(run["forecast"]["points"].clone());
    }
    assert_eq!(answers[0], answers[1], "whether closed days are zeros or have no points makes no difference");

    let backtest = "mutation ($i: BacktestInput!) { backtest(input: $i) { run { status caveats
        backtest { mase smape coverage { level covered } origins { start points { mean actual } } } } userErrors { message } } }";
    let input = json!({"metricId": silent, "horizon": 7, "origins": 3, "waitSeconds": 20});
    let run = owner.ok(backtest, json!({"i": input})).await["backtest"]["run"].clone();
    assert_eq!(run["status"], "COMPLETED", "{run}");
    for origin in run["backtest"]["origins"].as_array().expect("origins") {
        let points = origin["points"].as_array().expect("points");
        let closed = points.iter().filter(|point| point["mean"] == 0.0 && point["actual"] == 0.0).count();
        assert_eq!(closed, 2, "{origin}");
    }
    assert!(run["backtest"]["mase"].as_f64() < Some(1.0), "{run}");
    assert_eq!(run["caveats"].as_array().map(Vec::len), Some(1), "{run}");
}

#[tokio::test]
async fn public_holidays_on_which_a_shop_is_closed_are_foreseen_once_they_are_on_record() {
    let owner = world::owner().await;
    let holidays = [
        date(2025, 1, 1),
        date(2025, 4, 18),
        date(2025, 4, 21),
        date(2025, 5, 1),
        date(2025, 5, 29),
        date(2025, 6, 9),
        date(2025, 10, 3),
        date(2025, 12, 25),
        date(2025, 12, 26),
    ];
    let closed = |day: Date| is_weekend(day) || holidays.contains(&day);
    let id = recorded(&owner, "holidays", &takings(date(2024, 12, 2), 301, closed)).await;
    // Until the holidays are on record they are gaps, and Friday, 3 October, a day as any other.
    let run = forecast(&owner, &id, 7, json!({})).await;
    assert_eq!(starts(&run)[0], "2025-09-27", "{run}");
    assert!(
        caveats(&run).iter().any(|caveat| caveat == "6 days without a value were filled in"),
        "{:?}",
        caveats(&run)
    );
    let day = starts(&run).iter().position(|start| start == "2025-10-03").expect("the day");
    assert!(means(&run)[day] > 90.0, "{run}");
    let holidays = "mutation { recordHolidays(input: {country: DE, firstYear: 2025, lastYear: 2025}) {
        occasions { name } userErrors { message } } }";
    let known = owner.ok(holidays, json!({})).await;
    assert!(known["recordHolidays"]["occasions"].as_array().is_some_and(|known| known.len() >= 9), "{known}");
    let run = forecast(&owner, &id, 7, json!({})).await;
    assert_eq!(means(&run)[day], 0.0, "{run}");
    let said = caveats(&run);
    assert!(
        said.contains(
            &"Takings does not trade on public holidays and closures: 0 is forecast for 1 of them".to_owned()
        ),
        "{said:?}"
    );
    assert!(!said.iter().any(|caveat| caveat.contains("filled in")), "{said:?}");
}

#[tokio::test]
async fn totals_that_are_recorded_once_a_month_are_months_and_no_days() {
    let owner = world::owner().await;
    let berlin = TimeZone::get("Europe/Berlin").expect("a zone");
    let id = metric(&owner, "monthly", "Europe/Berlin").await;
    let month = |i: i64| date(2022, 1, 1).checked_add(i.months()).expect("a month");
    let value = |i: i64| 1_000.0 + 100.0 * (i % 12) as f64 + (i * 37 % 11) as f64;
    let points = (0..36).map(|i| point(&at(&berlin, month(i), 0, 0), value(i)));
    record(&owner, &id, points.collect()).await;
    // December 2024 is known, though its one point is of its first day.
    let run = forecast(&owner, &id, 12, json!({"bucket": "MONTH"})).await;
    assert_eq!((&starts(&run)[0], &run["forecast"]["history"]["steps"]), (&"2025-01-01".to_owned(), &json!(36)));
    for (i, mean) in means(&run).into_iter().enumerate() {
        assert!((mean - value(i as i64)).abs() < 60.0, "{i}: {mean}");
    }
    // In days there is little to see, and a reader is told.
    let run = forecast(&owner, &id, 7, json!({})).await;
    assert!(caveats(&run)[0].starts_with("Takings has values on 36 of 1066 days"), "{:?}", caveats(&run));
}

#[tokio::test]
async fn a_month_counts_once_it_is_whole() {
    let owner = world::owner().await;
    // Opened on 20 January, closed at weekends; the last point is of Friday, 29 August 2025.
    let id = recorded(&owner, "whole_months", &takings(date(2025, 1, 20), 222, is_weekend)).await;
    let run = forecast(&owner, &id, 3, json!({"bucket": "MONTH"})).await;
    assert_eq!((&starts(&run)[0], &run["forecast"]["history"]["steps"]), (&"2025-09-01".to_owned(), &json!(7)));
}

#[tokio::test]
async fn today_counts_once_it_is_over() {
    let owner = world::owner().await;
    let today = jiff::Timestamp::now().to_zoned(TimeZone::get("Europe/Berlin").expect("a zone")).date();
    let first = today.checked_sub(60.days()).expect("a day");
    let mut values = takings(first, 61, |_| false);
    values[60].1 = 3.0;
    let id = recorded(&owner, "so_far", &values).await;
    let run = forecast(&owner, &id, 3, json!({})).await;
    assert_eq!(starts(&run), written(today, 3));
    assert!(means(&run).iter().all(|mean| *mean > 80.0), "{run}");
}

/// A shop whose Saturdays bring double: its months are foreseen with their days, and that is said.
#[tokio::test]
async fn a_month_counts_its_saturdays() {
    let owner = world::owner().await;
    let id = metric(&owner, "saturdays", "Europe/Berlin").await;
    let tz = TimeZone::get("Europe/Berlin").expect("a zone");
    let brings = |i: i64, day: Date| {
        let saturday = if day.weekday() == jiff::civil::Weekday::Saturday { 200.0 } else { 100.0 };
        saturday + (i * 37 % 11) as f64 / 2.0
    };
    let (first, count) = (date(2019, 1, 1), 2_192);
    for chunk in days(first, count).collect::<Vec<_>>().chunks(1_000) {
        record(&owner, &id, chunk.iter().map(|(i, day)| point(&at(&tz, *day, 12, 0), brings(*i, *day))).collect())
            .await;
    }
    let query = FORECAST.replace("forecast { unit", "forecast { tradingDays { effect explanation } unit");
    let input = json!({"metricId": id, "horizon": 6, "bucket": "MONTH", "waitSeconds": 20});
    let run = owner.ok(&query, json!({"i": input})).await["forecastMetric"]["run"].clone();
    assert_eq!(run["status"], "COMPLETED", "{run}");
    let found = &run["forecast"]["tradingDays"];
    let said = found["explanation"].as_str().unwrap_or_else(|| panic!("{run}"));
    assert!(said.contains("Saturdays bring 1.7 times a usual day"), "{said}");
    assert!(caveats(&run).iter().any(|caveat| caveat == said), "{run}");
    assert_eq!(found["effect"].as_array().map(Vec::len), Some(6));
    // January to June 2025, as the days are counted: what differs from day to day is 2.5 in the mean, as on day 4.
    for (start, mean) in starts(&run).iter().zip(means(&run)) {
        let start: Date = start.parse().expect("a day");
        let truth: f64 = days(start, i64::from(start.days_in_month())).map(|(_, day)| brings(4, day)).sum();
        assert!((mean / truth - 1.0).abs() < 0.015, "{start}: {mean}, in truth {truth}");
    }
}
