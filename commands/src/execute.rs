//! The path of every command: answer a replay, load the aggregate, decide, append; reload and retry on conflict.

use std::sync::Arc;

use dyocense_domain::Clock;
use dyocense_domain::event::{Aggregate, DomainEvent};
use dyocense_eventlog::{
    Append, AppendError, Appended, Direction, EventLog, ExpectedVersion, Metadata, NewEvent, Position, RecordedEvent,
    StreamId, TenantId,
};
use jiff::Timestamp;
use sqlx::PgPool;

use crate::caller::Caller;
use crate::error::{CommandError, Fault};
use crate::identity::{AccessTokens, CHANGES_OF_ACCESS, Passwords, RecentPrincipals};
use crate::ports::{Mailer, ReadModels};
use crate::runs::Going;
use crate::secrets::MasterKey;
use crate::turns::Turns;
use crate::vault::Vault;

/// A conflict is retried this often before the caller is told: by then the stream is hot beyond reason.
pub(crate) const MOST_ATTEMPTS: u32 = 8;
const PAGE: usize = 1_000;

pub struct CommandsOptions {
    pub log: EventLog,
    pub vault_pool: PgPool,
    pub reads: Arc<dyn ReadModels>,
    pub clock: Arc<dyn Clock>,
    pub master_key: MasterKey,
    /// Password checks at one time; each takes 19 MiB and a core.
    pub password_checks: usize,
    /// The issuer named in access tokens.
    pub issuer: String,
    /// None: no mail is sent.
    pub mail: Option<MailOptions>,
}

/// How mail goes out.
#[derive(Clone)]
pub struct MailOptions {
    pub mailer: Arc<dyn Mailer>,
    /// Where people reach this server with a browser, without a slash at its end.
    pub public_url: String,
}

/// All use cases, and what they share. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    pub(crate) log: EventLog,
    pub(crate) vault: Vault,
    pub(crate) reads: Arc<dyn ReadModels>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) master_key: MasterKey,
    pub(crate) passwords: Passwords,
    pub(crate) access_tokens: AccessTokens,
    pub(crate) recent: RecentPrincipals,
    /// Wakes the import worker of this node.
    pub(crate) import_queued: Arc<tokio::sync::Notify>,
    /// Wakes the worker of runs of this node.
    pub(crate) run_queued: Arc<tokio::sync::Notify>,
    pub(crate) going_runs: Going,
    pub(crate) turns: Turns,
    pub(crate) mail: Option<MailOptions>,
    /// Wakes the sender of mail of this node.
    pub(crate) mail_queued: Arc<tokio::sync::Notify>,
}

/// What a command did. `position` is how far the tenant's history reaches with it; `events` are those of this
/// command, also when it is the replay of an earlier one. None: there was nothing to do.
#[derive(Debug, Clone)]
pub struct Outcome<E> {
    pub position: Position,
    pub events: Vec<E>,
    pub replayed: bool,
}

/// An aggregate as its events stood when it was loaded.
pub(crate) struct Loaded<A> {
    pub state: A,
    pub version: i64,
}

