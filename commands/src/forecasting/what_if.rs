//! Where a metric would be heading if others went another way than they are expected to: their columns are known over the
//! horizon, once as they are expected and once as supposed.

use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::{Bucket, MetricKind};
use dyocense_domain::runs::RunRefusal;
use dyocense_forecasting::{Forecast, Model, Request, Series, forecast_supposing};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::about::{About, Found, Input, OfMetrics};
use super::differences::{
    Doubt, STRETCHES, ScenarioPoint, bands, differences, explained, minus, whole, without_stretch,
};
use super::drivers::{Ahead, Column, Driver, DriverFuture, DriverPath, MOST_DRIVERS, check_model, shared_history};
use super::forecast::{Band, bands_of};
use super::history::{History, HistorySpan, check_reach, grouped, impossible, word};
use super::month_days;
use super::trading::TradingDays;
use crate::runs::{Control, NoAnswer};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WhatIfRequest {
    pub metric_id: MetricId,
    /// Steps ahead, 1 to 1,000.
    pub horizon: usize,
    /// Interval levels in percent, each 1 to 99.9.
    pub levels: Vec<f64>,
    /// One that looks at other metrics. [`Model::Auto`] is ARIMA: regression with ARIMA errors.
    pub model: Model,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// 1 to 5, which together name 1 to 5 drivers.
    pub scenarios: Vec<Scenario>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    pub name: String,
    /// Drivers that are not named go as they are expected to.
    pub drivers: Vec<ScenarioDriver>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioDriver {
    pub metric_id: MetricId,
    pub future: DriverFuture,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioAnswer {
    pub name: String,
    pub drivers: Vec<DriverPath>,
    pub mean: Vec<f64>,
    pub bands: Vec<Band>,
    /// `mean` less that of the baseline.
    pub difference: Vec<f64>,
    /// Where the difference lies: much narrower than the forecasts, which share what else may happen.
    pub difference_bands: Vec<Band>,
    pub whole: ScenarioPoint,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WhatIfAnswer {
    pub metric_id: MetricId,
    pub unit: String,
    pub bucket: Bucket,
    /// The days that the metric and all drivers cover.
    pub history: HistorySpan,
    pub model: String,
    pub drivers: Vec<Driver>,
    pub starts: Vec<Date>,
    /// With the drivers as they are expected.
    pub mean: Vec<f64>,
    pub bands: Vec<Band>,
    pub scenarios: Vec<ScenarioAnswer>,
}

const MOST_SCENARIOS: usize = 5;
const LONGEST_NAME: usize = 100;

pub(crate) struct Supposing;

fn refused<T>(field: &'static str, reason: String) -> Result<T, RunRefusal> {
    Err(RunRefusal::Request { field, reason })
}

impl WhatIfRequest {
    /// All drivers, in the order in which scenarios name them.
    fn drivers(&self) -> Vec<MetricId> {
        let mut drivers = Vec::new();
        for driver in self.scenarios.iter().flat_map(|scenario| &scenario.drivers) {
            if !drivers.contains(&driver.metric_id) {
                drivers.push(driver.metric_id);
            }
        }
        drivers
    }
}

impl Scenario {
    fn future_of(&self, column: &Column) -> Option<&DriverFuture> {
        let driver = self.drivers.iter().find(|driver| driver.metric_id == column.driver.metric_id);
        driver.map(|driver| &driver.future)
    }
}

impl OfMetrics for Supposing {
    type Request = WhatIfRequest;
    type Answer = WhatIfAnswer;

    fn check(request: &WhatIfRequest) -> Result<(), RunRefusal> {
        check_reach(request.horizon, &request.levels)?;
        check_model(request.model)?;
        let count = request.scenarios.len();
        if !(1..=MOST_SCENARIOS).contains(&count) {
            return refused("scenarios", format!("{count} scenarios: 1 to {MOST_SCENARIOS} are allowed"));
        }
        let drivers = request.drivers().len();
        if drivers > MOST_DRIVERS {
            return refused(
                "scenarios",
                format!("{drivers} drivers in all scenarios: at most {MOST_DRIVERS} are allowed"),
            );
        }
        for (i, scenario) in request.scenarios.iter().enumerate() {
            if request.scenarios[..i].iter().any(|other| other.name == scenario.name) {
                return refused("scenarios", format!("two scenarios are called {}", scenario.name));
            }
            let length = scenario.name.chars().count();
            if !(1..=LONGEST_NAME).contains(&length) {
                return refused("scenarios", format!("a name of {length} characters: 1 to {LONGEST_NAME} are allowed"));
            }
            if scenario.drivers.is_empty() {
                return refused("scenarios", format!("the scenario {} names no driver", scenario.name));
            }
            for (i, driver) in scenario.drivers.iter().enumerate() {
                if driver.metric_id == request.metric_id {
                    return refused("scenarios", "a metric is no driver of itself".to_owned());
                }
                if scenario.drivers[..i].iter().any(|other| other.metric_id == driver.metric_id) {
                    return refused("scenarios", format!("the scenario {} names a driver twice", scenario.name));
                }
                driver.future.check("scenarios", request.horizon)?;
            }
        }
        Ok(())
    }

    fn about(request: &WhatIfRequest) -> About {
        About { metric: request.metric_id, others: request.drivers(), bucket: request.bucket }
    }

    fn find(input: Input<WhatIfRequest>, seed: u32, control: &Control) -> Result<Found<WhatIfAnswer>, NoAnswer> {
        let Input { request, history, others: drivers, .. } = input;
        let mut caveats = Vec::new();
        let shared = shared_history(&history, &drivers)?;
        let mut columns = Vec::new();
        for driver in &drivers {
            control.tell(None, format!("forecasting {}", driver.name));
            columns.push(Column::of(driver, &shared, request.horizon, seed, &mut caveats)?);
        }
        let calendar = match shared.rhythms.is_known() {
            true => month_days::columns(&shared, shared.values.len(), request.horizon),
            false => Vec::new(),
        };
        let ahead = Ahead { drivers: columns, calendar };
        let model = if request.model == Model::Auto { Model::Arima } else { request.model };
        let asked = Request { horizon: request.horizon, levels: request.levels.clone(), model, seed: seed.into() };
        let futures: Vec<Vec<Vec<f64>>> =
            request.scenarios.iter().map(|scenario| futures(scenario, &ahead.drivers)).collect();
        let (trading, starts) = (TradingDays::of(&shared), shared.steps_ahead(request.horizon));
        let answers = |series: &Series, asked: &Request| -> Result<Vec<Forecast>, NoAnswer> {
            std::iter::once(ahead.expected())
                .chain(futures.iter().map(|future| ahead.with(future)))
                .map(|columns| {
                    if control.is_stopped() {
                        return Err(NoAnswer::Stopped);
                    }
                    let mut answer = forecast_supposing(series, &columns, asked).map_err(impossible)?;
                    trading.close(&starts, &mut answer);
                    Ok(answer)
                })
                .collect()
        };
        control.tell(Some(0.0), "forecasting with all of the history");
        let whole_history = trading.series(&shared, shared.values.len())?;
        let mut found = answers(&whole_history, &asked)?;
        let by_regression = match model {
            Model::Arima => None,
            _ => Some(differences(&answers(&whole_history, &Request { model: Model::Arima, ..asked.clone() })?)),
        };
        let explained = explained(&whole_history, &found[0], &ahead, &asked)?;
        // The same without one stretch of the history after another: how much the differences hang on it.
        let mut without: Vec<Vec<Vec<f64>>> = Vec::new();
        for stretch in 0..STRETCHES {
            let share = (stretch + 1) as f64 / (STRETCHES + 1) as f64;
            control.tell(Some(share), format!("stretch {} of {STRETCHES} left out", stretch + 1));
            let cut = without_stretch(&shared, &trading, &explained, stretch)?;
            let answers = answers(&trading.series(&cut, cut.values.len())?, &asked)?;
            without.push(differences(&answers));
        }
        let baseline = found.remove(0);
        if !ahead.calendar.is_empty() {
            let step = word(shared.bucket);
            caveats.push(format!("the days of each {step} count, by what each weekday brings in {}", shared.name));
        }
        caveats.extend(trading.caveats(&shared, &starts, &baseline.caveats));
        let sums = shared.kind == MetricKind::Flow;
        let scenarios: Vec<ScenarioAnswer> = request
            .scenarios
            .iter()
            .zip(found)
            .zip(&futures)
            .enumerate()
            .map(|(i, ((scenario, supposed), future))| {
                let doubt = Doubt {
                    without: without.iter().map(|stretch| &stretch[i]).collect(),
                    by_regression: by_regression.as_ref().map(|differences| &differences[i]),
                };
                let drivers = ahead.drivers.iter().zip(future);
                ScenarioAnswer {
                    name: scenario.name.clone(),
                    drivers: drivers
                        .map(|(column, values)| DriverPath {
                            metric_id: column.driver.metric_id,
                            values: values.clone(),
                        })
                        .collect(),
                    difference: minus(&supposed.mean, &baseline.mean),
                    difference_bands: bands(&supposed.mean, &baseline.mean, &doubt, &asked.levels),
                    whole: whole(&supposed.mean, &baseline.mean, &doubt, sums),
                    mean: supposed.mean,
                    bands: bands_of(supposed.intervals),
                }
            })
            .collect();
        for (scenario, future) in request.scenarios.iter().zip(&futures) {
            let place = format!("in {}, ", scenario.name);
            let named = ahead.drivers.iter().zip(future).filter(|(column, _)| scenario.future_of(column).is_some());
            caveats.extend(
                named.filter_map(|(column, future)| column.beyond_history(&place, future, model, shared.bucket)),
            );
        }
        for scenario in &scenarios {
            let is_supposed =
                scenario.drivers.iter().zip(&ahead.drivers).any(|(path, c)| path.values != c.driver.expected);
            if is_supposed && scenario.difference.iter().all(|value| *value == 0.0) {
                caveats.push(format!(
                    "{} sees nothing of the drivers in so little history: no difference in {} is no finding; ARIMA looks at \
                     every driver",
                    request.model.name(),
                    scenario.name
                ));
            }
            if scenario.whole.lower <= 0.0 && scenario.whole.upper >= 0.0 {
                caveats.push(format!("history does not show the effect of {} beyond chance", scenario.name));
            }
        }
        let names: Vec<&str> = drivers.iter().map(|driver| driver.name.as_str()).collect();
        caveats.push(format!(
            "what went together in the past need not be cause and effect: this is no proof that changing {} changes {}",
            names.join(" or "),
            history.name
        ));
        let summary = summary(&shared, request.horizon, &scenarios);
        let answer = WhatIfAnswer {
            metric_id: history.metric_id,
            unit: history.unit.clone(),
            bucket: history.bucket,
            history: shared.span(),
            model: baseline.model,
            drivers: ahead.drivers.into_iter().map(|column| column.driver).collect(),
            starts,
            mean: baseline.mean,
            bands: bands_of(baseline.intervals),
            scenarios,
        };
        Ok(Found { answer, summary, caveats, stopped_early: false })
    }
}

/// How each driver goes on in a scenario, in the order of the columns.
fn futures(scenario: &Scenario, columns: &[Column]) -> Vec<Vec<f64>> {
    columns.iter().map(|column| column.future(scenario.future_of(column))).collect()
}

fn summary(history: &History, horizon: usize, scenarios: &[ScenarioAnswer]) -> String {
    let span = match horizon {
        1 => format!("the next {}", word(history.bucket)),
        _ => format!("the next {horizon} {}s", word(history.bucket)),
    };
    let said: Vec<String> = scenarios
        .iter()
        .map(|scenario| {
            let ScenarioPoint { expected, supposed, difference, level, lower, upper } = &scenario.whole;
            let verb = if history.kind == MetricKind::Flow { "adds up to" } else { "ends at" };
            let change = if *difference < 0.0 { "less" } else { "more" };
            format!(
                "{}: {} {verb} about {} over {span} instead of {}, {} {change} (with {level:.0} %, a difference of {} to {}).",
                scenario.name,
                history.name,
                history.amount(*supposed),
                grouped(*expected),
                grouped(difference.abs()),
                grouped(*lower),
                grouped(*upper)
            )
        })
        .collect();
    said.join(" ")
}

#[cfg(test)]
#[path = "what_if_tests.rs"]
mod tests;
