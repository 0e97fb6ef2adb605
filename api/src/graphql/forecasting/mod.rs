//! Where metrics are heading, and what in them was odd.

mod mutations;
mod queries;
mod types;

pub use mutations::ForecastingMutation;
pub use queries::ForecastingQuery;
pub use types::{AnomalyReport, Backtest, Forecast};
