//! Heads by shift pattern from an hourly need, with skills that may stand in for lower ones.

use serde::{Deserialize, Serialize};

use super::queue::QueueDemand;
use crate::bounds::{amount, count, length, refuse};
use crate::model::{Model, ModelError, Role, Sense};

/// A weekly pattern of work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tour {
    #[serde(default)]
    pub skill: usize,
    /// Hour of the day it starts, 0 to 23.
    pub start: usize,
    /// Hours a day, 1 to 24.
    pub len: usize,
    /// Days off, 0 is the first day of the horizon's week.
    #[serde(default)]
    pub off: Vec<usize>,
    /// Cost of one person for the week.
    pub cost: f64,
    /// Counts for the share of part-timers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub part_time: bool,
}

/// Tours by rule: every start with every length and every run of days off.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TourPattern {
    #[serde(default)]
    pub skill: usize,
    /// Hours of the day work may start.
    pub starts: Vec<usize>,
    /// Hours a day.
    pub lengths: Vec<usize>,
    /// Days off in a row each week, 0 to 6.
    #[serde(default = "two")]
    pub days_off: usize,
    /// Cost of an hour.
    pub wage: f64,
    #[serde(default)]
    pub part_time: bool,
}

fn two() -> usize {
    2
}

/// Hours after the end of a shift.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Overtime {
    /// Cost of one hour of one person.
    pub cost_per_hour: f64,
    /// Most hours a person stays on after a shift, 1 to 8.
    pub max_hours_a_day: usize,
    /// Most hours a person and week.
    pub max_hours_a_week: f64,
}

/// Who is employed already, and what changing that costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workforce {
    /// People of each skill today.
    pub heads: Vec<f64>,
    /// Cost of taking one person on.
    pub hire_cost: f64,
    /// Cost of letting one person go.
    pub fire_cost: f64,
}

/// How many people on which tour.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StaffingProblem {
    /// People needed, by skill and hour; 168 hours are a week. A person of a higher skill may do the
    /// work of a lower one. With `queues`, the least that must be there besides.
    #[serde(default)]
    pub demand: Vec<Vec<f64>>,
    #[serde(default)]
    pub tours: Vec<Tour>,
    /// Tours by rule, where none are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<TourPattern>,
    /// Customers whose service decides how many people are needed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<QueueDemand>,
    /// Cost of each hour nobody is there for.
    pub under_penalty: f64,
    /// Most people of each skill.
    pub max_heads: Vec<f64>,
    /// Largest share of all people who are on part-time tours, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_time_share: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overtime: Option<Overtime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workforce: Option<Workforce>,
}

impl StaffingProblem {
    /// Works out the need from queues and the tours from patterns. Doing it twice changes nothing.
    pub(super) fn expanded(mut self) -> Result<Self, ModelError> {
        count("number of queues", self.queues.len(), 0, 100)?;
        for (n, queue) in self.queues.iter().enumerate() {
            count(format!("queues[{n}].skill"), queue.skill, 0, 99)?;
            count(format!("the length of queues[{n}].arrivals"), queue.arrivals.len(), 24, 24 * 366)?;
            let hours = self.demand.first().map_or(queue.arrivals.len(), Vec::len);
            length(format!("queues[{n}].arrivals"), queue.arrivals.len(), hours, "the hours of demand")?;
            while self.demand.len() <= queue.skill {
                self.demand.push(vec![0.0; hours]);
            }
            let people = queue.people()?;
            let row = &mut self.demand[queue.skill];
            length(format!("demand[{}]", queue.skill), row.len(), hours, "the length of demand[0]")?;
            for (need, people) in row.iter_mut().zip(people) {
                *need = need.max(people);
            }
        }
        if self.tours.is_empty() {
            for (n, pattern) in self.patterns.iter().enumerate() {
                count(format!("patterns[{n}].days_off"), pattern.days_off, 0, 6)?;
                amount(format!("patterns[{n}].wage"), pattern.wage)?;
                count(format!("tours of patterns[{n}]"), pattern.starts.len() * pattern.lengths.len(), 1, 10_000)?;
                for (&start, &len) in pattern.starts.iter().flat_map(|s| pattern.lengths.iter().map(move |l| (s, l))) {
                    for first in 0..if pattern.days_off == 0 { 1 } else { 7 } {
                        self.tours.push(Tour {
                            skill: pattern.skill,
                            start,
                            len,
                            off: (0..pattern.days_off).map(|d| (first + d) % 7).collect(),
                            cost: pattern.wage * (len * (7 - pattern.days_off)) as f64,
                            part_time: pattern.part_time,
                        });
                    }
                }
            }
        }
        Ok(self)
    }

