//! The explanation of a change: how large it is, what the calendar says, which factors moved it, what
//! was ruled out, and what stays unexplained.

use serde::{Deserialize, Serialize};

use super::calendar::{Calendar, CalendarColumn, Spanned};
use super::history::{Whitened, continue_errors, variance_of_mean, whitened};
pub use super::not_testable::NotTestable;
use crate::error::{EvidenceError, Result};
use crate::progress::Progress;
use crate::random::Random;
use crate::statistics::correlation::mean;
use crate::statistics::distributions::{normal_quantile, normal_two_sided};
use crate::statistics::least_squares::Design;
use crate::statistics::multiple_testing::benjamini_hochberg;
use crate::table::{Table, require_finite, require_observations};

/// A factor needs at least this share of the change to count as a cause of it.
const SHARE: f64 = 0.25;
const LEVEL: f64 = 0.05;
/// Share of resampled histories in which an effect must show.
const STABLE: f64 = 0.5;
const RESAMPLES: usize = 100;

/// What to explain.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The metric, in time order, equally spaced, without gaps.
    pub y: &'a [f64],
    /// Candidate factors, rows as `y`.
    pub factors: &'a Table,
    pub calendar: &'a Calendar,
    /// First and last row of the change, counted from 0; all rows before are the history.
    pub first: usize,
    pub last: usize,
    /// Longest delay of a factor, in points.
    pub max_lag: usize,
    pub seed: u64,
}

/// A factor's part in the change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    pub name: String,
    /// Mean change of the metric per point that the factor accounts for.
    pub contribution: f64,
    /// 95 % interval.
    pub lower: f64,
    pub upper: f64,
    /// Contribution over the whole unexpected change.
    pub share: f64,
    /// Points from the factor to its effect.
    pub lag: usize,
    /// Change of the metric per unit of the factor, learnt before the change.
    pub effect: f64,
    /// p-value of that effect, corrected for the choice of the lag.
    pub p: f64,
    /// Benjamini-Hochberg over all factors.
    pub q: f64,
    /// How far the factor was from its usual level during the change.
    pub moved: f64,
    /// Share of resampled histories in which the effect has the same sign and p < 0.05.
    pub stability: f64,
    pub method: String,
    pub words: String,
}

/// What the answer comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The metric moved no more than chance moves it; parts of it may have cancelled (see the contributors).
    NothingUnusual,
    /// The causes account for the change: what is left over is within chance.
    Explained,
    /// The causes account for the largest part, and something else for a part that chance does not give.
    PartlyExplained,
    /// The largest part of the change has no cause in these data.
    NotInData,
}

/// A part of the calendar and what it adds, per point, against the stretch before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalendarPart {
    /// `weekday`, `season`, `trend`, or the name of a known event.
    pub name: String,
    pub effect: f64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    pub verdict: Verdict,
    /// Mean over the range, and over the stretch of the same length just before.
    pub actual: f64,
    pub before: f64,
    /// What the calendar alone accounts for of their difference.
    pub calendar_effect: f64,
    /// The same, part by part, of the parts that differ between the two; they sum to the whole.
    pub calendar_parts: Vec<CalendarPart>,
    /// Mean that history and calendar led one to expect in the range.
    pub expected: f64,
    /// Actual less expected, with its 95 % interval and p-value.
    pub change: f64,
    pub lower: f64,
    pub upper: f64,
    pub p: f64,
    /// Factors that account for the change, the largest contribution first. Empty: no cause in these data.
    pub causes: Vec<Factor>,
    /// Factors that did move the metric, but a lesser part of it, or the other way.
    pub contributors: Vec<Factor>,
    /// Factors examined and not held responsible, with the reason.
    pub ruled_out: Vec<Factor>,
    /// Factors that cannot be judged, with the reason.
    pub not_testable: Vec<NotTestable>,
    /// Change left over after causes and contributors, with its 95 % interval and p-value.
    pub unexplained: f64,
    pub unexplained_lower: f64,
    pub unexplained_upper: f64,
    pub unexplained_p: f64,
    pub reading: String,
}

