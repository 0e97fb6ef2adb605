//! Explanations, simulations and graphs as clients see them.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use dyocense_commands::evidence as answers;
use dyocense_domain::ids::{CausalModelId, MetricId};
use dyocense_projections::evidence;
use jiff::ToSpan;

use crate::graphql::fault::Fault;
use crate::graphql::goals::{self, Goal, GoalStatus};
use crate::graphql::ids::Kind;
use crate::graphql::loaders;
use crate::graphql::metrics::Metric;
use crate::graphql::request::{query_fault, snapshot};
use crate::graphql::scalars::{Date, Decimal, Position};

/// What an explanation comes to.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "answers::Verdict")]
pub enum ChangeVerdict {
    /// The metric moved no more than chance moves it; parts may have cancelled.
    NothingUnusual,
    /// The causes account for the change.
    Explained,
    /// The causes account for the largest part, and something else for a part that chance does not give.
    PartlyExplained,
    /// The largest part of the change has no cause in these data.
    NotInData,
}

/// A metric's part in a change of another.
#[derive(SimpleObject)]
pub struct ChangeFactor {
    /// The metric's key.
    key: String,
    /// The mean change a day that it accounts for.
    contribution: f64,
    /// The lower end of its 95 % interval.
    lower: f64,
    /// The upper end of its 95 % interval.
    upper: f64,
    /// Its part of the unexpected change.
    share: f64,
    /// Days from the factor to its effect.
    lag: i64,
    /// The change per unit of the factor, learnt before the change.
    effect: f64,
    /// The p-value of that effect, corrected for the choice of the lag.
    p: f64,
    /// The false discovery rate at which it passes, over all factors.
    q: f64,
    /// How far the factor was from its usual level.
    moved: f64,
    /// The share of resampled histories that show the effect.
    stability: f64,
    /// The evidence's method.
    method: String,
    /// In plain words.
    words: String,
    /// The series and the events behind it.
    source: Option<SeriesSource>,
}

impl ChangeFactor {
    fn of(factor: answers::Factor, source: Option<SeriesSource>) -> Self {
        Self {
            source,
            key: factor.name,
            contribution: factor.contribution,
            lower: factor.lower,
            upper: factor.upper,
            share: factor.share,
            lag: factor.lag as i64,
            effect: factor.effect,
            p: factor.p,
            q: factor.q,
            moved: factor.moved,
            stability: factor.stability,
            method: factor.method,
            words: factor.words,
        }
    }
}

/// What a claim rests on.
#[derive(Clone)]
pub struct SeriesSource {
    metric_id: MetricId,
    first: Date,
    last: Date,
    events: Vec<i64>,
}

/// The series behind a claim, and the events that hold its values during the change.
#[Object]
impl SeriesSource {
    /// The metric.
    async fn metric(&self, ctx: &Context<'_>) -> Result<Option<Metric>, Fault> {
        loaders::metric(ctx, self.metric_id).await
    }

    /// The first day of the history that was read.
    async fn first(&self) -> Date {
        self.first
    }

    /// The last day of the change.
    async fn last(&self) -> Date {
        self.last
    }

    /// Positions of the events that hold the values of the change, the newest first; at most 20.
    async fn event_positions(&self) -> Vec<Position> {
        self.events.iter().filter_map(|position| dyocense_eventlog::Position::new(*position)).map(Position).collect()
    }
}

/// A part of the calendar and what it adds a day.
#[derive(SimpleObject)]
pub struct CalendarPart {
    /// The weekday mix, the season, the trend, or a known event.
    name: String,
    /// What it adds.
    effect: f64,
    /// The occasions it is about, those of the past that it was learnt from included.
    occasions: Vec<ID>,
}

/// A metric that could not be judged.
#[derive(SimpleObject)]
pub struct UnjudgedFactor {
    /// The metric's key.
    key: String,
    /// Why not.
    reason: String,
}

/// Why a metric changed.
#[derive(SimpleObject)]
pub struct ChangeExplanation {
    /// The metric's unit.
    unit: String,
    /// The first day of the change.
    first: Date,
    /// The last day of the change.
    last: Date,
    /// What it comes to.
    verdict: ChangeVerdict,
    /// The mean a day over the range.
    actual: f64,
    /// The mean a day over the stretch of the same length just before.
    before: f64,
    /// What the calendar alone accounts for of their difference.
    calendar_effect: f64,
    /// The same, part by part.
    calendar_parts: Vec<CalendarPart>,
    /// The mean that history and calendar led one to expect.
    expected: f64,
    /// Actual less expected.
    change: f64,
    /// The lower end of its 95 % interval.
    lower: f64,
    /// The upper end of its 95 % interval.
    upper: f64,
    /// The p-value of no change.
    p: f64,
    /// What accounts for the change, the largest part first; empty where no cause is in the data.
    causes: Vec<ChangeFactor>,
    /// What moved the metric too, by a lesser part or the other way.
    contributors: Vec<ChangeFactor>,
    /// What was examined and is not held responsible.
    ruled_out: Vec<ChangeFactor>,
    /// What could not be judged.
    not_testable: Vec<UnjudgedFactor>,
    /// What is left over.
    unexplained: f64,
    /// The lower end of its 95 % interval.
    unexplained_lower: f64,
    /// The upper end of its 95 % interval.
    unexplained_upper: f64,
    /// The metric's own series and events.
    source: Option<SeriesSource>,
    /// Which part of sales made it move, where it is revenue.
    parts: Option<SalesParts>,
}

