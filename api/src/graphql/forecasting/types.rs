//! Forecasts, backtests and anomalies as clients see them.

use async_graphql::{Enum, ID, SimpleObject};
use dyocense_commands::forecasting as answers;

use crate::graphql::ids::Kind;
use crate::graphql::metrics::Bucket;
use crate::graphql::scalars::Date;

/// The model that answers.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "answers::Model")]
pub enum ForecastModel {
    /// The engine's own choice: the ensemble, or what a short, constant or intermittent history allows.
    Auto,
    /// The last season again.
    Naive,
    /// Autoregressive integrated moving averages, orders chosen by search.
    Arima,
    /// Exponential smoothing, components chosen by information criterion.
    Ets,
    /// The Theta method.
    Theta,
    /// Methods for demand that is mostly zero.
    Intermittent,
    /// Gradient-boosted trees.
    Trees,
    /// A trend that bends, with seasons of the calendar.
    Prophet,
    /// All models, weighted by how well each foresaw the past.
    Ensemble,
}

/// The part of a metric's history behind an answer.
#[derive(SimpleObject)]
pub struct HistorySpan {
    /// Its first step's first day.
    first: Date,
    /// Its last step's first day.
    last: Date,
    /// Its steps, those without a value included.
    steps: i64,
}

impl From<answers::HistorySpan> for HistorySpan {
    fn from(span: answers::HistorySpan) -> Self {
        Self { first: Date(span.first), last: Date(span.last), steps: span.steps as i64 }
    }
}

/// Where a value lies with a probability.
#[derive(SimpleObject)]
pub struct ForecastInterval {
    /// The probability in percent.
    level: f64,
    /// Its lower end.
    lower: f64,
    /// Its upper end.
    upper: f64,
}

/// One step ahead.
#[derive(SimpleObject)]
pub struct ForecastPoint {
    /// The step's first day.
    start: Date,
    /// The expected value.
    mean: f64,
    /// Where it lies with the levels asked for, the narrowest first.
    intervals: Vec<ForecastInterval>,
}

/// A model that had a share in a forecast.
#[derive(SimpleObject)]
pub struct ForecastMember {
    /// The model in the field's own notation.
    model: String,
    /// Its share, 0 to 1.
    weight: f64,
    /// Its mean absolute error when the past was forecast from its own past, in the metric's unit.
    backtest_error: Option<f64>,
}

/// The sum over all steps ahead.
#[derive(SimpleObject)]
pub struct ForecastTotal {
    /// The expected sum.
    mean: f64,
    /// The probability of its interval in percent.
    level: f64,
    /// The interval's lower end.
    lower: f64,
    /// The interval's upper end.
    upper: f64,
}

/// Where a metric is heading.
#[derive(SimpleObject)]
pub struct Forecast {
    /// The unit of all values.
    unit: String,
    /// The calendar's step.
    bucket: Bucket,
    /// What it rests on.
    history: HistorySpan,
    /// The model in the field's own notation.
    model: String,
    /// The models behind it, the heaviest first.
    members: Vec<ForecastMember>,
    /// The steps ahead.
    points: Vec<ForecastPoint>,
    /// The sum over the steps ahead; null for a level.
    total: Option<ForecastTotal>,
    /// What the days of months and quarters change; null where they change nothing, or for other steps.
    trading_days: Option<TradingDayEffect>,
    /// The business's other metrics that trees could learn from beside this one, at most 11; empty for models without trees.
    learned_from: Vec<Teacher>,
}

/// A metric that models learned from beside the one that they forecast.
#[derive(SimpleObject)]
#[graphql(name = "LearnedFrom")]
pub struct Teacher {
    /// The metric's id.
    metric_id: ID,
    /// What it was called then.
    name: String,
}

/// What the calendar changes of a forecast: a month with five Saturdays brings more where Saturdays bring the most. It
/// counts as far as backtests bear it out.
#[derive(SimpleObject)]
pub struct TradingDayEffect {
    /// The forecast of each step less what it would be without its days.
    effect: Vec<f64>,
    /// In words, with the step that changes most.
    explanation: String,
}

impl From<answers::ForecastAnswer> for Forecast {
    fn from(answer: answers::ForecastAnswer) -> Self {
        let members = answer.members.into_iter().map(|member| ForecastMember {
            model: member.model,
            weight: member.weight,
            backtest_error: member.backtest_error,
        });
        let total = answer.total.map(|total| ForecastTotal {
            mean: total.mean,
            level: total.level,
            lower: total.lower,
            upper: total.upper,
        });
        Self {
            unit: answer.unit,
            bucket: answer.bucket.into(),
            history: answer.history.into(),
            model: answer.model,
            members: members.collect(),
            points: points(&answer.starts, &answer.mean, &answer.bands),
            total,
            trading_days: answer
                .trading_days
                .map(|days| TradingDayEffect { effect: days.effect, explanation: days.explanation }),
            learned_from: answer
                .learned_from
                .into_iter()
                .map(|other| Teacher { metric_id: Kind::Metric.id(other.metric_id), name: other.name })
                .collect(),
        }
    }
}

