//! Where a metric is heading, how well that would have been foreseen, and what in it was odd.

mod about;
mod accuracy;
mod anomalies;
mod backtest;
mod changepoints;
mod closed;
mod follow;
mod forecast;
mod hierarchy;
mod history;
mod insights;
mod trading;
mod watch;
mod what_if;

pub use accuracy::ForecastScore;
pub use anomalies::{Anomaly, AnomalyAnswer, AnomalyRequest};
pub use backtest::{BacktestAnswer, BacktestOrigin, BacktestRequest, LevelCoverage};
pub use changepoints::{ChangeKind, Changepoint, ChangepointAnswer, ChangepointRequest};
pub use dyocense_forecasting::Model;
pub use dyocense_forecasting::anomalies::Kind as AnomalyKind;
pub(crate) use forecast::usual_common;
pub use forecast::{Band, ForecastAnswer, ForecastRequest, Member, Total};
pub use hierarchy::{HierarchyAnswer, HierarchyNode, HierarchyRequest};
pub use history::{FURTHEST, HistorySpan};
pub use watch::{WatchAnswer, WatchRequest};
pub use what_if::{
    Driver, DriverFuture, DriverPath, Scenario, ScenarioAnswer, ScenarioDriver, ScenarioPoint, WhatIfAnswer,
    WhatIfRequest,
};

pub(crate) use anomalies::AnomalyDetection;
pub(crate) use backtest::Backtesting;
pub(crate) use changepoints::ChangeDetection;
pub(crate) use follow::FOLLOWING;
pub(crate) use forecast::Forecasting;
pub(crate) use hierarchy::AddingUp;
pub(crate) use history::{History, grouped, impossible, read, word};
pub(crate) use trading::TradingDays;
pub(crate) use watch::Watching;
pub(crate) use what_if::Supposing;