/// Revenue against the stretch of the same length just before, by its two parts, a day.
#[derive(SimpleObject)]
pub struct SalesParts {
    /// Orders before.
    orders_before: f64,
    /// Orders during the change.
    orders: f64,
    /// Their average value before.
    order_value_before: f64,
    /// Their average value during the change.
    order_value: f64,
    /// What the number of orders adds to revenue.
    by_orders: f64,
    /// What their value adds to revenue.
    by_order_value: f64,
}

impl From<answers::SalesParts> for SalesParts {
    fn from(parts: answers::SalesParts) -> Self {
        Self {
            orders_before: parts.orders_before,
            orders: parts.orders,
            order_value_before: parts.order_value_before,
            order_value: parts.order_value,
            by_orders: parts.by_orders,
            by_order_value: parts.by_order_value,
        }
    }
}

impl From<answers::ChangeAnswer> for ChangeExplanation {
    fn from(answer: answers::ChangeAnswer) -> Self {
        let found = answer.explanation;
        let source = |one: &answers::SeriesSource| SeriesSource {
            metric_id: one.metric_id,
            first: Date(answer.history_from.unwrap_or(answer.first)),
            last: Date(answer.last),
            events: one.events.clone(),
        };
        let source_of = |key: &str| answer.sources.iter().find(|known| known.key == key).map(source);
        let factor = |factor: answers::Factor| {
            let source = source_of(&factor.name);
            ChangeFactor::of(factor, source)
        };
        let factors = |list: Vec<answers::Factor>| list.into_iter().map(factor).collect();
        let occasions = |name: &str| {
            let of = answer.occasions.iter().filter(|known| known.name == name).flat_map(|known| &known.occasions);
            of.map(|id| Kind::Occasion.id(*id)).collect()
        };
        Self {
            unit: answer.unit,
            first: Date(answer.first),
            last: Date(answer.last),
            verdict: found.verdict.into(),
            actual: found.actual,
            before: found.before,
            calendar_effect: found.calendar_effect,
            calendar_parts: found
                .calendar_parts
                .into_iter()
                .map(|part| CalendarPart { occasions: occasions(&part.name), name: part.name, effect: part.effect })
                .collect(),
            expected: found.expected,
            change: found.change,
            lower: found.lower,
            upper: found.upper,
            p: found.p,
            causes: factors(found.causes),
            contributors: factors(found.contributors),
            ruled_out: factors(found.ruled_out),
            not_testable: found
                .not_testable
                .into_iter()
                .map(|factor| UnjudgedFactor { key: factor.name, reason: factor.reason })
                .collect(),
            unexplained: found.unexplained,
            unexplained_lower: found.unexplained_lower,
            unexplained_upper: found.unexplained_upper,
            source: answer.sources.first().map(source),
            parts: answer.parts.map(Into::into),
        }
    }
}

/// One day of what would happen.
#[derive(SimpleObject)]
pub struct InterventionPoint {
    /// The day.
    day: Date,
    /// What to expect with the change.
    with: f64,
    /// What to expect without it.
    without: f64,
    /// The lower end of the 50 % band.
    lower50: f64,
    /// The upper end of the 50 % band.
    upper50: f64,
    /// The lower end of the 80 % band.
    lower80: f64,
    /// The upper end of the 80 % band.
    upper80: f64,
    /// The lower end of the 95 % band.
    lower95: f64,
    /// The upper end of the 95 % band.
    upper95: f64,
}

/// What would happen to a metric if another were changed.
#[derive(SimpleObject)]
pub struct Intervention {
    /// The metric's unit.
    unit: String,
    /// The metric that is changed.
    factor_id: ID,
    /// Day by day.
    points: Vec<InterventionPoint>,
    /// The change per unit of the factor.
    effect: f64,
    /// Its standard error.
    standard_error: f64,
    /// Its p-value.
    p: f64,
    /// The p-value of the same effect where none can be, with the factor's history turned around; null where it cannot
    /// be fitted. A small one speaks against the effect.
    placebo_p: Option<f64>,
    /// What must hold for it.
    assumptions: Vec<String>,
    /// What speaks against it: a change beyond what history has seen, say.
    warnings: Vec<String>,
    /// Keys of the metrics that were held.
    held: Vec<String>,
    /// Where the goals that the metric measures would stand.
    goals: Vec<GoalOutlook>,
}

/// Where a goal would stand at a day.
#[derive(SimpleObject)]
pub struct GoalScenario {
    /// Its status.
    status: GoalStatus,
    /// Its reading, in its unit; null where there is nothing to read.
    reading: Option<Decimal>,
    /// The share of the way to its target.
    progress: Decimal,
}

