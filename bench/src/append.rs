//! Acknowledged events per second of the log's command path, beside the least that any program could ask of the same
//! Postgres: pgbench inserting one row of the same width, committed to disk each.
//!
//! And beside limits that no program can pass. Many clients: the same rows with the log's two keys, many a transaction, made
//! inside the server, with no client, no heads and no outcomes. One client: the head counted up and the row inserted by
//! one bare statement that pgbench sends, with no partitions, no checks, no expected version and no outcome.
//!
//! All run on one private server with the product's own settings, in turns, a few seconds each, several rounds; the
//! figures are medians and their ratios. Absolute numbers belong to the machine and what else runs on it.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::Args;
use dyocense_database::{
    Database, PoolSizes,
    embedded::{EmbeddedPostgres, Options as ServerOptions},
    migrate,
};
use dyocense_eventlog::{
    Append, EventLog, ExpectedVersion, Idempotency, Keyring, MasterKey, Metadata, NewEvent, Options, StreamId,
    TenantId, Upcasters,
};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use dyocense_bench::{
    processes::ChildrensCpu,
    report::{Report, Target},
};

#[derive(Args)]
pub struct Settings {
    /// Concurrent clients to measure at
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
    clients: Vec<usize>,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Measurements of each kind at each number of clients
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Businesses that the commands are spread over
    #[arg(long, default_value_t = 1_000)]
    tenants: usize,
    /// Appending connections of the log
    #[arg(long, default_value_t = Options::default().lanes)]
    lanes: usize,
}

/// From this many clients on the limit is measured.
const MANY: usize = 64;

/// The columns of the log's own table, its primary key, and nothing else.
const PLAIN_TABLE: &str = "create table plain (
    id bigserial primary key, tenant_id uuid not null, position bigint not null, version bigint not null,
    recorded_at timestamptz not null, stream_id text not null, event_type text not null, actor text not null,
    body text not null, leaf_hash bytea not null)";

/// A log without partitions, checks or heads: its columns and its two keys.
const BARE_TABLE: &str = "create table bare (
    tenant_id uuid not null, position bigint not null, version bigint not null, recorded_at timestamptz not null,
    stream_id text not null, event_type text not null, actor text not null, body text not null, leaf_hash bytea not null,
    primary key (tenant_id, position), unique (stream_id, tenant_id, version));
    create sequence bare_position cache 1000";
const BARE_ROWS: usize = 128;

/// And with heads, from which a lone event takes its position.
const COUNTED_TABLE: &str = "create table counted (like bare);
    alter table counted add primary key (tenant_id, position), add unique (stream_id, tenant_id, version);
    create table counted_head (tenant_id uuid primary key, position bigint not null) with (fillfactor = 20);
    insert into counted_head select lpad(n::text, 32, '0')::uuid, 0 from generate_series(0, 999) n";

struct Measured {
    per_second: f64,
    /// CPU of an event in this process: the log's program and its clients.
    cpu_us: f64,
    /// And in the processes of Postgres.
    postgres_cpu_us: f64,
    /// Time of all cores for an event in which neither ran: the disk's, and whatever else is on this machine.
    rest_us: f64,
    p50_ms: f64,
    p99_ms: f64,
}

pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let directory = tempfile::Builder::new().prefix("dyocense-bench-").tempdir()?;
    let server_options =
        ServerOptions { settings: vec![("max_connections".into(), "400".into())], ..ServerOptions::default() };
    println!("starting a private Postgres");
    let server = EmbeddedPostgres::start(directory.path(), server_options).await.context("no Postgres")?;
    let measured = measure(&settings, &server).await;
    server.stop().await;
    measured?.print();
    Ok(())
}

