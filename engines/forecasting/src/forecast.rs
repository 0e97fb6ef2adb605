//! What a model answers: means, spread and intervals.

use serde::{Deserialize, Serialize};

use crate::caveat::Caveat;
use crate::paths::{self, Dependence, Draw, MAX_PATHS, Paths};

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

    /// `count` simulated futures of the whole horizon, at most [`MAX_PATHS`]. Each step has the spread of its intervals, and
    /// steps err together as they did in the backtests, so sums over a lead time have the right spread.
    ///
    /// A step whose `sd` is 0 is certain. The same seed gives the same paths.
    pub fn sample_paths(&self, count: usize, seed: u64) -> Vec<Vec<f64>> {
        let draw = Draw { count: count.min(MAX_PATHS), seed, floor: None };
        paths::draw(self, Dependence::Backtest, draw).map_or_else(|_| Vec::new(), Paths::into_values)
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

/// The standard normal quantile (Wichura 1988, algorithm AS 241, to about 1e-16).
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 8] = [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ];
    const B: [f64; 8] = [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_596,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_545,
    ];
    const C: [f64; 8] = [
        1.423_437_110_749_683_6,
        4.630_337_846_156_545,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ];
    const D: [f64; 8] = [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ];
    const E: [f64; 8] = [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        1.242_660_947_388_078_4e-3,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ];
    const F: [f64; 8] = [
        1.0,
        0.599_832_206_555_887_9,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ];
    let ratio = |n: &[f64; 8], d: &[f64; 8], r: f64| {
        n.iter().rev().fold(0.0, |s, c| s * r + c) / d.iter().rev().fold(0.0, |s, c| s * r + c)
    };
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(&A, &B, 0.180_625 - q * q);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-tail.ln()).sqrt();
    let value = if r <= 5.0 { ratio(&C, &D, r - 1.6) } else { ratio(&E, &F, r - 5.0) };
    if q < 0.0 { -value } else { value }
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
    fn paths_have_the_spread_of_the_forecast_and_lead_time_demand_more_than_independent_steps() {
        let f = forecast(&[1.0, 2f64.sqrt(), 3f64.sqrt()]);
        let paths = f.sample_paths(20_000, 1);
        assert_eq!(paths, f.sample_paths(20_000, 1));
        let variance = |values: Vec<f64>| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64
        };
        assert!((variance(paths.iter().map(|p| p[2]).collect()) - 3.0).abs() < 0.1);
        // A random walk: 1 + 4 + 9 instead of 1 + 2 + 3.
        assert!((variance(paths.iter().map(|p| p.iter().sum()).collect()) - 14.0).abs() < 0.6);
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

    #[test]
    fn normal_quantiles_match_the_tables() {
        for (p, z) in
            [(0.5, 0.0), (0.9, 1.281_551_565_544_6), (0.975, 1.959_963_984_540_054), (1e-10, -6.361_340_902_404_056)]
        {
            assert!((normal_quantile(p) - z).abs() < 1e-12, "{p}");
        }
    }
}
