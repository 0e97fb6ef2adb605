use dyocense_eventlog::{Position, TenantId};
use uuid::Uuid;

use super::all;
use crate::error::Fault;
use crate::execute::Commands;

/// Businesses that are looked at, those furthest behind first.
const MOST: i64 = 1_000;
/// Events of a business that are counted.
const MOST_EVENTS: usize = 10_000;

/// Events of a business that a policy listens to and has not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    pub policy: &'static str,
    pub tenant: TenantId,
    /// The oldest of them.
    pub first: Position,
    pub events: usize,
}

/// What the policies have not answered yet. Some of it may be on its way: what was appended a moment ago is here too.
pub async fn unanswered(commands: &Commands) -> Result<Vec<Unanswered>, Fault> {
    let behind: Vec<(String, Uuid, i64)> = sqlx::query_as(
        "select done.policy, done.tenant_id, done.position from vault.policy_checkpoints done
         join log.tenant_head head on head.tenant_id = done.tenant_id
         where head.position > done.position order by head.position - done.position desc limit $1",
    )
    .bind(MOST)
    .fetch_all(commands.vault.across_tenants())
    .await?;
    let policies = all();
    let mut found = Vec::new();
    for (name, tenant, position) in behind {
        let Some(policy) = policies.iter().find(|policy| policy.name() == name) else { continue };
        let (tenant, after) = (TenantId::from(tenant), Position::new(position).unwrap_or(Position::START));
        let events = commands.log.following(tenant, after, MOST_EVENTS).await?;
        let mut heard = events.iter().filter(|event| policy.hears(event));
        if let Some(first) = heard.next() {
            found.push(Unanswered { policy: policy.name(), tenant, first: first.position, events: 1 + heard.count() });
        }
    }
    Ok(found)
}
