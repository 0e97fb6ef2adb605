//! Additive outliers of a series as a model of it sees them: points, and slumps or surges of some points, after which all
//! is as before.
//!
//! In the residuals of a linear model such a patch leaves the model's own filter as its trace (Chen & Liu 1993). A season
//! later it would come back in the forecast, as if it were part of the season.

use super::Fit;
use crate::stl::median;

/// Standard deviations of its estimate beyond which a patch is one (Chen & Liu take 2.5 to 4). On windows of the open
/// series' own past 3.5 and 4.5 did alike.
const BOUND: f64 = 3.5;
/// A patch of several points may start and end anywhere, and needs so much more evidence for each point.
const FOR_EACH_POINT: f64 = 0.05;
/// Newest points that are left as they are: what they are the start of is not known yet.
const UNDECIDED: usize = 2;
/// Fewest points on which usual residuals are told from odd ones.
const FEWEST: usize = 20;
/// Patches are at most one to so many points, and never more than the second number.
const POINTS_TO_ONE: usize = 20;
const MOST: usize = 24;
/// Sweeps in which the sizes of patches settle.
const SWEEPS: usize = 3;
/// Squares of a trace below which the residuals tell nothing of its size.
const LEAST_TRACE: f64 = 0.05;

#[derive(Debug, Clone, Copy)]
struct Patch {
    at: usize,
    length: usize,
    size: f64,
    /// In standard deviations of its estimate.
    score: f64,
}

/// `y` without its outliers; `None` when there are none, or the model has no season: there nothing brings them back.
pub(super) fn cleaned(y: &[f64], exogenous: &[Vec<f64>], fit: &Fit) -> Option<Vec<f64>> {
    let (n, m) = (y.len(), fit.spec.m);
    let skip = fit.points_without_residual();
    if m < 2 || n < FEWEST.max(skip + FEWEST / 2) {
        return None;
    }
    let fitted = fit.predict(y, exogenous, 1)?.fitted;
    let mut residual: Vec<f64> = y.iter().zip(&fitted).map(|(v, f)| v - f).collect();
    residual[..skip].fill(0.0);
    let scale = 1.4826 * median(residual[skip..].iter().map(|e| e.abs()).collect());
    if scale.is_nan() || scale <= 0.0 {
        return None;
    }
    let traces = Traces::new(fit, n, m / 2);
    let mut found: Vec<Patch> = Vec::new();
    let mut points = traces.products(&residual);
    while found.len() < (n / POINTS_TO_ONE + 1).min(MOST) {
        let Some(patch) = traces.strongest(&points, skip, scale, &found) else { break };
        // What lasts, or what the model takes up into its course, is no outlier.
        let lasting = Traces::measure(&residual, &traces.step, patch.at, scale).1.abs();
        if patch.score.abs() < lasting.max(residual[patch.at].abs() / scale) {
            break;
        }
        traces.add(&patch, -patch.size, &mut residual);
        traces.renew(&mut points, &residual, &patch);
        found.push(patch);
    }
    traces.settle(&mut found, &mut residual, scale);
    if found.is_empty() {
        return None;
    }
    let mut out = y.to_vec();
    for patch in &found {
        out[patch.at..patch.at + patch.length].iter_mut().for_each(|v| *v -= patch.size);
    }
    Some(out)
}

/// What patches of each length leave in the residuals.
struct Traces {
    /// By length, from one point on.
    of: Vec<Vec<f64>>,
    /// Sums of squares of the first points of each.
    squares: Vec<Vec<f64>>,
    /// Of a level that stays.
    step: Vec<f64>,
}

fn sums(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut total = 0.0;
    let add = |v: f64| {
        total += v;
        total
    };
    values.map(add).collect()
}

impl Traces {
    /// For patches of up to `longest` points.
    fn new(fit: &Fit, n: usize, longest: usize) -> Traces {
        let reach = (3 * fit.spec.m + 2).max(20).min(n);
        let weights = fit.residual_weights(reach);
        let trace = |length: usize| -> Vec<f64> {
            (0..reach).map(|i| weights[(i + 1).saturating_sub(length)..=i].iter().sum()).collect()
        };
        let of: Vec<Vec<f64>> = (1..=longest.max(1)).map(trace).collect();
        let squares = of.iter().map(|t| sums(t.iter().map(|w| w * w))).collect();
        Traces { of, squares, step: sums(weights.into_iter()) }
    }

    fn reach(&self) -> usize {
        self.step.len()
    }

    /// The product of the residuals with the trace of one point, for each point.
    fn products(&self, residual: &[f64]) -> Vec<f64> {
        (0..residual.len()).map(|t| self.product(residual, t)).collect()
    }

    fn product(&self, residual: &[f64], at: usize) -> f64 {
        residual[at..].iter().zip(&self.of[0]).map(|(e, w)| e * w).sum()
    }

