//! Budgets: the history from which channels are fitted, and what was spent so far, to compare with.

use serde_json::{Value, json};

use super::{Asked, Filled, FromMetric, Sources, read};
use crate::forecasting::impossible;
use crate::runs::NoAnswer;

/// Steps of the past that channels are fitted from, where nothing is said.
const STEPS: usize = 260;
const FEWEST_STEPS: usize = 26;
const MOST_STEPS: usize = 5_000;

#[derive(Debug, PartialEq)]
struct Channel {
    name: String,
    /// What was spent so far.
    spent: Option<FromMetric>,
}

/// The parts of `history` that come from metrics, by their place in it.
#[derive(Debug, PartialEq)]
struct Past {
    steps: usize,
    parts: Vec<(Vec<Key>, FromMetric)>,
    /// The channels' names.
    channels: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Key {
    Field(&'static str),
    Index(usize),
}

#[derive(Debug, PartialEq)]
pub struct Draft {
    periods: usize,
    channels: Vec<Channel>,
    past: Option<Past>,
}

impl Draft {
    pub fn read(problem: &Value) -> Result<Draft, String> {
        let periods = problem["periods"].as_u64().and_then(|periods| usize::try_from(periods).ok()).unwrap_or(1);
        let mut channels = Vec::new();
        for (i, channel) in problem["channels"].as_array().into_iter().flatten().enumerate() {
            let spent = match &channel["spent"] {
                Value::Null => None,
                from => Some(read(&format!("channels[{i}].spent"), from)?),
            };
            let name = channel["name"].as_str().map_or_else(|| format!("channel {}", i + 1), str::to_owned);
            channels.push(Channel { name, spent });
        }
        let past = match &problem["history"] {
            history @ Value::Object(_) if channels.is_empty() => Some(Past::read(history)?),
            _ => None,
        };
        Ok(Draft { periods, channels, past })
    }

    pub fn is_plain(&self) -> bool {
        self.past.is_none() && self.channels.iter().all(|channel| channel.spent.is_none())
    }

    pub(super) fn asked(&self) -> Asked {
        let mut asked = Asked::default();
        for spent in self.channels.iter().filter_map(|channel| channel.spent.as_ref()) {
            asked.past(&spent.metric, self.periods);
        }
        if let Some(past) = &self.past {
            asked.together_steps = past.steps;
            asked.together.extend(past.parts.iter().map(|(_, from)| from.metric.clone()));
        }
        asked
    }

    /// Channels that are yet to be fitted are any, so that the rest can be checked without the work of fitting.
    pub fn fill_with_any(&self, problem: &mut Value) {
        let (Some(past), Some(fields)) = (&self.past, problem.as_object_mut()) else { return };
        fields.remove("history");
        let any = |name: &String| json!({"name": name, "alpha": 1.0, "k": 1.0, "cap": 1e8});
        fields.insert("channels".to_owned(), past.channels.iter().map(any).collect());
    }

    pub fn fill(&self, problem: &mut Value, sources: &Sources) -> Result<Filled, NoAnswer> {
        let mut today: Option<Vec<Value>> = None;
        if let Some(past) = &self.past {
            for (place, from) in &past.parts {
                let values = sources.together.get(&from.metric);
                let values = values.ok_or_else(|| impossible(format!("nothing is known of {:?}", from.metric)))?;
                *at(&mut problem["history"], place) = json!(values);
            }
            let spends = problem["history"]["channels"].as_array().into_iter().flatten();
            let line = |(name, channel): (&String, &Value)| {
                let spend: Vec<f64> = channel["spend"].as_array()?.iter().filter_map(Value::as_f64).collect();
                Some(self.line(name, &spend[spend.len().saturating_sub(self.periods)..]))
            };
            today = past.channels.iter().zip(spends).map(line).collect();
        } else if !self.channels.is_empty() {
            // Half of what is done is no picture of it.
            let line = |channel: &Channel| {
                let past = sources.past.get(&channel.spent.as_ref()?.metric).filter(|past| !past.is_empty())?;
                Some(self.line(&channel.name, past))
            };
            today = self.channels.iter().map(line).collect();
        }
        let caveat = format!("today's way is what was spent in the last {} periods", self.periods);
        Ok(Filled {
            caveats: today.iter().map(|_| caveat.clone()).collect(),
            today: today.map(|lines| json!({"channels": lines})),
            ..Filled::default()
        })
    }

    /// A younger channel's steps are repeated.
    fn line(&self, name: &str, past: &[f64]) -> Value {
        let spend: Vec<f64> = past.iter().cycle().take(self.periods).map(|amount| amount.max(0.0)).collect();
        json!({"channel": name, "spend": spend})
    }
}

impl Past {
    fn read(history: &Value) -> Result<Past, String> {
        let steps = match &history["steps"] {
            Value::Null => STEPS,
            steps => match steps.as_u64().and_then(|steps| usize::try_from(steps).ok()) {
                Some(steps) if (FEWEST_STEPS..=MOST_STEPS).contains(&steps) => steps,
                _ => return Err(format!("history.steps is {steps}: it must be from {FEWEST_STEPS} to {MOST_STEPS}")),
            },
        };
        let mut past = Past { steps, parts: Vec::new(), channels: Vec::new() };
        past.part(history, vec![Key::Field("outcome")])?;
        for (list, field) in [("channels", "spend"), ("controls", "values")] {
            for (i, member) in history[list].as_array().into_iter().flatten().enumerate() {
                past.part(history, vec![Key::Field(list), Key::Index(i), Key::Field(field)])?;
                if list == "channels" {
                    let name = member["name"].as_str();
                    past.channels.push(name.map_or_else(|| format!("channel {}", i + 1), str::to_owned));
                }
            }
        }
        Ok(past)
    }

    fn part(&mut self, history: &Value, place: Vec<Key>) -> Result<(), String> {
        let mut value = history;
        let mut words = "history".to_owned();
        for key in &place {
            value = match key {
                Key::Field(name) => {
                    words = format!("{words}.{name}");
                    &value[*name]
                }
                Key::Index(index) => {
                    words = format!("{words}[{index}]");
                    &value[*index]
                }
            };
        }
        if value.is_object() {
            self.parts.push((place, read(&words, value)?));
        }
        Ok(())
    }
}

fn at<'v>(value: &'v mut Value, place: &[Key]) -> &'v mut Value {
    place.iter().fold(value, |value, key| match key {
        Key::Field(name) => &mut value[*name],
        Key::Index(index) => &mut value[*index],
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_history_is_filled_from_metrics_and_its_end_is_today() {
        let mut problem = json!({
            "periods": 2, "budget_per_period": 10.0,
            "history": {"outcome": {"metric": "revenue"}, "steps": 30, "channels": [
                {"name": "ads", "spend": {"metric": "ads"}}, {"name": "mail", "spend": [1.0, 2.0, 3.0]}]},
        });
        let draft = Draft::read(&problem).unwrap();
        let asked = draft.asked();
        assert_eq!(asked.together.iter().map(String::as_str).collect::<Vec<_>>(), ["ads", "revenue"]);
        assert_eq!(asked.together_steps, 30);
        let series = |name: &str, values: [f64; 3]| (name.to_owned(), values.to_vec());
        let together = BTreeMap::from([series("revenue", [9.0, 8.0, 7.0]), series("ads", [4.0, 5.0, 6.0])]);
        let filled = draft.fill(&mut problem, &Sources { together, ..Sources::default() }).unwrap();
        assert_eq!(problem["history"]["outcome"], json!([9.0, 8.0, 7.0]));
        assert_eq!(problem["history"]["channels"][0]["spend"], json!([4.0, 5.0, 6.0]));
        let today = json!({"channels": [
            {"channel": "ads", "spend": [5.0, 6.0]}, {"channel": "mail", "spend": [2.0, 3.0]}]});
        assert_eq!(filled.today, Some(today));
        let mut checked = problem;
        draft.fill_with_any(&mut checked);
        assert_eq!((checked["history"].is_null(), &checked["channels"][1]["name"]), (true, &json!("mail")));
    }

    #[test]
    fn a_history_that_is_too_short_is_refused() {
        let refused = Draft::read(&json!({"history": {"outcome": {"metric": "revenue"}, "steps": 10}})).unwrap_err();
        assert!(refused.contains("26 to 5000"), "{refused}");
    }
}
