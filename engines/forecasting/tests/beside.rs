//! A series forecast beside related ones: trees learn from all of them.

use dyocense_forecasting::{Model, Request, Series, forecast, forecast_beside};

const POINTS: usize = 70;
const HORIZON: usize = 14;

fn noise(k: usize) -> f64 {
    ((k * k * 31 + k * 7919 + 17) % 1009) as f64 / 1009.0 - 0.5
}

/// What shop `shop` sells on day `t` without chance: a week of its own size, the same shape in all.
fn usual(shop: usize, t: usize) -> f64 {
    (10.0 + shop as f64) * [1.0, 1.0, 1.1, 1.2, 1.6, 2.2, 0.4][t % 7]
}

fn sales(shop: usize) -> Vec<f64> {
    (0..POINTS).map(|t| usual(shop, t) * (1.0 + 0.8 * noise(1_000 * shop + t))).collect()
}

fn series(shop: usize) -> Series {
    Series::new(format!("shop {shop}"), sales(shop), 7).expect("a series")
}

fn others(than: usize) -> Vec<(Series, Vec<Vec<f64>>)> {
    (0..12).filter(|shop| *shop != than).map(|shop| (series(shop), Vec::new())).collect()
}

fn asked(model: Model) -> Request {
    Request { horizon: HORIZON, model, ..Request::default() }
}

#[test]
fn trees_foresee_nearer_beside_others_than_alone() {
    let error = |shop: usize, mean: &[f64]| -> f64 {
        mean.iter().enumerate().map(|(h, value)| (value - usual(shop, POINTS + h)).abs() / (10.0 + shop as f64)).sum()
    };
    let (mut alone, mut beside) = (0.0, 0.0);
    for shop in 0..12 {
        let own = series(shop);
        alone += error(shop, &forecast(&own, &[], &asked(Model::Trees)).expect("an answer").mean);
        beside +=
            error(shop, &forecast_beside(&own, &[], &others(shop), &asked(Model::Trees)).expect("an answer").mean);
    }
    assert!(beside < 0.9 * alone, "{beside} beside others, {alone} alone");
}

#[test]
fn models_without_trees_and_a_series_without_others_answer_as_alone() {
    let own = series(3);
    for model in [Model::Ets, Model::Theta, Model::Arima, Model::Prophet, Model::Naive] {
        let beside = forecast_beside(&own, &[], &others(3), &asked(model)).expect("an answer");
        assert_eq!(beside, forecast(&own, &[], &asked(model)).expect("an answer"), "{}", model.name());
    }
    for model in [Model::Auto, Model::Trees] {
        let beside = forecast_beside(&own, &[], &[], &asked(model)).expect("an answer");
        assert_eq!(beside, forecast(&own, &[], &asked(model)).expect("an answer"), "{}", model.name());
    }
}

#[test]
fn others_that_never_change_or_lack_their_columns_teach_nothing_and_break_nothing() {
    let own = series(3);
    let constant = Series::new("constant", vec![5.0; POINTS], 7).expect("a series");
    let lacking = (series(4), vec![vec![1.0; POINTS]]);
    let beside = forecast_beside(&own, &[], &[(constant, Vec::new()), lacking], &asked(Model::Trees));
    assert_eq!(beside, forecast(&own, &[], &asked(Model::Trees)));
}

#[test]
fn the_same_answer_comes_twice_and_a_bad_request_is_refused() {
    let own = series(3);
    let ask = || forecast_beside(&own, &[], &others(3), &asked(Model::Ensemble)).expect("an answer");
    assert_eq!(ask(), ask());
    let far = Request { horizon: 0, ..asked(Model::Trees) };
    assert!(forecast_beside(&own, &[], &others(3), &far).is_err());
}
