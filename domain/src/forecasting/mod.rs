//! What is noticed about metrics without anybody asking: steps that were odd, and forecasts that did not hold.

mod decide;
mod events;
mod findings;
mod state;

pub use decide::record;
pub use events::*;
pub use findings::*;
pub use state::*;

use crate::ids::MetricId;

/// The stream that holds what was noticed about a metric. The metric's own holds nothing but its points.
pub fn insight_stream(metric: MetricId) -> String {
    format!("insight-{metric}")
}
