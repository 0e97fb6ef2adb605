//! Forecasts a CSV file (`unique_id,ds,y`, further columns are exogenous) into another, for benchmarks without the
//! program around the engine:
//! `cargo run --release -p dyocense-forecasting --example batch -- SERIES.csv SEASON HORIZON MODEL OUT.csv [EXOG.csv]`
//!
//! `EXOG.csv` holds the same columns as `SERIES.csv` without `y`, over history and horizon. The output is
//! `unique_id,step,model,mean,lo_80,hi_80,lo_95,hi_95`; the CPU time of fit and forecast goes to the standard output.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write;

use dyocense_forecasting::calendar::parse_time;
use dyocense_forecasting::{Model, Request, Series, forecast_set};

type Rows = Vec<(String, Vec<Vec<String>>)>;

/// Rows of each series in order of appearance, without the identifier.
fn read(path: &str) -> Result<Rows, Box<dyn Error>> {
    let mut series: Rows = Vec::new();
    for line in std::fs::read_to_string(path)?.lines().skip(1) {
        let mut fields = line.split(',').map(str::to_string);
        let id = fields.next().ok_or("an empty line")?;
        if series.last().is_none_or(|(last, _)| *last != id) {
            series.push((id, Vec::new()));
        }
        if let Some((_, rows)) = series.last_mut() {
            rows.push(fields.collect());
        }
    }
    Ok(series)
}

fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().ok_or("no schedstat")?.parse::<f64>()? / 1e9)
}

fn columns(rows: &[Vec<String>], from: usize) -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
    let width = rows.first().map_or(0, Vec::len);
    (from..width).map(|c| rows.iter().map(|row| Ok(row[c].parse()?)).collect()).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, season, horizon, model, output, exogenous @ ..] = args.as_slice() else {
        return Err("usage: batch SERIES.csv SEASON HORIZON MODEL OUT.csv [EXOG.csv]".into());
    };
    let season: usize = season.parse()?;
    let model: Model = model.parse()?;
    let request = Request { horizon: horizon.parse()?, levels: vec![80.0, 95.0], model, ..Request::default() };
    let mut series = Vec::new();
    for (id, rows) in read(input)? {
        let observations = rows
            .iter()
            .map(|row| Ok((parse_time(&row[0]).ok_or("not a time")?, row[1].parse::<f64>()?)))
            .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
        series.push(Series::from_observations(id, observations, None, Some(season))?);
    }
    let mut known: HashMap<String, Vec<Vec<f64>>> = HashMap::new();
    if let [path] = exogenous {
        for (id, rows) in read(path)? {
            known.insert(id, columns(&rows, 1)?);
        }
    }
    let exogenous: Vec<Vec<Vec<f64>>> = series.iter().map(|s| known.get(s.id()).cloned().unwrap_or_default()).collect();
    let start = cpu_seconds()?;
    let forecasts = forecast_set(&series, &exogenous, &request);
    println!("{}", cpu_seconds()? - start);
    let mut out = String::from("unique_id,step,model,mean,lo_80,hi_80,lo_95,hi_95\n");
    for (s, forecast) in series.iter().zip(forecasts) {
        let f = forecast.map_err(|e| format!("{}: {e}", s.id()))?;
        let (narrow, wide) = (&f.intervals[0], &f.intervals[1]);
        for h in 0..f.mean.len() {
            let bounds = [narrow.lower[h], narrow.upper[h], wide.lower[h], wide.upper[h]];
            write!(out, "{},{},{},{}", s.id(), h + 1, model.name(), f.mean[h])?;
            for bound in bounds {
                write!(out, ",{bound}")?;
            }
            out.push('\n');
        }
    }
    std::fs::write(output, out)?;
    Ok(())
}
