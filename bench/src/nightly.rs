//! The night's work: a day is over for businesses whose metrics are followed, their forecasts are made again and the day is
//! looked at.
//!
//! Everything goes through the program and its own Postgres: points over the API, the refresh by its policies and timers.
//! What it costs is CPU of the program and of Postgres together, from the first new point to the last answer, so that what
//! else the machine does counts little.

use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Args;
use dyocense_tests::{Business, Client, DataDir, Program, ProgramOptions};
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::processes::tree_cpu_seconds;
use crate::report::{Report, Target};

#[derive(Args)]
pub struct NightlyArgs {
    /// Businesses
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    businesses: u32,
    /// Daily metrics of each
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=30))]
    metrics: u32,
    /// Days of history of each metric
    #[arg(long, default_value_t = 730, value_parser = clap::value_parser!(u32).range(60..=3000))]
    days: u32,
    /// Days ahead
    #[arg(long, default_value_t = 28, value_parser = clap::value_parser!(u32).range(1..=365))]
    horizon: u32,
}

/// What a night has to manage: so many businesses with so many metrics, on two cores, in so many hours.
const BUSINESSES: f64 = 5_000.0;
const METRICS: f64 = 20.0;
const CORES: f64 = 2.0;
const HOURS: f64 = 8.0;
const AT_ONCE: usize = 500;
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

struct Shop {
    business: Business,
    metrics: Vec<String>,
}

pub async fn measure(args: NightlyArgs) -> anyhow::Result<Report> {
    let data = DataDir::new("nightly");
    let program = Program::serve(ProgramOptions {
        data_dir: Some(data.path().to_owned()),
        log: Some(data.path().join("program.log")),
        environment: vec![("DYOCENSE_LOG_FILTER".to_owned(), "warn".to_owned())],
        ..ProgramOptions::default()
    })
    .await;
    let client = Client::new(&program.url());
    let last = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().checked_sub(3.days())?;
    println!("{} businesses with {} metrics of {} days", args.businesses, args.metrics, args.days);
    let mut shops = Vec::new();
    for number in 0..args.businesses {
        shops.push(fill(&client, number, &args, last).await?);
    }
    for shop in &shops {
        for metric in &shop.metrics {
            ask(&shop.business, metric, args.horizon).await?;
        }
    }
    // What the last points set off is over before the new day begins.
    settled(&shops, 0).await?;

    println!("A day is over");
    let (began, used) = (Instant::now(), tree_cpu_seconds(program.pid())?);
    let next = last.tomorrow()?;
    for (number, shop) in (0u32..).zip(&shops) {
        for (which, metric) in (0u32..).zip(&shop.metrics) {
            record(&shop.business, metric, &[point(next, value(number, which, args.days))]).await?;
        }
    }
    let due = args.metrics as usize;
    let runs = settled(&shops, due).await?;
    let (took, used) = (began.elapsed(), tree_cpu_seconds(program.pid())? - used);

    let refreshed = f64::from(args.businesses * args.metrics);
    let mut report = Report::new("nightly");
    report.figure("metrics refreshed", refreshed, "metrics");
    report.figure("runs of the engine for them", runs as f64, "runs");
    report.figure("CPU of program and Postgres for each", used / refreshed * 1_000.0, "ms");
    report.figure("from the first new point to the last answer", took.as_secs_f64(), "s");
    let hours = BUSINESSES * METRICS * used / refreshed / CORES / 3_600.0;
    report.target("5,000 businesses x 20 daily metrics on two cores", hours, "h", Target::AtMost(HOURS));
    Ok(report)
}

async fn fill(client: &Client, number: u32, args: &NightlyArgs, last: Date) -> anyhow::Result<Shop> {
    let business = Business::register(client).await;
    let mut metrics = Vec::new();
    for which in 0..args.metrics {
        let define = "mutation($input: DefineMetricInput!) {
            defineMetric(input: $input) { metric { id } userErrors { code message } } }";
        let input = json!({
            "key": format!("metric_{which}"), "name": format!("Metric {which}"), "unit": "items", "kind": "FLOW",
            "timeZone": "UTC", "goodDirection": "UP",
        });
        let defined = business.writer.done(define, json!({ "input": input })).await;
        let metric = defined["metric"]["id"].as_str().unwrap_or_default().to_owned();
        let points: Vec<Value> = (0..args.days)
            .map(|day| {
                let date = last.checked_sub(i64::from(args.days - 1 - day).days())?;
                Ok(point(date, value(number, which, day)))
            })
            .collect::<anyhow::Result<_>>()?;
        for some in points.chunks(AT_ONCE) {
            record(&business, &metric, some).await?;
        }
        metrics.push(metric);
    }
    Ok(Shop { business, metrics })
}

/// What a metric was on a day: a week and a year of its own size, and chance that is the same in every run.
fn value(business: u32, metric: u32, day: u32) -> f64 {
    let mut state = u64::from(business) << 40 | u64::from(metric) << 20 | u64::from(day);
    let mut chance = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1u32 << 24)
    };
    let noise = 1.0 + 0.3 * (chance() + chance() + chance() - 1.5);
    let week = [1.0, 0.95, 1.0, 1.05, 1.2, 1.5, 0.8][(day % 7) as usize];
    let year = 1.0 + 0.2 * (std::f64::consts::TAU * f64::from(day) / 365.25).sin();
    (100.0 + 10.0 * f64::from(metric)) * week * year * noise
}

fn point(day: Date, value: f64) -> Value {
    json!({ "at": format!("{day}T12:00:00Z"), "value": format!("{value:.2}") })
}

async fn record(business: &Business, metric: &str, points: &[Value]) -> anyhow::Result<()> {
    let query = "mutation($input: RecordMetricPointsInput!) {
        recordMetricPoints(input: $input) { added userErrors { code message } } }";
    let input = json!({ "metricId": metric, "points": points });
    let payload = business.writer.done(query, json!({ "input": input })).await;
    ensure!(payload["added"] == points.len(), "points were refused: {payload}");
    Ok(())
}

async fn ask(business: &Business, metric: &str, horizon: u32) -> anyhow::Result<()> {
    let query = "mutation($input: ForecastMetricInput!) {
        forecastMetric(input: $input) { run { status failure } userErrors { code message } } }";
    let input = json!({ "metricId": metric, "horizon": horizon, "waitSeconds": 20 });
    let payload = business.owner.done(query, json!({ "input": input })).await;
    ensure!(payload["run"]["status"] == "COMPLETED", "a forecast was not made: {payload}");
    Ok(())
}

/// Waits until every business has as many forecasts by the program itself, and nothing of its own waits any more; returns
/// how many runs the program has asked for.
async fn settled(shops: &[Shop], forecasts: usize) -> anyhow::Result<usize> {
    let query = "{ runs(last: 100) { edges { node { kind status requestedBy { name } } } } }";
    let began = Instant::now();
    loop {
        let (mut ended, mut is_settled) = (0, true);
        for shop in shops {
            let data = shop.business.owner.call(query, json!({})).await?;
            let runs = data["runs"]["edges"].as_array().cloned().unwrap_or_default();
            let own: Vec<&Value> =
                runs.iter().map(|edge| &edge["node"]).filter(|run| run["requestedBy"].is_null()).collect();
            let done = own.iter().filter(|run| run["status"] == "COMPLETED").count();
            // Each forecast is followed by a look at the day.
            is_settled &= done == own.len() && done >= 2 * forecasts;
            ended += done;
        }
        if is_settled {
            return Ok(ended);
        }
        ensure!(began.elapsed() < LONGEST_WAIT, "the night's work was not done in {} s", LONGEST_WAIT.as_secs());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