    pub(crate) fn validate(&self) -> Result<(), ModelError> {
        count("number of skills", self.demand.len(), 1, 100)?;
        count("number of tours", self.tours.len(), 1, 200_000)?;
        length("max_heads", self.max_heads.len(), self.demand.len(), "the number of skills")?;
        let hours = self.demand[0].len();
        count("hours of demand", hours, 1, 24 * 366)?;
        if !hours.is_multiple_of(24) {
            return refuse("hours of demand", hours, "a multiple of 24");
        }
        amount("under_penalty", self.under_penalty)?;
        for (k, row) in self.demand.iter().enumerate() {
            length(format!("demand[{k}]"), row.len(), hours, "the length of demand[0]")?;
            for (h, &d) in row.iter().enumerate() {
                amount(format!("demand[{k}][{h}]"), d)?;
            }
            amount(format!("max_heads[{k}]"), self.max_heads[k])?;
        }
        for (i, tour) in self.tours.iter().enumerate() {
            amount(format!("tours[{i}].cost"), tour.cost)?;
            if tour.skill >= self.demand.len() {
                return refuse(
                    format!("tours[{i}].skill"),
                    tour.skill,
                    format!("below {}, the number of skills", self.demand.len()),
                );
            }
            count(format!("tours[{i}].start"), tour.start, 0, 23)?;
            count(format!("tours[{i}].len"), tour.len, 1, 24)?;
            for &day in &tour.off {
                count(format!("tours[{i}].off"), day, 0, 6)?;
            }
        }
        if let Some(share) = self.part_time_share
            && !(0.0..=1.0).contains(&share)
        {
            return refuse("part_time_share", share, "from 0 to 1");
        }
        if let Some(overtime) = &self.overtime {
            amount("overtime.cost_per_hour", overtime.cost_per_hour)?;
            count("overtime.max_hours_a_day", overtime.max_hours_a_day, 1, 8)?;
            amount("overtime.max_hours_a_week", overtime.max_hours_a_week)?;
        }
        if let Some(workforce) = &self.workforce {
            length("workforce.heads", workforce.heads.len(), self.demand.len(), "the number of skills")?;
            for (k, &heads) in workforce.heads.iter().enumerate() {
                amount(format!("workforce.heads[{k}]"), heads)?;
            }
            amount("workforce.hire_cost", workforce.hire_cost)?;
            amount("workforce.fire_cost", workforce.fire_cost)?;
        }
        Ok(())
    }

    pub(super) fn hours(&self) -> usize {
        self.demand[0].len()
    }

    /// The hours a tour works: past midnight it goes on into the next day, and from the last day
    /// into the first.
    pub(super) fn worked(&self, tour: &Tour) -> Vec<usize> {
        let hours = self.hours();
        let mut out = Vec::new();
        for day in 0..hours / 24 {
            if tour.off.contains(&(day % 7)) {
                continue;
            }
            out.extend((0..tour.len).map(|h| (day * 24 + tour.start + h) % hours));
        }
        out
    }

    /// Who can serve skill k: k and above. What must be served by them: k and above, by hour.
    pub(super) fn needed(&self) -> Vec<Vec<f64>> {
        (0..self.demand.len())
            .map(|k| (0..self.hours()).map(|h| self.demand[k..].iter().map(|row| row[h]).sum()).collect())
            .collect()
    }

    /// Whether more than the people on each tour is to be decided.
    pub(super) fn has_extras(&self) -> bool {
        self.part_time_share.is_some() || self.overtime.is_some() || self.workforce.is_some()
    }

    /// Column of the people of a skill who stay on for their `nth` hour after a shift (from 0) in an
    /// hour of the horizon.
    pub(super) fn staying(&self, skill: usize, hour: usize, nth: usize) -> usize {
        let hours = self.hours();
        self.tours.len() + self.demand.len() * hours * (1 + nth) + skill * hours + hour
    }

    /// Columns of people taken on and let go, two a skill.
    pub(super) fn hired(&self, skill: usize) -> usize {
        let most = self.overtime.map_or(0, |overtime| overtime.max_hours_a_day);
        self.staying(0, 0, most) + 2 * skill
    }

    /// Hours at which a shift of a tour has just ended.
    pub(super) fn ends(&self, tour: &Tour) -> Vec<usize> {
        let (hours, worked) = (self.hours(), self.worked(tour));
        let busy = |h: usize| worked.contains(&(h % hours));
        worked.iter().map(|h| (h + 1) % hours).filter(|&h| !busy(h)).collect()
    }

