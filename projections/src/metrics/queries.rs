use std::collections::HashMap;

use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::{GoodDirection, MetricKind, MetricSource, Point};
use dyocense_domain::time_zone::TimeZoneName;
use jiff::Timestamp;
use rust_decimal::Decimal;
use sqlx::Row as _;

use super::leaf::{self, instant, micros};
use super::points::damaged_column;
use crate::analytics::daily;
use crate::column::Column;
use crate::row::rows;
use crate::{Keyset, Page, QueryError, Snapshot, find};

rows! {
    /// A metric without its points.
    pub struct Metric in metrics {
        [metric_id: MetricId],
        /// Unique in the business.
        key: String,
        name: String,
        unit: String,
        kind: MetricKind,
        currency: Option<String>,
        /// The zone whose calendar days the points are counted in.
        time_zone: TimeZoneName,
        good_direction: GoodDirection,
        source: MetricSource,
        description: String,
        defined_at: Timestamp,
        archived_at: Option<Timestamp>,
    }
}

pub async fn metric(snapshot: &mut Snapshot, metric: MetricId) -> Result<Option<Metric>, QueryError> {
    find::one(snapshot, "where tenant_id = $1 and metric_id = $2", |query| query.bind(metric.to_wire())).await
}

pub async fn metric_by_key(snapshot: &mut Snapshot, key: &str) -> Result<Option<Metric>, QueryError> {
    let key = key.to_owned();
    find::one(snapshot, "where tenant_id = $1 and key = $2", |query| query.bind(key)).await
}

/// Metrics by their ids; unknown ids are left out.
pub async fn metrics_by_id(snapshot: &mut Snapshot, metrics: &[MetricId]) -> Result<Vec<Metric>, QueryError> {
    let ids: Vec<uuid::Uuid> = metrics.iter().map(Column::to_wire).collect();
    find::all(snapshot, "where tenant_id = $1 and metric_id = any($2)", |query| query.bind(ids)).await
}

/// Metrics in the order of their keys; archived ones only on demand.
pub async fn metrics(
    snapshot: &mut Snapshot,
    archived_too: bool,
    keys: &Keyset<String>,
) -> Result<Page<Metric>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and key > $2 and key < $3 and (archived_at is null or $4) order by key {} limit $5",
        keys.direction()
    );
    let rows = find::all(snapshot, &rest, |query| {
        query.bind(keys.lower()).bind(keys.upper()).bind(archived_too).bind(keys.limit())
    });
    Ok(keys.page(rows.await?))
}

/// Points of leaves from `$3` (bound of the first) up to and without `$4`.
const LEAVES: &str = "
    select p.points from read_models.metric_points p
    where p.tenant_id = $1 and p.metric_id = $2 and p.lower_bound < $4
      and p.lower_bound >= coalesce(
        (select max(b.lower_bound) from read_models.metric_points b
         where b.tenant_id = $1 and b.metric_id = $2 and b.lower_bound <= $3), -9223372036854775808)
    order by p.lower_bound";

const LAST_LEAF: &str = "
    select p.points from read_models.metric_points p
    where p.tenant_id = $1 and p.metric_id = $2 order by p.lower_bound desc limit 1";

const FIRST_LEAF: &str = "
    select p.points from read_models.metric_points p
    where p.tenant_id = $1 and p.metric_id = $2 order by p.lower_bound limit 1";

/// Points of a metric with `from <= at < to`, in order. Those of a derived metric stand at the start of their days.
pub async fn points(
    snapshot: &mut Snapshot,
    metric: &Metric,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Point>, QueryError> {
    if metric.source == MetricSource::Derived {
        return daily::points(snapshot, &metric.key, &metric.time_zone, from, to).await;
    }
    let (from, to) = (micros(from), micros(to));
    let rows = sqlx::query(LEAVES)
        .bind(snapshot.tenant().uuid())
        .bind(metric.metric_id.to_wire())
        .bind(from)
        .bind(to)
        .fetch_all(&mut **snapshot.tx())
        .await?;
    let mut points = Vec::new();
    for row in rows {
        let leaf = leaf::unpack(row.try_get(0)?).map_err(|damaged| damaged_column(damaged.into()))?;
        points.extend(leaf.into_iter().filter(|(at, _)| (from..to).contains(at)).filter_map(point));
    }
    Ok(points)
}

/// The values that a metric has at exactly these instants; instants without a value are left out.
pub async fn values_at(
    snapshot: &mut Snapshot,
    metric: &Metric,
    ats: &[Timestamp],
) -> Result<HashMap<Timestamp, Decimal>, QueryError> {
    let (Some(first), Some(last)) = (ats.iter().min(), ats.iter().max()) else { return Ok(HashMap::new()) };
    let wanted: std::collections::HashSet<Timestamp> = ats.iter().copied().collect();
    let end = last.checked_add(jiff::SignedDuration::from_micros(1)).unwrap_or(Timestamp::MAX);
    let points = points(snapshot, metric, *first, end).await?;
    Ok(points.into_iter().filter(|point| wanted.contains(&point.at)).map(|point| (point.at, point.value)).collect())
}

/// The latest point of a metric.
pub async fn latest_point(snapshot: &mut Snapshot, metric: &Metric) -> Result<Option<Point>, QueryError> {
    if metric.source == MetricSource::Derived {
        return daily::edge_point(snapshot, &metric.key, &metric.time_zone, daily::Edge::Last).await;
    }
    Ok(edge_leaf(snapshot, metric.metric_id, LAST_LEAF).await?.into_iter().next_back().and_then(point))
}

/// The earliest point of a metric.
pub async fn first_point(snapshot: &mut Snapshot, metric: &Metric) -> Result<Option<Point>, QueryError> {
    if metric.source == MetricSource::Derived {
        return daily::edge_point(snapshot, &metric.key, &metric.time_zone, daily::Edge::First).await;
    }
    Ok(edge_leaf(snapshot, metric.metric_id, FIRST_LEAF).await?.into_iter().next().and_then(point))
}

/// How many points a metric has.
pub async fn point_count(snapshot: &mut Snapshot, metric: &Metric) -> Result<u64, QueryError> {
    if metric.source == MetricSource::Derived {
        return daily::count(snapshot).await;
    }
    let count: i64 = sqlx::query_scalar(
        "select coalesce(sum(count), 0) from read_models.metric_points where tenant_id = $1 and metric_id = $2",
    )
    .bind(snapshot.tenant().uuid())
    .bind(metric.metric_id.to_wire())
    .fetch_one(&mut **snapshot.tx())
    .await?;
    Ok(count.unsigned_abs())
}

async fn edge_leaf(
    snapshot: &mut Snapshot,
    metric: MetricId,
    statement: &'static str,
) -> Result<leaf::Points, QueryError> {
    let row = sqlx::query(statement)
        .bind(snapshot.tenant().uuid())
        .bind(metric.to_wire())
        .fetch_optional(&mut **snapshot.tx())
        .await?;
    match row {
        None => Ok(Vec::new()),
        Some(row) => Ok(leaf::unpack(row.try_get(0)?).map_err(|damaged| damaged_column(damaged.into()))?),
    }
}

fn point((at, value): (i64, Decimal)) -> Option<Point> {
    Some(Point { at: instant(at)?, value })
}

/// Every metric that takes points, by key.
pub async fn all_metrics(snapshot: &mut Snapshot) -> Result<Vec<Metric>, QueryError> {
    find::all(snapshot, "where tenant_id = $1 and archived_at is null order by key", |query| query).await
}
