//! How sure the difference between two futures is: forecasts are made again without one stretch of the history after
//! another, and how much the difference hangs on the stretches is its doubt.

use dyocense_forecasting::{Forecast, Request, Series, forecast_supposing, normal_quantile};
use serde::{Deserialize, Serialize};

use super::drivers::Ahead;
use super::forecast::Band;
use super::history::{History, impossible};
use super::trading::TradingDays;
use crate::runs::NoAnswer;

/// Stretches of the history that are left out in turn.
pub(super) const STRETCHES: usize = 8;
/// The level of the interval around a scenario's one number, in percent.
const WHOLE_LEVEL: f64 = 95.0;

/// What the drivers explain of each step of the history, up to a constant: how the forecast answers to each of them, by a
/// quarter of its range over all steps ahead.
pub(super) fn explained(
    series: &Series,
    baseline: &Forecast,
    ahead: &Ahead,
    asked: &Request,
) -> Result<Vec<f64>, NoAnswer> {
    let mut explained = vec![0.0; series.values().len()];
    for (i, column) in ahead.drivers.iter().enumerate() {
        let driver = &column.driver;
        let change = (driver.highest - driver.lowest) / 4.0;
        let mut moved = ahead.expected();
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
pub(super) fn without_stretch(
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
pub(super) fn differences(answers: &[Forecast]) -> Vec<Vec<f64>> {
    answers[1..].iter().map(|supposed| minus(&supposed.mean, &answers[0].mean)).collect()
}

pub(super) fn minus(one: &[f64], other: &[f64]) -> Vec<f64> {
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

/// What is known of the difference beside the forecasts themselves.
pub(super) struct Doubt<'a> {
    /// The difference without each stretch.
    pub without: Vec<&'a Vec<f64>>,
    /// The difference by regression with ARIMA errors, where another model was asked for: what is between the two is in
    /// doubt. Prophet takes its errors for independent; trees have nothing to tell where history is too short for them.
    pub by_regression: Option<&'a Vec<f64>>,
}

impl Doubt<'_> {
    /// Standard deviation of one number that is made of a path.
    fn spread(&self, difference: &[f64], number: &dyn Fn(&[f64]) -> f64) -> f64 {
        let of_stretches = jackknife(&self.without.iter().map(|stretch| number(stretch)).collect::<Vec<_>>());
        let between = self.by_regression.map_or(0.0, |other| number(other) - number(difference));
        of_stretches.hypot(between)
    }
}

pub(super) fn bands(supposed: &[f64], baseline: &[f64], doubt: &Doubt, levels: &[f64]) -> Vec<Band> {
    let difference = minus(supposed, baseline);
    let spread: Vec<f64> = (0..difference.len()).map(|h| doubt.spread(&difference, &|path| path[h])).collect();
    let mut levels = levels.to_vec();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let at = |width: f64| difference.iter().zip(&spread).map(|(mean, sd)| mean + width * sd).collect();
    levels
        .into_iter()
        .map(|level| Band { level, lower: at(-half_width(level)), upper: at(half_width(level)) })
        .collect()
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

pub(super) fn whole(supposed: &[f64], baseline: &[f64], doubt: &Doubt, sums: bool) -> ScenarioPoint {
    let one = |path: &[f64]| if sums { path.iter().sum() } else { path.last().copied().unwrap_or_default() };
    let path = minus(supposed, baseline);
    let (expected, supposed) = (one(baseline), one(supposed));
    let difference = supposed - expected;
    let width = half_width(WHOLE_LEVEL) * doubt.spread(&path, &one);
    ScenarioPoint {
        expected,
        supposed,
        difference,
        level: WHOLE_LEVEL,
        lower: difference - width,
        upper: difference + width,
    }
}
