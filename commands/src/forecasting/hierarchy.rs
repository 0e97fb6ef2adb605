//! A total and its parts (by shop, product, channel), forecast together so that the parts add up to the total.

use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::Bucket;
use dyocense_domain::runs::RunRefusal;
use dyocense_forecasting::hierarchy::{Columns, Method, Part, forecast_hierarchy_on};
use dyocense_forecasting::{Forecast, Model, Request};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::about::{About, Found, Input, OfMetrics};
use super::forecast::{Band, bands_of};
use super::history::{History, HistorySpan, check_reach, impossible, word};
use super::trading::TradingDays;
use crate::runs::{Control, NoAnswer};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HierarchyRequest {
    /// The total.
    pub metric_id: MetricId,
    /// 1 to 50. What of the total is in none of them is a part of its own.
    pub parts: Vec<MetricId>,
    /// Steps ahead, 1 to 1,000.
    pub horizon: usize,
    /// Interval levels in percent, each 1 to 99.9.
    pub levels: Vec<f64>,
    pub model: Model,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
}

/// The total or a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HierarchyNode {
    /// None: what is in no part.
    pub metric_id: Option<MetricId>,
    pub name: String,
    /// The model before the forecasts were made to add up.
    pub model: String,
    pub mean: Vec<f64>,
    pub bands: Vec<Band>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HierarchyAnswer {
    pub metric_id: MetricId,
    pub unit: String,
    pub bucket: Bucket,
    pub history: HistorySpan,
    /// How the forecasts were made to add up.
    pub reconciliation: String,
    pub starts: Vec<Date>,
    pub total: HierarchyNode,
    pub parts: Vec<HierarchyNode>,
}

const MOST_PARTS: usize = 50;
const THE_REST: &str = "The rest";
/// What is less than this share of the total is rounding.
const ROUNDING: f64 = 1e-9;

pub(crate) struct AddingUp;

impl OfMetrics for AddingUp {
    type Request = HierarchyRequest;
    type Answer = HierarchyAnswer;

    fn check(request: &HierarchyRequest) -> Result<(), RunRefusal> {
        let HierarchyRequest { metric_id, parts, horizon, levels, .. } = request;
        let refused = |reason: String| Err(RunRefusal::Request { field: "partIds", reason });
        if !(1..=MOST_PARTS).contains(&parts.len()) {
            return refused(format!("{} parts: 1 to {MOST_PARTS} are allowed", parts.len()));
        }
        if parts.contains(metric_id) {
            return refused("a metric is no part of itself".to_owned());
        }
        if parts.iter().enumerate().any(|(i, part)| parts[..i].contains(part)) {
            return refused("a part is named twice".to_owned());
        }
        check_reach(*horizon, levels)
    }

    fn about(request: &HierarchyRequest) -> About {
        About { metric: request.metric_id, others: request.parts.clone(), bucket: request.bucket }
    }

