//! What the database itself refuses, whatever the program does.

use dyocense_eventlog::*;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgPool, Row};

use super::*;

async fn refusal(pool: &PgPool, statement: &'static str) -> String {
    match sqlx::query(statement).execute(pool).await {
        Ok(done) => panic!("{statement} was allowed and touched {} rows", done.rows_affected()),
        Err(error) => error.as_database_error().and_then(|e| e.code()).expect("the database refuses").into_owned(),
    }
}

const INSUFFICIENT_PRIVILEGE: &str = "42501";

#[tokio::test]
async fn no_role_of_the_program_can_change_or_remove_an_event() {
    let Given { log, pools, .. } = given_a_log().await;
    log.append(command(TenantId::new(), "goal-1", ExpectedVersion::NoStream, 1)).await.expect("appended");
    for (_, pool) in pools.pools() {
        for statement in [
            "update log.events set body = ''",
            "delete from log.events",
            "truncate log.events",
            "update log.events_00 set body = ''",
            "truncate log.events_03",
            "delete from log.receipts",
            "update log.tenant_head set position = 7",
            "delete from log.tenant_head",
            "insert into log.events (tenant_id) values (gen_random_uuid())",
            "insert into log.tenant_head values (gen_random_uuid(), 7)",
            "delete from log.subject_keys",
            "alter table log.events disable trigger all",
            "alter table log.events disable row level security",
        ] {
            assert_eq!(refusal(pool, statement).await, INSUFFICIENT_PRIVILEGE, "{statement}");
        }
    }
}

#[tokio::test]
async fn not_even_a_superuser_changes_an_event_by_accident() {
    let Given { log, database, .. } = given_a_log().await;
    let tenant = TenantId::new();
    log.append(command(tenant, "goal-1", ExpectedVersion::NoStream, 1)).await.expect("appended");
    let mut superuser = database.superuser().await;
    let mut statements: Vec<String> =
        ["update log.events set actor = 'x'", "delete from log.events", "truncate log.events"]
            .map(str::to_owned)
            .into();
    for part in 0..16 {
        statements.push(format!("truncate log.events_{part:02}"));
    }
    for statement in statements {
        let refused = sqlx::query(AssertSqlSafe(statement)).execute(&mut superuser).await.expect_err("append-only");
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    assert_eq!(history(&log, tenant).await.len(), 1);
}

#[tokio::test]
async fn a_transaction_sees_its_tenant_and_without_one_nothing() {
    let Given { log, pools, .. } = given_a_log().await;
    let (ours, theirs) = (TenantId::new(), TenantId::new());
    for tenant in [ours, theirs] {
        let mut append = keyed("k", 1, command(tenant, "goal-1", ExpectedVersion::NoStream, 2));
        append.events[0].data = json!({"$personal": {"subject": "user-1", "value": "Ada"}});
        log.append(append).await.expect("appended");
    }
    const EVENTS: &str = "select count(*) from log.events";
    for table in [
        EVENTS,
        "select count(*) from log.receipts",
        "select count(*) from log.subject_keys",
        "select count(*) from log.tenant_head",
    ] {
        for (pool, name) in [(&pools.reader, "reader"), (&pools.projector, "projector")] {
            if name == "projector" && table != EVENTS {
                continue;
            }
            let unset: i64 = sqlx::query_scalar(table).fetch_one(pool).await.expect("allowed, and empty");
            assert_eq!(unset, 0, "{name}: {table}");
            let mut tx = TenantTx::read(pool, ours).await.expect("a transaction");
            let seen: i64 = sqlx::query_scalar(table).fetch_one(&mut *tx).await.expect("allowed");
            assert_eq!(seen, if table == EVENTS { 2 } else { 1 }, "{name}: {table}");
            tx.commit().await.expect("committed");
            // The tenant went with the transaction; the connection is left with '' rather than null.
            let after: i64 = sqlx::query_scalar(table).fetch_one(pool).await.expect("allowed, and empty");
            assert_eq!(after, 0, "{name}: {table}");
        }
    }
    let heads: i64 =
        sqlx::query_scalar("select count(*) from log.tenant_head").fetch_one(&pools.projector).await.expect("heads");
    assert_eq!(heads, 2, "the projector finds its work by every tenant's head");
}

#[tokio::test]
async fn the_writer_cannot_read_what_it_wrote() {
    let Given { log, pools, .. } = given_a_log().await;
    log.append(command(TenantId::new(), "goal-1", ExpectedVersion::NoStream, 1)).await.expect("appended");
    for statement in ["select body from log.events", "select * from log.receipts", "select * from log.tenant_head"] {
        assert_eq!(refusal(&pools.writer, statement).await, INSUFFICIENT_PRIVILEGE, "{statement}");
    }
}

#[tokio::test]
async fn the_reader_cannot_append() {
    let Given { pools, .. } = given_a_log().await;
    let call = "select log.append_one(gen_random_uuid(), 's', 0, now(), 'a', null, null, 'T', '{}', '\\x00'::bytea)";
    for pool in [&pools.reader, &pools.projector, &pools.vault] {
        assert_eq!(refusal(pool, call).await, INSUFFICIENT_PRIVILEGE);
    }
}

#[tokio::test]
async fn the_stored_bytes_are_canonical_and_the_leaf_is_their_hash() {
    let Given { log, database, .. } = given_a_log().await;
    let tenant = TenantId::new();
    let mut append = command(tenant, "goal-1", ExpectedVersion::NoStream, 2);
    append.events[0].data =
        json!({"z": 1, "a": [1.0, "\u{e9}\u{1f600}"], "p": {"$personal": {"subject": "user-1", "value": 1}}});
    log.append(append).await.expect("appended");
    let rows = sqlx::query(
        "select tenant_id, stream_id, event_type, actor, body, leaf_hash from log.events order by position",
    )
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("rows");
    for row in rows {
        let body: String = row.get("body");
        let value: serde_json::Value = serde_json::from_str(&body).expect("json");
        assert_eq!(body, serde_json_canonicalizer::to_string(&value).expect("canonical"));
        assert_eq!(
            row.get::<Vec<u8>, _>("leaf_hash"),
            Sha256::new().chain_update([0]).chain_update(&body).finalize().to_vec()
        );
        assert_eq!(value["tenant"], json!(row.get::<Uuid, _>("tenant_id")));
        assert_eq!(value["stream"], row.get::<String, _>("stream_id"));
        assert_eq!(value["type"], row.get::<String, _>("event_type"));
        assert_eq!(value["actor"], row.get::<String, _>("actor"));
    }
}
