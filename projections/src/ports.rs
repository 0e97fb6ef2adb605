//! What commands ask of the read models.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use dyocense_commands::ports::{
    AskedForecast, CausalModelSummary, ImportSummary, KeptConstraint, KeptForecast, KnownOccasion, MetricMoment,
    MetricSummary, ReadError, ReadModels,
};
use dyocense_domain::connectors::Transaction;
use dyocense_domain::ids::{GoalId, MetricId, RunId};
use dyocense_domain::metrics::{Bucket, Point};
use dyocense_domain::optimization::PlanFamily;
use dyocense_domain::runs::RunKind;
use dyocense_eventlog::{Position, TenantId};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::connectors::{Import, ImportStatus};
use crate::metrics::Metric;
use crate::{Projections, QueryError, Snapshot, analytics, connectors, evidence, goals, metrics, optimization, runs};

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
        ReadModels::wait_for(self, tenant, at_least, at_most).await?;
        let mut snapshot = self.moment(tenant).await?;
        let Some(metric) = metrics::metric(&mut snapshot, metric).await.map_err(unavailable)? else {
            return Ok(None);
        };
        let latest = metrics::latest_point(&mut snapshot, &metric).await.map_err(unavailable)?.map(|point| point.at);
        // Most points are the newest of their metric: nothing stands where they come.
        let known: Vec<Timestamp> =
            ats.iter().copied().filter(|at| latest.is_some_and(|latest| *at <= latest)).collect();
        let values = metrics::values_at(&mut snapshot, &metric, &known).await.map_err(unavailable)?;
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
        let answered = kept.map_err(unavailable)?.into_iter().filter_map(|run| {
            let completion = run.completion?.0;
            Some(KeptForecast { run_id: run.run_id, method: completion.method, answer: completion.answer })
        });
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

    async fn occasions(&self, tenant: TenantId) -> Result<Vec<KnownOccasion>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        let all = evidence::occasions(&mut snapshot, None, None).await.map_err(unavailable)?;
        let known = |row: evidence::Occasion| KnownOccasion {
            occasion_id: row.occasion_id,
            kind: row.kind,
            name: row.name,
            first: row.first,
            last: row.last,
        };
        Ok(all.into_iter().map(known).collect())
    }

    async fn causal_models(&self, tenant: TenantId) -> Result<Vec<CausalModelSummary>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        let all = evidence::causal_models(&mut snapshot).await.map_err(unavailable)?;
        let summary = |row: evidence::CausalModel| CausalModelSummary {
            model_id: row.model_id,
            metrics: row.definition.0.metrics,
            versions: row.versions,
            latest_run: row.latest_run,
            learnt_until: row.learnt_until,
            learnt_days: row.learnt_days,
            learning: row.learning_run.is_some(),
        };
        Ok(all.into_iter().map(summary).collect())
    }

    async fn run_answer(&self, tenant: TenantId, run: RunId) -> Result<Option<serde_json::Value>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        let row = runs::run(&mut snapshot, run).await.map_err(unavailable)?;
        Ok(row.and_then(|row| row.completion).map(|completion| completion.0.answer))
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

    async fn newest_forecasts(
        &self,
        tenant: TenantId,
        metric: MetricId,
    ) -> Result<Vec<(RunId, serde_json::Value)>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        let newest = runs::newest_forecasts(&mut snapshot, metric).await.map_err(unavailable)?;
        Ok(newest.into_iter().filter_map(|run| Some((run.run_id, run.completion?.0.answer))).collect())
    }

    async fn newest_request(&self, tenant: TenantId, kind: RunKind) -> Result<Option<serde_json::Value>, ReadError> {
        let mut snapshot = self.moment(tenant).await?;
        Ok(runs::newest(&mut snapshot, kind).await.map_err(unavailable)?.map(|run| run.request.0))
    }
}
