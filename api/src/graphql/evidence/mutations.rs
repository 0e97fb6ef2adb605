//! Asking why, what if, and what causes what.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use dyocense_commands::CommandError;
use dyocense_commands::evidence::{ChangeRequest, EditDraft, InterventionRequest, Learning, ModelDraft, ModelRefusal};
use dyocense_domain::evidence::CausalBackground;
use dyocense_domain::ids::{CausalModelId, MetricId};
use dyocense_domain::runs::RunKind;
use dyocense_eventlog::TenantId;
use serde_json::json;

use super::models::{CausalEditKind, CausalModel};

use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::refusal::{UserError, refusable, refused};
use crate::graphql::request::{caller, commands};
use crate::graphql::runs::asking::{Asks, NoQuestion, Question, ask, run_payloads};
use crate::graphql::runs::{Run, load};
use crate::graphql::scalars::{Date, Position};

/// Which change to explain.
#[derive(InputObject)]
pub struct ExplainChangeInput {
    /// The metric.
    metric_id: ID,
    /// The first day of the change.
    first: Date,
    /// The last day of the change.
    last: Date,
    /// The metrics that may be behind it; all others of the business where there are none.
    #[graphql(default)]
    factor_ids: Vec<ID>,
    /// The longest delay of a factor, in days (0 to 60).
    #[graphql(default = 5)]
    max_lag: u32,
    /// Of everything random.
    #[graphql(default = 1)]
    seed: u32,
    /// How many seconds (0 to 20) to wait for the answer.
    #[graphql(default = 10)]
    wait_seconds: u32,
}

/// What to change, and what it would do.
#[derive(InputObject)]
pub struct SimulateInterventionInput {
    /// The metric that is looked at.
    metric_id: ID,
    /// The metric that is changed.
    factor_id: ID,
    /// By how much, in its unit, from the day after the history on.
    impact: f64,
    /// Metrics that are held where they are.
    #[graphql(default)]
    held_ids: Vec<ID>,
    /// A causal model that says which metrics must be held for the effect to be the factor's own; an effect that it
    /// cannot tell from the data is not simulated.
    model_id: Option<ID>,
    /// Days from the factor to its effect (0 to 60).
    #[graphql(default = 0)]
    lag: u32,
    /// Days ahead (1 to 365).
    #[graphql(default = 28)]
    horizon: u32,
    /// Of everything random.
    #[graphql(default = 1)]
    seed: u32,
    /// How many seconds (0 to 20) to wait for the answer.
    #[graphql(default = 10)]
    wait_seconds: u32,
}

/// A person's decision about an edge. It is kept with the model, as an event of its own.
#[derive(InputObject)]
pub struct CausalEditInput {
    /// The cause's key.
    from: String,
    /// The effect's key.
    to: String,
    /// What is decided.
    edit: CausalEditKind,
    /// Why.
    reason: String,
}

/// What is known about two metrics before the data speak.
#[derive(InputObject)]
pub struct CausalPairInput {
    /// The cause's key.
    cause: String,
    /// The effect's key.
    effect: String,
}

/// Which graph to learn.
#[derive(InputObject)]
pub struct BuildCausalGraphInput {
    /// The metrics (2 to 40).
    metric_ids: Vec<ID>,
    /// The longest delay of an effect, in days (1 to 14).
    #[graphql(default = 3)]
    max_lag: u32,
    /// The level of the tests, between 0 and 1.
    #[graphql(default = 0.05)]
    alpha: f64,
    /// Resamples for the stability of each edge (0 to 200).
    #[graphql(default = 0)]
    repeats: u32,
    /// What cannot be.
    #[graphql(default)]
    forbidden: Vec<CausalPairInput>,
    /// What is certain.
    #[graphql(default)]
    required: Vec<CausalPairInput>,
    /// Groups of keys in order, as time or the business has it: a later one cannot cause an earlier one.
    #[graphql(default)]
    tiers: Vec<Vec<String>>,
    /// What people decided; the later wins.
    #[graphql(default)]
    edits: Vec<CausalEditInput>,
    /// Of everything random.
    #[graphql(default = 1)]
    seed: u32,
    /// How many seconds (0 to 20) to wait for the answer.
    #[graphql(default = 10)]
    wait_seconds: u32,
}

/// Which edge of which model to decide about.
#[derive(InputObject)]
pub struct EditCausalGraphInput {
    /// The model.
    model_id: ID,
    /// The cause's key.
    from: String,
    /// The effect's key.
    to: String,
    /// What is decided.
    edit: CausalEditKind,
    /// Why.
    reason: String,
    /// How many seconds (0 to 20) to wait for the model to be learnt again.
    #[graphql(default = 10)]
    wait_seconds: u32,
}

macro_rules! model_payloads {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(SimpleObject, Default)]
            pub struct $name {
                /// The model.
                model: Option<CausalModel>,
                /// The run that learns it: with its answer, or still at work after the time that was waited.
                run: Option<Run>,
                /// The history's position at which it was asked for.
                position: Option<Position>,
                /// Why it was refused.
                user_errors: Vec<UserError>,
            }

            impl From<Learnt> for $name {
                fn from(learnt: Learnt) -> Self {
                    let Learnt { model, run, position } = learnt;
                    Self { model, run, position: Some(position), user_errors: vec![] }
                }
            }
        )*
        refusable!($($name),*);
    };
}

model_payloads!(
    /// What became of asking what causes what.
    BuildCausalGraphPayload,
    /// What became of deciding about an edge.
    EditCausalGraphPayload,
);

