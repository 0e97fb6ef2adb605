//! Accuracy and CPU time of the models on a pair of CSV files (`unique_id,ds,y`):
//! `cargo run --release -p dyocense-forecasting --example accuracy -- TRAIN.csv TEST.csv SEASON MODEL...`

use std::collections::HashMap;
use std::error::Error;

use dyocense_forecasting::{Model, Request, Series, accuracy, forecast_set};

type Named = Vec<(String, Vec<f64>)>;

fn read(path: &str) -> Result<Named, Box<dyn Error>> {
    let mut series: Named = Vec::new();
    for line in std::fs::read_to_string(path)?.lines().skip(1) {
        let mut fields = line.split(',');
        let (Some(id), Some(_), Some(y)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(format!("{path}: not three fields: {line}").into());
        };
        if series.last().is_none_or(|(last, _)| last != id) {
            series.push((id.to_string(), Vec::new()));
        }
        if let Some((_, values)) = series.last_mut() {
            values.push(y.parse()?);
        }
    }
    Ok(series)
}

/// CPU time of this thread: other work on the machine does not count.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = text.split_whitespace().next().ok_or("no schedstat")?.parse()?;
    Ok(nanoseconds / 1e9)
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [train, test, season, models @ ..] = args.as_slice() else {
        return Err("usage: accuracy TRAIN.csv TEST.csv SEASON MODEL...".into());
    };
    let season: usize = season.parse()?;
    let train = read(train)?;
    let test: HashMap<String, Vec<f64>> = read(test)?.into_iter().collect();
    let horizon = train.iter().filter_map(|(id, _)| test.get(id)).map(Vec::len).max().ok_or("no common series")?;
    let series: Vec<Series> =
        train.iter().map(|(id, y)| Series::new(id, y.clone(), season)).collect::<Result<_, _>>()?;
    println!(
        "{:<12} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9}",
        "model", "series", "MASE", "sMAPE", "cov80", "cov95", "MSIS95", "ms/ser", "failures"
    );
    for name in models {
        let model: Model = name.parse()?;
        let request = Request { horizon, levels: vec![80.0, 95.0], model, ..Request::default() };
        let start = cpu_seconds()?;
        let forecasts = forecast_set(&series, &[], &request);
        let elapsed = (cpu_seconds()? - start) * 1000.0 / series.len() as f64;
        let (mut mase, mut smape, mut inside80, mut inside95, mut msis, mut count, mut failures) =
            (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0);
        for (s, forecast) in series.iter().zip(&forecasts) {
            let Some(actual) = test.get(s.id()) else { continue };
            let Ok(forecast) = forecast else {
                failures += 1;
                continue;
            };
            let Some(value) = accuracy::mase(s.values(), season, actual, &forecast.mean) else { continue };
            mase += value;
            smape += accuracy::smape(actual, &forecast.mean);
            let (narrow, wide) = (&forecast.intervals[0], &forecast.intervals[1]);
            inside80 += accuracy::coverage(actual, &narrow.lower, &narrow.upper);
            inside95 += accuracy::coverage(actual, &wide.lower, &wide.upper);
            msis += accuracy::msis(s.values(), season, actual, &wide.lower, &wide.upper, 95.0).unwrap_or(0.0);
            count += 1.0;
        }
        println!(
            "{:<12} {:>6} {:>8.4} {:>8.3} {:>8.4} {:>8.4} {:>8.3} {:>9.3} {:>9}",
            name,
            count,
            mase / count,
            smape / count,
            inside80 / count,
            inside95 / count,
            msis / count,
            elapsed,
            failures
        );
    }
    Ok(())
}
