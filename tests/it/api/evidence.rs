//! Why a metric changed, what would happen if, and what causes what, through the API.

use std::ops::Range;
use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::client::Client;
use super::world;

fn day(i: i64) -> Date {
    jiff::civil::date(2026, 1, 1).checked_add(i.days()).expect("a day")
}

/// A number between -1 and 1 that looks random and is always the same.
fn noise(i: i64, of: i64) -> f64 {
    let mut x = (i * 2_654_435_761 + of * 40_503).rem_euclid(4_294_967_296) as u64;
    x ^= x >> 13;
    x = x.wrapping_mul(0x5bd1_e995) & 0xffff_ffff;
    x ^= x >> 15;
    x as f64 / 2_147_483_648.0 - 1.0
}

async fn metric(client: &Client, key: &str, days: i64, value: impl Fn(i64) -> f64) -> Value {
    metric_from(client, key, day(0), days, value).await
}

async fn metric_from(client: &Client, key: &str, first: Date, days: i64, value: impl Fn(i64) -> f64) -> Value {
    let define =
        "mutation ($i: DefineMetricInput!) { defineMetric(input: $i) { metric { id } userErrors { message } } }";
    let input = json!({"key": key, "name": key, "unit": "pieces", "kind": "FLOW", "goodDirection": "UP"});
    let defined = client.ok(define, json!({"i": input})).await;
    let id = defined["defineMetric"]["metric"]["id"].clone();
    record(client, &id, first, 0..days, value).await;
    id
}

async fn record(client: &Client, id: &Value, first: Date, days: Range<i64>, value: impl Fn(i64) -> f64) {
    let at = |i: i64| first.checked_add(i.days()).expect("a day");
    let points: Vec<Value> =
        days.map(|i| json!({"at": format!("{}T12:00:00Z", at(i)), "value": format!("{:.3}", value(i))})).collect();
    let record = "mutation ($i: RecordMetricPointsInput!) { recordMetricPoints(input: $i) { added corrected userErrors { message } } }";
    let recorded = client.ok(record, json!({"i": {"metricId": id, "points": points}})).await;
    let count = |name: &str| recorded["recordMetricPoints"][name].as_u64().expect("a number");
    assert_eq!(count("added") + count("corrected"), points.len() as u64, "{recorded}");
}

const DAYS: i64 = 200;
const CHANGED: i64 = 186;

fn adverts(i: i64) -> f64 {
    50.0 + 10.0 * noise(i, 1) + if i >= CHANGED { -30.0 } else { 0.0 }
}

/// Sales follow adverts at once; the weather has nothing to do with them. Adverts stop at the end.
async fn shop(client: &Client) -> (Value, Value, Value) {
    let ads = metric(client, "adverts", DAYS, adverts).await;
    let weather = metric(client, "weather", DAYS, |i| 20.0 + 5.0 * noise(i, 2)).await;
    let sales = metric(client, "sold", DAYS, |i| 100.0 + 2.0 * adverts(i) + 4.0 * noise(i, 3)).await;
    (sales, ads, weather)
}

