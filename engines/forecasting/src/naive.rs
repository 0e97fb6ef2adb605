//! The benchmarks that every other method has to beat, and the answer when there is too little to fit one.

use crate::forecast::Prediction;

/// Repeats the last season; with season 1 the last value.
pub(crate) fn seasonal_naive(y: &[f64], season: usize, horizon: usize) -> Prediction {
    let n = y.len();
    let m = if season >= 1 && n > season { season } else { 1 };
    let mean: Vec<f64> = (0..horizon).map(|h| y[n - m + h % m]).collect();
    let mut fitted = y[..m].to_vec();
    fitted.extend_from_slice(&y[..n - m]);
    let errors = n - m;
    let variance = if errors == 0 {
        0.0
    } else {
        y[m..].iter().zip(y).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / errors as f64
    };
    let sd = (0..horizon).map(|h| (variance * (1 + h / m) as f64).sqrt()).collect();
    let label = if m > 1 { format!("Seasonal naive [{m}]") } else { "Naive".to_string() };
    Prediction { label, mean, sd, fitted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_season_is_repeated() {
        let forecast = seasonal_naive(&[1.0, 2.0, 3.0, 4.0, 5.0], 2, 3);
        assert_eq!(forecast.mean, vec![4.0, 5.0, 4.0]);
        assert_eq!(forecast.fitted, vec![1.0, 2.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn one_point_is_enough() {
        assert_eq!(seasonal_naive(&[7.0], 12, 2).mean, vec![7.0, 7.0]);
    }
}
