//! Numbers and dates as people and shops write them.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use rust_decimal::Decimal;

use super::events::When;
use super::format::DateFormat;
use crate::time_zone::TimeZoneName;

/// Larger than any sum a small business moves in one row, in any currency.
pub const LARGEST_AMOUNT: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// Why a text gives no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoNumber {
    /// It is none, or its thousands are not in groups of three.
    NotOne,
    /// It is one that has more digits before the fraction than a decimal of 96 bits holds.
    TooLarge,
}

/// As [`read_number`], without the reason.
pub fn parse_number(text: &str, decimal_separator: char) -> Option<Decimal> {
    read_number(text, decimal_separator).ok()
}

/// Reads a number: `1,234.56`, `1.234,56`, `1 234,56`, `1'234.56`, `(12.00)`, `-12`, `12-`, `$ 12.00`, `12,00 €`.
pub fn read_number(text: &str, decimal_separator: char) -> Result<Decimal, NoNumber> {
    let text = text.trim();
    let (text, parenthesised) = match text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => (inner.trim(), true),
        None => (text, false),
    };
    let (text, trailing_minus) = match text.strip_suffix(['-', '−']) {
        Some(rest) => (rest.trim(), true),
        None => (text, false),
    };
    let mut text = strip_currency(text);
    let mut leading_minus = false;
    if let Some(rest) = text.strip_prefix(['-', '−']) {
        leading_minus = true;
        text = strip_currency(rest);
    } else if let Some(rest) = text.strip_prefix('+') {
        text = strip_currency(rest);
    }
    if [parenthesised, trailing_minus, leading_minus].into_iter().filter(|sign| *sign).count() > 1 {
        return Err(NoNumber::NotOne);
    }
    let plain = plain_digits(text, decimal_separator).ok_or(NoNumber::NotOne)?;
    let mut value = Decimal::from_str(&plain)
        .or_else(|_| Decimal::from_scientific(&plain))
        .map_err(|_| if is_well_formed(&plain) { NoNumber::TooLarge } else { NoNumber::NotOne })?;
    value.set_sign_negative((parenthesised || trailing_minus || leading_minus) && !value.is_zero());
    Ok(value)
}

/// Whether plain digits, with a fraction or without, have no exponent or one above zero.
fn is_well_formed(plain: &str) -> bool {
    let exponent = plain.split_once(['e', 'E']).map(|(_, exponent)| exponent.strip_prefix('+').unwrap_or(exponent));
    exponent.is_none_or(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Takes a currency sign or a three-letter code off either end.
fn strip_currency(text: &str) -> &str {
    let is_sign = |c: char| matches!(c, '$' | '€' | '£' | '¥' | '₹' | '₺' | '₽' | '₴' | '₪' | '฿' | '₫' | '₩');
    let text = text.trim().trim_start_matches(is_sign).trim_end_matches(is_sign).trim();
    let code = |part: &str| part.len() == 3 && part.bytes().all(|b| b.is_ascii_uppercase());
    if text.is_char_boundary(3) && text.len() > 3 && code(&text[..3]) {
        return text[3..].trim();
    }
    let end = text.len().saturating_sub(3);
    if end > 0 && text.is_char_boundary(end) && code(&text[end..]) {
        return text[..end].trim();
    }
    text
}

fn plain_digits(text: &str, decimal_separator: char) -> Option<String> {
    let thousands_separator = if decimal_separator == ',' { '.' } else { ',' };
    let (whole, fraction) = match text.split_once(decimal_separator) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let exponent_ok = |part: &str| {
        part.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'e' | b'E' | b'+' | b'-'))
            && part.bytes().next().is_some_and(|b| b.is_ascii_digit())
    };
    if fraction.is_some_and(|fraction| !fraction.is_empty() && !exponent_ok(fraction)) {
        return None;
    }
    let is_group_mark = |c: char| c == thousands_separator || matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’');
    let groups: Vec<&str> = whole.split(is_group_mark).collect();
    if !groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    if groups.len() > 1 && (groups[0].is_empty() || groups[0].len() > 3 || groups[1..].iter().any(|g| g.len() != 3)) {
        return None;
    }
    let mut plain = groups.concat();
    let fraction = fraction.unwrap_or_default();
    if plain.is_empty() && fraction.is_empty() {
        return None;
    }
    if plain.is_empty() {
        plain.push('0');
    }
    if !fraction.is_empty() {
        plain.push('.');
        plain.push_str(fraction);
    }
    Some(plain)
}

