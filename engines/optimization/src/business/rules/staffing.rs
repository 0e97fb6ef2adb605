//! Rules about heads and hours.

use serde::{Deserialize, Serialize};

use super::{Reader, RuleRow, each, within};
use crate::business::plan::StaffingPlan;
use crate::business::staffing::StaffingProblem;
use crate::refusal::Refusal;

/// A rule about heads and hours. Skills count from 0 as in the problem, days from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum StaffingRule {
    /// Most people of a skill; without one, of all.
    HeadsAtMost {
        #[serde(default)]
        skill: Option<usize>,
        people: f64,
    },
    HeadsAtLeast {
        #[serde(default)]
        skill: Option<usize>,
        people: f64,
    },
    /// People of the skill or a higher one who are there, from one hour of the day to before another.
    PeopleAtLeast {
        skill: usize,
        #[serde(default)]
        day: Option<usize>,
        from_hour: usize,
        to_hour: usize,
        people: f64,
    },
    /// Nobody starts before or after these hours of the day.
    StartsWithin { from_hour: usize, to_hour: usize },
    /// Most hours a person works in a day.
    ShiftAtMost { hours: usize },
    /// Wages of all tours together.
    WagesAtMost { amount: f64 },
}

fn skill_words(skill: Option<usize>) -> String {
    skill.map_or("people".into(), |k| format!("people of skill {k}"))
}

impl StaffingRule {
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::HeadsAtMost { skill, people } => format!("at most {people} {}", skill_words(*skill)),
            Self::HeadsAtLeast { skill, people } => format!("at least {people} {}", skill_words(*skill)),
            Self::PeopleAtLeast { skill, day, from_hour, to_hour, people } => format!(
                "at least {people} people of skill {skill} from {from_hour:02}:00 to {to_hour:02}:00 {}",
                each(*day, "day").replacen("in ", "on ", 1)
            ),
            Self::StartsWithin { from_hour, to_hour } => {
                format!("work starts between {from_hour:02}:00 and {to_hour:02}:00")
            }
            Self::ShiftAtMost { hours } => format!("nobody works more than {hours} hours a day"),
            Self::WagesAtMost { amount } => format!("wages of at most {amount}"),
        }
    }

    pub(super) fn unit(&self) -> &'static str {
        match self {
            Self::WagesAtMost { .. } => "USD",
            _ => "people",
        }
    }

    pub(super) fn rows(&self, reader: &Reader, problem: &StaffingProblem) -> Result<Vec<RuleRow>, Refusal> {
        let skills = problem.demand.len();
        let heads = |skill: Option<usize>| -> Result<Vec<(usize, f64)>, Refusal> {
            if let Some(k) = skill {
                reader.index("skill", k, skills)?;
            }
            let tours = problem.tours.iter().enumerate();
            Ok(tours.filter(|(_, tour)| skill.is_none_or(|k| tour.skill == k)).map(|(i, _)| (i, 1.0)).collect())
        };
        let tours_where = |bad: &dyn Fn(&crate::business::Tour) -> bool| -> Vec<(usize, f64)> {
            problem.tours.iter().enumerate().filter(|(_, tour)| bad(tour)).map(|(i, _)| (i, 1.0)).collect()
        };
        match self {
            Self::HeadsAtMost { skill, people } => {
                Ok(vec![RuleRow::at_most(heads(*skill)?, reader.amount("people", *people)?)])
            }
            Self::HeadsAtLeast { skill, people } => {
                Ok(vec![RuleRow::at_least(heads(*skill)?, reader.amount("people", *people)?)])
            }
            Self::PeopleAtLeast { skill, day, from_hour, to_hour, people } => {
                let people = reader.amount("people", *people)?;
                reader.index("skill", *skill, skills)?;
                reader.index("fromHour", *from_hour, 24)?;
                if to_hour <= from_hour || *to_hour > 24 {
                    return reader.refuse("toHour", to_hour, format!("from {} to 24", from_hour + 1));
                }
                let days = reader.counted("day", *day, problem.hours() / 24)?;
                let mut at: Vec<Vec<(usize, f64)>> = vec![Vec::new(); problem.hours()];
                for (i, tour) in problem.tours.iter().enumerate().filter(|(_, tour)| tour.skill >= *skill) {
                    for h in problem.worked(tour) {
                        at[h].push((i, 1.0));
                    }
                }
                let hours = days.iter().flat_map(|d| (*from_hour..*to_hour).map(move |h| d * 24 + h));
                Ok(hours.map(|h| RuleRow::at_least(std::mem::take(&mut at[h]), people)).collect())
            }
            Self::StartsWithin { from_hour, to_hour } => {
                reader.index("fromHour", *from_hour, 24)?;
                if to_hour < from_hour || *to_hour > 23 {
                    return reader.refuse("toHour", to_hour, format!("from {from_hour} to 23"));
                }
                let outside = tours_where(&|tour| tour.start < *from_hour || tour.start > *to_hour);
                Ok(vec![RuleRow::at_most(outside, 0.0)])
            }
            Self::ShiftAtMost { hours } => {
                if !(1..=24).contains(hours) {
                    return reader.refuse("hours", hours, "from 1 to 24");
                }
                Ok(vec![RuleRow::at_most(tours_where(&|tour| tour.len > *hours), 0.0)])
            }
            Self::WagesAtMost { amount } => {
                let terms = problem.tours.iter().enumerate().map(|(i, tour)| (i, tour.cost)).collect();
                Ok(vec![RuleRow::at_most(terms, reader.amount("amount", *amount)?)])
            }
        }
    }

    pub(super) fn is_kept(&self, problem: &StaffingProblem, plan: &StaffingPlan) -> bool {
        let heads = |skill: &Option<usize>| -> f64 {
            plan.heads
                .iter()
                .filter(|line| skill.is_none_or(|k| problem.tours[line.tour].skill == k))
                .map(|line| line.people)
                .sum()
        };
        let nobody = |bad: &dyn Fn(&crate::business::Tour) -> bool| {
            plan.heads.iter().all(|line| line.people <= 0.0 || !bad(&problem.tours[line.tour]))
        };
        match self {
            Self::HeadsAtMost { skill, people } => within(heads(skill), *people),
            Self::HeadsAtLeast { skill, people } => within(*people, heads(skill)),
            Self::PeopleAtLeast { skill, day, from_hour, to_hour, people } => {
                let mut there = vec![0.0; problem.hours()];
                for line in &plan.heads {
                    let tour = &problem.tours[line.tour];
                    if tour.skill >= *skill {
                        for h in problem.worked(tour) {
                            there[h] += line.people;
                        }
                    }
                }
                (0..problem.hours() / 24)
                    .filter(|d| day.is_none_or(|only| only == d + 1))
                    .all(|d| (*from_hour..*to_hour).all(|h| within(*people, there[d * 24 + h])))
            }
            Self::StartsWithin { from_hour, to_hour } => {
                nobody(&|tour| tour.start < *from_hour || tour.start > *to_hour)
            }
            Self::ShiftAtMost { hours } => nobody(&|tour| tour.len > *hours),
            Self::WagesAtMost { amount } => {
                within(plan.heads.iter().map(|line| line.people * problem.tours[line.tour].cost).sum(), *amount)
            }
        }
    }
}
