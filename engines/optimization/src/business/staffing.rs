//! Heads by shift pattern from an hourly need, with skills that may stand in for lower ones.

use serde::{Deserialize, Serialize};

use super::{amount, count, length, refuse};
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
}

/// How many people on which tour.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StaffingProblem {
    /// People needed, by skill and hour; 168 hours are a week. A person of a higher skill may do the
    /// work of a lower one.
    pub demand: Vec<Vec<f64>>,
    pub tours: Vec<Tour>,
    /// Cost of each hour nobody is there for.
    pub under_penalty: f64,
    /// Most people of each skill.
    pub max_heads: Vec<f64>,
}

impl StaffingProblem {
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
        false
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
        model
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
        for k in 0..skills {
            if heads[k] > self.max_heads[k] + 1e-6 {
                out.push(format!("{} people of skill {k}, {} allowed", heads[k], self.max_heads[k]));
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
}
