//! The regression behind the model: scaled time and values, changepoints, and a column for each sine, cosine, holiday
//! and regressor, over history and horizon.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};

use super::options::{Bound, Choice, Growth, Holiday, Mode, Options, Standardize};
use crate::calendar::epoch_seconds;
use crate::error::ForecastError;
use crate::holidays;

const DAY: f64 = 86_400.0;

/// A history with the times of its points and of those to be forecast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct History<'a> {
    /// `NaN` where nothing was observed.
    pub y: &'a [f64],
    /// Times of the history and, after it, of the horizon.
    pub times: &'a [DateTime],
}

/// A column of the regression.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// The component that it is part of.
    pub component: String,
    pub mode: Mode,
    /// Standard deviation of its coefficient's prior.
    pub prior: f64,
    /// One value for each point of history and horizon.
    pub values: Vec<f64>,
}

#[derive(Debug, Clone)]
pub(super) struct Design {
    pub growth: Growth,
    /// Scale of the Laplace prior.
    pub tau: f64,
    /// The largest distance of a value from the floor, by which all are divided.
    pub scale: f64,
    /// Points of the history that were observed.
    pub observed: Vec<usize>,
    /// Their values, scaled.
    pub y: Vec<f64>,
    /// Scaled times of all points: 0 at the first observed, 1 at the last.
    pub t: Vec<f64>,
    /// Bounds of logistic growth at all points: the floor in the unit of the series, the cap scaled.
    pub floor: Vec<f64>,
    pub cap: Vec<f64>,
    /// Scaled times of the changepoints, increasing.
    pub changes: Vec<f64>,
    pub columns: Vec<Column>,
}

impl Design {
    pub(super) fn new(history: History, options: &Options) -> Result<Design, ForecastError> {
        check(options)?;
        let History { y, times } = history;
        let points = times.len();
        let observed: Vec<usize> = (0..y.len()).filter(|&i| !y[i].is_nan()).collect();
        let (Some(&first), Some(&last)) = (observed.first(), observed.last()) else { return Err(ForecastError::Empty) };
        if observed.len() < 2 {
            return Err(ForecastError::TooShort { model: "prophet", needed: 2, length: observed.len() });
        }
        let seconds: Vec<f64> = times.iter().map(|&at| epoch_seconds(at) as f64).collect();
        let span = seconds[last] - seconds[first];
        let t: Vec<f64> = seconds.iter().map(|s| (s - seconds[first]) / span).collect();
        let (floor, cap) = bounds(options, points)?;
        let size = |&i: &usize| (y[i] - floor[i]).abs();
        let scale = match observed.iter().map(size).fold(0.0, f64::max) {
            0.0 => 1.0,
            size => size,
        };
        let cap = cap.iter().zip(&floor).map(|(c, f)| (c - f) / scale).collect();
        let scaled = observed.iter().map(|&i| (y[i] - floor[i]) / scale).collect();
        let changes = changepoints(options, &observed, &t, (seconds[first], span), times)?;
        let columns = columns(options, &observed, times, &seconds)?;
        Ok(Design {
            growth: options.growth,
            tau: options.changepoint_scale,
            scale,
            observed,
            y: scaled,
            t,
            floor,
            cap,
            changes,
            columns,
        })
    }
}

fn outside(name: &str, value: impl ToString, bound: &str) -> ForecastError {
    ForecastError::Setting { name: name.to_string(), value: value.to_string(), bound: bound.to_string() }
}

/// Most Fourier pairs of one seasonality and most changepoints: the work of a fit grows with their cube.
const MOST_PAIRS: usize = 100;
const MOST_CHANGES: usize = 200;

fn check(options: &Options) -> Result<(), ForecastError> {
    let positive = [
        ("changepoint_scale", options.changepoint_scale),
        ("seasonality_scale", options.seasonality_scale),
        ("holiday_scale", options.holiday_scale),
    ];
    let own = options
        .seasonalities
        .iter()
        .map(|s| (s.name.as_str(), s.prior_scale))
        .chain(options.holidays.iter().map(|h| (h.name.as_str(), h.prior_scale)))
        .chain(options.regressors.iter().map(|r| (r.name.as_str(), r.prior_scale)));
    for (name, scale) in positive.into_iter().chain(own.filter_map(|(name, scale)| Some((name, scale?)))) {
        if !(scale > 0.0 && scale.is_finite()) {
            return Err(outside(&format!("prior scale of {name}"), scale, "above 0"));
        }
    }
    if !(0.0..=1.0).contains(&options.changepoint_range) {
        return Err(outside("changepoint_range", options.changepoint_range, "0..=1"));
    }
    let changes = options.changepoints.as_ref().map_or(options.changepoint_count, Vec::len);
    if changes > MOST_CHANGES {
        return Err(outside("number of changepoints", changes, &format!("0..={MOST_CHANGES}")));
    }
    for s in &options.seasonalities {
        if !(s.period_days > 0.0 && s.period_days.is_finite()) {
            return Err(outside(&format!("period of {} in days", s.name), s.period_days, "above 0"));
        }
        if s.order == 0 || s.order > MOST_PAIRS {
            return Err(outside(&format!("Fourier order of {}", s.name), s.order, &format!("1..={MOST_PAIRS}")));
        }
    }
    for (name, choice) in [("yearly", options.yearly), ("weekly", options.weekly), ("daily", options.daily)] {
        if let Choice::Order(order) = choice
            && order > MOST_PAIRS
        {
            return Err(outside(&format!("Fourier order of {name}"), order, &format!("0..={MOST_PAIRS}")));
        }
    }
    for h in &options.holidays {
        let days = h.days_before.max(h.days_after);
        if days > 60 {
            return Err(outside(&format!("days around {}", h.name), days, "0..=60"));
        }
    }
    Ok(())
}

