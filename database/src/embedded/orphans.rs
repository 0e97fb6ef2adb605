//! What a killed server leaves behind: processes that are still ending, a pid file, a socket.
//!
//! Postgres refuses to start on a pid file whose process exists, and it cannot know that the process is a zombie or
//! a stranger that got the same number. The owner of the data directory's lock can: it looks for living servers of
//! this directory, and only when there are none does it remove what they left.

use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use super::EmbeddedError;
use super::directory::DataDirectory;
use super::postmaster::PostmasterFile;

/// A server whose program was killed writes out what is dirty before it ends; a slow disk takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until no process serves `directory`, then removes the pid file and the socket. `give_up` ends the wait
/// early, leaving all as it is.
pub(super) fn clear(directory: &DataDirectory, give_up: impl Fn() -> bool) -> Result<(), EmbeddedError> {
    let pgdata = directory.pgdata();
    let asked = Instant::now();
    loop {
        let pids = living(&pgdata, &directory.cluster_name());
        if pids.is_empty() {
            break;
        }
        if give_up() {
            return Ok(());
        }
        if asked.elapsed() > PATIENCE {
            return Err(EmbeddedError::Orphans { path: pgdata, pids, waited_seconds: PATIENCE.as_secs() });
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let socket = directory.socket_dir();
    for stale in [pgdata.join("postmaster.pid"), socket.join(".s.PGSQL.5432"), socket.join(".s.PGSQL.5432.lock")] {
        match std::fs::remove_file(&stale) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(EmbeddedError::Io { action: "cannot remove", path: stale, source: error });
            }
            _ => {}
        }
    }
    Ok(())
}

/// The processes that run Postgres on `pgdata`. A zombie has no working directory, so it does not count.
fn living(pgdata: &Path, cluster_name: &str) -> Vec<i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let recorded = PostmasterFile::read(pgdata).map(|file| file.pid);
    processes
        .flatten()
        .filter_map(|process| {
            let pid: i32 = process.file_name().to_str()?.parse().ok()?;
            let process = process.path();
            let program = std::fs::read_to_string(process.join("comm")).ok()?;
            if program.trim_end() != "postgres" {
                return None;
            }
            let serves = match std::fs::read_link(process.join("cwd")) {
                Ok(directory) => directory == pgdata,
                // Root in a container may not look into other users' processes. Then the pid file and the title of
                // the process ("postgres: <cluster name>: …") must do.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    let title = std::fs::read_to_string(process.join("cmdline")).unwrap_or_default();
                    (recorded == Some(pid) && !title.is_empty()) || title.contains(cluster_name)
                }
                Err(_) => false,
            };
            serves.then_some(pid)
        })
        .collect()
}
