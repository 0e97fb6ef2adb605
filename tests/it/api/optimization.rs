//! Plans asked for, explained, compared, taken on; constraints kept and cited.

use serde_json::{Value, json};

use super::world;

const BUDGET: &str = "mutation ($i: OptimizeInput!) { optimizeBudget(input: $i) {
    run { id status summary failure seed method plan { status objective bound gap plan replayable
          costs { name amount } againstToday { name before after change }
          binding { says shadowPrice } bindingConstraints { says price } whyNot { members verified repairs { says from to } } } }
    userErrors { code field message } } }";
const SAVE: &str = "mutation ($i: SaveConstraintInput!) { saveConstraint(input: $i) {
    constraint { id family says limit } userErrors { code field message } } }";

fn shops() -> Value {
    json!({
        "channels": [
            {"name": "ads", "alpha": 9000.0, "k": 3000.0, "cap": 8000.0},
            {"name": "mail", "alpha": 2500.0, "k": 800.0, "cap": 4000.0, "min_if_active": 200.0},
        ],
        "periods": 2, "budget_per_period": 6000.0, "activation_cost": 10.0, "lot": 50.0, "max_active": 2,
    })
}

fn spent_on_ads(plan: &Value) -> f64 {
    let channels = plan["plan"]["channels"].as_array().expect("channels");
    let ads = channels.iter().find(|channel| channel["channel"] == "ads").expect("ads");
    ads["spend"].as_array().expect("periods").iter().map(|spend| spend.as_f64().expect("a number")).sum()
}

#[tokio::test]
async fn a_budget_is_planned_compared_with_today_and_taken_on() {
    let owner = world::owner().await;
    let today = json!({"channels": [
        {"channel": "ads", "spend": [1000.0, 1000.0]}, {"channel": "mail", "spend": [1000.0, 1000.0]}]});
    let input = json!({"problem": shops(), "today": today, "seconds": 3, "waitSeconds": 20});
    let asked = owner.ok(BUDGET, json!({"i": input})).await;
    let run = &asked["optimizeBudget"]["run"];
    assert_eq!((&run["status"], &run["failure"]), (&json!("COMPLETED"), &Value::Null), "{asked}");
    let plan = &run["plan"];
    assert_eq!((&plan["status"], &plan["replayable"]), (&json!("OPTIMAL"), &json!(true)), "{plan}");
    let (objective, bound) = (plan["objective"].as_f64().expect("a"), plan["bound"].as_f64().expect("b"));
    assert!(objective <= bound * (1.0 + 1e-6), "{objective} is past the bound {bound}");
    let parts: f64 = plan["costs"].as_array().expect("parts").iter().filter_map(|part| part["amount"].as_f64()).sum();
    assert!((parts - objective).abs() < 1e-6 * objective.abs(), "{parts} is not {objective}");
    let gained: f64 =
        plan["againstToday"].as_array().expect("terms").iter().filter_map(|term| term["change"].as_f64()).sum();
    assert!(gained > 0.0, "{plan}");
    assert!(run["summary"].as_str().expect("words").contains("than today's"), "{run}");

    // The same question is answered alike.
    let again = owner.ok(BUDGET, json!({"i": input})).await;
    assert_eq!(again["optimizeBudget"]["run"]["plan"], *plan);

    let accept = "mutation ($id: ID!) { acceptPlan(input: {runId: $id, note: \"from Monday\"}) {
        run { acceptedAt acceptedBy { email } } userErrors { code } } }";
    let accepted = owner.ok(accept, json!({"id": run["id"]})).await;
    assert_eq!(accepted["acceptPlan"]["run"]["acceptedBy"]["email"], owner.email);
}

