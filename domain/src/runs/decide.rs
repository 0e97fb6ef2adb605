use super::events::*;
use super::state::{Run, RunEnd};
use crate::ids::UserId;
use crate::personal::Personal;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunRefusal {
    #[error("there is no such run in this business")]
    NotFound,
    #[error("the run has ended")]
    Ended,
    /// What was asked cannot be asked.
    #[error("{reason}")]
    Request { field: &'static str, reason: String },
    #[error("{waiting} runs of this business are waiting; at most {bound} may")]
    TooMany { waiting: usize, bound: usize },
    #[error("runs are stopped and plans accepted by a person or an API key")]
    NotAPerson,
    #[error("the run has no plan to accept")]
    NoPlan,
}

/// Asks for a run; the same run is asked for once.
pub fn request(run: &Run, requested: RunRequested) -> Vec<RunEvent> {
    match run.requested {
        Some(_) => vec![],
        None => vec![requested.into()],
    }
}

/// Asks a run to end; a second request changes nothing.
pub fn stop(run: &Run, by: UserId) -> Result<Vec<RunEvent>, RunRefusal> {
    match run {
        Run { requested: None, .. } => Err(RunRefusal::NotFound),
        Run { end: Some(_), .. } => Err(RunRefusal::Ended),
        Run { stop_requested: true, .. } => Ok(vec![]),
        _ => Ok(vec![RunStopRequested { requested_by: by }.into()]),
    }
}

/// Ends a run once; what comes after its end changes nothing.
pub fn end(run: &Run, how: RunEvent) -> Vec<RunEvent> {
    match run {
        Run { requested: Some(_), end: None, .. } => vec![how],
        _ => vec![],
    }
}

/// Takes the plan on that a run answered with; once is enough.
pub fn accept(run: &Run, by: UserId, note: Option<Personal<String>>) -> Result<Vec<RunEvent>, RunRefusal> {
    let requested = run.requested.as_ref().ok_or(RunRefusal::NotFound)?;
    let plans = matches!(requested.kind, RunKind::Inventory | RunKind::Staffing | RunKind::Roster | RunKind::Budget);
    match &run.end {
        _ if run.accepted => Ok(vec![]),
        Some(RunEnd::Completed(completed)) if plans && !completed.answer["plan"].is_null() => {
            Ok(vec![PlanAccepted { accepted_by: by, note }.into()])
        }
        _ => Err(RunRefusal::NoPlan),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::event::Aggregate;
    use crate::ids::RunId;

    fn requested() -> RunRequested {
        RunRequested {
            run_id: RunId::from(Uuid::nil()),
            kind: RunKind::Forecast,
            request: json!({}),
            seed: 1,
            requested_by: None,
        }
    }

    fn given(events: &[RunEvent]) -> Run {
        events.iter().fold(Run::default(), |run, event| run.evolve(event))
    }

    #[test]
    fn a_run_is_asked_for_once() {
        assert_eq!(request(&Run::default(), requested()), [requested().into()]);
        assert_eq!(request(&given(&[requested().into()]), requested()), []);
    }

    #[test]
    fn a_run_ends_once() {
        let failed = || RunEvent::from(RunFailed { reason: "no points".into() });
        assert_eq!(end(&Run::default(), failed()), []);
        let running = given(&[requested().into()]);
        assert_eq!(end(&running, failed()), [failed()]);
        assert_eq!(end(&given(&[requested().into(), failed()]), RunCancelled {}.into()), []);
    }

    #[test]
    fn a_run_that_has_ended_or_never_was_cannot_be_stopped() {
        let by = UserId::from(Uuid::nil());
        assert_eq!(stop(&Run::default(), by), Err(RunRefusal::NotFound));
        assert_eq!(stop(&given(&[requested().into(), RunCancelled {}.into()]), by), Err(RunRefusal::Ended));
        let asked = RunEvent::from(RunStopRequested { requested_by: by });
        assert_eq!(stop(&given(&[requested().into()]), by), Ok(vec![asked.clone()]));
        assert_eq!(stop(&given(&[requested().into(), asked]), by), Ok(vec![]));
    }
}
