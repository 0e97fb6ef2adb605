//! Achievable: what a goal requires, against what the metric's own past shows.
//!
//! The past is cut into windows of the goal's length, sliding a day (a week for goals of four weeks and more) at
//! a time, and each is asked whether it would have done it. The windows overlap, so their share is a description
//! of the past, not a probability with an error bar; the sentences say "of the past windows" for that reason.

use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::assessment::{Feasibility, FeasibilityBasis, Likelihood};
use super::band;
use super::days::reading_of;
use super::plan::{Aggregation, Aim, GoalPlan, Measure};
use super::reading::{History, days_between, plus_days};
use super::words;

const FEWEST_DAYS: i64 = 28;
const MOST_DAYS: i64 = 5 * 366;
/// A history that ends longer before the goal is said to be old.
const FRESH_DAYS: i64 = 31;

/// Judges `plan` by the days of `history` before its start (and not after `today`).
pub fn feasibility(plan: &GoalPlan, history: &History, today: Date) -> Feasibility {
    if matches!(plan.measure, Measure::Manual { .. }) {
        return unknown("Measured by hand: there is no history to compare with.".to_owned());
    }
    let end = today.min(plus_days(plan.start, -1));
    let history = history.until(end);
    let (Some(first), Some(last)) = (history.first(), history.last_until(end)) else {
        return unknown("The metric has no history yet to compare with.".to_owned());
    };
    let first = first.max(plus_days(last, -MOST_DAYS));
    let known = days_between(first, last) + 1;
    if known < FEWEST_DAYS {
        let known = words::count(known, "day", "days");
        return unknown(format!(
            "The metric has only {known} of history; at least {FEWEST_DAYS} are needed to compare."
        ));
    }
    let span = Span { plan, history: &history, first, last, known, goal: days_between(plan.start, plan.due) + 1 };
    let mut verdict = match &plan.aim {
        Aim::Up { target, .. } if is_total(plan) => span.totals(*target, true),
        Aim::Down { target, .. } if is_total(plan) => span.totals(*target, false),
        Aim::Up { baseline, target } => span.changes(*baseline, *target, true),
        Aim::Down { baseline, target } => span.changes(*baseline, *target, false),
        Aim::KeepWithin { low, high, share } => span.band((*low, *high), *share),
    };
    let old = days_between(last, end);
    if old > FRESH_DAYS {
        let (ends, old) = (words::day(last), words::count(old, "day", "days"));
        verdict.reason.push_str(&format!(" The history ends on {ends}: nothing is known of the {old} since."));
    }
    verdict
}

fn is_total(plan: &GoalPlan) -> bool {
    plan.measure.aggregation() == Aggregation::Total
}

fn unknown(reason: String) -> Feasibility {
    Feasibility {
        likelihood: Likelihood::Unknown,
        windows: 0,
        reached: 0,
        required: None,
        basis: FeasibilityBasis::None,
        typical: None,
        best: None,
        reason,
    }
}

struct Span<'a> {
    plan: &'a GoalPlan,
    history: &'a History,
    first: Date,
    last: Date,
    /// Days of history.
    known: i64,
    /// Days of the goal.
    goal: i64,
}

