//! `dyocense forecast` and `dyocense anomalies`: the forecasting engine on a CSV file, without a server.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use dyocense_forecasting::anomalies::{Detection, Kind, detect_set, explain};
use dyocense_forecasting::{Forecast, ForecastError, Model, Request, Series, forecast_set_on};
use jiff::civil::DateTime;

mod input;

use input::{read_exogenous, read_series};

/// Forecast every series of a CSV file
///
/// The file has the columns unique_id,ds,y (one series when unique_id is absent; a missing value is an empty y). The
/// answer has one row per series, model and step: unique_id,step,model,mean and lo_L,hi_L for each level L. Caveats and
/// refusals go to standard error.
#[derive(Args)]
pub struct ForecastArgs {
    /// CSV file with the columns unique_id,ds,y
    #[arg(long, value_name = "FILE")]
    series: PathBuf,
    /// Points in a season; by default the usual one of the frequency (12 for months, 7 for days, …)
    #[arg(long, value_name = "POINTS")]
    season: Option<usize>,
    /// Points ahead
    #[arg(long, value_name = "POINTS")]
    horizon: usize,
    /// Interval levels in percent
    #[arg(long, value_delimiter = ',', default_value = "80,95", value_name = "PERCENT,…")]
    level: Vec<f64>,
    /// auto, arima, ets, theta, trees, ensemble, naive, intermittent, or all
    #[arg(long, default_value = "auto")]
    model: String,
    /// CSV file with unique_id,ds and numeric columns known over history and horizon
    #[arg(long, value_name = "FILE")]
    exog: Option<PathBuf>,
    /// Where to write; standard output when absent
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads to use; all processors by default
    #[arg(long)]
    threads: Option<usize>,
}

/// Find odd points in every series of a CSV file
///
/// The file is as for `forecast`. The answer has one row per point: unique_id,ds,y,expected,score,p,anomaly,kind,
/// explanation; score is the distance from what is usual in standard deviations, anomaly 1 for an alarm.
#[derive(Args)]
pub struct AnomaliesArgs {
    /// CSV file with the columns unique_id,ds,y
    #[arg(long, value_name = "FILE")]
    series: PathBuf,
    /// Points in a season; by default the usual one of the frequency
    #[arg(long, value_name = "POINTS")]
    season: Option<usize>,
    /// Share of false alarms to expect among the alarms, 0.001 to 0.5
    #[arg(long, default_value_t = 0.05, value_name = "SHARE")]
    false_alarms: f64,
    /// Where to write; standard output when absent
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Threads to use; all processors by default
    #[arg(long)]
    threads: Option<usize>,
}

/// Models that `--model all` runs.
const ALL: [Model; 5] = [Model::Ets, Model::Theta, Model::Arima, Model::Trees, Model::Ensemble];

pub fn forecast(args: ForecastArgs) -> anyhow::Result<()> {
    let models: Vec<Model> = match args.model.as_str() {
        "all" => ALL.to_vec(),
        name => vec![name.parse().map_err(anyhow::Error::msg)?],
    };
    let rows = read_series(&args.series)?;
    let mut series = Vec::with_capacity(rows.len());
    for rows in &rows {
        match rows.series(&args.series, args.season) {
            Ok(one) => series.push(one),
            Err(error) if rows.values.iter().all(|v| v.is_nan()) => eprintln!("{}: refused: {error:#}", rows.id),
            Err(error) => return Err(error),
        }
    }
    let exogenous: Vec<Vec<Vec<f64>>> = match &args.exog {
        None => Vec::new(),
        Some(path) => {
            let columns = read_exogenous(path)?;
            series.iter().map(|s| columns.columns(s, args.horizon)).collect()
        }
    };
    let mut answers: Vec<(Model, Vec<Result<Forecast, ForecastError>>)> = Vec::new();
    for model in models {
        let request = Request { horizon: args.horizon, levels: args.level.clone(), model, seed: args.seed };
        let progress = Progress::new(model.name(), series.len());
        let found = forecast_set_on(&series, &exogenous, &request, threads(args.threads), &|done| progress.tell(done));
        progress.end();
        answers.push((model, found));
    }
    let refused = report(&series, &answers);
    let total: usize = answers.iter().map(|(_, a)| a.len()).sum();
    if total == 0 || refused == total {
        bail!("no series could be forecast");
    }
    let mut out = output(args.out.as_ref())?;
    write_forecasts(&mut out, &series, &answers, &args.level).context("cannot write the forecasts")
}

