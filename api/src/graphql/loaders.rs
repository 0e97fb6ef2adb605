//! Batched look-ups: what many parts of one answer ask for is fetched at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::runtime::{Timer, TokioSpawner};
use dyocense_domain::ids::{GoalId, MetricId, UserId};
use dyocense_eventlog::TenantId;
use dyocense_projections::{Projections, QueryError, Snapshot, goals, identity, metrics};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::fault::Fault;
use super::goals::Milestone;
use super::identity::User;
use super::metrics::Metric;
use super::request::visitor;

/// Fetches for all requests; keys carry the tenant, so that nothing is fetched across tenants.
pub struct Batches(Projections);

pub type Loaders = DataLoader<Batches>;

pub fn loaders(projections: Projections) -> Loaders {
    DataLoader::new(Batches(projections), TokioSpawner::current(), NextTurn).delay(Duration::ZERO)
}

/// Waits for one turn of the scheduler instead of a clock's tick: what is ready to ask has asked by then.
struct NextTurn;

impl Timer for NextTurn {
    fn delay(&self, _: Duration) -> BoxFuture<'static, ()> {
        tokio::task::yield_now().boxed()
    }
}

/// Only its words are kept: every part of the answer that asked gets the same fault.
type Failed = std::sync::Arc<QueryError>;

impl Batches {
    /// One snapshot per tenant of the batch.
    async fn fetch<K: Copy + Eq + Hash, V>(
        &self,
        keys: &[(TenantId, K)],
        fetch: impl AsyncFn(&mut Snapshot, &[K]) -> Result<Vec<(K, V)>, QueryError>,
    ) -> Result<HashMap<(TenantId, K), V>, Failed> {
        let mut by_tenant: HashMap<TenantId, Vec<K>> = HashMap::new();
        for (tenant, key) in keys {
            by_tenant.entry(*tenant).or_default().push(*key);
        }
        let mut found = HashMap::new();
        for (tenant, keys) in by_tenant {
            let mut snapshot = self.0.snapshot(tenant).await?;
            let rows = fetch(&mut snapshot, &keys).await?;
            found.extend(rows.into_iter().map(|(key, value)| ((tenant, key), value)));
        }
        Ok(found)
    }
}

impl Loader<(TenantId, UserId)> for Batches {
    type Value = User;
    type Error = Failed;

    async fn load(&self, keys: &[(TenantId, UserId)]) -> Result<HashMap<(TenantId, UserId), User>, Failed> {
        self.fetch(keys, async |snapshot, ids| {
            let rows = identity::users_by_id(snapshot, ids).await?;
            Ok(rows.into_iter().map(|row| (row.user_id, row.into())).collect())
        })
        .await
    }
}

impl Loader<(TenantId, MetricId)> for Batches {
    type Value = Metric;
    type Error = Failed;

    async fn load(&self, keys: &[(TenantId, MetricId)]) -> Result<HashMap<(TenantId, MetricId), Metric>, Failed> {
        self.fetch(keys, async |snapshot, ids| {
            let rows = metrics::metrics_by_id(snapshot, ids).await?;
            Ok(rows.into_iter().map(|row| (row.metric_id, Metric(row))).collect())
        })
        .await
    }
}

impl Loader<(TenantId, GoalId)> for Batches {
    type Value = Vec<Milestone>;
    type Error = Failed;

    async fn load(&self, keys: &[(TenantId, GoalId)]) -> Result<HashMap<(TenantId, GoalId), Vec<Milestone>>, Failed> {
        self.fetch(keys, async |snapshot, ids| {
            let mut by_goal: HashMap<GoalId, Vec<Milestone>> = HashMap::new();
            for row in goals::milestones(snapshot, ids).await? {
                by_goal.entry(row.goal_id).or_default().push(row.into());
            }
            Ok(by_goal.into_iter().collect())
        })
        .await
    }
}

async fn one<K>(ctx: &Context<'_>, id: K) -> Result<Option<<Batches as Loader<(TenantId, K)>>::Value>, Fault>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Batches: Loader<(TenantId, K), Error = Failed>,
{
    let tenant = visitor(ctx).tenant()?;
    let loaders = ctx.data_unchecked::<Loaders>();
    loaders.load_one((tenant, id)).await.map_err(Fault::unavailable)
}

pub async fn user(ctx: &Context<'_>, id: UserId) -> Result<Option<User>, Fault> {
    one(ctx, id).await
}

pub async fn metric(ctx: &Context<'_>, id: MetricId) -> Result<Option<Metric>, Fault> {
    one(ctx, id).await
}

pub async fn milestones(ctx: &Context<'_>, id: GoalId) -> Result<Vec<Milestone>, Fault> {
    Ok(one(ctx, id).await?.unwrap_or_default())
}
