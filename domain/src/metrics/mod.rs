//! Numbers that a business follows over time.

mod decide;
mod events;

pub use decide::{
    EARLIEST, FURTHEST_AHEAD, KnownPoints, LARGEST_VALUE, MOST_DECIMALS, MOST_POINTS, Metric, MetricRefusal, NewMetric,
    archive, define, describe, record, retract,
};
pub use events::*;
