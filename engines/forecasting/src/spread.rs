//! How far a model's own spread is believed, by the history behind it.
//!
//! Theory takes a model as known. From a short history its level and slope are not, which the far steps feel most; from the
//! shortest nothing is known but how far the series goes from point to point. And the spread is a root mean square of errors
//! inside the series, which a few wild ones make larger than what is usual.

/// Points at which the model's own spread says nothing. Each point more raises the odds that it does, with the square.
const NOTHING_KNOWN: f64 = 4.0;
/// The spread grows besides with the step to the power of this over the points of the history: what errors of series of 5 to
/// 24 points, cut from open ones, do beyond theory.
const GROWTH_OF_FEW: f64 = 1.3;
/// Share of the log ratio of the mean absolute error inside the series to the model's spread that is believed, and the
/// errors at which half of that is. What the ratio usually is, is left to calibration.
const BELIEVED: f64 = 0.3;
const ERRORS_OF_DOUBT: f64 = 10.0;
/// The fewest errors that say anything, and the log ratio that they are believed to at most.
const LEAST_ERRORS: usize = 8;
const LARGEST: f64 = 1.5;

/// The spread `sd` of the steps after the history `y`; `residuals` are the model's errors inside it, zero before it starts to
/// look ahead and everywhere when it does not.
pub(crate) fn of_history(sd: &[f64], y: &[f64], residuals: &[f64]) -> Vec<f64> {
    let points = y.len() as f64;
    let unknown = 1.0 / (1.0 + (points - NOTHING_KNOWN).max(0.0).powi(2));
    let walk = y.windows(2).map(|w| (w[1] - w[0]) * (w[1] - w[0])).sum::<f64>() / (points - 1.0).max(1.0);
    let usual = sd.first().map_or(1.0, |first| usual_size(*first, residuals));
    let of_step = |(h, s): (usize, &f64)| {
        let step = (h + 1) as f64;
        let variance = (1.0 - unknown) * s * s + unknown * walk * step;
        variance.sqrt() * step.powf(GROWTH_OF_FEW / points) * usual
    };
    sd.iter().enumerate().map(of_step).collect()
}

/// By how much errors inside the series say that the spread of a step, `sd`, is more or less.
fn usual_size(sd: f64, residuals: &[f64]) -> f64 {
    let start = residuals.iter().position(|e| *e != 0.0).unwrap_or(residuals.len());
    let known = &residuals[start..];
    if known.len() < LEAST_ERRORS || sd.is_nan() || sd <= 0.0 {
        return 1.0;
    }
    let count = known.len() as f64;
    let size = known.iter().map(|e| e.abs()).sum::<f64>() / count;
    let ratio = (size / sd).ln().clamp(-LARGEST, LARGEST);
    (BELIEVED * count / (count + ERRORS_OF_DOUBT) * ratio).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_four_points_only_the_way_from_one_to_the_next_is_known_and_of_many_the_model_knows() {
        let few = of_history(&[0.1, 0.1], &[1.0, 3.0, 1.0, 3.0], &[0.0; 4]);
        assert!((few[0] - 2.0).abs() < 1e-12 && few[1] > 2.0 * 2f64.sqrt(), "{few:?}");
        let y: Vec<f64> = (0..400).map(|t| f64::from(t % 2)).collect();
        let many = of_history(&[0.1, 0.1], &y, &[0.0; 400]);
        assert!(many.iter().all(|s| (s / 0.1 - 1.0).abs() < 0.01), "{many:?}");
    }

    #[test]
    fn a_few_wild_errors_count_less_than_their_squares_and_units_do_not_matter() {
        let y = vec![0.0; 100];
        let calm: Vec<f64> = (0..100).map(|t| if t % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let wild: Vec<f64> = (0..100).map(|t| if t == 50 { 10.0 } else { 0.0 } + 0.01).collect();
        let (calm, wild) = (of_history(&[1.0], &y, &calm)[0], of_history(&[1.0], &y, &wild)[0]);
        assert!((calm - 1.0).abs() < 1e-3 && wild < 0.8, "{calm} {wild}");
        let larger = of_history(&[8.0], &[0.0; 20], &[4.0; 20])[0];
        assert!((larger / of_history(&[2.0], &[0.0; 20], &[1.0; 20])[0] - 4.0).abs() < 1e-12);
    }
}