/// The steps ahead, each with its intervals.
pub fn points(starts: &[jiff::civil::Date], mean: &[f64], bands: &[answers::Band]) -> Vec<ForecastPoint> {
    let steps = starts.iter().zip(mean).enumerate();
    steps
        .map(|(i, (start, mean))| ForecastPoint { start: Date(*start), mean: *mean, intervals: at(bands, i) })
        .collect()
}

/// The intervals of one step.
pub fn at(bands: &[answers::Band], step: usize) -> Vec<ForecastInterval> {
    let interval = |band: &answers::Band| {
        let (lower, upper) = (*band.lower.get(step)?, *band.upper.get(step)?);
        Some(ForecastInterval { level: band.level, lower, upper })
    };
    bands.iter().filter_map(interval).collect()
}

/// A value that was forecast, beside what it was.
#[derive(SimpleObject)]
pub struct BacktestPoint {
    /// What was forecast.
    mean: f64,
    /// What it was.
    actual: f64,
}

/// A forecast from one moment in the past.
#[derive(SimpleObject)]
pub struct BacktestOrigin {
    /// The first day that was forecast.
    start: Date,
    /// The model in the field's own notation.
    model: String,
    /// Mean absolute error over that of repeating the last season; null where the history never changes.
    mase: Option<f64>,
    /// Symmetric mean absolute percentage error, 0 to 200.
    smape: f64,
    /// The steps.
    points: Vec<BacktestPoint>,
}

/// How often what happened lay in the interval of a level.
#[derive(SimpleObject)]
pub struct IntervalCoverage {
    /// The level in percent.
    level: f64,
    /// The share that lay in it, in percent.
    covered: f64,
}

impl From<answers::LevelCoverage> for IntervalCoverage {
    fn from(of: answers::LevelCoverage) -> Self {
        Self { level: of.level, covered: of.covered }
    }
}

/// How well a metric's past would have been foreseen.
#[derive(SimpleObject)]
pub struct Backtest {
    /// The unit of all values.
    unit: String,
    /// The calendar's step.
    bucket: Bucket,
    /// The history that was looked at.
    history: HistorySpan,
    /// The mean of the origins' `mase`.
    mase: Option<f64>,
    /// The mean of the origins' `smape`.
    smape: f64,
    /// How often intervals held.
    coverage: Vec<IntervalCoverage>,
    /// The moments in the past, the oldest first.
    origins: Vec<BacktestOrigin>,
}

impl From<answers::BacktestAnswer> for Backtest {
    fn from(answer: answers::BacktestAnswer) -> Self {
        let origin = |origin: answers::BacktestOrigin| BacktestOrigin {
            start: Date(origin.start),
            model: origin.model,
            mase: origin.mase,
            smape: origin.smape,
            points: origin
                .mean
                .into_iter()
                .zip(origin.actual)
                .map(|(mean, actual)| BacktestPoint { mean, actual })
                .collect(),
        };
        let coverage = answer.coverage.into_iter();
        Self {
            unit: answer.unit,
            bucket: answer.bucket.into(),
            history: answer.history.into(),
            mase: answer.mase,
            smape: answer.smape,
            coverage: coverage.map(Into::into).collect(),
            origins: answer.origins.into_iter().map(origin).collect(),
        }
    }
}

/// What an anomaly is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "answers::AnomalyKind")]
pub enum AnomalyKind {
    /// One step off; the next is usual again.
    Spike,
    /// From this step on the level is another.
    LevelShift,
}

/// A step that was not as it usually is.
#[derive(SimpleObject)]
pub struct Anomaly {
    /// The step's first day.
    pub(super) start: Date,
    /// What it is.
    pub(super) kind: AnomalyKind,
    /// What it was.
    pub(super) value: f64,
    /// What would have been usual.
    pub(super) expected: f64,
    /// Distance from usual in standard deviations, signed.
    pub(super) score: f64,
    /// Probability of a distance at least as large when nothing is odd.
    pub(super) p: f64,
    /// What was odd, in a sentence.
    pub(super) explanation: String,
}

/// What in a metric was odd.
#[derive(SimpleObject)]
pub struct AnomalyReport {
    /// The unit of all values.
    unit: String,
    /// The calendar's step.
    bucket: Bucket,
    /// The history that was judged.
    history: HistorySpan,
    /// What was odd, the oldest first.
    anomalies: Vec<Anomaly>,
}

impl From<answers::AnomalyAnswer> for AnomalyReport {
    fn from(answer: answers::AnomalyAnswer) -> Self {
        let anomaly = |found: answers::Anomaly| Anomaly {
            start: Date(found.start),
            kind: found.kind.into(),
            value: found.value,
            expected: found.expected,
            score: found.score,
            p: found.p,
            explanation: found.explanation,
        };
        Self {
            unit: answer.unit,
            bucket: answer.bucket.into(),
            history: answer.history.into(),
            anomalies: answer.anomalies.into_iter().map(anomaly).collect(),
        }
    }
}
