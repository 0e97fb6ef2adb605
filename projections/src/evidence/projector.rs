use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use dyocense_domain::event::DomainEvent;
use dyocense_domain::evidence::{CausalModelEvent, LearntBecause, OccasionEvent};
use dyocense_domain::identity::BusinessEvent;
use dyocense_domain::ids::{CausalModelId, OccasionId, RunId};
use dyocense_domain::runs::{RunEvent, RunKind};
use dyocense_eventlog::{RecordedEvent, TenantTx};
use jiff::civil::Date;
use uuid::Uuid;

use super::queries::{CausalEdit, CausalModel, CausalVersion, Occasion};
use crate::column::Document;
use crate::projector::decode;
use crate::row::{Row, load, remove, save};
use crate::{Projector, ProjectorError};

const ERASED: &str = "SubjectErased";

pub struct EvidenceProjector;

enum Fact {
    Occasion(OccasionId, OccasionEvent),
    Model(CausalModelId, CausalModelEvent),
    Run(RunId, Box<RunEvent>),
    Erased(Uuid),
}

fn read(event: &RecordedEvent) -> Result<Fact, ProjectorError> {
    let unnamed = || ProjectorError::poison(event, "the stream names nothing of its type");
    let id = |prefix: &str| event.stream.as_str().strip_prefix(prefix).and_then(|id| id.parse::<Uuid>().ok());
    Ok(match event.event_type.as_str() {
        kind if OccasionEvent::belongs(kind) => {
            Fact::Occasion(id("occasion-").ok_or_else(unnamed)?.into(), decode(event)?)
        }
        kind if CausalModelEvent::belongs(kind) => {
            Fact::Model(id("causal_model-").ok_or_else(unnamed)?.into(), decode(event)?)
        }
        kind if RunEvent::belongs(kind) => Fact::Run(id("run-").ok_or_else(unnamed)?.into(), Box::new(decode(event)?)),
        _ => match decode::<BusinessEvent>(event)? {
            BusinessEvent::SubjectErased(fact) => Fact::Erased(fact.user_id.into()),
            _ => return Err(ProjectorError::poison(event, "not an event of this projection")),
        },
    })
}

#[async_trait]
impl Projector for EvidenceProjector {
    fn name(&self) -> &'static str {
        "evidence"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    fn handles(&self, event_type: &str) -> bool {
        OccasionEvent::belongs(event_type)
            || CausalModelEvent::belongs(event_type)
            || ["RunRequested", "RunCompleted", "RunFailed", "RunCancelled"].contains(&event_type)
            || event_type == ERASED
    }

