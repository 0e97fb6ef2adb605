//! A roster as iCalendar (RFC 5545): an event a shift, in the time zone of the business.

use std::fmt::Write;

use dyocense_commands::optimization::PlanCalendar;
use dyocense_optimization::business::{Plan, Problem, RosterProblem};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan, Zoned};
use sha2::{Digest, Sha256};

use super::PlanToExport;

/// Why a roster has no calendar.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum CalendarError {
    #[error("only a roster is exported as a calendar")]
    NoRoster,
    #[error("the days of this roster have no dates: ask for it with `calendar`, which says its first day")]
    NoDates,
    #[error("the shift {shift:?} has no times: ask for the roster with `calendar`, which says when each shift is")]
    NoTimes { shift: String },
    #[error("nobody in this roster is called {person:?}")]
    NoSuchPerson { person: String },
    #[error("day {day} of the roster is past the end of the calendar")]
    OutOfTime { day: usize },
}

/// The roster, or one person's part of it.
///
/// An event's UID follows from the business, the person, the day and the shift: fetched again, or from a later roster
/// of the same days, it replaces what a calendar has of that shift. Clock times that the turn of the clock skips are
/// moved behind the gap, as RFC 5545, section 3.3.5, asks.
///
/// # Errors
/// It is no roster, has no dates or no times, or nobody in it has that name.
pub fn roster(plan: &PlanToExport, person: Option<&str>) -> Result<String, CalendarError> {
    let (Problem::Roster(problem), Some(Plan::Roster(found))) = (&plan.problem, &plan.answer.found.plan) else {
        return Err(CalendarError::NoRoster);
    };
    let calendar = plan.calendar.as_ref().ok_or(CalendarError::NoDates)?;
    if let Some(person) = person
        && !has_person(problem, person)
    {
        return Err(CalendarError::NoSuchPerson { person: person.to_owned() });
    }
    let zone = plan.time_zone.zone();
    let mut events: Vec<Event> = Vec::new();
    for line in &found.shifts {
        if person.is_some_and(|person| !line.person.eq_ignore_ascii_case(person)) {
            continue;
        }
        let (start, end) = times(calendar, &zone, line.day, &line.shift)?;
        let summary = match person {
            Some(_) => line.shift.clone(),
            None => format!("{}: {}", line.shift, line.person),
        };
        let uid = uid(plan, &[&line.person, &start.datetime().date().to_string(), &line.shift]);
        events.push(Event { uid, start, end, summary });
    }
    let mut out = Lines::default();
    out.line("BEGIN:VCALENDAR");
    out.line("VERSION:2.0");
    out.line("PRODID:-//Dyocense//Roster//EN");
    out.line("CALSCALE:GREGORIAN");
    out.line("METHOD:PUBLISH");
    let name = person.map_or_else(|| "Roster".to_owned(), |person| format!("Shifts of {person}"));
    out.line(&format!("NAME:{}", escaped(&name)));
    out.line(&format!("X-WR-CALNAME:{}", escaped(&name)));
    out.line(&format!("X-WR-TIMEZONE:{}", plan.time_zone.as_str()));
    let first = events.iter().map(|event| event.start.timestamp()).min();
    let last = events.iter().map(|event| event.end.timestamp()).max();
    let span = first.zip(last).unwrap_or((plan.finished_at, plan.finished_at));
    zone_lines(&mut out, plan.time_zone.as_str(), &zone, span);
    let stamp = plan.finished_at.strftime("%Y%m%dT%H%M%SZ").to_string();
    for event in &events {
        out.line("BEGIN:VEVENT");
        out.line(&format!("UID:{}", event.uid));
        out.line(&format!("DTSTAMP:{stamp}"));
        out.line(&format!("LAST-MODIFIED:{stamp}"));
        out.line(&moment("DTSTART", plan.time_zone.as_str(), &event.start));
        out.line(&moment("DTEND", plan.time_zone.as_str(), &event.end));
        out.line(&format!("SUMMARY:{}", escaped(&event.summary)));
        out.line("TRANSP:OPAQUE");
        out.line("END:VEVENT");
    }
    out.line("END:VCALENDAR");
    Ok(out.0)
}

/// The engine calls people without names by their number.
fn has_person(problem: &RosterProblem, person: &str) -> bool {
    match &problem.names {
        Some(names) => names.iter().any(|name| name.eq_ignore_ascii_case(person)),
        None => (1..=problem.people).any(|number| person.eq_ignore_ascii_case(&format!("person {number}"))),
    }
}

struct Event {
    uid: String,
    start: Zoned,
    end: Zoned,
    summary: String,
}

/// A shift that ends at or before the time it starts at ends on the next day.
fn times(calendar: &PlanCalendar, zone: &TimeZone, day: usize, shift: &str) -> Result<(Zoned, Zoned), CalendarError> {
    let late = || CalendarError::OutOfTime { day };
    let times = calendar.times_of(shift).ok_or_else(|| CalendarError::NoTimes { shift: shift.to_owned() })?;
    let date = calendar.day(day.saturating_sub(1)).ok_or_else(late)?;
    let until = match times.end <= times.start {
        true => date.tomorrow().map_err(|_| late())?,
        false => date,
    };
    let at = |moment: DateTime| moment.to_zoned(zone.clone()).map_err(|_| late());
    Ok((at(date.to_datetime(times.start))?, at(until.to_datetime(times.end))?))
}

