//! Invitations by mail: sent after the commit, once, tried again, given up, and never with a token in the log.

use std::sync::Arc;

use dyocense_commands::MailOptions;
use dyocense_domain::Clock;
use dyocense_domain::identity::{MailProblem, Role};
use dyocense_eventlog::{Direction, Position};
use dyocense_integrations::SmtpMailer;
use dyocense_tests::mail::{MailServer, token_in};
use jiff::ToSpan;

use super::*;

async fn house(server: &MailServer) -> House {
    let mailer = SmtpMailer::new(&server.url, "Dyocense <no-reply@dyocense.test>").expect("a mailer");
    let mail = MailOptions { mailer: Arc::new(mailer), public_url: "https://dyocense.test".to_owned() };
    House::with_mail("2026-11-02T12:00:00Z", Some(mail)).await
}

/// Types of the events of a business whose name says that they are about mail.
async fn about_mail(house: &House, shop: &Shop) -> Vec<String> {
    let log = house.commands.log();
    let events = log.read_tenant(shop.tenant, Position::START, 1_000, Direction::Forward).await.expect("events");
    events.into_iter().map(|event| event.event_type).filter(|name| name.ends_with("Mailed")).collect()
}

fn later(house: &House, by: jiff::Span) {
    house.clock.set(house.clock.now().checked_add(by).expect("a time"));
}

/// Until the policy has seen the invitation.
async fn queued(house: &House) {
    let queued = async {
        loop {
            let rows: i64 = sqlx::query_scalar("select count(*) from vault.mail_queue")
                .fetch_one(&house.pools.vault)
                .await
                .expect("the queue");
            if rows > 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), queued).await.expect("queued in time");
}

#[tokio::test]
async fn an_invitation_is_mailed_once_and_its_link_lets_the_person_join() {
    let server = MailServer::start().await;
    let house = house(&server).await;
    let shop = house.shop("ada@shop.test").await;
    let invited = house.commands.invite_user(&shop.caller(), "ben@shop.test", Role::Member).await.expect("invited");
    queued(&house).await;
    assert_eq!(house.commands.send_due_mail().await.expect("sent"), 1);
    let mail = server.arrived("ben@shop.test").await;
    for part in ["Subject: Join Corner Shop on Dyocense", "ada@shop.test invites you", "9 November 2026, 07:00 EST"] {
        assert!(mail.contains(part), "{part} is not in\n{mail}");
    }
    assert_eq!(about_mail(&house, &shop).await, ["InvitationMailed"]);
    let snapshot = &mut house.snapshot(shop.tenant).await;
    let row = dyocense_projections::identity::invitation(snapshot, invited.invitation_id).await.expect("read");
    assert!(row.expect("an invitation").mailed_at.is_some());

    // A second look finds nothing to do, also where the program stopped before it could take the mail off its queue.
    sqlx::query(
        "insert into vault.mail_queue (tenant_id, kind, subject_id, due_at)
         values ($1, 'invitation', $2, '2026-11-02 12:00+00')",
    )
    .bind(Uuid::from(shop.tenant))
    .bind(Uuid::from(invited.invitation_id))
    .execute(&house.pools.vault)
    .await
    .expect("queued again");
    assert_eq!(house.commands.send_due_mail().await.expect("looked"), 0);
    assert_eq!(server.mail_to("ben@shop.test").len(), 1);

    let token = token_in(&mail);
    let log = house.commands.log();
    let events = log.read_tenant(shop.tenant, Position::START, 1_000, Direction::Forward).await.expect("events");
    for event in &events {
        assert!(!event.data().expect("readable").contains(&token), "a token stands in {}", event.event_type);
    }
    let joined = house.commands.accept_invitation(&token, "Ben", PASSWORD.to_owned().into()).await;
    assert_eq!(joined.expect("joined").0, shop.tenant);
    house.commands.accept_invitation(&token, "Ben", PASSWORD.to_owned().into()).await.expect_err("it works once");
}

#[tokio::test]
async fn mail_that_the_server_does_not_take_now_is_tried_again_later_and_later() {
    let server = MailServer::start().await;
    let house = house(&server).await;
    let shop = house.shop("ada@shop.test").await;
    server.refuse("ben@shop.test", &["451 come back", "421 too busy"]);
    house.commands.invite_user(&shop.caller(), "ben@shop.test", Role::Member).await.expect("invited");
    queued(&house).await;
    assert_eq!(house.commands.send_due_mail().await.expect("tried"), 0);
    assert_eq!(house.commands.send_due_mail().await.expect("not due"), 0);
    assert_eq!(server.announced(), 1);
    later(&house, 1.minute());
    assert_eq!(house.commands.send_due_mail().await.expect("tried"), 0);
    later(&house, 1.minute());
    assert_eq!((house.commands.send_due_mail().await.expect("not due"), server.announced()), (0, 2));
    later(&house, 1.minute());
    assert_eq!(house.commands.send_due_mail().await.expect("sent"), 1);
    assert_eq!(server.mail_to("ben@shop.test").len(), 1);
    assert_eq!(about_mail(&house, &shop).await, ["InvitationMailed"]);
}

#[tokio::test]
async fn mail_that_is_refused_for_good_or_past_its_time_is_given_up_and_said() {
    let server = MailServer::start().await;
    let house = house(&server).await;
    let shop = house.shop("ada@shop.test").await;
    let caller = shop.caller();
    server.refuse("nobody@shop.test", &["550 no such user"]);
    let refused = house.commands.invite_user(&caller, "nobody@shop.test", Role::Member).await.expect("invited");
    queued(&house).await;
    assert_eq!(house.commands.send_due_mail().await.expect("tried"), 0);
    server.refuse("late@shop.test", &["450 later"]);
    let late = house.commands.invite_user(&caller, "late@shop.test", Role::Member).await.expect("invited");
    queued(&house).await;
    assert_eq!(house.commands.send_due_mail().await.expect("tried"), 0);
    later(&house, (8 * 24).hours());
    assert_eq!(house.commands.send_due_mail().await.expect("given up"), 0);
    assert_eq!((server.announced(), about_mail(&house, &shop).await.len()), (2, 2));
    let mut snapshot = house.snapshot(shop.tenant).await;
    for (id, problem) in [(refused, MailProblem::Refused), (late, MailProblem::Unreachable)] {
        let row = dyocense_projections::identity::invitation(&mut snapshot, id.invitation_id).await.expect("read");
        assert_eq!(row.expect("an invitation").mail_problem, Some(problem));
    }
}

#[tokio::test]
async fn without_a_mail_server_and_for_those_taken_back_nothing_is_sent() {
    let server = MailServer::start().await;
    let house = house(&server).await;
    let shop = house.shop("ada@shop.test").await;
    let caller = shop.caller();
    let invited = house.commands.invite_user(&caller, "ben@shop.test", Role::Member).await.expect("invited");
    queued(&house).await;
    house.commands.revoke_invitation(&caller, invited.invitation_id).await.expect("taken back");
    assert_eq!((house.commands.send_due_mail().await.expect("looked"), server.announced()), (0, 0));

    let silent = House::at("2026-11-02T12:00:00Z").await;
    let shop = silent.shop("eve@shop.test").await;
    let invited = silent.commands.invite_user(&shop.caller(), "ben@shop.test", Role::Member).await.expect("invited");
    assert!(invited.token.is_some(), "whoever invites is shown the token");
    assert_eq!(silent.commands.send_due_mail().await.expect("nothing"), 0);
}
