//! `node(id)`: anything that has an id, by its id alone.

use async_graphql::{Context, ID, Interface, Object};

use super::connectors::{self, Import};
use super::evidence::{self, CausalModel};
use super::fault::{Code, Fault};
use super::goals::{self, Goal};
use super::identity::{self, ApiKey, Business, Invitation, User};
use super::ids::{self, Kind};
use super::metrics::{self, Metric};
use super::request::{tenant_at, visitor};
use super::runs::{self, Run};
use super::scalars::Position;
use crate::auth::matrix;

/// Anything that has an id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The id, unique over all types."))]
#[allow(clippy::large_enum_variant)] // One lives for one answer; the derive takes no boxes.
pub enum Node {
    Business(Business),
    User(User),
    Invitation(Invitation),
    ApiKey(ApiKey),
    Metric(Metric),
    Import(Import),
    Goal(Goal),
    Run(Run),
    CausalModel(CausalModel),
}

/// The most nodes of one request.
const MOST: usize = 100;

#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Anything by its id; null where nothing in this business has it.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Option<Node>, Fault> {
        tenant_at(ctx, min_position).await?;
        find(ctx, &id).await
    }

    /// Several things by their ids (at most 100), in the order of the ids; null where nothing has the id.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ids.")] ids: Vec<ID>,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Vec<Option<Node>>, Fault> {
        if ids.len() > MOST {
            return Err(Fault::new(
                Code::LimitExceeded,
                format!("{} ids were given; at most {MOST} may be", ids.len()),
            ));
        }
        tenant_at(ctx, min_position).await?;
        let mut found = Vec::with_capacity(ids.len());
        for id in &ids {
            found.push(find(ctx, id).await?);
        }
        Ok(found)
    }
}

/// Every look-up is within the visitor's own business, so that an id of another one finds nothing.
async fn find(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>, Fault> {
    let Some((kind, uuid)) = ids::parse(id) else { return Ok(None) };
    // What a role may not list it may not find either.
    let list = match kind {
        Kind::Invitation => "invitations",
        Kind::ApiKey => "apiKeys",
        _ => "node",
    };
    if !matrix::allows(visitor(ctx).role(), "Query", list) {
        return Ok(None);
    }
    let tenant = visitor(ctx).tenant()?;
    Ok(match kind {
        Kind::Business if uuid == tenant.uuid() => identity::load::business(ctx, tenant).await?.map(Node::Business),
        Kind::User => identity::load::user(ctx, uuid.into()).await?.map(Node::User),
        Kind::Invitation => identity::load::invitation(ctx, uuid.into()).await?.map(Node::Invitation),
        Kind::ApiKey => identity::load::api_key(ctx, uuid.into()).await?.map(Node::ApiKey),
        Kind::Metric => metrics::load::metric(ctx, uuid.into()).await?.map(Node::Metric),
        Kind::Import => connectors::load::import(ctx, uuid.into()).await?.map(Node::Import),
        Kind::Goal => goals::load::goal(ctx, uuid.into()).await?.map(Node::Goal),
        Kind::Run => runs::load::run(ctx, uuid.into()).await?.map(Node::Run),
        Kind::CausalModel => evidence::load::causal_model(ctx, uuid.into()).await?.map(Node::CausalModel),
        Kind::Business | Kind::Upload | Kind::Milestone | Kind::Constraint | Kind::Occasion | Kind::Event => None,
    })
}
