//! Judges every point of the series of a CSV file (`unique_id,ds,y`), for benchmarks without the program around the engine:
//! `cargo run --release -p dyocense-forecasting --example anomalies -- SERIES.csv SEASON OUT.csv`
//!
//! The output is `unique_id,ds,score,p,kind`, a row a point of the grid; the CPU time goes to the standard output.

mod observations;

use std::error::Error;
use std::fmt::Write;

use dyocense_forecasting::Series;
use dyocense_forecasting::anomalies::{Detection, Kind, detect};

fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().ok_or("no schedstat")?.parse::<f64>()? / 1e9)
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, season, output] = args.as_slice() else {
        return Err("usage: anomalies SERIES.csv SEASON OUT.csv".into());
    };
    let season: usize = season.parse()?;
    let mut out = String::from("unique_id,ds,score,p,kind\n");
    let mut spent = 0.0;
    for (id, observations) in observations::read(input)? {
        let series = Series::from_observations(id, observations, None, Some(season))?;
        let start = cpu_seconds()?;
        let verdicts = detect(&series, Detection::default())?;
        spent += cpu_seconds()? - start;
        for v in verdicts {
            let at = series.time(v.index).map(|t| t.to_string()).unwrap_or_default();
            let kind = match v.kind {
                None => "",
                Some(Kind::Spike) => "spike",
                Some(Kind::LevelShift) => "level_shift",
            };
            writeln!(out, "{},{at},{},{:e},{kind}", series.id(), v.score, v.p)?;
        }
    }
    std::fs::write(output, out)?;
    println!("{spent}");
    Ok(())
}
