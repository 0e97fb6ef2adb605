//! What a pace looks at: up to which days, and how they are read.

use jiff::civil::Date;

use super::plan::{Aggregation, Aim, GoalPlan};
use super::reading::{History, Reading, plus_days};

/// The days that a pace looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days {
    pub today: Date,
    /// Up to where the actual reading counts.
    pub read: Date,
    /// Up to where the path is expected: today is not over yet, so it is not held against a growing total.
    pub expected: Date,
}

impl Days {
    pub fn of(plan: &GoalPlan, history: &History, today: Date) -> Self {
        if today > plan.due {
            return Self { today, read: plan.due, expected: plan.due };
        }
        let aggregation = plan.measure.aggregation();
        if aggregation == Aggregation::Latest {
            return Self { today, read: today, expected: today };
        }
        let eve = plus_days(plan.start, -1);
        let last = history.last_until(today).unwrap_or(eve);
        let closed = plus_days(last, history.usual_gap() - 1).min(plus_days(today, -1)).max(eve);
        if aggregation != Aggregation::Total {
            return Self { today, read: closed, expected: closed };
        }
        let read = closed.max(last).min(today);
        let is_cap = matches!(plan.aim, Aim::Down { .. });
        Self { today, read, expected: if is_cap { read } else { read.min(plus_days(today, -1)).max(eve) } }
    }

    /// The pace as it was at the end of `day`.
    pub fn at_end_of(day: Date) -> Self {
        Self { today: day, read: day, expected: day }
    }

    pub fn over(self, plan: &GoalPlan) -> bool {
        self.today > plan.due
    }
}

pub(super) fn reading_of(plan: &GoalPlan) -> Reading {
    Reading { aggregation: plan.measure.aggregation(), cadence: plan.cadence, start: plan.start }
}
