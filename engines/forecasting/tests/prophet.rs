//! Prophet against the reference implementation (prophet 1.5.0 from PyPI) on series made here, and what holds of it on
//! its own.

use dyocense_forecasting::calendar::{Frequency, parse_time};
use dyocense_forecasting::holidays::Country;
use dyocense_forecasting::prophet::{
    Bound, Choice, Fitted, Growth, Holiday, Mode, Options, Regressor, Seasonality, Standardize, fit,
};
use dyocense_forecasting::{ForecastError, Model, Request, Series, forecast, forecast_prophet_set_on};

const HISTORY: usize = 900;
const HORIZON: usize = 40;

fn noise(t: usize) -> f64 {
    ((t * 7919 + 31) % 97) as f64 / 97.0 - 0.5
}

/// A trend that bends, a week and a year: the value of day `t` after 2020-01-06, a Monday.
fn daily(t: usize) -> f64 {
    let ramp = if t < 400 { 0.2 * t as f64 } else { 80.0 + 0.05 * (t as f64 - 400.0) };
    let wave = |period: f64| std::f64::consts::TAU * t as f64 / period;
    100.0 + ramp + 15.0 * wave(7.0).sin() + 20.0 * wave(365.25).cos() + 12.0 * noise(t)
}

fn series(values: Vec<f64>, first: &str, frequency: Frequency) -> Series {
    Series::new("s", values, frequency.usual_season())
        .expect("a series")
        .starting(parse_time(first).expect("a time"), frequency)
}

fn fitted(options: &Options) -> Fitted {
    let values = (0..HISTORY).map(daily).collect();
    fit(&series(values, "2020-01-06", Frequency::Daily), HORIZON, options).expect("a fit")
}

/// Mean absolute difference to the reference's steps 1, 10, 20, 30 and 40, over its mean size.
fn difference(found: &Fitted, reference: [f64; 5]) -> f64 {
    let mean = found.mean();
    let steps = [0, 9, 19, 29, 39];
    let apart: f64 = steps.iter().zip(reference).map(|(&h, r)| (mean[h] - r).abs()).sum();
    apart / reference.iter().map(|r| r.abs()).sum::<f64>()
}

#[test]
fn the_default_model_ends_where_the_reference_ends() {
    let d = difference(&fitted(&Options::default()), [178.8514, 173.5032, 200.6255, 172.6197, 200.6862]);
    assert!(d < 0.002, "{d}");
}

#[test]
fn multiplicative_seasons_do() {
    let options = Options { mode: Mode::Multiplicative, ..Options::default() };
    let d = difference(&fitted(&options), [177.2192, 171.0112, 203.5359, 170.1649, 203.9225]);
    assert!(d < 0.002, "{d}");
}

#[test]
fn logistic_growth_between_floor_and_cap_does() {
    let options = Options {
        growth: Growth::Logistic,
        cap: Some(Bound::Constant(260.0)),
        floor: Some(Bound::Varying(vec![20.0; HISTORY + HORIZON])),
        ..Options::default()
    };
    let d = difference(&fitted(&options), [178.4895, 172.9968, 199.9917, 171.9004, 199.8711]);
    assert!(d < 0.002, "{d}");
}

#[test]
fn a_flat_trend_does() {
    let options = Options { growth: Growth::Flat, ..Options::default() };
    let d = difference(&fitted(&options), [142.4051, 130.7434, 155.5435, 130.5803, 159.9484]);
    assert!(d < 0.002, "{d}");
}

#[test]
fn hours_and_short_months_do() {
    let wave = |t: usize, period: f64| (std::f64::consts::TAU * t as f64 / period).sin();
    let hours = (0..600)
        .map(|t| 50.0 + 0.02 * t as f64 + 10.0 * wave(t, 24.0) + 8.0 * wave(t, 168.0) + 6.0 * noise(t))
        .collect();
    let found = fit(&series(hours, "2024-03-01", Frequency::Hourly), HORIZON, &Options::default()).expect("a fit");
    let d = difference(&found, [58.0517, 63.5218, 45.7273, 64.5497, 48.2124]);
    assert!(d < 0.002, "{d}");
    let months = (0..60).map(|t| 200.0 + 3.0 * t as f64 + 30.0 * wave(t, 12.0) + 20.0 * noise(t)).collect();
    let found = fit(&series(months, "2019-01-01", Frequency::Monthly), HORIZON, &Options::default()).expect("a fit");
    let d = difference(&found, [378.4903, 378.5509, 419.8242, 479.978, 524.6795]);
    assert!(d < 0.002, "{d}");
}

