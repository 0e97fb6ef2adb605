//! Use cases on a real log with real read models, without the edge.

mod forecasting;
mod goals;
mod identity;
mod ledger;
mod mail;

use std::collections::HashMap;
use std::sync::Arc;

use dyocense_commands::identity::RegisterBusiness;
use dyocense_commands::secrets::MasterKey;
use dyocense_commands::{Actor, Caller, Commands, CommandsOptions, MailOptions, policies};
use dyocense_database::Database;
use dyocense_domain::ManualClock;
use dyocense_domain::identity::Role;
use dyocense_domain::ids::{SessionId, UserId};
use dyocense_eventlog::{Direction, EventLog, Keyring, Options, Position, RecordedEvent, TenantId, Upcasters};
use dyocense_projections::{Projections, Running, Snapshot};
use dyocense_tests::{TestDatabase, database};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The program without its edge, on a database and a clock of its own.
pub struct House {
    pub commands: Commands,
    pub projections: Projections,
    pub clock: Arc<ManualClock>,
    stop: CancellationToken,
    _running: Running,
    pools: Database,
    database: TestDatabase,
}

/// A registered business and its owner.
pub struct Shop {
    pub tenant: TenantId,
    pub owner: UserId,
}

impl Shop {
    pub fn caller(&self) -> Caller {
        let session_id = SessionId::from(Uuid::nil());
        Caller::new(self.tenant, Actor::User { user_id: self.owner, session_id, role: Role::Owner })
    }
}

pub const PASSWORD: &str = "a long enough secret";
const KEY: [u8; 32] = [7; 32];

impl House {
    pub async fn at(now: &str) -> House {
        House::with_mail(now, None).await
    }

    pub async fn with_mail(now: &str, mail: Option<MailOptions>) -> House {
        let database = database().await;
        let pools = database.pools().await;
        let keyring = Keyring::new(dyocense_eventlog::MasterKey::new("test", KEY), vec![]);
        let options = Options { lanes: 1 };
        let log = EventLog::open(pools.writer.clone(), pools.reader.clone(), keyring, Upcasters::new(), options)
            .await
            .expect("the log opens");
        let projections =
            Projections::open(log.clone(), pools.projector.clone(), pools.reader.clone(), Default::default())
                .await
                .expect("the read models open");
        let running = projections.start();
        let clock = Arc::new(ManualClock::at(now.parse().expect("a timestamp")));
        let commands = open(log, &pools, &projections, clock.clone(), mail).await;
        let stop = CancellationToken::new();
        tokio::spawn(policies::run(commands.clone(), policies::all(), stop.clone()));
        House { commands, projections, clock, stop, _running: running, pools, database }
    }

    /// The use cases as another server on the same database has them.
    pub async fn another_server(&self) -> Commands {
        open(self.commands.log().clone(), &self.pools, &self.projections, self.clock.clone(), None).await
    }

    pub async fn shop(&self, email: &str) -> Shop {
        let registered = self
            .commands
            .register_business(RegisterBusiness {
                name: "Corner Shop".to_owned(),
                time_zone: "America/New_York".to_owned(),
                currency: "USD".to_owned(),
                owner_name: "Ada".to_owned(),
                email: email.to_owned(),
                password: PASSWORD.to_owned().into(),
            })
            .await
            .expect("the business is registered");
        Shop { tenant: registered.tenant, owner: registered.user_id }
    }

    /// The read models once they have reached the head of the log.
    pub async fn snapshot(&self, tenant: TenantId) -> Snapshot {
        let head = self.commands.log().head(tenant).await.expect("the head");
        self.reach(tenant, head).await
    }

    pub async fn reach(&self, tenant: TenantId, position: Position) -> Snapshot {
        self.projections
            .wait_for(tenant, position, std::time::Duration::from_secs(60))
            .await
            .expect("the read models catch up");
        self.projections.snapshot(tenant).await.expect("a snapshot")
    }

    /// Whether every policy has answered everything in the tenant's history that it listens to.
    pub async fn policies_are_done(&self, tenant: TenantId) -> bool {
        let done: HashMap<String, i64> =
            sqlx::query_as("select policy, position from vault.policy_checkpoints where tenant_id = $1")
                .bind(Uuid::from(tenant))
                .fetch_all(&self.pools.vault)
                .await
                .expect("the checkpoints")
                .into_iter()
                .collect();
        let log = self.commands.log();
        let mut history = Vec::new();
        loop {
            let last = history.last().map_or(Position::START, |event: &RecordedEvent| event.position);
            let more = log.read_tenant(tenant, last, 1_000, Direction::Forward).await.expect("the history");
            if more.is_empty() {
                break;
            }
            history.extend(more);
        }
        policies::all().iter().all(|policy| {
            let heard = history.iter().rfind(|event| policy.hears(event));
            done.get(policy.name()).is_some_and(|done| heard.is_none_or(|heard| heard.position.get() <= *done))
        })
    }

    /// A connection past roles and row-level security.
    pub async fn superuser(&self) -> sqlx::PgConnection {
        self.database.superuser().await
    }

    pub fn set_clock(&self, now: &str) {
        self.clock.set(now.parse::<Timestamp>().expect("a timestamp"));
    }
}

async fn open(
    log: EventLog,
    pools: &Database,
    projections: &Projections,
    clock: Arc<ManualClock>,
    mail: Option<MailOptions>,
) -> Commands {
    let options = CommandsOptions {
        log,
        vault_pool: pools.vault.clone(),
        reads: Arc::new(projections.clone()),
        clock,
        master_key: MasterKey::new(KEY),
        password_checks: 2,
        issuer: "https://dyocense.test".to_owned(),
        mail,
    };
    Commands::open(options).await.expect("the use cases open")
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Tries until `check` gives a value: for what policies do in their own time. Gives up after a minute.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut check: impl FnMut() -> F) -> T {
    for _ in 0..600 {
        if let Some(value) = check().await {
            return value;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{what} did not happen within a minute");
}