    pub(super) fn under(&self, skill: usize, hour: usize) -> usize {
        self.tours.len() + skill * self.hours() + hour
    }

    pub(crate) fn model(&self) -> Model {
        let mut model = Model::new("staffing", Sense::Min);
        let (skills, hours) = (self.demand.len(), self.hours());
        for (i, tour) in self.tours.iter().enumerate() {
            let day = tour.off.first().map_or("all".to_string(), ToString::to_string);
            let name = format!("t{}_{}_{}_{day}_{i}", tour.skill, tour.start, tour.len);
            model.integer(name, tour.cost, 0.0, f64::INFINITY);
        }
        let needed = self.needed();
        for (k, row) in needed.iter().enumerate() {
            for (h, &d) in row.iter().enumerate() {
                model.column(format!("u{k}_{h}"), self.under_penalty, 0.0, d);
            }
        }
        let longest = self.overtime.map_or(0, |overtime| overtime.max_hours_a_day);
        for nth in 0..longest {
            for k in 0..skills {
                for h in 0..hours {
                    let cost = self.overtime.map_or(0.0, |overtime| overtime.cost_per_hour);
                    model.integer(format!("stay{k}_{h}_{nth}"), cost, 0.0, self.max_heads[k].floor());
                }
            }
        }
        if let Some(workforce) = &self.workforce {
            for k in 0..skills {
                model.column(format!("hire{k}"), workforce.hire_cost, 0.0, f64::INFINITY);
                model.column(format!("fire{k}"), workforce.fire_cost, 0.0, workforce.heads[k]);
            }
        }
        let mut terms: Vec<Vec<(usize, f64)>> = vec![Vec::new(); skills * hours];
        for (i, tour) in self.tours.iter().enumerate() {
            for h in self.worked(tour) {
                for k in 0..=tour.skill {
                    terms[k * hours + h].push((i, 1.0));
                }
            }
        }
        for (at, mut terms) in terms.into_iter().enumerate() {
            let (k, h) = (at / hours, at % hours);
            terms.push((self.under(k, h), 1.0));
            for nth in 0..longest {
                terms.extend((k..skills).map(|s| (self.staying(s, h, nth), 1.0)));
            }
            let row = model.row(format!("cov{k}_{h}"), Role::Structure, terms, needed[k][h], f64::INFINITY);
            model.say(
                row,
                format!("day {}, {:02}:00: {} people of skill {k} or higher", h / 24 + 1, h % 24, needed[k][h]),
                "people",
            );
        }
        for k in 0..skills {
            let terms =
                self.tours.iter().enumerate().filter(|(_, tour)| tour.skill == k).map(|(i, _)| (i, 1.0)).collect();
            let row = model.row(format!("heads{k}"), Role::Rule, terms, f64::NEG_INFINITY, self.max_heads[k]);
            model.say(row, format!("at most {} people of skill {k}", self.max_heads[k]), "people");
        }
        self.part_time_row(&mut model);
        self.overtime_rows(&mut model);
        if let Some(workforce) = &self.workforce {
            for k in 0..skills {
                let mut terms = self.people_of(k);
                terms.extend([(self.hired(k), -1.0), (self.hired(k) + 1, 1.0)]);
                let heads = workforce.heads[k];
                let row = model.row(format!("staff{k}"), Role::Structure, terms, heads, heads);
                model.say(row, format!("{heads} people of skill {k} are employed"), "people");
            }
        }
        model
    }

    fn people_of(&self, skill: usize) -> Vec<(usize, f64)> {
        self.tours.iter().enumerate().filter(|(_, tour)| tour.skill == skill).map(|(i, _)| (i, 1.0)).collect()
    }

    fn part_time_row(&self, model: &mut Model) {
        let Some(share) = self.part_time_share else { return };
        let weight = |tour: &Tour| if tour.part_time { 1.0 - share } else { -share };
        let terms = self.tours.iter().enumerate().map(|(i, tour)| (i, weight(tour))).collect();
        let row = model.row("parttime", Role::Rule, terms, f64::NEG_INFINITY, 0.0);
        model.say(row, format!("at most {} % of people part-time", 100.0 * share), "people");
    }

