//! What would happen if a factor were changed: the path with bands, and what it rests on.

use serde::{Deserialize, Serialize};

use super::calendar::Calendar;
use super::history::{continue_errors, whitened};
use crate::error::{EvidenceError, Result};
use crate::progress::Progress;
use crate::random::Random;
use crate::statistics::correlation::quantile_of_sorted;
use crate::statistics::distributions::student_two_sided;
use crate::table::{Table, require_finite, require_observations, require_varying};

const DRAWS: usize = 2000;
/// Below this share of the history at or beyond the target, the overlap is scarce.
const SCARCE: f64 = 0.05;

/// An action: the factor is raised by `impact` units from the next point on.
#[derive(Debug, Clone, Copy)]
pub struct Action<'a> {
    pub factor: &'a str,
    pub impact: f64,
    /// Points from the factor to its effect.
    pub lag: usize,
    pub horizon: usize,
    pub seed: u64,
}

/// Lower and upper limits along the path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Band {
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Simulation {
    /// Path to expect with the action, and without.
    pub path: Vec<f64>,
    pub without: Vec<f64>,
    pub band_50: Band,
    pub band_80: Band,
    pub band_95: Band,
    /// Change per unit of the factor, its standard error and p-value.
    pub effect: f64,
    pub standard_error: f64,
    pub p: f64,
    /// p-value of the same effect with the factor's history turned around in time, where none can be;
    /// none where it cannot be fitted.
    pub placebo_p: Option<f64>,
    pub assumptions: Vec<String>,
    pub warnings: Vec<String>,
}

