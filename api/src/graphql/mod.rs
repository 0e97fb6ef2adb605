//! The GraphQL schema, and the gateway that guards it. One room per context.

pub mod answer;
pub mod audit;
pub mod connection;
pub mod connectors;
pub mod evidence;
pub mod fault;
pub mod forecasting;
pub mod gateway;
pub mod goals;
pub mod identity;
pub mod ids;
pub mod limits;
pub mod live;
pub mod loaders;
pub mod metrics;
pub mod node;
pub mod notifications;
pub mod optimization;
pub mod refusal;
pub mod request;
pub mod runs;
pub mod scalars;
pub mod schema;
pub mod shape;
