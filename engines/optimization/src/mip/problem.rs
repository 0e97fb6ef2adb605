//! A mixed-integer program in the form the search works on: always a minimisation.

use crate::lp::{LpInput, Simplex};
use crate::model::Model;

#[derive(Debug, Clone, Default)]
pub(crate) struct Problem {
    pub cost: Vec<f64>,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    pub integer: Vec<bool>,
    /// Whole by the rows once the other integers are: good for cuts, never branched on.
    pub implied: Vec<bool>,
    pub rows: Vec<Vec<(usize, f64)>>,
    pub row_lower: Vec<f64>,
    pub row_upper: Vec<f64>,
}

/// How far from whole a relaxation's value may be and still count as whole before it is rounded.
pub(crate) const INTEGRAL: f64 = 1e-6;

impl Problem {
    pub fn from_model(model: &Model) -> Self {
        let sign = model.sense.sign();
        Self {
            cost: model.columns.iter().map(|c| c.cost * sign).collect(),
            lower: model.columns.iter().map(|c| c.lower).collect(),
            upper: model.columns.iter().map(|c| c.upper).collect(),
            integer: model.columns.iter().map(|c| c.integer).collect(),
            implied: vec![false; model.columns.len()],
            rows: model.rows.iter().map(|r| r.terms.clone()).collect(),
            row_lower: model.rows.iter().map(|r| r.lower).collect(),
            row_upper: model.rows.iter().map(|r| r.upper).collect(),
        }
    }

    pub fn columns(&self) -> usize {
        self.cost.len()
    }

    pub fn simplex(&self) -> Simplex {
        Simplex::new(&LpInput {
            cost: &self.cost,
            lower: &self.lower,
            upper: &self.upper,
            rows: &self.rows,
            row_lower: &self.row_lower,
            row_upper: &self.row_upper,
        })
    }

    pub fn objective(&self, x: &[f64]) -> f64 {
        self.cost.iter().zip(x).map(|(c, x)| c * x).sum()
    }

    /// Rows, bounds and integrality, to the tolerances of the public checker but tighter.
    pub fn accepts(&self, x: &[f64]) -> bool {
        for j in 0..self.columns() {
            let tolerance = 2e-7 * (1.0 + x[j].abs());
            if x[j] < self.lower[j] - tolerance || x[j] > self.upper[j] + tolerance {
                return false;
            }
            if self.integer[j] && (x[j] - x[j].round()).abs() > 1e-9 {
                return false;
            }
        }
        self.rows.iter().enumerate().all(|(i, row)| {
            let mut sum = 0.0;
            let mut size = 1.0f64;
            for &(j, v) in row {
                sum += v * x[j];
                size = size.max((v * x[j]).abs());
            }
            let tolerance = 5e-7 * size;
            sum >= self.row_lower[i] - tolerance && sum <= self.row_upper[i] + tolerance
        })
    }

    /// Which rows mention each column.
    pub fn column_rows(&self) -> Vec<Vec<u32>> {
        let mut out = vec![Vec::new(); self.columns()];
        for (i, row) in self.rows.iter().enumerate() {
            for &(j, _) in row {
                out[j].push(i as u32);
            }
        }
        out
    }

    /// The largest step of which every whole plan's objective is a multiple; 0 if there is none.
    /// Meant for presolved problems, whose fixed columns are gone.
    pub fn objective_step(&self) -> f64 {
        let mut step = 0.0f64;
        for j in 0..self.columns() {
            let c = self.cost[j];
            if c == 0.0 {
                continue;
            }
            if !self.integer[j] || c.fract() != 0.0 || c.abs() > 1e9 {
                return 0.0;
            }
            step = gcd(step, c.abs());
        }
        step
    }
}

fn gcd(mut a: f64, mut b: f64) -> f64 {
    while b > 0.5 {
        (a, b) = (b, a % b);
    }
    a
}
