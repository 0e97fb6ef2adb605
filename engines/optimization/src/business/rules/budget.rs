//! Rules about spending.

use serde::{Deserialize, Serialize};

use super::{Reader, RuleRow, within};
use crate::business::budget::BudgetPlanProblem;
use crate::business::plan::BudgetPlan;
use crate::refusal::Refusal;

/// Which periods an amount is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Span {
    /// All periods together.
    #[default]
    InAll,
    /// Each period by itself.
    Each,
    /// One period, counted from 1.
    Period(usize),
}

/// A rule about spending. Channels are named as in the problem; without a name all count together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum BudgetRule {
    SpendAtMost {
        #[serde(default)]
        channel: Option<String>,
        #[serde(default)]
        span: Span,
        amount: f64,
    },
    SpendAtLeast {
        #[serde(default)]
        channel: Option<String>,
        #[serde(default)]
        span: Span,
        amount: f64,
    },
    /// A channel's part of all that is spent.
    ShareAtMost { channel: String, share: f64 },
    /// The channel runs in every period.
    AlwaysOn { channel: String },
    /// Nothing is spent on the channel.
    Never { channel: String },
}

fn channel_words(channel: Option<&String>) -> &str {
    channel.map_or("all channels together", String::as_str)
}

fn span_words(span: Span) -> String {
    match span {
        Span::InAll => "in all".into(),
        Span::Each => "in each period".into(),
        Span::Period(p) => format!("in period {p}"),
    }
}

impl BudgetRule {
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::SpendAtMost { channel, span, amount } => {
                format!("never more than {amount} on {} {}", channel_words(channel.as_ref()), span_words(*span))
            }
            Self::SpendAtLeast { channel, span, amount } => {
                format!("at least {amount} on {} {}", channel_words(channel.as_ref()), span_words(*span))
            }
            Self::ShareAtMost { channel, share } => {
                format!("{channel} gets at most {} % of all that is spent", share * 100.0)
            }
            Self::AlwaysOn { channel } => format!("{channel} runs in every period"),
            Self::Never { channel } => format!("nothing is spent on {channel}"),
        }
    }

    pub(super) fn unit(&self) -> &'static str {
        match self {
            Self::AlwaysOn { .. } => "periods",
            _ => "USD",
        }
    }

    pub(super) fn rows(&self, reader: &Reader, problem: &BudgetPlanProblem) -> Result<Vec<RuleRow>, Refusal> {
        let names: Vec<String> = (0..problem.channels.len()).map(|i| problem.name(i)).collect();
        let lot = problem.lot_size();
        let spend = |channels: &[usize], periods: &[usize]| -> Vec<(usize, f64)> {
            channels.iter().flat_map(|&i| periods.iter().map(move |&t| (problem.at(i, t) + 1, lot))).collect()
        };
        let all: Vec<usize> = (0..problem.periods).collect();
        let spans = |span: Span| -> Result<Vec<Vec<usize>>, Refusal> {
            Ok(match span {
                Span::InAll => vec![all.clone()],
                Span::Each => all.iter().map(|&t| vec![t]).collect(),
                Span::Period(p) => vec![reader.counted("span.period", Some(p), problem.periods)?],
            })
        };
        match self {
            Self::SpendAtMost { channel, span, amount } => {
                let channels = reader.named_or_all("channel", channel.as_deref(), &names)?;
                let amount = reader.amount("amount", *amount)?;
                Ok(spans(*span)?.iter().map(|periods| RuleRow::at_most(spend(&channels, periods), amount)).collect())
            }
            Self::SpendAtLeast { channel, span, amount } => {
                let channels = reader.named_or_all("channel", channel.as_deref(), &names)?;
                let amount = reader.amount("amount", *amount)?;
                Ok(spans(*span)?.iter().map(|periods| RuleRow::at_least(spend(&channels, periods), amount)).collect())
            }
            Self::ShareAtMost { channel, share } => {
                let i = reader.named("channel", channel, &names)?;
                let share = reader.share("share", *share)?;
                let mut terms = spend(&(0..names.len()).collect::<Vec<_>>(), &all);
                for term in &mut terms {
                    term.1 *= -share;
                }
                terms.extend(spend(&[i], &all));
                Ok(vec![RuleRow::at_most(terms, 0.0)])
            }
            Self::AlwaysOn { channel } => {
                let i = reader.named("channel", channel, &names)?;
                let least = problem.channels[i].min_if_active.max(if problem.lot > 0.0 { problem.lot } else { 0.0 });
                let on = all.iter().map(|&t| (problem.at(i, t), 1.0)).collect();
                let mut rows = vec![RuleRow::at_least(on, problem.periods as f64)];
                // A channel that is on spends something: its least amount, or one lot.
                rows.extend(all.iter().map(|&t| RuleRow::at_least(spend(&[i], &[t]), least)));
                Ok(rows)
            }
            Self::Never { channel } => {
                let i = reader.named("channel", channel, &names)?;
                Ok(vec![RuleRow::at_most(spend(&[i], &all), 0.0)])
            }
        }
    }

    pub(super) fn is_kept(&self, problem: &BudgetPlanProblem, plan: &BudgetPlan) -> bool {
        let of = |channel: &Option<String>, t: usize| -> f64 {
            plan.channels
                .iter()
                .filter(|line| channel.as_ref().is_none_or(|name| line.channel.eq_ignore_ascii_case(name)))
                .map(|line| line.spend[t])
                .sum()
        };
        let amounts = |channel: &Option<String>, span: Span| -> Vec<f64> {
            let by_period = (0..problem.periods).map(|t| of(channel, t));
            match span {
                Span::InAll => vec![by_period.sum()],
                Span::Each => by_period.collect(),
                Span::Period(p) => by_period.skip(p - 1).take(1).collect(),
            }
        };
        match self {
            Self::SpendAtMost { channel, span, amount } => {
                amounts(channel, *span).iter().all(|&have| within(have, *amount))
            }
            Self::SpendAtLeast { channel, span, amount } => {
                amounts(channel, *span).iter().all(|&have| within(*amount, have))
            }
            Self::ShareAtMost { channel, share } => {
                let part: f64 = amounts(&Some(channel.clone()), Span::InAll).iter().sum();
                let whole: f64 = amounts(&None, Span::InAll).iter().sum();
                within(part, share * whole)
            }
            Self::AlwaysOn { channel } => {
                amounts(&Some(channel.clone()), Span::Each).iter().all(|&have| problem.lot <= 0.0 || have > 0.0)
            }
            Self::Never { channel } => amounts(&Some(channel.clone()), Span::InAll).iter().all(|&have| have <= 1e-9),
        }
    }
}
