//! Changes of goals.

use async_graphql::{Context, ID, InputType, Object, SimpleObject};
use dyocense_commands::goals::GoalResult;
use dyocense_commands::{Caller, CommandError};
use dyocense_domain::goals::GoalRefusal;
use dyocense_domain::ids::{GoalId, MilestoneId};

use super::inputs::*;
use super::types::Feasibility;
use super::{Goal, load};
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::refusal::{UserError, UserErrorCode, refusable, refused};
use crate::graphql::request::{caller, commands, settle};
use crate::graphql::scalars::Position;

/// What became of setting a goal.
#[derive(SimpleObject, Default)]
pub struct CreateGoalPayload {
    /// The goal.
    goal: Option<Goal>,
    /// What history says, where it calls the goal unlikely and the goal was refused for it.
    feasibility: Option<Feasibility>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// What became of revising a goal.
#[derive(SimpleObject, Default)]
pub struct ReviseGoalPayload {
    /// The goal as it is now.
    goal: Option<Goal>,
    /// What history says, where it calls the revised goal unlikely and the revision was refused for it.
    feasibility: Option<Feasibility>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

macro_rules! goal_payloads {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(SimpleObject, Default)]
            pub struct $name {
                /// The goal as it is now.
                goal: Option<Goal>,
                /// The history's position it reached.
                position: Option<Position>,
                /// Why it was refused.
                user_errors: Vec<UserError>,
            }

            impl GoalPayload for $name {
                fn of(goal: Option<Goal>, position: Position) -> Self {
                    Self { goal, position: Some(position), user_errors: vec![] }
                }
            }
        )*
        refusable!(CreateGoalPayload, ReviseGoalPayload, $($name),*);
    };
}

/// A payload that shows a goal and no more.
trait GoalPayload: From<UserError> {
    fn of(goal: Option<Goal>, position: Position) -> Self;
}

goal_payloads!(
    /// What became of pausing a goal.
    PauseGoalPayload,
    /// What became of resuming a goal.
    ResumeGoalPayload,
    /// What became of giving up a goal.
    AbandonGoalPayload,
    /// What became of adding a milestone.
    AddMilestonePayload,
    /// What became of taking a milestone away.
    RemoveMilestonePayload,
    /// What became of recording where a goal stands.
    RecordGoalProgressPayload,
);

fn goal_id(id: &ID) -> Result<GoalId, UserError> {
    ids::of::<GoalId>(Kind::Goal, id).ok_or_else(|| UserError::not_found("goal", &["input", "goalId"]))
}

/// What history said, where that is why the goal was refused.
fn unlikely(error: &CommandError<GoalRefusal>) -> Option<Feasibility> {
    match error {
        CommandError::Refused(GoalRefusal::Unlikely(feasibility)) => Some((**feasibility).clone().into()),
        _ => None,
    }
}

/// Carries a change of one goal out and shows the goal after it.
async fn change<I: InputType, P: GoalPayload>(
    ctx: &Context<'_>,
    input: I,
    idempotency_key: Option<String>,
    id: impl Fn(&I) -> &ID,
    command: impl AsyncFnOnce(&Caller, GoalId, I) -> Result<GoalResult, UserError>,
) -> Result<P, Fault> {
    let caller = caller(ctx, &input, idempotency_key)?;
    let goal_id = match goal_id(id(&input)) {
        Ok(goal_id) => goal_id,
        Err(error) => return Ok(error.into()),
    };
    let outcome = match command(&caller, goal_id, input).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => return Ok(refused(error)?.into()),
        Err(error) => return Ok(error.into()),
    };
    settle(ctx, caller.tenant, outcome.position).await;
    Ok(P::of(load::goal(ctx, goal_id).await?, Position(outcome.position)))
}

#[derive(Default)]
pub struct GoalsMutation;

#[Object]
impl GoalsMutation {
    /// Sets a goal. History that calls it unlikely refuses it, with the numbers, until it is acknowledged.
    async fn create_goal(
        &self,
        ctx: &Context<'_>,
        input: CreateGoalInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<CreateGoalPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(user_id) = caller.actor.user_id() else {
            return Ok(UserError::new(UserErrorCode::NotAllowed, "a goal is set by a person or an API key", &[]).into());
        };
        let zone = load::business_zone(ctx).await?;
        let (draft, milestones, acknowledge) = match input.into_draft(user_id, zone) {
            Ok(draft) => draft,
            Err(error) => return Ok(error.into()),
        };
        let (goal_id, outcome) = match commands(ctx).create_goal(&caller, draft, milestones, acknowledge).await {
            Ok(created) => created,
            Err(error) => {
                let feasibility = unlikely(&error);
                return Ok(CreateGoalPayload { feasibility, ..refused(error)?.into() });
            }
        };
        settle(ctx, caller.tenant, outcome.position).await;
        Ok(CreateGoalPayload {
            goal: load::goal(ctx, goal_id).await?,
            position: Some(Position(outcome.position)),
            ..CreateGoalPayload::default()
        })
    }

