use async_trait::async_trait;
use dyocense_domain::ids::RunId;
use dyocense_domain::metrics::Bucket;
use dyocense_domain::optimization::PlanFamily;
use dyocense_domain::runs::RunRefusal;
use dyocense_eventlog::TenantId;
use dyocense_optimization::business::{Answer, Difference, Plan, Problem, Refusal, Rule, compare, solve};
use dyocense_optimization::effort::{Effort, Progress};
use dyocense_optimization::lp::Status;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::calendar::PlanCalendar;
use super::family::{name, rule};
use super::from_metrics::{Draft, Foreseen, Sources, StockTarget, Supposed};
use super::today::{self, EarlierPlan};
use crate::error::Fault;
use crate::execute::Commands;
use crate::forecasting::{grouped, impossible, read};
use crate::runs::{Analysis, Computed, Control, Gathered, NoAnswer, Search};

const METHOD: &str = concat!("dyocense-optimization ", env!("CARGO_PKG_VERSION"));
/// Of an unloaded core.
const LONGEST_SECONDS: f64 = 300.0;
/// Of a problem's JSON: what is asked is kept in the log.
const LARGEST_PROBLEM: usize = 900_000;

/// A plan to look for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRequest {
    /// The problem in the engine's form, without its kind. Numbers of it may come from metrics.
    pub problem: Value,
    /// What is done today, to compare with: in the form of a plan, or `{"run": …}` of an earlier plan that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub today: Option<Value>,
    /// Whether the plan must keep the constraints of the business.
    pub keep_constraints: bool,
    /// Work allowed, in seconds of an unloaded core; work is counted, not timed, so that a replay finds the same plan.
    pub seconds: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<PlanCalendar>,
    /// The run whose question this was, before the changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario_of: Option<RunId>,
    /// What was changed of its problem; `problem` has the changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Value>,
}

/// A plan, explained; or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanAnswer {
    #[serde(flatten)]
    pub found: Answer,
    /// What today's way costs, term by term, and the change to the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against_today: Option<Vec<Difference>>,
    /// The problem that was solved, where numbers of it came from metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Value>,
    /// The plan's dates, where they follow from metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<PlanCalendar>,
    /// What was expected of each metric, before what is supposed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreseen: Vec<Foreseen>,
    /// What the interventions that the plan supposes add to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supposed: Vec<Supposed>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stock_targets: Vec<StockTarget>,
}

#[derive(Serialize, Deserialize)]
struct Input {
    problem: Value,
    today: Option<Value>,
    /// The plan that goes on today, where an earlier one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    goes_on: Option<EarlierPlan>,
    rules: Vec<Rule>,
    seconds: f64,
    #[serde(default, skip_serializing_if = "Sources::is_empty")]
    sources: Sources,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calendar: Option<PlanCalendar>,
}

/// One family of plans.
pub(crate) struct Planning(pub PlanFamily);

/// A problem as far as it can be checked before anything is read.
pub(super) fn stand_in(family: PlanFamily, problem: &Value) -> Result<Problem, String> {
    let draft = Draft::read(family, problem)?;
    Problem::from_json(name(family), draft.with_stand_ins(problem)).map_err(|error| error.to_string())
}

impl Planning {
    fn today(&self, today: &Value) -> Result<Plan, String> {
        let mut today = today.clone();
        if let Some(fields) = today.as_object_mut() {
            fields.insert("kind".to_owned(), json!(name(self.0)));
        }
        serde_json::from_value(today).map_err(|error| error.to_string())
    }

    /// The step that metrics are read in.
    fn step(&self, calendar: Option<&PlanCalendar>) -> Bucket {
        match (self.0, calendar) {
            (PlanFamily::Inventory | PlanFamily::Budget, Some(calendar)) => calendar.step,
            _ => Bucket::Day,
        }
    }

