//! SMART goals: specific, measurable, achievable, relevant, time-bound.

mod assess;
mod assessment;
mod band;
mod days;
mod decide;
mod draft;
mod events;
mod feasibility;
mod insight;
mod outlook;
mod pace;
mod path;
mod plan;
mod reading;
mod refusal;
mod state;
mod words;

pub use assessment::*;
pub use decide::*;
pub use draft::{AimDraft, GoalDraft, LARGEST_AMOUNT, MeasureDraft, MeasuredMetric, MilestoneDraft, PlanChange};
pub use events::*;
pub use feasibility::feasibility;
pub use insight::insight;
pub use outlook::{MetricForecast, Outlook};
pub use pace::pace;
pub use plan::*;
pub use reading::History;
pub use refusal::GoalRefusal;
pub use state::*;
