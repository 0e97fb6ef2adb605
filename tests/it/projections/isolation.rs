use dyocense_eventlog::{TenantId, TenantTx};
use dyocense_projections::{Keyset, identity};
use sqlx::AssertSqlSafe;

use super::{House, fold, history, tables};

#[tokio::test(flavor = "multi_thread")]
async fn every_table_shows_a_reader_its_own_tenant_and_nothing_when_no_tenant_is_set() {
    let house = House::build().await;
    let running = house.projections.start();
    let (mine, theirs) = (TenantId::new(), TenantId::new());
    for (tenant, seed) in [(mine, 80), (theirs, 81)] {
        let last = fold::append(&house, tenant, &history::random(seed, 300), seed).await;
        house.reach(tenant, last).await;
    }
    let mut superuser = house.database.superuser().await;
    let all = tables(&mut superuser, "read_models").await;
    assert!(all.len() > 15, "{all:?}");
    for table in all.iter().filter(|table| *table != "generation") {
        let secured: (bool, bool) = sqlx::query_as(
            "select relrowsecurity, relforcerowsecurity from pg_class
             where relname = $1 and relnamespace = 'read_models'::regnamespace",
        )
        .bind(table)
        .fetch_one(&mut superuser)
        .await
        .unwrap();
        assert_eq!(secured, (true, true), "{table}");
        let count = AssertSqlSafe(format!("select count(*) from read_models.{table}"));
        let foreign = || AssertSqlSafe(format!("select count(*) from read_models.{table} where tenant_id = $1"));
        let there: i64 = sqlx::query_scalar(foreign()).bind(theirs.uuid()).fetch_one(&mut superuser).await.unwrap();

        let mut tx = TenantTx::read(&house.pools.reader, mine).await.unwrap();
        let seen: i64 = sqlx::query_scalar(foreign()).bind(theirs.uuid()).fetch_one(&mut *tx).await.unwrap();
        assert_eq!(seen, 0, "{table} shows {seen} of another tenant's {there} rows");
        tx.commit().await.unwrap();
        let unset: i64 = sqlx::query_scalar(count).fetch_one(&house.pools.reader).await.unwrap();
        assert_eq!(unset, 0, "{table} shows rows to nobody in particular");
        // The writer of the log and the vault have no business here; the reader changes nothing.
        let delete = || AssertSqlSafe(format!("delete from read_models.{table}"));
        for pool in [&house.pools.reader, &house.pools.writer, &house.pools.vault] {
            assert!(sqlx::query(delete()).execute(pool).await.is_err(), "{table}");
        }
        // A projector that forgot whose rows it writes changes nobody's.
        if !["checkpoints", "parked", "waived"].contains(&table.as_str()) {
            let mut tx = TenantTx::begin(&house.pools.projector, mine).await.unwrap();
            let foreign = AssertSqlSafe(format!("delete from read_models.{table} where tenant_id = $1"));
            let gone = sqlx::query(foreign).bind(theirs.uuid()).execute(&mut *tx).await.unwrap().rows_affected();
            assert_eq!(gone, 0, "{table}");
            tx.rollback().await.unwrap();
        }
    }
    let mut snapshot = house.projections.snapshot(mine).await.unwrap();
    let users = identity::users(&mut snapshot, true, &Keyset::first(1_000)).await.unwrap().items;
    assert!(!users.is_empty());
    drop(snapshot);
    running.stop().await;
}
