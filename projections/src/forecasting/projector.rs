use std::collections::HashMap;

use async_trait::async_trait;
use dyocense_domain::event::DomainEvent;
use dyocense_domain::forecasting::{AnomalyKind, InsightEvent, InsightSubject};
use dyocense_eventlog::{RecordedEvent, TenantTx};

use super::queries::{Insight, InsightKind};
use crate::column::Column;
use crate::projector::decode;
use crate::row::{Row, load, save};
use crate::{Projector, ProjectorError};

pub struct ForecastingProjector;

#[async_trait]
impl Projector for ForecastingProjector {
    fn name(&self) -> &'static str {
        "forecasting"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    fn handles(&self, event_type: &str) -> bool {
        InsightEvent::belongs(event_type)
    }

    async fn apply(&self, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError> {
        let facts = events.iter().map(|event| decode::<InsightEvent>(event)).collect::<Result<Vec<_>, _>>()?;
        let taken_back = facts.iter().filter_map(|fact| match fact {
            InsightEvent::MetricAnomalyWithdrawn(fact) => Some(key(ANOMALY, &fact.subject)),
            InsightEvent::ForecastBreachWithdrawn(fact) => Some(key(BREACH, &fact.subject)),
            InsightEvent::MetricAnomalyDetected(_) | InsightEvent::ForecastBreached(_) => None,
        });
        let mut insights: HashMap<<Insight as Row>::Key, Insight> = load(tx, taken_back).await?;
        for (event, fact) in events.iter().zip(facts) {
            match fact {
                InsightEvent::MetricAnomalyDetected(fact) => {
                    let kind = match fact.oddity.kind {
                        AnomalyKind::Spike => InsightKind::Spike,
                        AnomalyKind::LevelShift => InsightKind::LevelShift,
                    };
                    let explanation = fact.oddity.explanation;
                    let row = told(event, ANOMALY, fact.subject, kind, (fact.value, fact.oddity.expected), explanation);
                    insights.insert(row.key(), row);
                }
                InsightEvent::ForecastBreached(fact) => {
                    let breach = fact.breach;
                    let (kind, values) = (InsightKind::ForecastBreach, (fact.value, breach.expected));
                    let row = Insight {
                        lower: Some(breach.lower),
                        upper: Some(breach.upper),
                        level: Some(breach.level),
                        forecast_id: Some(breach.forecast_id),
                        ..told(event, BREACH, fact.subject, kind, values, breach.explanation)
                    };
                    insights.insert(row.key(), row);
                }
                InsightEvent::MetricAnomalyWithdrawn(fact) => withdraw(&mut insights, event, ANOMALY, &fact.subject)?,
                InsightEvent::ForecastBreachWithdrawn(fact) => withdraw(&mut insights, event, BREACH, &fact.subject)?,
            }
        }
        save(tx, insights.values()).await?;
        Ok(())
    }
}

const ANOMALY: &str = "anomaly";
const BREACH: &str = "breach";

fn key(what: &str, subject: &InsightSubject) -> <Insight as Row>::Key {
    (subject.metric_id, format!("{what}:{}:{}", subject.bucket.to_wire(), subject.start))
}

fn told(
    event: &RecordedEvent,
    what: &str,
    subject: InsightSubject,
    kind: InsightKind,
    (value, expected): (f64, f64),
    explanation: String,
) -> Insight {
    let (metric_id, insight) = key(what, &subject);
    Insight {
        metric_id,
        insight,
        kind,
        bucket: subject.bucket,
        start: subject.start,
        at: event.metadata.at,
        position: event.position.get(),
        value,
        expected,
        lower: None,
        upper: None,
        level: None,
        explanation,
        run_id: subject.run_id,
        forecast_id: None,
        withdrawn_at: None,
    }
}

fn withdraw(
    insights: &mut HashMap<<Insight as Row>::Key, Insight>,
    event: &RecordedEvent,
    what: &str,
    subject: &InsightSubject,
) -> Result<(), ProjectorError> {
    let row = insights.get_mut(&key(what, subject));
    let row = row.ok_or_else(|| ProjectorError::poison(event, "what is withdrawn was never told"))?;
    row.withdrawn_at = Some(event.metadata.at);
    Ok(())
}
