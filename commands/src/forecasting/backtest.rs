use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::Bucket;
use dyocense_domain::runs::RunRefusal;
use dyocense_forecasting::accuracy::{coverage, mase, smape};
use dyocense_forecasting::{Caveat, Model, Request};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::about::{About, Found, Input, OfMetrics};
use super::beside;
use super::history::{History, HistorySpan, check_reach};
use super::month_days::forecast_on_calendar;
use super::trading::TradingDays;
use super::words::counted;
use crate::runs::{Control, NoAnswer};

/// How well the past would have been foreseen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BacktestRequest {
    pub metric_id: MetricId,
    /// Steps ahead, 1 to 1,000.
    pub horizon: usize,
    /// Interval levels in percent, each 1 to 99.9.
    pub levels: Vec<f64>,
    pub model: Model,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// Moments in the past to forecast from, 1 to 50.
    pub origins: usize,
}

/// A forecast from one moment in the past, beside what then happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BacktestOrigin {
    /// The first day that was forecast.
    pub start: Date,
    pub model: String,
    pub mean: Vec<f64>,
    /// As it was; the engine's filling where no value is known.
    pub actual: Vec<f64>,
    /// Mean absolute error over that of repeating the last season; below 1 is better than repeating.
    pub mase: Option<f64>,
    /// Symmetric mean absolute percentage error, 0 to 200.
    pub smape: f64,
}

/// Share of what happened that lay in the interval, in percent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelCoverage {
    pub level: f64,
    pub covered: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BacktestAnswer {
    pub metric_id: MetricId,
    pub unit: String,
    pub bucket: Bucket,
    pub history: HistorySpan,
    /// The oldest first.
    pub origins: Vec<BacktestOrigin>,
    /// Means over the origins.
    pub mase: Option<f64>,
    pub smape: f64,
    pub coverage: Vec<LevelCoverage>,
}

const MOST_ORIGINS: usize = 50;
/// Steps that must lie before the first origin.
const LEAST_HISTORY: usize = 8;

pub(crate) struct Backtesting;

impl OfMetrics for Backtesting {
    type Request = BacktestRequest;
    type Answer = BacktestAnswer;

    fn check(request: &BacktestRequest) -> Result<(), RunRefusal> {
        if !(1..=MOST_ORIGINS).contains(&request.origins) {
            let reason = format!("{} origins: 1 to {MOST_ORIGINS} are allowed", request.origins);
            return Err(RunRefusal::Request { field: "origins", reason });
        }
        check_reach(request.horizon, &request.levels)
    }

    fn about(request: &BacktestRequest) -> About {
        About::metric(request.metric_id, request.bucket)
    }

    fn learns_beside(request: &BacktestRequest) -> bool {
        request.model.learns_from_others()
    }

    fn find(input: Input<BacktestRequest>, seed: u32, control: &Control) -> Result<Found<BacktestAnswer>, NoAnswer> {
        let Input { request, history, beside, .. } = input;
        let BacktestRequest { horizon, levels, model, origins, .. } = request;
        let steps = history.values.len();
        let needed = LEAST_HISTORY + horizon;
        if steps < needed {
            return Err(NoAnswer::Impossible(format!(
                "{} has {} of history; a backtest {horizon} ahead needs at least {needed}",
                history.name,
                counted(steps, history.bucket)
            )));
        }
        // Origins a step apart at least, spread over the newest half, the last one a horizon before the end.
        let latest = steps - horizon;
        let earliest = (latest / 2).max(LEAST_HISTORY);
        let count = origins.min(latest - earliest + 1);
        let trading = TradingDays::of(&history);
        let (filled, missing) = trading.series(&history, steps)?.filled();
        let mut actual = filled.clone();
        let days: Vec<Date> = history.steps().into_iter().map(|(day, _)| day).collect();
        for (value, (_, known)) in
            actual.iter_mut().zip(history.steps()).filter(|(_, (day, _))| trading.is_closed(*day))
        {
            *value = known.unwrap_or(0.0);
        }
        let mut found: Vec<BacktestOrigin> = Vec::with_capacity(count);
        let mut covered = vec![Vec::with_capacity(count); levels.len()];
        for k in 0..count {
            if control.is_stopped() {
                break;
            }
            control.tell(Some(k as f64 / count as f64), format!("forecast {} of {count} from the past", k + 1));
            let origin = if count == 1 { latest } else { earliest + (latest - earliest) * k / (count - 1) };
            let request = Request { horizon, levels: levels.clone(), model, seed: seed.into() };
            let series = trading.series(&history, origin)?;
            let known = beside::known_on(&beside, days[origin - 1], origin);
            let (mut made, _) = forecast_on_calendar(&history, &series, &known, &request)?;
            let starts = &days[origin..origin + horizon];
            trading.close(starts, &mut made);
            // To foresee that nothing happens on a closed day is no merit, where there are others.
            let mut open = trading.open(starts);
            if !open.contains(&true) {
                open.fill(true);
            }
            let when_open = |path: &[f64]| -> Vec<f64> {
                path.iter().zip(&open).filter(|(_, open)| **open).map(|(value, _)| *value).collect()
            };
            let train = &filled[..origin];
            let then = &actual[origin..origin + horizon];
            let (judged, seen) = (when_open(&made.mean), when_open(then));
            for (band, covered) in made.intervals.iter().zip(&mut covered) {
                covered.push(100.0 * coverage(&seen, &when_open(&band.lower), &when_open(&band.upper)));
            }
            found.push(BacktestOrigin {
                start: history.start_of(origin),
                model: made.model,
                mase: mase(train, series.season(), &seen, &judged).filter(|value| value.is_finite()),
                smape: smape(&seen, &judged),
                mean: made.mean,
                actual: then.to_vec(),
            });
        }
        if found.is_empty() {
            return Err(NoAnswer::Stopped);
        }
        let scaled: Vec<f64> = found.iter().filter_map(|origin| origin.mase).collect();
        let mut sorted = levels.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        let stopped_early = found.len() < count;
        let answer = BacktestAnswer {
            metric_id: history.metric_id,
            unit: history.unit.clone(),
            bucket: history.bucket,
            history: history.span(),
            mase: (!scaled.is_empty()).then(|| mean(&scaled)),
            smape: mean(&found.iter().map(|origin| origin.smape).collect::<Vec<_>>()),
            coverage: sorted
                .into_iter()
                .zip(&covered)
                .map(|(level, covered)| LevelCoverage { level, covered: mean(covered) })
                .collect(),
            origins: found,
        };
        let mut caveats = trading.caveats(&history, &[], &[Caveat::Filled { points: missing }]);
        if stopped_early {
            caveats.push(format!("it was stopped: the newest of its {count} moments are not among those told"));
        }
        Ok(Found { summary: summary(&history, &answer, horizon), answer, caveats, stopped_early })
    }
}

fn summary(history: &History, answer: &BacktestAnswer, horizon: usize) -> String {
    let count = answer.origins.len();
    let error = match answer.mase {
        Some(mase) if mase < 1.0 => {
            format!("errors were {:.0} % smaller than those of repeating the last season", 100.0 * (1.0 - mase))
        }
        Some(mase) => {
            format!("errors were {:.0} % larger than those of repeating the last season", 100.0 * (mase - 1.0))
        }
        None => "the history never changes, so errors have no scale".to_owned(),
    };
    let span = counted(horizon, history.bucket);
    format!("{} was forecast {span} ahead from {count} moments of its past: {error}.", history.name)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