#[tokio::test]
async fn a_change_is_traced_to_its_cause_and_the_innocent_is_ruled_out() {
    let owner = world::owner().await;
    let (sales, ..) = shop(&owner).await;
    let explain = "mutation ($i: ExplainChangeInput!) { explainChange(input: $i) { run { status failure summary method
        changeExplanation { verdict unit actual expected change lower upper p unexplained
            calendarParts { name effect } causes { key contribution lag q words
                source { metric { key } first last eventPositions } } source { metric { key } eventPositions }
            ruledOut { key } contributors { key } notTestable { key } } } userErrors { code field message } } }";
    let range = json!({"metricId": sales, "first": day(CHANGED).to_string(), "last": day(DAYS - 1).to_string(),
        "waitSeconds": 20});
    let asked = owner.ok(explain, json!({"i": range})).await;
    let run = &asked["explainChange"]["run"];
    assert_eq!((&run["status"], &run["failure"]), (&json!("COMPLETED"), &Value::Null), "{asked}");
    let found = &run["changeExplanation"];
    assert_eq!(found["causes"][0]["key"], "adverts", "{found}");
    let contribution = found["causes"][0]["contribution"].as_f64().expect("a number");
    assert!((contribution + 60.0).abs() < 10.0, "30 adverts fewer at 2 pieces each, not {contribution}");
    let source = &found["causes"][0]["source"];
    assert_eq!((&source["metric"]["key"], &source["last"]), (&json!("adverts"), &json!(day(DAYS - 1).to_string())));
    assert_eq!(source["eventPositions"].as_array().map(Vec::len), Some(1), "all points came in one event: {found}");
    assert_eq!(found["source"]["metric"]["key"], "sold");
    let others: Vec<&Value> = found["causes"].as_array().expect("causes").iter().skip(1).collect();
    assert!(others.is_empty(), "{found}");
    assert!(run["summary"].as_str().expect("words").len() > 20, "{run}");
    // The same question, the same answer.
    let again = owner.ok(explain, json!({"i": range})).await;
    assert_eq!(again["explainChange"]["run"]["changeExplanation"], *found);

    let backwards = json!({"metricId": sales, "first": "2026-03-02", "last": "2026-03-01"});
    let refused = owner.refusal(explain, json!({"i": backwards})).await;
    assert_eq!((refused.0.as_str(), refused.1.as_str()), ("INVALID", "input.last"));
    let early = json!({"metricId": sales, "first": "2026-01-02", "last": "2026-01-03", "waitSeconds": 20});
    let asked = owner.ok(explain, json!({"i": early})).await;
    assert_eq!(asked["explainChange"]["run"]["status"], "FAILED", "one day of history explains nothing: {asked}");
}

#[tokio::test]
async fn what_would_happen_is_simulated_with_its_doubt() {
    let owner = world::owner().await;
    let (sales, ads, _) = shop(&owner).await;
    let simulate = "mutation ($i: SimulateInterventionInput!) { simulateIntervention(input: $i) { run { status failure summary
        intervention { effect p placeboP assumptions warnings points { day with without lower80 upper80 lower95 upper95 } } }
        userErrors { code field message } } }";
    let input = json!({"metricId": sales, "factorId": ads, "impact": 10, "horizon": 14, "waitSeconds": 20});
    let asked = owner.ok(simulate, json!({"i": input})).await;
    let run = &asked["simulateIntervention"]["run"];
    let found = &run["intervention"];
    let effect = found["effect"].as_f64().unwrap_or_else(|| panic!("{asked}"));
    assert!((effect - 2.0).abs() < 0.3, "2 pieces an advert, not {effect}");
    let points = found["points"].as_array().expect("points");
    assert_eq!((points.len(), &points[0]["day"]), (14, &json!(day(DAYS).to_string())));
    for point in points {
        let number = |name: &str| point[name].as_f64().expect("a number");
        assert!((number("with") - number("without") - 10.0 * effect).abs() < 1e-6, "{point}");
        assert!(number("lower95") <= number("lower80") && number("upper80") <= number("upper95"), "{point}");
    }
    assert!(!found["assumptions"].as_array().expect("assumptions").is_empty(), "{found}");
    let own = json!({"metricId": sales, "factorId": sales, "impact": 1});
    assert_eq!(owner.refusal(simulate, json!({"i": own})).await.1, "input.factorId");
}

