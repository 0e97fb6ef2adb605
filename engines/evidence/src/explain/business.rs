//! Businesses drawn at random with a planted cause, to measure how often the explanation is right.
//!
//! Sales follow the weekday, the season, a slow trend, and some of the factors; one factor then moves
//! for a few weeks. Decoys: factors without effect, one that moves in the same weeks, one that reacts
//! to sales, one that shares its season with sales. Without a planted cause, sales are moved by
//! something that no column shows.

use crate::random::Random;
use crate::table::Table;

/// A drawn business.
#[derive(Debug, Clone)]
pub struct Business {
    pub sales: Vec<f64>,
    pub factors: Table,
    /// First and last day of the change, counted from 0.
    pub first: usize,
    pub last: usize,
    /// Name of the factor that caused it; none when the cause is not in the data.
    pub cause: Option<String>,
    /// The planted mean change per day.
    pub change: f64,
}

const NAMES: [&str; 7] = ["price", "promotion", "rain", "stock_outs", "staff_hours", "ad_spend", "competitor_price"];

/// Draws a business of 500 days. With `in_data`, one of its factors causes the change.
pub fn draw(seed: u64, in_data: bool) -> Business {
    let mut random = Random::new(seed);
    let days = 500;
    let length = 14 + random.below(15);
    let first = days - length - random.below(5);
    let last = first + length - 1;
    let phase = random.uniform() * std::f64::consts::TAU;
    let season: Vec<f64> = (0..days).map(|t| (t as f64 * 2.0 * std::f64::consts::PI / 365.25 + phase).sin()).collect();
    let mut factors: Vec<Vec<f64>> = (0..NAMES.len()).map(|f| natural(f, &season, &mut random)).collect();
    // Real drivers: the cause and up to two others, each with its own delay.
    let mut order: Vec<usize> = vec![0, 1, 2, 3, 5];
    random.shuffle(&mut order);
    let drivers = &order[..2 + random.below(2)];
    let noise = 3.0 + 3.0 * random.uniform();
    let memory = 0.6 * random.uniform();
    let sign = if random.below(2) == 0 { 1.0 } else { -1.0 };
    let shock = sign * (1.5 + 1.5 * random.uniform()) * noise;
    let cause = drivers[0];
    let lags: Vec<usize> = drivers.iter().map(|_| random.below(4)).collect();
    let effects: Vec<f64> =
        drivers.iter().map(|&f| direction(f) * (0.5 + 0.5 * random.uniform()) * noise / spread(f)).collect();
    if in_data {
        // Move the cause so that it accounts for the shock, early enough for its delay.
        let step = shock / effects[0];
        for t in first - lags[0]..=last - lags[0] {
            factors[cause][t] += step;
        }
    }
    // A decoy without effect that moves in the same weeks.
    let decoy = order[4];
    for t in first..=last {
        factors[decoy][t] += 2.0 * spread(decoy);
    }
    let week: Vec<f64> = (0..7).map(|_| 8.0 * random.normal()).collect();
    let trend = 0.02 * random.normal();
    let mut error = 0.0;
    let mut sales: Vec<f64> = Vec::with_capacity(days);
    for t in 0..days {
        error = memory * error + noise * random.normal();
        let driven: f64 = drivers
            .iter()
            .zip(&lags)
            .zip(&effects)
            .map(|((&f, &lag), effect)| effect * factors[f][t.saturating_sub(lag)])
            .sum();
        let hidden = if !in_data && (first..=last).contains(&t) { shock } else { 0.0 };
        let day = 200.0 + week[t % 7] + 10.0 * season[t] + trend * t as f64 + driven + error + hidden;
        sales.push(day);
        // Staff are planned by yesterday's sales: an effect that must not be read as a cause.
        factors[4][t] = 40.0 + 0.1 * (if t > 0 { sales[t - 1] } else { 200.0 } - 200.0) + 2.0 * random.normal();
    }
    let named = NAMES.iter().map(|n| (*n).to_string()).zip(factors).collect();
    Business {
        sales,
        factors: Table::new(named).expect("finite by construction"),
        first,
        last,
        cause: in_data.then(|| NAMES[cause].to_string()),
        change: shock,
    }
}

/// A factor's ordinary course.
fn natural(factor: usize, season: &[f64], random: &mut Random) -> Vec<f64> {
    let mut level = 0.0;
    season
        .iter()
        .map(|s| match factor {
            0 | 6 => {
                // Prices change now and then and stay.
                if random.uniform() < 0.05 {
                    level = random.normal();
                }
                10.0 + level
            }
            1 | 3 => f64::from(u8::from(random.uniform() < 0.15)),
            2 => 5.0 + 1.5 * s + 2.0 * random.normal(),
            _ => {
                level = 0.7 * level + random.normal();
                20.0 + level
            }
        })
        .collect()
}

