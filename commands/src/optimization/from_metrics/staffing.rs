//! People needed by the hour, from how many customers come and how long they may wait.

use std::collections::BTreeMap;

use dyocense_optimization::business::ServiceQueue;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Filled, Foreseen, Sources, WEEK, amount, check_quantile, read, steps};
use crate::forecasting::impossible;
use crate::runs::NoAnswer;

const MOST_DAYS: usize = 366;
/// Customers at work at once: as many people are busy on average.
const LARGEST_LOAD: f64 = 2_000.0;

/// What is promised to customers who wait (Erlang C; with patience, Erlang A).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Promise {
    /// Mean time one person needs for one customer.
    handling_minutes: f64,
    /// Share of customers served in time, between 0 and 1.
    level: f64,
    within_seconds: f64,
    /// Mean time after which a customer gives up; nobody does where None.
    #[serde(default)]
    patience_minutes: Option<f64>,
}

/// Where the people needed of one skill come from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Need {
    /// Customers a day, foreseen.
    #[serde(default)]
    metric: Option<String>,
    /// Customers by the hour of the horizon, given.
    #[serde(default)]
    arrivals: Option<Vec<f64>>,
    #[serde(default)]
    quantile: Option<f64>,
    /// How a day divides over its hours: 24 weights, or 168 from Monday's first hour on. Read from the metric where None.
    #[serde(default)]
    profile: Option<Vec<f64>>,
    /// Customers that one person serves in an hour.
    #[serde(default)]
    per_person: Option<f64>,
    #[serde(default)]
    service: Option<Promise>,
}

impl Need {
    fn check(&self, field: &str, hours: usize) -> Result<(), String> {
        check_quantile(field, self.quantile)?;
        let positive = |name: &str, value: f64| match value.is_finite() && value > 0.0 && value < 1e6 {
            true => Ok(()),
            false => Err(format!("{field}.{name} is {value}: it must be above 0 and below 1e6")),
        };
        match (&self.metric, &self.arrivals) {
            (Some(_), None) => {}
            (None, Some(arrivals)) => {
                if arrivals.len() != hours {
                    let count = arrivals.len();
                    return Err(format!("{field}.arrivals has {count} hours: it must have {hours}"));
                }
                if let Some(bad) = arrivals.iter().find(|value| !(value.is_finite() && (0.0..1e6).contains(*value))) {
                    return Err(format!("{field}.arrivals holds {bad}: they must be from 0 to below 1e6"));
                }
            }
            _ => return Err(format!("{field} needs one of metric and arrivals")),
        }
        if let Some(profile) = &self.profile {
            if ![24, WEEK].contains(&profile.len()) {
                return Err(format!("{field}.profile has {} weights: it must have 24 or {WEEK}", profile.len()));
            }
            let sound = profile.iter().all(|weight| weight.is_finite() && (0.0..1e9).contains(weight));
            if !sound || profile.chunks(24).any(|day| day.iter().sum::<f64>() <= 0.0) {
                return Err(format!("{field}.profile needs weights of at least 0, and some above it on each day"));
            }
        }
        match (&self.service, self.per_person) {
            (None, Some(per_person)) => positive("per_person", per_person),
            (Some(promise), None) => {
                positive("service.handling_minutes", promise.handling_minutes)?;
                if !(promise.level > 0.0 && promise.level < 1.0) {
                    return Err(format!("{field}.service.level is {}: it must be between 0 and 1", promise.level));
                }
                if !(promise.within_seconds.is_finite() && (0.0..86_400.0).contains(&promise.within_seconds)) {
                    let value = promise.within_seconds;
                    return Err(format!("{field}.service.within_seconds is {value}: it must be from 0 to a day"));
                }
                promise.patience_minutes.map_or(Ok(()), |value| positive("service.patience_minutes", value))
            }
            _ => Err(format!("{field} needs one of per_person and service")),
        }
    }

    fn people(&self, arrivals: f64) -> Result<f64, NoAnswer> {
        let Some(promise) = &self.service else {
            // One customer more than whole people serve needs one person more.
            return Ok((arrivals / self.per_person.unwrap_or(1.0) - 1e-9).ceil().max(0.0));
        };
        let queue = ServiceQueue {
            arrivals,
            handling_time: promise.handling_minutes / 60.0,
            service_level: promise.level,
            target_time: promise.within_seconds / 3600.0,
            patience: promise.patience_minutes.map(|minutes| minutes / 60.0),
        };
        let load = arrivals * queue.handling_time;
        if load > LARGEST_LOAD {
            return Err(impossible(format!(
                "{arrivals} customers in an hour keep {load:.0} people busy: at most {LARGEST_LOAD} are reckoned with"
            )));
        }
        fewest(&queue)
    }
}

/// The fewest people who keep the promise. More people serve no fewer customers in time, so halving finds them.
fn fewest(queue: &ServiceQueue) -> Result<f64, NoAnswer> {
    let kept = |people: usize| {
        let service = queue.with_people(people).map_err(impossible)?;
        Ok::<bool, NoAnswer>(service.service_level >= queue.service_level)
    };
    if kept(0)? {
        return Ok(0.0);
    }
    let (mut short, mut enough) = (0, 1);
    while !kept(enough)? {
        (short, enough) = (enough, 2 * enough);
    }
    while enough - short > 1 {
        let middle = short + (enough - short) / 2;
        if kept(middle)? { enough = middle } else { short = middle }
    }
    Ok(enough as f64)
}

