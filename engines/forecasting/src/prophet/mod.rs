//! Prophet: a trend that bends at changepoints, seasonalities as Fourier series, holidays and regressors, fitted as one
//! regression by the maximum of its posterior (Taylor & Letham 2018). Uncertainty comes from futures in which the trend
//! goes on bending as it did.
//!
//! The reference implementation's search comes to rest a little before the maximum, at kinks of the changes' prior, and
//! forecasts then differ from those at the maximum by up to a few percent. People compare the two programs, so the search
//! is the same one from 100 points on; shorter histories and backtests take the maximum itself, which costs less.

mod design;
mod fit;
mod lasso;
mod member;
mod newton;
mod options;
mod search;
mod simulate;

use jiff::civil::DateTime;

use crate::error::ForecastError;
use crate::series::Series;
use design::Design;
use fit::{Parameters, Search};

pub(crate) use design::History;
pub(crate) use member::combined;
pub use options::{Bound, Choice, Growth, Holiday, Mode, Options, Regressor, Seasonality, Standardize};

/// A part of the forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Name of the seasonality, holiday or regressor.
    pub name: String,
    pub mode: Mode,
    /// Effect at each point of history and horizon: in the unit of the series when additive, else a share of the trend.
    pub values: Vec<f64>,
}

/// A fitted model over its history and horizon.
#[derive(Debug, Clone)]
pub struct Fitted {
    design: Design,
    parameters: Parameters,
    /// Points of the history; those of the horizon follow.
    history: usize,
    times: Vec<DateTime>,
}

/// Fits the model to a series with dates. Missing points stay out of the fit.
///
/// # Errors
/// A series without dates or with fewer than two observed points; an option outside its bounds; columns that do not
/// cover history and horizon.
pub fn fit(series: &Series, horizon: usize, options: &Options) -> Result<Fitted, ForecastError> {
    if horizon > crate::MAX_HORIZON {
        return Err(ForecastError::Horizon { horizon, bound: crate::MAX_HORIZON });
    }
    let points = series.values().len() + horizon;
    let times: Option<Vec<DateTime>> = (0..points).map(|i| series.time(i)).collect();
    let times = times.ok_or(ForecastError::NotApplicable { model: "prophet", reason: "it has no dates" })?;
    fit_history(History { y: series.values(), times: &times }, options, Search::Reference)
}

pub(crate) fn fit_history(history: History, options: &Options, search: Search) -> Result<Fitted, ForecastError> {
    let design = Design::new(history, options)?;
    let parameters = fit::fit(&design, search);
    Ok(Fitted { design, parameters, history: history.y.len(), times: history.times.to_vec() })
}

impl Fitted {
    /// The most probable value of each step of the horizon.
    pub fn mean(&self) -> Vec<f64> {
        self.values().split_off(self.history)
    }

    /// The most probable value of each point of the history.
    pub fn fitted(&self) -> Vec<f64> {
        let mut values = self.values();
        values.truncate(self.history);
        values
    }

    fn values(&self) -> Vec<f64> {
        let (added, multiplied) = self.effects();
        let parts = added.iter().zip(&multiplied);
        self.trend().iter().zip(parts).map(|(t, (a, m))| t * (1.0 + m) + a).collect()
    }

    /// The trend at each point of history and horizon, in the unit of the series.
    pub fn trend(&self) -> Vec<f64> {
        let d = &self.design;
        (0..d.t.len())
            .map(|i| d.floor[i] + d.scale * self.parameters.trend(d.growth, &d.changes, d.t[i], d.cap[i]))
            .collect()
    }

    /// Times at which the trend changed and by how much its slope did, in the unit of the series a day (for logistic
    /// growth: of its linear predictor). Those that the prior keeps at nothing are left out.
    pub fn trend_changes(&self) -> Vec<(DateTime, f64)> {
        let d = &self.design;
        let days = self.days();
        let unit = if d.growth == Growth::Logistic { 1.0 } else { d.scale };
        let at = |c: f64| d.t.iter().position(|t| *t >= c - 1e-12).map(|i| self.times[i]);
        let changes = d.changes.iter().zip(&self.parameters.changes);
        changes.filter(|(_, change)| **change != 0.0).filter_map(|(c, v)| Some((at(*c)?, v * unit / days))).collect()
    }

    /// Days between the first and the last observed point.
    fn days(&self) -> f64 {
        let seconds = |i: usize| crate::calendar::epoch_seconds(self.times[i]) as f64;
        let observed = &self.design.observed;
        (seconds(observed[observed.len() - 1]) - seconds(observed[0])) / 86_400.0
    }

    /// Seasonalities, holidays and regressors, in the order in which they were given.
    pub fn components(&self) -> Vec<Component> {
        let mut out: Vec<Component> = Vec::new();
        for (column, b) in self.design.columns.iter().zip(&self.parameters.coefficients) {
            let unit = if column.mode == Mode::Additive { self.design.scale } else { 1.0 };
            let place = out.iter().position(|c| c.name == column.component && c.mode == column.mode);
            let place = place.unwrap_or_else(|| {
                let values = vec![0.0; column.values.len()];
                out.push(Component { name: column.component.clone(), mode: column.mode, values });
                out.len() - 1
            });
            for (sum, v) in out[place].values.iter_mut().zip(&column.values) {
                *sum += unit * b * v;
            }
        }
        out
    }

    /// Sum of the additive components, in the unit of the series, and of the multiplicative ones at each point.
    fn effects(&self) -> (Vec<f64>, Vec<f64>) {
        let points = self.design.t.len();
        let (mut added, mut multiplied) = (vec![0.0; points], vec![0.0; points]);
        for (column, b) in self.design.columns.iter().zip(&self.parameters.coefficients) {
            let (target, unit) = match column.mode {
                Mode::Additive => (&mut added, self.design.scale),
                Mode::Multiplicative => (&mut multiplied, 1.0),
            };
            for (sum, v) in target.iter_mut().zip(&column.values) {
                *sum += unit * b * v;
            }
        }
        (added, multiplied)
    }

    /// The notation of the model: growth and components.
    pub fn label(&self) -> String {
        let growth = match self.design.growth {
            Growth::Linear => "linear",
            Growth::Logistic => "logistic",
            Growth::Flat => "flat",
        };
        let mut names: Vec<&str> = Vec::new();
        for c in &self.design.columns {
            if !names.contains(&c.component.as_str()) {
                names.push(&c.component);
            }
        }
        let more = names.len().saturating_sub(4);
        names.truncate(4);
        let mut label = format!("Prophet({})", std::iter::once(growth).chain(names).collect::<Vec<_>>().join(","));
        if more > 0 {
            label.insert_str(label.len() - 1, &format!(",+{more}"));
        }
        label
    }
}
