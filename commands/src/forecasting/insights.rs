//! What was noticed about metrics, told once.

use std::convert::Infallible;

use dyocense_domain::forecasting::{self, Findings, Insights, insight_stream};
use dyocense_domain::ids::{MetricId, RunId};
use dyocense_domain::runs::{Run, RunEnd, RunKind};
use dyocense_eventlog::TenantId;

use super::history::read;
use super::watch::WatchAnswer;
use crate::caller::Caller;
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, stream_id};

impl Commands {
    /// Records what a look at a metric brought that people have not been told yet. Other runs bring nothing.
    pub(crate) async fn record_insights(&self, caller: &Caller, run_id: RunId) -> Result<(), Fault> {
        let run = self.load::<Run>(caller.tenant, &stream_id(run_id.stream())?).await?.state;
        let Some(RunEnd::Completed(completed)) = run.end else { return Ok(()) };
        if run.requested.is_none_or(|requested| requested.kind != RunKind::Watch) {
            return Ok(());
        }
        let WatchAnswer { findings, .. } = read(&completed.answer).map_err(Fault::internal)?;
        if is_silent(&findings) {
            return Ok(());
        }
        let stream = insight_stream(findings.metric_id);
        let recorded = self
            .execute::<Insights, Infallible>(caller, stream, "RecordInsights", |insights| {
                Ok(forecasting::record(insights, &findings, run_id))
            })
            .await;
        match recorded {
            Ok(_) => Ok(()),
            Err(CommandError::Fault(fault)) => Err(fault),
            Err(CommandError::Refused(never)) => match never {},
        }
    }

    pub(crate) async fn insights(&self, tenant: TenantId, metric: MetricId) -> Result<Insights, Fault> {
        Ok(self.load::<Insights>(tenant, &stream_id(insight_stream(metric))?).await?.state)
    }
}

/// Nothing stood out, and nothing that did before was looked at again.
fn is_silent(findings: &Findings) -> bool {
    findings.steps.iter().all(|step| step.is_news && step.oddity.is_none() && step.breach.is_none())
}
