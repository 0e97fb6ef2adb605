//! Prophet as one of the engine's models: fitted, and backtested from the same origins as the others.

use std::borrow::Cow;

use jiff::civil::{Date, DateTime};

use super::fit::Search;
use super::{Choice, Fitted, History, Options, Regressor, Seasonality, Standardize, fit_history};
use crate::ensemble::{Combined, combine_alone};
use crate::error::ForecastError;
use crate::forecast::Prediction;
use crate::members::Subject;

/// The answer of Prophet for a subject, where `observed` holds its values with `NaN` where nothing was observed.
///
/// Without dates the points count as days and the subject's own season takes the calendar's place. Exogenous columns
/// become regressors.
pub(crate) fn combined(
    s: &Subject,
    observed: &[f64],
    options: &Options,
    horizon: usize,
) -> Result<Combined, ForecastError> {
    let n = observed.len();
    let times = times(s, n + horizon);
    let mut options = options.clone();
    if s.grid.is_none() {
        without_dates(&mut options, s.season, n);
    }
    for (i, values) in s.exogenous.iter().enumerate() {
        options.regressors.push(Regressor {
            name: format!("column {}", i + 1),
            values: values.clone(),
            prior_scale: None,
            standardize: Standardize::Auto,
            mode: None,
        });
    }
    let whole = fit_history(History { y: observed, times: &times }, &options, Search::Reference)?;
    let schedule = s.schedule(horizon);
    let backtests = schedule
        .all()
        .into_iter()
        .filter_map(|origin| {
            let span = schedule.steps(origin);
            let history = History { y: &observed[..origin], times: &times[..origin + span] };
            // A changepoint that is named lies in the whole history, not in every part of it.
            let mut known = Cow::Borrowed(&options);
            if options.changepoints.is_some() {
                let last = observed[..origin].iter().rposition(|v| !v.is_nan())?;
                known.to_mut().changepoints.iter_mut().for_each(|c| c.retain(|at| *at <= times[last]));
            }
            let p = prediction(&fit_history(history, &known, Search::Exact).ok()?);
            p.is_finite().then_some((origin, p.mean, p.sd))
        })
        .collect();
    let prediction = prediction(&whole);
    if !prediction.is_finite() {
        return Err(ForecastError::NotApplicable { model: "prophet", reason: "its answer is not finite" });
    }
    Ok(combine_alone(s, prediction, backtests, horizon))
}

fn prediction(fitted: &Fitted) -> Prediction {
    Prediction { label: fitted.label(), mean: fitted.mean(), sd: fitted.sd(), fitted: fitted.fitted() }
}

fn times(s: &Subject, points: usize) -> Vec<DateTime> {
    let dated: Option<Vec<DateTime>> =
        s.grid.and_then(|(first, frequency)| (0..points).map(|i| frequency.advance(first, i as i64)).collect());
    dated.unwrap_or_else(|| {
        let first = Date::constant(1970, 1, 1).at(0, 0, 0, 0);
        (0..points).map(|i| first.saturating_add(jiff::Span::new().days(i as i64))).collect()
    })
}

/// Sines and cosines of the season, as many pairs as its points can tell apart, instead of the calendar's.
fn without_dates(options: &mut Options, season: usize, points: usize) {
    (options.yearly, options.weekly, options.daily) = (Choice::Off, Choice::Off, Choice::Off);
    options.country = None;
    if season > 1 && points >= 2 * season {
        options.seasonalities.push(Seasonality {
            name: "season".to_string(),
            period_days: season as f64,
            order: (season / 2).clamp(1, 10),
            prior_scale: None,
            mode: None,
            condition: None,
        });
    }
}