/// Floor and cap of every point; zero where growth is not logistic.
fn bounds(options: &Options, points: usize) -> Result<(Vec<f64>, Vec<f64>), ForecastError> {
    if options.growth != Growth::Logistic {
        return Ok((vec![0.0; points], vec![0.0; points]));
    }
    let spread = |name: &str, bound: &Bound| match bound {
        Bound::Constant(value) => Ok(vec![*value; points]),
        Bound::Varying(values) if values.len() >= points => Ok(values[..points].to_vec()),
        Bound::Varying(values) => Err(outside(
            &format!("number of values of the {name}"),
            values.len(),
            &format!("at least {points} (history and horizon)"),
        )),
    };
    let cap = options.cap.as_ref().ok_or_else(|| outside("cap", "none", "a number, for logistic growth"))?;
    let cap = spread("cap", cap)?;
    let floor = options.floor.as_ref().map_or(Ok(vec![0.0; points]), |f| spread("floor", f))?;
    for (c, f) in cap.iter().zip(&floor) {
        if !(c > f && c.is_finite() && f.is_finite()) {
            return Err(outside("cap", c, &format!("above the floor {f}")));
        }
    }
    Ok((floor, cap))
}

fn changepoints(
    options: &Options,
    observed: &[usize],
    t: &[f64],
    (start, span): (f64, f64),
    times: &[DateTime],
) -> Result<Vec<f64>, ForecastError> {
    if options.growth == Growth::Flat {
        return Ok(Vec::new());
    }
    let mut found: Vec<f64> = match &options.changepoints {
        Some(list) => {
            let (first, last) = (times[observed[0]], times[observed[observed.len() - 1]]);
            if let Some(at) = list.iter().find(|at| **at < first || **at > last) {
                return Err(outside("changepoint", at, &format!("{first}..={last}")));
            }
            list.iter().map(|&at| (epoch_seconds(at) as f64 - start) / span).collect()
        }
        None => {
            let among = (observed.len() as f64 * options.changepoint_range).floor() as usize;
            let count = options.changepoint_count.min(among.saturating_sub(1));
            let step = among.saturating_sub(1) as f64 / count.max(1) as f64;
            (1..=count).map(|i| t[observed[(i as f64 * step).round_ties_even() as usize]]).collect()
        }
    };
    found.sort_by(f64::total_cmp);
    // Without any, the slope still has the heavier tails that one change at the start gives it.
    if found.is_empty() {
        found.push(0.0);
    }
    Ok(found)
}

fn columns(
    options: &Options,
    observed: &[usize],
    times: &[DateTime],
    seconds: &[f64],
) -> Result<Vec<Column>, ForecastError> {
    let points = times.len();
    let mut out = Vec::new();
    let known: Vec<f64> = observed.iter().map(|&i| seconds[i]).collect();
    for (name, period, order) in built_in(options, &known) {
        add_waves(&mut out, name, (period, order), options.seasonality_scale, options.mode, None, seconds);
    }
    for s in &options.seasonalities {
        if let Some(condition) = &s.condition
            && condition.len() < points
        {
            return Err(outside(
                &format!("number of conditions of {}", s.name),
                condition.len(),
                &format!("at least {points} (history and horizon)"),
            ));
        }
        let prior = s.prior_scale.unwrap_or(options.seasonality_scale);
        let mode = s.mode.unwrap_or(options.mode);
        add_waves(&mut out, &s.name, (s.period_days, s.order), prior, mode, s.condition.as_deref(), seconds);
    }
    add_holidays(&mut out, options, observed, times);
    for (column, r) in options.regressors.iter().enumerate() {
        if r.values.len() < points {
            return Err(ForecastError::Exogenous { column, length: r.values.len(), needed: points });
        }
        if let Some(index) = r.values[..points].iter().position(|v| !v.is_finite()) {
            return Err(ForecastError::ExogenousMissing { column, index });
        }
        let (mean, deviation) = standard(&r.values, r.standardize, observed);
        out.push(Column {
            component: r.name.clone(),
            mode: r.mode.unwrap_or(options.mode),
            prior: r.prior_scale.unwrap_or(options.holiday_scale),
            values: r.values[..points].iter().map(|v| (v - mean) / deviation).collect(),
        });
    }
    Ok(out)
}

