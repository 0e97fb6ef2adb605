//! A roster for named people: availability, preferences, rest, seniority, fair weeks.

use serde::{Deserialize, Serialize};

use super::weekday::Weekday;
use crate::bounds::{amount, count, length, refuse};
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
    /// Most shifts in a week by person (part-timers, say); without it, `week_max` for all. Where it is
    /// below `week_min`, it is also the fewest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub week_max_of: Option<Vec<usize>>,
    /// How much a person's wishes count (years of service, say); without it, 1 for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seniority: Option<Vec<f64>>,
    /// Seniors wanted on each shift, where that many people are needed at all.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub seniors_per_shift: usize,
    /// Pairs of shifts that nobody works on following days, first and next; without it, every later
    /// shift of a day followed by an earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forbidden_sequences: Option<Vec<(String, String)>>,
    /// When shifts start and end, in hours of the first day (an end past midnight is above 24); with
    /// `min_rest_hours` it says which sequences are forbidden besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift_hours: Option<Vec<(f64, f64)>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_rest_hours: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fairness: Option<Fairness>,
}

/// What it costs that some carry more than others: per shift between the most and the least loaded
/// of the people who may carry it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fairness {
    pub shifts: f64,
    pub nights: f64,
    pub weekends: f64,
}

impl Default for Fairness {
    fn default() -> Self {
        Self { shifts: 0.0, nights: 5.0, weekends: 5.0 }
    }
}

fn one() -> usize {
    1
}

fn is_one(value: &usize) -> bool {
    *value == 1
}

