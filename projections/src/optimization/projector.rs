use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use dyocense_domain::event::DomainEvent;
use dyocense_domain::ids::ConstraintId;
use dyocense_domain::optimization::ConstraintEvent;
use dyocense_eventlog::{RecordedEvent, TenantTx};

use super::queries::Constraint;
use crate::column::Document;
use crate::projector::decode;
use crate::row::{Row, remove, save};
use crate::{Projector, ProjectorError};

pub struct OptimizationProjector;

#[async_trait]
impl Projector for OptimizationProjector {
    fn name(&self) -> &'static str {
        "optimization"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    fn handles(&self, event_type: &str) -> bool {
        ConstraintEvent::belongs(event_type)
    }

    async fn apply(&self, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError> {
        let mut kept: HashMap<<Constraint as Row>::Key, Constraint> = HashMap::new();
        let mut removed: HashSet<<Constraint as Row>::Key> = HashSet::new();
        for event in events {
            let id = event.stream.as_str().strip_prefix("constraint-").and_then(|id| id.parse::<ConstraintId>().ok());
            let id = id.ok_or_else(|| ProjectorError::poison(event, "the stream names no constraint"))?;
            match decode::<ConstraintEvent>(event)? {
                ConstraintEvent::ConstraintSaved(fact) => {
                    let row = Constraint {
                        constraint_id: id,
                        family: fact.family,
                        says: fact.says.into_value(),
                        means: Document(fact.limit),
                        saved_by: fact.saved_by,
                        saved_at: event.metadata.at,
                        position: event.position.get(),
                    };
                    kept.insert(row.key(), row);
                }
                ConstraintEvent::ConstraintRemoved(_) => {
                    kept.remove(&(id,));
                    removed.insert((id,));
                }
            }
        }
        remove::<Constraint>(tx, removed).await?;
        save(tx, kept.values()).await?;
        Ok(())
    }
}
