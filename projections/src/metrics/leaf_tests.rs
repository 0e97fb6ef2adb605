use proptest::prelude::*;

use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn packing_keeps_times_values_and_their_decimals() {
    let day = 86_400_000_000;
    for points in [
        vec![],
        vec![(0, decimal("0"))],
        vec![(-day, decimal("-12.50")), (0, decimal("0.10")), (day, decimal("79228162514264337593543950335"))],
        vec![(1, decimal("1")), (1_001, decimal("2"))],
        vec![(i64::MIN / 2, decimal("1")), (i64::MAX / 2, decimal("2"))],
    ] {
        let read = unpack(&pack(&points)).unwrap();
        let shown = |points: &Points| points.iter().map(|(at, v)| (*at, v.to_string())).collect::<Vec<_>>();
        assert_eq!(shown(&read), shown(&points));
    }
}

#[test]
fn a_daily_point_takes_few_bytes() {
    let points: Points = (0..CAPACITY as i64).map(|i| (i * 86_400_000_000, decimal("1234.56"))).collect();
    assert!(pack(&points).len() <= CAPACITY * 7 + 1, "{}", pack(&points).len());
}

#[test]
fn damaged_bytes_are_refused_and_not_misread() {
    let bytes = pack(&[(5, decimal("1.5")), (6, decimal("2.5"))]);
    assert_eq!(unpack(&[]), Err(Damaged(0)));
    assert_eq!(unpack(&[9]), Err(Damaged(0)));
    assert!(unpack(&bytes[..bytes.len() - 1]).is_err());
}

#[derive(Debug, Clone)]
enum Change {
    Set(i64, i64),
    Clear(i64),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (0..2_000_i64, 0..5_i64).prop_map(|(at, value)| Change::Set(at, value)),
        2 => (0..2_000_i64).prop_map(Change::Clear),
    ]
}

fn apply(leaves: &mut Leaves, change: &Change) {
    match change {
        Change::Set(at, value) => leaves.set(*at, Decimal::from(*value)),
        Change::Clear(at) => leaves.clear(*at),
    }
}

/// Applies the changes in batches, keeping rows between them as the table does.
fn in_batches(changes: &[Change], batch: usize) -> BTreeMap<i64, Points> {
    let mut rows: BTreeMap<i64, Points> = BTreeMap::new();
    for batch in changes.chunks(batch) {
        let mut leaves = Leaves::default();
        for (lower_bound, points) in &rows {
            leaves.loaded(*lower_bound, points.clone());
        }
        for change in batch {
            apply(&mut leaves, change);
        }
        let changes = leaves.into_changes();
        rows.extend(changes.save);
        rows.retain(|lower_bound, _| !changes.remove.contains(lower_bound));
    }
    rows
}

proptest! {
    /// A rebuild cuts history into other batches than live projection did.
    #[test]
    fn leaves_do_not_depend_on_batches(
        ascending in any::<bool>(),
        mut changes in proptest::collection::vec(change(), 0..1_500),
        batch in 1..200_usize,
    ) {
        if ascending {
            changes.sort_by_key(|change| match change { Change::Set(at, _) | Change::Clear(at) => *at });
        }
        let mut expected = BTreeMap::new();
        for change in &changes {
            match change {
                Change::Set(at, value) => drop(expected.insert(*at, Decimal::from(*value))),
                Change::Clear(at) => drop(expected.remove(at)),
            }
        }
        let at_once = in_batches(&changes, changes.len().max(1));
        let by_batch = in_batches(&changes, batch);
        prop_assert_eq!(&at_once, &by_batch);
        let points: Vec<_> = by_batch.values().flatten().copied().collect();
        prop_assert_eq!(points, expected.into_iter().collect::<Vec<_>>());
        let bounds: Vec<i64> = by_batch.keys().copied().collect();
        for (lower_bound, leaf) in &by_batch {
            let upper = bounds.iter().find(|bound| *bound > lower_bound).copied().unwrap_or(i64::MAX);
            prop_assert!(!leaf.is_empty() && leaf.len() <= CAPACITY);
            prop_assert!(leaf.iter().all(|(at, _)| (*lower_bound..upper).contains(at)));
        }
    }
}
