//! Where a metric would be heading if others went another way than they are expected to: their columns are known over the
//! horizon, once as they are expected and once as supposed.

use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::{Bucket, MetricKind};
use dyocense_domain::runs::RunRefusal;
use dyocense_forecasting::{Forecast, Model, Request, Series, forecast, forecast_supposing, normal_quantile};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::about::{About, Found, Input, OfMetrics};
use super::forecast::{Band, bands_of};
use super::history::{History, HistorySpan, check_reach, grouped, impossible, word};
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

/// How a driver goes on, in the scenario.
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

/// One number for the whole horizon: the sum of a flow, the last step of a level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioPoint {
    pub expected: f64,
    pub supposed: f64,
    pub difference: f64,
    /// Of the difference, in percent.
    pub level: f64,
    pub lower: f64,
    pub upper: f64,
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
const MOST_DRIVERS: usize = 5;
const MOST_PERCENT: f64 = 1_000.0;
const LONGEST_NAME: usize = 100;
/// Steps that the metric and its drivers must share, and more for each driver.
const LEAST_SHARED: usize = 20;
const SHARED_PER_DRIVER: usize = 10;
/// Stretches of the history that are left out in turn.
const STRETCHES: usize = 8;
/// The level of the interval around a scenario's one number, in percent.
const WHOLE_LEVEL: f64 = 95.0;

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

impl OfMetrics for Supposing {
    type Request = WhatIfRequest;
    type Answer = WhatIfAnswer;

