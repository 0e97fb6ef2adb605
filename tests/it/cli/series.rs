//! `dyocense forecast` and `anomalies` on files as they come: what is read, what is refused and how it is written.

use std::path::Path;
use std::process::Command;

use dyocense_tests::program_path;
use jiff::ToSpan;
use jiff::civil::{Date, date};

use super::{Said, means};

fn day(i: i64) -> Date {
    date(2024, 1, 1).checked_add(i.days()).unwrap()
}

fn value(i: i64) -> f64 {
    100.0 + 20.0 * f64::from(i32::from(i % 7 == 5)) + (i * 37 % 11) as f64 / 10.0
}

/// Runs a command on a file with this text.
fn on(directory: &Path, text: &str, arguments: &[&str]) -> Said {
    let path = directory.join("series.csv");
    std::fs::write(&path, text).unwrap();
    let (command, rest) = arguments.split_first().unwrap();
    let output =
        Command::new(program_path()).args([command, "--series"]).arg(&path).args(rest).env_clear().output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn forecast(directory: &Path, text: &str) -> Said {
    on(directory, text, &["forecast", "--horizon", "7", "--model", "ets"])
}

fn rows(count: i64, row: impl Fn(i64) -> String) -> String {
    (0..count).map(|i| format!("{}\n", row(i))).collect()
}

#[test]
fn files_of_other_programs_are_read_alike() {
    let directory = tempfile::tempdir().unwrap();
    let plain = format!("unique_id,ds,y\n{}", rows(60, |i| format!("a,{},{}", day(i), value(i))));
    let expected = forecast(directory.path(), &plain).ok();
    for (what, text) in [
        ("semicolons", plain.replace(',', ";")),
        ("semicolons and decimal commas", plain.replace(',', ";").replace('.', ",")),
        ("tabs", plain.replace(',', "\t")),
        ("lines of another system and a mark of its encoding", format!("\u{feff}{}", plain.replace('\n', "\r\n"))),
        (
            "times of a zone",
            rows(61, |i| match i {
                0 => "ID,Date,Value".to_owned(),
                i => format!("a,{}T00:00:00Z,{}", day(i - 1), value(i - 1)),
            }),
        ),
        ("empty cells at the end of rows", plain.replace('\n', ",\n").replacen(",\n", "\n", 1)),
        (
            "numbered days",
            rows(61, |i| match i {
                0 => "unique_id,ds,y".to_owned(),
                i => format!("a,{},{}", i + 100, value(i - 1)),
            }),
        ),
    ] {
        let season = if what == "numbered days" { &["--season", "7"][..] } else { &[] };
        let said = on(directory.path(), &text, &[&["forecast", "--horizon", "7", "--model", "ets"], season].concat());
        assert_eq!(said.ok(), expected, "{what}");
    }
}

#[test]
fn a_row_that_cannot_be_right_is_named_by_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let with = |bad: &str| {
        rows(20, |i| match i {
            0 => "unique_id,ds,y".to_owned(),
            7 => bad.to_owned(),
            i => format!("a,{},{}", day(i), value(i)),
        })
    };
    for (bad, said) in [
        ("a,2024-01-08,1,234", "line 8 has 4 fields, the header 3"),
        ("a,2024-01-08", "line 8 has 2 fields, the header 3"),
        ("\"a,2024-01-08,100", "line 8 has 1 field, the header 3; does a quote not close?"),
        ("a,2024-01-08,inf", "line 8: y is inf, outside ±1e100"),
        ("a,2024-01-08,1e300", "line 8: y is 1e300, outside ±1e100"),
        ("a,2024-01-08,much", "line 8: y is not a number: \"much\""),
        (
            "a,8/1/2024,100",
            "line 8: ds is not a time: \"8/1/2024\" (2024-03-05, 2024-03-05 14:30, 2024-03 and 2024 are)",
        ),
    ] {
        let refused = forecast(directory.path(), &with(bad)).refused();
        assert!(refused.contains(said), "{bad}: {refused}");
    }
    assert!(forecast(directory.path(), "").refused().contains("the file is empty"));
    assert!(forecast(directory.path(), "unique_id,ds,y\n").refused().contains("no rows"));
}

