//! Numbers and dates as people read them, for the reasons and insights of goals.

use jiff::civil::Date;
use rust_decimal::prelude::FromPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

/// `1234567.5` as `1,234,567.5`: at most two decimals, four where the number is below one.
pub(super) fn number(value: Decimal) -> String {
    let places = if value.abs() < Decimal::ONE { 4 } else { 2 };
    grouped(&nearest(value, places).normalize().to_string())
}

/// A number with its unit: `1,200 orders`, `12.5%`, `99.90 USD`.
pub(super) fn amount(value: Decimal, unit: &str) -> String {
    let is_currency = unit.len() == 3 && unit.bytes().all(|b| b.is_ascii_uppercase());
    if is_currency {
        let cents = nearest(value, 2);
        let text = if cents.is_integer() { cents.trunc().to_string() } else { format!("{cents:.2}") };
        format!("{} {unit}", grouped(&text))
    } else if unit == "%" {
        format!("{}%", number(value))
    } else {
        format!("{} {unit}", number(value))
    }
}

/// A share of 0 to 1 as a whole percentage.
pub(super) fn percent(share: Decimal) -> String {
    format!("{}%", grouped(&nearest(share.saturating_mul(Decimal::ONE_HUNDRED), 0).normalize().to_string()))
}

pub(super) fn day(date: Date) -> String {
    date.strftime("%-d %B %Y").to_string()
}

pub(super) fn count(n: i64, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {many}", number(Decimal::from(n))) }
}

/// A change in words: `rose by 3 orders`, `fell by 2 orders`, `did not move`.
pub(super) fn moved(change: Decimal, say: impl Fn(Decimal) -> String) -> String {
    if change.is_zero() {
        "did not move".to_owned()
    } else if change.is_sign_negative() {
        format!("fell by {}", say(change.abs()))
    } else {
        format!("rose by {}", say(change))
    }
}

/// A computed number, rounded to what its size makes meaningful: two decimals from 100 up, else four.
pub(super) fn rounded(value: f64) -> Option<Decimal> {
    let places = if value.abs() >= 100.0 { 2 } else { 4 };
    Decimal::from_f64(value).map(|value| value.round_dp(places).normalize())
}

/// Halves go away from zero, as people round.
fn nearest(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut text = String::from(sign);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_short() {
        let of = |text: &str| number(text.parse().unwrap());
        assert_eq!(of("1234567.50"), "1,234,567.5");
        assert_eq!(of("-1000"), "-1,000");
        assert_eq!(of("999"), "999");
        assert_eq!(of("0.12345"), "0.1235");
        assert_eq!(of("2.005"), "2.01");
    }

    #[test]
    fn money_has_cents_unless_it_is_whole() {
        let of = |text: &str| amount(text.parse().unwrap(), "USD");
        assert_eq!(of("2500315.6"), "2,500,315.60 USD");
        assert_eq!(of("12000"), "12,000 USD");
        assert_eq!(amount("12.50".parse().unwrap(), "%"), "12.5%");
        assert_eq!(amount("3".parse().unwrap(), "orders"), "3 orders");
    }
}
