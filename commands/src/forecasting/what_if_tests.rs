use uuid::Uuid;

use super::super::history::revenue;
use super::super::rhythm::Rhythms;
use super::*;

fn id(n: u128) -> MetricId {
    MetricId::from(Uuid::from_u128(n))
}

fn history(metric: u128, first: &str, values: Vec<f64>) -> History {
    History {
        metric_id: id(metric),
        name: format!("Metric {metric}"),
        ..revenue(Bucket::Day, first, values.into_iter().map(Some).collect())
    }
}

/// Numbers between -1 and 1 that repeat for nobody.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// Spending that wanders, and sales that are 50 and twice the spending, give or take.
fn advertising(days: usize, seed: u64, effect: f64) -> (History, History) {
    let (mut one, mut other) = (noise(seed), noise(seed + 1));
    let spending: Vec<f64> = (0..days).map(|t| 20.0 + 8.0 * one() + if t % 7 == 5 { 6.0 } else { 0.0 }).collect();
    let mut error = 0.0;
    let sales = spending
        .iter()
        .map(|spent| {
            error = 0.5 * error + 4.0 * other();
            50.0 + effect * spent + error
        })
        .collect();
    (history(1, "2026-01-01", sales), history(2, "2026-01-01", spending))
}

fn request(horizon: usize, futures: Vec<DriverFuture>) -> WhatIfRequest {
    let scenario = |(i, future): (usize, DriverFuture)| Scenario {
        name: format!("scenario {i}"),
        drivers: vec![ScenarioDriver { metric_id: id(2), future }],
    };
    WhatIfRequest {
        metric_id: id(1),
        horizon,
        levels: vec![80.0, 95.0],
        model: Model::Auto,
        bucket: Some(Bucket::Day),
        scenarios: futures.into_iter().enumerate().map(scenario).collect(),
    }
}

fn suppose(history: History, driver: History, request: WhatIfRequest) -> (WhatIfAnswer, Vec<String>) {
    let control = crate::runs::Control::detached();
    let found = Supposing::find(Input { request, history, others: vec![driver], beside: vec![] }, 1, &control).unwrap();
    (found.answer, found.caveats)
}

#[test]
fn a_driver_that_matters_moves_the_forecast_by_its_effect() {
    let (sales, spending) = advertising(150, 7, 2.0);
    let (answer, caveats) =
        suppose(sales, spending, request(10, vec![DriverFuture::Percent(20.0), DriverFuture::Values(vec![45.0; 10])]));
    let expected = &answer.drivers[0].expected;
    let scenario = &answer.scenarios[0];
    assert_eq!(scenario.drivers[0].values[3], expected[3] * 1.2);
    let truth: f64 = expected.iter().map(|spent| 0.2 * spent * 2.0).sum();
    let ScenarioPoint { difference, lower, upper, .. } = scenario.whole;
    assert!((difference - truth).abs() < 0.15 * truth, "{difference} where {truth} is true");
    assert!(lower < truth && truth < upper && lower > 0.0, "{lower} to {upper}");
    // The difference is known better than the future: what else may happen is in both forecasts.
    let forecast = &scenario.bands[1];
    let of_difference = &scenario.difference_bands[1];
    assert!(of_difference.upper[0] - of_difference.lower[0] < forecast.upper[0] - forecast.lower[0]);
    for (h, (mean, base)) in scenario.mean.iter().zip(&answer.mean).enumerate() {
        assert_eq!(scenario.difference[h], mean - base);
    }
    assert!(!caveats.iter().any(|caveat| caveat.starts_with("in scenario 0")), "{caveats:?}");
    assert!(
        caveats.iter().any(|caveat| caveat.contains("in scenario 1, Metric 2 lies beyond its history")),
        "{caveats:?}"
    );
    assert!(caveats.last().unwrap().contains("no proof that changing Metric 2 changes Metric 1"));
}

