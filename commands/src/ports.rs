//! What commands need from elsewhere, as traits. Projections implement the read ports.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use dyocense_domain::connectors::Transaction;
use dyocense_domain::evidence::OccasionKind;
use dyocense_domain::ids::{CausalModelId, ConstraintId, GoalId, ImportId, MetricId, OccasionId, RunId};
use dyocense_domain::metrics::{Bucket, GoodDirection, MetricKind, MetricSource, Point};
use dyocense_domain::optimization::PlanFamily;
use dyocense_domain::runs::RunKind;
use dyocense_domain::time_zone::TimeZoneName;
use dyocense_eventlog::{Position, TenantId};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// A read model could not answer. The cause is for the log, never for a client.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("read models have not reached position {wanted} within {waited:?}")]
    Behind { wanted: Position, waited: Duration },
    #[error("read models are unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A mail to a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Names it to mail programs, so that the same mail sent twice is one: letters, digits and hyphens.
    pub key: String,
    pub to: String,
    pub subject: String,
    pub body: String,
}

impl std::fmt::Debug for Mail {
    /// Without what it says and to whom: it may hold a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Why a mail was not sent. Without servers' words, which repeat addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    #[error("the mail server refuses this mail for good (SMTP status {0})")]
    Refused(u16),
    #[error("the address is none that mail can be sent to")]
    Address,
    #[error("the mail server does not take it now (SMTP status {0})")]
    NotNow(u16),
    #[error("the mail server cannot be reached: {0}")]
    Unreachable(&'static str),
}

impl MailError {
    /// Whether trying again is of no use.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Address)
    }
}

/// Hands mail to a mail server.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Returns once the server has taken the mail; in at most a minute.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// A metric as its owner sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSummary {
    pub metric_id: MetricId,
    pub key: String,
    pub name: String,
    pub description: String,
    pub unit: String,
    pub kind: MetricKind,
    pub currency: Option<String>,
    pub time_zone: TimeZoneName,
    pub good_direction: GoodDirection,
    pub source: MetricSource,
    pub archived: bool,
}

/// A metric with what a decision on some of its points must know, all of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricMoment {
    pub summary: MetricSummary,
    /// By instant; instants without a value are left out.
    pub values: HashMap<Timestamp, Decimal>,
    /// When its latest point is.
    pub latest: Option<Timestamp>,
}

/// An import as far as batches follow from it.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportSummary {
    pub import_id: ImportId,
    pub file_name: String,
    pub file_sha256: String,
    /// Rows that became transactions.
    pub imported: u64,
    pub finished: bool,
}

/// A forecast that a person asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct AskedForecast {
    /// As the run's request says.
    pub request: serde_json::Value,
    pub asked_at: Timestamp,
}

/// A forecast that was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptForecast {
    pub run_id: RunId,
    /// The method and its version.
    pub method: String,
    pub answer: serde_json::Value,
}

/// A constraint that plans must keep.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptConstraint {
    pub constraint_id: ConstraintId,
    pub family: PlanFamily,
    /// None once its author was erased.
    pub says: Option<String>,
    pub means: serde_json::Value,
}

/// Days on which something known happened.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownOccasion {
    pub occasion_id: OccasionId,
    pub kind: OccasionKind,
    pub name: String,
    pub first: Date,
    pub last: Date,
}

/// A causal model as far as learning it again is concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct CausalModelSummary {
    pub model_id: CausalModelId,
    pub metrics: Vec<MetricId>,
    pub versions: i64,
    /// The run of the latest version.
    pub latest_run: Option<RunId>,
    /// The last day that the latest version was learnt from, and how many days it saw.
    pub learnt_until: Option<Date>,
    pub learnt_days: Option<i64>,
    /// A run is at it.
    pub learning: bool,
}

/// The read models that commands ask. Every answer is as of the tenant's checkpoint; ask
/// [`ReadModels::wait_for`] first where an answer must include a position.
#[async_trait]
pub trait ReadModels: Send + Sync + 'static {
    async fn wait_for(&self, tenant: TenantId, position: Position, at_most: Duration) -> Result<(), ReadError>;

    async fn metric(&self, tenant: TenantId, metric: MetricId) -> Result<Option<MetricSummary>, ReadError>;
    /// All metrics that take points, in the order of their keys.
    async fn metrics(&self, tenant: TenantId) -> Result<Vec<MetricSummary>, ReadError>;
    async fn metric_by_key(&self, tenant: TenantId, key: &str) -> Result<Option<MetricSummary>, ReadError>;
    /// A metric with its values at exactly these instants, `at_least` as of a position, for which it waits `at_most` so
    /// long. None: there is no such metric.
    async fn metric_moment(
        &self,
        tenant: TenantId,
        metric: MetricId,
        ats: &[Timestamp],
        at_least: Position,
        at_most: Duration,
    ) -> Result<Option<MetricMoment>, ReadError>;
    /// Points with `from <= at < to`, in order.
    async fn points(
        &self,
        tenant: TenantId,
        metric: MetricId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Point>, ReadError>;

    /// The transactions that are known by these keys.
    async fn transactions(&self, tenant: TenantId, keys: &[String]) -> Result<HashMap<String, Transaction>, ReadError>;

    /// Goals measured by this metric that a change of its points from `since` on may concern: the active ones, and those
    /// already evaluated that were due that day or later. Paused and abandoned goals are not looked at.
    async fn goals_measured_by(
        &self,
        tenant: TenantId,
        metric: MetricId,
        since: Date,
    ) -> Result<Vec<GoalId>, ReadError>;

    /// The newest forecast of a metric that a person asked for, for each length of steps.
    async fn asked_forecasts(&self, tenant: TenantId, metric: MetricId) -> Result<Vec<AskedForecast>, ReadError>;
    /// The answered forecasts of a metric in steps of `bucket`, whoever asked, the newest first; at most `most`.
    async fn kept_forecasts(
        &self,
        tenant: TenantId,
        metric: MetricId,
        bucket: Bucket,
        most: usize,
    ) -> Result<Vec<KeptForecast>, ReadError>;
    /// The last step that the newest look at a metric covers or will cover.
    async fn watched_until(
        &self,
        tenant: TenantId,
        metric: MetricId,
        bucket: Bucket,
    ) -> Result<Option<Date>, ReadError>;

    /// The completed import of the same file, if there is one.
    async fn completed_import(&self, tenant: TenantId, file_sha256: &str) -> Result<Option<ImportSummary>, ReadError>;

    /// All occasions of the business, in the order of their first days.
    async fn occasions(&self, tenant: TenantId) -> Result<Vec<KnownOccasion>, ReadError>;
    /// All causal models of the business, the older first.
    async fn causal_models(&self, tenant: TenantId) -> Result<Vec<CausalModelSummary>, ReadError>;
    /// The answer of a run that has completed.
    async fn run_answer(&self, tenant: TenantId, run: RunId) -> Result<Option<serde_json::Value>, ReadError>;

    /// The constraints of one family of plans, or of all, the older first.
    async fn constraints(&self, tenant: TenantId, family: Option<PlanFamily>)
    -> Result<Vec<KeptConstraint>, ReadError>;

    /// The newest forecasts of a metric that were answered, with their answers, the newest first: a few.
    async fn newest_forecasts(
        &self,
        tenant: TenantId,
        metric: MetricId,
    ) -> Result<Vec<(RunId, serde_json::Value)>, ReadError>;

    /// What the newest run of a kind was asked.
    async fn newest_request(&self, tenant: TenantId, kind: RunKind) -> Result<Option<serde_json::Value>, ReadError>;
}
