//! Defining metrics, and recording their points.

mod points;
mod sales;

use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::{self, GoodDirection, MetricEvent, MetricKind, MetricRefusal, MetricSource, NewMetric};
use dyocense_eventlog::{Position, TenantId};

use crate::caller::Caller;
use crate::derived;
use crate::error::CommandError;
use crate::execute::{Commands, Outcome};

pub use points::RecordedPoints;
pub(crate) use sales::SALES_KEYS;

/// A metric to define. Where `time_zone` is None, the business's own.
#[derive(Debug, Clone)]
pub struct DefineMetric {
    pub key: String,
    pub name: String,
    pub unit: String,
    pub kind: MetricKind,
    pub currency: Option<String>,
    pub time_zone: Option<String>,
    pub good_direction: GoodDirection,
    pub description: String,
}

impl Commands {
    pub async fn define_metric(
        &self,
        caller: &Caller,
        input: DefineMetric,
    ) -> Result<(MetricId, Position), CommandError<MetricRefusal>> {
        let (business_zone, _) = self.locale(caller.tenant).await?;
        let new = NewMetric {
            metric_id: metric_id(caller.tenant, &input.key),
            key: input.key,
            name: input.name,
            unit: input.unit,
            kind: input.kind,
            currency: input.currency,
            time_zone: input.time_zone.unwrap_or_else(|| business_zone.to_string()),
            good_direction: input.good_direction,
            source: MetricSource::Recorded,
            description: input.description,
        };
        let metric_id = new.metric_id;
        let outcome = self
            .change_metric(caller, metric_id, "DefineMetric", &[], |metric, _| {
                metrics::define(metric, new.clone()).map_err(|refusal| match refusal {
                    // A key is one metric: the same key gives the same id.
                    MetricRefusal::AlreadyDefined => MetricRefusal::KeyInUse { key: new.key.clone() },
                    other => other,
                })
            })
            .await?;
        Ok((metric_id, outcome.position))
    }

    pub async fn describe_metric(
        &self,
        caller: &Caller,
        metric_id: MetricId,
        name: Option<&str>,
        description: Option<&str>,
        good_direction: Option<GoodDirection>,
    ) -> Result<Outcome<MetricEvent>, CommandError<MetricRefusal>> {
        self.change_metric(caller, metric_id, "DescribeMetric", &[], |metric, _| {
            metrics::describe(metric, name, description, good_direction)
        })
        .await
    }

    pub async fn archive_metric(
        &self,
        caller: &Caller,
        metric_id: MetricId,
    ) -> Result<Outcome<MetricEvent>, CommandError<MetricRefusal>> {
        self.change_metric(caller, metric_id, "ArchiveMetric", &[], |metric, _| metrics::archive(metric)).await
    }
}

/// The id of a tenant's metric follows from its key, so that two definitions of one key meet in one stream.
pub fn metric_id(tenant: TenantId, key: &str) -> MetricId {
    MetricId::from(derived::id("metric", tenant, [key.as_bytes()]))
}