    /// The products that a patch changed.
    fn renew(&self, points: &mut [f64], residual: &[f64], patch: &Patch) {
        let from = patch.at.saturating_sub(self.reach());
        let to = (patch.at + self.reach()).min(points.len());
        for (t, point) in (from..to).zip(&mut points[from..to]) {
            *point = self.product(residual, t);
        }
    }

    /// The strongest patch beyond the bound that is not among those `found`. A patch of several points is measured by the
    /// sum of what its points would be by themselves.
    fn strongest(&self, points: &[f64], skip: usize, scale: f64, found: &[Patch]) -> Option<Patch> {
        let end = points.len() - UNDECIDED;
        let mut best: Option<Patch> = None;
        for at in skip..end {
            let seen = self.reach().min(points.len() - at) - 1;
            let mut product = 0.0;
            for length in 1..=self.of.len().min(end - at) {
                product += points[at + length - 1];
                let square = self.squares[length - 1][seen];
                let score = product / square.sqrt() / scale;
                if square >= LEAST_TRACE
                    && score.abs() > BOUND * (1.0 + FOR_EACH_POINT * (length - 1) as f64)
                    && best.is_none_or(|b| score.abs() > b.score.abs())
                    && !found.iter().any(|f| f.at == at && f.length == length)
                {
                    best = Some(Patch { at, length, size: product / square, score });
                }
            }
        }
        best
    }

    /// Size and score of what left a trace at a point.
    fn measure(residual: &[f64], trace: &[f64], at: usize, scale: f64) -> (f64, f64) {
        let (mut product, mut squares) = (0.0, 0.0);
        for (e, w) in residual[at..].iter().zip(trace) {
            product += e * w;
            squares += w * w;
        }
        if squares < LEAST_TRACE { (0.0, 0.0) } else { (product / squares, product / squares.sqrt() / scale) }
    }

    fn add(&self, patch: &Patch, size: f64, residual: &mut [f64]) {
        for (e, w) in residual[patch.at..].iter_mut().zip(&self.of[patch.length - 1]) {
            *e += size * w;
        }
    }

    /// Sizes of all patches given each other, without those that fall below the bound once the others are known.
    fn settle(&self, found: &mut Vec<Patch>, residual: &mut [f64], scale: f64) {
        loop {
            for _ in 0..SWEEPS {
                for patch in found.iter_mut() {
                    self.add(patch, patch.size, residual);
                    let trace = &self.of[patch.length - 1];
                    (patch.size, patch.score) = Traces::measure(residual, trace, patch.at, scale);
                    self.add(patch, -patch.size, residual);
                }
            }
            let weakest = found.iter().enumerate().min_by(|a, b| a.1.score.abs().total_cmp(&b.1.score.abs()));
            match weakest.map(|(k, patch)| (k, *patch)) {
                Some((k, patch)) if patch.score.abs() < BOUND => {
                    self.add(&patch, patch.size, residual);
                    found.remove(k);
                }
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arima::{Budget, search};
    use crate::random::Random;

    fn shop(seed: u64) -> Vec<f64> {
        let mut random = Random::new(seed);
        let mut level = 500.0;
        let season = |t: usize| 80.0 * (t as f64 * std::f64::consts::TAU / 12.0).sin();
        (0..96)
            .map(|t| {
                level += 1.0 + 2.0 * random.normal();
                level + season(t) + 8.0 * random.normal()
            })
            .collect()
    }

    fn without_outliers(y: &[f64]) -> Option<Vec<f64>> {
        let fit = search(y, 12, &[], &mut Budget::new(u64::MAX)).remove(0);
        cleaned(y, &[], &fit)
    }

    #[test]
    fn a_slump_is_filled_with_what_would_have_been_usual() {
        for seed in 1..6 {
            let usual = shop(seed);
            let mut y = usual.clone();
            y[70..74].iter_mut().for_each(|v| *v -= 150.0);
            let clean = without_outliers(&y).expect("a slump");
            for t in 70..74 {
                assert!((clean[t] - usual[t]).abs() < 50.0, "{seed} {t} {} {}", clean[t], usual[t]);
            }
        }
    }

    #[test]
    fn what_lasts_and_the_newest_points_are_left_as_they_are() {
        let mut shifted = shop(1);
        shifted[60..].iter_mut().for_each(|v| *v += 200.0);
        if let Some(clean) = without_outliers(&shifted) {
            assert!((clean[70..].iter().sum::<f64>() - shifted[70..].iter().sum::<f64>()).abs() < 26.0 * 20.0);
        }
        let mut newest = shop(2);
        newest[95] += 300.0;
        assert!(without_outliers(&newest).is_none_or(|clean| clean[95] == newest[95]));
    }

    #[test]
    fn a_calm_series_has_none() {
        let found = (10..30).filter(|&seed| without_outliers(&shop(seed)).is_some()).count();
        assert!(found <= 5, "{found} of 20");
    }
}
