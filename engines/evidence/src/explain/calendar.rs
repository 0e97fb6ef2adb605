//! What the calendar explains: the weekday mix, the season of the year, a slow trend, known events.

use serde::{Deserialize, Serialize};

use super::not_testable::NotTestable;
use crate::error::{EvidenceError, Result};
use crate::statistics::correlation::dot;
use crate::table::Table;

/// A column counts as new where at least this share of it is not determined by those before it.
const NEW: f64 = 1e-6;

/// Name of the part that never moves.
const CONSTANT: &str = "constant";

/// One column of the calendar and the part it belongs to.
pub(super) struct CalendarColumn {
    pub part: String,
    pub values: Vec<f64>,
}

/// Directions that columns already span.
#[derive(Default)]
pub(super) struct Spanned(Vec<Vec<f64>>);

impl Spanned {
    /// Whether a column adds something to those before it; what is new of it then joins them.
    pub fn adds(&mut self, column: &[f64]) -> bool {
        let length = dot(column, column).sqrt();
        let mut rest: Vec<f64> = column.to_vec();
        // Twice, so that rounding does not let a dependent column pass (Kahan's rule).
        for _ in 0..2 {
            for other in &self.0 {
                let share = dot(&rest, other);
                rest.iter_mut().zip(other).for_each(|(r, o)| *r -= share * o);
            }
        }
        let left = dot(&rest, &rest).sqrt();
        let new = length > 0.0 && left > NEW * length;
        if new {
            rest.iter_mut().for_each(|r| *r /= left);
            self.0.push(rest);
        }
        new
    }
}

/// The calendar of a daily (or other) series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calendar {
    /// Points per week: 7 for days, 0 or 1 for no weekly pattern.
    pub week: usize,
    /// Points per year (365.25 for days), for a yearly season where at least a year of history exists.
    pub year: Option<f64>,
    /// Events known to the business (holidays, closures), one column each, rows as the series.
    pub known: Table,
}

/// [`Calendar::daily`].
impl Default for Calendar {
    fn default() -> Self {
        Calendar::daily()
    }
}

impl Calendar {
    /// Days of a seven-day week, with a yearly season and no known events.
    pub fn daily() -> Self {
        Calendar { week: 7, year: Some(365.25), known: Table::default() }
    }

    /// The calendar with those known events alone whose part can be learnt from the history (the rows from `from` up to
    /// `first`), and why the others that touch the range up to `last` are left out. Two events on the same days, or one
    /// on every Monday, cannot be told apart from each other or from the weekday.
    ///
    /// # Errors
    /// As [`Calendar::columns`].
    pub(super) fn testable(
        &self,
        rows: usize,
        from: usize,
        first: usize,
        last: usize,
    ) -> Result<(Calendar, Vec<NotTestable>)> {
        let plain = Calendar { known: Table::default(), ..self.clone() };
        if self.known.width() == 0 {
            return Ok((plain, Vec::new()));
        }
        let mut spanned = Spanned::default();
        for column in plain.columns(rows, first, true)? {
            spanned.adds(&column.values[from..first]);
        }
        // Checks the lengths of the known events too.
        self.columns(rows, first, true)?;
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        for (name, column) in self.known.names().iter().zip(self.known.columns()) {
            let happened = column[from..first].iter().any(|v| *v != 0.0);
            let touches = column[first..=last].iter().any(|v| *v != 0.0);
            let reason = match (happened, touches) {
                (true, _) if spanned.adds(&column[from..first]) => {
                    kept.push(name.clone());
                    continue;
                }
                (_, false) => continue,
                (true, true) => {
                    "it always fell on the same days as something else in the calendar: the two cannot be told apart"
                }
                (false, true) => {
                    "it never happened before the change: what it did cannot be told from anything else that began then"
                }
            };
            left_out.push(NotTestable { name: name.clone(), reason: reason.into() });
        }
        Ok((Calendar { known: self.known.select(&kept)?, ..plain }, left_out))
    }

