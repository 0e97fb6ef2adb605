#![doc = include_str!("../README.md")]

pub mod accuracy;
pub mod anomalies;
mod arima;
pub mod calendar;
mod caveat;
pub mod changepoints;
mod cholesky;
mod columns;
mod conformal;
mod dependence;
mod engine;
mod ensemble;
mod error;
mod ets;
mod forecast;
mod growth;
pub mod hierarchy;
pub mod holidays;
mod intermittent;
mod member;
mod members;
mod minimize;
mod naive;
mod normal;
mod parallel;
pub mod paths;
pub mod prophet;
mod random;
mod regression;
mod retrospect;
mod schedule;
mod scores;
mod seasonality;
mod series;
mod shift;
mod shrunken_season;
mod spread;
mod stl;
mod theta;
mod trees;
mod widths;

pub use caveat::Caveat;
pub use conformal::adapted_level;
pub use dependence::USUAL_COMMON;
pub use engine::{
    MAX_HORIZON, Model, Request, forecast, forecast_beside, forecast_prophet_set_on, forecast_set, forecast_set_on,
    forecast_supposing,
};
pub use error::ForecastError;
pub use forecast::{Forecast, Interval, MemberReport};
pub use normal::normal_quantile;
pub use series::{MAX_POINTS, MAX_SEASON, MAX_VALUE, Series};

/// Name and version of the method, to be recorded beside an answer: the same input with the same method gives the same
/// answer. The version is this crate's own and is raised with every release that answers otherwise.
pub const METHOD: &str = concat!("dyocense-forecasting ", env!("CARGO_PKG_VERSION"));