    fn find(input: Input<HierarchyRequest>, seed: u32, control: &Control) -> Result<Found<HierarchyAnswer>, NoAnswer> {
        let Input { request, history: total, others: parts } = input;
        if let Some(part) = parts.iter().find(|part| part.unit != total.unit) {
            let (one, other) = (&part.unit, &total.unit);
            let apart = format!("{} is counted in {one}, {} in {other}: they do not add up", part.name, total.name);
            return Err(NoAnswer::Impossible(apart));
        }
        let mut caveats = Vec::new();
        let mut histories: Vec<History> = parts.iter().map(|part| over_steps_of(&total, part, &mut caveats)).collect();
        let rest = rest_of(&total, &histories, &mut caveats);
        let has_rest = rest.is_some();
        histories.extend(rest);
        let never_negative = histories.iter().flat_map(|part| part.values.iter().flatten()).all(|value| *value >= 0.0);
        // On days on which the total does not trade, no part does.
        let trading = TradingDays::of(&total);
        let starts = total.steps_ahead(request.horizon);
        let labelled = |history: &History| -> Result<Part, NoAnswer> {
            Ok(Part { series: trading.series(history, history.values.len())?, labels: vec![] })
        };
        let mut found = match histories.as_slice() {
            [] | [_] => return Err(NoAnswer::Impossible(format!("{} has no parts to add up", total.name))),
            several => {
                let several: Vec<Part> = several.iter().map(labelled).collect::<Result<_, _>>()?;
                let nodes = several.len() + 1;
                let (horizon, levels, model) = (request.horizon, request.levels.clone(), request.model);
                let asked = Request { horizon, levels, model, seed: seed.into() };
                let progress = |done: usize| {
                    control.tell(Some(done as f64 / nodes as f64), format!("{done} of {nodes} forecasts made"));
                };
                forecast_hierarchy_on(
                    &several,
                    &Columns::default(),
                    &asked,
                    Method::MinTrace,
                    never_negative,
                    1,
                    &progress,
                )
                .map_err(impossible)?
            }
        };
        if control.is_stopped() {
            return Err(NoAnswer::Stopped);
        }
        for forecast in &mut found.coherent {
            trading.close(&starts, forecast);
        }
        caveats
            .extend(found.coherent.first().iter().flat_map(|whole| trading.caveats(&total, &starts, &whole.caveats)));
        let mut nodes = found.coherent.into_iter();
        let whole = nodes.next().ok_or_else(|| NoAnswer::Impossible("there is no total".to_owned()))?;
        let own = node(Some(total.metric_id), &total.name, whole);
        let last = histories.len() - 1;
        let parts: Vec<HierarchyNode> = histories
            .iter()
            .zip(nodes)
            .enumerate()
            .map(|(i, (history, forecast))| {
                let id = (!has_rest || i < last).then_some(history.metric_id);
                node(id, &history.name, forecast)
            })
            .collect();
        let summary = summary(&total, &own, &parts);
        let reconciliation = match found.method {
            Method::MinTrace => "MinT with shrunk covariance",
            Method::WlsStructural => "structural weights",
            Method::WlsVariance => "weights by variance",
            Method::Ols => "equal weights",
            Method::BottomUp => "bottom up",
        };
        let answer = HierarchyAnswer {
            metric_id: total.metric_id,
            unit: total.unit.clone(),
            bucket: total.bucket,
            history: total.span(),
            reconciliation: reconciliation.to_owned(),
            starts,
            total: own,
            parts,
        };
        Ok(Found { answer, summary, caveats, stopped_early: false })
    }
}

/// A part over the total's steps. Before it began, after it ended and on days on which it does not trade it is 0.
fn over_steps_of(total: &History, part: &History, caveats: &mut Vec<String>) -> History {
    let known = part.dated();
    let span = part.span();
    if span.last < total.span().last {
        caveats.push(format!("{} ends on {}: since then it counts as 0", part.name, span.last.strftime("%-d %B %Y")));
    }
    let trading = TradingDays::of(part);
    let values = total.steps().into_iter().map(|(start, _)| match known.get(&start) {
        Some(value) => Some(*value),
        None if start < span.first || start > span.last || trading.is_closed(start) => Some(0.0),
        None => None,
    });
    History { first: total.first, values: values.collect(), ..part.clone() }
}

/// What of the total is in no part; None where the parts are all of it.
fn rest_of(total: &History, parts: &[History], caveats: &mut Vec<String>) -> Option<History> {
    let rest: Vec<Option<f64>> = total
        .values
        .iter()
        .enumerate()
        .map(|(step, whole)| {
            let sum: f64 = parts.iter().map(|part| part.values[step]).sum::<Option<f64>>()?;
            let rest = (*whole)? - sum;
            Some(if rest.abs() <= ROUNDING * whole.unwrap_or_default().abs().max(1.0) { 0.0 } else { rest })
        })
        .collect();
    let size = |values: &[Option<f64>]| values.iter().flatten().map(|value| value.abs()).sum::<f64>();
    let outside = size(&rest);
    if outside == 0.0 {
        return None;
    }
    let share = 100.0 * outside / size(&total.values).max(f64::MIN_POSITIVE);
    caveats.push(format!("the parts do not add up to {}: {share:.1} % of it is a part of its own", total.name));
    Some(History { name: THE_REST.to_owned(), values: rest, ..total.clone() })
}

fn node(metric_id: Option<MetricId>, name: &str, forecast: Forecast) -> HierarchyNode {
    HierarchyNode {
        metric_id,
        name: name.to_owned(),
        model: forecast.model,
        mean: forecast.mean,
        bands: bands_of(forecast.intervals),
    }
}

