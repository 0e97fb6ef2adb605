//! The crash loop: the program and its Postgres are killed at random moments while clients write and listen through
//! the public API. What was acknowledged must be there, once, in order; listeners must have missed nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::{Business, CallError, Client, DataDir, Incoming, Program, ProgramOptions, Socket, free_port};

/// How hard to shake.
#[derive(Debug, Clone)]
pub struct CrashLoop {
    pub rounds: u32,
    pub businesses: u32,
    /// Clients that write to each business, half of them to the same metric.
    pub writers: u32,
    pub seed: u64,
    /// Called after each round.
    pub progress: fn(round: u32, acknowledged: u64),
}

/// What was seen. All but the first four must be empty or zero.
#[derive(Debug, Default)]
pub struct Outcome {
    pub acknowledged: u64,
    /// Commands that had to be sent more than once until an answer came.
    pub retried: u64,
    pub delivered: u64,
    /// From each kill until the program was ready again.
    pub recoveries: Vec<Duration>,
    pub violations: Vec<String>,
}

/// One command that was acknowledged.
struct Acknowledged {
    position: i64,
    instants: Vec<String>,
    metric: usize,
}

const RECORD: &str = "mutation($input: RecordMetricPointsInput!, $key: String!) {
    recordMetricPoints(input: $input, idempotencyKey: $key) { position added userErrors { code message } } }";

/// Runs the loop with a program and a Postgres of its own.
pub async fn run(plan: CrashLoop) -> Outcome {
    let data = DataDir::new("faults");
    let options = ProgramOptions {
        data_dir: Some(data.path().to_owned()),
        port: Some(free_port()),
        log: Some(data.path().join("program.log")),
        environment: vec![("DYOCENSE_AUTH_ATTEMPTS_PER_MINUTE".to_owned(), "10000".to_owned())],
        ..ProgramOptions::default()
    };
    let program = Program::serve(options.clone()).await;
    let client = Client::new(&program.url());
    let socket_url = program.socket_url();

    let mut businesses = Vec::new();
    for _ in 0..plan.businesses {
        let business = Business::register(&client).await;
        let metrics = join_all((0..plan.writers).map(|number| define_metric(&business, number))).await;
        businesses.push((business, metrics));
    }

    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = businesses
        .iter()
        .enumerate()
        .flat_map(|(b, (business, metrics))| {
            let (stop, acknowledged) = (&stop, &acknowledged);
            (0..plan.writers as usize).map(move |w| {
                // The first half share a metric, so that their commands conflict; the others have one each.
                let metric = if w < metrics.len() / 2 { 0 } else { w };
                let writer = Writer {
                    client: business.writer.clone(),
                    metric,
                    metric_id: metrics[metric].clone(),
                    name: format!("{b}-{w}"),
                    first_day: w as i64 * 1_000,
                    random: StdRng::seed_from_u64(plan.seed ^ ((b as u64) << 32) ^ w as u64),
                };
                (b, tokio::spawn(writer.write(Arc::clone(stop), Arc::clone(acknowledged))))
            })
        })
        .collect();
    let listeners: Vec<_> = businesses
        .iter()
        .map(|(business, _)| {
            let head = Arc::new(AtomicI64::new(i64::MAX));
            (Arc::clone(&head), tokio::spawn(listen(socket_url.clone(), business.auditor_key.clone(), head)))
        })
        .collect();

    let mut random = StdRng::seed_from_u64(plan.seed);
    let mut outcome = Outcome::default();
    let program = shake(program, &options, &plan, &mut random, &acknowledged, &mut outcome).await;

    stop.store(true, Ordering::Relaxed);
    let mut written: HashMap<usize, Vec<Acknowledged>> = HashMap::new();
    for (business, writer) in writers {
        let (commands, retried) = writer.await.expect("a writer does not panic");
        outcome.retried += retried;
        outcome.acknowledged += commands.len() as u64;
        written.entry(business).or_default().extend(commands);
    }
    for (b, ((business, metrics), (last, listener))) in businesses.iter().zip(listeners).enumerate() {
        let commands = written.remove(&b).unwrap_or_default();
        let head = commands.iter().map(|command| command.position).max().unwrap_or(0);
        last.store(head, Ordering::Relaxed);
        verify(b, business, metrics, &commands, &mut outcome).await;
        let heard = listener.await.expect("a listener does not panic");
        outcome.delivered += heard.len() as u64;
        if !heard.iter().copied().eq(1..=heard.len() as i64) {
            outcome.violations.push(format!("business {b}: a listener heard positions out of order or with holes"));
        }
        if (heard.len() as i64) < head {
            outcome.violations.push(format!("business {b}: a listener heard {} of {head} events", heard.len()));
        }
    }
    if !outcome.violations.is_empty() {
        // Kept for whoever looks into it.
        let log = std::fs::read_to_string(data.path().join("program.log")).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(200).collect();
        for line in tail.iter().rev() {
            eprintln!("{line}");
        }
    }
    drop(program);
    outcome
}

