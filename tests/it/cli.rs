//! The command line as an operator types it: what it prints, and how it ends.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use dyocense_tests::{database, program_path, server};
use sqlx::{Connection, Executor, PgConnection};

mod series;

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// What a command said and whether it ended well.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    fn refused(self) -> String {
        assert_ne!(self.code, Some(0), "{}", self.out);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self.err
    }
}

async fn run(database_url: &str, arguments: &[&str], input: &str) -> Said {
    let mut command = Command::new(program_path());
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("DATABASE_URL", database_url)
        .env("DYOCENSE_KEYS_MASTER", KEY)
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let input = input.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        // A command that reads no input may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    })
    .await
    .unwrap()
}

fn file(directory: &Path, text: &str) -> String {
    let path = directory.join("sales.csv");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_operator_registers_a_business_imports_its_ledger_and_looks_after_it() {
    let database = database().await;
    let run = async |arguments: &[&str], input: &str| run(&database.url, arguments, input).await;
    assert!(run(&["migrate"], "").await.ok().starts_with("The database is at migration"));
    assert!(run(&["tenant", "list"], "").await.ok().contains("no business yet"));

    let register = ["tenant", "register", "Corner Shop", "--email", "ada@example.com", "--owner", "Ada"];
    assert!(run(&register, "short\n").await.refused().contains("at least 10"));
    let id = run(&register, "a long enough secret\n").await.ok().trim().to_owned();
    assert!(run(&["tenant", "list"], "").await.ok().contains(&id));
    let people = run(&["user", "list", "--tenant", "Corner Shop"], "").await.ok();
    assert!(people.contains("owner") && people.contains("ada@example.com") && people.contains("Ada"), "{people}");

    let directory = tempfile::tempdir().unwrap();
    let ledger = file(
        directory.path(),
        "customer;date;units;amount\nk1;03.01.2026;1;10,50\nk2;04.01.2026;2;20,00\nk3;no day;1;1,00\nk1;15.02.2026;3;1.030,25\n",
    );
    let preview = run(&["import", &ledger, "--tenant", "Corner Shop", "--preview"], "").await.ok();
    assert!(preview.contains("--map date=1,amount=3,units=2,customer=0") && preview.contains("no day"), "{preview}");
    assert!(preview.contains("--delimiter ';'") && preview.contains("--date-format day-month-year"), "{preview}");
    let imported = run(&["import", &ledger, "--tenant", &id], "").await.ok();
    assert!(
        imported.starts_with("4 rows: 3 imported (0 of them corrections), 0 known already, 1 not good"),
        "{imported}"
    );
    let shown = run(&["tenant", "show", "Corner Shop"], "").await.ok();
    assert!(shown.contains("3 sales, 6 units, 1060.75 USD"), "{shown}");
    run(&["import", &ledger, "--tenant", &id], "").await.ok();
    assert_eq!(run(&["tenant", "show", &id], "").await.ok(), shown, "the same file again changes nothing");

    let rebuilt = run(&["projections", "rebuild"], "").await.ok();
    assert!(rebuilt.contains("of 1 businesses"), "{rebuilt}");
    let status = run(&["projections", "status"], "").await.ok();
    assert!(status.contains("Behind the log: 0 events") && status.contains("Parked streams: 0"), "{status}");
    assert_eq!(run(&["tenant", "show", &id], "").await.ok(), shown);
    assert!(run(&["projections", "parked", "list"], "").await.ok().contains("Nothing is parked"));

    let reset = ["user", "reset-password", "--tenant", "Corner Shop", "ada@example.com"];
    assert!(run(&reset, "another long secret\n").await.ok().contains("is changed"));
    let nobody = ["user", "reset-password", "--tenant", "Corner Shop", "nobody@example.com"];
    assert!(run(&nobody, "another long secret\n").await.refused().contains("nobody@example.com"));
}

#[tokio::test]
async fn what_is_wrong_with_a_command_is_named() {
    let database = database().await;
    let run = async |arguments: &[&str]| run(&database.url, arguments, "").await;
    assert!(run(&["tenant", "show", "Nobody & Sons"]).await.refused().contains("Nobody & Sons"));
    assert!(run(&["import", "/does/not/exist.csv", "--tenant", "x"]).await.refused().contains("/does/not/exist.csv"));
    assert!(run(&["tenant", "delete"]).await.refused().contains("delete"));
    assert!(run(&["config", "--config", "/does/not/exist.toml"]).await.refused().contains("/does/not/exist.toml"));
}

#[tokio::test]
async fn only_serve_and_migrate_change_a_database_that_others_may_use() {
    let postgres = server().await.postgres();
    let mut admin = PgConnection::connect(&postgres.superuser_url("postgres")).await.unwrap();
    admin.execute("create database never_migrated owner dyocense").await.unwrap();
    let url = postgres.url_for("never_migrated");
    for command in [&["tenant", "list"][..], &["projections", "status"], &["user", "list", "--tenant", "x"]] {
        let said = run(&url, command, "").await.refused();
        assert!(said.contains("is behind") && said.contains("`dyocense migrate`"), "{said}");
    }
    let mut database = PgConnection::connect(&postgres.superuser_url("never_migrated")).await.unwrap();
    let ours = "select count(*) from pg_namespace where nspname !~ '^(pg_|information_schema$|public$)'";
    assert_eq!(sqlx::query_scalar::<_, i64>(ours).fetch_one(&mut database).await.unwrap(), 0, "it was changed");
    database.close().await.unwrap();
    run(&url, &["migrate"], "").await.ok();
    assert!(run(&url, &["tenant", "list"], "").await.ok().contains("no business yet"));
    admin.execute("drop database never_migrated with (force)").await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_down_is_told_once() {
    for command in [&["tenant", "list"][..], &["migrate"], &["serve"]] {
        let said = run("postgres://nobody@127.0.0.1:1/nothing", command, "").await.refused();
        assert_eq!(said.matches("refused").count(), 1, "{said}");
        assert!(said.contains("cannot connect to the database"), "{said}");
    }
}

#[test]
fn whoever_stops_reading_ends_the_command_quietly() {
    let mut command = Command::new(program_path());
    command.arg("schema").env_clear().stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
}

#[tokio::test]
async fn settings_are_shown_with_where_they_come_from_and_without_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("dyocense.toml");
    let show = |toml: &str, variable: Option<(&str, &str)>| {
        std::fs::write(&config, toml).unwrap();
        let mut command = Command::new(program_path());
        command.args(["config", "--config"]).arg(&config).env_clear().env("DYOCENSE_KEYS_MASTER", KEY);
        let output = command.envs(variable).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), text)
    };
    let (fine, text) = show("[http]\nlisten = \"127.0.0.1:9999\"\n", None);
    assert!(fine && text.contains("127.0.0.1:9999") && text.contains("dyocense.toml"), "{text}");
    assert!(!text.contains(KEY), "a secret is shown: {text}");
    let (fine, text) = show("[http]\nlisten = \"127.0.0.1:9999\"\n", Some(("DYOCENSE_HTTP_LISTEN", "127.0.0.1:7777")));
    assert!(fine && text.contains("127.0.0.1:7777") && !text.contains("9999"), "the environment wins: {text}");
    let (fine, text) = show("[http]\nlisen = \"127.0.0.1:9999\"\n", None);
    assert!(!fine && text.contains("http.lisen") && text.contains("http.listen"), "{text}");
    let (fine, text) = show("[http]\nlisten = \"nowhere\"\n", None);
    assert!(!fine && text.contains("http.listen") && text.contains("nowhere"), "{text}");
}

