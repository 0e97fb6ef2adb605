//! Constraints that plans must keep, as clients see them.

use async_graphql::{Context, Enum, ID, Object};
use dyocense_domain::optimization as domain;
use dyocense_projections::optimization;

use crate::graphql::fault::Fault;
use crate::graphql::identity::User;
use crate::graphql::ids::Kind;
use crate::graphql::loaders;
use crate::graphql::scalars::{DateTime, Json};

/// What plans are about.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "domain::PlanFamily")]
pub enum PlanFamily {
    /// What to order.
    Inventory,
    /// How many people to schedule.
    Staffing,
    /// Whom to schedule.
    Roster,
    /// Where to spend.
    Budget,
}

pub struct Constraint(pub optimization::Constraint);

/// A rule of the business that its plans keep.
#[Object]
impl Constraint {
    /// The id, unique over all types.
    async fn id(&self) -> ID {
        Kind::Constraint.id(self.0.constraint_id)
    }

    /// Which plans keep it.
    async fn family(&self) -> PlanFamily {
        self.0.family.into()
    }

    /// In the words of whoever set it; null once that person was erased.
    async fn says(&self) -> Option<&str> {
        self.0.says.as_deref()
    }

    /// What it means.
    async fn limit(&self) -> Json {
        Json(self.0.means.0.clone())
    }

    /// Who set it.
    async fn saved_by(&self, ctx: &Context<'_>) -> Result<Option<User>, Fault> {
        loaders::user(ctx, self.0.saved_by).await
    }

    /// When it was last set.
    async fn saved_at(&self) -> DateTime {
        DateTime(self.0.saved_at)
    }
}
