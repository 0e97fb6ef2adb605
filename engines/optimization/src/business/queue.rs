//! How many people a queue of customers needs: the Erlang C model, and Erlang A with customers who
//! give up (Gans, Koole and Mandelbaum, 2003).

use serde::{Deserialize, Serialize};

use crate::bounds::{count, refuse};
use crate::model::ModelError;

/// What customers do and what they are promised. Times are in hours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServiceQueue {
    /// Customers an hour.
    pub arrivals: f64,
    /// Mean time one person needs for one customer.
    pub handling_time: f64,
    /// Share of customers to be served within `target_time`, strictly between 0 and 1.
    pub service_level: f64,
    pub target_time: f64,
    /// Mean patience; `None` if nobody gives up.
    pub patience: Option<f64>,
}

/// What a number of people achieves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueueService {
    pub people: usize,
    /// Share of customers who wait no longer than the target, whether they were served or gave up.
    pub service_level: f64,
    /// Share of customers who wait at all.
    pub waiting: f64,
    /// Share of customers who give up.
    pub abandoning: f64,
}

const MOST_PEOPLE: usize = 100_000;

impl ServiceQueue {
    fn validate(&self) -> Result<(), ModelError> {
        let positive = |field: &str, value: f64| {
            if value.is_finite() && value > 0.0 { Ok(()) } else { refuse(field, value, "a finite number above 0") }
        };
        if !(self.arrivals.is_finite() && self.arrivals >= 0.0) {
            return refuse("arrivals", self.arrivals, "a finite number of at least 0");
        }
        positive("handling_time", self.handling_time)?;
        if !(self.target_time.is_finite() && self.target_time >= 0.0) {
            return refuse("target_time", self.target_time, "a finite number of at least 0");
        }
        if !(self.service_level > 0.0 && self.service_level < 1.0) {
            return refuse("service_level", self.service_level, "strictly between 0 and 1");
        }
        if let Some(patience) = self.patience {
            positive("patience", patience)?;
        }
        count("offered load (arrivals x handling_time)", self.load() as usize, 0, MOST_PEOPLE / 2)
    }

    fn load(&self) -> f64 {
        self.arrivals * self.handling_time
    }

    /// What `people` achieve.
    ///
    /// # Errors
    /// Names the field that is out of range.
    pub fn with_people(&self, people: usize) -> Result<QueueService, ModelError> {
        self.validate()?;
        count("people", people, 0, MOST_PEOPLE)?;
        if self.arrivals == 0.0 {
            return Ok(QueueService { people, service_level: 1.0, waiting: 0.0, abandoning: 0.0 });
        }
        if people == 0 {
            return Ok(QueueService { people, service_level: 0.0, waiting: 1.0, abandoning: 1.0 });
        }
        let load = self.load();
        // Erlang B by its recursion, which neither overflows nor cancels.
        let mut blocked = 1.0;
        for n in 1..=people {
            blocked = load * blocked / (n as f64 + load * blocked);
        }
        let spare = people as f64 - load;
        Ok(match self.patience {
            None if spare <= 0.0 => QueueService { people, service_level: 0.0, waiting: 1.0, abandoning: 0.0 },
            None => {
                let waiting = blocked / (1.0 - (load / people as f64) * (1.0 - blocked));
                let late = (-spare * self.target_time / self.handling_time).exp();
                QueueService { people, service_level: 1.0 - waiting * late, waiting, abandoning: 0.0 }
            }
            Some(patience) => self.impatient(people, blocked, patience),
        })
    }

    /// Erlang A by its birth-death chain. A customer who finds `j` ahead of him waits for `j + 1`
    /// departures; the chance of that within the target comes from the chain's own rates.
    fn impatient(&self, people: usize, blocked: f64, patience: f64) -> QueueService {
        let serve = people as f64 / self.handling_time;
        let leave = 1.0 / patience;
        // Probabilities of queue lengths relative to "all busy, nobody waits".
        let mut relative = vec![1.0];
        let mut total = 1.0;
        loop {
            let j = relative.len() as f64;
            let next = relative[relative.len() - 1] * self.arrivals / (serve + j * leave);
            if next < 1e-14 * total || relative.len() > 2_000_000 {
                break;
            }
            relative.push(next);
            total += next;
        }
        // Erlang B gives the share of "all busy" among the states without a queue.
        let all_busy = 1.0 / (1.0 / blocked - 1.0 + total);
        let waiting = all_busy * total;
        let queue: f64 = relative.iter().enumerate().map(|(j, p)| j as f64 * p).sum::<f64>() * all_busy;
        let abandoning = leave * queue / self.arrivals;
        // Still waiting at the target: patient enough, and too few departures before.
        let mut late = 0.0;
        let t = self.target_time;
        if t == 0.0 {
            late = waiting;
        } else {
            let decay = (-leave * t).exp();
            // Departures from j + 1 waiting are a pure birth process backwards: their number is
            // negative binomial with c = serve / leave.
            let c = serve / leave;
            let mut term = (-serve * t).exp();
            let mut few = 0.0;
            for (j, p) in relative.iter().enumerate() {
                few += term;
                late += p * all_busy * few * decay;
                term *= (c + j as f64) / (j as f64 + 1.0) * (1.0 - decay);
            }
        }
        QueueService { people, service_level: (1.0 - late).clamp(0.0, 1.0), waiting, abandoning }
    }

    /// The fewest people who keep the promise.
    ///
    /// # Errors
    /// Names the field that is out of range.
    pub fn people_needed(&self) -> Result<QueueService, ModelError> {
        self.validate()?;
        let mut people = 0;
        loop {
            let service = self.with_people(people)?;
            if service.service_level >= self.service_level || people >= MOST_PEOPLE {
                return Ok(service);
            }
            people += 1;
        }
    }
}

/// Customers by hour who are to be served in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueDemand {
    /// Skill that serves them.
    pub skill: usize,
    /// Customers in each hour.
    pub arrivals: Vec<f64>,
    /// Mean minutes one person needs for one customer.
    pub handling_minutes: f64,
    /// Share of customers to be served within `target_minutes`, strictly between 0 and 1.
    pub service_level: f64,
    pub target_minutes: f64,
    /// Mean minutes after which a customer gives up; left out, nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience_minutes: Option<f64>,
}

impl QueueDemand {
    /// The fewest people in each hour who keep the promise.
    pub(super) fn people(&self) -> Result<Vec<f64>, ModelError> {
        let need = |(h, &arrivals): (usize, &f64)| {
            let queue = ServiceQueue {
                arrivals,
                handling_time: self.handling_minutes / 60.0,
                service_level: self.service_level,
                target_time: self.target_minutes / 60.0,
                patience: self.patience_minutes.map(|minutes| minutes / 60.0),
            };
            match queue.people_needed() {
                Ok(service) => Ok(service.people as f64),
                Err(ModelError::OutOfRange { field, value, bound }) => {
                    refuse(format!("{field} of a queue in hour {h}"), value, bound)
                }
                Err(other) => Err(other),
            }
        };
        self.arrivals.iter().enumerate().map(need).collect()
    }
}
