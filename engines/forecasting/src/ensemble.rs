//! The ensemble: members weighted by rolling-origin backtest, and intervals calibrated on the same errors.
//!
//! Weights fall with the squared backtest error of a member and are shrunk to what held over the whole set, and that to
//! equal weights: a single series' backtest is too noisy to pick a winner (Timmermann 2006, section 4).

use std::ops::Range;

use crate::columns::{self, Belief};
use crate::forecast::{MemberReport, Prediction};
use crate::intermittent::is_intermittent;
use crate::member::{self, Family};
use crate::members::{Backtest, Member, Named, Subject, mix, mixture, sum, without};
use crate::parallel::in_parallel;
use crate::regression;
use crate::scores::Scores;
use crate::spread;
use crate::trees::global;

/// What a series' members and their combination answer.
#[derive(Debug, Clone)]
pub(crate) struct Combined {
    pub prediction: Prediction,
    pub members: Vec<MemberReport>,
    /// Backtest errors over the standard deviation foretold.
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
/// Log weight that trees lose when one series alone taught them, in proportion to one over the series: trees learn from
/// many (Januschowski et al. 2020), and a backtest of one series cannot show what they missed.
const TREES_TAUGHT_ALONE: f64 = 1.0;
/// Of trees taught beside related series and alone: log odds of the first where backtests find both alike, and how sharply
/// they follow the backtests. Groups of twelve open series: as good as the better of both within 2 % on each set but one.
const LEAN_TO_OTHERS: f64 = 0.5;
const ALONE_POWER: f64 = 4.0;

/// Fits and backtests all members of the first `asked` series and combines them; the series behind them teach the trees and
/// nothing else. `threads` bounds the parallel work; the answer does not depend on it.
pub(crate) fn combine_set(
    subjects: &[Subject],
    asked: usize,
    horizon: usize,
    seed: u64,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
    only_trees: bool,
) -> Vec<Combined> {
    let season = subjects.iter().map(|s| s.season).max().unwrap_or(1);
    let silent = |_: usize| {};
    let heard = &subjects[..asked];
    let local: Vec<Vec<Named>> = if only_trees {
        vec![Vec::new(); asked]
    } else {
        let families = |s: &Subject| -> &[Family] {
            if is_intermittent(&s.y) {
                &[Family::Intermittent, Family::Ets]
            } else {
                &[Family::Ets, Family::Theta, Family::Arima]
            }
        };
        local_set(heard, &families, horizon, threads, progress)
    };
    let judged: &(dyn Fn(usize) + Sync) = if only_trees { progress } else { &silent };
    let mut global = global::members(subjects, season, horizon, seed, threads, judged, only_trees);
    if asked < subjects.len() {
        let alone = |i: usize| {
            let one = &subjects[i..=i];
            global::members(one, one[0].season, horizon, seed, 1, &silent, only_trees).pop().flatten()
        };
        for (i, beside) in global.iter_mut().take(asked).enumerate() {
            *beside = match (beside.take(), alone(i)) {
                (Some((family, beside)), Some((_, alone))) => {
                    Some((family, beside_and_alone(&subjects[i], beside, &alone, horizon)))
                }
                (beside, _) => beside,
            };
        }
    }
    let members: Vec<Vec<Named>> =
        local.into_iter().zip(global).map(|(local, trees)| local.into_iter().chain(trees).collect()).collect();
    let prior = pooled_weights(heard, &members, subjects.len(), horizon);
    members.into_iter().zip(heard).map(|(m, s)| combine(s, m, &prior, horizon)).collect()
}

/// The members of every series that look at nothing but it and its columns; these are believed as far as they would have
/// helped.
fn local_set(
    subjects: &[Subject],
    families: &(dyn Fn(&Subject) -> &'static [Family] + Sync),
    horizon: usize,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<Vec<Named>> {
    let members = |i: usize| local_members(&subjects[i], families(&subjects[i]), horizon);
    let found = in_parallel(subjects.len(), threads, progress, members);
    let shares = columns::believed(&found.iter().map(|l| l.evidence).collect::<Vec<_>>());
    found.into_iter().zip(&shares).map(|(local, share)| local.mixed(*share)).collect()
}

/// ARIMA alone for every series of a set. A regression with ARIMA errors believes its columns whatever came of it before;
/// where columns wander along with a series that costs more than they are worth. Here they are believed as the ensemble's
/// members believe them.
pub(crate) fn arima_set(
    subjects: &[Subject],
    horizon: usize,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<Combined> {
    let members = local_set(subjects, &|_| &[Family::Arima], horizon, threads, progress);
    members.into_iter().zip(subjects).map(|(m, s)| combine(s, m, &[], horizon)).collect()
}

/// Trees taught by a few related series, and by their own alone where these go another way: the mean of both, weighed by
/// their backtests.
fn beside_and_alone(s: &Subject, beside: Member, alone: &Member, horizon: usize) -> Member {
    let both = [(Family::Trees, beside), (Family::Trees, alone.clone())];
    let nothing = s.y.len()..s.y.len();
    let lean = errors(s, &both, horizon, &nothing)
        .and_then(|(errors, points)| Some((relative(&errors)?, points / (points + POINTS_OF_DOUBT))))
        .map_or(0.0, |(ratios, trust)| trust * (ratios[1] - ratios[0]));
    let share = 1.0 / (1.0 + (LEAN_TO_OTHERS + ALONE_POWER * lean).exp());
    let [(_, beside), _] = both;
    mixture(beside, alone, share)
}

/// One family alone, with its backtest; ARIMA fits its columns itself.
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
    combine(s, vec![(Family::Prophet, Member { prediction, backtests })], &[], horizon)
}

/// The members of a series, without columns and with what they explain taken out before and added again after.
struct Local {
    plain: Vec<Named>,
    with_columns: Vec<Named>,
    evidence: Option<columns::Evidence>,
}

fn local_members(s: &Subject, families: &[Family], horizon: usize) -> Local {
    let known = Subject { y: s.y.clone(), exogenous: &[], ..*s };
    if s.belief == Belief::Whole
        && let Some(effect) = member::explained(&s.y, s.season, s.exogenous)
    {
        let plain = families.iter().filter_map(|&f| member_besides(&known, &effect, f, horizon)).collect();
        return Local { plain, with_columns: Vec::new(), evidence: None };
    }
    let plain: Vec<Named> = families.iter().filter_map(|&family| one_member(&known, family, horizon)).collect();
    let with_columns: Vec<Named> = match regression::explained(&s.y, s.exogenous, s.season) {
        Some(effect) => families.iter().filter_map(|&f| member_with_columns(s, &effect, f, horizon)).collect(),
        None => Vec::new(),
    };
    let pairs = plain.iter().filter_map(|(f, m)| Some((m, member_of(&with_columns, *f)?)));
    let evidence = columns::evidence(&trials(s, pairs, horizon));
    Local { plain, with_columns, evidence }
}

fn member_of(members: &[Named], family: Family) -> Option<&Member> {
    members.iter().find(|(f, _)| *f == family).map(|(_, m)| m)
}

/// What the columns would have brought to members without and with them, by origin.
fn trials<'m>(
    s: &Subject,
    pairs: impl Iterator<Item = (&'m Member, &'m Member)> + Clone,
    horizon: usize,
) -> Vec<columns::Trial> {
    let schedule = s.schedule(horizon);
    let of_origin = |origin| {
        let mut trial = columns::Trial::default();
        for (plain, with) in pairs.clone() {
            if let (Some(plain), Some(with)) = (plain.backtest(origin), with.backtest(origin)) {
                trial.add(&s.y[origin..origin + schedule.span()], &plain.mean, &with.mean);
            }
        }
        trial
    };
    schedule.weighed().into_iter().map(of_origin).collect()
}

impl Local {
    /// Each family's members as one that takes `share` of the difference that the columns make.
    fn mixed(self, share: f64) -> Vec<Named> {
        let Local { plain, with_columns, .. } = self;
        if share <= 0.0 {
            return plain;
        }
        let mixed = |(family, plain): Named| match member_of(&with_columns, family) {
            Some(with) => {
                let mut mixed = mixture(plain, with, share);
                mixed.prediction.label += &format!(" with {:.0} % of the columns' effect", 100.0 * share);
                (family, mixed)
            }
            None => (family, plain),
        };
        plain.into_iter().map(mixed).collect()
    }
}

fn one_member(s: &Subject, family: Family, horizon: usize) -> Option<Named> {
    let (recipe, prediction) = member::fit(family, &s.y, s.season, s.exogenous, horizon)?;
    let backtests = backtest(s, horizon, |origin, span| {
        let p = member::refit(&recipe, &s.y[..origin], s.season, s.exogenous, span)?;
        Some((p.mean, p.sd))
    });
    Some((family, Member { prediction, backtests }))
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
    Some((family, Member { prediction: with_effect(prediction, effect, n), backtests }))
}

/// A member of what is left of the series without the `effect`, which is taken for known.
fn member_besides(known: &Subject, effect: &[f64], family: Family, horizon: usize) -> Option<Named> {
    let rest = Subject { y: without(&known.y, effect), ..*known };
    let (_, mut member) = one_member(&rest, family, horizon)?;
    for b in &mut member.backtests {
        b.mean = sum(&b.mean, &effect[b.origin..]);
    }
    let prediction = with_effect(member.prediction, effect, known.y.len());
    Some((family, Member { prediction, backtests: member.backtests }))
}

/// The forecast of what the columns do not explain, and what they do.
fn with_effect(p: Prediction, effect: &[f64], n: usize) -> Prediction {
    let (mean, fitted) = (sum(&p.mean, &effect[n..]), sum(&p.fitted, effect));
    Prediction { label: p.label, mean, sd: p.sd, fitted }
}

/// What a member foretold from each origin of the series, where it could.
fn backtest(
    s: &Subject,
    horizon: usize,
    foretell: impl Fn(usize, usize) -> Option<(Vec<f64>, Vec<f64>)>,
) -> Vec<Backtest> {
    let schedule = s.schedule(horizon);
    let origins = schedule.all().into_iter();
    origins
        .filter_map(|origin| {
            let (mean, sd) = foretell(origin, schedule.steps(origin))?;
            Some(Backtest { origin, mean, sd })
        })
        .collect()
}

/// Mean absolute backtest error of each member over the origins that all of them have, without those that foretell any of
/// the `unseen` points, and how many points these origins foretell; `None` where there are none.
fn errors(s: &Subject, members: &[Named], horizon: usize, unseen: &Range<usize>) -> Option<(Vec<f64>, f64)> {
    members.first()?;
    let schedule = s.schedule(horizon);
    let span = schedule.span();
    let everyones = |origin: usize| members.iter().all(|(_, m)| m.backtest(origin).is_some());
    let apart = |origin: usize| origin >= unseen.end || origin + span <= unseen.start;
    let common: Vec<usize> = schedule.weighed().into_iter().filter(|&o| everyones(o) && apart(o)).collect();
    let error = |member: &Member| {
        let (mut sum, mut count) = (0.0, 0.0);
        for b in member.backtests.iter().filter(|b| common.contains(&b.origin)) {
            for (f, y) in b.mean.iter().zip(&s.y[b.origin..b.origin + span]) {
                sum += (y - f).abs();
                count += 1.0;
            }
        }
        sum / count
    };
    let points = |at: usize, &origin: &usize| {
        let newer = at.checked_sub(1).map_or(s.y.len(), |newer| common[newer]);
        span.min(newer - origin)
    };
    let points: usize = common.iter().enumerate().map(|(at, origin)| points(at, origin)).sum();
    (!common.is_empty()).then(|| (members.iter().map(|(_, m)| error(m)).collect(), points as f64))
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

/// Log of each family's weight over the whole set: falls with its mean log backtest error relative to the other members.
fn pooled_weights(subjects: &[Subject], members: &[Vec<Named>], taught: usize, horizon: usize) -> Vec<(Family, f64)> {
    let mut pool: Vec<(Family, f64, f64)> = Vec::new();
    let reach = subjects.iter().map(|s| s.schedule(horizon).reach()).sum::<f64>() / subjects.len().max(1) as f64;
    for (s, members) in subjects.iter().zip(members) {
        let Some(ratios) = errors(s, members, horizon, &(s.y.len()..s.y.len())).and_then(|(e, _)| relative(&e)) else {
            continue;
        };
        for ((family, _), ratio) in members.iter().zip(ratios) {
            match pool.iter_mut().find(|(f, _, _)| f == family) {
                Some(entry) => {
                    entry.1 += ratio;
                    entry.2 += 1.0;
                }
                None => pool.push((*family, ratio, 1.0)),
            }
        }
    }
    // Ten imagined series on which all members did equally well.
    let alone = |family| {
        if family == Family::Trees { TREES_TAUGHT_ALONE / taught.max(1) as f64 } else { 0.0 }
    };
    pool.into_iter()
        .map(|(f, sum, count)| (f, -SET_POWER * reach * beyond(sum / (count + 10.0), SET_DEAD_ZONE) - alone(f)))
        .collect()
}

/// The members' weights as if the `unseen` points had not been there to weigh them by.
fn weights(s: &Subject, members: &[Named], prior: &[(Family, f64)], horizon: usize, unseen: &Range<usize>) -> Vec<f64> {
    let few = -(POINTS_FOR_ARIMA / s.y.len() as f64).powi(2);
    let before = |family: Family| {
        let unknown = if family == Family::Trees { -1.2 } else { 0.0 };
        let prior = prior.iter().find(|(f, _)| *f == family).map_or(unknown, |(_, w)| *w);
        prior + if family == Family::Arima { few } else { 0.0 }
    };
    let mut weights: Vec<f64> = members.iter().map(|(family, _)| before(*family)).collect();
    if let Some((errors, points)) = errors(s, members, horizon, unseen)
        && let Some(ratios) = relative(&errors)
    {
        let trust = OWN_POWER * s.schedule(horizon).reach() * points / (points + POINTS_OF_DOUBT);
        for (w, ratio) in weights.iter_mut().zip(ratios) {
            *w -= trust * beyond(ratio, OWN_DEAD_ZONE);
        }
    }
    for w in &mut weights {
        *w = w.exp();
    }
    normalise(&mut weights);
    weights
}

/// Errors of the ensemble from earlier origins over the spread foretold. The members that were right about the points of an
/// origin weigh more in the forecast, and could not have then: each origin is looked at with weights that do not know it.
fn scores(s: &Subject, members: &[Named], prior: &[(Family, f64)], residuals: &[f64], horizon: usize) -> Scores {
    let schedule = s.schedule(horizon);
    let (span, usual) = (schedule.usual_span(), schedule.calibrated());
    let errors = |origin: usize| -> Option<(Vec<f64>, bool)> {
        let backtests: Vec<&Backtest> = members.iter().map(|(_, m)| m.backtest(origin)).collect::<Option<_>>()?;
        let weights = weights(s, members, prior, horizon, &(origin..origin + span));
        let mean = mix(backtests.iter().map(|b| b.mean.as_slice()), &weights);
        let sd = mix(backtests.iter().map(|b| b.sd.as_slice()), &weights);
        let sd = spread::of_history(&sd, &s.y[..origin], &residuals[..origin]);
        let known = mean.iter().zip(&sd).zip(&s.y[origin..]).filter(|((_, sd), _)| **sd > 0.0);
        Some((known.map(|((f, sd), y)| (y - f) / sd).collect(), usual.contains(&origin)))
    };
    Scores::new(span, schedule.all().into_iter().filter_map(errors))
}

/// Errors inside the series, of the members together that look ahead there; trees do not.
fn residuals(y: &[f64], members: &[Named], weights: &[f64]) -> Vec<f64> {
    let looks = |(family, _): &Named| *family != Family::Trees;
    let parts = members.iter().zip(weights).filter(|(m, _)| looks(m));
    let total: f64 = parts.clone().map(|(_, w)| w).sum();
    let error = |t: usize| parts.clone().map(|((_, m), w)| w * (y[t] - m.prediction.fitted[t])).sum::<f64>() / total;
    (0..y.len()).map(|t| if total > 0.0 { error(t) } else { 0.0 }).collect()
}

fn combine(s: &Subject, members: Vec<Named>, prior: &[(Family, f64)], horizon: usize) -> Combined {
    let n = s.y.len();
    let mut members = members;
    if members.is_empty() {
        let prediction = crate::naive::seasonal_naive(&s.y, s.season, horizon);
        members.push((Family::Naive, Member { prediction, backtests: Vec::new() }));
    }
    let nothing = n..n;
    let weights = weights(s, &members, prior, horizon, &nothing);
    let errors = errors(s, &members, horizon, &nothing);
    let blend = |part: fn(&Prediction) -> &[f64]| mix(members.iter().map(|(_, m)| part(&m.prediction)), &weights);
    let (mean, sd, fitted) = (blend(|p| &p.mean), blend(|p| &p.sd), blend(|p| &p.fitted));
    let residuals = residuals(&s.y, &members, &weights);
    let sd = spread::of_history(&sd, &s.y, &residuals);
    let scores = scores(s, &members, prior, &residuals, horizon);
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
    fn parallel_work_keeps_its_order() {
        let out = in_parallel(50, 2, &|_| {}, |i| i * i);
        assert_eq!(out, (0..50).map(|i| i * i).collect::<Vec<_>>());
    }
}