async fn measure(settings: &Settings, server: &EmbeddedPostgres) -> anyhow::Result<Report> {
    let url = server.url();
    migrate(&url).await?;
    let pools = Database::connect(&url, PoolSizes::default()).await?;
    let keyring = Keyring::new(MasterKey::generate("bench"), vec![]);
    let options = Options { lanes: settings.lanes };
    let log = EventLog::open(pools.writer.clone(), pools.reader.clone(), keyring, Upcasters::new(), options).await?;
    let tenants: Arc<[TenantId]> = (0..settings.tenants).map(|_| TenantId::new()).collect();

    let mut superuser = PgConnection::connect(&server.superuser_url("dyocense")).await?;
    sqlx::raw_sql(PLAIN_TABLE).execute(&mut superuser).await?;
    sqlx::raw_sql(BARE_TABLE).execute(&mut superuser).await?;
    sqlx::raw_sql(COUNTED_TABLE).execute(&mut superuser).await?;
    let subject = Subject { log, tenants, postgres: server.pid().context("the server is not ours")? };
    // Every tenant gets a first event, so that no measurement pays for new tenants.
    for &tenant in subject.tenants.iter() {
        subject.log.append(command(tenant, false)).await?;
    }
    let body_bytes: i32 =
        sqlx::query_scalar("select max(octet_length(body)) from log.events").fetch_one(&mut superuser).await?;
    let pgbench = Pgbench::new(server, directory_of_script()?, body_bytes)?;
    println!("rows of {body_bytes} bytes of body; {} tenants, {} lanes", settings.tenants, settings.lanes);
    println!("{:>7} {:>22} {:>32} {:>32}", "clients", "pgbench insert", "append", "append with idempotency key");

    let duration = Duration::from_secs_f64(settings.seconds);
    let mut levels = Vec::new();
    for &clients in &settings.clients {
        let (mut plain, mut ours, mut keyed, mut limit) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..settings.rounds {
            sqlx::query("checkpoint").execute(&mut superuser).await?;
            plain.push(pgbench.run("insert.sql", clients, duration).await?);
            if clients >= MANY {
                limit.push(BARE_ROWS as f64 * pgbench.run("bare.sql", 2, duration).await?);
            } else if clients == 1 {
                limit.push(pgbench.run("counted.sql", 1, duration).await?);
            }
            ours.push(append_for(&subject, clients, duration, false).await?);
            keyed.push(append_for(&subject, clients, duration, true).await?);
        }
        let limit = (!limit.is_empty()).then(|| median(limit));
        let level = Level { clients, plain: median(plain), ours: middle(ours), keyed: middle(keyed), limit };
        level.print();
        levels.push(level);
    }
    check_nothing_is_missing(&mut superuser).await?;
    Ok(report(&levels))
}

struct Level {
    clients: usize,
    plain: f64,
    ours: Measured,
    keyed: Measured,
    /// What no program can pass, for one client and for many.
    limit: Option<f64>,
}

impl Level {
    fn print(&self) {
        let ours = |m: &Measured| {
            format!("{:>8.0}/s {:>5.2}x p99 {:>6.2} ms", m.per_second, m.per_second / self.plain, m.p99_ms)
        };
        println!("{:>7} {:>20.0}/s {:>32} {:>32}", self.clients, self.plain, ours(&self.ours), ours(&self.keyed));
        if let Some(limit) = self.limit {
            let (name, part) = (limit_of(self.clients), self.ours.per_second / limit);
            println!("{:>7} {limit:>20.0}/s {name}: append is {part:.2}x of that limit", "");
        }
    }
}

fn limit_of(clients: usize) -> &'static str {
    if clients == 1 { "head and event as one bare statement" } else { "made inside the server, no client" }
}

/// The least that a command costs our side, client included, leaves less of the limit to reach.
fn with_our_share(limit: f64, ours: &Measured) -> f64 {
    1.0 / (1.0 / limit + ours.cpu_us / 1e6 / cores())
}

fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}

