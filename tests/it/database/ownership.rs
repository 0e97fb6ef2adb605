use dyocense_database::embedded::{EmbeddedPostgres, Options};
use dyocense_tests::DataDir;
use sqlx::{Connection, PgConnection};

use super::process::{Holder, is_alive};

#[tokio::test]
async fn a_second_process_attaches_and_its_end_does_not_end_the_server() {
    let data = DataDir::new("attach");
    let holder = Holder::start(data.path());

    let attached = EmbeddedPostgres::start(data.path(), Options::default()).await.expect("an attachment");
    assert!(!attached.is_owner());
    let mut connection = PgConnection::connect(&attached.url()).await.expect("the server of the other process");
    connection.ping().await.expect("an answer");
    attached.stop().await;
    assert!(is_alive(holder.postgres_pid));
    connection.ping().await.expect("still an answer");
}

#[tokio::test]
async fn whoever_comes_after_the_owner_is_the_owner() {
    let data = DataDir::new("succession");
    Holder::start(data.path()).kill();
    let server = EmbeddedPostgres::start(data.path(), Options::default()).await.expect("a start");
    assert!(server.is_owner());
    PgConnection::connect(&server.url()).await.expect("the server accepts connections");
}

#[tokio::test]
async fn many_that_start_at_once_share_one_server() {
    let data = DataDir::new("rush");
    let starts = (0..8).map(|_| EmbeddedPostgres::start(data.path(), Options::default()));
    let servers: Vec<_> = futures::future::join_all(starts).await;
    let servers: Vec<_> = servers.into_iter().map(|server| server.expect("a start or an attachment")).collect();
    assert_eq!(servers.iter().filter(|server| server.is_owner()).count(), 1);
    for server in &servers {
        PgConnection::connect(&server.url()).await.expect("the server accepts connections");
    }
}