/// Sales of a shop whose Saturdays count four days, and what it spends on advertising.
#[test]
fn months_count_their_days_beside_the_drivers() {
    const MONTHS: usize = 60;
    const AHEAD: usize = 6;
    let rhythm = [0.7, 0.7, 0.7, 0.7, 0.7, 2.8, 0.7];
    let first = jiff::civil::date(2020, 1, 1);
    let starts: Vec<Date> =
        std::iter::successors(Some(first), |at| Bucket::Month.next(*at)).take(MONTHS + AHEAD + 1).collect();
    let (mut one, mut other) = (noise(5), noise(6));
    let spending: Vec<f64> = (0..MONTHS + AHEAD).map(|_| 200.0 + 80.0 * one()).collect();
    let days = |month: usize| -> f64 {
        let days = std::iter::successors(Some(starts[month]), |day| day.tomorrow().ok());
        let days = days.take_while(|day| *day < starts[month + 1]);
        days.map(|day| 100.0 * rhythm[day.weekday().to_monday_zero_offset() as usize]).sum()
    };
    let sales: Vec<f64> = (0..MONTHS + AHEAD).map(|t| days(t) + 2.0 * spending[t] + 30.0 * other()).collect();
    let monthly = |metric: u128, values: &[f64]| History {
        metric_id: id(metric),
        ..revenue(Bucket::Month, "2020-01-01", values.iter().copied().map(Some).collect())
    };
    let error = |rhythms: Rhythms| {
        let is_known = rhythms.is_known();
        let sold = History { rhythms, ..monthly(1, &sales[..MONTHS]) };
        let asked = request(AHEAD, vec![DriverFuture::Values(spending[MONTHS..].to_vec())]);
        let asked = WhatIfRequest { bucket: Some(Bucket::Month), ..asked };
        let (answer, caveats) = suppose(sold, monthly(2, &spending[..MONTHS]), asked);
        let is_said = caveats.iter().any(|caveat| caveat.starts_with("the days of each month count"));
        assert_eq!(is_said, is_known, "{caveats:?}");
        answer.scenarios[0].mean.iter().zip(&sales[MONTHS..]).map(|(mean, truth)| (mean - truth).abs()).sum::<f64>()
    };
    let (with, without) = (error(Rhythms::always(rhythm)), error(Rhythms::default()));
    assert!(with < 0.5 * without, "{with} with the days, {without} without");
}

#[test]
fn a_driver_that_does_not_matter_is_called_so() {
    let (sales, spending) = advertising(150, 3, 0.0);
    let (answer, caveats) = suppose(sales, spending, request(10, vec![DriverFuture::Percent(30.0)]));
    let ScenarioPoint { lower, upper, .. } = answer.scenarios[0].whole;
    assert!(lower < 0.0 && upper > 0.0, "{lower} to {upper}");
    assert!(caveats.iter().any(|caveat| caveat.contains("beyond chance")), "{caveats:?}");
}

#[test]
fn a_driver_that_began_later_or_ended_earlier_is_told() {
    let (sales, spending) = advertising(150, 7, 2.0);
    let late = History { first: "2026-02-20".parse().unwrap(), values: spending.values[50..140].to_vec(), ..spending };
    let (answer, caveats) = suppose(sales, late, request(5, vec![DriverFuture::Percent(20.0)]));
    assert_eq!((answer.history.first, answer.history.steps), ("2026-02-20".parse().unwrap(), 100));
    assert!(caveats.iter().any(|caveat| caveat.contains("ends 10 days before Metric 1")), "{caveats:?}");
    assert_eq!(answer.drivers[0].expected.len(), 5);
}

#[test]
fn too_little_shared_history_and_a_driver_that_never_changed_have_no_answer() {
    let control = crate::runs::Control::detached();
    let fails = |history: History, driver: History| {
        let request = request(5, vec![DriverFuture::Percent(20.0)]);
        match Supposing::find(Input { request, history, others: vec![driver], beside: vec![] }, 1, &control) {
            Err(NoAnswer::Impossible(reason)) => reason,
            _ => panic!("an answer"),
        }
    };
    let (sales, spending) = advertising(29, 7, 2.0);
    assert_eq!(fails(sales, spending), "Metric 1 and its drivers share 29 days of history; at least 30 are needed");
    let (sales, spending) = advertising(100, 7, 2.0);
    let constant = History { values: vec![Some(5.0); 100], ..spending };
    assert!(fails(sales, constant).contains("never changed"));
}

