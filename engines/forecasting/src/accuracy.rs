//! Measures of forecast accuracy and of interval quality.

/// Mean absolute error of the seasonal naive method inside the training part: the scale of MASE
/// (Hyndman & Koehler 2006). Falls back to lag one when the series is not longer than a season; `None` when the
/// series does not change at all.
pub fn naive_scale(train: &[f64], season: usize) -> Option<f64> {
    let lag = if train.len() > season { season.max(1) } else { 1 };
    if train.len() <= lag {
        return None;
    }
    let sum: f64 = train.iter().zip(&train[lag..]).map(|(a, b)| (b - a).abs()).sum();
    let scale = sum / (train.len() - lag) as f64;
    (scale > 0.0).then_some(scale)
}

/// Mean absolute scaled error.
pub fn mase(train: &[f64], season: usize, actual: &[f64], forecast: &[f64]) -> Option<f64> {
    let scale = naive_scale(train, season)?;
    Some(mean(actual.iter().zip(forecast).map(|(a, f)| (a - f).abs())) / scale)
}

/// Symmetric mean absolute percentage error in percent, 0 to 200 (M3 competition); a pair of zeros counts as no error.
pub fn smape(actual: &[f64], forecast: &[f64]) -> f64 {
    100.0
        * mean(actual.iter().zip(forecast).map(|(a, f)| {
            let size = a.abs() + f.abs();
            if size > 0.0 { 2.0 * (a - f).abs() / size } else { 0.0 }
        }))
}

/// Share of actual values inside `[lower, upper]`, 0 to 1.
pub fn coverage(actual: &[f64], lower: &[f64], upper: &[f64]) -> f64 {
    mean(actual.iter().zip(lower.iter().zip(upper)).map(|(a, (l, u))| if l <= a && a <= u { 1.0 } else { 0.0 }))
}

/// Mean scaled interval score for a `level` in percent (Gneiting & Raftery 2007; M4 competition).
pub fn msis(train: &[f64], season: usize, actual: &[f64], lower: &[f64], upper: &[f64], level: f64) -> Option<f64> {
    let scale = naive_scale(train, season)?;
    let penalty = 2.0 / (1.0 - level / 100.0);
    let score = mean(
        actual
            .iter()
            .zip(lower.iter().zip(upper))
            .map(|(a, (l, u))| (u - l) + penalty * ((l - a).max(0.0) + (a - u).max(0.0))),
    );
    Some(score / scale)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0usize);
    for value in values {
        sum += value;
        count += 1;
    }
    if count == 0 { 0.0 } else { sum / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mase_of_the_naive_forecast_on_a_straight_line_is_the_mean_distance() {
        let train = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(mase(&train, 1, &[5.0, 6.0], &[4.0, 4.0]), Some(1.5));
    }

    #[test]
    fn a_constant_series_has_no_scale() {
        assert_eq!(naive_scale(&[3.0, 3.0, 3.0], 1), None);
    }

    #[test]
    fn interval_score_charges_width_and_misses() {
        let score = msis(&[0.0, 1.0, 2.0], 1, &[5.0], &[0.0], &[4.0], 80.0);
        assert!((score.expect("scaled") - 14.0).abs() < 1e-12);
        assert_eq!(coverage(&[5.0, 1.0], &[0.0, 0.0], &[4.0, 4.0]), 0.5);
    }

    #[test]
    fn smape_is_200_when_one_side_is_zero_and_0_for_two_zeros() {
        assert_eq!(smape(&[1.0], &[0.0]), 200.0);
        assert_eq!(smape(&[0.0], &[0.0]), 0.0);
    }
}
