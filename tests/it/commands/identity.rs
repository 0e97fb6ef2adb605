use dyocense_commands::CommandError;
use dyocense_commands::identity::{LoginRefusal, RefreshRefusal};
use dyocense_domain::identity::Role;

use super::{House, PASSWORD};

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_works_once_and_its_reuse_ends_the_session() {
    let house = House::at("2026-03-01T12:00:00Z").await;
    house.shop("ada@example.com").await;
    let login = house.commands.login("Ada@Example.com", PASSWORD.to_owned().into(), None, "test").await.unwrap();
    let first = login.tokens.refresh_token;
    let second = house.commands.refresh_session(first.expose()).await.unwrap();

    // The answer may have been lost: within the grace the first token gives the same successor again.
    house.set_clock("2026-03-01T12:00:20Z");
    let again = house.commands.refresh_session(first.expose()).await.unwrap();
    assert_eq!(again.refresh_token.expose(), second.refresh_token.expose());

    house.set_clock("2026-03-01T12:00:31Z");
    let reused = house.commands.refresh_session(first.expose()).await.unwrap_err();
    assert!(matches!(reused, CommandError::Refused(RefreshRefusal::Reused)), "{reused}");
    let ended = house.commands.refresh_session(second.refresh_token.expose()).await.unwrap_err();
    assert!(matches!(ended, CommandError::Refused(RefreshRefusal::Unknown | RefreshRefusal::SessionEnded)), "{ended}");
    assert!(house.commands.authenticate(&second.access_token).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_a_password_is_slowed_down_and_seen_by_the_auditor() {
    let house = House::at("2026-03-01T12:00:00Z").await;
    let shop = house.shop("ada@example.com").await;
    for _ in 0..10 {
        let wrong = house.commands.login("ada@example.com", "not it at all".to_owned().into(), None, "").await;
        assert!(matches!(wrong, Err(CommandError::Refused(LoginRefusal::WrongCredentials))));
    }
    let locked = house.commands.login("ada@example.com", PASSWORD.to_owned().into(), None, "").await;
    assert!(matches!(locked, Err(CommandError::Refused(LoginRefusal::TooManyFailures { .. }))));
    house.set_clock("2026-03-01T12:15:01Z");
    assert!(house.commands.login("ada@example.com", PASSWORD.to_owned().into(), None, "").await.is_ok());

    let events = house
        .commands
        .log()
        .read_tenant(shop.tenant, dyocense_eventlog::Position::START, 100, dyocense_eventlog::Direction::Forward)
        .await
        .unwrap();
    assert_eq!(events.iter().filter(|event| event.event_type == "LoginRefused").count(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invited_person_joins_and_loses_access_when_removed() {
    let house = House::at("2026-03-01T12:00:00Z").await;
    let shop = house.shop("ada@example.com").await;
    let invitation = house.commands.invite_user(&shop.caller(), "bob@example.com", Role::Member).await.unwrap();
    let token = invitation.token.unwrap();
    let (tenant, bob, _) =
        house.commands.accept_invitation(token.expose(), "Bob", "another long secret".to_owned().into()).await.unwrap();
    assert_eq!(tenant, shop.tenant);
    assert!(
        house.commands.accept_invitation(token.expose(), "Bob", "another long secret".to_owned().into()).await.is_err()
    );
    let login =
        house.commands.login("bob@example.com", "another long secret".to_owned().into(), None, "").await.unwrap();
    assert_eq!(login.role, Role::Member);
    assert!(house.commands.authenticate(&login.tokens.access_token).await.is_ok());

    house.commands.remove_user(&shop.caller(), bob).await.unwrap();
    assert!(house.commands.authenticate(&login.tokens.access_token).await.is_err());
    assert!(house.commands.login("bob@example.com", "another long secret".to_owned().into(), None, "").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_works_until_it_is_revoked() {
    let house = House::at("2026-03-01T12:00:00Z").await;
    let shop = house.shop("ada@example.com").await;
    let key = house.commands.create_api_key(&shop.caller(), "till", Role::Member, None).await.unwrap();
    let secret = key.key.unwrap();
    let principal = house.commands.authenticate(secret.expose()).await.unwrap();
    assert_eq!((principal.tenant, principal.actor.role()), (shop.tenant, Some(Role::Member)));
    house.commands.revoke_api_key(&shop.caller(), key.api_key_id).await.unwrap();
    assert!(house.commands.authenticate(secret.expose()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_key_that_another_server_has_just_made_is_known_here() {
    let house = House::at("2026-03-01T12:00:00Z").await;
    house.shop("ada@example.com").await;
    let here = house.commands.login("ada@example.com", PASSWORD.to_owned().into(), None, "").await.unwrap();
    // The key is a month old by then: a server that starts makes the next one.
    house.set_clock("2026-03-31T12:00:00Z");
    let other = house.another_server().await;
    let there = other.login("ada@example.com", PASSWORD.to_owned().into(), None, "").await.unwrap();
    let key_of = |token: &str| token.split('.').next().unwrap().to_owned();
    assert_ne!(key_of(&here.tokens.access_token), key_of(&there.tokens.access_token));
    assert!(house.commands.authenticate(&there.tokens.access_token).await.is_ok());
    // Both keys are live.
    let again = house.commands.login("ada@example.com", PASSWORD.to_owned().into(), None, "").await.unwrap();
    assert_eq!(key_of(&again.tokens.access_token), key_of(&there.tokens.access_token));
    house.commands.authenticate(&again.tokens.access_token).await.unwrap();
    // A key that nobody has made stays unknown.
    let claims = again.tokens.access_token.split_once('.').unwrap().1;
    // {"typ":"JWT","alg":"EdDSA","kid":"0000000000000000"}
    let made_up = format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSIsImtpZCI6IjAwMDAwMDAwMDAwMDAwMDAifQ.{claims}");
    assert!(house.commands.authenticate(&made_up).await.is_err());
}
