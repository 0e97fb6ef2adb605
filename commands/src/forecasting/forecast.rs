use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::{Bucket, MetricKind};
use dyocense_domain::runs::RunRefusal;
use dyocense_forecasting::{Forecast, Interval, MemberReport, Model, Request, USUAL_COMMON, normal_quantile};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::about::{About, Found, Input, OfMetrics};
use super::beside::{self, Teacher};
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

impl From<MemberReport> for Member {
    fn from(member: MemberReport) -> Member {
        let MemberReport { model, weight, backtest_error } = member;
        Member { model, weight, backtest_error }
    }
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
    /// SHA-256 of the values that it rests on: it is made again when they were corrected. None in answers of versions that
    /// did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values_sha256: Option<String>,
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
        request.model.learns_from_others()
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
        let values_sha256 = Some(history.values_sha256());
        let alone = Member { model: found.model.clone(), weight: 1.0, backtest_error: None };
        let mut caveats = trading.caveats(&history, &starts, &found.caveats);
        caveats.extend(trading_days.iter().map(|days| days.explanation.clone()));
        let answer = ForecastAnswer {
            metric_id: history.metric_id,
            unit: history.unit.clone(),
            bucket: history.bucket,
            history: history.span(),
            model: found.model,
            members: match found.members.is_empty() {
                true => vec![alone],
                false => found.members.into_iter().map(Member::from).collect(),
            },
            starts,
            mean: found.mean,
            sd: found.sd,
            common: found.common,
            bands: bands_of(found.intervals),
            total,
            trading_days,
            learned_from: beside::named(&beside),
            values_sha256,
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
    let never_negative = found.intervals.iter().all(|band| band.lower.iter().all(|value| *value >= 0.0));
    // Steps that are cut at zero are higher on average than their means: as a whole, the sums are not.
    let (mean, drawn) = (found.mean.iter().sum::<f64>(), sums.iter().sum::<f64>() / PATHS as f64);
    match never_negative && mean > 0.0 && drawn > 0.0 {
        true => sums.iter_mut().for_each(|sum| *sum *= mean / drawn),
        false => sums.iter_mut().for_each(|sum| *sum += mean - drawn),
    }
    sums.sort_by(f64::total_cmp);
    let tail = (PATHS as f64 * (100.0 - TOTAL_LEVEL) / 200.0) as usize;
    let floor = if never_negative && !found.intervals.is_empty() { 0.0 } else { f64::NEG_INFINITY };
    Total { mean, level: TOTAL_LEVEL, lower: sums[tail].max(floor), upper: sums[PATHS - 1 - tail] }
}

fn summary(history: &History, found: &Forecast, total: Option<&Total>) -> String {
    let steps = found.mean.len();
    let span = match steps {
        1 => format!("next {}", word(history.bucket)),
        _ => format!("next {steps} {}s", word(history.bucket)),
    };
    let sure = |level: f64, lower: f64, upper: f64| match lower < upper {
        true => format!(
            "with a probability of {level:.0} % {} between {} and {}",
            if total.is_some() { "to" } else { "it is" },
            history.amount(lower),
            history.amount(upper)
        ),
        false => "how sure that is, its history does not show".to_owned(),
    };
    match total {
        Some(total) => format!(
            "{} adds up to about {} over the {span}; {}.",
            history.name,
            history.amount(total.mean),
            sure(total.level, total.lower, total.upper)
        ),
        None => {
            let last = found.mean.last().copied().unwrap_or_default();
            let band = found
                .intervals
                .iter()
                .min_by(|one, other| (one.level - TOTAL_LEVEL).abs().total_cmp(&(other.level - TOTAL_LEVEL).abs()));
            let sure = band.and_then(|band| Some(sure(band.level, *band.lower.last()?, *band.upper.last()?)));
            let stands = format!("{} stands at about {} at the end of the {span}", history.name, history.amount(last));
            match sure {
                Some(sure) => format!("{stands}; {sure}."),
                None => format!("{stands}."),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::revenue;
    use super::*;

    fn found(mean: f64, half_width: f64, steps: usize) -> Forecast {
        let floor = |value: f64| value.max(0.0);
        Forecast {
            model: "ETS(A,N,N)".into(),
            mean: vec![mean; steps],
            sd: vec![half_width / normal_quantile(0.9); steps],
            common: 0.5,
            intervals: vec![Interval {
                level: 80.0,
                lower: vec![floor(mean - half_width); steps],
                upper: vec![mean + half_width; steps],
            }],
            members: vec![],
            caveats: vec![],
        }
    }

    #[test]
    fn the_interval_of_a_sum_holds_its_mean_where_steps_are_cut_at_zero() {
        for (half_width, steps) in [(2.0, 7), (200.0, 1_000), (5_000.0, 1_000)] {
            let total = total(&found(10.0, half_width, steps), 1);
            assert_eq!(total.mean, 10.0 * steps as f64);
            assert!(total.lower >= 0.0 && total.lower < total.mean && total.mean < total.upper, "{total:?}");
        }
    }

    #[test]
    fn a_level_is_said_with_how_sure_it_is_and_one_value_with_no_probability() {
        let history = History { kind: MetricKind::Level, ..revenue(Bucket::Day, "2026-03-01", vec![Some(10.0); 9]) };
        assert_eq!(
            summary(&history, &found(10.0, 2.0, 7), None),
            "Revenue stands at about 10.0 USD at the end of the next 7 days; with a probability of 80 % it is between 8.00 \
             USD and 12.0 USD."
        );
        let once = revenue(Bucket::Day, "2026-03-01", vec![Some(10.0)]);
        let found = found(10.0, 0.0, 7);
        assert_eq!(
            summary(&once, &found, Some(&total(&found, 1))),
            "Revenue adds up to about 70.0 USD over the next 7 days; how sure that is, its history does not show."
        );
    }
}