/// Writes refusals and caveats to standard error; returns how many answers are refusals.
fn report(series: &[Series], answers: &[(Model, Vec<Result<Forecast, ForecastError>>)]) -> usize {
    const MOST: usize = 40;
    let (mut refused, mut told) = (0, 0);
    for (model, found) in answers {
        for (s, answer) in series.iter().zip(found) {
            let text = match answer {
                Err(error) => {
                    refused += 1;
                    format!("{} ({}): refused: {error}", s.id(), model.name())
                }
                Ok(forecast) if !forecast.caveats.is_empty() => {
                    let list: Vec<String> = forecast.caveats.iter().map(ToString::to_string).collect();
                    format!("{} ({}): {}", s.id(), model.name(), list.join("; "))
                }
                Ok(_) => continue,
            };
            told += 1;
            if told <= MOST {
                eprintln!("{text}");
            }
        }
    }
    if told > MOST {
        eprintln!("… and {} more with a caveat or a refusal", told - MOST);
    }
    refused
}

fn write_forecasts(
    out: &mut dyn Write,
    series: &[Series],
    answers: &[(Model, Vec<Result<Forecast, ForecastError>>)],
    levels: &[f64],
) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let mut levels = levels.to_vec();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let mut header = vec!["unique_id".to_string(), "step".into(), "model".into(), "mean".into()];
    for level in &levels {
        header.extend([format!("lo_{level}"), format!("hi_{level}")]);
    }
    csv.write_record(&header)?;
    for (i, s) in series.iter().enumerate() {
        for (model, found) in answers {
            let Ok(forecast) = &found[i] else { continue };
            for (h, mean) in forecast.mean.iter().enumerate() {
                let mut row = vec![s.id().to_string(), (h + 1).to_string(), model.name().to_string(), mean.to_string()];
                for interval in &forecast.intervals {
                    row.extend([interval.lower[h].to_string(), interval.upper[h].to_string()]);
                }
                csv.write_record(&row)?;
            }
        }
    }
    csv.flush()?;
    Ok(())
}

fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1)
}

fn output(path: Option<&PathBuf>) -> anyhow::Result<Box<dyn Write>> {
    Ok(match path {
        Some(path) => {
            Box::new(std::fs::File::create(path).with_context(|| format!("cannot create {}", path.display()))?)
        }
        None => Box::new(std::io::stdout().lock()),
    })
}

/// A line on standard error about once a second, none for a run that ends before the first.
struct Progress<'a> {
    what: &'a str,
    total: usize,
    last: Mutex<(Instant, bool)>,
}

impl<'a> Progress<'a> {
    fn new(what: &'a str, total: usize) -> Progress<'a> {
        Progress { what, total, last: Mutex::new((Instant::now(), false)) }
    }

    fn tell(&self, done: usize) {
        let Ok(mut last) = self.last.lock() else { return };
        if last.0.elapsed() >= Duration::from_secs(1) {
            *last = (Instant::now(), true);
            eprintln!("{}: {done} of {} series", self.what, self.total);
        }
    }

    fn end(&self) {
        if self.last.lock().is_ok_and(|last| last.1) {
            eprintln!("{}: done", self.what);
        }
    }
}

pub fn anomalies(args: AnomaliesArgs) -> anyhow::Result<()> {
    if !(0.001..=0.5).contains(&args.false_alarms) {
        bail!("--false-alarms {} is outside 0.001 to 0.5", args.false_alarms);
    }
    let rows = read_series(&args.series)?;
    let series: Vec<Series> =
        rows.iter().map(|r| r.series(&args.series, args.season)).collect::<anyhow::Result<_>>()?;
    let progress = Progress::new("anomalies", series.len());
    let detection = Detection { false_discovery_rate: args.false_alarms };
    let found = detect_set(&series, detection, threads(args.threads), &|done| progress.tell(done));
    progress.end();
    let mut out = output(args.out.as_ref())?;
    let mut csv = csv::Writer::from_writer(&mut out);
    csv.write_record(["unique_id", "ds", "y", "expected", "score", "p", "anomaly", "kind", "explanation"])?;
    for (s, verdicts) in series.iter().zip(&found) {
        let verdicts = match verdicts {
            Ok(verdicts) => verdicts,
            Err(error) => {
                eprintln!("{}: refused: {error}", s.id());
                continue;
            }
        };
        for v in verdicts.iter().filter(|v| !v.value.is_nan()) {
            let time = s.time(v.index).map_or_else(|| (v.index + 1).to_string(), write_time);
            let kind = match v.kind {
                None => "",
                Some(Kind::Spike) => "spike",
                Some(Kind::LevelShift) => "level_shift",
            };
            csv.write_record([
                s.id(),
                &time,
                &v.value.to_string(),
                &v.expected.to_string(),
                &v.score.to_string(),
                &v.p.to_string(),
                if v.kind.is_some() { "1" } else { "0" },
                kind,
                &explain(s, v),
            ])?;
        }
    }
    csv.flush()?;
    Ok(())
}

fn write_time(at: DateTime) -> String {
    if at.hour() == 0 && at.minute() == 0 && at.second() == 0 {
        at.date().to_string()
    } else {
        at.to_string().replace('T', " ")
    }
}
