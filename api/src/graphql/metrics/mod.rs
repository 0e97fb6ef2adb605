//! Numbers that a business follows over time.

pub mod load;
mod metric;
mod mutations;
mod queries;
mod types;

pub use metric::Metric;
pub use mutations::MetricsMutation;
pub use queries::MetricsQuery;
pub use types::Bucket;
