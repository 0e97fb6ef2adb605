//! One example of every event type at every schema version it ever had lies in `golden/<context>/<Type>.<version>.json`.
//! Files are added, never changed: what was once written to a log must be readable for ever.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::connectors::ImportEvent;
use crate::event::DomainEvent;
use crate::evidence::{CausalModelEvent, OccasionEvent};
use crate::forecasting::InsightEvent;
use crate::goals::GoalEvent;
use crate::identity::{BusinessEvent, SessionEvent};
use crate::metrics::MetricEvent;
use crate::optimization::ConstraintEvent;
use crate::runs::RunEvent;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Reads a context's examples at their current version, and names every file that it should have.
fn read_all<E: DomainEvent + std::fmt::Debug + PartialEq>(context: &str) -> Vec<String> {
    let mut named = vec![];
    for event_type in E::TYPES {
        for version in 1..=event_type.schema_version {
            let file = format!("{context}/{}.{version}.json", event_type.name);
            let json = fs::read_to_string(folder().join(&file)).unwrap_or_else(|_| {
                panic!("{} has no example at version {version}: add golden/{file}", event_type.name)
            });
            if version == event_type.schema_version {
                let event = E::from_json(event_type.name, &json).unwrap_or_else(|error| panic!("{file}: {error}"));
                assert_eq!(event.event_type(), *event_type, "{file}");
                let example: serde_json::Value = serde_json::from_str(&json).unwrap();
                assert_eq!(event.to_json(), example, "{file} is not written as it was read");
            }
            named.push(file);
        }
    }
    named
}

#[test]
fn every_event_type_has_an_example_that_reads_and_writes_unchanged() {
    let mut named: Vec<String> = vec![];
    named.extend(read_all::<BusinessEvent>("identity"));
    named.extend(read_all::<SessionEvent>("identity"));
    named.extend(read_all::<MetricEvent>("metrics"));
    named.extend(read_all::<ImportEvent>("connectors"));
    named.extend(read_all::<GoalEvent>("goals"));
    named.extend(read_all::<RunEvent>("runs"));
    named.extend(read_all::<ConstraintEvent>("optimization"));
    named.extend(read_all::<InsightEvent>("forecasting"));
    named.extend(read_all::<OccasionEvent>("evidence"));
    named.extend(read_all::<CausalModelEvent>("evidence"));
    let named: BTreeSet<String> = named.into_iter().collect();

    let mut found = BTreeSet::new();
    for context in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        for file in fs::read_dir(&context).unwrap().map(|entry| entry.unwrap().file_name()) {
            let context = context.file_name().unwrap().to_string_lossy().into_owned();
            found.insert(format!("{context}/{}", file.to_string_lossy()));
        }
    }
    assert_eq!(found.difference(&named).collect::<Vec<_>>(), Vec::<&String>::new(), "files of no known event type");
}

#[test]
fn no_two_contexts_use_the_same_event_type() {
    let all = [
        BusinessEvent::TYPES,
        SessionEvent::TYPES,
        MetricEvent::TYPES,
        ImportEvent::TYPES,
        GoalEvent::TYPES,
        RunEvent::TYPES,
        ConstraintEvent::TYPES,
        InsightEvent::TYPES,
        OccasionEvent::TYPES,
        CausalModelEvent::TYPES,
    ];
    let names: Vec<&str> = all.concat().iter().map(|event_type| event_type.name).collect();
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(distinct.len(), names.len());
}

/// A context whose events this test does not know would have no examples.
#[test]
fn every_context_with_events_is_covered_here() {
    let contexts = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let with_events: BTreeSet<String> = contexts
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("events.rs").exists())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let declared: usize = with_events
        .iter()
        .map(|context| fs::read_to_string(folder().join("../src").join(context).join("events.rs")).unwrap())
        .map(|source| source.matches("events! {").count())
        .sum();
    assert_eq!(
        with_events.iter().map(String::as_str).collect::<Vec<_>>(),
        ["connectors", "evidence", "forecasting", "goals", "identity", "metrics", "optimization", "runs"]
    );
    assert_eq!(declared, 10, "an enum of events is missing in this file");
}