#[tokio::test]
async fn a_constraint_is_kept_cited_and_removed() {
    let owner = world::owner().await;
    let limit = json!({"kind": "spendAtMost", "channel": "ads", "amount": 2000});
    let says = "Never more than USD 2,000 on ads";
    let save = json!({"family": "BUDGET", "says": says, "limit": limit, "problem": shops()});
    let saved = owner.ok(SAVE, json!({"i": save})).await;
    let constraint = &saved["saveConstraint"]["constraint"];
    assert_eq!((&constraint["says"], &constraint["limit"]), (&json!(says), &limit), "{saved}");

    let free = json!({"problem": shops(), "keepConstraints": false, "seconds": 3, "waitSeconds": 20});
    let free = owner.ok(BUDGET, json!({"i": free})).await["optimizeBudget"]["run"].clone();
    let kept = owner.ok(BUDGET, json!({"i": {"problem": shops(), "seconds": 3, "waitSeconds": 20}})).await;
    let kept = &kept["optimizeBudget"]["run"];
    assert!(spent_on_ads(&free["plan"]) > 2000.0, "{free}");
    assert!(spent_on_ads(&kept["plan"]) <= 2000.0 + 1e-6, "{kept}");
    assert_eq!(kept["plan"]["bindingConstraints"][0]["says"], says, "{kept}");

    let compare = "query ($a: ID!, $b: ID!) { compareScenarios(before: $a, after: $b) { name before after change } }";
    let compared = owner.ok(compare, json!({"a": free["id"], "b": kept["id"]})).await;
    let lost: f64 =
        compared["compareScenarios"].as_array().expect("terms").iter().filter_map(|t| t["change"].as_f64()).sum();
    assert!(lost < 0.0, "a constraint does not make a plan better: {compared}");

    let remove = "mutation ($id: ID!) { removeConstraint(input: {constraintId: $id}) { userErrors { code } } }";
    owner.ok(remove, json!({"id": constraint["id"]})).await;
    let left = owner.ok("{ constraints(family: BUDGET) { id } }", json!({})).await;
    assert_eq!(left["constraints"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_planned_is_refused_or_explained_in_the_owners_words() {
    let owner = world::owner().await;
    for (problem, says) in [
        (json!({"channels": [], "periods": 1, "budget_per_period": 1.0}), "channels"),
        (json!({"periods": 1, "budget_per_period": 1.0}), "channels"),
        (json!([]), "budget problem"),
    ] {
        let asked = owner.ok(BUDGET, json!({"i": {"problem": problem}})).await;
        let error = &asked["optimizeBudget"]["userErrors"][0];
        assert_eq!((&error["code"], &error["field"][1]), (&json!("INVALID"), &json!("problem")), "{asked}");
        assert!(error["message"].as_str().expect("words").contains(says), "{error}");
    }
    let unknown = json!({"family": "BUDGET", "says": "No radio", "limit": {"kind": "never", "channel": "radio"},
        "problem": shops()});
    let refused = owner.refusal(SAVE, json!({"i": unknown})).await;
    assert_eq!((refused.0.as_str(), refused.1.as_str()), ("INVALID", "input.limit"));
    let nonsense = json!({"family": "ROSTER", "says": "?", "limit": {"kind": "dance"}});
    assert_eq!(owner.refusal(SAVE, json!({"i": nonsense})).await.0, "INVALID");

    for (says, limit) in [
        ("At least USD 5,000 on ads", json!({"kind": "spendAtLeast", "channel": "ads", "amount": 5000.0})),
        ("Nothing on ads", json!({"kind": "never", "channel": "ads"})),
    ] {
        owner.ok(SAVE, json!({"i": {"family": "BUDGET", "says": says, "limit": limit}})).await;
    }
    let asked = owner.ok(BUDGET, json!({"i": {"problem": shops(), "seconds": 3, "waitSeconds": 20}})).await;
    let run = &asked["optimizeBudget"]["run"];
    let why = &run["plan"]["whyNot"];
    let members: Vec<&str> = why["members"].as_array().expect("members").iter().filter_map(Value::as_str).collect();
    assert!(members.contains(&"At least USD 5,000 on ads") && members.contains(&"Nothing on ads"), "{run}");
    assert_eq!(why["verified"], true);
    assert!(run["summary"].as_str().expect("words").starts_with("There is no such plan"), "{run}");
}
