//! The fold of transactions, in memory.

use std::collections::{BTreeMap, HashMap};

use dyocense_domain::connectors::{Transaction, When};
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::daily::DaySales;
use super::days::Days;
use super::queries::StoredTransaction;
use crate::row::rows;

rows! {
    pub struct CustomerRow in customers {
        [customer: String],
        first_day: Date,
        last_day: Date,
        transactions: i64,
        units: Decimal,
        amount: Decimal,
        days: Vec<u8>,
    }

    pub struct OrderRow in orders {
        [order_key: String],
        days: Vec<u8>,
    }
}

/// A customer within a batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Buyer {
    pub days: Days,
    pub transactions: i64,
    pub units: Decimal,
    pub amount: Decimal,
}

/// Something as it was before the batch, and as it is now.
#[derive(Debug, Clone, Default)]
pub struct Changing<T> {
    before: T,
    pub now: T,
}

impl<T: Clone> Changing<T> {
    pub fn from(before: T) -> Self {
        Self { now: before.clone(), before }
    }
}

/// The rows that a batch touches. What is absent does not exist.
#[derive(Debug, Default)]
pub struct Sales {
    pub transactions: HashMap<String, StoredTransaction>,
    pub buyers: HashMap<String, Changing<Buyer>>,
    pub orders: HashMap<String, Changing<Days>>,
    /// What days gain or lose.
    pub days: BTreeMap<Date, DaySales>,
}

impl Sales {
    /// Takes a transaction in; one with the same key gives way unless a later event brought it.
    pub fn report(&mut self, position: i64, transaction: Transaction) {
        let row = StoredTransaction {
            key: transaction.key,
            order_key: transaction.order,
            customer: transaction.customer,
            product: transaction.product,
            day: transaction.day,
            at: match transaction.when {
                When::At(at) => Some(at),
                When::On(_) => None,
            },
            units: transaction.units,
            amount: transaction.amount,
            position,
        };
        if let Some(known) = self.transactions.get(&row.key) {
            if known.position > position {
                return;
            }
            let known = known.clone();
            self.count(&known, -1);
        }
        self.count(&row, 1);
        self.transactions.insert(row.key.clone(), row);
    }

    /// Counts a transaction in (1) or out (-1).
    fn count(&mut self, row: &StoredTransaction, sign: i64) {
        let weight = Decimal::from(sign);
        let day = self.days.entry(row.day).or_insert_with(|| DaySales::empty(row.day));
        day.transactions += sign;
        day.units += weight * row.units;
        day.revenue += weight * row.amount;
        if let Some(customer) = &row.customer {
            if !self.buyers.contains_key(customer) {
                self.buyers.insert(customer.clone(), Changing::default());
            }
            let buyer = &mut self.buyers.get_mut(customer).expect("it was just inserted").now;
            buyer.transactions += sign;
            buyer.units += weight * row.units;
            buyer.amount += weight * row.amount;
            match sign {
                1 => buyer.days.add(row.day),
                _ => buyer.days.take(row.day),
            }
        }
        match &row.order_key {
            None => day.orders += sign,
            Some(order) => {
                let days = &mut self.orders.entry(order.clone()).or_default().now;
                match sign {
                    1 => days.add(row.day),
                    _ => days.take(row.day),
                }
            }
        }
    }

    /// Lets the days follow from how the sets of customers and orders changed.
    pub fn settle(&mut self) {
        let days = &mut self.days;
        for order in self.orders.values() {
            if order.before.first() != order.now.first() {
                shift(days, order.before.first(), |day| day.orders -= 1);
                shift(days, order.now.first(), |day| day.orders += 1);
            }
        }
        for buyer in self.buyers.values() {
            let (before, now) = (&buyer.before.days, &buyer.now.days);
            for gained in now.iter().filter(|day| !before.contains(*day)) {
                shift(days, Some(gained), |day| day.customers += 1);
            }
            for lost in before.iter().filter(|day| !now.contains(*day)) {
                shift(days, Some(lost), |day| day.customers -= 1);
            }
            if before.first() != now.first() {
                shift(days, before.first(), |day| day.new_customers -= 1);
                shift(days, now.first(), |day| day.new_customers += 1);
            }
        }
    }
}

fn shift(days: &mut BTreeMap<Date, DaySales>, on: Option<Date>, by: impl FnOnce(&mut DaySales)) {
    if let Some(on) = on {
        by(days.entry(on).or_insert_with(|| DaySales::empty(on)));
    }
}
