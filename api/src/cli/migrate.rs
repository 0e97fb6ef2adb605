//! `dyocense migrate`

use clap::Args;

use crate::node::Store;
use crate::settings::Settings;

/// Bring the database to this program's version
///
/// `serve` does it by itself, other commands do not. Run it alone before a rollout of several servers: migrations only
/// ever add, so that servers of the version before go on working.
#[derive(Args)]
pub struct MigrateArgs {}

pub async fn run(_: MigrateArgs, settings: &Settings) -> anyhow::Result<()> {
    let store = Store::open(settings).await?;
    let migrations = dyocense_database::migrate(&store.url).await;
    store.close().await;
    let migrations = migrations?;
    say!("The database is at migration {}.", migrations.applied.last().copied().unwrap_or(0));
    Ok(())
}
