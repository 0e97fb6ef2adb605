//! The impact of an event: what was, against what the series' own past and its controls led one to expect.
//!
//! Brodersen, Gallusser, Koehler, Remy and Scott (2015), Annals of Applied Statistics 9:247, with the
//! variances by maximum likelihood for the path, and integrated over for the tests.

use serde::{Deserialize, Serialize};

use super::structural::{self, Structure};
use crate::error::{EvidenceError, Result};
use crate::statistics::correlation::{mean, variance};
use crate::statistics::distributions::{normal_quantile, student_two_sided};
use crate::table::{Table, require_finite, require_observations};

/// The answer. Paths start with the first point after the event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Impact {
    /// Hypothetical path without the event.
    pub pred: Vec<f64>,
    /// 95 % band of the hypothetical path at the most likely variances.
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    pub point_effect: Vec<f64>,
    pub cumulative_effect: Vec<f64>,
    /// 95 % band of the cumulative effect.
    pub cumulative_lower: Vec<f64>,
    pub cumulative_upper: Vec<f64>,
    pub avg_effect: f64,
    pub cum_effect: f64,
    /// Average effect over the average of the hypothetical path.
    pub rel_effect: f64,
    /// 95 % interval of the average effect and its two-sided p-value, with the coefficients' and
    /// variances' own uncertainty.
    pub avg_lower: f64,
    pub avg_upper: f64,
    pub p: f64,
    /// Variances (of the standardised series) and coefficients (standardised controls) by name.
    pub params: Vec<(String, f64)>,
    pub llf: f64,
    /// The same question asked of a moment before the event, where the answer must be nothing.
    pub placebo: Option<Placebo>,
    pub warnings: Vec<String>,
}

/// The average "effect" of an event that did not happen, in the last third of the time before the event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placebo {
    pub avg_effect: f64,
    pub p: f64,
}

/// Estimates the impact on `y` of an event after its first `n_pre` points.
///
/// `controls` are series of the same rows that the event did not touch (their future is used).
///
/// # Errors
/// NaN, different lengths, no point after the event, fewer than 3 + states + controls points before it,
/// or controls that are constant or collinear before it.
pub fn impact(y: &[f64], controls: &Table, n_pre: usize, structure: Structure) -> Result<Impact> {
    let mut answer = without_placebo(y, controls, n_pre, structure)?;
    let earlier = n_pre - n_pre / 3;
    if n_pre >= 30 {
        let before = controls.take_rows(&(0..n_pre).collect::<Vec<_>>());
        answer.placebo = without_placebo(&y[..n_pre], &before, earlier, structure)
            .ok()
            .map(|p| Placebo { avg_effect: p.avg_effect, p: p.p });
        if answer.placebo.as_ref().is_some_and(|p| p.p < 0.05) {
            answer.warnings.push("an event that did not happen, placed before the real one, also shows an effect: the series was already moving away from its controls".into());
        }
    }
    Ok(answer)
}

