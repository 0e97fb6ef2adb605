//! What holds for every series and every model, and what hard input is answered with.

use dyocense_forecasting::calendar::parse_time;
use dyocense_forecasting::{Caveat, Forecast, ForecastError, Model, Request, Series, forecast, forecast_set};
use proptest::prelude::*;

fn request(model: Model, horizon: usize) -> Request {
    Request { horizon, levels: vec![50.0, 80.0, 95.0], model, seed: 1 }
}

fn answer(values: Vec<f64>, season: usize, model: Model) -> Result<Forecast, ForecastError> {
    forecast(&Series::new("s", values, season)?, &[], &request(model, 8))
}

/// Everything that any answer must satisfy.
fn sound(f: &Forecast, horizon: usize) -> Result<(), String> {
    if f.mean.len() != horizon || f.sd.len() != horizon || f.intervals.len() != 3 {
        return Err(format!("{} steps, {} spreads, {} intervals", f.mean.len(), f.sd.len(), f.intervals.len()));
    }
    for h in 0..horizon {
        let mut bounds: Vec<f64> = f.intervals.iter().rev().map(|i| i.lower[h]).collect();
        bounds.extend(f.intervals.iter().map(|i| i.upper[h]));
        if !bounds.iter().all(|b| b.is_finite()) || !f.mean[h].is_finite() || !f.sd[h].is_finite() || f.sd[h] < 0.0 {
            return Err(format!("step {h} is not finite: {bounds:?}, mean {}, sd {}", f.mean[h], f.sd[h]));
        }
        if bounds.windows(2).any(|w| w[0] > w[1]) || f.mean[h] < bounds[2] || f.mean[h] > bounds[3] {
            return Err(format!("step {h}: the intervals {bounds:?} are not nested around {}", f.mean[h]));
        }
    }
    for (a, b) in [(0.05, 0.2), (0.2, 0.5), (0.5, 0.9), (0.9, 0.99)] {
        if f.quantile(a).iter().zip(f.quantile(b)).any(|(x, y)| *x > y) {
            return Err(format!("the quantile {a} lies above the quantile {b}"));
        }
    }
    Ok(())
}