#[tokio::test]
async fn a_causal_graph_is_learnt_and_edited_with_a_reason() {
    let owner = world::owner().await;
    let (sales, ads, weather) = shop(&owner).await;
    let build =
        "mutation ($i: BuildCausalGraphInput!) { buildCausalGraph(input: $i) { model { id } run { status failure
        causalGraph { nodes days last method edges { from to directed lag strength p q source reason } } }
        userErrors { code field message } } }";
    let input = json!({"metricIds": [sales, ads, weather], "maxLag": 2, "waitSeconds": 20});
    let asked = owner.ok(build, json!({"i": input})).await;
    let graph = &asked["buildCausalGraph"]["run"]["causalGraph"];
    assert_eq!((&graph["nodes"], &graph["days"]), (&json!(["sold", "adverts", "weather"]), &json!(DAYS)), "{asked}");
    let edges = graph["edges"].as_array().expect("edges");
    let joins = |edge: &Value, a: &str, b: &str| {
        (edge["from"] == a && edge["to"] == b) || (edge["from"] == b && edge["to"] == a)
    };
    assert!(edges.iter().any(|edge| joins(edge, "adverts", "sold")), "{graph}");
    assert!(!edges.iter().any(|edge| joins(edge, "weather", "sold") && edge["lag"] == 0), "{graph}");

    let mut edited = input.clone();
    edited["edits"] = json!([{"from": "weather", "to": "sold", "edit": "CONFIRM", "reason": "we sell umbrellas"}]);
    let asked = owner.ok(build, json!({"i": edited})).await;
    let edges = asked["buildCausalGraph"]["run"]["causalGraph"]["edges"].as_array().expect("edges").clone();
    let confirmed = edges.iter().find(|edge| edge["from"] == "weather" && edge["to"] == "sold").expect("the edit");
    assert_eq!((&confirmed["source"], &confirmed["reason"]), (&json!("PERSON"), &json!("we sell umbrellas")));
    let model = &asked["buildCausalGraph"]["model"]["id"];
    let edit = "mutation ($i: EditCausalGraphInput!) { editCausalGraph(input: $i) {
        run { causalGraph { edges { from to source reason } } } model { graph { edges { from to } }
            versions { version because days } edits { from to edit reason editedBy { email } } }
        userErrors { code field message } } }";
    let decided = |from: &str, to: &str, edit: &str| {
        json!({"i": {"modelId": model, "from": from, "to": to, "edit": edit, "reason": "looked into it",
            "waitSeconds": 20}})
    };
    let removed = owner.ok(edit, decided("adverts", "sold", "REMOVE")).await["editCausalGraph"].clone();
    let left = removed["run"]["causalGraph"]["edges"].as_array().expect("edges");
    assert!(!left.iter().any(|edge| joins(edge, "adverts", "sold")), "{removed}");
    let kept = left.iter().find(|edge| edge["from"] == "weather" && edge["to"] == "sold").expect("the first edit");
    assert_eq!(kept["reason"], "we sell umbrellas", "an edit stands until it is taken back");
    let versions = json!([{"version": 3, "because": "EDITED", "days": DAYS},
        {"version": 2, "because": "ASKED", "days": DAYS}, {"version": 1, "because": "ASKED", "days": DAYS}]);
    assert_eq!(removed["model"]["versions"], versions, "the same metrics are one model");
    assert_eq!(removed["model"]["edits"][1]["reason"], "looked into it");
    assert_eq!(removed["model"]["edits"][1]["editedBy"]["email"], owner.email);
    let reset = owner.ok(edit, decided("adverts", "sold", "RESET")).await["editCausalGraph"].clone();
    let edges = reset["model"]["graph"]["edges"].as_array().expect("edges");
    assert!(edges.iter().any(|edge| joins(edge, "adverts", "sold")), "the data decide again: {reset}");
    assert_eq!(owner.refusal(edit, decided("rain", "sold", "CONFIRM")).await.0, "INVALID");
    let nobody = json!({"i": {"modelId": sales, "from": "a", "to": "b", "edit": "CONFIRM", "reason": "x"}});
    assert_eq!(owner.refusal(edit, nobody).await.1, "input.modelId");

    // Ten days more are not enough to learn from; twenty are.
    let versions = "query ($id: ID!) { causalModel(id: $id) { learning { id } versions { version because days } } }";
    for days in [DAYS..DAYS + 10, DAYS + 10..DAYS + 20] {
        record(&owner, &weather, day(0), days.clone(), |i| 20.0 + 5.0 * noise(i, 2)).await;
        record(&owner, &ads, day(0), days.clone(), adverts).await;
        record(&owner, &sales, day(0), days, |i| 100.0 + 2.0 * adverts(i) + 4.0 * noise(i, 3)).await;
    }
    let latest = loop {
        let shown = owner.ok(versions, json!({"id": model})).await["causalModel"].clone();
        if shown["versions"][0]["version"] == 5 {
            break shown;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(latest["versions"][0], json!({"version": 5, "because": "DATA_GREW", "days": DAYS + 20}));
    // Ten old days that read otherwise now are not enough either; thirty are.
    for days in [20..30, 40..70] {
        record(&owner, &ads, day(0), days, |i| adverts(i) + 1.0).await;
    }
    let latest = loop {
        let shown = owner.ok(versions, json!({"id": model})).await["causalModel"].clone();
        if shown["versions"][0]["version"] == 6 {
            break shown;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(latest["versions"][0], json!({"version": 6, "because": "DATA_REWRITTEN", "days": DAYS + 20}));

    let models = owner.ok("{ causalModels { id } }", Value::Null).await;
    assert_eq!(models["causalModels"], json!([{"id": model}]));
    let alone = json!({"metricIds": [sales]});
    assert_eq!(owner.refusal(build, json!({"i": alone})).await.1, "input.metricIds");
}

#[tokio::test]
async fn a_promotion_on_record_is_separated_before_causes_are_looked_for() {
    let owner = world::owner().await;
    let promoted = |i: i64| matches!(i, 30..40 | 90..97 | 188..195);
    let sales =
        metric(&owner, "sold", DAYS, |i| 100.0 + 5.0 * noise(i, 9) + if promoted(i) { 60.0 } else { 0.0 }).await;
    metric(&owner, "weather", DAYS, |i| 20.0 + 5.0 * noise(i, 2)).await;
    let note = "mutation ($i: RecordOccasionInput!) { recordOccasion(input: $i) {
        occasion { id kind name first last recordedBy { email } } userErrors { code field } } }";
    let occasion = |first: i64, last: i64| {
        json!({"i": {"kind": "PROMOTION", "name": "Spring sale", "first": day(first).to_string(),
            "last": day(last).to_string()}})
    };
    let mut ids = vec![];
    for (first, last) in [(30, 39), (90, 96), (188, 194)] {
        let recorded = owner.ok(note, occasion(first, last)).await["recordOccasion"]["occasion"].clone();
        assert_eq!((&recorded["kind"], &recorded["recordedBy"]["email"]), (&json!("PROMOTION"), &json!(owner.email)));
        ids.push(recorded["id"].clone());
    }
    assert_eq!(owner.refusal(note, occasion(3, 2)).await, ("INVALID".to_owned(), "input.last".to_owned()));

    let explain = "mutation ($i: ExplainChangeInput!) { explainChange(input: $i) { run { failure summary
        changeExplanation { verdict expected actual calendarParts { name effect occasions } notTestable { key reason } } }
        userErrors { code field message } } }";
    let range = json!({"metricId": sales, "first": day(CHANGED).to_string(), "last": day(DAYS - 1).to_string(),
        "waitSeconds": 20});
    let asked = owner.ok(explain, json!({"i": range})).await;
    let found = &asked["explainChange"]["run"]["changeExplanation"];
    assert_eq!(found["verdict"], "NOTHING_UNUSUAL", "{asked}");
    let parts = found["calendarParts"].as_array().expect("parts");
    let part = parts.iter().find(|part| part["name"] == "promotion Spring sale").expect("a part of its own");
    let effect = part["effect"].as_f64().expect("a number");
    assert!((effect - 30.0).abs() < 6.0, "seven of fourteen days at 60, not {effect}");
    assert_eq!(part["occasions"], json!(ids));

    // Without the earlier ones, what the last did cannot be told from anything else.
    let remove = "mutation ($id: ID!) { removeOccasion(input: {occasionId: $id}) { position userErrors { code } } }";
    for id in &ids[..2] {
        owner.ok(remove, json!({"id": id})).await;
    }
    let left = owner.ok("{ occasions { id } }", Value::Null).await;
    assert_eq!(left["occasions"], json!([{"id": ids[2]}]));
    let asked = owner.ok(explain, json!({"i": range})).await;
    let found = &asked["explainChange"]["run"]["changeExplanation"];
    assert_eq!(found["notTestable"][0]["key"], "promotion Spring sale", "{asked}");
    assert_eq!(owner.refusal(remove, json!({"id": sales})).await.0, "NOT_FOUND");
}

