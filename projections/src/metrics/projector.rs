use std::collections::HashMap;

use async_trait::async_trait;
use dyocense_domain::event::DomainEvent;
use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::MetricEvent;
use dyocense_eventlog::{RecordedEvent, TenantTx};

use super::leaf::micros;
use super::points::{self, Span};
use super::queries::Metric;
use crate::projector::decode;
use crate::row::{load, save};
use crate::{Projector, ProjectorError};

pub struct MetricsProjector;

#[async_trait]
impl Projector for MetricsProjector {
    fn name(&self) -> &'static str {
        "metrics"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    fn handles(&self, event_type: &str) -> bool {
        MetricEvent::belongs(event_type)
    }

    async fn apply(&self, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError> {
        let mut facts = Vec::with_capacity(events.len());
        let mut touched: HashMap<MetricId, Span> = HashMap::new();
        let mut described: Vec<(MetricId,)> = Vec::new();
        for event in events {
            let fact: MetricEvent = decode(event)?;
            let metric = metric_of(event)?;
            let ats: &mut dyn Iterator<Item = i64> = match &fact {
                MetricEvent::MetricPointsRecorded(fact) => &mut fact.points.iter().map(|point| micros(point.at)),
                MetricEvent::MetricPointsRetracted(fact) => &mut fact.at.iter().map(|at| micros(*at)),
                MetricEvent::MetricDescribed(_) | MetricEvent::MetricArchived(_) => {
                    described.push((metric,));
                    &mut std::iter::empty()
                }
                MetricEvent::MetricDefined(_) => &mut std::iter::empty(),
            };
            for at in ats {
                let span = touched.entry(metric).or_insert((at, at));
                *span = (span.0.min(at), span.1.max(at));
            }
            facts.push((metric, fact));
        }
        let mut metrics = load::<Metric>(tx, described).await?;
        let mut leaves = match touched.is_empty() {
            true => HashMap::new(),
            false => points::load(tx, &touched).await?,
        };

        for (event, (metric, fact)) in events.iter().zip(facts) {
            let unknown = || ProjectorError::poison(event, format!("metric {metric} is unknown"));
            match fact {
                MetricEvent::MetricDefined(fact) => {
                    let row = Metric {
                        metric_id: fact.metric_id,
                        key: fact.key,
                        name: fact.name,
                        unit: fact.unit,
                        kind: fact.kind,
                        currency: fact.currency,
                        time_zone: fact.time_zone,
                        good_direction: fact.good_direction,
                        source: fact.source,
                        description: fact.description,
                        defined_at: event.metadata.at,
                        archived_at: None,
                    };
                    metrics.insert((row.metric_id,), row);
                }
                MetricEvent::MetricDescribed(fact) => {
                    let row = metrics.get_mut(&(metric,)).ok_or_else(unknown)?;
                    (row.name, row.description, row.good_direction) =
                        (fact.name, fact.description, fact.good_direction);
                }
                MetricEvent::MetricArchived(_) => {
                    metrics.get_mut(&(metric,)).ok_or_else(unknown)?.archived_at = Some(event.metadata.at);
                }
                MetricEvent::MetricPointsRecorded(fact) => {
                    let leaves = leaves.entry(metric).or_default();
                    for point in fact.points {
                        leaves.set(micros(point.at), point.value);
                    }
                }
                MetricEvent::MetricPointsRetracted(fact) => {
                    let leaves = leaves.entry(metric).or_default();
                    for at in fact.at {
                        leaves.clear(micros(at));
                    }
                }
            }
        }
        save(tx, metrics.values()).await?;
        points::save(tx, leaves).await?;
        Ok(())
    }
}

fn metric_of(event: &RecordedEvent) -> Result<MetricId, ProjectorError> {
    let id = event.stream.as_str().strip_prefix("metric-").and_then(|id| id.parse().ok());
    id.ok_or_else(|| ProjectorError::poison(event, format!("`{}` is not a metric's stream", event.stream)))
}
