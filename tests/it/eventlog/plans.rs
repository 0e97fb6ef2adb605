//! The hot statements use their indexes and one partition, however large the log becomes.

use dyocense_eventlog::*;
use sqlx::{AssertSqlSafe, Row};

use super::*;

/// The plan of a read as the reader role in a tenant's transaction, with sequential scans made unattractive: what the
/// planner does on a large table, asked of a small one.
async fn plan(given: &Given, statement: &str) -> String {
    let mut tx = TenantTx::read(&given.pools.reader, TenantId::new()).await.expect("a transaction");
    sqlx::raw_sql("set local enable_seqscan = off; set local enable_bitmapscan = off")
        .execute(&mut *tx)
        .await
        .expect("settings");
    let rows = sqlx::query(AssertSqlSafe(format!("explain (analyze, timing off, costs off) {statement}")));
    let rows = rows.fetch_all(&mut *tx).await.expect("a plan");
    rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn reading_a_tenant_walks_one_partitions_primary_key() {
    let given = given_a_log().await;
    let tenant = TenantId::new();
    let plan = plan(&given, &format!("select position, version, body from log.events where tenant_id = '{tenant}' and position > 5 order by position limit 10")).await;
    assert!(plan.contains("_pkey") && !plan.contains("Sort") && plan.matches("Index Scan").count() == 1, "{plan}");
}

#[tokio::test]
async fn reading_a_stream_walks_one_partitions_stream_index() {
    let given = given_a_log().await;
    let tenant = TenantId::new();
    let plan = plan(&given, &format!("select position, version, body from log.events where tenant_id = '{tenant}' and stream_id = 's' and version > 5 order by version limit 10")).await;
    assert!(
        plan.contains("stream_id_tenant_id_version")
            && !plan.contains("Sort")
            && plan.matches("Index Scan").count() == 1,
        "{plan}"
    );
}
