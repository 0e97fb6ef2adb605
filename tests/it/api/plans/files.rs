//! Plans as CSV, workbooks and calendars.

use std::collections::BTreeSet;
use std::io::Cursor;

use calamine::{Data, DataType, Reader, Xlsx};
use reqwest::Method;
use serde_json::{Value, json};

use super::super::client::Client;
use super::super::world;
use super::{bakery, cafe, counter, plan, shops};

/// Status, media type, name and body.
async fn fetch(client: &Client, path: &str) -> (u16, String, String, Vec<u8>) {
    let response = client.request(Method::GET, path).send().await.expect("an answer");
    let header =
        |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (kind, name) = (header("content-type"), header("content-disposition"));
    (response.status().as_u16(), kind, name, response.bytes().await.expect("a body").to_vec())
}

fn path<'r>(run: &'r Value, format: &str) -> (&'r str, &'r str) {
    let files = run["files"].as_array().expect("files");
    let file = files.iter().find(|file| file["format"] == format).unwrap_or_else(|| panic!("no {format}: {run}"));
    (file["path"].as_str().expect("a path"), file["fileName"].as_str().expect("a name"))
}

async fn csv(client: &Client, run: &Value) -> Vec<Vec<String>> {
    let (path, file_name) = path(run, "CSV");
    let (status, kind, disposition, body) = fetch(client, path).await;
    assert_eq!((status, kind.as_str()), (200, "text/csv; charset=utf-8"));
    assert_eq!(disposition, format!("attachment; filename=\"{file_name}\""));
    let text = String::from_utf8(body).expect("UTF-8");
    assert!(text.ends_with("\r\n"));
    // Names in these tests have commas and quotes.
    let mut rows = Vec::new();
    for line in text.lines() {
        let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
        for c in line.chars() {
            match c {
                '"' => {
                    quoted = !quoted;
                    field.push(c);
                }
                ',' if !quoted => fields.push(std::mem::take(&mut field)),
                c => field.push(c),
            }
        }
        fields.push(field);
        let plain = |field: String| match field.strip_prefix('"').and_then(|field| field.strip_suffix('"')) {
            Some(inner) => inner.replace("\"\"", "\""),
            None => field,
        };
        rows.push(fields.into_iter().map(plain).collect());
    }
    rows
}

async fn workbook(client: &Client, run: &Value) -> Xlsx<Cursor<Vec<u8>>> {
    let (path, _) = path(run, "XLSX");
    let (status, kind, _, body) = fetch(client, path).await;
    assert_eq!(status, 200);
    assert!(kind.contains("spreadsheetml"), "{kind}");
    Xlsx::new(Cursor::new(body)).expect("a workbook")
}

