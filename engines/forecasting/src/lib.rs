#![doc = include_str!("../README.md")]

pub mod accuracy;
pub mod anomalies;
mod arima;
pub mod calendar;
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
pub mod hierarchy;
pub mod holidays;
mod intermittent;
mod member;
mod minimize;
mod naive;
pub mod paths;
pub mod prophet;
mod random;
mod regression;
mod seasonality;
mod series;
mod shift;
mod stl;
mod theta;
mod trees;

pub use conformal::adapted_level;
pub use dependence::USUAL_COMMON;
pub use engine::{MAX_HORIZON, Model, Request, forecast, forecast_prophet_set_on, forecast_set, forecast_set_on};
pub use error::ForecastError;
pub use forecast::{Forecast, Interval, MemberReport, normal_quantile};
pub use series::{Caveat, MAX_POINTS, MAX_SEASON, MAX_VALUE, Series};
