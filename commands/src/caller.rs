use dyocense_domain::identity::Role;
use dyocense_domain::ids::{ApiKeyId, SessionId, UserId};
use dyocense_eventlog::{Idempotency, TenantId};
use uuid::Uuid;

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    User {
        user_id: UserId,
        session_id: SessionId,
        role: Role,
    },
    ApiKey {
        api_key_id: ApiKeyId,
        created_by: UserId,
        role: Role,
    },
    /// A policy, the scheduler or the operator at the command line, by name.
    System(&'static str),
}

impl Actor {
    /// As written into the log: `user:<id>`, `api_key:<id>`, `system:<name>`.
    pub fn label(&self) -> String {
        match self {
            Self::User { user_id, .. } => format!("user:{user_id}"),
            Self::ApiKey { api_key_id, .. } => format!("api_key:{api_key_id}"),
            Self::System(name) => format!("system:{name}"),
        }
    }

    /// The person who answers for what is done: for an API key, whoever made it.
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User { user_id, .. } => Some(*user_id),
            Self::ApiKey { created_by, .. } => Some(*created_by),
            Self::System(_) => None,
        }
    }

    pub fn role(&self) -> Option<Role> {
        match self {
            Self::User { role, .. } | Self::ApiKey { role, .. } => Some(*role),
            Self::System(_) => None,
        }
    }
}

/// In which business, by whom, and as part of what a command is given.
#[derive(Debug, Clone)]
pub struct Caller {
    pub tenant: TenantId,
    pub actor: Actor,
    /// Joins all that follows from one request.
    pub correlation: Uuid,
    /// The event that a policy answers.
    pub causation: Option<Uuid>,
    pub idempotency: Option<Idempotency>,
}

impl Caller {
    pub fn new(tenant: TenantId, actor: Actor) -> Self {
        Self { tenant, actor, correlation: Uuid::now_v7(), causation: None, idempotency: None }
    }

    pub fn with_idempotency(mut self, idempotency: Option<Idempotency>) -> Self {
        self.idempotency = idempotency;
        self
    }
}