#[tokio::test]
async fn every_kind_of_plan_is_a_table_and_a_workbook() {
    let owner = world::owner().await;
    let calendar = json!({"firstDay": "2026-12-01", "step": "MONTH"});
    for (mutation, problem, columns, sheets) in [
        ("optimizeBudget", shops(), "channel,period,starts on,spend,return of the next unit", "Budget"),
        ("optimizeInventory", bakery(), "product,period,starts on,demand,order,stock at the end,lost sales", "Orders"),
        ("optimizeStaffing", counter(), "tour,skill,from,to,days off,people,cost each", "Tours"),
        ("optimizeRoster", cafe(), "day,date,weekday,shift,from,to,person", "Roster"),
    ] {
        let calendar = if mutation == "optimizeRoster" { Value::Null } else { calendar.clone() };
        let run = plan(&owner, mutation, json!({"problem": problem, "calendar": calendar})).await;
        let rows = csv(&owner, &run).await;
        assert_eq!(rows[0].join(","), columns);
        assert!(rows.len() > 2, "{rows:?}");
        let mut book = workbook(&owner, &run).await;
        assert_eq!(book.sheet_names()[0], sheets);
        let sheet = book.worksheet_range(sheets).expect("the sheet");
        assert_eq!(sheet.height(), rows.len(), "a row a row");
        let about = book.worksheet_range("About").expect("where it came from");
        let told = |what: &str| {
            let row = about.rows().find(|row| row[0].get_string() == Some(what));
            row.unwrap_or_else(|| panic!("nothing of {what}"))[1].to_string()
        };
        assert_eq!(told("SHA-256 of the input"), run["inputSha256"].as_str().expect("a hash"));
        assert_eq!(told("summary"), run["summary"].as_str().expect("words"));
        let costs = book.worksheet_range("Costs").expect("costs");
        let sum: f64 = costs
            .rows()
            .skip(1)
            .filter_map(|row| match row[1] {
                Data::Float(amount) => Some(amount),
                _ => None,
            })
            .sum();
        let objective = run["plan"]["objective"].as_f64().expect("an objective");
        assert!((sum - objective).abs() < 1e-4 * (1.0 + objective.abs()), "{sum} is not {objective}");
    }
    let run = plan(&owner, "optimizeBudget", json!({"problem": shops(), "calendar": calendar})).await;
    let rows = csv(&owner, &run).await;
    let starts: BTreeSet<&str> = rows[1..].iter().map(|row| row[2].as_str()).collect();
    assert_eq!(starts, BTreeSet::from(["2026-12-01", "2027-01-01"]));
    let spent: f64 = rows[1..].iter().map(|row| row[3].parse::<f64>().expect("a number")).sum();
    assert!((0.0..=18_000.0).contains(&spent), "{spent}");
}

#[tokio::test]
async fn parts_that_only_some_plans_have_are_in_their_files() {
    let owner = world::owner().await;
    let mut patient = bakery();
    patient["products"][0]["backorder"] = json!(0.2);
    patient["products"][0]["service"] = json!({"level": 0.9, "lead_time": {"mean": 0.0}, "demand_sd": 3.0});
    patient["products"][1]["shelf_life"] = json!(2);
    let run = plan(&owner, "optimizeInventory", json!({"problem": patient})).await;
    let rows = csv(&owner, &run).await;
    assert!(rows[0].join(",").ends_with("lost sales,customers waiting,thrown away"), "{rows:?}");
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{rows:?}");
    let mut book = workbook(&owner, &run).await;
    let targets = book.worksheet_range("Stock targets").expect("the sheet");
    assert_eq!(targets.rows().nth(1).expect("a product")[0].get_string(), Some("Bread"));

    let mut small = counter();
    small["overtime"] = json!({"cost_per_hour": 20.0, "max_hours_a_day": 2, "max_hours_a_week": 10.0});
    small["workforce"] = json!({"heads": [0.0], "hire_cost": 10.0, "fire_cost": 10.0});
    let run = plan(&owner, "optimizeStaffing", json!({"problem": small})).await;
    let mut book = workbook(&owner, &run).await;
    let changes = book.worksheet_range("Changes").expect("who is taken on");
    let hired = run["plan"]["plan"]["hired"][0].as_f64().expect("people");
    assert_eq!(changes.rows().nth(1).expect("a skill")[1], Data::Float(hired));
    let overtime = run["plan"]["plan"]["overtime"].as_array().map_or(0, Vec::len);
    let sheet = book.worksheet_range("Overtime").map_or(0, |sheet| sheet.height() - 1);
    assert_eq!(sheet, overtime);
}

fn evenings() -> Value {
    json!({"firstDay": "2026-10-19", "shifts": [
        {"shift": "Early", "start": "06:00", "end": "14:00"},
        {"shift": "Late", "start": "14:00", "end": "22:00"},
        {"shift": "Evening", "start": "22:00", "end": "06:00"},
    ]})
}

