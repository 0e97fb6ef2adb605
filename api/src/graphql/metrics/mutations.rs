//! Changes of metrics and their points.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use dyocense_commands::metrics::DefineMetric;
use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::Point;

use super::Metric;
use super::load;
use super::types::*;
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::refusal::{UserError, refusable, refused};
use crate::graphql::request::{caller, commands, settle};
use crate::graphql::scalars::{DateTime, Decimal, Long, Position, TimeZone};

/// A metric to define.
#[derive(InputObject)]
pub struct DefineMetricInput {
    /// Its name for machines, unique in the business: 1 to 60 lower-case letters, digits and underscores.
    key: String,
    /// Its name for people (1 to 200 characters).
    name: String,
    /// What one of it is: `USD`, `orders`, `%`.
    unit: String,
    /// How its points add up over time.
    kind: MetricKind,
    /// The currency, where the unit is money (ISO 4217).
    currency: Option<String>,
    /// The zone whose calendar days its points are counted in; the business's own where it is left out.
    time_zone: Option<TimeZone>,
    /// Which way is better.
    good_direction: GoodDirection,
    /// What it measures, in plain words.
    #[graphql(default)]
    description: String,
}

/// What became of a definition.
#[derive(SimpleObject, Default)]
pub struct DefineMetricPayload {
    /// The metric.
    metric: Option<Metric>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// What to change of a metric's description. What is left out stays.
#[derive(InputObject)]
pub struct DescribeMetricInput {
    /// The metric.
    metric_id: ID,
    /// Its name for people (1 to 200 characters).
    name: Option<String>,
    /// What it measures, in plain words.
    description: Option<String>,
    /// Which way is better.
    good_direction: Option<GoodDirection>,
}

/// What became of a change of description.
#[derive(SimpleObject, Default)]
pub struct DescribeMetricPayload {
    /// The metric as it is now.
    metric: Option<Metric>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Which metric to archive.
#[derive(InputObject)]
pub struct ArchiveMetricInput {
    /// The metric. It keeps its points and takes no more.
    metric_id: ID,
}

/// What became of archiving a metric.
#[derive(SimpleObject, Default)]
pub struct ArchiveMetricPayload {
    /// The metric as it is now.
    metric: Option<Metric>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// A value at an instant.
#[derive(InputObject)]
pub struct MetricPointInput {
    /// The instant.
    at: DateTime,
    /// The value, in the metric's unit.
    value: Decimal,
}

/// Points to record: all of them or none.
#[derive(InputObject)]
pub struct RecordMetricPointsInput {
    /// The metric.
    metric_id: ID,
    /// The points, in any order. A value at an instant that has one replaces it; an equal one changes nothing.
    points: Vec<MetricPointInput>,
}

/// What became of recording points.
#[derive(SimpleObject, Default)]
pub struct RecordMetricPointsPayload {
    /// The metric.
    metric: Option<Metric>,
    /// Points that were new.
    added: Long,
    /// Points that replaced another value.
    corrected: Long,
    /// Points that were known with the same value.
    unchanged: Long,
    /// New points that lie before the metric's latest one.
    late: Long,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Points to take back.
#[derive(InputObject)]
pub struct RetractMetricPointsInput {
    /// The metric.
    metric_id: ID,
    /// The instants whose values are taken back; those without a value are passed over.
    at: Vec<DateTime>,
}

/// What became of taking points back.
#[derive(SimpleObject, Default)]
pub struct RetractMetricPointsPayload {
    /// The metric.
    metric: Option<Metric>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

refusable!(
    DefineMetricPayload,
    DescribeMetricPayload,
    ArchiveMetricPayload,
    RecordMetricPointsPayload,
    RetractMetricPointsPayload,
);

fn no_such_metric() -> UserError {
    UserError::not_found("metric", &["input", "metricId"])
}

#[derive(Default)]
pub struct MetricsMutation;

#[Object]
impl MetricsMutation {
    /// Defines a number that the business follows.
    async fn define_metric(
        &self,
        ctx: &Context<'_>,
        input: DefineMetricInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<DefineMetricPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let new = DefineMetric {
            key: input.key,
            name: input.name,
            unit: input.unit,
            kind: input.kind.into(),
            currency: input.currency,
            time_zone: input.time_zone.map(|zone| zone.0.as_str().to_owned()),
            good_direction: input.good_direction.into(),
            description: input.description,
        };
        let (metric_id, position) = match commands(ctx).define_metric(&caller, new).await {
            Ok(defined) => defined,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, position).await;
        Ok(DefineMetricPayload {
            metric: load::metric(ctx, metric_id).await?,
            position: Some(Position(position)),
            user_errors: vec![],
        })
    }