    fn check(request: &WhatIfRequest) -> Result<(), RunRefusal> {
        check_reach(request.horizon, &request.levels)?;
        if matches!(request.model, Model::Naive | Model::Ets | Model::Theta | Model::Intermittent) {
            let name = request.model.name();
            return refused(
                "model",
                format!("{name} does not look at other metrics; auto, arima, trees and ensemble do"),
            );
        }
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
        for scenario in &request.scenarios {
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
                match &driver.future {
                    DriverFuture::Percent(percent) if !(-100.0..=MOST_PERCENT).contains(percent) => {
                        let bound = format!("a change by {percent} %: -100 to {MOST_PERCENT} are allowed");
                        return refused("scenarios", bound);
                    }
                    DriverFuture::Values(values) if values.len() != request.horizon => {
                        let (given, due) = (values.len(), request.horizon);
                        return refused(
                            "scenarios",
                            format!("{given} values for a driver: one for each of {due} steps is due"),
                        );
                    }
                    DriverFuture::Values(values) if values.iter().any(|value| !value.is_finite()) => {
                        return refused("scenarios", "a driver's value is no finite number".to_owned());
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn about(request: &WhatIfRequest) -> About {
        About { metric: request.metric_id, others: request.drivers(), bucket: request.bucket }
    }

    fn find(input: Input<WhatIfRequest>, seed: u32, control: &Control) -> Result<Found<WhatIfAnswer>, NoAnswer> {
        let Input { request, history, others: drivers } = input;
        let mut caveats = Vec::new();
        let shared = shared_history(&history, &drivers)?;
        let mut columns = Vec::new();
        for driver in &drivers {
            control.tell(None, format!("forecasting {}", driver.name));
            columns.push(Column::of(driver, &shared, request.horizon, seed, &mut caveats)?);
        }
        let model = if request.model == Model::Auto { Model::Arima } else { request.model };
        let asked = Request { horizon: request.horizon, levels: request.levels.clone(), model, seed: seed.into() };
        let futures: Vec<Vec<Vec<f64>>> =
            request.scenarios.iter().map(|scenario| futures(scenario, &columns)).collect();
        let (trading, starts) = (TradingDays::of(&shared), shared.steps_ahead(request.horizon));
        let answers = |series: &Series| -> Result<Vec<Forecast>, NoAnswer> {
            let baseline: Vec<Vec<f64>> = columns.iter().map(Column::expected).collect();
            std::iter::once(baseline)
                .chain(futures.iter().map(|future| with_futures(&columns, future)))
                .map(|columns| {
                    if control.is_stopped() {
                        return Err(NoAnswer::Stopped);
                    }
                    let mut answer = forecast_supposing(series, &columns, &asked).map_err(impossible)?;
                    trading.close(&starts, &mut answer);
                    Ok(answer)
                })
                .collect()
        };
        control.tell(Some(0.0), "forecasting with all of the history");
        let whole_history = trading.series(&shared, shared.values.len())?;
        let mut found = answers(&whole_history)?;
        let explained = explained(&whole_history, &found[0], &columns, &asked)?;
        // The same without one stretch of the history after another: how much the differences hang on it.
        let mut without: Vec<Vec<Vec<f64>>> = Vec::new();
        for stretch in 0..STRETCHES {
            let share = (stretch + 1) as f64 / (STRETCHES + 1) as f64;
            control.tell(Some(share), format!("stretch {} of {STRETCHES} left out", stretch + 1));
            let cut = without_stretch(&shared, &trading, &explained, stretch)?;
            let answers = answers(&trading.series(&cut, cut.values.len())?)?;
            without.push(differences(&answers));
        }
        let baseline = found.remove(0);
        caveats.extend(trading.caveats(&shared, &starts, &baseline.caveats));
        let sums = shared.kind == MetricKind::Flow;
        let scenarios: Vec<ScenarioAnswer> = request
            .scenarios
            .iter()
            .zip(found)
            .zip(&futures)
            .enumerate()
            .map(|(i, ((scenario, supposed), future))| {
                let of_stretch: Vec<&Vec<f64>> = without.iter().map(|stretch| &stretch[i]).collect();
                let drivers = columns.iter().zip(future);
                ScenarioAnswer {
                    name: scenario.name.clone(),
                    drivers: drivers
                        .map(|(column, values)| DriverPath {
                            metric_id: column.driver.metric_id,
                            values: values.clone(),
                        })
                        .collect(),
                    difference: minus(&supposed.mean, &baseline.mean),
                    difference_bands: bands(&supposed.mean, &baseline.mean, &of_stretch, &asked.levels),
                    whole: whole(&supposed.mean, &baseline.mean, &of_stretch, sums),
                    mean: supposed.mean,
                    bands: bands_of(supposed.intervals),
                }
            })
            .collect();
        for (scenario, future) in request.scenarios.iter().zip(&futures) {
            caveats.extend(beyond_history(scenario, &columns, future, model));
        }
        for scenario in &scenarios {
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
            drivers: columns.into_iter().map(|column| column.driver).collect(),
            starts,
            mean: baseline.mean,
            bands: bands_of(baseline.intervals),
            scenarios,
        };
        Ok(Found { answer, summary, caveats, stopped_early: false })
    }
}

/// The metric's history from the first step that all drivers cover.
fn shared_history(history: &History, drivers: &[History]) -> Result<History, NoAnswer> {
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
struct Column {
    driver: Driver,
    /// Of the steps of the shared history.
    past: Vec<f64>,
}

impl Column {
    fn of(
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
            caveats.push(format!("{} values of {} are missing and were filled in", gaps, driver.name));
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
            values.extend(forecast(&series, &[], &request).map_err(impossible)?.mean);
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

    fn expected(&self) -> Vec<f64> {
        self.with(&self.driver.expected)
    }

    fn with(&self, future: &[f64]) -> Vec<f64> {
        [self.past.as_slice(), future].concat()
    }
}

/// How each driver goes on in a scenario, in the order of the columns.
fn futures(scenario: &Scenario, columns: &[Column]) -> Vec<Vec<f64>> {
    columns
        .iter()
        .map(|column| {
            let expected = &column.driver.expected;
            let named = scenario.drivers.iter().find(|driver| driver.metric_id == column.driver.metric_id);
            match named.map(|driver| &driver.future) {
                None => expected.clone(),
                Some(DriverFuture::Values(values)) => values.clone(),
                Some(DriverFuture::Percent(percent)) => {
                    expected.iter().map(|value| value * (1.0 + percent / 100.0)).collect()
                }
            }
        })
        .collect()
}

fn with_futures(columns: &[Column], futures: &[Vec<f64>]) -> Vec<Vec<f64>> {
    columns.iter().zip(futures).map(|(column, future)| column.with(future)).collect()
}

/// What the drivers explain of each step of the history, up to a constant: how the forecast answers to each of them, by a
/// quarter of its range over all steps ahead.
fn explained(series: &Series, baseline: &Forecast, columns: &[Column], asked: &Request) -> Result<Vec<f64>, NoAnswer> {
    let mut explained = vec![0.0; series.values().len()];
    for (i, column) in columns.iter().enumerate() {
        let driver = &column.driver;
        let change = (driver.highest - driver.lowest) / 4.0;
        let mut moved: Vec<Vec<f64>> = columns.iter().map(Column::expected).collect();
        moved[i] = column.with(&driver.expected.iter().map(|value| value + change).collect::<Vec<_>>());
        let answer = forecast_supposing(series, &moved, asked).map_err(impossible)?;
        let steps = baseline.mean.len() as f64;
        let slope = minus(&answer.mean, &baseline.mean).iter().sum::<f64>() / steps / change;
        explained.iter_mut().zip(&column.past).for_each(|(sum, value)| *sum += slope * value);
    }
    Ok(explained)
}

/// The history without what one of [`STRETCHES`] equal stretches says beyond what is known: its values are what the drivers
/// explain, and between them what the steps around it suggest. Were they what the steps around it suggest alone, the
/// stretch would say that the drivers do nothing, and a driver that matters would look unsure.
fn without_stretch(
    history: &History,
    trading: &TradingDays,
    explained: &[f64],
    stretch: usize,
) -> Result<History, NoAnswer> {
    let n = history.values.len();
    let mut rest = history.clone();
    for (value, explained) in rest.values.iter_mut().zip(explained) {
        *value = value.map(|value| value - explained);
    }
    // The first and the last step stay, so that the calendar does.
    let (begin, end) = (1 + stretch * (n - 2) / STRETCHES, 1 + (stretch + 1) * (n - 2) / STRETCHES);
    rest.values[begin..end].fill(None);
    let (filled, _) = trading.series(&rest, n)?.filled();
    let mut cut = history.clone();
    for t in begin..end {
        cut.values[t] = Some(filled[t] + explained[t]);
    }
    Ok(cut)
}

/// Of each scenario from the baseline, which comes first.
fn differences(answers: &[Forecast]) -> Vec<Vec<f64>> {
    answers[1..].iter().map(|supposed| minus(&supposed.mean, &answers[0].mean)).collect()
}

fn minus(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| one - other).collect()
}

/// Standard deviation of a number by the delete-a-group jackknife (Kott 2001): `without` holds what it is when each group
/// is left out.
fn jackknife(without: &[f64]) -> f64 {
    let count = without.len() as f64;
    let mean = without.iter().sum::<f64>() / count;
    (without.iter().map(|value| (value - mean).powi(2)).sum::<f64>() * (count - 1.0) / count).sqrt()
}

/// Half the width of an interval of `level` percent, in jackknife standard deviations: Student's t with one degree of
/// freedom less than there are stretches, by its Cornish-Fisher expansion.
fn half_width(level: f64) -> f64 {
    let nu = (STRETCHES - 1) as f64;
    let z = normal_quantile(0.5 + level / 200.0);
    let (z3, z5) = (z.powi(3), z.powi(5));
    z + (z3 + z) / (4.0 * nu) + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * nu * nu)
}

fn bands(supposed: &[f64], baseline: &[f64], without: &[&Vec<f64>], levels: &[f64]) -> Vec<Band> {
    let difference = minus(supposed, baseline);
    let spread: Vec<f64> = (0..difference.len())
        .map(|h| jackknife(&without.iter().map(|stretch| stretch[h]).collect::<Vec<_>>()))
        .collect();
    let mut levels = levels.to_vec();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let at = |width: f64| difference.iter().zip(&spread).map(|(mean, sd)| mean + width * sd).collect();
    levels
        .into_iter()
        .map(|level| Band { level, lower: at(-half_width(level)), upper: at(half_width(level)) })
        .collect()
}

fn whole(supposed: &[f64], baseline: &[f64], without: &[&Vec<f64>], sums: bool) -> ScenarioPoint {
    let one = |path: &[f64]| if sums { path.iter().sum() } else { path.last().copied().unwrap_or_default() };
    let (expected, supposed) = (one(baseline), one(supposed));
    let difference = supposed - expected;
    let spread = jackknife(&without.iter().map(|stretch| one(stretch)).collect::<Vec<_>>());
    let width = half_width(WHOLE_LEVEL) * spread;
    ScenarioPoint {
        expected,
        supposed,
        difference,
        level: WHOLE_LEVEL,
        lower: difference - width,
        upper: difference + width,
    }
}

/// What of a scenario lies where history has nothing to say.
fn beyond_history(scenario: &Scenario, columns: &[Column], futures: &[Vec<f64>], model: Model) -> Vec<String> {
    let mut caveats = Vec::new();
    for (column, future) in columns.iter().zip(futures) {
        let Driver { metric_id, name, lowest, highest, .. } = &column.driver;
        let named = scenario.drivers.iter().any(|driver| driver.metric_id == *metric_id);
        let outside = future.iter().filter(|value| *value < lowest || *value > highest).count();
        if named && outside > 0 {
            let trees = match model {
                Model::Trees | Model::Ensemble => "; trees answer there as at the edge",
                _ => "",
            };
            caveats.push(format!(
                "in {}, {name} lies beyond its history ({} to {}) on {outside} of {} steps: what it does there is \
                 extrapolated{trees}",
                scenario.name,
                grouped(*lowest),
                grouped(*highest),
                future.len()
            ));
        }
    }
    caveats
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
