//! Days within months and quarters: a month with five Saturdays brings more where Saturdays bring the most. What the
//! calendar says ahead goes into a forecast as far as backtests bear it out.

use dyocense_domain::metrics::{Bucket, MetricKind};
use dyocense_forecasting::calendar::{days_of_steps, trading_day_columns};
use dyocense_forecasting::{Forecast, Model, Request, Series, forecast_beside};
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

use super::history::{History, impossible};
use super::trading::{TradingDays, listed, word};
use crate::runs::NoAnswer;

/// Share of a forecast below which what the calendar changes is not worth a word.
const WORTH_A_WORD: f64 = 0.001;

/// What the calendar does to a forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TradingDayEffect {
    /// Of each step ahead: the forecast less what it would be without the calendar's days.
    pub effect: Vec<f64>,
    /// In words, with the step that it changes most.
    pub explanation: String,
}

/// The calendar's columns over the first `length` steps and `ahead` more. Where the days of the past are known, one: what
/// the days of each step usually bring. Where only totals are, the counts of the weekdays.
pub(crate) fn columns(history: &History, length: usize, ahead: usize) -> Vec<Vec<f64>> {
    if history.kind != MetricKind::Flow || !matches!(history.bucket, Bucket::Month | Bucket::Quarter) {
        return Vec::new();
    }
    let is_open = |day: Date| history.shut.binary_search(&day).is_err();
    let (frequency, first) = (history.frequency(), history.first.to_datetime(jiff::civil::Time::midnight()));
    let Some(rhythm) = history.rhythms.by(history.start_of(length)) else {
        return trading_day_columns(frequency, first, length + ahead, &is_open);
    };
    let Some(steps) = days_of_steps(frequency, first, length + ahead) else { return Vec::new() };
    let brings = |day: &Date| rhythm[day.weekday().to_monday_zero_offset() as usize];
    vec![steps.iter().map(|days| days.iter().filter(|day| is_open(**day)).map(brings).sum()).collect()]
}

/// Whether a model weighs what is known ahead by what it would have brought before.
pub(crate) fn weighs_columns(model: Model) -> bool {
    matches!(model, Model::Auto | Model::Ensemble | Model::Arima | Model::Trees)
}

/// A forecast of the history's first steps, which `series` holds, and what the calendar does to it. Trees learn from the
/// metrics `beside` it too.
pub(crate) fn forecast_on_calendar(
    history: &History,
    series: &Series,
    beside: &[History],
    request: &Request,
) -> Result<(Forecast, Option<TradingDayEffect>), NoAnswer> {
    let others = |is_calendar_counted: bool| teachers(beside, request.horizon, is_calendar_counted);
    let plain = forecast_beside(series, &[], &others(false), request).map_err(impossible)?;
    let columns = match weighs_columns(request.model) {
        true => columns(history, series.values().len(), request.horizon),
        false => Vec::new(),
    };
    if columns.is_empty() {
        return Ok((plain, None));
    }
    let with = forecast_beside(series, &columns, &others(true), request).map_err(impossible)?;
    let effect: Vec<f64> = with.mean.iter().zip(&plain.mean).map(|(with, plain)| with - plain).collect();
    let size = |values: &[f64]| values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    if size(&effect) <= WORTH_A_WORD * size(&plain.mean) {
        return Ok((plain, None));
    }
    let explanation = explanation(history, &effect, &plain.mean);
    Ok((with, Some(TradingDayEffect { effect, explanation })))
}

/// Other metrics as the engine takes them; with the calendar's columns over the history and `ahead` more steps where these are counted.
fn teachers(others: &[History], ahead: usize, is_calendar_counted: bool) -> Vec<(Series, Vec<Vec<f64>>)> {
    let teacher = |other: &History| {
        let steps = other.values.len();
        let columns = if is_calendar_counted { columns(other, steps, ahead) } else { Vec::new() };
        Some((TradingDays::of(other).series(other, steps).ok()?, columns))
    };
    others.iter().filter_map(teacher).collect()
}

fn explanation(history: &History, effect: &[f64], plain: &[f64]) -> String {
    let starts = history.steps_ahead(effect.len());
    let most = (0..effect.len()).max_by(|one, other| effect[*one].abs().total_cmp(&effect[*other].abs())).unwrap_or(0);
    let (start, change) = (starts[most], effect[most]);
    let step = match history.bucket {
        Bucket::Quarter => format!("the quarter from {}", start.strftime("%B %Y")),
        _ => start.strftime("%B %Y").to_string(),
    };
    let more = if change < 0.0 { "less" } else { "more" };
    let share = match plain[most].abs() {
        0.0 => String::new(),
        size => format!(" ({:.1} %)", 100.0 * change.abs() / size),
    };
    let busiest = history.rhythms.by(starts[0]).and_then(|rhythm| {
        let weekday = (0..7).max_by(|one, other| rhythm[*one].total_cmp(&rhythm[*other]))?;
        let day = word(Weekday::from_monday_zero_offset(weekday as i8).ok()?);
        Some(format!(" ({day} bring {:.1} times a usual day)", rhythm[weekday]))
    });
    format!(
        "as far as backtests bear it out, the days of each {} count{}: {step} is forecast {} {more}{share} for its {}",
        super::history::word(history.bucket),
        busiest.unwrap_or_default(),
        history.amount(change.abs()),
        days_in_words(history, start)
    )
}

/// "31 days, 5 each of Saturdays, Sundays and Mondays".
fn days_in_words(history: &History, start: Date) -> String {
    let end = history.bucket.next(start).unwrap_or(start);
    let days: Vec<Date> =
        std::iter::successors(Some(start), |day| day.tomorrow().ok()).take_while(|day| *day < end).collect();
    let open: Vec<&Date> = days.iter().filter(|day| history.shut.binary_search(day).is_err()).collect();
    let shut = days.len() - open.len();
    let count = |weekday: Weekday| open.iter().filter(|day| day.weekday() == weekday).count();
    let week: Vec<Weekday> = Weekday::Monday.cycle_forward().take(7).collect();
    let most = week.iter().map(|weekday| count(*weekday)).max().unwrap_or(0);
    let frequent: Vec<&str> = week.iter().filter(|weekday| count(**weekday) == most).map(|day| word(*day)).collect();
    let closed = if shut > 0 { format!(" without {shut} closed") } else { String::new() };
    match frequent.len() {
        7 => format!("{} days{closed}", days.len()),
        _ => format!("{} days{closed}, {most} each of {}", days.len(), listed(&frequent)),
    }
}

#[cfg(test)]
#[path = "month_days_tests.rs"]
mod tests;
