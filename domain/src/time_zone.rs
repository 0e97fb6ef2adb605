//! IANA time zones, checked when they enter.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// The name of a time zone that the time zone database knows, such as `Europe/Berlin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeZoneName(String);

#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a time zone; use a name of the IANA database such as `Europe/Berlin`")]
pub struct UnknownTimeZone(pub String);

impl TimeZoneName {
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    pub fn parse(name: &str) -> Result<Self, UnknownTimeZone> {
        match TimeZone::get(name) {
            Ok(zone) => Ok(Self(zone.iana_name().unwrap_or(name).to_owned())),
            Err(_) => Err(UnknownTimeZone(name.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.0).unwrap_or(TimeZone::UTC)
    }

    /// The calendar day of `at` on the wall of this zone.
    pub fn date_of(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone()).date()
    }

    /// The first instant of `date` in this zone (01:00 where a daylight-saving change skips midnight).
    pub fn start_of(&self, date: Date) -> Option<Timestamp> {
        date.to_zoned(self.zone()).ok().and_then(|day| day.start_of_day().ok()).map(|day| day.timestamp())
    }
}

impl fmt::Display for TimeZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TimeZoneName {
    type Error = UnknownTimeZone;

    fn try_from(name: String) -> Result<Self, UnknownTimeZone> {
        Self::parse(&name)
    }
}

impl From<TimeZoneName> for String {
    fn from(name: TimeZoneName) -> String {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_in_the_database_is_refused() {
        assert_eq!(TimeZoneName::parse("Mars/Base"), Err(UnknownTimeZone("Mars/Base".into())));
    }

    #[test]
    fn a_day_that_skips_midnight_starts_at_its_first_instant() {
        let zone = TimeZoneName::parse("America/Sao_Paulo").unwrap();
        let start = zone.start_of(jiff::civil::date(2018, 11, 4)).unwrap();
        assert_eq!(start.to_string(), "2018-11-04T03:00:00Z");
    }
}
