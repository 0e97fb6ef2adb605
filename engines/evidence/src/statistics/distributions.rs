//! Tail probabilities and quantiles. Each tail keeps about twelve digits down to 1e-300.

use super::special::{ln_beta_regularized, ln_gamma_lower, ln_gamma_upper};
use std::f64::consts::{LN_10, SQRT_2};

/// P(Z <= z), Z standard normal.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / SQRT_2)
}

/// P(|Z| > |z|), Z standard normal.
pub fn normal_two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() / SQRT_2)
}

/// The z with P(Z <= z) = p, for 0 < p < 1; infinite at the ends.
///
/// Acklam's rational start, then Halley steps on the exact distribution function.
pub fn normal_quantile(p: f64) -> f64 {
    if p.is_nan() || p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    if p > 0.5 {
        return -normal_quantile_lower(1.0 - p);
    }
    normal_quantile_lower(p)
}

fn normal_quantile_lower(p: f64) -> f64 {
    // Asymptotic start (Abramowitz and Stegun 26.2.23), error below 4.5e-4.
    let t = (-2.0 * p.ln()).sqrt();
    let mut z = -(t
        - (2.515517 + 0.802853 * t + 0.010328 * t * t)
            / (1.0 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t));
    for _ in 0..4 {
        let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
        if density == 0.0 {
            break;
        }
        let u = (normal_cdf(z) - p) / density;
        z -= u / (1.0 + 0.5 * z * u);
        if u.abs() < 1e-15 * z.abs().max(1.0) {
            break;
        }
    }
    z
}

/// ln P(X > x), X chi-square with `df` degrees of freedom.
pub fn ln_chi_square_upper(x: f64, df: f64) -> f64 {
    ln_gamma_upper(0.5 * df, 0.5 * x)
}

/// P(X > x), X chi-square with `df` degrees of freedom. Below 1e-308 it is 0; see [`ln_chi_square_upper`].
pub fn chi_square_upper(x: f64, df: f64) -> f64 {
    ln_chi_square_upper(x, df).exp()
}

/// P(X <= x), X chi-square with `df` degrees of freedom.
pub fn chi_square_lower(x: f64, df: f64) -> f64 {
    ln_gamma_lower(0.5 * df, 0.5 * x).exp()
}

/// ln P(F > f), F with `df1` and `df2` degrees of freedom.
pub fn ln_f_upper(f: f64, df1: f64, df2: f64) -> f64 {
    if f <= 0.0 {
        return 0.0;
    }
    if f.is_infinite() {
        return f64::NEG_INFINITY;
    }
    let total = df2 + df1 * f;
    ln_beta_regularized(0.5 * df2, 0.5 * df1, df2 / total, df1 * f / total)
}

/// P(F > f), F with `df1` and `df2` degrees of freedom.
pub fn f_upper(f: f64, df1: f64, df2: f64) -> f64 {
    ln_f_upper(f, df1, df2).exp()
}

/// ln P(|T| > |t|), T Student with `df` degrees of freedom.
pub fn ln_student_two_sided(t: f64, df: f64) -> f64 {
    ln_f_upper(t * t, 1.0, df)
}

/// P(|T| > |t|), T Student with `df` degrees of freedom.
pub fn student_two_sided(t: f64, df: f64) -> f64 {
    ln_student_two_sided(t, df).exp()
}

/// The t > 0 with P(|T| > t) = `two_sided`, T Student with `df` degrees of freedom; 0 < two_sided < 1.
///
/// Newton's method on the logarithm of the tail, from the normal quantile.
pub fn student_quantile_two_sided(two_sided: f64, df: f64) -> f64 {
    let target = two_sided.ln();
    let mut t = -normal_quantile(0.5 * two_sided);
    let ln_density_constant =
        libm::lgamma(0.5 * (df + 1.0)) - libm::lgamma(0.5 * df) - 0.5 * (df * std::f64::consts::PI).ln();
    for _ in 0..200 {
        let ln_tail = ln_student_two_sided(t, df);
        let ln_density = ln_density_constant - 0.5 * (df + 1.0) * (t * t / df).ln_1p();
        let slope = -2.0 * (ln_density - ln_tail).exp();
        let step = ((ln_tail - target) / slope).clamp(-0.9 * t.max(1e-3), 2.0 * t + 1.0);
        t -= step;
        t = t.max(1e-12);
        if step.abs() < 1e-14 * t {
            break;
        }
    }
    t
}

/// A natural logarithm of a probability as a decimal one, for people.
pub fn log10_from_ln(ln: f64) -> f64 {
    ln / LN_10
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference values: scipy 1.17 and mpmath 1.3 with 60 digits.
    fn near(value: f64, expected: f64, relative: f64) {
        assert!((value - expected).abs() <= relative * expected.abs(), "{value:e} is not {expected:e}");
    }

    #[test]
    fn f_tails_keep_their_digits_at_1e_93() {
        // The Granger tests of the BJsales series (statsmodels 0.15).
        near(f_upper(615.1314125063283, 3.0, 139.0), 5.1835537787914284e-80, 1e-11);
        near(f_upper(795.4482989437404, 4.0, 136.0), 3.0467247323190877e-93, 1e-11);
        near(f_upper(0.8431052238918091, 1.0, 145.0), 0.3600350065196385, 1e-12);
    }

    #[test]
    fn chi_square_tails_keep_their_digits() {
        near(chi_square_upper(388.1548763365649, 3.0), 8.143230039190997e-84, 1e-11);
        near(chi_square_upper(39.052991157404165, 2.0), 3.309411100304583e-9, 1e-12);
        near(chi_square_upper(0.8605487802481913, 1.0), 0.353585164905728, 1e-12);
        assert_eq!(chi_square_upper(3392.35, 4.0), 0.0);
        // With four degrees of freedom the tail is e^(-x/2) (1 + x/2).
        let x = 3392.35303961301_f64;
        near(ln_chi_square_upper(x, 4.0), -0.5 * x + (0.5 * x).ln_1p(), 1e-13);
    }

    #[test]
    fn normal_quantile_inverts_the_distribution() {
        near(normal_quantile(0.975), 1.959963984540054, 1e-14);
        near(normal_quantile(1e-100), -21.273453560965322, 1e-12);
        assert!(normal_quantile(0.5).abs() < 1e-15);
    }

    #[test]
    fn student_quantile_inverts_the_tail() {
        near(student_quantile_two_sided(0.05, 10.0), 2.2281388519862744, 1e-13);
        // With one degree of freedom the quantile is a cotangent.
        let exact = 1.0 / (0.025 * std::f64::consts::PI).tan();
        near(student_quantile_two_sided(0.05, 1.0), exact, 1e-13);
        near(student_quantile_two_sided(0.8, 3.0), 0.27667066233268983, 1e-11);
    }

    #[test]
    fn large_degrees_of_freedom_approach_the_normal() {
        near(student_two_sided(3.0, 1e7), normal_two_sided(3.0), 1e-5);
        near(student_two_sided(3.0, 1e5), 0.0027004608840647194, 1e-11);
    }
}
