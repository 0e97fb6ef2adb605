//! Several processes write to the same tenants, conflict, roll back, wait with locks in hand and are killed, while
//! others follow. In the end: no gap, no repetition, and everything that was acknowledged is there.

use std::{
    collections::{HashMap, HashSet},
    process::Stdio,
    time::Duration,
};

use dyocense_database::{Database, PoolSizes};
use dyocense_eventlog::*;
use futures::{StreamExt, future::join_all};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    sync::watch,
};

use super::*;

const URL: &str = "DYOCENSE_TEST_WRITER_URL";
const TENANTS: &str = "DYOCENSE_TEST_WRITER_TENANTS";
const SEED: &str = "DYOCENSE_TEST_WRITER_SEED";
const COMMANDS_PER_TASK: usize = 60;
const TASKS: u64 = 6;

/// Not a test: a writing process. Says what was acknowledged, a line each: `ack <tenant> <position> <event id>`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by other tests, as a process of its own"]
async fn writes_until_it_is_done_or_killed() {
    let Ok(url) = std::env::var(URL) else { return };
    let tenants: Vec<TenantId> =
        std::env::var(TENANTS).expect("tenants").split(',').map(|id| id.parse().expect("a tenant")).collect();
    let seed: u64 = std::env::var(SEED).expect("a seed").parse().expect("a number");
    let sizes = PoolSizes { writer: 6, reader: 4, projector: 1, vault: 1 };
    let pools = Database::connect(&url, sizes).await.expect("the pools open");
    let keyring = Keyring::new(MasterKey::new("test", [7; 32]), vec![]);
    let mut tries = 0;
    let log = loop {
        tries += 1;
        let (writer, reader) = (pools.writer.clone(), pools.reader.clone());
        match EventLog::open(writer, reader, keyring.clone(), Upcasters::new(), Options::default()).await {
            Ok(log) => break log,
            // Connections are ended while a process begins, too.
            Err(OpenError::Unavailable(_)) if tries < 100 => continue,
            Err(other) => panic!("the log does not open: {other}"),
        }
    };
    join_all((0..TASKS).map(|task| write(&log, &pools, &tenants, StdRng::seed_from_u64(seed * 100 + task)))).await;
    println!("done");
}

async fn write(log: &EventLog, pools: &Database, tenants: &[TenantId], mut random: StdRng) {
    for _ in 0..COMMANDS_PER_TASK {
        let tenant = tenants[random.random_range(0..tenants.len())];
        let name = format!("goal-{}", random.random_range(0..6));
        if random.random_ratio(1, 10) {
            roll_back(pools, tenant, &name, &mut random).await;
            continue;
        }
        let expected = match random.random_range(0..3) {
            0 => ExpectedVersion::Any,
            1 => ExpectedVersion::NoStream,
            _ => match log.read_stream(tenant, &stream(&name), i64::MAX, 1, Direction::Backward).await {
                Ok(last) => ExpectedVersion::Exact(last.first().map_or(0, |event| event.version)),
                Err(_) => continue,
            },
        };
        pause(&mut random).await;
        let mut append =
            keyed(&Uuid::now_v7().to_string(), 1, command(tenant, &name, expected, random.random_range(1..5)));
        if random.random_ratio(1, 4) {
            append.idempotency = None;
        }
        let ids: Vec<Uuid> = append.events.iter().map(|event| event.id).collect();
        let appended = loop {
            match log.append(append.clone()).await {
                // Whether it is in the log is unknown: with a key it is safe to ask again.
                Err(AppendError::Unavailable { .. }) if append.idempotency.is_some() => pause(&mut random).await,
                outcome => break outcome,
            }
        };
        match appended {
            Ok(appended) => {
                let lines: Vec<String> = (appended.first_position.get()..)
                    .zip(&ids)
                    .map(|(position, id)| format!("ack {tenant} {position} {id}"))
                    .collect();
                println!("{}", lines.join("\n"));
            }
            Err(AppendError::Conflict { .. } | AppendError::Unavailable { .. }) => {}
            Err(other) => panic!("unexpected: {other}"),
        }
    }
}

/// A transaction that appends, holds its locks for a while, and takes everything back.
async fn roll_back(pools: &Database, tenant: TenantId, name: &str, random: &mut StdRng) {
    let Ok(mut transaction) = pools.writer.begin().await else { return };
    let appended = sqlx::query("select log.append_one($1, $2, -1, now(), 'nobody', null, null, 'Never', '{}', $3)")
        .bind(tenant.uuid())
        .bind(name)
        .bind(vec![0_u8; 32])
        .execute(&mut *transaction)
        .await;
    if appended.is_ok() {
        pause(random).await;
    }
    let _ = transaction.rollback().await;
}

async fn pause(random: &mut StdRng) {
    if random.random_ratio(1, 2) {
        tokio::time::sleep(Duration::from_micros(random.random_range(0..8_000))).await;
    }
}

#[derive(Default)]
struct Acknowledged {
    positions: HashMap<Uuid, (TenantId, i64)>,
}

