//! A private Postgres server: found on the system, run as a direct child, stopped with its parent.
//!
//! What holds, and the test in `tests/it/database/` that shows it:
//!
//! - One process owns a data directory, by a lock on a file in it; the next one attaches to the running server.
//! - The server ends with its owner, however the owner ends: the kernel tells it (`PR_SET_PDEATHSIG`).
//! - A server that dies alone is started again; its clients see broken connections and reconnect.
//! - Only what cannot belong to a living server is cleaned up; when in doubt, the start fails and names the processes.
//! - It is reached through a Unix socket that only its own user can enter. Nothing listens on the network.

mod account;
mod binaries;
mod child;
mod directory;
mod orphans;
mod postmaster;
mod server;
mod settings;
mod socket;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use account::AccountError;
pub use binaries::{BinariesError, Installation};

use directory::{DataDirectory, Ownership};
use server::Supervisor;

/// The database inside the server, and the login that uses it.
const DATABASE: &str = "dyocense";
const SUPERUSER: &str = "postgres";

/// How the private server is to run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Directory of the server programs (`postgres`, `initdb`). Found by itself when not given.
    pub bin_dir: Option<PathBuf>,
    /// Server settings instead of the program's choices, as `("shared_buffers", "1GB")`. Where the server listens
    /// cannot be changed.
    pub settings: Vec<(String, String)>,
}

/// Why there is no private server.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error(transparent)]
    Binaries(#[from] BinariesError),
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error("{action} {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "the data directory {} belongs to Postgres {found}, and Postgres {found} is not installed (found: {}); \
         install it, or move the data with pg_dump and a new data directory",
        path.display(),
        if installed.is_empty() { "none".to_owned() } else { installed.join(", ") }
    )]
    OtherMajor { path: PathBuf, found: String, installed: Vec<String> },
    #[error(
        "{} is in use by processes {pids:?}, left by a Postgres whose main process is gone; \
         they did not end within {waited_seconds} s: end them, then start again",
        path.display()
    )]
    Orphans { path: PathBuf, pids: Vec<i32>, waited_seconds: u64 },
    #[error("initdb failed ({status}):\n{output}")]
    Initdb { status: String, output: String },
    #[error("Postgres ended while starting ({status}); the end of {} says:\n{log}", log_path.display())]
    EndedAtStart { status: String, log_path: PathBuf, log: String },
    #[error(
        "another process owns {}, but no server answered on it within {} s: wait for that process, or end it",
        path.display(),
        waited.as_secs()
    )]
    OwnerSilent { path: PathBuf, waited: Duration },
    #[error("cannot prepare the database {DATABASE}: {0}")]
    Prepare(#[source] sqlx::Error),
    #[error("the thread that watches over Postgres ended unexpectedly")]
    SupervisorLost,
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> EmbeddedError {
    let path = path.to_owned();
    move |source| EmbeddedError::Io { action, path, source }
}

/// A running private server. Dropping the handle of the owner stops the server.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    socket_dir: PathBuf,
    /// Absent when another process owns the server.
    supervisor: Option<Supervisor>,
}

