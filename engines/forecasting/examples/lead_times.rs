//! How sure sums over a lead time are: forecasts the series of a CSV file (`unique_id,ds,y`) from rolling origins inside
//! it, draws futures, and says where the demand that then came lies in their distribution:
//! `cargo run --release -p dyocense-forecasting --example lead_times -- SERIES.csv SEASON MODEL ORIGINS LEAD... > OUT.csv`
//!
//! The output is `unique_id,origin,lead,below`: the probability that the futures give to less demand than came. Of these,
//! a share near `L` lies in the middle `L` when the futures are calibrated.

mod observations;

use std::error::Error;

use dyocense_forecasting::paths::{Dependence, Draw, draw};
use dyocense_forecasting::{Model, Request, Series, forecast_set};

/// Futures drawn from each origin.
const COUNT: usize = 2_000;
/// Seasons, and points, that are left to learn from at the oldest origin.
const LEAST: (usize, usize) = (3, 16);

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, season, model, origins, leads @ ..] = args.as_slice() else {
        return Err("usage: lead_times SERIES.csv SEASON MODEL ORIGINS LEAD...".into());
    };
    let (season, origins): (usize, usize) = (season.parse()?, origins.parse()?);
    let model: Model = model.parse()?;
    let leads: Vec<usize> = leads.iter().map(|l| l.parse()).collect::<Result<_, _>>()?;
    let horizon = leads.iter().copied().max().ok_or("no lead time")?;
    let whole = observations::read(input)?;
    println!("unique_id,origin,lead,below");
    for origin in 1..=origins {
        let cut = origin * horizon;
        let mut known = Vec::new();
        let mut came: Vec<&[(jiff::civil::DateTime, f64)]> = Vec::new();
        for (id, observations) in &whole {
            if observations.len() < cut + (LEAST.0 * season).max(LEAST.1) {
                continue;
            }
            let at = observations.len() - cut;
            known.push(Series::from_observations(id, observations[..at].to_vec(), None, Some(season))?);
            came.push(&observations[at..at + horizon]);
        }
        let request = Request { horizon, levels: vec![50.0, 80.0, 95.0], model, ..Request::default() };
        for ((series, came), forecast) in known.iter().zip(came).zip(forecast_set(&known, &[], &request)) {
            let forecast = forecast?;
            let floor = series.values().iter().all(|v| *v >= 0.0).then_some(0.0);
            let paths = draw(&forecast, Dependence::Backtest, Draw { count: COUNT, seed: 1, floor })?;
            for &lead in &leads {
                let demand: f64 = came[..lead].iter().map(|(_, v)| v).sum();
                let futures = paths.sum(0..lead).ok_or("past the horizon")?;
                println!("{},{origin},{lead},{}", series.id(), 1.0 - futures.above(demand));
            }
        }
    }
    Ok(())
}
