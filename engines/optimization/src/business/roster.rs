//! A roster for named people: availability, preferences, rest, seniority, fair weeks.

use serde::{Deserialize, Serialize};

use super::rules::Weekday;
use super::{amount, count, length};
use crate::model::{Model, ModelError, Role, Sense};

/// What it costs to miss a soft rule, in the unit of preferences.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default)]
pub struct RosterPenalties {
    /// A shift with one person too few.
    pub under: f64,
    /// A shift with one person too many.
    pub over: f64,
    /// A shift without anyone senior.
    pub no_senior: f64,
    /// A week with one shift too few for a person.
    pub short_week: f64,
}

impl Default for RosterPenalties {
    fn default() -> Self {
        Self { under: 100.0, over: 12.0, no_senior: 40.0, short_week: 30.0 }
    }
}

fn five() -> usize {
    5
}
fn four() -> usize {
    4
}
fn three() -> usize {
    3
}

/// Who works when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RosterProblem {
    /// Number of people.
    #[serde(rename = "E")]
    pub people: usize,
    /// Number of days.
    #[serde(rename = "D")]
    pub days: usize,
    /// Names of the shifts of a day, in order of time; the last is the night.
    pub shifts: Vec<String>,
    /// People needed by day and shift.
    pub demand: Vec<Vec<f64>>,
    pub senior: Vec<bool>,
    /// Who does not work nights.
    pub nonight: Vec<bool>,
    /// Days off by person and day.
    pub off: Vec<Vec<bool>>,
    /// Dislike of a shift by person, day and shift; negative is a wish.
    pub pref: Vec<Vec<Vec<f64>>>,
    #[serde(default)]
    pub names: Option<Vec<String>>,
    /// Most shifts in any `max_consecutive + 1` days.
    #[serde(default = "five")]
    pub max_consecutive: usize,
    /// Most and fewest shifts in a week, most nights in a week.
    #[serde(default = "five")]
    pub week_max: usize,
    #[serde(default = "four")]
    pub week_min: usize,
    #[serde(default = "three")]
    pub nights_max: usize,
    #[serde(default)]
    pub penalties: RosterPenalties,
    /// Weekday of the first day.
    #[serde(default)]
    pub first_weekday: Weekday,
}

impl RosterProblem {
    pub(crate) fn validate(&self) -> Result<(), ModelError> {
        count("E (people)", self.people, 1, 2000)?;
        count("D (days)", self.days, 1, 366)?;
        count("number of shifts", self.shifts.len(), 1, 24)?;
        count("E x D x shifts", self.people * self.days * self.shifts.len(), 1, 300_000)?;
        length("demand", self.demand.len(), self.days, "the number of days")?;
        for (d, row) in self.demand.iter().enumerate() {
            length(format!("demand[{d}]"), row.len(), self.shifts.len(), "the number of shifts")?;
            for (s, &v) in row.iter().enumerate() {
                amount(format!("demand[{d}][{s}]"), v)?;
                if v.fract() != 0.0 {
                    return super::refuse(format!("demand[{d}][{s}]"), v, "a whole number of people");
                }
            }
        }
        let people = "the number of people";
        length("senior", self.senior.len(), self.people, people)?;
        length("nonight", self.nonight.len(), self.people, people)?;
        length("off", self.off.len(), self.people, people)?;
        length("pref", self.pref.len(), self.people, people)?;
        if let Some(names) = &self.names {
            length("names", names.len(), self.people, people)?;
        }
        for e in 0..self.people {
            length(format!("off[{e}]"), self.off[e].len(), self.days, "the number of days")?;
            length(format!("pref[{e}]"), self.pref[e].len(), self.days, "the number of days")?;
            for (d, row) in self.pref[e].iter().enumerate() {
                length(format!("pref[{e}][{d}]"), row.len(), self.shifts.len(), "the number of shifts")?;
                for (s, &v) in row.iter().enumerate() {
                    if !(v.is_finite() && v.abs() < 1e6) {
                        return super::refuse(format!("pref[{e}][{d}][{s}]"), v, "a number between -1e6 and 1e6");
                    }
                }
            }
        }
        for (field, value) in [
            ("penalties.under", self.penalties.under),
            ("penalties.over", self.penalties.over),
            ("penalties.no_senior", self.penalties.no_senior),
            ("penalties.short_week", self.penalties.short_week),
        ] {
            amount(field, value)?;
        }
        count("max_consecutive", self.max_consecutive, 1, 366)?;
        count("week_max", self.week_max, self.week_min, 7 * 24)
    }

