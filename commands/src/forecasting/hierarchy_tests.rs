use uuid::Uuid;

use super::super::history::revenue;
use super::*;

fn history(metric: u128, first: &str, values: Vec<f64>) -> History {
    History {
        metric_id: MetricId::from(Uuid::from_u128(metric)),
        name: format!("Metric {metric}"),
        ..revenue(Bucket::Day, first, values.into_iter().map(Some).collect())
    }
}

fn a_week_ahead(total: History, parts: Vec<History>) -> (HierarchyAnswer, Vec<String>) {
    let request = HierarchyRequest {
        metric_id: total.metric_id,
        parts: parts.iter().map(|part| part.metric_id).collect(),
        horizon: 7,
        levels: vec![80.0],
        model: Model::Ets,
        bucket: Some(Bucket::Day),
        drivers: vec![],
    };
    let input = Input { request, history: total, others: parts, beside: vec![] };
    let Found { answer, caveats, .. } = AddingUp::find(input, 1, &Control::detached()).unwrap();
    (answer, caveats)
}

#[test]
fn parts_and_the_rest_add_up_to_the_total() {
    let wave = |t: i32, by: i32| f64::from((t * by) % 13);
    let north: Vec<f64> = (0..90).map(|t| 100.0 + wave(t, 5)).collect();
    let south: Vec<f64> = (0..60).map(|t| 50.0 + wave(t, 7)).collect();
    // South opened after a month; 20 a day is neither.
    let total = (0..90).map(|t| north[t] + 20.0 + if t < 30 { 0.0 } else { south[t - 30] }).collect();
    let total = history(1, "2026-01-01", total);
    let parts = vec![history(2, "2026-01-01", north), history(3, "2026-01-31", south)];
    let (answer, caveats) = a_week_ahead(total, parts);
    let names: Vec<&str> = answer.parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["Metric 2", "Metric 3", THE_REST]);
    assert_eq!(answer.parts[2].metric_id, None);
    for step in 0..7 {
        let sum: f64 = answer.parts.iter().map(|part| part.mean[step]).sum();
        assert!((sum - answer.total.mean[step]).abs() < 1e-6, "{sum} and {}", answer.total.mean[step]);
    }
    assert!(caveats.iter().any(|caveat| caveat.contains("do not add up")), "{caveats:?}");
}

#[test]
fn on_days_on_which_the_total_does_not_trade_no_part_does() {
    // From Monday, 5 January 2026, on: weekends are closed, and South on Mondays too.
    let shop = |base: f64, closed: &dyn Fn(i32) -> bool| -> Vec<Option<f64>> {
        (0..89).map(|t| (!closed(t)).then(|| base + f64::from((t * 5) % 13))).collect()
    };
    let of = |metric: u128, values: Vec<Option<f64>>| History { values, ..history(metric, "2026-01-05", vec![]) };
    let north = shop(100.0, &|t| t % 7 >= 5);
    let south = shop(50.0, &|t| t % 7 >= 5 || t % 7 == 0);
    let total = north.iter().zip(&south).map(|(north, south)| north.map(|north| north + south.unwrap_or(0.0)));
    let total = of(1, total.collect());
    let parts = vec![of(2, north), of(3, south)];
    let (answer, caveats) = a_week_ahead(total, parts);
    // Friday, 3 April, is the last day that is known.
    let weekend: Vec<bool> = answer.starts.iter().map(|day| day.weekday().to_monday_zero_offset() >= 5).collect();
    assert_eq!((answer.parts.len(), weekend.iter().filter(|day| **day).count()), (2, 2));
    for (step, is_weekend) in weekend.into_iter().enumerate() {
        let sum: f64 = answer.parts.iter().map(|part| part.mean[step]).sum();
        assert!((sum - answer.total.mean[step]).abs() < 1e-6);
        assert_eq!(answer.total.mean[step] == 0.0, is_weekend, "{step}");
    }
    assert!(caveats.iter().any(|caveat| caveat.contains("closed on Saturdays and Sundays")), "{caveats:?}");
}