fn summary(total: &History, own: &HierarchyNode, parts: &[HierarchyNode]) -> String {
    let sum = |node: &HierarchyNode| node.mean.iter().sum::<f64>();
    let largest = parts.iter().max_by(|one, other| sum(one).total_cmp(&sum(other)));
    let share = largest
        .filter(|_| sum(own) > 0.0)
        .map(|part| format!("; the largest part, {}, has {:.0} % of it", part.name, 100.0 * sum(part) / sum(own)));
    let steps = match own.mean.len() {
        1 => format!("next {}", word(total.bucket)),
        count => format!("next {count} {}s", word(total.bucket)),
    };
    format!(
        "{} adds up to about {} over the {steps}, and so do its {} parts{}.",
        total.name,
        total.amount(sum(own)),
        parts.len(),
        share.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use dyocense_domain::metrics::MetricKind;
    use uuid::Uuid;

    use super::*;

    fn history(metric: u128, first: &str, values: Vec<f64>) -> History {
        History {
            metric_id: MetricId::from(Uuid::from_u128(metric)),
            name: format!("Metric {metric}"),
            unit: "USD".into(),
            kind: MetricKind::Flow,
            bucket: Bucket::Day,
            first: first.parse().unwrap(),
            values: values.into_iter().map(Some).collect(),
            shut: vec![],
        }
    }

    fn a_week_ahead(total: History, parts: Vec<History>) -> (HierarchyAnswer, Vec<String>) {
        let request = HierarchyRequest {
            metric_id: total.metric_id,
            parts: parts.iter().map(|part| part.metric_id).collect(),
            horizon: 7,
            levels: vec![80.0],
            model: Model::Ets,
            bucket: Some(Bucket::Day),
        };
        let input = Input { request, history: total, others: parts };
        let Found { answer, caveats, .. } = AddingUp::find(input, 1, &Control::detached()).unwrap();
        (answer, caveats)
    }

    #[test]
    fn parts_and_the_rest_add_up_to_the_total() {
        let wave = |t: i32, by: i32| f64::from((t * by) % 13);
        let north: Vec<f64> = (0..90).map(|t| 100.0 + wave(t, 5)).collect();
        let south: Vec<f64> = (0..60).map(|t| 50.0 + wave(t, 7)).collect();
        // South opened after a month; 20 a day is neither.
        let total = (0..90).map(|t| north[t] + 20.0 + if t < 30 { 0.0 } else { south[t - 30] }).collect();
        let total = history(1, "2026-01-01", total);
        let parts = vec![history(2, "2026-01-01", north), history(3, "2026-01-31", south)];
        let (answer, caveats) = a_week_ahead(total, parts);
        let names: Vec<&str> = answer.parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["Metric 2", "Metric 3", THE_REST]);
        assert_eq!(answer.parts[2].metric_id, None);
        for step in 0..7 {
            let sum: f64 = answer.parts.iter().map(|part| part.mean[step]).sum();
            assert!((sum - answer.total.mean[step]).abs() < 1e-6, "{sum} and {}", answer.total.mean[step]);
        }
        assert!(caveats.iter().any(|caveat| caveat.contains("do not add up")), "{caveats:?}");
    }

    #[test]
    fn on_days_on_which_the_total_does_not_trade_no_part_does() {
        // From Monday, 5 January 2026, on: weekends are closed, and South on Mondays too.
        let shop = |base: f64, closed: &dyn Fn(i32) -> bool| -> Vec<Option<f64>> {
            (0..89).map(|t| (!closed(t)).then(|| base + f64::from((t * 5) % 13))).collect()
        };
        let of = |metric: u128, values: Vec<Option<f64>>| History { values, ..history(metric, "2026-01-05", vec![]) };
        let north = shop(100.0, &|t| t % 7 >= 5);
        let south = shop(50.0, &|t| t % 7 >= 5 || t % 7 == 0);
        let total = north.iter().zip(&south).map(|(north, south)| north.map(|north| north + south.unwrap_or(0.0)));
        let total = of(1, total.collect());
        let parts = vec![of(2, north), of(3, south)];
        let (answer, caveats) = a_week_ahead(total, parts);
        // Friday, 3 April, is the last day that is known.
        let weekend: Vec<bool> = answer.starts.iter().map(|day| day.weekday().to_monday_zero_offset() >= 5).collect();
        assert_eq!((answer.parts.len(), weekend.iter().filter(|day| **day).count()), (2, 2));
        for (step, is_weekend) in weekend.into_iter().enumerate() {
            let sum: f64 = answer.parts.iter().map(|part| part.mean[step]).sum();
            assert!((sum - answer.total.mean[step]).abs() < 1e-6);
            assert_eq!(answer.total.mean[step] == 0.0, is_weekend, "{step}");
        }
        assert!(caveats.iter().any(|caveat| caveat.contains("closed on Saturdays and Sundays")), "{caveats:?}");
    }
}
