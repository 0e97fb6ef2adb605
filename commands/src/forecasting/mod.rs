//! Where a metric is heading, how well that would have been foreseen, and what in it was odd.

mod about;
mod accuracy;
mod anomalies;
mod backtest;
mod changepoints;
mod closed;
mod differences;
mod drivers;
mod follow;
mod forecast;
mod hierarchy;
mod history;
mod insights;
mod month_days;
mod rhythm;
mod trading;
mod watch;
mod what_if;
mod words;

pub use accuracy::ForecastScore;
pub use anomalies::{Anomaly, AnomalyAnswer, AnomalyRequest};
pub use backtest::{BacktestAnswer, BacktestOrigin, BacktestRequest, LevelCoverage};
pub use changepoints::{ChangeKind, Changepoint, ChangepointAnswer, ChangepointRequest};
pub use differences::ScenarioPoint;
pub use drivers::{Driver, DriverFuture, DriverPath};
pub use dyocense_forecasting::Model;
pub use dyocense_forecasting::anomalies::Kind as AnomalyKind;
pub(crate) use forecast::usual_common;
pub use forecast::{Band, ForecastAnswer, ForecastRequest, Member, Total};
pub use hierarchy::{HierarchyAnswer, HierarchyDriver, HierarchyNode, HierarchyRequest, NodeDriver};
pub use history::{FURTHEST, HistorySpan};
pub use month_days::TradingDayEffect;
pub use watch::{WatchAnswer, WatchRequest};
pub use what_if::{Scenario, ScenarioAnswer, ScenarioDriver, WhatIfAnswer, WhatIfRequest};

pub(crate) use anomalies::AnomalyDetection;
pub(crate) use backtest::Backtesting;
pub(crate) use changepoints::ChangeDetection;
pub(crate) use follow::FOLLOWING;
pub(crate) use forecast::Forecasting;
pub(crate) use hierarchy::AddingUp;
pub(crate) use history::{History, grouped, impossible, read, word};
pub(crate) use month_days::columns as calendar_columns;
pub(crate) use trading::TradingDays;
pub(crate) use watch::Watching;
pub(crate) use what_if::Supposing;
