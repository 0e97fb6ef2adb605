//! The fit: linear coefficients by least squares for given shapes, shapes by coordinate search.

use super::least_squares::constrained;
use super::{Estimate, Fit, FittedChannel, History};
use crate::effort::Effort;
use crate::inventory::distribution::normal_cdf;
use crate::mip::Random;
use crate::model::ModelError;

const RESAMPLES: usize = 100;
/// Periods that are resampled together.
const BLOCK: usize = 6;
const HARMONICS: usize = 3;
const SWEEPS: usize = 4;
const DECAYS: [f64; 7] = [0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9];
/// Half-saturation as a multiple of the mean spend.
const HALVES: [f64; 7] = [0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0];
/// How strongly very late saturation is doubted: it and no saturation at all look the same.
const DOUBT: f64 = 2e-4;

/// Decay and half-saturation of a channel.
#[derive(Clone, Copy, PartialEq)]
struct Shape {
    decay: f64,
    half: f64,
}

struct Design {
    /// Base columns (level, trend, seasons, controls), each of unit size.
    base: Vec<Vec<f64>>,
    means: Vec<f64>,
}

/// Spend as it works: what is left of earlier periods and a share of this one, so that a steady spend
/// is its own adstock. The past before the history is taken to be like its first periods.
fn adstock(spend: &[f64], decay: f64) -> Vec<f64> {
    let first = &spend[..spend.len().min(8)];
    let mut left = first.iter().sum::<f64>() / first.len() as f64;
    spend
        .iter()
        .map(|s| {
            left = decay * left + (1.0 - decay) * s;
            left
        })
        .collect()
}

