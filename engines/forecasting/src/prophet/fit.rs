//! The maximum of the posterior.
//!
//! The priors are Taylor & Letham's: rate and offset N(0, 5), changes of the rate Laplace(0, tau), coefficients
//! N(0, their scale), noise half-normal(0.5). Given the noise the posterior is a least-squares problem in which changes
//! of the rate pay for their size; short histories are solved exactly ([`super::lasso`]), after linearising logistic growth and
//! multiplicative components (a proximal Gauss-Newton step: Lee, Sun & Saunders 2014). Given everything else the noise
//! has a closed form. The two alternate.

use super::design::Design;
use super::lasso::minimise;
use super::newton::{by_differences, newton, wall};
use super::options::{Growth, Mode};
use super::search::lbfgs;
use crate::cholesky::Square;

/// Where to look for the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Search {
    /// Where the reference implementation stops: it comes to rest a little before the maximum, at a kink of the prior of
    /// the trend's changes. Forecasts there differ from those at it by up to a few percent.
    Reference,
    /// At the maximum itself, which takes a fraction of the time.
    Exact,
}

/// What a fit found, in scaled units.
#[derive(Debug, Clone)]
pub(super) struct Parameters {
    pub rate: f64,
    pub offset: f64,
    /// Changes of the rate at the changepoints.
    pub changes: Vec<f64>,
    pub coefficients: Vec<f64>,
    pub noise: f64,
}

/// Standard deviation of the prior of rate and offset, and of the noise.
const TREND_PRIOR: f64 = 5.0;
const NOISE_PRIOR: f64 = 0.5;
const ROUNDS: usize = 400;
/// Elementary operations allowed to one search: a few seconds.
const MOST_OPERATIONS: usize = 2_000_000_000;
/// Noise, in units of the largest value, that is left where a model fits every point.
const LEAST_NOISE: f64 = 1e-6;
/// Steps that the reference's searches are allowed.
const MOST_STEPS: usize = 10_000;
/// Observed points from which on the reference implementation searches by L-BFGS; below it does by Newton's method.
const FEWEST_FOR_QUASI_NEWTON: usize = 100;

/// Position of the coordinates: rate, offset, coefficients, then the changes of the rate, which pay.
const RATE: usize = 0;
const OFFSET: usize = 1;
const COEFFICIENTS: usize = 2;

impl Parameters {
    fn of(x: &[f64], columns: usize, noise: f64) -> Parameters {
        Parameters {
            rate: x[RATE],
            offset: x[OFFSET],
            coefficients: x[COEFFICIENTS..COEFFICIENTS + columns].to_vec(),
            changes: x[COEFFICIENTS + columns..].to_vec(),
            noise,
        }
    }

    /// The scaled trend at scaled time `t`, where growth saturates at `cap`.
    pub(super) fn trend(&self, growth: Growth, changepoints: &[f64], t: f64, cap: f64) -> f64 {
        let bends = || -> f64 {
            changepoints.iter().zip(&self.changes).take_while(|(c, _)| **c <= t).map(|(c, d)| d * (t - c)).sum()
        };
        match growth {
            Growth::Linear => self.offset + self.rate * t + bends(),
            Growth::Logistic => cap * logistic(self.rate * (t - self.offset) + bends()),
            Growth::Flat => self.offset,
        }
    }
}

pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// A straight (or saturating, or flat) line through the ends of the history: where the search starts.
fn start(design: &Design) -> (f64, f64) {
    let y = &design.y;
    let (first, last) = (y[0], y[y.len() - 1]);
    match design.growth {
        Growth::Linear => (last - first, first),
        Growth::Flat => (0.0, y.iter().sum::<f64>() / y.len() as f64),
        Growth::Logistic => {
            let ratio = |cap: f64, y: f64| cap / y.clamp(0.01 * cap, 0.99 * cap);
            let mut r0 = ratio(design.cap[design.observed[0]], first);
            let r1 = ratio(design.cap[design.observed[y.len() - 1]], last);
            if (r0 - r1).abs() <= 0.01 {
                r0 *= 1.05;
            }
            let (l0, l1) = ((r0 - 1.0).ln(), (r1 - 1.0).ln());
            (l0 - l1, l0 / (l0 - l1))
        }
    }
}