/// Unfolded content lines, and the events among them.
fn read(calendar: &str) -> (Vec<String>, Vec<Vec<(String, String)>>) {
    assert!(calendar.lines().all(|line| line.len() <= 75), "a line is too long");
    assert!(!calendar.replace("\r\n", "").contains(['\r', '\n']), "lines end with CRLF");
    let lines: Vec<String> = calendar.replace("\r\n ", "").split("\r\n").map(str::to_owned).collect();
    let mut events = Vec::new();
    for line in &lines {
        match line.as_str() {
            "BEGIN:VEVENT" => events.push(Vec::new()),
            line => {
                if let (Some(event), Some((name, value))) = (events.last_mut(), line.split_once(':')) {
                    let event: &mut Vec<(String, String)> = event;
                    event.push((name.to_owned(), value.to_owned()));
                }
            }
        }
    }
    (lines, events)
}

fn field<'e>(event: &'e [(String, String)], name: &str) -> &'e str {
    let found = event.iter().find(|(known, _)| known == name || known.starts_with(&format!("{name};")));
    &found.unwrap_or_else(|| panic!("no {name} in {event:?}")).1
}

#[tokio::test]
async fn a_roster_is_a_calendar_in_the_time_of_the_business() {
    let owner = world::owner().await;
    let asked = json!({"problem": cafe(), "calendar": evenings()});
    let run = plan(&owner, "optimizeRoster", asked.clone()).await;
    let (path, file_name) = path(&run, "CALENDAR");
    assert!(file_name.starts_with("roster-2026-10-19-") && file_name.ends_with(".ics"), "{file_name}");
    let (status, kind, _, body) = fetch(&owner, path).await;
    assert_eq!((status, kind.as_str()), (200, "text/calendar; charset=utf-8"));
    let (lines, events) = read(&String::from_utf8(body).expect("UTF-8"));
    let shifts = run["plan"]["plan"]["shifts"].as_array().expect("shifts");
    assert_eq!(events.len(), shifts.len(), "an event a shift");
    assert_eq!((lines[0].as_str(), lines[1].as_str()), ("BEGIN:VCALENDAR", "VERSION:2.0"));
    let uids: BTreeSet<&str> = events.iter().map(|event| field(event, "UID")).collect();
    assert_eq!(uids.len(), events.len(), "each has an id of its own");

    // The clock turns on 25 October at 03:00 to 02:00: the night before is an hour longer, and says its clock times.
    let zone: Vec<&String> = lines.iter().filter(|line| line.starts_with("TZOFFSETTO")).collect();
    assert_eq!(zone, ["TZOFFSETTO:+0200", "TZOFFSETTO:+0100"]);
    let night =
        events.iter().find(|event| field(event, "DTSTART") == "20261024T220000").expect("the night of the turn");
    assert_eq!(field(night, "DTEND"), "20261025T060000");
    assert!(night.iter().any(|(name, _)| name == "DTSTART;TZID=Europe/Berlin"), "{night:?}");

    // One person's, with the name as people write it; twice the same.
    let dora = format!("{path}?person=dora%2C%20%22dodo%22");
    let (_, _, _, first) = fetch(&owner, &dora).await;
    let (_, of_dora) = read(&String::from_utf8(first.clone()).expect("UTF-8"));
    let hers = shifts.iter().filter(|shift| shift["person"] == "Dora, \"Dodo\"").count();
    assert_eq!(of_dora.len(), hers);
    assert!(of_dora.iter().all(|event| uids.contains(field(event, "UID"))), "the same shift has the same id");
    assert_eq!(fetch(&owner, &dora).await.3, first);
    let (status, _, _, body) = fetch(&owner, &format!("{path}?person=Zoe")).await;
    assert_eq!(status, 404);
    assert!(String::from_utf8_lossy(&body).contains("Zoe"));

    // A later roster of the same days replaces, and does not add.
    let again = plan(&owner, "optimizeRoster", asked).await;
    assert_eq!(again["answer"], run["answer"]);
    let (later, _) = self::path(&again, "CALENDAR");
    let (_, renewed) = read(&String::from_utf8(fetch(&owner, later).await.3).expect("UTF-8"));
    let renewed: BTreeSet<&str> = renewed.iter().map(|event| field(event, "UID")).collect();
    assert_eq!(renewed, uids);
}

