use std::collections::HashMap;

use dyocense_domain::connectors::{Transaction, When};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use sqlx::Row as _;

pub use super::daily::daily_sales;
use crate::row::rows;
use crate::{Keyset, Page, QueryError, Snapshot, column, find};

rows! {
    /// One sale, as it was last reported.
    pub struct StoredTransaction in transactions {
        [key: String],
        order_key: Option<String>,
        customer: Option<String>,
        product: Option<String>,
        day: Date,
        /// `None` where the source has only days.
        at: Option<Timestamp>,
        units: Decimal,
        amount: Decimal,
        /// The position of the event that brought it.
        position: i64,
    }

    /// A customer under their pseudonym.
    pub struct Customer in customers {
        [customer: String],
        first_day: Date,
        last_day: Date,
        transactions: i64,
        units: Decimal,
        amount: Decimal,
    }
}

impl From<StoredTransaction> for Transaction {
    fn from(row: StoredTransaction) -> Self {
        Self {
            key: row.key,
            order: row.order_key,
            customer: row.customer,
            product: row.product,
            day: row.day,
            when: row.at.map_or(When::On(row.day), When::At),
            units: row.units,
            amount: row.amount,
        }
    }
}

/// Sums over all sales of a business.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SalesTotals {
    pub transactions: i64,
    pub orders: i64,
    pub units: Decimal,
    pub revenue: Decimal,
    pub customers: i64,
    pub first_day: Option<Date>,
    pub last_day: Option<Date>,
}

/// What all sales add up to.
pub async fn sales_totals(snapshot: &mut Snapshot) -> Result<SalesTotals, QueryError> {
    // Each customer is new on exactly one day.
    let row = sqlx::query(
        "select coalesce(sum(transactions), 0)::int8 as transactions, coalesce(sum(orders), 0)::int8 as orders,
                coalesce(sum(units), 0) as units, coalesce(sum(revenue), 0) as revenue,
                coalesce(sum(new_customers), 0)::int8 as customers, min(day) as first_day, max(day) as last_day
         from read_models.daily_sales where tenant_id = $1",
    )
    .bind(snapshot.tenant().uuid())
    .fetch_one(&mut **snapshot.tx())
    .await?;
    Ok(SalesTotals {
        transactions: row.try_get("transactions")?,
        orders: row.try_get("orders")?,
        units: row.try_get("units")?,
        revenue: row.try_get("revenue")?,
        customers: row.try_get("customers")?,
        first_day: column::read(&row, "first_day")?,
        last_day: column::read(&row, "last_day")?,
    })
}

/// The transactions that are known by these keys.
pub async fn transactions_by_key(
    snapshot: &mut Snapshot,
    keys: &[String],
) -> Result<HashMap<String, Transaction>, QueryError> {
    let keys = keys.to_vec();
    // Not `key = any($2)`: on a young table without statistics Postgres takes that for most of the rows and scans them.
    let rest = "where tenant_id = $1 and key in (select unnest($2::text[]))";
    let rows: Vec<StoredTransaction> = find::all(snapshot, rest, |query| query.bind(keys)).await?;
    Ok(rows.into_iter().map(|row| (row.key.clone(), row.into())).collect())
}

/// How many different customers bought.
pub async fn customer_count(snapshot: &mut Snapshot) -> Result<i64, QueryError> {
    Ok(sales_totals(snapshot).await?.customers)
}

/// Customers in the order of their pseudonyms.
pub async fn customers(snapshot: &mut Snapshot, keys: &Keyset<String>) -> Result<Page<Customer>, QueryError> {
    let rest = format!(
        "where tenant_id = $1 and customer > $2 and customer < $3 order by customer {} limit $4",
        keys.direction()
    );
    let rows = find::all(snapshot, &rest, |query| query.bind(keys.lower()).bind(keys.upper()).bind(keys.limit()));
    Ok(keys.page(rows.await?))
}
