//! The data directory: who owns it, what is in it, and how it begins.
//!
//! ```text
//! postgres/        the server's own files (PGDATA), 0700, owned by the server's user
//! postgres.log     what the server says; the previous one is postgres.log.1
//! postgres.lock    locked by the process that runs the server
//! socket/          the Unix socket, 0700; in /tmp, while the server runs, when this path is too long for one
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::EmbeddedError;
use super::account::Account;
use super::binaries::{self, Installation};
use super::child::{self, EndWithParent};
use super::io;
use super::postmaster::PostmasterFile;
use super::socket::{SocketDirectory, hash_of};

const LOG_LIMIT_BYTES: u64 = 8 << 20;
/// A first start creates the directory before its server answers; that is seconds, not minutes.
const OWNER_PATIENCE: Duration = Duration::from_secs(60);

/// The outcome of opening a data directory.
pub(super) enum Ownership {
    Ours(DataDirectory),
    /// Another process owns it and its server is ready.
    Theirs {
        socket_dir: PathBuf,
    },
}

/// A data directory that this process owns for as long as this value lives.
#[derive(Debug)]
pub(super) struct DataDirectory {
    root: PathBuf,
    pub account: Account,
    /// Dropped before the lock: whoever owns the directory next makes it anew.
    socket_dir: SocketDirectory,
    /// Closing the file releases the lock, and so does the end of the process, however it ends.
    _lock: File,
}

impl DataDirectory {
    /// Takes ownership of `root`, creating it when needed, or waits for its owner's server to be ready.
    pub fn open(root: &Path) -> Result<Ownership, EmbeddedError> {
        std::fs::create_dir_all(root).map_err(io("cannot create the data directory", root))?;
        let root = root.canonicalize().map_err(io("cannot resolve the data directory", root))?;
        let pgdata = root.join("postgres");
        let account = Account::choose(&pgdata)?;
        account.check_reach(&pgdata)?;

        let lock_path = root.join("postgres.lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .open(&lock_path)
            .map_err(io("cannot open", &lock_path))?;
        let asked = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(io("cannot lock", &lock_path)(error)),
                Err(TryLockError::WouldBlock) => {}
            }
            if let Some(status) = PostmasterFile::read(&pgdata)
                && status.ready
                && let Some(socket_dir) = status.socket_dir
            {
                return Ok(Ownership::Theirs { socket_dir });
            }
            if asked.elapsed() > OWNER_PATIENCE {
                return Err(EmbeddedError::OwnerSilent { path: root, waited: OWNER_PATIENCE });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let socket_dir = SocketDirectory::make(&root, &account)?;
        Ok(Ownership::Ours(DataDirectory { root, account, socket_dir, _lock: lock }))
    }

    pub fn pgdata(&self) -> PathBuf {
        self.root.join("postgres")
    }

    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir.path
    }

    /// A name for the server's processes that differs between data directories.
    pub fn cluster_name(&self) -> String {
        format!("dyocense-{:016x}", hash_of(&self.root))
    }

    pub fn log_path(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    /// Opens the server's log for appending; a long one becomes the previous one first.
    pub fn open_log(&self) -> Result<File, EmbeddedError> {
        let path = self.log_path();
        if std::fs::metadata(&path).is_ok_and(|log| log.len() > LOG_LIMIT_BYTES) {
            let previous = self.root.join("postgres.log.1");
            std::fs::rename(&path, &previous).map_err(io("cannot rename", &path))?;
        }
        OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(io("cannot open", &path))
    }

    /// The newest installation, or, when there is data already, the one of the data's major version.
    pub fn installation(&self, explicit: Option<&Path>) -> Result<Installation, EmbeddedError> {
        let installations = binaries::find(explicit)?;
        let version_path = self.pgdata().join("PG_VERSION");
        let wanted = match std::fs::read_to_string(&version_path) {
            Ok(text) => Some(text.trim().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(io("cannot read", &version_path)(error)),
        };
        let mut of_major = installations
            .iter()
            .filter(|installation| match &wanted {
                Some(wanted) => installation.major.to_string() == *wanted,
                None => true,
            })
            .cloned();
        of_major.next().ok_or_else(|| EmbeddedError::OtherMajor {
            path: self.pgdata(),
            found: wanted.unwrap_or_default(),
            installed: installations.iter().map(|installation| installation.major.to_string()).collect(),
        })
    }

    /// Runs `initdb` unless there is data. It works under another name that is renamed when complete, so that an
    /// interrupted first start leaves nothing that looks like data.
    pub fn initialize(&self, installation: &Installation) -> Result<(), EmbeddedError> {
        let pgdata = self.pgdata();
        if pgdata.join("PG_VERSION").exists() {
            return Ok(());
        }
        tracing::info!(directory = %pgdata.display(), "creating the private Postgres, once; this takes some seconds");
        let unfinished = self.root.join("postgres.new");
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished).map_err(io("cannot remove", &unfinished))?;
        }
        std::fs::DirBuilder::new().mode(0o700).create(&unfinished).map_err(io("cannot create", &unfinished))?;
        self.account.own(&unfinished).map_err(io("cannot change the owner of", &unfinished))?;

        let initdb = installation.bin_dir.join("initdb");
        let mut command = child::command(&initdb, &self.account);
        command
            .arg("--pgdata")
            .arg(&unfinished)
            .args(["--username", super::SUPERUSER])
            // Only the server's own user can enter the socket's directory, so the socket itself needs no password.
            .args(["--auth-local", "trust", "--auth-host", "reject"])
            // The same order of text on every machine, and indexes that survive an upgrade of the C library.
            .args(["--encoding", "UTF8", "--no-locale"])
            .arg("--data-checksums");
        let output = EndWithParent::Killed.output(&mut command).map_err(io("cannot run", &initdb))?;
        if !output.status.success() {
            return Err(EmbeddedError::Initdb {
                status: output.status.to_string(),
                output: format!(
                    "{}{}",
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr)
                ),
            });
        }
        // An empty directory may be there already; anything else without PG_VERSION is not ours to remove.
        std::fs::rename(&unfinished, &pgdata).map_err(io("cannot rename to", &pgdata))?;
        File::open(&self.root).and_then(|root| root.sync_all()).map_err(io("cannot sync", &self.root))?;
        Ok(())
    }
}
