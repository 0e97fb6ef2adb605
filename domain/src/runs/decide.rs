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
    #[error("{goals} goals would follow this plan; at most {bound} may")]
    TooManyGoals { goals: usize, bound: usize },
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

/// Goals that follow one plan.
pub const MOST_GOALS: usize = 20;

/// Takes the plan on that a run answered with, once, and has goals follow it; more may be added later.
pub fn accept(
    run: &Run,
    by: UserId,
    note: Option<Personal<String>>,
    follow: Vec<PlanFollowed>,
) -> Result<Vec<RunEvent>, RunRefusal> {
    let requested = run.requested.as_ref().ok_or(RunRefusal::NotFound)?;
    let plans = matches!(requested.kind, RunKind::Inventory | RunKind::Staffing | RunKind::Roster | RunKind::Budget);
    let goals = run.followed + follow.len();
    match &run.end {
        Some(RunEnd::Completed(completed)) if plans && !completed.answer["plan"].is_null() => {
            if goals > MOST_GOALS {
                return Err(RunRefusal::TooManyGoals { goals, bound: MOST_GOALS });
            }
            let accepted = (!run.accepted).then(|| PlanAccepted { accepted_by: by, note }.into());
            Ok(accepted.into_iter().chain(follow.into_iter().map(RunEvent::from)).collect())
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
    fn a_plan_is_accepted_once_and_followed_by_a_bounded_number_of_goals() {
        let by = UserId::from(Uuid::nil());
        let completed = |answer| {
            RunEvent::from(RunCompleted {
                input_position: 1,
                input_sha256: String::new(),
                method: String::new(),
                summary: String::new(),
                caveats: vec![],
                answer,
                stopped_early: false,
                elapsed_ms: 1,
            })
        };
        let asked = RunRequested { kind: RunKind::Budget, ..requested() };
        let without = given(&[asked.clone().into(), completed(json!({"plan": null}))]);
        assert_eq!(accept(&without, by, None, vec![]), Err(RunRefusal::NoPlan));
        let followed: PlanFollowed =
            serde_json::from_str(include_str!("../../golden/runs/PlanFollowed.1.json")).unwrap();
        let mut events = vec![asked.into(), completed(json!({"plan": {}}))];
        let first = accept(&given(&events), by, None, vec![followed.clone()]).unwrap();
        assert_eq!(first, [PlanAccepted { accepted_by: by, note: None }.into(), followed.clone().into()]);
        events.extend(first);
        assert_eq!(accept(&given(&events), by, None, vec![]), Ok(vec![]));
        let more = vec![followed; MOST_GOALS];
        let bound = RunRefusal::TooManyGoals { goals: MOST_GOALS + 1, bound: MOST_GOALS };
        assert_eq!(accept(&given(&events), by, None, more), Err(bound));
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
