//! The newest steps of a metric, looked at because data arrived: was one odd, and did the forecasts hold that were made
//! before it?

use std::collections::BTreeMap;

use async_trait::async_trait;
use dyocense_domain::forecasting::{AnomalyKind, BreachFinding, Findings, JudgedStep, Oddity};
use dyocense_domain::ids::{MetricId, RunId};
use dyocense_domain::metrics::Bucket;
use dyocense_domain::runs::RunRefusal;
use dyocense_eventlog::TenantId;
use dyocense_forecasting::anomalies::{Detection, Kind, detect};
use dyocense_forecasting::{ForecastError, METHOD};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::forecast::{Band, ForecastAnswer};
use super::history::{History, HistorySpan, grouped, impossible, read, word};
use super::trading::TradingDays;
use super::words;
use crate::error::Fault;
use crate::execute::Commands;
use crate::runs::{Analysis, Computed, Control, Gathered, NoAnswer};

/// Which steps to look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchRequest {
    pub metric_id: MetricId,
    pub bucket: Bucket,
    /// The first step that is news.
    pub from: Date,
    /// The last step that is over.
    pub last: Date,
    /// Older steps that people were told about and whose values have changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<Date>,
    /// Share of false alarms among the alarms that is put up with.
    pub false_discovery_rate: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchAnswer {
    pub history: HistorySpan,
    #[serde(flatten)]
    pub findings: Findings,
}

/// What is asked of a kept forecast.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Promise {
    run_id: RunId,
    starts: Vec<Date>,
    mean: Vec<f64>,
    bands: Vec<Band>,
}

#[derive(Serialize, Deserialize)]
struct Input {
    request: WatchRequest,
    history: History,
    /// The newest first.
    promises: Vec<Promise>,
}

/// Kept forecasts among which each step finds the newest that was made before it.
pub(super) const KEPT_LOOKED_AT: usize = 20;
/// The interval that is wide enough for one step outside it to be worth a word.
pub(super) const ONE_IS_ENOUGH: f64 = 90.0;
/// Steps in a row on one side of the usual interval that are worth a word: once in 500 by chance at 80 %.
const IN_A_ROW: usize = 3;
pub(super) const USUAL_LEVEL: f64 = 80.0;

/// Steps of a length that are news: what is older was not there when it happened, and would only flood.
pub(super) fn most_news(bucket: Bucket) -> usize {
    match bucket {
        Bucket::Day => 14,
        Bucket::Week => 4,
        Bucket::Month => 3,
        Bucket::Quarter => 2,
        Bucket::Year => 1,
    }
}

pub(crate) struct Watching;

#[async_trait]
impl Analysis for Watching {
    fn method(&self) -> &'static str {
        METHOD
    }

    fn check(&self, request: &Value) -> Result<(), RunRefusal> {
        read::<WatchRequest>(request).map(|_| ())
    }

    async fn gather(
        &self,
        commands: &Commands,
        tenant: TenantId,
        request: &Value,
    ) -> Result<Result<Gathered, NoAnswer>, Fault> {
        let request: WatchRequest = read(request).map_err(Fault::internal)?;
        let WatchRequest { metric_id, bucket, last, .. } = request;
        let history = match History::of_metric(commands, tenant, metric_id, Some(bucket)).await? {
            Ok(history) => history,
            Err(none) => return Ok(Err(none)),
        };
        let Some(history) = history.until(last) else {
            return Ok(Err(NoAnswer::Impossible(format!("nothing is known up to {last} any more"))));
        };
        let kept = commands.reads.kept_forecasts(tenant, metric_id, bucket, KEPT_LOOKED_AT).await?;
        let promises = kept
            .into_iter()
            .filter_map(|kept| {
                let ForecastAnswer { starts, mean, bands, .. } = read(&kept.answer).ok()?;
                Some(Promise { run_id: kept.run_id, starts, mean, bands })
            })
            .collect();
        Ok(Ok(Gathered { input: json!(Input { request, history, promises }) }))
    }

    fn compute(&self, input: &Value, _: u32, control: &Control) -> Result<Computed, NoAnswer> {
        let Input { request, history, promises } = read(input).map_err(impossible)?;
        control.tell(None, format!("looking at the newest {}s", word(history.bucket)));
        let (mut odd, mut caveats) = (BTreeMap::new(), Vec::new());
        let series = TradingDays::of(&history).series(&history, history.values.len())?;
        match detect(&series, Detection { false_discovery_rate: request.false_discovery_rate }) {
            Ok(verdicts) => {
                for verdict in verdicts {
                    if let Some(kind) = verdict.kind {
                        let explanation = words::oddity(&history, &verdict);
                        let (expected, score, p) = (verdict.expected, verdict.score, verdict.p);
                        odd.insert(verdict.index, Oddity { kind: kind_of(kind), expected, score, p, explanation });
                    }
                }
            }
            Err(ForecastError::TooShort { needed, .. }) => caveats.push(format!(
                "{} of history are too few to tell what is odd: it takes {needed}",
                words::counted(history.values.len(), history.bucket)
            )),
            Err(error) => return Err(impossible(error)),
        }
        if control.is_stopped() {
            return Err(NoAnswer::Stopped);
        }
        let steps = history.steps();
        let mut judged: Vec<JudgedStep> = Vec::new();
        for (index, (start, value)) in steps.iter().enumerate() {
            let is_news = *start >= request.from;
            if is_news || request.again.contains(start) {
                let breach = breach(&history, &steps[..=index], &promises);
                judged.push(JudgedStep { start: *start, value: *value, is_news, oddity: odd.remove(&index), breach });
            }
        }
        // A step that has vanished from the history has no value.
        for start in request.again.iter().filter(|start| steps.iter().all(|(known, _)| known != *start)) {
            judged.push(JudgedStep { start: *start, value: None, is_news: false, oddity: None, breach: None });
        }
        judged.sort_by_key(|step| step.start);
        let findings = Findings {
            metric_id: history.metric_id,
            metric: history.name.clone(),
            unit: history.unit.clone(),
            bucket: history.bucket,
            steps: judged,
        };
        let summary = summary(&findings);
        let answer = WatchAnswer { history: history.span(), findings };
        Ok(Computed { answer: json!(answer), summary, caveats, stopped_early: false })
    }
}

