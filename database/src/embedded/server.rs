//! The server process: how it is started, known to be ready, watched and ended.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::binaries::Installation;
use super::child::{EndWithParent, command};
use super::directory::DataDirectory;
use super::postmaster::PostmasterFile;
use super::{EmbeddedError, Options, orphans, settings};

/// A fast shutdown writes all that is dirty; on a slow disk that takes its time.
const FAST_SHUTDOWN: Duration = Duration::from_secs(60);
const IMMEDIATE_SHUTDOWN: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct State {
    /// The server's main process, until it has been reaped.
    pid: Option<Pid>,
    stopping: bool,
    ended: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, and the state is plain data.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handle by which the server is stopped.
#[derive(Debug)]
pub(super) struct Supervisor {
    shared: Arc<Shared>,
}

impl Supervisor {
    pub fn pid(&self) -> Option<i32> {
        self.shared.lock().pid.map(Pid::as_raw)
    }

    /// Ends the server and waits until it is gone: fast, then immediately, then by force.
    pub fn stop(self) {
        let mut state = self.shared.lock();
        state.stopping = true;
        self.shared.changed.notify_all();
        for (signal, patience) in [
            (Signal::SIGINT, FAST_SHUTDOWN),
            (Signal::SIGQUIT, IMMEDIATE_SHUTDOWN),
            (Signal::SIGKILL, IMMEDIATE_SHUTDOWN),
        ] {
            // The pid is ours until it is reaped, which happens under the same lock.
            if let Some(pid) = state.pid
                && let Err(error) = kill(pid, signal)
            {
                tracing::warn!(%pid, %signal, %error, "cannot signal Postgres");
            }
            let (after, timeout) = self
                .shared
                .changed
                .wait_timeout_while(state, patience, |state| !state.ended)
                .unwrap_or_else(PoisonError::into_inner);
            state = after;
            if !timeout.timed_out() {
                return;
            }
            tracing::warn!(%signal, "Postgres has not ended");
        }
    }
}

/// The watcher's half; it runs on the thread that spawned the server.
pub(super) struct Watch {
    directory: DataDirectory,
    installation: Installation,
    settings: Vec<(String, String)>,
    shared: Arc<Shared>,
    child: Child,
}

/// Starts the server of `directory` and waits until it accepts connections.
pub(super) fn launch(directory: DataDirectory, options: &Options) -> Result<(Supervisor, Watch), EmbeddedError> {
    let installation = directory.installation(options.bin_dir.as_deref())?;
    directory.initialize(&installation)?;
    orphans::clear(&directory, || false)?;
    let log_path = directory.log_path();
    let log_start = std::fs::metadata(&log_path).map_or(0, |log| log.len());
    let mut child = spawn(&directory, &installation, &options.settings)?;
    let pid = child_pid(&child);
    let mut said = Instant::now();
    loop {
        if PostmasterFile::read(&directory.pgdata()).is_some_and(|file| file.ready && file.pid == pid.as_raw()) {
            break;
        }
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => {
                return Err(EmbeddedError::EndedAtStart {
                    status: status.to_string(),
                    log: tail(&log_path, log_start),
                    log_path,
                });
            }
            Err(source) => {
                return Err(EmbeddedError::Io {
                    action: "cannot wait for",
                    path: installation.bin_dir.join("postgres"),
                    source,
                });
            }
        }
        if said.elapsed() > Duration::from_secs(5) {
            said = Instant::now();
            tracing::info!(log = %log_path.display(), "waiting for Postgres to recover");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let shared = Arc::new(Shared::default());
    shared.lock().pid = Some(pid);
    let watch =
        Watch { directory, installation, settings: options.settings.clone(), shared: Arc::clone(&shared), child };
    Ok((Supervisor { shared }, watch))
}

impl Watch {
    /// Waits for the server to end; starts it again unless it was told to end. Returns when it is gone for good.
    pub fn run(mut self) {
        let mut started = Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            let status = self.wait_and_reap();
            if self.shared.lock().stopping {
                break;
            }
            tracing::error!(status, log = %self.directory.log_path().display(), "Postgres ended by itself; starting it again");
            if started.elapsed() > Duration::from_secs(60) {
                pause = Duration::from_millis(50);
            }
            if !self.start_again(&mut pause) {
                break;
            }
            started = Instant::now();
        }
        // The lock on the directory goes before those who wait for the end hear of it.
        let shared = Arc::clone(&self.shared);
        drop(self);
        shared.lock().ended = true;
        shared.changed.notify_all();
    }

    /// Waits for the child without giving up its pid, then reaps it under the lock: nobody can signal a pid that has
    /// been given to another process.
    fn wait_and_reap(&mut self) -> String {
        let pid = child_pid(&self.child);
        // A signal to this thread interrupts the wait.
        while let Err(nix::errno::Errno::EINTR) = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {}
        let mut state = self.shared.lock();
        state.pid = None;
        match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Starts a new child, for as long as it takes. False when the server was told to end meanwhile.
    fn start_again(&mut self, pause: &mut Duration) -> bool {
        loop {
            let (state, _) = self
                .shared
                .changed
                .wait_timeout_while(self.shared.lock(), *pause, |state| !state.stopping)
                .unwrap_or_else(PoisonError::into_inner);
            if state.stopping {
                return false;
            }
            drop(state);
            *pause = (*pause * 2).min(LONGEST_PAUSE);
            // The children of a killed server end by themselves, each when it next looks.
            let cleared = orphans::clear(&self.directory, || self.shared.lock().stopping);
            let mut state = self.shared.lock();
            if state.stopping {
                return false;
            }
            let spawned = cleared.and_then(|()| spawn(&self.directory, &self.installation, &self.settings));
            match spawned {
                Ok(child) => {
                    state.pid = Some(child_pid(&child));
                    self.child = child;
                    return true;
                }
                Err(error) => tracing::error!(%error, "cannot start Postgres again; trying on"),
            }
        }
    }
}

fn child_pid(child: &Child) -> Pid {
    // Process ids are positive and fit: the kernel's limit is 2^22.
    Pid::from_raw(child.id() as i32)
}

fn spawn(
    directory: &DataDirectory,
    installation: &Installation,
    own_settings: &[(String, String)],
) -> Result<Child, EmbeddedError> {
    let postgres = installation.bin_dir.join("postgres");
    let log = directory.open_log()?;
    let io = |source| EmbeddedError::Io { action: "cannot run", path: postgres.clone(), source };
    let mut command = command(&postgres, &directory.account);
    command.arg("-D").arg(directory.pgdata()).stdout(log.try_clone().map_err(io)?).stderr(log);
    // Of two settings with one name the last one wins.
    let all = settings::defaults().into_iter().chain(own_settings.iter().cloned()).chain(fixed_settings(directory));
    for (name, value) in all {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    EndWithParent::FastShutdown.spawn(&mut command).map_err(io)
}

/// What the program relies on; these come last, so they cannot be overridden.
fn fixed_settings(directory: &DataDirectory) -> Vec<(String, String)> {
    let socket_dir = directory.socket_dir().to_string_lossy().into_owned();
    [
        ("listen_addresses", String::new()),
        // A comma separates directories, unless the name is quoted.
        ("unix_socket_directories", format!("\"{}\"", socket_dir.replace('"', "\"\""))),
        ("unix_socket_permissions", "0700".to_owned()),
        ("port", "5432".to_owned()),
        ("cluster_name", directory.cluster_name()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// The last 4 kB of what was written to `path` after `start`.
fn tail(path: &Path, start: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let from = if length < start { 0 } else { start };
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(4096))))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    };
    read().unwrap_or_else(|error| format!("(cannot read it: {error})"))
}
