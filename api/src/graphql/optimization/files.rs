//! Plans as files.

use async_graphql::{Enum, SimpleObject};
use dyocense_projections::runs;

use crate::graphql::ids::Kind;
use crate::plan_files::{Form, forms};

/// The form of a plan's file.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Form")]
pub enum PlanFileFormat {
    /// The plan as one table, comma-separated (RFC 4180).
    Csv,
    /// A workbook: the plan, its costs, its limits, and where it came from.
    Xlsx,
    /// A roster as iCalendar (RFC 5545), an event a shift; `?person=` asks for one person's. It needs dates and times:
    /// see `calendar` of what was asked.
    Calendar,
}

/// A plan as a file.
#[derive(SimpleObject)]
pub struct PlanFile {
    /// Its form.
    format: PlanFileFormat,
    /// Where it is fetched, with the same authorization as the API.
    path: String,
    /// What to call it.
    file_name: String,
}

impl PlanFile {
    /// The files of a run that has a plan.
    pub fn of(run: &runs::Run) -> Vec<PlanFile> {
        let answer = run.completion.as_ref().map(|completion| &completion.0.answer);
        let mut dated = [answer, Some(&run.request.0)].into_iter().flatten();
        let first_day = dated.find_map(|part| part["calendar"]["first_day"].as_str()?.parse().ok());
        let id = Kind::Run.id(run.run_id);
        let file = |form: &Form| PlanFile {
            format: (*form).into(),
            path: format!("/runs/{}/{}", id.as_str(), form.path()),
            file_name: form.file_name(run.kind, first_day, run.requested_at, run.run_id.into()),
        };
        forms(run.kind).iter().map(file).collect()
    }
}