fn kind_of(kind: Kind) -> AnomalyKind {
    match kind {
        Kind::Spike => AnomalyKind::Spike,
        Kind::LevelShift => AnomalyKind::LevelShift,
    }
}

/// How the last of `steps` lay outside what the newest forecast that was made before it foresaw.
fn breach(history: &History, steps: &[(Date, Option<f64>)], promises: &[Promise]) -> Option<BreachFinding> {
    let (start, value) = steps.last().copied()?;
    let value = value?;
    let (promise, at) = promise_of(promises, start)?;
    let expected = *promise.mean.get(at)?;
    let finding = |band: &Band, steps: usize, explanation: String| -> Option<BreachFinding> {
        let (lower, upper) = (*band.lower.get(at)?, *band.upper.get(at)?);
        let (forecast_id, level) = (promise.run_id, band.level);
        Some(BreachFinding { forecast_id, expected, level, lower, upper, steps: steps as u32, explanation })
    };
    let when = when(history.bucket, start);
    let widest = promise.bands.iter().max_by(|one, other| one.level.total_cmp(&other.level));
    if let Some(band) = widest.filter(|band| band.level >= ONE_IS_ENOUGH)
        && let Some(side) = side(band, at, value)
    {
        let (lower, upper) = (grouped(*band.lower.get(at)?), grouped(*band.upper.get(at)?));
        let explanation = format!(
            "{} {when} was {}, {} its forecast: about {} was expected, with {} % between {lower} and {upper}.",
            history.name,
            history.amount(value),
            side.word(),
            grouped(expected),
            band.level,
        );
        return finding(band, 1, explanation);
    }
    let usual = usual_band(promise)?;
    let side_now = side(usual, at, value)?;
    let on_that_side = |(start, value): &(Date, Option<f64>)| -> bool {
        let outside = || side(usual_band(promise_of(promises, *start)?.0)?, promise_of(promises, *start)?.1, (*value)?);
        outside() == Some(side_now)
    };
    let row = steps.iter().rev().take(IN_A_ROW + 1).take_while(|step| on_that_side(step)).count();
    // A longer row was told when it was as long as this.
    if row != IN_A_ROW {
        return None;
    }
    let explanation = format!(
        "{} was {} its forecast for {IN_A_ROW} {}s in a row; {when} it was {} where about {} was expected.",
        history.name,
        side_now.word(),
        word(history.bucket),
        history.amount(value),
        grouped(expected),
    );
    finding(usual, IN_A_ROW, explanation)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Below,
    Above,
}

impl Side {
    fn word(self) -> &'static str {
        match self {
            Side::Below => "below",
            Side::Above => "above",
        }
    }
}