impl Span<'_> {
    /// Starts of the windows of `length` days, latest first; `reach` more days are needed before each.
    fn starts(&self, length: i64, reach: i64) -> Vec<Date> {
        let step = if length < 28 { 1 } else { 7 };
        (0..)
            .map(|i| plus_days(self.last, 1 - length - i * step))
            .take_while(|start| plus_days(*start, -reach) >= self.first)
            .collect()
    }

    /// The goal's length, or half the history (in whole weeks) where the goal is longer than that allows.
    fn length(&self, reach: i64) -> i64 {
        let room = self.known - reach;
        if self.goal + 14 <= room { self.goal } else { (room / 2 / 7 * 7).clamp(7, self.goal.max(7)) }
    }

    fn totals(&self, target: Decimal, up: bool) -> Feasibility {
        let length = self.length(0);
        let required = (target * Decimal::from(length) / Decimal::from(self.goal)).round_dp(4).normalize();
        let found: Vec<Decimal> = self
            .starts(length, 0)
            .into_iter()
            .map(|start| self.history.total(start, plus_days(start, length - 1)).0)
            .collect();
        let unit = self.plan.measure.unit();
        let needed = format!(
            "{} in {} means {} a day",
            words::amount(target, unit),
            words::count(self.goal, "day", "days"),
            words::amount((target / Decimal::from(self.goal)).round_dp(4), unit)
        );
        let close = if up { Decimal::new(95, 2) } else { Decimal::new(105, 2) };
        let mut verdict = self.judge(found, required, required * close, up, FeasibilityBasis::Total, length);
        verdict.reason =
            format!("{needed}. {}", self.comparison(&verdict, length, up, |value| words::amount(value, unit)));
        if let Some(year_before) = self.year_before() {
            let brought = words::amount(year_before, unit);
            verdict.reason.push_str(&format!(" The same days a year before brought {brought}."));
        }
        verdict
    }

    fn year_before(&self) -> Option<Decimal> {
        let back = |day: Date| day.checked_sub(jiff::Span::new().years(1)).ok();
        let (start, due) = (back(self.plan.start)?, back(self.plan.due)?);
        (start >= self.first && due <= self.last).then(|| self.history.total(start, due).0)
    }

    fn changes(&self, baseline: Decimal, target: Decimal, up: bool) -> Feasibility {
        let reach = match self.plan.measure.aggregation() {
            Aggregation::Latest => 1,
            _ => self.plan.cadence.days() + 1,
        };
        let length = self.length(reach);
        let reading = reading_of(self.plan);
        let pairs: Vec<(Decimal, Decimal)> = self
            .starts(length, reach)
            .into_iter()
            .filter_map(|start| {
                let before = reading.at(self.history, plus_days(start, -1))?;
                Some((before, reading.at(self.history, plus_days(start, length - 1))?))
            })
            .collect();
        let relative = baseline > Decimal::ZERO
            && target > Decimal::ZERO
            && pairs.iter().all(|(before, after)| *before > Decimal::ZERO && *after > Decimal::ZERO);
        let part = Decimal::from(length) / Decimal::from(self.goal);
        let change = |before: Decimal, after: Decimal| {
            if relative {
                (after - before).checked_div(before).map(|share| share.round_dp(4))
            } else {
                Some(after - before)
            }
        };
        let whole_change = change(baseline, target).unwrap_or_default();
        let required = (whole_change * part).round_dp(4).normalize();
        let found = pairs.into_iter().filter_map(|(before, after)| change(before, after)).collect();
        let basis = if relative { FeasibilityBasis::RelativeChange } else { FeasibilityBasis::Change };
        let mut verdict = self.judge(found, required, required * Decimal::new(8, 1), up, basis, length);
        let unit = self.plan.measure.unit();
        let (from, to) = (words::amount(baseline, unit), words::amount(target, unit));
        let whole = if relative { format!(", a change of {},", words::percent(whole_change)) } else { String::new() };
        let say = |value: Decimal| if relative { words::percent(value) } else { words::amount(value, unit) };
        verdict.reason = format!(
            "From {from} to {to}{whole} in {}. {}",
            words::count(self.goal, "day", "days"),
            self.comparison(&verdict, length, up, say)
        );
        verdict
    }

    fn band(&self, bounds: (Decimal, Decimal), share: Decimal) -> Feasibility {
        let reach = if self.plan.measure.aggregation() == Aggregation::Latest { 1 } else { 0 };
        let length = self.length(reach);
        let found = self
            .starts(length, reach)
            .into_iter()
            .filter_map(|start| band::share_within(self.plan, self.history, start, length, bounds))
            .map(|within| within.round_dp(4))
            .collect();
        let close = share * Decimal::new(9, 1);
        let mut verdict = self.judge(found, share, close, true, FeasibilityBasis::ShareWithin, length);
        let unit = self.plan.measure.unit();
        verdict.reason = format!(
            "{} of the {}s should stay within {} to {}. {}",
            words::percent(share),
            self.plan.cadence.noun(),
            words::number(bounds.0),
            words::amount(bounds.1, unit),
            self.comparison(&verdict, length, true, words::percent)
        );
        verdict
    }

    fn judge(
        &self,
        mut found: Vec<Decimal>,
        required: Decimal,
        close: Decimal,
        up: bool,
        basis: FeasibilityBasis,
        length: i64,
    ) -> Feasibility {
        if found.len() < 3 {
            let length = words::count(length, "day", "days");
            return unknown(format!("History has fewer than three windows of {length} to compare with."));
        }
        let good = |value: &Decimal, bound: Decimal| if up { *value >= bound } else { *value <= bound };
        let reached = found.iter().filter(|value| good(value, required)).count();
        found.sort_unstable();
        let best = if up { found[found.len() - 1] } else { found[0] };
        let likelihood = if 2 * reached >= found.len() {
            Likelihood::Likely
        } else if reached > 0 || good(&best, close) {
            Likelihood::Ambitious
        } else {
            Likelihood::Unlikely
        };
        Feasibility {
            likelihood,
            windows: found.len().to_u32().unwrap_or(u32::MAX),
            reached: reached.to_u32().unwrap_or(u32::MAX),
            required: Some(required),
            basis,
            typical: Some(found[found.len() / 2].normalize()),
            best: Some(best.normalize()),
            reason: String::new(),
        }
    }

    fn comparison(&self, verdict: &Feasibility, length: i64, up: bool, say: impl Fn(Decimal) -> String) -> String {
        let (Some(required), Some(typical), Some(best)) = (verdict.required, verdict.typical, verdict.best) else {
            return verdict.reason.clone();
        };
        let share = Decimal::from(verdict.reached) / Decimal::from(verdict.windows.max(1));
        let (did, came) = if up { ("brought", "brought") } else { ("stayed at or below", "came to") };
        format!(
            "Of {} past windows of {}, {} ({}) {did} the {} needed; the middle one {came} {}, the best {}.",
            verdict.windows,
            words::count(length, "day", "days"),
            verdict.reached,
            words::percent(share),
            say(required),
            say(typical),
            say(best)
        )
    }
}

#[cfg(test)]
#[path = "feasibility_tests.rs"]
mod tests;
