//! What is done today, where it is an earlier plan of the business that goes on.

use dyocense_domain::ids::RunId;
use dyocense_domain::optimization::PlanFamily;
use dyocense_domain::runs::{Run, RunEnd};
use dyocense_eventlog::TenantId;
use dyocense_optimization::business::{
    Assignment, BudgetPlan, ChannelPlan, InventoryPlan, Plan, Problem, ProductPlan, RosterPlan, RosterProblem,
    StaffingPlan, StaffingProblem, Tour, TourHeads,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::family::{family_name, name};
use super::{PlanAnswer, PlanRequest};
use crate::error::Fault;
use crate::execute::{Commands, stream_id};

const WEEK: usize = 7;

/// The run whose plan is what is done today, where `today` names one.
pub(super) fn run_of(today: &Value) -> Option<Result<RunId, String>> {
    let run = today.as_object()?.get("run")?;
    let id = run.as_str().and_then(|id| id.parse().ok());
    Some(id.ok_or_else(|| format!("{run} is no id of a run")))
}

/// A plan of before, with the problem that it is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct EarlierPlan {
    problem: Value,
    plan: Plan,
    /// Its first day, where it has dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_day: Option<Date>,
}

impl Commands {
    /// None: there is no such run of this family, or it found no plan.
    pub(super) async fn earlier_plan(
        &self,
        tenant: TenantId,
        family: PlanFamily,
        run_id: RunId,
    ) -> Result<Option<EarlierPlan>, Fault> {
        let run = self.load::<Run>(tenant, &stream_id(run_id.stream())?).await?.state;
        let (Some(requested), Some(RunEnd::Completed(completed))) = (run.requested, run.end) else { return Ok(None) };
        if family_name(requested.kind) != Some(name(family)) {
            return Ok(None);
        }
        let request: PlanRequest = serde_json::from_value(requested.request).map_err(Fault::internal)?;
        let answer: PlanAnswer = serde_json::from_value(completed.answer).map_err(Fault::internal)?;
        let first_day = answer.calendar.or(request.calendar).map(|calendar| calendar.first_day);
        let problem = answer.problem.unwrap_or(request.problem);
        Ok(answer.found.plan.map(|plan| EarlierPlan { problem, plan, first_day }))
    }
}

impl EarlierPlan {
    /// The plan as it goes on over the time of `now`, which begins on `first_day`: a roster and tours by the days of the
    /// week, orders and spending one period after the other, from the start again where they end.
    ///
    /// # Errors
    /// The plan has nothing of what `now` asks for.
    pub fn over(&self, family: PlanFamily, now: &Problem, first_day: Option<Date>) -> Result<Plan, String> {
        let before = Problem::from_json(name(family), self.problem.clone()).map_err(|error| error.to_string())?;
        match (now, &before, &self.plan) {
            (Problem::Roster(now), Problem::Roster(before), Plan::Roster(plan)) => {
                let begins = weekday(self.first_day).unwrap_or(before.first_weekday as usize);
                let starts = weekday(first_day).unwrap_or(now.first_weekday as usize);
                Ok(Plan::Roster(roster(plan, before, begins, now, starts)))
            }
            (Problem::Staffing(now), Problem::Staffing(before), Plan::Staffing(plan)) => {
                // Without dates both weeks are taken to begin on the same day.
                let later = match (weekday(self.first_day), weekday(first_day)) {
                    (Some(begins), Some(starts)) => (starts + WEEK - begins) % WEEK,
                    _ => 0,
                };
                staffing(plan, before, now, later).map(Plan::Staffing)
            }
            (Problem::Inventory(now), Problem::Inventory(_), Plan::Inventory(plan)) => {
                let products = now.products.iter().enumerate().map(|(p, product)| {
                    let called = product.name.clone().unwrap_or_else(|| format!("product {}", p + 1));
                    let line = plan.products.iter().find(|line| line.product.eq_ignore_ascii_case(&called));
                    let orders = cycled(line.map(|line| &line.orders), now.periods).ok_or_else(|| lacks(&called))?;
                    let (stock, lost, backorders, wasted) = Default::default();
                    Ok(ProductPlan { product: called, orders, stock, lost, backorders, wasted })
                });
                Ok(Plan::Inventory(InventoryPlan { products: products.collect::<Result<_, String>>()? }))
            }
            (Problem::Budget(now), Problem::Budget(_), Plan::Budget(plan)) => {
                let channels = now.channels.iter().enumerate().map(|(c, channel)| {
                    let called = channel.name.clone().unwrap_or_else(|| format!("channel {}", c + 1));
                    let line = plan.channels.iter().find(|line| line.channel.eq_ignore_ascii_case(&called));
                    let spend = cycled(line.map(|line| &line.spend), now.periods).ok_or_else(|| lacks(&called))?;
                    Ok(ChannelPlan { channel: called, spend })
                });
                Ok(Plan::Budget(BudgetPlan { channels: channels.collect::<Result<_, String>>()? }))
            }
            _ => Err("the plan of today is of another kind".to_owned()),
        }
    }
}

fn weekday(day: Option<Date>) -> Option<usize> {
    day.map(|day| day.weekday().to_monday_zero_offset() as usize)
}

fn lacks(what: &str) -> String {
    format!("the plan of today says nothing of {what}")
}

fn cycled(values: Option<&Vec<f64>>, periods: usize) -> Option<Vec<f64>> {
    let values = values.filter(|values| !values.is_empty())?;
    Some(values.iter().copied().cycle().take(periods).collect())
}

