//! Stopping runs. They are asked for in the context of their engine.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use dyocense_domain::ids::RunId;

use super::{Run, load};
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::refusal::{UserError, refusable, refused};
use crate::graphql::request::{caller, commands};
use crate::graphql::scalars::Position;

/// Which run to stop.
#[derive(InputObject)]
pub struct StopRunInput {
    /// The run.
    run_id: ID,
    /// How many seconds (0 to 20) to wait for its end.
    #[graphql(default = 5)]
    wait_seconds: u32,
}

/// What became of stopping a run.
#[derive(SimpleObject, Default)]
pub struct StopRunPayload {
    /// The run. What it had found by then is its answer, if it had found anything.
    run: Option<Run>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

refusable!(StopRunPayload);

#[derive(Default)]
pub struct RunsMutation;

#[Object]
impl RunsMutation {
    /// Asks a run to end.
    async fn stop_run(
        &self,
        ctx: &Context<'_>,
        input: StopRunInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<StopRunPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(run_id) = ids::of::<RunId>(Kind::Run, &input.run_id) else {
            return Ok(UserError::not_found("run", &["input", "runId"]).into());
        };
        let outcome = match commands(ctx).stop_run(&caller, run_id).await {
            Ok(outcome) => outcome,
            Err(error) => return Ok(refused(error)?.into()),
        };
        Ok(StopRunPayload {
            run: load::run_within(ctx, caller.tenant, run_id, input.wait_seconds).await?,
            position: Some(Position(outcome.position)),
            user_errors: vec![],
        })
    }
}
