//! The Postgres under everything: the embedded server, the roles, the migrations and the connection pools.
//!
//! A program with no `DATABASE_URL` starts a private server and gets a URL from it; from there on the two cases are
//! the same:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use dyocense_database::{Database, PoolSizes, embedded::{EmbeddedPostgres, Options}, migrate};
//!
//! let server = EmbeddedPostgres::start("/var/lib/dyocense", Options::default()).await?;
//! migrate(&server.url()).await?;
//! let database = Database::connect(&server.url(), PoolSizes::default()).await?;
//! let one: i32 = sqlx::query_scalar("select 1").fetch_one(&database.reader).await?;
//! # assert_eq!(one, 1);
//! server.stop().await;
//! # Ok(())
//! # }
//! ```

pub mod embedded;
mod migrations;
mod pools;
mod roles;

pub use migrations::{MigrateError, Migrations, applied, migrate, status};
pub use pools::{ConnectError, Database, PoolSizes};
pub use roles::Role;
