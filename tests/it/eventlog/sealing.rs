//! Personal data: sealed from the first event on, gone when erased, and no proof the worse for it.

use dyocense_eventlog::*;
use serde_json::{Value, json};
use sqlx::Row;

use super::*;

fn about(tenant: TenantId, subject: &str, name: &str) -> Append {
    let data = json!({"role": "owner", "name": {"$personal": {"subject": subject, "value": name}}});
    Append {
        events: vec![NewEvent::new("UserInvited", 1, data)],
        ..command(tenant, "business", ExpectedVersion::Any, 0)
    }
}

async fn names(log: &EventLog, tenant: TenantId) -> Vec<Value> {
    history(log, tenant).await.iter().map(|event| event.decode::<Value>().expect("readable")["name"].clone()).collect()
}

async fn bodies(given: &Given) -> Vec<(String, Vec<u8>)> {
    let rows = sqlx::query("select body, leaf_hash from log.events order by tenant_id, position");
    let rows = rows.fetch_all(&mut given.database.superuser().await).await.expect("rows");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn a_personal_value_is_stored_sealed_and_read_open() {
    let given = given_a_log().await;
    let tenant = TenantId::new();
    given.log.append(about(tenant, "user-1", "Ada Lovelace")).await.expect("appended");
    let (body, _) = &bodies(&given).await[0];
    assert!(!body.contains("Ada") && body.contains("$sealed") && body.contains("owner"), "{body}");
    assert_eq!(names(&given.log, tenant).await, [json!({"$personal": {"subject": "user-1", "value": "Ada Lovelace"}})]);
    // Another process, with nothing in memory.
    let other = open(&given.pools, &given.keyring, Upcasters::new()).await;
    assert_eq!(names(&other, tenant).await, names(&given.log, tenant).await);
}

#[tokio::test]
async fn erasing_makes_a_person_unreadable_everywhere_and_changes_no_stored_byte() {
    let given = given_a_log().await;
    let (tenant, neighbour) = (TenantId::new(), TenantId::new());
    let other = open(&given.pools, &given.keyring, Upcasters::new()).await;
    for append in [about(tenant, "user-1", "Ada"), about(tenant, "user-2", "Grace"), about(neighbour, "user-1", "Alan")]
    {
        given.log.append(append).await.expect("appended");
    }
    assert_eq!(names(&other, tenant).await.len(), 2);
    let before = bodies(&given).await;
    given.log.erase_subject(tenant, "user-1").await.expect("erased");

    let erased = json!({"$erased": {"subject": "user-1"}});
    let grace = json!({"$personal": {"subject": "user-2", "value": "Grace"}});
    assert_eq!(names(&given.log, tenant).await, [erased.clone(), grace.clone()]);
    assert_eq!(names(&given.log, neighbour).await[0]["$personal"]["value"], "Alan");
    assert_eq!(bodies(&given).await, before);
    // The other process has the key in memory until it hears of the erasure.
    while names(&other, tenant).await[0] != erased {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let keys = sqlx::query("select wrapped_key from log.subject_keys where wrapped_key is null");
    assert_eq!(keys.fetch_all(&mut given.database.superuser().await).await.expect("rows").len(), 1);

    let refused = given.log.append(about(tenant, "user-1", "Ada again")).await.expect_err("erased");
    assert!(matches!(refused, AppendError::SubjectErased { .. }), "{refused}");
    given.log.erase_subject(tenant, "user-1").await.expect("erasing twice is no fault");
}

#[tokio::test]
async fn an_erased_person_can_still_be_named_as_erased() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    let erased = json!({"name": {"$erased": {"subject": "user-1"}}});
    let append = command(tenant, "business", ExpectedVersion::Any, 0);
    log.append(Append { events: vec![NewEvent::new("Renamed", 1, erased.clone())], ..append }).await.expect("appended");
    assert_eq!(names(&log, tenant).await, [erased["name"].clone()]);
}

#[tokio::test]
async fn two_processes_agree_on_a_new_persons_key() {
    let given = given_a_log().await;
    let other = open(&given.pools, &given.keyring, Upcasters::new()).await;
    let tenant = TenantId::new();
    for n in 0..10 {
        let subject = format!("user-{n}");
        let (a, b) =
            tokio::join!(given.log.append(about(tenant, &subject, "A")), other.append(about(tenant, &subject, "B")));
        a.and(b).expect("both appended");
    }
    let fresh = open(&given.pools, &given.keyring, Upcasters::new()).await;
    assert!(names(&fresh, tenant).await.iter().all(|name| name["$personal"]["value"].is_string()));
}

#[tokio::test]
async fn a_rotated_master_key_opens_old_events_and_a_lost_one_is_an_error_not_an_erasure() {
    let given = given_a_log().await;
    let tenant = TenantId::new();
    given.log.append(about(tenant, "user-1", "Ada")).await.expect("appended");
    let rotated = Keyring::new(MasterKey::generate("next"), vec![given.keyring.current().clone()]);
    let log = open(&given.pools, &rotated, Upcasters::new()).await;
    log.append(about(tenant, "user-2", "Grace")).await.expect("appended");
    assert_eq!(names(&log, tenant).await.iter().filter(|name| name["$personal"]["value"].is_string()).count(), 2);

    let lost = Keyring::new(MasterKey::generate("other"), vec![]);
    let log = open(&given.pools, &lost, Upcasters::new()).await;
    let error = log.read_tenant(tenant, Position::START, 10, Direction::Forward).await.expect_err("no key");
    assert!(matches!(error, ReadError::Keys(SealError::UnknownMasterKey { .. })), "{error}");
}