#[test]
fn evidence_is_weighed_on_a_file_without_a_server() {
    let directory = tempfile::tempdir().unwrap();
    // Shops a and b sell 4 more a day from row 31; the others go on; `wobble` differs from shop to shop.
    let wobble = |row: usize, shop: usize| ((row * (37 + 10 * shop) + 5 * shop) % 23) as f64 / 23.0;
    let mut table = "a,b,c,d,e\n".to_owned();
    for row in 0..45 {
        let common = 20.0 + (row as f64 * 0.7).sin() * 3.0;
        let cells = (0..5).map(|shop| {
            let met = if shop < 2 && row >= 30 { 4.0 } else { 0.0 };
            (common + met + wobble(row, shop)).to_string()
        });
        table += &(cells.collect::<Vec<_>>().join(",") + "\n");
    }
    let shops = file(directory.path(), &table);
    let evidence = |arguments: &[&str]| {
        let mut command = Command::new(program_path());
        let output = command.arg("evidence").args(arguments).env_clear().output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    };
    let answer = |arguments: &[&str]| -> serde_json::Value { serde_json::from_str(&evidence(arguments).ok()).unwrap() };
    let near = |value: &serde_json::Value, expected: f64| (value.as_f64().unwrap() - expected).abs() < 0.5;

    let did = answer(&["impact", &shops, "--n-pre", "30", "--counterfactual", "did", "--treated", "a,b"]);
    assert!(near(&did["effect"], 4.0), "{did}");
    let synthetic =
        ["impact", &shops, "--n-pre", "30", "--y", "a", "--columns", "a,c,d,e", "--counterfactual", "synthetic"];
    let synthetic = answer(&synthetic);
    assert!(near(&synthetic["avg_effect"], 4.0), "{synthetic}");
    let nobody = evidence(&["impact", &shops, "--n-pre", "30", "--counterfactual", "did"]).refused();
    assert!(nobody.contains("--treated"), "{nobody}");
    let unknown = evidence(&["impact", &shops, "--n-pre", "30", "--y", "a", "--counterfactual", "magic"]).refused();
    assert!(unknown.contains("magic") && unknown.contains("synthetic"), "{unknown}");

    // x and z cause y, which causes w by 2: the data direct every edge.
    let mut table = "x,z,y,w\n".to_owned();
    let mut state = 1u64;
    let mut noise = || {
        (0..12)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 11) as f64 / (1u64 << 53) as f64
            })
            .sum::<f64>()
            - 6.0
    };
    for _ in 0..600 {
        let (x, z) = (noise(), noise());
        let y = x + z + noise();
        table += &format!("{x},{z},{y},{}\n", 2.0 * y + noise());
    }
    let causes = file(directory.path(), &table);
    for method in ["pc", "ges"] {
        let found = answer(&[method, &causes, "--effect", "y", "w", "--set-to", "-3"]);
        assert!(near(&found["effect"]["effect"], 2.0), "{method}: {found}");
        assert!(near(&found["means_if_set"]["w"], -6.0), "{method}: {found}");
    }
    let missing = evidence(&["pc", &causes, "--effect", "y", "nothing"]).refused();
    assert!(missing.contains("nothing"), "{missing}");
    let alone = evidence(&["pc", &causes, "--set-to", "3"]).refused();
    assert!(alone.contains("--effect"), "{alone}");

    // The plain difference of these two groups is far from the effect, 5, on which all estimates agree.
    let mut table = "treat,age,outcome\n".to_owned();
    for row in 0..400 {
        let age = (row % 40) as f64 / 10.0;
        let treated = f64::from(u8::from(noise() + age > 2.0));
        table += &format!("{treated},{age},{}\n", 3.0 * age * age + 5.0 * treated + 0.1 * noise());
    }
    let people = file(directory.path(), &table);
    let question = directory.path().join("question.json");
    std::fs::write(&question, r#"{"columns": ["age", "agesq"], "derived": "agesq,old=age==3,ages=age*old"}"#).unwrap();
    let matched = answer(&["match", question.to_str().unwrap(), &people]);
    assert!(near(&matched["recommended"]["estimate"]["effect"], 5.0), "{matched}");
}

