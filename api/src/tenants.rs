//! The businesses of this installation, for its operator: the one place that looks across tenants.

use dyocense_domain::identity::Role;
use dyocense_domain::ids::UserId;
use dyocense_eventlog::TenantId;
use dyocense_projections::identity::{self, User};
use dyocense_projections::{Keyset, Snapshot};
use uuid::Uuid;

use crate::node::Node;

/// Only the projector's role sees the heads of all tenants.
const HEADS: &str = "select tenant_id, position from log.tenant_head order by tenant_id";
const PAGE: u32 = 500;

#[derive(Debug, Clone)]
pub struct Tenant {
    pub id: TenantId,
    /// None until its registration is in the read models.
    pub name: Option<String>,
    pub events: i64,
}

/// All businesses, the oldest first.
pub async fn all(node: &Node) -> anyhow::Result<Vec<Tenant>> {
    let heads: Vec<(Uuid, i64)> = sqlx::query_as(HEADS).fetch_all(&node.database.projector).await?;
    let mut tenants = Vec::with_capacity(heads.len());
    for (id, events) in heads {
        let id = TenantId::from(id);
        let mut snapshot = node.projections.snapshot(id).await?;
        let name = identity::business(&mut snapshot).await?.map(|business| business.name);
        tenants.push(Tenant { id, name, events });
    }
    Ok(tenants)
}

/// Everybody who has or had access to a business.
pub async fn people(node: &Node, tenant: TenantId) -> anyhow::Result<Vec<User>> {
    let mut snapshot: Snapshot = node.projections.snapshot(tenant).await?;
    let mut people: Vec<User> = Vec::new();
    loop {
        let keys = match people.last() {
            None => Keyset::first(PAGE),
            Some(last) => Keyset::first(PAGE).after(last.user_id.into()),
        };
        let page = identity::users(&mut snapshot, true, &keys).await?;
        people.extend(page.items);
        if !page.has_next {
            return Ok(people);
        }
    }
}

/// The first owner who still has access.
pub async fn owner(node: &Node, tenant: TenantId) -> anyhow::Result<Option<UserId>> {
    // A business that was registered a moment ago is in the log first.
    let head = node.log.head(tenant).await?;
    let waited = std::time::Duration::from_secs(30);
    dyocense_commands::ports::ReadModels::wait_for(&node.projections, tenant, head, waited).await?;
    let people = people(node, tenant).await?;
    let owner = people.iter().find(|person| person.role == Role::Owner && person.removed_at.is_none());
    Ok(owner.map(|person| person.user_id))
}
