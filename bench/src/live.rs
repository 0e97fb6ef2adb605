//! From an event to its subscribers: a thousand sockets, at a hundred and at a thousand events per second.
//!
//! Everything goes through the public API: mutations over HTTP, subscriptions over `graphql-transport-ws`. A delay
//! begins at the event's own time, which is set before it is committed, so that it includes the commit; and it ends
//! when this process has parsed the message, on the same processors as the server.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use dyocense_tests::{Business, Client, DataDir, Incoming, Program, ProgramOptions, Socket};
use serde_json::{Value, json};

use crate::{
    processes::resident_mib,
    report::{Report, Target},
};

#[derive(Args)]
pub struct LiveArgs {
    /// Sockets, each with one subscription to all events of its business
    #[arg(long, default_value_t = 1000)]
    sockets: usize,
    /// Businesses that the sockets and the events are spread over
    #[arg(long, default_value_t = 100)]
    businesses: usize,
    /// How long to measure at each rate
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

/// What the subscribers of one phase saw.
#[derive(Default)]
struct Heard {
    delays_ms: Mutex<Vec<f64>>,
    /// Items before this are not of the measured phase.
    recording: AtomicBool,
    breaks: AtomicU64,
}

pub async fn measure(args: LiveArgs) -> anyhow::Result<Report> {
    let data = DataDir::new("live");
    let setting = |name: &str, value: &str| (format!("DYOCENSE_{name}"), value.to_owned());
    let program = Program::serve(ProgramOptions {
        data_dir: Some(data.path().to_owned()),
        log: Some(data.path().join("program.log")),
        environment: vec![setting("AUTH_ATTEMPTS_PER_MINUTE", "100000"), setting("LOG_FILTER", "warn")],
        ..ProgramOptions::default()
    })
    .await;
    let client = Client::new(&program.url());

    println!("Registering {} businesses", args.businesses);
    let mut targets = Vec::new();
    for _ in 0..args.businesses {
        let business = Business::register(&client).await;
        let metric = define_metric(&business).await;
        targets.push((business, metric));
    }

    println!("Opening {} sockets", args.sockets);
    let heard = Arc::new(Heard::default());
    let mut listeners = Vec::new();
    for number in 0..args.sockets {
        let (business, _) = &targets[number % targets.len()];
        let mut socket = Socket::connect(&program.socket_url(), &business.auditor_key).await?;
        let query = "subscription { tenantEvents(types: [\"MetricPointsRecorded\"]) { position at } }";
        socket.subscribe("live", query, json!({})).await?;
        listeners.push(tokio::spawn(listen(socket, Arc::clone(&heard))));
    }
    // A subscription is not acknowledged; this is its time to begin.
    tokio::time::sleep(Duration::from_secs(2)).await;

    let mut report = Report::new("live");
    report.figure("sockets", args.sockets as f64, "sockets");
    for (rate, target) in [(100u64, Some(25.0)), (1000, None)] {
        println!("{rate} events per second for {} s", args.seconds);
        let phase = Phase { rate, seconds: args.seconds, targets: &targets, heard: &heard };
        phase.measure(&mut report, args.sockets, target).await?;
    }
    report.figure("memory of the program", resident_mib(program.pid())?, "MiB");
    report.target("sockets that broke", heard.breaks.load(Ordering::Relaxed) as f64, "sockets", Target::AtMost(0.0));
    for listener in listeners {
        listener.abort();
    }
    Ok(report)
}

struct Phase<'a> {
    rate: u64,
    seconds: u64,
    targets: &'a [(Business, String)],
    heard: &'a Heard,
}

