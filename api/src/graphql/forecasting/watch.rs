//! What the newest steps of a metric were found to be.

use async_graphql::{ID, SimpleObject};
use dyocense_commands::forecasting as answers;
use dyocense_domain::forecasting as domain;

use super::types::{Anomaly, AnomalyKind, HistorySpan};
use crate::graphql::ids::Kind;
use crate::graphql::metrics::Bucket;
use crate::graphql::scalars::Date;

/// How what happened lay outside a kept forecast's interval.
#[derive(SimpleObject)]
pub struct ForecastBreach {
    /// The id of the run whose forecast did not hold.
    forecast_id: ID,
    /// What was forecast.
    expected: f64,
    /// The interval's level in percent.
    level: f64,
    /// The interval's lower end.
    lower: f64,
    /// The interval's upper end.
    upper: f64,
    /// How many steps in a row lay on that side of the interval; 1 where one was enough.
    steps: u32,
    /// What happened, in a sentence.
    explanation: String,
}

/// A step that was looked at.
#[derive(SimpleObject)]
pub struct WatchedStep {
    /// Its first day.
    start: Date,
    /// Its value; null where it has none (any more).
    value: Option<f64>,
    /// It is new; other steps are looked at again because people were told about them.
    is_news: bool,
    /// What was odd about it.
    anomaly: Option<Anomaly>,
    /// How it lay outside what was forecast.
    breach: Option<ForecastBreach>,
}

/// The newest steps of a metric, looked at because data arrived.
#[derive(SimpleObject)]
pub struct WatchReport {
    /// The unit of all values.
    unit: String,
    /// The calendar's step.
    bucket: Bucket,
    /// The history beside which they were looked at.
    history: HistorySpan,
    /// The steps, the oldest first.
    steps: Vec<WatchedStep>,
}

impl From<answers::WatchAnswer> for WatchReport {
    fn from(answer: answers::WatchAnswer) -> Self {
        let domain::Findings { unit, bucket, steps, .. } = answer.findings;
        Self {
            unit,
            bucket: bucket.into(),
            history: answer.history.into(),
            steps: steps.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<domain::JudgedStep> for WatchedStep {
    fn from(step: domain::JudgedStep) -> Self {
        let anomaly = step.oddity.zip(step.value).map(|(oddity, value)| Anomaly {
            start: Date(step.start),
            kind: match oddity.kind {
                domain::AnomalyKind::Spike => AnomalyKind::Spike,
                domain::AnomalyKind::LevelShift => AnomalyKind::LevelShift,
            },
            value,
            expected: oddity.expected,
            score: oddity.score,
            p: oddity.p,
            explanation: oddity.explanation,
        });
        let breach = step.breach.map(|breach| ForecastBreach {
            forecast_id: Kind::Run.id(breach.forecast_id),
            expected: breach.expected,
            level: breach.level,
            lower: breach.lower,
            upper: breach.upper,
            steps: breach.steps,
            explanation: breach.explanation,
        });
        Self { start: Date(step.start), value: step.value, is_news: step.is_news, anomaly, breach }
    }
}
