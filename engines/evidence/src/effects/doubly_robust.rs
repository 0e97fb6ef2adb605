//! Augmented inverse-probability weighting: right when either the propensity model or the outcome
//! model is right.
//!
//! Robins, Rotnitzky and Zhao (1994), JASA 89:846; for the effect on the treated, Mercatanti and Li (2014).

use nalgebra::DMatrix;

use super::Estimate;
use super::propensity::Scored;
use crate::error::Result;
use crate::statistics::least_squares::Design;

/// The doubly robust effect on the treated, with weights normalised and a linear outcome model fitted
/// on the untreated rows.
///
/// # Errors
/// Fewer untreated rows than covariates + 2, or covariates collinear among the untreated.
pub fn aipw(scored: &Scored<'_>) -> Result<Estimate> {
    let study = scored.study;
    let y = study.outcome();
    let covariates = study.covariates();
    let (treated, untreated) = study.groups();
    let k = covariates.width() + 1;
    let mut x = DMatrix::from_element(untreated.len(), k, 1.0);
    for (j, column) in covariates.columns().iter().enumerate() {
        for (row, &i) in untreated.iter().enumerate() {
            x[(row, j + 1)] = column[i];
        }
    }
    let mut names = vec!["const"];
    names.extend(covariates.names().iter().map(String::as_str));
    let outcome: Vec<f64> = untreated.iter().map(|&i| y[i]).collect();
    let model = Design::new(x, &names)?.fit(&outcome)?;
    let residual: Vec<f64> = (0..study.rows())
        .map(|i| {
            let predicted = model.coefficients[0]
                + covariates
                    .columns()
                    .iter()
                    .zip(&model.coefficients[1..])
                    .map(|(column, b)| column[i] * b)
                    .sum::<f64>();
            y[i] - predicted
        })
        .collect();
    let odds = scored.odds();
    let weight: f64 = untreated.iter().map(|&i| odds[i]).sum();
    let mean_treated = treated.iter().map(|&i| residual[i]).sum::<f64>() / treated.len() as f64;
    let mean_untreated = untreated.iter().map(|&i| odds[i] * residual[i]).sum::<f64>() / weight;
    let variance: f64 = (0..study.rows())
        .map(|i| {
            let influence = if study.treated()[i] {
                (residual[i] - mean_treated) / treated.len() as f64
            } else {
                odds[i] * (residual[i] - mean_untreated) / weight
            };
            influence * influence
        })
        .sum();
    Ok(Estimate::normal(mean_treated - mean_untreated, variance.sqrt(), treated.len()))
}

#[cfg(test)]
mod tests {
    use super::super::study::tests::confounded;
    use super::super::weighting::hajek;
    use super::*;

    #[test]
    fn aipw_covers_the_effect_and_agrees_with_weighting() {
        let mut covered = 0;
        for seed in 0..60 {
            let study = confounded(900 + seed, 800, 1.5);
            let scored = Scored::fit(&study).expect("fits");
            let answer = aipw(&scored).expect("fits");
            let weighted = hajek(&scored, &[]).expect("overlap");
            // Both are consistent under this design: they may differ by sampling noise only.
            assert!((answer.effect - weighted.effect).abs() < 4.0 * weighted.standard_error);
            covered += usize::from(answer.lower <= 1.5 && 1.5 <= answer.upper);
        }
        assert!(covered >= 53, "{covered} of 60");
    }
}
