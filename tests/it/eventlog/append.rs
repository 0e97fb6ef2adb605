//! Appending: versions, positions, keys, batches.

use std::collections::HashSet;

use dyocense_eventlog::*;
use futures::future::join_all;
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_command_gets_the_next_positions_and_versions() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    let first = log.append(command(tenant, "goal-1", ExpectedVersion::NoStream, 2)).await.expect("appended");
    let second = log.append(command(tenant, "goal-2", ExpectedVersion::Any, 1)).await.expect("appended");
    let third = log.append(command(tenant, "goal-1", ExpectedVersion::Exact(2), 1)).await.expect("appended");
    assert_eq!((first.first_position.get(), first.last_position.get(), first.version()), (1, 2, 2));
    assert_eq!((second.last_position.get(), second.version()), (3, 1));
    assert_eq!((third.last_position.get(), third.version(), third.replayed), (4, 3, false));
    assert_eq!(log.head(tenant).await.expect("head").get(), 4);
    assert_gapless(&history(&log, tenant).await);
}

#[tokio::test]
async fn what_is_read_is_what_was_written() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    let mut append = command(tenant, "goal-1", ExpectedVersion::NoStream, 0);
    append.events = vec![NewEvent::new("GoalCreated", 3, json!({"title": "über \u{1f600}\n\u{0}", "n": 1.5}))];
    append.metadata.causation = Some(Uuid::now_v7());
    let (event, mut metadata) = (append.events[0].clone(), append.metadata.clone());
    log.append(append).await.expect("appended");
    let read = &history(&log, tenant).await[0];
    metadata.at = read.metadata.at;
    assert_eq!((read.id, read.event_type.as_str(), read.schema_version), (event.id, "GoalCreated", 3));
    assert_eq!(read.decode::<serde_json::Value>().expect("json"), event.data);
    assert_eq!((&read.metadata, read.tenant), (&metadata, tenant));
}

#[tokio::test]
async fn an_unexpected_version_is_a_conflict_that_says_the_actual_one_and_leaves_no_hole() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    log.append(command(tenant, "goal-1", ExpectedVersion::NoStream, 2)).await.expect("appended");
    for expected in [ExpectedVersion::NoStream, ExpectedVersion::Exact(1), ExpectedVersion::Exact(3)] {
        let refused = log.append(command(tenant, "goal-1", expected, 1)).await.expect_err("a conflict");
        assert!(matches!(refused, AppendError::Conflict { actual: 2, .. }), "{refused}");
    }
    log.append(command(tenant, "goal-1", ExpectedVersion::Exact(2), 1)).await.expect("appended");
    assert_gapless(&history(&log, tenant).await);
    assert_eq!(log.head(tenant).await.expect("head").get(), 3);
}

#[tokio::test]
async fn several_streams_are_appended_together_or_not_at_all() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    let part = |name: &str, expected| StreamAppend { stream: stream(name), expected, events: events(2) };
    let both = vec![part("a-1", ExpectedVersion::NoStream), part("b-1", ExpectedVersion::Any)];
    let appended = log.append_all(tenant, both, metadata(), None).await.expect("appended");
    assert_eq!((appended.first_position.get(), appended.last_position.get()), (1, 4));
    assert_eq!(appended.streams.iter().map(|s| s.last_version).collect::<Vec<_>>(), [2, 2]);

    let stale = vec![part("a-1", ExpectedVersion::Exact(2)), part("b-1", ExpectedVersion::Exact(1))];
    let refused = log.append_all(tenant, stale, metadata(), None).await.expect_err("a conflict");
    assert!(
        matches!(&refused, AppendError::Conflict { stream, actual: 2, .. } if stream.as_str() == "b-1"),
        "{refused}"
    );
    let history = history(&log, tenant).await;
    assert_eq!(history.len(), 4);
    assert_gapless(&history);
}

#[tokio::test]
async fn a_repeated_key_gives_the_first_answer_and_no_second_effect() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    for expected in [ExpectedVersion::NoStream, ExpectedVersion::Any, ExpectedVersion::Exact(1)] {
        let name = format!("goal-{}", Uuid::now_v7());
        if expected == ExpectedVersion::Exact(1) {
            log.append(command(tenant, &name, ExpectedVersion::NoStream, 1)).await.expect("appended");
        }
        let again = || keyed(&name, 1, command(tenant, &name, expected, 2));
        let before = log.answered(tenant, again().idempotency.as_ref().expect("keyed")).await.expect("asked");
        assert_eq!(before, None);
        let first = log.append(again()).await.expect("appended");
        let second = log.append(again()).await.expect("replayed");
        assert_eq!(second, Appended { replayed: true, ..first.clone() });
        let asked = log.answered(tenant, again().idempotency.as_ref().expect("keyed")).await.expect("asked");
        assert_eq!(asked, Some(second));
        let other =
            log.append(keyed(&name, 2, command(tenant, &name, expected, 2))).await.expect_err("another request");
        assert!(matches!(other, AppendError::KeyReused { .. }), "{other}");
    }
    assert_gapless(&history(&log, tenant).await);
    assert_eq!(log.head(tenant).await.expect("head").get(), 7);
}

