use super::events::*;
use crate::event::Aggregate;

/// What the events of a stream `run-<id>` add up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    pub requested: Option<RunRequested>,
    pub stop_requested: bool,
    pub end: Option<RunEnd>,
    pub accepted: bool,
    /// Goals that follow its plan.
    pub followed: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum RunEnd {
    Completed(Box<RunCompleted>),
    Failed { reason: String },
    Cancelled,
}

impl Aggregate for Run {
    type Event = RunEvent;

    fn evolve(mut self, event: &RunEvent) -> Self {
        match event {
            RunEvent::RunRequested(fact) => self.requested = Some(fact.clone()),
            RunEvent::RunStopRequested(_) => self.stop_requested = true,
            RunEvent::RunCompleted(fact) => self.end = Some(RunEnd::Completed(Box::new(fact.clone()))),
            RunEvent::RunFailed(fact) => self.end = Some(RunEnd::Failed { reason: fact.reason.clone() }),
            RunEvent::RunCancelled(_) => self.end = Some(RunEnd::Cancelled),
            RunEvent::PlanAccepted(_) => self.accepted = true,
            RunEvent::PlanFollowed(_) => self.followed += 1,
        }
        self
    }
}
