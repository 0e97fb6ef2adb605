use async_trait::async_trait;
use dyocense_domain::connectors::ImportEvent;
use dyocense_domain::event::DomainEvent;
use dyocense_domain::ids::{MetricId, OccasionId};
use dyocense_domain::metrics::{MetricEvent, MetricSource};
use dyocense_domain::runs::RunRefusal;
use dyocense_eventlog::{Direction, Filter, Position, RecordedEvent, TenantId};
use dyocense_evidence::explain::change::Explanation;
use dyocense_evidence::questions::{ChangeInput, explain_change};
use dyocense_evidence::table::Table;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::METHOD;
use super::parts::SalesParts;
use super::table::{Days, KnownDays, ask, calendar, refuse_unless};
use super::words::Told;
use crate::error::Fault;
use crate::execute::{Commands, decode, stream_id};
use crate::forecasting::{impossible, read};
use crate::runs::{Analysis, Computed, Control, Gathered, NoAnswer};

/// Why a metric changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeRequest {
    pub metric_id: MetricId,
    /// First and last day of the change.
    pub first: Date,
    pub last: Date,
    /// Metrics that may be behind it; every other metric of the business where there are none.
    pub factors: Vec<MetricId>,
    /// Longest delay of a factor, in days, 0 to 60.
    pub max_lag: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeAnswer {
    pub metric_id: MetricId,
    pub unit: String,
    pub first: Date,
    pub last: Date,
    pub explanation: Explanation,
    /// The first day of the history behind the claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_from: Option<Date>,
    /// Which part of sales made revenue move, where it is revenue that is asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<SalesParts>,
    /// The series behind the metric and each factor, by their keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SeriesSource>,
    /// The occasions behind the parts of the calendar, by the names of the parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub occasions: Vec<OccasionSource>,
}

/// A series behind a claim, and the events of the log that hold its values during the change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesSource {
    pub key: String,
    pub metric_id: MetricId,
    /// Positions in the tenant's history, the newest first; bounded.
    pub events: Vec<i64>,
}

/// The occasions behind a part of the calendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OccasionSource {
    pub name: String,
    pub occasions: Vec<OccasionId>,
}

#[derive(Serialize, Deserialize)]
struct Input {
    request: ChangeRequest,
    days: Days,
    known: Vec<KnownDays>,
    sources: Vec<SeriesSource>,
    /// Orders over the same days, where revenue is asked about.
    orders: Option<Vec<f64>>,
}

pub(crate) struct ChangeExplaining;

const LONGEST_LAG: usize = 60;

#[async_trait]
impl Analysis for ChangeExplaining {
    fn method(&self) -> &'static str {
        METHOD
    }

    fn check(&self, request: &Value) -> Result<(), RunRefusal> {
        let request: ChangeRequest = read(request)?;
        let (first, last) = (request.first, request.last);
        refuse_unless(first <= last, "last", || format!("the range ends on {last}, before it begins on {first}"))?;
        let lag = request.max_lag;
        refuse_unless(lag <= LONGEST_LAG, "maxLag", || format!("a delay of {lag} days: 0 to {LONGEST_LAG} are allowed"))
    }

    async fn gather(
        &self,
        commands: &Commands,
        tenant: TenantId,
        request: &Value,
    ) -> Result<Result<Gathered, NoAnswer>, Fault> {
        let request: ChangeRequest = read(request).map_err(Fault::internal)?;
        let found = Days::of(commands, tenant, request.metric_id, &request.factors, Some(request.last)).await?;
        let mut days = match found {
            Ok(days) => days,
            Err(none) => return Ok(Err(none)),
        };
        let orders = commands.without_own_parts(tenant, &mut days).await?;
        let known = days.occasions(commands, tenant, 0).await?;
        let sources = commands.sources(tenant, &days, &request).await?;
        Ok(Ok(Gathered { input: json!(Input { request, days, known, sources, orders }) }))
    }

    fn compute(&self, input: &Value, seed: u32, control: &Control) -> Result<Computed, NoAnswer> {
        let Input { request, days, known, sources, orders } = read(input).map_err(impossible)?;
        let row = |day: Date| {
            days.row(day).ok_or_else(|| {
                let rows = days.rows();
                NoAnswer::Impossible(format!(
                    "{day} is outside the {rows} days of {} from {} on",
                    days.name, days.first
                ))
            })
        };
        let (first, last) = (row(request.first)?, row(request.last)?);
        let mut columns = days.columns;
        let values = columns.remove(0).1;
        let parts = orders.and_then(|orders| SalesParts::of(&values, &orders, first, last));
        let question = ChangeInput {
            values,
            factors: Table::new(columns).map_err(impossible)?,
            calendar: calendar(&known).map_err(impossible)?,
            first,
            last,
            max_lag: request.max_lag,
            seed: seed.into(),
        };
        let mut explanation =
            ask(control, "comparing the change with its history", |progress| explain_change(&question, progress))?;
        let told = Told {
            metric: &days.labels[0],
            factors: &days.labels[1..],
            first: request.first,
            last: request.last,
            parts: parts.as_ref(),
        };
        let summary = told.tell(&mut explanation);
        let answer = ChangeAnswer {
            metric_id: request.metric_id,
            unit: days.unit,
            first: request.first,
            last: request.last,
            explanation,
            history_from: Some(days.first),
            parts,
            sources,
            occasions: known.into_iter().map(|of| OccasionSource { name: of.name, occasions: of.occasions }).collect(),
        };
        Ok(Computed { answer: json!(answer), summary, caveats: days.caveats, stopped_early: false })
    }
}

