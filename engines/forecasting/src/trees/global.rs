//! The trees as a member of the ensemble: taught by a whole set, tried from earlier origins, and their views weighed by
//! how each did there.

use std::borrow::Cow;

use super::{Example, Global, Part, train};
use crate::columns::{self, Belief};
use crate::forecast::Prediction;
use crate::member::{self, Family};
use crate::members::{Backtest, Member, Named, Subject, sum, without};
use crate::parallel::in_parallel;
use crate::regression;

/// The model of a whole set, or of its beginning, and the effects of the columns that it was taught without.
struct Taught {
    model: Global,
    /// By series; empty where the columns explain nothing.
    effects: Vec<Vec<f64>>,
    /// The newest points of each series that the model has not seen.
    unseen: usize,
}

/// What each view foretold of a series from an origin.
struct Tried {
    origin: usize,
    parts: Vec<Part>,
}

/// How sharply a view's weight falls with its error.
const POWER: f64 = 8.0;
/// Series on which all views are imagined to have done equally well.
const SERIES_OF_DOUBT: f64 = 5.0;

/// The member of each series; `None` where the set, or the series, is too short.
pub(crate) fn members(
    subjects: &[Subject],
    season: usize,
    horizon: usize,
    seed: u64,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
    only_trees: bool,
) -> Vec<Option<Named>> {
    let shares = shares(subjects, season, horizon, seed, threads);
    let nothing = || subjects.iter().map(|_| None).collect();
    let Some(early) = earlier(subjects, season, horizon, seed, &shares, only_trees) else { return nothing() };
    let Some(full) = teach(subjects, season, 0, seed, &shares) else { return nothing() };
    let tried = in_parallel(subjects.len(), threads, progress, |i| early.tried(&subjects[i], i, horizon));
    let weights = weigh(subjects, &tried, horizon);
    let member = |i: usize, tried: &[Tried]| -> Option<Named> {
        let s = &subjects[i];
        let (mean, sd) = mixed(&full.predict(s, i, s.y.len(), horizon)?, &weights);
        let prediction = Prediction { label: "Boosted trees".to_string(), mean, sd, fitted: s.y.clone() };
        let backtest = |t: &Tried| {
            let (mean, sd) = mixed(&t.parts, &weights);
            Backtest { origin: t.origin, mean, sd }
        };
        let backtests = tried.iter().map(backtest).collect();
        prediction.is_finite().then_some((Family::Trees, Member { prediction, backtests }))
    };
    in_parallel(subjects.len(), threads, &|_| {}, |i| member(i, &tried[i]))
}

/// Each view's weight: falls with its mean log backtest error relative to the others over the whole set. A series alone
/// tells little of which view suits it, a set much.
fn weigh(subjects: &[Subject], tried: &[Vec<Tried>], horizon: usize) -> Vec<f64> {
    let views = tried.iter().flatten().map(|t| t.parts.len()).next().unwrap_or(0);
    let (mut sums, mut count) = (vec![0.0; views], 0.0);
    for (s, tried) in subjects.iter().zip(tried).filter(|(_, t)| !t.is_empty()) {
        let schedule = s.schedule(horizon);
        let weighed = schedule.weighed();
        let error = |v: usize| -> f64 {
            let came = |t: &Tried| s.y[t.origin..t.origin + schedule.span()].iter();
            let of = |t: &Tried| -> f64 { t.parts[v].mean.iter().zip(came(t)).map(|(f, y)| (y - f).abs()).sum() };
            tried.iter().filter(|t| weighed.contains(&t.origin)).map(of).sum()
        };
        let errors: Vec<f64> = (0..views).map(error).collect();
        let typical = errors.iter().sum::<f64>() / views as f64;
        if typical.is_finite() && typical > 0.0 {
            sums.iter_mut().zip(&errors).for_each(|(sum, e)| *sum += (e / typical).clamp(0.2, 5.0).ln());
            count += 1.0;
        }
    }
    let weight = |sum: &f64| (-POWER * sum / (count + SERIES_OF_DOUBT)).exp();
    let weights: Vec<f64> = sums.iter().map(weight).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|w| w / total).collect()
}

/// The views' answers as one; without weights all count alike.
fn mixed(parts: &[Part], weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let equal = vec![1.0 / parts.len() as f64; parts.len()];
    let weights = if weights.len() == parts.len() { weights } else { &equal };
    let mix = |pick: fn(&Part) -> &[f64]| -> Vec<f64> {
        let steps = parts.iter().map(|p| pick(p).len()).min().unwrap_or(0);
        (0..steps).map(|h| parts.iter().zip(weights).map(|(p, w)| w * pick(p)[h]).sum()).collect()
    };
    (mix(|p| &p.mean), mix(|p| &p.sd))
}

/// The trees' backtest needs a model taught without the points that it foretells. Where the oldest origin of a short set
/// leaves too little to learn from, trees alone are judged from the newer ones; in the ensemble they would be one more
/// voice, taught by little and hardly tried.
fn earlier(
    subjects: &[Subject],
    season: usize,
    horizon: usize,
    seed: u64,
    shares: &[f64],
    only_trees: bool,
) -> Option<Taught> {
    let first_origin = |s: &Subject| s.schedule(horizon).all().last().copied().unwrap_or(s.y.len());
    let deepest = subjects.iter().map(|s| s.y.len() - first_origin(s)).max().unwrap_or(0);
    let depths = if only_trees { vec![deepest, deepest / 2, deepest / 4] } else { vec![deepest] };
    depths.into_iter().find_map(|unseen| teach(subjects, season, unseen, seed, shares))
}

