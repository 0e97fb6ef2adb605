//! What was sold on each day, and the metrics that follow from it.
//!
//! The points of derived metrics are not stored: a day's row has all that they are made of.

use dyocense_domain::metrics::Point;
use dyocense_domain::time_zone::TimeZoneName;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use rust_decimal::Decimal;

use crate::column::EARLIEST_DAY;
use crate::row::rows;
use crate::{QueryError, Snapshot, find};

rows! {
    /// The sales of one calendar day in the business's time zone.
    pub struct DaySales in daily_sales {
        [day: Date],
        transactions: i64,
        /// Orders placed; a transaction that names no order is one.
        orders: i64,
        units: Decimal,
        /// Refunds taken off.
        revenue: Decimal,
        /// Different customers who bought.
        customers: i64,
        /// Those of them who had never bought before.
        new_customers: i64,
    }
}

impl DaySales {
    pub(crate) fn empty(day: Date) -> Self {
        let zero = Decimal::ZERO;
        Self { day, transactions: 0, orders: 0, units: zero, revenue: zero, customers: 0, new_customers: 0 }
    }

    /// The value of a derived metric on this day; `None` where it has none (a rate of nothing) or for another key.
    pub fn metric(&self, key: &str) -> Option<Decimal> {
        // Four digits behind the point: money has at most three, and rates say no more than that.
        let ratio = |part: Decimal, whole: i64| (whole > 0).then(|| (part / Decimal::from(whole)).round_dp(4));
        match key {
            "revenue" => Some(self.revenue),
            "orders" => Some(self.orders.into()),
            "units" => Some(self.units),
            "customers" => Some(self.customers.into()),
            "new_customers" => Some(self.new_customers.into()),
            "returning_rate" => {
                ratio(Decimal::from(self.customers - self.new_customers) * Decimal::ONE_HUNDRED, self.customers)
            }
            "average_order_value" => ratio(self.revenue, self.orders),
            _ => None,
        }
    }
}

/// Days with `from <= day < to`, in order; days without sales are left out.
pub async fn daily_sales(snapshot: &mut Snapshot, from: Date, to: Date) -> Result<Vec<DaySales>, QueryError> {
    let (from, to) = (from.max(EARLIEST_DAY).to_sqlx(), to.max(EARLIEST_DAY).to_sqlx());
    find::all(snapshot, "where tenant_id = $1 and day >= $2 and day < $3 order by day", |query| {
        query.bind(from).bind(to)
    })
    .await
}

/// The points of a derived metric with `from <= at < to`. A day's point stands at the start of the day in `zone`.
pub(crate) async fn points(
    snapshot: &mut Snapshot,
    key: &str,
    zone: &TimeZoneName,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Point>, QueryError> {
    if from >= to {
        return Ok(Vec::new());
    }
    // The day of the end is included whole; the points are cut exactly.
    let end = zone.date_of(to).tomorrow().unwrap_or(Date::MAX);
    let days = daily_sales(snapshot, zone.date_of(from), end).await?;
    let points = days.iter().filter_map(|day| point(day, key, zone));
    Ok(points.filter(|point| from <= point.at && point.at < to).collect())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    First,
    Last,
}

/// The first or last point of a derived metric.
pub(crate) async fn edge_point(
    snapshot: &mut Snapshot,
    key: &str,
    zone: &TimeZoneName,
    edge: Edge,
) -> Result<Option<Point>, QueryError> {
    let order = match edge {
        Edge::First => "asc",
        Edge::Last => "desc",
    };
    // Every day with a row has a point, but for rates of days on which nothing was counted: those are few.
    let rest = format!(
        "where tenant_id = $1 and ($2 <> 'returning_rate' or customers > 0)
           and ($2 <> 'average_order_value' or orders > 0)
         order by day {order} limit 1"
    );
    let key = key.to_owned();
    let day: Option<DaySales> = find::one(snapshot, &rest, |query| query.bind(key.clone())).await?;
    Ok(day.and_then(|day| point(&day, &key, zone)))
}

pub(crate) async fn count(snapshot: &mut Snapshot) -> Result<u64, QueryError> {
    let count: i64 = sqlx::query_scalar("select count(*) from read_models.daily_sales where tenant_id = $1")
        .bind(snapshot.tenant().uuid())
        .fetch_one(&mut **snapshot.tx())
        .await?;
    Ok(count.unsigned_abs())
}

fn point(day: &DaySales, key: &str, zone: &TimeZoneName) -> Option<Point> {
    Some(Point { at: zone.start_of(day.day)?, value: day.metric(key)? })
}
