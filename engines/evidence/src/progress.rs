//! Progress of long runs, and how to stop them.

use crate::error::{EvidenceError, Result};

/// Whether a long run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continue {
    Yes,
    /// Stop at the next safe point; the run ends with [`EvidenceError::Cancelled`].
    Cancel,
}

/// Told of each step of a long run; its answer may cancel the run.
///
/// `step` receives the steps done and the steps expected in all (an estimate that may grow).
pub struct Progress<'a> {
    step: Option<&'a mut dyn FnMut(usize, usize) -> Continue>,
}

impl<'a> Progress<'a> {
    /// Nobody listens and nobody cancels.
    pub fn silent() -> Progress<'static> {
        Progress { step: None }
    }

    /// Calls `listener(done, total)` after each step.
    pub fn new(listener: &'a mut dyn FnMut(usize, usize) -> Continue) -> Self {
        Progress { step: Some(listener) }
    }

    /// Reports a step.
    ///
    /// # Errors
    /// [`EvidenceError::Cancelled`] when the listener asked to stop.
    pub fn report(&mut self, done: usize, total: usize) -> Result<()> {
        match self.step.as_mut().map(|step| step(done, total)) {
            Some(Continue::Cancel) => Err(EvidenceError::Cancelled),
            _ => Ok(()),
        }
    }
}
