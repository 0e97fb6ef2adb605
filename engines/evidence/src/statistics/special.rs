//! Incomplete beta and gamma functions in logarithms, so that a tail of 1e-300 keeps its digits.
//!
//! General-purpose crates return one minus a cumulative probability, or sums whose error is absolute:
//! both lose every digit of a p-value of 1e-90. Here each tail is computed directly from its
//! continued fraction or series (NIST Digital Library of Mathematical Functions, 8.7, 8.9, 8.17),
//! with the prefactor kept as a logarithm.

use libm::lgamma;

const TINY: f64 = 1e-300;
const MAX_TERMS: usize = 100_000;

/// ln B(a, b) for positive a and b.
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    // For a large argument the difference of two huge lgamma loses digits; Stirling's series gives it directly.
    if large > 1e4 { lgamma(small) - ln_gamma_ratio(large, small) } else { lgamma(a) + lgamma(b) - lgamma(a + b) }
}

/// ln Γ(x + d) − ln Γ(x) for large x, by Stirling's series of both.
fn ln_gamma_ratio(x: f64, d: f64) -> f64 {
    let tail = |z: f64| 1.0 / (12.0 * z) - 1.0 / (360.0 * z.powi(3)) + 1.0 / (1260.0 * z.powi(5));
    let y = x + d;
    (x - 0.5) * (d / x).ln_1p() + d * y.ln() - d + tail(y) - tail(x)
}

/// ln of the regularised incomplete beta function I_x(a, b).
///
/// `x` and `complement = 1 - x` are both given, because the caller knows the small one exactly.
/// Values: a, b > 0; 0 <= x <= 1. Returns a number in (-inf, 0].
pub fn ln_beta_regularized(a: f64, b: f64, x: f64, complement: f64) -> f64 {
    if x <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if complement <= 0.0 {
        return 0.0;
    }
    if x < (a + 1.0) / (a + b + 2.0) {
        ln_beta_fraction(a, b, x, complement)
    } else {
        let other = ln_beta_fraction(b, a, complement, x);
        ln_one_minus_exp(other)
    }
}

/// ln I_x(a, b) by the continued fraction DLMF 8.17.22, evaluated with Lentz's method.
fn ln_beta_fraction(a: f64, b: f64, x: f64, complement: f64) -> f64 {
    let ln_x = if x < 0.5 { x.ln() } else { (-complement).ln_1p() };
    let ln_c = if complement < 0.5 { complement.ln() } else { (-x).ln_1p() };
    let ln_front = a * ln_x + b * ln_c - ln_beta(a, b) - a.ln();
    let guard = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..MAX_TERMS {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        let step = d * c;
        fraction *= step;
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
    }
    (ln_front + fraction.ln()).min(0.0)
}

/// ln Q(a, x), the upper regularised incomplete gamma function; a > 0, x >= 0.
pub fn ln_gamma_upper(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x < a + 1.0 {
        return ln_one_minus_exp(ln_gamma_series(a, x));
    }
    // DLMF 8.9.2 in its even contraction, by Lentz's method.
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for i in 1..MAX_TERMS {
        let i = i as f64;
        let an = -i * (i - a);
        b += 2.0;
        d = an * d + b;
        d = 1.0 / if d.abs() < TINY { TINY } else { d };
        c = b + an / c;
        c = if c.abs() < TINY { TINY } else { c };
        let step = d * c;
        fraction *= step;
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
    }
    (ln_gamma_front(a, x) + fraction.ln()).min(0.0)
}

/// ln P(a, x), the lower regularised incomplete gamma function; a > 0, x >= 0.
pub fn ln_gamma_lower(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        f64::NEG_INFINITY
    } else if x < a + 1.0 {
        ln_gamma_series(a, x)
    } else {
        ln_one_minus_exp(ln_gamma_upper(a, x))
    }
}

/// ln P(a, x) by the power series DLMF 8.7.1; converges fast for x < a + 1.
fn ln_gamma_series(a: f64, x: f64) -> f64 {
    let mut term = 1.0 / a;
    let mut sum = term;
    let mut n = a;
    for _ in 0..MAX_TERMS {
        n += 1.0;
        term *= x / n;
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    (ln_gamma_front(a, x) + sum.ln()).min(0.0)
}

fn ln_gamma_front(a: f64, x: f64) -> f64 {
    a * x.ln() - x - lgamma(a)
}

/// ln(1 - e^v) for v <= 0 without cancellation (Mächler, 2012).
pub fn ln_one_minus_exp(v: f64) -> f64 {
    if v >= 0.0 {
        f64::NEG_INFINITY
    } else if v > -std::f64::consts::LN_2 {
        (-v.exp_m1()).ln()
    } else {
        (-v.exp()).ln_1p()
    }
}