pub(super) fn fit(design: &Design, search: Search) -> Parameters {
    let columns = design.columns.len();
    let (rate, offset) = start(design);
    let mut x = vec![0.0; COEFFICIENTS + columns + design.changes.len()];
    x[RATE] = rate;
    x[OFFSET] = offset;
    let constant = design.y.iter().all(|v| *v == design.y[0]);
    if constant && design.growth != Growth::Logistic {
        return Parameters::of(&x, columns, 1e-9);
    }
    let problem = Problem::new(design);
    if search == Search::Reference {
        let mut start = x.clone();
        start.push(0.0);
        let found = if design.y.len() >= FEWEST_FOR_QUASI_NEWTON {
            lbfgs(&start, problem.iterations(), problem.posterior(&x))
        } else {
            problem.newton(&start)
        };
        if let Some(found) = found {
            return Parameters::of(&found[..found.len() - 1], columns, found[found.len() - 1].exp());
        }
    }
    let mut quadratic = problem.linearised(&x);
    let mut variance = 1.0;
    for round in 0..ROUNDS {
        if !problem.linear && round > 0 {
            quadratic = problem.linearised(&x);
        }
        let Some(target) = problem.step(&quadratic, &x, variance) else { break };
        let before = x.clone();
        if problem.linear {
            x = target;
        } else if !problem.search(&mut x, &target, variance) {
            break;
        }
        let next = problem.variance(&x);
        let moved = x.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let settled = (next / variance).ln().abs() < 1e-9 && moved < 1e-8;
        variance = next;
        if settled {
            break;
        }
    }
    Parameters::of(&x, columns, variance.sqrt())
}

struct Problem<'a> {
    design: &'a Design,
    /// Whether the mean is linear in the parameters.
    linear: bool,
    /// Features of the observed points, a row for each.
    rows: Vec<f64>,
    /// Precision of each coordinate's normal prior; 0 for those that pay.
    precision: Vec<f64>,
}

/// `|y - mean|^2` near a point, as `x'gram x - 2 pull x` and a constant.
struct Quadratic {
    gram: Square,
    pull: Vec<f64>,
}

