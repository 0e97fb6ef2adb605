//! `dyocense forecast`, `dyocense anomalies` and `dyocense changepoints`: the forecasting engine on a CSV file, without a server.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use dyocense_forecasting::anomalies::{Detection, Kind, Verdict, detect_set, explain};
use dyocense_forecasting::calendar::trading_day_columns;
use dyocense_forecasting::hierarchy::{Columns, Method};
use dyocense_forecasting::paths::quantiles;
use dyocense_forecasting::{
    Caveat, Forecast, ForecastError, Model, Request, Series, forecast_prophet_set_on, forecast_set_on,
};
use jiff::civil::DateTime;

mod changepoints;
mod hierarchy;
mod input;
mod output;
mod prophet;

pub use changepoints::{ChangepointsArgs, changepoints};
use input::{gap, read_exogenous, read_series};
use output::Output;
use prophet::ProphetArgs;

/// Forecast every series of a CSV file
///
/// The file has the columns unique_id,ds,y (one series when unique_id is absent; a missing value is an empty y). The
/// answer has one row per series, model and step: unique_id,step,model,mean, lo_L,hi_L for each level L and q_P for each
/// quantile P. Step 1 is the one after the last value of the series. Caveats and refusals go to standard error.
#[derive(Args)]
pub struct ForecastArgs {
    /// CSV file with the columns unique_id,ds,y
    #[arg(long, value_name = "FILE")]
    series: PathBuf,
    /// Points in a season; by default the usual one of the frequency (12 for months, 7 for days, …)
    #[arg(long, value_name = "POINTS")]
    season: Option<usize>,
    /// Points ahead (1 to 10,000)
    #[arg(long, value_name = "POINTS", allow_hyphen_values = true, value_parser = points)]
    horizon: usize,
    /// Interval levels in percent, each 1 to 99.9
    #[arg(long, value_delimiter = ',', default_value = "80,95", value_name = "PERCENT,…")]
    level: Vec<f64>,
    /// Quantiles to add, each between 0 and 1
    #[arg(long, value_delimiter = ',', value_name = "SHARE,…")]
    quantiles: Vec<f64>,
    /// auto, arima, ets, theta, trees, prophet, ensemble, naive, intermittent, or all
    #[arg(long, default_value = "auto")]
    model: String,
    /// CSV file with unique_id,ds and numeric columns known over history and horizon (for every series when unique_id is
    /// absent; with --hierarchy unique_id may name a total)
    #[arg(long, value_name = "FILE")]
    exog: Option<PathBuf>,
    /// Count the weekdays of each month or quarter: they make a difference as far as they would have before (auto, arima,
    /// trees and ensemble; series with dates)
    #[arg(long)]
    trading_days: bool,
    /// Where to write; standard output when absent
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads to use; all processors by default
    #[arg(long)]
    threads: Option<usize>,
    /// CSV file with unique_id and a column for each thing a series belongs to (shop, product, …): totals by each of
    /// them and over all are forecast too, and all forecasts add up
    #[arg(long, value_name = "FILE")]
    hierarchy: Option<PathBuf>,
    /// How they are made to add up: mint, wls-variance, wls-structural, ols or bottom-up
    #[arg(long, default_value = "mint", value_name = "METHOD", requires = "hierarchy")]
    reconcile: Method,
    #[command(flatten, next_help_heading = "Prophet")]
    prophet: ProphetArgs,
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
const ALL: [Model; 6] = [Model::Ets, Model::Theta, Model::Arima, Model::Trees, Model::Prophet, Model::Ensemble];

pub fn forecast(args: ForecastArgs) -> anyhow::Result<()> {
    let models: Vec<Model> = match args.model.to_lowercase().as_str() {
        "all" => ALL.to_vec(),
        name => vec![name.parse().map_err(|error| anyhow::anyhow!("{error}, all"))?],
    };
    let asked = Request { horizon: args.horizon, levels: args.level.clone(), model: models[0], seed: args.seed };
    asked.check()?;
    if let Some(share) = args.quantiles.iter().find(|q| !(**q > 0.0 && **q < 1.0)) {
        bail!("--quantiles {share} is outside 0 to 1");
    }
    if let Some(flag) = args.prophet.given().first()
        && !models.contains(&Model::Prophet)
    {
        bail!("{flag} is for --model prophet or all, not {}", args.model);
    }
    if args.exog.is_some() {
        for model in models.iter().filter(|model| !looks_at_columns(**model)) {
            eprintln!("{} looks at no columns: --exog makes no difference to it", model.name());
        }
    }
    if args.trading_days && models.iter().all(|model| matches!(model, Model::Prophet) || !looks_at_columns(*model)) {
        bail!("--trading-days is for --model auto, arima, trees, ensemble or all, not {}", args.model);
    }
    let inputs = [Some(args.series.as_path()), args.exog.as_deref(), args.hierarchy.as_deref()];
    let out = Output::to(args.out.as_deref(), &inputs)?;
    // Parts of a hierarchy go on to the same step.
    let mut series = known_series(&args.series, args.season, args.hierarchy.is_none())?;
    if let Some(path) = &args.hierarchy {
        if let Some(flag) = args.prophet.given().first() {
            bail!("{flag} cannot be said of a hierarchy");
        }
        let parts = hierarchy::read_parts(path, series)?;
        let mut columns = match &args.exog {
            Some(exog) => hierarchy::columns(exog, &parts, &read_exogenous(exog)?, args.horizon)?,
            None => Columns::default(),
        };
        if args.trading_days {
            hierarchy::add_trading_days(&mut columns, &parts, args.horizon)?;
        }
        let mut answers = Vec::new();
        let mut nodes = Vec::new();
        for model in models {
            let request = Request { model, ..asked.clone() };
            let (found, forecasts) =
                hierarchy::forecast(&parts, &columns, &request, args.reconcile, threads(args.threads))?;
            nodes = found;
            answers.push((model, forecasts.into_iter().map(Ok).collect()));
        }
        report(&nodes, &answers);
        return out.write(|out| write_forecasts(out, &nodes, &answers, &args.level, &args.quantiles));
    }
    let (mut names, mut exogenous): (Vec<String>, Vec<Vec<Vec<f64>>>) = match &args.exog {
        None => (Vec::new(), Vec::new()),
        Some(path) => {
            let known = read_exogenous(path)?;
            let mut found = Vec::with_capacity(series.len());
            series.retain(|one| {
                let columns = known.columns(one, args.horizon);
                let gap = gap(one, &known.names, &columns);
                match &gap {
                    Some(gap) => eprintln!("{}: refused: {}: {gap}", one.id(), path.display()),
                    None => found.push(columns),
                }
                gap.is_none()
            });
            (known.names, found)
        }
    };
    let options = args.prophet.options(series.len(), &mut names, &mut exogenous)?;
    if args.trading_days {
        exogenous.resize_with(series.len(), Vec::new);
        for (columns, one) in exogenous.iter_mut().zip(&series) {
            let days = trading_days(one, one.values().len() + args.horizon);
            if days.is_empty() {
                eprintln!("{}: --trading-days makes no difference to what is neither monthly nor quarterly", one.id());
            }
            columns.extend(days);
        }
    }
    let mut answers: Vec<(Model, Vec<Result<Forecast, ForecastError>>)> = Vec::new();
    for model in models {
        let request = Request { model, ..asked.clone() };
        let progress = Progress::new(model.name(), series.len());
        let threads = threads(args.threads);
        let tell = |done| progress.tell(done);
        let found = match model {
            Model::Prophet => forecast_prophet_set_on(&series, &exogenous, &options, &request, threads, &tell),
            _ => forecast_set_on(&series, &exogenous, &request, threads, &tell),
        };
        progress.end();
        answers.push((model, found));
    }
    let refused = report(&series, &answers);
    let total: usize = answers.iter().map(|(_, a)| a.len()).sum();
    if total == 0 || refused == total {
        bail!("no series could be forecast");
    }
    out.write(|out| write_forecasts(out, &series, &answers, &args.level, &args.quantiles))
}

/// How many points.
fn points(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "not a number of points".to_string())
}