/// Reads a day or an instant. A time without an offset is a time on the wall of `zone`.
pub fn parse_when(text: &str, format: DateFormat, zone: &TimeZoneName) -> Option<When> {
    let text = text.trim();
    match format {
        DateFormat::UnixSeconds => {
            let seconds: i64 = text.parse().ok()?;
            Timestamp::from_second(seconds).ok().map(When::At)
        }
        DateFormat::Compact => {
            let digits = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| date(&text[..4], &text[4..6], &text[6..8]))?.map(When::On)
        }
        DateFormat::YearMonthDay | DateFormat::DayMonthYear | DateFormat::MonthDayYear => {
            if let (DateFormat::YearMonthDay, Ok(at)) = (format, Timestamp::from_str(text)) {
                return Some(When::At(at));
            }
            let named = if format == DateFormat::DayMonthYear { with_month_name(text) } else { None };
            let (day, time) = named.or_else(|| numeric_date(text, format))?;
            if time.is_empty() {
                return Some(When::On(day));
            }
            let (time, offset) = split_offset(time);
            let wall = DateTime::from_str(&format!("{day}T{}", twenty_four_hours(time)?)).ok()?;
            match offset {
                Some(offset) => offset.to_timestamp(wall).ok().map(When::At),
                None => wall.to_zoned(zone.zone()).ok().map(|at| When::At(at.timestamp())),
            }
        }
    }
}

/// A date in digits, and the time after it.
fn numeric_date(text: &str, format: DateFormat) -> Option<(Date, &str)> {
    let end = text.find(['T', ' ']).unwrap_or(text.len());
    let (day, time) = text.split_at(end);
    let parts: Vec<&str> = day.trim_end_matches(',').split(['-', '/', '.']).collect();
    let [a, b, c] = parts.as_slice() else { return None };
    let day = match format {
        DateFormat::YearMonthDay => date(a, b, c),
        DateFormat::DayMonthYear => date(c, b, a),
        _ => date(c, a, b),
    }?;
    Some((day, time.trim_start_matches('T').trim()))
}

/// `2 Jan 2026`, `02-Jan-26`, `Jan 2, 2026`, `Fri, 2 January 2026`, and the time after it.
fn with_month_name(text: &str) -> Option<(Date, &str)> {
    let is_gap = |c: char| matches!(c, ' ' | '-' | '/' | '.' | ',');
    let mut rest = text;
    let mut next = || {
        rest = rest.trim_start_matches(is_gap);
        let (word, after) = rest.split_at(rest.find(is_gap).unwrap_or(rest.len()));
        rest = after;
        word
    };
    let mut first = next();
    if first.chars().all(char::is_alphabetic) && month_number(first).is_none() {
        first = next(); // the day of the week
    }
    let (second, year) = (next(), next());
    let (day, month) = match (month_number(first), month_number(second)) {
        (Some(month), None) => (second, month),
        (None, Some(month)) => (first, month),
        _ => return None,
    };
    Some((date(year, month, day)?, rest.trim_start_matches(is_gap)))
}

