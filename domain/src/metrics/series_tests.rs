use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn num(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn points(list: &[(&str, &str)]) -> Vec<(Timestamp, Decimal)> {
    list.iter().map(|(time, value)| (at(time), num(value))).collect()
}

fn request(bucket: Bucket, statistic: Statistic) -> SeriesRequest {
    let time_zone = TimeZoneName::parse("Europe/Berlin").unwrap();
    SeriesRequest { bucket, statistic, from: None, to: None, time_zone, most_points: 1_000 }
}

fn values(series: &Series) -> Vec<(String, Option<String>)> {
    let text = |value: &Decimal| value.to_string();
    series.points.iter().map(|point| (point.start.to_string(), point.value.as_ref().map(text))).collect()
}

fn pair(day: &str, value: &str) -> (String, Option<String>) {
    (day.to_owned(), Some(value.to_owned()))
}

#[test]
fn a_point_belongs_to_the_day_on_the_wall_of_its_zone() {
    let late = points(&[("2026-01-31T22:30:00Z", "1"), ("2026-01-31T23:30:00Z", "2")]);
    let series = series(&late, &request(Bucket::Month, Statistic::Sum)).unwrap();
    assert_eq!(values(&series), [pair("2026-01-31", "1"), pair("2026-02-01", "2")]);
    assert_eq!((series.points[0].start, series.points[0].end), (date(2026, 1, 31), date(2026, 1, 31)));
}

#[test]
fn days_of_23_and_25_hours_hold_all_their_points() {
    // One point an hour; Berlin skips an hour on 29 March 2026 and repeats one on 25 October 2026.
    let hourly = |from: &str, hours: i64| -> Vec<(Timestamp, Decimal)> {
        (0..hours).map(|h| (at(from).saturating_add(h.hours()).unwrap(), Decimal::ONE)).collect()
    };
    let spring = series(&hourly("2026-03-27T23:00:00Z", 71), &request(Bucket::Day, Statistic::Sum)).unwrap();
    assert_eq!(values(&spring), [pair("2026-03-28", "24"), pair("2026-03-29", "23"), pair("2026-03-30", "24")]);
    let autumn = series(&hourly("2026-10-23T22:00:00Z", 73), &request(Bucket::Day, Statistic::Sum)).unwrap();
    assert_eq!(values(&autumn), [pair("2026-10-24", "24"), pair("2026-10-25", "25"), pair("2026-10-26", "24")]);
}

#[test]
fn a_leap_day_is_a_day_of_its_month_and_quarter() {
    let leap = points(&[("2024-02-29T12:00:00Z", "1"), ("2024-03-01T12:00:00Z", "2"), ("2024-04-01T12:00:00Z", "4")]);
    let days = series(&leap[..2], &request(Bucket::Day, Statistic::Sum)).unwrap();
    assert_eq!(values(&days), [pair("2024-02-29", "1"), pair("2024-03-01", "2")]);
    let quarters = series(&leap, &request(Bucket::Quarter, Statistic::Sum)).unwrap();
    assert_eq!(values(&quarters), [pair("2024-02-29", "3"), pair("2024-04-01", "4")]);
}

#[test]
fn weeks_begin_on_monday_also_over_the_new_year() {
    assert_eq!(Bucket::Week.start_of(date(2027, 1, 1)), date(2026, 12, 28));
    assert_eq!(Bucket::Week.start_of(date(2026, 12, 28)), date(2026, 12, 28));
    assert_eq!(Bucket::Week.count(date(2026, 12, 27), date(2027, 1, 4)), 3);
}

#[test]
fn every_statistic_says_what_it_says() {
    let level = points(&[("2026-05-04T10:00:00Z", "3"), ("2026-05-05T10:00:00Z", "10"), ("2026-05-06T10:00:00Z", "5")]);
    for (statistic, value) in [
        (Statistic::Sum, "18"),
        (Statistic::Average, "6"),
        (Statistic::Min, "3"),
        (Statistic::Max, "10"),
        (Statistic::Last, "5"),
        (Statistic::Count, "3"),
    ] {
        assert_eq!(values(&series(&level, &request(Bucket::Week, statistic)).unwrap()), [pair("2026-05-04", value)]);
    }
}

#[test]
fn an_empty_bucket_sums_to_zero_and_has_no_last_value() {
    let gap = points(&[("2026-05-04T10:00:00Z", "3"), ("2026-05-06T10:00:00Z", "5")]);
    let sums = series(&gap, &request(Bucket::Day, Statistic::Sum)).unwrap();
    assert_eq!(sums.points[1].value, Some(Decimal::ZERO));
    let last = series(&gap, &request(Bucket::Day, Statistic::Last)).unwrap();
    assert_eq!((last.points[1].value, last.points[1].count), (None, 0));
}

#[test]
fn a_series_that_would_be_too_long_is_coarser_and_says_so() {
    let year =
        (0..365).map(|day| (at("2026-01-01T12:00:00Z").saturating_add((24 * day).hours()).unwrap(), Decimal::ONE));
    let year: Vec<(Timestamp, Decimal)> = year.collect();
    let asked = SeriesRequest { most_points: 60, ..request(Bucket::Day, Statistic::Sum) };
    let weeks = series(&year, &asked).unwrap();
    assert_eq!((weeks.bucket, weeks.coarsened, weeks.points.len()), (Bucket::Week, true, 53));
    let asked = SeriesRequest { most_points: 12, ..request(Bucket::Week, Statistic::Sum) };
    assert_eq!(series(&year, &asked).unwrap().bucket, Bucket::Month);
    let exactly = SeriesRequest { most_points: 365, ..request(Bucket::Day, Statistic::Sum) };
    assert!(!series(&year, &exactly).unwrap().coarsened);
}

#[test]
fn a_range_cuts_its_first_and_last_bucket() {
    let month: Vec<(Timestamp, Decimal)> = (0..60)
        .map(|day| (at("2026-01-01T12:00:00Z").saturating_add((24 * day).hours()).unwrap(), Decimal::ONE))
        .collect();
    let asked = SeriesRequest {
        from: Some(date(2026, 1, 15)),
        to: Some(date(2026, 2, 10)),
        ..request(Bucket::Month, Statistic::Sum)
    };
    let series = series(&month, &asked).unwrap();
    assert_eq!(values(&series), [pair("2026-01-15", "17"), pair("2026-02-01", "10")]);
    assert_eq!(series.points[1].end, date(2026, 2, 10));
}

#[test]
fn a_request_that_cannot_be_answered_says_why() {
    let some = points(&[("1950-05-04T10:00:00Z", "3"), ("2026-05-06T10:00:00Z", "5")]);
    let reversed = SeriesRequest {
        from: Some(date(2026, 2, 1)),
        to: Some(date(2026, 1, 1)),
        ..request(Bucket::Day, Statistic::Sum)
    };
    assert_eq!(
        series(&some, &reversed),
        Err(SeriesError::RangeReversed { from: date(2026, 2, 1), to: date(2026, 1, 1) })
    );
    let few = SeriesRequest { most_points: 10, ..request(Bucket::Day, Statistic::Sum) };
    assert_eq!(series(&some, &few), Err(SeriesError::RangeTooLong { years: 77, most: 10 }));
    let none = SeriesRequest { most_points: 0, ..request(Bucket::Day, Statistic::Sum) };
    assert_eq!(series(&some, &none), Err(SeriesError::MostPoints { asked: 0, most: 10_000 }));
    assert!(series(&[], &request(Bucket::Day, Statistic::Sum)).unwrap().points.is_empty());
}

#[test]
fn a_levels_day_is_its_last_value_and_a_flows_day_its_sum() {
    let list = points(&[("2026-05-04T18:00:00Z", "5"), ("2026-05-04T10:00:00Z", "3")]);
    let zone = TimeZoneName::utc();
    assert_eq!(days(&list, MetricKind::Level, &zone), [(date(2026, 5, 4), num("5"))]);
    assert_eq!(days(&list, MetricKind::Flow, &zone), [(date(2026, 5, 4), num("8"))]);
}

proptest! {
    /// However a flow is cut, nothing is lost or counted twice; buckets have no holes and do not overlap.
    #[test]
    fn sums_are_preserved_under_any_bucketing(
        list in prop::collection::btree_map(-400_000_000i64..1_900_000_000, -1_000_000i64..1_000_000, 1..120),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu",
            "Pacific/Apia", "Australia/Lord_Howe"]),
        bucket in prop::sample::select(Bucket::ALL.to_vec()),
    ) {
        let list: Vec<(Timestamp, Decimal)> = list.into_iter()
            .map(|(second, value)| (Timestamp::from_second(second).unwrap(), Decimal::new(value, 3))).collect();
        let asked = SeriesRequest {
            time_zone: TimeZoneName::parse(zone).unwrap(), most_points: 10_000, ..request(bucket, Statistic::Sum)
        };
        let found = series(&list, &asked).unwrap();
        let sum: Decimal = found.points.iter().filter_map(|point| point.value).sum();
        prop_assert_eq!(sum, list.iter().map(|(_, value)| value).sum::<Decimal>());
        prop_assert_eq!(found.points.iter().map(|point| point.count).sum::<u64>(), list.len() as u64);
        for pair in found.points.windows(2) {
            prop_assert_eq!(pair[0].end.saturating_add(1.day()), pair[1].start);
        }
        prop_assert_eq!(found.points.len(),
            found.bucket.count(found.points[0].start, found.points.last().unwrap().end));
    }
}
