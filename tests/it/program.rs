//! The program as an operator meets it: started, interrupted, killed, started again.

use std::path::Path;

use dyocense_tests::{Business, Client, DataDir, Program, ProgramOptions};
use serde_json::json;

use crate::database::process::{eventually, living_in};

fn in_directory(data: &DataDir) -> ProgramOptions {
    ProgramOptions {
        data_dir: Some(data.path().to_owned()),
        log: Some(data.path().join("program.log")),
        ..ProgramOptions::default()
    }
}

fn postgres_of(data: &DataDir) -> std::path::PathBuf {
    data.path().join("postgres")
}

async fn business_name(owner: &Client) -> serde_json::Value {
    let data = owner.call("{ business { name } }", json!({})).await.expect("the business is there");
    data["business"]["name"].clone()
}

#[tokio::test]
async fn an_interrupt_ends_the_program_cleanly_and_its_postgres_with_it() {
    let data = DataDir::new("interrupt");
    let program = Program::serve(in_directory(&data)).await;
    assert!(!living_in(&postgres_of(&data)).is_empty());
    let status = program.interrupt();
    assert!(status.success(), "{status}");
    assert_eq!(living_in(&postgres_of(&data)), Vec::<i32>::new());
    assert!(!Path::new(&postgres_of(&data)).join("postmaster.pid").exists(), "it was shut down, not killed");
}

#[tokio::test]
async fn a_killed_program_leaves_nothing_running_and_finds_everything_at_its_next_start() {
    let data = DataDir::new("restart");
    let options = ProgramOptions { port: Some(dyocense_tests::free_port()), ..in_directory(&data) };
    let program = Program::serve(options.clone()).await;
    let business = Business::register(&Client::new(&program.url())).await;
    program.kill();
    let postgres = postgres_of(&data);
    eventually("nothing runs in the data directory", || living_in(&postgres).is_empty()).await;

    let _program = Program::serve(options).await;
    assert_eq!(business_name(&business.auditor).await, "Trial Ltd");
}

#[tokio::test]
async fn without_a_private_server_the_one_of_the_url_is_used() {
    let database = dyocense_tests::database().await;
    let data = DataDir::new("url");
    // With a database of one's own, the master key is one's own too.
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned();
    let environment = vec![("DYOCENSE_KEYS_MASTER".to_owned(), key)];
    let options = ProgramOptions { database_url: Some(database.url.clone()), environment, ..in_directory(&data) };
    let program = Program::serve(options).await;
    let business = Business::register(&Client::new(&program.url())).await;
    assert_eq!(business_name(&business.owner).await, "Trial Ltd");
    assert!(!postgres_of(&data).exists());
}
