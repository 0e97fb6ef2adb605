//! A metric as the API shows it.

use async_graphql::{Context, ID, Object};
use dyocense_domain::metrics::{self as domain, default_aggregation, series};
use dyocense_projections::analytics::{is_of_whole_periods, sales_series};
use dyocense_projections::metrics;
use jiff::Timestamp;
use jiff::civil::Date as Day;

use super::types::*;
use crate::graphql::connection::Named;
use crate::graphql::fault::Fault;
use crate::graphql::ids::Kind;
use crate::graphql::request::{query_fault, snapshot};
use crate::graphql::scalars::{Date, DateTime, Decimal, Long, TimeZone};

/// A number that the business follows over time.
#[derive(Debug, Clone)]
pub struct Metric(pub metrics::Metric);

impl Named for Metric {
    const NAME: &'static str = "Metric";
}

/// A number that the business follows over time.
#[Object]
impl Metric {
    /// The id of the metric, for `node`.
    pub async fn id(&self) -> ID {
        Kind::Metric.id(self.0.metric_id)
    }

    /// Its name for machines, unique in the business.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// Its name for people.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What one of it is.
    async fn unit(&self) -> &str {
        &self.0.unit
    }

    /// How its points add up over time.
    async fn kind(&self) -> MetricKind {
        self.0.kind.into()
    }

    /// The currency, where the unit is money (ISO 4217).
    async fn currency(&self) -> Option<&str> {
        self.0.currency.as_deref()
    }

    /// The zone whose calendar days its points are counted in.
    async fn time_zone(&self) -> TimeZone {
        TimeZone(self.0.time_zone.clone())
    }

    /// Which way is better.
    async fn good_direction(&self) -> GoodDirection {
        self.0.good_direction.into()
    }

    /// Where its points come from.
    async fn source(&self) -> MetricSource {
        self.0.source.into()
    }

    /// What it measures, in plain words.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// When it was defined.
    async fn defined_at(&self) -> DateTime {
        DateTime(self.0.defined_at)
    }

    /// Whether it takes no more points.
    async fn archived(&self) -> bool {
        self.0.archived_at.is_some()
    }

    /// Its first point.
    async fn first_point(&self, ctx: &Context<'_>) -> Result<Option<MetricPoint>, Fault> {
        let mut snapshot = snapshot(ctx, None).await?;
        Ok(metrics::first_point(&mut snapshot, &self.0).await.map_err(query_fault)?.map(Into::into))
    }

    /// Its latest point.
    async fn latest_point(&self, ctx: &Context<'_>) -> Result<Option<MetricPoint>, Fault> {
        let mut snapshot = snapshot(ctx, None).await?;
        Ok(metrics::latest_point(&mut snapshot, &self.0).await.map_err(query_fault)?.map(Into::into))
    }

    /// How many points it has.
    async fn point_count(&self, ctx: &Context<'_>) -> Result<Long, Fault> {
        let mut snapshot = snapshot(ctx, None).await?;
        Ok(metrics::point_count(&mut snapshot, &self.0).await.map_err(query_fault)?.into())
    }

    /// The metric over time, in steps of its calendar.
    async fn series(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The length of the steps.")] bucket: Bucket,
        #[graphql(
            desc = "How the points of a step become one value; where it is left out the sum for flows and the last \
                          value for levels. Customers, the share of returning ones and the average order of a longer step are \
                          then made from all of its sales: a customer counts once in it."
        )]
        aggregation: Option<SeriesAggregation>,
        #[graphql(desc = "The first day; the metric's first where it is left out.")] from: Option<Date>,
        #[graphql(desc = "The last day, included; the metric's last where it is left out.")] to: Option<Date>,
        #[graphql(
            desc = "The most steps (1 to 5,000): where there would be more, the steps become longer.",
            default = 1000,
            validator(minimum = 1, maximum = 5000)
        )]
        max_points: u32,
    ) -> Result<MetricSeries, Fault> {
        let zone = &self.0.time_zone;
        let begin = from.and_then(|day| zone.start_of(day.0)).unwrap_or(Timestamp::MIN);
        let end = match to {
            // Up to, and without, the start of the day after.
            Some(day) => day.0.tomorrow().ok().and_then(|next| zone.start_of(next)).unwrap_or(Timestamp::MAX),
            None => Timestamp::MAX,
        };
        let mut snapshot = snapshot(ctx, None).await?;
        let most = max_points as usize;
        let from_sales = self.0.source == domain::MetricSource::Derived && is_of_whole_periods(&self.0.key);
        let (aggregation, series) = match aggregation {
            None if from_sales => {
                let days =
                    (from.map_or(Day::MIN, |day| day.0), to.and_then(|day| day.0.tomorrow().ok()).unwrap_or(Day::MAX));
                let series = sales_series(&mut snapshot, &self.0.key, days, bucket.into(), most).await;
                (None, series.map_err(query_fault)?)
            }
            given => {
                let points = metrics::points(&mut snapshot, &self.0, begin, end).await.map_err(query_fault)?;
                let aggregation = given.map_or_else(|| default_aggregation(self.0.kind), Into::into);
                (Some(aggregation.into()), series(&points, zone, bucket.into(), aggregation, most))
            }
        };
        Ok(MetricSeries {
            bucket: series.bucket.into(),
            aggregation,
            points: series
                .steps
                .into_iter()
                .map(|step| SeriesPoint {
                    start: Date(step.start),
                    value: Decimal(step.value),
                    count: step.points.into(),
                })
                .collect(),
        })
    }
}
