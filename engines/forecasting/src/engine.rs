//! The front door: which model, how far, how sure; one series or a set.

use std::str::FromStr;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::calendar::Frequency;
use crate::caveat::Caveat;
use crate::columns::Belief;
use crate::conformal::Pool;
use crate::dependence;
use crate::ensemble::{Combined, arima_set, combine_set, single};
use crate::error::ForecastError;
use crate::forecast::{Forecast, Interval, Prediction};
use crate::intermittent::{is_intermittent, zero_share};
use crate::member::Family;
use crate::members::Subject;
use crate::naive;
use crate::normal::normal_quantile;
use crate::parallel::in_parallel;
use crate::prophet;
use crate::scores::Scores;
use crate::series::Series;
use crate::shift::recent_shift;

/// Longest horizon accepted, in points.
pub const MAX_HORIZON: usize = 10_000;

/// The model to answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// The engine's own choice: the ensemble, or what a short, constant or intermittent series allows.
    Auto,
    Naive,
    Arima,
    Ets,
    Theta,
    Intermittent,
    /// Boosted trees over the whole set.
    Trees,
    /// Taylor & Letham's model; see [`crate::prophet`] for what can be said about it.
    Prophet,
    /// All members, weighted by backtest.
    Ensemble,
}

impl Model {
    pub const ALL: [Model; 9] = [
        Model::Auto,
        Model::Naive,
        Model::Arima,
        Model::Ets,
        Model::Theta,
        Model::Intermittent,
        Model::Trees,
        Model::Prophet,
        Model::Ensemble,
    ];

    /// Whether trees, which learn from all series of a frequency, have a say in it.
    pub fn learns_from_others(self) -> bool {
        matches!(self, Model::Auto | Model::Ensemble | Model::Trees)
    }

    fn family(self) -> Family {
        match self {
            Model::Naive => Family::Naive,
            Model::Arima => Family::Arima,
            Model::Ets => Family::Ets,
            Model::Theta => Family::Theta,
            Model::Intermittent => Family::Intermittent,
            Model::Prophet => Family::Prophet,
            Model::Trees | Model::Auto | Model::Ensemble => Family::Trees,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Model::Auto => "auto",
            Model::Naive => "naive",
            Model::Arima => "arima",
            Model::Ets => "ets",
            Model::Theta => "theta",
            Model::Intermittent => "intermittent",
            Model::Trees => "trees",
            Model::Prophet => "prophet",
            Model::Ensemble => "ensemble",
        }
    }
}

impl FromStr for Model {
    type Err = String;

    fn from_str(text: &str) -> Result<Model, String> {
        Self::ALL
            .into_iter()
            .find(|m| m.name() == text)
            .ok_or_else(|| format!("unknown model {text}; one of {}", Self::ALL.map(Model::name).join(", ")))
    }
}

/// What to forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Points ahead, 1 to [`MAX_HORIZON`].
    pub horizon: usize,
    /// Interval levels in percent, each 1 to 99.9.
    pub levels: Vec<f64>,
    pub model: Model,
    /// Seed of everything random (simulated paths, subsampling): the same seed gives the same answer.
    pub seed: u64,
}

impl Default for Request {
    fn default() -> Request {
        Request { horizon: 12, levels: vec![80.0, 95.0], model: Model::Auto, seed: 1 }
    }
}

impl Request {
    /// Whether a forecast can have this horizon and these levels.
    ///
    /// # Errors
    /// [`ForecastError::Horizon`] and [`ForecastError::Level`], with the bound.
    pub fn check(&self) -> Result<(), ForecastError> {
        if self.horizon == 0 || self.horizon > MAX_HORIZON {
            return Err(ForecastError::Horizon { horizon: self.horizon, bound: MAX_HORIZON });
        }
        match self.levels.iter().find(|l| !(1.0..=99.9).contains(*l)) {
            Some(&level) => Err(ForecastError::Level { level }),
            None => Ok(()),
        }
    }
}

/// Forecasts every series of a set; `exogenous[i]` holds the columns of series `i` over its history and the horizon
/// (empty when there are none). Trees learn from all series together, and calibration pools their errors.
pub fn forecast_set(
    series: &[Series],
    exogenous: &[Vec<Vec<f64>>],
    request: &Request,
) -> Vec<Result<Forecast, ForecastError>> {
    forecast_set_on(series, exogenous, request, 1, &|_| {})
}

