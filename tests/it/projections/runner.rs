use std::time::Duration;

use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::{MetricEvent, MetricPointsRecorded, MetricSource, Point};
use dyocense_eventlog::TenantId;
use dyocense_projections::{Lag, Projected};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{House, PATIENCE, fold, history};

fn point(number: i64) -> MetricEvent {
    let points = vec![Point { at: history::at(number), value: Decimal::from(number) }];
    MetricPointsRecorded { points, corrected: 0, late: 0, import_id: None }.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_runners_share_the_work_and_each_event_counts_once() {
    let house = House::build().await;
    let (_other_pools, _other_log, other) = house.replica().await;
    let mine = house.projections.start();
    let theirs = other.start();
    let tenants: Vec<(TenantId, Vec<_>)> = (20..26).map(|seed| (TenantId::new(), history::random(seed, 150))).collect();
    let writing = tenants.iter().map(|(tenant, history)| fold::append(&house, *tenant, history, 1));
    let lasts = futures::future::join_all(writing).await;
    for ((tenant, history), last) in tenants.iter().zip(lasts) {
        // Whoever projected it: both come to know.
        house.reach(*tenant, last).await;
        other.wait_for(*tenant, last, PATIENCE).await.unwrap();
        let mut snapshot = other.snapshot(*tenant).await.unwrap();
        assert_eq!(fold::queried(&mut snapshot).await, history::sum(history));
    }
    assert_eq!(house.projections.lag().await.unwrap(), Lag::default());
    mine.stop().await;
    theirs.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_runners_lose_and_repeat_nothing() {
    let house = House::build().await;
    let tenant = TenantId::new();
    let history = history::random(31, 400);
    let killing = async {
        for round in 0..30_u64 {
            let running = house.projections.start();
            tokio::time::sleep(Duration::from_millis(round * 7 % 40)).await;
            // Dropped where it is: its transaction is rolled back by the connection's next user, or by the server.
            drop(running);
            if round % 5 == 0 {
                let mut superuser = house.database.superuser().await;
                sqlx::query(
                    "select pg_terminate_backend(pid) from pg_stat_activity
                     where application_name = 'dyocense_projector' and datname = current_database()",
                )
                .execute(&mut superuser)
                .await
                .unwrap();
            }
        }
    };
    let (last, ()) = tokio::join!(fold::append(&house, tenant, &history, 2), killing);
    let running = house.projections.start();
    house.reach(tenant, last).await;
    let mut snapshot = house.projections.snapshot(tenant).await.unwrap();
    assert_eq!(fold::queried(&mut snapshot).await, history::sum(&history));
    drop(snapshot);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_and_listening_tell_how_far_the_read_models_are() {
    let house = House::build().await;
    let tenant = TenantId::new();
    let metric = MetricId::from(Uuid::now_v7());
    let events = [history::defined(metric, "visits", MetricSource::Recorded), point(1)];
    let last = house.append(tenant, &metric.stream(), &events).await;

    // Nobody projects yet.
    let lag = house.projections.lag().await.unwrap();
    assert_eq!(lag, Lag { tenants: 1, events: 2 });
    let refused = house.projections.wait_for(tenant, last, Duration::from_millis(100)).await.unwrap_err();
    assert_eq!(refused.wanted, last);

    let mut projected = house.projections.subscribe_projected();
    let running = house.projections.start();
    house.reach(tenant, last).await;
    let told = projected.recv().await.unwrap();
    assert_eq!(told, Projected { tenant, position: last });
    let next = house.append(tenant, &metric.stream(), &[point(2)]).await;
    house.reach(tenant, next).await;
    assert_eq!(house.projections.snapshot(tenant).await.unwrap().position(), next);
    running.stop().await;
}