impl Commands {
    /// Fails where the vault's signing keys cannot be read, for instance under another master key.
    pub async fn open(options: CommandsOptions) -> Result<Self, Fault> {
        let vault = Vault::new(options.vault_pool);
        let access_tokens =
            AccessTokens::load(&vault, &options.master_key, options.clock.as_ref(), options.issuer).await?;
        Ok(Self {
            log: options.log,
            vault,
            reads: options.reads,
            clock: options.clock,
            master_key: options.master_key,
            passwords: Passwords::new(options.password_checks),
            access_tokens,
            recent: RecentPrincipals::default(),
            import_queued: Arc::default(),
            run_queued: Arc::default(),
            going_runs: Going::default(),
            turns: Turns::default(),
            mail: options.mail,
            mail_queued: Arc::default(),
        })
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// Loads the aggregate of `stream`, lets `decide` choose its events, and appends them under the version that it
    /// was decided on. `decide` runs again, on fresh state, after each conflict.
    pub(crate) async fn execute<A, R>(
        &self,
        caller: &Caller,
        stream: String,
        command: &'static str,
        mut decide: impl FnMut(&A) -> Result<Vec<A::Event>, R>,
    ) -> Result<Outcome<A::Event>, CommandError<R>>
    where
        A: Aggregate,
    {
        let stream = stream_id(stream)?;
        let _turn = self.turns.take(caller.tenant, &stream).await;
        if let Some(outcome) = self.replay(caller).await? {
            return Ok(outcome);
        }
        for _ in 0..MOST_ATTEMPTS {
            let loaded: Loaded<A> = self.load(caller.tenant, &stream).await?;
            let events = match decide(&loaded.state) {
                Ok(events) if !events.is_empty() => events,
                nothing => return self.nothing_new(caller, nothing).await,
            };
            match self.append(caller, stream.clone(), loaded.version, command, &events).await {
                Err(AppendError::Conflict { .. }) => continue,
                Err(error) => return Err(Fault::from(error).into()),
                Ok(appended) => return self.done(caller, &appended, events).await,
            }
        }
        Err(Fault::Contended.into())
    }

    /// The answer of a command whose events are in the log: its own, or those of its first attempt.
    pub(crate) async fn done<E: DomainEvent, R>(
        &self,
        caller: &Caller,
        appended: &Appended,
        events: Vec<E>,
    ) -> Result<Outcome<E>, CommandError<R>> {
        if appended.replayed {
            return self.replay(caller).await?.ok_or_else(|| Fault::internal("a receipt vanished").into());
        }
        Ok(Outcome { position: appended.last_position, events, replayed: false })
    }

    /// The answer of a command that decided on no event. Where it was given before under the same key, by another
    /// process since it was looked for here, that is why, and the first answer stands.
    pub(crate) async fn nothing_new<E: DomainEvent, R>(
        &self,
        caller: &Caller,
        decided: Result<Vec<E>, R>,
    ) -> Result<Outcome<E>, CommandError<R>> {
        if let Some(outcome) = self.replay(caller).await? {
            return Ok(outcome);
        }
        let events = decided.map_err(CommandError::Refused)?;
        Ok(Outcome { position: self.log.head(caller.tenant).await?, events, replayed: false })
    }

    pub(crate) async fn append<E: DomainEvent>(
        &self,
        caller: &Caller,
        stream: StreamId,
        version: i64,
        command: &'static str,
        events: &[E],
    ) -> Result<Appended, AppendError> {
        let appended = self
            .log
            .append(Append {
                tenant: caller.tenant,
                stream,
                expected: ExpectedVersion::Exact(version),
                events: events.iter().map(new_event).collect(),
                metadata: self.metadata(caller, command),
                idempotency: caller.idempotency.clone(),
            })
            .await;
        // Also after an error: whether it was committed may not be known then.
        if events.iter().any(|event| CHANGES_OF_ACCESS.contains(&event.event_type().name)) {
            self.recent.forget(caller.tenant);
        }
        appended
    }

    pub(crate) fn metadata(&self, caller: &Caller, command: &'static str) -> Metadata {
        Metadata {
            actor: caller.actor.label(),
            at: self.now(),
            correlation: caller.correlation,
            causation: caller.causation,
            command: command.to_owned(),
        }
    }

    /// The answer of an earlier command with the caller's idempotency key, if there was one.
    pub(crate) async fn replay<E: DomainEvent>(&self, caller: &Caller) -> Result<Option<Outcome<E>>, Fault> {
        let Some(idempotency) = &caller.idempotency else { return Ok(None) };
        let Some(appended) = self.log.answered(caller.tenant, idempotency).await? else { return Ok(None) };
        let after = Position::new(appended.first_position.get() - 1).unwrap_or(Position::START);
        let count = (appended.last_position.get() - after.get()) as usize;
        let recorded = self.log.read_tenant(caller.tenant, after, count, Direction::Forward).await?;
        let events = recorded
            .iter()
            .filter(|event| E::belongs(&event.event_type))
            .map(decode)
            .collect::<Result<Vec<E>, Fault>>()?;
        Ok(Some(Outcome { position: appended.last_position, events, replayed: true }))
    }

    pub(crate) async fn load<A: Aggregate>(&self, tenant: TenantId, stream: &StreamId) -> Result<Loaded<A>, Fault> {
        let mut state = A::default();
        let mut version = 0;
        loop {
            let page = self.log.read_stream(tenant, stream, version, PAGE, Direction::Forward).await?;
            let last = page.len() < PAGE;
            for recorded in page {
                version = recorded.version;
                state = state.evolve(&decode(&recorded)?);
            }
            if last {
                return Ok(Loaded { state, version });
            }
        }
    }
}

pub(crate) fn stream_id(name: String) -> Result<StreamId, Fault> {
    StreamId::new(name).map_err(Fault::internal)
}

pub(crate) fn new_event<E: DomainEvent>(event: &E) -> NewEvent {
    let event_type = event.event_type();
    NewEvent::new(event_type.name, event_type.schema_version, event.to_json())
}

pub(crate) fn decode<E: DomainEvent>(recorded: &RecordedEvent) -> Result<E, Fault> {
    let data = recorded.data().map_err(|error| Fault::internal(error.clone()))?;
    E::from_json(&recorded.event_type, data).map_err(Fault::internal)
}