/// The number of a month by its name or the beginning of it, in the languages that columns are known in.
fn month_number(word: &str) -> Option<&'static str> {
    const MONTHS: [(&str, &[&str]); 12] = [
        ("1", &["jan", "ene", "gen"]),
        ("2", &["feb", "fév", "fev"]),
        ("3", &["mar", "mär", "mrz", "mrt", "maa"]),
        ("4", &["apr", "avr", "abr"]),
        ("5", &["may", "mai", "mag", "mei"]),
        ("6", &["jun", "juin", "giu"]),
        ("7", &["jul", "juil", "lug"]),
        ("8", &["aug", "aoû", "aou", "ago"]),
        ("9", &["sep", "set"]),
        ("10", &["oct", "okt", "ott", "out"]),
        ("11", &["nov"]),
        ("12", &["dec", "dez", "déc", "dic"]),
    ];
    let word = word.to_lowercase();
    let known = |(_, names): &&(&str, &[&str])| names.iter().any(|name| word.starts_with(name));
    if word.chars().all(char::is_alphabetic) { MONTHS.iter().find(known).map(|(number, _)| *number) } else { None }
}

/// Takes an offset off the end of a time: `10:11:12 -0500`, `10:11+02:00`, `10:11:12 UTC`, `10:11Z`.
fn split_offset(time: &str) -> (&str, Option<Offset>) {
    for name in ["UTC", "GMT", "Z"] {
        if let Some(rest) = time.strip_suffix(name) {
            return (rest.trim_end(), Some(Offset::UTC));
        }
    }
    let offset = time.rfind(['+', '-']).and_then(|at| {
        let (sign, digits) = time[at..].split_at(1);
        let digits = digits.replace(':', "");
        let all_digits = matches!(digits.len(), 2 | 4) && digits.bytes().all(|b| b.is_ascii_digit());
        let number = |text: &str| text.parse::<i32>().unwrap_or(0);
        let seconds = all_digits.then(|| number(&digits[..2]) * 3_600 + number(&digits[2..]) * 60)?;
        Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok().map(|offset| (at, offset))
    });
    match offset {
        Some((at, offset)) => (time[..at].trim_end(), Some(offset)),
        None => (time, None),
    }
}

fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    let number = |text: &str, longest: usize| {
        let digits = !text.is_empty() && text.len() <= longest && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<i16>().ok())?
    };
    let year = match year.len() {
        4 => number(year, 4)?,
        // Two digits: 70 to 99 are the last century (POSIX strptime %y has 69).
        2 => number(year, 2).map(|year| if year >= 70 { 1900 + year } else { 2000 + year })?,
        _ => return None,
    };
    Date::new(year, number(month, 2)?.try_into().ok()?, number(day, 2)?.try_into().ok()?).ok()
}