#[test]
fn parts_and_totals_take_columns_that_are_known_ahead() {
    let directory = tempfile::tempdir().unwrap();
    let written = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let day = |i: i64| jiff::civil::date(2026, 1, 5).checked_add(jiff::ToSpan::days(i)).unwrap();
    let promoted = |i: i64| i64::from(i * i % 11 == 4);
    let mut sales = String::from("unique_id,ds,y\n");
    for i in 0..100 {
        sales += &format!("north,{},{}\n", day(i), 100 + i * 5 % 13 + 60 * promoted(i));
        sales += &format!("south,{},{}\n", day(i), 50 + i * 7 % 13);
    }
    let sales = written("sales.csv", sales);
    let shops = written("shops.csv", "unique_id,region\nnorth,all\nsouth,all\n".to_owned());
    let known = |ids: &[&str], on: &dyn Fn(i64) -> i64| {
        let rows = ids.iter().flat_map(|id| (0..107).map(move |i| (id, i)));
        let rows: String =
            rows.map(|(id, i)| format!("{id},{},{}\n", day(i), if i < 100 { promoted(i) } else { on(i) })).collect();
        format!("unique_id,ds,promotion\n{rows}")
    };
    let forecast = |exog: &str| {
        let known = ["--horizon", "7", "--exog", exog, "--model", "arima"];
        forecast(&[&["--series", &sales, "--hierarchy", &shops], &known[..]].concat())
    };
    let on = forecast(&written("on.csv", known(&["north", "total"], &|i| i64::from(i == 102)))).ok();
    let off = forecast(&written("off.csv", known(&["north", "total"], &|_| 0))).ok();
    for (id, effect) in [("north", 60.0), ("total", 60.0), ("south", 0.0)] {
        let (on, off) = (means(&on, id), means(&off, id));
        assert_eq!((on.len(), off.len()), (7, 7), "{id}");
        assert!((on[2] - off[2] - effect).abs() < 10.0, "{id}: {} and {}", on[2], off[2]);
    }
    let said = forecast(&written("typo.csv", known(&["nroth"], &|_| 0))).refused();
    assert!(said.contains("nroth is neither a series nor a total; there are total, north, south"), "{said}");
    let short = known(&["north"], &|_| 0).lines().take(100).map(|line| format!("{line}\n")).collect();
    let said = forecast(&written("short.csv", short)).refused();
    assert!(said.contains("north has no value of promotion for 2026-04-14"), "{said}");
}

