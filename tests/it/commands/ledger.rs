use std::io::Read;

use dyocense_commands::connectors::StartImport;
use dyocense_domain::connectors::FormatOverrides;
use dyocense_domain::ids::ImportId;
use dyocense_projections::connectors::{Import, ImportStatus, import};
use dyocense_projections::{analytics, metrics};
use jiff::Timestamp;
use rust_decimal::Decimal;
use sqlx::Executor;
use tokio_util::sync::CancellationToken;

use super::{House, Shop, eventually};

fn demo_ledger() -> Vec<u8> {
    let packed = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../demo/cdnow_purchases.csv.gz")).unwrap();
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut plain).unwrap();
    plain
}

async fn start(house: &House, shop: &Shop, bytes: &[u8]) -> ImportId {
    let mut upload = house.commands.begin_upload(&shop.caller(), "sales.csv").await.unwrap();
    for piece in bytes.chunks(70_001) {
        upload.write(piece).await.unwrap();
    }
    let upload_id = upload.finish().await.unwrap().upload_id;
    let input =
        StartImport { upload_id, format: FormatOverrides::default(), mapping: None, currency: None, corrects: None };
    house.commands.start_import(&shop.caller(), input).await.unwrap().0
}

async fn finished(house: &House, shop: &Shop, id: ImportId) -> Import {
    eventually("the end of an import", || async {
        let mut snapshot = house.snapshot(shop.tenant).await;
        let import = import(&mut snapshot, id).await.unwrap()?;
        (import.status != ImportStatus::Running).then_some(import)
    })
    .await
}

