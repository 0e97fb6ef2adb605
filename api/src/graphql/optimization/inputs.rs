//! What people say when they ask for plans and take them on.

use async_graphql::{Context, ID, InputObject};
use dyocense_commands::Caller;
use dyocense_commands::optimization::{PlanCalendar, PlanRequest, ShiftTimes};
use dyocense_domain::ids::{MetricId, RunId};
use dyocense_domain::runs::RunKind;
use jiff::civil::Time;
use serde_json::Value;

use super::following::FollowPlanInput;
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::metrics::Bucket;
use crate::graphql::refusal::{UserError, UserErrorCode, refused};
use crate::graphql::request::commands;
use crate::graphql::scalars::{Date, Json};

/// Work allowed where nothing is said, in seconds.
const SECONDS: f64 = 10.0;

/// When a shift is, by the clock of the business.
#[derive(InputObject)]
pub struct ShiftTimesInput {
    /// The shift, as the problem calls it.
    shift: String,
    /// When it starts, as `22:00`.
    start: String,
    /// When it ends, as `06:00`: on the next day where that is not after its start.
    end: String,
}

/// Dates for a plan.
#[derive(InputObject)]
pub struct PlanCalendarInput {
    /// The first day of the first period.
    first_day: Date,
    /// The length of a period of orders or spending. Rosters and staffing count days.
    #[graphql(default_with = "Bucket::Day")]
    step: Bucket,
    /// The times of a roster's shifts.
    #[graphql(default)]
    shifts: Vec<ShiftTimesInput>,
}

impl PlanCalendarInput {
    fn into_calendar(self) -> Result<PlanCalendar, UserError> {
        let time = |text: &str| {
            text.parse::<Time>().map_err(|_| {
                let message = format!("{text:?} is no time of the day: write 22:00");
                UserError::new(UserErrorCode::Invalid, message, &["input", "calendar", "shifts"])
            })
        };
        let shifts = self
            .shifts
            .into_iter()
            .map(|shift| Ok(ShiftTimes { start: time(&shift.start)?, end: time(&shift.end)?, shift: shift.shift }));
        Ok(PlanCalendar {
            first_day: self.first_day.0,
            step: self.step.into(),
            shifts: shifts.collect::<Result<_, UserError>>()?,
        })
    }
}

/// A plan to look for.
#[derive(InputObject)]
pub struct OptimizeInput {
    /// The problem; docs/optimization.md says what each kind takes, and which numbers may come from metrics. Either this or
    /// `scenarioOf`.
    problem: Option<Json>,
    /// An earlier run of the same kind, whose question is asked again with `changes`.
    scenario_of: Option<ID>,
    /// What is changed of that run's problem: a JSON merge patch (RFC 7386), in which members of lists are named, as in
    /// `{"products": {"bread": {"hold": 0.2}}}`.
    changes: Option<Json>,
    /// What is done today, to compare with: in the form of a plan, or `{"run": "…"}` with the id of a run whose plan
    /// goes on. Read from metrics where the problem names them.
    today: Option<Json>,
    /// Whether the plan must keep the constraints of the business. It must where this is left out; a scenario does as
    /// the run it is of.
    keep_constraints: Option<bool>,
    /// Work allowed, in seconds of an unloaded core (0.1 to 300); 10 where it is left out, or as the run it is a
    /// scenario of.
    seconds: Option<f64>,
    /// Of everything random; 1 where it is left out, or as the run it is a scenario of.
    seed: Option<u32>,
    /// Dates and times, for exports and for what follows the plan.
    calendar: Option<PlanCalendarInput>,
    /// How many seconds (0 to 20) to wait for the answer.
    #[graphql(default = 10)]
    pub wait_seconds: u32,
}

impl OptimizeInput {
    /// What is asked, and the seed.
    pub async fn into_request(
        self,
        ctx: &Context<'_>,
        caller: &Caller,
        kind: RunKind,
    ) -> Result<Result<(PlanRequest, u32), UserError>, Fault> {
        let invalid = |message: &str, field| UserError::new(UserErrorCode::Invalid, message, &["input", field]);
        let calendar = match self.calendar.map(PlanCalendarInput::into_calendar).transpose() {
            Ok(calendar) => calendar,
            Err(error) => return Ok(Err(error)),
        };
        let (mut request, seed) = match (self.problem, self.scenario_of) {
            (Some(problem), None) => {
                if self.changes.is_some() {
                    return Ok(Err(invalid("changes are made to the run that `scenarioOf` names", "changes")));
                }
                let request = PlanRequest {
                    problem: with_own_ids(problem.0),
                    today: None,
                    keep_constraints: true,
                    seconds: SECONDS,
                    calendar: None,
                    scenario_of: None,
                    changes: None,
                };
                (request, 1)
            }
            (None, Some(run)) => {
                let Some(run_id) = ids::of::<RunId>(Kind::Run, &run) else {
                    return Ok(Err(UserError::not_found("run", &["input", "scenarioOf"])));
                };
                let changes = self.changes.map(|changes| with_own_ids(changes.0));
                match commands(ctx).scenario(caller.tenant, kind, run_id, changes).await {
                    Ok(scenario) => scenario,
                    Err(error) => return Ok(Err(refused(error)?)),
                }
            }
            _ => return Ok(Err(invalid("one of `problem` and `scenarioOf` is needed", "problem"))),
        };
        request.today = self.today.map(|today| with_own_ids(today.0)).or(request.today);
        request.keep_constraints = self.keep_constraints.unwrap_or(request.keep_constraints);
        request.seconds = self.seconds.unwrap_or(request.seconds);
        request.calendar = calendar.or(request.calendar);
        Ok(Ok((request, self.seed.unwrap_or(seed))))
    }
}

/// Metrics and runs may be named by their ids of this API; below it they have others.
fn with_own_ids(mut problem: Value) -> Value {
    let mut open = vec![&mut problem];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(parts) => open.extend(parts),
            Value::Object(parts) => {
                for (name, part) in parts {
                    let id = part.as_str().map(ID::from).unwrap_or_default();
                    let own = match name.as_str() {
                        "metric" => ids::of::<MetricId>(Kind::Metric, &id).map(|metric| metric.to_string()),
                        "run" => ids::of::<RunId>(Kind::Run, &id).map(|run| run.to_string()),
                        _ => None,
                    };
                    match own {
                        Some(own) => *part = Value::String(own),
                        None => open.push(part),
                    }
                }
            }
            _ => {}
        }
    }
    problem
}

/// Which plan to take on.
#[derive(InputObject)]
pub struct AcceptPlanInput {
    /// The run that found it.
    pub run_id: ID,
    /// What to remember with it (at most 5,000 characters).
    pub note: Option<String>,
    /// Goals that follow the plan, so that the business is measured by it; at most 20.
    #[graphql(default)]
    pub follow: Vec<FollowPlanInput>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn ids_are_those_of_the_commands() {
        let id = Uuid::now_v7();
        let problem = json!({"products": [{"demand": {"metric": Kind::Metric.id(id).as_str()}}, {"metric": "bread"}]});
        let read = with_own_ids(problem);
        assert_eq!(read["products"][0]["demand"]["metric"], id.to_string());
        assert_eq!(read["products"][1]["metric"], "bread");
        let supposed = with_own_ids(json!({"interventions": [{"run": Kind::Run.id(id).as_str()}]}));
        assert_eq!(supposed["interventions"][0]["run"], id.to_string());
    }
}