    /// Changes how a metric is described. What it measures stays: for that, define another.
    async fn describe_metric(
        &self,
        ctx: &Context<'_>,
        input: DescribeMetricInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<DescribeMetricPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(metric_id) = ids::of::<MetricId>(Kind::Metric, &input.metric_id) else {
            return Ok(no_such_metric().into());
        };
        let (name, description) = (input.name.as_deref(), input.description.as_deref());
        let direction = input.good_direction.map(Into::into);
        let outcome = match commands(ctx).describe_metric(&caller, metric_id, name, description, direction).await {
            Ok(outcome) => outcome,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, outcome.position).await;
        Ok(DescribeMetricPayload {
            metric: load::metric(ctx, metric_id).await?,
            position: Some(Position(outcome.position)),
            user_errors: vec![],
        })
    }

    /// Ends a metric: it keeps its points and takes no more.
    async fn archive_metric(
        &self,
        ctx: &Context<'_>,
        input: ArchiveMetricInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<ArchiveMetricPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(metric_id) = ids::of::<MetricId>(Kind::Metric, &input.metric_id) else {
            return Ok(no_such_metric().into());
        };
        let outcome = match commands(ctx).archive_metric(&caller, metric_id).await {
            Ok(outcome) => outcome,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, outcome.position).await;
        Ok(ArchiveMetricPayload {
            metric: load::metric(ctx, metric_id).await?,
            position: Some(Position(outcome.position)),
            user_errors: vec![],
        })
    }

    /// Records points of a metric, singly or in bulk.
    async fn record_metric_points(
        &self,
        ctx: &Context<'_>,
        input: RecordMetricPointsInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<RecordMetricPointsPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(metric_id) = ids::of::<MetricId>(Kind::Metric, &input.metric_id) else {
            return Ok(no_such_metric().into());
        };
        let points: Vec<Point> =
            input.points.iter().map(|point| Point { at: point.at.0, value: point.value.0 }).collect();
        let recorded = match commands(ctx).record_points(&caller, metric_id, &points).await {
            Ok(recorded) => recorded,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, recorded.position).await;
        // Most who record points want to know only that they are in.
        let asked = ctx.look_ahead().field("metric").exists();
        Ok(RecordMetricPointsPayload {
            metric: if asked { load::metric(ctx, metric_id).await? } else { None },
            added: recorded.added.into(),
            corrected: recorded.corrected.into(),
            unchanged: recorded.unchanged.into(),
            late: recorded.late.into(),
            position: Some(Position(recorded.position)),
            user_errors: vec![],
        })
    }

    /// Takes points of a metric back, such as ones recorded for the wrong day.
    async fn retract_metric_points(
        &self,
        ctx: &Context<'_>,
        input: RetractMetricPointsInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<RetractMetricPointsPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(metric_id) = ids::of::<MetricId>(Kind::Metric, &input.metric_id) else {
            return Ok(no_such_metric().into());
        };
        let ats: Vec<jiff::Timestamp> = input.at.iter().map(|at| at.0).collect();
        let outcome = match commands(ctx).retract_points(&caller, metric_id, &ats).await {
            Ok(outcome) => outcome,
            Err(error) => return Ok(refused(error)?.into()),
        };
        settle(ctx, caller.tenant, outcome.position).await;
        Ok(RetractMetricPointsPayload {
            metric: load::metric(ctx, metric_id).await?,
            position: Some(Position(outcome.position)),
            user_errors: vec![],
        })
    }
}
