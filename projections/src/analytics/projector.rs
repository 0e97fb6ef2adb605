use std::collections::BTreeSet;

use async_trait::async_trait;
use dyocense_domain::connectors::TransactionsImported;
use dyocense_eventlog::{RecordedEvent, TenantTx};

use super::daily::DaySales;
use super::days::Days;
use super::queries::StoredTransaction;
use super::sales::{Buyer, Changing, CustomerRow, OrderRow, Sales};
use crate::row::{load, remove, save};
use crate::{Projector, ProjectorError};

pub struct AnalyticsProjector;

#[async_trait]
impl Projector for AnalyticsProjector {
    fn name(&self) -> &'static str {
        "analytics"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    fn handles(&self, event_type: &str) -> bool {
        event_type == "TransactionsImported"
    }

    async fn apply(&self, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError> {
        let mut batches = Vec::with_capacity(events.len());
        for event in events {
            let batch: TransactionsImported = event.decode().map_err(|error| ProjectorError::poison(event, error))?;
            batches.push((event.position.get(), batch.transactions));
        }
        let reported = || batches.iter().flat_map(|(_, transactions)| transactions);

        let mut sales = Sales::default();
        let known = load::<StoredTransaction>(tx, reported().map(|t| (t.key.clone(),))).await?;
        // Those of the transactions that give way count too.
        let customers: BTreeSet<&String> = reported()
            .filter_map(|t| t.customer.as_ref())
            .chain(known.values().filter_map(|row| row.customer.as_ref()))
            .collect();
        for row in load::<CustomerRow>(tx, customers.into_iter().map(|name| (name.clone(),))).await?.into_values() {
            let buyer = Buyer {
                days: Days::unpack(&row.days).map_err(|damaged| damaged_column("customers.days", damaged))?,
                transactions: row.transactions,
                units: row.units,
                amount: row.amount,
            };
            sales.buyers.insert(row.customer, Changing::from(buyer));
        }
        let orders: BTreeSet<&String> = reported()
            .filter_map(|t| t.order.as_ref())
            .chain(known.values().filter_map(|row| row.order_key.as_ref()))
            .collect();
        for row in load::<OrderRow>(tx, orders.into_iter().map(|name| (name.clone(),))).await?.into_values() {
            let days = Days::unpack(&row.days).map_err(|damaged| damaged_column("orders.days", damaged))?;
            sales.orders.insert(row.order_key, Changing::from(days));
        }
        sales.transactions = known.into_iter().map(|((key,), row)| (key, row)).collect();

        for (position, transactions) in batches {
            for transaction in transactions {
                sales.report(position, transaction);
            }
        }
        sales.settle();
        write(tx, sales).await
    }
}

async fn write(tx: &mut TenantTx, sales: Sales) -> Result<(), ProjectorError> {
    save(tx, sales.transactions.values()).await?;

    let mut gone = Vec::new();
    let mut customers = Vec::with_capacity(sales.buyers.len());
    for (customer, buyer) in sales.buyers {
        let buyer = buyer.now;
        match (buyer.days.first(), buyer.days.last()) {
            (Some(first_day), Some(last_day)) => customers.push(CustomerRow {
                customer,
                first_day,
                last_day,
                transactions: buyer.transactions,
                units: buyer.units,
                amount: buyer.amount,
                days: buyer.days.pack(),
            }),
            _ => gone.push((customer,)),
        }
    }
    remove::<CustomerRow>(tx, gone).await?;
    save(tx, &customers).await?;

    let mut gone = Vec::new();
    let mut orders = Vec::with_capacity(sales.orders.len());
    for (order_key, days) in sales.orders {
        match days.now.first() {
            Some(_) => orders.push(OrderRow { order_key, days: days.now.pack() }),
            None => gone.push((order_key,)),
        }
    }
    remove::<OrderRow>(tx, gone).await?;
    save(tx, &orders).await?;

    let mut known = load::<DaySales>(tx, sales.days.keys().map(|day| (*day,))).await?;
    let mut gone = Vec::new();
    let mut days = Vec::with_capacity(sales.days.len());
    for (date, change) in sales.days {
        let mut day = known.remove(&(date,)).unwrap_or_else(|| DaySales::empty(date));
        day.transactions += change.transactions;
        day.orders += change.orders;
        day.units += change.units;
        day.revenue += change.revenue;
        day.customers += change.customers;
        day.new_customers += change.new_customers;
        match day.transactions {
            0 => gone.push((date,)),
            _ => days.push(day),
        }
    }
    remove::<DaySales>(tx, gone).await?;
    save(tx, &days).await?;
    Ok(())
}

pub(super) fn damaged_column(column: &str, source: super::days::Damaged) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(source) }
}
