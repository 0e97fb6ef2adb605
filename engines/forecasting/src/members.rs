//! Series and members as the ensemble and the trees pass them on: what a member answers and how it did before.

use jiff::civil::DateTime;

use crate::calendar::Frequency;
use crate::columns::Belief;
use crate::forecast::Prediction;
use crate::member::Family;
use crate::schedule::Schedule;

/// One series as the ensemble sees it: finite, at least four points, not constant.
pub(crate) struct Subject<'a> {
    pub y: Vec<f64>,
    pub season: usize,
    pub grid: Option<(DateTime, Frequency)>,
    pub exogenous: &'a [Vec<f64>],
    pub belief: Belief,
}

impl Subject<'_> {
    pub(crate) fn schedule(&self, horizon: usize) -> Schedule {
        Schedule::new(self.y.len(), self.season, horizon)
    }
}

/// Errors of one member (or of the ensemble) from one origin, by step.
#[derive(Debug, Clone)]
pub(crate) struct Backtest {
    pub origin: usize,
    pub mean: Vec<f64>,
    pub sd: Vec<f64>,
}

/// A member's answer and how it did before.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub prediction: Prediction,
    pub backtests: Vec<Backtest>,
}

impl Member {
    pub(crate) fn backtest(&self, origin: usize) -> Option<&Backtest> {
        self.backtests.iter().find(|b| b.origin == origin)
    }
}

pub(crate) type Named = (Family, Member);

/// `share` of one member and the rest of another, by the other's name.
pub(crate) fn mixture(plain: Member, with: &Member, share: f64) -> Member {
    let weights = [1.0 - share, share];
    let between = |a: Vec<f64>, b: &[f64]| mix([a.as_slice(), b].into_iter(), &weights);
    let p = plain.prediction;
    let prediction = Prediction {
        label: p.label,
        mean: between(p.mean, &with.prediction.mean),
        sd: between(p.sd, &with.prediction.sd),
        fitted: between(p.fitted, &with.prediction.fitted),
    };
    let backtests = plain.backtests.into_iter().map(|b| match with.backtests.iter().find(|o| o.origin == b.origin) {
        Some(o) => Backtest { origin: b.origin, mean: between(b.mean, &o.mean), sd: between(b.sd, &o.sd) },
        None => b,
    });
    Member { prediction, backtests: backtests.collect() }
}

pub(crate) fn mix<'p>(parts: impl Iterator<Item = &'p [f64]> + Clone, weights: &[f64]) -> Vec<f64> {
    let steps = parts.clone().map(<[f64]>::len).min().unwrap_or(0);
    (0..steps).map(|h| parts.clone().zip(weights).map(|(p, w)| p[h] * w).sum()).collect()
}

pub(crate) fn without(y: &[f64], effect: &[f64]) -> Vec<f64> {
    y.iter().zip(effect).map(|(v, e)| v - e).collect()
}

pub(crate) fn sum(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}
