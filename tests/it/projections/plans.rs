use dyocense_eventlog::TenantTx;
use sqlx::{AssertSqlSafe, Executor};

use super::House;
use dyocense_eventlog::TenantId;

/// The statements that pages, charts and batches live on, with the index each must use.
const HOT: [(&str, &str); 9] = [
    (
        "select * from read_models.users where tenant_id = $1 and user_id > '00000000-0000-0000-0000-000000000000'
         order by user_id limit 21",
        "users_pkey",
    ),
    ("select * from read_models.metrics where tenant_id = $1 and key = 'k500'", "metrics_key"),
    (
        "select * from read_models.metric_points where tenant_id = $1 and metric_id = '00000000-0000-0000-0000-000000000007'
           and lower_bound < 500000 order by lower_bound desc limit 1",
        "metric_points_pkey",
    ),
    (
        "select * from read_models.daily_sales where tenant_id = $1 and day >= '2001-01-01' and day < '2001-02-01'
         order by day",
        "daily_sales_pkey",
    ),
    ("select * from read_models.transactions where tenant_id = $1 and key = any('{t1,t2,t3}')", "transactions_pkey"),
    (
        "select * from read_models.goal_progress where tenant_id = $1
           and goal_id = '00000000-0000-0000-0000-000000000007' and position > 5 order by position limit 21",
        "goal_progress_pkey",
    ),
    (
        "select goal_id from read_models.goals where tenant_id = $1
           and metric_id = '00000000-0000-0000-0000-000000000007' and lifecycle in ('active', 'evaluated')
           and (lifecycle = 'active' or due >= '2001-01-01')",
        "goals_by_metric",
    ),
    (
        "select * from read_models.notifications where tenant_id = $1 and position > 5 order by position limit 21",
        "notifications_pkey",
    ),
    ("select position from read_models.checkpoints where tenant_id = $1", "checkpoints_pkey"),
];

/// Enough rows of many tenants that a plan without its index would cost.
const FILL: &str = "
create temporary table tenants as
    select ('10000000-0000-0000-0000-' || to_char(i, 'FM000000000000'))::uuid as tenant_id from generate_series(1, 20) i;
create temporary table many as
    select t.tenant_id, i, ('00000000-0000-0000-0000-' || to_char(i, 'FM000000000000'))::uuid as id
    from tenants t, generate_series(1, 1000) i;
insert into read_models.checkpoints select tenant_id, 1 from tenants
    union all select gen_random_uuid(), 1 from generate_series(1, 10000);
insert into read_models.users select tenant_id, id, null, null, 'member', now(), null from many;
insert into read_models.metrics select tenant_id, id, 'k' || i, '', '', 'flow', null, 'UTC', 'up', 'recorded', '', now(), null from many;
insert into read_models.metric_points select tenant_id, ('00000000-0000-0000-0000-' || to_char(i % 10, 'FM000000000000'))::uuid, i * 1000, 1, '' from many;
insert into read_models.daily_sales select tenant_id, date '2000-01-01' + i, 1, 1, 1, 1, 1, 1 from many;
insert into read_models.transactions select tenant_id, 't' || i, null, null, null, date '2000-01-01' + i, null, 1, 1, 1 from many;
insert into read_models.goals select tenant_id, id, '', id, id, 'other', 'weekly', now(), now(), '{}', '{}', null, 'active', 'on_track', null, '[]', null, null, null, null, id, now(), now(), 1 from many;
insert into read_models.goal_progress select tenant_id, ('00000000-0000-0000-0000-' || to_char(i % 10, 'FM000000000000'))::uuid, i, now(), null, null, null, null, '{}' from many;
insert into read_models.notifications select tenant_id, i, 'goal_behind', now(), id, '', '' from many;
analyze read_models.checkpoints, read_models.users, read_models.metrics, read_models.metric_points,
    read_models.daily_sales, read_models.transactions, read_models.goals, read_models.goal_progress, read_models.notifications;
";

#[tokio::test(flavor = "multi_thread")]
async fn hot_queries_use_their_index_under_row_level_security() {
    let house = House::build().await;
    house.database.superuser().await.execute(FILL).await.unwrap();
    let tenant: TenantId = "10000000-0000-0000-0000-000000000007".parse().unwrap();
    for (query, index) in HOT {
        let mut tx = TenantTx::read(&house.pools.reader, tenant).await.unwrap();
        let explain = AssertSqlSafe(format!("explain {}", query.replace("$1", &format!("'{tenant}'"))));
        let plan: Vec<String> = sqlx::query_scalar(explain).fetch_all(&mut *tx).await.unwrap();
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{query}\n{plan}");
        tx.commit().await.unwrap();
    }
}
