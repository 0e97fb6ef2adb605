//! The ensemble: members weighted by rolling-origin backtest, and intervals calibrated on the same errors.
//!
//! Weights fall with the squared backtest error of a member and are shrunk to what held over the whole set, and that to
//! equal weights: a single series' backtest is too noisy to pick a winner (Timmermann 2006, section 4).

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::calendar::Frequency;
use crate::conformal::Scores;
use crate::forecast::{MemberReport, Prediction};
use crate::intermittent::is_intermittent;
use crate::member::{self, Family};
use crate::regression;
use crate::trees::{self, Example, Global};
use jiff::civil::DateTime;

/// One series as the ensemble sees it: finite, at least four points, not constant.
pub(crate) struct Subject<'a> {
    pub y: Vec<f64>,
    pub season: usize,
    pub grid: Option<(DateTime, Frequency)>,
    pub exogenous: &'a [Vec<f64>],
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

/// What a series' members and their combination answer.
#[derive(Debug, Clone)]
pub(crate) struct Combined {
    pub prediction: Prediction,
    pub members: Vec<MemberReport>,
    /// Absolute backtest errors over the standard deviation foretold.
    pub scores: Scores,
}

/// Log ratios of errors that say nothing: over a set, and in one series. On the open M3, tourism and retail series equal
/// weights beat every weighting by smaller differences; on weekly and hourly series the differences are far larger.
const SET_DEAD_ZONE: f64 = 0.05;
const OWN_DEAD_ZONE: f64 = 0.1;
/// How sharply weights follow errors over a set, and in one series.
const SET_POWER: f64 = 2.0;
const OWN_POWER: f64 = 2.0;
/// Points foretold by a series' backtests at which its own errors are believed half. Points are counted, not errors:
/// origins that overlap see the same points again.
const POINTS_OF_DOUBT: f64 = 40.0;
/// Points of a series below which orders and coefficients of an ARIMA model are mostly chance: its weight falls as
/// exp(-(points of the bound / points)²). On yearly series it is the worst member by far (Makridakis & Hibon 2000), and
/// their short backtests cannot show it.
const POINTS_FOR_ARIMA: f64 = 24.0;
/// Origins of a series: at most this many, each a validation horizon from the next.
const ORIGINS: usize = 6;

/// Where backtests of a series start, newest first. Empty when it is too short to spare any point.
pub(crate) fn origins(n: usize, season: usize, horizon: usize) -> Vec<usize> {
    let least = if n > 4 * season { (2 * season + 3).max(10) } else { 8 };
    let span = horizon.min((n / 5).max(1));
    let step = span.div_ceil(2).max(1);
    (0..ORIGINS).filter_map(|k| n.checked_sub(span + k * step)).filter(|&from| from >= least).collect()
}

fn span(n: usize, horizon: usize) -> usize {
    horizon.min((n / 5).max(1))
}

/// Fits and backtests all members of every series, combines them. `threads` bounds the parallel work; the answer does
/// not depend on it.
pub(crate) fn combine_set(
    subjects: &[Subject],
    horizon: usize,
    seed: u64,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
    only_trees: bool,
) -> Vec<Combined> {
    let first_origin = |s: &Subject| origins(s.y.len(), s.season, horizon).last().copied().unwrap_or(s.y.len());
    let season = subjects.iter().map(|s| s.season).max().unwrap_or(1);
    // The trees' backtest needs a model taught without the points that it foretells. Where the oldest origin of a short
    // set leaves too little to learn from, trees alone are judged from the newer ones; in the ensemble they would be one
    // more voice, taught by little and hardly tried.
    let deepest = subjects.iter().map(|s| s.y.len() - first_origin(s)).max().unwrap_or(0);
    let depths = if only_trees { vec![deepest, deepest / 2, deepest / 4] } else { vec![deepest] };
    let early = depths.into_iter().find_map(|unseen| teach(subjects, season, unseen, seed));
    let full = if early.is_some() { teach(subjects, season, 0, seed) } else { None };
    let mut members = in_parallel(subjects.len(), threads, progress, |i| {
        let s = &subjects[i];
        let mut members = if only_trees { Vec::new() } else { local_members(s, horizon) };
        if let (Some(early), Some(full)) = (&early, &full) {
            members.extend(global_member(early, full, i, s, horizon));
        }
        members
    });
    let prior = pooled_weights(subjects, &members, horizon);
    members.drain(..).zip(subjects).map(|(m, s)| combine(s, m, &prior, horizon)).collect()
}

