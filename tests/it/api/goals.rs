//! Goals from setting to giving up.

use jiff::ToSpan;
use serde_json::{Value, json};

use super::client::Client;
use super::world;

const CREATE: &str = "mutation ($i: CreateGoalInput!) { createGoal(input: $i) {
    goal { id lifecycle status unit aim { direction baseline target } milestones { id title value reachedOn }
           owner { email } metric { key } feasibility { likelihood } }
    feasibility { likelihood reason } position userErrors { code field message } } }";

pub fn due() -> String {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    today.checked_add(120.days()).expect("a day").to_string()
}

pub fn manual() -> Value {
    json!({"title": "Subscribers", "measure": {"manual": {"unit": "subscribers"}},
        "aim": {"up": {"baseline": "100", "target": "200"}}, "objective": "WIN_CUSTOMERS", "due": due(),
        "cadence": "WEEKLY", "milestones": [{"title": "Half way", "value": "150"}]})
}

pub async fn create(client: &Client) -> Value {
    client.ok(CREATE, json!({"i": manual()})).await["createGoal"]["goal"].clone()
}

#[tokio::test]
async fn a_goal_measured_by_hand_goes_its_way() {
    let owner = world::owner().await;
    let goal = create(&owner).await;
    assert_eq!((&goal["lifecycle"], &goal["unit"]), (&json!("ACTIVE"), &json!("subscribers")));
    assert_eq!(goal["aim"], json!({"direction": "UP", "baseline": "100", "target": "200"}));
    assert_eq!(goal["owner"]["email"], owner.email);
    let id = &goal["id"];
    let record = "mutation ($i: RecordGoalProgressInput!) { recordGoalProgress(input: $i) {
        goal { pace { actual progress reason } milestones { reachedOn } readings(last: 1) { edges { node { recordedValue } } } }
        userErrors { code message } } }";
    let recorded = owner.ok(record, json!({"i": {"goalId": id, "value": "160"}})).await;
    let shown = &recorded["recordGoalProgress"]["goal"];
    assert!(shown.is_object(), "{recorded}");
    assert_eq!((&shown["pace"]["actual"], &shown["pace"]["progress"]), (&json!("160"), &json!("0.6")));
    assert!(shown["milestones"][0]["reachedOn"].is_string(), "{shown}");
    assert_eq!(shown["readings"]["edges"][0]["node"]["recordedValue"], "160");
    let told = owner.ok("{ notifications { edges { node { kind goalId message } } } }", json!({})).await;
    assert_eq!(told["notifications"]["edges"][0]["node"]["kind"], "MILESTONE_REACHED");

    let revise = "mutation ($i: ReviseGoalInput!) { reviseGoal(input: $i) {
        goal { aim { target } revisions { edges { node { changed aimBefore { target } reason } } } }
        userErrors { code message } } }";
    let target = json!({"up": {"target": "220"}});
    let revised = owner.ok(revise, json!({"i": {"goalId": id, "aim": target, "reason": "going well"}})).await;
    let shown = &revised["reviseGoal"]["goal"];
    assert_eq!(shown["aim"]["target"], "220");
    assert_eq!(shown["revisions"]["edges"][0]["node"]["aimBefore"]["target"], "200");

    let pause = "mutation ($id: ID!) { pauseGoal(input: {goalId: $id, reason: \"holidays\"}) {
        goal { lifecycle } userErrors { code } } }";
    assert_eq!(owner.ok(pause, json!({"id": id})).await["pauseGoal"]["goal"]["lifecycle"], "PAUSED");
    assert_eq!(owner.refusal(pause, json!({"id": id})).await.0, "WRONG_STATE");
    let resume = "mutation ($id: ID!) { resumeGoal(input: {goalId: $id}) { goal { lifecycle } userErrors { code } } }";
    assert_eq!(owner.ok(resume, json!({"id": id})).await["resumeGoal"]["goal"]["lifecycle"], "ACTIVE");
    let add = "mutation ($i: AddMilestoneInput!) { addMilestone(input: $i) { goal { milestones { id title } }
        userErrors { code field } } }";
    let milestone = |value: &str| json!({"i": {"goalId": id, "milestone": {"title": "Nearly", "value": value}}});
    let added = owner.ok(add, milestone("210")).await;
    assert_eq!(added["addMilestone"]["goal"]["milestones"][1]["title"], "Nearly");
    assert_eq!(owner.refusal(add, milestone("500")).await.0, "INVALID");
    let remove = "mutation ($g: ID!, $m: ID!) { removeMilestone(input: {goalId: $g, milestoneId: $m}) {
        goal { milestones { id } } userErrors { code } } }";
    let nearly = &added["addMilestone"]["goal"]["milestones"][1]["id"];
    let removed = owner.ok(remove, json!({"g": id, "m": nearly})).await;
    assert_eq!(removed["removeMilestone"]["goal"]["milestones"].as_array().expect("a list").len(), 1);
    let abandon = "mutation ($id: ID!, $r: String!) { abandonGoal(input: {goalId: $id, reason: $r}) {
        goal { lifecycle abandonedBecause } userErrors { code field } } }";
    let reasonless = owner.refusal(abandon, json!({"id": id, "r": " "})).await;
    assert_eq!(reasonless.1, "input.reason");
    let abandoned = owner.ok(abandon, json!({"id": id, "r": "the newsletter ended"})).await;
    assert_eq!(
        abandoned["abandonGoal"]["goal"],
        json!({"lifecycle": "ABANDONED", "abandonedBecause": "the newsletter ended"})
    );
}

