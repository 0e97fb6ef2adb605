//! Numbers of a problem that come from the metrics of the business.

use serde_json::{Value, json};

use super::super::world;
use super::{ask, define, ended, metric, plan};

fn weekly(i: i64) -> f64 {
    // Fifty a day, ninety on one day of the week, and a little of everything else.
    50.0 + 40.0 * f64::from(u8::from(i % 7 == 3)) + (i * 29 % 13) as f64 - 6.0
}

fn shelf(demand: Value) -> Value {
    json!({
        "products": [{"name": "Bread", "demand": demand, "hold": 0.05, "setup_cost": 30.0, "unit_cost": 1.0,
            "lost_sale": 5.0, "unit_time": 1.0, "init": 400.0,
            "service": {"level": 0.95, "lead_time": {"mean": 2.0, "sd": 0.5}},
            "ordered": {"metric": "bread_bought"}}],
        "periods": 14, "capacity": vec![1000.0; 14],
    })
}

#[tokio::test]
async fn orders_follow_the_demand_that_a_metric_is_expected_to_have() {
    let owner = world::owner().await;
    let sold = metric(&owner, "bread_sold", 200, weekly).await;
    metric(&owner, "bread_bought", 60, |i| if i % 2 == 0 { 130.0 } else { 0.0 }).await;
    let input = json!({"problem": shelf(json!({"metric": sold}))});
    let run = plan(&owner, "optimizeInventory", input.clone()).await;
    let plan_found = &run["plan"];

    // Demand is what is expected, from the day after the last point.
    let foreseen = &plan_found["foreseen"][0];
    assert_eq!((&foreseen["metric"]["key"], &foreseen["bucket"]), (&json!("bread_sold"), &json!("DAY")));
    assert_eq!(foreseen["forecast"], Value::Null, "no forecast was kept");
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    assert_eq!(foreseen["points"][0]["start"], today.to_string());
    let demand = plan_found["problem"]["products"][0]["demand"].as_array().expect("filled in");
    assert_eq!(demand.len(), 14);
    for (t, units) in demand.iter().enumerate() {
        let (units, mean) = (units.as_f64().expect("u"), foreseen["points"][t]["mean"].as_f64().expect("m"));
        assert!((units - mean).abs() <= 0.005 + 1e-9, "period {t}: {units} of {mean}");
        let usual = weekly((200 + t) as i64);
        assert!((units - usual).abs() < 15.0, "period {t}: {units}, usual is {usual}");
    }

    // Two days of demand and a reserve for their spread and the lead time's.
    let target = &plan_found["stockTargets"][0];
    let number = |name: &str| target[name].as_f64().unwrap_or_else(|| panic!("no {name}: {target}"));
    assert!((90.0..160.0).contains(&number("leadTimeDemand")), "{target}");
    let (point, reserve) = (number("reorderPoint"), number("safetyStock"));
    assert!((point - number("leadTimeDemand") - reserve).abs() < 0.05, "{target}");
    // Half a day more of lead time alone is 1.64 x 0.5 x 56.
    assert!((25.0..110.0).contains(&reserve), "{target}");
    let product = &plan_found["plan"]["products"][0];
    let stock: Vec<f64> = product["stock"].as_array().expect("stock").iter().filter_map(Value::as_f64).collect();
    assert!(stock[2..].iter().all(|units| *units >= reserve - 1e-6), "below the reserve {reserve}: {stock:?}");
    let orders: Vec<f64> = product["orders"].as_array().expect("orders").iter().filter_map(Value::as_f64).collect();
    assert_eq!((orders[0], orders[1]), (0.0, 0.0), "nothing that is ordered today is here before two days");
    let binding = plan_found["bindingConstraints"].as_array().expect("constraints");
    assert!(binding.iter().any(|one| one["says"].as_str().is_some_and(|says| says.contains("safety stock"))));

    // Today's way is read as well.
    let before: f64 = plan_found["againstToday"]
        .as_array()
        .unwrap_or_else(|| panic!("no comparison: {run}"))
        .iter()
        .filter_map(|term| term["before"].as_f64())
        .sum();
    assert!(before > plan_found["objective"].as_f64().expect("an objective") - 1e-6, "{run}");

    // All of it is the run's input: the same again gives the same plan, and new points another.
    let again = plan(&owner, "optimizeInventory", input.clone()).await;
    assert_eq!((&again["inputSha256"], &again["answer"]), (&run["inputSha256"], &run["answer"]));
    let record =
        "mutation ($i: RecordMetricPointsInput!) { recordMetricPoints(input: $i) { added userErrors { message } } }";
    // Another sale of the last day that is over.
    let yesterday = today.yesterday().expect("a day");
    let point = json!({"at": format!("{yesterday}T12:00:30Z"), "value": "90"});
    owner.ok(record, json!({"i": {"metricId": sold, "points": [point]}})).await;
    let later = plan(&owner, "optimizeInventory", input).await;
    assert_ne!(later["inputSha256"], run["inputSha256"]);
    // A scenario sees what the run saw that it is of: only what was changed differs.
    let scenario = json!({"scenarioOf": run["id"], "changes": {"products": {"bread": {"setup_cost": 90.0}}}});
    let scenario = plan(&owner, "optimizeInventory", scenario).await;
    assert_eq!(scenario["plan"]["foreseen"], run["plan"]["foreseen"]);
}

