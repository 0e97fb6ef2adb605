//! Columns known ahead of a series: believed as far as they would have helped, and in full where the question is what they do.

use dyocense_forecasting::{Forecast, ForecastError, Model, Request, Series, forecast, forecast_supposing};

const HORIZON: usize = 8;

fn noise(k: usize) -> f64 {
    ((k * k * 31 + k * 7919 + 17) % 1009) as f64 / 1009.0 - 0.5
}

fn walk(steps: impl Iterator<Item = f64>) -> Vec<f64> {
    steps
        .scan(100.0, |level, step| {
            *level += step;
            Some(*level)
        })
        .collect()
}

type Ask = fn(&Series, &[Vec<f64>], &Request) -> Result<Forecast, ForecastError>;

fn asked(ask: Ask, model: Model, y: &[f64], columns: &[Vec<f64>]) -> Forecast {
    let series = Series::new("sales", y.to_vec(), 1).expect("a series");
    let request = Request { horizon: HORIZON, model, ..Request::default() };
    ask(&series, columns, &request).expect("an answer")
}

fn arima(ask: Ask, y: &[f64], columns: &[Vec<f64>]) -> Forecast {
    asked(ask, Model::Arima, y, columns)
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len() as f64
}

#[test]
fn a_column_that_only_wanders_along_moves_no_forecast_far() {
    let y = walk((0..120).map(|t| 4.0 * noise(t)));
    let other = walk((0..120 + HORIZON).map(|t| 4.0 * noise(3 * t + 5)));
    let without = arima(forecast, &y, &[]);
    let with = arima(forecast, &y, &[other]);
    let step = y.windows(2).map(|w| (w[1] - w[0]).abs()).sum::<f64>() / 119.0;
    assert!(distance(&with.mean, &without.mean) < 0.5 * step, "{:?} {:?}", with.mean, without.mean);
}

#[test]
fn a_promotion_is_foreseen_and_the_label_says_how_far_it_is_believed() {
    let promotion: Vec<f64> = (0..120 + HORIZON).map(|t| f64::from(u8::from(t * t % 11 == 4))).collect();
    let sales: Vec<f64> = (0..120 + HORIZON).map(|t| 100.0 + 40.0 * promotion[t] + 6.0 * noise(t)).collect();
    let (y, to_come) = sales.split_at(120);
    let without = arima(forecast, y, &[]);
    let with = arima(forecast, y, std::slice::from_ref(&promotion));
    assert!(distance(&with.mean, to_come) < 0.3 * distance(&without.mean, to_come), "{:?}", with.mean);
    assert!(with.model.contains("% of the columns' effect"), "{}", with.model);
}

#[test]
fn a_question_about_a_column_hears_what_its_regression_says() {
    let promotion: Vec<f64> = (0..120 + HORIZON).map(|t| f64::from(u8::from(t * t % 11 == 4))).collect();
    let y: Vec<f64> = (0..120).map(|t| 100.0 + 40.0 * promotion[t] + 6.0 * noise(t)).collect();
    let mut more = promotion.clone();
    more[120..].fill(1.0);
    for model in [Model::Arima, Model::Trees, Model::Ensemble] {
        let usual = asked(forecast_supposing, model, &y, std::slice::from_ref(&promotion));
        let supposed = asked(forecast_supposing, model, &y, std::slice::from_ref(&more));
        for h in 0..HORIZON {
            let expected = 40.0 * (1.0 - promotion[120 + h]);
            let told = supposed.mean[h] - usual.mean[h];
            assert!((told - expected).abs() < 3.0, "{model:?}, step {h}: {told} where {expected} is true");
        }
    }
}
