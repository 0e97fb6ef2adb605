//! A long search: seen while it goes on, stopped with its best plan.

use serde_json::{Value, json};

use super::super::world;
use super::{RUN, ask, plain};

/// Many products over many periods that share a tight capacity: far from proven in the time a test has.
fn warehouse() -> Value {
    let (products, periods) = (40, 26);
    let demand = |p: usize, t: usize| ((p * 37 + t * 53) % 61 + (p + t) % 7 * 5) as f64;
    let list: Vec<Value> = (0..products)
        .map(|p| {
            let row: Vec<f64> = (0..periods).map(|t| demand(p, t)).collect();
            json!({"demand": row, "hold": 1.0 + (p % 5) as f64 * 0.3, "setup_cost": 150.0 + (p % 9) as f64 * 40.0,
                "lost_sale": 60.0, "setup_time": 12.0, "unit_time": 1.0})
        })
        .collect();
    let capacity: Vec<f64> =
        (0..periods).map(|t| 1.15 * (0..products).map(|p| demand(p, t)).sum::<f64>() + 60.0).collect();
    json!({"products": list, "periods": periods, "capacity": capacity})
}

#[tokio::test]
async fn a_search_tells_what_it_has_and_keeps_it_when_it_is_stopped() {
    let owner = world::owner().await;
    // With a constraint the whole is searched at once: a bound is known early.
    let save = "mutation ($i: SaveConstraintInput!) { saveConstraint(input: $i) {
        constraint { id } userErrors { message } } }";
    let limit = json!({"kind": "orderAtMost", "product": "product 1", "units": 500});
    let says = "Never more than 500 of the first";
    let saved = owner.ok(save, json!({"i": {"family": "INVENTORY", "says": says, "limit": limit}})).await;
    assert!(saved["saveConstraint"]["constraint"].is_object(), "{saved}");
    let asked =
        ask(&owner, "optimizeInventory", json!({"problem": warehouse(), "seconds": 300, "waitSeconds": 0})).await;
    let id = asked["run"]["id"].clone();
    assert!(id.is_string(), "{asked}");
    let mut socket = owner.socket().await;
    let follow = "subscription ($id: ID!) { runProgress(runId: $id) {
        progress { share note incumbent bound gap } run { status } } }";
    socket.subscribe("1", follow, json!({"id": id})).await;
    let known = loop {
        let update = socket.item().await["runProgress"].clone();
        let progress = update["progress"].clone();
        assert!(["QUEUED", "RUNNING"].iter().any(|status| update["run"]["status"] == *status), "ended: {update}");
        if progress["incumbent"].is_number() && progress["bound"].is_number() {
            break progress;
        }
    };
    let number = |name: &str| known[name].as_f64().unwrap_or_else(|| panic!("no {name}: {known}"));
    let (incumbent, bound, gap) = (number("incumbent"), number("bound"), number("gap"));
    assert!(bound <= incumbent * (1.0 + 1e-9), "{known}");
    assert!((0.0..=1.0).contains(&number("share")) && gap >= 0.0, "{known}");

    let stop = format!(
        "mutation ($id: ID!) {{ stopRun(input: {{runId: $id, waitSeconds: 20}}) {{
        run {{ {RUN} }} userErrors {{ code message }} }} }}"
    );
    let stopped = owner.ok(&stop, json!({"id": id})).await;
    let run = &stopped["stopRun"]["run"];
    assert_eq!((&run["status"], &run["stoppedEarly"]), (&json!("COMPLETED"), &json!(true)), "{stopped}");
    let plan = &run["plan"];
    assert_eq!((&plan["status"], &plan["replayable"]), (&json!("FEASIBLE"), &json!(false)), "{stopped}");
    let objective = plan["objective"].as_f64().expect("an objective");
    assert!(objective <= incumbent * (1.0 + 1e-9), "{objective} is worse than {incumbent} before");
    assert!(plan["plan"]["products"].as_array().is_some_and(|products| products.len() == 40), "{plan}");
    assert!(
        run["caveats"].as_array().expect("caveats").iter().any(|c| c.as_str().is_some_and(|c| c.contains("stopped")))
    );

    // It is in the history with all that made it.
    let history = format!("{{ runs(kind: INVENTORY, last: 1) {{ edges {{ node {{ {RUN} }} }} }} }}");
    let listed = owner.ok(&history, json!({})).await["runs"]["edges"][0]["node"].clone();
    assert_eq!(listed, *run);
    for field in ["method", "inputSha256", "summary"] {
        assert!(listed[field].as_str().is_some_and(|text| !text.is_empty()), "{field}");
    }
    for field in ["elapsedMs", "inputPosition", "seed"] {
        assert!(listed[field].is_number(), "{field}");
    }
    for field in ["bound", "gap", "nodes"] {
        assert!(listed["plan"][field].is_number(), "{field}");
    }
    assert_eq!(plain(&listed["request"]["problem"]), plain(&warehouse()));
}
