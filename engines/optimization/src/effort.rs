//! How long a run may go on: deterministic work, and a way to stop from outside.

/// Units of work that take about one second of one core of a 2024 server.
///
/// A unit is one matrix entry touched. Work, unlike time, is the same on every machine and in every
/// run, so a plan that ended at a work limit can be computed again and will be the same plan.
pub const WORK_PER_SECOND: u64 = 250_000_000;

/// What a run reports while it works.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Objective of the best plan so far, in the problem's own sense.
    pub incumbent: Option<f64>,
    /// No plan can be better than this.
    pub bound: Option<f64>,
    /// Relative distance between the two, 0 when proven.
    pub gap: Option<f64>,
    pub nodes: u64,
    pub work: u64,
}

/// The limits of a run and the caller's hooks into it. The engine never reads a clock: a caller with
/// a deadline or a cancel button answers `true` from `stop`, and the run ends with its best plan.
pub struct Effort<'a> {
    /// Work allowed, in units of which [`WORK_PER_SECOND`] make a second.
    pub limit: u64,
    /// Work done so far.
    pub spent: u64,
    stop: Option<&'a dyn Fn() -> bool>,
    progress: Option<&'a dyn Fn(Progress)>,
    stopped: bool,
    next_look: u64,
}

/// Work between two looks at the caller's `stop`.
const LOOK_EVERY: u64 = 2_000_000;

impl<'a> Effort<'a> {
    pub fn new(limit: u64) -> Self {
        Self { limit, spent: 0, stop: None, progress: None, stopped: false, next_look: LOOK_EVERY }
    }

    /// A limit given in seconds of an unloaded core.
    pub fn seconds(seconds: f64) -> Self {
        Self::new((seconds.max(0.0) * WORK_PER_SECOND as f64) as u64)
    }

    pub fn with_stop(mut self, stop: &'a dyn Fn() -> bool) -> Self {
        self.stop = Some(stop);
        self
    }

    pub fn with_progress(mut self, progress: &'a dyn Fn(Progress)) -> Self {
        self.progress = Some(progress);
        self
    }

    pub(crate) fn add(&mut self, work: u64) {
        self.spent += work;
    }

    /// Whether the run must end now.
    pub(crate) fn is_over(&mut self) -> bool {
        if self.stopped {
            return true;
        }
        if self.spent >= self.limit {
            return true;
        }
        if self.spent >= self.next_look {
            self.next_look = self.spent + LOOK_EVERY;
            if self.stop.is_some_and(|stop| stop()) {
                self.stopped = true;
                return true;
            }
        }
        false
    }

    /// Whether the caller, not the work limit, ended the run: such a run cannot be replayed by its
    /// limit alone.
    pub fn was_stopped(&self) -> bool {
        self.stopped
    }

    /// Runs a part under a smaller limit, with the same hooks.
    pub(crate) fn part<T>(&mut self, share: u64, run: impl FnOnce(&mut Self) -> T) -> T {
        let whole = self.limit;
        self.limit = whole.min(self.spent.saturating_add(share));
        let answer = run(self);
        self.limit = whole;
        answer
    }

    pub(crate) fn report(&self, progress: Progress) {
        if let Some(report) = self.progress {
            report(progress);
        }
    }

    /// Runs a part whose progress is not the caller's business.
    pub(crate) fn silently<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let progress = self.progress.take();
        let answer = run(self);
        self.progress = progress;
        answer
    }
}