impl From<answers::GoalScenario> for GoalScenario {
    fn from(scenario: answers::GoalScenario) -> Self {
        Self {
            status: scenario.status.into(),
            reading: scenario.reading.map(Decimal),
            progress: Decimal(scenario.progress),
        }
    }
}

pub struct GoalOutlook(answers::GoalOutlook);

/// Where a goal would stand with the change and without.
#[Object]
impl GoalOutlook {
    /// The goal.
    async fn goal(&self, ctx: &Context<'_>) -> Result<Option<Goal>, Fault> {
        goals::load::goal(ctx, self.0.goal_id).await
    }

    /// The goal's due day, or the last simulated day where that comes first.
    async fn day(&self) -> Date {
        Date(self.0.day)
    }

    /// With the change.
    async fn with(&self) -> GoalScenario {
        self.0.with.clone().into()
    }

    /// Without it.
    async fn without(&self) -> GoalScenario {
        self.0.without.clone().into()
    }
}

impl From<answers::InterventionAnswer> for Intervention {
    fn from(answer: answers::InterventionAnswer) -> Self {
        let found = answer.simulation;
        let points = (0..found.path.len().min(found.without.len())).map(|i| InterventionPoint {
            day: Date(answer.first.checked_add((i as i64).days()).unwrap_or(answer.first)),
            with: found.path[i],
            without: found.without[i],
            lower50: found.band_50.lower[i],
            upper50: found.band_50.upper[i],
            lower80: found.band_80.lower[i],
            upper80: found.band_80.upper[i],
            lower95: found.band_95.lower[i],
            upper95: found.band_95.upper[i],
        });
        Self {
            unit: answer.unit,
            factor_id: Kind::Metric.id(answer.factor_id),
            points: points.collect(),
            effect: found.effect,
            standard_error: found.standard_error,
            p: found.p,
            placebo_p: found.placebo_p,
            assumptions: found.assumptions,
            warnings: found.warnings,
            held: answer.held,
            goals: answer.goals.into_iter().map(GoalOutlook).collect(),
        }
    }
}

/// Where an edge comes from.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "answers::EdgeSource")]
pub enum CausalEdgeSource {
    /// The data show it.
    Learnt,
    /// It was known beforehand.
    Knowledge,
    /// A person decided it.
    Person,
}

/// An edge of a causal graph, with its statistics.
#[derive(SimpleObject)]
pub struct CausalEdge {
    /// The cause's key.
    from: String,
    /// The effect's key.
    to: String,
    /// False where the data cannot tell the direction.
    directed: bool,
    /// Days from cause to effect.
    lag: Option<i64>,
    /// The partial correlation given the other causes.
    strength: Option<f64>,
    /// The p-value of independence given the other causes.
    p: Option<f64>,
    /// The false discovery rate at which it passes.
    q: Option<f64>,
    /// The share of resamples that show it.
    stability: Option<f64>,
    /// Where it comes from.
    source: CausalEdgeSource,
    /// A person's reason; null once that person was erased.
    reason: Option<String>,
}

/// What causes what.
#[derive(SimpleObject)]
pub struct CausalGraph {
    /// The keys of the metrics.
    nodes: Vec<String>,
    /// What depends on what.
    edges: Vec<CausalEdge>,
    /// The method.
    method: String,
    /// The days it was learnt from.
    days: i64,
    /// The first of these days.
    first: Option<Date>,
    /// The last of them.
    last: Option<Date>,
    /// What a reader should know.
    warnings: Vec<String>,
}

impl CausalGraph {
    /// The graph with the reasons of the edits that it was learnt with, which are kept with their model.
    pub async fn of(
        ctx: &Context<'_>,
        answer: answers::GraphAnswer,
        model: Option<CausalModelId>,
    ) -> Result<Self, Fault> {
        let edits = match model {
            Some(model) => {
                let mut snapshot = snapshot(ctx, None).await?;
                evidence::causal_edits(&mut snapshot, model).await.map_err(query_fault)?
            }
            None => vec![],
        };
        let mut graph = CausalGraph::from(answer);
        for edge in graph.edges.iter_mut().filter(|edge| edge.source == CausalEdgeSource::Person) {
            let own = |edit: &&evidence::CausalEdit| edit.from_key == edge.from && edit.to_key == edge.to;
            if let Some(edit) = edits.iter().rev().find(own) {
                edge.reason = edit.reason.clone();
            }
        }
        Ok(graph)
    }
}

impl From<answers::GraphAnswer> for CausalGraph {
    fn from(answer: answers::GraphAnswer) -> Self {
        let graph = answer.graph;
        let edge = |edge: answers::CausalEdge| CausalEdge {
            from: edge.from,
            to: edge.to,
            directed: edge.directed,
            lag: edge.lag.map(|lag| lag as i64),
            strength: edge.strength,
            p: edge.p,
            q: edge.q,
            stability: edge.stability,
            source: edge.source.into(),
            reason: edge.reason.filter(|reason| !reason.is_empty()),
        };
        Self {
            nodes: graph.nodes,
            edges: graph.edges.into_iter().map(edge).collect(),
            method: graph.method,
            days: graph.rows as i64,
            first: answer.first.map(Date),
            last: answer.last.map(Date),
            warnings: graph.warnings,
        }
    }
}
