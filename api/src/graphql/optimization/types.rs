//! Plans as clients see them.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use dyocense_commands::optimization::{self as answers, PlanAnswer};
use dyocense_domain::ids::{MetricId, RunId};

use crate::graphql::fault::Fault;
use crate::graphql::ids::Kind;
use crate::graphql::loaders;
use crate::graphql::metrics::{Bucket, Metric};
use crate::graphql::runs::Run;
use crate::graphql::scalars::{Date, Json, Long};

/// How the search for a plan ended.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "answers::Status")]
pub enum PlanStatus {
    /// Proven: no plan is better.
    Optimal,
    /// A plan that keeps everything; a better one may exist.
    Feasible,
    /// Proven: no plan keeps everything.
    Infeasible,
    /// Proven: it can be improved without end, so something is missing in the problem.
    Unbounded,
    /// The work ended before there was a plan or a proof.
    Unknown,
}

/// A part of what a plan costs or returns.
#[derive(SimpleObject)]
pub struct PlanTerm {
    /// What it is for.
    name: String,
    /// How much.
    amount: f64,
}

/// A part of what two plans cost or return.
#[derive(SimpleObject)]
pub struct PlanDifference {
    /// What it is for.
    name: String,
    /// In the first.
    before: f64,
    /// In the second.
    after: f64,
    /// The second less the first.
    change: f64,
}

impl From<answers::Difference> for PlanDifference {
    fn from(term: answers::Difference) -> Self {
        Self { name: term.name, before: term.before, after: term.after, change: term.change }
    }
}

/// A part of what several plans cost or return, in the order of their runs.
#[derive(SimpleObject)]
pub struct ScenarioTerm {
    /// What it is for.
    pub name: String,
    /// How much in each.
    pub amounts: Vec<f64>,
    /// How much more in each than in the first.
    pub changes: Vec<f64>,
}

/// Plans side by side.
#[derive(SimpleObject)]
pub struct ScenarioTable {
    /// Their runs.
    pub runs: Vec<Run>,
    /// What each costs in all, or returns where they are budgets.
    pub objectives: Vec<Option<f64>>,
    /// The parts of that.
    pub terms: Vec<ScenarioTerm>,
}

/// A limit that keeps the plan from being better.
#[derive(SimpleObject)]
pub struct BindingLimit {
    /// In the owner's words.
    says: String,
    /// The limit.
    limit: f64,
    /// Its unit.
    unit: String,
    /// What one unit more of the limit changes in the objective.
    shadow_price: f64,
    /// The price holds from this limit on; null where it has no end.
    holds_from: Option<f64>,
    /// The price holds up to this limit; null where it has no end.
    holds_to: Option<f64>,
}

/// A constraint of the business that the plan uses to its limit.
#[derive(SimpleObject)]
pub struct BindingConstraint {
    /// In the owner's words.
    says: String,
    /// What it costs to keep it; null where there was no work left to find out.
    price: Option<f64>,
    /// Whether that price is exact or a first estimate.
    exact: bool,
}

/// One change that leaves a plan.
#[derive(SimpleObject)]
pub struct PlanRepair {
    /// What to change, in the owner's words.
    says: String,
    /// The limit as it is.
    from: f64,
    /// The nearest limit that leaves a plan.
    to: f64,
    /// Its unit.
    unit: String,
}

/// What stands in the way of a plan.
#[derive(SimpleObject)]
pub struct PlanConflict {
    /// What cannot all be kept, in the owner's words; without any one of them the rest can.
    members: Vec<String>,
    /// Whether that is proven.
    verified: bool,
    /// Ways out, the smallest first.
    repairs: Vec<PlanRepair>,
}

/// What was expected of a metric in a step of its calendar.
#[derive(SimpleObject)]
pub struct ForeseenPoint {
    /// The step's first day.
    start: Date,
    /// The mean.
    mean: f64,
    /// The standard deviation of its error.
    standard_deviation: f64,
}

/// What a plan expected of a metric.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct ForeseenMetric {
    #[graphql(skip)]
    metric_id: MetricId,
    /// Its unit.
    unit: String,
    /// The length of its steps.
    bucket: Bucket,
    /// The run whose forecast was used; null where one was made for the plan.
    forecast: Option<ID>,
    /// What was expected, step by step.
    points: Vec<ForeseenPoint>,
}

#[ComplexObject]
impl ForeseenMetric {
    /// The metric.
    async fn metric(&self, ctx: &Context<'_>) -> Result<Option<Metric>, Fault> {
        loaders::metric(ctx, self.metric_id).await
    }
}

impl From<answers::Foreseen> for ForeseenMetric {
    fn from(foreseen: answers::Foreseen) -> Self {
        let values = foreseen.mean.into_iter().zip(foreseen.sd);
        let points = foreseen.starts.into_iter().zip(values).map(|(start, (mean, standard_deviation))| ForeseenPoint {
            start: Date(start),
            mean,
            standard_deviation,
        });
        Self {
            metric_id: foreseen.metric_id,
            unit: foreseen.unit,
            bucket: foreseen.bucket.into(),
            forecast: foreseen.forecast.map(|run| Kind::Run.id(run)),
            points: points.collect(),
        }
    }
}

/// What an intervention that a plan supposes adds to what was expected of a metric.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct SupposedIntervention {
    #[graphql(skip)]
    metric_id: MetricId,
    #[graphql(skip)]
    run_id: RunId,
    /// What its simulation said.
    summary: String,
    /// What it adds, step by step: the mean of the change and the standard deviation of its error.
    points: Vec<ForeseenPoint>,
}

