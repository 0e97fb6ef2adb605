//! Numbers that a business follows over time.

mod decide;
mod events;
mod series;

pub use decide::{
    FURTHEST_AHEAD, KnownPoints, LARGEST_VALUE, MOST_POINTS, Metric, MetricRefusal, NewMetric, archive, define,
    describe, instants, record, retract,
};
pub use events::*;
pub use series::*;
