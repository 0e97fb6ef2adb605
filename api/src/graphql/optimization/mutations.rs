//! Asking for plans, taking them on, and the constraints they keep.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use dyocense_commands::CommandError;
use dyocense_commands::optimization::{AcceptPlanRefusal, SaveConstraint};
use dyocense_domain::goals::GoalRefusal;
use dyocense_domain::ids::{ConstraintId, RunId};
use dyocense_domain::runs::RunKind;
use dyocense_projections::optimization;
use serde_json::json;

use super::constraints::{Constraint, PlanFamily};
use super::following::FollowPlanInput;
use super::inputs::{AcceptPlanInput, OptimizeInput};
use crate::graphql::fault::Fault;
use crate::graphql::goals::Feasibility;
use crate::graphql::ids::{self, Kind};
use crate::graphql::refusal::{UserError, refusable, refused};
use crate::graphql::request::{caller, commands, query_fault, settle, snapshot};
use crate::graphql::runs::{Run, load};
use crate::graphql::scalars::{Json, Position};

/// What became of asking for a plan.
#[derive(SimpleObject, Default)]
pub struct OptimizePayload {
    /// The run: with its answer, or still at work after the time that was waited.
    run: Option<Run>,
    /// The history's position at which it was asked for.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// What became of taking a plan on.
#[derive(SimpleObject, Default)]
pub struct AcceptPlanPayload {
    /// The run.
    run: Option<Run>,
    /// What history says, where it calls a goal unlikely and the plan was refused for it.
    feasibility: Option<Feasibility>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// A constraint to keep.
#[derive(InputObject)]
pub struct SaveConstraintInput {
    /// The one to change; a new one where it is left out.
    constraint_id: Option<ID>,
    /// Which plans keep it.
    family: PlanFamily,
    /// In your own words, as "never more than USD 5,000 on ads".
    says: String,
    /// What it means; docs/optimization.md lists what each kind of plan knows.
    limit: Json,
    /// A problem that it is to fit: what it names must be there. The newest that was asked of these plans where it is
    /// left out.
    problem: Option<Json>,
}

/// What became of keeping a constraint.
#[derive(SimpleObject, Default)]
pub struct SaveConstraintPayload {
    /// The constraint.
    constraint: Option<Constraint>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Which constraint to remove.
#[derive(InputObject)]
pub struct RemoveConstraintInput {
    /// The constraint.
    constraint_id: ID,
}

/// What became of removing a constraint.
#[derive(SimpleObject, Default)]
pub struct RemoveConstraintPayload {
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

refusable!(OptimizePayload, AcceptPlanPayload, SaveConstraintPayload, RemoveConstraintPayload);

async fn optimize(
    ctx: &Context<'_>,
    input: OptimizeInput,
    idempotency_key: Option<String>,
    kind: RunKind,
) -> Result<OptimizePayload, Fault> {
    let caller = caller(ctx, &input, idempotency_key)?;
    let wait_seconds = input.wait_seconds;
    let (request, seed) = match input.into_request(ctx, &caller, kind).await? {
        Ok(request) => request,
        Err(error) => return Ok(error.into()),
    };
    match commands(ctx).request_run(&caller, kind, json!(request), seed).await {
        Ok((run_id, position)) => Ok(OptimizePayload {
            run: load::run_within(ctx, caller.tenant, run_id, wait_seconds).await?,
            position: Some(Position(position)),
            user_errors: vec![],
        }),
        Err(error) => Ok(refused(error)?.into()),
    }
}

#[derive(Default)]
pub struct OptimizationMutation;

#[Object]
impl OptimizationMutation {
    /// Looks for what to order: products over periods with set-up costs, capacities and lost sales.
    async fn optimize_inventory(
        &self,
        ctx: &Context<'_>,
        input: OptimizeInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<OptimizePayload, Fault> {
        optimize(ctx, input, idempotency_key, RunKind::Inventory).await
    }

    /// Looks for how many people to put on which tours.
    async fn optimize_staffing(
        &self,
        ctx: &Context<'_>,
        input: OptimizeInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<OptimizePayload, Fault> {
        optimize(ctx, input, idempotency_key, RunKind::Staffing).await
    }

    /// Looks for who works when.
    async fn optimize_roster(
        &self,
        ctx: &Context<'_>,
        input: OptimizeInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<OptimizePayload, Fault> {
        optimize(ctx, input, idempotency_key, RunKind::Roster).await
    }

    /// Looks for where to spend.
    async fn optimize_budget(
        &self,
        ctx: &Context<'_>,
        input: OptimizeInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<OptimizePayload, Fault> {
        optimize(ctx, input, idempotency_key, RunKind::Budget).await
    }

    /// Takes a plan on: from now on it is what the business does. Goals follow it as asked.
    async fn accept_plan(
        &self,
        ctx: &Context<'_>,
        input: AcceptPlanInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<AcceptPlanPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(run_id) = ids::of::<RunId>(Kind::Run, &input.run_id) else {
            return Ok(UserError::not_found("run", &["input", "runId"]).into());
        };
        let follow: Result<Vec<_>, _> = input.follow.into_iter().map(FollowPlanInput::into_follow).collect();
        let follow = match follow {
            Ok(follow) => follow,
            Err(error) => return Ok(error.into()),
        };
        let outcome = match commands(ctx).accept_plan(&caller, run_id, input.note, follow).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let feasibility = match &error {
                    CommandError::Refused(AcceptPlanRefusal::Goal(GoalRefusal::Unlikely(feasibility))) => {
                        Some((**feasibility).clone().into())
                    }
                    _ => None,
                };
                return Ok(AcceptPlanPayload { feasibility, ..refused(error)?.into() });
            }
        };
        settle(ctx, caller.tenant, outcome.position).await;
        Ok(AcceptPlanPayload {
            run: load::run(ctx, run_id).await?,
            position: Some(Position(outcome.position)),
            ..AcceptPlanPayload::default()
        })
    }

    /// Keeps a constraint: every later plan of its kind keeps it, or says that it cannot.
    async fn save_constraint(
        &self,
        ctx: &Context<'_>,
        input: SaveConstraintInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<SaveConstraintPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let constraint_id = match &input.constraint_id {
            None => None,
            Some(id) => match ids::of::<ConstraintId>(Kind::Constraint, id) {
                Some(id) => Some(id),
                None => return Ok(UserError::not_found("constraint", &["input", "constraintId"]).into()),
            },
        };
        let save = SaveConstraint {
            constraint_id,
            family: input.family.into(),
            says: input.says,
            limit: input.limit.0,
            problem: input.problem.map(|problem| problem.0),
        };
        let (id, outcome) = match commands(ctx).save_constraint(&caller, save).await {
            Ok(saved) => saved,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, outcome.position).await;
        let mut snapshot = snapshot(ctx, None).await?;
        let constraint = optimization::constraint(&mut snapshot, id).await.map_err(query_fault)?;
        Ok(SaveConstraintPayload {
            constraint: constraint.map(Constraint),
            position: Some(Position(outcome.position)),
            user_errors: vec![],
        })
    }

    /// Removes a constraint: later plans need not keep it.
    async fn remove_constraint(
        &self,
        ctx: &Context<'_>,
        input: RemoveConstraintInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<RemoveConstraintPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(id) = ids::of::<ConstraintId>(Kind::Constraint, &input.constraint_id) else {
            return Ok(UserError::not_found("constraint", &["input", "constraintId"]).into());
        };
        let outcome = match commands(ctx).remove_constraint(&caller, id).await {
            Ok(outcome) => outcome,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, outcome.position).await;
        Ok(RemoveConstraintPayload { position: Some(Position(outcome.position)), user_errors: vec![] })
    }
}
