//! What if other metrics went another way: what is asked, and what is answered.

use async_graphql::{Context, ID, InputObject, OneofObject, SimpleObject};
use dyocense_commands::forecasting as answers;
use dyocense_domain::runs::RunKind;

use super::inputs::Ahead;
use super::types::{ForecastInterval, ForecastModel, ForecastPoint, HistorySpan, at, points};
use crate::graphql::ids::Kind;
use crate::graphql::metrics::Bucket;
use crate::graphql::runs::asking::{Asks, NoQuestion, Question, known_metric};
use crate::graphql::scalars::Date;

/// How a driver goes on: one of these.
#[derive(OneofObject)]
pub enum DriverFutureInput {
    /// By so many percent above (or, negative, below) what is expected (-100 to 1,000), on every step.
    ChangePercent(f64),
    /// With these values, one for each step ahead, in the driver's unit.
    Values(Vec<f64>),
}

impl From<DriverFutureInput> for answers::DriverFuture {
    fn from(future: DriverFutureInput) -> Self {
        match future {
            DriverFutureInput::ChangePercent(percent) => Self::Percent(percent),
            DriverFutureInput::Values(values) => Self::Values(values),
        }
    }
}

/// Another metric, and how it goes on.
#[derive(InputObject)]
pub struct DriverInput {
    /// The metric.
    metric_id: ID,
    /// How it goes on.
    future: DriverFutureInput,
}

/// What is supposed. Drivers of other scenarios go as they are expected to.
#[derive(InputObject)]
pub struct ScenarioInput {
    /// What it is called (1 to 100 characters).
    name: String,
    /// The metrics that go another way (1 to 5).
    drivers: Vec<DriverInput>,
}

/// What to suppose.
#[derive(InputObject)]
pub struct WhatIfInput {
    /// The metric that is looked at.
    metric_id: ID,
    #[graphql(flatten)]
    ahead: Ahead,
    /// The scenarios (1 to 5), which together name at most 5 drivers.
    scenarios: Vec<ScenarioInput>,
    /// A model that looks at other metrics: `AUTO` and `ARIMA` (regression with ARIMA errors), `TREES`,
    /// `PROPHET`, `ENSEMBLE`.
    #[graphql(default_with = "ForecastModel::Auto")]
    model: ForecastModel,
}

impl Asks for WhatIfInput {
    async fn question(self, ctx: &Context<'_>) -> Result<Question, NoQuestion> {
        let mut scenarios = Vec::with_capacity(self.scenarios.len());
        for scenario in self.scenarios {
            let mut drivers = Vec::with_capacity(scenario.drivers.len());
            for driver in scenario.drivers {
                let metric_id = known_metric(ctx, &driver.metric_id, "scenarios").await?;
                drivers.push(answers::ScenarioDriver { metric_id, future: driver.future.into() });
            }
            scenarios.push(answers::Scenario { name: scenario.name, drivers });
        }
        let request = answers::WhatIfRequest {
            metric_id: known_metric(ctx, &self.metric_id, "metricId").await?,
            horizon: self.ahead.steps()?,
            levels: self.ahead.levels.clone(),
            model: self.model.into(),
            bucket: Some(self.ahead.bucket.into()),
            scenarios,
        };
        self.ahead.question(RunKind::WhatIf, &request)
    }
}

/// A metric that goes another way in a scenario.
#[derive(SimpleObject)]
pub struct WhatIfDriver {
    /// The metric's id.
    metric_id: ID,
    /// What it is called.
    name: String,
    /// What one of it is.
    unit: String,
    /// The lowest value that history knows.
    lowest: f64,
    /// The highest value that history knows.
    highest: f64,
    /// How it is expected to go on, by its own forecast.
    expected: Vec<f64>,
}

impl From<answers::Driver> for WhatIfDriver {
    fn from(driver: answers::Driver) -> Self {
        Self {
            metric_id: Kind::Metric.id(driver.metric_id),
            name: driver.name,
            unit: driver.unit,
            lowest: driver.lowest,
            highest: driver.highest,
            expected: driver.expected,
        }
    }
}

