use dyocense_domain::goals::{GoalAtRisk, GoalCreated, GoalEvent, GoalStatus};
use dyocense_domain::ids::{GoalId, MetricId, UserId};
use dyocense_domain::metrics::{MetricEvent, MetricSource};
use dyocense_eventlog::{NewEvent, TenantId};
use dyocense_projections::{ParkedError, goals, metrics};
use serde_json::json;
use uuid::Uuid;

use super::{House, history};

fn created(goal_id: GoalId, title: &str) -> GoalEvent {
    let owner = UserId::from(Uuid::now_v7());
    GoalCreated {
        goal_id,
        plan: history::plan(title, owner, None),
        milestones: vec![],
        feasibility: history::feasibility(),
        acknowledgement: None,
        created_by: owner,
    }
    .into()
}

fn at_risk() -> GoalEvent {
    GoalAtRisk { pace: history::pace(1, GoalStatus::AtRisk) }.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_event_parks_its_stream_and_no_other() {
    let house = House::build().await;
    let running = house.projections.start();
    let tenant = TenantId::new();
    let (sick, well) = (GoalId::from(Uuid::now_v7()), GoalId::from(Uuid::now_v7()));
    house.append(tenant, &sick.stream(), &[created(sick, "sick")]).await;
    let poison = NewEvent::new("GoalAtRisk", 1, json!({"pace": "not a pace"}));
    let at = house.append_raw(tenant, &sick.stream(), vec![poison]).await;
    house.append(tenant, &sick.stream(), &[at_risk()]).await;
    let last = house.append(tenant, &well.stream(), &[created(well, "well"), at_risk()]).await;
    house.reach(tenant, last).await;

    let parked = house.projections.parked().await.unwrap();
    let who: Vec<_> = parked.iter().map(|p| (p.projection.as_str(), p.stream.clone(), p.position)).collect();
    assert_eq!(who.len(), 2, "both projections that read goals: {parked:?}");
    assert!(who.contains(&("goals", sick.stream(), at)) && who.contains(&("notifications", sick.stream(), at)));
    assert!(parked[0].reason.contains("GoalAtRisk"), "{}", parked[0].reason);
    let mut snapshot = house.projections.snapshot(tenant).await.unwrap();
    assert_eq!(goals::goal(&mut snapshot, sick).await.unwrap().unwrap().status, GoalStatus::OnTrack);
    assert_eq!(goals::goal(&mut snapshot, well).await.unwrap().unwrap().status, GoalStatus::AtRisk);
    drop(snapshot);

    // The program was not mended: it stays parked.
    let refused = house.projections.retry(tenant, "goals", &sick.stream()).await;
    assert!(matches!(refused, Err(ParkedError::StillPoison { position, .. }) if position == at), "{refused:?}");
    assert_eq!(house.projections.parked().await.unwrap().len(), 2);

    // Skipped, what waited behind it is applied.
    assert_eq!(house.projections.skip(tenant, "goals", &sick.stream()).await.unwrap(), 1);
    let mut snapshot = house.projections.snapshot(tenant).await.unwrap();
    assert_eq!(goals::goal(&mut snapshot, sick).await.unwrap().unwrap().status, GoalStatus::AtRisk);
    drop(snapshot);

    // Discarded, the stream is left alone, also by what comes after.
    house.projections.discard(tenant, "notifications", &sick.stream()).await.unwrap();
    assert_eq!(house.projections.parked().await.unwrap(), vec![]);
    let last = house.append(tenant, &sick.stream(), &[at_risk()]).await;
    house.reach(tenant, last).await;
    let again = house.projections.discard(tenant, "notifications", &sick.stream()).await;
    assert!(matches!(again, Err(ParkedError::NotParked { .. })));

    // A rebuild keeps to what was decided.
    let before = house.rows("read_models").await;
    house.projections.rebuild(|_| {}).await.unwrap();
    assert_eq!(house.projections.parked().await.unwrap(), vec![]);
    assert_eq!(house.rows("read_models").await, before);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_refuses_is_parked_and_can_be_retried() {
    let house = House::build().await;
    let running = house.projections.start();
    let tenant = TenantId::new();
    let (first, second) = (MetricId::from(Uuid::now_v7()), MetricId::from(Uuid::now_v7()));
    let define = |id, key| -> MetricEvent { history::defined(id, key, MetricSource::Recorded) };
    house.append(tenant, &first.stream(), &[define(first, "visits")]).await;
    // A second metric of the same key breaks the unique index, which names no event.
    let at = house.append(tenant, &second.stream(), &[define(second, "visits")]).await;
    let third = MetricId::from(Uuid::now_v7());
    let last = house.append(tenant, &third.stream(), &[define(third, "signups")]).await;
    house.reach(tenant, last).await;

    let parked = house.projections.parked().await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].stream.clone(), parked[0].position), (second.stream(), at));
    let mut snapshot = house.projections.snapshot(tenant).await.unwrap();
    assert!(metrics::metric(&mut snapshot, third).await.unwrap().is_some());
    assert!(metrics::metric(&mut snapshot, second).await.unwrap().is_none());
    drop(snapshot);

    // The cause goes away.
    let mut superuser = house.database.superuser().await;
    sqlx::query("update read_models.metrics set key = 'other' where metric_id = $1")
        .bind(Uuid::from(first))
        .execute(&mut superuser)
        .await
        .unwrap();
    assert_eq!(house.projections.retry(tenant, "metrics", &second.stream()).await.unwrap(), 1);
    assert_eq!(house.projections.parked().await.unwrap(), vec![]);
    let mut snapshot = house.projections.snapshot(tenant).await.unwrap();
    assert!(metrics::metric(&mut snapshot, second).await.unwrap().is_some());
    drop(snapshot);
    running.stop().await;
}
