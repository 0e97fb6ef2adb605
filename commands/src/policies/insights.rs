use async_trait::async_trait;
use dyocense_domain::ids::RunId;
use dyocense_eventlog::{Idempotency, RecordedEvent, TenantId};
use sha2::{Digest, Sha256};

use super::Policy;
use super::goals::id_of;
use crate::caller::{Actor, Caller};
use crate::error::Fault;
use crate::execute::Commands;

/// Whenever a look at a metric's newest steps has ended, what stood out is told.
pub struct InsightsFollowRuns;

#[async_trait]
impl Policy for InsightsFollowRuns {
    fn name(&self) -> &'static str {
        "insights_follow_runs"
    }

    fn listens_to(&self) -> &'static [&'static str] {
        &["RunCompleted"]
    }

    async fn react(&self, commands: &Commands, tenant: TenantId, events: &[&RecordedEvent]) -> Result<(), Fault> {
        for event in events {
            let Some(run_id) = id_of(event, "run-").map(RunId::from) else { continue };
            let key = format!("{}:{}", self.name(), event.id);
            let request_hash = Sha256::digest(key.as_bytes()).into();
            let mut caller = Caller::new(tenant, Actor::System(self.name()));
            caller.causation = Some(event.id);
            caller.correlation = event.metadata.correlation;
            caller.idempotency = Some(Idempotency { key, request_hash });
            commands.record_insights(&caller, run_id).await?;
        }
        Ok(())
    }
}
