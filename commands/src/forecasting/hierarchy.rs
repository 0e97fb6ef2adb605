//! A total and its parts (by shop, product, channel), forecast together so that the parts add up to the total.

use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::Bucket;
use dyocense_domain::runs::RunRefusal;
use dyocense_forecasting::hierarchy::{Columns, Method, Part, forecast_hierarchy_on};
use dyocense_forecasting::{Forecast, Model, Request};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::about::{About, Found, Input, OfMetrics};
use super::drivers::{Column, Driver, DriverFuture, MOST_DRIVERS, check_model, shared_history};
use super::forecast::{Band, bands_of};
use super::history::{History, HistorySpan, check_reach, impossible, word};
use super::month_days::{self, weighs_columns};
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
    /// At most 5 metrics that move the total or its parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drivers: Vec<HierarchyDriver>,
}

/// A metric that moves the total or its parts, as far as it would have helped to foretell them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HierarchyDriver {
    pub metric_id: MetricId,
    /// As its own forecast expects where None.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub future: Option<DriverFuture>,
    /// What it moves: the total, parts. Everything where none is named; what moves a part moves the total too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<MetricId>,
}

/// A driver as it went into the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeDriver {
    #[serde(flatten)]
    pub driver: Driver,
    /// Of the steps ahead.
    pub values: Vec<f64>,
    /// What it moves; everything where none is named.
    pub moves: Vec<MetricId>,
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drivers: Vec<NodeDriver>,
}

const MOST_PARTS: usize = 50;
const THE_REST: &str = "The rest";
/// The engine's name of the total over all parts.
const WHOLE: &str = "total";
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
        check_reach(*horizon, levels)?;
        check_drivers(request)
    }

    fn about(request: &HierarchyRequest) -> About {
        let drivers = request.drivers.iter().map(|driver| driver.metric_id);
        let others = request.parts.iter().copied().chain(drivers).collect();
        About { metric: request.metric_id, others, bucket: request.bucket }
    }

    fn find(input: Input<HierarchyRequest>, seed: u32, control: &Control) -> Result<Found<HierarchyAnswer>, NoAnswer> {
        let Input { request, history, others: mut parts, .. } = input;
        let drivers = parts.split_off(request.parts.len());
        let mut caveats = Vec::new();
        let total = known_with(&history, &drivers, &mut caveats)?;
        if let Some(part) = parts.iter().find(|part| part.unit != total.unit) {
            let (one, other) = (&part.unit, &total.unit);
            let apart = format!("{} is counted in {one}, {} in {other}: they do not add up", part.name, total.name);
            return Err(NoAnswer::Impossible(apart));
        }
        let mut histories: Vec<History> = parts.iter().map(|part| over_steps_of(&total, part, &mut caveats)).collect();
        let rest = rest_of(&total, &histories, &mut caveats);
        let has_rest = rest.is_some();
        histories.extend(rest);
        let never_negative = histories.iter().flat_map(|part| part.values.iter().flatten()).all(|value| *value >= 0.0);
        // On days on which the total does not trade, no part does.
        let trading = TradingDays::of(&total);
        let starts = total.steps_ahead(request.horizon);
        let mut moving = Vec::with_capacity(drivers.len());
        for (asked, driver) in request.drivers.iter().zip(&drivers) {
            control.tell(None, format!("forecasting {}", driver.name));
            let column = Column::of(driver, &total, request.horizon, seed, &mut caveats)?;
            let values = column.future(asked.future.as_ref());
            if asked.future.is_some() {
                caveats.extend(column.beyond_history("", &values, request.model, total.bucket));
            }
            moving.push(Moving { column, values, moves: asked.moves.clone() });
        }
        let mut columns = columns_of(&moving, total.metric_id, &histories, has_rest);
        if weighs_columns(request.model) {
            let calendar = |history: &History| month_days::columns(history, history.values.len(), request.horizon);
            for (columns, part) in columns.parts.iter_mut().zip(&histories) {
                columns.extend(calendar(part));
            }
            columns.totals.iter_mut().for_each(|(_, columns)| columns.extend(calendar(&total)));
        }
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
                forecast_hierarchy_on(&several, &columns, &asked, Method::MinTrace, never_negative, 1, &progress)
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
        caveats.extend(no_proof(&moving, &total));
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
            drivers: moving.into_iter().map(Moving::told).collect(),
        };
        Ok(Found { answer, summary, caveats, stopped_early: false })
    }
}