struct Learnt {
    model: Option<CausalModel>,
    run: Option<Run>,
    position: Position,
}

async fn learnt<P: From<Learnt> + From<UserError>>(
    ctx: &Context<'_>,
    tenant: TenantId,
    wait: u32,
    learning: Result<Learning, CommandError<ModelRefusal>>,
) -> Result<P, Fault> {
    match learning {
        Ok(Learning { model_id, run_id, position }) => {
            let run = load::run_within(ctx, tenant, run_id, wait).await?;
            let model = super::load::causal_model(ctx, model_id).await?;
            Ok(Learnt { model, run, position: Position(position) }.into())
        }
        Err(error) => Ok(refused(error)?.into()),
    }
}

run_payloads!(
    /// What became of asking why a metric changed.
    ExplainChangePayload,
    /// What became of asking what would happen if.
    SimulateInterventionPayload,
);

fn metrics(list: &[ID], field: &str) -> Result<Vec<MetricId>, UserError> {
    list.iter()
        .map(|id| ids::of::<MetricId>(Kind::Metric, id))
        .collect::<Option<_>>()
        .ok_or_else(|| UserError::not_found("metric", &["input", field]))
}

fn metric(id: &ID, field: &str) -> Result<MetricId, UserError> {
    ids::of::<MetricId>(Kind::Metric, id).ok_or_else(|| UserError::not_found("metric", &["input", field]))
}

fn model(id: &ID) -> Result<CausalModelId, UserError> {
    ids::of::<CausalModelId>(Kind::CausalModel, id)
        .ok_or_else(|| UserError::not_found("causal model", &["input", "modelId"]))
}

impl Asks for ExplainChangeInput {
    async fn question(self, _: &Context<'_>) -> Result<Question, NoQuestion> {
        let request = ChangeRequest {
            metric_id: metric(&self.metric_id, "metricId")?,
            first: self.first.0,
            last: self.last.0,
            factors: metrics(&self.factor_ids, "factorIds")?,
            max_lag: self.max_lag as usize,
        };
        let kind = RunKind::ChangeExplanation;
        Ok(Question { kind, request: json!(request), seed: self.seed, wait: self.wait_seconds })
    }
}

impl Asks for SimulateInterventionInput {
    async fn question(self, _: &Context<'_>) -> Result<Question, NoQuestion> {
        let request = InterventionRequest {
            metric_id: metric(&self.metric_id, "metricId")?,
            factor_id: metric(&self.factor_id, "factorId")?,
            impact: self.impact,
            held: metrics(&self.held_ids, "heldIds")?,
            lag: self.lag as usize,
            horizon: self.horizon as usize,
            model_id: self.model_id.as_ref().map(model).transpose()?,
        };
        let kind = RunKind::Intervention;
        Ok(Question { kind, request: json!(request), seed: self.seed, wait: self.wait_seconds })
    }
}

#[derive(Default)]
pub struct EvidenceMutation;

#[Object]
impl EvidenceMutation {
    /// Explains why a metric changed: what the calendar did, what other metrics did, what is left over, what was ruled out.
    async fn explain_change(
        &self,
        ctx: &Context<'_>,
        input: ExplainChangeInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<ExplainChangePayload, Fault> {
        ask(ctx, input, idempotency_key).await
    }

    /// Simulates what would happen to a metric if another were changed.
    async fn simulate_intervention(
        &self,
        ctx: &Context<'_>,
        input: SimulateInterventionInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<SimulateInterventionPayload, Fault> {
        ask(ctx, input, idempotency_key).await
    }

    /// Learns what causes what among metrics, day by day, and lays what people know and decided over it. The model is
    /// kept: the same metrics again are a new version of it.
    async fn build_causal_graph(
        &self,
        ctx: &Context<'_>,
        input: BuildCausalGraphInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<BuildCausalGraphPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let metrics = match metrics(&input.metric_ids, "metricIds") {
            Ok(metrics) => metrics,
            Err(error) => return Ok(error.into()),
        };
        let pairs = |list: Vec<CausalPairInput>| list.into_iter().map(|pair| [pair.cause, pair.effect]).collect();
        let edits = input.edits.into_iter().map(|edit| EditDraft {
            from: edit.from,
            to: edit.to,
            edit: edit.edit.into(),
            reason: edit.reason,
        });
        let draft = ModelDraft {
            metrics,
            max_lag: input.max_lag,
            alpha: input.alpha,
            repeats: input.repeats,
            background: CausalBackground {
                forbidden: pairs(input.forbidden),
                required: pairs(input.required),
                tiers: input.tiers,
            },
            edits: edits.collect(),
            seed: input.seed,
        };
        let learning = commands(ctx).build_causal_model(&caller, draft).await;
        learnt(ctx, caller.tenant, input.wait_seconds, learning).await
    }

    /// Lays a person's decision over an edge of a causal model, and learns it again with it.
    async fn edit_causal_graph(
        &self,
        ctx: &Context<'_>,
        input: EditCausalGraphInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<EditCausalGraphPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let model = match model(&input.model_id) {
            Ok(model) => model,
            Err(error) => return Ok(error.into()),
        };
        let edit = EditDraft { from: input.from, to: input.to, edit: input.edit.into(), reason: input.reason };
        let learning = commands(ctx).edit_causal_model(&caller, model, edit).await;
        learnt(ctx, caller.tenant, input.wait_seconds, learning).await
    }
}
