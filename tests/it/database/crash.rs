use dyocense_database::embedded::{EmbeddedPostgres, Options};
use dyocense_tests::DataDir;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, PgConnection};

use super::process::{Holder, eventually, is_alive, living_in};

#[tokio::test]
async fn a_killed_program_leaves_nothing_running() {
    let data = DataDir::new("killed");
    let holder = Holder::start(data.path());
    let pgdata = data.path().join("postgres");
    assert!(!living_in(&pgdata).is_empty());
    holder.kill();
    eventually("no process is left in the data directory", || living_in(&pgdata).is_empty()).await;
}

#[tokio::test]
async fn a_terminated_program_leaves_nothing_running() {
    let data = DataDir::new("terminated");
    let holder = Holder::start(data.path());
    holder.signal(Signal::SIGTERM);
    let pgdata = data.path().join("postgres");
    eventually("no process is left in the data directory", || living_in(&pgdata).is_empty()).await;
}

/// The second kill takes away the server's chance to remove its pid file.
#[tokio::test]
async fn after_a_double_kill_the_next_start_cleans_up_and_recovers() {
    let data = DataDir::new("double");
    let holder = Holder::start(data.path());
    let postgres = holder.postgres_pid;
    holder.signal(Signal::SIGSTOP);
    kill(Pid::from_raw(postgres), Signal::SIGKILL).expect("the server can be killed");
    holder.kill();
    assert!(data.path().join("postgres/postmaster.pid").exists(), "the kill left the pid file");

    let server = EmbeddedPostgres::start(data.path(), Options::default()).await.expect("a start");
    PgConnection::connect(&server.url()).await.expect("the server accepts connections");
}

#[tokio::test]
async fn a_pid_file_whose_number_now_belongs_to_a_stranger_is_stale() {
    let data = DataDir::new("reused");
    let server = EmbeddedPostgres::start(data.path(), Options::default()).await.expect("a first start");
    server.stop().await;
    // Our own pid: certainly alive, certainly no Postgres.
    let pid_file = data.path().join("postgres/postmaster.pid");
    let left = format!("{}\n{}\n1\n5432\n\n\n\nready\n", std::process::id(), data.path().join("postgres").display());
    std::fs::write(&pid_file, left).expect("a stale pid file");

    let server = EmbeddedPostgres::start(data.path(), Options::default()).await.expect("a second start");
    PgConnection::connect(&server.url()).await.expect("the server accepts connections");
}

#[tokio::test]
async fn a_server_that_dies_alone_is_started_again_with_what_was_committed() {
    let data = DataDir::new("alone");
    let server = EmbeddedPostgres::start(data.path(), Options::default()).await.expect("a start");
    let mut connection = PgConnection::connect(&server.superuser_url("postgres")).await.expect("a connection");
    sqlx::raw_sql("create table kept (n int)").execute(&mut connection).await.expect("ddl");
    for round in 1..=5 {
        let mut connection = reconnect(&server).await;
        sqlx::query("insert into kept values ($1)").bind(round).execute(&mut connection).await.expect("an insert");
        let pid = server.pid().expect("the server is ours");
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("the server can be killed");
        eventually("another server runs", || server.pid().is_some_and(|now| now != pid && is_alive(now))).await;
    }
    let mut connection = reconnect(&server).await;
    let rows: i64 = sqlx::query_scalar("select count(*) from kept").fetch_one(&mut connection).await.expect("a count");
    assert_eq!(rows, 5);
    server.stop().await;
    assert_eq!(living_in(&data.path().join("postgres")), Vec::<i32>::new());
}

async fn reconnect(server: &EmbeddedPostgres) -> PgConnection {
    let asked = std::time::Instant::now();
    loop {
        match PgConnection::connect(&server.superuser_url("postgres")).await {
            Ok(connection) => return connection,
            Err(error) => assert!(asked.elapsed().as_secs() < 60, "the server does not come back: {error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
