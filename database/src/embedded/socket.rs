//! The directory of the Unix socket: beside the data, or in `/tmp` when that path is too long for a socket.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::EmbeddedError;
use super::account::Account;
use super::io;

/// `sun_path` holds 108 bytes, the last of them NUL.
const SOCKET_PATH_LIMIT: usize = 107;
const SOCKET_NAME: &str = "/.s.PGSQL.5432";
const ELSEWHERE: &str = "/tmp";
const PREFIX: &str = "dyocense-";
/// A directory in `/tmp` that has been empty for this long is of no program that is about to start its server.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// Exists for as long as this value, where it is not beside the data.
#[derive(Debug)]
pub(super) struct SocketDirectory {
    pub path: PathBuf,
    temporary: bool,
}

impl SocketDirectory {
    /// Creates the one of the data directory `root`, for `account` alone.
    pub fn make(root: &Path, account: &Account) -> Result<SocketDirectory, EmbeddedError> {
        let beside = root.join("socket");
        let temporary = beside.as_os_str().len() + SOCKET_NAME.len() > SOCKET_PATH_LIMIT;
        let path = if temporary {
            remove_abandoned(Path::new(ELSEWHERE), account.uid.as_raw(), ABANDONED);
            Path::new(ELSEWHERE).join(format!("{PREFIX}{}-{:016x}", account.uid, hash_of(root)))
        } else {
            beside
        };
        match std::fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io("cannot create", &path)(error)),
        }
        // In /tmp another user may have been first: neither a link nor a foreign directory is good enough.
        let found = std::fs::symlink_metadata(&path).map_err(io("cannot inspect", &path))?;
        let ours =
            found.is_dir() && (found.uid() == account.uid.as_raw() || found.uid() == nix::unistd::geteuid().as_raw());
        if !ours {
            return Err(io("cannot trust the socket directory", &path)(std::io::Error::other(format!(
                "it belongs to user {}",
                found.uid()
            ))));
        }
        account
            .own(&path)
            .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)))
            .map_err(io("cannot protect", &path))?;
        Ok(SocketDirectory { path, temporary })
    }
}

impl Drop for SocketDirectory {
    /// A socket in it belongs to a server that is still ending; then it stays.
    fn drop(&mut self) {
        if self.temporary {
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}

/// Removes what killed programs of `user` left in `directory`: their servers took their sockets with them. Only empty
/// directories can go this way, and only such as nobody has touched for `age`.
fn remove_abandoned(directory: &Path, user: u32, age: Duration) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let is_name = |name: &str| {
            let rest = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix(&format!("{user}-")));
            rest.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
        };
        let Ok(found) = std::fs::symlink_metadata(entry.path()) else { continue };
        let old = found.modified().ok().and_then(|at| at.elapsed().ok()).is_some_and(|passed| passed >= age);
        if entry.file_name().to_str().is_some_and(is_name) && found.is_dir() && found.uid() == user && old {
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}

/// Tells data directories apart in names; nothing depends on its value from one build to the next.
pub(super) fn hash_of(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_empty_directories_of_this_name_and_user_are_abandoned() {
        let parent = std::env::temp_dir().join(format!("abandoned-{}", std::process::id()));
        let user = nix::unistd::geteuid().as_raw();
        let name = |user: u32, hash: &str| format!("{PREFIX}{user}-{hash}");
        let empty = parent.join(name(user, "00000000000000aa"));
        let kept = [
            parent.join(name(user, "00000000000000bb")),
            parent.join(name(user + 1, "00000000000000cc")),
            parent.join(name(user, "cc")),
            parent.join("dyocense-tests-1"),
        ];
        for directory in kept.iter().chain([&empty]) {
            std::fs::create_dir_all(directory).unwrap();
        }
        std::fs::write(kept[0].join(".s.PGSQL.5432"), "").unwrap();
        remove_abandoned(&parent, user, Duration::from_secs(3600));
        assert!(empty.exists(), "it is new");
        remove_abandoned(&parent, user, Duration::ZERO);
        assert!(!empty.exists());
        assert!(kept.iter().all(|directory| directory.exists()));
        std::fs::remove_dir_all(&parent).unwrap();
    }
}