/// Runs `work` for 0..count on `threads` threads; results in order.
pub(crate) fn in_parallel<T: Send>(
    count: usize,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
    work: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let one = || {
        let mut found = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= count {
                return found;
            }
            found.push((i, work(i)));
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
    };
    let mut all: Vec<(usize, T)> = if threads <= 1 || count <= 1 {
        one()
    } else {
        std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads.min(count)).map(|_| scope.spawn(one)).collect();
            handles
                .into_iter()
                .flat_map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    };
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, value)| value).collect()
}

/// One family alone, with its backtest.
pub(crate) fn single(s: &Subject, family: Family, horizon: usize) -> Combined {
    let members: Vec<Named> = one_member(s, family, horizon).into_iter().collect();
    combine(s, members, &[], horizon)
}

/// A model fitted elsewhere, with its backtests as origin, means and standard deviations.
pub(crate) fn combine_alone(
    s: &Subject,
    prediction: Prediction,
    backtests: Vec<(usize, Vec<f64>, Vec<f64>)>,
    horizon: usize,
) -> Combined {
    let backtests = backtests.into_iter().map(|(origin, mean, sd)| Backtest { origin, mean, sd }).collect();
    combine(s, vec![(Role::plain(Family::Prophet), Member { prediction, backtests })], &[], horizon)
}

/// What a member is: its family, and whether it forecasts what the columns do not explain and adds what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Role {
    family: Family,
    columns: bool,
}

impl Role {
    fn plain(family: Family) -> Role {
        Role { family, columns: false }
    }
}

type Named = (Role, Member);

fn local_members(s: &Subject, horizon: usize) -> Vec<Named> {
    let families: &[Family] = if is_intermittent(&s.y) {
        &[Family::Intermittent, Family::Ets]
    } else {
        &[Family::Ets, Family::Theta, Family::Arima]
    };
    let plain = Subject { y: s.y.clone(), exogenous: &[], ..*s };
    let mut members: Vec<Named> = families.iter().filter_map(|&family| one_member(&plain, family, horizon)).collect();
    // Each with and without the columns: the backtest says how far they are to be believed.
    if let Some(effect) = regression::explained(&s.y, s.exogenous, s.season) {
        members.extend(families.iter().filter_map(|&family| member_with_columns(s, &effect, family, horizon)));
    }
    members
}

fn one_member(s: &Subject, family: Family, horizon: usize) -> Option<Named> {
    let (recipe, prediction) = member::fit(family, &s.y, s.season, s.exogenous, horizon)?;
    let backtests = backtest(s, horizon, |origin, span| {
        let p = member::refit(&recipe, &s.y[..origin], s.season, s.exogenous, span)?;
        Some((p.mean, p.sd))
    });
    Some((Role::plain(family), Member { prediction, backtests }))
}

/// A member of what is left of the series without the `effect` of the columns.
fn member_with_columns(s: &Subject, effect: &[f64], family: Family, horizon: usize) -> Option<Named> {
    let n = s.y.len();
    let (recipe, prediction) = member::fit(family, &without(&s.y, effect), s.season, &[], horizon)?;
    let backtests = backtest(s, horizon, |origin, span| {
        let known = &s.y[..origin];
        let then = regression::explained(known, s.exogenous, s.season).unwrap_or_else(|| vec![0.0; origin + span]);
        let p = member::refit(&recipe, &without(known, &then), s.season, &[], span)?;
        Some((sum(&p.mean, &then[origin..]), p.sd))
    });
    let prediction = with_effect(prediction, effect, n);
    Some((Role { family, columns: true }, Member { prediction, backtests }))
}

fn without(y: &[f64], effect: &[f64]) -> Vec<f64> {
    y.iter().zip(effect).map(|(v, e)| v - e).collect()
}

