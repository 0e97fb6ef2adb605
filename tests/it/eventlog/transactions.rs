//! A tenant's transaction ends with whoever had it, however early that was.

use std::pin::pin;

use dyocense_database::{Database, PoolSizes};
use dyocense_eventlog::*;
use futures::poll;

use super::*;

/// A connection that went back to its pool with an open transaction would show its next user the past, and take that
/// user's writes with it.
#[tokio::test]
async fn a_transaction_that_is_given_up_while_it_begins_is_over() {
    let Given { log, database, .. } = given_a_log().await;
    let one = PoolSizes { reader: 1, writer: 1, ..PoolSizes::default() };
    let pools = Database::connect(&database.url, one).await.expect("pools");
    let tenant = TenantId::new();
    for looks in 1..=40 {
        {
            let mut beginning = pin!(TenantTx::read(&pools.reader, tenant));
            for _ in 0..looks {
                if poll!(&mut beginning).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        log.append(command(tenant, "goal-1", ExpectedVersion::Any, 1)).await.expect("appended");
        let mut tx = TenantTx::read(&pools.reader, tenant).await.expect("begins");
        let seen: i64 = sqlx::query_scalar("select count(*) from log.events where tenant_id = $1")
            .bind(tenant.uuid())
            .fetch_one(&mut *tx)
            .await
            .expect("counted");
        assert_eq!(seen, looks, "given up after {looks} looks");
        tx.commit().await.expect("ends");
    }
}