fn dollars(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ledger_adds_up_to_the_cent_and_a_second_import_changes_nothing() {
    let house = House::at("2026-03-01T12:00:00Z").await;
    let shop = house.shop("ada@example.com").await;
    let stop = CancellationToken::new();
    tokio::spawn(house.commands.clone().run_imports(2, stop.clone()));
    let ledger = demo_ledger();

    let first = finished(&house, &shop, start(&house, &shop, &ledger).await).await;
    assert_eq!((first.status, first.imported, first.rejected), (ImportStatus::Completed, 69_659, 0));
    let mut snapshot = house.snapshot(shop.tenant).await;
    let totals = analytics::sales_totals(&mut snapshot).await.unwrap();
    assert_eq!((totals.orders, totals.customers), (69_659, 23_570));
    assert_eq!((totals.units, totals.revenue), (dollars("167881"), dollars("2500315.63")));
    assert_eq!(totals.first_day, Some(jiff::civil::date(1997, 1, 1)));
    assert_eq!(totals.last_day, Some(jiff::civil::date(1998, 6, 30)));

    let revenue = metrics::metric_by_key(&mut snapshot, "revenue").await.unwrap().unwrap();
    let points = metrics::points(&mut snapshot, &revenue, Timestamp::MIN, Timestamp::MAX).await.unwrap();
    assert_eq!(points.iter().map(|point| point.value).sum::<Decimal>(), dollars("2500315.63"));
    let new = metrics::metric_by_key(&mut snapshot, "new_customers").await.unwrap().unwrap();
    let points = metrics::points(&mut snapshot, &new, Timestamp::MIN, Timestamp::MAX).await.unwrap();
    assert_eq!(points.iter().map(|point| point.value).sum::<Decimal>(), dollars("23570"));
    drop(snapshot);

    let second = finished(&house, &shop, start(&house, &shop, &ledger).await).await;
    assert_eq!((second.imported, second.unchanged, second.rejected), (0, 69_659, 0));
    let mut snapshot = house.snapshot(shop.tenant).await;
    assert_eq!(analytics::sales_totals(&mut snapshot).await.unwrap(), totals);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_import_goes_on_where_it_stopped() {
    let house = House::at("2026-03-01T12:00:00Z").await;
    let shop = house.shop("ada@example.com").await;
    let rows: String = (0..6_000).map(|i| format!("{},2026-01-{:02},1,1.50\n", i % 7, i % 28 + 1)).collect();
    let ledger = format!("customer,date,quantity,amount\n{rows}");
    let id = start(&house, &shop, ledger.as_bytes()).await;

    let mut rounds = 0;
    let import = loop {
        rounds += 1;
        let stop = CancellationToken::new();
        let worker = tokio::spawn(house.commands.clone().run_imports(2, stop.clone()));
        // Longer each time, so that a slow machine gets through too.
        tokio::time::sleep(std::time::Duration::from_millis(20 * rounds)).await;
        // Cut off in the middle of whatever it does, as a crash would.
        worker.abort();
        let _ = worker.await;
        let mut snapshot = house.snapshot(shop.tenant).await;
        let import = import(&mut snapshot, id).await.unwrap().unwrap();
        if import.status != ImportStatus::Running || rounds > 100 {
            break import;
        }
    };
    assert_eq!((import.status, import.imported), (ImportStatus::Completed, 6_000), "after {rounds} rounds");
    let mut snapshot = house.snapshot(shop.tenant).await;
    let totals = analytics::sales_totals(&mut snapshot).await.unwrap();
    assert_eq!((totals.orders, totals.revenue), (6_000, dollars("9000")));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_kept_with_their_reason_and_corrections_come_in() {
    let house = House::at("2026-03-01T12:00:00Z").await;
    let shop = house.shop("ada@example.com").await;
    let stop = CancellationToken::new();
    tokio::spawn(house.commands.clone().run_imports(2, stop.clone()));
    let ledger = "order,date,quantity,amount\nA1,2026-01-05,1,10.00\nA2,2026-02-30,1,20.00\nA3,2026-01-06,x,30.00\n\
                  A4,2026-01-07,1,40.00\n";
    let id = start(&house, &shop, ledger.as_bytes()).await;
    let import = finished(&house, &shop, id).await;
    assert_eq!((import.imported, import.rejected), (2, 2));
    let rejected = house.commands.rejected_rows(shop.tenant, id, 0, 10).await.unwrap();
    assert_eq!(rejected.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 4]);
    assert!(rejected[0].reason.contains("2026-02-30"), "{}", rejected[0].reason);
    assert_eq!(rejected[1].fields, ["A3", "2026-01-06", "x", "30.00"]);

    let corrected = "order,date,quantity,amount\nA2,2026-02-28,1,20.00\nA3,2026-01-06,3,30.00\nA4,2026-01-07,1,44.00\n";
    let import = finished(&house, &shop, start(&house, &shop, corrected.as_bytes()).await).await;
    assert_eq!((import.imported, import.corrected, import.rejected), (3, 1, 0));
    let mut snapshot = house.snapshot(shop.tenant).await;
    let totals = analytics::sales_totals(&mut snapshot).await.unwrap();
    assert_eq!((totals.orders, totals.units, totals.revenue), (4, dollars("6"), dollars("104.00")));
    stop.cancel();
}

fn ledger(rows: usize) -> Vec<u8> {
    let rows = (0..rows).map(|i| format!("{},2026-01-{:02},1,1.50\n", i % 7, i % 28 + 1));
    std::iter::once("customer,date,quantity,amount\n".to_owned()).chain(rows).collect::<String>().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_import_does_not_wait_for_another_business_and_one_business_has_one_at_a_time() {
    let house = House::at("2026-03-01T12:00:00Z").await;
    let (busy, quick) = (house.shop("ada@example.com").await, house.shop("bob@example.com").await);
    let long = start(&house, &busy, &ledger(20_000)).await;
    let next = start(&house, &busy, &ledger(20_001)).await;
    let short = start(&house, &quick, &ledger(1)).await;
    let stop = CancellationToken::new();
    tokio::spawn(house.commands.clone().run_imports(2, stop.clone()));

    assert_eq!(finished(&house, &quick, short).await.imported, 1);
    let mut snapshot = house.snapshot(busy.tenant).await;
    assert_eq!(import(&mut snapshot, long).await.unwrap().unwrap().status, ImportStatus::Running);
    assert_eq!(import(&mut snapshot, next).await.unwrap().unwrap().rows, 0);
    drop(snapshot);
    let (long, next) = (finished(&house, &busy, long).await, finished(&house, &busy, next).await);
    assert_eq!((long.imported, next.imported, next.unchanged), (20_000, 1, 20_000));
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_can_never_be_stored_ends_with_the_reason_and_lets_the_next_one_in() {
    let house = House::at("2026-03-01T12:00:00Z").await;
    let shop = house.shop("ada@example.com").await;
    house
        .superuser()
        .await
        .execute("alter table vault.rejected_rows add constraint never check (line <> 3)")
        .await
        .unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(house.commands.clone().run_imports(2, stop.clone()));
    let doomed = start(&house, &shop, b"date,amount\n2026-01-05,10.00\nnever,20.00\n").await;
    let doomed = finished(&house, &shop, doomed).await;
    assert_eq!((doomed.status, doomed.imported), (ImportStatus::Failed, 0));
    let reason = doomed.reason.unwrap();
    assert!(reason.starts_with("the rows after line 0 could not be stored"), "{reason}");
    let next = start(&house, &shop, b"date,amount\n2026-01-05,10.00\n").await;
    assert_eq!(finished(&house, &shop, next).await.imported, 1);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_rejected_rows_are_forgotten_by_the_clock() {
    let house = House::at("2026-03-01T12:00:00Z").await;
    let shop = house.shop("ada@example.com").await;
    let stop = CancellationToken::new();
    tokio::spawn(house.commands.clone().run_imports(2, stop.clone()));
    let mut unfinished = house.commands.begin_upload(&shop.caller(), "never.csv").await.unwrap();
    unfinished.write(&[b'x'; 2 << 20]).await.unwrap();
    drop(unfinished);
    let all_good = start(&house, &shop, b"date,amount\n2026-01-04,10.00\n").await;
    finished(&house, &shop, all_good).await;
    let id = start(&house, &shop, b"date,amount\n2026-01-05,10.00\nnever,20.00\n").await;
    finished(&house, &shop, id).await;
    let stored = async || -> (i64, i64, i64) {
        house.commands.run_due_timers().await.unwrap();
        let sql = "select (select count(*) from vault.uploads), (select count(*) from vault.upload_chunks),
                   (select count(*) from vault.rejected_rows)";
        sqlx::query_as(sql).fetch_one(&mut house.superuser().await).await.unwrap()
    };
    // The one that was all good is deleted with its last row, a moment after it is called complete. Each import keeps the
    // names of its columns, too.
    eventually("the end of the good file", || async { (stored().await == (2, 3, 3)).then_some(()) }).await;
    house.set_clock("2026-03-02T12:00:01Z");
    assert_eq!(stored().await, (1, 1, 3), "what never came whole goes after a day");
    house.set_clock("2026-03-31T11:59:00Z");
    assert_eq!(stored().await, (1, 1, 3));
    house.set_clock("2026-03-31T12:05:00Z");
    assert_eq!(stored().await, (0, 0, 0), "the rest after thirty");
    assert_eq!(house.commands.rejected_columns(shop.tenant, id).await.unwrap(), Vec::<String>::new());
    stop.cancel();
}
