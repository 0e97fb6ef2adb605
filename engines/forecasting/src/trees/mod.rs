//! Boosted trees on lags: one global model over all series of a set (Januschowski et al. 2020 call it a global model).
//!
//! A set is trained together because no business series alone is long enough to teach a tree; a single series trains on
//! itself. Forecasts are recursive: each step's answer becomes the next step's lag; where few rows taught several models,
//! each walks the horizon on its own, and with surprises where very few did.

mod bins;
mod boost;
mod features;
pub(crate) mod global;
mod linear;
mod table;

use boost::{Boosted, Settings};
use features::{Layout, Level};
use linear::Linear;
use table::Table;

use crate::accuracy::naive_scale;
use crate::calendar::Frequency;
use crate::random::Random;
use jiff::civil::DateTime;

/// One series as the trees see it; what columns explain is taken out before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Example<'a> {
    pub y: &'a [f64],
    pub grid: Option<(DateTime, Frequency)>,
}

/// Rows a model is trained on at most; longer sets use the newest points of each series.
const MOST_ROWS: usize = 60_000;
/// Rows that are worth training on.
const FEWEST_ROWS: usize = 60;

/// With few rows, which of them and of the features a tree happens to see decides much: several models with other draws
/// are averaged (Breiman 1996), as many as have this many rows together, up to a bound.
const ROWS_OF_ONE: usize = 6_000;
const MOST_BAGS: usize = 5;
/// Share of the rows seen by one tree: some make trees differ and cost less; more where one model has to learn from rows
/// that are few for it.
const SHARE_OF_BAG: f64 = 0.5;
const SHARE_OF_FEW: f64 = 0.7;
const SHARE_OF_MANY: f64 = 0.4;
const FEW_ROWS: usize = 20_000;
/// Rows that teach a function that is rough: its walk over the horizon needs surprises.
const ROUGH_ROWS: usize = 1_000;

/// A model over a set: views that look at a series differently. One learns steps of the values, the other the change of
/// the season of their logarithms, as seasonal swings grow with the level. Each continues its own answers: what wanders
/// needs the one, what repeats the other, and a mean of both at every step would be neither.
#[derive(Debug, Clone)]
pub(crate) struct Global {
    views: Vec<View>,
}

/// One way to look at a series, and what was learnt by it: one model, or several of few rows.
#[derive(Debug, Clone)]
struct View {
    layout: Layout,
    /// Whether positive series are taken by their logarithms.
    log: bool,
    models: Vec<Boosted>,
    /// Whether so few rows taught them that they walk the horizon with surprises.
    rough: bool,
    /// What the models start from, where levels and not steps are looked at.
    linear: Option<Linear>,
    /// Root mean square of the training residuals, in units of each series' scale.
    spread: f64,
}

/// What one view foretells.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub mean: Vec<f64>,
    pub sd: Vec<f64>,
}

/// The larger of the usual step and the usual step from season to season: a smooth or a perfectly seasonal series has
/// one of them near zero.
fn scale_of(y: &[f64], season: usize) -> f64 {
    let scale = naive_scale(y, season).unwrap_or(0.0).max(naive_scale(y, 1).unwrap_or(0.0));
    if scale > 0.0 { scale } else { 1.0 }
}

/// Whether logarithms can be learnt: (nearly) all series are positive. A set of both kinds would teach two things at
/// once.
fn mostly_positive(set: &[Example]) -> bool {
    let positive = set.iter().filter(|e| is_positive(e.y)).count();
    10 * positive >= 9 * set.len()
}

fn is_positive(y: &[f64]) -> bool {
    y.iter().all(|v| *v > 0.0)
}

fn transformed(y: &[f64], log: bool) -> Vec<f64> {
    if log && is_positive(y) { y.iter().map(|v| v.ln()).collect() } else { y.to_vec() }
}

