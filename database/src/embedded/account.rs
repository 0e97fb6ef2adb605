//! The system user that the server runs as. Postgres refuses to run as root, and rightly so.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Gid, Uid, User, geteuid};

/// Why no system user can run the server.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("running as root, and the system has neither a user `postgres` nor `nobody` to run Postgres as")]
    NoUnprivilegedUser,
    #[error(
        "the data directory {} belongs to {owner}, and this program runs as {us}: \
         start it as {owner} or root, or choose another data directory",
        path.display()
    )]
    ForeignOwner { path: PathBuf, owner: String, us: String },
    #[error(
        "Postgres runs as {user} when the program runs as root, and {user} may not enter {}: \
         choose a data directory outside of it (for example /var/lib/dyocense)",
        blocked.display()
    )]
    Unreachable { user: String, blocked: PathBuf },
}

/// The user of the server process: ours, or an unprivileged one when we are root.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub uid: Uid,
    pub gid: Gid,
    name: String,
    /// Whether a child has to change to it.
    switch: bool,
}

impl Account {
    /// Chooses the user for the server whose data is, or will be, in `pgdata`.
    pub fn choose(pgdata: &Path) -> Result<Account, AccountError> {
        let us = geteuid();
        let owner = std::fs::metadata(pgdata).ok().map(|data| Uid::from_raw(data.uid()));
        if !us.is_root() {
            return match owner {
                Some(owner) if owner != us => Err(AccountError::ForeignOwner {
                    path: pgdata.to_owned(),
                    owner: user_name(owner),
                    us: user_name(us),
                }),
                _ => Ok(Account { uid: us, gid: nix::unistd::getegid(), name: user_name(us), switch: false }),
            };
        }
        // Root can serve whoever made the directory; Postgres insists on owning it.
        let existing = owner.filter(|owner| !owner.is_root()).and_then(|owner| User::from_uid(owner).ok().flatten());
        let named = |name| User::from_name(name).ok().flatten();
        let user = existing
            .or_else(|| named("postgres"))
            .or_else(|| named("nobody"))
            .ok_or(AccountError::NoUnprivilegedUser)?;
        Ok(Account { uid: user.uid, gid: user.gid, name: user.name, switch: true })
    }

    /// Makes `command` run as this user. The standard library changes group, supplementary groups and user before
    /// it runs `pre_exec` closures, which the parent-death signal relies on.
    pub fn apply(&self, command: &mut Command) {
        if self.switch {
            command.gid(self.gid.as_raw()).uid(self.uid.as_raw());
        }
    }

    /// Gives `path` to this user when we are root.
    pub fn own(&self, path: &Path) -> std::io::Result<()> {
        if self.switch {
            nix::unistd::chown(path, Some(self.uid), Some(self.gid))?;
        }
        Ok(())
    }

    /// Checks that this user may pass through every directory above `path`.
    pub fn check_reach(&self, path: &Path) -> Result<(), AccountError> {
        if !self.switch {
            return Ok(());
        }
        for directory in path.ancestors().skip(1) {
            let Ok(data) = std::fs::metadata(directory) else {
                continue;
            };
            let passes = if data.uid() == self.uid.as_raw() {
                0o100
            } else if data.gid() == self.gid.as_raw() {
                0o010
            } else {
                0o001
            };
            if data.mode() & passes == 0 {
                return Err(AccountError::Unreachable { user: self.name.clone(), blocked: directory.to_owned() });
            }
        }
        Ok(())
    }
}

fn user_name(uid: Uid) -> String {
    match User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        _ => format!("user {uid}"),
    }
}
