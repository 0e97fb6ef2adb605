//! Where a goal is heading by a forecast of the metric behind it, and what about the metric was odd lately.

use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::assessment::{GoalForecast, GoalStatus, Pace};
use super::plan::{Aggregation, Aim, GoalPlan};
use super::reading::{History, days_between, plus_days};
use super::words;
use crate::ids::RunId;

/// What is known about the days ahead of a metric, and what was noticed about those just past.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outlook {
    /// The newest first.
    pub forecasts: Vec<MetricForecast>,
    /// The newest odd day that people were told about, in a sentence.
    pub oddity: Option<(Date, String)>,
}

/// A kept forecast of a metric, day by day from `first` on.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricForecast {
    pub run_id: RunId,
    pub first: Date,
    pub mean: Vec<f64>,
    /// Standard deviation of each day's error; as long as `mean`.
    pub sd: Vec<f64>,
}

/// The level of the interval, in percent, and its half width in standard deviations.
const LEVEL: i64 = 80;
const HALF_WIDTH: f64 = 1.281_551_565_544_600_4;
/// An odd day is worth a word in a goal's reason for this many days.
const ODD_FOR: i64 = 7;

/// Adds what the outlook says to a pace on `today`; nothing, once the due date has passed.
pub(super) fn foresee(now: &mut Pace, plan: &GoalPlan, history: &History, outlook: &Outlook, today: Date) {
    if today > plan.due {
        return;
    }
    now.forecast = outlook.forecasts.iter().find_map(|forecast| heading(plan, history, forecast, today));
    if now.status == GoalStatus::Achieved {
        return;
    }
    if let Some(forecast) = &now.forecast {
        now.reason.push_str(&said(plan, forecast));
    }
    if let Some((day, text)) = outlook.oddity.as_ref().filter(|(day, _)| days_between(*day, today) <= ODD_FOR) {
        now.reason.push_str(&format!(" Noticed on {}: {}.", words::day(*day), text.trim_end_matches('.')));
    }
}

/// The reading at the due date; `None` where the forecast does not reach that far or leaves a gap behind what is known.
fn heading(plan: &GoalPlan, history: &History, forecast: &MetricForecast, today: Date) -> Option<GoalForecast> {
    let aggregation = plan.measure.aggregation();
    // Today is not over: a sum of it would say too little, a level stands as it is.
    let over = if aggregation == Aggregation::Latest { today } else { plus_days(today, -1) };
    let before = plus_days(forecast.first, -1);
    let known = history.last_until(over).map_or(before, |last| last.max(before));
    if known >= plan.due {
        return None;
    }
    let index = |day: Date| usize::try_from(days_between(forecast.first, day)).ok();
    let (from, due) = (index(plus_days(known, 1))?, index(plan.due)?);
    if due >= forecast.mean.len() || due >= forecast.sd.len() {
        return None;
    }
    let window = match aggregation {
        Aggregation::Total => plan.start,
        Aggregation::PeriodTotal | Aggregation::PeriodAverage => plan.cadence.window_start(plan.due),
        Aggregation::Latest => plan.due,
    };
    let first = index(window).unwrap_or(0).max(from);
    let ahead: f64 = forecast.mean[first..=due].iter().sum();
    let spread = spread_of_sum(&forecast.sd, from, first, due);
    let (sum, days) = if window <= known { history.total(window, known) } else { (Decimal::ZERO, 0) };
    let so_far = sum.to_f64()?;
    let (value, spread, floor) = match aggregation {
        Aggregation::PeriodAverage => {
            // Days without a point do not count, and none will come of a day on which nothing surely happens.
            let comes = |day: &usize| forecast.mean[*day] != 0.0 || forecast.sd[*day] > 0.0;
            let count = (days + (first..=due).filter(comes).count()).max(1) as f64;
            ((so_far + ahead) / count, spread / count, so_far / count)
        }
        _ => (so_far + ahead, spread, so_far),
    };
    // What was never negative will not be: a sum only grows.
    let floor = if history.iter().all(|(_, value)| !value.is_sign_negative()) { floor } else { f64::NEG_INFINITY };
    let probability = match &plan.aim {
        Aim::Up { target, .. } => Some(1.0 - below(target.to_f64()?, value, spread)),
        Aim::Down { target, .. } => Some(below(target.to_f64()?, value, spread)),
        Aim::KeepWithin { .. } => None,
    };
    Some(GoalForecast {
        run_id: forecast.run_id,
        known_until: known,
        value: words::rounded(value.max(floor))?,
        level: Decimal::from(LEVEL),
        lower: words::rounded((value - HALF_WIDTH * spread).max(floor))?,
        upper: words::rounded((value + HALF_WIDTH * spread).max(floor))?,
        probability: match probability {
            Some(probability) => Some(Decimal::try_from(probability).ok()?.round_dp(3).normalize()),
            None => None,
        },
    })
}

