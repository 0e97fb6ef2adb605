//! Occasions as clients see them.

use async_graphql::{Context, Enum, ID, Object};
use dyocense_domain::evidence as domain;
use dyocense_projections::evidence;

use crate::graphql::fault::Fault;
use crate::graphql::identity::User;
use crate::graphql::ids::Kind;
use crate::graphql::loaders;
use crate::graphql::scalars::{Date, DateTime};

/// What kind of occasion it is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "domain::OccasionKind")]
pub enum OccasionKind {
    /// A promotion or a sale.
    Promotion,
    /// A holiday.
    Holiday,
    /// The business was closed.
    Closure,
    /// Anything else.
    Other,
}

pub struct Occasion(pub evidence::Occasion);

/// Days on which something known happened. Occasions of one kind and name are the same thing again.
#[Object]
impl Occasion {
    /// The id, unique over all types.
    async fn id(&self) -> ID {
        Kind::Occasion.id(self.0.occasion_id)
    }

    /// What kind it is.
    async fn kind(&self) -> OccasionKind {
        self.0.kind.into()
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its first day.
    async fn first(&self) -> Date {
        Date(self.0.first)
    }

    /// Its last day.
    async fn last(&self) -> Date {
        Date(self.0.last)
    }

    /// Who recorded it.
    async fn recorded_by(&self, ctx: &Context<'_>) -> Result<Option<User>, Fault> {
        loaders::user(ctx, self.0.recorded_by).await
    }

    /// When it was recorded.
    async fn recorded_at(&self) -> DateTime {
        DateTime(self.0.recorded_at)
    }
}
