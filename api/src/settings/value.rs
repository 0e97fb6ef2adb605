//! How the text of a setting is read.

use std::time::Duration;

/// `250ms`, `30s`, `10m`, `12h`, `30d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| format!("`{text}` is not a duration; write 30s, 10m, 12h or 30d"))?;
    let millis_per_unit = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("`{text}` has no unit of time; write 30s, 10m, 12h or 30d")),
    };
    let millis = number.checked_mul(millis_per_unit).filter(|millis| *millis <= 366 * 86_400_000);
    match millis {
        Some(0) => Err(format!("`{text}` is no time at all")),
        Some(millis) => Ok(Duration::from_millis(millis)),
        None => Err(format!("`{text}` is more than 366 days")),
    }
}

/// `512`, `64KB`, `1MB`: bytes, at most 1 GB.
pub fn bytes(text: &str) -> Result<usize, String> {
    let upper = text.to_ascii_uppercase();
    let (number, factor) = if let Some(number) = upper.strip_suffix("MB") {
        (number, 1_000_000)
    } else if let Some(number) = upper.strip_suffix("KB") {
        (number, 1_000)
    } else {
        (upper.as_str(), 1)
    };
    let count: usize = number.trim().parse().map_err(|_| format!("`{text}` is not a size; write 512, 64KB or 1MB"))?;
    count
        .checked_mul(factor)
        .filter(|bytes| (1..=1_000_000_000).contains(bytes))
        .ok_or_else(|| format!("`{text}` is not between 1 byte and 1000MB"))
}

pub fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

/// A whole number from `least` to `most`.
pub fn whole(least: u64, most: u64) -> impl Fn(&str) -> Result<u64, String> {
    move |text| match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        Ok(number) => Err(format!("{number} is not between {least} and {most}")),
        Err(_) => Err(format!("`{text}` is not a whole number from {least} to {most}")),
    }
}

pub fn ratio(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err(format!("`{text}` is not a number from 0 to 1")),
    }
}

pub fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("30d"), Ok(Duration::from_secs(30 * 86_400)));
        for bad in ["", "30", "s", "-1s", "0s", "1.5h", "999999999999999999d", "400d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_decimal() {
        assert_eq!(bytes("1MB"), Ok(1_000_000));
        assert_eq!(bytes("64kb"), Ok(64_000));
        for bad in ["", "0", "MB", "2000MB", "-1"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}
