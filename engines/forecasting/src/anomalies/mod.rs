//! Points that do not belong: spikes and level shifts, told apart, with the share of false alarms bounded.
//!
//! Chen & Liu (1993): in the residuals of an ARIMA model a spike and a level shift leave different traces; each point is
//! tested for both, the strongest are taken out of the series, and the test is repeated on what remains, so that one
//! event does not hide or invent another; in the end all are measured again given each other. Which of them count is
//! decided by false-discovery control (Benjamini & Hochberg 1995), measured by how far the series strays on its own, from
//! its level and in its level: what is odd in a calm series is usual in a wild one.

mod explain;
mod traces;

use serde::{Deserialize, Serialize};

use crate::arima::{self, Budget};
use crate::error::ForecastError;
use crate::normal::normal_quantile;
use crate::parallel::in_parallel;
use crate::series::Series;
use crate::stl::{Seasonal, median, stl};
use traces::{Trace, exchange, settle, strongest};

pub use explain::{explain, percent, usual_for};

/// What an anomaly is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One point off; the next is usual again.
    Spike,
    /// From this point on the level is another.
    LevelShift,
}

/// The verdict on one point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub index: usize,
    /// As observed; `NaN` when missing.
    pub value: f64,
    /// What would have been usual there.
    pub expected: f64,
    /// Distance from usual in standard deviations, signed.
    pub score: f64,
    /// Probability of a distance at least as large when nothing is odd.
    pub p: f64,
    /// `None` for a usual point.
    pub kind: Option<Kind>,
}

/// How to look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Expected share of false alarms among the alarms, 0.001 to 0.5.
    pub false_discovery_rate: f64,
}

impl Default for Detection {
    fn default() -> Detection {
        Detection { false_discovery_rate: 0.05 }
    }
}

/// Fewest points that can be judged.
const SHORTEST: usize = 8;
/// Newest points that the model is fitted to; all points are judged.
const FITTED: usize = 2_500;
/// Longest season that the model carries itself.
const LONGEST_OWN_SEASON: usize = 24;
const OPERATIONS: u64 = 600_000_000;
/// The orders of a longer series do not hang on its outliers: they are searched for once. On 77 daily series as many odd days
/// were found so; of shorter ones, fewer.
const LONG: usize = 400;
/// The least noise as a share of the usual step from point to point, when values are not rounded.
const LEAST_NOISE: f64 = 1e-3;
const PASSES: usize = 30;
/// The first model sees the outliers, the second sees the series without what the first took for them. A third takes
/// more out of a short series than was odd in it; where points are many, models are sure enough for one.
fn rounds(n: usize) -> usize {
    if n < 1_000 { 2 } else { 3 }
}

/// Times that the traces of a round are looked at again given each other.
const EXCHANGES: usize = 2;
/// The share of points whose distance from usual is the series' own wildness.
const USUAL_SHARE: f64 = 0.95;
/// Largest points that are left out of it at least: in a short series the share beyond is so few points that the odd ones
/// themselves would be the measure of what is usual.
const SPARED: f64 = 5.0;
/// How far beyond its own wildness a point must be to be an anomaly. The series is known to hold odd points that nobody
/// would call one: a warm winter, a strike, a holiday that moved.
const STANDS_OUT: f64 = 2.8;

