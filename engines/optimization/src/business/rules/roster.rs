//! Rules about people and their shifts.

use serde::{Deserialize, Serialize};

use super::{Reader, RuleRow};
use crate::business::plan::RosterPlan;
use crate::business::roster::RosterProblem;
use crate::business::weekday::Weekday;
use crate::refusal::Refusal;

/// A rule about people and their shifts, named as in the problem. Days count from 1; without a
/// weekday or a day every day is meant, without a shift every shift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum RosterRule {
    NotAtWork {
        person: String,
        #[serde(default)]
        weekday: Option<Weekday>,
        #[serde(default)]
        day: Option<usize>,
        #[serde(default)]
        shift: Option<String>,
    },
    /// The person works the shift on the day.
    AtWork {
        person: String,
        day: usize,
        shift: String,
    },
    SeniorsAtLeast {
        #[serde(default)]
        shift: Option<String>,
        #[serde(default)]
        weekday: Option<Weekday>,
        people: usize,
    },
    PeopleAtLeast {
        #[serde(default)]
        shift: Option<String>,
        #[serde(default)]
        weekday: Option<Weekday>,
        people: usize,
    },
    PeopleAtMost {
        #[serde(default)]
        shift: Option<String>,
        #[serde(default)]
        weekday: Option<Weekday>,
        people: usize,
    },
    /// Shifts of a person in each whole week; without a person, of each one.
    WeekAtMost {
        #[serde(default)]
        person: Option<String>,
        shifts: usize,
    },
    WeekAtLeast {
        person: String,
        shifts: usize,
    },
    /// Two people never share a shift.
    Apart {
        person: String,
        other: String,
    },
}

fn shift_words(shift: Option<&String>, weekday: Option<Weekday>) -> String {
    let shift = shift.map_or("each shift".to_string(), |s| format!("each {s} shift"));
    match weekday {
        Some(day) => format!("{shift} on {day:?}s"),
        None => shift,
    }
}

