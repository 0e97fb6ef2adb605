//! Sales: transactions, customers, orders and what they add up to by day.

pub(crate) mod daily;
mod days;
mod periods;
mod projector;
mod queries;
mod sales;

pub use daily::DaySales;
pub use periods::{is_of_whole_periods, sales_series};
pub use projector::AnalyticsProjector;
pub use queries::*;