    /// The calendar's columns for `rows` points, learnt from the first `history` of them:
    /// a constant, weekdays, yearly waves, known events that occurred, and the trend where asked for.
    ///
    /// # Errors
    /// Known events of another length.
    pub(super) fn columns(&self, rows: usize, history: usize, trend: bool) -> Result<Vec<CalendarColumn>> {
        if self.known.width() > 0 && self.known.rows() != rows {
            return Err(EvidenceError::LengthMismatch {
                column: "known events".into(),
                expected: rows,
                found: self.known.rows(),
            });
        }
        let mut columns = Vec::new();
        let mut add = |part: &str, values: Vec<f64>| columns.push(CalendarColumn { part: part.to_string(), values });
        add(CONSTANT, vec![1.0; rows]);
        if self.week > 1 && history >= 3 * self.week {
            for day in 1..self.week {
                add("weekday", (0..rows).map(|t| f64::from(u8::from(t % self.week == day))).collect());
            }
        }
        if let Some(year) = self.year
            && history as f64 >= year
        {
            for wave in 1..=2 {
                let turn = 2.0 * std::f64::consts::PI * f64::from(wave) / year;
                add("season", (0..rows).map(|t| (turn * t as f64).sin()).collect());
                add("season", (0..rows).map(|t| (turn * t as f64).cos()).collect());
            }
        }
        if trend {
            add("trend", (0..rows).map(|t| t as f64 / rows as f64).collect());
        }
        for (name, column) in self.known.names().iter().zip(self.known.columns()) {
            let varied = column[..history].iter().any(|v| *v != column[0]);
            if varied {
                add(name, column.clone());
            }
        }
        Ok(columns)
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::{Question, Verdict, explain};
    use super::*;
    use crate::progress::Progress;
    use crate::random::Random;

    const ROWS: usize = 200;
    const FIRST: usize = 186;

    fn days(on: impl Fn(usize) -> bool) -> Vec<f64> {
        (0..ROWS).map(|t| f64::from(u8::from(on(t)))).collect()
    }

    /// A promotion on some days lifts sales by 30; it runs during the range that is asked about.
    fn promoted(t: usize) -> bool {
        matches!(t, 40..50 | 100..107 | 190..196)
    }

    fn sales() -> (Vec<f64>, Table) {
        let mut random = Random::new(61);
        let rain: Vec<f64> = (0..ROWS).map(|_| random.normal()).collect();
        let y = (0..ROWS)
            .map(|t| 100.0 + [5.0, 0.0, 0.0, 2.0, 0.0, 9.0, -7.0][t % 7] + 30.0 * days(promoted)[t] + random.normal())
            .collect();
        (y, Table::new(vec![("rain".into(), rain)]).expect("finite"))
    }

    fn answer(known: Vec<(String, Vec<f64>)>) -> super::super::change::Explanation {
        let (y, factors) = sales();
        let calendar = Calendar { known: Table::new(known).expect("finite"), ..Calendar::daily() };
        let question = Question {
            y: &y,
            factors: &factors,
            calendar: &calendar,
            first: FIRST,
            last: ROWS - 1,
            max_lag: 3,
            seed: 1,
        };
        explain(&question, &mut Progress::silent()).expect("long enough")
    }

    #[test]
    fn a_promotion_that_is_known_is_no_change_to_explain() {
        let unknown = answer(vec![]);
        assert!(unknown.change > 5.0, "{}", unknown.reading);
        let known = answer(vec![("promotion".into(), days(promoted))]);
        assert_eq!(known.verdict, Verdict::NothingUnusual, "{}", known.reading);
        assert!(known.change.abs() < 1.0, "{}", known.reading);
        let part = known.calendar_parts.iter().find(|part| part.name == "promotion").expect("a part of its own");
        // Six of fourteen days at 30 each.
        assert!((part.effect - 30.0 * 6.0 / 14.0).abs() < 1.0, "{part:?}");
    }

    #[test]
    fn a_promotion_for_the_first_time_is_said_to_be_untestable_and_one_elsewhere_does_not_matter() {
        let first = answer(vec![("first sale".into(), days(|t| t >= 190)), ("other".into(), days(|t| t == 5000))]);
        let named: Vec<&str> = first.not_testable.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(named, ["first sale"]);
        assert!(first.not_testable[0].reason.contains("never happened before"), "{first:?}");
    }

    #[test]
    fn occasions_on_the_same_days_are_told_apart_by_nothing() {
        let twice = answer(vec![
            ("promotion".into(), days(promoted)),
            ("same again".into(), days(promoted)),
            ("every week".into(), days(|t| t % 7 == 3)),
        ]);
        let named: Vec<&str> = twice.not_testable.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(named, ["same again", "every week"]);
        assert_eq!(twice.verdict, Verdict::NothingUnusual, "{}", twice.reading);
    }
}
