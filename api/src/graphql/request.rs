//! What every resolver asks of its request.

use std::time::Duration;

use async_graphql::{Context, InputType};
use dyocense_commands::{Caller, Commands};
use dyocense_eventlog::{EventLog, Idempotency, Position, TenantId};
use dyocense_projections::{Projections, QueryError, Snapshot};
use sha2::{Digest, Sha256};

use super::fault::{Code, Fault};
use super::refusal::{UserError, UserErrorCode};
use super::scalars;
use crate::auth::Visitor;
use crate::auth::attempts::Attempts;

/// How long a mutation waits for its own effect to be readable.
const SETTLE: Duration = Duration::from_secs(5);
/// How long a query waits for `minPosition`.
const REACH: Duration = Duration::from_secs(5);

/// What resolvers work with.
#[derive(Clone)]
pub struct Services {
    pub commands: Commands,
    pub projections: Projections,
}

pub fn services<'a>(ctx: &Context<'a>) -> &'a Services {
    ctx.data_unchecked::<Services>()
}

pub fn commands<'a>(ctx: &Context<'a>) -> &'a Commands {
    &services(ctx).commands
}

pub fn projections<'a>(ctx: &Context<'a>) -> &'a Projections {
    &services(ctx).projections
}

pub fn visitor<'a>(ctx: &Context<'a>) -> &'a Visitor {
    ctx.data_unchecked::<Visitor>()
}

/// Gives the attempt to get in back where what was sent is not well formed: nothing secret was looked at.
pub fn spare_attempt(ctx: &Context<'_>, refusal: UserError) -> UserError {
    if refusal.code == UserErrorCode::Invalid {
        ctx.data_unchecked::<Attempts>().give_back(visitor(ctx).peer, 1);
    }
    refusal
}

/// The business of the visitor, once its read models have reached `min_position`.
pub async fn tenant_at(ctx: &Context<'_>, min_position: Option<scalars::Position>) -> Result<TenantId, Fault> {
    let tenant = visitor(ctx).tenant()?;
    if let Some(scalars::Position(position)) = min_position {
        let reached = projections(ctx).wait_for(tenant, position, REACH).await;
        reached.map_err(|behind| Fault::new(Code::Behind, behind.to_string()))?;
    }
    Ok(tenant)
}

/// Waits until queries see what reached `position`. Where that takes too long the answer is given all the same: it
/// carries the position, and the client can ask with it.
pub async fn settle(ctx: &Context<'_>, tenant: TenantId, position: Position) {
    if let Err(behind) = projections(ctx).wait_for(tenant, position, SETTLE).await {
        tracing::warn!(%tenant, %behind, "a mutation is answered without its effect");
    }
}

/// Who calls, with what the client asks to be done at most once. The same key with another mutation, other input or
/// another caller is another request.
pub fn caller<I: InputType>(ctx: &Context<'_>, input: &I, key: Option<String>) -> Result<Caller, Fault> {
    let visitor = visitor(ctx);
    let idempotency = match key {
        None => None,
        Some(key) if (1..=200).contains(&key.len()) && !key.chars().any(char::is_control) => {
            let mut hash = Sha256::new();
            hash.update(ctx.field().name());
            hash.update([0]);
            hash.update(visitor.principal()?.actor.label());
            hash.update([0]);
            hash.update(input.to_value().to_string());
            Some(Idempotency { key, request_hash: hash.finalize().into() })
        }
        Some(_) => {
            return Err(Fault::new(Code::Invalid, "an idempotency key has 1 to 200 bytes and no control characters"));
        }
    };
    visitor.caller(idempotency)
}

/// One moment of the business's read models, no older than `min_position`.
pub async fn snapshot(ctx: &Context<'_>, min_position: Option<scalars::Position>) -> Result<Snapshot, Fault> {
    let tenant = tenant_at(ctx, min_position).await?;
    projections(ctx).snapshot(tenant).await.map_err(query_fault)
}

pub fn query_fault(error: QueryError) -> Fault {
    match error {
        QueryError::Unavailable(cause) => database_fault(&cause),
        swapped => Fault::unavailable(swapped),
    }
}

/// Some values that a text or an instant can have no column can: then the request is at fault, not the database.
fn database_fault(cause: &sqlx::Error) -> Fault {
    match cause.as_database_error().and_then(|error| error.code()).as_deref() {
        Some("22021") => Fault::new(Code::Invalid, "a text has a NUL, which nothing here has"),
        Some("22008") => Fault::new(Code::Invalid, "a day or an instant is before the year -4713"),
        _ => Fault::unavailable(cause),
    }
}

/// The position to go on behind, which has to be one that the history has reached.
pub async fn behind(log: &EventLog, tenant: TenantId, after: Position) -> Result<Position, Fault> {
    let head = log.head(tenant).await.map_err(log_fault)?;
    match after <= head {
        true => Ok(after),
        false => Err(Fault::new(
            Code::Invalid,
            format!("there is no position {} yet: the history ends at {}", after.get(), head.get()),
        )),
    }
}

pub fn log_fault(error: dyocense_eventlog::ReadError) -> Fault {
    match error {
        dyocense_eventlog::ReadError::Unavailable(cause) => database_fault(&cause),
        other => Fault::internal(other),
    }
}

/// A fault of a use case that knows no refusal.
pub fn fault(fault: dyocense_commands::Fault) -> Fault {
    match super::refusal::fault_of(fault) {
        Ok(error) => Fault::new(Code::Unavailable, error.message),
        Err(fault) => fault,
    }
}