/// Judges every point of a series.
///
/// # Errors
/// [`ForecastError::TooShort`] below eight points.
pub fn detect(series: &Series, detection: Detection) -> Result<Vec<Verdict>, ForecastError> {
    let (y, _) = series.filled();
    let n = y.len();
    if n < SHORTEST {
        return Err(ForecastError::TooShort { model: "anomaly detection", needed: SHORTEST, length: n });
    }
    let usual = |expected: &[f64]| -> Vec<Verdict> {
        (0..n)
            .map(|t| Verdict {
                index: t,
                value: series.values()[t],
                expected: expected[t],
                score: 0.0,
                p: 1.0,
                kind: None,
            })
            .collect()
    };
    if y.iter().all(|v| *v == y[0]) {
        return Ok(usual(&y));
    }
    let season = series.season();
    let own = if season <= LONGEST_OWN_SEASON { season } else { 1 };
    let seasonal =
        if own < season && n > 2 * season { stl(&y, season, Seasonal::Periodic, true).seasonal } else { vec![0.0; n] };
    let adjusted: Vec<f64> = y.iter().zip(&seasonal).map(|(v, s)| v - s).collect();
    let mut clean = adjusted.clone();
    let mut found: Vec<Trace> = Vec::new();
    let mut last = None;
    let mut like: Option<arima::Fit> = None;
    let limit = limit(n);
    let least = least_noise(&y);
    for round in 0..rounds(n) {
        let Some((residual, weights)) = model_residuals(&clean, own, &mut like) else { break };
        let scale = (1.4826 * median(residual.iter().flatten().map(|e| e.abs()).collect())).max(least);
        // Judge the series as it was, with the model and the noise of the clean one.
        let residual = if round == 0 { residual } else { add_back(residual, &found, &weights) };
        if scale <= 0.0 {
            break;
        }
        let mut left = residual.clone();
        found.clear();
        for _ in 0..PASSES {
            let more = strongest(&left, &weights, scale, limit, own, found.len() + 1 + n / 10);
            let new: Vec<Trace> =
                more.into_iter().filter(|t| found.iter().all(|f| f.index != t.index || f.kind != t.kind)).collect();
            if new.is_empty() {
                break;
            }
            for trace in &new {
                trace.remove(&mut left, &weights);
            }
            found.extend(new);
            if found.len() > n / 8 {
                break;
            }
        }
        settle(&mut found, &mut left, &weights, scale, limit);
        for _ in 0..EXCHANGES {
            if !exchange(&mut found, &mut left, &weights, scale, own) {
                break;
            }
            settle(&mut found, &mut left, &weights, scale, limit);
        }
        clean = adjusted.clone();
        for trace in &found {
            trace.take_out(&mut clean);
        }
        last = Some((left, weights, scale));
    }
    let Some((left, weights, scale)) = last else { return Ok(usual(&y)) };
    let mut verdicts = usual(&y);
    for verdict in &mut verdicts {
        let t = verdict.index;
        let (size, score) = traces::spike_at(&left, &weights, scale, t);
        verdict.score = score;
        verdict.expected = y[t] - size;
    }
    for trace in &found {
        let verdict = &mut verdicts[trace.index];
        if trace.score.abs() > verdict.score.abs() {
            verdict.score = trace.score;
            verdict.expected = y[trace.index] - trace.size;
            verdict.kind = Some(trace.kind);
        }
    }
    let spikes = wildness(verdicts.iter().map(|verdict| verdict.score.abs()).collect());
    let mut shifts: Vec<f64> = traces::shift_scores(&left, &weights, scale, own);
    for trace in found.iter().filter(|trace| trace.kind == Kind::LevelShift) {
        shifts[trace.index] = trace.score.abs();
    }
    let shifts = wildness(shifts).max(spikes);
    for verdict in &mut verdicts {
        let wildness = if verdict.kind == Some(Kind::LevelShift) { shifts } else { spikes };
        verdict.p = 2.0 * normal_tail(verdict.score.abs() / wildness);
    }
    decide(&mut verdicts, series, [spikes, shifts], detection.false_discovery_rate.clamp(0.001, 0.5));
    Ok(verdicts)
}

