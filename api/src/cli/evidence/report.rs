//! An answer as a report for people.

use std::fmt::Write;

use serde_json::Value;

const WIDEST_LIST: usize = 12;

/// Renders an answer: the reading first, then every figure by name.
pub fn render(title: &str, answer: &Value) -> String {
    let mut text = format!("{title}\n{}\n", "=".repeat(title.chars().count()));
    if let Some(reading) = answer.get("reading").and_then(Value::as_str) {
        let _ = writeln!(text, "{reading}.\n");
    }
    if let Some(fields) = answer.as_object() {
        for (name, value) in fields.iter().filter(|(name, _)| *name != "reading") {
            field(&mut text, name, value, 0);
        }
    }
    text
}

fn field(text: &mut String, name: &str, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let label = name.replace('_', " ");
    match value {
        Value::Object(fields) if fields.is_empty() => {}
        Value::Array(items) if items.is_empty() => {
            let _ = writeln!(text, "{indent}{label}: none");
        }
        Value::Object(fields) => {
            let flat = fields.values().all(|v| !v.is_object() && !v.is_array());
            if flat && fields.len() <= 6 {
                let _ = writeln!(text, "{indent}{label}: {}", in_line(value));
            } else {
                let _ = writeln!(text, "{indent}{label}:");
                for (name, value) in fields {
                    field(text, name, value, depth + 1);
                }
            }
        }
        Value::Array(items) if items.iter().any(|v| v.is_object() || v.is_array()) => {
            let _ = writeln!(text, "{indent}{label}:");
            for item in items.iter().take(WIDEST_LIST) {
                let _ = writeln!(text, "{indent}  - {}", in_line(item));
            }
            rest(text, items.len(), &indent);
        }
        Value::Array(items) if items.iter().any(Value::is_string) => {
            let _ = writeln!(text, "{indent}{label}:");
            for item in items {
                let _ = writeln!(text, "{indent}  - {}", in_line(item));
            }
        }
        other => {
            let _ = writeln!(text, "{indent}{label}: {}", in_line(other));
        }
    }
}

fn rest(text: &mut String, count: usize, indent: &str) {
    if count > WIDEST_LIST {
        let _ = writeln!(text, "{indent}  ... and {} more (use --format json for all)", count - WIDEST_LIST);
    }
}

fn in_line(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(v) if number.is_f64() => rounded(v),
            _ => number.to_string(),
        },
        Value::Bool(b) => if *b { "yes" } else { "no" }.into(),
        Value::Array(items) => {
            let shown: Vec<String> = items.iter().take(WIDEST_LIST).map(in_line).collect();
            let more = if items.len() > WIDEST_LIST { ", ..." } else { "" };
            format!("[{}{more}]", shown.join(", "))
        }
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{} {}", name.replace('_', " "), in_line(value)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Five significant digits; powers of ten only where a plain number would be unreadable.
fn rounded(v: f64) -> String {
    if v == 0.0 {
        return "0".into();
    }
    let size = v.abs();
    if !(1e-4..1e9).contains(&size) {
        return format!("{v:.4e}");
    }
    let digits = (4 - size.log10().floor() as i32).clamp(0, 8) as usize;
    let text = format!("{v:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_shown_with_five_digits() {
        assert_eq!(rounded(1234.5678), "1234.6");
        assert_eq!(rounded(0.000_012_3), "1.2300e-5");
        assert_eq!(rounded(0.5), "0.5");
    }

    #[test]
    fn the_reading_comes_first() {
        let text = render("Title", &json!({"p": 0.01, "reading": "it rose"}));
        assert!(text.starts_with("Title\n=====\nit rose.\n"));
        assert!(text.contains("p: 0.01"));
    }
}