#[tokio::test]
async fn public_holidays_are_put_on_record_once() {
    let owner = world::owner().await;
    let note = "mutation ($i: RecordOccasionInput!) { recordOccasion(input: $i) { userErrors { code } } }";
    let own = json!({"kind": "HOLIDAY", "name": "Christmas Day", "first": "2026-12-25", "last": "2026-12-26"});
    owner.ok(note, json!({"i": own})).await;
    let record = "mutation ($i: RecordHolidaysInput!) { recordHolidays(input: $i) {
        occasions { id kind name first last } userErrors { code field message } } }";
    let years = |first: i64, last: i64| json!({"i": {"country": "US", "firstYear": first, "lastYear": last}});
    let recorded = owner.ok(record, years(2026, 2026)).await["recordHolidays"].clone();
    let days = recorded["occasions"].as_array().unwrap_or_else(|| panic!("{recorded}"));
    let named = |name: &str| days.iter().find(|day| day["name"] == name);
    assert_eq!(named("Thanksgiving").map(|day| &day["first"]), Some(&json!("2026-11-26")), "{recorded}");
    assert!(named("Christmas Day").is_none(), "it was on record: {recorded}");
    // Again, a year more: only that year's. What was removed stays removed.
    let remove = "mutation ($id: ID!) { removeOccasion(input: {occasionId: $id}) { userErrors { code } } }";
    owner.ok(remove, json!({"id": named("Thanksgiving").expect("it")["id"]})).await;
    let again = owner.ok(record, years(2026, 2027)).await["recordHolidays"]["occasions"].clone();
    let again = again.as_array().expect("occasions");
    assert!(!again.is_empty() && again.iter().all(|day| day["first"].as_str().is_some_and(|day| day >= "2027")));
    for (first, last) in [(1989, 2000), (2026, 2025), (2000, 2031), (2090, 2101)] {
        let refused = owner.refusal(record, years(first, last)).await;
        assert_eq!(refused, ("INVALID".to_owned(), "input.lastYear".to_owned()), "{first} to {last}");
    }
}