impl EmbeddedPostgres {
    /// Starts the server of `data_dir`, or attaches to it when another process already runs it.
    ///
    /// The first start creates the data directory (about a second); later ones take less than a tenth of one, plus
    /// recovery if the server was killed. There is no time limit while the server says that it is starting: recovery
    /// takes what it takes.
    pub async fn start(data_dir: impl AsRef<Path>, options: Options) -> Result<EmbeddedPostgres, EmbeddedError> {
        let data_dir = data_dir.as_ref().to_owned();
        // Everything up to the running child is blocking work, and the child must be spawned by a thread that lives
        // as long as it does: the kernel's parent-death signal is sent when that *thread* ends.
        let (ready, outcome) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || start_and_watch(&data_dir, &options, ready))
            .map_err(|source| EmbeddedError::Io {
                action: "cannot start a thread for",
                path: PathBuf::from("postgres"),
                source,
            })?;
        let server = outcome.await.map_err(|_| EmbeddedError::SupervisorLost)??;
        server.prepare().await.map_err(EmbeddedError::Prepare)?;
        Ok(server)
    }

    /// The URL of the application's database, as a login that is no superuser.
    pub fn url(&self) -> String {
        self.url_of(DATABASE, DATABASE)
    }

    /// The URL of any database of this server as superuser, for maintenance and tests.
    pub fn superuser_url(&self, database: &str) -> String {
        self.url_of(SUPERUSER, database)
    }

    /// The URL of any database of this server as the application's login.
    pub fn url_for(&self, database: &str) -> String {
        self.url_of(DATABASE, database)
    }

    fn url_of(&self, login: &str, database: &str) -> String {
        let host = percent_encode(&self.socket_dir.to_string_lossy());
        format!("postgres://{login}@localhost/{database}?host={host}")
    }

    /// Whether this process runs the server, rather than using the one of another process.
    pub fn is_owner(&self) -> bool {
        self.supervisor.is_some()
    }

    /// The process id of the server's main process, if this process runs it and it is alive.
    pub fn pid(&self) -> Option<i32> {
        self.supervisor.as_ref().and_then(Supervisor::pid)
    }

    /// Stops the server and waits until it is gone; its clients are disconnected. Does nothing when another process
    /// owns the server.
    pub async fn stop(mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            let waiting = tokio::task::spawn_blocking(move || supervisor.stop());
            if let Err(panicked) = waiting.await {
                tracing::error!(%panicked, "stopping Postgres failed");
            }
        }
    }

    /// Creates the login and the database on a new server; a few catalogue look-ups on an old one.
    async fn prepare(&self) -> Result<(), sqlx::Error> {
        use sqlx::{Connection, Executor, PgConnection};
        let mut connection = PgConnection::connect(&self.superuser_url("postgres")).await?;
        // Owner and attached processes may get here together; the lock ends with the connection.
        connection.execute("select pg_advisory_lock(hashtext('dyocense: prepare'))").await?;
        let login: bool = sqlx::query_scalar("select exists (select from pg_roles where rolname = 'dyocense')")
            .fetch_one(&mut connection)
            .await?;
        if !login {
            connection.execute("create role dyocense login createrole createdb noinherit").await?;
        }
        let database: bool = sqlx::query_scalar("select exists (select from pg_database where datname = 'dyocense')")
            .fetch_one(&mut connection)
            .await?;
        if !database {
            connection.execute("create database dyocense owner dyocense").await?;
        }
        let _ = connection.close().await;
        Ok(())
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.stop();
        }
    }
}

type Started = Result<EmbeddedPostgres, EmbeddedError>;

/// The life of the supervisor thread: find, prepare, spawn, report, then watch until the server ends for good.
fn start_and_watch(data_dir: &Path, options: &Options, ready: tokio::sync::oneshot::Sender<Started>) {
    let directory = match DataDirectory::open(data_dir) {
        Ok(Ownership::Ours(directory)) => directory,
        Ok(Ownership::Theirs { socket_dir }) => {
            let _ = ready.send(Ok(EmbeddedPostgres { socket_dir, supervisor: None }));
            return;
        }
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    let socket_dir = directory.socket_dir().to_owned();
    match server::launch(directory, options) {
        Ok((supervisor, watch)) => {
            let handle = EmbeddedPostgres { socket_dir, supervisor: Some(supervisor) };
            // A caller that gave up drops the handle here, which would wait for this very thread to stop the
            // server: `send` gives it back, so stop from another thread.
            if let Err(Ok(unwanted)) = ready.send(Ok(handle)) {
                std::thread::spawn(move || drop(unwanted));
            }
            watch.run();
        }
        Err(error) => {
            let _ = ready.send(Err(error));
        }
    }
}

fn percent_encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}
