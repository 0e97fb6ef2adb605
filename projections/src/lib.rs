//! Read models: what the log's events add up to, kept in Postgres for queries.
//!
//! - [`Projections`] runs the projectors, rebuilds generations and answers for what is parked.
//! - [`Snapshot`] is a moment of one tenant's read models; the queries of each context take it.
//! - A [`Projector`] folds events into rows. Each context has one, beside its queries.

pub mod analytics;
pub mod connectors;
pub mod evidence;
pub mod forecasting;
pub mod goals;
pub mod identity;
pub mod metrics;
pub mod notifications;
pub mod optimization;
pub mod runs;

mod advance;
mod column;
mod find;
mod generation;
mod keyset;
mod parked;
mod ports;
mod projector;
mod queue;
mod reached;
mod rebuild;
mod row;
mod runner;
mod snapshot;

use std::sync::Arc;

pub use advance::{AdvanceError, BATCH};
pub use column::Document;
pub use generation::{LIVE, signature};
pub use keyset::{Cursor, Keyset, Page, Take};
pub use parked::{Parked, ParkedError};
pub use projector::{Projector, ProjectorError, decode};
pub use reached::Projected;
pub use rebuild::{Phase, RebuildError, RebuildProgress, Rebuilt};
pub use runner::{Lag, NotReached, OpenError, Options, Projections, Running, State};
pub use snapshot::{QueryError, Snapshot};

/// The projectors of every context, in the order in which a batch passes through them.
pub fn projectors() -> Vec<Arc<dyn Projector>> {
    vec![
        Arc::new(identity::IdentityProjector),
        Arc::new(metrics::MetricsProjector),
        Arc::new(connectors::ConnectorsProjector),
        Arc::new(analytics::AnalyticsProjector),
        Arc::new(goals::GoalsProjector),
        Arc::new(notifications::NotificationsProjector),
        Arc::new(runs::RunsProjector),
        Arc::new(forecasting::ForecastingProjector),
        Arc::new(optimization::OptimizationProjector),
        Arc::new(evidence::EvidenceProjector),
    ]
}