fn check_drivers(request: &HierarchyRequest) -> Result<(), RunRefusal> {
    let HierarchyRequest { metric_id, parts, horizon, model, drivers, .. } = request;
    let refused = |reason: String| Err(RunRefusal::Request { field: "drivers", reason });
    if drivers.is_empty() {
        return Ok(());
    }
    check_model(*model)?;
    if drivers.len() > MOST_DRIVERS {
        return refused(format!("{} drivers: at most {MOST_DRIVERS} are allowed", drivers.len()));
    }
    let is_node = |metric: &MetricId| metric == metric_id || parts.contains(metric);
    for (i, driver) in drivers.iter().enumerate() {
        if is_node(&driver.metric_id) {
            return refused(format!("driver {}: the total and its parts are no drivers of each other", i + 1));
        }
        if drivers[..i].iter().any(|other| other.metric_id == driver.metric_id) {
            return refused(format!("driver {} is named twice", i + 1));
        }
        if driver.moves.iter().any(|metric| !is_node(metric)) {
            return refused(format!("driver {} moves a metric that is neither the total nor one of its parts", i + 1));
        }
        if let Some(future) = &driver.future {
            future.check("drivers", *horizon)?;
        }
    }
    Ok(())
}

/// The total from the first step that all drivers cover.
fn known_with(total: &History, drivers: &[History], caveats: &mut Vec<String>) -> Result<History, NoAnswer> {
    if drivers.is_empty() {
        return Ok(total.clone());
    }
    let shared = shared_history(total, drivers)?;
    let left_out = total.values.len() - shared.values.len();
    if left_out > 0 {
        caveats.push(format!(
            "{left_out} {}s before {} are left out: not all drivers are known then",
            word(total.bucket),
            shared.first.strftime("%-d %B %Y")
        ));
    }
    Ok(shared)
}

/// A driver over history and horizon, with what it moves.
struct Moving {
    column: Column,
    /// Of the steps ahead.
    values: Vec<f64>,
    moves: Vec<MetricId>,
}

impl Moving {
    fn moves(&self, metric: Option<MetricId>) -> bool {
        self.moves.is_empty() || metric.is_some_and(|metric| self.moves.contains(&metric))
    }

    fn told(self) -> NodeDriver {
        NodeDriver { driver: self.column.driver, values: self.values, moves: self.moves }
    }
}

/// The engine's columns: those of each part, the rest last, and all of them for the total.
fn columns_of(moving: &[Moving], total: MetricId, parts: &[History], has_rest: bool) -> Columns {
    let whole = |moving: &Moving| moving.column.with(&moving.values);
    let of = |metric: Option<MetricId>| moving.iter().filter(|one| one.moves(metric)).map(whole).collect();
    let of_parts = parts.iter().enumerate().map(|(i, part)| {
        let is_rest = has_rest && i + 1 == parts.len();
        of((!is_rest).then_some(part.metric_id))
    });
    let is_of_total =
        |one: &&Moving| one.moves(Some(total)) || parts.iter().any(|part| one.moves(Some(part.metric_id)));
    let of_total = moving.iter().filter(is_of_total).map(whole).collect();
    Columns { parts: of_parts.collect(), totals: vec![(WHOLE.to_owned(), of_total)] }
}

/// Where a future was supposed, what it changes is told with its doubt.
fn no_proof(moving: &[Moving], total: &History) -> Option<String> {
    let supposed: Vec<&str> = moving
        .iter()
        .filter(|one| one.values != one.column.driver.expected)
        .map(|one| one.column.driver.name.as_str())
        .collect();
    (!supposed.is_empty()).then(|| {
        let names = supposed.join(" or ");
        format!(
            "{names} counts as far as it would have helped to foretell {} before; what went together in the past need not \
             be cause and effect",
            total.name
        )
    })
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
#[path = "hierarchy_tests.rs"]
mod tests;