#[tokio::test]
async fn what_an_intervention_is_simulated_to_do_is_planned_for() {
    let owner = world::owner().await;
    let adverts = |i: i64| 20.0 + (i * 17 % 11) as f64;
    let sold = metric(&owner, "bread_sold", 200, |i| 20.0 + 2.0 * adverts(i) + (i * 29 % 13) as f64 * 0.2).await;
    let ads = metric(&owner, "adverts", 200, adverts).await;
    metric(&owner, "bread_bought", 60, |_| 60.0).await;
    let simulate = "mutation ($i: SimulateInterventionInput!) { simulateIntervention(input: $i) {
        run { id summary intervention { effect points { day with without } } } userErrors { message } } }";
    let simulated = async |horizon: i64| {
        let input = json!({"metricId": sold, "factorId": ads, "impact": 5, "horizon": horizon, "waitSeconds": 20});
        owner.ok(simulate, json!({"i": input})).await["simulateIntervention"]["run"].clone()
    };
    let run = simulated(30).await;
    let effect = run["intervention"]["effect"].as_f64().unwrap_or_else(|| panic!("{run}"));
    assert!((effect - 2.0).abs() < 0.1, "two loaves an advert, not {effect}");

    let without = plan(&owner, "optimizeInventory", json!({"problem": shelf(json!({"metric": sold}))})).await;
    let changes = json!({"interventions": [{"run": run["id"]}]});
    let asked = json!({"scenarioOf": without["id"], "changes": changes});
    let with = plan(&owner, "optimizeInventory", asked).await;
    assert_eq!(with["plan"]["foreseen"], without["plan"]["foreseen"], "only what was changed differs");
    let supposed = &with["plan"]["supposed"][0];
    assert_eq!((&supposed["run"], &supposed["metric"]["key"]), (&run["id"], &json!("bread_sold")));
    assert_eq!(supposed["summary"], run["summary"]);
    let demand = |run: &Value, t: usize| -> f64 {
        run["plan"]["problem"]["products"][0]["demand"][t].as_f64().unwrap_or_else(|| panic!("no demand: {run}"))
    };
    for t in 0..14 {
        let more = demand(&with, t) - demand(&without, t);
        assert!((more - 5.0 * effect).abs() < 0.02, "period {t}: {more} more, not {}", 5.0 * effect);
    }
    let ordered = |run: &Value| -> f64 {
        let orders = run["plan"]["plan"]["products"][0]["orders"].as_array().expect("orders");
        orders.iter().filter_map(Value::as_f64).sum()
    };
    assert!(ordered(&with) > ordered(&without) + 100.0, "{} and {}", ordered(&with), ordered(&without));
    let caveats = with["caveats"].as_array().expect("caveats");
    assert!(caveats.iter().any(|one| one.as_str().is_some_and(|says| says.contains("supposes that this is done"))));

    // What was not simulated as far as the plan goes, and what is no intervention, cannot be planned for.
    for (run, says) in
        [(simulated(3).await["id"].clone(), "simulate it further"), (without["id"].clone(), "no simulated")]
    {
        let asked = json!({"scenarioOf": without["id"], "changes": {"interventions": [{"run": run}]}});
        let failed = ended(&owner, "optimizeInventory", asked).await;
        assert!(failed["failure"].as_str().is_some_and(|failure| failure.contains(says)), "{failed}");
    }
    let mut given = shelf(json!(vec![50.0; 14]));
    given["interventions"] = json!([{"run": run["id"]}]);
    let product = given["products"][0].as_object_mut().expect("a product");
    product.remove("service");
    product.remove("ordered");
    let refused = ask(&owner, "optimizeInventory", json!({"problem": given})).await;
    assert_eq!(refused["userErrors"][0]["code"], "INVALID", "{refused}");
}

