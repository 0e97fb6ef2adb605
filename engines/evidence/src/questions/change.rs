//! Why did a number change?

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::explain::calendar::Calendar;
use crate::explain::change::{Explanation, Question, explain};
use crate::progress::Progress;
use crate::table::Table;

/// The question, complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeInput {
    /// The metric, one value per point of time, equally spaced, no gaps, oldest first.
    pub values: Vec<f64>,
    /// Candidate factors, rows as `values`.
    #[serde(default)]
    pub factors: Table,
    #[serde(default)]
    pub calendar: Calendar,
    /// First and last row of the change, counted from 0. The rows before are the history; at least 30,
    /// five per column of the model, and as many as the change is long.
    pub first: usize,
    pub last: usize,
    /// Longest delay of a factor, in points.
    #[serde(default = "usual_lag")]
    pub max_lag: usize,
    #[serde(default)]
    pub seed: u64,
}

fn usual_lag() -> usize {
    5
}

/// Answers the question.
///
/// # Errors
/// As [`explain`].
pub fn explain_change(input: &ChangeInput, progress: &mut Progress<'_>) -> Result<Explanation> {
    let question = Question {
        y: &input.values,
        factors: &input.factors,
        calendar: &input.calendar,
        first: input.first,
        last: input.last,
        max_lag: input.max_lag,
        seed: input.seed,
    };
    explain(&question, progress)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Continue;
    use crate::EvidenceError;
    use crate::explain::business::draw;

    fn input() -> ChangeInput {
        let drawn = draw(11, true);
        ChangeInput {
            values: drawn.sales,
            factors: drawn.factors,
            calendar: Calendar::daily(),
            first: drawn.first,
            last: drawn.last,
            max_lag: 5,
            seed: 1,
        }
    }

    #[test]
    fn a_stored_question_gives_the_stored_answer_again() {
        let input = input();
        let answer = explain_change(&input, &mut Progress::silent()).expect("long enough");
        let stored: ChangeInput =
            serde_json::from_str(&serde_json::to_string(&input).expect("plain data")).expect("its own form");
        let again = explain_change(&stored, &mut Progress::silent()).expect("long enough");
        let read: Explanation =
            serde_json::from_str(&serde_json::to_string(&answer).expect("plain data")).expect("its own form");
        assert_eq!(again, answer);
        assert_eq!(read, answer);
    }

    #[test]
    fn a_cancelled_question_ends_as_cancelled() {
        let mut stop = |_: usize, _: usize| Continue::Cancel;
        assert_eq!(explain_change(&input(), &mut Progress::new(&mut stop)), Err(EvidenceError::Cancelled));
    }
}