/// The rounds: let the clients work for a random moment, then kill the program, its Postgres, or both.
async fn shake(
    mut program: Program,
    options: &ProgramOptions,
    plan: &CrashLoop,
    random: &mut StdRng,
    acknowledged: &AtomicU64,
    outcome: &mut Outcome,
) -> Program {
    let data_dir: PathBuf = options.data_dir.clone().expect("the loop's program has a directory");
    for round in 1..=plan.rounds {
        tokio::time::sleep(Duration::from_millis(random.random_range(20..600))).await;
        let killed = Instant::now();
        match random.random_range(0..4) {
            0 => kill_postgres(&data_dir),
            1 => {
                kill_postgres(&data_dir);
                program.kill();
                program = Program::spawn(options);
            }
            _ => {
                program.kill();
                // Sometimes at once, while the old Postgres is still ending; sometimes later.
                tokio::time::sleep(Duration::from_millis(random.random_range(0..50))).await;
                program = Program::spawn(options);
                // Now and then the new one does not get far either.
                if random.random_range(0..5) == 0 {
                    tokio::time::sleep(Duration::from_millis(random.random_range(0..300))).await;
                    program.kill();
                    program = Program::spawn(options);
                }
            }
        }
        let before = acknowledged.load(Ordering::Relaxed);
        program.until_ready().await;
        outcome.recoveries.push(killed.elapsed());
        // A round after which nobody got anything done shows nothing.
        let asked = Instant::now();
        while acknowledged.load(Ordering::Relaxed) == before {
            if asked.elapsed() > Duration::from_secs(60) {
                outcome.violations.push(format!("round {round}: ready, but no command was done for a minute"));
                return program;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        (plan.progress)(round, acknowledged.load(Ordering::Relaxed));
    }
    program
}

fn kill_postgres(data_dir: &Path) {
    let file = std::fs::read_to_string(data_dir.join("postgres/postmaster.pid")).unwrap_or_default();
    if let Some(pid) = file.lines().next().and_then(|line| line.trim().parse().ok()) {
        // It may have ended just now.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

async fn define_metric(business: &Business, number: u32) -> String {
    let defined = business
        .writer
        .done(
            "mutation($input: DefineMetricInput!) {
                defineMetric(input: $input) { metric { id } userErrors { code message } } }",
            json!({ "input": {
                "key": format!("trial_{number}"), "name": "Trial", "unit": "pieces", "kind": "FLOW",
                "timeZone": "UTC", "goodDirection": "UP",
            } }),
        )
        .await;
    defined["metric"]["id"].as_str().expect("a metric has an id").to_owned()
}

struct Writer {
    client: Client,
    metric: usize,
    metric_id: String,
    name: String,
    /// Where this writer's own instants begin: no two commands name the same one.
    first_day: i64,
    random: StdRng,
}

impl Writer {
    /// Writes until told to stop, each command until it is answered. Returns what was acknowledged, and how many
    /// commands took more than one call.
    async fn write(mut self, stop: Arc<AtomicBool>, acknowledged: Arc<AtomicU64>) -> (Vec<Acknowledged>, u64) {
        let mut done = Vec::new();
        let mut retried = 0;
        let mut instant = jiff::Timestamp::from_second(self.first_day * 86_400).expect("a day of this century");
        for number in 0u64.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let instants: Vec<String> = (0..self.random.random_range(1..4))
                .map(|_| {
                    instant += jiff::SignedDuration::from_secs(1);
                    instant.to_string()
                })
                .collect();
            let points: Vec<Value> = instants.iter().map(|at| json!({ "at": at, "value": "1" })).collect();
            let variables = json!({
                "input": { "metricId": self.metric_id, "points": points },
                "key": format!("{}-{number}", self.name),
            });
            let mut calls = 0u64;
            let position = loop {
                calls += 1;
                match self.client.call(RECORD, variables.clone()).await {
                    Ok(data) => {
                        let payload = &data["recordMetricPoints"];
                        // Contention is a refusal that asks to be tried again; no other one is due.
                        match payload["position"].as_i64() {
                            Some(position) => break position,
                            None => assert_eq!(payload["userErrors"][0]["code"], "CONTENDED", "{payload}"),
                        }
                    }
                    Err(CallError::Network(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                    Err(CallError::Faults(errors)) => {
                        let code = &errors[0]["extensions"]["code"];
                        assert!(code == "UNAVAILABLE" || code == "BEHIND", "an unexpected fault: {errors}");
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                }
            };
            retried += u64::from(calls > 1);
            acknowledged.fetch_add(1, Ordering::Relaxed);
            done.push(Acknowledged { position, instants, metric: self.metric });
        }
        (done, retried)
    }
}

/// How long a listener waits for the last events once it is known which they are.
const PATIENCE: Duration = Duration::from_secs(60);

/// Listens to all events of a business from its first one, resuming behind the last one after every break, as far as
/// `head` once that is known. Returns the positions in the order they came.
async fn listen(url: String, key: String, head: Arc<AtomicI64>) -> Vec<i64> {
    let mut heard: Vec<i64> = Vec::new();
    let mut known_since: Option<Instant> = None;
    let mut is_over = |heard: &[i64]| {
        let head = head.load(Ordering::Relaxed);
        if head == i64::MAX {
            return false;
        }
        let waited = known_since.get_or_insert_with(Instant::now).elapsed();
        heard.last().copied().unwrap_or(0) >= head || waited > PATIENCE
    };
    while !is_over(&heard) {
        let subscribed = async {
            let mut socket = Socket::connect(&url, &key).await?;
            let after = heard.last().copied().unwrap_or(0);
            let query = "subscription($after: Position!) { tenantEvents(after: $after) { position } }";
            socket.subscribe("events", query, json!({ "after": after })).await?;
            Ok::<_, CallError>(socket)
        };
        let Ok(mut socket) = subscribed.await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        while !is_over(&heard) {
            match tokio::time::timeout(Duration::from_millis(200), socket.next()).await {
                Ok(Incoming::Next { payload, .. }) => match payload["data"]["tenantEvents"]["position"].as_i64() {
                    Some(position) => heard.push(position),
                    None => break,
                },
                // A server whose Postgres died ends its live queries with an error; the client comes again.
                Ok(_) => break,
                Err(_) => {}
            }
        }
    }
    heard
}

/// Compares the whole history and the read models of a business with what its writers were told.
async fn verify(
    number: usize,
    business: &Business,
    metrics: &[String],
    commands: &[Acknowledged],
    outcome: &mut Outcome,
) {
    let mut wrong = |what: String| outcome.violations.push(format!("business {number}: {what}"));
    let events = history(&business.auditor).await;

    let mut versions: HashMap<&str, i64> = HashMap::new();
    let mut recorded: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    let mut instants: HashMap<(&str, String), i64> = HashMap::new();
    for (event, due) in events.iter().zip(1i64..) {
        let position = event["position"].as_i64().unwrap_or_default();
        if position != due {
            wrong(format!("position {position} where {due} was due"));
            return;
        }
        let stream = event["stream"].as_str().unwrap_or_default();
        let version = versions.entry(stream).or_default();
        *version += 1;
        if event["version"].as_i64() != Some(*version) {
            wrong(format!("position {position}: version {} of {stream} where {version} was due", event["version"]));
        }
        if event["type"] != "MetricPointsRecorded" {
            continue;
        }
        for point in event["data"]["points"].as_array().into_iter().flatten() {
            let at = point["at"].as_str().unwrap_or_default().to_owned();
            if let Some(earlier) = instants.insert((stream, at.clone()), position) {
                wrong(format!("the point of {at} was recorded twice, at {earlier} and {position}"));
            }
            recorded.entry(position).or_default().insert(at);
        }
    }

    let mut points = vec![0u64; metrics.len()];
    for command in commands {
        points[command.metric] += command.instants.len() as u64;
        let due: BTreeSet<String> = command.instants.iter().cloned().collect();
        if recorded.get(&command.position) != Some(&due) {
            wrong(format!("the command acknowledged at {} is not there", command.position));
        }
    }
    // Every command was repeated until it was acknowledged, so what was recorded is what was acknowledged.
    let acknowledged: u64 = points.iter().sum();
    if instants.len() as u64 != acknowledged {
        wrong(format!("{} points are recorded, {acknowledged} were acknowledged", instants.len()));
    }

    for (metric, due) in metrics.iter().zip(points) {
        let query = "query($id: ID!, $reached: Position!) { metric(id: $id, minPosition: $reached) { pointCount } }";
        let answer = business.auditor.call(query, json!({ "id": metric, "reached": events.len() })).await;
        match answer {
            Ok(data) if data["metric"]["pointCount"].as_u64() == Some(due) => {}
            Ok(data) => wrong(format!("the read model says {data}, {due} points were acknowledged")),
            Err(error) => wrong(format!("the read model could not be asked: {error}")),
        }
    }
}

/// All events of the business, by the audit feed.
async fn history(auditor: &Client) -> Vec<Value> {
    let query = "query($after: String) { auditEvents(first: 500, after: $after) {
        edges { node { position stream version type data } } pageInfo { hasNextPage endCursor } } }";
    let mut events = Vec::new();
    let mut after = Value::Null;
    loop {
        let data = auditor.call(query, json!({ "after": after })).await.expect("the audit feed answers");
        let page = &data["auditEvents"];
        let edges = page["edges"].as_array().expect("a page has edges");
        events.extend(edges.iter().map(|edge| edge["node"].clone()));
        if page["pageInfo"]["hasNextPage"] != true {
            return events;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}