    async fn apply(&self, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError> {
        let mut facts = Vec::with_capacity(events.len());
        for event in events {
            facts.push((*event, read(event)?));
        }
        let runs = facts.iter().filter_map(|(_, fact)| match fact {
            Fact::Run(run, _) => Some((*run,)),
            _ => None,
        });
        let mut versions: HashMap<<CausalVersion as Row>::Key, CausalVersion> = load(tx, runs).await?;
        let named = facts.iter().filter_map(|(_, fact)| match fact {
            Fact::Model(model, _) => Some(*model),
            Fact::Run(_, run) => match run.as_ref() {
                RunEvent::RunRequested(requested) => model_of(&requested.request),
                _ => None,
            },
            _ => None,
        });
        let learning = versions.values().map(|version| version.model_id);
        let known: Vec<_> = named.chain(learning).map(|model| (model,)).collect();
        let mut models: HashMap<<CausalModel as Row>::Key, CausalModel> = load(tx, known).await?;
        let mut occasions: HashMap<<Occasion as Row>::Key, Occasion> = HashMap::new();
        let mut gone: HashSet<<Occasion as Row>::Key> = HashSet::new();
        let mut edits: Vec<CausalEdit> = Vec::new();
        let mut erased: Vec<Uuid> = Vec::new();
        for (event, fact) in facts {
            match fact {
                Fact::Occasion(id, OccasionEvent::OccasionRecorded(fact)) => {
                    let row = Occasion {
                        occasion_id: id,
                        kind: fact.kind,
                        name: fact.name,
                        first: fact.first,
                        last: fact.last,
                        recorded_by: fact.recorded_by,
                        recorded_at: event.metadata.at,
                        position: event.position.get(),
                    };
                    occasions.insert(row.key(), row);
                }
                Fact::Occasion(id, OccasionEvent::OccasionRemoved(_)) => {
                    occasions.remove(&(id,));
                    gone.insert((id,));
                }
                Fact::Model(id, CausalModelEvent::CausalModelDefined(fact)) => {
                    let position = event.position.get();
                    match models.get_mut(&(id,)) {
                        Some(model) => {
                            model.definition = Document(fact);
                            model.position = position;
                        }
                        None => {
                            let row = CausalModel {
                                model_id: id,
                                definition: Document(fact),
                                defined_at: event.metadata.at,
                                versions: 0,
                                latest_run: None,
                                learnt_until: None,
                                learnt_days: None,
                                learning_run: None,
                                position,
                            };
                            models.insert(row.key(), row);
                        }
                    }
                }
                Fact::Model(id, CausalModelEvent::CausalEdgeEdited(fact)) => {
                    let model =
                        models.get_mut(&(id,)).ok_or_else(|| ProjectorError::poison(event, "the model is unknown"))?;
                    model.position = event.position.get();
                    edits.push(CausalEdit {
                        model_id: id,
                        position: event.position.get(),
                        from_key: fact.from,
                        to_key: fact.to,
                        edit: fact.edit,
                        reason: fact.reason.into_value(),
                        edited_by: fact.edited_by,
                        edited_at: event.metadata.at,
                    });
                }
                Fact::Run(run, fact) => learn(event, run, *fact, &mut versions, &mut models),
                Fact::Erased(person) => {
                    edits.iter_mut().filter(|edit| Uuid::from(edit.edited_by) == person).for_each(|e| e.reason = None);
                    erased.push(person);
                }
            }
        }
        remove::<Occasion>(tx, gone).await?;
        save(tx, occasions.values()).await?;
        save(tx, models.values()).await?;
        save(tx, versions.values()).await?;
        save(tx, edits.iter()).await?;
        for person in erased {
            sqlx::query("update causal_edits set reason = null where tenant_id = $1 and edited_by = $2")
                .bind(tx.tenant().uuid())
                .bind(person)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }
}

fn model_of(request: &serde_json::Value) -> Option<CausalModelId> {
    request["model_id"].as_str().and_then(|id| id.parse().ok())
}

/// A run that names a model is learning it; when it completes, the model has a version more.
fn learn(
    event: &RecordedEvent,
    run: RunId,
    fact: RunEvent,
    versions: &mut HashMap<<CausalVersion as Row>::Key, CausalVersion>,
    models: &mut HashMap<<CausalModel as Row>::Key, CausalModel>,
) {
    if let RunEvent::RunRequested(requested) = &fact {
        let model = model_of(&requested.request).filter(|_| requested.kind == RunKind::CausalGraph);
        if let Some(model_id) = model
            && let Some(model) = models.get_mut(&(model_id,))
        {
            let because: LearntBecause =
                serde_json::from_value(requested.request["because"].clone()).unwrap_or_default();
            model.learning_run = Some(run);
            let row = CausalVersion { run_id: run, model_id, because, version: None, days: None, learnt_at: None };
            versions.insert(row.key(), row);
        }
        return;
    }
    let Some(version) = versions.get_mut(&(run,)) else { return };
    let Some(model) = models.get_mut(&(version.model_id,)) else { return };
    if model.learning_run == Some(run) {
        model.learning_run = None;
    }
    if let RunEvent::RunCompleted(completed) = fact {
        model.versions += 1;
        model.latest_run = Some(run);
        model.position = event.position.get();
        model.learnt_days = completed.answer["graph"]["rows"].as_i64();
        model.learnt_until = completed.answer["last"].as_str().and_then(|day| day.parse::<Date>().ok());
        version.version = Some(model.versions);
        version.days = model.learnt_days;
        version.learnt_at = Some(event.metadata.at);
    }
}
