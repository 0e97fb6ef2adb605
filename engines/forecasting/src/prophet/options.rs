//! What an analyst may say about a series before Prophet is fitted to it. The defaults are those of Taylor & Letham.

use std::borrow::Cow;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};

use crate::holidays::Country;

/// How the trend grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Growth {
    /// Straight between changepoints.
    #[default]
    Linear,
    /// Saturating between [`Options::floor`] and [`Options::cap`], which must be given.
    Logistic,
    /// A level that stays.
    Flat,
}

impl FromStr for Growth {
    type Err = String;

    fn from_str(text: &str) -> Result<Growth, String> {
        match text {
            "linear" => Ok(Growth::Linear),
            "logistic" => Ok(Growth::Logistic),
            "flat" => Ok(Growth::Flat),
            _ => Err(format!("unknown growth {text}; one of linear, logistic, flat")),
        }
    }
}

/// How a component joins the trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Added to it, in the unit of the series.
    #[default]
    Additive,
    /// A share of it: `trend * (1 + component)`.
    Multiplicative,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Mode, String> {
        match text {
            "additive" => Ok(Mode::Additive),
            "multiplicative" => Ok(Mode::Multiplicative),
            _ => Err(format!("unknown mode {text}; one of additive, multiplicative")),
        }
    }
}

/// Whether a built-in seasonality takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// Where the history shows it: yearly from 730 days on, weekly from two weeks of points less than a week apart,
    /// daily from two days of points less than a day apart.
    #[default]
    Auto,
    /// With its usual Fourier order: 10 for the year, 3 for the week, 4 for the day.
    On,
    Off,
    /// With this Fourier order.
    Order(usize),
}

/// A seasonality beyond the built-in ones, or one that takes the place of the built-in one of its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Seasonality {
    pub name: String,
    pub period_days: f64,
    /// Pairs of sine and cosine, at least 1.
    pub order: usize,
    /// Standard deviation of the coefficients' prior; [`Options::seasonality_scale`] when absent.
    pub prior_scale: Option<f64>,
    /// [`Options::mode`] when absent.
    pub mode: Option<Mode>,
    /// Where it applies, one value for each point of the history and the horizon; everywhere when absent.
    pub condition: Option<Vec<bool>>,
}

/// A day, or days, that come again and have an effect of their own, the same each time.
#[derive(Debug, Clone, PartialEq)]
pub struct Holiday {
    pub name: String,
    /// When it was and will be. Dates that no point of the history shares teach nothing.
    pub dates: Vec<Date>,
    /// Days before that have an effect of their own each, and days after.
    pub days_before: u32,
    pub days_after: u32,
    /// Standard deviation of the effect's prior; [`Options::holiday_scale`] when absent.
    pub prior_scale: Option<f64>,
}

/// Whether a regressor is brought to mean 0 and deviation 1 over the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standardize {
    /// Unless it only takes the values 0 and 1.
    #[default]
    Auto,
    Always,
    Never,
}

/// A column that is known over the history and the horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct Regressor {
    pub name: String,
    /// One value for each point of the history and the horizon.
    pub values: Vec<f64>,
    /// Standard deviation of the coefficient's prior; [`Options::holiday_scale`] when absent.
    pub prior_scale: Option<f64>,
    pub standardize: Standardize,
    /// [`Options::mode`] when absent.
    pub mode: Option<Mode>,
}

/// A bound of saturating growth, in the unit of the series.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    Constant(f64),
    /// One value for each point of the history and the horizon.
    Varying(Vec<f64>),
}

/// Everything that may be said about the model. `Options::default()` is Prophet's own default.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub growth: Growth,
    /// Upper bound of logistic growth.
    pub cap: Option<Bound>,
    /// Lower bound of logistic growth; 0 when absent.
    pub floor: Option<Bound>,
    /// Times at which the trend may change; spread over the history when absent.
    pub changepoints: Option<Vec<DateTime>>,
    /// How many times are spread, and over which first share of the history.
    pub changepoint_count: usize,
    pub changepoint_range: f64,
    /// Scale of the Laplace prior of a change of the trend.
    pub changepoint_scale: f64,
    pub yearly: Choice,
    pub weekly: Choice,
    pub daily: Choice,
    /// How seasonalities, and what says nothing else, join the trend.
    pub mode: Mode,
    /// How holidays join the trend; as [`Options::mode`] when absent.
    pub holidays_mode: Option<Mode>,
    pub seasonality_scale: f64,
    pub holiday_scale: f64,
    pub seasonalities: Vec<Seasonality>,
    pub holidays: Vec<Holiday>,
    /// A country whose public holidays are holidays of the model.
    pub country: Option<Country>,
    pub regressors: Vec<Regressor>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            growth: Growth::Linear,
            cap: None,
            floor: None,
            changepoints: None,
            changepoint_count: 25,
            changepoint_range: 0.8,
            changepoint_scale: 0.05,
            yearly: Choice::Auto,
            weekly: Choice::Auto,
            daily: Choice::Auto,
            mode: Mode::Additive,
            holidays_mode: None,
            seasonality_scale: 10.0,
            holiday_scale: 10.0,
            seasonalities: Vec::new(),
            holidays: Vec::new(),
            country: None,
            regressors: Vec::new(),
        }
    }
}

impl Options {
    /// The same for a series without its first `dropped` points: what is said point by point moves with them.
    pub(crate) fn later(&self, dropped: usize) -> Cow<'_, Options> {
        if dropped == 0 {
            return Cow::Borrowed(self);
        }
        fn cut<T: Clone>(values: &mut Vec<T>, dropped: usize) {
            *values = values.split_off(dropped.min(values.len()));
        }
        let mut own = self.clone();
        for bound in [&mut own.cap, &mut own.floor] {
            if let Some(Bound::Varying(values)) = bound {
                cut(values, dropped);
            }
        }
        for condition in own.seasonalities.iter_mut().filter_map(|s| s.condition.as_mut()) {
            cut(condition, dropped);
        }
        for r in &mut own.regressors {
            cut(&mut r.values, dropped);
        }
        Cow::Owned(own)
    }
}