#[ComplexObject]
impl SupposedIntervention {
    /// The metric that it changes.
    async fn metric(&self, ctx: &Context<'_>) -> Result<Option<Metric>, Fault> {
        loaders::metric(ctx, self.metric_id).await
    }

    /// The run that simulated it.
    async fn run(&self) -> ID {
        Kind::Run.id(self.run_id)
    }
}

impl From<answers::Supposed> for SupposedIntervention {
    fn from(supposed: answers::Supposed) -> Self {
        let values = supposed.change.into_iter().zip(supposed.sd);
        let points = supposed.starts.into_iter().zip(values).map(|(start, (mean, standard_deviation))| ForeseenPoint {
            start: Date(start),
            mean,
            standard_deviation,
        });
        Self {
            metric_id: supposed.metric_id,
            run_id: supposed.run,
            summary: supposed.summary,
            points: points.collect(),
        }
    }
}

/// When to order a product, and what to keep for the unforeseen.
#[derive(SimpleObject)]
pub struct StockTarget {
    /// The product.
    product: String,
    /// The probability that demand over a lead time is served.
    service_level: f64,
    /// How long an order takes on average, in periods of the plan.
    lead_time: f64,
    /// What is asked for meanwhile on average, in units.
    lead_time_demand: f64,
    /// Order when stock and open orders together fall to this, in units.
    reorder_point: f64,
    /// The part of it that is there for the unforeseen, in units.
    safety_stock: f64,
}

impl From<answers::StockTarget> for StockTarget {
    fn from(target: answers::StockTarget) -> Self {
        Self {
            product: target.product,
            service_level: target.service_level,
            lead_time: target.lead_time,
            lead_time_demand: target.lead_time_demand,
            reorder_point: target.reorder_point,
            safety_stock: target.safety_stock,
        }
    }
}

/// A plan, explained; or why there is none.
#[derive(SimpleObject)]
pub struct PlanReport {
    /// How the search ended.
    status: PlanStatus,
    /// What the plan costs, or returns where it is a budget's.
    objective: Option<f64>,
    /// No plan can be better than this.
    bound: Option<f64>,
    /// The part by which a better plan could be better at most.
    gap: Option<f64>,
    /// The decisions.
    plan: Option<Json>,
    /// The objective in parts.
    costs: Vec<PlanTerm>,
    /// The parts beside today's; null where today's way was not given.
    against_today: Option<Vec<PlanDifference>>,
    /// Limits that keep the plan from being better, the dearest first.
    binding: Vec<BindingLimit>,
    /// Constraints of the business that the plan uses to their limit.
    binding_constraints: Vec<BindingConstraint>,
    /// The plan stands while each cost stays within its range.
    ranges: Json,
    /// What the next unit of money returns, by channel and period, for a budget.
    marginal_returns: Json,
    /// What stands in the way, where there is no plan.
    why_not: Option<PlanConflict>,
    /// What found it.
    solver: String,
    /// Work done, in the engine's units.
    work: String,
    /// Parts of the space of plans that were looked through.
    nodes: Long,
    /// The problem that was solved, where numbers of it came from metrics; else it is as it was asked.
    problem: Option<Json>,
    /// What was expected of the metrics it was made from, before what is supposed.
    foreseen: Vec<ForeseenMetric>,
    /// What the interventions that it supposes add to that.
    supposed: Vec<SupposedIntervention>,
    /// When to order what, for products with a service level.
    stock_targets: Vec<StockTarget>,
    /// A replay finds the same plan; false where it was stopped from outside.
    replayable: bool,
}

impl TryFrom<PlanAnswer> for PlanReport {
    type Error = serde_json::Error;

    fn try_from(answer: PlanAnswer) -> Result<Self, Self::Error> {
        let PlanAnswer { found, against_today, problem, foreseen, supposed, stock_targets, .. } = answer;
        let binding = found.binding.into_iter().map(|binding| BindingLimit {
            says: binding.limit.says,
            limit: binding.limit.limit,
            unit: binding.limit.unit,
            shadow_price: binding.limit.shadow_price,
            holds_from: binding.limit.holds_from,
            holds_to: binding.limit.holds_to,
        });
        let rules = found.binding_rules.into_iter().map(|rule| BindingConstraint {
            says: rule.says,
            price: rule.price,
            exact: rule.exact,
        });
        let why_not = found.why_not.map(|why| PlanConflict {
            members: why.members.into_iter().map(|member| member.says).collect(),
            verified: why.verified,
            repairs: why
                .repairs
                .into_iter()
                .map(|way| PlanRepair {
                    says: way.repair.says,
                    from: way.repair.from,
                    to: way.repair.to,
                    unit: way.repair.unit,
                })
                .collect(),
        });
        Ok(Self {
            status: found.status.into(),
            objective: found.objective,
            bound: found.bound,
            gap: found.gap,
            plan: found.plan.map(|plan| serde_json::to_value(plan).map(Json)).transpose()?,
            costs: found.costs.into_iter().map(|term| PlanTerm { name: term.name, amount: term.amount }).collect(),
            against_today: against_today.map(|terms| terms.into_iter().map(Into::into).collect()),
            binding: binding.collect(),
            binding_constraints: rules.collect(),
            ranges: Json(serde_json::to_value(found.ranges)?),
            marginal_returns: Json(serde_json::to_value(found.marginal_returns)?),
            why_not,
            solver: found.solver,
            work: found.work.to_string(),
            nodes: found.nodes.into(),
            problem: problem.map(Json),
            foreseen: foreseen.into_iter().map(Into::into).collect(),
            supposed: supposed.into_iter().map(Into::into).collect(),
            stock_targets: stock_targets.into_iter().map(Into::into).collect(),
            replayable: found.replayable,
        })
    }
}
