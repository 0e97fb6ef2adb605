use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use dyocense_eventlog::{Position, RecordedEvent, TenantId, TenantTx};
use dyocense_projections::{
    Options, Phase, Projections, Projector, ProjectorError, RebuildError, State, analytics, identity, projectors,
};

use super::{House, PATIENCE, fold, history};

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_gives_the_same_rows() {
    let house = House::build().await;
    let running = house.projections.start();
    let mut tenants = Vec::new();
    for seed in 40..44 {
        let (tenant, history) = (TenantId::new(), history::random(seed, 300));
        let last = fold::append(&house, tenant, &history, seed).await;
        house.reach(tenant, last).await;
        tenants.push((tenant, history));
    }
    let before = house.rows("read_models").await;
    let mut phases = Vec::new();
    let rebuilt = house.projections.rebuild(|progress| phases.push(progress.phase)).await.unwrap();
    assert_eq!(rebuilt.tenants, 4);
    assert_eq!(phases.first(), Some(&Phase::Building));
    assert_eq!(phases.last(), Some(&Phase::Done));
    let after = house.rows("read_models").await;
    assert!(before.len() > 500, "{} rows", before.len());
    assert_eq!(before, after);
    let mut superuser = house.database.superuser().await;
    let left: Vec<String> =
        sqlx::query_scalar("select nspname::text from pg_namespace where nspname ~ '^(gen|retired)_'")
            .fetch_all(&mut superuser)
            .await
            .unwrap();
    assert_eq!(left, Vec::<String>::new());
    for (tenant, history) in tenants {
        let mut snapshot = house.projections.snapshot(tenant).await.unwrap();
        assert_eq!(fold::queried(&mut snapshot).await, history::sum(&history));
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_writes_go_on_during_rebuilds_and_nothing_ever_goes_backwards() {
    let house = Arc::new(House::build().await);
    let running = house.projections.start();
    let tenant = TenantId::new();
    let written = history::random(50, 700);
    let last = fold::append(&house, tenant, &written[..100], 1).await;
    house.reach(tenant, last).await;

    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (house, done) = (house.clone(), done.clone());
            tokio::spawn(async move {
                let (mut reached, mut reads, mut most) = (Position::START, 0_u32, 0);
                while !done.load(Ordering::Relaxed) {
                    let mut snapshot = house.projections.snapshot(tenant).await.unwrap();
                    assert!(snapshot.position() >= reached, "{} after {reached}", snapshot.position());
                    reached = snapshot.position();
                    assert!(identity::business(&mut snapshot).await.unwrap().is_some());
                    let transactions = analytics::sales_totals(&mut snapshot).await.unwrap().transactions;
                    // Transactions are never taken away in this history.
                    assert!(transactions >= most, "{transactions} after {most}");
                    (most, reads) = (transactions, reads + 1);
                }
                reads
            })
        })
        .collect();
    let writer = {
        let (house, rest) = (house.clone(), written[100..].to_vec());
        tokio::spawn(async move { fold::append(&house, tenant, &rest, 2).await })
    };
    for _ in 0..4 {
        house.projections.rebuild(|_| {}).await.unwrap();
    }
    let last = writer.await.unwrap();
    house.reach(tenant, last).await;
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 10);
    }
    let mut snapshot = house.projections.snapshot(tenant).await.unwrap();
    assert_eq!(fold::queried(&mut snapshot).await, history::sum(&written));
    drop(snapshot);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rebuilds_do_not_run_at_once() {
    let house = House::build().await;
    let (_pools, _log, other) = house.replica().await;
    fold::append(&house, TenantId::new(), &history::random(60, 200), 1).await;
    let mut second = None;
    let first = house.projections.rebuild(|progress| {
        if progress.phase == Phase::Building && second.is_none() {
            let other = other.clone();
            second = Some(tokio::spawn(async move { other.rebuild(|_| {}).await }));
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
    });
    first.await.unwrap();
    let refused = second.unwrap().await.unwrap();
    assert!(matches!(refused, Err(RebuildError::Running)), "{refused:?}");
}

/// A projector that a newer version of the program brings.
struct Newer;

#[async_trait]
impl Projector for Newer {
    fn name(&self) -> &'static str {
        "newer"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        "create table newer_events (tenant_id uuid not null, position bigint not null, primary key (tenant_id, position))"
    }

    fn handles(&self, _event_type: &str) -> bool {
        true
    }

    async fn apply(&self, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError> {
        let positions: Vec<i64> = events.iter().map(|event| event.position.get()).collect();
        sqlx::query("insert into newer_events select $1, * from unnest($2::int8[])")
            .bind(tx.tenant().uuid())
            .bind(positions)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_of_the_program_rebuilds_and_the_old_one_leaves_its_rows_alone() {
    let house = House::build().await;
    let old = house.projections.start();
    let tenant = TenantId::new();
    let last = fold::append(&house, tenant, &history::random(70, 100), 1).await;
    house.reach(tenant, last).await;

    let mut newer = projectors();
    newer.push(Arc::new(Newer));
    let pools = house.database.pools().await;
    let next = Projections::open_with(
        newer,
        house.log.clone(),
        pools.projector.clone(),
        pools.reader.clone(),
        Options::default(),
    )
    .await
    .unwrap();
    assert_eq!(next.state(), State::Outdated);
    // What there is can be read meanwhile.
    assert_eq!(next.snapshot(tenant).await.unwrap().position(), last);
    let running = next.start();
    assert!(next.rebuild_if_outdated(|_| {}).await.unwrap().is_some());
    assert!(next.rebuild_if_outdated(|_| {}).await.unwrap().is_none());
    let metric = dyocense_domain::ids::MetricId::from(uuid::Uuid::now_v7());
    let event = history::defined(metric, "more", dyocense_domain::metrics::MetricSource::Recorded);
    let further = house.append(tenant, &metric.stream(), &[event]).await;
    next.wait_for(tenant, further, PATIENCE).await.unwrap();
    assert_eq!(next.state(), State::Current);
    let mut superuser = house.database.superuser().await;
    let counted: i64 =
        sqlx::query_scalar("select count(*) from read_models.newer_events").fetch_one(&mut superuser).await.unwrap();
    assert_eq!(counted, further.get());
    old.stop().await;
    running.stop().await;
}