fn without_placebo(y: &[f64], controls: &Table, n_pre: usize, structure: Structure) -> Result<Impact> {
    require_finite("y", y)?;
    if controls.width() > 0 && controls.rows() != y.len() {
        return Err(EvidenceError::LengthMismatch {
            column: "controls".into(),
            expected: y.len(),
            found: controls.rows(),
        });
    }
    require_observations("the time after the event", y.len().saturating_sub(n_pre), 1)?;
    require_observations("the time before the event", n_pre, 4)?;
    let steps = y.len() - n_pre;
    // Standardised by the time before the event, so that variances and coefficients are comparable.
    let (y_mean, y_sd) = (mean(&y[..n_pre]), variance(&y[..n_pre], 0).sqrt());
    crate::table::require_varying("y before the event", &y[..n_pre])?;
    let standard: Vec<f64> = y.iter().map(|v| (v - y_mean) / y_sd).collect();
    let mut warnings = Vec::new();
    let mut columns = Vec::new();
    for (name, column) in controls.names().iter().zip(controls.columns()) {
        crate::table::require_varying(&format!("{name} before the event"), &column[..n_pre])?;
        let (m, s) = (mean(&column[..n_pre]), variance(&column[..n_pre], 0).sqrt());
        let scaled: Vec<f64> = column.iter().map(|v| (v - m) / s).collect();
        let before = scaled[..n_pre].iter().fold(0.0_f64, |a, v| a.max(v.abs()));
        let after = scaled[n_pre..].iter().fold(0.0_f64, |a, v| a.max(v.abs()));
        if after > 2.0 * before {
            warnings.push(format!("control `{name}` goes far beyond its earlier range after the event: the hypothetical path is extrapolation"));
        }
        columns.push(scaled);
    }
    let past: Vec<&[f64]> = columns.iter().map(|c| &c[..n_pre]).collect();
    let future: Vec<&[f64]> = columns.iter().map(|c| &c[n_pre..]).collect();
    let fitted = structural::fit(structure, &standard[..n_pre], &past)?;
    let path = fitted.forecast(&future, steps);
    let z = normal_quantile(0.975);
    let pred: Vec<f64> = path.mean.iter().map(|v| v * y_sd + y_mean).collect();
    let half: Vec<f64> = (0..steps).map(|t| z * path.plug_in[(t, t)].sqrt() * y_sd).collect();
    let point_effect: Vec<f64> = y[n_pre..].iter().zip(&pred).map(|(a, p)| a - p).collect();
    let mut running = 0.0;
    let cumulative_effect: Vec<f64> = point_effect
        .iter()
        .map(|e| {
            running += e;
            running
        })
        .collect();
    // Models to average over: the drift's own uncertainty matters most for sums over time.
    let models: Vec<(f64, structural::Path)> = if structure == Structure::LOCAL_LEVEL {
        structural::local_levels(&standard[..n_pre], &past)?
            .into_iter()
            .map(|(weight, model)| (weight, model.forecast(&future, steps)))
            .collect()
    } else {
        vec![(1.0, path)]
    };
    let actual = &standard[n_pre..];
    let sums = |upto: usize| -> Vec<Component> {
        models
            .iter()
            .map(|(weight, model)| {
                let centre = (0..=upto).map(|t| actual[t] - model.mean[t]).sum();
                let spread: f64 = model.with_coefficients.view((0, 0), (upto + 1, upto + 1)).iter().sum();
                Component { weight: *weight, centre, spread: spread.max(0.0).sqrt(), df: model.df as f64 }
            })
            .collect()
    };
    let (mut cumulative_lower, mut cumulative_upper) = (Vec::new(), Vec::new());
    for t in 0..steps {
        let mixture = sums(t);
        cumulative_lower.push(quantile(&mixture, 0.025) * y_sd);
        cumulative_upper.push(quantile(&mixture, 0.975) * y_sd);
    }
    let whole = sums(steps - 1);
    let below = cumulative(&whole, 0.0);
    let avg_effect = mean(&point_effect);
    let mut params: Vec<(String, f64)> = Vec::new();
    let mut names = vec!["sigma2.irregular", "sigma2.level"];
    if structure.slope {
        names.push("sigma2.trend");
    }
    if structure.season.is_some() {
        names.push("sigma2.seasonal");
    }
    for (name, value) in names.iter().zip(&fitted.variances) {
        params.push(((*name).to_string(), *value));
    }
    for (j, b) in fitted.coefficients.iter().enumerate() {
        params.push((format!("beta.x{}", j + 1), *b));
    }
    if n_pre < 30 {
        warnings.push(format!("only {n_pre} points before the event: the bands are rough"));
    }
    let lower = pred.iter().zip(&half).map(|(p, h)| p - h).collect();
    let upper = pred.iter().zip(&half).map(|(p, h)| p + h).collect();
    Ok(Impact {
        rel_effect: avg_effect / mean(&pred),
        cum_effect: running,
        avg_effect,
        avg_lower: cumulative_lower[steps - 1] / steps as f64,
        avg_upper: cumulative_upper[steps - 1] / steps as f64,
        p: (2.0 * below.min(1.0 - below)).clamp(0.0, 1.0),
        lower,
        upper,
        pred,
        point_effect,
        cumulative_effect,
        cumulative_lower,
        cumulative_upper,
        params,
        llf: fitted.log_likelihood,
        placebo: None,
        warnings,
    })
}

/// One model's Student distribution of the sum of effects.
struct Component {
    weight: f64,
    centre: f64,
    spread: f64,
    df: f64,
}

/// P(sum <= at) under the mixture.
fn cumulative(mixture: &[Component], at: f64) -> f64 {
    mixture
        .iter()
        .map(|c| {
            let t = (at - c.centre) / c.spread;
            let tail = 0.5 * student_two_sided(t, c.df);
            c.weight * if t < 0.0 { tail } else { 1.0 - tail }
        })
        .sum()
}

