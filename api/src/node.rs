//! One node of Dyocense: its database, the event log, the read models and the use cases, put together by settings.

use std::sync::Arc;

use anyhow::{Context, bail};
use dyocense_commands::{Commands, CommandsOptions, MailOptions, SystemClock, policies};
use dyocense_database::embedded::{EmbeddedPostgres, Options as EmbeddedOptions};
use dyocense_database::{Database, Migrations, PoolSizes};
use dyocense_domain::connectors::ImportEvent;
use dyocense_domain::event::DomainEvent;
use dyocense_domain::evidence::{CausalModelEvent, OccasionEvent};
use dyocense_domain::forecasting::InsightEvent;
use dyocense_domain::goals::GoalEvent;
use dyocense_domain::identity::{BusinessEvent, SessionEvent};
use dyocense_domain::metrics::MetricEvent;
use dyocense_domain::optimization::ConstraintEvent;
use dyocense_domain::runs::RunEvent;
use dyocense_eventlog::{EventLog, Options as LogOptions, Upcasters};
use dyocense_integrations::SmtpMailer;
use dyocense_projections::{Options as ProjectionOptions, Projections, Running};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::keys;
use crate::settings::Settings;

/// Imports at one time, each of another business: they wait for the database more than they compute.
const MOST_IMPORT_SLOTS: usize = 3;
/// Named in access tokens.
const ISSUER: &str = "dyocense";

/// A database that is reachable: a private one that this process runs, or one that was given.
pub struct Store {
    pub url: String,
    embedded: Option<EmbeddedPostgres>,
}

impl Store {
    pub async fn open(settings: &Settings) -> anyhow::Result<Store> {
        if let Some(url) = &settings.database.url {
            return Ok(Store { url: url.expose().to_owned(), embedded: None });
        }
        let options = EmbeddedOptions { bin_dir: settings.database.bin_dir.clone(), ..EmbeddedOptions::default() };
        let embedded = EmbeddedPostgres::start(&settings.data_dir, options)
            .await
            .with_context(|| format!("the private Postgres in {} did not start", settings.data_dir.display()))?;
        Ok(Store { url: embedded.url(), embedded: Some(embedded) })
    }

    /// Stops the private Postgres, if this process runs it.
    pub async fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}

pub struct Node {
    pub database: Database,
    pub log: EventLog,
    pub projections: Projections,
    pub commands: Commands,
    import_slots: usize,
    store: Store,
}

impl Node {
    /// Opens everything to serve: the database becomes what this program needs.
    pub async fn serving(settings: &Settings) -> anyhow::Result<Node> {
        let store = Store::open(settings).await?;
        tracing::info!("bringing the database to this program's version");
        let migrations = dyocense_database::migrate(&store.url).await?;
        Self::on(store, migrations, settings).await
    }

    /// Opens everything for an operator's command. A private database becomes what this program needs; one that other
    /// programs may use is left as it is, and refused where it is behind.
    pub async fn open(settings: &Settings) -> anyhow::Result<Node> {
        let store = Store::open(settings).await?;
        let migrations = match store.embedded {
            Some(_) => dyocense_database::migrate(&store.url).await?,
            None => dyocense_database::status(&store.url).await?,
        };
        Self::on(store, migrations, settings).await
    }