/// Runs a writing process; kills it after a number of acknowledgements, if it is to die.
async fn run_writer(url: &str, tenants: &str, seed: u64, dies_after: Option<usize>) -> Acknowledged {
    let mut child = Command::new(std::env::current_exe().expect("this process has a path"))
        .args(["--exact", "eventlog::processes::writes_until_it_is_done_or_killed", "--ignored", "--nocapture"])
        .env(URL, url)
        .env(TENANTS, tenants)
        .env(SEED, seed.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the test binary runs again");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let mut acknowledged = Acknowledged::default();
    let mut finished = false;
    while let Ok(Some(line)) = lines.next_line().await {
        finished |= line == "done";
        // The last line of a killed process may be cut.
        let words: Vec<&str> = line.split(' ').collect();
        if let ["ack", tenant, position, id] = words[..]
            && let (Ok(tenant), Ok(position), Ok(id)) = (tenant.parse(), position.parse(), id.parse())
        {
            acknowledged.positions.insert(id, (tenant, position));
        }
        if dies_after.is_some_and(|count| acknowledged.positions.len() >= count) {
            child.start_kill().expect("the writer can be killed");
        }
    }
    let status = child.wait().await.expect("the writer ends");
    assert!(finished && status.success() || dies_after.is_some(), "the writer failed: {status}");
    acknowledged
}

/// Follows a tenant until `stop` says its last position; goes on after the last event when a connection breaks.
async fn follow(
    log: EventLog,
    tenant: TenantId,
    mut stop: watch::Receiver<Option<HashMap<TenantId, i64>>>,
) -> Vec<Uuid> {
    let mut seen: Vec<Uuid> = Vec::new();
    let reached = |seen: &Vec<Uuid>, stop: &watch::Receiver<Option<HashMap<TenantId, i64>>>| {
        stop.borrow().as_ref().is_some_and(|heads| seen.len() as i64 >= heads[&tenant])
    };
    loop {
        let tail = log.tail(tenant, Position::new(seen.len() as i64).expect("position"));
        let mut tail = std::pin::pin!(tail);
        loop {
            if reached(&seen, &stop) {
                return seen;
            }
            tokio::select! {
                event = tail.next() => match event {
                    Some(Ok(event)) => {
                        assert_eq!(event.position.get(), seen.len() as i64 + 1, "a tail skipped or repeated");
                        seen.push(event.id);
                    }
                    Some(Err(ReadError::Unavailable(_))) | None => break,
                    Some(Err(other)) => panic!("the tail failed: {other}"),
                },
                changed = stop.changed() => changed.expect("the test goes on"),
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Breaks connections of the program at random until told to stop.
async fn break_connections(database: &TestDatabase, stop: &watch::Receiver<bool>, mut random: StdRng) -> usize {
    let mut superuser = database.superuser().await;
    let mut broken = 0;
    while !*stop.borrow() {
        tokio::time::sleep(Duration::from_millis(random.random_range(20..200))).await;
        let ended: Vec<bool> = sqlx::query_scalar(
            "select pg_terminate_backend(pid) from (
                 select pid from pg_stat_activity
                 where datname = current_database() and pid <> pg_backend_pid() order by random() limit 1) a",
        )
        .fetch_all(&mut superuser)
        .await
        .expect("the superuser may");
        broken += ended.len();
    }
    broken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_delivered_twice_or_out_of_order() {
    let database = dyocense_tests::database().await;
    let pools = database.pools().await;
    let log = open(&pools, &Keyring::new(MasterKey::new("test", [7; 32]), vec![]), Upcasters::new()).await;
    let tenants: Vec<TenantId> = (0..4).map(|_| TenantId::new()).collect();
    let listed = tenants.iter().map(TenantId::to_string).collect::<Vec<_>>().join(",");
    let seed: u64 = rand::random_range(0..1_000_000);
    println!("seed {seed}");

    let (heads, stop) = watch::channel(None);
    let followers: Vec<_> =
        tenants.iter().map(|&tenant| tokio::spawn(follow(log.clone(), tenant, stop.clone()))).collect();

    // Three places for writers; in each, one process after another: two are killed on the way, the last one finishes.
    let (calm, storm) = watch::channel(false);
    let writers = async {
        let places = join_all((0..3_u64).map(|place| {
            let (url, listed) = (&database.url, &listed);
            async move {
                let mut acknowledged = HashMap::new();
                for turn in 0..3 {
                    let mut random = StdRng::seed_from_u64(seed * 10 + place * 3 + turn);
                    let dies_after = (turn < 2).then(|| random.random_range(1..200));
                    let written = run_writer(url, listed, seed * 1_000 + place * 10 + turn, dies_after).await;
                    acknowledged.extend(written.positions);
                }
                acknowledged
            }
        }))
        .await;
        calm.send_replace(true);
        places.into_iter().flatten().collect::<HashMap<Uuid, (TenantId, i64)>>()
    };
    let (acknowledged, broken) =
        tokio::join!(writers, break_connections(&database, &storm, StdRng::seed_from_u64(seed)));
    println!("{} events acknowledged, {broken} connections broken", acknowledged.len());
    assert!(acknowledged.len() > 100, "the writers got somewhere");

    let mut histories = HashMap::new();
    for &tenant in &tenants {
        // The reader pool may still hold connections that were broken.
        let history = loop {
            let read = tokio::spawn({
                let log = log.clone();
                async move { history(&log, tenant).await }
            });
            if let Ok(history) = read.await {
                break history;
            }
        };
        assert_gapless(&history);
        histories.insert(tenant, history);
    }
    let ids: Vec<Uuid> = histories.values().flatten().map(|event| event.id).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "a command took effect twice");
    assert!(histories.values().flatten().all(|event| event.event_type != "Never"), "a rolled back event is in the log");
    for (id, (tenant, position)) in &acknowledged {
        let found = histories[tenant].get(*position as usize - 1).map(|event| event.id);
        assert_eq!(found, Some(*id), "the event acknowledged at position {position} is not there");
    }
    heads.send_replace(Some(histories.iter().map(|(tenant, history)| (*tenant, history.len() as i64)).collect()));
    for (follower, tenant) in followers.into_iter().zip(&tenants) {
        let seen = follower.await.expect("the follower saw every event once, in order");
        assert!(seen.into_iter().eq(histories[tenant].iter().map(|event| event.id)), "a tail differs from the log");
    }
}