/// Trains on the first `y.len() - holdout` points of each series; `None` when that leaves too few rows.
pub(crate) fn train(set: &[Example], season: usize, holdout: usize, seed: u64) -> Option<Global> {
    let lengths: Vec<usize> = set.iter().map(|e| e.y.len().saturating_sub(holdout)).collect();
    // Lags and the number of models are chosen by the whole lengths, so that a backtest tries the model that will answer.
    let mut sorted: Vec<usize> = set.iter().map(|e| e.y.len()).filter(|&n| n >= 8).collect();
    sorted.sort_unstable();
    // A few very short series must not take the seasonal lags from all others: they are left out instead.
    let shortest = *sorted.get(sorted.len() / 10)?;
    let positive = mostly_positive(set);
    // Without a season the calendar only tells points apart that will not come again.
    let dated = season > 1 && set.iter().all(|e| e.grid.is_some());
    let calendar = dated.then(|| set[0].grid.map(|g| g.1)).flatten();
    let seasonal = Layout::new(season, shortest, calendar, Level::SeasonAgo).two_seasons();
    let looks = match season {
        1 => [(Level::Last, positive), (Level::SeasonMean, false)],
        _ => [(Level::Last, false), (if seasonal { Level::SeasonAgo } else { Level::SeasonMean }, positive)],
    };
    let mut views = Vec::with_capacity(looks.len());
    for (level, log) in looks {
        let values: Vec<Vec<f64>> = set.iter().map(|e| transformed(e.y, log)).collect();
        let set: Vec<Example> = set.iter().zip(&values).map(|(e, y)| Example { y, ..*e }).collect();
        let layout = Layout::new(season, shortest, calendar, level);
        let mut table = table(&set, &lengths, &layout, season)?;
        let rows = table.target.len();
        let linear = (level != Level::Last).then(|| Linear::fit(&table));
        if let Some(linear) = &linear {
            let rows = table.values.chunks_exact(table.width);
            rows.zip(&mut table.target).for_each(|(row, target)| *target -= linear.predict(row));
        }
        let whole: usize = set.iter().map(|e| e.y.len().saturating_sub(layout.reach())).sum();
        let bags = (ROWS_OF_ONE / whole.max(1)).clamp(1, MOST_BAGS);
        let share = match whole {
            _ if bags > 1 => SHARE_OF_BAG,
            ..=FEW_ROWS => SHARE_OF_FEW,
            _ => SHARE_OF_MANY,
        };
        let fit = |bag| Boosted::fit(&table, settings(rows, share, season > 1, seed.wrapping_add(bag)));
        let models: Vec<Boosted> = (0..bags as u64).map(fit).collect();
        let spread = models.iter().map(|m| training_error(&table, m)).sum::<f64>() / models.len() as f64;
        views.push(View { layout, log, models, rough: whole <= ROUGH_ROWS, linear, spread });
    }
    Some(Global { views })
}

/// Rows of all series; `None` when there are too few.
fn table(set: &[Example], lengths: &[usize], layout: &Layout, season: usize) -> Option<Table> {
    let reach = layout.reach();
    let available: usize = lengths.iter().map(|n| n.saturating_sub(reach)).sum();
    if available < FEWEST_ROWS {
        return None;
    }
    let share = (MOST_ROWS as f64 / available as f64).min(1.0);
    let mut table = Table { width: layout.width(), values: Vec::new(), target: Vec::new() };
    for (example, &n) in set.iter().zip(lengths) {
        if n <= reach {
            continue;
        }
        let y = &example.y[..n];
        let scale = scale_of(y, season);
        let keep = (((n - reach) as f64 * share).ceil() as usize).max(1);
        for t in n - keep..n {
            let time = example.grid.and_then(|(first, frequency)| frequency.advance(first, t as i64));
            layout.write(y, t, scale, time, &mut table.values);
            // Squared error must not be ruled by a handful of wild points.
            table.target.push(((y[t] - layout.base(y, t)) / scale).clamp(-12.0, 12.0));
        }
    }
    Some(table)
}

/// Lags are soon learnt, and more rounds learn the noise; seasons take longer.
fn settings(rows: usize, share: f64, seasonal: bool, seed: u64) -> Settings {
    Settings {
        rounds: if seasonal { 50 } else { 35 },
        depth: 5,
        learning_rate: 0.1,
        rows: share,
        features: 0.7,
        smallest_leaf: (rows / 400).clamp(5, 40),
        ridge: 5.0,
        seed,
    }
}

/// Root mean square error over a sample of the rows.
fn training_error(table: &Table, model: &Boosted) -> f64 {
    let rows = table.target.len();
    let mut scratch = Vec::new();
    let (mut squares, mut count) = (0.0, 0.0);
    for r in (0..rows).step_by((rows / 2_000).max(1)) {
        let row = &table.values[r * table.width..(r + 1) * table.width];
        let error = table.target[r] - model.predict(row, &mut scratch);
        squares += error * error;
        count += 1.0;
    }
    (squares / f64::max(count, 1.0)).sqrt()
}