#[derive(Debug, PartialEq)]
pub struct Draft {
    hours: usize,
    /// By skill; None where the people needed are given.
    needs: Vec<Option<Need>>,
}

impl Draft {
    pub fn read(problem: &Value) -> Result<Draft, String> {
        let rows: Vec<&Value> = problem["demand"].as_array().into_iter().flatten().collect();
        let days = match &problem["days"] {
            Value::Null => 7,
            days => match days.as_u64().and_then(|days| usize::try_from(days).ok()) {
                Some(days) if (1..=MOST_DAYS).contains(&days) => days,
                _ => return Err(format!("days is {days}: it must be from 1 to {MOST_DAYS}")),
            },
        };
        let given = rows.iter().find_map(|row| row.as_array().map(Vec::len));
        let hours = given.unwrap_or(24 * days);
        let mut needs = Vec::new();
        for (k, row) in rows.into_iter().enumerate() {
            needs.push(match row {
                from @ Value::Object(_) => {
                    let field = format!("demand[{k}]");
                    let need: Need = read(&field, from)?;
                    need.check(&field, hours)?;
                    Some(need)
                }
                _ => None,
            });
        }
        Ok(Draft { hours, needs })
    }

    pub fn is_plain(&self) -> bool {
        self.needs.iter().all(Option::is_none)
    }

    pub(super) fn asked(&self) -> Asked {
        let mut asked = Asked::default();
        for need in self.needs.iter().flatten() {
            if let Some(metric) = &need.metric {
                asked.ahead(metric, self.hours.div_ceil(24));
                if need.profile.is_none() {
                    asked.hours.insert(metric.clone());
                }
            }
        }
        asked
    }

    pub fn fill_with_zeros(&self, problem: &mut Value) {
        for (k, _) in self.needs.iter().enumerate().filter(|(_, need)| need.is_some()) {
            problem["demand"][k] = json!(vec![0.0; self.hours.min(24 * MOST_DAYS)]);
        }
    }

    pub fn fill(
        &self,
        problem: &mut Value,
        sources: &Sources,
        foreseen: &BTreeMap<String, Foreseen>,
    ) -> Result<Filled, NoAnswer> {
        for (k, need) in self.needs.iter().enumerate() {
            let Some(need) = need else { continue };
            let arrivals = match (&need.metric, &need.arrivals) {
                (Some(metric), _) => self.arrivals(need, metric, sources, foreseen)?,
                (None, given) => given.clone().unwrap_or_default(),
            };
            let people = arrivals.iter().map(|customers| need.people(*customers)).collect::<Result<Vec<_>, _>>()?;
            problem["demand"][k] = json!(people);
        }
        if let Some(fields) = problem.as_object_mut() {
            fields.remove("days");
        }
        Ok(Filled::default())
    }

    /// Each day's customers, divided over its hours.
    fn arrivals(
        &self,
        need: &Need,
        metric: &str,
        sources: &Sources,
        foreseen: &BTreeMap<String, Foreseen>,
    ) -> Result<Vec<f64>, NoAnswer> {
        let (known, days) = steps(foreseen, sources, metric, self.hours.div_ceil(24))?;
        let profile = need.profile.as_ref().or_else(|| sources.hours.get(metric));
        let profile = profile.ok_or_else(|| impossible(format!("how a day of {metric:?} divides is not known")))?;
        let mut arrivals = Vec::with_capacity(self.hours);
        for step in days {
            let weekday = known.starts[step].weekday().to_monday_zero_offset() as usize;
            let day = match profile.len() {
                24 => &profile[..],
                _ => &profile[weekday * 24..weekday * 24 + 24],
            };
            let (total, customers) = (day.iter().sum::<f64>(), amount(known, step, need.quantile));
            arrivals.extend(day.iter().map(|weight| customers * weight / total));
        }
        Ok(arrivals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_finds_the_fewest_people() {
        for arrivals in [0.0, 1.0, 17.5, 120.0, 900.0] {
            for patience in [None, Some(0.05)] {
                let (handling_time, target_time) = (0.1, 20.0 / 3600.0);
                let queue = ServiceQueue { arrivals, handling_time, service_level: 0.8, target_time, patience };
                let people = queue.people_needed().unwrap().people as f64;
                assert_eq!(fewest(&queue).unwrap(), people, "{queue:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_bound() {
        for (need, says) in [
            (json!({}), "one of metric and arrivals"),
            (json!({"metric": "m"}), "one of per_person and service"),
            (json!({"metric": "m", "per_person": 0}), "above 0"),
            (json!({"metric": "m", "per_person": 1, "profile": [1.0]}), "24 or 168"),
            (json!({"arrivals": [1.0], "per_person": 1}), "must have 168"),
            (json!({"metric": "m", "service": {"handling_minutes": 4, "level": 1, "within_seconds": 1}}), "0 and 1"),
        ] {
            let refused = Draft::read(&json!({"demand": [need]})).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
        assert!(Draft::read(&json!({"demand": [], "days": 400})).unwrap_err().contains("1 to 366"));
    }
}
