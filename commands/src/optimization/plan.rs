use std::time::Duration;

use async_trait::async_trait;
use dyocense_domain::Personal;
use dyocense_domain::ids::RunId;
use dyocense_domain::optimization::PlanFamily;
use dyocense_domain::runs::{self, Run, RunEvent, RunRefusal};
use dyocense_eventlog::TenantId;
use dyocense_optimization::business::{Answer, Difference, Plan, Problem, Rule, compare, solve};
use dyocense_optimization::effort::{Effort, Progress};
use dyocense_optimization::lp::Status;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::constraints::{name, rule};
use crate::caller::Caller;
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, Outcome};
use crate::forecasting::{grouped, read};
use crate::runs::{Analysis, Computed, Control, Gathered, NoAnswer};

pub(super) const READ_MODELS_WAIT: Duration = Duration::from_secs(10);
const METHOD: &str = concat!("dyocense-optimization ", env!("CARGO_PKG_VERSION"));
/// Of an unloaded core.
const LONGEST_SECONDS: f64 = 300.0;
/// Of a problem's JSON: what is asked is kept in the log.
const LARGEST_PROBLEM: usize = 900_000;

/// A plan to look for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRequest {
    /// The problem in the engine's form, without its kind.
    pub problem: Value,
    /// What is done today, in the form of a plan, to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub today: Option<Value>,
    /// Whether the plan must keep the constraints of the business.
    pub keep_constraints: bool,
    /// Work allowed, in seconds of an unloaded core; work is counted, not timed, so that a replay finds the same plan.
    pub seconds: f64,
}

/// A plan, explained; or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanAnswer {
    #[serde(flatten)]
    pub found: Answer,
    /// What today's way costs, term by term, and the change to the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against_today: Option<Vec<Difference>>,
}

#[derive(Serialize, Deserialize)]
struct Input {
    problem: Value,
    today: Option<Value>,
    rules: Vec<Rule>,
    seconds: f64,
}

/// One family of plans.
pub(crate) struct Planning(pub PlanFamily);

impl Planning {
    fn problem(&self, problem: &Value) -> Result<Problem, RunRefusal> {
        let read = Problem::from_json(name(self.0), problem.clone());
        read.map_err(|error| RunRefusal::Request { field: "problem", reason: error.to_string() })
    }

    fn today(&self, today: &Value) -> Result<Plan, RunRefusal> {
        let mut today = today.clone();
        if let Some(fields) = today.as_object_mut() {
            fields.insert("kind".to_owned(), json!(name(self.0)));
        }
        serde_json::from_value(today).map_err(|error| RunRefusal::Request { field: "today", reason: error.to_string() })
    }
}

#[async_trait]
impl Analysis for Planning {
    fn method(&self) -> &'static str {
        METHOD
    }

    fn check(&self, request: &Value) -> Result<(), RunRefusal> {
        let request: PlanRequest = read(request)?;
        let refused = |field, reason| Err(RunRefusal::Request { field, reason });
        if !(0.1..=LONGEST_SECONDS).contains(&request.seconds) {
            let reason = format!("{} seconds of work: 0.1 to {LONGEST_SECONDS} are allowed", request.seconds);
            return refused("seconds", reason);
        }
        let bytes = request.problem.to_string().len();
        if bytes > LARGEST_PROBLEM {
            return refused("problem", format!("{bytes} bytes: at most {LARGEST_PROBLEM} are allowed"));
        }
        let problem = self.problem(&request.problem)?;
        if let Some(today) = &request.today {
            let today = self.today(today)?;
            if let Err(error) = problem.costs(&today) {
                return refused("today", error.to_string());
            }
        }
        Ok(())
    }

    async fn gather(
        &self,
        commands: &Commands,
        tenant: TenantId,
        request: &Value,
    ) -> Result<Result<Gathered, NoAnswer>, Fault> {
        let PlanRequest { problem, today, keep_constraints, seconds } = read(request).map_err(Fault::internal)?;
        let mut rules = Vec::new();
        if keep_constraints {
            for kept in commands.reads.constraints(tenant, Some(self.0)).await? {
                let id = kept.constraint_id.to_string();
                let says = kept.says.unwrap_or_default();
                rules.push(rule(&id, &says, self.0, &kept.means).map_err(Fault::internal)?);
            }
        }
        Ok(Ok(Gathered { input: json!(Input { problem, today, rules, seconds }) }))
    }

    fn compute(&self, input: &Value, seed: u32, control: &Control) -> Result<Computed, NoAnswer> {
        let impossible = |error: &dyn std::fmt::Display| NoAnswer::Impossible(error.to_string());
        let Input { problem, today, rules, seconds } = read(input).map_err(|error| impossible(&error))?;
        let problem = self.problem(&problem).map_err(|error| impossible(&error))?;
        let progress = |progress: Progress| tell(control, &progress, seconds);
        let stop = || control.is_stopped();
        let mut effort = Effort::seconds(seconds).with_progress(&progress).with_stop(&stop);
        let found = solve(&problem, &rules, seed.into(), &mut effort).map_err(|error| impossible(&error))?;
        let stopped_early = effort.was_stopped();
        if stopped_early && found.plan.is_none() {
            return Err(NoAnswer::Stopped);
        }
        let against_today = match (&today, &found.plan) {
            (Some(today), Some(_)) => {
                let today = self.today(today).map_err(|error| impossible(&error))?;
                let costs = problem.costs(&today).map_err(|error| impossible(&error))?;
                Some(compare(&costs, &found.costs))
            }
            _ => None,
        };
        let answer = PlanAnswer { found, against_today };
        let summary = summary(self.0, &answer);
        Ok(Computed { caveats: caveats(&answer.found), answer: json!(answer), summary, stopped_early })
    }
}