/// Events that are looked through for each series, and those that are named.
const LOOKED_THROUGH: usize = 100;
const NAMED: usize = 20;

impl Commands {
    /// Takes from `days` what is counted from the same sales as the metric: parts of it, not causes. The orders of the days
    /// come back where the metric is revenue.
    async fn without_own_parts(&self, tenant: TenantId, days: &mut Days) -> Result<Option<Vec<f64>>, Fault> {
        let known = self.reads.metrics(tenant).await?;
        let derived =
            |id: MetricId| known.iter().any(|metric| metric.metric_id == id && metric.source == MetricSource::Derived);
        if !derived(days.metrics[0]) {
            return Ok(None);
        }
        let mut orders = None;
        let mut parts: Vec<String> = Vec::new();
        for i in (1..days.columns.len()).rev() {
            if derived(days.metrics[i]) {
                let (key, column) = days.columns.remove(i);
                let label = days.labels.remove(i);
                days.metrics.remove(i);
                if key == "orders" && days.labels[0].key == "revenue" {
                    orders = Some(column);
                }
                parts.insert(0, label.name);
            }
        }
        if !parts.is_empty() {
            days.caveats.push(format!(
                "{} are counted from the same sales: they are parts of the change, not causes of it",
                parts.join(", ")
            ));
        }
        Ok(orders)
    }

    /// The events that hold the values of each column during the change and its longest delay before. A metric that
    /// follows from sales is held by the events of its imports.
    async fn sources(
        &self,
        tenant: TenantId,
        days: &Days,
        request: &ChangeRequest,
    ) -> Result<Vec<SeriesSource>, Fault> {
        let from = request.first.checked_sub((request.max_lag as i64).days()).unwrap_or(request.first);
        let within = from..=request.last;
        let known = self.reads.metrics(tenant).await?;
        let mut sales: Option<Vec<i64>> = None;
        let mut sources = Vec::with_capacity(days.columns.len());
        for ((key, _), metric_id) in days.columns.iter().zip(&days.metrics) {
            let metric = known.iter().find(|metric| metric.metric_id == *metric_id);
            let events = match metric {
                Some(metric) if metric.source == MetricSource::Derived => {
                    if sales.is_none() {
                        let filter =
                            Filter { event_types: vec!["TransactionsImported".to_owned()], ..Filter::default() };
                        let (beyond, back) = (Position::END, Direction::Backward);
                        let events = self.log.search(tenant, &filter, beyond, LOOKED_THROUGH, back).await?;
                        sales = Some(naming(&events, |event| match event {
                            ImportEvent::TransactionsImported(fact) => {
                                fact.transactions.iter().any(|sale| within.contains(&sale.day))
                            }
                            _ => false,
                        }));
                    }
                    sales.clone().unwrap_or_default()
                }
                Some(metric) => {
                    let stream = stream_id(metric_id.stream())?;
                    let (beyond, back) = (i64::MAX, Direction::Backward);
                    let events = self.log.read_stream(tenant, &stream, beyond, LOOKED_THROUGH, back).await?;
                    naming(&events, |event| match event {
                        MetricEvent::MetricPointsRecorded(fact) => {
                            fact.points.iter().any(|point| within.contains(&metric.time_zone.date_of(point.at)))
                        }
                        _ => false,
                    })
                }
                None => vec![],
            };
            sources.push(SeriesSource { key: key.clone(), metric_id: *metric_id, events });
        }
        Ok(sources)
    }
}

/// The positions of the events that hold something of the range; what cannot be read holds nothing.
fn naming<E: DomainEvent>(events: &[RecordedEvent], holds: impl Fn(&E) -> bool) -> Vec<i64> {
    events
        .iter()
        .filter(|event| E::belongs(&event.event_type))
        .filter(|event| decode::<E>(event).is_ok_and(|fact| holds(&fact)))
        .map(|event| event.position.get())
        .take(NAMED)
        .collect()
}