/// Explains the change.
///
/// # Errors
/// NaN, lengths that differ, a range outside the series, or a history too short (the range's length
/// and 5 points per column of the model at least); cancelled.
pub fn explain(question: &Question<'_>, progress: &mut Progress<'_>) -> Result<Explanation> {
    let Question { y, factors, first, last, .. } = *question;
    require_finite("y", y)?;
    if last < first || last >= y.len() {
        return Err(EvidenceError::OutOfRange {
            name: "the last row of the change",
            value: last as f64 + 1.0,
            bound: format!("from {} to {}", first + 1, y.len()),
        });
    }
    if factors.width() > 0 && factors.rows() != y.len() {
        return Err(EvidenceError::LengthMismatch {
            column: "factors".into(),
            expected: y.len(),
            found: factors.rows(),
        });
    }
    let steps = last + 1 - first;
    crate::table::require_varying("y before the change", &y[..first])?;
    require_observations("the history before the change", first, question.max_lag + 2)?;
    let (testable, first_times) = question.calendar.testable(y.len(), question.max_lag, first, last)?;
    let question = &Question { calendar: &testable, ..question.clone() };
    let calendar = question.calendar.columns(y.len(), first, true)?;
    let columns: Vec<Vec<f64>> = calendar.iter().map(|part| part.values.clone()).collect();
    require_observations(
        "the history before the change",
        first,
        (5 * (calendar.len() + factors.width())).max(steps).max(30),
    )?;
    let (expected_path, base) = calendar_path(question, &columns, steps)?;
    let actual = mean(&y[first..=last]);
    let expected = mean(&expected_path);
    let change = actual - expected;
    let spread = forecast_spread(&base, &columns.iter().map(Vec::as_slice).collect::<Vec<_>>(), first, steps);
    let p = normal_two_sided(change / spread);
    let z = normal_quantile(0.975);
    let earlier = first.saturating_sub(steps);
    let calendar_parts = calendar_parts(&calendar, &base, earlier, first, last);
    progress.report(1, 3)?;

    let (candidates, mut not_testable) = candidates(question, &columns, progress)?;
    let candidates = told_apart(question, &columns, candidates, &mut not_testable);
    not_testable.extend(first_times);
    progress.report(2, 3)?;
    let (mut judged, noise) = judge(question, &columns, &candidates, change, progress)?;
    judged.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
    let (real, mut ruled_out): (Vec<Factor>, Vec<Factor>) =
        judged.into_iter().partition(|f| f.q <= LEVEL && f.lower * f.upper > 0.0 && f.stability >= STABLE);
    let unexplained = change - real.iter().map(|f| f.contribution).sum::<f64>();
    // Without factors that matter, the calendar's own uncertainty is all there is.
    let rest = if real.is_empty() { spread } else { noise };
    let unexplained_p = normal_two_sided(unexplained / rest);
    let (changed, left_over) = (p < LEVEL, unexplained_p < LEVEL);
    // A part counts when it is beyond chance and not small beside the change. Where the whole stayed
    // within chance, large parts may have cancelled: then either direction counts.
    let material = |f: &Factor| f.contribution.abs() > z * rest && f.contribution.abs() >= SHARE * change.abs();
    let (mut causes, mut contributors): (Vec<Factor>, Vec<Factor>) =
        real.into_iter().partition(|f| material(f) && (!changed || f.share > 0.0));
    // The unknown competes with the known: where it is the largest part, no cause is claimed.
    let largest = causes.first().map_or(0.0, |f| f.contribution.abs());
    if left_over && unexplained.abs() > largest {
        contributors.append(&mut causes);
        contributors.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
    }
    // Where the whole stayed within chance, nothing is missing an explanation, whatever cancelled within it.
    let verdict = match (causes.is_empty(), left_over) {
        (false, false) => Verdict::Explained,
        (false, true) => Verdict::PartlyExplained,
        (true, _) if changed => Verdict::NotInData,
        (true, _) => Verdict::NothingUnusual,
    };
    causes.iter_mut().for_each(|f| f.words = words_of_part(f, change, changed));
    contributors.iter_mut().for_each(|f| f.words = words_of_part(f, change, changed));
    for factor in &mut ruled_out {
        factor.words = if factor.q > LEVEL {
            format!("`{}` has shown no effect before the change (q = {:.2})", factor.name, factor.q)
        } else if factor.stability < STABLE {
            format!(
                "`{}` shows an effect in only {:.0} % of resampled histories",
                factor.name,
                100.0 * factor.stability
            )
        } else {
            format!("`{}` does matter, but was at its usual level", factor.name)
        };
    }
    let reading = reading(verdict, change, expected, spread * z, unexplained, &causes, &contributors, ruled_out.len());
    Ok(Explanation {
        verdict,
        actual,
        before: mean(&y[earlier..first]),
        calendar_effect: calendar_parts.iter().map(|part| part.effect).sum(),
        calendar_parts,
        expected,
        change,
        lower: change - z * spread,
        upper: change + z * spread,
        p,
        unexplained,
        unexplained_lower: unexplained - z * rest,
        unexplained_upper: unexplained + z * rest,
        unexplained_p,
        causes,
        contributors,
        ruled_out,
        not_testable,
        reading,
    })
}