impl Phase<'_> {
    async fn measure(&self, report: &mut Report, sockets: usize, target_ms: Option<f64>) -> anyhow::Result<()> {
        // A second to warm up, which is not measured.
        self.write(1, 0).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.heard.recording.store(true, Ordering::Relaxed);
        let (written, took) = self.write(self.seconds, 1).await?;
        // What is on its way still counts.
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.heard.recording.store(false, Ordering::Relaxed);
        let mut delays = std::mem::take(&mut *self.heard.delays_ms.lock().expect("no code panics while it holds it"));
        delays.sort_unstable_by(f64::total_cmp);
        let of = |part: f64| {
            let index = ((delays.len() as f64 * part) as usize).min(delays.len().saturating_sub(1));
            delays.get(index).copied().unwrap_or(f64::NAN)
        };
        let rate = self.rate;
        report.figure(format!("at {rate}/s: events written"), written as f64 / took.as_secs_f64(), "events/s");
        report.figure(format!("at {rate}/s: items delivered"), delays.len() as f64 / took.as_secs_f64(), "items/s");
        let due = written * (sockets as u64 / self.targets.len() as u64);
        let missing = due.saturating_sub(delays.len() as u64);
        report.target(format!("at {rate}/s: items missing"), missing as f64, "items", Target::AtMost(0.0));
        report.figure(format!("at {rate}/s: event to subscriber, p50"), of(0.5), "ms");
        match target_ms {
            Some(bound) => {
                report.target(format!("at {rate}/s: event to subscriber, p99"), of(0.99), "ms", Target::AtMost(bound));
            }
            None => report.figure(format!("at {rate}/s: event to subscriber, p99"), of(0.99), "ms"),
        }
        Ok(())
    }

    /// Writes at the phase's rate for `seconds`, each event at its own moment whether or not earlier ones have been
    /// answered. Returns how many events there are, and the time they took to be answered.
    async fn write(&self, seconds: u64, part: i64) -> anyhow::Result<(u64, Duration)> {
        let began = Instant::now();
        let count = self.rate * seconds;
        let mut calls = Vec::new();
        // A server that cannot keep the rate is asked later, which the events written a second show.
        let open = Arc::new(tokio::sync::Semaphore::new(MOST_OPEN));
        for number in 0..count {
            let due = began + Duration::from_nanos(number * 1_000_000_000 / self.rate);
            tokio::time::sleep_until(due.into()).await;
            let (business, metric) = &self.targets[number as usize % self.targets.len()];
            // Every phase has a time of its own after 2000, so that no point is recorded twice.
            let second = 946_684_800 + (self.rate as i64 * 2 + part) * 100_000 + number as i64;
            let at = jiff::Timestamp::from_second(second).context("an instant of this century")?;
            let input = json!({ "metricId": metric, "points": [{ "at": at.to_string(), "value": "1" }] });
            let client = business.writer.clone();
            let permit = open.clone().acquire_owned().await?;
            calls.push(tokio::spawn(async move {
                let recorded = record(&client, input).await;
                drop(permit);
                recorded
            }));
        }
        for call in calls {
            call.await??;
        }
        Ok((count, began.elapsed()))
    }
}

/// Requests that may be open at a time.
const MOST_OPEN: usize = 256;

async fn record(client: &Client, input: Value) -> anyhow::Result<()> {
    let query = "mutation($input: RecordMetricPointsInput!) {
        recordMetricPoints(input: $input) { position userErrors { code message } } }";
    loop {
        let data = client.call(query, json!({ "input": input })).await?;
        let payload = &data["recordMetricPoints"];
        if payload["position"].is_i64() {
            return Ok(());
        }
        anyhow::ensure!(payload["userErrors"][0]["code"] == "CONTENDED", "a point was refused: {payload}");
    }
}

async fn listen(mut socket: Socket, heard: Arc<Heard>) {
    loop {
        match socket.next().await {
            Incoming::Next { payload, .. } => {
                let now = jiff::Timestamp::now();
                let at = payload["data"]["tenantEvents"]["at"].as_str().and_then(|at| at.parse().ok());
                let Some(at) = at else {
                    heard.breaks.fetch_add(1, Ordering::Relaxed);
                    return;
                };
                if heard.recording.load(Ordering::Relaxed) {
                    let delay = now.duration_since(at).as_secs_f64() * 1000.0;
                    heard.delays_ms.lock().expect("no code panics while it holds it").push(delay);
                }
            }
            _ => {
                heard.breaks.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }
}

async fn define_metric(business: &Business) -> String {
    let defined = business
        .writer
        .done(
            "mutation($input: DefineMetricInput!) {
                defineMetric(input: $input) { metric { id } userErrors { code message } } }",
            json!({ "input": {
                "key": "pulse", "name": "Pulse", "unit": "beats", "kind": "FLOW", "timeZone": "UTC",
                "goodDirection": "UP",
            } }),
        )
        .await;
    defined["metric"]["id"].as_str().expect("a metric has an id").to_owned()
}