/// Simulates the action on `y`, the factors otherwise staying where they were at the end.
///
/// # Errors
/// NaN, a constant series or factor, too short a history, collinear factors, factors of another
/// length, an impact that is not a number, or a horizon of 0; cancelled.
pub fn simulate(
    y: &[f64],
    factors: &Table,
    calendar: &Calendar,
    action: Action<'_>,
    progress: &mut Progress<'_>,
) -> Result<Simulation> {
    require_finite("y", y)?;
    require_varying("y", y)?;
    let Action { impact, lag, horizon, .. } = action;
    if horizon == 0 {
        return Err(EvidenceError::OutOfRange { name: "horizon", value: 0.0, bound: "at least 1".into() });
    }
    let n = y.len();
    if !impact.is_finite() {
        return Err(EvidenceError::OutOfRange { name: "impact", value: impact, bound: "a finite number".into() });
    }
    if factors.rows() != n {
        return Err(EvidenceError::LengthMismatch { column: "factors".into(), expected: n, found: factors.rows() });
    }
    let chosen = factors.index(action.factor)?;
    factors.require_varying()?;
    let rows = n + horizon;
    let extended = Calendar { known: ahead(&calendar.known, n, rows)?, ..calendar.clone() };
    require_observations("a simulation's history", n, lag + 2)?;
    let (extended, _) = extended.testable(rows, lag, n, rows - 1)?;
    let season: Vec<Vec<f64>> = extended.columns(rows, n, true)?.into_iter().map(|part| part.values).collect();
    require_observations("a simulation's history", n, (5 * (season.len() + factors.width())).max(30) + lag)?;
    let delayed: Vec<Vec<f64>> = factors
        .columns()
        .iter()
        .enumerate()
        .map(|(j, column)| {
            let back = if j == chosen { lag } else { 0 };
            (0..n).map(|t| column[t.saturating_sub(back)]).collect()
        })
        .collect();
    let regress = |columns: &[Vec<f64>]| {
        let mut views: Vec<&[f64]> = season.iter().map(|c| &c[lag..n]).collect();
        let mut names = vec!["calendar"; views.len()];
        for (name, column) in factors.names().iter().zip(columns) {
            views.push(&column[lag..n]);
            names.push(name);
        }
        whitened(&views, &names, &y[lag..])
    };
    let model = regress(&delayed)?;
    let place = season.len() + chosen;
    let effect = model.fit.coefficients[place];
    let standard_error = model.fit.standard_error(place);
    let mut reversed = delayed.clone();
    reversed[chosen].reverse();
    let placebo_p = regress(&reversed).ok().map(|placebo| placebo.fit.p(place)).filter(|p| p.is_finite());
    let memory = continue_errors(&model.memory, &model.errors, horizon);
    // The model's row at each point to come: the calendar goes on, the factors stay where they were.
    let last_rows: Vec<Vec<f64>> = (0..horizon)
        .map(|h| {
            let mut row: Vec<f64> = season.iter().map(|c| c[n + h]).collect();
            row.extend(factors.columns().iter().enumerate().map(|(j, c)| {
                let back = if j == chosen { lag } else { 0 };
                c[(n + h).saturating_sub(back).min(n - 1)]
            }));
            row
        })
        .collect();
    let along = |row: &[f64], coefficients: &[f64]| -> f64 { row.iter().zip(coefficients).map(|(x, b)| x * b).sum() };
    let without: Vec<f64> =
        last_rows.iter().zip(&memory).map(|(row, e)| along(row, &model.fit.coefficients) + e).collect();
    let shift = |h: usize, slope: f64| if h >= lag { slope * impact } else { 0.0 };
    let path: Vec<f64> = without.iter().enumerate().map(|(h, v)| v + shift(h, effect)).collect();
    let mut random = Random::new(action.seed);
    let factor = model.fit.cross_inverse.clone().cholesky().ok_or_else(|| EvidenceError::Singular {
        what: "the regression on the history".into(),
        hint: "leave out factors that move together".into(),
    })?;
    let width = model.fit.coefficients.len();
    let df = model.fit.df_residual as f64;
    let mut draws: Vec<Vec<f64>> = vec![Vec::with_capacity(DRAWS); horizon];
    for draw in 0..DRAWS {
        // Scale, then coefficients given the scale: the posterior under a flat prior.
        let sd = (model.fit.ssr / chi_square(df, &mut random)).sqrt();
        let normals = nalgebra::DVector::from_fn(width, |_, _| random.normal());
        let moved = factor.l() * normals * sd;
        let mut errors: Vec<f64> = Vec::with_capacity(horizon);
        for h in 0..horizon {
            let carried: f64 =
                model.memory.iter().enumerate().filter(|(l, _)| h > *l).map(|(l, a)| a * errors[h - l - 1]).sum();
            errors.push(carried + sd * random.normal());
            let slope = effect + moved[place];
            draws[h].push(without[h] + along(&last_rows[h], moved.as_slice()) + shift(h, slope) + errors[h]);
        }
        if draw % 200 == 199 {
            progress.report(draw + 1, DRAWS)?;
        }
    }
    draws.iter_mut().for_each(|d| d.sort_by(f64::total_cmp));
    let band = |level: f64| Band {
        lower: draws.iter().map(|d| quantile_of_sorted(d, 0.5 - 0.5 * level)).collect(),
        upper: draws.iter().map(|d| quantile_of_sorted(d, 0.5 + 0.5 * level)).collect(),
    };
    let p = student_two_sided(effect / standard_error, model.fit.df_residual as f64);
    Ok(Simulation {
        band_50: band(0.5),
        band_80: band(0.8),
        band_95: band(0.95),
        path,
        without,
        effect,
        standard_error,
        p,
        placebo_p,
        assumptions: vec![
            format!(
                "`{}` acts on its own, {lag} points later, by {effect:.4} per unit, as it did before",
                action.factor
            ),
            "all other factors stay where they were last".into(),
            "nothing unmeasured moved the factor and the metric together in the past".into(),
        ],
        warnings: warnings(&factors.columns()[chosen], action, p, placebo_p),
    })
}

/// Known events over the history and the horizon; given for the history alone, none is to come.
fn ahead(known: &Table, n: usize, rows: usize) -> Result<Table> {
    if known.width() == 0 || known.rows() != n {
        return Ok(known.clone());
    }
    let longer = |column: &Vec<f64>| column.iter().copied().chain(std::iter::repeat_n(0.0, rows - n)).collect();
    Table::new(known.names().iter().cloned().zip(known.columns().iter().map(longer)).collect())
}

/// A chi-square draw: Wilson and Hilferty's (1931) cube of a normal, exact to three digits from 10 degrees up.
fn chi_square(df: f64, random: &mut Random) -> f64 {
    let spread = 2.0 / (9.0 * df);
    df * (1.0 - spread + spread.sqrt() * random.normal()).max(1e-3).powi(3)
}

