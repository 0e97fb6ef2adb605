//! Which constraints there are, and how plans differ.

use async_graphql::{Context, ID, Object};
use dyocense_commands::optimization::{PlanAnswer, compare};
use dyocense_domain::ids::RunId;
use dyocense_projections::{optimization, runs};

use super::constraints::{Constraint, PlanFamily};
use super::types::{PlanDifference, ScenarioTable, ScenarioTerm};
use crate::graphql::fault::{Code, Fault};
use crate::graphql::ids::{self, Kind};
use crate::graphql::request::{query_fault, snapshot};
use crate::graphql::runs::Run;
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
        let found = plans(ctx, &[before, after]).await?;
        let [(_, before), (_, after)] = &found[..] else { return Err(Fault::internal("two runs are two plans")) };
        Ok(compare(&before.found.costs, &after.found.costs).into_iter().map(Into::into).collect())
    }

    /// Several plans of the same kind side by side, term by term; the first is what the others are compared with.
    async fn scenarios(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The runs whose plans are compared, 2 to 20 of them.")] run_ids: Vec<ID>,
    ) -> Result<ScenarioTable, Fault> {
        if !(2..=MOST_SCENARIOS).contains(&run_ids.len()) {
            let message = format!("{} runs: 2 to {MOST_SCENARIOS} are compared", run_ids.len());
            return Err(Fault::new(Code::Invalid, message));
        }
        let found = plans(ctx, &run_ids).await?;
        let mut names: Vec<&str> = Vec::new();
        for term in found.iter().flat_map(|(_, answer)| &answer.found.costs) {
            if !names.contains(&term.name.as_str()) {
                names.push(&term.name);
            }
        }
        let amount = |answer: &PlanAnswer, name: &str| {
            answer.found.costs.iter().find(|term| term.name == name).map_or(0.0, |term| term.amount)
        };
        let terms = names.into_iter().map(|name| {
            let amounts: Vec<f64> = found.iter().map(|(_, answer)| amount(answer, name)).collect();
            ScenarioTerm { name: name.to_owned(), changes: amounts.iter().map(|to| to - amounts[0]).collect(), amounts }
        });
        Ok(ScenarioTable {
            terms: terms.collect(),
            objectives: found.iter().map(|(_, answer)| answer.found.objective).collect(),
            runs: found.into_iter().map(|(run, _)| run).collect(),
        })
    }
}

const MOST_SCENARIOS: usize = 20;

/// The plans of runs, all of one kind.
async fn plans(ctx: &Context<'_>, asked: &[ID]) -> Result<Vec<(Run, PlanAnswer)>, Fault> {
    let mut snapshot = snapshot(ctx, None).await?;
    let mut found: Vec<(Run, PlanAnswer)> = Vec::with_capacity(asked.len());
    for id in asked {
        let run = match ids::of::<RunId>(Kind::Run, id) {
            Some(run) => runs::run(&mut snapshot, run).await.map_err(query_fault)?,
            None => None,
        };
        let plan = run.and_then(|run| {
            let answer: PlanAnswer = serde_json::from_value(run.completion.as_ref()?.0.answer.clone()).ok()?;
            answer.found.plan.is_some().then_some((Run(run), answer))
        });
        let plan = plan.ok_or_else(|| Fault::new(Code::Invalid, "a run with a plan is due"))?;
        if found.first().is_some_and(|(first, _)| first.0.kind != plan.0.0.kind) {
            return Err(Fault::new(Code::Invalid, "plans of one kind are compared"));
        }
        found.push(plan);
    }
    Ok(found)
}