#[tokio::test]
async fn names_that_look_like_formulas_stay_names() {
    let owner = world::owner().await;
    let run = plan(&owner, "optimizeRoster", json!({"problem": cafe(), "calendar": evenings()})).await;
    let rows = csv(&owner, &run).await;
    let people: BTreeSet<&str> = rows[1..].iter().map(|row| row[6].as_str()).collect();
    assert!(people.contains("'=HYPERLINK(1)") && !people.contains("=HYPERLINK(1)"), "{people:?}");
    assert!(people.contains("Dora, \"Dodo\"") && people.contains("Ümit"), "{people:?}");
    assert_eq!((rows[1][1].as_str(), rows[1][2].as_str()), ("2026-10-19", "Monday"));
    let mut book = workbook(&owner, &run).await;
    assert!(book.worksheet_formula("Roster").expect("the sheet").is_empty(), "no cell computes");
    let sheet = book.worksheet_range("Roster").expect("the sheet");
    assert!(sheet.rows().any(|row| row[6].get_string() == Some("=HYPERLINK(1)")), "the name as it is");
}

#[tokio::test]
async fn files_are_for_people_of_the_business_only() {
    let business = world::business().await;
    let stranger = world::owner().await;
    let run = plan(&business.owner, "optimizeBudget", json!({"problem": shops()})).await;
    for format in ["CSV", "XLSX"] {
        let (path, _) = path(&run, format);
        for reader in [&business.admin, &business.member, &business.auditor] {
            assert_eq!(fetch(reader, path).await.0, 200);
        }
        assert_eq!(fetch(&stranger, path).await.0, 404, "another business has no such run");
        assert_eq!(fetch(&world::anonymous().await, path).await.0, 401);
    }
    let id = run["id"].as_str().expect("an id");
    for (path, status) in [
        (format!("/runs/{id}/plan.pdf"), 404),
        (format!("/runs/{id}/roster.ics"), 409),
        ("/runs/nothing/plan.csv".to_owned(), 404),
        (format!("/runs/{id}/..%2f..%2fetc%2fpasswd"), 404),
    ] {
        assert_eq!(fetch(&business.owner, &path).await.0, status, "{path}");
    }
    // A roster without dates says what is missing.
    let undated = plan(&business.owner, "optimizeRoster", json!({"problem": cafe()})).await;
    let (status, _, _, body) = fetch(&business.owner, path(&undated, "CALENDAR").0).await;
    assert_eq!(status, 409);
    assert!(String::from_utf8_lossy(&body).contains("calendar"), "{}", String::from_utf8_lossy(&body));
}

#[tokio::test]
async fn a_calendar_that_does_not_fit_is_refused() {
    let owner = world::owner().await;
    for (calendar, says) in [
        (json!({"firstDay": "2026-10-19", "shifts": [{"shift": "Noon", "start": "12:00", "end": "13:00"}]}), "Noon"),
        (json!({"firstDay": "2026-10-19", "shifts": [{"shift": "Early", "start": "25:00", "end": "13:00"}]}), "25:00"),
        (json!({"firstDay": "9998-10-19"}), "9998"),
    ] {
        let payload = super::ask(&owner, "optimizeRoster", json!({"problem": cafe(), "calendar": calendar})).await;
        let error = &payload["userErrors"][0];
        assert_eq!(error["code"], "INVALID", "{payload}");
        assert!(error["message"].as_str().expect("words").contains(says), "{payload}");
    }
    let mut tuesday = cafe();
    tuesday["first_weekday"] = json!("tuesday");
    let payload = super::ask(&owner, "optimizeRoster", json!({"problem": tuesday, "calendar": evenings()})).await;
    assert!(payload["userErrors"][0]["message"].as_str().expect("words").contains("monday"), "{payload}");
}