/// [`detect`] for every series of a set, on several threads. The answer does not depend on their number.
pub fn detect_set(
    series: &[Series],
    detection: Detection,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<Result<Vec<Verdict>, ForecastError>> {
    in_parallel(series.len(), threads, progress, |i| detect(&series[i], detection))
}

/// Residuals by point (`None` where the model has none) and the weights of the filter that makes them. `like` is the model of
/// the round before.
fn model_residuals(y: &[f64], season: usize, like: &mut Option<arima::Fit>) -> Option<(Vec<Option<f64>>, Vec<f64>)> {
    let start = y.len().saturating_sub(FITTED);
    let mut budget = Budget::new(OPERATIONS);
    let again =
        like.as_ref().filter(|_| y.len() > LONG).and_then(|like| arima::refit(&y[start..], &[], like, &mut budget));
    let fit = match again {
        Some(fit) => fit,
        None => arima::search(&y[start..], season, &[], &mut budget).into_iter().next()?,
    };
    *like = Some(fit.clone());
    let prediction = fit.predict(y, &[], 1)?;
    let skip = fit.points_without_residual();
    let residual =
        y.iter().zip(&prediction.fitted).enumerate().map(|(t, (v, f))| (t >= skip).then_some(v - f)).collect();
    Some((residual, fit.residual_weights((3 * season + 2).max(20).min(y.len()))))
}

/// Residuals of the series with its outliers, from those of the series without.
fn add_back(mut residual: Vec<Option<f64>>, found: &[Trace], weights: &[f64]) -> Vec<Option<f64>> {
    for trace in found {
        Trace { size: -trace.size, ..*trace }.remove(&mut residual, weights);
    }
    residual
}

/// The least standard deviation that noise of a series can have: that of rounding to the unit it is recorded in (half a
/// unit to either side, evenly), as its values show it. A model can follow rounded values, or a cycle without noise, to
/// the last digit, and then every difference would be an event.
fn least_noise(y: &[f64]) -> f64 {
    let mut sorted = y.to_vec();
    sorted.sort_by(f64::total_cmp);
    let largest = sorted[0].abs().max(sorted[sorted.len() - 1].abs());
    let gaps = sorted.windows(2).map(|w| w[1] - w[0]).filter(|gap| *gap > 1e-9 * largest);
    let unit = gaps.fold(f64::INFINITY, f64::min);
    let spread = median(y.windows(2).map(|w| (w[1] - w[0]).abs()).collect());
    (unit / 12f64.sqrt()).min(spread).max(LEAST_NOISE * spread)
}

/// A distance that is worth taking out of the series, growing with the number of points tested.
fn limit(n: usize) -> f64 {
    (-normal_quantile(0.05 / n as f64 / 2.0)).clamp(2.8, 4.0)
}

/// How many times larger the scores of a series' points are than those of normal noise would be, at least 1.
fn wildness(mut sizes: Vec<f64>) -> f64 {
    sizes.sort_by(f64::total_cmp);
    let n = sizes.len() as f64;
    let share = USUAL_SHARE.min(1.0 - SPARED / n);
    let usual = sizes[(share * (n - 1.0)) as usize];
    (usual / normal_quantile(0.5 + share / 2.0)).max(1.0)
}

/// P(Z > z) for z at least 0, by the continued fraction far out and the series near zero.
fn normal_tail(z: f64) -> f64 {
    let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    if z < 2.5 {
        let (mut term, mut sum) = (z, z);
        for k in 1..80 {
            term *= z * z / (2 * k + 1) as f64;
            sum += term;
        }
        (0.5 - density * sum).max(0.0)
    } else {
        let mut fraction = z;
        for k in (1..60).rev() {
            fraction = z + f64::from(k) / fraction;
        }
        density / fraction
    }
}

/// Benjamini-Hochberg over the observed points: what is not significant, or does not stand out, is usual.
fn decide(verdicts: &mut [Verdict], series: &Series, [spikes, shifts]: [f64; 2], rate: f64) {
    let mut order: Vec<usize> = (0..verdicts.len()).filter(|&t| !series.values()[t].is_nan()).collect();
    order.sort_by(|&a, &b| verdicts[a].p.total_cmp(&verdicts[b].p));
    let tests = order.len() as f64;
    let accepted = order
        .iter()
        .enumerate()
        .rev()
        .find(|(rank, t)| verdicts[**t].p <= rate * (*rank as f64 + 1.0) / tests)
        .map_or(0, |(rank, _)| rank + 1);
    for (rank, &t) in order.iter().enumerate() {
        let verdict = &mut verdicts[t];
        let wildness = if verdict.kind == Some(Kind::LevelShift) { shifts } else { spikes };
        let bound = STANDS_OUT * wildness * normal_quantile(0.5 + USUAL_SHARE / 2.0);
        verdict.kind =
            if rank < accepted && verdict.score.abs() >= bound { verdict.kind.or(Some(Kind::Spike)) } else { None };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn shop(n: usize, seed: u64) -> Vec<f64> {
        let mut random = Random::new(seed);
        (0..n).map(|t| 100.0 + 30.0 * f64::from((t % 7 == 5) as u8) + 5.0 * random.normal()).collect()
    }

    fn alarms(y: Vec<f64>) -> Vec<(usize, Kind)> {
        let series = Series::new("shop", y, 7).unwrap();
        let verdicts = detect(&series, Detection::default()).unwrap();
        verdicts.iter().filter_map(|v| v.kind.map(|k| (v.index, k))).collect()
    }

    #[test]
    fn a_spike_is_found_and_called_one() {
        let mut y = shop(140, 1);
        y[83] += 60.0;
        assert_eq!(alarms(y), [(83, Kind::Spike)]);
    }

    #[test]
    fn a_level_shift_is_found_and_called_one() {
        let mut y = shop(140, 2);
        for v in &mut y[90..] {
            *v += 50.0;
        }
        let found = alarms(y);
        assert!(found.contains(&(90, Kind::LevelShift)), "{found:?}");
        assert!(found.len() <= 2, "{found:?}");
    }

    #[test]
    fn a_level_that_is_too_new_to_be_one_is_told_by_its_own_points() {
        for (new, kind) in [(1, Kind::Spike), (2, Kind::Spike), (3, Kind::LevelShift)] {
            for seed in 20..30 {
                let mut y = shop(140, seed);
                for v in &mut y[140 - new..] {
                    *v += 60.0;
                }
                let found = alarms(y);
                assert_eq!(found.first(), Some(&(140 - new, kind)), "{new} of {seed}: {found:?}");
            }
        }
    }

    #[test]
    fn quiet_series_raise_few_alarms() {
        let total: usize = (10..30).map(|seed| alarms(shop(140, seed)).len()).sum();
        assert!(total <= 6, "{total} alarms in 20 quiet series");
    }

    #[test]
    fn what_a_wild_series_does_now_and_then_is_no_alarm_in_it() {
        let mut random = Random::new(4);
        let mut calm: Vec<f64> = (0..200).map(|_| 100.0 + random.normal()).collect();
        calm[120] += 8.0;
        let mut wild = calm.clone();
        for t in (5..200).step_by(12) {
            wild[t] += if t % 24 == 5 { 8.0 } else { -8.0 };
        }
        assert!(alarms(calm).contains(&(120, Kind::Spike)));
        assert!(!alarms(wild).iter().any(|(t, _)| *t == 120));
    }

    #[test]
    fn an_odd_point_of_a_cycle_without_noise_is_found() {
        let cycle = |n: u32, scale: f64| (0..n).map(move |i| scale * (100.0 + f64::from(i * 37 % 11)));
        for scale in [1.0, 1.0 / 3.0] {
            let y: Vec<f64> = cycle(120, scale).chain([300.0 * scale]).collect();
            // The cycle is longer than the season that is said: in its first turns the model does not know it, and these
            // are no events.
            assert_eq!(alarms(y), [(120, Kind::Spike)]);
            assert_eq!(alarms(cycle(120, scale).collect()), []);
        }
    }

    #[test]
    fn short_clean_series_keep_to_the_stated_rate() {
        let monthly = |n: usize, seed: u64| -> Vec<f64> {
            let mut random = Random::new(seed);
            let mut level = 1_000.0;
            let season = |t: usize| 80.0 * (t as f64 * std::f64::consts::TAU / 12.0).sin();
            (0..n)
                .map(|t| {
                    level += 2.0 + 5.0 * random.normal();
                    level + season(t) + 20.0 * random.normal()
                })
                .collect()
        };
        for n in [48, 66, 120] {
            let with_alarms = (0..200).filter(|&seed| {
                let series = Series::new("shop", monthly(n, seed), 12).unwrap();
                detect(&series, Detection::default()).unwrap().iter().any(|v| v.kind.is_some())
            });
            let with_alarms = with_alarms.count();
            assert!(with_alarms <= 14, "{n}: {with_alarms} of 200 at a rate of 0.05");
        }
    }

    #[test]
    fn two_spikes_side_by_side_are_two_spikes() {
        let mut y = shop(140, 5);
        y[83] += 60.0;
        y[84] += 70.0;
        assert_eq!(alarms(y), [(83, Kind::Spike), (84, Kind::Spike)]);
    }

    #[test]
    fn tails_agree_with_the_tables() {
        assert!((normal_tail(1.959_964) - 0.025).abs() < 1e-6);
        assert!((normal_tail(4.0) - 3.167e-5).abs() < 1e-8);
        assert!((normal_tail(0.5) - 0.308_538).abs() < 1e-6);
    }

    #[test]
    fn a_constant_series_is_usual_everywhere() {
        assert!(alarms(vec![5.0; 30]).is_empty());
    }
}
