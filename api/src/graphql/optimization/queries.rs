//! Which constraints there are, and how plans differ.

use async_graphql::{Context, ID, Object};
use dyocense_commands::optimization::{PlanAnswer, compare};
use dyocense_domain::ids::RunId;
use dyocense_projections::{optimization, runs};

use super::constraints::{Constraint, PlanFamily};
use super::types::PlanDifference;
use crate::graphql::fault::{Code, Fault};
use crate::graphql::ids::{self, Kind};
use crate::graphql::request::{query_fault, snapshot};
use crate::graphql::scalars::Position;

#[derive(Default)]
pub struct OptimizationQuery;

#[Object]
impl OptimizationQuery {
    /// The constraints that plans keep, the older first; there are at most 200.
    async fn constraints(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of these plans.")] family: Option<PlanFamily>,
        #[graphql(desc = "Answer only once the read models have reached this position.")] min_position: Option<
            Position,
        >,
    ) -> Result<Vec<Constraint>, Fault> {
        let mut snapshot = snapshot(ctx, min_position).await?;
        let kept = optimization::constraints(&mut snapshot, family.map(Into::into)).await.map_err(query_fault)?;
        Ok(kept.into_iter().map(Constraint).collect())
    }

    /// Two plans of the same kind, term by term.
    async fn compare_scenarios(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The run whose plan comes first.")] before: ID,
        #[graphql(desc = "The run whose plan comes second.")] after: ID,
    ) -> Result<Vec<PlanDifference>, Fault> {
        let mut snapshot = snapshot(ctx, None).await?;
        let mut found = Vec::with_capacity(2);
        for id in [&before, &after] {
            let run = match ids::of::<RunId>(Kind::Run, id) {
                Some(run) => runs::run(&mut snapshot, run).await.map_err(query_fault)?,
                None => None,
            };
            let completion = run.and_then(|run| Some((run.kind, run.completion?.0)));
            let plan = completion.and_then(|(kind, completion)| {
                let answer: PlanAnswer = serde_json::from_value(completion.answer).ok()?;
                answer.found.plan.is_some().then_some((kind, answer))
            });
            found.push(plan.ok_or_else(|| Fault::new(Code::Invalid, "a run with a plan is due"))?);
        }
        match (&found[0], &found[1]) {
            ((one, before), (other, after)) if one == other => {
                Ok(compare(&before.found.costs, &after.found.costs).into_iter().map(Into::into).collect())
            }
            _ => Err(Fault::new(Code::Invalid, "plans of one kind are compared")),
        }
    }
}
