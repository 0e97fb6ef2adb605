//! Where metrics are heading, and what in them was odd.

mod mutations;
mod types;

pub use mutations::ForecastingMutation;
pub use types::{AnomalyReport, Backtest, Forecast};