/// Under a hundred points the reference searches by Newton's method, which stops within the wall that its differences see
/// at the kink of the prior: the maximum itself is up to several percent away.
#[test]
fn short_histories_do() {
    let ends = |values: Vec<f64>, frequency, reference: [f64; 8]| {
        let found = fit(&series(values, "1990-01-01", frequency), 8, &Options::default()).expect("a fit").mean();
        let apart: f64 = found.iter().zip(reference).map(|(f, r)| (f - r).abs()).sum();
        apart / reference.iter().sum::<f64>()
    };
    let years = (0..18).map(|t| 300.0 + 12.0 * t as f64 + 10.0 * (t as f64 - 9.0).max(0.0) + 50.0 * noise(t)).collect();
    let reference = [589.2214, 618.3189, 637.9429, 654.5199, 668.0549, 697.1524, 716.7764, 733.3534];
    let d = ends(years, Frequency::Yearly, reference);
    assert!(d < 5e-4, "{d}");
    let wave = |t: usize| (std::f64::consts::TAU * t as f64 / 4.0).sin();
    let quarters = (0..44).map(|t| 100.0 + 2.0 * t as f64 + 15.0 * wave(t) + 20.0 * noise(t)).collect();
    let reference = [189.7431, 205.4577, 191.6824, 179.6169, 196.2521, 215.8017, 198.4822, 186.1447];
    let d = ends(quarters, Frequency::Quarterly, reference);
    assert!(d < 5e-4, "{d}");
}

/// A fair with a day before and after, the public holidays, a price, a promotion, a month, and a week for weekends only.
#[test]
fn holidays_regressors_and_conditions_do() {
    let days = HISTORY + HORIZON;
    let start = parse_time("2020-01-06").expect("a time");
    let date = |t: usize| Frequency::Daily.advance(start, t as i64).expect("a time").date();
    let price: Vec<f64> = (0..days).map(|t| 10.0 + 3.0 * (t as f64 / 30.0).sin()).collect();
    let promotion: Vec<f64> = (0..days).map(|t| f64::from(u8::from(t % 50 < 3))).collect();
    let fairs: Vec<_> = ["2020-06-18", "2021-06-18", "2022-06-18"].map(|d| d.parse().expect("a date")).into();
    let values = (0..HISTORY)
        .map(|t| {
            let around = |offset: i64| {
                let day = date(t).checked_sub(jiff::Span::new().days(offset)).expect("a date");
                f64::from(u8::from(fairs.contains(&day)))
            };
            let fair = 10.0 * around(-1) + 40.0 * around(0) - 15.0 * around(1);
            daily(t) - 4.0 * price[t] + 25.0 * promotion[t] + fair
        })
        .collect();
    let mut dates = fairs.clone();
    dates.push("2022-07-25".parse().expect("a date"));
    let regressor = |name: &str, values: &[f64], mode| Regressor {
        name: name.to_string(),
        values: values.to_vec(),
        prior_scale: None,
        standardize: Standardize::Auto,
        mode,
    };
    let weekend = (0..days).map(|t| t % 7 >= 5).collect();
    let seasonality = |name: &str, period_days, order, prior_scale, mode, condition| Seasonality {
        name: name.to_string(),
        period_days,
        order,
        prior_scale,
        mode,
        condition,
    };
    let options = Options {
        weekly: Choice::Off,
        seasonalities: vec![
            seasonality("weekend_week", 7.0, 3, None, None, Some(weekend)),
            seasonality("monthly", 30.5, 5, Some(2.0), Some(Mode::Multiplicative), None),
        ],
        holidays: vec![Holiday { name: "fair".to_string(), dates, days_before: 1, days_after: 1, prior_scale: None }],
        country: Some(Country::UnitedStates),
        regressors: vec![regressor("price", &price, None), regressor("promo", &promotion, Some(Mode::Multiplicative))],
        ..Options::default()
    };
    let found = fit(&series(values, "2020-01-06", Frequency::Daily), HORIZON, &options).expect("a fit");
    let d = difference(&found, [195.2979, 144.6739, 159.0397, 137.9243, 156.4057]);
    assert!(d < 0.005, "{d}");
    let names: Vec<String> = found.components().into_iter().map(|c| c.name).collect();
    assert!(
        ["yearly", "weekend_week", "monthly", "fair", "Christmas Day", "price", "promo"]
            .iter()
            .all(|n| names.contains(&n.to_string()))
    );
}