    fn overtime_rows(&self, model: &mut Model) {
        let Some(overtime) = self.overtime else { return };
        let (hours, none) = (self.hours(), f64::NEG_INFINITY);
        for k in 0..self.demand.len() {
            let mut ending: Vec<Vec<(usize, f64)>> = vec![Vec::new(); hours];
            for (i, tour) in self.tours.iter().enumerate().filter(|(_, tour)| tour.skill == k) {
                for h in self.ends(tour) {
                    ending[h].push((i, -1.0));
                }
            }
            for (h, mut terms) in ending.into_iter().enumerate() {
                terms.push((self.staying(k, h, 0), 1.0));
                model.row(format!("on{k}_{h}_0"), Role::Structure, terms, none, 0.0);
                for nth in 1..overtime.max_hours_a_day {
                    let before = self.staying(k, (h + hours - 1) % hours, nth - 1);
                    let terms = vec![(self.staying(k, h, nth), 1.0), (before, -1.0)];
                    model.row(format!("on{k}_{h}_{nth}"), Role::Structure, terms, none, 0.0);
                }
            }
            let weeks = (hours as f64 / 168.0).max(1.0);
            let allowed = overtime.max_hours_a_week * weeks;
            let mut terms: Vec<_> = self.people_of(k).into_iter().map(|(i, _)| (i, -allowed)).collect();
            for nth in 0..overtime.max_hours_a_day {
                terms.extend((0..hours).map(|h| (self.staying(k, h, nth), 1.0)));
            }
            let row = model.row(format!("over{k}"), Role::Rule, terms, none, 0.0);
            let says = format!("overtime of skill {k}: at most {} hours a person and week", overtime.max_hours_a_week);
            model.say(row, says, "hours");
        }
    }

    pub(crate) fn check(&self, x: &[f64]) -> Vec<String> {
        let mut out = Vec::new();
        let (skills, hours) = (self.demand.len(), self.hours());
        let mut present = vec![vec![0.0; hours]; skills];
        let mut heads = vec![0.0; skills];
        for (i, tour) in self.tours.iter().enumerate() {
            if x[i] < 0.0 || x[i].fract() != 0.0 {
                out.push(format!("tour {i}: {} people", x[i]));
            }
            heads[tour.skill] += x[i];
            for h in self.worked(tour) {
                present[tour.skill][h] += x[i];
            }
        }
        if let Some(overtime) = self.overtime {
            self.check_overtime(overtime, x, &heads, &mut present, &mut out);
        }
        let part_time: f64 =
            self.tours.iter().zip(x).filter(|(tour, _)| tour.part_time).map(|(_, people)| people).sum();
        if self.part_time_share.is_some_and(|share| part_time > share * heads.iter().sum::<f64>() + 1e-6) {
            out.push(format!("{part_time} people part-time"));
        }
        for k in 0..skills {
            if heads[k] > self.max_heads[k] + 1e-6 {
                out.push(format!("{} people of skill {k}, {} allowed", heads[k], self.max_heads[k]));
            }
            if let Some(workforce) = &self.workforce {
                let change = x[self.hired(k)] - x[self.hired(k) + 1];
                if (heads[k] - workforce.heads[k] - change).abs() > 1e-5 {
                    out.push(format!("skill {k}: {} people, hired and let go do not add up", heads[k]));
                }
            }
            for h in 0..hours {
                let have: f64 = (k..skills).map(|s| present[s][h]).sum();
                let need: f64 = (k..skills).map(|s| self.demand[s][h]).sum();
                if have + x[self.under(k, h)] < need - 1e-5 {
                    out.push(format!("hour {h}: {have} of {need} people of skill {k}, not accounted"));
                }
            }
        }
        out
    }

    /// Everyone who stays on has just finished a shift or stayed on the hour before.
    fn check_overtime(
        &self,
        overtime: Overtime,
        x: &[f64],
        heads: &[f64],
        present: &mut [Vec<f64>],
        out: &mut Vec<String>,
    ) {
        let hours = self.hours();
        for k in 0..self.demand.len() {
            let mut finished = vec![0.0; hours];
            for (tour, people) in self.tours.iter().zip(x).filter(|(tour, _)| tour.skill == k) {
                for h in self.ends(tour) {
                    finished[h] += people;
                }
            }
            let mut total = 0.0;
            for h in 0..hours {
                for nth in 0..overtime.max_hours_a_day {
                    let stay = x[self.staying(k, h, nth)];
                    let could =
                        if nth == 0 { finished[h] } else { x[self.staying(k, (h + hours - 1) % hours, nth - 1)] };
                    if stay > could + 1e-6 || stay < -1e-6 {
                        out.push(format!("skill {k}, hour {h}: {stay} people stay on, {could} could"));
                    }
                    present[k][h] += stay;
                    total += stay;
                }
            }
            let allowed = overtime.max_hours_a_week * (hours as f64 / 168.0).max(1.0) * heads[k];
            if total > allowed * (1.0 + 1e-9) + 1e-6 {
                out.push(format!("skill {k}: {total} hours of overtime, {allowed} allowed"));
            }
        }
    }
}
