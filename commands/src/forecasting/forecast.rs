use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::{Bucket, MetricKind};
use dyocense_domain::runs::RunRefusal;
use dyocense_forecasting::{Forecast, Interval, Model, Request, USUAL_COMMON, normal_quantile};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::about::{About, Found, Input, OfMetrics};
use super::beside::{self, Teacher, learns_from_others};
use super::history::{History, HistorySpan, check_reach, word};
use super::month_days::{TradingDayEffect, forecast_on_calendar};
use super::trading::TradingDays;
use crate::runs::{Control, NoAnswer};

/// What is asked of a forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecastRequest {
    pub metric_id: MetricId,
    /// Steps ahead, 1 to 1,000.
    pub horizon: usize,
    /// Interval levels in percent, each 1 to 99.9.
    pub levels: Vec<f64>,
    pub model: Model,
    /// The calendar's step; days where None.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// The last step that is looked at: what came later is not over, or was not known. The newest where None.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Date>,
}

/// Where each future value lies with the probability `level`, in percent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Band {
    pub level: f64,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
}

pub(super) fn bands_of(intervals: Vec<Interval>) -> Vec<Band> {
    let band = |interval: Interval| Band { level: interval.level, lower: interval.lower, upper: interval.upper };
    intervals.into_iter().map(band).collect()
}

/// A model that had a share in the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    pub model: String,
    /// 0 to 1; all shares add up to 1.
    pub weight: f64,
    /// Mean absolute error when the past was forecast from its own past, in the metric's unit.
    pub backtest_error: Option<f64>,
}

/// The sum over the horizon, for a flow: its errors hang together, so it is not the sum of the bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Total {
    pub mean: f64,
    pub level: f64,
    pub lower: f64,
    pub upper: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecastAnswer {
    pub metric_id: MetricId,
    pub unit: String,
    pub bucket: Bucket,
    pub history: HistorySpan,
    /// In the field's own notation, as `ETS(M,Ad,M)`.
    pub model: String,
    pub members: Vec<Member>,
    /// The first days of the steps ahead.
    pub starts: Vec<Date>,
    pub mean: Vec<f64>,
    /// Standard deviation of the error of each step; empty in answers of versions that did not keep it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sd: Vec<f64>,
    /// Share of the errors' variance that all steps have in common; what is usual in answers of versions that did not
    /// keep it.
    #[serde(default = "usual_common")]
    pub common: f64,
    /// Narrowest first; each contains the one before.
    pub bands: Vec<Band>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Total>,
    /// Where the days of months or quarters make a difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trading_days: Option<TradingDayEffect>,
    /// The metrics that trees learned from beside this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learned_from: Vec<Teacher>,
}

pub(crate) fn usual_common() -> f64 {
    USUAL_COMMON
}

impl ForecastAnswer {
    /// Standard deviation of the error of each step; where it was not kept, by the upper end of the narrowest interval
    /// (the lower one may be cut at zero).
    pub(crate) fn spread(&self) -> Vec<f64> {
        match self.bands.first() {
            Some(band) if self.sd.is_empty() => {
                let widths = normal_quantile(0.5 + band.level / 200.0);
                self.mean.iter().zip(&band.upper).map(|(mean, upper)| (upper - mean) / widths).collect()
            }
            _ => self.sd.clone(),
        }
    }
}

pub(crate) struct Forecasting;

impl OfMetrics for Forecasting {
    type Request = ForecastRequest;
    type Answer = ForecastAnswer;

    fn check(request: &ForecastRequest) -> Result<(), RunRefusal> {
        check_reach(request.horizon, &request.levels)
    }

    fn about(request: &ForecastRequest) -> About {
        About::metric(request.metric_id, request.bucket)
    }

    fn learns_beside(request: &ForecastRequest) -> bool {
        learns_from_others(request.model)
    }

    fn part(request: &ForecastRequest, history: History) -> Result<History, NoAnswer> {
        match request.last {
            None => Ok(history),
            Some(last) => history
                .until(last)
                .ok_or_else(|| NoAnswer::Impossible(format!("nothing is known up to {last} any more"))),
        }
    }

    fn find(input: Input<ForecastRequest>, seed: u32, control: &Control) -> Result<Found<ForecastAnswer>, NoAnswer> {
        let Input { request, history, beside, .. } = input;
        let ForecastRequest { horizon, levels, model, .. } = request;
        control.tell(None, format!("fitting models to {} {}s", history.values.len(), word(history.bucket)));
        let trading = TradingDays::of(&history);
        let series = trading.series(&history, history.values.len())?;
        let request = Request { horizon, levels, model, seed: seed.into() };
        let (mut found, trading_days) = forecast_on_calendar(&history, &series, &beside, &request)?;
        if control.is_stopped() {
            return Err(NoAnswer::Stopped);
        }
        let starts = history.steps_ahead(horizon);
        trading.close(&starts, &mut found);
        let total = (history.kind == MetricKind::Flow).then(|| total(&found, seed));
        let summary = summary(&history, &found, total.as_ref());
        let mut caveats = trading.caveats(&history, &starts, &found.caveats);
        caveats.extend(trading_days.iter().map(|days| days.explanation.clone()));
        let answer = ForecastAnswer {
            metric_id: history.metric_id,
            unit: history.unit.clone(),
            bucket: history.bucket,
            history: history.span(),
            model: found.model,
            members: found
                .members
                .into_iter()
                .map(|member| Member {
                    model: member.model,
                    weight: member.weight,
                    backtest_error: member.backtest_error,
                })
                .collect(),
            starts,
            mean: found.mean,
            sd: found.sd,
            common: found.common,
            bands: bands_of(found.intervals),
            total,
            trading_days,
            learned_from: beside::named(&beside),
        };
        Ok(Found { answer, summary, caveats, stopped_early: false })
    }
}

/// The level of the sum's interval, in percent.
const TOTAL_LEVEL: f64 = 80.0;
const PATHS: usize = 1_000;

fn total(found: &Forecast, seed: u32) -> Total {
    let mut sums: Vec<f64> =
        found.sample_paths(PATHS, seed.into()).iter().map(|path| path.iter().sum::<f64>()).collect();
    sums.sort_by(f64::total_cmp);
    let tail = (PATHS as f64 * (100.0 - TOTAL_LEVEL) / 200.0) as usize;
    let never_negative = found.intervals.iter().all(|band| band.lower.iter().all(|value| *value >= 0.0));
    let floor = if never_negative && !found.intervals.is_empty() { 0.0 } else { f64::NEG_INFINITY };
    Total {
        mean: found.mean.iter().sum(),
        level: TOTAL_LEVEL,
        lower: sums[tail].max(floor),
        upper: sums[PATHS - 1 - tail],
    }
}

fn summary(history: &History, found: &Forecast, total: Option<&Total>) -> String {
    let steps = found.mean.len();
    let span = match steps {
        1 => format!("next {}", word(history.bucket)),
        _ => format!("next {steps} {}s", word(history.bucket)),
    };
    match total {
        Some(total) => format!(
            "{} adds up to about {} over the {span}; with a probability of {:.0} % to between {} and {}.",
            history.name,
            history.amount(total.mean),
            total.level,
            history.amount(total.lower),
            history.amount(total.upper)
        ),
        None => {
            let last = found.mean.last().copied().unwrap_or_default();
            format!("{} stands at about {} at the end of the {span}.", history.name, history.amount(last))
        }
    }
}
