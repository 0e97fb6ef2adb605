//! Numbers that a business follows over time.

mod decide;
mod events;
mod series;

pub use decide::{
    EARLIEST, FURTHEST_AHEAD, KnownPoints, LARGEST_VALUE, MOST_DECIMALS, MOST_POINTS, Metric, MetricRefusal, NewMetric,
    archive, define, describe, record, retract,
};
pub use events::*;
pub use series::{Bucket, Series, SeriesAggregation, Step, default_aggregation, series};