impl Global {
    /// What each view foretells of the points after `example.y[..from]`. `None` when the series is shorter than the lags.
    pub(crate) fn predict(&self, example: Example, from: usize, horizon: usize) -> Option<Vec<Part>> {
        self.views.iter().map(|view| view.predict(example, from, horizon)).collect()
    }
}

impl View {
    fn predict(&self, example: Example, from: usize, horizon: usize) -> Option<Part> {
        let layout = &self.layout;
        if from < layout.reach() || from == 0 {
            return None;
        }
        let known = &example.y[..from];
        let log = self.log && is_positive(known);
        let y = transformed(known, log);
        let scale = scale_of(&y, layout.season);
        let time = |t: usize| example.grid.and_then(|(first, frequency)| frequency.advance(first, t as i64));
        let times: Vec<Option<DateTime>> = (from..from + horizon).map(time).collect();
        let walk = Walk { layout, linear: self.linear.as_ref(), known: &y, scale, times: &times };
        let mut path = vec![0.0; horizon];
        let weight = 1.0 / self.models.len() as f64;
        let calm = vec![0.0; horizon];
        for (k, model) in self.models.iter().enumerate() {
            if !self.rough {
                walk.add(model, &calm, weight, &mut path);
                continue;
            }
            // Of a rough function the answer at the mean is not the mean answer: on a series that falls further than it
            // rises, a path without surprises falls and never recovers. Each model walks its own surprises, and these
            // turned round.
            let mut random = Random::new(k as u64);
            let mut noise: Vec<f64> = (0..horizon).map(|_| random.normal() * self.spread * scale).collect();
            walk.add(model, &noise, 0.5 * weight, &mut path);
            noise.iter_mut().for_each(|v| *v = -*v);
            walk.add(model, &noise, 0.5 * weight, &mut path);
        }
        let mean: Vec<f64> = path.into_iter().map(|v| if log { v.exp() } else { v }).collect();
        // A spread of logarithms is one relative to the level.
        let unit = if log { scale * mean.iter().sum::<f64>() / horizon as f64 } else { scale };
        let sd = (0..horizon).map(|h| self.spread * unit * 1.2 * (1.0 + 0.1 * h as f64).sqrt()).collect();
        Some(Part { mean, sd })
    }
}

/// A horizon that models walk step by step: each answer becomes the next one's lag.
struct Walk<'a> {
    layout: &'a Layout,
    linear: Option<&'a Linear>,
    known: &'a [f64],
    scale: f64,
    times: &'a [Option<DateTime>],
}

impl Walk<'_> {
    /// Adds `weight` times the model's answers where each step is followed by its `noise`.
    fn add(&self, model: &Boosted, noise: &[f64], weight: f64, path: &mut [f64]) {
        let layout = self.layout;
        let mut y = self.known.to_vec();
        let mut row = Vec::with_capacity(layout.width());
        let mut bins = Vec::new();
        for ((time, noise), out) in self.times.iter().zip(noise).zip(path) {
            let t = y.len();
            row.clear();
            layout.write(&y, t, self.scale, *time, &mut row);
            let linear = self.linear.map_or(0.0, |l| l.predict(&row));
            let value = layout.base(&y, t) + self.scale * (linear + model.predict(&row, &mut bins));
            *out += weight * value;
            y.push(value + noise);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> Vec<Vec<f64>> {
        (0..12)
            .map(|s| {
                (0..72)
                    .map(|t| {
                        let noise = ((t * 7919 + s * 104_729 + 13) % 101) as f64 / 101.0 - 0.5;
                        (s + 1) as f64 * (50.0 + 10.0 * ((t + s) % 6) as f64 + noise)
                    })
                    .collect()
            })
            .collect()
    }

    fn middle(parts: &[Part]) -> Vec<f64> {
        let count = parts.len() as f64;
        (0..parts[0].mean.len()).map(|h| parts.iter().map(|p| p.mean[h]).sum::<f64>() / count).collect()
    }

    #[test]
    fn a_season_shared_by_series_of_different_size_is_learnt() {
        let data = set();
        let examples: Vec<Example> = data.iter().map(|y| Example { y, grid: None }).collect();
        let model = train(&examples, 6, 6, 1).expect("enough rows");
        for (s, e) in examples.iter().enumerate() {
            let mean = middle(&model.predict(*e, 66, 6).expect("long enough"));
            for (h, value) in mean.iter().enumerate() {
                let actual = e.y[66 + h];
                assert!((value - actual).abs() < 3.0 * (s + 1) as f64, "{s} {h} {value} {actual}");
            }
        }
    }
}
