//! How fast all read models are built anew from the log.
//!
//! The log is filled through its own append, with the same mix for every tenant: a shop that has been followed for
//! some months. Then a whole generation is built beside the empty live one and swapped in, several times over.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use dyocense_database::embedded::{EmbeddedPostgres, Options as ServerOptions};
use dyocense_database::{Database, PoolSizes, migrate};
use dyocense_eventlog::{Direction, EventLog, Keyring, MasterKey, Position, TenantId, Upcasters};
use dyocense_projections::{Options, Phase, Projections, Rebuilt, analytics, metrics};
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::shop;
use dyocense_bench::report::{Report, Target};

#[derive(Args)]
pub struct Settings {
    /// Businesses in the log
    #[arg(long, default_value_t = 1_000)]
    tenants: usize,
    /// Events of each
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(300..))]
    events: u32,
    /// Tenants folded at the same time
    #[arg(long, default_value_t = Options::default().rebuild_workers)]
    workers: usize,
    /// How often to rebuild; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

const APPENDERS: usize = 32;

pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let directory = std::env::temp_dir().join(format!("dyocense-bench-rebuild-{}", std::process::id()));
    std::fs::create_dir(&directory).context("the directory for the measurement")?;
    let server = EmbeddedPostgres::start(&directory, ServerOptions::default()).await?;
    let outcome = measure(&server, &settings).await;
    server.stop().await;
    std::fs::remove_dir_all(&directory).context("removing the measurement's directory")?;
    outcome?.print();
    Ok(())
}

async fn measure(server: &EmbeddedPostgres, settings: &Settings) -> anyhow::Result<Report> {
    migrate(&server.url()).await?;
    let sizes = PoolSizes { projector: settings.workers as u32 + 4, ..PoolSizes::default() };
    let database = Database::connect(&server.url(), sizes).await?;
    let keyring = Keyring::new(MasterKey::generate("bench"), vec![]);
    let log = EventLog::open(
        database.writer.clone(),
        database.reader.clone(),
        keyring,
        Upcasters::default(),
        dyocense_eventlog::Options::default(),
    )
    .await?;

    let tenants: Vec<TenantId> = (0..settings.tenants).map(|_| TenantId::new()).collect();
    let total = settings.tenants as u64 * u64::from(settings.events);
    println!("Filling the log with {total} events of {} tenants; of each thousand:", settings.tenants);
    for (what, count) in shop::mix(settings.events) {
        println!("  {:>6.1}  {what}", f64::from(count) * 1_000.0 / f64::from(settings.events));
    }
    let filled = Instant::now();
    let mut done = 0;
    let appends = stream::iter(&tenants).map(|tenant| shop::fill(&log, *tenant, settings.events));
    let mut appends = appends.buffer_unordered(APPENDERS);
    while let Some(filled_tenant) = appends.next().await {
        filled_tenant?;
        done += 1;
        if done % (settings.tenants / 10).max(1) == 0 {
            println!("  {done} of {} tenants in {:.1} s", settings.tenants, filled.elapsed().as_secs_f64());
        }
    }
    let appending = filled.elapsed();

    let reading = read_all(&log, &tenants, settings.workers).await?;
    let runner = Options { rebuild_workers: settings.workers, ..Options::default() };
    let projections =
        Projections::open(log.clone(), database.projector.clone(), database.reader.clone(), runner).await?;
    let mut rounds: Vec<Rebuilt> = Vec::new();
    for round in 1..=settings.rounds {
        let mut told = Duration::ZERO;
        let rebuilt = projections
            .rebuild(|progress| {
                if progress.phase == Phase::Done || progress.elapsed >= told + Duration::from_secs(2) {
                    told = progress.elapsed;
                    let seconds = progress.elapsed.as_secs_f64();
                    println!("  round {round}: {} of {} events in {seconds:.1} s", progress.events, progress.of);
                }
            })
            .await?;
        ensure!(rebuilt.events == total, "rebuilt {} events of {total}", rebuilt.events);
        rounds.push(rebuilt);
    }
    ensure!(projections.parked().await?.is_empty(), "a projection refused events of the measurement");
    for tenant in tenants.iter().step_by(settings.tenants.div_ceil(10)) {
        check(&projections, *tenant, settings.events).await?;
    }

    rounds.sort_by_key(|round| round.elapsed);
    let median = rounds[rounds.len() / 2];
    let per_second = |time: Duration| total as f64 / time.as_secs_f64();
    let mut report = Report::new("rebuild");
    report.target(
        "rebuild, all projectors (median)",
        per_second(median.elapsed),
        "events/s",
        Target::AtLeast(100_000.0),
    );
    report.figure("rebuild, fastest", per_second(rounds[0].elapsed), "events/s");
    report.figure("rebuild, slowest", per_second(rounds[rounds.len() - 1].elapsed), "events/s");
    report.figure("reading and decoding the log alone", per_second(reading), "events/s");
    report.figure("filling the log", per_second(appending), "events/s");
    report.figure("projecting paused for the swap", median.pause.as_secs_f64() * 1_000.0, "ms");
    report.figure("events", total as f64, "events");
    report.figure("tenants", settings.tenants as f64, "tenants");
    database.close().await;
    Ok(report)
}

/// What a rebuild cannot be faster than: the log read as the projections read it, and nothing done with it.
async fn read_all(log: &EventLog, tenants: &[TenantId], workers: usize) -> anyhow::Result<Duration> {
    let started = Instant::now();
    stream::iter(tenants)
        .map(|tenant| async move {
            let mut after = Position::START;
            loop {
                let events = log.read_tenant(*tenant, after, dyocense_projections::BATCH, Direction::Forward).await?;
                let Some(last) = events.last() else { return anyhow::Ok(()) };
                after = last.position;
            }
        })
        .buffer_unordered(workers)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(started.elapsed())
}

/// Whether the read models say what the mix must give.
async fn check(projections: &Projections, tenant: TenantId, events: u32) -> anyhow::Result<()> {
    let expected = shop::expected(events);
    let mut snapshot = projections.snapshot(tenant).await?;
    let sales = analytics::sales_totals(&mut snapshot).await?;
    ensure!(sales.transactions == expected.transactions, "{sales:?}");
    let mut points = 0;
    for key in shop::RECORDED {
        let metric = metrics::metric_by_key(&mut snapshot, key).await?.context("the metric is there")?;
        points += metrics::point_count(&mut snapshot, &metric).await?;
    }
    ensure!(points == expected.points, "{points} points of {}", expected.points);
    Ok(())
}