/// [`forecast_set`] on several threads, telling `progress` how many series are done. The answer does not depend on the
/// number of threads.
pub fn forecast_set_on(
    series: &[Series],
    exogenous: &[Vec<Vec<f64>>],
    request: &Request,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<Result<Forecast, ForecastError>> {
    without_residuals(forecast_with(&Set::new(series, exogenous), request, Belief::Earned, threads, progress))
}

/// Forecasts every series of a set by Prophet; `options[i]` is what is said about series `i`, the default where there is
/// none. The request's own model is not looked at.
pub fn forecast_prophet_set_on(
    series: &[Series],
    exogenous: &[Vec<Vec<f64>>],
    options: &[prophet::Options],
    request: &Request,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<Result<Forecast, ForecastError>> {
    let request = Request { model: Model::Prophet, ..request.clone() };
    let set = Set { options, ..Set::new(series, exogenous) };
    without_residuals(forecast_with(&set, &request, Belief::Earned, threads, progress))
}

/// [`forecast_set_on`] with the one-step errors of each model over its history, the newest last; `NaN` where the model
/// does not look ahead from.
pub(crate) fn forecast_with_residuals(
    series: &[Series],
    exogenous: &[Vec<Vec<f64>>],
    request: &Request,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<Answer> {
    forecast_with(&Set::new(series, exogenous), request, Belief::Earned, threads, progress)
}

/// A forecast and the residuals of its model.
type Answer = Result<(Forecast, Vec<f64>), ForecastError>;

fn without_residuals(answers: Vec<Answer>) -> Vec<Result<Forecast, ForecastError>> {
    answers.into_iter().map(|a| a.map(|(forecast, _)| forecast)).collect()
}

/// One-step errors; the first fitted values of some models are the series itself.
fn residuals(y: &[f64], fitted: &[f64]) -> Vec<f64> {
    let mut started = false;
    let from = y.len().saturating_sub(fitted.len());
    let errors = y[from..].iter().zip(fitted).map(|(y, f)| {
        started |= y != f;
        if started { y - f } else { f64::NAN }
    });
    errors.collect()
}

/// Series with what is known and said of them.
struct Set<'a> {
    series: &'a [Series],
    /// How many of them are forecast; those behind teach the trees.
    asked: usize,
    exogenous: &'a [Vec<Vec<f64>>],
    options: &'a [prophet::Options],
}

impl<'a> Set<'a> {
    fn new(series: &'a [Series], exogenous: &'a [Vec<Vec<f64>>]) -> Set<'a> {
        Set { series, asked: series.len(), exogenous, options: &[] }
    }
}

fn forecast_with(
    set: &Set,
    request: &Request,
    belief: Belief,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<Answer> {
    let &Set { series, asked, exogenous, options } = set;
    let mut prepared: Vec<Result<Prepared, ForecastError>> = series
        .iter()
        .enumerate()
        .map(|(i, s)| prepare(s, exogenous.get(i).map_or(&[], Vec::as_slice), request))
        .collect();
    let mut answers: Vec<Option<Combined>> = (0..series.len()).map(|_| None).collect();
    let able: Vec<usize> =
        (0..series.len()).filter(|&i| prepared[i].as_ref().is_ok_and(|p| p.caveats.modelled)).collect();
    let with_set = request.model.learns_from_others();
    if with_set || request.model == Model::Arima && belief == Belief::Earned {
        let subjects: Vec<Subject> = able
            .iter()
            .filter_map(|&i| prepared[i].as_ref().ok())
            .map(|p| Subject { y: p.y.clone(), season: p.season, grid: p.grid, exogenous: &p.exogenous, belief })
            .collect();
        let only_trees = request.model == Model::Trees;
        let found = if with_set {
            let heard = able.iter().filter(|i| **i < asked).count();
            combine_set(&subjects, heard, request.horizon, request.seed, threads, progress, only_trees)
        } else {
            arima_set(&subjects, request.horizon, threads, progress)
        };
        for (&i, combined) in able.iter().zip(found) {
            answers[i] = Some(combined);
        }
    } else if request.model == Model::Prophet {
        let plain = prophet::Options::default();
        let found = in_parallel(able.len(), threads, progress, |k| {
            let i = able[k];
            let p = prepared[i].as_ref().ok()?;
            let subject = Subject { y: p.y.clone(), season: p.season, grid: p.grid, exogenous: &p.exogenous, belief };
            let dropped = series[i].values().len() - p.y.len();
            let options = options.get(i).unwrap_or(&plain).later(dropped);
            Some(prophet::combined(&subject, &series[i].values()[dropped..], &options, request.horizon))
        });
        for (&i, combined) in able.iter().zip(found) {
            match combined {
                Some(Err(error)) => prepared[i] = Err(error),
                Some(Ok(combined)) => answers[i] = Some(combined),
                None => {}
            }
        }
    } else {
        let family = request.model.family();
        let found = in_parallel(able.len(), threads, progress, |k| {
            let p = prepared[able[k]].as_ref().ok()?;
            let subject = Subject { y: p.y.clone(), season: p.season, grid: p.grid, exogenous: &p.exogenous, belief };
            Some(single(&subject, family, request.horizon))
        });
        for (&i, combined) in able.iter().zip(found) {
            answers[i] = combined;
        }
    }
    let pool = Pool::new(answers.iter().flatten().map(|c| &c.scores));
    let errors: usize = answers.iter().flatten().map(|c| c.scores.count()).sum();
    let dependence: Vec<dependence::Shown> =
        answers.iter().map(|c| c.as_ref().map_or_else(Default::default, |c| shown(c, &pool))).collect();
    let of_set = dependence::of_set(dependence.iter().copied());
    prepared
        .into_iter()
        .take(asked)
        .zip(answers)
        .zip(dependence)
        .map(|((prepared, combined), own)| {
            let p = prepared?;
            let combined = combined.unwrap_or_else(|| Combined {
                prediction: naive::seasonal_naive(&p.y, 1, request.horizon),
                members: Vec::new(),
                scores: Scores::default(),
            });
            let residuals = residuals(&p.y, &combined.prediction.fitted);
            let common = dependence::of_series(own, of_set);
            Ok((Forecast { common, ..answer(p, combined, &pool, errors, request) }, residuals))
        })
        .collect()
}

/// Forecasts one series. A single series has no set to learn from: prefer [`forecast_set`] for several.
///
/// # Errors
/// A horizon or level out of range, exogenous columns that do not cover history and horizon.
pub fn forecast(series: &Series, exogenous: &[Vec<f64>], request: &Request) -> Result<Forecast, ForecastError> {
    let columns = [exogenous.to_vec()];
    forecast_set(std::slice::from_ref(series), &columns, request).remove(0)
}

/// Forecasts one series beside `related` ones of the same frequency, each with its columns over its history and the horizon:
/// trees learn from all of them. Whatever else is in the answer looks at the series alone, so a related series costs
/// little; weights and intervals of a whole set are [`forecast_set`]'s.
///
/// # Errors
/// As [`forecast`]. A related series that cannot be prepared teaches nothing.
pub fn forecast_beside(
    series: &Series,
    exogenous: &[Vec<f64>],
    related: &[(Series, Vec<Vec<f64>>)],
    request: &Request,
) -> Result<Forecast, ForecastError> {
    let related = if request.model.learns_from_others() { related } else { &[] };
    let all: Vec<Series> = std::iter::once(series).chain(related.iter().map(|(series, _)| series)).cloned().collect();
    let columns: Vec<Vec<Vec<f64>>> =
        std::iter::once(exogenous.to_vec()).chain(related.iter().map(|(_, columns)| columns.clone())).collect();
    let set = Set { asked: 1, ..Set::new(&all, &columns) };
    without_residuals(forecast_with(&set, request, Belief::Earned, 1, &|_| {})).remove(0)
}

/// As [`forecast`], for a question about the columns themselves: what would come if they went another way. What columns
/// explain is believed here in full, also where it has not helped to foretell: whoever asks what they do is to hear how
/// little that is. ARIMA, trees and the ensemble's members have what a regression with ARIMA errors says, Prophet its
/// regressors. The other models know no columns.
///
/// # Errors
/// As [`forecast`].
pub fn forecast_supposing(
    series: &Series,
    exogenous: &[Vec<f64>],
    request: &Request,
) -> Result<Forecast, ForecastError> {
    let columns = [exogenous.to_vec()];
    let set = Set::new(std::slice::from_ref(series), &columns);
    without_residuals(forecast_with(&set, request, Belief::Whole, 1, &|_| {})).remove(0)
}

struct Prepared {
    y: Vec<f64>,
    /// The time of the first point kept.
    grid: Option<(DateTime, Frequency)>,
    /// Columns from the first point kept on.
    exogenous: Vec<Vec<f64>>,
    season: usize,
    caveats: Caveats,
}

struct Caveats {
    list: Vec<Caveat>,
    /// Whether there is anything for a model to learn.
    modelled: bool,
}

fn prepare(series: &Series, exogenous: &[Vec<f64>], request: &Request) -> Result<Prepared, ForecastError> {
    request.check()?;
    let needed = series.values().len() + request.horizon;
    for (column, values) in exogenous.iter().enumerate() {
        if values.len() < needed {
            return Err(ForecastError::Exogenous { column, length: values.len(), needed });
        }
        if let Some(index) = values[..needed].iter().position(|v| !v.is_finite()) {
            return Err(ForecastError::ExogenousMissing { column, index });
        }
    }
    let (mut y, missing) = series.filled();
    let season = series.season();
    let whole = y.len();
    if whole > LONGEST_HISTORY {
        y.drain(..(whole - LONGEST_HISTORY).div_ceil(season) * season);
    }
    let n = y.len();
    let mut list = series.caveats().to_vec();
    if missing > 0 {
        list.push(Caveat::Filled { points: missing });
    }
    if n < whole {
        list.push(Caveat::Truncated { used: n, of: whole });
    }
    let constant = y.iter().all(|v| *v == y[0]);
    let modelled = !constant && n >= SHORTEST;
    if constant {
        list.push(Caveat::Constant);
    }
    if n < SHORTEST {
        list.push(Caveat::Short { points: n });
    } else if season > 1 && n < 2 * season {
        list.push(if n > season {
            Caveat::SeasonHardlySeen { season, points: n }
        } else {
            Caveat::SeasonNotSeen { season, points: n }
        });
    }
    if !constant && is_intermittent(&y) {
        list.push(Caveat::Intermittent { zero_share: zero_share(&y) });
    }
    if modelled && let Some(points_ago) = recent_shift(&y, season) {
        list.push(Caveat::LevelShift { points_ago });
    }
    let dropped = whole - n;
    let grid = series.time(dropped).zip(series.grid().map(|g| g.1));
    let exogenous = exogenous.iter().map(|c| c[dropped..needed].to_vec()).collect();
    Ok(Prepared { y, grid, exogenous, season, caveats: Caveats { list, modelled } })
}

/// The level at which the spread reported is calibrated.
const USUAL_LEVEL: f64 = 80.0;
/// Newest points that are modelled. What is older than this many seasons says little, and work stays bounded.
const LONGEST_HISTORY: usize = 10_000;
/// Fewest points that any model is fitted to.
const SHORTEST: usize = 4;

/// How a series' steps err together.
fn shown(combined: &Combined, pool: &Pool) -> dependence::Shown {
    let calibration = pool.calibration(&combined.scores);
    let sd: Vec<f64> = combined.prediction.sd.iter().enumerate().map(|(h, s)| s * calibration.growth(h)).collect();
    dependence::shown(&combined.scores, &sd, |h| calibration.growth(h), calibration.width())
}

fn answer(prepared: Prepared, combined: Combined, pool: &Pool, pooled: usize, request: &Request) -> Forecast {
    let mut levels = request.levels.clone();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let Prediction { label, mean, sd, .. } = combined.prediction;
    let mut caveats = prepared.caveats.list;
    if prepared.caveats.modelled && combined.scores.count() < 10 && pooled < 100 {
        caveats.push(Caveat::Uncalibrated { errors: combined.scores.count() });
    }
    let answered_naively = label.contains("aive");
    if prepared.caveats.modelled && answered_naively && request.model != Model::Naive {
        let why = "no model of the kind could be fitted to so few points or such values".to_string();
        caveats.push(Caveat::FellBack { from: request.model.name().to_string(), to: label.clone(), why });
    }
    // What was never negative will not be: counts, turnover, stock. Bounds and means are cut at zero, not moved.
    let floor = if prepared.y.iter().all(|v| *v >= 0.0) { 0.0 } else { f64::NEG_INFINITY };
    let mean: Vec<f64> = mean.iter().map(|m| m.max(floor)).collect();
    let calibration = pool.calibration(&combined.scores);
    let usual = calibration.multiplier(USUAL_LEVEL) / normal_quantile(0.5 + USUAL_LEVEL / 200.0);
    let sd: Vec<f64> = sd.iter().enumerate().map(|(h, s)| s * calibration.growth(h)).collect();
    let calibrated = sd.iter().map(|s| s * usual).collect();
    let mut widest = 0.0f64;
    let intervals = levels
        .iter()
        .map(|&level| {
            // Nested to the last bit.
            widest = widest.max(calibration.multiplier(level));
            Interval {
                level,
                lower: mean.iter().zip(&sd).map(|(m, s)| (m - widest * s).max(floor)).collect(),
                upper: mean.iter().zip(&sd).map(|(m, s)| m + widest * s).collect(),
            }
        })
        .collect();
    Forecast { model: label, mean, sd: calibrated, common: 0.0, intervals, members: combined.members, caveats }
}
