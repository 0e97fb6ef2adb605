//! Metrics that move another one: what is known of them over a shared history, and how they go on.

use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::Bucket;
use dyocense_domain::runs::RunRefusal;
use dyocense_forecasting::{Model, Request};
use serde::{Deserialize, Serialize};

use super::history::{History, grouped, word};
use super::month_days::forecast_on_calendar;
use super::words::counted;
use crate::runs::NoAnswer;

/// How a driver goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriverFuture {
    /// Every step is so many percent above (or, negative, below) what is expected.
    Percent(f64),
    /// The value of each step ahead, in the driver's unit.
    Values(Vec<f64>),
}

/// A metric whose future is supposed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    pub metric_id: MetricId,
    pub name: String,
    pub unit: String,
    /// Within the history behind the answer.
    pub lowest: f64,
    pub highest: f64,
    /// How it is expected to go on.
    pub expected: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriverPath {
    pub metric_id: MetricId,
    pub values: Vec<f64>,
}

pub(super) const MOST_DRIVERS: usize = 5;
const MOST_PERCENT: f64 = 1_000.0;
/// Steps that the metric and its drivers must share, and more for each driver.
const LEAST_SHARED: usize = 20;
const SHARED_PER_DRIVER: usize = 10;

/// Refuses models that look at nothing but the metric itself.
pub(super) fn check_model(model: Model) -> Result<(), RunRefusal> {
    match model {
        Model::Naive | Model::Ets | Model::Theta | Model::Intermittent => Err(RunRefusal::Request {
            field: "model",
            reason: format!(
                "{} does not look at other metrics; auto, arima, trees, prophet and ensemble do",
                model.name()
            ),
        }),
        Model::Auto | Model::Arima | Model::Trees | Model::Prophet | Model::Ensemble => Ok(()),
    }
}

