use jiff::ToSpan;
use jiff::civil::date;

use super::super::history::{Dated, revenue};
use super::super::rhythm::{Rhythms, rhythm};
use dyocense_forecasting::forecast;

use super::*;

const MONTHS: usize = 72;
const AHEAD: usize = 12;
const SHOPS: u64 = 8;

/// Numbers between -1 and 1 that repeat for nobody.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// Takings of a shop from January 2019 on, by month, with those of its days. December brings half as much again, a
/// Saturday `saturday` times another day, and days differ by a tenth.
fn shop(seed: u64, saturday: f64) -> (History, Dated, Vec<f64>) {
    let mut noise = noise(seed);
    let first = date(2019, 1, 1);
    let end = first.checked_add(((MONTHS + AHEAD) as i64).months()).unwrap();
    let days: Dated = std::iter::successors(Some(first), |day| day.tomorrow().ok())
        .take_while(|day| *day < end)
        .map(|day| {
            let weekday = if day.weekday() == Weekday::Saturday { saturday } else { 1.0 };
            let month = if day.month() == 12 { 1.5 } else { 1.0 };
            (day, Some(100.0 * weekday * month * (1.0 + 0.1 * noise())))
        })
        .collect();
    let mut months: Vec<f64> = Vec::new();
    for (day, value) in &days {
        if day.day() == 1 {
            months.push(0.0);
        }
        *months.last_mut().unwrap() += value.unwrap();
    }
    let to_come = months.split_off(MONTHS);
    let unit = "EUR".into();
    let history =
        History { unit, first, ..revenue(Bucket::Month, "2019-01-01", months.into_iter().map(Some).collect()) };
    let past = days.into_iter().filter(|(day, _)| *day < history.start_of(MONTHS)).collect();
    (history, past, to_come)
}

fn error(forecast: &[f64], actual: &[f64]) -> f64 {
    forecast.iter().zip(actual).map(|(forecast, actual)| (forecast - actual).abs()).sum()
}

/// Errors without and with the calendar, summed over shops, and how often it was spoken of.
fn errors(saturday: f64, are_days_known: bool) -> (f64, f64, usize) {
    let (mut without, mut with, mut spoken) = (0.0, 0.0, 0);
    for seed in 0..SHOPS {
        let (mut history, days, to_come) = shop(11 + 7_919 * seed, saturday);
        if are_days_known {
            history.rhythms = Rhythms::on(history.steps_ahead(1).into_iter(), &days);
        }
        let series = history.series(MONTHS).unwrap();
        let request = Request { horizon: AHEAD, levels: vec![80.0], model: Model::Auto, seed: 1 };
        let plain = forecast(&series, &[], &request).unwrap();
        let (found, effect) = forecast_on_calendar(&history, &series, &[], &request).unwrap();
        without += error(&plain.mean, &to_come);
        with += error(&found.mean, &to_come);
        spoken += usize::from(effect.is_some());
        if let Some(effect) = effect {
            let sum = |i: usize| plain.mean[i] + effect.effect[i];
            assert!((0..AHEAD).all(|i| (sum(i) - found.mean[i]).abs() < 1e-6));
        }
    }
    (without, with, spoken)
}

#[test]
fn a_shop_that_sells_double_on_saturdays_is_foreseen_nearer_from_its_months_alone() {
    let (without, with, spoken) = errors(2.0, false);
    assert!(with < 0.85 * without, "{with} with the calendar, {without} without");
    assert!(spoken >= 6, "{spoken}");
}

#[test]
fn and_nearer_still_where_its_days_are_known() {
    let (without, with, spoken) = errors(2.0, true);
    assert!(with < 0.7 * without, "{with} with the calendar, {without} without");
    assert!(spoken >= 6, "{spoken}");
}

/// What the calendar cannot help it harms by 2 % at most.
#[test]
fn a_shop_that_sells_alike_on_all_days_is_not_harmed() {
    for are_days_known in [false, true] {
        let (without, with, _) = errors(1.0, are_days_known);
        assert!(with < 1.02 * without, "{with} with the calendar, {without} without");
    }
}

#[test]
fn what_the_calendar_does_is_said_with_its_days() {
    let (mut history, days, _) = shop(11, 2.0);
    history.rhythms = Rhythms::on(history.steps_ahead(1).into_iter(), &days);
    // From January 2025 on. March has five Saturdays, Sundays and Mondays.
    let said = explanation(&history, &[0.0, 0.0, 120.4, -10.0], &[3_500.0, 3_500.0, 3_500.0, 3_500.0]);
    assert_eq!(
        said,
        "as far as backtests bear it out, the days of each month count (Saturdays bring 1.7 times a usual day): March \
         2025 is forecast 120.4 EUR more (3.4 %) for its 31 days, 5 each of Mondays, Saturdays and Sundays"
    );
    history.shut = vec![date(2025, 3, 1)];
    history.rhythms = Rhythms::default();
    assert_eq!(days_in_words(&history, date(2025, 3, 1)), "31 days without 1 closed, 5 each of Mondays and Sundays");
    assert_eq!(days_in_words(&history, date(2025, 2, 1)), "28 days");
}

#[test]
fn a_rhythm_needs_days_and_levels_have_no_days_to_count() {
    let (history, days, _) = shop(11, 2.0);
    assert_eq!(rhythm(&days[..50]), None);
    let found = rhythm(&days).unwrap();
    assert!((found[5] / found[0] - 2.0).abs() < 0.1, "{found:?}");
    let sparse: Dated = days.iter().map(|(day, value)| (*day, value.filter(|_| day.day() == 3))).collect();
    assert_eq!(rhythm(&sparse), None);
    assert_eq!(columns(&history, MONTHS, AHEAD).len(), 7);
    let with_days = History { rhythms: Rhythms::always(found), ..history.clone() };
    assert_eq!(columns(&with_days, MONTHS, AHEAD).len(), 1);
    assert!(columns(&History { kind: MetricKind::Level, ..history.clone() }, MONTHS, AHEAD).is_empty());
    assert!(columns(&History { bucket: Bucket::Week, ..history }, MONTHS, AHEAD).is_empty());
}
