//! A run that is going on: how far it is, and the wish that it end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dyocense_domain::ids::RunId;
use dyocense_eventlog::TenantId;
use tokio::sync::watch;

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// 0 to 1; None where nobody can say.
    pub share: Option<f64>,
    /// What is being done, or the best that was found so far, in words.
    pub note: String,
    /// Of a search for a plan: what it has so far.
    pub search: Option<Search>,
}

/// How far a search for a plan is, in the problem's own unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// What the best plan so far costs, or returns.
    pub incumbent: Option<f64>,
    /// No plan can be better than this.
    pub bound: Option<f64>,
    /// Relative distance between the two, 0 when proven.
    pub gap: Option<f64>,
}

/// Passed to an engine: it tells how far it is and asks whether to go on.
#[derive(Debug)]
pub struct Control {
    stopped: AtomicBool,
    progress: watch::Sender<Progress>,
}

impl Control {
    fn new() -> Arc<Self> {
        Arc::new(Self { stopped: AtomicBool::new(false), progress: watch::Sender::default() })
    }

    /// Of a run that nobody watches.
    #[cfg(test)]
    pub(crate) fn detached() -> Arc<Self> {
        Self::new()
    }

    /// Whether the run should end with what it has.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub fn tell(&self, share: Option<f64>, note: impl Into<String>) {
        self.progress.send_replace(Progress { share, note: note.into(), search: None });
    }

    pub(crate) fn tell_search(&self, share: f64, note: impl Into<String>, search: Search) {
        self.progress.send_replace(Progress { share: Some(share), note: note.into(), search: Some(search) });
    }
}

/// The runs that this node works on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Going(Arc<Mutex<Controls>>);

type Controls = HashMap<(TenantId, RunId), Arc<Control>>;

impl Going {
    pub fn begin(&self, tenant: TenantId, run: RunId) -> GoingRun {
        let control = Control::new();
        self.lock().insert((tenant, run), control.clone());
        GoingRun { all: self.clone(), key: (tenant, run), control }
    }

    pub fn control(&self, tenant: TenantId, run: RunId) -> Option<Arc<Control>> {
        self.lock().get(&(tenant, run)).cloned()
    }

    /// None where this node does not work on the run.
    pub fn watch(&self, tenant: TenantId, run: RunId) -> Option<watch::Receiver<Progress>> {
        self.control(tenant, run).map(|control| control.progress.subscribe())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Controls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listed until dropped.
pub(crate) struct GoingRun {
    all: Going,
    key: (TenantId, RunId),
    pub control: Arc<Control>,
}

impl Drop for GoingRun {
    fn drop(&mut self) {
        self.all.lock().remove(&self.key);
    }
}
