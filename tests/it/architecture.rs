//! The arrows of ARCHITECTURE.md, held against what cargo and the sources say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Whom each crate may depend on, of ours. A crate that is missing here fails the test: decide where it stands.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("eventlog", &[]),
    ("database", &[]),
    ("forecasting", &[]),
    ("optimization", &[]),
    ("evidence", &[]),
    ("commands", &["domain", "eventlog", "forecasting", "optimization", "evidence"]),
    ("projections", &["domain", "eventlog", "commands"]),
    ("integrations", &["domain", "commands"]),
    (
        "api",
        &[
            "domain",
            "eventlog",
            "database",
            "forecasting",
            "optimization",
            "evidence",
            "commands",
            "projections",
            "integrations",
        ],
    ),
];

/// They stand outside the house and may look at all of it; nothing in it may look at them.
const OUTSIDE: &[&str] = &["tests", "bench"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate has a parent directory").to_owned()
}

/// Our crates and, for each, ours that it depends on when built for use; tests may use more.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let ours = |name: &Value| name.as_str().and_then(|name| name.strip_prefix("dyocense-")).map(str::to_owned);
    let packages = metadata["packages"].as_array().expect("cargo lists packages");
    packages
        .iter()
        .map(|package| {
            let name = ours(&package["name"]).expect("our crates are called dyocense-…");
            let dependencies = package["dependencies"].as_array().expect("cargo lists dependencies");
            let used = dependencies
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .filter_map(|dependency| ours(&dependency["name"]))
                .collect();
            (name, used)
        })
        .collect()
}

#[test]
fn every_arrow_between_crates_is_one_that_the_design_allows() {
    let mut wrong = Vec::new();
    for (crate_name, used) in arrows() {
        if OUTSIDE.contains(&crate_name.as_str()) {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == crate_name) else {
            wrong.push(format!("{crate_name} has no row in ARROWS"));
            continue;
        };
        for target in used {
            if !allowed.contains(&target.as_str()) {
                wrong.push(format!("{crate_name} -> {target}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// All our sources and SQL under `directory`, as (path from the root, text).
fn sources(directory: &str) -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    let mut open = vec![root.join(directory)];
    while let Some(directory) = open.pop() {
        let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "sql") {
                let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
                let name = path.strip_prefix(&root).expect("it is under the root").display().to_string();
                found.push((name, text));
            }
        }
    }
    found
}

/// Lines outside of the log's own rooms that name `needle`, and not merely a longer word that begins with it.
fn elsewhere(needle: &str) -> Vec<String> {
    let names = |line: &str| {
        line.match_indices(needle).any(|(at, _)| {
            let next = line[at + needle.len()..].chars().next();
            !next.is_some_and(|next| next.is_alphanumeric() || next == '_' || next == '(')
        })
    };
    ["domain", "engines", "commands", "projections", "integrations", "api"]
        .into_iter()
        .flat_map(sources)
        .flat_map(|(name, text)| {
            let lines = text.lines().enumerate().filter(|(_, line)| names(line));
            lines.map(|(number, line)| format!("{name}:{}: {}", number + 1, line.trim())).collect::<Vec<_>>()
        })
        .collect()
}

/// `log.tenant_head` is the one exception: it says which tenants have news, and no more than that.
#[test]
fn nobody_but_the_event_log_touches_its_tables() {
    let tables: BTreeSet<String> = sources("migrations")
        .into_iter()
        .flat_map(|(_, text)| {
            let names = text.lines().filter_map(|line| line.trim().strip_prefix("create table log."));
            names
                .filter_map(|rest| rest.split([' ', '(', '%']).next().map(str::to_owned))
                .filter(|name| !name.is_empty())
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(tables.contains("events"), "the tables were not found: {tables:?}");
    for table in tables.iter().filter(|table| *table != "tenant_head") {
        assert_eq!(elsewhere(&format!("log.{table}")), Vec::<String>::new());
    }
}

/// The tenant of a transaction is set by `TenantTx` alone; whoever could set it could read any tenant.
#[test]
fn nobody_but_the_event_log_chooses_a_transactions_tenant() {
    assert_eq!(elsewhere("app.tenant ="), Vec::<String>::new());
    assert_eq!(elsewhere("app.tenant ="), Vec::<String>::new());
}

/// A room for everything: these names are of none.
#[test]
fn no_room_is_a_grab_bag() {
    let grab_bags = ["utils", "util", "helpers", "helper", "common", "misc", "manager"];
    let mut wrong = Vec::new();
    for directory in [
        "domain",
        "eventlog",
        "database",
        "engines",
        "commands",
        "projections",
        "integrations",
        "api",
        "tests",
        "bench",
    ] {
        for (name, _) in sources(directory) {
            let parts = Path::new(&name).with_extension("");
            if parts.iter().any(|part| grab_bags.iter().any(|bag| part == *bag)) {
                wrong.push(name);
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
