use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use dyocense_domain::connectors::ImportEvent;
use dyocense_domain::evidence::LearntBecause;
use dyocense_domain::ids::{MetricId, RunId};
use dyocense_domain::metrics::MetricEvent;
use dyocense_eventlog::{Direction, Idempotency, Position, RecordedEvent, TenantId};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::Policy;
use super::goals::id_of;
use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, decode, stream_id};
use crate::metrics::SALES_KEYS;
use crate::ports::MetricMoment;

/// A model is learnt again once it has this many new days, and this share (a tenth) of what it knows already; or once as
/// many of the days it was learnt from are rewritten together.
const NEW_DAYS: i64 = 14;
const NEW_SHARE: i64 = 10;

/// Whenever points of metrics arrive, the causal models of those metrics are learnt again if there is enough new.
pub struct CausalModelsFollowData;

#[async_trait]
impl Policy for CausalModelsFollowData {
    fn name(&self) -> &'static str {
        "causal_models_follow_data"
    }

    fn listens_to(&self) -> &'static [&'static str] {
        &["MetricPointsRecorded", "MetricPointsRetracted", "TransactionsImported"]
    }

    fn gathers(&self) -> bool {
        true
    }

    async fn react(&self, commands: &Commands, tenant: TenantId, events: &[&RecordedEvent]) -> Result<(), Fault> {
        let mut changed = Changed::default();
        let mut last: Option<&RecordedEvent> = None;
        for event in events {
            match event.event_type.as_str() {
                "MetricPointsRecorded" | "MetricPointsRetracted" => {
                    if let Some(metric) = id_of(event, "metric-") {
                        changed.points(metric.into(), event.position, &decode(event)?);
                    }
                }
                "TransactionsImported" => changed.sales(tenant, event.position, &decode(event)?),
                _ => continue,
            }
            last = Some(event);
        }
        let Some(last) = last else { return Ok(()) };
        commands.reads.wait_for(tenant, last.position, super::READ_MODELS_WAIT).await?;
        for model in commands.reads.causal_models(tenant).await? {
            let (Some(until), Some(days)) = (model.learnt_until, model.learnt_days) else { continue };
            if model.learning || !model.metrics.iter().any(|metric| changed.0.contains_key(metric)) {
                continue;
            }
            let Some(reaches) = reaches(commands, tenant, &model.metrics, last.position).await? else { continue };
            let grown = is_enough(i64::from((reaches - until).get_days()), days);
            let mut rewritten = is_enough(changed.days_until(until, &model.metrics, Position::START), days);
            if rewritten && let Some(run) = model.latest_run {
                // What was written before the model was learnt, it knows.
                let known = asked_at(commands, tenant, run).await?;
                rewritten = is_enough(changed.days_until(until, &model.metrics, known), days);
            }
            let (because, of) = match (grown, rewritten) {
                // One run for each version and day that the data reach, however many events brought them.
                (true, _) => (LearntBecause::DataGrew, reaches.to_string()),
                (false, true) => (LearntBecause::DataRewritten, last.position.to_string()),
                (false, false) => continue,
            };
            let mut caller = Caller::new(tenant, Actor::System(self.name()));
            caller.causation = Some(last.id);
            caller.correlation = last.metadata.correlation;
            let key = format!("{}:{}:{}:{of}", self.name(), model.model_id, model.versions);
            caller.idempotency = Some(Idempotency { request_hash: Sha256::digest(key.as_bytes()).into(), key });
            match commands.learn_causal_model(&caller, model.model_id, because).await {
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

/// The days of each metric that read otherwise now, and since which event.
#[derive(Default)]
struct Changed(BTreeMap<MetricId, BTreeMap<Date, Position>>);

impl Changed {
    fn points(&mut self, metric: MetricId, position: Position, event: &MetricEvent) {
        let instants: Vec<Timestamp> = match event {
            MetricEvent::MetricPointsRecorded(recorded) => recorded.points.iter().map(|point| point.at).collect(),
            MetricEvent::MetricPointsRetracted(retracted) => retracted.at.clone(),
            MetricEvent::MetricDefined(_) | MetricEvent::MetricDescribed(_) | MetricEvent::MetricArchived(_) => vec![],
        };
        // How many days there are is hardly a matter of the time zone.
        let days = instants.into_iter().map(|at| (at.to_zoned(TimeZone::UTC).date(), position));
        self.0.entry(metric).or_default().extend(days);
    }

    fn sales(&mut self, tenant: TenantId, position: Position, event: &ImportEvent) {
        let ImportEvent::TransactionsImported(imported) = event else { return };
        for key in SALES_KEYS {
            let days = imported.transactions.iter().map(|transaction| (transaction.day, position));
            self.0.entry(crate::metrics::metric_id(tenant, key)).or_default().extend(days);
        }
    }

    /// Days up to `until` of any of these metrics that an event after `known` wrote.
    fn days_until(&self, until: Date, metrics: &[MetricId], known: Position) -> i64 {
        let days: BTreeSet<Date> = metrics
            .iter()
            .filter_map(|metric| self.0.get(metric))
            .flat_map(|days| days.range(..=until))
            .filter_map(|(day, position)| (*position > known).then_some(*day))
            .collect();
        days.len() as i64
    }
}

/// The position at which a run was asked for: it has read everything before it.
async fn asked_at(commands: &Commands, tenant: TenantId, run: RunId) -> Result<Position, Fault> {
    let stream = stream_id(run.stream())?;
    let first = commands.log.read_stream(tenant, &stream, 0, 1, Direction::Forward).await?;
    Ok(first.first().map_or(Position::START, |event| event.position))
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
