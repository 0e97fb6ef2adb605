use std::collections::BTreeMap;

use jiff::civil::Date;

use super::events::*;
use crate::event::Aggregate;
use crate::metrics::Bucket;

/// What the events of a stream `insight-<metric id>` add up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Insights {
    pub anomalies: BTreeMap<(Bucket, Date), Told>,
    pub breaches: BTreeMap<(Bucket, Date), Told>,
}

/// What people were last told about a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The step's value then.
    pub value: Option<f64>,
    /// Why it was told; None once it was withdrawn.
    pub explanation: Option<String>,
}

impl Aggregate for Insights {
    type Event = InsightEvent;

    fn evolve(mut self, event: &InsightEvent) -> Self {
        let at = |subject: &InsightSubject| (subject.bucket, subject.start);
        match event {
            InsightEvent::MetricAnomalyDetected(fact) => {
                let explanation = Some(fact.oddity.explanation.clone());
                self.anomalies.insert(at(&fact.subject), Told { value: Some(fact.value), explanation });
            }
            InsightEvent::MetricAnomalyWithdrawn(fact) => {
                self.anomalies.insert(at(&fact.subject), Told { value: fact.value, explanation: None });
            }
            InsightEvent::ForecastBreached(fact) => {
                let explanation = Some(fact.breach.explanation.clone());
                self.breaches.insert(at(&fact.subject), Told { value: Some(fact.value), explanation });
            }
            InsightEvent::ForecastBreachWithdrawn(fact) => {
                self.breaches.insert(at(&fact.subject), Told { value: fact.value, explanation: None });
            }
        }
        self
    }
}

impl Insights {
    /// The steps of one calendar that people were told about, with their values then; the oldest first.
    pub fn told(&self, bucket: Bucket) -> Vec<(Date, Option<f64>)> {
        let mut told: BTreeMap<Date, Option<f64>> = BTreeMap::new();
        for ((of, start), known) in self.breaches.iter().chain(&self.anomalies) {
            if *of == bucket {
                told.insert(*start, known.value);
            }
        }
        told.into_iter().collect()
    }

    /// The newest step that begins on `since` or later and that people were told about, in words; not what was
    /// withdrawn.
    pub fn newest_since(&self, since: Date) -> Option<(Date, &str)> {
        let told = self.breaches.iter().chain(&self.anomalies);
        told.filter(|((_, start), _)| *start >= since)
            .filter_map(|((_, start), known)| Some((*start, known.explanation.as_deref()?)))
            // Of equals the last: an anomaly says more than a breach.
            .max_by_key(|(start, _)| *start)
    }
}
