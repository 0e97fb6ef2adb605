//! The question: which column is the treatment, which the outcome, which the covariates.

use crate::error::{EvidenceError, Result};
use crate::table::{Table, require_finite, require_observations, require_varying};

/// Treated and untreated rows with an outcome and the covariates to compare them by.
#[derive(Debug, Clone)]
pub struct Study {
    treated: Vec<bool>,
    outcome: Vec<f64>,
    covariates: Table,
}

impl Study {
    /// A study of `outcome` under `treatment` (0 or 1), compared by `covariates`, all columns of `data`.
    ///
    /// # Errors
    /// A treatment that is not 0 or 1, or has only one of them; a constant outcome or covariate; a
    /// covariate that is the treatment or the outcome; fewer than two rows of either group; unknown columns.
    pub fn new(data: &Table, treatment: &str, outcome: &str, covariates: &[String]) -> Result<Self> {
        let treated = binary(treatment, data.column(treatment)?)?;
        for name in covariates {
            if name == treatment || name == outcome {
                return Err(EvidenceError::NotIdentifiable {
                    reason: format!("`{name}` cannot be a covariate too: it is the treatment or the outcome"),
                });
            }
        }
        Study::from_parts(treatment, treated, data.column(outcome)?.to_vec(), data.select(covariates)?)
    }

    /// A study from its parts; `name` is what refusals call the treatment.
    ///
    /// # Errors
    /// As [`Study::new`].
    pub fn from_parts(name: &str, treated: Vec<bool>, outcome: Vec<f64>, covariates: Table) -> Result<Self> {
        let count = treated.iter().filter(|t| **t).count();
        if count == 0 {
            return Err(EvidenceError::NoTreated { column: name.to_string() });
        }
        if count == treated.len() {
            return Err(EvidenceError::NoUntreated { column: name.to_string() });
        }
        require_observations("the treated group", count, 2)?;
        require_observations("the untreated group", treated.len() - count, 2)?;
        for (column, found) in [("outcome", outcome.len()), ("covariates", covariates.rows())] {
            if found != treated.len() && (column == "outcome" || covariates.width() > 0) {
                return Err(EvidenceError::LengthMismatch { column: column.into(), expected: treated.len(), found });
            }
        }
        require_finite("outcome", &outcome)?;
        require_varying("outcome", &outcome)?;
        covariates.require_varying()?;
        Ok(Study { treated, outcome, covariates })
    }

    pub fn rows(&self) -> usize {
        self.treated.len()
    }

    pub fn treated(&self) -> &[bool] {
        &self.treated
    }

    pub fn outcome(&self) -> &[f64] {
        &self.outcome
    }

    pub fn covariates(&self) -> &Table {
        &self.covariates
    }

    /// Rows of the treated and of the untreated.
    pub fn groups(&self) -> (Vec<usize>, Vec<usize>) {
        (0..self.rows()).partition(|&i| self.treated[i])
    }

    pub fn treated_count(&self) -> usize {
        self.treated.iter().filter(|t| **t).count()
    }

    /// The difference of the two groups' mean outcomes: the answer if nothing else differed.
    pub fn naive_difference(&self) -> f64 {
        let mean = |rows: &[usize]| rows.iter().map(|&i| self.outcome[i]).sum::<f64>() / rows.len() as f64;
        let (treated, untreated) = self.groups();
        mean(&treated) - mean(&untreated)
    }

    /// The study on some of the rows (an index may repeat).
    ///
    /// Covariates that no longer vary are left out: among the remaining rows they cannot confound.
    ///
    /// # Errors
    /// When a group disappears or the outcome no longer varies.
    pub fn take_rows(&self, rows: &[usize]) -> Result<Study> {
        let kept = self.covariates.take_rows(rows);
        let varying: Vec<String> = kept
            .names()
            .iter()
            .zip(kept.columns())
            .filter(|(_, column)| column.iter().any(|v| *v != column[0]))
            .map(|(name, _)| name.clone())
            .collect();
        Study::from_parts(
            "treatment",
            rows.iter().map(|&i| self.treated[i]).collect(),
            rows.iter().map(|&i| self.outcome[i]).collect(),
            kept.select(&varying)?,
        )
    }

    /// The same study with another treatment, for placebo tests.
    pub(super) fn with_treatment(&self, treated: Vec<bool>) -> Study {
        Study { treated, ..self.clone() }
    }

    /// The same study compared by other covariates.
    pub(super) fn with_covariates(&self, covariates: Table) -> Study {
        Study { covariates, ..self.clone() }
    }
}

fn binary(name: &str, column: &[f64]) -> Result<Vec<bool>> {
    column
        .iter()
        .enumerate()
        .map(|(row, &value)| {
            if value == 0.0 || value == 1.0 {
                Ok(value == 1.0)
            } else {
                Err(EvidenceError::NotBinary { column: name.to_string(), row: row + 1, value })
            }
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::random::Random;

    /// A study with a known effect: larger `need` makes treatment more likely and the outcome lower.
    pub(in super::super) fn confounded(seed: u64, n: usize, effect: f64) -> Study {
        let mut random = Random::new(seed);
        let mut treated = Vec::new();
        let mut outcome = Vec::new();
        let mut need = Vec::new();
        let mut size = Vec::new();
        for _ in 0..n {
            let (a, b) = (random.normal(), random.normal());
            let p = 1.0 / (1.0 + (1.0 - 0.8 * a - 0.3 * b).exp());
            let t = random.uniform() < p;
            outcome.push(10.0 - 2.0 * a + b + if t { effect } else { 0.0 } + random.normal());
            treated.push(t);
            need.push(a);
            size.push(b);
        }
        let covariates = Table::new(vec![("need".into(), need), ("size".into(), size)]);
        Study::from_parts("t", treated, outcome, covariates.expect("finite")).expect("valid")
    }

    #[test]
    fn a_study_without_treated_rows_is_refused() {
        let data = Table::new(vec![
            ("t".into(), vec![0.0; 4]),
            ("y".into(), vec![1.0, 2.0, 3.0, 4.0]),
            ("x".into(), vec![1.0, 0.0, 3.0, 4.0]),
        ])
        .expect("finite");
        assert!(matches!(Study::new(&data, "t", "y", &["x".into()]), Err(EvidenceError::NoTreated { .. })));
    }

    #[test]
    fn confounding_hides_the_effect_from_the_naive_difference() {
        let study = confounded(1, 4000, 1.0);
        assert!(study.naive_difference() < 0.2);
    }
}