impl Problem<'_> {
    fn new(design: &Design) -> Problem<'_> {
        let columns = &design.columns;
        let mut rows = Vec::with_capacity(design.observed.len() * columns.len());
        for &i in &design.observed {
            rows.extend(columns.iter().map(|c| c.values[i]));
        }
        let mut precision = vec![1.0 / (TREND_PRIOR * TREND_PRIOR); COEFFICIENTS];
        precision.extend(columns.iter().map(|c| 1.0 / (c.prior * c.prior)));
        precision.resize(precision.len() + design.changes.len(), 0.0);
        let linear = design.growth != Growth::Logistic && columns.iter().all(|c| c.mode == Mode::Additive);
        Problem { design, linear, rows, precision }
    }

    /// Steps of the reference's search: as many as it takes itself, as long as the work stays bounded.
    fn iterations(&self) -> usize {
        let each = if self.linear { self.precision.len().pow(2) } else { self.rows.len() + self.design.y.len() };
        (MOST_OPERATIONS / each.max(1)).min(MOST_STEPS)
    }

    /// The reference's search of a short history; `None` where it would take more than the work allowed, or fits every
    /// point: then the posterior grows for ever, and where a search ends is chance.
    fn newton(&self, start: &[f64]) -> Option<Vec<f64>> {
        let size = start.len();
        let posterior = self.posterior(&start[..size - 1]);
        let gradients = size * (self.rows.len() + self.design.y.len() * size);
        let noisy = |x: &[f64]| x[size - 1] > LEAST_NOISE.ln();
        if !self.linear {
            let steps = (MOST_OPERATIONS / (4 * gradients)).min(MOST_STEPS);
            return newton(start, steps, posterior, |x, f| noisy(x).then(|| by_differences(x, f)));
        }
        let steps = (MOST_OPERATIONS / size.pow(3)).min(MOST_STEPS);
        let quadratic = self.linearised(&start[..size - 1]);
        newton(start, steps, posterior, |x, _| noisy(x).then(|| self.curvature(&quadratic, x)))
    }

    /// What differences of the gradient show of a linear model's posterior.
    fn curvature(&self, quadratic: &Quadratic, x: &[f64]) -> Square {
        let last = x.len() - 1;
        let inverse = (-2.0 * x[last]).exp();
        let mut h = Square::zeros(x.len());
        let mut squares: f64 = self.design.y.iter().map(|y| y * y).sum();
        for i in 0..last {
            let row = &mut h.rows[i * x.len()..i * x.len() + i + 1];
            row.iter_mut().enumerate().for_each(|(j, v)| *v = inverse * quadratic.gram.at(i, j));
            row[i] += self.precision[i];
            if i >= self.free() {
                row[i] += wall(x[i]) / self.design.tau;
            }
            let image: f64 = x[..last].iter().enumerate().map(|(j, v)| quadratic.gram.at(i, j) * v).sum();
            h.rows[last * x.len() + i] = -2.0 * inverse * (image - quadratic.pull[i]);
            squares += x[i] * (image - 2.0 * quadratic.pull[i]);
        }
        h.rows[last * x.len() + last] = 2.0 * inverse * squares + 2.0 / (inverse * NOISE_PRIOR * NOISE_PRIOR);
        h
    }

    fn free(&self) -> usize {
        COEFFICIENTS + self.design.columns.len()
    }

    fn features(&self, row: usize) -> &[f64] {
        let width = self.design.columns.len();
        &self.rows[row * width..(row + 1) * width]
    }

    /// The mean of an observed point: trend, slope of the trend in its linear predictor, additive and multiplicative
    /// part.
    fn parts(&self, x: &[f64], row: usize) -> (f64, f64, f64, f64) {
        let design = self.design;
        let at = design.observed[row];
        let t = design.t[at];
        let bends = || -> f64 {
            let changes = design.changes.iter().zip(&x[self.free()..]);
            changes.take_while(|(c, _)| **c <= t).map(|(c, d)| d * (t - c)).sum()
        };
        let (trend, slope) = match design.growth {
            Growth::Flat => (x[OFFSET], 1.0),
            Growth::Linear => (x[OFFSET] + x[RATE] * t + bends(), 1.0),
            Growth::Logistic => {
                let share = logistic(x[RATE] * (t - x[OFFSET]) + bends());
                (design.cap[at] * share, design.cap[at] * share * (1.0 - share))
            }
        };
        let (mut added, mut multiplied) = (0.0, 0.0);
        for ((f, b), c) in self.features(row).iter().zip(&x[COEFFICIENTS..]).zip(&design.columns) {
            match c.mode {
                Mode::Additive => added += f * b,
                Mode::Multiplicative => multiplied += f * b,
            }
        }
        (trend, slope, added, multiplied)
    }

    /// The negative log posterior and its gradient, over the parameters and the log of the noise.
    fn posterior(&self, start: &[f64]) -> impl FnMut(&[f64], &mut [f64]) -> f64 {
        let quadratic = self.linearised(start);
        let constant: f64 = self.design.y.iter().map(|y| y * y).sum();
        let size = start.len();
        let free = self.free();
        let n = self.design.y.len() as f64;
        move |x, gradient| {
            let (x, log) = (&x[..size], x[size]);
            let variance = (2.0 * log).exp();
            let squares = if self.linear {
                let g = &quadratic.gram;
                let mut gx = vec![0.0; size];
                for i in 0..size {
                    let row = &g.rows[i * size..i * size + i + 1];
                    for (j, v) in row[..i].iter().enumerate() {
                        gx[i] += v * x[j];
                        gx[j] += v * x[i];
                    }
                    gx[i] += row[i] * x[i];
                }
                let mut s = constant;
                for i in 0..size {
                    s += x[i] * (gx[i] - 2.0 * quadratic.pull[i]);
                    gradient[i] = (gx[i] - quadratic.pull[i]) / variance;
                }
                s
            } else {
                self.slopes(x, &mut gradient[..size]);
                gradient[..size].iter_mut().for_each(|g| *g /= variance);
                self.squares(x)
            };
            let mut value = n * log + squares / (2.0 * variance) + variance / (2.0 * NOISE_PRIOR * NOISE_PRIOR);
            for (i, (v, p)) in x.iter().zip(&self.precision).enumerate() {
                if i < free {
                    value += 0.5 * p * v * v;
                    gradient[i] += p * v;
                } else if *v != 0.0 {
                    value += v.abs() / self.design.tau;
                    gradient[i] += v.signum() / self.design.tau;
                }
            }
            gradient[size] = n - squares / variance + variance / (NOISE_PRIOR * NOISE_PRIOR);
            value
        }
    }

    /// Gradient of half the squares.
    fn slopes(&self, x: &[f64], gradient: &mut [f64]) {
        let design = self.design;
        gradient.fill(0.0);
        for row in 0..design.y.len() {
            let t = design.t[design.observed[row]];
            let (trend, slope, added, multiplied) = self.parts(x, row);
            let residual = trend * (1.0 + multiplied) + added - design.y[row];
            let slope = residual * slope * (1.0 + multiplied);
            match design.growth {
                Growth::Flat => gradient[OFFSET] += slope,
                Growth::Linear => {
                    gradient[RATE] += slope * t;
                    gradient[OFFSET] += slope;
                }
                Growth::Logistic => {
                    gradient[RATE] += slope * (t - x[OFFSET]);
                    gradient[OFFSET] -= slope * x[RATE];
                }
            }
            for (j, (f, c)) in self.features(row).iter().zip(&design.columns).enumerate() {
                gradient[COEFFICIENTS + j] += residual * if c.mode == Mode::Multiplicative { trend * f } else { *f };
            }
            for (j, c) in design.changes.iter().take_while(|c| **c < t).enumerate() {
                gradient[self.free() + j] += slope * (t - c);
            }
        }
    }

    fn squares(&self, x: &[f64]) -> f64 {
        (0..self.design.y.len())
            .map(|row| {
                let (trend, _, added, multiplied) = self.parts(x, row);
                let residual = self.design.y[row] - trend * (1.0 + multiplied) - added;
                residual * residual
            })
            .sum()
    }

    fn linearised(&self, x: &[f64]) -> Quadratic {
        let design = self.design;
        let (size, free) = (x.len(), self.free());
        let mut gram = Square::zeros(size);
        let mut pull = vec![0.0; size];
        let mut slopes = vec![0.0; size];
        for row in 0..design.y.len() {
            let t = design.t[design.observed[row]];
            let (trend, slope, added, multiplied) = self.parts(x, row);
            let slope = slope * (1.0 + multiplied);
            (slopes[RATE], slopes[OFFSET]) = match design.growth {
                Growth::Flat => (0.0, slope),
                Growth::Linear => (slope * t, slope),
                Growth::Logistic => (slope * (t - x[OFFSET]), -slope * x[RATE]),
            };
            for (j, (f, c)) in self.features(row).iter().zip(&design.columns).enumerate() {
                slopes[COEFFICIENTS + j] = if c.mode == Mode::Multiplicative { trend * f } else { *f };
            }
            let mut used = free;
            for c in design.changes.iter().take_while(|c| **c < t) {
                slopes[used] = slope * (t - c);
                used += 1;
            }
            let around: f64 = slopes[..used].iter().zip(x).map(|(s, v)| s * v).sum();
            let wanted = design.y[row] - trend * (1.0 + multiplied) - added + around;
            for i in 0..used {
                let s = slopes[i];
                if s != 0.0 {
                    pull[i] += s * wanted;
                    let target = &mut gram.rows[i * size..i * size + i + 1];
                    for (g, other) in target.iter_mut().zip(&slopes) {
                        *g += s * other;
                    }
                }
            }
        }
        Quadratic { gram, pull }
    }

    /// The minimum of the penalised quadratic at this variance.
    fn step(&self, quadratic: &Quadratic, x: &[f64], variance: f64) -> Option<Vec<f64>> {
        let mut h = quadratic.gram.clone();
        for v in &mut h.rows {
            *v /= variance;
        }
        for (i, p) in self.precision.iter().enumerate() {
            h.rows[i * h.size + i] += p;
        }
        let b: Vec<f64> = quadratic.pull.iter().map(|v| v / variance).collect();
        minimise(&h, &b, self.free(), 1.0 / self.design.tau, x)
    }

    /// Goes towards `target` as far as the posterior grows; false when it does not grow at all.
    fn search(&self, x: &mut [f64], target: &[f64], variance: f64) -> bool {
        let from = x.to_vec();
        let before = self.penalised(&from, variance);
        let mut share = 1.0;
        for _ in 0..30 {
            for (value, (a, b)) in x.iter_mut().zip(from.iter().zip(target)) {
                *value = a + share * (b - a);
            }
            let after = self.penalised(x, variance);
            if after.is_finite() && after <= before {
                return true;
            }
            share *= 0.5;
        }
        x.copy_from_slice(&from);
        false
    }

    fn penalised(&self, x: &[f64], variance: f64) -> f64 {
        let priors: f64 = x.iter().zip(&self.precision).map(|(v, p)| 0.5 * p * v * v).sum();
        let paid: f64 = x[self.free()..].iter().map(|v| v.abs()).sum();
        self.squares(x) / (2.0 * variance) + priors + paid / self.design.tau
    }

    /// The variance of the noise that is most probable with these parameters: the root of
    /// `n/s - squares/s^3 + s/prior^2 = 0`.
    fn variance(&self, x: &[f64]) -> f64 {
        let n = self.design.y.len() as f64;
        let squares = self.squares(x);
        let four = 4.0 / (NOISE_PRIOR * NOISE_PRIOR);
        (2.0 * squares / (n + (n * n + four * squares).sqrt())).max(1e-18)
    }
}