#[tokio::test]
async fn a_kept_forecast_is_used_where_it_fits() {
    let owner = world::owner().await;
    let sold = metric(&owner, "bread_sold", 120, weekly).await;
    metric(&owner, "bread_bought", 30, |_| 60.0).await;
    let forecast = "mutation ($i: ForecastMetricInput!) { forecastMetric(input: $i) {
        run { id status forecast { points { mean } } } userErrors { message } } }";
    let kept = owner.ok(forecast, json!({"i": {"metricId": sold, "horizon": 21, "waitSeconds": 20}})).await;
    let kept = &kept["forecastMetric"]["run"];
    assert_eq!(kept["status"], "COMPLETED", "{kept}");
    let run = plan(&owner, "optimizeInventory", json!({"problem": shelf(json!({"metric": "bread_sold"}))})).await;
    let foreseen = &run["plan"]["foreseen"][0];
    assert_eq!(foreseen["forecast"], kept["id"], "{foreseen}");
    assert_eq!(foreseen["points"][5]["mean"], kept["forecast"]["points"][5]["mean"]);
    assert!(foreseen["points"][5]["standardDeviation"].as_f64().is_some_and(|sd| sd > 0.0));

    // A step further than it reaches: one is made.
    let mut longer = shelf(json!({"metric": "bread_sold"}));
    (longer["periods"], longer["capacity"]) = (json!(22), json!(vec![1000.0; 22]));
    let run = plan(&owner, "optimizeInventory", json!({"problem": longer})).await;
    assert_eq!(run["plan"]["foreseen"][0]["forecast"], Value::Null);
}

