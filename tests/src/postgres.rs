//! The test process's own Postgres, and a database for each test.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use dyocense_database::embedded::{EmbeddedPostgres, Options};
use dyocense_database::{Database, PoolSizes, migrate};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

const TEMPLATE: &str = "template_migrated";
const DIRECTORY_PREFIX: &str = "dyocense-tests-";

/// The one Postgres of this test process.
pub struct TestServer {
    postgres: EmbeddedPostgres,
    /// Makes names of databases.
    made: AtomicU32,
}

/// Starts the process's Postgres and its template, or waits for the test that is doing so.
pub async fn server() -> &'static TestServer {
    static SERVER: OnceLock<TestServer> = OnceLock::new();
    // Each test has a runtime of its own, which ends with it. The first start runs on a thread of its own, so that
    // nothing of the server hangs on any test's runtime.
    let waiting = std::thread::spawn(|| {
        SERVER.get_or_init(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime for the start").block_on(start())
        });
    });
    tokio::task::spawn_blocking(move || waiting.join())
        .await
        .expect("the waiting thread is not cancelled")
        .expect("the test server starts");
    SERVER.get().expect("it was initialised above")
}

async fn start() -> TestServer {
    // Not in the target directory: when root runs the tests, Postgres runs as another user, who must reach its data.
    let temporary = std::env::temp_dir();
    remove_abandoned(&temporary);
    let data_dir = temporary.join(format!("{DIRECTORY_PREFIX}{}", std::process::id()));
    let off = |name: &str| (name.to_owned(), "off".to_owned());
    let options = Options {
        // Survives the death of processes, which is all that these tests inflict; not the death of the machine.
        settings: vec![
            off("fsync"),
            off("full_page_writes"),
            ("max_connections".to_owned(), "300".to_owned()),
            ("shared_buffers".to_owned(), "256MB".to_owned()),
        ],
        ..Options::default()
    };
    let postgres = EmbeddedPostgres::start(&data_dir, options).await.expect("the test Postgres starts");
    let mut admin = PgConnection::connect(&postgres.superuser_url("postgres")).await.expect("a connection");
    admin
        .execute(AssertSqlSafe(format!("create database {TEMPLATE} owner dyocense")))
        .await
        .expect("the template database is created");
    migrate(&postgres.url_for(TEMPLATE)).await.expect("the migrations run");
    TestServer { postgres, made: AtomicU32::new(0) }
}

/// Removes the directories of test processes that are gone: nothing runs at the end of a process that could.
fn remove_abandoned(temporary: &Path) {
    for entry in std::fs::read_dir(temporary).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(DIRECTORY_PREFIX)) else {
            continue;
        };
        let pid = rest.split('-').next().unwrap_or_default();
        if !pid.is_empty() && !Path::new("/proc").join(pid).exists() {
            // Its Postgres may still be ending; then this fails halfway, and the next run completes it.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

impl TestServer {
    /// The server itself, for tests of the machinery.
    pub fn postgres(&self) -> &EmbeddedPostgres {
        &self.postgres
    }

    /// A new database, migrated.
    pub async fn database(&self) -> TestDatabase {
        let name = format!("test_{}", self.made.fetch_add(1, Ordering::Relaxed));
        let mut admin = self.admin().await;
        admin
            .execute(AssertSqlSafe(format!("create database {name} template {TEMPLATE} owner dyocense")))
            .await
            .expect("the test's database is created");
        // Privileges on a database belong to its name, not to its content: the copy has lost them.
        for role in ["dyocense_owner", "dyocense_projector"] {
            admin
                .execute(AssertSqlSafe(format!("grant create on database {name} to {role}")))
                .await
                .expect("the roles may create schemas");
        }
        TestDatabase {
            url: self.postgres.url_for(&name),
            superuser_url: self.postgres.superuser_url(&name),
            admin_url: self.postgres.superuser_url("postgres"),
            name,
        }
    }

    async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.postgres.superuser_url("postgres")).await.expect("a connection as superuser")
    }
}

/// A migrated database of a test's own; dropped with this value.
pub struct TestDatabase {
    pub name: String,
    /// As the program would connect.
    pub url: String,
    /// To look under the hood, past roles and row-level security.
    pub superuser_url: String,
    admin_url: String,
}

/// A new migrated database on the process's server.
pub async fn database() -> TestDatabase {
    server().await.database().await
}

impl TestDatabase {
    /// Small pools: many tests run at a time.
    pub async fn pools(&self) -> Database {
        let sizes = PoolSizes { writer: 6, reader: 6, projector: 3, vault: 3 };
        Database::connect(&self.url, sizes).await.expect("the pools open")
    }

    pub async fn superuser(&self) -> PgConnection {
        PgConnection::connect(&self.superuser_url).await.expect("a connection as superuser")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", self.name);
        let admin_url = self.admin_url.clone();
        // Nobody waits for it: if the process ends first, its whole server goes.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(async {
                    if let Ok(mut admin) = PgConnection::connect(&admin_url).await {
                        let _ = admin.execute(AssertSqlSafe(statement)).await;
                    }
                });
            }
        });
    }
}

/// A data directory that the server's user can reach, whoever runs the tests; removed with this value.
pub struct DataDir {
    path: PathBuf,
}

impl DataDir {
    pub fn new(purpose: &str) -> DataDir {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{DIRECTORY_PREFIX}{}-{purpose}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("the data directory is new");
        DataDir { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
