use std::os::unix::fs::{MetadataExt, PermissionsExt};

use dyocense_database::embedded::{EmbeddedError, EmbeddedPostgres, Options};
use dyocense_tests::DataDir;
use sqlx::{Connection, PgConnection};

use super::process::{is_alive, living_in};

async fn one(url: &str) -> i32 {
    let mut connection = PgConnection::connect(url).await.expect("the server accepts connections");
    sqlx::query_scalar("select 1").fetch_one(&mut connection).await.expect("the server answers")
}

#[tokio::test]
async fn a_first_start_creates_the_directory_and_a_second_one_finds_the_data_again() {
    let data = DataDir::new("start");
    let server = EmbeddedPostgres::start(data.path(), Options::default()).await.expect("a first start");
    let mut connection = PgConnection::connect(&server.superuser_url("postgres")).await.expect("a connection");
    sqlx::raw_sql("create table kept (n int); insert into kept values (7)")
        .execute(&mut connection)
        .await
        .expect("ddl");
    drop(connection);
    let pid = server.pid().expect("the server is ours");
    server.stop().await;
    assert!(!is_alive(pid), "stop returns when the server is gone");

    let server = EmbeddedPostgres::start(data.path(), Options::default()).await.expect("a second start");
    let mut connection = PgConnection::connect(&server.superuser_url("postgres")).await.expect("a connection");
    let kept: i32 = sqlx::query_scalar("select n from kept").fetch_one(&mut connection).await.expect("the row");
    assert_eq!(kept, 7);
}

#[tokio::test]
async fn dropping_the_handle_stops_the_server() {
    let data = DataDir::new("drop");
    let server = EmbeddedPostgres::start(data.path(), Options::default()).await.expect("a start");
    drop(server);
    assert_eq!(living_in(&data.path().join("postgres")), Vec::<i32>::new());
}

#[tokio::test]
async fn only_the_servers_user_can_enter_and_nothing_listens_on_the_network() {
    let data = DataDir::new("closed");
    let server = EmbeddedPostgres::start(data.path(), Options::default()).await.expect("a start");
    for name in ["postgres", "socket"] {
        let directory = std::fs::metadata(data.path().join(name)).expect("the directory is there");
        assert_eq!(directory.permissions().mode() & 0o777, 0o700, "{name}");
        assert_ne!(directory.uid(), 0, "{name} is never root's");
    }
    let mut connection = PgConnection::connect(&server.superuser_url("postgres")).await.expect("a connection");
    let listen: String = sqlx::query_scalar("select current_setting('listen_addresses')")
        .fetch_one(&mut connection)
        .await
        .expect("the setting");
    assert_eq!(listen, "");
    let durable: Vec<String> = sqlx::query_scalar(
        "select setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums')",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the settings");
    assert_eq!(durable, ["on"; 4], "nothing that keeps data safe is switched off");
}

/// Root gives the server to an unprivileged user; anybody else runs it as themselves.
#[tokio::test]
async fn the_server_runs_as_us_unless_we_are_root() {
    let data = DataDir::new("user");
    let server = EmbeddedPostgres::start(data.path(), Options::default()).await.expect("a start");
    let pid = server.pid().expect("the server is ours");
    let runs_as = std::fs::metadata(format!("/proc/{pid}")).expect("the process is there").uid();
    let us = nix::unistd::geteuid();
    if us.is_root() {
        assert_ne!(runs_as, 0);
    } else {
        assert_eq!(runs_as, us.as_raw());
    }
}

#[tokio::test]
async fn a_directory_of_another_major_version_is_refused_by_its_name() {
    let data = DataDir::new("major");
    let pgdata = data.path().join("postgres");
    std::fs::create_dir(&pgdata).expect("a directory");
    let owner = if nix::unistd::geteuid().is_root() { Some(nix::unistd::Uid::from_raw(65534)) } else { None };
    nix::unistd::chown(&pgdata, owner, None).expect("root may give it away");
    std::fs::write(pgdata.join("PG_VERSION"), "11\n").expect("a version");
    let error = EmbeddedPostgres::start(data.path(), Options::default()).await.expect_err("there is no Postgres 11");
    assert!(matches!(&error, EmbeddedError::OtherMajor { found, .. } if found == "11"), "{error}");
    assert!(pgdata.join("PG_VERSION").exists(), "the data is left alone");
}

#[tokio::test]
async fn a_first_start_that_was_interrupted_is_begun_again() {
    let data = DataDir::new("interrupted");
    let unfinished = data.path().join("postgres.new");
    std::fs::create_dir(&unfinished).expect("a directory");
    std::fs::write(unfinished.join("PG_VERSION"), "15\n").expect("half of an initdb");
    let server = EmbeddedPostgres::start(data.path(), Options::default()).await.expect("a start");
    assert_eq!(one(&server.url()).await, 1);
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_gets_one_elsewhere() {
    let data = DataDir::new("long");
    let deep = data.path().join("a-directory-with-a-rather-long-name".repeat(3)).join("ünd blanks, too");
    let server = EmbeddedPostgres::start(&deep, Options::default()).await.expect("a start");
    assert_eq!(one(&server.url()).await, 1);
    assert!(!deep.join("socket").exists());
    let url = server.url();
    let host = url.split_once("host=").expect("the URL names the socket's directory").1.to_owned();
    let elsewhere = std::path::PathBuf::from(host);
    assert!(elsewhere.starts_with("/tmp") && elsewhere.exists(), "{}", elsewhere.display());
    server.stop().await;
    assert!(!elsewhere.exists(), "{} is left behind", elsewhere.display());
    let again = EmbeddedPostgres::start(&deep, Options::default()).await.expect("a second start");
    assert_eq!(one(&again.url()).await, 1);
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let data = DataDir::new("setting");
    let options = Options { settings: vec![("work_mem".into(), "plenty".into())], ..Options::default() };
    let error = EmbeddedPostgres::start(data.path(), options).await.expect_err("the setting is wrong");
    assert!(error.to_string().contains("plenty"), "{error}");
}

#[tokio::test]
async fn a_directory_without_server_programs_is_named() {
    let data = DataDir::new("programs");
    let options = Options { bin_dir: Some("/nonexistent/bin".into()), ..Options::default() };
    let error = EmbeddedPostgres::start(data.path(), options).await.expect_err("there are no programs");
    assert!(error.to_string().contains("/nonexistent/bin"), "{error}");
}
