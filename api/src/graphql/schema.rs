//! The schema: the roots of all contexts.

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions};

use super::audit::{AuditQuery, AuditSubscription};
use super::connectors::{ConnectorsMutation, ConnectorsQuery};
use super::evidence::{EvidenceMutation, EvidenceQuery, OccasionMutation};
use super::forecasting::{ForecastingMutation, ForecastingQuery};
use super::goals::{GoalsMutation, GoalsQuery, GoalsSubscription};
use super::identity::{ApiKeysMutation, IdentityMutation, IdentityQuery, PeopleMutation};
use super::loaders;
use super::metrics::{MetricsMutation, MetricsQuery};
use super::node::NodeQuery;
use super::notifications::NotificationsQuery;
use super::optimization::{OptimizationMutation, OptimizationQuery};
use super::request::Services;
use super::runs::{RunsMutation, RunsQuery, RunsSubscription};

/// Reading. Lists are Relay connections; ids are unique over all types.
#[derive(MergedObject, Default)]
pub struct Query(
    IdentityQuery,
    MetricsQuery,
    ConnectorsQuery,
    GoalsQuery,
    NotificationsQuery,
    RunsQuery,
    ForecastingQuery,
    OptimizationQuery,
    EvidenceQuery,
    AuditQuery,
    NodeQuery,
);

/// Changing. Each answers with the position of the history it reached, or with `userErrors` that say why not.
#[derive(MergedObject, Default)]
pub struct Mutation(
    IdentityMutation,
    PeopleMutation,
    ApiKeysMutation,
    MetricsMutation,
    ConnectorsMutation,
    GoalsMutation,
    ForecastingMutation,
    OptimizationMutation,
    EvidenceMutation,
    OccasionMutation,
    RunsMutation,
);

/// Watching.
#[derive(MergedSubscription, Default)]
pub struct Subscription(GoalsSubscription, RunsSubscription, AuditSubscription);

pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

pub fn schema(services: Services) -> Schema {
    let loaders = loaders::loaders(services.projections.clone());
    builder().data(services).data(loaders).finish()
}

/// Limits on depth, aliases and directives are the gateway's: it knows them before anything is validated.
fn builder() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .disable_suggestions()
        .limit_recursive_depth(64)
}

/// The schema in the schema definition language; it needs no services.
pub fn sdl() -> String {
    sdl_of(&builder().finish())
}

pub fn sdl_of(schema: &Schema) -> String {
    schema.sdl_with_options(SDLExportOptions::new().include_specified_by())
}
