//! "Whenever this event, then that command": the only place where one context reacts to another.
//!
//! A policy reads each tenant's history in order from its own checkpoint. The commands it gives carry idempotency
//! keys made from the policy's name and the event, so a crash between command and checkpoint repeats nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dyocense_eventlog::{RecordedEvent, TenantId};

use crate::error::Fault;
use crate::execute::Commands;

mod erasure;
mod evidence;
mod forecasts;
mod goals;
mod insights;
mod invitations;
mod plans;
mod round;
mod sales_metrics;
mod standing;

pub use erasure::FinishErasures;
pub use evidence::CausalModelsFollowData;
pub use forecasts::ForecastsFollowMetrics;
pub use goals::GoalsFollowMetrics;
pub use insights::InsightsFollowRuns;
pub use invitations::InvitationsAreMailed;
pub use plans::GoalsFollowPlans;
pub use round::run;
pub use sales_metrics::SalesMetricsForNewBusinesses;
pub use standing::{Unanswered, unanswered};

const READ_MODELS_WAIT: Duration = Duration::from_secs(30);

#[async_trait]
pub trait Policy: Send + Sync + 'static {
    /// Names the checkpoint; never changes.
    fn name(&self) -> &'static str;

    /// Whether what it does may come a little later, for many events at once: nobody waits for it.
    fn gathers(&self) -> bool {
        false
    }

    /// The types of the events that it answers; it sees no others.
    fn listens_to(&self) -> &'static [&'static str];

    fn hears(&self, event: &RecordedEvent) -> bool {
        self.listens_to().contains(&event.event_type.as_str())
    }

    /// Answers the events of a batch that it listens to, in order and at least one. Must be safe to repeat.
    async fn react(&self, commands: &Commands, tenant: TenantId, events: &[&RecordedEvent]) -> Result<(), Fault>;
}

/// All policies of the product.
pub fn all() -> Vec<Arc<dyn Policy>> {
    vec![
        Arc::new(SalesMetricsForNewBusinesses),
        Arc::new(GoalsFollowMetrics),
        Arc::new(ForecastsFollowMetrics),
        Arc::new(InsightsFollowRuns),
        Arc::new(GoalsFollowPlans),
        Arc::new(CausalModelsFollowData),
        Arc::new(FinishErasures),
        Arc::new(InvitationsAreMailed),
    ]
}