    /// A roster's weekdays are those of its dates.
    fn with_weekday(&self, problem: &mut Value, calendar: Option<&PlanCalendar>) -> Result<(), String> {
        let (PlanFamily::Roster, Some(calendar)) = (self.0, calendar) else { return Ok(()) };
        let names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let weekday = names[calendar.first_day.weekday().to_monday_zero_offset() as usize];
        match &problem["first_weekday"] {
            Value::String(said) if said != weekday => {
                Err(format!("{} is a {weekday}; the problem's first_weekday says {said}", calendar.first_day))
            }
            _ => {
                if let Some(fields) = problem.as_object_mut() {
                    fields.insert("first_weekday".to_owned(), json!(weekday));
                }
                Ok(())
            }
        }
    }
}

#[async_trait]
impl Analysis for Planning {
    fn method(&self) -> &'static str {
        METHOD
    }

    fn check(&self, request: &Value) -> Result<(), RunRefusal> {
        let mut request: PlanRequest = read(request)?;
        let refused = |field, reason| RunRefusal::Request { field, reason };
        if !(0.1..=LONGEST_SECONDS).contains(&request.seconds) {
            let reason = format!("{} seconds of work: 0.1 to {LONGEST_SECONDS} are allowed", request.seconds);
            return Err(refused("seconds", reason));
        }
        let bytes = request.problem.to_string().len();
        if bytes > LARGEST_PROBLEM {
            let reason = format!("{bytes} bytes: at most {LARGEST_PROBLEM} are allowed");
            return Err(refused("problem", reason));
        }
        if let Some(calendar) = &request.calendar {
            calendar.check().map_err(|reason| refused("calendar", reason))?;
        }
        self.with_weekday(&mut request.problem, request.calendar.as_ref())
            .map_err(|reason| refused("calendar", reason))?;
        let problem = stand_in(self.0, &request.problem).map_err(|reason| refused("problem", reason))?;
        if let (Problem::Roster(problem), Some(calendar)) = (&problem, &request.calendar)
            && let Some(unknown) = calendar
                .shifts
                .iter()
                .find(|times| !problem.shifts.iter().any(|shift| shift.eq_ignore_ascii_case(&times.shift)))
        {
            let reason = format!("no shift is called {:?}; there are {}", unknown.shift, problem.shifts.join(", "));
            return Err(refused("calendar", reason));
        }
        if let Some(run) = request.today.as_ref().and_then(today::run_of) {
            run.map_err(|reason| refused("today", reason))?;
        } else if let Some(today) = &request.today {
            let today = self.today(today).map_err(|reason| refused("today", reason))?;
            problem.costs(&today).map_err(|error| refused("today", error.to_string()))?;
        }
        Ok(())
    }

    async fn gather(
        &self,
        commands: &Commands,
        tenant: TenantId,
        request: &Value,
    ) -> Result<Result<Gathered, NoAnswer>, Fault> {
        let PlanRequest { mut problem, mut today, keep_constraints, seconds, calendar, scenario_of, .. } =
            read(request).map_err(Fault::internal)?;
        let mut rules = Vec::new();
        if keep_constraints {
            for kept in commands.reads.constraints(tenant, Some(self.0)).await? {
                let id = kept.constraint_id.to_string();
                let says = kept.says.unwrap_or_default();
                rules.push(rule(&id, &says, self.0, &kept.means).map_err(Fault::internal)?);
            }
        }
        self.with_weekday(&mut problem, calendar.as_ref()).map_err(Fault::internal)?;
        let draft = Draft::read(self.0, &problem).map_err(Fault::internal)?;
        let mut sources = Sources::default();
        if !draft.is_plain() {
            let known = match scenario_of {
                Some(run) => commands.plan_of(tenant, run).await?.map(|answer| answer.foreseen).unwrap_or_default(),
                None => Vec::new(),
            };
            let step = self.step(calendar.as_ref());
            sources = match draft.gather(commands, tenant, calendar.as_ref(), step, &known).await? {
                Ok(sources) => sources,
                Err(none) => return Ok(Err(none)),
            };
        }
        let mut goes_on = None;
        if let Some(run) = today.as_ref().and_then(today::run_of) {
            goes_on = commands.earlier_plan(tenant, self.0, run.map_err(Fault::internal)?).await?;
            if goes_on.is_none() {
                let reason = format!("today: this business has no {} plan of that id", name(self.0));
                return Ok(Err(impossible(reason)));
            }
            today = None;
        }
        Ok(Ok(Gathered { input: json!(Input { problem, today, goes_on, rules, seconds, sources, calendar }) }))
    }

    fn compute(&self, input: &Value, seed: u32, control: &Control) -> Result<Computed, NoAnswer> {
        let Input { problem, today, goes_on, mut rules, seconds, sources, calendar } =
            read(input).map_err(impossible)?;
        let draft = Draft::read(self.0, &problem).map_err(impossible)?;
        let foreseen = sources.foresee(seed, control)?;
        let mut expected = foreseen.clone();
        let supposed = sources.suppose(&mut expected)?;
        let (problem, filled) = draft.fill(problem, &sources, &expected, seed)?;
        rules.extend(filled.rules);
        let today = today.or(filled.today);
        let solved = Problem::from_json(name(self.0), problem).map_err(impossible)?;
        let progress = |progress: Progress| tell(control, &progress, seconds);
        let stop = || control.is_stopped();
        let mut effort = Effort::seconds(seconds).with_progress(&progress).with_stop(&stop);
        let found =
            solve(&solved, &rules, seed.into(), &mut effort).map_err(|refusal| impossible(unfit(&refusal, &rules)))?;
        let stopped_early = effort.was_stopped();
        if stopped_early && found.plan.is_none() {
            return Err(NoAnswer::Stopped);
        }
        let dated = sources.calendar(calendar.as_ref(), self.step(calendar.as_ref()));
        let mut incomparable = None;
        let today = match (&goes_on, &today) {
            (Some(earlier), _) => {
                let first_day = dated.as_ref().or(calendar.as_ref()).map(|calendar| calendar.first_day);
                let plan = earlier.over(self.0, &solved, first_day);
                plan.map_err(|reason| incomparable = Some(format!("it is not compared with today: {reason}"))).ok()
            }
            (None, Some(today)) => Some(self.today(today).map_err(impossible)?),
            (None, None) => None,
        };
        let against_today = match (&today, &found.plan) {
            (Some(today), Some(_)) => {
                let costs = solved.costs(today).map_err(impossible)?;
                Some(compare(&costs, &found.costs))
            }
            _ => None,
        };
        let from_elsewhere = !draft.is_plain();
        let answer = PlanAnswer {
            found,
            against_today,
            problem: from_elsewhere.then(|| json!(solved)),
            calendar: dated.filter(|_| from_elsewhere),
            foreseen: foreseen.into_values().collect(),
            supposed,
            stock_targets: filled.stock_targets,
        };
        let summary = summary(self.0, &answer);
        let mut caveats = caveats(&answer.found);
        caveats.extend(sources.caveats());
        caveats.extend(filled.caveats);
        caveats.extend(incomparable);
        Ok(Computed { caveats, answer: json!(answer), summary, stopped_early })
    }
}