fn words_of_part(factor: &Factor, change: f64, changed: bool) -> String {
    let share = if changed { format!(" of {:+.4} ({:.0} %)", change, 100.0 * factor.share) } else { String::new() };
    let delay = match factor.lag {
        0 => "at once".to_string(),
        1 => "1 point later".to_string(),
        lag => format!("{lag} points later"),
    };
    format!(
        "`{}` was {:+.4} from its usual level and accounts for {:+.4}{share}, {delay} (q = {:.2e})",
        factor.name, factor.moved, factor.contribution, factor.q
    )
}

#[allow(clippy::too_many_arguments)]
fn reading(
    verdict: Verdict,
    change: f64,
    expected: f64,
    half: f64,
    unexplained: f64,
    causes: &[Factor],
    contributors: &[Factor],
    others: usize,
) -> String {
    let size = format!(
        "{:+.4} a point against the {expected:.4} to be expected (95 % interval {:+.4} to {:+.4})",
        change,
        change - half,
        change + half
    );
    let parts = causes.iter().map(|f| f.words.as_str()).collect::<Vec<_>>().join("; ");
    match verdict {
        Verdict::NothingUnusual => {
            let within = contributors.iter().map(|f| f.words.as_str()).collect::<Vec<_>>().join("; ");
            let cancelled = if within.is_empty() { within } else { format!("; within it, parts cancelled: {within}") };
            format!("nothing unusual happened: {size} is within what chance gives{cancelled}")
        }
        Verdict::Explained => format!("the change is {size}: {parts}"),
        Verdict::PartlyExplained => {
            format!("the change is {size}: {parts}; {unexplained:+.4} has no cause in your data")
        }
        Verdict::NotInData => {
            let lesser = match contributors.first() {
                Some(first) => format!("; a lesser part: {}", first.words),
                None => String::new(),
            };
            format!(
                "the change is {size}, and the cause of {unexplained:+.4} of it is not in your data: {others} factors were examined and ruled out{lesser}"
            )
        }
    }
}

/// The calendar's and the memory's expectation over the range, from the history alone.
fn calendar_path(question: &Question<'_>, calendar: &[Vec<f64>], steps: usize) -> Result<(Vec<f64>, Whitened)> {
    let first = question.first;
    let views: Vec<&[f64]> = calendar.iter().map(|c| &c[..first]).collect();
    let names = vec!["calendar"; views.len()];
    let base = whitened(&views, &names, &question.y[..first])?;
    let memory = continue_errors(&base.memory, &base.errors, steps);
    let path = (0..steps).map(|s| calendar_value(&base, calendar, first + s) + memory[s]).collect();
    Ok((path, base))
}

/// What each part of the calendar adds to the range's mean over the stretch before it.
fn calendar_parts(
    calendar: &[CalendarColumn],
    base: &Whitened,
    earlier: usize,
    first: usize,
    last: usize,
) -> Vec<CalendarPart> {
    let mut parts: Vec<CalendarPart> = Vec::new();
    for (column, coefficient) in calendar.iter().zip(&base.fit.coefficients) {
        // An occasion of other days is no part of this change.
        if column.values[earlier..=last].iter().all(|value| *value == column.values[first]) {
            continue;
        }
        let effect = coefficient * (mean(&column.values[first..=last]) - mean(&column.values[earlier..first]));
        match parts.iter_mut().find(|part| part.name == column.part) {
            Some(part) => part.effect += effect,
            None => parts.push(CalendarPart { name: column.part.clone(), effect }),
        }
    }
    parts
}

