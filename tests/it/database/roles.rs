use dyocense_database::{Role, applied, migrate};
use dyocense_tests::database;

#[tokio::test]
async fn each_pool_acts_as_its_role_and_no_role_is_a_superuser() {
    let database = database().await;
    let pools = database.pools().await;
    for (role, pool) in pools.pools() {
        let (current, superuser): (String, String) =
            sqlx::query_as("select current_user::text, current_setting('is_superuser')")
                .fetch_one(pool)
                .await
                .expect("an answer");
        assert_eq!((current.as_str(), superuser.as_str()), (role.name(), "off"));
    }
}

#[tokio::test]
async fn no_role_can_log_in_bypass_row_security_or_inherit_another_ones_rights() {
    let database = database().await;
    let mut superuser = database.superuser().await;
    for role in Role::ALL {
        let (login, bypass, inherit): (bool, bool, bool) =
            sqlx::query_as("select rolcanlogin, rolbypassrls, rolinherit from pg_roles where rolname = $1")
                .bind(role.name())
                .fetch_one(&mut superuser)
                .await
                .expect("the role exists");
        assert!(!login && !bypass && !inherit, "{}", role.name());
    }
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let database = database().await;
    let first = migrate(&database.url).await.expect("a second migration");
    assert_eq!(first.pending(), Vec::<i64>::new());
    let pools = database.pools().await;
    let mut reader = pools.reader.acquire().await.expect("a connection");
    assert_eq!(applied(&mut reader).await.expect("the reader may see what has run"), first);
}

#[tokio::test]
async fn migrations_that_run_at_once_wait_for_each_other() {
    let database = database().await;
    let runs = futures::future::join_all((0..4).map(|_| migrate(&database.url))).await;
    for run in runs {
        assert_eq!(run.expect("a migration").pending(), Vec::<i64>::new());
    }
}

/// Row-level security binds the owner too, but for the three tables that only the append functions write, as their owner
/// (migration 3 says why). Five tables of the vault are looked up before a tenant is known or across tenants, and hold
/// hashes, ids, times and positions only (see their migration).
#[tokio::test]
async fn every_table_with_tenants_forces_row_level_security() {
    let database = database().await;
    let mut superuser = database.superuser().await;
    let open: Vec<String> = sqlx::query_scalar(
        "select c.oid::regclass::text
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p') and n.nspname in ('log', 'vault')
           and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')
           and not (c.relrowsecurity and (c.relforcerowsecurity
               or c.oid in ('log.events'::regclass, 'log.tenant_head'::regclass, 'log.receipts'::regclass)))
         order by 1",
    )
    .fetch_all(&mut superuser)
    .await
    .expect("the catalogue answers");
    assert_eq!(
        open,
        [
            "vault.import_queue",
            "vault.logins",
            "vault.mail_queue",
            "vault.policy_checkpoints",
            "vault.run_queue",
            "vault.timers"
        ]
    );
}