fn warnings(column: &[f64], action: Action<'_>, p: f64, placebo_p: Option<f64>) -> Vec<String> {
    let mut warnings = Vec::new();
    let now = column[column.len() - 1];
    let (low, high) = column.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let target = now + action.impact;
    // Overlap: how much of the history speaks of where the factor would be.
    let beyond = column.iter().filter(|v| if action.impact >= 0.0 { **v >= target } else { **v <= target }).count();
    let share = beyond as f64 / column.len() as f64;
    if target >= low && target <= high && share < SCARCE {
        warnings.push(format!(
            "only {beyond} of {} points had `{}` at {target:.4} or beyond: little of the history speaks of it",
            column.len(),
            action.factor
        ));
    }
    if target < low || target > high {
        warnings.push(format!(
            "`{}` would go to {target:.4}, outside the {low:.4} to {high:.4} seen so far: this is extrapolation",
            action.factor
        ));
    }
    if p > 0.05 {
        warnings.push(format!("history does not show that `{}` has an effect (p = {p:.2})", action.factor));
    }
    if placebo_p.is_some_and(|p| p < 0.05) {
        warnings.push("the factor's history turned around in time shows an effect too: the estimate may be an accident of slow movements".into());
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> (Vec<f64>, Table) {
        let mut random = Random::new(91);
        let staff: Vec<f64> = (0..200).map(|_| 5.0 + random.below(4) as f64).collect();
        let y = (0..200)
            .map(|t: usize| {
                50.0 + 3.0 * staff[t.saturating_sub(1)] + [4.0, 0.0, -2.0, 1.0, 0.0, 3.0, -6.0][t % 7] + random.normal()
            })
            .collect();
        (y, Table::new(vec![("staff".into(), staff)]).expect("finite"))
    }

    const HIRE_TWO: Action<'_> = Action { factor: "staff", impact: 2.0, lag: 1, horizon: 14, seed: 1 };

    #[test]
    fn two_more_hands_bring_what_they_brought_before() {
        let (y, factors) = shop();
        let answer =
            simulate(&y, &factors, &Calendar::daily(), HIRE_TWO, &mut Progress::silent()).expect("long enough");
        assert!((answer.path[5] - answer.without[5] - 6.0).abs() < 0.5);
        assert_eq!(answer.path[0], answer.without[0]);
        assert!(answer.placebo_p.is_some_and(|p| p > 0.01));
        for h in 0..14 {
            assert!(answer.band_95.lower[h] <= answer.band_80.lower[h]);
            assert!(answer.band_80.upper[h] >= answer.band_50.upper[h]);
        }
    }

    #[test]
    fn a_promotion_to_come_lifts_both_paths_as_the_earlier_ones_did() {
        let (mut y, factors) = shop();
        let promoted = |t: usize| t % 50 < 5;
        y.iter_mut().enumerate().filter(|(t, _)| promoted(*t)).for_each(|(_, v)| *v += 20.0);
        let days: Vec<f64> = (0..214).map(|t| f64::from(u8::from(promoted(t)))).collect();
        let known = Table::new(vec![("sale".into(), days)]).expect("finite");
        let calendar = Calendar { known, ..Calendar::daily() };
        let with = simulate(&y, &factors, &calendar, HIRE_TWO, &mut Progress::silent()).expect("long enough");
        let short = Table::new(vec![("sale".into(), calendar.known.columns()[0][..200].to_vec())]).expect("finite");
        let calendar = Calendar { known: short, ..Calendar::daily() };
        let without = simulate(&y, &factors, &calendar, HIRE_TWO, &mut Progress::silent()).expect("long enough");
        assert!((with.without[2] - without.without[2] - 20.0).abs() < 2.0);
        assert!((with.without[8] - without.without[8]).abs() < 1e-9);
        assert!((with.effect - 3.0).abs() < 0.3);
    }

    #[test]
    fn little_of_the_history_at_the_target_is_said() {
        let (y, mut factors) = shop();
        let mut staff = factors.columns()[0].clone();
        (staff[20], staff[199]) = (9.0, 8.0);
        factors = Table::new(vec![("staff".into(), staff)]).expect("finite");
        let one = Action { impact: 1.0, ..HIRE_TWO };
        let answer = simulate(&y, &factors, &Calendar::daily(), one, &mut Progress::silent()).expect("long enough");
        assert!(answer.warnings.iter().any(|w| w.contains("only 1 of 200 points")), "{:?}", answer.warnings);
    }

    #[test]
    fn going_beyond_what_was_seen_is_said() {
        let (y, factors) = shop();
        let far = Action { impact: 50.0, ..HIRE_TWO };
        let answer = simulate(&y, &factors, &Calendar::daily(), far, &mut Progress::silent()).expect("long enough");
        assert!(answer.warnings.iter().any(|w| w.contains("extrapolation")));
    }
}