#[tokio::test]
async fn people_are_planned_for_the_customers_who_are_expected_hour_by_hour() {
    let owner = world::owner().await;
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut points = Vec::new();
    for back in 1..=70i64 {
        let day = today.checked_sub(jiff::Span::new().days(back)).expect("a day");
        // Open from 9 to 17 in UTC, busiest at noon.
        for hour in 9..17i64 {
            let customers = 12 + 18 * i64::from(hour == 12) + (back * 7 + hour) % 5;
            points.push(json!({"at": format!("{day}T{hour:02}:00:00Z"), "value": customers.to_string()}));
        }
    }
    define(&owner, "walk_ins", points).await;
    let tours: Vec<Value> = (6..14).map(|start| json!({"start": start, "len": 8, "off": [], "cost": 900.0})).collect();
    let promise = json!({"handling_minutes": 6, "level": 0.8, "within_seconds": 60});
    let problem = json!({
        "demand": [{"metric": "walk_ins", "service": promise}], "tours": tours, "under_penalty": 60.0, "max_heads": [40],
    });
    let run = plan(&owner, "optimizeStaffing", json!({"problem": problem, "seconds": 3})).await;
    let people: Vec<f64> =
        run["plan"]["problem"]["demand"][0].as_array().expect("filled in").iter().filter_map(Value::as_f64).collect();
    assert_eq!(people.len(), 168);
    // Berlin is ahead of UTC by one or two hours: noon's rush is at 13:00 or 14:00.
    for day in people.chunks(24) {
        let busiest = (0..24).max_by(|a, b| day[*a].total_cmp(&day[*b])).expect("an hour");
        assert!((13..=14).contains(&busiest), "busiest at {busiest}: {day:?}");
        assert_eq!(day[..10].iter().sum::<f64>(), 0.0, "closed before ten: {day:?}");
        // Thirty customers an hour of six minutes each keep three busy; waiting asks for more.
        assert!((4.0..=6.0).contains(&day[busiest]), "{day:?}");
    }
    // As many as a person serves, without a promise; and given arrivals instead of a metric.
    let mut arrivals = vec![0.0; 24];
    (arrivals[9], arrivals[10]) = (25.0, 24.0);
    let given = json!({
        "demand": [{"arrivals": arrivals, "per_person": 12}], "days": 1, "tours": [{"start": 8, "len": 8, "cost": 100}],
        "under_penalty": 60.0, "max_heads": [40],
    });
    let run = plan(&owner, "optimizeStaffing", json!({"problem": given})).await;
    let people = &run["plan"]["problem"]["demand"][0];
    assert_eq!((people[9].as_f64(), people[10].as_f64(), people[11].as_f64()), (Some(3.0), Some(2.0), Some(0.0)));
}

#[tokio::test]
async fn what_metrics_cannot_say_is_told_in_words() {
    let owner = world::owner().await;
    metric(&owner, "bread_sold", 60, weekly).await;
    let fails = |run: Value, says: &'static str| {
        let failure = run["failure"].as_str().unwrap_or_else(|| panic!("no failure: {run}"));
        assert!(failure.contains(says), "{failure}");
    };
    let wait = |problem: Value| json!({"problem": problem, "seconds": 1});
    let unknown = ended(&owner, "optimizeInventory", wait(shelf(json!({"metric": "bread_sold"})))).await;
    fails(unknown, "no metric \"bread_bought\"");
    let other = world::owner().await;
    let foreign = metric(&other, "secret", 30, weekly).await;
    let payload = ended(&owner, "optimizeInventory", wait(shelf(json!({"metric": foreign})))).await;
    fails(payload, "this business has no metric");
    // A day's customers without its hours.
    let problem = json!({
        "demand": [{"metric": "bread_sold", "per_person": 10}], "tours": [{"start": 8, "len": 8, "cost": 1}],
        "under_penalty": 1, "max_heads": [5],
    });
    fails(ended(&owner, "optimizeStaffing", wait(problem)).await, "profile");
    // A first day within the history.
    let mut alone = shelf(json!({"metric": "bread_sold"}));
    alone["products"][0].as_object_mut().expect("a product").remove("ordered");
    let input = json!({"problem": alone, "calendar": {"firstDay": "2020-01-01"}});
    fails(ended(&owner, "optimizeInventory", input).await, "lies in the history");
    for (field, value, says) in [
        ("demand", json!({"metric": "m", "quantile": 2}), "0.01 to 0.99"),
        ("service", json!({"level": 0.2, "lead_time": {"mean": 1}}), "0.5 to 0.9999"),
        ("service", json!({"level": 0.9, "lead_time": {}}), "its mean"),
    ] {
        let mut problem = shelf(json!({"metric": "bread_sold"}));
        problem["products"][0][field] = value;
        let payload = ask(&owner, "optimizeInventory", json!({"problem": problem})).await;
        let error = &payload["userErrors"][0];
        assert_eq!(error["field"][1], "problem", "{payload}");
        assert!(error["message"].as_str().expect("words").contains(says), "{payload}");
    }
}