/// A load that is to be shared: its name, its price, who may carry it, and the slots it is made of.
pub(super) struct Load {
    pub name: &'static str,
    pub price: f64,
    pub people: Vec<usize>,
    pub slots: Vec<(usize, usize)>,
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
                    return refuse(format!("demand[{d}][{s}]"), v, "a whole number of people");
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
                        return refuse(format!("pref[{e}][{d}][{s}]"), v, "a number between -1e6 and 1e6");
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
        if let Some(most) = &self.week_max_of {
            length("week_max_of", most.len(), self.people, people)?;
            for (e, &most) in most.iter().enumerate() {
                count(format!("week_max_of[{e}]"), most, 0, 7 * 24)?;
            }
        }
        if let Some(seniority) = &self.seniority {
            length("seniority", seniority.len(), self.people, people)?;
            for (e, &weight) in seniority.iter().enumerate() {
                amount(format!("seniority[{e}]"), weight)?;
            }
        }
        count("seniors_per_shift", self.seniors_per_shift, 0, self.people)?;
        for (n, pair) in self.forbidden_sequences.iter().flatten().enumerate() {
            for name in [&pair.0, &pair.1] {
                if self.shift_named(name).is_none() {
                    let known = format!("one of {}", self.shifts.join(", "));
                    return refuse(format!("forbidden_sequences[{n}]"), format!("{name:?}"), known);
                }
            }
        }
        if let Some(hours) = &self.shift_hours {
            length("shift_hours", hours.len(), self.shifts.len(), "the number of shifts")?;
            for (s, &(start, end)) in hours.iter().enumerate() {
                if !(start.is_finite() && end.is_finite() && 0.0 <= start && start < end && end <= 48.0) {
                    let bound = "a start from 0 and a later end up to 48";
                    return refuse(format!("shift_hours[{s}]"), format!("{start} to {end}"), bound);
                }
            }
        }
        if let Some(rest) = self.min_rest_hours {
            amount("min_rest_hours", rest)?;
            if self.shift_hours.is_none() {
                return refuse("shift_hours", "missing", "given with min_rest_hours");
            }
        }
        if let Some(fairness) = &self.fairness {
            amount("fairness.shifts", fairness.shifts)?;
            amount("fairness.nights", fairness.nights)?;
            amount("fairness.weekends", fairness.weekends)?;
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

    fn shift_named(&self, name: &str) -> Option<usize> {
        self.shifts.iter().position(|shift| shift.eq_ignore_ascii_case(name))
    }

    /// Pairs of shifts that nobody works on following days.
    pub(super) fn forbidden(&self) -> Vec<(usize, usize)> {
        let n = self.shifts.len();
        let too_close = |first: usize, next: usize| match (&self.shift_hours, self.min_rest_hours) {
            (Some(hours), Some(rest)) => hours[next].0 + 24.0 - hours[first].1 < rest,
            _ => false,
        };
        let named = |first: usize, next: usize| match &self.forbidden_sequences {
            Some(pairs) => {
                pairs.iter().any(|(a, b)| self.shift_named(a) == Some(first) && self.shift_named(b) == Some(next))
            }
            None => self.min_rest_hours.is_none() && next < first,
        };
        let pairs = (0..n).flat_map(|first| (0..n).map(move |next| (first, next)));
        pairs.filter(|&(first, next)| named(first, next) || too_close(first, next)).collect()
    }

    pub(super) fn most_in_week(&self, e: usize) -> usize {
        self.week_max_of.as_ref().map_or(self.week_max, |most| most[e])
    }

    pub(super) fn least_in_week(&self, e: usize) -> usize {
        self.week_min.min(self.most_in_week(e))
    }

    pub(super) fn weight(&self, e: usize) -> f64 {
        self.seniority.as_ref().map_or(1.0, |weights| weights[e])
    }

    /// The loads that are to be shared fairly.
    pub(super) fn loads(&self) -> Vec<Load> {
        let Some(fairness) = self.fairness else { return Vec::new() };
        let night = self.shifts.len() - 1;
        let everyone = || (0..self.people).collect::<Vec<_>>();
        let slots = |keep: &dyn Fn(usize, usize) -> bool| {
            let all = (0..self.days).flat_map(|d| (0..self.shifts.len()).map(move |s| (d, s)));
            all.filter(|&(d, s)| keep(d, s)).collect::<Vec<_>>()
        };
        let weekend = |d: usize| matches!(self.weekday(d), Weekday::Saturday | Weekday::Sunday);
        let loads = [
            Load { name: "shifts", price: fairness.shifts, people: everyone(), slots: slots(&|_, _| true) },
            Load {
                name: "nights",
                price: fairness.nights,
                people: (0..self.people).filter(|&e| !self.nonight[e]).collect(),
                slots: slots(&|_, s| s == night),
            },
            Load { name: "weekends", price: fairness.weekends, people: everyone(), slots: slots(&|d, _| weekend(d)) },
        ];
        loads.into_iter().filter(|load| load.price > 0.0 && load.people.len() > 1 && !load.slots.is_empty()).collect()
    }

    pub(crate) fn model(&self) -> Model {
        let mut model = Model::new("roster", Sense::Min);
        let (people, days, shifts) = (self.people, self.days, self.shifts.len());
        let night = shifts - 1;
        for e in 0..people {
            for d in 0..days {
                for s in 0..shifts {
                    let free = !(self.off[e][d] || s == night && self.nonight[e]);
                    model.integer(
                        format!("x{e}_{d}_{s}"),
                        self.weight(e) * self.pref[e][d][s],
                        0.0,
                        if free { 1.0 } else { 0.0 },
                    );
                }
            }
        }
        let inf = f64::INFINITY;
        for d in 0..days {
            for s in 0..shifts {
                let need = self.demand[d][s];
                let under = model.integer(format!("u{d}_{s}"), self.penalties.under, 0.0, need);
                let over = model.integer(format!("o{d}_{s}"), self.penalties.over, 0.0, people as f64);
                let seniors = (self.seniors_per_shift as f64).min(need);
                let alone = model.integer(format!("z{d}_{s}"), self.penalties.no_senior, 0.0, seniors.max(1.0));
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
                let row = model.row(format!("sen{d}_{s}"), Role::Structure, terms, seniors, inf);
                let whom = if seniors == 1.0 { "someone senior".into() } else { format!("{seniors} seniors") };
                model.say(row, format!("day {}, {shift}: {whom}", d + 1), "people");
            }
        }
        for e in 0..people {
            self.person_rows(&mut model, e);
        }
        for load in self.loads() {
            let most = model.integer(format!("most {}", load.name), load.price, 0.0, load.slots.len() as f64);
            let least = model.integer(format!("least {}", load.name), -load.price, 0.0, load.slots.len() as f64);
            for &e in &load.people {
                let carried = || load.slots.iter().map(|&(d, s)| (self.at(e, d, s), 1.0));
                let terms = carried().chain([(most, -1.0)]).collect();
                model.row(format!("most {} {e}", load.name), Role::Structure, terms, f64::NEG_INFINITY, 0.0);
                let terms = carried().chain([(least, -1.0)]).collect();
                model.row(format!("least {} {e}", load.name), Role::Structure, terms, 0.0, inf);
            }
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
            let most = self.most_in_week(e) as f64;
            let row = model.row(format!("wkhi{e}_{w}"), Role::Rule, week.clone(), none, most);
            model.say(row, format!("{name}: at most {most} shifts in week {}", w + 1), "shifts");
            let least = self.least_in_week(e) as f64;
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
        let forbidden = self.forbidden();
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
                    && forbidden.contains(&(before, now))
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
                if total > self.most_in_week(e) || nights > self.nights_max {
                    out.push(format!("{name}: {total} shifts, {nights} nights in week {}", w + 1));
                }
            }
        }
        out
    }
}