impl RosterRule {
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::NotAtWork { person, weekday, day, shift } => {
                let what = shift.as_ref().map_or(String::new(), |s| format!(" {s}"));
                let when = match (weekday, day) {
                    (_, Some(day)) => format!(" on day {day}"),
                    (Some(weekday), None) => format!(" on {weekday:?}s"),
                    (None, None) => String::new(),
                };
                format!("{person} does not work{what}{when}")
            }
            Self::AtWork { person, day, shift } => format!("{person} works {shift} on day {day}"),
            Self::SeniorsAtLeast { shift, weekday, people } => {
                format!("{people} seniors in {}", shift_words(shift.as_ref(), *weekday))
            }
            Self::PeopleAtLeast { shift, weekday, people } => {
                format!("at least {people} people in {}", shift_words(shift.as_ref(), *weekday))
            }
            Self::PeopleAtMost { shift, weekday, people } => {
                format!("at most {people} people in {}", shift_words(shift.as_ref(), *weekday))
            }
            Self::WeekAtMost { person, shifts } => {
                format!("{} works at most {shifts} shifts a week", person.as_deref().unwrap_or("everyone"))
            }
            Self::WeekAtLeast { person, shifts } => format!("{person} works at least {shifts} shifts a week"),
            Self::Apart { person, other } => format!("{person} and {other} never share a shift"),
        }
    }

    pub(super) fn unit(&self) -> &'static str {
        match self {
            Self::SeniorsAtLeast { .. } | Self::PeopleAtLeast { .. } | Self::PeopleAtMost { .. } => "people",
            _ => "shifts",
        }
    }

    pub(super) fn rows(&self, reader: &Reader, problem: &RosterProblem) -> Result<Vec<RuleRow>, Refusal> {
        let names: Vec<String> = (0..problem.people).map(|e| problem.name(e)).collect();
        let find = |person: &str| reader.named("person", person, &names);
        let shifts = |shift: Option<&String>| reader.named_or_all("shift", shift.map(String::as_str), &problem.shifts);
        let days = |weekday: Option<Weekday>, day: Option<usize>| -> Result<Vec<usize>, Refusal> {
            let days = reader.counted("day", day, problem.days)?;
            Ok(days.into_iter().filter(|&d| weekday.is_none_or(|w| problem.weekday(d) == w)).collect())
        };
        let whole = |people: usize| {
            if people <= problem.people {
                Ok(people as f64)
            } else {
                reader.refuse("people", people, format!("at most {}, the number of people", problem.people))
            }
        };
        let crews = |shift: Option<&String>, weekday: Option<Weekday>, senior: bool| {
            let slots = days(weekday, None)?
                .into_iter()
                .flat_map(|d| shifts(shift).into_iter().flatten().map(move |s| (d, s)))
                .collect::<Vec<_>>();
            shifts(shift)?;
            Ok::<_, Refusal>(
                slots
                    .into_iter()
                    .map(|(d, s)| {
                        let people = (0..problem.people).filter(|&e| !senior || problem.senior[e]);
                        people.map(|e| (problem.at(e, d, s), 1.0)).collect::<Vec<_>>()
                    })
                    .collect::<Vec<_>>(),
            )
        };
        let week = |e: usize, w: usize| -> Vec<(usize, f64)> {
            (7 * w..7 * w + 7)
                .flat_map(|d| (0..problem.shifts.len()).map(move |s| (problem.at(e, d, s), 1.0)))
                .collect()
        };
        let in_week = |count: usize| {
            if count <= 7 { Ok(count as f64) } else { reader.refuse("shifts", count, "at most 7") }
        };
        match self {
            Self::NotAtWork { person, weekday, day, shift } => {
                let (e, shifts) = (find(person)?, shifts(shift.as_ref())?);
                let slots = days(*weekday, *day)?;
                let terms = slots.iter().flat_map(|&d| shifts.iter().map(move |&s| (problem.at(e, d, s), 1.0)));
                Ok(vec![RuleRow::at_most(terms.collect(), 0.0)])
            }
            Self::AtWork { person, day, shift } => {
                let (e, s) = (find(person)?, reader.named("shift", shift, &problem.shifts)?);
                let d = reader.counted("day", Some(*day), problem.days)?[0];
                Ok(vec![RuleRow::at_least(vec![(problem.at(e, d, s), 1.0)], 1.0)])
            }
            Self::SeniorsAtLeast { shift, weekday, people } => {
                let seniors = problem.senior.iter().filter(|&&senior| senior).count();
                if *people > seniors {
                    return reader.refuse("people", people, format!("at most {seniors}, the number of seniors"));
                }
                let rows = crews(shift.as_ref(), *weekday, true)?;
                Ok(rows.into_iter().map(|terms| RuleRow::at_least(terms, *people as f64)).collect())
            }
            Self::PeopleAtLeast { shift, weekday, people } => {
                let people = whole(*people)?;
                let rows = crews(shift.as_ref(), *weekday, false)?;
                Ok(rows.into_iter().map(|terms| RuleRow::at_least(terms, people)).collect())
            }
            Self::PeopleAtMost { shift, weekday, people } => {
                let people = whole(*people)?;
                let rows = crews(shift.as_ref(), *weekday, false)?;
                Ok(rows.into_iter().map(|terms| RuleRow::at_most(terms, people)).collect())
            }
            Self::WeekAtMost { person, shifts } => {
                let people = reader.named_or_all("person", person.as_deref(), &names)?;
                let most = in_week(*shifts)?;
                let rows = people.iter().flat_map(|&e| (0..problem.weeks()).map(move |w| (e, w)));
                Ok(rows.map(|(e, w)| RuleRow::at_most(week(e, w), most)).collect())
            }
            Self::WeekAtLeast { person, shifts } => {
                let (e, least) = (find(person)?, in_week(*shifts)?);
                Ok((0..problem.weeks()).map(|w| RuleRow::at_least(week(e, w), least)).collect())
            }
            Self::Apart { person, other } => {
                let (a, b) = (find(person)?, find(other)?);
                if a == b {
                    return reader.refuse("other", other, "someone else");
                }
                let slots = (0..problem.days).flat_map(|d| (0..problem.shifts.len()).map(move |s| (d, s)));
                let pair = |(d, s)| vec![(problem.at(a, d, s), 1.0), (problem.at(b, d, s), 1.0)];
                Ok(slots.map(|slot| RuleRow::at_most(pair(slot), 1.0)).collect())
            }
        }
    }

    pub(super) fn is_kept(&self, problem: &RosterProblem, plan: &RosterPlan) -> bool {
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        let on = |day: usize, weekday: &Option<Weekday>| weekday.is_none_or(|w| problem.weekday(day - 1) == w);
        let senior = |person: &str| {
            (0..problem.people).any(|e| problem.senior[e] && problem.name(e).eq_ignore_ascii_case(person))
        };
        // People in every slot that a rule speaks of.
        let crews = |shift: &Option<String>, weekday: &Option<Weekday>, seniors: bool| -> Vec<usize> {
            let mut out = Vec::new();
            for day in (1..=problem.days).filter(|&day| on(day, weekday)) {
                for name in problem.shifts.iter().filter(|s| shift.as_ref().is_none_or(|only| same(only, s))) {
                    let crew = plan.shifts.iter().filter(|line| line.day == day && same(&line.shift, name));
                    out.push(crew.filter(|line| !seniors || senior(&line.person)).count());
                }
            }
            out
        };
        let in_week = |person: &str, w: usize| {
            plan.shifts.iter().filter(|line| same(&line.person, person) && (line.day - 1) / 7 == w).count()
        };
        match self {
            Self::NotAtWork { person, weekday, day, shift } => !plan.shifts.iter().any(|line| {
                same(&line.person, person)
                    && on(line.day, weekday)
                    && day.is_none_or(|only| only == line.day)
                    && shift.as_ref().is_none_or(|only| same(only, &line.shift))
            }),
            Self::AtWork { person, day, shift } => plan
                .shifts
                .iter()
                .any(|line| same(&line.person, person) && line.day == *day && same(&line.shift, shift)),
            Self::SeniorsAtLeast { shift, weekday, people } => {
                crews(shift, weekday, true).iter().all(|crew| crew >= people)
            }
            Self::PeopleAtLeast { shift, weekday, people } => {
                crews(shift, weekday, false).iter().all(|crew| crew >= people)
            }
            Self::PeopleAtMost { shift, weekday, people } => {
                crews(shift, weekday, false).iter().all(|crew| crew <= people)
            }
            Self::WeekAtMost { person, shifts } => (0..problem.people)
                .map(|e| problem.name(e))
                .filter(|name| person.as_ref().is_none_or(|only| same(only, name)))
                .all(|name| (0..problem.weeks()).all(|w| in_week(&name, w) <= *shifts)),
            Self::WeekAtLeast { person, shifts } => (0..problem.weeks()).all(|w| in_week(person, w) >= *shifts),
            Self::Apart { person, other } => !plan.shifts.iter().any(|line| {
                same(&line.person, person)
                    && plan
                        .shifts
                        .iter()
                        .any(|with| same(&with.person, other) && with.day == line.day && same(&with.shift, &line.shift))
            }),
        }
    }
}