/// Runs `forecast` with these arguments and nothing of the environment.
fn forecast(arguments: &[&str]) -> Said {
    let output = Command::new(program_path()).arg("forecast").args(arguments).env_clear().output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The means of one series, in the order of the steps.
fn means(out: &str, id: &str) -> Vec<f64> {
    let of = out.lines().filter(|line| line.starts_with(&format!("{id},")));
    of.map(|line| line.split(',').nth(3).unwrap().parse().unwrap()).collect()
}

#[test]
fn a_series_whose_columns_end_too_early_is_refused_and_the_others_are_forecast() {
    let directory = tempfile::tempdir().unwrap();
    let day = |i: i64| jiff::civil::date(2026, 1, 5).checked_add(jiff::ToSpan::days(i)).unwrap();
    let rows = |count: i64, value: &dyn Fn(i64) -> i64| {
        let row = |(id, i): (&str, i64)| format!("{id},{},{}\n", day(i), value(i));
        ["north", "south"].into_iter().flat_map(|id| (0..count).map(move |i| (id, i))).map(row).collect::<String>()
    };
    let sales = format!("unique_id,ds,y\n{}", rows(60, &|i| 100 + i * 5 % 13 + 60 * i64::from(i % 9 == 4)));
    let sales = file(directory.path(), &sales);
    let whole = format!("unique_id,ds,promotion\n{}", rows(67, &|i| i64::from(i % 9 == 4)));
    let known = directory.path().join("known.csv");
    let short = whole.lines().filter(|line| !line.starts_with("south,2026-03-1")).map(|line| format!("{line}\n"));
    std::fs::write(&known, short.collect::<String>()).unwrap();
    let known = known.to_str().unwrap();
    let said = forecast(&["--series", &sales, "--horizon", "7", "--exog", known, "--model", "arima"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!((means(&said.out, "north").len(), means(&said.out, "south").len()), (7, 0));
    let refusal = format!("south: refused: {known}: south has no value of promotion for 2026-03-10");
    assert!(said.err.contains(&refusal), "{}", said.err);
}

#[test]
fn months_count_their_weekdays_where_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let first = jiff::civil::date(2019, 1, 1);
    // A shop that sells three times as much on Saturdays; its months are all that is known.
    let takings = |from: jiff::civil::Date| -> f64 {
        let days = std::iter::successors(Some(from), |day| day.tomorrow().ok());
        let days = days.take_while(|day| day.month() == from.month());
        days.map(|day| if day.weekday() == jiff::civil::Weekday::Saturday { 300.0 } else { 100.0 }).sum()
    };
    let months: Vec<jiff::civil::Date> = (0..84).map(|i| first.checked_add(jiff::ToSpan::months(i)).unwrap()).collect();
    let noise = |i: usize| (i * i * 7 % 31) as f64 - 15.0;
    let rows: String =
        months[..72].iter().enumerate().map(|(i, month)| format!("{month},{}\n", takings(*month) + noise(i))).collect();
    let series = file(directory.path(), &format!("ds,y\n{rows}"));
    let asked = ["--series", &series, "--horizon", "12", "--model", "auto"];
    let error = |said: Said| -> f64 {
        assert_eq!(said.code, Some(0), "{}", said.err);
        let id = said.out.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
        means(&said.out, &id).iter().zip(&months[72..]).map(|(mean, month)| (mean - takings(*month)).abs()).sum()
    };
    let (plain, counted) = (error(forecast(&asked)), error(forecast(&[&asked[..], &["--trading-days"]].concat())));
    assert!(counted < 0.7 * plain, "{counted} with the weekdays, {plain} without");
    let said = forecast(&["--series", &series, "--horizon", "12", "--model", "ets", "--trading-days"]);
    assert!(said.refused().contains("--trading-days is for --model auto, arima, trees, ensemble or all, not ets"));
}