    /// Changes a goal's plan. The plans before it stay in its history.
    async fn revise_goal(
        &self,
        ctx: &Context<'_>,
        input: ReviseGoalInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<ReviseGoalPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let goal_id = match goal_id(&input.goal_id) {
            Ok(goal_id) => goal_id,
            Err(error) => return Ok(error.into()),
        };
        let (reason, acknowledge) = (input.reason.clone(), input.acknowledge.clone());
        let plan = match input.into_change() {
            Ok(plan) => plan,
            Err(error) => return Ok(error.into()),
        };
        let outcome = match commands(ctx).revise_goal(&caller, goal_id, plan, reason, acknowledge).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let feasibility = unlikely(&error);
                return Ok(ReviseGoalPayload { feasibility, ..refused(error)?.into() });
            }
        };
        settle(ctx, caller.tenant, outcome.position).await;
        Ok(ReviseGoalPayload {
            goal: load::goal(ctx, goal_id).await?,
            position: Some(Position(outcome.position)),
            ..ReviseGoalPayload::default()
        })
    }

    /// Lets a goal's clock stand: its days do not count and nothing alerts until it is resumed.
    async fn pause_goal(
        &self,
        ctx: &Context<'_>,
        input: PauseGoalInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<PauseGoalPayload, Fault> {
        change(
            ctx,
            input,
            idempotency_key,
            |input| &input.goal_id,
            async |caller, goal, input| Ok(commands(ctx).pause_goal(caller, goal, input.reason).await),
        )
        .await
    }

    /// Lets a paused goal go on.
    async fn resume_goal(
        &self,
        ctx: &Context<'_>,
        input: ResumeGoalInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<ResumeGoalPayload, Fault> {
        change(
            ctx,
            input,
            idempotency_key,
            |input| &input.goal_id,
            async |caller, goal, input| Ok(commands(ctx).resume_goal(caller, goal, input.move_due).await),
        )
        .await
    }

    /// Gives a goal up, with the reason.
    async fn abandon_goal(
        &self,
        ctx: &Context<'_>,
        input: AbandonGoalInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<AbandonGoalPayload, Fault> {
        change(
            ctx,
            input,
            idempotency_key,
            |input| &input.goal_id,
            async |caller, goal, input| Ok(commands(ctx).abandon_goal(caller, goal, input.reason).await),
        )
        .await
    }

    /// Adds a value on the way to a goal.
    async fn add_milestone(
        &self,
        ctx: &Context<'_>,
        input: AddMilestoneInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<AddMilestonePayload, Fault> {
        let mut added: AddMilestonePayload = change(
            ctx,
            input,
            idempotency_key,
            |input| &input.goal_id,
            async |caller, goal, input| Ok(commands(ctx).add_milestone(caller, goal, input.milestone.into()).await),
        )
        .await?;
        // Refusals name the argument of `createGoal`, which takes several.
        for part in added.user_errors.iter_mut().flat_map(|error| &mut error.field).filter(|part| *part == "milestones")
        {
            "milestone".clone_into(part);
        }
        Ok(added)
    }

    /// Takes a value on the way to a goal away.
    async fn remove_milestone(
        &self,
        ctx: &Context<'_>,
        input: RemoveMilestoneInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<RemoveMilestonePayload, Fault> {
        change(
            ctx,
            input,
            idempotency_key,
            |input| &input.goal_id,
            async |caller, goal, input| {
                let milestone = ids::of::<MilestoneId>(Kind::Milestone, &input.milestone_id)
                    .ok_or_else(|| UserError::not_found("milestone", &["input", "milestoneId"]))?;
                Ok(commands(ctx).remove_milestone(caller, goal, milestone).await)
            },
        )
        .await
    }

    /// Records where a goal that is measured by hand stands.
    async fn record_goal_progress(
        &self,
        ctx: &Context<'_>,
        input: RecordGoalProgressInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<RecordGoalProgressPayload, Fault> {
        change(
            ctx,
            input,
            idempotency_key,
            |input| &input.goal_id,
            async |caller, goal, input| {
                let day = input.day.map(|day| day.0);
                Ok(commands(ctx).record_goal_progress(caller, goal, day, input.value.0, input.note).await)
            },
        )
        .await
    }
}
