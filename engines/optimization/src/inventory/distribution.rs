//! The normal and Poisson distributions with their loss functions, to full double precision.

use std::f64::consts::PI;

/// Density of the standard normal distribution.
pub fn normal_density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// Probability that a standard normal variable is above `z`.
pub fn normal_tail(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - normal_tail(-z);
    }
    if z < 3.0 {
        // Series of the distribution function around zero (Abramowitz and Stegun 26.2.11).
        let mut term = z;
        let mut sum = z;
        let mut k = 1.0;
        while term.abs() > 1e-17 * sum.abs() && k < 200.0 {
            term *= z * z / (2.0 * k + 1.0);
            sum += term;
            k += 1.0;
        }
        return 0.5 - normal_density(z) * sum;
    }
    // Continued fraction of Mills' ratio (26.2.14), from the far end.
    let mut fraction = z;
    for k in (1..=120).rev() {
        fraction = z + f64::from(k) / fraction;
    }
    normal_density(z) / fraction
}

/// Probability that a standard normal variable is at most `z`.
pub fn normal_cdf(z: f64) -> f64 {
    normal_tail(-z)
}

/// The `z` below which a standard normal variable is with probability `p`, `0 < p < 1`.
pub fn normal_quantile(p: f64) -> f64 {
    if !(p > 0.0 && p < 1.0) {
        return if p <= 0.0 {
            f64::NEG_INFINITY
        } else if p >= 1.0 {
            f64::INFINITY
        } else {
            f64::NAN
        };
    }
    let tail = p.min(1.0 - p);
    // Start from Abramowitz and Stegun 26.2.23, then Halley's method on the tail.
    let t = (-2.0 * tail.ln()).sqrt();
    let mut z = t
        - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1.0 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t);
    for _ in 0..6 {
        let error = (normal_tail(z) - tail) / normal_density(z);
        let step = error / (1.0 - 0.5 * z * error);
        z += step;
        if step.abs() < 1e-15 * (1.0 + z.abs()) {
            break;
        }
    }
    if p < 0.5 { -z } else { z }
}

/// Expected shortfall `E[(Z - z)+]` of a standard normal variable.
pub fn normal_loss(z: f64) -> f64 {
    normal_density(z) - z * normal_tail(z)
}

/// Half the expected squared shortfall, `E[((Z - z)+)^2] / 2`.
pub fn normal_second_loss(z: f64) -> f64 {
    0.5 * ((z * z + 1.0) * normal_tail(z) - z * normal_density(z))
}

/// `ln(n!)`.
pub fn ln_factorial(n: u64) -> f64 {
    if n < 128 {
        return (2..=n).map(|k| (k as f64).ln()).sum();
    }
    let x = n as f64 + 1.0;
    // Stirling's series.
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3))
        + 1.0 / (1260.0 * x.powi(5))
}

/// The Poisson distribution with a mean, tabulated where it is not negligible.
#[derive(Debug, Clone)]
pub struct Poisson {
    pub mean: f64,
    /// Probability of each count from zero.
    pub pmf: Vec<f64>,
}

impl Poisson {
    /// `mean` must be finite, at least 0 and at most 1e6.
    pub fn new(mean: f64) -> Self {
        let top = (mean + 12.0 * mean.sqrt() + 40.0).ceil() as u64;
        let ln_mean = mean.ln();
        let pmf = (0..=top)
            .map(|k| {
                if mean == 0.0 {
                    return if k == 0 { 1.0 } else { 0.0 };
                }
                (k as f64 * ln_mean - mean - ln_factorial(k)).exp()
            })
            .collect();
        Self { mean, pmf }
    }

    pub fn probability(&self, k: u64) -> f64 {
        self.pmf.get(k as usize).copied().unwrap_or(0.0)
    }

    pub fn cdf(&self, k: i64) -> f64 {
        if k < 0 {
            return 0.0;
        }
        self.pmf.iter().take(k as usize + 1).sum::<f64>().min(1.0)
    }

    /// Expected leftover `E[(y - D)+]` and shortfall `E[(D - y)+]`.
    pub fn losses(&self, y: i64) -> (f64, f64) {
        if y <= 0 {
            return (0.0, self.mean - y as f64);
        }
        let over: f64 = self.pmf.iter().take(y as usize).enumerate().map(|(k, p)| (y as f64 - k as f64) * p).sum();
        (over, over - y as f64 + self.mean)
    }
}