#[tokio::test]
async fn a_goal_is_refused_with_what_is_wrong_in_it() {
    let owner = world::owner().await;
    let cases = [
        ("due", json!("2020-01-01"), "input.due"),
        ("title", json!(""), "input.title"),
        ("aim", json!({"up": {"baseline": "300", "target": "200"}}), "input.aim"),
        ("milestones", json!([{"title": "x", "value": "999"}]), "input.milestones"),
    ];
    for (name, value, field) in cases {
        let mut input = manual();
        input[name] = value;
        assert_eq!(owner.refusal(CREATE, json!({"i": input})).await.1, field);
    }
    let stranger = world::owner().await;
    let mut owned_by_a_stranger = manual();
    owned_by_a_stranger["ownerId"] =
        stranger.ok("{ viewer { user { id } } }", json!({})).await["viewer"]["user"]["id"].clone();
    assert_eq!(
        owner.refusal(CREATE, json!({"i": owned_by_a_stranger})).await,
        ("NOT_FOUND".to_owned(), "input.ownerId".to_owned())
    );
    let mut two_aims = manual();
    two_aims["aim"] = json!({"up": {"target": "1"}, "down": {"target": "1"}});
    assert_eq!(owner.code(CREATE, json!({"i": two_aims})).await, "INVALID");
}

#[tokio::test]
async fn a_goal_that_history_calls_unlikely_needs_an_acknowledgement() {
    let owner = world::owner().await;
    let metric = super::metrics::define(&owner, "sold", "FLOW").await;
    let today = jiff::Timestamp::now();
    let points: Vec<Value> =
        (1..=700).map(|days| json!({"at": (today - (days * 24).hours()).to_string(), "value": "10"})).collect();
    let record = "mutation ($i: RecordMetricPointsInput!) { recordMetricPoints(input: $i) { added
        userErrors { message } } }";
    owner.ok(record, json!({"i": {"metricId": metric, "points": points}})).await;
    let mut input = manual();
    input["measure"] = json!({"metric": {"metricId": metric, "aggregation": "TOTAL"}});
    input["aim"] = json!({"up": {"target": "100000"}});
    input["milestones"] = json!([]);
    let refused = owner.ok(CREATE, json!({"i": input})).await["createGoal"].clone();
    assert_eq!(refused["userErrors"][0]["code"], "UNLIKELY", "{refused}");
    assert_eq!(refused["feasibility"]["likelihood"], "UNLIKELY");
    input["acknowledge"] = json!("We open a second shop.");
    let set = owner.ok(CREATE, json!({"i": input})).await["createGoal"].clone();
    assert_eq!(set["goal"]["metric"]["key"], "sold", "{set}");
    let listed =
        owner.ok("{ goals(filter: {lifecycle: ACTIVE}) { edges { node { id acknowledgement } } } }", json!({}));
    let listed = listed.await;
    assert_eq!(listed["goals"]["edges"][0]["node"]["acknowledgement"], "We open a second shop.");
}

