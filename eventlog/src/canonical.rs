//! Canonical JSON (RFC 8785, JCS): one value, one sequence of bytes, in every language. What is hashed is this.

use serde_json::{Number, Value};

/// The largest whole number that an IEEE 754 double, and so every JSON reader, holds exactly with its neighbours.
pub(crate) const MAX_INTEGER: u64 = 1 << 53;

/// A number that readers would not agree on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the number {number} is beyond ±2^53 and would not survive every JSON reader; write it as text")]
pub struct InexactNumber {
    pub number: String,
}

/// Appends `value` to `out` in canonical form.
pub(crate) fn write(value: &Value, out: &mut String) -> Result<(), InexactNumber> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number, out)?,
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            // RFC 8785 sorts by UTF-16 code units. That is byte order unless surrogates meet U+E000 and above.
            if !members.is_sorted_by(|a, b| a.0.encode_utf16().lt(b.0.encode_utf16())) {
                members.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
            }
            out.push('{');
            for (i, (key, member)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write(member, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn write_number(number: &Number, out: &mut String) -> Result<(), InexactNumber> {
    use std::fmt::Write;
    let inexact = || InexactNumber { number: number.to_string() };
    if let Some(integer) = number.as_i64() {
        if integer.unsigned_abs() > MAX_INTEGER {
            return Err(inexact());
        }
        write!(out, "{integer}").expect("writing to a String cannot fail");
    } else if number.is_u64() {
        return Err(inexact());
    } else {
        // ECMAScript's shortest form of a double.
        let text = serde_json_canonicalizer::to_string(number).map_err(|_| inexact())?;
        out.push_str(&text);
    }
    Ok(())
}

/// Appends a JSON string with the escapes of RFC 8785, section 3.2.2.2: the short ones where JSON has them, `\u00xx`
/// for other control characters, everything else as it is.
pub(crate) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (i, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            0x08 => "\\b",
            0x0c => "\\f",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[plain..i]);
        if short.is_empty() {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.push_str("\\u00");
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        } else {
            out.push_str(short);
        }
        plain = i + 1;
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn canonical(value: &Value) -> String {
        let mut out = String::new();
        write(value, &mut out).expect("exact numbers");
        out
    }

    #[test]
    fn agrees_with_an_independent_implementation() {
        let values = [
            json!(null),
            json!([true, false, {}, [], ""]),
            json!({"b": 1, "a": {"z": -0.0, "y": 1e21, "x": 1e-7, "w": 0.1, "v": 9_007_199_254_740_992_i64}}),
            json!({"\u{1f600}": 1, "\u{e000}": 2, "é": 3, "e": 4, "": 5}),
            json!("\u{0}\u{7}\u{8}\t\n\u{b}\u{c}\r\u{1f}\"\\/\u{7f}\u{2028}ünï😀"),
        ];
        for value in values {
            assert_eq!(canonical(&value), serde_json_canonicalizer::to_string(&value).expect("canonical"));
        }
    }

    #[test]
    fn refuses_whole_numbers_that_a_double_cannot_hold() {
        for number in [json!(9_007_199_254_740_993_i64), json!(u64::MAX), json!(i64::MIN)] {
            assert!(write(&number, &mut String::new()).is_err(), "{number}");
        }
    }
}