fn calendar_value(base: &Whitened, calendar: &[Vec<f64>], t: usize) -> f64 {
    calendar.iter().zip(&base.fit.coefficients).map(|(c, b)| c[t] * b).sum()
}

/// Standard deviation of the mean forecast error: innovations to come and the coefficients' uncertainty.
fn forecast_spread(base: &Whitened, columns: &[&[f64]], first: usize, steps: usize) -> f64 {
    let variance = base.fit.variance();
    let ahead: Vec<f64> = columns.iter().map(|c| mean(&c[first..first + steps])).collect();
    let cross = &base.fit.cross_inverse;
    let mut through = 0.0;
    for a in 0..ahead.len() {
        for b in 0..ahead.len() {
            through += ahead[a] * cross[(a, b)] * ahead[b];
        }
    }
    (variance_of_mean(&base.memory, variance, steps) + variance * through).sqrt()
}

/// A factor at its most telling delay.
struct Candidate {
    name: String,
    lag: usize,
    /// The factor delayed; the first `max_lag` rows repeat the first value and are not used.
    delayed: Vec<f64>,
}

fn candidates(
    question: &Question<'_>,
    calendar: &[Vec<f64>],
    progress: &mut Progress<'_>,
) -> Result<(Vec<Candidate>, Vec<NotTestable>)> {
    let (first, longest) = (question.first, question.max_lag);
    let mut found: Vec<Candidate> = Vec::new();
    let mut not_testable = Vec::new();
    let y = &question.y[longest..first];
    for (name, column) in question.factors.names().iter().zip(question.factors.columns()) {
        if column[..first].iter().all(|v| *v == column[0]) {
            let reason = if column[first..=question.last].iter().any(|v| *v != column[0]) {
                "it never varied before the change: it cannot be told from anything else that began then"
            } else {
                "it never varied"
            };
            not_testable.push(NotTestable { name: name.clone(), reason: reason.into() });
            continue;
        }
        let mut best: Option<(f64, usize, Vec<f64>)> = None;
        for lag in 0..=longest {
            let delayed: Vec<f64> = (0..column.len()).map(|t| column[t.saturating_sub(lag)]).collect();
            let mut views: Vec<&[f64]> = calendar.iter().map(|c| &c[longest..first]).collect();
            views.push(&delayed[longest..first]);
            let names = vec!["calendar"; views.len()];
            if let Ok(fit) = whitened(&views, &names, y) {
                let p = fit.fit.p(views.len() - 1);
                if best.as_ref().is_none_or(|(least, _, _)| p < *least) {
                    best = Some((p, lag, delayed));
                }
            }
        }
        progress.report(1, 3)?;
        match best {
            Some((_, lag, delayed)) => found.push(Candidate { name: name.clone(), lag, delayed }),
            None => not_testable.push(NotTestable {
                name: name.clone(),
                reason: "it is determined by the calendar: the two cannot be told apart".into(),
            }),
        }
    }
    Ok((found, not_testable))
}

/// Leaves out factors that those before them determine: their parts cannot be told apart.
fn told_apart(
    question: &Question<'_>,
    calendar: &[Vec<f64>],
    candidates: Vec<Candidate>,
    not_testable: &mut Vec<NotTestable>,
) -> Vec<Candidate> {
    let rows = question.max_lag..question.first;
    let mut spanned = Spanned::default();
    for column in calendar {
        spanned.adds(&column[rows.clone()]);
    }
    let (kept, left_out): (Vec<Candidate>, Vec<Candidate>) =
        candidates.into_iter().partition(|candidate| spanned.adds(&candidate.delayed[rows.clone()]));
    not_testable.extend(left_out.into_iter().map(|candidate| NotTestable {
        name: candidate.name,
        reason: "it always moved exactly as factors before it did: they cannot be told apart".into(),
    }));
    kept
}