#[tokio::test]
async fn anything_is_found_by_its_id_and_only_in_its_own_business() {
    let owner = world::owner().await;
    let stranger = world::owner().await;
    let goal = create(&owner).await;
    let metric = super::metrics::define(&owner, "found", "FLOW").await;
    let viewer = owner.ok("{ viewer { user { id } business { id } } }", json!({})).await["viewer"].clone();
    let query = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
    let ids = json!({"ids": [goal["id"], metric, viewer["user"]["id"], viewer["business"]["id"]]});
    let names: Vec<Value> = owner.ok(query, ids.clone()).await["nodes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|node| node["__typename"].clone())
        .collect();
    assert_eq!(names, ["Goal", "Metric", "User", "Business"]);
    assert_eq!(stranger.ok(query, ids).await["nodes"], json!([null, null, null, null]));
    let one = "query ($id: ID!) { goal(id: $id) { title } node(id: $id) { id } }";
    assert_eq!(stranger.ok(one, json!({"id": goal["id"]})).await, json!({"goal": null, "node": null}));
}

const RECORD: &str = "mutation ($i: RecordMetricPointsInput!) { recordMetricPoints(input: $i) { added
    userErrors { message } } }";

/// The goal once its reading says so; policies follow a moment later.
async fn until(client: &Client, goal: &Value, says: impl Fn(&Value) -> bool) -> Value {
    let query =
        "query ($id: ID!) { goal(id: $id) { status lifecycle pace { status actual } milestones { reachedOn } } }";
    let mut found = Value::Null;
    for _ in 0..300 {
        found = client.ok(query, json!({"id": goal})).await["goal"].clone();
        if says(&found) {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the goal stays {found}");
}

#[tokio::test]
async fn goals_go_on_after_a_sale_is_corrected() {
    let owner = world::owner().await;
    for amount in ["6", "9"] {
        let file = format!("date,amount,order\n2026-01-03,5,o1\n2026-01-04,{amount},o2\n");
        let done = super::imports::import(&owner, &super::imports::upload(&owner, &file).await).await;
        assert_eq!(done["status"], "COMPLETED", "{done}");
    }
    let metric = super::metrics::define(&owner, "readers", "LEVEL").await;
    let mut input = manual();
    input["measure"] = json!({"metric": {"metricId": metric, "aggregation": "LATEST"}});
    let created = owner.ok(CREATE, json!({"i": input})).await["createGoal"].clone();
    let goal = &created["goal"]["id"];
    assert!(goal.is_string(), "{created}");
    let now = jiff::Timestamp::now().to_string();
    owner.ok(RECORD, json!({"i": {"metricId": metric, "points": [{"at": now, "value": "150"}]}})).await;
    let read = until(&owner, goal, |goal| goal["pace"]["actual"] == "150").await;
    assert!(read["milestones"][0]["reachedOn"].is_string(), "{read}");
}

#[tokio::test]
async fn a_new_title_leaves_a_goal_s_status_and_a_new_aim_begins_anew() {
    let owner = world::owner().await;
    let goal = create(&owner).await["id"].clone();
    let record = "mutation ($i: RecordGoalProgressInput!) { recordGoalProgress(input: $i) { userErrors { message } } }";
    owner.ok(record, json!({"i": {"goalId": goal, "value": "205"}})).await;
    let reached = until(&owner, &goal, |goal| goal["status"] == "ACHIEVED").await;
    assert_eq!(reached["pace"]["status"], "ACHIEVED");
    let revise = "mutation ($i: ReviseGoalInput!) { reviseGoal(input: $i) { goal { status } userErrors { message } } }";
    let renamed = owner.ok(revise, json!({"i": {"goalId": goal, "title": "Readers by post"}})).await;
    assert_eq!(renamed["reviseGoal"]["goal"]["status"], "ACHIEVED", "{renamed}");
    let further = owner.ok(revise, json!({"i": {"goalId": goal, "aim": {"up": {"target": "1000"}}}})).await;
    assert_ne!(further["reviseGoal"]["goal"]["status"], "ACHIEVED", "{further}");
    until(&owner, &goal, |goal| goal["status"] == goal["pace"]["status"] && goal["status"] != "ACHIEVED").await;
}