#[tokio::test]
async fn a_key_of_one_tenant_is_free_for_another() {
    let Given { log, .. } = given_a_log().await;
    for tenant in [TenantId::new(), TenantId::new()] {
        let appended = log.append(keyed("k", 1, command(tenant, "goal-1", ExpectedVersion::NoStream, 1))).await;
        assert!(!appended.expect("appended").replayed);
    }
}

#[tokio::test]
async fn concurrent_commands_share_transactions_and_each_has_its_own_outcome() {
    let Given { log, .. } = given_a_log().await;
    let tenants: Vec<TenantId> = (0..5).map(|_| TenantId::new()).collect();
    let log = &log;
    // Of ten commands that want to create the same stream, one wins; of ten with the same key, one writes.
    let creations = tenants
        .iter()
        .flat_map(|&tenant| (0..10).map(move |_| log.append(command(tenant, "goal-1", ExpectedVersion::NoStream, 3))));
    let repeats = tenants.iter().flat_map(|&tenant| {
        (0..10).map(move |_| log.append(keyed("k", 7, command(tenant, "goal-2", ExpectedVersion::Any, 2))))
    });
    let free = tenants.iter().flat_map(|&tenant| {
        (0..20).map(move |n| log.append(command(tenant, &format!("metric-{n}"), ExpectedVersion::NoStream, 1)))
    });
    let (creations, repeats, free) = tokio::join!(join_all(creations), join_all(repeats), join_all(free));

    for one_tenants in creations.chunks(10) {
        assert_eq!(one_tenants.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for outcome in one_tenants.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(matches!(outcome, AppendError::Conflict { actual: 3, .. }), "{outcome}");
        }
    }
    for one_tenants in repeats.chunks(10) {
        let answers: Vec<&Appended> = one_tenants.iter().map(|outcome| outcome.as_ref().expect("appended")).collect();
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
        assert_eq!(answers.iter().map(|answer| answer.first_position).collect::<HashSet<_>>().len(), 1);
    }
    assert!(free.iter().all(Result::is_ok));
    for &tenant in &tenants {
        let history = history(log, tenant).await;
        assert_eq!(history.len(), 3 + 2 + 20);
        assert_gapless(&history);
    }
}

#[tokio::test]
async fn a_conflict_in_a_batch_does_not_disturb_its_neighbours() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    log.append(command(tenant, "goal-0", ExpectedVersion::NoStream, 1)).await.expect("appended");
    let log = &log;
    for round in 1..20 {
        let outcomes = join_all((0..12).map(|n| async move {
            let stale = n % 3 == 0;
            let expected = if stale { ExpectedVersion::Exact(0) } else { ExpectedVersion::Any };
            let name = if stale { "goal-0".to_owned() } else { format!("goal-{round}-{n}") };
            (stale, log.append(command(tenant, &name, expected, 1 + n % 4)).await)
        }))
        .await;
        for (stale, outcome) in outcomes {
            assert_eq!(stale, outcome.is_err(), "{outcome:?}");
        }
    }
    assert_gapless(&history(log, tenant).await);
}

#[tokio::test]
async fn a_dropped_caller_does_not_take_its_command_back() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    for n in 0..20 {
        let append = log.append(command(tenant, &format!("goal-{n}"), ExpectedVersion::NoStream, 1));
        // Polled once: it is queued, then abandoned.
        let _ = tokio::time::timeout(std::time::Duration::from_micros(1), append).await;
    }
    log.append(command(tenant, "goal-last", ExpectedVersion::NoStream, 1)).await.expect("appended");
    assert_gapless(&history(&log, tenant).await);
}

