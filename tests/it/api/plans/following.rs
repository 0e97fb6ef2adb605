//! Plans taken on, and the goals that follow them.

use serde_json::{Value, json};

use super::super::client::Client;
use super::super::world;
use super::{RUN, metric, plan, shops};

async fn accept(client: &Client, input: Value, key: Option<&str>) -> Value {
    let query = format!(
        "mutation ($i: AcceptPlanInput!, $k: String) {{ acceptPlan(input: $i, idempotencyKey: $k) {{
        run {{ {RUN} }} feasibility {{ likelihood reason }} userErrors {{ code field message }} }} }}"
    );
    client.ok(&query, json!({"i": input, "k": key})).await["acceptPlan"].clone()
}

#[tokio::test]
async fn goals_follow_a_plan_that_was_taken_on() {
    let owner = world::owner().await;
    // Two thirds of what is planned comes in already.
    let returns = metric(&owner, "returns", 400, |i| 250.0 + (i % 5) as f64).await;
    let spend = metric(&owner, "spend", 400, |i| 200.0 + (i % 3) as f64).await;
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let first = today.checked_add(jiff::Span::new().days(40)).expect("a day").first_of_month();
    let calendar = json!({"firstDay": first.to_string(), "step": "MONTH"});
    let run = plan(&owner, "optimizeBudget", json!({"problem": shops(), "calendar": calendar})).await;
    let objective = run["plan"]["objective"].as_f64().expect("an objective");

    let follow = json!([
        {"figure": "RETURN", "metricId": returns, "objective": "GROW_REVENUE", "acknowledge": "the plan says how"},
        {"figure": "SPEND", "of": "ads", "metricId": spend, "objective": "CUT_COSTS", "title": "Ads within the plan",
         "acknowledge": "the plan says how"},
    ]);
    let input = json!({"runId": run["id"], "note": "from next month on", "follow": follow});
    let accepted = accept(&owner, input.clone(), Some("once")).await;
    assert_eq!(accepted["userErrors"], json!([]), "{accepted}");
    let following = accepted["run"]["followedBy"].as_array().expect("goals").clone();
    assert_eq!(following.len(), 2, "{accepted}");
    let (up, down) = (&following[0], &following[1]);
    assert_eq!((&up["figure"], &up["metric"]["key"]), (&json!("RETURN"), &json!("returns")));
    let amount: f64 = up["amount"].as_str().expect("an amount").parse().expect("a number");
    let switches: f64 = run["plan"]["costs"]
        .as_array()
        .expect("terms")
        .iter()
        .filter(|term| term["name"] != "returns")
        .filter_map(|term| term["amount"].as_f64())
        .sum();
    assert!((amount - (objective - switches)).abs() < 0.02, "{amount} of {objective} and {switches}");
    let goal = &up["goal"];
    assert_eq!((&goal["title"], &goal["start"]), (&json!("Returns as planned"), &json!(first.to_string())));
    assert_eq!((&goal["aim"]["direction"], &goal["aim"]["target"]), (&json!("UP"), &up["amount"]));
    assert_eq!(goal["milestones"].as_array().expect("a month's end").len(), 1, "{goal}");
    let goal = &down["goal"];
    assert_eq!((&goal["title"], &goal["aim"]["direction"]), (&json!("Ads within the plan"), &json!("DOWN")));

    // The same request is one request; a goal is added to a plan that was taken on.
    let repeated = accept(&owner, input, Some("once")).await;
    assert_eq!(repeated["run"]["followedBy"].as_array().expect("goals").len(), 2, "{repeated}");
    let more = json!({"runId": run["id"], "follow": [{"figure": "SPEND", "metricId": spend, "objective": "CUT_COSTS",
        "acknowledge": "as before"}]});
    let added = accept(&owner, more, None).await;
    assert_eq!(added["run"]["followedBy"].as_array().expect("goals").len(), 3, "{added}");
    let goals = owner.ok("{ goals { edges { node { title } } } }", json!({})).await;
    assert_eq!(goals["goals"]["edges"].as_array().expect("goals").len(), 3, "{goals}");
    let events = owner.ok("{ auditEvents(last: 50) { edges { node { type } } } }", json!({})).await;
    let count = |name: &str| {
        let all = events["auditEvents"]["edges"].as_array().expect("events");
        all.iter().filter(|edge| edge["node"]["type"] == name).count()
    };
    assert_eq!((count("PlanAccepted"), count("PlanFollowed"), count("GoalCreated")), (1, 3, 3), "{events}");
}

#[tokio::test]
async fn a_goal_that_cannot_be_set_refuses_the_whole() {
    let owner = world::owner().await;
    let run = plan(&owner, "optimizeBudget", json!({"problem": shops()})).await;
    let low = metric(&owner, "returns", 400, |_| 1.0).await;
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let due = today.checked_add(jiff::Span::new().days(30)).expect("a day").to_string();
    let follow = |figure: &str, start: Value, due: Value, metric: &Value| {
        json!({"runId": run["id"], "follow": [{"figure": figure, "metricId": metric, "objective": "GROW_REVENUE",
            "start": start, "due": due}]})
    };
    let (start, due) = (json!(today.to_string()), json!(due));
    // Without dates; of what it does not have; by a metric of nobody; unlikely by far.
    let none = Value::Null;
    let other = world::owner().await;
    let foreign = metric(&other, "returns", 30, |_| 1.0).await;
    for (input, code, says) in [
        (follow("RETURN", none.clone(), none, &low), "INVALID", "dates"),
        (follow("ORDERS", start.clone(), due.clone(), &low), "INVALID", "Orders"),
        (follow("RETURN", start.clone(), due.clone(), &foreign), "NOT_FOUND", "metric"),
        (follow("RETURN", start.clone(), due.clone(), &low), "UNLIKELY", "history"),
    ] {
        let refused = accept(&owner, input, None).await;
        let error = &refused["userErrors"][0];
        assert_eq!((&error["code"], &error["field"][1]), (&json!(code), &json!("follow")), "{refused}");
        assert!(error["message"].as_str().expect("words").contains(says), "{refused}");
        assert_eq!(refused["feasibility"].is_object(), code == "UNLIKELY", "{refused}");
    }
    let shown = owner
        .ok("query ($id: ID!) { run(id: $id) { acceptedAt followedBy { amount } } }", json!({"id": run["id"]}))
        .await;
    assert_eq!(shown["run"], json!({"acceptedAt": null, "followedBy": []}));
    let auditor = world::join(&owner, "AUDITOR").await;
    let code = auditor
        .code(
            "mutation ($id: ID!) { acceptPlan(input: {runId: $id}) { userErrors { code } } }",
            json!({"id": run["id"]}),
        )
        .await;
    assert_eq!(code, "FORBIDDEN");
}