    pub(super) fn name(&self, e: usize) -> String {
        match &self.names {
            Some(names) => names[e].clone(),
            None => format!("person {}", e + 1),
        }
    }

    pub(super) fn at(&self, e: usize, d: usize, s: usize) -> usize {
        (e * self.days + d) * self.shifts.len() + s
    }

    pub(super) fn weeks(&self) -> usize {
        self.days / 7
    }

    /// Weekday of a day, which counts from 0.
    pub(super) fn weekday(&self, day: usize) -> Weekday {
        use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
        let week = [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday];
        week[(self.first_weekday as usize + day) % 7]
    }

    /// The model with days off and nights as rows of their own, so that a conflict can name them.
    pub(super) fn model_with_availability_rows(&self) -> Model {
        let mut model = self.model();
        for e in 0..self.people {
            let name = self.name(e);
            for d in 0..self.days {
                for s in 0..self.shifts.len() {
                    let j = self.at(e, d, s);
                    if model.columns[j].upper > 0.0 {
                        continue;
                    }
                    model.columns[j].upper = 1.0;
                    let says = if self.off[e][d] {
                        format!("{name} is off on day {}", d + 1)
                    } else {
                        format!("{name} does not work {}", self.shifts[s])
                    };
                    let row = model.row(format!("free{e}_{d}_{s}"), Role::Rule, vec![(j, 1.0)], f64::NEG_INFINITY, 0.0);
                    model.say(row, says, "shifts");
                }
            }
        }
        model
    }

    /// Pairs of shifts on following days with too little rest between: a later one, then an
    /// earlier one.
    fn forbidden(&self) -> Vec<(usize, usize)> {
        let n = self.shifts.len();
        (0..n).flat_map(|s| (0..s).map(move |next| (s, next))).collect()
    }

    pub(crate) fn model(&self) -> Model {
        let mut model = Model::new("roster", Sense::Min);
        let (people, days, shifts) = (self.people, self.days, self.shifts.len());
        let night = shifts - 1;
        for e in 0..people {
            for d in 0..days {
                for s in 0..shifts {
                    let free = !(self.off[e][d] || s == night && self.nonight[e]);
                    model.integer(format!("x{e}_{d}_{s}"), self.pref[e][d][s], 0.0, if free { 1.0 } else { 0.0 });
                }
            }
        }
        let inf = f64::INFINITY;
        for d in 0..days {
            for s in 0..shifts {
                let need = self.demand[d][s];
                let under = model.integer(format!("u{d}_{s}"), self.penalties.under, 0.0, need);
                let over = model.integer(format!("o{d}_{s}"), self.penalties.over, 0.0, people as f64);
                let alone = model.integer(format!("z{d}_{s}"), self.penalties.no_senior, 0.0, 1.0);
                let all = |keep: &dyn Fn(usize) -> bool| -> Vec<(usize, f64)> {
                    (0..people).filter(|&e| keep(e)).map(|e| (self.at(e, d, s), 1.0)).collect()
                };
                let mut terms = all(&|_| true);
                terms.extend([(under, 1.0), (over, -1.0)]);
                let row = model.row(format!("dem{d}_{s}"), Role::Structure, terms, need, need);
                let shift = &self.shifts[s];
                model.say(row, format!("day {}, {shift}: {need} people", d + 1), "people");
                let mut terms = all(&|e| self.senior[e]);
                terms.push((alone, 1.0));
                let row = model.row(format!("sen{d}_{s}"), Role::Structure, terms, 1.0, inf);
                model.say(row, format!("day {}, {shift}: someone senior", d + 1), "people");
            }
        }
        for e in 0..people {
            self.person_rows(&mut model, e);
        }
        model
    }

