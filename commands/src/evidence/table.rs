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
                Ok(values) => {
                    days.caveats.extend(unknown(&factor));
                    days.caveats.extend(zones(&known, metric, id));
                    days.columns.push((key, values));
                    days.metrics.push(id);
                    days.labels.push(label_of(id));
                }
                Err(few) => days.caveats.push(format!("{key} has values on {few} of the {rows} days and was left out")),
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

/// Days of different time zones are not quite the same days.
fn zones(known: &[MetricSummary], one: MetricId, other: MetricId) -> Option<String> {
    let of = |id: MetricId| known.iter().find(|metric| metric.metric_id == id);
    let (one, other) = (of(one)?, of(other)?);
    (one.time_zone != other.time_zone).then(|| {
        let (zone, own_zone) = (other.time_zone.as_str(), one.time_zone.as_str());
        format!(
            "{} counts its days in {zone}, {} in {own_zone}: what happened near midnight may be a day off",
            other.key, one.key
        )
    })
}

impl History {
    /// Every step with a value: unknown ones from their season's neighbours.
    fn filled(&self) -> Result<Vec<f64>, Fault> {
        match self.series(self.values.len()) {
            Ok(series) => Ok(series.filled().0),
            Err(_) => Err(Fault::internal("a history of finite values is a series")),
        }
    }

    /// The values of `rows` days from `first` on; or how many of them are known, where those are too few.
    fn aligned(&self, first: Date, rows: usize) -> Result<Result<Vec<f64>, usize>, Fault> {
        let filled = self.filled()?;
        let offset = match first.since(self.first) {
            Ok(span) => i64::from(span.get_days()),
            Err(_) => return Ok(Err(0)),
        };
        let known = |i: usize| {
            let at = usize::try_from(offset + i as i64).ok()?;
            self.values.get(at).copied().flatten()
        };
        let unknown = (0..rows).filter(|i| known(*i).is_none()).count();
        if unknown as f64 > MOST_UNKNOWN * rows as f64 {
            return Ok(Err(rows - unknown));
        }
        let at = |i: usize| {
            let index = (offset + i as i64).clamp(0, filled.len() as i64 - 1) as usize;
            filled[index]
        };
        Ok(Ok((0..rows).map(at).collect()))
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

#[cfg(test)]
mod tests {
    use dyocense_domain::metrics::{GoodDirection, MetricKind, MetricSource};
    use dyocense_domain::time_zone::TimeZoneName;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn history(first: Date, values: Vec<Option<f64>>) -> History {
        History {
            metric_id: MetricId::from(Uuid::nil()),
            name: "Adverts".into(),
            unit: "pieces".into(),
            kind: MetricKind::Flow,
            bucket: Bucket::Day,
            first,
            values,
            shut: vec![],
            rhythms: Default::default(),
            incomplete: 0,
        }
    }

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    proptest! {
        /// Whatever days are missing and wherever it begins: known days keep their values at their own dates, leap days
        /// included, and a metric that is known too little says how little.
        #[test]
        fn gaps_are_filled_or_told(
            known in prop::collection::vec(prop::bool::weighted(0.85), 60..200),
            shift in -20i64..20,
        ) {
            let first = date("2024-01-10");
            let own = first.checked_add(shift.days()).unwrap();
            let value = |day: Date| 100.0 + f64::from(day.day_of_year());
            let at = |i: usize| own.checked_add((i as i64).days()).unwrap();
            let mut values: Vec<Option<f64>> = known.iter().enumerate().map(|(i, is)| is.then(|| value(at(i)))).collect();
            // A history begins and ends with a value.
            let last = values.len() - 1;
            (values[0], values[last]) = (Some(value(own)), Some(value(at(last))));
            let metric = history(own, values.clone());
            let rows = 80;
            let covered = (0..rows).filter(|row| {
                let index = *row as i64 - shift;
                usize::try_from(index).is_ok_and(|index| values.get(index).is_some_and(Option::is_some))
            });
            let covered: Vec<usize> = covered.collect();
            match metric.aligned(first, rows).unwrap() {
                Ok(aligned) => {
                    prop_assert!(covered.len() * 10 >= rows * 8);
                    prop_assert_eq!(aligned.len(), rows);
                    prop_assert!(aligned.iter().all(|value| value.is_finite()));
                    for row in covered {
                        prop_assert_eq!(aligned[row], value(first.checked_add((row as i64).days()).unwrap()));
                    }
                }
                Err(few) => {
                    prop_assert_eq!(few, covered.len());
                    prop_assert!(few * 10 < rows * 8);
                }
            }
        }
    }

    #[test]
    fn a_metric_of_months_is_no_metric_of_days() {
        let mut values = vec![None; 121];
        [0, 31, 59, 90, 120].iter().for_each(|i| values[*i] = Some(5.0));
        let monthly = history(date("2026-01-01"), values);
        assert_eq!(monthly.aligned(date("2026-01-01"), 121).unwrap(), Err(5));
        assert_eq!(unknown(&monthly), Some("116 unknown days of Adverts were filled in".to_owned()));
        // Days that are all behind or before.
        assert_eq!(monthly.aligned(date("2027-01-01"), 30).unwrap(), Err(0));
        assert_eq!(monthly.aligned(date("2020-01-01"), 30).unwrap(), Err(0));
    }

    #[test]
    fn days_of_other_time_zones_are_told() {
        let metric = |key: &str, id: u128, zone: &str| MetricSummary {
            metric_id: MetricId::from(Uuid::from_u128(id)),
            key: key.into(),
            name: key.into(),
            description: String::new(),
            unit: "pieces".into(),
            kind: MetricKind::Flow,
            currency: None,
            time_zone: TimeZoneName::parse(zone).unwrap(),
            good_direction: GoodDirection::Up,
            source: MetricSource::Recorded,
            archived: false,
        };
        let known = [
            metric("sold", 1, "Europe/Berlin"),
            metric("ads", 2, "America/New_York"),
            metric("rain", 3, "Europe/Berlin"),
        ];
        let [sold, ads, rain] = [0, 1, 2].map(|i| known[i].metric_id);
        assert_eq!(zones(&known, sold, rain), None);
        let told = zones(&known, sold, ads).unwrap();
        assert!(told.starts_with("ads counts its days in America/New_York, sold in Europe/Berlin"), "{told}");
    }
}
