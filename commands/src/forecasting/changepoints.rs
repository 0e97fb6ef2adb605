use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::Bucket;
use dyocense_domain::runs::RunRefusal;
use dyocense_forecasting::changepoints::{Detection, Kind, detect};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::about::{About, Found, Input, OfMetrics};
use super::history::{HistorySpan, impossible};
use super::words;
use crate::runs::{Control, NoAnswer};

/// Where a metric changed for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangepointRequest {
    pub metric_id: MetricId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// Chance of a false alarm in a metric that never changes, 0.0001 to 0.5.
    pub false_alarms: f64,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Level,
    /// The slope of the trend, with or without a jump of the level.
    Trend,
}

/// A change for good. Levels are seasonally adjusted and in the metric's unit, slopes in its unit a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changepoint {
    /// The first step of the new regime.
    pub start: Date,
    pub kind: ChangeKind,
    pub level_before: f64,
    pub level_after: f64,
    pub slope_before: f64,
    pub slope_after: f64,
    /// One less the chance that noise alone makes as large a change, 0 to 1.
    pub confidence: f64,
    /// One sentence.
    pub explanation: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangepointAnswer {
    pub metric_id: MetricId,
    pub unit: String,
    pub bucket: Bucket,
    pub history: HistorySpan,
    /// The oldest first.
    pub changepoints: Vec<Changepoint>,
}

/// Fewest steps between two changes: a shorter one is an anomaly.
const SHORTEST: usize = 5;

pub(crate) struct ChangeDetection;

impl OfMetrics for ChangeDetection {
    type Request = ChangepointRequest;
    type Answer = ChangepointAnswer;

    fn check(request: &ChangepointRequest) -> Result<(), RunRefusal> {
        let false_alarms = request.false_alarms;
        match (0.0001..=0.5).contains(&false_alarms) {
            true => Ok(()),
            false => Err(RunRefusal::Request {
                field: "falseAlarms",
                reason: format!("a chance of false alarms of {false_alarms}: 0.0001 to 0.5 are allowed"),
            }),
        }
    }

    fn about(request: &ChangepointRequest) -> About {
        About::metric(request.metric_id, request.bucket)
    }

    fn find(input: Input<ChangepointRequest>, _: u32, control: &Control) -> Result<Found<ChangepointAnswer>, NoAnswer> {
        let Input { request, history, .. } = input;
        let false_alarms = request.false_alarms;
        let steps = words::counted(history.values.len(), history.bucket);
        control.tell(None, format!("looking for changes in {steps}"));
        if history.values.len() < 2 * SHORTEST {
            let needed = 2 * SHORTEST;
            let name = &history.name;
            return Err(impossible(format!(
                "{name} has {steps} of history; a change for good takes at least {needed}"
            )));
        }
        let series = history.series(history.values.len())?;
        let found = detect(&series, Detection { false_alarms, shortest: SHORTEST }).map_err(impossible)?;
        if control.is_stopped() {
            return Err(NoAnswer::Stopped);
        }
        let changepoints: Vec<Changepoint> = found
            .into_iter()
            .map(|change| Changepoint {
                start: history.start_of(change.index),
                kind: match change.kind {
                    Kind::Level => ChangeKind::Level,
                    Kind::Trend => ChangeKind::Trend,
                },
                level_before: change.level_before,
                level_after: change.level_after,
                slope_before: change.slope_before,
                slope_after: change.slope_after,
                confidence: change.confidence,
                explanation: words::change(&history, &change),
            })
            .collect();
        let summary = match changepoints.last() {
            None => format!("{} did not change for good in {steps}.", history.name),
            Some(newest) => {
                let times = match changepoints.len() {
                    1 => "once".to_owned(),
                    count => format!("{count} times"),
                };
                format!("In {steps}, {} changed for good {times}. The newest: {}", history.name, newest.explanation)
            }
        };
        let answer = ChangepointAnswer {
            metric_id: history.metric_id,
            unit: history.unit.clone(),
            bucket: history.bucket,
            history: history.span(),
            changepoints,
        };
        Ok(Found { answer, summary, caveats: vec![], stopped_early: false })
    }
}
