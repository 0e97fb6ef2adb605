use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::events::*;
use crate::event::Aggregate;
use crate::ids::{ImportId, MetricId};
use crate::text::{self, TextError};
use crate::time_zone::{TimeZoneName, UnknownTimeZone};

pub const MOST_POINTS: usize = 10_000;
/// 10^15: above every sum a small business knows, below what a binary double holds exactly.
pub const LARGEST_VALUE: Decimal = Decimal::from_parts(2_764_472_320, 232_830, 0, false, 0);
/// A recorder's clock may be ahead of ours by this much.
pub const FURTHEST_AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// 1900-01-01T00:00:00Z: before this, an instant is a slip.
pub const EARLIEST: Timestamp = Timestamp::constant(-2_208_988_800, 0);
/// Enough for any rate, and few enough for sums to stay exact.
pub const MOST_DECIMALS: u32 = 10;

/// What the events of a stream `metric-<id>` add up to, without its points: those are asked of the read model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metric {
    pub defined: Option<MetricDefined>,
    pub archived: bool,
}

impl Aggregate for Metric {
    type Event = MetricEvent;

    fn evolve(mut self, event: &MetricEvent) -> Self {
        match event {
            MetricEvent::MetricDefined(defined) => self.defined = Some(defined.clone()),
            MetricEvent::MetricDescribed(described) => {
                if let Some(defined) = &mut self.defined {
                    defined.name.clone_from(&described.name);
                    defined.description.clone_from(&described.description);
                    defined.good_direction = described.good_direction;
                }
            }
            MetricEvent::MetricArchived(_) => self.archived = true,
            MetricEvent::MetricPointsRecorded(_) | MetricEvent::MetricPointsRetracted(_) => {}
        }
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricRefusal {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    TimeZone(#[from] UnknownTimeZone),
    #[error("`{key}` cannot be a key: use 1 to 60 lower-case letters, digits and underscores, a letter first")]
    Key { key: String },
    #[error("this business has a metric with the key `{key}` already")]
    KeyInUse { key: String },
    #[error("this metric is defined already")]
    AlreadyDefined,
    #[error("there is no such metric in this business")]
    NoSuchMetric,
    #[error("this metric is archived and takes no more points")]
    Archived,
    #[error("this metric follows from imported sales; its points cannot be recorded or retracted by hand")]
    Derived,
    #[error("no points were given")]
    NoPoints,
    #[error("{count} points were given; at most {MOST_POINTS} are allowed at once")]
    TooManyPoints { count: usize },
    #[error("the value {value} at {at} is larger than {LARGEST_VALUE}")]
    TooLarge { at: Timestamp, value: Decimal },
    #[error("the point at {at} lies in the future; points may be at most a day ahead of now, {now}")]
    InTheFuture { at: Timestamp, now: Timestamp },
    #[error("the point at {at} lies before {EARLIEST}")]
    TooEarly { at: Timestamp },
    #[error("the value {value} at {at} has more than {MOST_DECIMALS} decimals")]
    TooFine { at: Timestamp, value: Decimal },
    #[error("two points were given for {at}, {first} and {second}; a metric has one value at an instant")]
    TwoValues { at: Timestamp, first: Decimal, second: Decimal },
}

/// What a new metric is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMetric {
    pub metric_id: MetricId,
    pub key: String,
    pub name: String,
    pub unit: String,
    pub kind: MetricKind,
    pub currency: Option<String>,
    pub time_zone: String,
    pub good_direction: GoodDirection,
    pub source: MetricSource,
    pub description: String,
}

/// Defines a metric. Whether its key is free is for the caller to see to.
pub fn define(metric: &Metric, new: NewMetric) -> Result<Vec<MetricEvent>, MetricRefusal> {
    if metric.defined.is_some() {
        return Err(MetricRefusal::AlreadyDefined);
    }
    let defined = MetricDefined {
        metric_id: new.metric_id,
        key: key(&new.key)?,
        name: text::line("name", &new.name, 100)?,
        unit: text::line("unit", &new.unit, 20)?,
        kind: new.kind,
        currency: new.currency.as_deref().map(text::currency).transpose()?,
        time_zone: TimeZoneName::parse(&new.time_zone)?,
        good_direction: new.good_direction,
        source: new.source,
        description: text::paragraph("description", &new.description, 2_000)?,
    };
    Ok(vec![defined.into()])
}

fn key(text: &str) -> Result<String, MetricRefusal> {
    let good = (1..=60).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if good { Ok(text.to_owned()) } else { Err(MetricRefusal::Key { key: text.to_owned() }) }
}

/// Renames, redescribes; what is left out stays.
pub fn describe(
    metric: &Metric,
    name: Option<&str>,
    description: Option<&str>,
    good_direction: Option<GoodDirection>,
) -> Result<Vec<MetricEvent>, MetricRefusal> {
    let defined = metric.defined.as_ref().ok_or(MetricRefusal::NoSuchMetric)?;
    let described = MetricDescribed {
        name: name.map_or(Ok(defined.name.clone()), |name| text::line("name", name, 100))?,
        description: description.map_or(Ok(defined.description.clone()), |description| {
            text::paragraph("description", description, 2_000)
        })?,
        good_direction: good_direction.unwrap_or(defined.good_direction),
    };
    let unchanged = (&described.name, &described.description, described.good_direction)
        == (&defined.name, &defined.description, defined.good_direction);
    Ok(if unchanged { vec![] } else { vec![described.into()] })
}

pub fn archive(metric: &Metric) -> Result<Vec<MetricEvent>, MetricRefusal> {
    metric.defined.as_ref().ok_or(MetricRefusal::NoSuchMetric)?;
    Ok(if metric.archived { vec![] } else { vec![MetricArchived {}.into()] })
}

/// What is known of a metric's points when new ones are decided on.
#[derive(Debug, Clone, Default)]
pub struct KnownPoints {
    /// The values at the instants of the new points.
    pub values: HashMap<Timestamp, Decimal>,
    /// The metric's latest point.
    pub latest: Option<Timestamp>,
}

/// Records points. One that is known with the same value is dropped; one with another value corrects it; one before
/// the metric's latest is late, and counts all the same.
pub fn record(
    metric: &Metric,
    points: &[Point],
    known: &KnownPoints,
    import_id: Option<ImportId>,
    now: Timestamp,
) -> Result<Vec<MetricEvent>, MetricRefusal> {
    takes_points(metric)?;
    if points.is_empty() {
        return Err(MetricRefusal::NoPoints);
    }
    if points.len() > MOST_POINTS {
        return Err(MetricRefusal::TooManyPoints { count: points.len() });
    }
    let mut by_instant: BTreeMap<Timestamp, Decimal> = BTreeMap::new();
    for Point { at, value } in points {
        if value.abs() > LARGEST_VALUE {
            return Err(MetricRefusal::TooLarge { at: *at, value: *value });
        }
        if value.normalize().scale() > MOST_DECIMALS {
            return Err(MetricRefusal::TooFine { at: *at, value: *value });
        }
        if *at < EARLIEST {
            return Err(MetricRefusal::TooEarly { at: *at });
        }
        if *at > now + FURTHEST_AHEAD {
            return Err(MetricRefusal::InTheFuture { at: *at, now });
        }
        // The log keeps microseconds.
        let at = at.round(jiff::Unit::Microsecond).unwrap_or(*at);
        if let Some(first) = by_instant.insert(at, *value).filter(|first| first != value) {
            return Err(MetricRefusal::TwoValues { at, first, second: *value });
        }
    }
    let new: Vec<Point> = by_instant
        .into_iter()
        .filter(|(at, value)| known.values.get(at) != Some(value))
        .map(|(at, value)| Point { at, value })
        .collect();
    if new.is_empty() {
        return Ok(vec![]);
    }
    let corrected = new.iter().filter(|point| known.values.contains_key(&point.at)).count() as u32;
    let is_late =
        |point: &&Point| known.latest.is_some_and(|latest| point.at < latest) && !known.values.contains_key(&point.at);
    let late = new.iter().filter(is_late).count() as u32;
    Ok(vec![MetricPointsRecorded { points: new, corrected, late, import_id }.into()])
}

/// Takes points back; instants without a point are passed over.
pub fn retract(metric: &Metric, ats: &[Timestamp], known: &KnownPoints) -> Result<Vec<MetricEvent>, MetricRefusal> {
    takes_points(metric)?;
    if ats.is_empty() {
        return Err(MetricRefusal::NoPoints);
    }
    if ats.len() > MOST_POINTS {
        return Err(MetricRefusal::TooManyPoints { count: ats.len() });
    }
    let mut at: Vec<Timestamp> = ats.iter().copied().filter(|at| known.values.contains_key(at)).collect();
    at.sort_unstable();
    at.dedup();
    Ok(if at.is_empty() { vec![] } else { vec![MetricPointsRetracted { at }.into()] })
}

fn takes_points(metric: &Metric) -> Result<(), MetricRefusal> {
    match &metric.defined {
        None => Err(MetricRefusal::NoSuchMetric),
        Some(_) if metric.archived => Err(MetricRefusal::Archived),
        Some(defined) if defined.source == MetricSource::Derived => Err(MetricRefusal::Derived),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
