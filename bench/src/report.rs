//! What every benchmark ends with: a table for people and one line of JSON for machines.

use serde::Serialize;
use serde_json::{Value, json};

/// The bound that a figure is to keep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn holds(self, value: f64) -> bool {
        match self {
            Target::AtLeast(bound) => value >= bound,
            Target::AtMost(bound) => value <= bound,
        }
    }

    fn text(self) -> String {
        match self {
            Target::AtLeast(bound) => format!(">= {}", number(bound)),
            Target::AtMost(bound) => format!("<= {}", number(bound)),
        }
    }
}

/// One measured quantity.
#[derive(Debug, Clone)]
pub struct Figure {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    pub target: Option<Target>,
}

/// The outcome of a benchmark.
#[derive(Debug)]
pub struct Report {
    bench: &'static str,
    figures: Vec<Figure>,
}

impl Report {
    pub fn new(bench: &'static str) -> Report {
        Report { bench, figures: Vec::new() }
    }

    /// Adds a figure that is only reported.
    pub fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.figures.push(Figure { name: name.into(), value, unit, target: None });
    }

    /// Adds a figure that is to keep a bound.
    pub fn target(&mut self, name: impl Into<String>, value: f64, unit: &'static str, target: Target) {
        self.figures.push(Figure { name: name.into(), value, unit, target: Some(target) });
    }

    /// Prints the table and, as the last line, the JSON.
    pub fn print(&self) {
        let width = self.figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0);
        println!();
        for Figure { name, value, unit, target } in &self.figures {
            let verdict = match target {
                Some(target) if target.holds(*value) => format!("target {}: holds", target.text()),
                Some(target) => format!("target {}: MISSED", target.text()),
                None => String::new(),
            };
            println!("  {name:<width$}  {:>12} {unit:<9} {verdict}", number(*value));
        }
        println!();
        println!("{}", self.json());
    }

    fn json(&self) -> Value {
        #[derive(Serialize)]
        struct Row<'a> {
            name: &'a str,
            value: f64,
            unit: &'a str,
            target: Option<String>,
            holds: Option<bool>,
        }
        let rows: Vec<Row<'_>> = self
            .figures
            .iter()
            .map(|figure| Row {
                name: &figure.name,
                value: figure.value,
                unit: figure.unit,
                target: figure.target.map(Target::text),
                holds: figure.target.map(|target| target.holds(figure.value)),
            })
            .collect();
        json!({ "bench": self.bench, "figures": rows, "machine": machine() })
    }
}

/// Three significant digits for small numbers, whole ones for large.
fn number(value: f64) -> String {
    if value == value.trunc() || value.abs() >= 1000.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

/// What the figures were measured on. The load average says how much else was going on.
fn machine() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let memory_kib = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0);
    json!({
        "cpu": field(&read("/proc/cpuinfo"), "model name"),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_gib": memory_kib / (1 << 20),
        "load_1m": read("/proc/loadavg").split(' ').next().and_then(|load| load.parse::<f64>().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_target_is_reported_and_is_no_error() {
        let mut report = Report::new("example");
        report.target("ratio", 0.5, "x", Target::AtLeast(0.7));
        report.target("p99", 20.0, "ms", Target::AtMost(25.0));
        report.figure("events", 12.0, "events");
        let json = report.json();
        assert_eq!(json["bench"], "example");
        assert_eq!(json["figures"][0]["holds"], false);
        assert_eq!(json["figures"][0]["target"], ">= 0.700");
        assert_eq!(json["figures"][1]["holds"], true);
        assert_eq!(json["figures"][2]["holds"], Value::Null);
    }
}
