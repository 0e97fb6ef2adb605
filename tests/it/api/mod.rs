//! The public interface: GraphQL over HTTP, WebSocket and server-sent events, uploads, and what operators ask.

mod attacks;
mod client;
mod erasure;
mod evidence;
mod explorer;
mod forecasting;
mod goals;
mod http;
mod identity;
mod imports;
mod live;
mod metrics;
mod optimization;
mod plans;
mod roles;
mod schema;
mod world;
