//! Refutations: changes to the question under which a sound answer must vanish, or must stay.
//!
//! After Sharma and Kiciman (2020, "DoWhy: an end-to-end library for causal inference", arXiv:2011.04216).

use serde::{Deserialize, Serialize};

use super::study::Study;
use crate::error::{EvidenceError, Result};
use crate::progress::Progress;
use crate::random::Random;
use crate::statistics::correlation::{mean, quantile_of_sorted, variance};
use crate::table::Table;

/// One refutation's outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refutation {
    pub kind: String,
    /// Mean of the re-estimated effects.
    pub effect: f64,
    /// 2.5th and 97.5th percentile of the re-estimated effects.
    pub lower: f64,
    pub upper: f64,
    pub repeats: usize,
    pub passed: bool,
    /// What passing means, in words.
    pub reading: String,
}

/// Runs the placebo-treatment, random-common-cause and subset refutations of `estimator`.
///
/// `repeats` estimates each; repeats in which the estimator refuses the altered data are not counted.
///
/// # Errors
/// [`EvidenceError::Cancelled`]; fewer than 5 repeats; or the estimator refuses the study itself.
pub fn refute(
    study: &Study,
    estimator: &dyn Fn(&Study) -> Result<f64>,
    repeats: usize,
    seed: u64,
    progress: &mut Progress<'_>,
) -> Result<Vec<Refutation>> {
    if repeats < 5 {
        return Err(EvidenceError::OutOfRange { name: "repeats", value: repeats as f64, bound: "at least 5".into() });
    }
    let original = estimator(study)?;
    let mut random = Random::new(seed);
    let total = 3 * repeats;
    let mut run = |kind: usize, alter: &mut dyn FnMut(&mut Random) -> Result<Study>| {
        let mut effects = Vec::new();
        for repeat in 0..repeats {
            if let Ok(effect) = alter(&mut random).and_then(|altered| estimator(&altered)) {
                effects.push(effect);
            }
            progress.report(kind * repeats + repeat + 1, total)?;
        }
        effects.sort_by(f64::total_cmp);
        Ok::<_, EvidenceError>(effects)
    };
    let placebo = run(0, &mut |random| {
        let mut treated = study.treated().to_vec();
        random.shuffle(&mut treated);
        Ok(study.with_treatment(treated))
    })?;
    let common_cause = run(1, &mut |random| {
        let noise: Vec<f64> = (0..study.rows()).map(|_| random.normal()).collect();
        let covariates = study.covariates();
        let mut named: Vec<(String, Vec<f64>)> =
            covariates.names().iter().cloned().zip(covariates.columns().iter().cloned()).collect();
        named.push(("(random common cause)".into(), noise));
        Ok(study.with_covariates(Table::new(named)?))
    })?;
    let subset = run(2, &mut |random| {
        let mut rows: Vec<usize> = (0..study.rows()).collect();
        random.shuffle(&mut rows);
        rows.truncate(study.rows() * 4 / 5);
        rows.sort_unstable();
        study.take_rows(&rows)
    })?;
    let spread = if subset.len() > 1 { variance(&subset, 1).sqrt() } else { f64::NAN };
    let mut answers = Vec::new();
    answers.extend(summary("placebo treatment", &placebo, |low, high| {
        let inside = low <= 0.0 && 0.0 <= high;
        let beyond = original < low || original > high;
        let reading = if inside {
            format!("with the treatment given at random the effect is about zero, as it must be; the estimate {original:.4} lies {} what chance alone gives", if beyond { "outside" } else { "within" })
        } else {
            "a treatment given at random still shows an effect: the method is biased on these data".to_string()
        };
        (inside, reading)
    }));
    answers.extend(summary("random common cause", &common_cause, |low, high| {
        let stays = (0.5 * (low + high) - original).abs() <= 0.5 * spread.max(0.02 * original.abs());
        let reading = if stays {
            "a covariate of pure noise leaves the estimate where it was, as it must"
        } else {
            "a covariate of pure noise moves the estimate: it is not stable"
        };
        (stays, reading.to_string())
    }));
    answers.extend(summary("four fifths of the rows", &subset, |low, high| {
        let stays = low <= original && original <= high;
        let reading = if stays {
            "subsets of the rows scatter around the estimate, as they must"
        } else {
            "subsets of the rows do not scatter around the estimate: a few rows carry it"
        };
        (stays, reading.to_string())
    }));
    Ok(answers)
}

