//! Scalars of the API. Each says what it takes before anything runs, so that a bad value is an error of the request.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use dyocense_domain::time_zone::TimeZoneName;

/// An exact decimal number as text, such as `"2500315.63"`. Whole and short decimal JSON numbers are taken as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal(pub rust_decimal::Decimal);

/// An exact decimal number as text, such as `"2500315.63"`. Whole and short decimal JSON numbers are taken as well.
#[Scalar]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        // JSON numbers arrive as the shortest text that names them: 0.1 is "0.1".
        let text = match &value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err(InputValueError::expected_type(value)),
        };
        match rust_decimal::Decimal::from_str_exact(&text) {
            Ok(number) => Ok(Decimal(number)),
            Err(_) => Err(InputValueError::custom("a decimal number of at most 28 digits is due")),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A calendar day, such as `"1998-06-30"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date(pub jiff::civil::Date);

/// A calendar day, such as `"1998-06-30"`.
#[Scalar]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) if text.len() == 10 => match text.parse() {
                Ok(date) => Ok(Date(date)),
                Err(_) => Err(InputValueError::custom("a day of the form 1998-06-30 is due")),
            },
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// An instant (RFC 3339), such as `"2026-03-01T09:30:00Z"`. Answers are in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime(pub jiff::Timestamp);

/// An instant (RFC 3339), such as `"2026-03-01T09:30:00Z"`. Answers are in UTC.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => match text.parse() {
                Ok(at) => Ok(DateTime(at)),
                Err(_) => Err(InputValueError::custom("an instant with its offset is due: 2026-03-01T09:30:00Z")),
            },
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A time zone by its name in the IANA database, such as `"Europe/Berlin"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone(pub TimeZoneName);

/// A time zone by its name in the IANA database, such as `"Europe/Berlin"`.
#[Scalar]
impl ScalarType for TimeZone {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(name) => match TimeZoneName::parse(name) {
                Ok(zone) => Ok(TimeZone(zone)),
                Err(error) => Err(InputValueError::custom(error)),
            },
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.as_str().to_owned())
    }
}

/// A place in the history of the business: 1 is its first event, and every event has the next. Queries take one as
/// `minPosition`, live queries as `after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position(pub dyocense_eventlog::Position);

/// A place in the history of the business: 1 is its first event, and every event has the next. Queries take one as
/// `minPosition`, live queries as `after`.
#[Scalar]
impl ScalarType for Position {
    fn parse(value: Value) -> InputValueResult<Self> {
        let number = match &value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match number.and_then(dyocense_eventlog::Position::new) {
            Some(position) => Ok(Position(position)),
            None => Err(InputValueError::custom("a position is a whole number from 0")),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.get().into())
    }
}

/// A whole number that may need more than 32 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Long(pub i64);

/// A whole number that may need more than 32 bits.
#[Scalar]
impl ScalarType for Long {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value.clone() {
            Value::Number(number) => match number.as_i64() {
                Some(number) => Ok(Long(number)),
                None => Err(InputValueError::expected_type(value)),
            },
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }
}

impl From<u64> for Long {
    /// Counts of rows and bytes: what exceeds 63 bits cannot be stored.
    fn from(count: u64) -> Self {
        Long(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub struct Json(pub serde_json::Value);

/// A JSON value.
#[Scalar(name = "JSON")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Json(value.into_json()?))
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_and_bounded() {
        let parsed = |value: Value| Decimal::parse(value).map(|decimal| decimal.0.to_string()).ok();
        assert_eq!(parsed("2500315.63".into()), Some("2500315.63".into()));
        assert_eq!(parsed(Value::from_json(serde_json::json!(0.1)).unwrap()), Some("0.1".into()));
        assert_eq!(parsed(Value::from_json(serde_json::json!(-7)).unwrap()), Some("-7".into()));
        for bad in ["", "1e400", "NaN", "1,5", "١", "123456789012345678901234567890"] {
            assert_eq!(parsed(bad.into()), None, "{bad}");
        }
    }

    #[test]
    fn days_and_instants_are_told_apart() {
        assert!(Date::is_valid(&"1998-06-30".into()));
        for bad in ["1998-06-31", "1998-6-30", "1998-06-30T00:00:00Z", ""] {
            assert!(!Date::is_valid(&bad.into()), "{bad}");
        }
        assert!(DateTime::is_valid(&"1998-06-30T12:00:00+02:00".into()));
        assert!(!DateTime::is_valid(&"1998-06-30T12:00:00".into()));
    }
}