/// Whether more of the factor means more or less sales.
fn direction(factor: usize) -> f64 {
    match factor {
        0 | 2 | 3 => -1.0,
        _ => 1.0,
    }
}

/// The factor's ordinary standard deviation.
fn spread(factor: usize) -> f64 {
    match factor {
        1 | 3 => 0.36,
        2 => 2.3,
        5 => 1.4,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::calendar::Calendar;
    use super::super::change::{Question, explain};
    use super::*;
    use crate::progress::Progress;

    fn first_cause(business: &Business) -> Option<String> {
        let calendar = Calendar::daily();
        let question = Question {
            y: &business.sales,
            factors: &business.factors,
            calendar: &calendar,
            first: business.first,
            last: business.last,
            max_lag: 5,
            seed: 1,
        };
        let answer = explain(&question, &mut Progress::silent()).expect("long enough");
        answer.causes.first().map(|f| f.name.clone())
    }

    #[test]
    fn the_planted_cause_ranks_first_and_absent_causes_are_admitted() {
        let right = (0..40).filter(|&seed| {
            let business = draw(seed, true);
            first_cause(&business) == business.cause
        });
        let honest = (0..40).filter(|&seed| first_cause(&draw(5000 + seed, false)).is_none());
        let (right, honest) = (right.count(), honest.count());
        assert!(right >= 36, "{right} of 40 causes found");
        assert!(honest >= 36, "{honest} of 40 admitted");
    }

    #[test]
    fn a_seed_draws_the_same_business() {
        assert_eq!(draw(3, true).sales, draw(3, true).sales);
    }

    fn asked(sales: &[f64], factors: &Table, drawn: &Business) -> crate::explain::change::Explanation {
        let question = Question {
            y: sales,
            factors,
            calendar: &Calendar::daily(),
            first: drawn.first,
            last: drawn.last,
            max_lag: 5,
            seed: 1,
        };
        explain(&question, &mut Progress::silent()).expect("long enough")
    }

    #[test]
    fn neither_the_order_of_factors_nor_units_change_what_is_found() {
        for seed in 40..46 {
            let drawn = draw(seed, true);
            let plain = asked(&drawn.sales, &drawn.factors, &drawn);
            let names: Vec<String> = drawn.factors.names().iter().rev().cloned().collect();
            let turned = drawn.factors.select(&names).expect("the same columns");
            let other: Vec<(String, Vec<f64>)> = turned
                .names()
                .iter()
                .zip(turned.columns())
                .map(|(name, column)| (name.clone(), column.iter().map(|v| 5.0 - 20.0 * v).collect()))
                .collect();
            let cents: Vec<f64> = drawn.sales.iter().map(|v| 100.0 * v).collect();
            let again = asked(&cents, &Table::new(other).expect("finite"), &drawn);
            assert_eq!(again.verdict, plain.verdict);
            assert_eq!(
                again.causes.iter().map(|f| &f.name).collect::<Vec<_>>(),
                plain.causes.iter().map(|f| &f.name).collect::<Vec<_>>()
            );
            assert!((again.change - 100.0 * plain.change).abs() < 1e-6 * again.change.abs());
            for (a, b) in again.causes.iter().zip(&plain.causes) {
                assert!((a.contribution - 100.0 * b.contribution).abs() < 1e-4 * a.contribution.abs());
                assert!((0.0..=1.0).contains(&a.p) && (0.0..=1.0).contains(&a.q) && (0.0..=1.0).contains(&a.stability));
            }
        }
    }

    #[test]
    fn a_copy_of_a_factor_is_set_aside_and_the_rest_is_answered() {
        let drawn = draw(41, true);
        let cause = drawn.cause.clone().expect("planted");
        let mut columns: Vec<(String, Vec<f64>)> =
            drawn.factors.names().iter().cloned().zip(drawn.factors.columns().iter().cloned()).collect();
        let copy = drawn.factors.column(&cause).expect("there").iter().map(|v| 3.0 - 2.0 * v).collect();
        columns.push(("a copy".into(), copy));
        let answer = asked(&drawn.sales, &Table::new(columns).expect("finite"), &drawn);
        assert_eq!(answer.causes.first().map(|f| &f.name), Some(&cause));
        assert_eq!(answer.not_testable.iter().map(|n| n.name.as_str()).collect::<Vec<_>>(), ["a copy"]);
    }
}
