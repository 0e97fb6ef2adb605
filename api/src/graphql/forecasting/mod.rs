//! Where metrics are heading, what would move them, and what in them was odd.

mod changepoints;
mod hierarchy;
mod inputs;
mod insights;
mod mutations;
mod queries;
mod types;
mod watch;
mod what_if;

pub use changepoints::ChangepointReport;
pub use hierarchy::HierarchyForecast;
pub use mutations::ForecastingMutation;
pub use queries::ForecastingQuery;
pub use types::{AnomalyReport, Backtest, Forecast};
pub use watch::WatchReport;
pub use what_if::WhatIf;