fn quantile(mixture: &[Component], p: f64) -> f64 {
    let reach = |sign: f64| {
        mixture
            .iter()
            .map(|c| c.centre + sign * 60.0 * c.spread)
            .fold(-sign * f64::INFINITY, |a, b| if sign > 0.0 { a.max(b) } else { a.min(b) })
    };
    let narrowest = mixture.iter().map(|c| c.spread).fold(f64::INFINITY, f64::min);
    let (mut low, mut high) = (reach(-1.0), reach(1.0));
    let (mut below, mut above) = (-p, 1.0 - p);
    let (mut last, mut last_rose) = (f64::NAN, None);
    // Halving until the curve is nearly straight, then the false position with Illinois weights
    // (Dowell and Jarratt 1971, BIT 11:168).
    for _ in 0..100 {
        let halving = high - low > narrowest;
        let straight = (low * above - high * below) / (above - below);
        let at = if halving || !straight.is_finite() { 0.5 * (low + high) } else { straight };
        let settled = 1e-14 * (at.abs() + narrowest);
        if (at - last).abs() <= settled || high - low <= settled {
            return at;
        }
        last = at;
        let gap = cumulative(mixture, at) - p;
        let rose = gap < 0.0;
        let again = !halving && last_rose == Some(rose);
        if rose {
            (low, below) = (at, gap);
            above *= if again { 0.5 } else { 1.0 };
        } else {
            (high, above) = (at, gap);
            below *= if again { 0.5 } else { 1.0 };
        }
        last_rose = Some(rose);
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn quantiles_of_a_mixture_turn_its_distribution_round() {
        let part = |weight, centre, spread, df| Component { weight, centre, spread, df };
        let mixtures = [
            vec![part(1.0, 3.0, 2.0, 12.0)],
            vec![part(0.5, -1.0, 0.01, 30.0), part(0.499_999, 2.0, 5.0, 4.0), part(1e-6, 900.0, 400.0, 1.0)],
            vec![part(0.03, 1e3, 1e-3, 8.0), part(0.97, -4.0, 1.0, 8.0)],
        ];
        for mixture in &mixtures {
            for p in [0.001, 0.025, 0.5, 0.96, 0.975] {
                let found = cumulative(mixture, quantile(mixture, p));
                assert!((found - p).abs() < 1e-9, "{p} {found}");
            }
        }
        let normal = quantile(&[part(1.0, 0.0, 1.0, 1e7)], 0.975);
        assert!((normal - normal_quantile(0.975)).abs() < 1e-5, "{normal}");
    }

    fn series(seed: u64, effect: f64) -> (Vec<f64>, Table) {
        let mut random = Random::new(seed);
        let mut x = 0.0;
        let control: Vec<f64> = (0..120)
            .map(|_| {
                x = 0.9 * x + random.normal();
                100.0 + x
            })
            .collect();
        let y = control
            .iter()
            .enumerate()
            .map(|(t, x)| 1.2 * x + random.normal() + if t >= 90 { effect } else { 0.0 })
            .collect();
        (y, Table::new(vec![("control".into(), control)]).expect("finite"))
    }

    #[test]
    fn a_planted_effect_is_found_within_half_a_standard_deviation() {
        let (y, x) = series(1, 10.0);
        let answer = impact(&y, &x, 90, Structure::LOCAL_LEVEL).expect("fits");
        assert!((answer.avg_effect - 10.0).abs() < 0.5);
        assert!(answer.p < 1e-6 && answer.avg_lower < 10.0 && answer.avg_upper > 10.0);
        assert!(answer.placebo.expect("long enough").p > 0.01);
    }

    #[test]
    fn bands_cover_and_false_alarms_stay_rare() {
        let (mut inside, mut points, mut alarms) = (0, 0, 0);
        for seed in 0..150 {
            let (y, x) = series(3000 + seed, 0.0);
            let answer = without_placebo(&y, &x, 90, Structure::LOCAL_LEVEL).expect("fits");
            for (t, y) in y[90..].iter().enumerate() {
                inside += usize::from(answer.lower[t] <= *y && *y <= answer.upper[t]);
                points += 1;
            }
            alarms += usize::from(answer.p < 0.05);
        }
        let coverage = inside as f64 / points as f64;
        assert!((0.925..=0.975).contains(&coverage), "{coverage}");
        assert!(alarms <= 13, "{alarms} of 150");
    }

    #[test]
    fn units_do_not_matter() {
        let (y, x) = series(2, 3.0);
        let scaled: Vec<f64> = y.iter().map(|v| 1000.0 * v - 7.0).collect();
        let (a, b) = (
            impact(&y, &x, 90, Structure::LOCAL_LEVEL).expect("fits"),
            impact(&scaled, &x, 90, Structure::LOCAL_LEVEL).expect("fits"),
        );
        assert!((a.avg_effect * 1000.0 / b.avg_effect - 1.0).abs() < 1e-6);
    }

    #[test]
    fn two_points_or_a_constant_past_are_refused() {
        let none = Table::new(vec![]).expect("empty");
        assert!(impact(&[1.0, 2.0], &none, 1, Structure::LOCAL_LEVEL).is_err());
        assert!(impact(&[1.0; 20], &none, 15, Structure::LOCAL_LEVEL).is_err());
    }
}
