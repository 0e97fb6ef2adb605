//! Days on which a business does not trade. What they were is no gap and no surprise, and what they will be is nothing:
//! models see the other days only, and such a day is forecast as 0.

use dyocense_domain::metrics::{Bucket, MetricKind};
use dyocense_forecasting::{Caveat, Forecast, Series};
use jiff::civil::{Date, Weekday};

use super::closed::closed_weekdays;
use super::history::History;
use super::words::counted;
use crate::runs::NoAnswer;

/// Of a flow in days; of anything else there are none.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TradingDays {
    /// In the order of the week.
    closed: Vec<Weekday>,
    /// Other days, past and to come, in their order.
    shut: Vec<Date>,
}

impl TradingDays {
    pub fn of(history: &History) -> TradingDays {
        match (history.kind, history.bucket) {
            (MetricKind::Flow, Bucket::Day) => {
                TradingDays { closed: closed_weekdays(&history.steps()), shut: history.shut.clone() }
            }
            _ => TradingDays::default(),
        }
    }

    pub fn is_closed(&self, day: Date) -> bool {
        self.closed.contains(&day.weekday()) || self.shut.binary_search(&day).is_ok()
    }

    /// The first `length` steps as the engine takes them: closed days have no value.
    pub fn series(&self, history: &History, length: usize) -> Result<Series, NoAnswer> {
        if *self == TradingDays::default() {
            return history.series(length);
        }
        let open = |(day, value): (Date, Option<f64>)| value.filter(|_| !self.is_closed(day));
        let values: Vec<Option<f64>> = history.steps().into_iter().map(open).collect();
        History { values, ..history.clone() }.series(length)
    }

    /// Steps among `starts` on which there is trade.
    pub fn open(&self, starts: &[Date]) -> Vec<bool> {
        starts.iter().map(|start| !self.is_closed(*start)).collect()
    }

    /// Nothing happens on closed days: that is sure.
    pub fn close(&self, starts: &[Date], forecast: &mut Forecast) {
        for (step, _) in self.open(starts).into_iter().enumerate().filter(|(_, open)| !open) {
            for path in [&mut forecast.mean, &mut forecast.sd] {
                path[step] = 0.0;
            }
            for interval in &mut forecast.intervals {
                interval.lower[step] = 0.0;
                interval.upper[step] = 0.0;
            }
        }
    }

    /// What a reader of what was found in the past should know.
    pub fn caveats_of_the_past(&self, history: &History) -> Vec<String> {
        let steps = history.steps();
        let (closed, open): (Vec<_>, Vec<_>) = steps.iter().partition(|(day, _)| self.is_closed(*day));
        let missing = open.iter().filter(|(_, value)| value.is_none()).count();
        let mut said = Vec::new();
        if !closed.is_empty() {
            let days = counted(closed.len(), history.bucket);
            said.push(format!("{days} on which {} does not trade are not judged", history.name));
        }
        said.extend(incomplete(history));
        if missing > 0 {
            said.push(Caveat::Filled { points: missing }.told(Some(history.frequency())));
        }
        said
    }

    /// What a reader of a forecast should know, the engine's caveats among it: closed days are no gaps.
    pub fn caveats(&self, history: &History, starts: &[Date], engine: &[Caveat]) -> Vec<String> {
        let steps = history.steps();
        let closed = steps.iter().filter(|(day, _)| self.is_closed(*day)).count();
        let mut said: Vec<String> = Vec::new();
        if !self.closed.is_empty() {
            let days: Vec<&str> = self.closed.iter().map(|day| word(*day)).collect();
            said.push(format!("{} is closed on {}: 0 is forecast for them", history.name, listed(&days)));
        }
        let shut = starts.iter().filter(|day| self.shut.binary_search(day).is_ok()).count();
        if shut > 0 {
            said.push(format!(
                "{} does not trade on public holidays and closures: 0 is forecast for {shut} of them",
                history.name
            ));
        }
        said.extend(sparse(history, &steps, closed));
        said.extend(incomplete(history));
        let told = |caveat: &Caveat| caveat.told(Some(history.frequency()));
        said.extend(engine.iter().filter_map(|caveat| match caveat {
            Caveat::Filled { points } if *points <= closed => None,
            // One value is no series that never changes.
            Caveat::Constant if engine.contains(&Caveat::Short { points: 1 }) => None,
            Caveat::Filled { points } => Some(told(&Caveat::Filled { points: points - closed })),
            other => Some(told(other)),
        }));
        said
    }
}

/// Days that are recorded in parts, hours or shifts, and some parts are missing.
fn incomplete(history: &History) -> Option<String> {
    match history.incomplete {
        0 => None,
        1 => Some("1 day has fewer points than its days usually have: its value counts as unknown".to_owned()),
        days => Some(format!(
            "{days} days have fewer points than {}'s days usually have: their values count as unknown",
            history.name
        )),
    }
}

/// Sums of a flow with values on few of its days are no sums of what was recorded.
fn sparse(history: &History, steps: &[(Date, Option<f64>)], closed: usize) -> Option<String> {
    let (known, open) = (history.values.iter().flatten().count(), steps.len().saturating_sub(closed));
    if history.kind != MetricKind::Flow || history.bucket != Bucket::Day || 2 * known >= open {
        return None;
    }
    Some(format!(
        "{} has values on {known} of {open} days and the others were filled in: a sum over days is more than is \
         recorded of them; longer steps (weeks, months) add up",
        history.name
    ))
}

pub(super) fn word(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Monday => "Mondays",
        Weekday::Tuesday => "Tuesdays",
        Weekday::Wednesday => "Wednesdays",
        Weekday::Thursday => "Thursdays",
        Weekday::Friday => "Fridays",
        Weekday::Saturday => "Saturdays",
        Weekday::Sunday => "Sundays",
    }
}

pub(super) fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}
