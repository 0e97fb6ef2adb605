use std::collections::BTreeSet;

use async_trait::async_trait;
use dyocense_domain::evidence::LearntBecause;
use dyocense_domain::ids::MetricId;
use dyocense_eventlog::{Idempotency, Position, RecordedEvent, TenantId};
use jiff::civil::Date;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Policy;
use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::Commands;
use crate::metrics::SALES_KEYS;
use crate::ports::MetricMoment;

/// A model is learnt again once it has this many new days, and this share of what it knows already.
const NEW_DAYS: i64 = 14;
const NEW_SHARE: i64 = 10;

/// Whenever points of metrics arrive, the causal models of those metrics are learnt again if there is enough new.
pub struct CausalModelsFollowData;

#[async_trait]
impl Policy for CausalModelsFollowData {
    fn name(&self) -> &'static str {
        "causal_models_follow_data"
    }

    async fn react(&self, commands: &Commands, tenant: TenantId, events: &[RecordedEvent]) -> Result<(), Fault> {
        let mut touched: BTreeSet<MetricId> = BTreeSet::new();
        let mut last: Option<&RecordedEvent> = None;
        for event in events {
            match event.event_type.as_str() {
                "MetricPointsRecorded" => {
                    let metric = event.stream.as_str().strip_prefix("metric-").and_then(|id| id.parse::<Uuid>().ok());
                    touched.extend(metric.map(MetricId::from));
                }
                "TransactionsImported" => {
                    touched.extend(SALES_KEYS.iter().map(|key| crate::metrics::metric_id(tenant, key)));
                }
                _ => continue,
            }
            last = Some(event);
        }
        let Some(last) = last else { return Ok(()) };
        commands.reads.wait_for(tenant, last.position, super::READ_MODELS_WAIT).await?;
        for model in commands.reads.causal_models(tenant).await? {
            let (Some(until), Some(days)) = (model.learnt_until, model.learnt_days) else { continue };
            if model.learning || !model.metrics.iter().any(|metric| touched.contains(metric)) {
                continue;
            }
            let Some(reaches) = reaches(commands, tenant, &model.metrics, last.position).await? else { continue };
            if !is_enough(i64::from((reaches - until).get_days()), days) {
                continue;
            }
            let mut caller = Caller::new(tenant, Actor::System(self.name()));
            caller.causation = Some(last.id);
            caller.correlation = last.metadata.correlation;
            // One run for each version and day that the data reach, however many events brought them.
            let key = format!("{}:{}:{}:{reaches}", self.name(), model.model_id, model.versions);
            caller.idempotency = Some(Idempotency { request_hash: Sha256::digest(key.as_bytes()).into(), key });
            match commands.learn_causal_model(&caller, model.model_id, LearntBecause::DataGrew).await {
                Ok(_) => {}
                // The queue is full: the next points ask again.
                Err(CommandError::Refused(refusal)) => {
                    tracing::info!(%tenant, model = %model.model_id, %refusal, "a causal model is not learnt again yet");
                }
                Err(CommandError::Fault(fault)) => return Err(fault),
            }
        }
        Ok(())
    }
}

/// The last day that all metrics of a model reach.
async fn reaches(
    commands: &Commands,
    tenant: TenantId,
    metrics: &[MetricId],
    reached: Position,
) -> Result<Option<Date>, Fault> {
    let mut least: Option<Date> = None;
    for id in metrics {
        let moment = commands.reads.metric_moment(tenant, *id, &[], reached, super::READ_MODELS_WAIT).await?;
        let Some(MetricMoment { summary, latest: Some(latest), .. }) = moment else { return Ok(None) };
        let day = summary.time_zone.date_of(latest);
        least = Some(least.map_or(day, |known| known.min(day)));
    }
    Ok(least)
}

fn is_enough(new: i64, known: i64) -> bool {
    new >= NEW_DAYS && new * NEW_SHARE >= known
}

#[cfg(test)]
mod tests {
    use super::is_enough;

    #[test]
    fn two_weeks_and_a_tenth_of_what_is_known_are_enough() {
        assert!(is_enough(14, 60));
        assert!(!is_enough(13, 60));
        assert!(!is_enough(14, 400));
        assert!(is_enough(40, 400));
    }
}