/// The series of a file. One without a value is refused, and the others go on.
fn known_series(path: &Path, season: Option<usize>, until_last_value: bool) -> anyhow::Result<Vec<Series>> {
    let mut series = Vec::new();
    for mut rows in read_series(path)? {
        if until_last_value && let Some(said) = rows.without_tail(path)? {
            eprintln!("{said}");
        }
        match rows.series(path, season) {
            Ok(one) => series.push(one),
            Err(error) if rows.values.iter().all(|v| v.is_nan()) => eprintln!("{}: refused: {error:#}", rows.id),
            Err(error) => return Err(error),
        }
    }
    if series.is_empty() {
        bail!("{}: no series has a value", path.display());
    }
    Ok(series)
}

/// What was repaired of a series on the way in, in words; what only a forecast has to know is not among it.
fn repaired(series: &Series) -> Vec<String> {
    let frequency = series.grid().map(|(_, frequency)| frequency);
    let missing = series.values().iter().filter(|v| v.is_nan()).count();
    let filled = (missing > 0).then_some(Caveat::Filled { points: missing });
    series.caveats().iter().chain(&filled).map(|caveat| caveat.told(frequency)).collect()
}

/// Columns of the weekdays in each month or quarter, `length` from the first on; none for other series.
fn trading_days(series: &Series, length: usize) -> Vec<Vec<f64>> {
    series.grid().map_or_else(Vec::new, |(first, frequency)| trading_day_columns(frequency, first, length, &|_| true))
}

