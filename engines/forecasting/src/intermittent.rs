//! Demand with many zeros: Croston, its bias correction, TSB and temporal aggregation.
//!
//! Croston (1972); Syntetos & Boylan (2005); Teunter, Syntetos & Babai (2011); Nikolopoulos, Syntetos, Boylan,
//! Petropoulos & Assimakopoulos (2011). All answer with a flat rate per period.

use crate::forecast::Prediction;
use crate::minimize::golden_section;

/// A method for intermittent demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Sizes and gaps smoothed apart, without the upward bias of Croston's rate.
    Croston,
    /// Sizes and the probability of demand smoothed apart: falls when demand ends.
    Tsb,
    /// Smoothed on periods as long as the mean gap, spread out again.
    Adida,
}

impl Method {
    pub(crate) const ALL: [Method; 3] = [Method::Croston, Method::Tsb, Method::Adida];

    fn label(self) -> &'static str {
        match self {
            Method::Croston => "Croston-SBA",
            Method::Tsb => "TSB",
            Method::Adida => "ADIDA",
        }
    }
}

/// Share of zeros above which a series counts as intermittent.
pub(crate) const INTERMITTENT_SHARE: f64 = 0.4;

/// Share of points that are exactly zero.
pub(crate) fn zero_share(y: &[f64]) -> f64 {
    y.iter().filter(|v| **v == 0.0).count() as f64 / y.len().max(1) as f64
}

/// Whether the methods of this module apply: no negative value, enough zeros, and some demand.
pub(crate) fn is_intermittent(y: &[f64]) -> bool {
    y.iter().all(|v| *v >= 0.0) && zero_share(y) >= INTERMITTENT_SHARE && y.iter().any(|v| *v > 0.0)
}

/// Forecasts with one method. `y` holds at least one demand.
pub(crate) fn predict(y: &[f64], method: Method, horizon: usize) -> Prediction {
    let fitted = match method {
        Method::Croston => best(y, |y, a| croston(y, a, 1.0 - a / 2.0)),
        Method::Tsb => best(y, tsb),
        Method::Adida => adida(y),
    };
    let rate = fitted[y.len()];
    let fitted = fitted[..y.len()].to_vec();
    let variance = y.iter().zip(&fitted).map(|(v, f)| (v - f) * (v - f)).sum::<f64>() / (y.len() as f64 - 1.0).max(1.0);
    Prediction {
        label: method.label().to_string(),
        mean: vec![rate; horizon],
        sd: vec![variance.sqrt(); horizon],
        fitted,
    }
}

/// The mean of all methods: none is best for long (the set of methods is the answer to that).
pub(crate) fn combined(y: &[f64], horizon: usize) -> Prediction {
    let all: Vec<Prediction> = Method::ALL.iter().map(|&m| predict(y, m, horizon)).collect();
    let mean_of = |pick: &dyn Fn(&Prediction) -> &Vec<f64>| -> Vec<f64> {
        let length = pick(&all[0]).len();
        (0..length).map(|i| all.iter().map(|p| pick(p)[i]).sum::<f64>() / all.len() as f64).collect()
    };
    Prediction {
        label: "Croston-SBA+TSB+ADIDA".to_string(),
        mean: mean_of(&|p| &p.mean),
        sd: mean_of(&|p| &p.sd),
        fitted: mean_of(&|p| &p.fitted),
    }
}

/// Runs a one-parameter method at the smoothing that made the smallest one-step errors in 0.02..0.4.
fn best(y: &[f64], method: impl Fn(&[f64], f64) -> Vec<f64>) -> Vec<f64> {
    let loss = |alpha: f64| method(y, alpha).iter().zip(y).map(|(f, v)| (v - f) * (v - f)).sum::<f64>();
    let alpha = golden_section(0.02, 0.4, 0.02, loss);
    method(y, alpha)
}

/// One-step rates for each point and the point after the last.
fn croston(y: &[f64], alpha: f64, factor: f64) -> Vec<f64> {
    let first = y.iter().position(|v| *v > 0.0).unwrap_or(0);
    let demands = y.iter().filter(|v| **v > 0.0).count().max(1);
    let mut size = y[first];
    let mut gap = y.len() as f64 / demands as f64;
    let mut since = 1.0;
    let mut out = Vec::with_capacity(y.len() + 1);
    for &value in y {
        out.push(factor * size / gap);
        if value > 0.0 {
            size += alpha * (value - size);
            gap += alpha * (since - gap);
            since = 1.0;
        } else {
            since += 1.0;
        }
    }
    out.push(factor * size / gap);
    out
}

fn tsb(y: &[f64], alpha: f64) -> Vec<f64> {
    let first = y.iter().position(|v| *v > 0.0).unwrap_or(0);
    let mut size = y[first];
    let mut chance = y.iter().filter(|v| **v > 0.0).count() as f64 / y.len() as f64;
    let mut out = Vec::with_capacity(y.len() + 1);
    for &value in y {
        out.push(chance * size);
        if value > 0.0 {
            size += alpha * (value - size);
            chance += alpha * (1.0 - chance);
        } else {
            chance -= alpha * chance;
        }
    }
    out.push(chance * size);
    out
}

fn adida(y: &[f64]) -> Vec<f64> {
    let demands = y.iter().filter(|v| **v > 0.0).count().max(1);
    let width = (y.len() as f64 / demands as f64).round().clamp(1.0, (y.len() / 2).max(1) as f64) as usize;
    // Buckets end at the last point, so that the newest is complete.
    let skip = y.len() % width;
    let buckets: Vec<f64> = y[skip..].chunks(width).map(|c| c.iter().sum::<f64>()).collect();
    let smooth = |b: &[f64], alpha: f64| {
        let mut level = b[0];
        let mut out = Vec::with_capacity(b.len() + 1);
        for v in b {
            out.push(level);
            level += alpha * (v - level);
        }
        out.push(level);
        out
    };
    let smoothed = best(&buckets, smooth);
    let mut out = vec![smoothed[0] / width as f64; skip];
    for (i, _) in buckets.iter().enumerate() {
        out.extend(std::iter::repeat_n(smoothed[i] / width as f64, width));
    }
    out.push(smoothed[buckets.len()] / width as f64);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_of_six_every_third_period_has_a_rate_of_two() {
        let y: Vec<f64> = (0..60).map(|t| if t % 3 == 2 { 6.0 } else { 0.0 }).collect();
        assert!(is_intermittent(&y));
        for method in Method::ALL {
            let rate = predict(&y, method, 3).mean[2];
            assert!((rate - 2.0).abs() < 0.5, "{method:?} {rate}");
        }
    }

    #[test]
    fn tsb_falls_when_demand_ends() {
        let mut y: Vec<f64> = (0..60).map(|t| if t % 3 == 2 { 6.0 } else { 0.0 }).collect();
        y.extend([0.0; 40]);
        assert!(predict(&y, Method::Tsb, 1).mean[0] < 1.2);
    }
}
