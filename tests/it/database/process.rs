//! A second process that runs an embedded server, so that it can be killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dyocense_database::embedded::{EmbeddedPostgres, Options};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const DATA_DIR: &str = "DYOCENSE_TEST_HOLD";

/// This test binary, run again as the owner of a data directory.
pub struct Holder {
    child: Child,
    pub postgres_pid: i32,
}

impl Holder {
    /// Returns once the server of the other process is ready.
    pub fn start(data_dir: &Path) -> Holder {
        let mut child = Command::new(std::env::current_exe().expect("this process has a path"))
            .args(["--exact", "database::process::holds_a_server_until_it_is_killed", "--ignored", "--nocapture"])
            .env(DATA_DIR, data_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test binary runs again");
        let stdout = child.stdout.take().expect("stdout is piped");
        let postgres_pid = BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("serving as ")?.1.trim().parse().ok())
            .expect("the holder says its server's pid");
        Holder { child, postgres_pid }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id is small");
        kill(Pid::from_raw(pid), signal).expect("the holder can be signalled");
    }

    /// `kill -9`, without a chance to clean up.
    pub fn kill(mut self) {
        self.child.kill().expect("the holder can be killed");
        self.child.wait().expect("the holder can be waited for");
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test: the other process of [`Holder`].
#[tokio::test]
#[ignore = "run by other tests, as a process of its own"]
async fn holds_a_server_until_it_is_killed() {
    let Some(data_dir) = std::env::var_os(DATA_DIR) else { return };
    let server = EmbeddedPostgres::start(data_dir, Options::default()).await.expect("the server starts");
    println!("serving as {}", server.pid().expect("it is ours"));
    std::future::pending::<()>().await;
}

/// Whether a process exists and is more than a zombie.
pub fn is_alive(pid: i32) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // "pid (comm) state …": comm may hold anything, so the state is what follows the last parenthesis.
    let state = status.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    !matches!(state, Some('Z' | 'X') | None)
}

/// The processes whose working directory is `directory`.
pub fn living_in(directory: &Path) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").expect("/proc is mounted");
    processes
        .flatten()
        .filter_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            (std::fs::read_link(process.path().join("cwd")).ok()? == directory).then_some(pid)
        })
        .collect()
}

/// Waits for `condition`; these are other processes, which take their time on a busy machine.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let asked = Instant::now();
    while !condition() {
        assert!(asked.elapsed() < Duration::from_secs(60), "still not: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
