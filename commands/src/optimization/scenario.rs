//! A question asked again with some of its inputs changed.

use dyocense_domain::ids::RunId;
use dyocense_domain::runs::{Run, RunEnd, RunKind, RunRefusal};
use dyocense_eventlog::TenantId;
use dyocense_optimization::changes::change;
use serde_json::Value;

use super::{PlanAnswer, PlanRequest};
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, stream_id};
use crate::forecasting::read;

impl Commands {
    /// What a run was asked, with `changes` made to its problem, and its seed.
    pub async fn scenario(
        &self,
        tenant: TenantId,
        kind: RunKind,
        run_id: RunId,
        changes: Option<Value>,
    ) -> Result<(PlanRequest, u32), CommandError<RunRefusal>> {
        let refused = |field, reason: String| CommandError::Refused(RunRefusal::Request { field, reason });
        let run = self.load::<Run>(tenant, &stream_id(run_id.stream())?).await?.state;
        let Some(requested) = run.requested.filter(|requested| requested.kind == kind) else {
            return Err(refused("scenarioOf", "there is no such run of this kind in this business".to_owned()));
        };
        let mut request: PlanRequest = read(&requested.request).map_err(Fault::internal)?;
        if let Some(changes) = &changes {
            change(&mut request.problem, changes).map_err(|reason| refused("changes", reason))?;
        }
        request.scenario_of = Some(run_id);
        request.changes = changes;
        Ok((request, requested.seed))
    }

    /// What an earlier run of the business answered, if it found a plan.
    pub(super) async fn plan_of(&self, tenant: TenantId, run_id: RunId) -> Result<Option<PlanAnswer>, Fault> {
        let run = self.load::<Run>(tenant, &stream_id(run_id.stream())?).await?.state;
        match run.end {
            Some(RunEnd::Completed(completed)) => Ok(serde_json::from_value(completed.answer).ok()),
            _ => Ok(None),
        }
    }
}
