//! Marketing mix models: what each channel brings, fitted from history. Spend lingers (geometric
//! adstock) and saturates (`alpha a / (k + a)`), beside a trend, seasons and controls (Jin, Wang, Sun,
//! Chan and Koehler, 2017). Returns are never negative; intervals come from a moving block bootstrap
//! of the residuals (Künsch, 1989).

mod fit;
mod least_squares;

use serde::{Deserialize, Serialize};

use crate::bounds::{amount, count, length, refuse};
use crate::model::ModelError;

pub use fit::fit;

/// What one channel cost, by period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelHistory {
    pub name: String,
    /// Money a period, at least 0.
    pub spend: Vec<f64>,
}

/// Something else that moves the outcome: prices, competitors, holidays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Control {
    pub name: String,
    pub values: Vec<f64>,
}

/// The past, by period of equal length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// What is to be explained: revenue, margin, orders.
    pub outcome: Vec<f64>,
    pub channels: Vec<ChannelHistory>,
    #[serde(default)]
    pub controls: Vec<Control>,
    /// Periods in a year (52 for weeks); left out, no seasons.
    #[serde(default)]
    pub season: Option<f64>,
}

/// A figure with the ends of its 90 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// What is known of a channel. Its return at a steady spend `s` a period is `alpha s / (k + s)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FittedChannel {
    pub name: String,
    /// Return a period that no spend exceeds.
    pub alpha: Estimate,
    /// Spend at which half of it is reached.
    pub k: Estimate,
    /// Share of the effect of one period that is left in the next.
    pub decay: Estimate,
    /// Mean spend a period in the past, and what it returned at that pace.
    pub mean_spend: f64,
    pub return_at_mean: Estimate,
    /// Return of the next unit of money at the mean spend.
    pub marginal_at_mean: Estimate,
    /// Largest spend of the past: beyond it the curve is a guess.
    pub largest_spend: f64,
}

/// A fitted history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fit {
    pub channels: Vec<FittedChannel>,
    /// Share of the outcome's variance that is explained.
    pub r_squared: f64,
    /// Mean absolute error of the last fifth of the past, predicted from the rest, relative to the
    /// mean outcome there.
    pub holdout_error: f64,
    /// Resamples behind the intervals.
    pub resamples: usize,
}

/// Fewest periods a history must have, and fewest for each channel.
const LEAST_PERIODS: usize = 26;
const PERIODS_A_CHANNEL: usize = 8;

impl History {
    /// # Errors
    /// Names the field, its value and the bound.
    pub fn validate(&self) -> Result<(), ModelError> {
        let periods = self.outcome.len();
        count("history.channels", self.channels.len(), 1, 30)?;
        count("history.controls", self.controls.len(), 0, 30)?;
        let least = LEAST_PERIODS.max(PERIODS_A_CHANNEL * self.channels.len());
        count("the length of history.outcome", periods, least, 5000)?;
        for (t, &value) in self.outcome.iter().enumerate() {
            if !(value.is_finite() && value.abs() < 1e15) {
                return refuse(format!("history.outcome[{t}]"), value, "a number below 1e15 in size");
            }
        }
        for (c, channel) in self.channels.iter().enumerate() {
            let field = format!("history.channels[{c}].spend");
            length(&field, channel.spend.len(), periods, "the length of outcome")?;
            for (t, &spend) in channel.spend.iter().enumerate() {
                amount(format!("{field}[{t}]"), spend)?;
            }
            if channel.spend.iter().all(|&s| s == 0.0) {
                return refuse(field, "all 0", "above 0 in some period");
            }
        }
        for (c, control) in self.controls.iter().enumerate() {
            let field = format!("history.controls[{c}].values");
            length(&field, control.values.len(), periods, "the length of outcome")?;
            for (t, &value) in control.values.iter().enumerate() {
                if !(value.is_finite() && value.abs() < 1e15) {
                    return refuse(format!("{field}[{t}]"), value, "a number below 1e15 in size");
                }
            }
        }
        if let Some(season) = self.season
            && !(season.is_finite() && (2.0..=5000.0).contains(&season))
        {
            return refuse("history.season", season, "from 2 to 5000 periods");
        }
        Ok(())
    }
}
