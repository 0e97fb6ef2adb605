//! Sales are orders times their average value: an identity, not a cause. Which of the two made revenue move is told beside
//! the causes.

use serde::{Deserialize, Serialize};

/// Revenue's change over a stretch of days against the stretch of the same length before, by its two parts.
///
/// Shares by the logarithmic mean (Ang 2005, Energy Policy 33:867): they add up to the change without a rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SalesParts {
    pub orders_before: f64,
    pub orders: f64,
    pub order_value_before: f64,
    pub order_value: f64,
    /// What the number of orders and their value add to revenue a day.
    pub by_orders: f64,
    pub by_order_value: f64,
}

impl SalesParts {
    /// From the days' revenue and orders, the change in rows `first` to `last`. None where a stretch has no sales, or there
    /// is no stretch before.
    pub(super) fn of(revenue: &[f64], orders: &[f64], first: usize, last: usize) -> Option<Self> {
        let days = last.checked_sub(first)? + 1;
        let before = first.checked_sub(days)?;
        let a_day = |column: &[f64], from: usize| {
            column.get(from..from + days).map(|stretch| stretch.iter().sum::<f64>() / days as f64)
        };
        let (revenue_before, revenue_now) = (a_day(revenue, before)?, a_day(revenue, first)?);
        let (orders_before, orders_now) = (a_day(orders, before)?, a_day(orders, first)?);
        if [revenue_before, revenue_now, orders_before, orders_now].iter().any(|value| *value <= 0.0) {
            return None;
        }
        let (value_before, value_now) = (revenue_before / orders_before, revenue_now / orders_now);
        let growth = (revenue_now / revenue_before).ln();
        let mean = if growth.abs() < 1e-9 { revenue_before } else { (revenue_now - revenue_before) / growth };
        Some(Self {
            orders_before,
            orders: orders_now,
            order_value_before: value_before,
            order_value: value_now,
            by_orders: mean * (orders_now / orders_before).ln(),
            by_order_value: mean * (value_now / value_before).ln(),
        })
    }

    /// "Against the days just before: fewer orders (-12 %) rather than smaller ones (+1 %)."
    pub(super) fn words(&self) -> String {
        let percent = |now: f64, before: f64| 100.0 * (now / before - 1.0);
        let (orders, value) =
            (percent(self.orders, self.orders_before), percent(self.order_value, self.order_value_before));
        let more = |change: f64| if change >= 0.0 { "more orders" } else { "fewer orders" };
        let larger = |change: f64| if change >= 0.0 { "larger ones" } else { "smaller ones" };
        let together = (self.by_orders >= 0.0) == (self.by_order_value >= 0.0);
        let text = match (self.by_orders.abs() >= self.by_order_value.abs(), together) {
            (true, true) => format!("{} ({orders:+.0} %) more than {} ({value:+.0} %)", more(orders), larger(value)),
            (true, false) => {
                format!("{} ({orders:+.0} %) rather than {} ({value:+.0} %)", more(orders), larger(-value))
            }
            (false, true) => {
                format!("{} orders ({value:+.0} %) more than {} ({orders:+.0} %)", sized(value), counted(orders))
            }
            (false, false) => {
                format!("{} orders ({value:+.0} %) rather than {} ({orders:+.0} %)", sized(value), counted(-orders))
            }
        };
        format!("Against the days just before: {text}.")
    }
}

fn sized(change: f64) -> &'static str {
    if change >= 0.0 { "larger" } else { "smaller" }
}

fn counted(change: f64) -> &'static str {
    if change >= 0.0 { "more of them" } else { "fewer of them" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up_to_the_change() {
        let revenue = [100.0, 120.0, 80.0, 60.0];
        let orders = [10.0, 10.0, 8.0, 6.0];
        let parts = SalesParts::of(&revenue, &orders, 2, 3).expect("sales on both sides");
        assert!((parts.by_orders + parts.by_order_value - (70.0 - 110.0)).abs() < 1e-9);
        assert_eq!(parts.words(), "Against the days just before: fewer orders (-30 %) more than smaller ones (-9 %).");
    }

    #[test]
    fn what_did_not_move_it_is_said_too() {
        let revenue = [100.0, 100.0, 88.0, 90.0];
        let orders = [10.0, 10.0, 8.0, 8.5];
        let parts = SalesParts::of(&revenue, &orders, 2, 3).expect("sales on both sides");
        assert_eq!(
            parts.words(),
            "Against the days just before: fewer orders (-18 %) rather than smaller ones (+8 %)."
        );
    }

    #[test]
    fn days_without_sales_have_no_parts() {
        assert_eq!(SalesParts::of(&[1.0, 1.0, 0.0, 0.0], &[1.0, 1.0, 0.0, 0.0], 2, 3), None);
        assert_eq!(SalesParts::of(&[1.0, 2.0], &[1.0, 1.0], 0, 1), None);
    }
}
