//! Causal models: kept, edited with a reason, learnt again when there is enough new to learn from.

use dyocense_domain::Personal;
use dyocense_domain::evidence::{
    self, CausalBackground, CausalEdgeEdited, CausalModel, CausalModelDefined, EdgeEdit, EvidenceRefusal, LearntBecause,
};
use dyocense_domain::ids::{CausalModelId, MetricId, RunId};
use dyocense_domain::runs::{RunKind, RunRefusal};
use dyocense_domain::text;
use dyocense_eventlog::{Position, TenantId};
use dyocense_evidence::questions::{Background, Edit, EditKind};
use serde_json::json;
use uuid::Uuid;

use super::graph::{GraphRequest, check};
use super::{READ_MODELS_WAIT, in_model, step};
use crate::caller::Caller;
use crate::derived;
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, stream_id};

const LONGEST_REASON: usize = 500;

/// Why a model is not built or edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelRefusal {
    #[error(transparent)]
    Evidence(#[from] EvidenceRefusal),
    #[error(transparent)]
    Run(#[from] RunRefusal),
}

/// Which model, and how it is learnt.
#[derive(Debug, Clone)]
pub struct ModelDraft {
    /// The metrics; 2 to 40 of them. There is one model of the same metrics.
    pub metrics: Vec<MetricId>,
    pub max_lag: u32,
    pub alpha: f64,
    pub repeats: u32,
    pub background: CausalBackground,
    pub edits: Vec<EditDraft>,
    pub seed: u32,
}

/// What a person decides about an edge, by keys of metrics.
#[derive(Debug, Clone)]
pub struct EditDraft {
    pub from: String,
    pub to: String,
    pub edit: EdgeEdit,
    pub reason: String,
}

/// A run that learns a model.
pub struct Learning {
    pub model_id: CausalModelId,
    pub run_id: RunId,
    pub position: Position,
}

pub type LearningResult = Result<Learning, CommandError<ModelRefusal>>;

/// Metrics in any order are one model.
fn model_id(tenant: TenantId, metrics: &[MetricId]) -> CausalModelId {
    let mut ids: Vec<Uuid> = metrics.iter().map(|id| Uuid::from(*id)).collect();
    ids.sort_unstable();
    let words = ids.iter().map(|id| id.as_bytes().as_slice());
    CausalModelId::from(derived::id("causal_model", tenant, words))
}

fn widened<R: Into<ModelRefusal>>(error: CommandError<R>) -> CommandError<ModelRefusal> {
    match error {
        CommandError::Refused(refusal) => CommandError::Refused(refusal.into()),
        CommandError::Fault(fault) => CommandError::Fault(fault),
    }
}

impl Commands {
    /// Defines the model of some metrics, lays edits over it, and learns it.
    pub async fn build_causal_model(&self, caller: &Caller, draft: ModelDraft) -> LearningResult {
        let refused = |refusal: ModelRefusal| CommandError::Refused(refusal);
        let by = caller.actor.user_id().ok_or_else(|| refused(EvidenceRefusal::NotAPerson.into()))?;
        let mut metrics: Vec<MetricId> = Vec::new();
        for metric in draft.metrics {
            if !metrics.contains(&metric) {
                metrics.push(metric);
            }
        }
        let model_id = model_id(caller.tenant, &metrics);
        let defined = CausalModelDefined {
            model_id,
            metrics,
            max_lag: draft.max_lag,
            alpha: draft.alpha,
            repeats: draft.repeats,
            background: draft.background,
            seed: draft.seed,
            defined_by: by,
        };
        check(&request(&defined, &[], LearntBecause::Asked)).map_err(|refusal| refused(refusal.into()))?;
        let keys = self.model_keys(caller.tenant, &defined).await?;
        let known = &defined.background;
        let pairs = known.forbidden.iter().chain(&known.required).flatten();
        for key in pairs.chain(known.tiers.iter().flatten()) {
            in_model(key, &keys).map_err(|refusal| refused(refusal.into()))?;
        }
        for edit in &draft.edits {
            for key in [&edit.from, &edit.to] {
                in_model(key, &keys).map_err(|refusal| refused(refusal.into()))?;
            }
        }
        self.execute::<CausalModel, EvidenceRefusal>(caller, model_id.stream(), "BuildCausalGraph", |model| {
            Ok(evidence::define(model, defined.clone()))
        })
        .await
        .map_err(widened)?;
        for (i, edit) in draft.edits.into_iter().enumerate() {
            self.edit_edge(&step(caller, &format!("edit {i}")), model_id, &keys, edit).await?;
        }
        self.learn_causal_model(&step(caller, "learn"), model_id, LearntBecause::Asked).await
    }

    /// Lays a person's decision over a model, and learns it again with it.
    pub async fn edit_causal_model(&self, caller: &Caller, model_id: CausalModelId, edit: EditDraft) -> LearningResult {
        let model = self.load::<CausalModel>(caller.tenant, &stream_id(model_id.stream())?).await?.state;
        let Some(defined) = model.defined else {
            return Err(CommandError::Refused(EvidenceRefusal::NoSuchModel.into()));
        };
        let keys = self.model_keys(caller.tenant, &defined).await?;
        self.edit_edge(caller, model_id, &keys, edit).await?;
        self.learn_causal_model(&step(caller, "learn"), model_id, LearntBecause::Edited).await
    }

    async fn edit_edge(
        &self,
        caller: &Caller,
        model_id: CausalModelId,
        keys: &[String],
        draft: EditDraft,
    ) -> Result<(), CommandError<ModelRefusal>> {
        let refused = |refusal: EvidenceRefusal| CommandError::Refused(refusal.into());
        let by = caller.actor.user_id().ok_or_else(|| refused(EvidenceRefusal::NotAPerson))?;
        let reason = text::line("reason", &draft.reason, LONGEST_REASON)
            .map_err(|error| refused(EvidenceRefusal::Text(error)))?;
        let EditDraft { from, to, edit, .. } = draft;
        let fact = CausalEdgeEdited { from, to, edit, reason: Personal::of(by, reason), edited_by: by };
        self.execute::<CausalModel, EvidenceRefusal>(caller, model_id.stream(), "EditCausalGraph", |model| {
            evidence::edit(model, keys, fact.clone())
        })
        .await
        .map_err(widened)?;
        Ok(())
    }

    /// Queues a run that learns the model as it is defined and edited now.
    pub(crate) async fn learn_causal_model(
        &self,
        caller: &Caller,
        model_id: CausalModelId,
        because: LearntBecause,
    ) -> LearningResult {
        let model = self.load::<CausalModel>(caller.tenant, &stream_id(model_id.stream())?).await?.state;
        let Some(defined) = &model.defined else {
            return Err(CommandError::Refused(EvidenceRefusal::NoSuchModel.into()));
        };
        let request = json!(request(defined, &model.standing(), because));
        let (run_id, position) =
            self.request_run(caller, RunKind::CausalGraph, request, defined.seed).await.map_err(widened)?;
        Ok(Learning { model_id, run_id, position })
    }

    /// The keys of a model's metrics, in its order.
    async fn model_keys(
        &self,
        tenant: TenantId,
        model: &CausalModelDefined,
    ) -> Result<Vec<String>, CommandError<ModelRefusal>> {
        let head = self.log.head(tenant).await.map_err(Fault::from)?;
        self.reads.wait_for(tenant, head, READ_MODELS_WAIT).await.map_err(Fault::from)?;
        let mut keys = Vec::with_capacity(model.metrics.len());
        for id in &model.metrics {
            let metric = self.reads.metric(tenant, *id).await.map_err(Fault::from)?;
            let missing = || RunRefusal::Request {
                field: "metricIds",
                reason: "one of the metrics does not exist in this business".to_owned(),
            };
            keys.push(metric.ok_or_else(|| CommandError::Refused(missing().into()))?.key);
        }
        Ok(keys)
    }
}

/// Reasons stay in the edits' own events, sealed: a request is kept as it is.
fn request(model: &CausalModelDefined, edits: &[&CausalEdgeEdited], because: LearntBecause) -> GraphRequest {
    let edit = |edit: &&CausalEdgeEdited| {
        let kind = match edit.edit {
            EdgeEdit::Confirm => EditKind::Confirm,
            EdgeEdit::Remove => EditKind::Remove,
            EdgeEdit::Reset => return None,
        };
        Some(Edit { from: edit.from.clone(), to: edit.to.clone(), edit: kind, reason: String::new() })
    };
    let CausalBackground { forbidden, required, tiers } = model.background.clone();
    GraphRequest {
        metrics: model.metrics.clone(),
        max_lag: model.max_lag as usize,
        alpha: model.alpha,
        repeats: model.repeats as usize,
        background: Background { forbidden, required, tiers },
        edits: edits.iter().filter_map(edit).collect(),
        model_id: Some(model.model_id),
        because,
    }
}
