//! Following a history: every event once, in order, whenever one joins and however slowly one reads.

use std::{pin::pin, sync::Arc, time::Duration};

use dyocense_eventlog::*;
use futures::{Stream, StreamExt, future::join_all};

use super::*;

async fn take(tail: impl Stream<Item = Result<Arc<RecordedEvent>, ReadError>>, count: usize) -> Vec<i64> {
    let events = tail.take(count).map(|event| event.expect("the tail goes on").position.get());
    tokio::time::timeout(Duration::from_secs(60), events.collect()).await.expect("the tail delivers")
}

#[tokio::test]
async fn a_tail_gives_what_is_there_and_then_what_comes() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    log.append(command(tenant, "goal-1", ExpectedVersion::Any, 3)).await.expect("appended");
    let mut tail = pin!(log.tail(tenant, Position::new(1).expect("position")));
    assert_eq!(take(tail.as_mut(), 2).await, [2, 3]);
    log.append(command(tenant, "goal-1", ExpectedVersion::Any, 2)).await.expect("appended");
    assert_eq!(take(tail.as_mut(), 2).await, [4, 5]);
}

#[tokio::test]
async fn a_tail_of_a_tenant_without_events_waits_for_the_first() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    let tail = log.tail(tenant, Position::START);
    let (seen, _) = tokio::join!(take(tail, 1), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        log.append(command(tenant, "goal-1", ExpectedVersion::Any, 1)).await.expect("appended")
    });
    assert_eq!(seen, [1]);
}

#[tokio::test]
async fn tails_that_join_while_others_write_miss_and_repeat_nothing() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    const COMMANDS: usize = 400;
    let writing = join_all((0..8).map(|writer| {
        let log = log.clone();
        async move {
            for n in 0..COMMANDS / 8 {
                let name = format!("goal-{}", (writer + n) % 5);
                log.append(command(tenant, &name, ExpectedVersion::Any, 1 + n % 3)).await.expect("appended");
            }
        }
    }));
    let total: usize = 8 * (0..COMMANDS / 8).map(|n| 1 + n % 3).sum::<usize>();
    let tails = join_all((0..20).map(|joiner| {
        let log = log.clone();
        async move {
            while log.head(tenant).await.expect("head").get() < joiner * 20 {
                tokio::task::yield_now().await;
            }
            let after = Position::new(joiner * 7).expect("position");
            (after, take(log.tail(tenant, after), total - after.get() as usize).await)
        }
    }));
    let ((), tails) = tokio::join!(async { drop(writing.await) }, tails);
    for (after, seen) in tails {
        assert!(seen.iter().copied().eq(after.get() + 1..=total as i64), "after {after}: {seen:?}");
    }
}

#[tokio::test]
async fn a_tail_slower_than_the_hub_remembers_still_loses_nothing() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    log.append(command(tenant, "goal-1", ExpectedVersion::Any, 1)).await.expect("appended");
    let mut slow = pin!(log.tail(tenant, Position::START));
    let mut quick = pin!(log.tail(tenant, Position::START));
    assert_eq!(take(slow.as_mut(), 1).await, [1]);
    for _ in 0..5 {
        log.append(command(tenant, "goal-1", ExpectedVersion::Any, 700)).await.expect("appended");
    }
    // Now the hub has handed out more than it keeps, to somebody who listened.
    assert_eq!(take(quick.as_mut(), 3_501).await.len(), 3_501);
    assert!(take(slow.as_mut(), 3_500).await.into_iter().eq(2..=3_501));
    log.append(command(tenant, "goal-1", ExpectedVersion::Any, 1)).await.expect("appended");
    assert_eq!(take(slow.as_mut(), 1).await, [3_502]);
}

#[tokio::test]
async fn a_tail_hears_of_another_processes_appends() {
    let Given { log, pools, keyring, .. } = given_a_log().await;
    let other = open(&pools, &keyring, Upcasters::new()).await;
    let tenant = TenantId::new();
    let mut tail = pin!(log.tail(tenant, Position::START));
    let mut commits = log.subscribe_commits();
    for n in 1..=5 {
        other.append(command(tenant, "goal-1", ExpectedVersion::Any, 1)).await.expect("appended");
        assert_eq!(take(tail.as_mut(), 1).await, [n]);
    }
    let heard = tokio::time::timeout(Duration::from_secs(30), commits.recv()).await.expect("heard").expect("a commit");
    assert!(heard.iter().any(|commit| commit.tenant == tenant));
}

#[tokio::test]
async fn a_hub_ends_with_its_last_tail_and_a_later_tail_gets_a_new_one() {
    let Given { log, .. } = given_a_log().await;
    let tenant = TenantId::new();
    for n in 0..30 {
        log.append(command(tenant, "goal-1", ExpectedVersion::Any, 1)).await.expect("appended");
        let seen = take(log.tail(tenant, Position::START), n + 1).await;
        assert!(seen.into_iter().eq(1..=n as i64 + 1));
    }
}
