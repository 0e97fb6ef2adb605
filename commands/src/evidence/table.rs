//! Several metrics, day by day, as the engine takes them.

use dyocense_domain::evidence::OccasionKind;
use dyocense_domain::ids::{MetricId, OccasionId};
use dyocense_domain::metrics::Bucket;
use dyocense_domain::runs::RunRefusal;
use dyocense_eventlog::TenantId;
use dyocense_evidence::EvidenceError;
use dyocense_evidence::explain::calendar::Calendar;
use dyocense_evidence::progress::{Continue, Progress};
use dyocense_evidence::table::Table;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::words::Label;
use crate::error::Fault;
use crate::execute::Commands;
use crate::forecasting::History;
use crate::ports::{KnownOccasion, MetricSummary};
use crate::runs::{Control, NoAnswer};

/// Metrics of one question.
const MOST_METRICS: usize = 40;
/// A metric of which more than this share of the days is unknown is no factor.
const MOST_UNKNOWN: f64 = 0.2;

/// Metrics over the same days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Days {
    pub first: Date,
    /// Of the metric that is asked about, or of the first.
    pub name: String,
    pub unit: String,
    /// Keys of the metrics and their values, one a day.
    pub columns: Vec<(String, Vec<f64>)>,
    /// The metrics themselves, in the order of the columns.
    pub metrics: Vec<MetricId>,
    /// How they are called.
    pub labels: Vec<Label>,
    /// What had to be left out or filled in.
    pub caveats: Vec<String>,
}

/// Occasions of one kind and name as a column over the days: 1 on their days, 0 on others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct KnownDays {
    pub name: String,
    pub occasions: Vec<OccasionId>,
    pub days: Vec<f64>,
}

/// Occasions with the same label are the same thing again.
fn label(occasion: &KnownOccasion) -> String {
    let kind = match occasion.kind {
        OccasionKind::Promotion => "promotion",
        OccasionKind::Holiday => "holiday",
        OccasionKind::Closure => "closure",
        OccasionKind::Other => "occasion",
    };
    format!("{kind} {}", occasion.name)
}

impl Days {
    /// The metric's days up to `last` (all where None), with those of other metrics on the same days: `others`, or where
    /// there are none named, every other metric of the business that covers them.
    pub async fn of(
        commands: &Commands,
        tenant: TenantId,
        metric: MetricId,
        others: &[MetricId],
        last: Option<Date>,
    ) -> Result<Result<Days, NoAnswer>, Fault> {
        let history = match History::of_metric(commands, tenant, metric, Some(Bucket::Day)).await? {
            Ok(history) => history,
            Err(none) => return Ok(Err(none)),
        };
        let known = commands.reads.metrics(tenant).await?;
        let key = |id: MetricId| known.iter().find(|known| known.metric_id == id).map(|known| known.key.clone());
        let Some(own_key) = key(metric) else {
            return Ok(Err(NoAnswer::Impossible("there is no such metric in this business".to_owned())));
        };
        let label_of = |id: MetricId| {
            let named = |known: &MetricSummary| Label {
                key: known.key.clone(),
                name: known.name.clone(),
                unit: known.unit.clone(),
            };
            let unnamed = || Label { key: id.to_string(), name: id.to_string(), unit: String::new() };
            known.iter().find(|known| known.metric_id == id).map_or_else(unnamed, named)
        };
        let mut values = history.filled()?;
        if let Some(last) = last {
            let keep = (0..values.len()).take_while(|i| history.start_of(*i) <= last).count();
            values.truncate(keep);
        }
        let rows = values.len();
        let mut days = Days {
            first: history.first,
            name: history.name.clone(),
            unit: history.unit.clone(),
            columns: vec![(own_key, values)],
            metrics: vec![metric],
            labels: vec![label_of(metric)],
            caveats: unknown(&history).into_iter().collect(),
        };
        let wanted: Vec<MetricId> = match others {
            [] => known.iter().map(|known| known.metric_id).filter(|id| *id != metric).collect(),
            named => named.iter().copied().filter(|id| *id != metric).collect(),
        };
        if wanted.len() >= MOST_METRICS {
            let reason =
                format!("{} metrics: at most {MOST_METRICS} are compared; name those that matter", wanted.len());
            return Ok(Err(NoAnswer::Impossible(reason)));
        }
        for id in wanted {
            let Some(key) = key(id) else {
                return Ok(Err(NoAnswer::Impossible("one of the metrics does not exist in this business".to_owned())));
            };
            let factor = match History::of_metric(commands, tenant, id, Some(Bucket::Day)).await? {
                Ok(factor) => factor,
                Err(_) => {
                    days.caveats.push(format!("{key} has no days and was left out"));
                    continue;
                }
            };
            match factor.aligned(history.first, rows)? {
                Some(values) => {
                    days.caveats.extend(unknown(&factor));
                    days.columns.push((key, values));
                    days.metrics.push(id);
                    days.labels.push(label_of(id));
                }
                None => days.caveats.push(format!("{key} does not cover the same days and was left out")),
            }
        }
        Ok(Ok(days))
    }

