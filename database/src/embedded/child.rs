//! Programs of Postgres as children of this process, and how they end with it.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::Signal;

use super::account::Account;

/// A command that runs as `account`, away from our directory, and sees none of our environment: `PGDATA`, `PGPORT`
/// and their like would change what it does.
pub(super) fn command(program: &Path, account: &Account) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir("/").stdin(Stdio::null());
    for kept in ["PATH", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    account.apply(&mut command);
    command
}

/// What happens to a child when the thread that spawned it ends, be it with the whole process and by SIGKILL.
#[derive(Debug, Clone, Copy)]
pub(super) enum EndWithParent {
    /// It is killed.
    Killed,
    /// It gets SIGINT, Postgres's fast shutdown, in a session of its own: Ctrl-C at the terminal reaches only us,
    /// and we stop it when our own work is done.
    FastShutdown,
}

impl EndWithParent {
    #[allow(unsafe_code)]
    fn arrange(self, command: &mut Command) {
        let parent = std::process::id();
        let after_fork = move || {
            let signal = match self {
                EndWithParent::Killed => Signal::SIGKILL,
                EndWithParent::FastShutdown => {
                    nix::unistd::setsid()?;
                    Signal::SIGINT
                }
            };
            // The kernel forgets this request when the user changes, so it has to come after that; `Command` runs
            // this closure after it has changed the user.
            #[cfg(target_os = "linux")]
            nix::sys::prctl::set_pdeathsig(signal)?;
            #[cfg(not(target_os = "linux"))]
            let _ = signal;
            // The parent may have died between the fork and the request.
            if nix::unistd::getppid().as_raw() as u32 != parent {
                return Err(std::io::Error::from_raw_os_error(nix::libc::ESRCH));
            }
            Ok(())
        };
        // SAFETY: between fork and exec only async-signal-safe calls are allowed; the closure makes the system calls
        // setsid, prctl and getppid and allocates nothing.
        unsafe {
            command.pre_exec(after_fork);
        }
    }

    pub fn spawn(self, command: &mut Command) -> std::io::Result<Child> {
        self.arrange(command);
        command.spawn()
    }

    pub fn output(self, command: &mut Command) -> std::io::Result<Output> {
        self.arrange(command);
        command.output()
    }
}
