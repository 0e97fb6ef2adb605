use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::events;
use crate::ids::{CausalModelId, MetricId, OccasionId, UserId};
use crate::personal::Personal;

events! {
    /// Events of a stream `occasion-<id>`.
    pub enum OccasionEvent {
        OccasionRecorded = 1,
        OccasionRemoved = 1,
    }
}

events! {
    /// Events of a stream `causal_model-<id>`. What was learnt is in the runs that name the model.
    pub enum CausalModelEvent {
        CausalModelDefined = 1,
        CausalEdgeEdited = 1,
    }
}

/// What kind of occasion it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OccasionKind {
    Promotion,
    Holiday,
    Closure,
    Other,
}

/// Days on which something known happened. Occasions of one kind and name are the same thing again: what it does is
/// learnt from the earlier ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OccasionRecorded {
    pub occasion_id: OccasionId,
    pub kind: OccasionKind,
    pub name: String,
    /// First and last day, in the calendar of the business.
    pub first: Date,
    pub last: Date,
    pub recorded_by: UserId,
}

/// It was recorded by mistake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OccasionRemoved {
    pub removed_by: UserId,
}

/// The model from now on: which metrics, and how it is learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CausalModelDefined {
    pub model_id: CausalModelId,
    pub metrics: Vec<MetricId>,
    /// Longest delay of an effect, in days.
    pub max_lag: u32,
    /// Level of the tests; between 0 and 1.
    pub alpha: f64,
    /// Resamples for the stability of each edge.
    pub repeats: u32,
    /// What is known beforehand, by keys of metrics.
    pub background: CausalBackground,
    pub seed: u32,
    pub defined_by: UserId,
}

/// What is known before the data speak, by keys of metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CausalBackground {
    /// `[cause, effect]` pairs that cannot be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forbidden: Vec<[String; 2]>,
    /// `[cause, effect]` pairs that are certain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<[String; 2]>,
    /// Groups in order: a later one cannot cause an earlier one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Vec<String>>,
}

/// Why a model is learnt. A run that learns one says it in its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LearntBecause {
    /// Somebody asked.
    #[default]
    Asked,
    /// An edge was edited.
    Edited,
    /// There were enough new days.
    DataGrew,
    /// Enough of the days it was learnt from were rewritten.
    DataRewritten,
}

/// What a person decides about an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeEdit {
    /// The first causes the second.
    Confirm,
    /// There is no such edge, in either direction.
    Remove,
    /// The data decide again.
    Reset,
}

/// A person's decision about an edge. The later wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CausalEdgeEdited {
    /// Keys of metrics.
    pub from: String,
    pub to: String,
    pub edit: EdgeEdit,
    pub reason: Personal<String>,
    pub edited_by: UserId,
}
