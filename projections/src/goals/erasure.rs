//! What goals say in an erased person's words is dropped from the read models.

use dyocense_domain::Personal;
use dyocense_domain::goals::GoalPlan;
use dyocense_domain::identity::BusinessEvent;
use dyocense_domain::ids::{GoalId, UserId};
use dyocense_eventlog::{RecordedEvent, TenantTx};
use uuid::Uuid;

use super::queries::{Goal, Revision};
use crate::ProjectorError;
use crate::projector::decode;
use crate::row::{load, save};

pub const EVENT: &str = "SubjectErased";

/// Small businesses have dozens of goals: all of them are looked at.
pub async fn clear(tx: &mut TenantTx, event: &RecordedEvent) -> Result<(), ProjectorError> {
    let BusinessEvent::SubjectErased(fact) = decode(event)? else { return Ok(()) };
    let person = fact.user_id;
    let tenant = tx.tenant().uuid();
    let goals: Vec<Uuid> =
        sqlx::query_scalar("select goal_id from goals where tenant_id = $1").bind(tenant).fetch_all(&mut **tx).await?;
    let mut goals = load::<Goal>(tx, goals.into_iter().map(|id| (GoalId::from(id),))).await?;
    goals.values_mut().for_each(|goal| forget(goal, person));
    save(tx, goals.values()).await?;

    let revisions: Vec<(Uuid, i64)> =
        sqlx::query_as("select goal_id, position from goal_revisions where tenant_id = $1")
            .bind(tenant)
            .fetch_all(&mut **tx)
            .await?;
    let keys = revisions.into_iter().map(|(goal, position)| (GoalId::from(goal), position));
    let mut revisions = load::<Revision>(tx, keys).await?;
    for revision in revisions.values_mut() {
        forget_plan(&mut revision.plan_before.0, &person.stream());
        if revision.revised_by == person {
            revision.reason = None;
        }
    }
    save(tx, revisions.values()).await?;

    sqlx::query("update goal_progress set note = null where tenant_id = $1 and recorded_by = $2 and note is not null")
        .bind(tenant)
        .bind(Uuid::from(person))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn forget(goal: &mut Goal, person: UserId) {
    let subject = person.stream();
    forget_plan(&mut goal.plan.0, &subject);
    if let Some(acknowledgement) = &mut goal.acknowledgement {
        acknowledgement.0.why.erase(&subject);
    }
    goal.pauses.0.iter_mut().filter(|pause| pause.paused_by == person).for_each(|pause| pause.reason = None);
    if goal.abandoned_by == Some(person) {
        goal.abandoned_because = None;
    }
}

fn forget_plan(plan: &mut GoalPlan, subject: &str) {
    let texts: [&mut Option<Personal<String>>; 2] = [&mut plan.description, &mut plan.relevance];
    texts.into_iter().flatten().for_each(|text| text.erase(subject));
}
