//! What a model answers: means, spread and intervals.

use serde::{Deserialize, Serialize};

use crate::caveat::Caveat;
use crate::normal::normal_quantile;

/// An interval for each step, at one level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Percent of future values it should contain, 0 to 100.
    pub level: f64,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
}

/// A model that took part in an ensemble, and how it did before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberReport {
    pub model: String,
    /// Share of the answer, 0 to 1; all members' shares add up to 1.
    pub weight: f64,
    /// Mean absolute error over the backtest's origins, in the unit of the series; `None` when it was too short for one.
    pub backtest_error: Option<f64>,
}

/// The answer for one series by one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// The model in the field's own notation: `ETS(M,Ad,M)`, `ARIMA(1,1,1)(0,1,1)[12]`, …
    pub model: String,
    /// The expected value for each step, 1 to the horizon.
    pub mean: Vec<f64>,
    /// Standard deviation of the error of each step, calibrated like the intervals.
    pub sd: Vec<f64>,
    /// Share of the errors' variance that all steps have in common beyond what the growth of the spread carries on, as
    /// backtests show it, 0 to 1.
    #[serde(default)]
    pub common: f64,
    /// One interval per level asked for, narrowest first; each contains the one before.
    pub intervals: Vec<Interval>,
    /// The models behind the answer, heaviest first; one when it is a single model.
    pub members: Vec<MemberReport>,
    pub caveats: Vec<Caveat>,
}

impl Forecast {
    /// The value of each step that the future stays below with probability `p` (0 < p < 1); grows with `p`.
    pub fn quantile(&self, p: f64) -> Vec<f64> {
        let z = normal_quantile(p.clamp(1e-9, 1.0 - 1e-9));
        self.mean.iter().zip(&self.sd).map(|(m, s)| m + z * s).collect()
    }
}

/// A fitted model's raw answer, before calibration.
#[derive(Debug, Clone)]
pub(crate) struct Prediction {
    pub label: String,
    pub mean: Vec<f64>,
    /// Standard deviation of the error of each step, by the model's own theory.
    pub sd: Vec<f64>,
    /// One-step fitted values; as long as the series (the first ones may equal the series).
    pub fitted: Vec<f64>,
}

/// Largest spread of a step, in lengths of the way that the series and its forecast cover.
const WIDEST: f64 = 3.0;

impl Prediction {
    /// The forecast of `y` without what no series of its length can say. A trend goes on for as many steps as it has been
    /// seen: from there on the last season repeats. The spread does not exceed [`WIDEST`] times what series and forecast
    /// cover, where a theory of multiplied errors would let it grow without end.
    pub(crate) fn kept_in_reach(mut self, y: &[f64], season: usize) -> Prediction {
        let n = y.len();
        let cycle = if season < n { season.max(1) } else { 1 };
        for h in n..self.mean.len() {
            self.mean[h] = self.mean[h - cycle];
        }
        let reach = (f64::INFINITY, f64::NEG_INFINITY);
        let (mut low, mut high) = y.iter().fold(reach, |(low, high), v| (low.min(*v), high.max(*v)));
        for (mean, sd) in self.mean.iter().zip(&mut self.sd) {
            (low, high) = (low.min(*mean), high.max(*mean));
            *sd = sd.min(WIDEST * (high - low));
        }
        self
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.mean.iter().all(|v| v.is_finite()) && self.sd.iter().all(|v| v.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(sd: &[f64]) -> Forecast {
        Forecast {
            model: "test".into(),
            mean: vec![10.0; sd.len()],
            sd: sd.to_vec(),
            common: 0.0,
            intervals: vec![],
            members: vec![],
            caveats: vec![],
        }
    }

    #[test]
    fn a_trend_goes_on_as_long_as_it_was_seen_and_the_spread_stays_in_reach() {
        let line = |from: i32, to: i32| (from..to).map(f64::from).collect::<Vec<f64>>();
        let sd = vec![1.0, 1.0, 1e9, 1.0, 1.0, 1e30];
        let p = Prediction { label: String::new(), mean: line(4, 10), sd, fitted: vec![] };
        let p = p.kept_in_reach(&line(0, 4), 2);
        assert_eq!(p.mean, [4.0, 5.0, 6.0, 7.0, 6.0, 7.0]);
        assert_eq!(p.sd, [1.0, 1.0, 18.0, 1.0, 1.0, 21.0]);
    }

    #[test]
    fn quantiles_grow() {
        let f = forecast(&[1.0, 2.0]);
        assert!(f.quantile(0.1)[1] < f.quantile(0.5)[1] && f.quantile(0.5)[1] < f.quantile(0.99)[1]);
    }
}