fn sum(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// The forecast of what the columns do not explain, and what they do.
fn with_effect(p: Prediction, effect: &[f64], n: usize) -> Prediction {
    let (mean, fitted) = (sum(&p.mean, &effect[n..]), sum(&p.fitted, effect));
    Prediction { label: format!("{} with columns", p.label), mean, sd: p.sd, fitted }
}

/// What a member foretold from each origin of the series, where it could.
fn backtest(
    s: &Subject,
    horizon: usize,
    foretell: impl Fn(usize, usize) -> Option<(Vec<f64>, Vec<f64>)>,
) -> Vec<Backtest> {
    let n = s.y.len();
    let span = span(n, horizon);
    let origins = origins(n, s.season, horizon).into_iter();
    origins
        .filter_map(|origin| {
            let (mean, sd) = foretell(origin, span)?;
            Some(Backtest { origin, mean, sd })
        })
        .collect()
}

/// The trees' model of a whole set, or of its beginning, and the effects of the columns that it was taught without.
struct Taught {
    model: Global,
    /// By series; empty where the columns explain nothing.
    effects: Vec<Vec<f64>>,
    /// The newest points of each series that the model has not seen.
    unseen: usize,
}

/// Teaches the trees what the columns do not explain of the series without their newest `unseen` points.
fn teach(subjects: &[Subject], season: usize, unseen: usize, seed: u64) -> Option<Taught> {
    let effects: Vec<Vec<f64>> = subjects
        .iter()
        .map(|s| {
            let known = &s.y[..s.y.len().saturating_sub(unseen)];
            regression::explained(known, s.exogenous, s.season).unwrap_or_default()
        })
        .collect();
    let rest: Vec<Vec<f64>> = subjects.iter().zip(&effects).map(|(s, e)| rest(s, e)).collect();
    let examples: Vec<Example> = subjects.iter().zip(&rest).map(|(s, y)| example(s, y)).collect();
    let model = trees::train(&examples, season, unseen, seed)?;
    Some(Taught { model, effects, unseen })
}

fn rest(s: &Subject, effect: &[f64]) -> Vec<f64> {
    if effect.is_empty() { s.y.clone() } else { without(&s.y, effect) }
}

fn example<'a>(s: &Subject<'a>, y: &'a [f64]) -> Example<'a> {
    Example { y, grid: s.grid, exogenous: &[] }
}

impl Taught {
    fn predict(&self, s: &Subject, i: usize, from: usize, horizon: usize) -> Option<Prediction> {
        let effect = &self.effects[i];
        let y = rest(s, effect);
        let found = self.model.predict(example(s, &y), from, horizon)?;
        Some(if effect.is_empty() { found } else { with_effect(found, effect, from) })
    }
}

fn global_member(early: &Taught, full: &Taught, i: usize, s: &Subject, horizon: usize) -> Option<Named> {
    let n = s.y.len();
    let prediction = full.predict(s, i, n, horizon)?;
    let backtests = backtest(s, horizon, |origin, span| {
        // From an origin inside what it was taught, the answer would be remembered and not foretold.
        if origin + early.unseen < n {
            return None;
        }
        let p = early.predict(s, i, origin, span)?;
        Some((p.mean, p.sd))
    });
    prediction.is_finite().then_some((Role::plain(Family::Trees), Member { prediction, backtests }))
}

/// Mean absolute backtest error of each member over the origins that all of them have, and the points from the first of
/// these on; `None` where there are none.
fn errors(s: &Subject, members: &[Named]) -> Option<(Vec<f64>, f64)> {
    let common: Vec<usize> = members
        .first()?
        .1
        .backtests
        .iter()
        .map(|b| b.origin)
        .filter(|o| members.iter().all(|(_, m)| m.backtests.iter().any(|b| b.origin == *o)))
        .collect();
    if common.is_empty() {
        return None;
    }
    let found = members
        .iter()
        .map(|(_, m)| {
            let (mut sum, mut count) = (0.0, 0.0);
            for b in m.backtests.iter().filter(|b| common.contains(&b.origin)) {
                for (f, y) in b.mean.iter().zip(&s.y[b.origin..]) {
                    sum += (y - f).abs();
                    count += 1.0;
                }
            }
            sum / count
        })
        .collect();
    let first = common.iter().copied().min()?;
    Some((found, (s.y.len() - first) as f64))
}

/// A log ratio of errors with a dead zone around zero: differences smaller than chance makes do not move a weight.
fn beyond(log: f64, dead: f64) -> f64 {
    log.signum() * (log.abs() - dead).max(0.0)
}

/// Log of each member's error over the members' mean error; a perfect or a hopeless member counts as a very good or a
/// very bad one.
fn relative(errors: &[f64]) -> Option<Vec<f64>> {
    let typical = errors.iter().sum::<f64>() / errors.len() as f64;
    (typical > 0.0).then(|| errors.iter().map(|e| (e / typical).clamp(0.2, 5.0).ln()).collect())
}

/// How much of the horizon the backtest of a series reaches, 0 to 1: errors near the origin say less of what is far.
fn reach(s: &Subject, horizon: usize) -> f64 {
    span(s.y.len(), horizon) as f64 / horizon as f64
}

/// Log of each family's weight over the whole set: falls with its mean log backtest error relative to the other members.
fn pooled_weights(subjects: &[Subject], members: &[Vec<Named>], horizon: usize) -> Vec<(Role, f64)> {
    let mut pool: Vec<(Role, f64, f64)> = Vec::new();
    let reach = subjects.iter().map(|s| reach(s, horizon)).sum::<f64>() / subjects.len().max(1) as f64;
    for (s, members) in subjects.iter().zip(members) {
        let Some(ratios) = errors(s, members).and_then(|(e, _)| relative(&e)) else { continue };
        for ((role, _), ratio) in members.iter().zip(ratios) {
            match pool.iter_mut().find(|(r, _, _)| r == role) {
                Some(entry) => {
                    entry.1 += ratio;
                    entry.2 += 1.0;
                }
                None => pool.push((*role, ratio, 1.0)),
            }
        }
    }
    // Ten imagined series on which all members did equally well.
    pool.into_iter()
        .map(|(f, sum, count)| (f, -SET_POWER * reach * beyond(sum / (count + 10.0), SET_DEAD_ZONE)))
        .collect()
}

fn combine(s: &Subject, members: Vec<Named>, prior: &[(Role, f64)], horizon: usize) -> Combined {
    let n = s.y.len();
    let prior_of = |role: Role| {
        let unknown = if role.family == Family::Trees { -1.2 } else { 0.0 };
        prior.iter().find(|(r, _)| *r == role).map_or(unknown, |(_, w)| *w)
    };
    let mut members = members;
    if members.is_empty() {
        let prediction = crate::naive::seasonal_naive(&s.y, s.season, horizon);
        members.push((Role::plain(Family::Naive), Member { prediction, backtests: Vec::new() }));
    }
    let few = -(POINTS_FOR_ARIMA / n as f64).powi(2);
    let mut weights: Vec<f64> =
        members.iter().map(|(r, _)| prior_of(*r) + if r.family == Family::Arima { few } else { 0.0 }).collect();
    let errors = errors(s, &members);
    if let Some((errors, points)) = &errors
        && let Some(ratios) = relative(errors)
    {
        let trust = OWN_POWER * reach(s, horizon) * points / (points + POINTS_OF_DOUBT);
        for (w, ratio) in weights.iter_mut().zip(ratios) {
            *w -= trust * beyond(ratio, OWN_DEAD_ZONE);
        }
    }
    for w in &mut weights {
        *w = w.exp();
    }
    normalise(&mut weights);
    let blend = |pick: &dyn Fn(&Member) -> Option<Vec<f64>>| -> Option<Vec<f64>> {
        let parts: Vec<Vec<f64>> = members.iter().map(|(_, m)| pick(m)).collect::<Option<_>>()?;
        Some(mix(&parts, &weights))
    };
    let mean = blend(&|m| Some(m.prediction.mean.clone())).unwrap_or_default();
    let sd = blend(&|m| Some(m.prediction.sd.clone())).unwrap_or_default();
    let fitted = blend(&|m| Some(m.prediction.fitted.clone())).unwrap_or_default();
    let mut scores = Vec::new();
    for origin in origins(n, s.season, horizon) {
        let at = |m: &Member| m.backtests.iter().find(|b| b.origin == origin).cloned();
        let (Some(means), Some(sds)) = (blend(&|m| at(m).map(|b| b.mean)), blend(&|m| at(m).map(|b| b.sd))) else {
            continue;
        };
        let errors = means.iter().zip(&sds).zip(&s.y[origin..]).filter(|((_, sd), _)| **sd > 0.0);
        scores.push(errors.map(|((f, sd), y)| (y - f).abs() / sd).collect());
    }
    let mut list: Vec<MemberReport> = members
        .iter()
        .enumerate()
        .map(|(i, (_, m))| MemberReport {
            model: m.prediction.label.clone(),
            weight: weights[i],
            backtest_error: errors.as_ref().map(|(e, _)| e[i]),
        })
        .collect();
    list.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let label = if list.len() == 1 {
        list[0].model.clone()
    } else {
        let parts: Vec<String> = list.iter().map(|m| format!("{:.0}% {}", 100.0 * m.weight, m.model)).collect();
        format!("Ensemble: {}", parts.join(" + "))
    };
    Combined { prediction: Prediction { label, mean, sd, fitted }, members: list, scores }
}

fn mix(parts: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let steps = parts.iter().map(Vec::len).min().unwrap_or(0);
    (0..steps).map(|h| parts.iter().zip(weights).map(|(p, w)| p[h] * w).sum()).collect()
}

fn normalise(weights: &mut [f64]) {
    let total: f64 = weights.iter().sum();
    let count = weights.len() as f64;
    for w in weights {
        *w = if total > 0.0 && total.is_finite() { *w / total } else { 1.0 / count };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_leave_enough_to_fit() {
        assert_eq!(origins(100, 12, 18), vec![82, 73, 64, 55, 46, 37]);
        assert!(origins(5, 1, 6).is_empty());
        assert_eq!(origins(14, 1, 6), vec![12, 11, 10]);
    }

    #[test]
    fn parallel_work_keeps_its_order() {
        let out = in_parallel(50, 2, &|_| {}, |i| i * i);
        assert_eq!(out, (0..50).map(|i| i * i).collect::<Vec<_>>());
    }
}
