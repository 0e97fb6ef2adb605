//! A plan as files for people and other programs: CSV, a workbook, and a roster as a calendar.

mod calendar;
mod csv;
mod tables;
mod workbook;

pub use calendar::{CalendarError, roster};
pub use csv::csv;
pub use workbook::workbook;

use dyocense_commands::optimization::{PlanAnswer, PlanCalendar};
use dyocense_domain::runs::{RunCompleted, RunKind};
use dyocense_domain::time_zone::TimeZoneName;
use dyocense_eventlog::TenantId;
use dyocense_optimization::business::Problem;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

/// A run's plan with all that its files say.
pub struct PlanToExport {
    pub tenant: TenantId,
    pub run_id: Uuid,
    pub kind: RunKind,
    pub seed: i64,
    pub requested_at: Timestamp,
    pub finished_at: Timestamp,
    pub completion: RunCompleted,
    pub answer: PlanAnswer,
    /// As it was solved: what came from metrics is filled in.
    pub problem: Problem,
    pub calendar: Option<PlanCalendar>,
    /// Of the business.
    pub time_zone: TimeZoneName,
}

/// The forms a plan comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Csv,
    Xlsx,
    /// Rosters only.
    Calendar,
}

impl Form {
    pub const ALL: [Form; 3] = [Form::Csv, Form::Xlsx, Form::Calendar];

    /// The last part of its path.
    pub fn path(self) -> &'static str {
        match self {
            Form::Csv => "plan.csv",
            Form::Xlsx => "plan.xlsx",
            Form::Calendar => "roster.ics",
        }
    }

    pub fn of_path(path: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.path() == path)
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Form::Csv => "text/csv; charset=utf-8",
            Form::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Form::Calendar => "text/calendar; charset=utf-8",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Form::Csv => "csv",
            Form::Xlsx => "xlsx",
            Form::Calendar => "ics",
        }
    }

    /// "roster-2026-11-30-9f3a1c.csv": what it is, its first day (or when it was asked for, in UTC), and which of that
    /// day's.
    pub fn file_name(self, kind: RunKind, first_day: Option<Date>, requested_at: Timestamp, run_id: Uuid) -> String {
        let what = match kind {
            RunKind::Inventory => "orders",
            RunKind::Staffing => "staffing",
            RunKind::Roster => "roster",
            RunKind::Budget => "budget",
            _ => "plan",
        };
        let simple = run_id.simple().to_string();
        let tail = &simple[simple.len() - 6..];
        let day = first_day.unwrap_or_else(|| requested_at.to_zoned(TimeZone::UTC).date());
        format!("{what}-{day}-{tail}.{}", self.extension())
    }
}

/// Which forms a kind of run comes in.
pub fn forms(kind: RunKind) -> &'static [Form] {
    match kind {
        RunKind::Roster => &[Form::Csv, Form::Xlsx, Form::Calendar],
        RunKind::Inventory | RunKind::Staffing | RunKind::Budget => &[Form::Csv, Form::Xlsx],
        _ => &[],
    }
}
