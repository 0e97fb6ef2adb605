//! Sales: transactions, customers, orders and what they add up to by day.

pub(crate) mod daily;
mod days;
mod projector;
mod queries;
mod sales;

pub use daily::DaySales;
pub use projector::AnalyticsProjector;
pub use queries::*;
