//! Taking a plan on, and having goals follow it.

use dyocense_domain::Personal;
use dyocense_domain::goals::{Cadence, GoalRefusal, Milestone, Objective};
use dyocense_domain::identity::Business;
use dyocense_domain::ids::{BUSINESS_STREAM, GoalId, MetricId, MilestoneId, RunId, UserId};
use dyocense_domain::metrics::Bucket;
use dyocense_domain::runs::{self, PlanFigure, PlanFollowed, Run, RunEnd, RunEvent, RunRefusal};
use dyocense_domain::text::{self, TextError};
use dyocense_domain::time_zone::TimeZoneName;
use dyocense_optimization::business::{BudgetPlan, BudgetPlanProblem, Plan, Problem};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use uuid::Uuid;

use super::{PlanAnswer, PlanCalendar, PlanRequest, family_name};
use crate::caller::Caller;
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, Outcome, stream_id};
use crate::forecasting::read;

/// Values on the way of a goal that follows a plan.
const MOST_MILESTONES: usize = 12;
const LONGEST_NOTE: usize = 5_000;

/// What is to be followed of a plan, and by which metric.
#[derive(Debug, Clone)]
pub struct FollowPlan {
    pub figure: PlanFigure,
    /// The channel or the product; all of them together where None.
    pub of: Option<String>,
    pub metric_id: MetricId,
    pub title: Option<String>,
    pub objective: Objective,
    /// The plan's own first day where None.
    pub start: Option<Date>,
    /// The plan's own last day where None.
    pub due: Option<Date>,
    /// Why the goal is taken on although history calls it unlikely.
    pub acknowledge: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum AcceptPlanRefusal {
    #[error(transparent)]
    Run(#[from] RunRefusal),
    #[error(transparent)]
    Goal(#[from] GoalRefusal),
    #[error(transparent)]
    Text(#[from] TextError),
}

impl Commands {
    /// Takes a plan on: from now on it is what the business does. Goals follow it as asked; a goal that cannot be set
    /// refuses the whole.
    pub async fn accept_plan(
        &self,
        caller: &Caller,
        run_id: RunId,
        note: Option<String>,
        follow: Vec<FollowPlan>,
    ) -> Result<Outcome<RunEvent>, CommandError<AcceptPlanRefusal>> {
        if let Some(outcome) = self.replay(caller).await? {
            return Ok(outcome);
        }
        let refused = |refusal: AcceptPlanRefusal| CommandError::Refused(refusal);
        let by = caller.actor.user_id().ok_or_else(|| refused(RunRefusal::NotAPerson.into()))?;
        let note = note.map(|note| text::paragraph("note", &note, LONGEST_NOTE)).transpose();
        let note = note.map_err(|error| refused(error.into()))?.map(|note| Personal::of(by, note));
        let mut followed = Vec::with_capacity(follow.len());
        if !follow.is_empty() {
            let known = self.planned(caller, run_id).await?;
            let head = self.log.head(caller.tenant).await?;
            self.reads.wait_for(caller.tenant, head, super::constraints::READ_MODELS_WAIT).await?;
            for follow in follow {
                let event = known.followed(follow, by).map_err(|refusal| refused(refusal.into()))?;
                self.check_goal_of_plan(caller.tenant, &event)
                    .await
                    .map_err(|error| error.map_refusal(AcceptPlanRefusal::Goal))?;
                followed.push(event);
            }
        }
        let mut outcome = self
            .execute::<Run, AcceptPlanRefusal>(caller, run_id.stream(), "AcceptPlan", |run| {
                Ok(runs::accept(run, by, note.clone(), followed.clone())?)
            })
            .await?;
        for event in &outcome.events {
            if let RunEvent::PlanFollowed(followed) = event {
                self.set_goal_of_plan(caller.tenant, followed, None).await?;
                outcome.position = self.log.head(caller.tenant).await?;
            }
        }
        Ok(outcome)
    }

    async fn planned(&self, caller: &Caller, run_id: RunId) -> Result<Planned, CommandError<AcceptPlanRefusal>> {
        let run = self.load::<Run>(caller.tenant, &stream_id(run_id.stream())?).await?.state;
        let refused = |refusal: RunRefusal| CommandError::Refused(AcceptPlanRefusal::Run(refusal));
        let requested = run.requested.ok_or_else(|| refused(RunRefusal::NotFound))?;
        let (Some(family), Some(RunEnd::Completed(completed))) = (family_name(requested.kind), run.end) else {
            return Err(refused(RunRefusal::NoPlan));
        };
        let answer: PlanAnswer = serde_json::from_value(completed.answer).map_err(Fault::internal)?;
        let request: PlanRequest = read(&requested.request).map_err(Fault::internal)?;
        let plan = answer.found.plan.ok_or_else(|| refused(RunRefusal::NoPlan))?;
        let problem = Problem::from_json(family, answer.problem.unwrap_or(request.problem)).map_err(Fault::internal)?;
        let business = self.load::<Business>(caller.tenant, &stream_id(BUSINESS_STREAM.to_owned())?).await?.state;
        let time_zone = business.profile.map_or_else(TimeZoneName::utc, |profile| profile.time_zone);
        Ok(Planned { problem, plan, calendar: answer.calendar.or(request.calendar), time_zone })
    }
}

/// A plan that was found, and when it is for.
struct Planned {
    problem: Problem,
    plan: Plan,
    calendar: Option<PlanCalendar>,
    time_zone: TimeZoneName,
}

impl Planned {
    fn followed(&self, follow: FollowPlan, by: UserId) -> Result<PlanFollowed, RunRefusal> {
        let refused = |reason: String| RunRefusal::Request { field: "follow", reason };
        let amounts = amounts(&self.problem, &self.plan, follow.figure, follow.of.as_deref()).map_err(refused)?;
        let needed = || refused("the plan has no dates: give `start` and `due`".to_owned());
        let (start, due) = match (&self.calendar, follow.start, follow.due) {
            (_, Some(start), Some(due)) => (start, due),
            (Some(calendar), start, due) => {
                let last = self.end(calendar, amounts.len() - 1).ok_or_else(needed)?;
                (start.unwrap_or(calendar.first_day), due.unwrap_or(last))
            }
            _ => return Err(needed()),
        };
        let what = match follow.figure {
            PlanFigure::Spend => "Spend",
            PlanFigure::Return => "Returns",
            PlanFigure::Orders => "Orders",
        };
        let of = follow.of.as_ref().map(|of| format!(" of {of}")).unwrap_or_default();
        Ok(PlanFollowed {
            goal_id: GoalId::from(Uuid::now_v7()),
            figure: follow.figure,
            metric_id: follow.metric_id,
            amount: money(amounts.iter().sum()).map_err(refused)?,
            title: follow.title.unwrap_or_else(|| format!("{what}{of} as planned").chars().take(200).collect()),
            of: follow.of,
            objective: follow.objective,
            start,
            due,
            cadence: self.cadence(start, due),
            time_zone: self.time_zone.clone(),
            milestones: self.milestones(follow.figure, &amounts, (start, due)).map_err(refused)?,
            acknowledgement: follow.acknowledge.map(|why| Personal::of(by, why)),
            followed_by: by,
        })
    }

    /// The last day of a period, counted from 0.
    fn end(&self, calendar: &PlanCalendar, period: usize) -> Option<Date> {
        match self.problem {
            Problem::Staffing(_) | Problem::Roster(_) => calendar.day(period),
            Problem::Inventory(_) | Problem::Budget(_) => calendar.period_start(period + 1)?.yesterday().ok(),
        }
    }

    /// As the plan's periods, where so much time is left.
    fn cadence(&self, start: Date, due: Date) -> Cadence {
        let days = due.since(start).map_or(0, |span| span.get_days()) + 1;
        let wanted = match self.calendar.as_ref().map(|calendar| calendar.step) {
            None | Some(Bucket::Day | Bucket::Week) => Cadence::Weekly,
            Some(Bucket::Month) => Cadence::Monthly,
            Some(Bucket::Quarter | Bucket::Year) => Cadence::Quarterly,
        };
        match wanted {
            Cadence::Quarterly if days >= 92 => Cadence::Quarterly,
            Cadence::Quarterly | Cadence::Monthly if days >= 31 => Cadence::Monthly,
            _ if days >= 7 => Cadence::Weekly,
            _ => Cadence::Daily,
        }
    }

    /// What the plan comes to by the ends of its periods; a ceiling has no values on the way.
    fn milestones(
        &self,
        figure: PlanFigure,
        amounts: &[f64],
        (start, due): (Date, Date),
    ) -> Result<Vec<Milestone>, String> {
        let Some(calendar) = &self.calendar else { return Ok(vec![]) };
        if figure == PlanFigure::Spend {
            return Ok(vec![]);
        }
        let whole = money(amounts.iter().sum())?;
        let every = amounts.len().div_ceil(MOST_MILESTONES).max(1);
        let mut milestones: Vec<Milestone> = Vec::new();
        let mut sum = 0.0;
        for (period, amount) in amounts.iter().enumerate() {
            sum += amount;
            let value = money(sum)?;
            let before = milestones.last().map_or(Decimal::ZERO, |last| last.value);
            let Some(end) = self.end(calendar, period).filter(|end| (start..=due).contains(end)) else { continue };
            if (period + 1) % every == 0 && before < value && value < whole {
                milestones.push(Milestone {
                    milestone_id: MilestoneId::from(Uuid::now_v7()),
                    title: format!("Planned by {end}"),
                    value,
                    due: Some(end),
                });
            }
        }
        Ok(milestones)
    }
}

/// Two decimals: a plan knows no more.
fn money(amount: f64) -> Result<Decimal, String> {
    let exact = Decimal::from_f64(amount).ok_or_else(|| format!("the plan's amount, {amount}, is no amount"))?;
    Ok(exact.round_dp(2).normalize())
}

/// What a figure of the plan comes to, period by period (a staffing plan: day by day).
fn amounts(problem: &Problem, plan: &Plan, figure: PlanFigure, of: Option<&str>) -> Result<Vec<f64>, String> {
    let is_meant = |name: &str| of.is_none_or(|of| of.eq_ignore_ascii_case(name));
    let unknown = |what: &str| format!("no {what} of the plan is called {:?}", of.unwrap_or_default());
    match (problem, plan, figure) {
        (Problem::Budget(problem), Plan::Budget(plan), PlanFigure::Spend | PlanFigure::Return) => {
            let mut meant = plan.clone();
            meant.channels.retain(|line| is_meant(&line.channel));
            if meant.channels.is_empty() {
                return Err(unknown("channel"));
            }
            (0..problem.periods).map(|t| budget_amount(problem, &meant, figure, t)).collect()
        }
        (Problem::Inventory(problem), Plan::Inventory(plan), PlanFigure::Spend | PlanFigure::Orders) => {
            let mut sums = vec![0.0; problem.periods];
            let mut any = false;
            for (line, product) in plan.products.iter().zip(&problem.products) {
                if !is_meant(&line.product) {
                    continue;
                }
                any = true;
                for (sum, units) in sums.iter_mut().zip(&line.orders) {
                    *sum += match figure {
                        PlanFigure::Orders => *units,
                        _ if *units > 1e-6 => units * product.unit_cost + product.setup_cost,
                        _ => 0.0,
                    };
                }
            }
            if any { Ok(sums) } else { Err(unknown("product")) }
        }
        (Problem::Staffing(problem), Plan::Staffing(plan), PlanFigure::Spend) if of.is_none() => {
            let wages = plan.heads.iter().filter_map(|line| Some(problem.tours.get(line.tour)?.cost * line.people));
            let days = problem.demand.first().map_or(0, Vec::len) / 24;
            Ok(vec![wages.sum::<f64>() / days.max(1) as f64; days.max(1)])
        }
        _ => Err(format!("a {} plan has no {figure:?} to follow{}", problem.kind(), of.map_or("", |_| " by part"))),
    }
}

/// The returns of one period are those of the plan without the others. What comes in is followed, not what is left of
/// it where profit was sought: that is what a metric shows.
fn budget_amount(
    problem: &BudgetPlanProblem,
    plan: &BudgetPlan,
    figure: PlanFigure,
    period: usize,
) -> Result<f64, String> {
    if figure == PlanFigure::Spend {
        return Ok(plan.channels.iter().filter_map(|line| line.spend.get(period)).sum());
    }
    let mut alone = plan.clone();
    for line in &mut alone.channels {
        for (t, spend) in line.spend.iter_mut().enumerate() {
            *spend = if t == period { *spend } else { 0.0 };
        }
    }
    let mut whole = problem.clone();
    whole.margin = 1.0;
    let problem = Problem::Budget(whole);
    let terms = problem.costs(&Plan::Budget(alone)).map_err(|error| error.to_string())?;
    Ok(terms.iter().find(|term| term.name == "returns").map_or(0.0, |term| term.amount))
}

#[cfg(test)]
mod tests {
    use dyocense_optimization::business::Goal;
    use serde_json::json;

    use super::*;

    fn budget() -> Planned {
        let problem = json!({
            "channels": [{"name": "ads", "alpha": 900.0, "k": 300.0, "cap": 800.0}],
            "periods": 3, "budget_per_period": 800.0,
        });
        let plan = json!({"kind": "budget", "channels": [{"channel": "ads", "spend": [100.0, 0.0, 300.0]}]});
        Planned {
            problem: Problem::from_json("budget", problem).unwrap(),
            plan: serde_json::from_value(plan).unwrap(),
            calendar: Some(PlanCalendar {
                first_day: Date::constant(2026, 12, 1),
                step: Bucket::Month,
                shifts: vec![],
            }),
            time_zone: TimeZoneName::utc(),
        }
    }

    fn follow(figure: PlanFigure) -> FollowPlan {
        FollowPlan {
            figure,
            of: None,
            metric_id: MetricId::from(Uuid::nil()),
            title: None,
            objective: Objective::GrowRevenue,
            start: None,
            due: None,
            acknowledge: None,
        }
    }

    #[test]
    fn a_goal_has_the_plans_dates_amount_and_values_on_the_way() {
        let followed = budget().followed(follow(PlanFigure::Return), UserId::from(Uuid::nil())).unwrap();
        assert_eq!((followed.start, followed.due), (Date::constant(2026, 12, 1), Date::constant(2027, 2, 28)));
        assert_eq!(followed.cadence, Cadence::Monthly);
        let values: Vec<(Decimal, Option<Date>)> = followed.milestones.iter().map(|m| (m.value, m.due)).collect();
        // The month without spending is no step on the way.
        assert_eq!(values.len(), 1);
        assert_eq!(values[0].1, Some(Date::constant(2026, 12, 31)));
        assert!(Decimal::ZERO < values[0].0 && values[0].0 < followed.amount);
        let Problem::Budget(problem) = budget().problem else { unreachable!("it is a budget") };
        let (mut for_profit, goal) = (problem, Goal::Profit);
        (for_profit.goal, for_profit.margin) = (goal, 0.4);
        let with_margin = Planned { problem: Problem::Budget(for_profit), ..budget() };
        let with_margin = with_margin.followed(follow(PlanFigure::Return), UserId::from(Uuid::nil())).unwrap();
        assert_eq!(with_margin.amount, followed.amount, "a metric shows what comes in, not what is left of it");
        let spent = budget().followed(follow(PlanFigure::Spend), UserId::from(Uuid::nil())).unwrap();
        assert_eq!((spent.amount, spent.milestones.len()), (Decimal::from(400), 0));
    }

    #[test]
    fn what_a_plan_does_not_have_cannot_be_followed() {
        let by = UserId::from(Uuid::nil());
        assert!(budget().followed(follow(PlanFigure::Orders), by).is_err());
        let unknown = FollowPlan { of: Some("radio".into()), ..follow(PlanFigure::Spend) };
        assert!(budget().followed(unknown, by).unwrap_err().to_string().contains("radio"));
        let undated = Planned { calendar: None, ..budget() };
        assert!(undated.followed(follow(PlanFigure::Spend), by).is_err());
    }
}