/// Whole weeks go round. People and shifts that are no longer there are left out: their work is missing today.
fn roster(plan: &RosterPlan, before: &RosterProblem, begins: usize, now: &RosterProblem, starts: usize) -> RosterPlan {
    let round = (before.days / WEEK).max(1) * WEEK;
    let later = (starts + WEEK - begins) % WEEK;
    let known = |person: &str| match &now.names {
        Some(names) => names.iter().any(|name| name.eq_ignore_ascii_case(person)),
        None => (1..=now.people).any(|nth| person.eq_ignore_ascii_case(&format!("person {nth}"))),
    };
    let mut shifts = Vec::new();
    for day in 0..now.days {
        let then = (day + later) % round + 1;
        for line in plan.shifts.iter().filter(|line| line.day == then && known(&line.person)) {
            if let Some(shift) = now.shifts.iter().find(|shift| shift.eq_ignore_ascii_case(&line.shift)) {
                shifts.push(Assignment { person: line.person.clone(), day: day + 1, shift: shift.clone() });
            }
        }
    }
    RosterPlan { shifts }
}

fn staffing(
    plan: &StaffingPlan,
    before: &StaffingProblem,
    now: &StaffingProblem,
    later: usize,
) -> Result<StaffingPlan, String> {
    let off = |tour: &Tour, later: usize| {
        let mut days: Vec<usize> = tour.off.iter().map(|day| (day + WEEK - later) % WEEK).collect();
        days.sort_unstable();
        days
    };
    let mut heads = Vec::with_capacity(plan.heads.len());
    for line in &plan.heads {
        let Some(tour) = before.tours.get(line.tour) else { continue };
        let days_off = off(tour, later);
        let same = |known: &Tour| {
            (known.skill, known.start, known.len) == (tour.skill, tour.start, tour.len) && off(known, 0) == days_off
        };
        let at = now.tours.iter().position(same).ok_or_else(|| {
            let ends = (tour.start + tour.len) % 24;
            format!("of the tours of today, the one from {:02}:00 to {ends:02}:00 is none of this problem", tour.start)
        })?;
        heads.push(TourHeads { tour: at, people: line.people });
    }
    Ok(StaffingPlan { heads, short: vec![], overtime: vec![], hired: vec![] })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn roster_problem(days: usize) -> Value {
        json!({
            "E": 2, "D": days, "shifts": ["Day"], "names": ["Ana", "Bo"], "demand": vec![vec![1.0]; days],
            "senior": [true, true], "nonight": [false, false], "off": vec![vec![false; days]; 2],
            "pref": vec![vec![vec![0.0]; days]; 2],
        })
    }

    #[test]
    fn a_roster_goes_on_by_the_days_of_the_week() {
        // A week from a Monday: Ana works Mondays, Bo Thursdays.
        let shift = |person: &str, day| Assignment { person: person.into(), day, shift: "Day".into() };
        let earlier = EarlierPlan {
            problem: roster_problem(7),
            plan: Plan::Roster(RosterPlan { shifts: vec![shift("Ana", 1), shift("Bo", 4)] }),
            first_day: Some(Date::constant(2026, 11, 30)),
        };
        // Nine days from a Wednesday.
        let now = Problem::from_json("roster", roster_problem(9)).unwrap();
        let plan = earlier.over(PlanFamily::Roster, &now, Some(Date::constant(2026, 12, 9))).unwrap();
        let expected = RosterPlan { shifts: vec![shift("Bo", 2), shift("Ana", 6), shift("Bo", 9)] };
        assert_eq!(plan, Plan::Roster(expected));
    }

    #[test]
    fn tours_are_found_again_by_their_hours_and_days_off() {
        let problem = |tours: Value| json!({"demand": [vec![0.0; 168]], "tours": tours, "under_penalty": 1.0, "max_heads": [9.0]});
        let tour = |start: usize, off: [usize; 2]| json!({"start": start, "len": 8, "off": off, "cost": 10.0});
        let earlier = EarlierPlan {
            problem: problem(json!([tour(9, [5, 6])])),
            plan: serde_json::from_value(json!({"kind": "staffing", "heads": [{"tour": 0, "people": 3.0}]})).unwrap(),
            first_day: Some(Date::constant(2026, 11, 30)),
        };
        // From a Wednesday on, Saturday and Sunday are the fourth and the fifth day.
        let now = Problem::from_json("staffing", problem(json!([tour(9, [5, 6]), tour(9, [3, 4])]))).unwrap();
        let plan = earlier.over(PlanFamily::Staffing, &now, Some(Date::constant(2026, 12, 2))).unwrap();
        let Plan::Staffing(plan) = plan else { panic!("{plan:?}") };
        assert_eq!(plan.heads, [TourHeads { tour: 1, people: 3.0 }]);
        let other = Problem::from_json("staffing", problem(json!([tour(10, [5, 6])]))).unwrap();
        assert!(earlier.over(PlanFamily::Staffing, &other, None).unwrap_err().contains("09:00 to 17:00"));
    }

    #[test]
    fn spending_goes_round_and_an_unknown_channel_is_said() {
        let problem = |name: &str| json!({"channels": [{"name": name, "alpha": 9.0, "k": 3.0, "cap": 8.0}], "periods": 3, "budget_per_period": 9.0});
        let plan = json!({"kind": "budget", "channels": [{"channel": "ads", "spend": [1.0, 2.0]}]});
        let plan = serde_json::from_value(plan).unwrap();
        let earlier = EarlierPlan { problem: problem("ads"), plan, first_day: None };
        let now = Problem::from_json("budget", problem("Ads")).unwrap();
        let Plan::Budget(over) = earlier.over(PlanFamily::Budget, &now, None).unwrap() else { panic!("a budget") };
        assert_eq!(over.channels[0].spend, [1.0, 2.0, 1.0]);
        let radio = Problem::from_json("budget", problem("radio")).unwrap();
        assert!(earlier.over(PlanFamily::Budget, &radio, None).unwrap_err().contains("radio"));
    }
}
