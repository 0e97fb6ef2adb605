//! Reading of series for the examples.

use std::error::Error;

use dyocense_forecasting::calendar::parse_time;
use jiff::civil::DateTime;

pub type Observations = Vec<(DateTime, f64)>;

/// The series of a CSV file (`unique_id,ds,y`) in order of appearance.
pub fn read(path: &str) -> Result<Vec<(String, Observations)>, Box<dyn Error>> {
    let mut series: Vec<(String, Observations)> = Vec::new();
    for line in std::fs::read_to_string(path)?.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [id, at, y] = fields.as_slice() else { return Err(format!("not three fields: {line}").into()) };
        if series.last().is_none_or(|(last, _)| last != id) {
            series.push((id.to_string(), Vec::new()));
        }
        if let Some((_, observations)) = series.last_mut() {
            observations.push((parse_time(at).ok_or("not a time")?, y.parse()?));
        }
    }
    Ok(series)
}
