//! Goals that measure the business by a plan it took on.

use dyocense_domain::goals::{
    self, Aggregation, AimDraft, Goal, GoalCommand, GoalDraft, GoalRefusal, MeasureDraft, MilestoneDraft,
};
use dyocense_domain::runs::{PlanFigure, PlanFollowed};
use dyocense_eventlog::TenantId;
use uuid::Uuid;

use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::Commands;

/// A plan's goal is its whole amount: what is spent stays below it, what is returned or ordered reaches it.
fn creation(followed: &PlanFollowed) -> GoalCommand {
    let target = followed.amount;
    let draft = GoalDraft {
        title: followed.title.clone(),
        description: None,
        owner: followed.followed_by,
        measure: MeasureDraft::Metric { metric_id: followed.metric_id, aggregation: Aggregation::Total },
        aim: match followed.figure {
            PlanFigure::Spend => AimDraft::Down { baseline: None, target },
            PlanFigure::Return | PlanFigure::Orders => AimDraft::Up { baseline: None, target },
        },
        objective: followed.objective,
        relevance: None,
        start: Some(followed.start),
        due: followed.due,
        cadence: followed.cadence,
        time_zone: followed.time_zone.clone(),
    };
    let milestone = |milestone: &goals::Milestone| MilestoneDraft {
        milestone_id: milestone.milestone_id,
        title: milestone.title.clone(),
        value: milestone.value,
        due: milestone.due,
    };
    GoalCommand::Create {
        goal_id: followed.goal_id,
        draft: Box::new(draft),
        milestones: followed.milestones.iter().map(milestone).collect(),
        acknowledge: followed.acknowledgement.as_ref().and_then(|why| why.value().cloned()),
        by: followed.followed_by,
    }
}

impl Commands {
    /// Whether the goal can be set, before anything is written.
    pub(crate) async fn check_goal_of_plan(
        &self,
        tenant: TenantId,
        followed: &PlanFollowed,
    ) -> Result<(), CommandError<GoalRefusal>> {
        let metric = self.measured(tenant, followed.metric_id, &followed.time_zone).await?;
        goals::decide(&Goal::default(), creation(followed), metric.as_ref(), self.now())
            .map(drop)
            .map_err(CommandError::Refused)
    }

    /// Sets the goal that follows a plan; done before, it does nothing.
    pub(crate) async fn set_goal_of_plan(
        &self,
        tenant: TenantId,
        followed: &PlanFollowed,
        cause: Option<Uuid>,
    ) -> Result<(), Fault> {
        let mut caller = Caller::new(tenant, Actor::System("plans"));
        caller.causation = cause;
        let measure = Some((Some(followed.metric_id), followed.time_zone.clone()));
        match self.decide_goal(&caller, followed.goal_id, "CreateGoal", creation(followed), measure).await {
            Ok(_) | Err(CommandError::Refused(GoalRefusal::AlreadyExists)) => Ok(()),
            // It was good when the plan was accepted: the metric was archived since, or the day is past.
            Err(CommandError::Refused(refusal)) => {
                tracing::warn!(%tenant, goal_id = %followed.goal_id, %refusal, "a plan is followed by no goal");
                Ok(())
            }
            Err(CommandError::Fault(fault)) => Err(fault),
        }
    }
}