fn uid(plan: &PlanToExport, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    hash.update(plan.tenant.to_string().to_lowercase());
    for part in parts {
        hash.update([0]);
        hash.update(part.to_lowercase());
    }
    let digest: String = hash.finalize().iter().take(16).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("shift-{digest}@dyocense")
}

fn moment(name: &str, zone: &str, at: &Zoned) -> String {
    let local = at.datetime().strftime("%Y%m%dT%H%M%S");
    match zone {
        "UTC" => format!("{name}:{local}Z"),
        zone => format!("{name};TZID={zone}:{local}"),
    }
}

/// The rules of the zone over the time of the events: each turn of the clock is named by itself, so that no rule of
/// recurrence has to be guessed.
fn zone_lines(out: &mut Lines, name: &str, zone: &TimeZone, (first, last): (Timestamp, Timestamp)) {
    if name == "UTC" {
        return;
    }
    out.line("BEGIN:VTIMEZONE");
    out.line(&format!("TZID:{name}"));
    let before = zone.preceding(first).next();
    let turns = before.into_iter().chain(zone.following(first).take_while(|turn| turn.timestamp() <= last));
    let mut any = false;
    for turn in turns {
        any = true;
        let at = turn.timestamp();
        let from = at.checked_sub(1.second()).map_or(turn.offset(), |before| zone.to_offset(before));
        // The onset is said in the clock's time before the turn.
        let onset = from.to_datetime(at);
        let word = if turn.dst().is_dst() { "DAYLIGHT" } else { "STANDARD" };
        observance(out, word, &onset, (from, turn.offset()), turn.abbreviation());
    }
    if !any {
        let info = zone.to_offset_info(first);
        let onset = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        observance(out, "STANDARD", &onset, (info.offset(), info.offset()), info.abbreviation());
    }
    out.line("END:VTIMEZONE");
}

fn observance(out: &mut Lines, word: &str, onset: &DateTime, (from, to): (Offset, Offset), short: &str) {
    out.line(&format!("BEGIN:{word}"));
    out.line(&format!("DTSTART:{}", onset.strftime("%Y%m%dT%H%M%S")));
    out.line(&format!("TZOFFSETFROM:{}", offset(from)));
    out.line(&format!("TZOFFSETTO:{}", offset(to)));
    out.line(&format!("TZNAME:{}", escaped(short)));
    out.line(&format!("END:{word}"));
}

fn offset(offset: Offset) -> String {
    let seconds = offset.seconds();
    let (sign, size) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
    let (hours, minutes, rest) = (size / 3600, size / 60 % 60, size % 60);
    match rest {
        0 => format!("{sign}{hours:02}{minutes:02}"),
        rest => format!("{sign}{hours:02}{minutes:02}{rest:02}"),
    }
}

/// Text as RFC 5545, section 3.3.11, writes it; control characters have no place in it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | ';' | ',' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            control if control.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

/// Lines of at most 75 octets, folded between characters.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, text: &str) {
        let mut room = 75;
        for character in text.chars() {
            let size = character.len_utf8();
            if size > room {
                self.0.push_str("\r\n ");
                room = 74;
            }
            self.0.push(character);
            room -= size;
        }
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn lines_are_folded_between_characters_and_texts_escaped() {
        let mut lines = Lines::default();
        lines.line(&"ü".repeat(100));
        for line in lines.0.split("\r\n") {
            assert!(line.len() <= 75, "{}", line.len());
        }
        assert_eq!(lines.0.replace("\r\n ", ""), format!("{}\r\n", "ü".repeat(100)));
        assert_eq!(escaped("a,b;c\\d\ne\rf"), "a\\,b\\;c\\\\d\\nef");
    }

    #[test]
    fn a_zone_says_each_turn_of_the_clock_in_the_time_of_the_events() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = |day| date(2026, 10, day).at(12, 0, 0, 0).to_zoned(zone.clone()).unwrap().timestamp();
        let mut out = Lines::default();
        zone_lines(&mut out, "Europe/Berlin", &zone, (at(20), at(30)));
        let lines: Vec<&str> = out.0.lines().collect();
        let summer = ["BEGIN:DAYLIGHT", "DTSTART:20260329T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200"];
        let winter = ["BEGIN:STANDARD", "DTSTART:20261025T030000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100"];
        for wanted in [summer, winter] {
            assert!(lines.windows(4).any(|window| window == wanted), "{}", out.0);
        }
    }

    #[test]
    fn a_zone_without_turns_has_its_one_offset() {
        let zone = TimeZone::get("Asia/Kolkata").unwrap();
        let now: Timestamp = "2026-10-20T00:00:00Z".parse().unwrap();
        let mut out = Lines::default();
        zone_lines(&mut out, "Asia/Kolkata", &zone, (now, now));
        assert!(out.0.contains("TZOFFSETTO:+0530"), "{}", out.0);
    }
}