fn summary(kind: &str, sorted: &[f64], judge: impl Fn(f64, f64) -> (bool, String)) -> Option<Refutation> {
    if sorted.is_empty() {
        return None;
    }
    let lower = quantile_of_sorted(sorted, 0.025);
    let upper = quantile_of_sorted(sorted, 0.975);
    let (passed, reading) = judge(lower, upper);
    Some(Refutation {
        kind: kind.to_string(),
        effect: mean(sorted),
        lower,
        upper,
        repeats: sorted.len(),
        passed,
        reading,
    })
}

/// A percentile interval at 95 % by resampling rows within each group.
///
/// # Errors
/// [`EvidenceError::Cancelled`], or when fewer than half of the resamples can be estimated.
pub fn bootstrap(
    study: &Study,
    estimator: &dyn Fn(&Study) -> Result<f64>,
    repeats: usize,
    seed: u64,
    progress: &mut Progress<'_>,
) -> Result<(f64, f64)> {
    let mut random = Random::new(seed);
    let (treated, untreated) = study.groups();
    let mut effects = Vec::with_capacity(repeats);
    for repeat in 0..repeats {
        let mut rows = Vec::with_capacity(study.rows());
        for group in [&treated, &untreated] {
            rows.extend(random.resample(group.len(), group.len()).into_iter().map(|i| group[i]));
        }
        if let Ok(effect) = study.take_rows(&rows).and_then(|s| estimator(&s)) {
            effects.push(effect);
        }
        progress.report(repeat + 1, repeats)?;
    }
    if effects.len() * 2 < repeats || effects.is_empty() {
        return Err(EvidenceError::NotIdentifiable {
            reason: format!("only {} of {repeats} resamples of the rows can be estimated", effects.len()),
        });
    }
    effects.sort_by(f64::total_cmp);
    Ok((quantile_of_sorted(&effects, 0.025), quantile_of_sorted(&effects, 0.975)))
}

#[cfg(test)]
mod tests {
    use super::super::doubly_robust::aipw;
    use super::super::propensity::Scored;
    use super::super::study::tests::confounded;
    use super::*;

    fn estimator(study: &Study) -> Result<f64> {
        Ok(aipw(&Scored::fit(study)?)?.effect)
    }

    #[test]
    fn a_sound_estimate_passes_every_refutation() {
        let study = confounded(41, 800, 1.5);
        let answers = refute(&study, &estimator, 20, 1, &mut Progress::silent()).expect("runs");
        assert_eq!(answers.len(), 3);
        for answer in &answers {
            assert!(answer.passed, "{answer:?}");
        }
        assert!(answers[0].effect.abs() < 0.2);
    }

    #[test]
    fn a_biased_method_fails_the_placebo() {
        let study = confounded(42, 400, 1.5);
        let biased = |s: &Study| Ok(estimator(s)? + 5.0);
        let answers = refute(&study, &biased, 20, 1, &mut Progress::silent()).expect("runs");
        assert!(!answers[0].passed);
    }

    #[test]
    fn a_seed_repeats_the_interval_and_cancelling_stops() {
        let study = confounded(43, 300, 1.0);
        let run = || bootstrap(&study, &estimator, 30, 9, &mut Progress::silent()).expect("runs");
        assert_eq!(run(), run());
        let mut stop = |done: usize, _| {
            if done == 3 { crate::Continue::Cancel } else { crate::Continue::Yes }
        };
        let stopped = bootstrap(&study, &estimator, 30, 9, &mut Progress::new(&mut stop));
        assert_eq!(stopped, Err(EvidenceError::Cancelled));
    }
}