/// Whether columns that are known ahead make a difference to a model.
fn looks_at_columns(model: Model) -> bool {
    !matches!(model, Model::Naive | Model::Ets | Model::Theta | Model::Intermittent)
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
                    let frequency = s.grid().map(|(_, frequency)| frequency);
                    let list: Vec<String> = forecast.caveats.iter().map(|caveat| caveat.told(frequency)).collect();
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
    shares: &[f64],
) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let mut levels = levels.to_vec();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let mut header = vec!["unique_id".to_string(), "step".into(), "model".into(), "mean".into()];
    for level in &levels {
        header.extend([format!("lo_{level}"), format!("hi_{level}")]);
    }
    header.extend(shares.iter().map(|share| format!("q_{share}")));
    csv.write_record(&header)?;
    for (i, s) in series.iter().enumerate() {
        for (model, found) in answers {
            let Ok(forecast) = &found[i] else { continue };
            let quantiles: Vec<Vec<f64>> = shares.iter().map(|&share| quantiles(forecast, share)).collect();
            for (h, mean) in forecast.mean.iter().enumerate() {
                let mut row = vec![s.id().to_string(), (h + 1).to_string(), model.name().to_string(), mean.to_string()];
                for interval in &forecast.intervals {
                    row.extend([interval.lower[h].to_string(), interval.upper[h].to_string()]);
                }
                row.extend(quantiles.iter().map(|q| q[h].to_string()));
                csv.write_record(&row)?;
            }
        }
    }
    csv.flush()?;
    Ok(())
}

/// More do no work sooner.
const MOST_THREADS: usize = 256;

fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).clamp(1, MOST_THREADS)
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
    let out = Output::to(args.out.as_deref(), &[Some(args.series.as_path())])?;
    let series = known_series(&args.series, args.season, false)?;
    let progress = Progress::new("anomalies", series.len());
    let detection = Detection { false_discovery_rate: args.false_alarms };
    let found = detect_set(&series, detection, threads(args.threads), &|done| progress.tell(done));
    progress.end();
    for (one, verdicts) in series.iter().zip(&found) {
        match verdicts {
            Err(error) => eprintln!("{}: refused: {error}", one.id()),
            Ok(_) => {
                let repaired = repaired(one);
                if !repaired.is_empty() {
                    eprintln!("{}: {}", one.id(), repaired.join("; "));
                }
            }
        }
    }
    if found.iter().all(Result::is_err) {
        bail!("no series could be judged");
    }
    out.write(|out| write_verdicts(out, &series, &found))
}

fn write_verdicts(
    out: &mut dyn Write,
    series: &[Series],
    found: &[Result<Vec<Verdict>, ForecastError>],
) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["unique_id", "ds", "y", "expected", "score", "p", "anomaly", "kind", "explanation"])?;
    for (s, verdicts) in series.iter().zip(found) {
        let Ok(verdicts) = verdicts else { continue };
        for v in verdicts.iter().filter(|v| !v.value.is_nan()) {
            let time = s.time(v.index).map_or_else(|| s.number(v.index).to_string(), write_time);
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
