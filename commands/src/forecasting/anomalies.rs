use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::Bucket;
use dyocense_domain::runs::RunRefusal;
use dyocense_forecasting::ForecastError;
use dyocense_forecasting::anomalies::{Detection, Kind, detect};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::about::{About, Found, Input, OfMetrics};
use super::history::{HistorySpan, impossible};
use super::trading::TradingDays;
use super::words::{self, counted};
use crate::runs::{Control, NoAnswer};

/// What in a metric's history was odd.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnomalyRequest {
    pub metric_id: MetricId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// Share of false alarms among the alarms that is put up with, 0.001 to 0.5.
    pub false_discovery_rate: f64,
}

/// A step that was not as it usually is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    pub start: Date,
    pub kind: Kind,
    pub value: f64,
    pub expected: f64,
    /// Distance from usual in standard deviations, signed.
    pub score: f64,
    /// Probability of a distance at least as large when nothing is odd.
    pub p: f64,
    /// One sentence.
    pub explanation: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnomalyAnswer {
    pub metric_id: MetricId,
    pub unit: String,
    pub bucket: Bucket,
    pub history: HistorySpan,
    /// The oldest first.
    pub anomalies: Vec<Anomaly>,
}

pub(crate) struct AnomalyDetection;

impl OfMetrics for AnomalyDetection {
    type Request = AnomalyRequest;
    type Answer = AnomalyAnswer;

    fn check(request: &AnomalyRequest) -> Result<(), RunRefusal> {
        let rate = request.false_discovery_rate;
        match (0.001..=0.5).contains(&rate) {
            true => Ok(()),
            false => Err(RunRefusal::Request {
                field: "falseDiscoveryRate",
                reason: format!("a false discovery rate of {rate}: 0.001 to 0.5 are allowed"),
            }),
        }
    }

    fn about(request: &AnomalyRequest) -> About {
        About::metric(request.metric_id, request.bucket)
    }

    fn find(input: Input<AnomalyRequest>, _: u32, control: &Control) -> Result<Found<AnomalyAnswer>, NoAnswer> {
        let Input { request, history, .. } = input;
        let false_discovery_rate = request.false_discovery_rate;
        let steps = counted(history.values.len(), history.bucket);
        control.tell(None, format!("judging {steps}"));
        let trading = TradingDays::of(&history);
        let series = trading.series(&history, history.values.len())?;
        let verdicts = detect(&series, Detection { false_discovery_rate }).map_err(|error| match error {
            ForecastError::TooShort { needed, .. } => impossible(format!(
                "{} has {steps} of history; to tell what is odd takes at least {needed}",
                history.name
            )),
            other => impossible(other),
        })?;
        if control.is_stopped() {
            return Err(NoAnswer::Stopped);
        }
        let anomalies: Vec<Anomaly> = verdicts
            .iter()
            .filter_map(|verdict| {
                Some(Anomaly {
                    start: history.start_of(verdict.index),
                    kind: verdict.kind?,
                    value: verdict.value,
                    expected: verdict.expected,
                    score: verdict.score,
                    p: verdict.p,
                    explanation: words::oddity(&history, verdict),
                })
            })
            .collect();
        let summary = match anomalies.last() {
            None => format!("Nothing odd was found in {steps} of {}.", history.name),
            Some(newest) => {
                let count = match anomalies.len() {
                    1 => "one was".to_owned(),
                    count => format!("{count} were"),
                };
                format!("Of {steps} of {} {count} odd. The newest: {}", history.name, newest.explanation)
            }
        };
        let answer = AnomalyAnswer {
            metric_id: history.metric_id,
            unit: history.unit.clone(),
            bucket: history.bucket,
            history: history.span(),
            anomalies,
        };
        Ok(Found { answer, summary, caveats: trading.caveats_of_the_past(&history), stopped_early: false })
    }
}
