//! Asking an engine: the run is requested, waited for as long as the client wants, and shown.

use std::future::Future;

use async_graphql::{Context, ID, InputType};
use dyocense_domain::ids::MetricId;
use dyocense_domain::runs::RunKind;
use serde_json::Value;

use super::{Run, load};
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::loaders;
use crate::graphql::refusal::{UserError, refused};
use crate::graphql::request::{caller, commands};
use crate::graphql::scalars::Position;

/// What to ask an engine.
pub struct Question {
    pub kind: RunKind,
    pub request: Value,
    pub seed: u32,
    /// Seconds to wait for the answer.
    pub wait: u32,
}

/// Why an input is no question.
pub enum NoQuestion {
    Refused(UserError),
    Fault(Fault),
}

impl From<UserError> for NoQuestion {
    fn from(error: UserError) -> Self {
        NoQuestion::Refused(error)
    }
}

impl From<Fault> for NoQuestion {
    fn from(fault: Fault) -> Self {
        NoQuestion::Fault(fault)
    }
}

/// An input that asks an engine something.
pub trait Asks: InputType {
    fn question(self, ctx: &Context<'_>) -> impl Future<Output = Result<Question, NoQuestion>> + Send;
}

/// What has been asked.
pub struct Asked {
    pub run: Option<Run>,
    pub position: Position,
}

/// Asks for a run and waits for it as long as the client wants.
pub async fn ask<I: Asks, P: From<Asked> + From<UserError>>(
    ctx: &Context<'_>,
    input: I,
    idempotency_key: Option<String>,
) -> Result<P, Fault> {
    let caller = caller(ctx, &input, idempotency_key)?;
    let Question { kind, request, seed, wait } = match input.question(ctx).await {
        Ok(question) => question,
        Err(NoQuestion::Refused(error)) => return Ok(error.into()),
        Err(NoQuestion::Fault(fault)) => return Err(fault),
    };
    match commands(ctx).request_run(&caller, kind, request, seed).await {
        Ok((run_id, position)) => {
            let run = load::run_within(ctx, caller.tenant, run_id, wait).await?;
            Ok(Asked { run, position: Position(position) }.into())
        }
        Err(error) => Ok(refused(error)?.into()),
    }
}

/// A metric of this business, named by the input's `field`.
pub async fn known_metric(ctx: &Context<'_>, id: &ID, field: &str) -> Result<MetricId, NoQuestion> {
    match ids::of::<MetricId>(Kind::Metric, id) {
        Some(metric) if loaders::metric(ctx, metric).await?.is_some() => Ok(metric),
        _ => Err(UserError::not_found("metric", &["input", field]).into()),
    }
}

/// Payloads of mutations that ask for a run.
macro_rules! run_payloads {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(async_graphql::SimpleObject, Default)]
            pub struct $name {
                /// The run: with its answer, or still at work after the time that was waited.
                run: Option<$crate::graphql::runs::Run>,
                /// The history's position at which it was asked for.
                position: Option<$crate::graphql::scalars::Position>,
                /// Why it was refused.
                user_errors: Vec<$crate::graphql::refusal::UserError>,
            }

            impl From<$crate::graphql::runs::asking::Asked> for $name {
                fn from(asked: $crate::graphql::runs::asking::Asked) -> Self {
                    Self { run: asked.run, position: Some(asked.position), user_errors: vec![] }
                }
            }
        )*
        $crate::graphql::refusal::refusable!($($name),*);
    };
}
pub(crate) use run_payloads;