/// How a driver goes on in a scenario.
#[derive(SimpleObject)]
pub struct WhatIfDriverPath {
    /// The metric's id.
    metric_id: ID,
    /// Its values, a step each.
    values: Vec<f64>,
}

/// One step ahead in a scenario.
#[derive(SimpleObject)]
pub struct WhatIfPoint {
    /// The step's first day.
    start: Date,
    /// The value in the scenario.
    mean: f64,
    /// Where it lies with the levels asked for, the narrowest first.
    intervals: Vec<ForecastInterval>,
    /// The value less that of the baseline.
    difference: f64,
    /// Where the difference lies: narrower than the forecasts, which share what else may happen.
    difference_intervals: Vec<ForecastInterval>,
}

/// A difference, and how sure it is.
#[derive(SimpleObject)]
pub struct WhatIfDifference {
    /// The expected difference.
    value: f64,
    /// The probability of its interval in percent.
    level: f64,
    /// The interval's lower end.
    lower: f64,
    /// The interval's upper end. An interval around zero shows no effect beyond chance.
    upper: f64,
}

/// A scenario beside the baseline.
#[derive(SimpleObject)]
pub struct WhatIfScenario {
    /// What it is called.
    name: String,
    /// How the drivers go on in it.
    drivers: Vec<WhatIfDriverPath>,
    /// The steps ahead.
    points: Vec<WhatIfPoint>,
    /// The baseline over the whole horizon: the sum of a flow, the last step of a level.
    expected: f64,
    /// The scenario over the whole horizon.
    supposed: f64,
    /// The scenario less the baseline, over the whole horizon.
    difference: WhatIfDifference,
}

/// Where a metric is heading, and where it would be heading if other metrics went another way.
#[derive(SimpleObject)]
pub struct WhatIf {
    /// The unit of all values but the drivers'.
    unit: String,
    /// The calendar's step.
    bucket: Bucket,
    /// What it rests on: the steps that the metric and all drivers cover.
    history: HistorySpan,
    /// The model in the field's own notation.
    model: String,
    /// The metrics that go another way.
    drivers: Vec<WhatIfDriver>,
    /// The forecast with all drivers as they are expected.
    baseline: Vec<ForecastPoint>,
    /// The scenarios, in the order in which they were asked.
    scenarios: Vec<WhatIfScenario>,
}

impl From<answers::WhatIfAnswer> for WhatIf {
    fn from(answer: answers::WhatIfAnswer) -> Self {
        let starts = answer.starts;
        let scenario = |scenario: answers::ScenarioAnswer| WhatIfScenario {
            points: starts
                .iter()
                .enumerate()
                .filter_map(|(i, start)| {
                    Some(WhatIfPoint {
                        start: Date(*start),
                        mean: *scenario.mean.get(i)?,
                        intervals: at(&scenario.bands, i),
                        difference: *scenario.difference.get(i)?,
                        difference_intervals: at(&scenario.difference_bands, i),
                    })
                })
                .collect(),
            name: scenario.name,
            drivers: scenario
                .drivers
                .into_iter()
                .map(|path| WhatIfDriverPath { metric_id: Kind::Metric.id(path.metric_id), values: path.values })
                .collect(),
            expected: scenario.whole.expected,
            supposed: scenario.whole.supposed,
            difference: WhatIfDifference {
                value: scenario.whole.difference,
                level: scenario.whole.level,
                lower: scenario.whole.lower,
                upper: scenario.whole.upper,
            },
        };
        Self {
            unit: answer.unit,
            bucket: answer.bucket.into(),
            history: answer.history.into(),
            model: answer.model,
            drivers: answer.drivers.into_iter().map(Into::into).collect(),
            baseline: points(&starts, &answer.mean, &answer.bands),
            scenarios: answer.scenarios.into_iter().map(scenario).collect(),
        }
    }
}