/// Name, period in days and order of the built-in seasonalities that take part.
fn built_in(options: &Options, seconds: &[f64]) -> Vec<(&'static str, f64, usize)> {
    let span = seconds[seconds.len() - 1] - seconds[0];
    let gap = seconds.windows(2).map(|w| w[1] - w[0]).filter(|g| *g > 0.0).fold(f64::INFINITY, f64::min);
    let all = [
        ("yearly", options.yearly, 365.25, 10, span >= 730.0 * DAY),
        ("weekly", options.weekly, 7.0, 3, span >= 14.0 * DAY && gap < 7.0 * DAY),
        ("daily", options.daily, 1.0, 4, span >= 2.0 * DAY && gap < DAY),
    ];
    all.into_iter()
        .filter_map(|(name, choice, period, usual, shown)| {
            let replaced = options.seasonalities.iter().any(|s| s.name == name);
            let order = match choice {
                _ if replaced => 0,
                Choice::Auto if shown => usual,
                Choice::On => usual,
                Choice::Order(order) => order,
                Choice::Auto | Choice::Off => 0,
            };
            (order > 0).then_some((name, period, order))
        })
        .collect()
}

fn add_waves(
    out: &mut Vec<Column>,
    name: &str,
    (period, order): (f64, usize),
    prior: f64,
    mode: Mode,
    condition: Option<&[bool]>,
    seconds: &[f64],
) {
    let from = out.len();
    let empty = Column { component: name.to_string(), mode, prior, values: Vec::with_capacity(seconds.len()) };
    out.extend(std::iter::repeat_n(empty, 2 * order));
    for (i, s) in seconds.iter().enumerate() {
        if condition.is_some_and(|c| !c[i]) {
            out[from..].iter_mut().for_each(|c| c.values.push(0.0));
            continue;
        }
        // Only the place within the period counts: small angles lose no digits.
        let (sin, cos) = (std::f64::consts::TAU * (s / DAY / period).rem_euclid(1.0)).sin_cos();
        let (mut a, mut b) = (sin, cos);
        for pair in out[from..].chunks_exact_mut(2) {
            pair[0].values.push(a);
            pair[1].values.push(b);
            (a, b) = (a * cos + b * sin, b * cos - a * sin);
        }
    }
}

/// A column for each holiday and each day around it that has an effect of its own.
fn add_holidays(out: &mut Vec<Column>, options: &Options, observed: &[usize], times: &[DateTime]) {
    let mut all: Vec<Holiday> = options.holidays.clone();
    if let Some(country) = options.country {
        let years = times[0].year()..=times[times.len() - 1].year();
        for (date, name) in years.flat_map(|year| holidays::of_year(country, year)) {
            match all.iter_mut().find(|h| h.name == name) {
                Some(h) if h.dates.contains(&date) => {}
                Some(h) => h.dates.push(date),
                None => all.push(Holiday { name, dates: vec![date], days_before: 0, days_after: 0, prior_scale: None }),
            }
        }
    }
    if all.is_empty() {
        return;
    }
    let mut points: BTreeMap<Date, Vec<usize>> = BTreeMap::new();
    for (i, at) in times.iter().enumerate() {
        points.entry(at.date()).or_default().push(i);
    }
    for h in &all {
        for offset in -i64::from(h.days_before)..=i64::from(h.days_after) {
            let mut values = vec![0.0; times.len()];
            for date in &h.dates {
                let day = date.checked_add(jiff::Span::new().days(offset)).ok();
                for &i in day.and_then(|d| points.get(&d)).into_iter().flatten() {
                    values[i] = 1.0;
                }
            }
            // What the history never saw has no effect to learn: its coefficient would stay at the prior's zero.
            if observed.iter().any(|&i| values[i] != 0.0) {
                out.push(Column {
                    component: h.name.clone(),
                    mode: options.holidays_mode.unwrap_or(options.mode),
                    prior: h.prior_scale.unwrap_or(options.holiday_scale),
                    values,
                });
            }
        }
    }
}

/// What is taken from a regressor's values, and what they are then divided by.
fn standard(values: &[f64], choice: Standardize, observed: &[usize]) -> (f64, f64) {
    let known: Vec<f64> = observed.iter().map(|&i| values[i]).collect();
    let constant = known.iter().all(|v| *v == known[0]);
    let binary = known.iter().all(|v| *v == 0.0 || *v == 1.0);
    let wanted = match choice {
        Standardize::Auto => !binary,
        Standardize::Always => true,
        Standardize::Never => false,
    };
    if constant || !wanted {
        return (0.0, 1.0);
    }
    let n = known.len() as f64;
    let mean = known.iter().sum::<f64>() / n;
    let squares: f64 = known.iter().map(|v| (v - mean) * (v - mean)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}
