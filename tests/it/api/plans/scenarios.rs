//! The same question again, and with inputs changed; plans side by side.

use serde_json::{Value, json};

use super::super::world;
use super::{ask, bakery, ended, plain, plan, shops};

#[tokio::test]
async fn a_replayed_run_gives_the_same_plan() {
    let owner = world::owner().await;
    for (mutation, problem) in
        [("optimizeInventory", bakery()), ("optimizeBudget", shops()), ("optimizeRoster", super::cafe())]
    {
        let input = json!({"problem": problem, "seed": 7, "seconds": 1});
        let first = plan(&owner, mutation, input.clone()).await;
        let second = plan(&owner, mutation, input).await;
        assert_ne!(first["id"], second["id"]);
        assert_eq!(first["inputSha256"], second["inputSha256"]);
        assert_eq!(first["answer"], second["answer"], "{mutation}");
        // Asked for by the run itself: its problem, seed and work are taken over.
        let replayed = plan_as_it_was(&owner, mutation, &first["id"]).await;
        assert_eq!((&replayed["seed"], &replayed["inputSha256"]), (&json!(7), &first["inputSha256"]), "{replayed}");
        assert_eq!(replayed["answer"], first["answer"]);
        assert_eq!(replayed["scenarioOf"]["id"], first["id"]);
    }
}

async fn plan_as_it_was(client: &super::super::client::Client, mutation: &str, run: &Value) -> Value {
    let run = ended(client, mutation, json!({"scenarioOf": run})).await;
    assert_eq!(run["status"], "COMPLETED", "{run}");
    run
}

#[tokio::test]
async fn scenarios_change_named_inputs_and_are_compared_term_by_term() {
    let owner = world::owner().await;
    let base = plan(&owner, "optimizeInventory", json!({"problem": bakery(), "seconds": 1})).await;
    let mut runs = vec![base.clone()];
    for changes in [
        json!({"products": {"bread": {"setup_cost": 60.0}}}),
        json!({"products": {"Cake": {"demand": {"0": 12.0}}, "bread": {"hold": 0.1}}, "capacity": {"3": 60.0}}),
    ] {
        let scenario = plan(&owner, "optimizeInventory", json!({"scenarioOf": base["id"], "changes": changes})).await;
        assert_eq!((&scenario["scenarioOf"]["id"], plain(&scenario["changes"])), (&base["id"], plain(&changes)));
        runs.push(scenario);
    }
    let demand = &runs[2]["request"]["problem"]["products"][1]["demand"];
    assert_eq!(plain(demand), json!([12.0, 5.0, 10.0, 5.0]));
    assert_eq!(runs[2]["request"]["problem"]["products"][0]["setup_cost"], 20.0, "what is not named stays");

    let compare = "query ($ids: [ID!]!) { scenarios(runIds: $ids) {
        runs { id } objectives terms { name amounts changes } } }";
    let ids: Vec<&Value> = runs.iter().map(|run| &run["id"]).collect();
    let table = owner.ok(compare, json!({"ids": ids})).await["scenarios"].clone();
    assert_eq!(table["runs"].as_array().expect("runs").len(), 3);
    let terms = table["terms"].as_array().expect("terms");
    for (at, run) in runs.iter().enumerate() {
        let sum: f64 = terms.iter().filter_map(|term| term["amounts"][at].as_f64()).sum();
        let objective = run["plan"]["objective"].as_f64().expect("an objective");
        assert!((sum - objective).abs() < 1e-6 * (1.0 + objective), "{sum} is not {objective}");
        assert_eq!(table["objectives"][at], run["plan"]["objective"]);
    }
    assert!(terms.iter().all(|term| term["changes"][0] == 0.0), "{table}");

    let budget = plan(&owner, "optimizeBudget", json!({"problem": shops()})).await;
    for ids in [vec![&base["id"]], vec![&base["id"], &budget["id"]], vec![&base["id"]; 21]] {
        assert_eq!(owner.code(compare, json!({"ids": ids})).await, "INVALID");
    }
    let stranger = world::owner().await;
    assert_eq!(stranger.code(compare, json!({"ids": [base["id"], base["id"]]})).await, "INVALID");
}

#[tokio::test]
async fn a_scenario_of_nothing_is_refused_where_it_is_wrong() {
    let owner = world::owner().await;
    let base = plan(&owner, "optimizeInventory", json!({"problem": bakery(), "seconds": 1})).await;
    for (mutation, input, field) in [
        ("optimizeInventory", json!({"scenarioOf": base["id"], "changes": {"products": {"pie": {}}}}), "changes"),
        ("optimizeInventory", json!({"scenarioOf": base["id"], "changes": {"periods": -1}}), "problem"),
        ("optimizeInventory", json!({"scenarioOf": base["id"], "problem": bakery()}), "problem"),
        ("optimizeInventory", json!({"changes": {}, "problem": bakery()}), "changes"),
        ("optimizeInventory", json!({}), "problem"),
        ("optimizeBudget", json!({"scenarioOf": base["id"]}), "scenarioOf"),
        ("optimizeInventory", json!({"scenarioOf": "UnVuOjE"}), "scenarioOf"),
    ] {
        let payload = ask(&owner, mutation, input).await;
        assert_eq!(payload["userErrors"][0]["field"][1], field, "{payload}");
    }
    let stranger = world::owner().await;
    let payload = ask(&stranger, "optimizeInventory", json!({"scenarioOf": base["id"]})).await;
    assert_eq!(payload["userErrors"][0]["field"][1], "scenarioOf", "{payload}");
}
