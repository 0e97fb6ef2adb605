use async_trait::async_trait;
use dyocense_eventlog::{RecordedEvent, TenantId};

use super::Policy;
use crate::caller::{Actor, Caller};
use crate::error::Fault;
use crate::execute::{Commands, decode};
use crate::identity::erasure_requested;

/// Whenever a person's erasure is asked for, the key of their data is destroyed. The command does it at once; this
/// makes sure of it when the program stops in between.
pub struct FinishErasures;

#[async_trait]
impl Policy for FinishErasures {
    fn name(&self) -> &'static str {
        "finish_erasures"
    }

    fn listens_to(&self) -> &'static [&'static str] {
        &["ErasureRequested"]
    }

    async fn react(&self, commands: &Commands, tenant: TenantId, events: &[&RecordedEvent]) -> Result<(), Fault> {
        for event in events {
            if let Some(user_id) = erasure_requested(&decode(event)?) {
                let mut caller = Caller::new(tenant, Actor::System("erasure"));
                caller.causation = Some(event.id);
                commands.finish_erasure(&caller, user_id).await?;
            }
        }
        Ok(())
    }
}