fn report(levels: &[Level]) -> Report {
    let best = levels.iter().map(|level| level.plain).fold(f64::MIN, f64::max);
    let mut report = Report::new("append");
    for Level { clients, plain, ours, keyed, limit } in levels {
        report.figure(format!("pgbench insert, {clients} clients"), *plain, "events/s");
        for (name, measured) in [("append", ours), ("append with key", keyed)] {
            report.figure(format!("{name}, {clients} clients"), measured.per_second, "events/s");
            report.figure(format!("{name}, {clients} clients, p50"), measured.p50_ms, "ms");
            report.figure(format!("{name}, {clients} clients, p99"), measured.p99_ms, "ms");
        }
        for (whose, time) in [
            ("our side's CPU", ours.cpu_us),
            ("Postgres' CPU", ours.postgres_cpu_us),
            ("neither, of all cores", ours.rest_us),
        ] {
            report.figure(format!("append, {clients} clients, {whose}"), time, "us an event");
        }
        let ratio = ours.per_second / plain;
        let name = format!("append / pgbench, {clients} clients");
        match clients {
            1 => report.target(name, ratio, "x", Target::AtLeast(0.7)),
            64 => report.target(name, ratio, "x", Target::AtLeast(3.0)),
            _ => report.figure(name, ratio, "x"),
        }
        if let Some(limit) = limit {
            let name = limit_of(*clients);
            report.figure(format!("limit: {name}, beside {clients} clients"), *limit, "events/s");
            report.figure(format!("append, {clients} clients / that limit"), ours.per_second / limit, "x");
            let (of, base) = if *clients == 1 { ("pgbench's", *plain) } else { ("pgbench's best", best) };
            report.figure(format!("that limit / {of}, beside {clients} clients"), limit / base, "x");
            if *clients >= MANY {
                let left = with_our_share(*limit, ours) / if *clients == 256 { best } else { *plain };
                report.figure(format!("what limit and our CPU leave, {clients} clients / pgbench"), left, "x");
            }
        }
        if *clients == 256 {
            let name = "append, 256 clients / pgbench's best";
            report.target(name, ours.per_second / best, "x", Target::AtLeast(5.0));
        }
    }
    report
}

/// The middle of repeated measurements.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn middle(mut rounds: Vec<Measured>) -> Measured {
    rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    rounds.swap_remove(rounds.len() / 2)
}

/// An event of a usual size on a stream of its own.
fn command(tenant: TenantId, keyed: bool) -> Append {
    let id = Uuid::now_v7();
    let data = json!({
        "title": "Sell five hundred records a week by the end of the quarter", "metric": id.to_string(), "unit": "orders",
        "baseline": "312.50", "target": "500", "direction": "up", "start": "2026-01-01", "due": "2026-03-31",
        "cadence": "weekly", "acknowledged": false,
    });
    let metadata = Metadata {
        actor: format!("user:{tenant}"),
        at: jiff::Timestamp::now(),
        correlation: id,
        causation: None,
        command: "CreateGoal".into(),
    };
    Append {
        tenant,
        stream: StreamId::new(format!("goal-{id}")).expect("printable ASCII"),
        expected: ExpectedVersion::NoStream,
        events: vec![NewEvent::new("GoalCreated", 1, data)],
        metadata,
        idempotency: keyed.then(|| Idempotency { key: id.to_string(), request_hash: [7; 32] }),
    }
}

/// The log that is measured, and the Postgres below it.
struct Subject {
    log: EventLog,
    tenants: Arc<[TenantId]>,
    postgres: i32,
}

/// Each client sends its next command when the last one was acknowledged.
async fn append_for(subject: &Subject, clients: usize, duration: Duration, keyed: bool) -> anyhow::Result<Measured> {
    let stop = Arc::new(AtomicBool::new(false));
    let Subject { log, tenants, postgres } = subject;
    let (started, cpu, postgres_cpu) = (Instant::now(), cpu_seconds()?, ChildrensCpu::of(*postgres)?);
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let (log, tenants, stop) = (log.clone(), tenants.clone(), stop.clone());
            tokio::spawn(async move {
                let mut latencies_us: Vec<u32> = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let tenant = tenants[rand::random_range(0..tenants.len())];
                    let asked = Instant::now();
                    log.append(command(tenant, keyed)).await?;
                    latencies_us.push(asked.elapsed().as_micros() as u32);
                }
                anyhow::Ok(latencies_us)
            })
        })
        .collect();
    tokio::time::sleep(duration).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies_us = Vec::new();
    for task in tasks {
        latencies_us.extend(task.await??);
    }
    let elapsed = started.elapsed().as_secs_f64();
    let (cpu, postgres_cpu) = (cpu_seconds()? - cpu, ChildrensCpu::of(*postgres)?.seconds_since(&postgres_cpu));
    if latencies_us.is_empty() {
        bail!("no command was acknowledged within {elapsed:.1} s");
    }
    latencies_us.sort_unstable();
    let quantile = |q: f64| f64::from(latencies_us[((latencies_us.len() - 1) as f64 * q) as usize]) / 1_000.0;
    let events = latencies_us.len() as f64;
    Ok(Measured {
        per_second: events / elapsed,
        cpu_us: cpu * 1e6 / events,
        postgres_cpu_us: postgres_cpu * 1e6 / events,
        rest_us: (elapsed * cores() - cpu - postgres_cpu).max(0.0) * 1e6 / events,
        p50_ms: quantile(0.5),
        p99_ms: quantile(0.99),
    })
}

