use uuid::Uuid;

use super::*;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn new(key: &str, source: MetricSource) -> NewMetric {
    NewMetric {
        metric_id: MetricId::from(Uuid::from_u128(1)),
        key: key.into(),
        name: "Sign-ups".into(),
        unit: "people".into(),
        kind: MetricKind::Flow,
        currency: None,
        time_zone: "Europe/Berlin".into(),
        good_direction: GoodDirection::Up,
        source,
        description: String::new(),
    }
}

fn metric(source: MetricSource) -> Metric {
    define(&Metric::default(), new("signups", source)).unwrap().iter().fold(Metric::default(), Metric::evolve)
}

fn point(at: &str, value: i64) -> Point {
    Point { at: at.parse().unwrap(), value: value.into() }
}

fn known(points: &[Point]) -> KnownPoints {
    KnownPoints {
        values: points.iter().map(|point| (point.at, point.value)).collect(),
        latest: points.iter().map(|point| point.at).max(),
    }
}

#[test]
fn keys_have_one_form() {
    for bad in ["", "Revenue", "1st", "a-b", "a b", &"x".repeat(61)] {
        let refusal = define(&Metric::default(), new(bad, MetricSource::Recorded)).unwrap_err();
        assert_eq!(refusal, MetricRefusal::Key { key: bad.into() });
    }
}

#[test]
fn an_equal_point_is_dropped_another_value_corrects_an_earlier_instant_is_late() {
    let before = [point("2026-02-01T00:00:00Z", 1), point("2026-02-03T00:00:00Z", 3)];
    let given = [point("2026-02-01T00:00:00Z", 1), point("2026-02-02T00:00:00Z", 2), point("2026-02-03T00:00:00Z", 4)];
    let events = record(&metric(MetricSource::Recorded), &given, &known(&before), None, now()).unwrap();
    let [MetricEvent::MetricPointsRecorded(recorded)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(recorded.points, given[1..]);
    assert_eq!((recorded.corrected, recorded.late), (1, 1));
}

#[test]
fn recording_the_same_again_changes_nothing() {
    let given = [point("2026-02-01T00:00:00Z", 1)];
    assert_eq!(record(&metric(MetricSource::Recorded), &given, &known(&given), None, now()), Ok(vec![]));
}

#[test]
fn points_out_of_bounds_are_refused_with_the_bound() {
    let metric = metric(MetricSource::Recorded);
    let refused = |points: &[Point]| record(&metric, points, &KnownPoints::default(), None, now()).unwrap_err();
    assert_eq!(refused(&[]), MetricRefusal::NoPoints);
    assert!(matches!(refused(&[point("2026-03-02T12:00:01Z", 1)]), MetricRefusal::InTheFuture { .. }));
    assert_eq!(
        refused(&[point("2026-01-01T00:00:00Z", 2_000_000_000_000_000)]).to_string(),
        "the value 2000000000000000 at 2026-01-01T00:00:00Z is larger than 1000000000000000"
    );
    assert!(matches!(
        refused(&[point("2026-01-01T00:00:00Z", 1), point("2026-01-01T00:00:00Z", 2)]),
        MetricRefusal::TwoValues { .. }
    ));
    assert_eq!(
        refused(&vec![point("2026-01-01T00:00:00Z", 1); 10_001]),
        MetricRefusal::TooManyPoints { count: 10_001 }
    );
}

#[test]
fn derived_and_archived_metrics_take_no_points() {
    let given = [point("2026-02-01T00:00:00Z", 1)];
    let derived = metric(MetricSource::Derived);
    assert_eq!(record(&derived, &given, &KnownPoints::default(), None, now()), Err(MetricRefusal::Derived));
    let recorded = metric(MetricSource::Recorded);
    let archived = archive(&recorded).unwrap().iter().fold(recorded, Metric::evolve);
    assert_eq!(record(&archived, &given, &KnownPoints::default(), None, now()), Err(MetricRefusal::Archived));
    assert_eq!(archive(&archived), Ok(vec![]));
}

#[test]
fn only_known_points_are_retracted() {
    let before = [point("2026-02-01T00:00:00Z", 1)];
    let unknown: Timestamp = "2026-02-02T00:00:00Z".parse().unwrap();
    let events = retract(&metric(MetricSource::Recorded), &[before[0].at, unknown], &known(&before)).unwrap();
    assert_eq!(events, vec![MetricPointsRetracted { at: vec![before[0].at] }.into()]);
}
