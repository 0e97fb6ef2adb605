//! One server for all tests of the interface, in this process; each test that needs one has a business of its own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use dyocense_api::serve::Server;
use dyocense_api::settings::Settings;
use dyocense_tests::mail::MailServer;
use dyocense_tests::server;
use serde_json::json;

use super::client::Client;

static URL: OnceLock<String> = OnceLock::new();
static MAIL: OnceLock<MailServer> = OnceLock::new();
static BUSINESSES: AtomicU32 = AtomicU32::new(0);
pub const PASSWORD: &str = "a long enough password";
/// 32 zero bytes.
const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Where the server is; the first who asks starts it, on a runtime that no test ends.
pub async fn url() -> String {
    let start = || {
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let database = server().await.database().await;
                let mail = MailServer::start().await;
                let _ = MAIL.set(mail.clone());
                let settings = Settings::from_sources(
                    None,
                    [
                        ("DATABASE_URL", database.url.as_str()),
                        ("DYOCENSE_HTTP_LISTEN", "127.0.0.1:0"),
                        ("DYOCENSE_KEYS_MASTER", MASTER_KEY),
                        ("DYOCENSE_AUTH_ATTEMPTS_PER_MINUTE", "100000"),
                        ("DYOCENSE_WEBSOCKET_INIT_TIMEOUT", "1s"),
                        ("DYOCENSE_MAIL_SMTP_URL", mail.url.as_str()),
                        ("DYOCENSE_MAIL_FROM", "Dyocense <no-reply@dyocense.test>"),
                    ]
                    .map(|(name, value)| (name.to_owned(), value.to_owned())),
                );
                let served = Server::start(settings.expect("good settings")).await.expect("the server starts");
                sender.send(served.url.clone()).expect("the test waits");
                std::future::pending::<()>().await;
            });
        });
        receiver.recv().expect("the server starts")
    };
    tokio::task::spawn_blocking(move || URL.get_or_init(start).clone()).await.expect("the server starts")
}

/// The mail server that the server sends to.
pub async fn mail() -> MailServer {
    url().await;
    MAIL.get().expect("it starts before the server").clone()
}

/// A business with one person of each role.
pub struct Business {
    pub owner: Client,
    pub admin: Client,
    pub member: Client,
    pub auditor: Client,
}

/// Somebody who is not logged in.
pub async fn anonymous() -> Client {
    Client::new(url().await)
}

/// A new business, its owner logged in.
pub async fn owner() -> Client {
    let number = BUSINESSES.fetch_add(1, Ordering::Relaxed);
    let mut client = anonymous().await;
    let email = format!("owner{number}@example.com");
    let answer = client
        .ok(
            "mutation ($input: RegisterBusinessInput!) { registerBusiness(input: $input) {
               tokens { accessToken refreshToken } userErrors { code message } } }",
            json!({"input": {
                "name": format!("Business {number}"), "timeZone": "Europe/Berlin", "currency": "EUR",
                "ownerName": "Olive", "email": email, "password": PASSWORD,
            }}),
        )
        .await;
    client.keep(&answer["registerBusiness"]["tokens"]);
    client.email = email;
    client
}

/// Somebody who is invited by `owner`, joins and logs in.
pub async fn join(owner: &Client, role: &str) -> Client {
    let email = format!("{}-{}", role.to_lowercase(), owner.email);
    let invited = owner
        .ok(
            "mutation ($input: InviteUserInput!) { inviteUser(input: $input) {
               token invitation { status role email } position userErrors { message } } }",
            json!({"input": {"email": email, "role": role}}),
        )
        .await;
    assert_eq!(invited["inviteUser"]["invitation"]["status"], "OPEN", "{invited}");
    let mut client = anonymous().await;
    let joined = client
        .ok(
            "mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) {
               businessId userErrors { message } } }",
            json!({"input": {"token": invited["inviteUser"]["token"], "name": role, "password": PASSWORD}}),
        )
        .await;
    assert!(joined["acceptInvitation"]["businessId"].is_string(), "{joined}");
    client.email = email;
    client.log_in().await;
    client
}

pub async fn business() -> Business {
    let owner = owner().await;
    let admin = join(&owner, "ADMIN").await;
    let member = join(&owner, "MEMBER").await;
    let auditor = join(&owner, "AUDITOR").await;
    Business { owner, admin, member, auditor }
}