/// Why a stored constraint does not fit a problem, in its owner's words.
pub(super) fn unfit(refusal: &Refusal, rules: &[Rule]) -> String {
    let says = |id: &str| rules.iter().find(|rule| rule.id == id).map_or_else(|| id.to_owned(), Rule::sentence);
    match refusal {
        Refusal::Unknown { rule, what, id, known } => {
            format!("“{}” does not fit this problem: no {what} is called {id:?}; there are {known}", says(rule))
        }
        Refusal::Impossible { rule, field, value, bound } => {
            format!("“{}” does not fit this problem: {field} is {value}, it must be {bound}", says(rule))
        }
        other => other.to_string(),
    }
}

fn tell(control: &Control, progress: &Progress, seconds: f64) {
    let share = progress.work as f64 / Effort::seconds(seconds).limit as f64;
    let gap = progress.gap.map(|gap| format!(", at most {:.2} % from the best", 100.0 * gap)).unwrap_or_default();
    let note = match progress.incumbent {
        Some(value) => format!("the best plan so far is worth {}{gap}", grouped(value)),
        None => "no plan yet".to_owned(),
    };
    // What a search does not know yet it calls infinite.
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let search =
        Search { incumbent: finite(progress.incumbent), bound: finite(progress.bound), gap: finite(progress.gap) };
    control.tell_search(share.clamp(0.0, 1.0), note, search);
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