#[test]
fn what_a_file_lacks_is_filled_or_left_out_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let numbered = |skip: &[i64], extra: &str| {
        let kept: Vec<i64> = (0..60).filter(|i| !skip.contains(i)).collect();
        let rows: String = kept.iter().map(|i| format!("a,{},{}\n", i + 1, value(*i))).collect();
        format!("unique_id,ds,y\n{rows}{extra}")
    };
    let season = ["forecast", "--horizon", "7", "--model", "ets", "--season", "7"];
    let gap = on(directory.path(), &numbered(&[20, 21], ""), &season);
    assert!(gap.err.contains("2 points without a value were filled in"), "{}", gap.err);
    let twice = on(directory.path(), &numbered(&[], "a,5,100\n"), &season);
    assert!(twice.err.contains("1 observation fell on a time already seen"), "{}", twice.err);
    // The gap moves no weekday.
    let whole = on(directory.path(), &numbered(&[], ""), &season).ok();
    for (one, other) in means(&whole, "a").iter().zip(means(&gap.ok(), "a")) {
        assert!((one - other).abs() < 2.0, "{one} and {other}");
    }
    // Rows whose values are to come are steps ahead, not days like the last.
    let known = format!("unique_id,ds,y\n{}", rows(60, |i| format!("a,{},{}", day(i), value(i))));
    let to_come = format!("{known}{}", rows(7, |i| format!("a,{},", day(60 + i))));
    let said = forecast(directory.path(), &to_come);
    assert!(said.err.contains("a: 7 rows after 2024-02-29 without a value: the forecast begins there"), "{}", said.err);
    assert_eq!(said.ok(), forecast(directory.path(), &known).ok());
}

#[test]
fn anomalies_say_what_was_repaired_and_end_badly_where_none_could_be_judged() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!(
        "unique_id,ds,y\n{}{}a,{},100\n",
        rows(60, |i| format!("a,{},{}", day(i + i64::from(i > 30)), value(i))),
        rows(9, |i| format!("empty,{},", day(i))),
        day(3),
    );
    let said = on(directory.path(), &text, &["anomalies"]);
    for words in
        ["empty: refused: ", "1 observation fell on a time already seen", "1 day without a value was filled in"]
    {
        assert!(said.err.contains(words), "{}", said.err);
    }
    assert_eq!(said.ok().lines().filter(|line| line.starts_with("a,")).count(), 60);
    let short = on(directory.path(), "ds,y\n2024-01-01,1\n2024-01-02,3\n", &["anomalies"]).refused();
    assert!(short.contains("at least 8 points") && short.contains("no series could be judged"), "{short}");
}

#[test]
fn an_answer_takes_the_place_of_a_file_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let text = format!("ds,y\n{}", rows(40, |i| format!("{},{}", day(i), value(i))));
    let asked =
        |out: &str| on(directory.path(), &text, &["forecast", "--horizon", "7", "--model", "ets", "--out", out]);
    std::fs::write(at("kept.csv"), "kept").unwrap();
    asked(&at("kept.csv")).ok();
    assert_eq!(std::fs::read_to_string(at("kept.csv")).unwrap().lines().count(), 8);
    assert!(asked(&at("series.csv")).refused().contains("it is read too"));
    assert_eq!(std::fs::read_to_string(at("series.csv")).unwrap(), text);
    assert!(asked(directory.path().to_str().unwrap()).refused().contains("it is a directory"));
    assert!(asked(&at("nowhere/answer.csv")).refused().contains("cannot write"));
    if Path::new("/dev/full").exists() {
        assert!(asked("/dev/full").refused().contains("cannot write /dev/full"));
    }
    // Nothing is left beside.
    let mut names: Vec<String> =
        std::fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["kept.csv", "series.csv"]);
}

#[test]
fn what_no_forecast_has_is_refused_once_and_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!("ds,y\n{}", rows(40, |i| format!("{},{}", day(i), value(i))));
    for (arguments, said) in [
        (&["--horizon", "0"][..], "the horizon 0 is outside 1..=10000"),
        (&["--horizon", "-1"], "not a number of points"),
        (&["--horizon", "7", "--level", "100"], "the level 100 % is outside 1..=99.9"),
        (&["--horizon", "7", "--level", "NaN"], "the level NaN % is outside 1..=99.9"),
        (&["--horizon", "7", "--model", "oracle"], "unknown model oracle; one of auto, naive, arima"),
    ] {
        let refused = on(directory.path(), &text, &[&["forecast"], arguments].concat()).refused();
        assert_eq!(refused.matches(said).count(), 1, "{refused}");
    }
    let loud = on(directory.path(), &text, &["forecast", "--horizon", "7", "--model", "ETS"]).ok();
    assert!(loud.contains(",1,ets,"), "{loud}");
}
