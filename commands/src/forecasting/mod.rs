//! Where a metric is heading, how well that would have been foreseen, and what in it was odd.

mod accuracy;
mod anomalies;
mod backtest;
mod forecast;
mod history;

pub use accuracy::ForecastScore;
pub use anomalies::{Anomaly, AnomalyAnswer, AnomalyRequest};
pub use backtest::{BacktestAnswer, BacktestOrigin, BacktestRequest, LevelCoverage};
pub use dyocense_forecasting::Model;
pub use dyocense_forecasting::anomalies::Kind as AnomalyKind;
pub use forecast::{Band, ForecastAnswer, ForecastRequest, Member, Total};
pub use history::HistorySpan;

pub(crate) use anomalies::AnomalyDetection;
pub(crate) use backtest::Backtesting;
pub(crate) use forecast::Forecasting;
pub(crate) use history::{History, grouped, impossible, read};

/// Recorded with every answer; raised when the same input would be answered otherwise.
const METHOD: &str = concat!("dyocense-forecasting ", env!("CARGO_PKG_VERSION"));