/// Standard deviation of the sum of the days `first` to `last`, when everything before `from` is known.
///
/// Errors of neighbouring days hang together: a shock of one day is felt on later days as much as the spread grows there
/// (the moving-average form of the forecast). A day without spread is sure, and feels none.
fn spread_of_sum(sd: &[f64], from: usize, first: usize, last: usize) -> f64 {
    let least = sd.iter().copied().find(|sd| *sd > 0.0).unwrap_or(0.0);
    let mut reached = 0.0_f64;
    // What a shock does to the k-th day from its own on.
    let felt: Vec<f64> = sd
        .iter()
        .take(last + 1 - from)
        .map(|sd| {
            let variance = sd.max(least).powi(2).max(reached);
            let added = variance - reached;
            reached = variance;
            added.sqrt()
        })
        .collect();
    let variance: f64 = (from..=last)
        .map(|shock| {
            let days = (first.max(shock)..=last).filter(|day| sd[*day] > 0.0);
            days.map(|day| felt[day - shock]).sum::<f64>().powi(2)
        })
        .sum();
    variance.sqrt()
}

/// The probability of a value of at most `bound`.
fn below(bound: f64, mean: f64, spread: f64) -> f64 {
    if spread <= 0.0 {
        return if mean <= bound { 1.0 } else { 0.0 };
    }
    normal((bound - mean) / spread)
}

/// The standard normal distribution function: its series near the middle, a continued fraction in the tails.
fn normal(z: f64) -> f64 {
    let size = z.abs();
    let density = (-0.5 * size * size).exp() / std::f64::consts::TAU.sqrt();
    let tail = if size < 3.0 {
        let (mut term, mut sum) = (size, size);
        for k in 1..60 {
            term *= size * size / f64::from(2 * k + 1);
            sum += term;
        }
        0.5 - density * sum
    } else {
        density / (1..40).rev().fold(size, |fraction, k| size + f64::from(k) / fraction)
    };
    if z < 0.0 { tail } else { 1.0 - tail }
}

fn said(plan: &GoalPlan, forecast: &GoalForecast) -> String {
    let unit = plan.measure.unit();
    let GoalForecast { value, lower, upper, level, probability, .. } = forecast;
    let mut text = format!(
        " The forecast sees {} by {} (with {level}%, between {} and {})",
        words::amount(*value, unit),
        words::day(plan.due),
        words::number(*lower),
        words::amount(*upper, unit)
    );
    if let Some(probability) = probability {
        let chance = if *probability < Decimal::new(1, 2) {
            "less than 1%".to_owned()
        } else if *probability > Decimal::new(99, 2) {
            "more than 99%".to_owned()
        } else {
            words::percent(*probability)
        };
        text.push_str(&format!("; the chance of meeting the target is {chance}"));
    }
    text.push('.');
    text
}

#[cfg(test)]
#[path = "outlook_tests.rs"]
mod tests;