    /// The last day.
    pub fn last(&self) -> Date {
        self.day(self.rows().saturating_sub(1))
    }

    /// The day of a row; rows may lie behind the last.
    pub fn day(&self, row: usize) -> Date {
        self.first.checked_add((row as i64).days()).unwrap_or(self.first)
    }

    /// The occasions of the business over the days, and over `ahead` days more.
    pub async fn occasions(
        &self,
        commands: &Commands,
        tenant: TenantId,
        ahead: usize,
    ) -> Result<Vec<KnownDays>, Fault> {
        let rows = self.rows() + ahead;
        let mut known: Vec<KnownDays> = Vec::new();
        for occasion in commands.reads.occasions(tenant).await? {
            let name = label(&occasion);
            let covers = |row: usize| {
                let day = self.day(row);
                occasion.first <= day && day <= occasion.last
            };
            let rows: Vec<usize> = (0..rows).filter(|row| covers(*row)).collect();
            if rows.is_empty() {
                continue;
            }
            let place = known.iter().position(|of| of.name == name).unwrap_or_else(|| {
                known.push(KnownDays { name, occasions: vec![], days: vec![0.0; self.rows() + ahead] });
                known.len() - 1
            });
            known[place].occasions.push(occasion.occasion_id);
            rows.iter().for_each(|row| known[place].days[*row] = 1.0);
        }
        Ok(known)
    }

    /// The row of a day, counted from 0.
    pub fn row(&self, day: Date) -> Option<usize> {
        let since = day.since(self.first).ok()?.get_days();
        usize::try_from(since).ok().filter(|row| *row < self.rows())
    }

    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, values)| values.len())
    }
}

/// The calendar of days with these occasions.
pub(super) fn calendar(known: &[KnownDays]) -> Result<Calendar, EvidenceError> {
    let known = Table::new(known.iter().map(|of| (of.name.clone(), of.days.clone())).collect())?;
    Ok(Calendar { known, ..Calendar::daily() })
}

fn unknown(history: &History) -> Option<String> {
    let missing = history.values.iter().filter(|value| value.is_none()).count();
    (missing > 0).then(|| format!("{missing} unknown days of {} were filled in", history.name))
}

impl History {
    /// Every step with a value: unknown ones from their season's neighbours.
    fn filled(&self) -> Result<Vec<f64>, Fault> {
        match self.series(self.values.len()) {
            Ok(series) => Ok(series.filled().0),
            Err(_) => Err(Fault::internal("a history of finite values is a series")),
        }
    }

    /// The values of `rows` days from `first` on; None where too few of them are known.
    fn aligned(&self, first: Date, rows: usize) -> Result<Option<Vec<f64>>, Fault> {
        let filled = self.filled()?;
        let offset = match first.since(self.first) {
            Ok(span) => i64::from(span.get_days()),
            Err(_) => return Ok(None),
        };
        let known = |i: usize| {
            let at = usize::try_from(offset + i as i64).ok()?;
            self.values.get(at).copied().flatten()
        };
        let unknown = (0..rows).filter(|i| known(*i).is_none()).count();
        if unknown as f64 > MOST_UNKNOWN * rows as f64 {
            return Ok(None);
        }
        let at = |i: usize| {
            let index = (offset + i as i64).clamp(0, filled.len() as i64 - 1) as usize;
            filled[index]
        };
        Ok(Some((0..rows).map(at).collect()))
    }
}

/// Runs a question of the engine under a run's control.
pub(super) fn ask<T>(
    control: &Control,
    note: &str,
    question: impl FnOnce(&mut Progress<'_>) -> Result<T, EvidenceError>,
) -> Result<T, NoAnswer> {
    control.tell(None, note);
    let mut step = |done: usize, all: usize| {
        control.tell((all > 0).then(|| (done as f64 / all as f64).min(1.0)), note);
        if control.is_stopped() { Continue::Cancel } else { Continue::Yes }
    };
    question(&mut Progress::new(&mut step)).map_err(|error| match error {
        EvidenceError::Cancelled => NoAnswer::Stopped,
        other => NoAnswer::Impossible(other.to_string()),
    })
}

pub(super) fn refuse_unless(
    holds: bool,
    field: &'static str,
    reason: impl FnOnce() -> String,
) -> Result<(), RunRefusal> {
    match holds {
        true => Ok(()),
        false => Err(RunRefusal::Request { field, reason: reason() }),
    }
}