/// How far the trees believe the columns of each series.
fn shares(subjects: &[Subject], season: usize, horizon: usize, seed: u64, threads: usize) -> Vec<f64> {
    let count = subjects.len();
    if subjects.iter().all(|s| s.exogenous.is_empty()) {
        return vec![0.0; count];
    }
    if subjects.iter().all(|s| s.belief == Belief::Whole) {
        return vec![1.0; count];
    }
    let plain = earlier(subjects, season, horizon, seed, &vec![0.0; count], true);
    let with = earlier(subjects, season, horizon, seed, &vec![1.0; count], true);
    let evidence = |i: usize| {
        let s = &subjects[i];
        let schedule = s.schedule(horizon);
        let weighed = schedule.weighed();
        let trial = |t: &Tried, o: &Tried| {
            let mut trial = columns::Trial::default();
            trial.add(&s.y[t.origin..t.origin + schedule.span()], &mixed(&t.parts, &[]).0, &mixed(&o.parts, &[]).0);
            trial
        };
        let (plain, with) = (plain.as_ref()?.tried(s, i, horizon), with.as_ref()?.tried(s, i, horizon));
        let weighing = plain.iter().filter(|t| weighed.contains(&t.origin));
        let pairs = weighing.filter_map(|t| with.iter().find(|o| o.origin == t.origin).map(|o| trial(t, o)));
        columns::evidence(&pairs.collect::<Vec<_>>())
    };
    let earned = columns::believed(&in_parallel(count, threads, &|_| {}, evidence));
    let believed = |(share, s): (f64, &Subject)| if s.belief == Belief::Whole { 1.0 } else { share };
    earned.into_iter().zip(subjects).map(believed).collect()
}

/// Teaches the trees what the columns do not explain of the series without their newest `unseen` points. `shares` says
/// how much of the columns' effect is believed of each series.
fn teach(subjects: &[Subject], season: usize, unseen: usize, seed: u64, shares: &[f64]) -> Option<Taught> {
    let effect = |(s, share): (&Subject, &f64)| {
        let known = &s.y[..s.y.len().saturating_sub(unseen)];
        if *share <= 0.0 {
            return Vec::new();
        }
        let whole = match s.belief {
            Belief::Earned => regression::explained(known, s.exogenous, s.season),
            Belief::Whole => member::explained(known, s.season, s.exogenous),
        };
        let whole = whole.unwrap_or_default();
        whole.into_iter().map(|v| v * share).collect()
    };
    let effects: Vec<Vec<f64>> = subjects.iter().zip(shares).map(effect).collect();
    let rest: Vec<Cow<[f64]>> = subjects.iter().zip(&effects).map(|(s, e)| rest(s, e)).collect();
    let examples: Vec<Example> = subjects.iter().zip(&rest).map(|(s, y)| example(s, y)).collect();
    let model = train(&examples, season, unseen, seed)?;
    Some(Taught { model, effects, unseen })
}

fn rest<'s>(s: &'s Subject, effect: &[f64]) -> Cow<'s, [f64]> {
    if effect.is_empty() { Cow::Borrowed(&s.y) } else { Cow::Owned(without(&s.y, effect)) }
}

fn example<'a>(s: &Subject<'a>, y: &'a [f64]) -> Example<'a> {
    Example { y, grid: s.grid }
}

impl Taught {
    fn predict(&self, s: &Subject, i: usize, from: usize, horizon: usize) -> Option<Vec<Part>> {
        let effect = &self.effects[i];
        let y = rest(s, effect);
        let mut parts = self.model.predict(example(s, &y), from, horizon)?;
        if !effect.is_empty() {
            parts.iter_mut().for_each(|p| p.mean = sum(&p.mean, &effect[from..]));
        }
        Some(parts)
    }

    /// From each origin that lies behind what the model was taught: before it, the answer would be remembered and not
    /// foretold.
    fn tried(&self, s: &Subject, i: usize, horizon: usize) -> Vec<Tried> {
        let n = s.y.len();
        let schedule = s.schedule(horizon);
        let behind = schedule.all().into_iter().filter(|origin| origin + self.unseen >= n);
        behind
            .filter_map(|origin| Some(Tried { origin, parts: self.predict(s, i, origin, schedule.steps(origin))? }))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Model, Request, Series, forecast};

    #[test]
    fn an_exogenous_column_explains_a_promotion() {
        let flag: Vec<f64> = (0..210).map(|t| if (t * t) % 11 == 4 { 1.0 } else { 0.0 }).collect();
        let y: Vec<f64> = (0..200).map(|t| 100.0 + 40.0 * flag[t] + ((t * 7919) % 101) as f64 / 50.0).collect();
        let series = Series::new("promoted", y, 1).expect("a series");
        let request = Request { horizon: 10, model: Model::Trees, ..Request::default() };
        let mean = forecast(&series, std::slice::from_ref(&flag), &request).expect("an answer").mean;
        for (h, value) in mean.iter().enumerate() {
            let expected = 101.0 + 40.0 * flag[200 + h];
            assert!((value - expected).abs() < 12.0, "{h} {value} {expected}");
        }
    }
}
