//! The migrations runner. Its rules are in `migrations/README.md`.

use sqlx::migrate::Migrator;
use sqlx::{Connection, Executor, PgConnection};

use crate::roles::{self, Role};

/// Why the database could not be brought to the schema this program needs.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("cannot connect to the database: {0}")]
    Connect(#[source] sqlx::Error),
    #[error(
        "cannot prepare the database roles: {0}; the login needs CREATEROLE and CREATE on the database, \
         or the roles of database/src/roles.sql granted to it by an administrator"
    )]
    Roles(#[source] sqlx::Error),
    #[error("a migration failed and was rolled back: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("cannot read which migrations have run: {0}")]
    Status(#[source] sqlx::Error),
}

/// Which of this program's migrations a database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrations {
    /// Versions this program brings, ascending.
    pub known: Vec<i64>,
    /// Versions the database has, ascending.
    pub applied: Vec<i64>,
}

impl Migrations {
    /// Versions this program needs and the database lacks.
    pub fn pending(&self) -> Vec<i64> {
        let missing = |version: &&i64| !self.applied.contains(version);
        self.known.iter().filter(missing).copied().collect()
    }
}

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("../migrations");
    migrator.create_schema("migrations");
    migrator.dangerous_set_table_name("migrations.applied");
    // A newer program may have expanded the schema already; see migrations/README.md.
    migrator.set_ignore_missing(true);
    migrator
}

/// Creates the roles and runs the migrations that `url`'s database lacks. Concurrent callers wait for each other.
pub async fn migrate(url: &str) -> Result<Migrations, MigrateError> {
    let mut connection = PgConnection::connect(url).await.map_err(MigrateError::Connect)?;
    roles::ensure(&mut connection).await.map_err(MigrateError::Roles)?;
    Role::Owner.assume(&mut connection).await.map_err(MigrateError::Roles)?;
    migrator().run(&mut connection).await?;
    connection
        .execute(
            // In one transaction, in turns: two grants on one object at once would break each other.
            "begin; select pg_advisory_xact_lock(hashtext('dyocense roles')); \
             grant usage on schema migrations to dyocense_reader; \
             grant select on migrations.applied to dyocense_reader; commit",
        )
        .await
        .map_err(MigrateError::Status)?;
    let migrations = applied(&mut connection).await?;
    let _ = connection.close().await;
    Ok(migrations)
}

/// As [`applied`], on a database that may never have been migrated. Changes nothing.
pub async fn status(url: &str) -> Result<Migrations, MigrateError> {
    let mut connection = PgConnection::connect(url).await.map_err(MigrateError::Connect)?;
    let begun: bool = sqlx::query_scalar(
        "select exists (select from pg_class as relation join pg_namespace as space on space.oid = relation.relnamespace
         where space.nspname = 'migrations' and relation.relname = 'applied')",
    )
    .fetch_one(&mut connection)
    .await
    .map_err(MigrateError::Status)?;
    let migrations = match begun {
        true => {
            Role::Reader.assume(&mut connection).await.map_err(MigrateError::Status)?;
            applied(&mut connection).await?
        }
        false => Migrations { known: known(), applied: vec![] },
    };
    let _ = connection.close().await;
    Ok(migrations)
}

/// Compares what has run with what this program knows. Any connection as reader or owner will do.
pub async fn applied(connection: &mut PgConnection) -> Result<Migrations, MigrateError> {
    let applied = sqlx::query_scalar("select version from migrations.applied where success order by version")
        .fetch_all(connection)
        .await
        .map_err(MigrateError::Status)?;
    Ok(Migrations { known: known(), applied })
}

fn known() -> Vec<i64> {
    let mut known: Vec<i64> = migrator().iter().map(|m| m.version).collect();
    known.sort_unstable();
    known
}