/// A level, a trend, a season and noise, all of some size or none.
fn series() -> impl Strategy<Value = (Vec<f64>, usize)> {
    let season = prop_oneof![Just(1usize), Just(4), Just(7)];
    (season, 8usize..60, 50.0..200.0f64, -0.5..1.0f64, 0.0..20.0f64, prop::collection::vec(-5.0..5.0f64, 60)).prop_map(
        |(season, n, level, slope, swing, noise)| {
            let values = (0..n)
                .map(|t| {
                    let phase = std::f64::consts::TAU * t as f64 / season as f64;
                    level + slope * t as f64 + swing * phase.sin() + noise[t]
                })
                .collect();
            (values, season)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_finite_nested_monotone_and_repeatable((values, season) in series(), which in 0..Model::ALL.len()) {
        let model = Model::ALL[which];
        let first = answer(values.clone(), season, model);
        prop_assert_eq!(&first, &answer(values, season, model));
        match first {
            Ok(f) => prop_assert!(sound(&f, 8).is_ok(), "{:?}: {:?}", model, sound(&f, 8)),
            Err(e) => prop_assert!(false, "{:?} refused an ordinary series: {}", model, e),
        }
    }

    /// A power of two, so that not even the rounding changes.
    #[test]
    fn a_series_in_another_unit_gets_the_same_forecast_in_that_unit((values, season) in series(), power in -20i32..30) {
        let unit = 2f64.powi(power);
        for model in [Model::Theta, Model::Ets, Model::Auto] {
            let a = answer(values.clone(), season, model).expect("an ordinary series");
            let b = answer(values.iter().map(|v| v * unit).collect(), season, model).expect("an ordinary series");
            let size = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            for (x, y) in a.mean.iter().zip(&b.mean) {
                prop_assert!((x - y / unit).abs() <= 1e-3 * size, "{:?} {} {}", model, x, y / unit);
            }
        }
    }

    /// Only models without multiplicative parts can be indifferent to where zero is.
    #[test]
    fn a_shifted_series_gets_the_shifted_forecast((values, season) in series(), shift in -40.0..1000.0f64) {
        for model in [Model::Naive, Model::Arima] {
            let a = answer(values.clone(), season, model).expect("an ordinary series");
            let b = answer(values.iter().map(|v| v + shift).collect(), season, model).expect("an ordinary series");
            for (x, y) in a.mean.iter().zip(&b.mean) {
                prop_assert!((x + shift - y).abs() <= 0.5, "{:?} {} {} {}", model, a.model, x, y - shift);
            }
        }
    }
}

/// A search that stops by the size of what it minimises, and not by its differences, would end elsewhere far from zero.
#[test]
fn a_short_series_shifted_far_gets_the_shifted_forecast() {
    let y = [
        46.1, 48.9, 48.4, 48.0, 49.9, 47.4, 45.0, 43.8, 44.4, 49.4, 46.8, 48.1, 50.1, 44.6, 43.2, 51.2, 50.0, 45.4,
        45.3, 41.4,
    ];
    let at = |shift: f64| answer(y.iter().map(|v| v + shift).collect(), 1, Model::Arima).expect("an ordinary series");
    let near = at(0.0);
    for shift in [-40.0, 500.0, 835.5, 1e5] {
        for (x, y) in near.mean.iter().zip(at(shift).mean) {
            assert!((x + shift - y).abs() <= 0.01, "{shift}: {x} {}", y - shift);
        }
    }
}

fn has(f: &Forecast, wanted: impl Fn(&Caveat) -> bool) -> bool {
    f.caveats.iter().any(wanted)
}

fn every_model_answers(values: &[f64], season: usize) -> Vec<Forecast> {
    Model::ALL
        .iter()
        .map(|&model| {
            let f = answer(values.to_vec(), season, model).unwrap_or_else(|e| panic!("{model:?}: {e}"));
            sound(&f, 8).unwrap_or_else(|e| panic!("{model:?} {values:?}: {e}"));
            f
        })
        .collect()
}

fn noise(n: usize) -> Vec<f64> {
    (0..n).map(|t| ((t * 7919 + 31) % 97) as f64 / 97.0).collect()
}

#[test]
fn a_constant_series_repeats_its_value_and_says_so() {
    for value in [0.0, 7.0, -3.0, 1e12] {
        for f in every_model_answers(&[value; 30], 12) {
            assert!(f.mean.iter().all(|m| *m == value) && has(&f, |c| *c == Caveat::Constant), "{f:?}");
        }
    }
}

#[test]
fn one_to_five_points_are_answered_and_fewer_than_four_called_short() {
    for n in 1..=5 {
        let values: Vec<f64> = (0..n).map(|t| 3.0 + f64::from(t * t % 4)).collect();
        for f in every_model_answers(&values, 12) {
            assert!(!(2..4).contains(&n) || has(&f, |c| matches!(c, Caveat::Short { .. })), "{n} {f:?}");
        }
    }
    assert_eq!(Series::new("s", vec![], 1), Err(ForecastError::Empty));
    assert_eq!(Series::new("s", vec![f64::NAN; 9], 1), Err(ForecastError::Empty));
}

#[test]
fn a_season_is_not_forecast_from_one_and_hardly_from_a_point_more() {
    let values: Vec<f64> = noise(13).iter().map(|v| 10.0 + v).collect();
    for f in every_model_answers(&values[..12], 12) {
        assert!(has(&f, |c| matches!(c, Caveat::SeasonNotSeen { points: 12, .. })));
    }
    for f in every_model_answers(&values, 12) {
        assert!(has(&f, |c| matches!(c, Caveat::SeasonHardlySeen { points: 13, .. })));
    }
}

#[test]
fn a_shop_of_a_year_and_a_half_is_foretold_a_second_christmas_though_it_saw_but_one() {
    let month = |t: usize| if t % 12 == 11 { 220.0 } else { 100.0 };
    let values: Vec<f64> = noise(18).iter().enumerate().map(|(t, v)| month(t) + 5.0 * v).collect();
    for model in [Model::Ets, Model::Theta, Model::Arima, Model::Auto] {
        let f = answer(values.clone(), 12, model).expect("an ordinary series");
        assert!(f.mean[5] > 135.0 && f.mean[4] < 120.0, "{} {:?}", f.model, f.mean);
    }
}

#[test]
fn mostly_zeros_get_a_rate_above_zero() {
    let values: Vec<f64> = (0..60).map(|t| if t * 7 % 10 < 3 { 2.0 + f64::from(t % 3) } else { 0.0 }).collect();
    for f in every_model_answers(&values, 1) {
        assert!(has(&f, |c| matches!(c, Caveat::Intermittent { .. })), "{f:?}");
        assert!(f.intervals.iter().all(|i| i.lower.iter().all(|l| *l >= 0.0)));
    }
}

#[test]
fn a_gap_is_filled_and_counted() {
    let mut values: Vec<f64> = noise(48).iter().enumerate().map(|(t, v)| 50.0 + 10.0 * (t % 4) as f64 + v).collect();
    values[20] = f64::NAN;
    for f in every_model_answers(&values, 4) {
        assert!(has(&f, |c| *c == Caveat::Filled { points: 1 }));
    }
}

#[test]
fn negative_and_huge_values_are_forecast_near_where_they_are() {
    for (level, size) in [(-500.0, 20.0), (0.0, 10.0), (1e12, 1e10)] {
        let values: Vec<f64> = noise(60).iter().map(|v| level + size * v).collect();
        for f in every_model_answers(&values, 1) {
            if !f.model.contains("Croston") {
                assert!(f.mean.iter().all(|m| (m - level).abs() < 4.0 * size), "{} {:?}", f.model, f.mean);
            }
        }
    }
}

#[test]
fn a_level_shift_at_the_end_is_said() {
    let mut values: Vec<f64> = noise(60).iter().map(|v| 100.0 + v).collect();
    for value in &mut values[56..] {
        *value += 50.0;
    }
    let f = answer(values.clone(), 1, Model::Auto).expect("an ordinary series");
    sound(&f, 8).expect("sound");
    assert!(has(&f, |c| *c == Caveat::LevelShift { points_ago: 4 }), "{:?}", f.caveats);
    let calm = answer(values[..56].to_vec(), 1, Model::Auto).expect("an ordinary series");
    assert!(!has(&calm, |c| matches!(c, Caveat::LevelShift { .. })));
}

#[test]
fn observations_of_one_time_are_merged_and_said() {
    let days = |t: usize| parse_time(&format!("2024-{:02}-{:02}", 1 + t / 28, 1 + t % 28)).expect("a day");
    let at: Vec<_> = (0..28).chain(5..9).map(|t| (days(t), 10.0 + (t % 7) as f64)).collect();
    let series = Series::from_observations("s", at, None, Some(7)).expect("a series");
    let f = forecast(&series, &[], &request(Model::Auto, 8)).expect("an answer");
    sound(&f, 8).expect("sound");
    assert!(has(&f, |c| *c == Caveat::Merged { observations: 4 }), "{:?}", f.caveats);
}

#[test]
fn the_same_series_twice_in_a_set_gets_the_same_answer_twice() {
    let values: Vec<f64> = noise(40).iter().enumerate().map(|(t, v)| 20.0 + 3.0 * (t % 4) as f64 + v).collect();
    let series: Vec<Series> = ["a", "a"].map(|id| Series::new(id, values.clone(), 4).expect("a series")).into();
    let found = forecast_set(&series, &[], &request(Model::Auto, 8));
    assert_eq!(found[0], found[1]);
}

#[test]
fn a_hundred_thousand_points_are_cut_to_the_newest() {
    let values: Vec<f64> = (0..100_000).map(|t| 50.0 + f64::from(t % 7) + f64::from(t * 31 % 17) / 17.0).collect();
    for model in [Model::Theta, Model::Ets, Model::Arima, Model::Trees, Model::Auto] {
        let f = answer(values.clone(), 7, model).expect("an ordinary series");
        sound(&f, 8).expect("sound");
        assert!(has(&f, |c| matches!(c, Caveat::Truncated { of: 100_000, .. })));
    }
}

#[test]
fn what_cannot_be_answered_is_refused_by_name() {
    let series = Series::new("s", noise(20), 1).expect("a series");
    let refuse = |r: Request| forecast(&series, &[], &r).expect_err("refused");
    assert!(matches!(refuse(request(Model::Auto, 0)), ForecastError::Horizon { horizon: 0, .. }));
    assert!(matches!(
        refuse(Request { levels: vec![100.0], ..request(Model::Auto, 3) }),
        ForecastError::Level { level } if level == 100.0
    ));
    assert!(matches!(Series::new("s", vec![1.0, 1e200], 1), Err(ForecastError::TooLarge { index: 1, .. })));
}