fn tell(control: &Control, progress: &Progress, seconds: f64) {
    let share = progress.work as f64 / Effort::seconds(seconds).limit as f64;
    let gap = progress.gap.map(|gap| format!(", at most {:.2} % from the best", 100.0 * gap)).unwrap_or_default();
    let note = match progress.incumbent {
        Some(value) => format!("the best plan so far is worth {}{gap}", grouped(value)),
        None => "no plan yet".to_owned(),
    };
    control.tell(Some(share.clamp(0.0, 1.0)), note);
}

fn summary(family: PlanFamily, answer: &PlanAnswer) -> String {
    let found = &answer.found;
    let what = match family {
        PlanFamily::Budget => "returns",
        PlanFamily::Inventory | PlanFamily::Staffing | PlanFamily::Roster => "costs",
    };
    let (Some(objective), true) = (found.objective, found.plan.is_some()) else {
        return match &found.why_not {
            Some(why) if !why.members.is_empty() => {
                let members: Vec<String> = why.members.iter().map(|member| format!("“{}”", member.says)).collect();
                format!("There is no such plan: {} cannot all be kept.", members.join(" and "))
            }
            _ if found.status == Status::Infeasible => "There is no such plan.".to_owned(),
            _ => "No plan was found within the work allowed.".to_owned(),
        };
    };
    let proof = match (found.status, found.gap) {
        (Status::Optimal, _) => "; none is better".to_owned(),
        (_, Some(gap)) => format!("; a better one could gain {:.2} % at most", 100.0 * gap),
        _ => String::new(),
    };
    let today = answer.against_today.as_ref().map(|terms| {
        let (before, change) = terms.iter().fold((0.0, 0.0), |(b, c), term| (b + term.before, c + term.change));
        let way = if change < 0.0 { "less" } else { "more" };
        match before.abs() > 1e-9 {
            true => {
                format!(" That is {:.1} % {way} than today's {}.", 100.0 * (change / before).abs(), grouped(before))
            }
            false => String::new(),
        }
    });
    format!("The plan {what} {}{proof}.{}", grouped(objective), today.unwrap_or_default())
}

fn caveats(found: &Answer) -> Vec<String> {
    let mut caveats = Vec::new();
    if found.plan.is_some() && !found.prices_exact && !found.binding.is_empty() {
        caveats.push("prices of limits are those of the rest once whole decisions are settled".to_owned());
    }
    if !found.replayable {
        caveats.push("it was stopped from outside: a replay may go further".to_owned());
    }
    caveats
}

impl Commands {
    /// Takes a plan on: from now on it is what the business does.
    pub async fn accept_plan(
        &self,
        caller: &Caller,
        run_id: RunId,
        note: Option<String>,
    ) -> Result<Outcome<RunEvent>, CommandError<RunRefusal>> {
        let by = caller.actor.user_id().ok_or(CommandError::Refused(RunRefusal::NotAPerson))?;
        let note = note.map(|note| Personal::of(by, note));
        self.execute::<Run, RunRefusal>(caller, run_id.stream(), "AcceptPlan", |run| {
            runs::accept(run, by, note.clone())
        })
        .await
    }
}