fn side(band: &Band, at: usize, value: f64) -> Option<Side> {
    if value < *band.lower.get(at)? {
        Some(Side::Below)
    } else if value > *band.upper.get(at)? {
        Some(Side::Above)
    } else {
        None
    }
}

/// The newest forecast that was made before the step, and the step's place in it.
fn promise_of(promises: &[Promise], start: Date) -> Option<(&Promise, usize)> {
    promises.iter().find_map(|promise| Some((promise, promise.starts.binary_search(&start).ok()?)))
}

fn usual_band(promise: &Promise) -> Option<&Band> {
    promise.bands.iter().find(|band| band.level == USUAL_LEVEL)
}

fn when(bucket: Bucket, start: Date) -> String {
    let said = |format: &str| start.strftime(format).to_string();
    match bucket {
        Bucket::Day => said("on %-d %B %Y"),
        Bucket::Week => said("in the week of %-d %B %Y"),
        Bucket::Month => said("in %B %Y"),
        Bucket::Quarter => said("in the quarter from %B %Y"),
        Bucket::Year => said("in %Y"),
    }
}

fn summary(findings: &Findings) -> String {
    let steps = match findings.steps.len() {
        1 => format!("one {}", word(findings.bucket)),
        count => format!("{count} {}s", word(findings.bucket)),
    };
    let said = findings.steps.iter().rev().find_map(|step| {
        let oddity = step.oddity.as_ref().map(|oddity| &oddity.explanation);
        oddity.or(step.breach.as_ref().map(|breach| &breach.explanation))
    });
    match said {
        None => format!("Nothing stood out in {steps} of {}.", findings.metric),
        Some(newest) => format!("Of {steps} of {} the newest that stood out: {newest}", findings.metric),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::history::revenue;
    use super::*;

    fn day(n: i8) -> Date {
        Date::new(2026, 3, n).unwrap()
    }

    fn history(values: &[f64]) -> History {
        revenue(Bucket::Day, "2026-03-01", values.iter().map(|value| Some(*value)).collect())
    }

    /// Expects 100 on every day from `first` on, between 90 and 110 with 80 %, between 70 and 130 with `widest` percent.
    fn promise(run: u128, first: i8, widest: f64) -> Promise {
        let band = |level: f64, by: f64| Band { level, lower: vec![100.0 - by; 10], upper: vec![100.0 + by; 10] };
        Promise {
            run_id: RunId::from(Uuid::from_u128(run)),
            starts: (first..first + 10).map(day).collect(),
            mean: vec![100.0; 10],
            bands: vec![band(80.0, 10.0), band(widest, 30.0)],
        }
    }

    fn found(values: &[f64], promises: &[Promise]) -> Option<BreachFinding> {
        let history = history(values);
        breach(&history, &history.steps(), promises)
    }

    #[test]
    fn one_step_outside_the_widest_interval_is_a_breach_of_the_newest_forecast_made_before_it() {
        let promises = [promise(3, 5, 99.0), promise(2, 4, 99.0), promise(1, 1, 99.0)];
        let found = found(&[100.0, 100.0, 100.0, 131.0], &promises).unwrap();
        assert_eq!((found.forecast_id, found.level, found.steps), (RunId::from(Uuid::from_u128(2)), 99.0, 1));
        assert_eq!(
            found.explanation,
            "Revenue on 4 March 2026 was 131.0 USD, above its forecast: about 100.0 was expected, with 99 % between 70.0 \
             and 130.0."
        );
    }

    #[test]
    fn what_lies_within_or_was_never_forecast_is_none() {
        assert_eq!(found(&[100.0, 129.0], &[promise(1, 1, 99.0)]), None);
        assert_eq!(found(&[100.0, 500.0], &[promise(1, 3, 99.0)]), None);
        // An interval that is left one time in five says nothing by one step.
        assert_eq!(found(&[100.0, 500.0], &[promise(1, 1, 80.0)]), None);
    }

    #[test]
    fn three_in_a_row_on_one_side_are_told_at_the_third() {
        let promises = [promise(1, 1, 99.0)];
        assert_eq!(found(&[100.0, 115.0, 115.0], &promises), None);
        let third = found(&[100.0, 115.0, 115.0, 112.0], &promises).unwrap();
        assert_eq!((third.level, third.steps, third.lower, third.upper), (80.0, 3, 90.0, 110.0));
        assert_eq!(found(&[100.0, 115.0, 115.0, 112.0, 112.0], &promises), None);
        assert_eq!(found(&[100.0, 115.0, 85.0, 115.0], &promises), None);
    }
}
