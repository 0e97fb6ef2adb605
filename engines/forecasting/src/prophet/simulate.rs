//! What the future may bring: the trend goes on changing as often, and about as much, as it did in the history, and
//! every point has its noise.

use super::Fitted;
use super::options::Growth;
use crate::forecast::Interval;
use crate::random::Random;

/// Futures simulated where the spread has no closed form.
const PATHS: usize = 400;

impl Fitted {
    /// Mean size of a change of the rate in the history: the scale of future ones.
    fn change_scale(&self) -> f64 {
        let changes = &self.parameters.changes;
        if changes.is_empty() {
            return 0.0;
        }
        changes.iter().map(|d| d.abs()).sum::<f64>() / changes.len() as f64 + 1e-8
    }

    /// `count` futures over the whole horizon, noise included. The same seed gives the same ones.
    ///
    /// Changes of the rate arrive after the last observed point as a Poisson process with the history's number of
    /// changepoints over the history's length, their sizes from the Laplace distribution.
    pub fn paths(&self, count: usize, seed: u64) -> Vec<Vec<f64>> {
        let d = &self.design;
        let p = &self.parameters;
        let (added, multiplied) = self.effects();
        let points = d.t.len();
        let end = d.t[points - 1];
        let scale = self.change_scale();
        let rate = d.changes.len() as f64;
        let mut random = Random::new(seed);
        (0..count)
            .map(|_| {
                let mut changes = d.changes.clone();
                let mut own = p.clone();
                let mut at = 1.0;
                if d.growth != Growth::Flat && end > 1.0 {
                    loop {
                        at += exponential(&mut random) / rate;
                        if at >= end {
                            break;
                        }
                        changes.push(at);
                        own.changes.push(laplace(&mut random, scale));
                    }
                }
                (self.history..points)
                    .map(|i| {
                        let trend = d.floor[i] + d.scale * own.trend(d.growth, &changes, d.t[i], d.cap[i]);
                        trend * (1.0 + multiplied[i]) + added[i] + p.noise * d.scale * random.normal()
                    })
                    .collect()
            })
            .collect()
    }

    /// Standard deviation of each step over the futures that [`Fitted::paths`] draws from.
    pub fn sd(&self) -> Vec<f64> {
        let d = &self.design;
        if d.growth == Growth::Logistic {
            return self.simulated_sd();
        }
        let (_, multiplied) = self.effects();
        let scale = self.change_scale();
        (self.history..d.t.len())
            .map(|i| {
                // The sum over a Poisson process of rate n on (1, t) of Laplace changes times what is left of the way:
                // n * 2 scale^2 * integral of (t - s)^2.
                let way = (d.t[i] - 1.0).max(0.0);
                let trend = d.changes.len() as f64 * 2.0 * scale * scale * way.powi(3) / 3.0;
                let share = 1.0 + multiplied[i];
                d.scale * (trend * share * share + self.parameters.noise * self.parameters.noise).sqrt()
            })
            .collect()
    }

    fn simulated_sd(&self) -> Vec<f64> {
        let mean = self.mean();
        let paths = self.paths(PATHS, 0);
        (0..mean.len())
            .map(|h| (paths.iter().map(|p| (p[h] - mean[h]).powi(2)).sum::<f64>() / paths.len() as f64).sqrt())
            .collect()
    }

    /// Intervals of `levels` percent from `count` simulated futures, narrowest first. They are the model's own: they
    /// know nothing of how it erred before (see [`crate::forecast`] for calibrated ones).
    pub fn intervals(&self, levels: &[f64], count: usize, seed: u64) -> Vec<Interval> {
        let mut levels = levels.to_vec();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        let paths = self.paths(count.max(1), seed);
        let steps = self.design.t.len() - self.history;
        let sorted: Vec<Vec<f64>> = (0..steps)
            .map(|h| {
                let mut values: Vec<f64> = paths.iter().map(|p| p[h]).collect();
                values.sort_by(f64::total_cmp);
                values
            })
            .collect();
        let side = |p: f64| sorted.iter().map(|v| sorted_quantile(v, p)).collect();
        levels
            .into_iter()
            .map(|level| Interval { level, lower: side(0.5 - level / 200.0), upper: side(0.5 + level / 200.0) })
            .collect()
    }
}

/// The value below which a share `p` of increasing values lies, linear between them.
fn sorted_quantile(sorted: &[f64], p: f64) -> f64 {
    let place = p.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (place - place.floor()) * (high - low)
}

fn exponential(random: &mut Random) -> f64 {
    -(1.0 - random.uniform()).ln()
}

fn laplace(random: &mut Random, scale: f64) -> f64 {
    let u = random.uniform() - 0.5;
    -scale * u.signum() * (1.0 - 2.0 * u.abs()).max(1e-300).ln()
}
