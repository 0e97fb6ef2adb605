use async_trait::async_trait;
use dyocense_eventlog::{RecordedEvent, TenantId};

use super::Policy;
use crate::caller::{Actor, Caller};
use crate::error::Fault;
use crate::execute::Commands;

/// Whenever a business is registered, the metrics that follow from its sales are defined. Registration does it at
/// once; this makes sure of it when the program stops in between.
pub struct SalesMetricsForNewBusinesses;

#[async_trait]
impl Policy for SalesMetricsForNewBusinesses {
    fn name(&self) -> &'static str {
        "sales_metrics_for_new_businesses"
    }

    fn listens_to(&self) -> &'static [&'static str] {
        &["BusinessRegistered"]
    }

    async fn react(&self, commands: &Commands, tenant: TenantId, events: &[&RecordedEvent]) -> Result<(), Fault> {
        if let Some(registered) = events.first() {
            let mut caller = Caller::new(tenant, Actor::System("sales metrics"));
            caller.causation = Some(registered.id);
            commands.define_sales_metrics(&caller).await?;
        }
        Ok(())
    }
}