#[test]
fn futures_have_the_references_spread_and_repeat() {
    let found = fitted(&Options::default());
    assert_eq!(found.paths(20, 5), found.paths(20, 5));
    assert_ne!(found.paths(20, 5), found.paths(20, 6));
    // The reference's 80 % interval from 1,000 samples: 8.8 wide at step 1, 8.9 at step 40.
    let interval = &found.intervals(&[80.0], 4_000, 1)[0];
    for (h, width) in [(0, 8.8), (39, 8.9)] {
        let ours = interval.upper[h] - interval.lower[h];
        assert!((ours / width - 1.0).abs() < 0.08, "step {h}: {ours} {width}");
    }
    let sd = found.sd();
    let paths = found.paths(4_000, 2);
    let mean = found.mean();
    for h in [0, 39] {
        let seen = (paths.iter().map(|p| (p[h] - mean[h]).powi(2)).sum::<f64>() / 4_000.0).sqrt();
        assert!((sd[h] / seen - 1.0).abs() < 0.05, "step {h}: {} {seen}", sd[h]);
    }
}

#[test]
fn missing_points_stay_out_of_the_fit() {
    let mut values: Vec<f64> = (0..HISTORY).map(daily).collect();
    for v in &mut values[100..130] {
        *v = f64::NAN;
    }
    let found = fit(&series(values, "2020-01-06", Frequency::Daily), HORIZON, &Options::default()).expect("a fit");
    let whole = fitted(&Options::default());
    let apart: f64 = found.mean().iter().zip(whole.mean()).map(|(a, b)| (a - b).abs()).sum::<f64>() / HORIZON as f64;
    assert!(apart < 2.0, "{apart}");
    assert!(found.trend_changes().iter().any(|(at, _)| at.year() == 2021));
}

#[test]
fn the_engine_answers_with_calibrated_intervals_with_and_without_dates() {
    let values: Vec<f64> = (0..HISTORY).map(daily).collect();
    let request = Request { horizon: 14, levels: vec![80.0, 95.0], model: Model::Prophet, seed: 1 };
    let dated = series(values.clone(), "2020-01-06", Frequency::Daily);
    let undated = Series::new("s", values, 7).expect("a series");
    for s in [&dated, &undated] {
        let f = forecast(s, &[], &request).expect("a forecast");
        assert!(f.model.starts_with("Prophet(linear"), "{}", f.model);
        for h in 0..14 {
            let (narrow, wide) = (&f.intervals[0], &f.intervals[1]);
            let bounds = [wide.lower[h], narrow.lower[h], f.mean[h], narrow.upper[h], wide.upper[h]];
            assert!(bounds.windows(2).all(|w| w[0] < w[1]), "{bounds:?}");
        }
        assert_eq!(f, forecast(s, &[], &request).expect("a forecast"));
    }
    let capped = Options { growth: Growth::Logistic, cap: Some(Bound::Constant(250.0)), ..Options::default() };
    let found = forecast_prophet_set_on(&[dated], &[], &[capped], &request, 1, &|_| {}).remove(0).expect("a forecast");
    assert!(found.model.starts_with("Prophet(logistic"), "{}", found.model);
}

#[test]
fn what_cannot_be_fitted_is_refused_by_name() {
    let s = series((0..30).map(daily).collect(), "2020-01-06", Frequency::Daily);
    let refused = |options: Options| fit(&s, 5, &options).expect_err("refused").to_string();
    assert!(refused(Options { growth: Growth::Logistic, ..Options::default() }).starts_with("cap none"));
    let low = Options { growth: Growth::Logistic, cap: Some(Bound::Constant(-1.0)), ..Options::default() };
    assert!(refused(low).contains("-1 is outside above the floor 0"));
    assert!(refused(Options { changepoint_scale: 0.0, ..Options::default() }).contains("changepoint_scale 0"));
    let short = Regressor {
        name: "price".into(),
        values: vec![1.0; 30],
        prior_scale: None,
        standardize: Standardize::Auto,
        mode: None,
    };
    assert!(refused(Options { regressors: vec![short], ..Options::default() }).contains("35 are needed"));
    let undated = Series::new("s", vec![1.0, 2.0, 3.0], 1).expect("a series");
    assert!(matches!(fit(&undated, 5, &Options::default()), Err(ForecastError::NotApplicable { .. })));
}