#[tokio::test]
async fn what_if_we_hire_two_more_says_what_becomes_of_the_goal() {
    let owner = world::owner().await;
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let first = today.checked_sub(200.days()).expect("a day");
    let demand = |i: i64| 40.0 + 8.0 * noise(i, 1);
    // Who works follows demand, and so does what is sold: without demand held, staff would be given its credit.
    let staff = |i: i64| 5.0 + (demand(i) / 10.0).round() + (3.0 * noise(i, 4)).round();
    let demanded = metric_from(&owner, "demand", first, 200, demand).await;
    let hands = metric_from(&owner, "staff", first, 200, staff).await;
    let sold = |i: i64| 20.0 + 1.5 * demand(i) + 4.0 * staff(i) + 2.0 * noise(i, 3);
    let sales = metric_from(&owner, "sold", first, 200, sold).await;
    let build =
        "mutation ($i: BuildCausalGraphInput!) { buildCausalGraph(input: $i) { model { id } userErrors { message } } }";
    let edits = json!([{"from": "demand", "to": "staff", "edit": "CONFIRM", "reason": "we roster by bookings"},
        {"from": "demand", "to": "sold", "edit": "CONFIRM", "reason": "guests buy"},
        {"from": "staff", "to": "sold", "edit": "CONFIRM", "reason": "service sells"}]);
    let input = json!({"metricIds": [sales, hands, demanded], "maxLag": 1, "edits": edits, "waitSeconds": 20});
    let model = owner.ok(build, json!({"i": input})).await["buildCausalGraph"]["model"]["id"].clone();

    let create = "mutation ($i: CreateGoalInput!) { createGoal(input: $i) { goal { id } userErrors { message } } }";
    let due = today.checked_add(20.days()).expect("a day").to_string();
    let goal = json!({"title": "Sell more", "measure": {"metric": {"metricId": sales, "aggregation": "PERIOD_AVERAGE"}},
        "aim": {"up": {"baseline": "115", "target": "122"}}, "objective": "GROW_REVENUE", "due": due, "cadence": "WEEKLY",
        "acknowledge": "we want to know what it takes"});
    let made = owner.ok(create, json!({"i": goal})).await;
    assert!(made["createGoal"]["goal"]["id"].is_string(), "{made}");

    let simulate = "mutation ($i: SimulateInterventionInput!) { simulateIntervention(input: $i) { run { failure
        intervention { effect held assumptions goals { goal { title } day with { status reading progress }
            without { status reading progress } } } } userErrors { code field message } } }";
    let input =
        json!({"metricId": sales, "factorId": hands, "impact": 2, "horizon": 28, "modelId": model, "waitSeconds": 20});
    let asked = owner.ok(simulate, json!({"i": input})).await;
    let found = &asked["simulateIntervention"]["run"]["intervention"];
    assert_eq!(found["held"], json!(["demand"]), "{asked}");
    let effect = found["effect"].as_f64().expect("a number");
    assert!((effect - 4.0).abs() < 0.4, "four a hand, not {effect}");
    let outlook = &found["goals"][0];
    assert_eq!((&outlook["goal"]["title"], &outlook["day"]), (&json!("Sell more"), &json!(due)));
    let reading = |scenario: &str| -> f64 {
        outlook[scenario]["reading"].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{found}"))
    };
    assert!((reading("with") - reading("without") - 2.0 * effect).abs() < 0.01, "{outlook}");
}