/// `2:05 PM` becomes `14:05`; `9:05` becomes `09:05`.
fn twenty_four_hours(time: &str) -> Option<String> {
    let upper = time.to_ascii_uppercase();
    let (clock, half) = match upper.strip_suffix("AM") {
        Some(rest) => (rest.trim(), Some(0)),
        None => match upper.strip_suffix("PM") {
            Some(rest) => (rest.trim(), Some(12)),
            None => (upper.as_str(), None),
        },
    };
    let (hour, rest) = clock.split_once(':')?;
    let hour: u8 = hour.parse().ok()?;
    let hour = match half {
        Some(add) if (1..=12).contains(&hour) => hour % 12 + add,
        Some(_) => return None,
        None => hour,
    };
    Some(format!("{hour:02}:{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str, separator: char) -> Option<String> {
        parse_number(text, separator).map(|value| value.to_string())
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, separator, read) in [
            ("1,234.56", '.', "1234.56"),
            ("1.234,56", ',', "1234.56"),
            ("1 234,56 €", ',', "1234.56"),
            ("1\u{202f}234,56", ',', "1234.56"),
            ("1'234.50", '.', "1234.50"),
            ("$12.00", '.', "12.00"),
            ("USD 12", '.', "12"),
            ("12 EUR", '.', "12"),
            ("(12.50)", '.', "-12.50"),
            ("-12.50", '.', "-12.50"),
            ("12.50-", '.', "-12.50"),
            ("−3", '.', "-3"),
            ("-$3.10", '.', "-3.10"),
            (".5", '.', "0.5"),
            ("007", '.', "7"),
            ("-0", '.', "0"),
            ("1.5e3", '.', "1500"),
        ] {
            assert_eq!(number(text, separator).as_deref(), Some(read), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_none() {
        for text in ["", "abc", "12abc", "1,23.4", "1,2345", "--1", "(-1)", "NaN", "inf", "1.2.3", "12 34", "$", "1e"] {
            assert_eq!(number(text, '.'), None, "{text}");
        }
    }

    #[test]
    fn what_is_too_large_for_a_decimal_is_a_number_all_the_same() {
        for text in ["99999999999999999999999999999999", "-1,000,000,000,000,000,000,000,000,000,000", "1.5e40"] {
            assert_eq!(read_number(text, '.'), Err(NoNumber::TooLarge), "{text}");
        }
        for text in ["1.5e", "1.5e-400", "1.5e1e1", "x"] {
            assert_eq!(read_number(text, '.'), Err(NoNumber::NotOne), "{text}");
        }
    }

    #[test]
    fn dates_are_read_in_their_format_only() {
        let utc = TimeZoneName::utc();
        let on = |text: &str, format| match parse_when(text, format, &utc) {
            Some(When::On(date)) => date.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(on("1997-01-31", DateFormat::YearMonthDay), "1997-01-31");
        assert_eq!(on("31.01.1997", DateFormat::DayMonthYear), "1997-01-31");
        assert_eq!(on("1/31/97", DateFormat::MonthDayYear), "1997-01-31");
        assert_eq!(on("19970131", DateFormat::Compact), "1997-01-31");
        assert_eq!(on("29.02.1997", DateFormat::DayMonthYear), "None");
        assert_eq!(on("29.02.1996", DateFormat::DayMonthYear), "1996-02-29");
        assert_eq!(on("31/01/1997", DateFormat::MonthDayYear), "None");
    }

    #[test]
    fn months_may_have_names() {
        let utc = TimeZoneName::utc();
        let day = date("2026", "1", "2").map(When::On);
        for text in ["2 Jan 2026", "02-Jan-26", "Jan 2, 2026", "Fri, 2 January 2026", "2. Januar 2026", "2 ene. 2026"] {
            assert_eq!(parse_when(text, DateFormat::DayMonthYear, &utc), day, "{text}");
        }
        for text in ["2 Foo 2026", "Jan Jan 2026", "31 Feb 2026", "Jan 2026", "a b c", "Jan"] {
            assert_eq!(parse_when(text, DateFormat::DayMonthYear, &utc), None, "{text}");
        }
        let july = date("2026", "7", "14").map(When::On);
        assert_eq!(parse_when("14 juillet 2026", DateFormat::DayMonthYear, &utc), july);
    }

    #[test]
    fn a_time_without_an_offset_is_local() {
        let berlin = TimeZoneName::parse("Europe/Berlin").unwrap();
        let at = |text: &str, format| match parse_when(text, format, &berlin) {
            Some(When::At(at)) => at.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(at("2026-07-01 14:05", DateFormat::YearMonthDay), "2026-07-01T12:05:00Z");
        assert_eq!(at("2026-07-01T14:05:00Z", DateFormat::YearMonthDay), "2026-07-01T14:05:00Z");
        assert_eq!(at("7/1/2026 2:05 PM", DateFormat::MonthDayYear), "2026-07-01T12:05:00Z");
        assert_eq!(at("2026-01-02 10:11:12 -0500", DateFormat::YearMonthDay), "2026-01-02T15:11:12Z");
        assert_eq!(at("2026-01-02 10:11:12+02:00", DateFormat::YearMonthDay), "2026-01-02T08:11:12Z");
        assert_eq!(at("2026-01-02 10:11 UTC", DateFormat::YearMonthDay), "2026-01-02T10:11:00Z");
        assert_eq!(at("31.01.2026, 14:05", DateFormat::DayMonthYear), "2026-01-31T13:05:00Z");
        assert_eq!(at("31 Jan 2026 14:05", DateFormat::DayMonthYear), "2026-01-31T13:05:00Z");
        assert_eq!(at("1769950000", DateFormat::UnixSeconds), "2026-02-01T12:46:40Z");
    }
}