#[tokio::test]
async fn commands_that_can_never_be_appended_say_why() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    let any = |change: &dyn Fn(&mut Append)| {
        let mut append = command(tenant, "goal-1", ExpectedVersion::Any, 1);
        change(&mut append);
        append
    };
    let cases: [(Append, &str); 8] = [
        (any(&|a| a.events.clear()), "no events"),
        (any(&|a| a.events[0].event_type = "Goal Created".into()), "no event type"),
        (any(&|a| a.events[0].schema_version = 0), "schema version 0"),
        (any(&|a| a.metadata.actor = String::new()), "the actor has 0 bytes"),
        (any(&|a| a.metadata.actor = "a\0".into()), "zero byte"),
        (any(&|a| a.expected = ExpectedVersion::Exact(-1)), "version -1"),
        (any(&|a| a.events[0].data = json!(1_u64 << 60)), "2^53"),
        (any(&|a| a.events[0].data = json!("x".repeat(MAX_EVENT_BYTES))), "1048576"),
    ];
    for (append, reason) in cases {
        let refused = log.append(append).await.expect_err(reason).to_string();
        assert!(refused.contains(reason), "{refused}");
    }
    let twice = vec![
        StreamAppend { stream: stream("a"), expected: ExpectedVersion::Any, events: events(1) },
        StreamAppend { stream: stream("a"), expected: ExpectedVersion::Any, events: events(1) },
    ];
    let refused = log.append_all(tenant, twice, metadata(), None).await.expect_err("repeated stream");
    assert!(matches!(refused, AppendError::Invalid(InvalidAppend::RepeatedStream { .. })), "{refused}");
    assert_eq!(log.head(tenant).await.expect("head"), Position::START);
}

#[tokio::test]
async fn reads_go_both_ways_and_filters_match() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    for n in 0..6 {
        let mut append = command(tenant, if n % 2 == 0 { "goal-1" } else { "metric-1" }, ExpectedVersion::Any, 1);
        append.metadata.actor = format!("user:{}", n % 3);
        append.metadata.at = jiff::Timestamp::from_second(1_000 + n).expect("time");
        append.events[0].event_type = if n < 3 { "Early".into() } else { "Late".into() };
        log.append(append).await.expect("appended");
    }
    let positions = |events: Vec<RecordedEvent>| events.iter().map(|e| e.position.get()).collect::<Vec<_>>();
    let at = |n| Position::new(n).expect("position");
    let read = async |beyond, direction| positions(log.read_tenant(tenant, beyond, 2, direction).await.expect("read"));
    assert_eq!(read(at(3), Direction::Forward).await, [4, 5]);
    assert_eq!(read(Position::END, Direction::Backward).await, [6, 5]);
    assert_eq!(read(at(2), Direction::Backward).await, [1]);
    let goal = stream("goal-1");
    let last = log.read_stream(tenant, &goal, i64::MAX, 1, Direction::Backward).await.expect("read");
    assert_eq!((last[0].version, last[0].position.get()), (3, 5));
    let rest = log.read_stream(tenant, &goal, 1, 10, Direction::Forward).await.expect("read");
    assert_eq!(positions(rest), [3, 5]);

    let search = async |filter: Filter| {
        positions(log.search(tenant, &filter, Position::START, 10, Direction::Forward).await.expect("searched"))
    };
    assert_eq!(search(Filter::default()).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(search(Filter { event_types: vec!["Late".into()], ..Filter::default() }).await, [4, 5, 6]);
    assert_eq!(search(Filter { stream_prefix: Some("metric-".into()), ..Filter::default() }).await, [2, 4, 6]);
    assert_eq!(search(Filter { actor: Some("user:0".into()), ..Filter::default() }).await, [1, 4]);
    let second = |n: i64| Some(jiff::Timestamp::from_second(1_000 + n).expect("time"));
    assert_eq!(search(Filter { since: second(1), until: second(3), ..Filter::default() }).await, [2, 3]);
}

#[tokio::test]
async fn old_events_are_lifted_and_an_unreadable_one_does_not_hide_the_others() {
    let Given { log, pools, keyring, .. } = given_a_log().await;
    let tenant = TenantId::new();
    let mut append = command(tenant, "goal-1", ExpectedVersion::NoStream, 3);
    append.events[1].event_type = "OtherDone".into();
    append.events[2].schema_version = 9;
    log.append(append).await.expect("appended");

    let upcasters = Upcasters::new().current("ThingDone", 2).step("ThingDone", 1, |mut data| {
        data["lifted"] = json!(true);
        Ok(data)
    });
    let history = history(&open(&pools, &keyring, upcasters).await, tenant).await;
    assert_eq!((history[0].schema_version, history[0].data().expect("lifted")), (2, r#"{"lifted":true,"n":0}"#));
    assert_eq!((history[1].schema_version, history[1].data().expect("as it is")), (1, r#"{"n":1}"#));
    let reason = history[2].data().expect_err("from the future").to_string();
    assert!(reason.contains("newer than 2"), "{reason}");

    let broken = Upcasters::new().current("ThingDone", 3);
    let (writer, reader) = (pools.writer.clone(), pools.reader.clone());
    let refused = EventLog::open(writer, reader, keyring, broken, Options::default()).await;
    assert!(matches!(refused, Err(OpenError::Upcasters(BrokenChain::Missing { from: 1, .. }))));
}