    fn person_rows(&self, model: &mut Model, e: usize) {
        let (days, shifts) = (self.days, self.shifts.len());
        let name = self.name(e);
        let none = f64::NEG_INFINITY;
        let span = |from: usize, to: usize| -> Vec<(usize, f64)> {
            (from..to).flat_map(|d| (0..shifts).map(move |s| (d, s))).map(|(d, s)| (self.at(e, d, s), 1.0)).collect()
        };
        for d in 0..days {
            let row = model.row(format!("one{e}_{d}"), Role::Rule, span(d, d + 1), none, 1.0);
            model.say(row, format!("{name}: one shift on day {}", d + 1), "shifts");
            if d + 1 == days {
                continue;
            }
            for (late, early) in self.forbidden() {
                let terms = vec![(self.at(e, d, late), 1.0), (self.at(e, d + 1, early), 1.0)];
                let row = model.row(format!("rest{e}_{d}_{late}{early}"), Role::Rule, terms, none, 1.0);
                let (from, to) = (&self.shifts[late], &self.shifts[early]);
                model.say(row, format!("{name}: rest between {from} of day {} and {to}", d + 1), "shifts");
            }
        }
        let window = self.max_consecutive + 1;
        for d in 0..(days + 1).saturating_sub(window) {
            let most = self.max_consecutive as f64;
            let row = model.row(format!("cons{e}_{d}"), Role::Rule, span(d, d + window), none, most);
            model.say(row, format!("{name}: a day off within days {} to {}", d + 1, d + window), "shifts");
        }
        for w in 0..self.weeks() {
            let week = span(7 * w, 7 * w + 7);
            let most = self.week_max as f64;
            let row = model.row(format!("wkhi{e}_{w}"), Role::Rule, week.clone(), none, most);
            model.say(row, format!("{name}: at most {most} shifts in week {}", w + 1), "shifts");
            let least = self.week_min as f64;
            let short = model.integer(format!("lo{e}_{w}"), self.penalties.short_week, 0.0, least);
            let mut terms = week;
            terms.push((short, 1.0));
            let row = model.row(format!("wklo{e}_{w}"), Role::Structure, terms, least, f64::INFINITY);
            model.say(row, format!("{name}: {least} shifts in week {}", w + 1), "shifts");
            let nights = (7 * w..7 * w + 7).map(|d| (self.at(e, d, shifts - 1), 1.0)).collect();
            let most = self.nights_max as f64;
            let row = model.row(format!("nights{e}_{w}"), Role::Rule, nights, none, most);
            model.say(row, format!("{name}: at most {most} nights in week {}", w + 1), "shifts");
        }
    }

    pub(crate) fn check(&self, x: &[f64]) -> Vec<String> {
        let mut out = Vec::new();
        let shifts = self.shifts.len();
        for e in 0..self.people {
            let name = self.name(e);
            let shift_of: Vec<Vec<usize>> =
                (0..self.days).map(|d| (0..shifts).filter(|&s| x[self.at(e, d, s)] != 0.0).collect()).collect();
            for (d, worked) in shift_of.iter().enumerate() {
                if worked.len() > 1 {
                    out.push(format!("{name} works twice on day {}", d + 1));
                }
                if !worked.is_empty() && self.off[e][d] {
                    out.push(format!("{name} works on a day off, day {}", d + 1));
                }
                if worked.contains(&(shifts - 1)) && self.nonight[e] {
                    out.push(format!("{name} works a night, day {}", d + 1));
                }
                if d > 0
                    && let (Some(&before), Some(&now)) = (shift_of[d - 1].last(), worked.first())
                    && now < before
                {
                    out.push(format!("{name} has no rest before day {}", d + 1));
                }
            }
            let busy: Vec<bool> = shift_of.iter().map(|w| !w.is_empty()).collect();
            if busy.windows(self.max_consecutive + 1).any(|w| w.iter().all(|&b| b)) {
                out.push(format!("{name} works more than {} days on end", self.max_consecutive));
            }
            for w in 0..self.weeks() {
                let days = 7 * w..7 * w + 7;
                let total = days.clone().filter(|&d| busy[d]).count();
                let nights = days.filter(|&d| shift_of[d].contains(&(shifts - 1))).count();
                if total > self.week_max || nights > self.nights_max {
                    out.push(format!("{name}: {total} shifts, {nights} nights in week {}", w + 1));
                }
            }
        }
        out
    }
}