fn saturated(spend: &[f64], shape: Shape) -> Vec<f64> {
    adstock(spend, shape.decay).into_iter().map(|a| a / (shape.half + a)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Design {
    fn new(history: &History) -> Self {
        let periods = history.outcome.len();
        let mut base = vec![vec![1.0; periods]];
        base.push((0..periods).map(|t| t as f64 / periods as f64 - 0.5).collect());
        if let Some(season) = history.season {
            for h in 1..=HARMONICS {
                let angle = |t: usize| 2.0 * std::f64::consts::PI * h as f64 * t as f64 / season;
                base.push((0..periods).map(|t| angle(t).sin()).collect());
                base.push((0..periods).map(|t| angle(t).cos()).collect());
            }
        }
        for control in &history.controls {
            let mean = control.values.iter().sum::<f64>() / periods as f64;
            let spread = (control.values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / periods as f64).sqrt();
            if spread > 0.0 {
                base.push(control.values.iter().map(|v| (v - mean) / spread).collect());
            }
        }
        let means = history.channels.iter().map(|c| c.spend.iter().sum::<f64>() / periods as f64).collect();
        Self { base, means }
    }
}

struct Search<'a> {
    history: &'a History,
    design: &'a Design,
    /// Periods the fit looks at.
    periods: usize,
    outcome: Vec<f64>,
    shapes: Vec<Shape>,
    columns: Vec<Vec<f64>>,
    gram: Vec<Vec<f64>>,
    right: Vec<f64>,
    square: f64,
}

impl<'a> Search<'a> {
    fn new(history: &'a History, design: &'a Design, periods: usize, outcome: Vec<f64>, shapes: Vec<Shape>) -> Self {
        let mut columns: Vec<Vec<f64>> = design.base.iter().map(|c| c[..periods].to_vec()).collect();
        columns.extend(history.channels.iter().zip(&shapes).map(|(c, &s)| saturated(&c.spend[..periods], s)));
        let n = columns.len();
        let mut gram = vec![vec![0.0; n]; n];
        for i in 0..n {
            for j in 0..=i {
                gram[i][j] = dot(&columns[i], &columns[j]);
                gram[j][i] = gram[i][j];
            }
        }
        let right = columns.iter().map(|c| dot(c, &outcome)).collect();
        let square = dot(&outcome, &outcome);
        Self { history, design, periods, outcome, shapes, columns, gram, right, square }
    }

    fn set(&mut self, channel: usize, shape: Shape) {
        let at = self.design.base.len() + channel;
        self.shapes[channel] = shape;
        self.columns[at] = saturated(&self.history.channels[channel].spend[..self.periods], shape);
        for j in 0..self.columns.len() {
            let value = dot(&self.columns[at], &self.columns[j]);
            self.gram[at][j] = value;
            self.gram[j][at] = value;
        }
        self.right[at] = dot(&self.columns[at], &self.outcome);
    }

    fn coefficients(&self) -> Vec<f64> {
        let not_negative: Vec<bool> = (0..self.columns.len()).map(|j| j >= self.design.base.len()).collect();
        constrained(&self.gram, &self.right, &not_negative)
    }

    /// Squared error, with the doubt about late saturation on top.
    fn loss(&self) -> f64 {
        let x = self.coefficients();
        let mut explained = 0.0;
        for (i, row) in self.gram.iter().enumerate() {
            explained += x[i] * (2.0 * self.right[i] - dot(row, &x));
        }
        let error = (self.square - explained).max(0.0);
        let late: f64 = self.shapes.iter().zip(&self.design.means).map(|(s, m)| (s.half / m).ln().powi(2)).sum();
        error * (1.0 + DOUBT * late / self.shapes.len() as f64)
    }

    fn work(&self) -> u64 {
        let n = self.columns.len() as u64;
        n * self.periods as u64 * 2 + n * n * n
    }

    /// Tries shapes for one channel at a time and keeps what fits best.
    fn descend(&mut self, tries: &dyn Fn(Shape, f64, usize) -> Vec<Shape>, sweeps: usize, effort: &mut Effort) {
        let mut best = self.loss();
        for sweep in 0..sweeps {
            let before = best;
            for c in 0..self.shapes.len() {
                let mut kept = self.shapes[c];
                for shape in tries(kept, self.design.means[c], sweep) {
                    self.set(c, shape);
                    let loss = self.loss();
                    effort.add(self.work());
                    if loss < best {
                        best = loss;
                        kept = shape;
                    }
                }
                self.set(c, kept);
                if effort.is_over() {
                    return;
                }
            }
            if before - best <= 1e-7 * before {
                break;
            }
        }
    }
}

fn grid(_: Shape, mean: f64, _: usize) -> Vec<Shape> {
    DECAYS.iter().flat_map(|&decay| HALVES.iter().map(move |&half| Shape { decay, half: half * mean })).collect()
}

/// Steps around a shape, smaller in each sweep.
fn around(shape: Shape, mean: f64, sweep: usize) -> Vec<Shape> {
    let reach = 0.6f64.powi(sweep as i32);
    let mut out = Vec::new();
    for step in [-1.0, -0.4, 0.0, 0.4, 1.0] {
        for turn in [-1.0, -0.4, 0.0, 0.4, 1.0] {
            let half = shape.half * (step * 0.7 * reach).exp();
            let decay: f64 = shape.decay + turn * 0.12 * reach;
            out.push(Shape { decay: decay.clamp(0.0, 0.95), half: half.clamp(0.05 * mean, 20.0 * mean) });
        }
    }
    out
}

/// The curve of one channel in one fit.
#[derive(Clone, Copy)]
struct Curve {
    alpha: f64,
    shape: Shape,
}

impl Curve {
    fn at(&self, spend: f64) -> f64 {
        self.alpha * spend / (self.shape.half + spend)
    }

    fn slope(&self, spend: f64) -> f64 {
        self.alpha * self.shape.half / (self.shape.half + spend).powi(2)
    }
}

fn curves(search: &Search) -> Vec<Curve> {
    let x = search.coefficients();
    let base = search.design.base.len();
    search.shapes.iter().enumerate().map(|(c, &shape)| Curve { alpha: x[base + c], shape }).collect()
}

/// Share of the resamples beyond either end of a 90 % interval: less than a twentieth, because few blocks
/// stray less than the truth does (the expanded percentiles of Hesterberg, 2015).
fn tail(periods: usize) -> f64 {
    const Z: f64 = 1.644_853_626_951_472_2;
    let blocks = (periods / BLOCK) as f64;
    let freedom = blocks - 1.0;
    // Student's quantile to the first order of its expansion in 1 / freedom.
    let student = Z * (1.0 + (Z * Z + 1.0) / (4.0 * freedom));
    normal_cdf(-student * (blocks / freedom).sqrt())
}

/// A figure and its 90 % interval. Resamples show how far refits stray, not on which side of the truth
/// the first fit lies, and curves like these are biased either way: the interval holds both the
/// percentiles and their mirror image about the fit (Davison and Hinkley, 1997, chapter 5).
fn estimate(value: f64, mut samples: Vec<f64>, tail: f64, most: f64) -> Estimate {
    samples.sort_by(f64::total_cmp);
    if samples.is_empty() {
        return Estimate { value, low: value, high: value };
    }
    let at = |share: f64| samples[((samples.len() - 1) as f64 * share).round() as usize];
    let (low, high) = (at(tail), at(1.0 - tail));
    let mirrored = |end: f64| 2.0 * value - end;
    Estimate {
        value,
        low: low.min(mirrored(high)).min(value).max(0.0),
        high: high.max(mirrored(low)).max(value).min(most),
    }
}

fn predicted(search: &Search, history: &History) -> Vec<f64> {
    let x = search.coefficients();
    let base = search.design.base.len();
    let channels: Vec<Vec<f64>> =
        history.channels.iter().zip(&search.shapes).map(|(c, &s)| saturated(&c.spend, s)).collect();
    (0..history.outcome.len())
        .map(|t| {
            let own: f64 = search.design.base.iter().zip(&x).map(|(c, x)| c[t] * x).sum();
            own + channels.iter().zip(&x[base..]).map(|(c, x)| c[t] * x).sum::<f64>()
        })
        .collect()
}

/// Fits a history. The same history, seed and work limit give the same fit.
///
/// # Errors
/// Names the field that is out of range.
pub fn fit(history: &History, seed: u64, effort: &mut Effort) -> Result<Fit, ModelError> {
    history.validate()?;
    let periods = history.outcome.len();
    let design = Design::new(history);
    let first: Vec<Shape> = design.means.iter().map(|&mean| Shape { decay: 0.3, half: 1.5 * mean }).collect();
    let mut search = Search::new(history, &design, periods, history.outcome.clone(), first.clone());
    search.descend(&grid, SWEEPS, effort);
    search.descend(&around, 5, effort);
    let fitted = predicted(&search, history);
    let residuals: Vec<f64> = history.outcome.iter().zip(&fitted).map(|(y, f)| y - f).collect();
    let mean = history.outcome.iter().sum::<f64>() / periods as f64;
    let total: f64 = history.outcome.iter().map(|y| (y - mean).powi(2)).sum();
    let r_squared = if total > 0.0 { 1.0 - dot(&residuals, &residuals) / total } else { 1.0 };
    // The last fifth, seen from before it.
    let known = periods - periods / 5;
    let mut past = Search::new(history, &design, known, history.outcome[..known].to_vec(), search.shapes.clone());
    past.descend(&around, 3, effort);
    let foreseen = predicted(&past, history);
    let error: f64 = (known..periods).map(|t| (history.outcome[t] - foreseen[t]).abs()).sum();
    let size: f64 = history.outcome[known..].iter().map(|y| y.abs()).sum();
    let curves_now = curves(&search);
    // Residuals lose the freedom the fit took.
    let parameters = design.base.len() + 3 * history.channels.len();
    let stretch = (periods as f64 / (periods as f64 - parameters as f64).max(1.0)).sqrt();
    let mut random = Random::new(seed ^ 0x3333);
    let mut samples: Vec<Vec<Curve>> = Vec::new();
    for _ in 0..RESAMPLES {
        if effort.is_over() {
            break;
        }
        let mut outcome = fitted.clone();
        let mut t = 0;
        while t < periods {
            let from = random.below(periods - BLOCK.min(periods - 1));
            for k in 0..BLOCK.min(periods - t) {
                outcome[t + k] += stretch * residuals[from + k];
            }
            t += BLOCK;
        }
        // From shapes of its own, or the fit's own valley would be all that is seen.
        let start = design.means.iter().map(|mean| Shape {
            decay: DECAYS[random.below(DECAYS.len())],
            half: HALVES[random.below(HALVES.len())] * mean,
        });
        let mut again = Search::new(history, &design, periods, outcome, start.collect());
        again.descend(&grid, 2, effort);
        again.descend(&around, 3, effort);
        samples.push(curves(&again));
    }
    let tail = tail(periods);
    let channels = history
        .channels
        .iter()
        .enumerate()
        .map(|(c, channel)| {
            let spend = design.means[c];
            let within = |figure: &dyn Fn(&Curve) -> f64, most: f64| {
                estimate(figure(&curves_now[c]), samples.iter().map(|s| figure(&s[c])).collect(), tail, most)
            };
            let of = |figure: &dyn Fn(&Curve) -> f64| within(figure, f64::INFINITY);
            FittedChannel {
                name: channel.name.clone(),
                alpha: of(&|curve| curve.alpha),
                k: of(&|curve| curve.shape.half),
                decay: within(&|curve| curve.shape.decay, 1.0),
                mean_spend: spend,
                return_at_mean: of(&|curve| curve.at(spend)),
                marginal_at_mean: of(&|curve| curve.slope(spend)),
                largest_spend: channel.spend.iter().copied().fold(0.0, f64::max),
            }
        })
        .collect();
    let holdout_error = if size > 0.0 { error / size } else { 0.0 };
    Ok(Fit { channels, r_squared, holdout_error, resamples: samples.len() })
}