impl DriverFuture {
    /// Refuses what no driver does over `horizon` steps; `field` is where it was asked.
    pub(super) fn check(&self, field: &'static str, horizon: usize) -> Result<(), RunRefusal> {
        let refused = |reason: String| Err(RunRefusal::Request { field, reason });
        match self {
            DriverFuture::Percent(percent) if !(-100.0..=MOST_PERCENT).contains(percent) => {
                refused(format!("a change by {percent} %: -100 to {MOST_PERCENT} are allowed"))
            }
            DriverFuture::Values(values) if values.len() != horizon => {
                refused(format!("{} values for a driver: one for each of {horizon} steps is due", values.len()))
            }
            DriverFuture::Values(values) if values.iter().any(|value| !value.is_finite()) => {
                refused("a driver's value is no finite number".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn from(&self, expected: &[f64]) -> Vec<f64> {
        match self {
            DriverFuture::Values(values) => values.clone(),
            DriverFuture::Percent(percent) => expected.iter().map(|value| value * (1.0 + percent / 100.0)).collect(),
        }
    }
}

/// The metric's history from the first step that all drivers cover.
pub(super) fn shared_history(history: &History, drivers: &[History]) -> Result<History, NoAnswer> {
    let steps = history.steps();
    let first = drivers.iter().map(|driver| driver.first).max().unwrap_or(history.first).max(history.first);
    // Neither begins with a step that has no value.
    let begin = steps.iter().position(|(start, value)| *start >= first && value.is_some()).unwrap_or(steps.len());
    let needed = LEAST_SHARED + SHARED_PER_DRIVER * drivers.len();
    let count = steps.len() - begin;
    if count < needed {
        return Err(NoAnswer::Impossible(format!(
            "{} and its drivers share {count} {}s of history; at least {needed} are needed",
            history.name,
            word(history.bucket)
        )));
    }
    let values = history.values[begin..].to_vec();
    Ok(History { first: steps[begin].0, values, ..history.clone() })
}

/// A driver over the shared history and the horizon.
pub(super) struct Column {
    pub driver: Driver,
    /// Of the steps of the shared history.
    pub past: Vec<f64>,
}

impl Column {
    pub fn of(
        driver: &History,
        shared: &History,
        horizon: usize,
        seed: u32,
        caveats: &mut Vec<String>,
    ) -> Result<Column, NoAnswer> {
        let steps = driver.steps();
        let Some(begin) = steps.iter().position(|(start, _)| *start >= shared.first) else {
            let apart = format!("{} ends before its history with {} begins", driver.name, shared.name);
            return Err(NoAnswer::Impossible(apart));
        };
        let series = driver.series(driver.values.len())?;
        let (filled, gaps) = series.filled();
        if gaps > 0 {
            caveats.push(format!("{} of {} without a value were filled in", counted(gaps, driver.bucket), driver.name));
        }
        let mut values = filled[begin..].to_vec();
        let needed = shared.values.len() + horizon;
        if values.len() < shared.values.len() {
            let missing = shared.values.len() - values.len();
            caveats.push(format!(
                "{} ends {missing} {}s before {}: its own forecast stands for them",
                driver.name,
                word(driver.bucket),
                shared.name
            ));
        }
        if values.len() < needed {
            let request =
                Request { horizon: needed - values.len(), levels: vec![], model: Model::Auto, seed: seed.into() };
            values.extend(forecast_on_calendar(driver, &series, &[], &request)?.0.mean);
        }
        values.truncate(needed);
        let expected = values.split_off(shared.values.len());
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if lowest == highest {
            let never = format!("{} never changed: what a change of it does cannot be known", driver.name);
            return Err(NoAnswer::Impossible(never));
        }
        let (metric_id, name, unit) = (driver.metric_id, driver.name.clone(), driver.unit.clone());
        Ok(Column { driver: Driver { metric_id, name, unit, lowest, highest, expected }, past: values })
    }

    pub fn expected(&self) -> Vec<f64> {
        self.with(&self.driver.expected)
    }

    pub fn with(&self, future: &[f64]) -> Vec<f64> {
        [self.past.as_slice(), future].concat()
    }

    /// Its values over the steps ahead: as they are expected where nothing else is said.
    pub fn future(&self, said: Option<&DriverFuture>) -> Vec<f64> {
        said.map_or_else(|| self.driver.expected.clone(), |future| future.from(&self.driver.expected))
    }

    /// What of its future lies where history has nothing to say; `place` is where that was supposed, as "in a scenario, ".
    pub fn beyond_history(&self, place: &str, future: &[f64], model: Model, bucket: Bucket) -> Option<String> {
        let Driver { name, lowest, highest, .. } = &self.driver;
        let outside = future.iter().filter(|value| *value < lowest || *value > highest).count();
        let trees = match model {
            Model::Trees | Model::Ensemble | Model::Auto => "; trees answer there as at the edge",
            _ => "",
        };
        (outside > 0).then(|| {
            format!(
                "{place}{name} lies beyond its history ({} to {}) on {outside} of {}: what it does there is \
                 extrapolated{trees}",
                grouped(*lowest),
                grouped(*highest),
                counted(future.len(), bucket)
            )
        })
    }
}

/// What is supposed to be known over the history and the horizon: the drivers, and beside them what no scenario changes.
pub(super) struct Ahead {
    pub drivers: Vec<Column>,
    /// What the days of each month or quarter usually bring; none for other steps and where days are not known.
    pub calendar: Vec<Vec<f64>>,
}

impl Ahead {
    /// With the drivers as they are expected.
    pub fn expected(&self) -> Vec<Vec<f64>> {
        let drivers = self.drivers.iter().map(Column::expected);
        drivers.chain(self.calendar.iter().cloned()).collect()
    }

    /// With a future for each driver, in their order.
    pub fn with(&self, futures: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let drivers = self.drivers.iter().zip(futures).map(|(column, future)| column.with(future));
        drivers.chain(self.calendar.iter().cloned()).collect()
    }
}
