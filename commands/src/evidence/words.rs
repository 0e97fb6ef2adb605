//! An explanation in an owner's words: names, units and days instead of columns and points.

use dyocense_evidence::explain::change::{Explanation, Factor, Verdict};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::parts::SalesParts;
use crate::forecasting::grouped;

/// How a metric is called, and in what it is counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Label {
    pub key: String,
    pub name: String,
    pub unit: String,
}

impl Label {
    /// An amount in the metric's unit.
    fn amount(&self, value: f64) -> String {
        match self.unit.is_empty() {
            true => grouped(value),
            false => format!("{} {}", grouped(value), self.unit),
        }
    }
}

/// What is explained.
pub(super) struct Told<'a> {
    pub metric: &'a Label,
    pub factors: &'a [Label],
    pub first: Date,
    pub last: Date,
    pub parts: Option<&'a SalesParts>,
}

impl Told<'_> {
    fn factor(&self, key: &str) -> Label {
        let unnamed = || Label { key: key.to_owned(), name: key.to_owned(), unit: String::new() };
        self.factors.iter().find(|label| label.key == key).cloned().unwrap_or_else(unnamed)
    }

    /// What a factor did.
    fn part(&self, factor: &Factor) -> String {
        let label = self.factor(&factor.name);
        let side = if factor.moved >= 0.0 { "above" } else { "below" };
        let delay = match factor.lag {
            0 => "at the same time".to_owned(),
            1 => "1 day later".to_owned(),
            days => format!("{days} days later"),
        };
        let sign = if factor.contribution >= 0.0 { "more" } else { "less" };
        format!(
            "{} was {} {side} what was to be expected; that makes {} {sign} a day, {delay}",
            label.name,
            label.amount(factor.moved.abs()),
            self.metric.amount(factor.contribution.abs())
        )
    }

    /// Names in the place of keys.
    fn named(&self, words: &str) -> String {
        self.factors
            .iter()
            .fold(words.to_owned(), |words, label| words.replace(&format!("`{}`", label.key), &label.name))
    }

    /// Rewrites the words of every factor, and gives the whole in a sentence or two.
    pub fn tell(&self, found: &mut Explanation) -> String {
        for factor in found.causes.iter_mut().chain(&mut found.contributors) {
            factor.words = self.part(factor);
        }
        for factor in &mut found.ruled_out {
            factor.words = self.named(&factor.words);
        }
        let Told { metric, first, last, .. } = self;
        let when = if first == last { format!("on {first}") } else { format!("from {first} to {last}") };
        let direction = if found.change >= 0.0 { "more" } else { "less" };
        let mut text = format!(
            "{} was {} a day {when}: {} {direction} than the {} that was to be expected (95 % interval {} to {}).",
            metric.name,
            metric.amount(found.actual),
            metric.amount(found.change.abs()),
            metric.amount(found.expected),
            signed(found.lower),
            signed(found.upper)
        );
        let listed = |factors: &[Factor]| factors.iter().map(|f| f.words.as_str()).collect::<Vec<_>>().join("; ");
        let rest = metric.amount(found.unexplained.abs());
        let sense = if found.unexplained >= 0.0 { "more" } else { "less" };
        let more = match found.verdict {
            Verdict::NothingUnusual if found.contributors.is_empty() => " That is within what chance gives.".to_owned(),
            Verdict::NothingUnusual => {
                format!(
                    " That is within what chance gives, though parts of it cancelled: {}.",
                    listed(&found.contributors)
                )
            }
            Verdict::Explained => format!(" {}.", listed(&found.causes)),
            Verdict::PartlyExplained => {
                format!(" {}. Another {rest} {sense} a day has no cause in your data.", listed(&found.causes))
            }
            Verdict::NotInData => {
                let lesser = match found.contributors.first() {
                    Some(first) => format!(" A lesser part: {}.", first.words),
                    None => String::new(),
                };
                let examined = match found.ruled_out.len() {
                    0 => "no other metric could be examined".to_owned(),
                    1 => "1 other metric was examined and ruled out".to_owned(),
                    count => format!("{count} other metrics were examined and ruled out"),
                };
                format!(" What makes {rest} of it is not in your data: {examined}.{lesser}")
            }
        };
        text.push_str(&more);
        if let Some(parts) = self.parts {
            text.push(' ');
            text.push_str(&parts.words());
        }
        text
    }
}

fn signed(value: f64) -> String {
    format!("{}{}", if value < 0.0 { "-" } else { "+" }, grouped(value.abs()))
}