    async fn on(store: Store, migrations: Migrations, settings: &Settings) -> anyhow::Result<Node> {
        if let pending @ [_, ..] = migrations.pending().as_slice() {
            bail!(
                "the database is behind this program: it lacks migrations {pending:?}. `dyocense migrate` runs them, and \
                 so does `dyocense serve`"
            );
        }
        let sizes = PoolSizes {
            writer: settings.database.writer_connections,
            reader: settings.database.reader_connections,
            projector: settings.database.projector_connections,
            vault: settings.database.vault_connections,
        };
        let database = Database::connect(&store.url, sizes).await?;
        let keys = keys::load(settings.master_keys.as_ref(), &settings.data_dir, store.embedded.is_some())?;
        let (writer, reader) = (database.writer.clone(), database.reader.clone());
        let log = EventLog::open(writer, reader, keys.ring, upcasters(), LogOptions::default()).await?;
        // Two connections of the projector's pool are for rebuilding and for looking.
        let workers = (settings.database.projector_connections as usize).saturating_sub(2).max(1);
        let options = ProjectionOptions { workers, ..ProjectionOptions::default() };
        let (projector, reader) = (database.projector.clone(), database.reader.clone());
        let projections = Projections::open(log.clone(), projector, reader, options).await?;
        let commands = Commands::open(CommandsOptions {
            log: log.clone(),
            vault_pool: database.vault.clone(),
            reads: Arc::new(projections.clone()),
            clock: Arc::new(SystemClock),
            master_key: keys.root,
            password_checks: settings.auth.password_checks,
            issuer: ISSUER.to_owned(),
            mail: mail(settings)?,
        })
        .await
        .context("the signing keys could not be read: is keys.master the one that this database was set up with?")?;
        // Half of the vault's connections are for everybody else.
        let import_slots = (settings.database.vault_connections as usize / 2).clamp(1, MOST_IMPORT_SLOTS);
        Ok(Node { database, log, projections, commands, import_slots, store })
    }

    /// Starts what works by itself: projectors, imports, policies and the scheduler.
    pub fn start_workers(&self) -> Workers {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(rebuild_if_outdated(self.projections.clone(), stop.clone()));
        tasks.spawn(self.commands.clone().run_imports(self.import_slots, stop.clone()));
        tasks.spawn(self.commands.clone().run_analyses(analysis_slots(), stop.clone()));
        tasks.spawn(policies::run(self.commands.clone(), policies::all(), stop.clone()));
        tasks.spawn(self.commands.clone().run_scheduler(stop.clone()));
        tasks.spawn(self.commands.clone().run_mail(stop.clone()));
        Workers { projecting: self.projections.start(), stop, tasks }
    }

    pub async fn close(self) {
        drop((self.commands, self.projections, self.log));
        self.database.close().await;
        self.store.close().await;
    }
}

/// What works by itself. Dropping it stops it where it is, which loses nothing.
pub struct Workers {
    projecting: Running,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Lets everything finish what it is at.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.projecting.stop().await;
    }
}

/// Read models of another version of the program are replaced in the background; until then they are read as they
/// are.
async fn rebuild_if_outdated(projections: Projections, stop: CancellationToken) {
    let rebuilt = stop.run_until_cancelled(projections.rebuild_if_outdated(|_| ())).await;
    match rebuilt {
        Some(Ok(Some(rebuilt))) => {
            tracing::info!(events = rebuilt.events, elapsed = ?rebuilt.elapsed, "rebuilt the read models");
        }
        Some(Ok(None)) | None => {}
        Some(Err(error)) => tracing::error!(%error, "the read models could not be rebuilt"),
    }
}

fn mail(settings: &Settings) -> anyhow::Result<Option<MailOptions>> {
    let Some(mail) = &settings.mail else { return Ok(None) };
    let mailer = SmtpMailer::new(mail.smtp_url.expose(), &mail.from)?;
    Ok(Some(MailOptions { mailer: Arc::new(mailer), public_url: settings.public_url(settings.http.listen) }))
}

/// Runs at one time: half of the machine, so that the other half answers meanwhile.
fn analysis_slots() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
}

/// Every type of event in its current version; the log refuses to open where a stored version could not be lifted.
fn upcasters() -> Upcasters {
    let types = [
        BusinessEvent::TYPES,
        SessionEvent::TYPES,
        MetricEvent::TYPES,
        ImportEvent::TYPES,
        GoalEvent::TYPES,
        RunEvent::TYPES,
        ConstraintEvent::TYPES,
        InsightEvent::TYPES,
        OccasionEvent::TYPES,
        CausalModelEvent::TYPES,
    ];
    types
        .into_iter()
        .flatten()
        .fold(Upcasters::new(), |upcasters, event_type| upcasters.current(event_type.name, event_type.schema_version))
}
