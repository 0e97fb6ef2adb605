//! How models would have foretold what is known by now, and what that says of their weights.
//!
//! A criterion of fit looks one step ahead, and where it is nearly the same for several models these can go far apart over
//! a horizon: one that carries a drift on, one that comes back to a mean, one without a season. What is minimised should be
//! what is asked for (Xia & Tong 2011): from a few origins each model, with the parameters of the whole series and the
//! states it had then, foretells a horizon. That costs one pass of the filter each, a trifle beside the search.

/// How sharply weights follow the absolute error of these forecasts. On windows of the open series' own past, 2 to 8 did
/// alike for exponential smoothing and 3 to 6 for ARIMA.
const POWER: f64 = 4.0;
/// Origins at most, half a horizon apart.
const ORIGINS: usize = 12;

/// Multiplies the `weights` of models by what their forecasts of `horizon` points, or a fifth of the series where that is
/// shorter, say for them. `foretell(model, origin, steps)` is the forecast of a model that knows the points before `origin`;
/// a model that has none there loses its weight. A series too short to look back on leaves the weights as they are.
pub(crate) fn weigh(
    weights: &mut [f64],
    y: &[f64],
    season: usize,
    horizon: usize,
    foretell: impl Fn(usize, usize, usize) -> Option<Vec<f64>>,
) {
    if weights.len() < 2 {
        return;
    }
    let steps = horizon.min((y.len() / 5).max(1));
    let origins = origins(y.len(), season, steps);
    let error = |model: usize| -> f64 {
        let from = |origin: usize| {
            let known = foretell(model, origin, steps)?;
            Some(known.iter().zip(&y[origin..]).map(|(f, v)| (f - v).abs()).sum::<f64>())
        };
        origins.iter().map(|&origin| from(origin).unwrap_or(f64::INFINITY)).sum()
    };
    let errors: Vec<f64> = (0..weights.len()).map(error).collect();
    let least = errors.iter().copied().fold(f64::INFINITY, f64::min);
    if !least.is_finite() || least <= 0.0 {
        return;
    }
    for (weight, error) in weights.iter_mut().zip(errors) {
        *weight *= (least / error).powf(POWER);
    }
}

/// The newest first. Each leaves two seasons to know.
fn origins(n: usize, season: usize, steps: usize) -> Vec<usize> {
    let least = (2 * season + 3).max(10);
    let apart = steps.div_ceil(2);
    (0..ORIGINS).filter_map(|k| n.checked_sub(steps + k * apart)).take_while(|origin| *origin >= least).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_models_that_fit_alike_the_one_that_foretells_the_horizon_weighs_more() {
        let y: Vec<f64> = (0..60).map(|t| 10.0 + f64::from(t)).collect();
        let mut weights = [1.0, 1.0, 1.0];
        weigh(&mut weights, &y, 1, 8, |model, origin, steps| match model {
            // Twice as far from what came.
            0 => Some((0..steps).map(|h| y[origin + h] + 2.0).collect()),
            1 => Some((0..steps).map(|h| y[origin + h] - 1.0).collect()),
            _ => None,
        });
        assert_eq!(weights, [1.0 / 16.0, 1.0, 0.0]);
    }

    #[test]
    fn a_series_too_short_to_look_back_on_says_nothing() {
        let mut weights = [1.0, 0.5];
        weigh(&mut weights, &[1.0, 2.0, 3.0, 5.0, 4.0, 6.0], 4, 8, |_, _, _| None);
        assert_eq!(weights, [1.0, 0.5]);
        assert_eq!(origins(40, 12, 8), [32, 28]);
    }
}
