//! Generations: complete sets of read models, each in a Postgres schema of its own.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

use crate::Projector;

/// The schema that queries read.
pub const LIVE: &str = "read_models";
/// Held shared by every batch on the live generation, exclusively by a swap.
pub(crate) const SWAP_LOCK: i64 = 0x6479_6f63_0000_0001;
/// Held by whoever creates or rebuilds a generation.
pub(crate) const BUILD_LOCK: i64 = 0x6479_6f63_0000_0002;

const BASE: &str = include_str!("generation.sql");

/// Row-level security and rights for every table of the schema in the search path. Checkpoints and the operators'
/// tables are open to the projector across tenants: that is how it finds work.
const SECURE: &str = "
do $$
declare
    name text;
    attribute text;
begin
    for name in select tablename from pg_tables where schemaname = current_schema() and tablename <> 'generation' loop
        execute format('alter table %I enable row level security, force row level security', name);
        execute format('create policy own_tenant on %I for select to dyocense_reader using (tenant_id = (select log.current_tenant()))', name);
        if name in ('checkpoints', 'parked', 'waived') then
            execute format('create policy every_tenant on %I for all to dyocense_projector using (true) with check (true)', name);
        else
            execute format('create policy own_tenant_writes on %I for all to dyocense_projector using (tenant_id = (select log.current_tenant())) with check (tenant_id = (select log.current_tenant()))', name);
        end if;
    end loop;
    -- Documents and packed values are never searched for: statistics of them would only cost time.
    for name, attribute in
        select a.attrelid::regclass::text, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
        where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace and a.attnum > 0
          and a.atttypid in ('jsonb'::regtype, 'bytea'::regtype)
    loop
        execute format('alter table %s alter column %I set statistics 0', name, attribute);
    end loop;
    execute format('grant usage on schema %I to dyocense_reader', current_schema());
    execute format('grant select on all tables in schema %I to dyocense_reader', current_schema());
end
$$";

/// What built a generation: the names and versions of its projectors.
pub fn signature(projectors: &[Arc<dyn Projector>]) -> String {
    let mut parts: Vec<String> = projectors.iter().map(|p| format!("{}={}", p.name(), p.version())).collect();
    parts.sort();
    parts.join(" ")
}

/// Creates the schema `name` with every table, empty.
pub(crate) async fn create(
    connection: &mut PgConnection,
    name: &str,
    live: bool,
    projectors: &[Arc<dyn Projector>],
) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin().await?;
    tx.execute(AssertSqlSafe(format!("create schema {name}; set local search_path = {name}"))).await?;
    tx.execute(BASE).await?;
    for projector in projectors {
        tx.execute(projector.schema()).await?;
    }
    tx.execute(SECURE).await?;
    sqlx::query("insert into generation (signature, live) values ($1, $2)")
        .bind(signature(projectors))
        .bind(live)
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

pub(crate) async fn exists(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from pg_namespace where nspname = $1)")
        .bind(name)
        .fetch_one(connection)
        .await
}

/// Makes sure that there is something to read: creates the live generation where there is none.
pub(crate) async fn ensure_live(pool: &PgPool, projectors: &[Arc<dyn Projector>]) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    if exists(&mut connection, LIVE).await? {
        return Ok(());
    }
    let mut held = Lock::acquire(pool, BUILD_LOCK).await?;
    if !exists(held.connection(), LIVE).await? {
        create(held.connection(), LIVE, true, projectors).await?;
    }
    held.release().await
}

/// The signature of the live generation.
pub(crate) async fn live_signature(pool: &PgPool) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("select signature from read_models.generation").fetch_one(pool).await
}

/// The next free name for a generation to be built.
pub(crate) async fn next_name(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    let last: Option<i64> = sqlx::query_scalar(
        "select max(substr(nspname, 5)::bigint) from pg_namespace where nspname ~ '^gen_[0-9]{1,15}$'",
    )
    .fetch_one(connection)
    .await?;
    Ok(format!("gen_{}", last.unwrap_or(0) + 1))
}

/// Generations that a crash or a swap left behind. Only under [`BUILD_LOCK`], when nobody builds.
pub(crate) async fn leftovers(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("select nspname::text from pg_namespace where nspname ~ '^(gen|retired)_[0-9]{1,15}$'")
        .fetch_all(connection)
        .await
}

pub(crate) async fn drop_schema(connection: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    connection.execute(AssertSqlSafe(format!("drop schema if exists {name} cascade"))).await?;
    Ok(())
}

/// An advisory lock of the session. Dropped without [`release`](Self::release) it takes its connection with it, so
/// that the pool never hands out a connection that still holds it.
pub(crate) struct Lock {
    connection: Option<sqlx::pool::PoolConnection<sqlx::Postgres>>,
    key: i64,
}

impl Lock {
    pub async fn acquire(pool: &PgPool, key: i64) -> Result<Self, sqlx::Error> {
        let mut held = Self { connection: Some(pool.acquire().await?), key };
        sqlx::query("select pg_advisory_lock($1)").bind(key).execute(held.connection()).await?;
        Ok(held)
    }

    pub async fn try_acquire(pool: &PgPool, key: i64) -> Result<Option<Self>, sqlx::Error> {
        let mut held = Self { connection: Some(pool.acquire().await?), key };
        let got: bool =
            sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(key).fetch_one(held.connection()).await?;
        if got {
            Ok(Some(held))
        } else {
            held.connection.take();
            Ok(None)
        }
    }

    pub fn connection(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("only release and drop take the connection")
    }

    pub async fn release(mut self) -> Result<(), sqlx::Error> {
        let key = self.key;
        sqlx::query("select pg_advisory_unlock($1)").bind(key).execute(self.connection()).await?;
        self.connection.take();
        Ok(())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}
