//! Starting states: a classical decomposition of the first seasons and a straight line through what it leaves
//! (Hyndman, Koehler, Ord & Snyder 2008, section 2.6).

use super::{Component, Initial, Spec};

pub(super) fn initial(y: &[f64], spec: Spec) -> Initial {
    let m = spec.period;
    let seasonal = if spec.season == Component::None { Vec::new() } else { first_season(y, spec) };
    let adjusted: Vec<f64> = match spec.season {
        Component::None => y.to_vec(),
        Component::Additive => y.iter().enumerate().map(|(t, v)| v - seasonal[t % m]).collect(),
        Component::Multiplicative => y.iter().enumerate().map(|(t, v)| v / seasonal[t % m]).collect(),
    };
    let head = adjusted.len().min(10.max(2 * m));
    let (intercept, slope) = line(&adjusted[..head]);
    let level = if spec.trend == Component::None { intercept + slope * head as f64 / 2.0 } else { intercept };
    // Typical step of the adjusted series: the unit in which the search moves the states.
    let mut steps: Vec<f64> = adjusted.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
    steps.sort_by(f64::total_cmp);
    let unit = steps.get(steps.len() / 2).copied().unwrap_or(0.0).max(1e-3);
    let safe_level = if spec.season == Component::Multiplicative || spec.error == super::ErrorForm::Multiplicative {
        let floor = adjusted[..head].iter().copied().fold(f64::INFINITY, f64::min).max(1e-6);
        level.max(0.5 * floor)
    } else {
        level
    };
    let slope = if safe_level + slope <= 0.0 && spec.error == super::ErrorForm::Multiplicative { 0.0 } else { slope };
    Initial { level: safe_level, slope, seasonal, unit }
}

/// Seasonal states of the first few seasons: means of the distances (or ratios) from a centred moving average.
fn first_season(y: &[f64], spec: Spec) -> Vec<f64> {
    let m = spec.period;
    let n = y.len().min(4 * m.max(3));
    let multiplicative = spec.season == Component::Multiplicative;
    let mut sums = vec![0.0; m];
    let mut counts = vec![0.0; m];
    let half = m / 2;
    for t in half..n.saturating_sub(half) {
        let trend = if m.is_multiple_of(2) {
            if t + half >= n {
                continue;
            }
            (0.5 * (y[t - half] + y[t + half]) + y[t + 1 - half..t + half].iter().sum::<f64>()) / m as f64
        } else {
            y[t - half..=t + half].iter().sum::<f64>() / m as f64
        };
        let part = if multiplicative { y[t] / trend.max(1e-10) } else { y[t] - trend };
        sums[t % m] += part;
        counts[t % m] += 1.0;
    }
    let neutral = if multiplicative { 1.0 } else { 0.0 };
    let mut season: Vec<f64> = sums.iter().zip(&counts).map(|(s, c)| if *c > 0.0 { s / c } else { neutral }).collect();
    let mean = season.iter().sum::<f64>() / m as f64;
    for s in &mut season {
        if multiplicative {
            *s = (*s / mean).max(0.02);
        } else {
            *s -= mean;
        }
    }
    season
}

/// Least squares line through points at 1, 2, …: value at 0 and slope.
fn line(y: &[f64]) -> (f64, f64) {
    let n = y.len() as f64;
    if y.len() < 2 {
        return (y.first().copied().unwrap_or(0.0), 0.0);
    }
    let centre = (n + 1.0) / 2.0;
    let mean = y.iter().sum::<f64>() / n;
    let (mut sxy, mut sxx) = (0.0, 0.0);
    for (i, v) in y.iter().enumerate() {
        let x = i as f64 + 1.0 - centre;
        sxy += x * (v - mean);
        sxx += x * x;
    }
    let slope = sxy / sxx;
    (mean - slope * centre, slope)
}
