//! CPU milliseconds of each series of a CSV file (`unique_id,ds,y`) forecast alone, backtest and calibration included:
//! `cargo run --release -p dyocense-forecasting --example latency -- SERIES.csv SEASON HORIZON MODEL`

use std::error::Error;

use dyocense_forecasting::{Model, Request, Series, forecast};

fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().ok_or("no schedstat")?.parse::<f64>()? / 1e9)
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, season, horizon, model] = args.as_slice() else {
        return Err("usage: latency SERIES.csv SEASON HORIZON MODEL".into());
    };
    let season: usize = season.parse()?;
    let model: Model = model.parse()?;
    let request = Request { horizon: horizon.parse()?, model, ..Request::default() };
    let mut series: Vec<(String, Vec<f64>)> = Vec::new();
    for line in std::fs::read_to_string(input)?.lines().skip(1) {
        let mut fields = line.split(',');
        let (Some(id), Some(_), Some(y)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(format!("not three fields: {line}").into());
        };
        if series.last().is_none_or(|(last, _)| last != id) {
            series.push((id.to_string(), Vec::new()));
        }
        if let Some((_, values)) = series.last_mut() {
            values.push(y.parse()?);
        }
    }
    for (id, values) in series {
        let series = Series::new(id, values, season)?;
        let start = cpu_seconds()?;
        forecast(&series, &[], &request)?;
        println!("{},{}", series.id(), 1000.0 * (cpu_seconds()? - start));
    }
    Ok(())
}