#[test]
fn what_cannot_be_supposed_is_refused_with_its_bound() {
    let refused = |change: &dyn Fn(&mut WhatIfRequest)| {
        let mut request = request(3, vec![DriverFuture::Percent(10.0)]);
        change(&mut request);
        match Supposing::check(&request) {
            Err(RunRefusal::Request { field, reason }) => (field, reason),
            other => panic!("{other:?}"),
        }
    };
    let future = |future: DriverFuture| move |r: &mut WhatIfRequest| r.scenarios[0].drivers[0].future = future.clone();
    assert_eq!(refused(&|r| r.horizon = 0).0, "horizon");
    assert_eq!(refused(&|r| r.model = Model::Ets).0, "model");
    assert_eq!(refused(&|r| r.scenarios.clear()).0, "scenarios");
    assert!(refused(&|r| r.scenarios[0].drivers[0].metric_id = id(1)).1.contains("no driver of itself"));
    assert!(refused(&future(DriverFuture::Values(vec![1.0; 2]))).1.contains("2 values for a driver"));
    assert!(refused(&future(DriverFuture::Percent(-150.0))).1.contains("-100 to 1000"));
    let twice = |r: &mut WhatIfRequest| {
        let again = r.scenarios[0].drivers[0].clone();
        r.scenarios[0].drivers.push(again);
    };
    assert!(refused(&twice).1.contains("twice"));
    assert_eq!(Supposing::check(&request(3, vec![DriverFuture::Values(vec![1.0; 3])])), Ok(()));
}

/// The interval of a difference is about what is known of the effect: over repetitions of one business it holds the true
/// difference as often as it says.
#[test]
fn an_interval_of_the_difference_holds_the_truth_as_often_as_it_says() {
    const REPETITIONS: u16 = 120;
    let (mut at_80, mut at_95) = (0u16, 0u16);
    for seed in 0..REPETITIONS {
        let (sales, spending) = advertising(72, 1_000 + 7_919 * u64::from(seed), 2.0);
        let (answer, _) = suppose(sales, spending, request(3, vec![DriverFuture::Values(vec![28.0; 3])]));
        let (expected, scenario) = (&answer.drivers[0].expected, &answer.scenarios[0]);
        let truth: Vec<f64> = expected.iter().map(|spent| 2.0 * (28.0 - spent)).collect();
        let (band, whole) = (&scenario.difference_bands[0], &scenario.whole);
        assert_eq!((band.level, whole.level), (80.0, 95.0));
        at_80 += u16::from((band.lower[2]..=band.upper[2]).contains(&truth[2]));
        at_95 += u16::from((whole.lower..=whole.upper).contains(&truth.iter().sum()));
    }
    let share = |inside: u16| f64::from(inside) / f64::from(REPETITIONS);
    // Two standard deviations of a share of so many repetitions.
    assert!((share(at_80) - 0.80).abs() < 0.073, "{} inside 80 %", share(at_80));
    assert!((share(at_95) - 0.95).abs() < 0.04, "{} inside 95 %", share(at_95));
}

/// Trees see nothing of a driver in so little history. That is no finding, and the interval holds what may be.
#[test]
fn trees_that_see_nothing_of_a_driver_are_not_sure_of_it() {
    const REPETITIONS: u16 = 20;
    let mut at_80 = 0u16;
    for seed in 0..REPETITIONS {
        let (sales, spending) = advertising(72, 1_000 + 7_919 * u64::from(seed), 2.0);
        let futures = vec![DriverFuture::Values(vec![28.0; 3])];
        let (answer, caveats) = suppose(sales, spending, WhatIfRequest { model: Model::Trees, ..request(3, futures) });
        let (expected, scenario) = (&answer.drivers[0].expected, &answer.scenarios[0]);
        let band = &scenario.difference_bands[0];
        at_80 += u16::from((band.lower[2]..=band.upper[2]).contains(&(2.0 * (28.0 - expected[2]))));
        assert!(caveats.iter().any(|caveat| caveat.contains("is no finding")), "{caveats:?}");
    }
    assert!(f64::from(at_80) >= 0.73 * f64::from(REPETITIONS), "{at_80} of {REPETITIONS} inside 80 %");
}
