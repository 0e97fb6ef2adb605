//! Metrics that do not add up: a customer of two days is one customer of their month, and a month's average order is not
//! the mean of its days'. For a longer step they are made from the step's sales, as a day's are from the day's.

use std::collections::BTreeMap;

use dyocense_domain::metrics::{Bucket, Series, Step};
use futures::TryStreamExt;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use sqlx::Row;

use super::daily::{DaySales, daily_sales};
use super::days::Days;
use super::projector::damaged_column;
use crate::column::EARLIEST_DAY;
use crate::{QueryError, Snapshot};

/// Whether a longer step of a metric says something else than its days' points together.
pub fn is_of_whole_periods(key: &str) -> bool {
    counts_customers(key) || key == "average_order_value"
}

fn counts_customers(key: &str) -> bool {
    matches!(key, "customers" | "returning_rate")
}

/// A metric that follows from sales, over the days `from <= day < to`, in steps of `bucket` or as much longer as leaves at most
/// `most` of them. Steps at the edges hold the days asked for alone.
pub async fn sales_series(
    snapshot: &mut Snapshot,
    key: &str,
    (from, to): (Date, Date),
    bucket: Bucket,
    most: usize,
) -> Result<Series, QueryError> {
    let days = daily_sales(snapshot, from, to).await?;
    let mut bucket = bucket;
    let mut periods = summed(&days, bucket);
    while periods.len() > most
        && let Some(longer) = bucket.longer()
    {
        bucket = longer;
        periods = summed(&days, bucket);
    }
    if counts_customers(key) && bucket != Bucket::Day {
        let customers = customers(snapshot, from, to, bucket).await?;
        for (period, _) in &mut periods {
            period.customers = customers.get(&period.day).copied().unwrap_or_default();
        }
    }
    let step =
        |(period, days): (DaySales, u64)| Some(Step { start: period.day, value: period.metric(key)?, points: days });
    Ok(Series { bucket, steps: periods.into_iter().filter_map(step).collect() })
}

/// Sales by step, with how many days had any; a customer counts on each of them still.
fn summed(days: &[DaySales], bucket: Bucket) -> Vec<(DaySales, u64)> {
    let same = |left: &DaySales, right: &DaySales| bucket.start(left.day) == bucket.start(right.day);
    let sum = |days: &[DaySales]| {
        let mut period = DaySales::empty(bucket.start(days[0].day));
        for day in days {
            period.transactions += day.transactions;
            period.orders += day.orders;
            period.units += day.units;
            period.revenue += day.revenue;
            period.customers += day.customers;
            period.new_customers += day.new_customers;
        }
        (period, days.len() as u64)
    };
    days.chunk_by(same).map(sum).collect()
}

/// Different customers of each step.
async fn customers(
    snapshot: &mut Snapshot,
    from: Date,
    to: Date,
    bucket: Bucket,
) -> Result<BTreeMap<Date, i64>, QueryError> {
    let tenant = snapshot.tenant().uuid();
    let mut rows = sqlx::query(
        "select days from read_models.customers where tenant_id = $1 and last_day >= $2 and first_day < $3",
    )
    .bind(tenant)
    .bind(from.max(EARLIEST_DAY).to_sqlx())
    .bind(to.max(EARLIEST_DAY).to_sqlx())
    .fetch(&mut **snapshot.tx());
    let mut customers: BTreeMap<Date, i64> = BTreeMap::new();
    while let Some(row) = rows.try_next().await? {
        let days = Days::unpack(row.try_get(0)?).map_err(|damaged| damaged_column("customers.days", damaged))?;
        let mut last = None;
        for start in days.iter().filter(|day| (from..to).contains(day)).map(|day| bucket.start(day)) {
            if last.replace(start) != Some(start) {
                *customers.entry(start).or_default() += 1;
            }
        }
    }
    Ok(customers)
}