/// Each candidate's part, and the standard deviation of what the model with all of them leaves over.
fn judge(
    question: &Question<'_>,
    calendar: &[Vec<f64>],
    candidates: &[Candidate],
    change: f64,
    progress: &mut Progress<'_>,
) -> Result<(Vec<Factor>, f64)> {
    if candidates.is_empty() {
        return Ok((Vec::new(), 0.0));
    }
    let (first, last, longest) = (question.first, question.last, question.max_lag);
    let mut views: Vec<&[f64]> = calendar.iter().map(|c| &c[longest..first]).collect();
    let offset = views.len();
    let mut names = vec!["calendar"; offset];
    for candidate in candidates {
        views.push(&candidate.delayed[longest..first]);
        names.push(&candidate.name);
    }
    let whole: Vec<&[f64]> =
        calendar.iter().map(Vec::as_slice).chain(candidates.iter().map(|c| c.delayed.as_slice())).collect();
    // All factors together, so that one that merely moves with another earns nothing by it.
    let joint = whitened(&views, &names, &question.y[longest..first])?;
    let lags = (longest + 1) as f64;
    let p: Vec<f64> = (0..candidates.len()).map(|j| (joint.fit.p(offset + j) * lags).min(1.0)).collect();
    let q = benjamini_hochberg(&p);
    let stability = stability(&joint, offset, candidates.len(), question.seed, progress)?;
    // What to expect of a factor is what to expect of the metric: its own calendar, without a trend that would run away
    // in the range, and its memory, so that a level that moved long ago is no news.
    let noise = forecast_spread(&joint, &whole, first, last + 1 - first);
    let usual: Vec<Vec<f64>> =
        question.calendar.columns(question.y.len(), first, false)?.into_iter().map(|part| part.values).collect();
    let usual_views: Vec<&[f64]> = usual.iter().map(|c| &c[longest..first]).collect();
    let usual_names = vec!["calendar"; usual_views.len()];
    let z = normal_quantile(0.975);
    let judged = candidates
        .iter()
        .enumerate()
        .map(|(j, candidate)| {
            let own = whitened(&usual_views, &usual_names, &candidate.delayed[longest..first])?;
            let memory = continue_errors(&own.memory, &own.errors, last + 1 - first);
            let moved = mean(
                &(first..=last)
                    .zip(&memory)
                    .map(|(t, memory)| {
                        let ordinary: f64 = usual.iter().zip(&own.fit.coefficients).map(|(c, b)| c[t] * b).sum();
                        candidate.delayed[t] - ordinary - memory
                    })
                    .collect::<Vec<_>>(),
            );
            let effect = joint.fit.coefficients[offset + j];
            let error = joint.fit.standard_error(offset + j) * moved.abs();
            let contribution = effect * moved;
            Ok(Factor {
                name: candidate.name.clone(),
                contribution,
                lower: contribution - z * error,
                upper: contribution + z * error,
                share: contribution / change,
                lag: candidate.lag,
                effect,
                p: p[j],
                q: q[j],
                moved,
                stability: stability[j],
                method: "regression on the history with the calendar, all factors jointly, autocorrelation removed"
                    .into(),
                words: String::new(),
            })
        })
        .collect::<Result<_>>()?;
    Ok((judged, noise))
}

/// How often each factor's effect keeps its sign with p < 0.05 when the whitened rows are drawn anew.
fn stability(
    joint: &Whitened,
    offset: usize,
    count: usize,
    seed: u64,
    progress: &mut Progress<'_>,
) -> Result<Vec<f64>> {
    let mut random = Random::new(seed);
    let (n, k) = joint.rows.shape();
    let names = vec!["factor"; k];
    let mut kept = vec![0usize; count];
    let mut usable = 0;
    for resample in 0..RESAMPLES {
        let rows = random.resample(n, n);
        let x = nalgebra::DMatrix::from_fn(n, k, |i, j| joint.rows[(rows[i], j)]);
        let y: Vec<f64> = rows.iter().map(|&i| joint.target[i]).collect();
        // A resample may lack a rare event altogether; it then says nothing.
        if let Ok(fit) = Design::new(x, &names).and_then(|d| d.fit(&y)) {
            usable += 1;
            for (j, kept) in kept.iter_mut().enumerate() {
                let same = fit.coefficients[offset + j] * joint.fit.coefficients[offset + j] > 0.0;
                *kept += usize::from(same && fit.p(offset + j) < LEVEL);
            }
        }
        if resample % 20 == 19 {
            progress.report(2, 3)?;
        }
    }
    Ok(kept.into_iter().map(|k| k as f64 / f64::from(usable.max(1))).collect())
}
