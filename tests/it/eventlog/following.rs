//! Keeping up with a tenant's history: what comes from memory is what the table would have said.

use dyocense_eventlog::*;
use serde_json::json;

use super::*;

fn written(events: &[RecordedEvent]) -> Vec<String> {
    events.iter().map(|event| format!("{event:?}")).collect()
}

fn greeting(tenant: TenantId, number: usize) -> Append {
    let data = json!({"n": number, "name": {"$personal": {"subject": "user-1", "value": "Ada Lovelace"}}});
    let events = vec![NewEvent::new("UserInvited", 1, data)];
    Append { events, ..command(tenant, "business", ExpectedVersion::Any, 0) }
}

#[tokio::test]
async fn who_follows_sees_every_event_once_and_in_order_whichever_process_wrote_it() {
    let given = given_a_log().await;
    let here = &given.log;
    let elsewhere = open(&given.pools, &given.keyring, Upcasters::new()).await;
    let tenant = TenantId::new();
    let mut seen: Vec<RecordedEvent> = Vec::new();
    for round in 0..60 {
        let log = if round % 7 < 2 { &elsewhere } else { here };
        let append = match round % 5 {
            0 => greeting(tenant, round),
            kind => command(tenant, ["a", "b"][kind % 2], ExpectedVersion::Any, 1 + round % 4),
        };
        log.append(append).await.expect("appended");
        let after = seen.last().map_or(Position::START, |event| event.position);
        // Sometimes it falls behind, sometimes it takes less than there is.
        match round % 4 {
            0 => {}
            1 => seen.extend(here.following(tenant, after, 2).await.expect("events")),
            2 => seen.extend(here.following(tenant, after, 100).await.expect("events")),
            _ => {
                let mut tx = TenantTx::read(&given.pools.reader, tenant).await.expect("a transaction");
                seen.extend(here.following_in(&mut tx, after, 100).await.expect("events"));
            }
        }
    }
    loop {
        let after = seen.last().map_or(Position::START, |event| event.position);
        let more = here.following(tenant, after, 100).await.expect("events");
        if more.is_empty() {
            break;
        }
        seen.extend(more);
    }
    assert_gapless(&seen);
    assert_eq!(written(&seen), written(&history(here, tenant).await));
    assert!(written(&seen).iter().any(|event| event.contains("Ada Lovelace")));
}

#[tokio::test]
async fn a_person_who_was_erased_is_not_remembered_either() {
    let given = given_a_log().await;
    let tenant = TenantId::new();
    given.log.append(greeting(tenant, 1)).await.expect("appended");
    let before = given.log.following(tenant, Position::START, 10).await.expect("events");
    assert!(written(&before)[0].contains("Ada Lovelace"));
    given.log.erase_subject(tenant, "user-1").await.expect("erased");
    let after = given.log.following(tenant, Position::START, 10).await.expect("events");
    assert!(!written(&after)[0].contains("Ada Lovelace"), "{after:?}");
    assert_eq!(written(&after), written(&history(&given.log, tenant).await));
}

#[tokio::test]
async fn what_is_remembered_of_a_stream_is_its_last_event_here() {
    let given = given_a_log().await;
    let (tenant, a) = (TenantId::new(), stream("a"));
    assert_eq!(given.log.remembered(tenant, &a), None);
    let appended = given.log.append(command(tenant, "a", ExpectedVersion::NoStream, 3)).await.expect("appended");
    assert_eq!(given.log.remembered(tenant, &a), Some((appended.last_position, 3)));
    assert_eq!(given.log.remembered(TenantId::new(), &a), None);
    // What another process appended after it, an append on it finds out.
    let elsewhere = open(&given.pools, &given.keyring, Upcasters::new()).await;
    elsewhere.append(command(tenant, "a", ExpectedVersion::Any, 1)).await.expect("appended");
    let stale = given.log.append(command(tenant, "a", ExpectedVersion::Exact(3), 1)).await;
    assert!(matches!(stale, Err(AppendError::Conflict { actual: 4, .. })), "{stale:?}");
}
