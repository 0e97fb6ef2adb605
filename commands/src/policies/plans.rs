use async_trait::async_trait;
use dyocense_domain::runs::RunEvent;
use dyocense_eventlog::{RecordedEvent, TenantId};

use super::Policy;
use crate::error::Fault;
use crate::execute::{Commands, decode};

/// Whenever an accepted plan is to be followed, its goal is set. Accepting does it at once; this makes sure of it when
/// the program stops in between.
pub struct GoalsFollowPlans;

#[async_trait]
impl Policy for GoalsFollowPlans {
    fn name(&self) -> &'static str {
        "goals_follow_plans"
    }

    fn listens_to(&self) -> &'static [&'static str] {
        &["PlanFollowed"]
    }

    async fn react(&self, commands: &Commands, tenant: TenantId, events: &[&RecordedEvent]) -> Result<(), Fault> {
        for event in events {
            if let RunEvent::PlanFollowed(followed) = decode(event)? {
                commands.set_goal_of_plan(tenant, &followed, Some(event.id)).await?;
            }
        }
        Ok(())
    }
}
