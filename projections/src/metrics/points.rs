//! Loading and saving the leaves that a batch touches.

use std::collections::HashMap;

use dyocense_domain::ids::MetricId;
use dyocense_eventlog::TenantTx;
use sqlx::Row as _;
use uuid::Uuid;

use super::leaf::{Changes, Leaves, pack, unpack};
use crate::column::{BadValue, Column};

/// The leaves from the one that holds `low` to the one that holds `high`, and the one before: a batch that empties
/// the first of them needs it.
const LOAD: &str = "
    select p.metric_id, p.lower_bound, p.points
    from unnest($2::uuid[], $3::int8[], $4::int8[]) touched (metric_id, low, high)
    cross join lateral (
        select coalesce(min(below.lower_bound), -9223372036854775808) as bound
        from (
            select b.lower_bound from metric_points b
            where b.tenant_id = $1 and b.metric_id = touched.metric_id and b.lower_bound <= touched.low
            order by b.lower_bound desc limit 2
        ) below
    ) first
    join metric_points p on p.tenant_id = $1 and p.metric_id = touched.metric_id
        and p.lower_bound >= first.bound and p.lower_bound <= touched.high";

const SAVE: &str = "
    insert into metric_points (tenant_id, metric_id, lower_bound, count, points)
    select $1, * from unnest($2::uuid[], $3::int8[], $4::int4[], $5::bytea[])
    on conflict (tenant_id, metric_id, lower_bound) do update set count = excluded.count, points = excluded.points";

const REMOVE: &str = "
    delete from metric_points p using unnest($2::uuid[], $3::int8[]) gone (metric_id, lower_bound)
    where p.tenant_id = $1 and p.metric_id = gone.metric_id and p.lower_bound = gone.lower_bound";

/// The first and the last instant that a batch touches of a metric.
pub type Span = (i64, i64);

pub async fn load(
    tx: &mut TenantTx,
    touched: &HashMap<MetricId, Span>,
) -> Result<HashMap<MetricId, Leaves>, sqlx::Error> {
    let mut leaves: HashMap<MetricId, Leaves> = touched.keys().map(|metric| (*metric, Leaves::default())).collect();
    let metrics: Vec<Uuid> = touched.keys().map(Column::to_wire).collect();
    let (low, high): (Vec<i64>, Vec<i64>) = touched.values().copied().unzip();
    let rows =
        sqlx::query(LOAD).bind(tx.tenant().uuid()).bind(metrics).bind(low).bind(high).fetch_all(&mut **tx).await?;
    for row in rows {
        let metric = MetricId::from(row.try_get::<Uuid, _>(0)?);
        let points = unpack(row.try_get(2)?).map_err(|damaged| damaged_column(damaged.into()))?;
        leaves.entry(metric).or_default().loaded(row.try_get(1)?, points);
    }
    Ok(leaves)
}

pub async fn save(tx: &mut TenantTx, leaves: HashMap<MetricId, Leaves>) -> Result<(), sqlx::Error> {
    let mut saved: Vec<(Uuid, i64, i32, Vec<u8>)> = Vec::new();
    let mut removed: Vec<(Uuid, i64)> = Vec::new();
    for (metric, leaves) in leaves {
        let Changes { save, remove } = leaves.into_changes();
        saved.extend(save.into_iter().map(|(bound, p)| (metric.into(), bound, p.len() as i32, pack(&p))));
        removed.extend(remove.into_iter().map(|bound| (metric.into(), bound)));
    }
    if !removed.is_empty() {
        let (metrics, bounds): (Vec<_>, Vec<_>) = removed.into_iter().unzip();
        sqlx::query(REMOVE).bind(tx.tenant().uuid()).bind(metrics).bind(bounds).execute(&mut **tx).await?;
    }
    if !saved.is_empty() {
        saved.sort_unstable_by_key(|(metric, bound, ..)| (*metric, *bound));
        sqlx::query(SAVE)
            .bind(tx.tenant().uuid())
            .bind(saved.iter().map(|row| row.0).collect::<Vec<_>>())
            .bind(saved.iter().map(|row| row.1).collect::<Vec<_>>())
            .bind(saved.iter().map(|row| row.2).collect::<Vec<_>>())
            .bind(saved.into_iter().map(|row| row.3).collect::<Vec<_>>())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

pub fn damaged_column(source: BadValue) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: "metric_points.points".to_owned(), source }
}