/// CPU time of this process so far, of all its threads.
fn cpu_seconds() -> anyhow::Result<f64> {
    let used = getrusage(UsageWho::RUSAGE_SELF)?;
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(used.user_time()) + seconds(used.system_time()))
}

/// What was measured must also be right: as many events as the heads say, for every tenant.
async fn check_nothing_is_missing(superuser: &mut PgConnection) -> anyhow::Result<()> {
    let wrong: i64 = sqlx::query_scalar(
        "select count(*) from log.tenant_head h join
             (select tenant_id, count(*) as events, max(position) as last from log.events group by 1) e using (tenant_id)
         where h.position <> e.events or h.position <> e.last",
    )
    .fetch_one(superuser)
    .await?;
    if wrong > 0 {
        bail!("{wrong} tenants have a gap in their history");
    }
    Ok(())
}

/// The peer: prepared statements, one connection per client, two threads.
struct Pgbench {
    program: PathBuf,
    script: tempfile::TempDir,
    url: String,
}

fn directory_of_script() -> anyhow::Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("dyocense-pgbench-").tempdir()?)
}

impl Pgbench {
    fn new(server: &EmbeddedPostgres, script: tempfile::TempDir, body_bytes: i32) -> anyhow::Result<Self> {
        let pid = server.pid().context("the server is not ours")?;
        let postgres = std::fs::read_link(format!("/proc/{pid}/exe"))?;
        let program = postgres.with_file_name("pgbench");
        if !program.exists() {
            bail!("there is no pgbench beside {}; install the server's contrib programs", postgres.display());
        }
        // The values are constants: pgbench spends nothing on making them.
        let id = Uuid::now_v7();
        let statement = format!(
            "insert into plain (tenant_id, position, version, recorded_at, stream_id, event_type, actor, body, leaf_hash) \
             values ('{id}', 1, 1, now(), 'goal-{id}', 'GoalCreated', 'user:{id}', '{}', '\\x{}');\n",
            "x".repeat(body_bytes as usize),
            "6e340b9cffb37a98".repeat(4),
        );
        std::fs::write(script.path().join("insert.sql"), statement)?;
        // 1,000 businesses, new streams in the order of their names, as ids of version 7 make them.
        let rows = format!(
            "insert into bare (tenant_id, position, version, recorded_at, stream_id, event_type, actor, body, leaf_hash) \
             select lpad((n % 1000)::text, 32, '0')::uuid, n, 1, now(), 'goal-' || lpad(to_hex(n), 36, '0'), 'GoalCreated', \
             'user:{id}', '{}', '\\x{}' from (select nextval('bare_position') as n from generate_series(1, {BARE_ROWS})) s;\n",
            "x".repeat(body_bytes as usize),
            "6e340b9cffb37a98".repeat(4),
        );
        std::fs::write(script.path().join("bare.sql"), rows)?;
        let counted = format!(
            "\\set n random(0, 999)\n\
             with moved as (update counted_head set position = position + 1 \
                 where tenant_id = lpad((:n)::text, 32, '0')::uuid returning tenant_id, position) \
             insert into counted (tenant_id, position, version, recorded_at, stream_id, event_type, actor, body, leaf_hash) \
             select tenant_id, position, 1, now(), 'goal-' || lpad(to_hex(nextval('bare_position')), 36, '0'), 'GoalCreated', \
             'user:{id}', '{}', '\\x{}' from moved;\n",
            "x".repeat(body_bytes as usize),
            "6e340b9cffb37a98".repeat(4),
        );
        std::fs::write(script.path().join("counted.sql"), counted)?;
        Ok(Self { program, script, url: server.superuser_url("dyocense") })
    }

    /// Transactions a second of a script.
    async fn run(&self, script: &str, clients: usize, duration: Duration) -> anyhow::Result<f64> {
        let mut command = Command::new(&self.program);
        command
            .args(["--no-vacuum", "--protocol=prepared", "--jobs", &clients.min(2).to_string()])
            .args(["--client", &clients.to_string(), "--time", &duration.as_secs().max(1).to_string()])
            .arg("--file")
            .arg(self.script.path().join(script))
            .arg(&self.url)
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines()
            .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
            .with_context(|| format!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr)))
    }
}
