//! What commands ask of the read models.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use dyocense_commands::ports::{
    AskedForecast, ImportSummary, KeptConstraint, KeptForecast, MetricMoment, MetricSummary, ReadError, ReadModels,
};
use dyocense_domain::connectors::Transaction;
use dyocense_domain::ids::{GoalId, MetricId};
use dyocense_domain::metrics::{Bucket, Point};
use dyocense_domain::optimization::PlanFamily;
use dyocense_domain::runs::RunKind;
use dyocense_eventlog::{Position, TenantId};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::connectors::{Import, ImportStatus};
use crate::metrics::Metric;
use crate::{Projections, QueryError, Snapshot, analytics, connectors, goals, metrics, optimization, runs};

fn unavailable(error: QueryError) -> ReadError {
    ReadError::Unavailable(Box::new(error))
}

impl From<Metric> for MetricSummary {
    fn from(row: Metric) -> Self {
        Self {
            metric_id: row.metric_id,
            key: row.key,
            name: row.name,
            description: row.description,
            unit: row.unit,
            kind: row.kind,
            currency: row.currency,
            time_zone: row.time_zone,
            good_direction: row.good_direction,
            source: row.source,
            archived: row.archived_at.is_some(),
        }
    }
}

impl From<Import> for ImportSummary {
    fn from(row: Import) -> Self {
        Self {
            import_id: row.import_id,
            file_name: row.file_name,
            file_sha256: row.file_sha256,
            imported: row.imported.unsigned_abs(),
            finished: row.status != ImportStatus::Running,
        }
    }
}

impl Projections {
    async fn moment(&self, tenant: TenantId) -> Result<Snapshot, ReadError> {
        self.snapshot(tenant).await.map_err(unavailable)
    }
}

#[async_trait]
impl ReadModels for Projections {
    async fn wait_for(&self, tenant: TenantId, position: Position, at_most: Duration) -> Result<(), ReadError> {
        Projections::wait_for(self, tenant, position, at_most)
            .await
            .map_err(|behind| ReadError::Behind { wanted: behind.wanted, waited: behind.waited })
    }

    async fn metric(&self, tenant: TenantId, metric: MetricId) -> Result<Option<MetricSummary>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        Ok(metrics::metric(&mut snapshot, metric).await.map_err(unavailable)?.map(MetricSummary::from))
    }

    async fn metrics(&self, tenant: TenantId) -> Result<Vec<MetricSummary>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        let all = metrics::all_metrics(&mut snapshot).await.map_err(unavailable)?;
        Ok(all.into_iter().map(MetricSummary::from).collect())
    }

    async fn metric_by_key(&self, tenant: TenantId, key: &str) -> Result<Option<MetricSummary>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        Ok(metrics::metric_by_key(&mut snapshot, key).await.map_err(unavailable)?.map(MetricSummary::from))
    }

    async fn metric_moment(
        &self,
        tenant: TenantId,
        metric: MetricId,
        ats: &[Timestamp],
        at_least: Position,
        at_most: Duration,
    ) -> Result<Option<MetricMoment>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        if snapshot.position() < at_least {
            snapshot.end().await.map_err(unavailable)?;
            ReadModels::wait_for(self, tenant, at_least, at_most).await?;
            snapshot = self.moment(tenant).await?;
        }
        let Some(metric) = metrics::metric(&mut snapshot, metric).await.map_err(unavailable)? else {
            return Ok(None);
        };
        let values = metrics::values_at(&mut snapshot, &metric, ats).await.map_err(unavailable)?;
        let latest = metrics::latest_point(&mut snapshot, &metric).await.map_err(unavailable)?.map(|point| point.at);
        Ok(Some(MetricMoment { summary: metric.into(), values, latest }))
    }

    async fn points(
        &self,
        tenant: TenantId,
        metric: MetricId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Point>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        let Some(metric) = metrics::metric(&mut snapshot, metric).await.map_err(unavailable)? else {
            return Ok(Vec::new());
        };
        metrics::points(&mut snapshot, &metric, from, to).await.map_err(unavailable)
    }

    async fn transactions(&self, tenant: TenantId, keys: &[String]) -> Result<HashMap<String, Transaction>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        analytics::transactions_by_key(&mut snapshot, keys).await.map_err(unavailable)
    }

    async fn goals_measured_by(
        &self,
        tenant: TenantId,
        metric: MetricId,
        since: Date,
    ) -> Result<Vec<GoalId>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        goals::goals_measured_by(&mut snapshot, metric, since).await.map_err(unavailable)
    }

    async fn asked_forecasts(&self, tenant: TenantId, metric: MetricId) -> Result<Vec<AskedForecast>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        let asked = runs::newest_asked(&mut snapshot, metric, RunKind::Forecast).await.map_err(unavailable)?;
        Ok(asked.into_iter().map(|run| AskedForecast { request: run.request.0, asked_at: run.requested_at }).collect())
    }

    async fn kept_forecasts(
        &self,
        tenant: TenantId,
        metric: MetricId,
        bucket: Bucket,
        most: usize,
    ) -> Result<Vec<KeptForecast>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        let kept = runs::newest_completed(&mut snapshot, metric, RunKind::Forecast, bucket, most).await;
        let answered = kept
            .map_err(unavailable)?
            .into_iter()
            .filter_map(|run| Some(KeptForecast { run_id: run.run_id, answer: run.completion?.0.answer }));
        Ok(answered.collect())
    }

    async fn watched_until(
        &self,
        tenant: TenantId,
        metric: MetricId,
        bucket: Bucket,
    ) -> Result<Option<Date>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        let watch = runs::newest_open_or_completed(&mut snapshot, metric, RunKind::Watch, bucket).await;
        let request = watch.map_err(unavailable)?.map(|run| run.request.0);
        Ok(request.and_then(|request| request["last"].as_str()?.parse().ok()))
    }

    async fn completed_import(&self, tenant: TenantId, file_sha256: &str) -> Result<Option<ImportSummary>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        let import = connectors::completed_import_of(&mut snapshot, file_sha256).await.map_err(unavailable)?;
        Ok(import.map(ImportSummary::from))
    }

    async fn constraints(
        &self,
        tenant: TenantId,
        family: Option<PlanFamily>,
    ) -> Result<Vec<KeptConstraint>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        let kept = optimization::constraints(&mut snapshot, family).await.map_err(unavailable)?;
        Ok(kept
            .into_iter()
            .map(|row| KeptConstraint {
                constraint_id: row.constraint_id,
                family: row.family,
                says: row.says,
                means: row.means.0,
            })
            .collect())
    }
}
