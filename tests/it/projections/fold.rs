use std::collections::BTreeMap;

use dyocense_domain::goals::GoalStatus;
use dyocense_eventlog::{Position, TenantId};
use dyocense_projections::{Keyset, Snapshot, analytics, goals, identity, metrics};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::House;
use super::history::{self, Sum, Written};

/// Appends a history in commands of random size, and returns its last position.
pub async fn append(house: &House, tenant: TenantId, history: &[Written], seed: u64) -> Position {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut last = Position::START;
    let mut rest = history;
    while let Some(first) = rest.first() {
        let most = rng.random_range(1..8);
        let count = rest.iter().take(most).take_while(|next| next.stream == first.stream).count();
        let (command, behind) = rest.split_at(count);
        rest = behind;
        let events = command.iter().map(|written| written.fact.to_new()).collect();
        last = house.append_raw(tenant, &first.stream, events).await;
    }
    last
}

/// What the queries say, in the words of the plain fold.
pub async fn queried(snapshot: &mut Snapshot) -> Sum {
    let all = || Keyset::first(10_000);
    let mut sum = Sum { business: identity::business(snapshot).await.unwrap().map(|row| row.name), ..Sum::default() };
    for user in identity::users(snapshot, false, &all()).await.unwrap().items {
        assert_eq!(user.email, Some(format!("{}@example.com", user.user_id)));
        sum.users.insert(user.user_id, format!("{:?}", user.role));
    }
    let sessions = identity::active_sessions(snapshot, None, Timestamp::UNIX_EPOCH, &all()).await.unwrap();
    sum.open_sessions = sessions.items.into_iter().map(|row| row.session_id).collect();
    for metric in metrics::metrics(snapshot, false, &Keyset::first(100)).await.unwrap().items {
        let points = metrics::points(snapshot, &metric, Timestamp::MIN, Timestamp::MAX).await.unwrap();
        assert_eq!(metrics::point_count(snapshot, &metric).await.unwrap(), points.len() as u64);
        assert_eq!(metrics::latest_point(snapshot, &metric).await.unwrap().as_ref(), points.last());
        assert_eq!(metrics::first_point(snapshot, &metric).await.unwrap().as_ref(), points.first());
        if !points.is_empty() {
            let points = points.into_iter().map(|point| (point.at, point.value));
            sum.points.insert(metric.metric_id, points.collect::<BTreeMap<_, _>>());
        }
    }
    let keys: Vec<String> = (0..200).map(|i| format!("t{i}")).collect();
    for (key, t) in analytics::transactions_by_key(snapshot, &keys).await.unwrap() {
        sum.transactions.insert(key, (t.order, t.customer, t.day, t.units, t.amount));
    }
    let (from, to) = (jiff::civil::date(1990, 1, 1), jiff::civil::date(2100, 1, 1));
    for day in analytics::daily_sales(snapshot, from, to).await.unwrap() {
        let row = (day.transactions, day.orders, day.units, day.revenue, day.customers, day.new_customers);
        sum.days.insert(day.day, row);
    }
    let totals = analytics::sales_totals(snapshot).await.unwrap();
    assert_eq!(totals.transactions, sum.transactions.len() as i64);
    assert_eq!(
        (totals.first_day, totals.last_day),
        (sum.days.keys().next().copied(), sum.days.keys().next_back().copied())
    );
    let customers: std::collections::BTreeSet<_> = sum.transactions.values().filter_map(|t| t.1.clone()).collect();
    assert_eq!(totals.customers, customers.len() as i64);
    let listed = analytics::customers(snapshot, &Keyset::first(100)).await.unwrap();
    assert_eq!(listed.items.into_iter().map(|row| row.customer).collect::<Vec<_>>(), Vec::from_iter(customers));
    for goal in goals::goals(snapshot, &goals::GoalFilter::default(), &all()).await.unwrap().items {
        let progress = goals::progress(snapshot, goal.goal_id, &Keyset::first(10_000)).await.unwrap().items.len();
        let milestones = goals::milestones(snapshot, &[goal.goal_id]).await.unwrap();
        let reached = milestones.iter().filter(|milestone| milestone.reached_on.is_some()).count();
        sum.goals.insert(goal.goal_id, (goal.title, goal.status, progress, reached));
    }
    sum
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_equal_a_straight_fold_however_the_log_is_cut_into_batches() {
    let house = House::build().await;
    // Half of the histories are projected while they are written, the others in one go.
    let running = house.projections.start();
    let mut tenants = Vec::new();
    for seed in 0..6 {
        let tenant = TenantId::new();
        let history = history::random(seed, 350);
        let last = append(&house, tenant, &history, seed).await;
        tenants.push((tenant, history, last));
    }
    running.stop().await;
    for seed in 6..10 {
        let tenant = TenantId::new();
        let history = history::random(seed, 350);
        let last = append(&house, tenant, &history, seed).await;
        tenants.push((tenant, history, last));
    }
    let running = house.projections.start();
    for (tenant, history, last) in tenants {
        house.reach(tenant, last).await;
        let mut snapshot = house.projections.snapshot(tenant).await.unwrap();
        assert_eq!(snapshot.position(), last);
        let expected = history::sum(&history);
        assert!(expected.goals.values().any(|goal| goal.1 == GoalStatus::AtRisk), "the history is too plain");
        assert_eq!(queried(&mut snapshot).await, expected);
    }
    running.stop().await;
    assert_eq!(house.projections.parked().await.unwrap(), vec![]);
}

#[tokio::test(flavor = "multi_thread")]
async fn derived_metrics_follow_from_transactions() {
    use dyocense_domain::ids::{ImportId, MetricId};
    use dyocense_domain::metrics::MetricSource;
    use rust_decimal::Decimal;
    use uuid::Uuid;

    let house = House::build().await;
    let running = house.projections.start();
    let tenant = TenantId::new();
    let mut ids = Vec::new();
    for key in ["revenue", "orders", "units", "customers", "new_customers", "returning_rate", "average_order_value"] {
        let id = MetricId::from(Uuid::now_v7());
        house.append(tenant, &id.stream(), &[history::defined(id, key, MetricSource::Derived)]).await;
        ids.push(key);
    }
    let import = ImportId::from(Uuid::now_v7());
    let (first, second) = (jiff::civil::date(2026, 3, 1), jiff::civil::date(2026, 3, 2));
    let batch = vec![
        history::transaction("1", Some("ann"), first, 1_000),
        history::transaction("2", Some("bob"), first, 2_000),
        history::transaction("3", Some("ann"), second, 500),
        history::transaction("4", Some("cid"), second, 250),
        history::transaction("5", Some("ann"), second, -50),
    ];
    let events = [history::import_started(import), history::imported(1, batch)];
    let last = house.append(tenant, &import.stream(), &events).await;
    house.reach(tenant, last).await;

    let mut snapshot = house.projections.snapshot(tenant).await.unwrap();
    let mut values = BTreeMap::new();
    for key in ids {
        let metric = metrics::metric_by_key(&mut snapshot, key).await.unwrap().unwrap();
        let points = metrics::points(&mut snapshot, &metric, Timestamp::MIN, Timestamp::MAX).await.unwrap();
        assert_eq!(points[0].at.to_string(), "2026-03-01T00:00:00Z");
        // The end is not part of a range, its start is.
        let day = metrics::points(&mut snapshot, &metric, points[0].at, points[1].at).await.unwrap();
        assert_eq!(day, points[..1]);
        values.insert(key, points.into_iter().map(|point| point.value.normalize()).collect::<Vec<_>>());
    }
    let d = |text: &str| text.parse::<Decimal>().unwrap();
    assert_eq!(values["revenue"], [d("30"), d("7")]);
    assert_eq!(values["orders"], [d("2"), d("3")]);
    assert_eq!(values["units"], [d("4"), d("6")]);
    assert_eq!(values["customers"], [d("2"), d("2")]);
    assert_eq!(values["new_customers"], [d("2"), d("1")]);
    assert_eq!(values["returning_rate"], [d("0"), d("50")]);
    assert_eq!(values["average_order_value"], [d("15"), d("2.3333")]);
    drop(snapshot);
    running.stop().await;
}
