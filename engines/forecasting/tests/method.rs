//! An answer names the method that made it: when answers change after a release, the method's version is to be raised.
//!
//! `answers/VERSION.txt` holds what the engine of that version answers on a few fixed series, by all models. Where a change
//! of answers is meant, `version` in `Cargo.toml` is raised and the file made anew by
//! `ANSWERS=write cargo test -p dyocense-forecasting --test method`.

use std::fmt::Write;
use std::path::PathBuf;

use dyocense_forecasting::calendar::{Frequency, parse_time};
use dyocense_forecasting::{Forecast, Model, Request, Series, anomalies, changepoints, forecast, forecast_set};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const COMMAND: &str = "ANSWERS=write cargo test -p dyocense-forecasting --test method";
/// Machines may round an exponential differently in its last digit.
const TOLERANCE: f64 = 1e-6;

/// -50 to 50, without a function that machines may round differently, and rarely twice the same: ties would hang on the
/// last digit.
fn noise(k: usize) -> f64 {
    ((k * k * 31 + k * 7919 + 17) % 10_007) as f64 / 100.07 - 50.0
}

fn series(id: &str, y: Vec<f64>, season: usize, frequency: Frequency) -> Series {
    Series::new(id, y, season).expect("a series").starting(parse_time("2021-01-01").expect("a time"), frequency)
}

fn all() -> [Series; 5] {
    let bump = |t: usize, m: usize| 60.0 * ((t % m) as f64 - m as f64 / 2.0).abs();
    let monthly = (0..72).map(|t| 2_000.0 + 11.0 * t as f64 + bump(t, 12) + 2.0 * noise(t)).collect();
    let mut daily: Vec<f64> = (0..98).map(|t| 900.0 + bump(t, 7) + noise(t)).collect();
    daily[60] += 900.0;
    daily[80..].iter_mut().for_each(|v| *v -= 500.0);
    let yearly = (0..14).map(|t| 500.0 + 25.0 * t as f64 + noise(t)).collect();
    let rare = (0..60).map(|t| if t % 7 == 3 || t % 11 == 5 { 4.0 + (t % 3) as f64 } else { 0.0 }).collect();
    let short = (0..7).map(|t| 100.0 + noise(t)).collect();
    [
        series("monthly", monthly, 12, Frequency::Monthly),
        series("daily", daily, 7, Frequency::Daily),
        series("yearly", yearly, 1, Frequency::Yearly),
        series("rare", rare, 7, Frequency::Daily),
        series("short", short, 4, Frequency::Quarterly),
    ]
}

fn add(out: &mut String, name: &str, values: impl IntoIterator<Item = f64>) {
    out.push_str(name);
    for value in values {
        write!(out, " {value:.9e}").expect("a string takes all");
    }
    out.push('\n');
}

fn add_forecast(out: &mut String, name: &str, f: &Forecast) {
    add(out, &format!("{name}/mean"), f.mean.iter().copied());
    for interval in &f.intervals {
        add(out, &format!("{name}/lower{}", interval.level), interval.lower.iter().copied());
        add(out, &format!("{name}/upper{}", interval.level), interval.upper.iter().copied());
    }
}

/// A line for each answer: its name, and its numbers.
fn answers() -> String {
    let mut out = String::new();
    let series = all();
    for model in Model::ALL {
        let request = Request { horizon: 6, model, ..Request::default() };
        for s in &series {
            let f = forecast(s, &[], &request).expect("an answer");
            let name = format!("{}/{}", s.id(), model.name());
            if model == Model::Ensemble {
                add_forecast(&mut out, &name, &f);
            } else {
                add(&mut out, &format!("{name}/mean"), f.mean);
            }
        }
    }
    let request = Request { horizon: 6, model: Model::Ensemble, ..Request::default() };
    // Without the rare one: its many equal values would hang on the last digit, among others' that differ.
    let set: Vec<Series> = series.iter().filter(|s| s.id() != "rare").cloned().collect();
    for (s, f) in set.iter().zip(forecast_set(&set, &[], &request)) {
        add_forecast(&mut out, &format!("set/{}", s.id()), &f.expect("an answer"));
    }
    let daily = &series[1];
    let verdicts = anomalies::detect(daily, anomalies::Detection::default()).expect("verdicts");
    add(&mut out, "daily/anomalies", verdicts.iter().filter(|v| v.kind.is_some()).map(|v| v.index as f64));
    let changes = changepoints::detect(daily, changepoints::Detection::default()).expect("changes");
    add(&mut out, "daily/changepoints", changes.iter().map(|c| c.index as f64));
    out
}

fn parsed(line: &str) -> (&str, Vec<f64>) {
    let mut fields = line.split(' ');
    let name = fields.next().unwrap_or_default();
    (name, fields.map(|v| v.parse().expect("a number")).collect())
}

/// The first answer that is another one.
fn difference(kept: &str, found: &str) -> Option<String> {
    let (kept, found): (Vec<_>, Vec<_>) = (kept.lines().map(parsed).collect(), found.lines().map(parsed).collect());
    if let Some((was, is)) = kept.iter().zip(&found).find(|(was, is)| !alike(was, is)) {
        return Some(format!("{} was {:?} and is {:?}", was.0, was.1, is.1));
    }
    (kept.len() != found.len()).then(|| format!("there were {} answers and are {}", kept.len(), found.len()))
}

fn alike(a: &(&str, Vec<f64>), b: &(&str, Vec<f64>)) -> bool {
    let size = a.1.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    a.0 == b.0 && a.1.len() == b.1.len() && a.1.iter().zip(&b.1).all(|(x, y)| (x - y).abs() <= TOLERANCE * size)
}

#[test]
fn answers_change_only_with_the_version_of_the_method() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/answers");
    let file = folder.join(format!("{VERSION}.txt"));
    let found = answers();
    if std::env::var("ANSWERS").is_ok_and(|v| v == "write") {
        for old in std::fs::read_dir(&folder).expect("the folder of answers") {
            std::fs::remove_file(old.expect("an entry").path()).expect("removed");
        }
        std::fs::write(&file, found).expect("written");
        return;
    }
    let Ok(kept) = std::fs::read_to_string(&file) else {
        panic!("no answers are kept of the method's version {VERSION}: `{COMMAND}` keeps those of today")
    };
    if let Some(difference) = difference(&kept, &found) {
        panic!(
            "the engine answers otherwise than the version {VERSION} did: {difference}. If that is meant, raise `version` in \
             engines/forecasting/Cargo.toml, so that stored forecasts say what made them, and keep the new answers by \
             `{COMMAND}`"
        );
    }
}

#[test]
fn a_difference_is_named_and_rounding_is_none() {
    let kept = "a/ets/mean 1e2 2e2\nb/ets/mean 3e0\n";
    assert_eq!(difference(kept, "a/ets/mean 1.0000001e2 2e2\nb/ets/mean 3e0\n"), None);
    let found = difference(kept, "a/ets/mean 1.001e2 2e2\nb/ets/mean 3e0\n").expect("a difference");
    assert!(found.starts_with("a/ets/mean was"), "{found}");
    assert!(difference(kept, "a/ets/mean 1e2 2e2\n").is_some());
}
