use std::collections::HashMap;

use async_trait::async_trait;
use dyocense_domain::event::DomainEvent;
use dyocense_domain::ids::{MetricId, RunId};
use dyocense_domain::runs::{RunEvent, RunRequested};
use dyocense_eventlog::{RecordedEvent, TenantTx};

use super::queries::{Followed, Run, RunStatus};
use crate::column::Document;
use crate::projector::decode;
use crate::row::{Row, load, save};
use crate::{Projector, ProjectorError};

pub struct RunsProjector;

#[async_trait]
impl Projector for RunsProjector {
    fn name(&self) -> &'static str {
        "runs"
    }

    fn version(&self) -> u32 {
        2
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    fn handles(&self, event_type: &str) -> bool {
        RunEvent::belongs(event_type)
    }

    async fn apply(&self, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError> {
        let mut facts = Vec::with_capacity(events.len());
        for event in events {
            let id = event.stream.as_str().strip_prefix("run-").and_then(|id| id.parse::<RunId>().ok());
            let id = id.ok_or_else(|| ProjectorError::poison(event, "the stream names no run"))?;
            facts.push((id, decode::<RunEvent>(event)?));
        }
        let known = facts.iter().filter(|(_, fact)| !matches!(fact, RunEvent::RunRequested(_)));
        let mut runs: HashMap<<Run as Row>::Key, Run> = load(tx, known.map(|(id, _)| (*id,))).await?;
        for (event, (id, fact)) in events.iter().zip(facts) {
            if let RunEvent::RunRequested(requested) = fact {
                let run = opened(event, id, requested);
                runs.insert(run.key(), run);
                continue;
            }
            let run = runs.get_mut(&(id,)).ok_or_else(|| ProjectorError::poison(event, "the run is unknown"))?;
            run.position = event.position.get();
            run.status = match fact {
                RunEvent::RunRequested(_) => run.status,
                RunEvent::RunStopRequested(_) => {
                    run.stop_requested = true;
                    continue;
                }
                RunEvent::PlanAccepted(accepted) => {
                    run.accepted_at = Some(event.metadata.at);
                    run.accepted_by = Some(accepted.accepted_by);
                    continue;
                }
                RunEvent::PlanFollowed(followed) => {
                    run.followed.0.push(Followed {
                        goal_id: followed.goal_id,
                        figure: followed.figure,
                        of: followed.of,
                        metric_id: followed.metric_id,
                        amount: followed.amount,
                    });
                    continue;
                }
                RunEvent::RunCompleted(completed) => {
                    run.completion = Some(Document(completed));
                    RunStatus::Completed
                }
                RunEvent::RunFailed(failed) => {
                    run.failure = Some(failed.reason);
                    RunStatus::Failed
                }
                RunEvent::RunCancelled(_) => RunStatus::Cancelled,
            };
            run.finished_at = Some(event.metadata.at);
        }
        save(tx, runs.values()).await?;
        Ok(())
    }
}

fn opened(event: &RecordedEvent, run_id: RunId, requested: RunRequested) -> Run {
    let metric_id = requested.request["metric_id"].as_str().and_then(|id| id.parse::<MetricId>().ok());
    Run {
        run_id,
        kind: requested.kind,
        status: RunStatus::Open,
        request: Document(requested.request),
        metric_id,
        seed: requested.seed.into(),
        requested_by: requested.requested_by,
        requested_at: event.metadata.at,
        stop_requested: false,
        finished_at: None,
        completion: None,
        failure: None,
        accepted_at: None,
        accepted_by: None,
        followed: Document(vec![]),
        position: event.position.get(),
    }
}
