//! Lag polynomials: products, stationarity, autocovariances and the weights of past shocks.
//!
//! An autoregressive polynomial is kept as its coefficients φ₁…φₚ in 1 - φ₁B - …, a moving average as θ₁…θ_q in
//! 1 + θ₁B + ….

/// Partial autocorrelations inside (-1, 1) to coefficients of a stationary autoregression (Durbin-Levinson; Monahan
/// 1984).
pub(super) fn from_partial(partial: &[f64]) -> Vec<f64> {
    let mut phi: Vec<f64> = Vec::with_capacity(partial.len());
    for (k, &r) in partial.iter().enumerate() {
        let before = phi.clone();
        for j in 0..k {
            phi[j] = before[j] - r * before[k - 1 - j];
        }
        phi.push(r);
    }
    phi
}

/// Whether all roots of 1 - φ₁z - … lie outside the circle of `radius` in B (steps of `lag`).
pub(super) fn roots_outside(phi: &[f64], lag: usize, radius: f64) -> bool {
    let mut work: Vec<f64> = phi.iter().enumerate().map(|(j, c)| c * radius.powi((lag * (j + 1)) as i32)).collect();
    while let Some(r) = work.pop() {
        if r.abs() >= 1.0 {
            return false;
        }
        let k = work.len();
        let before = work.clone();
        for j in 0..k {
            work[j] = (before[j] + r * before[k - 1 - j]) / (1.0 - r * r);
        }
    }
    true
}

/// (1 - Σφ B)(1 - ΣΦ B^m) as one autoregression.
pub(super) fn multiply_ar(phi: &[f64], seasonal: &[f64], m: usize) -> Vec<f64> {
    let mut out = vec![0.0; phi.len() + m * seasonal.len()];
    for (i, c) in phi.iter().enumerate() {
        out[i] += c;
    }
    for (j, s) in seasonal.iter().enumerate() {
        out[m * (j + 1) - 1] += s;
        for (i, c) in phi.iter().enumerate() {
            out[m * (j + 1) + i] -= c * s;
        }
    }
    out
}

/// (1 + Σθ B)(1 + ΣΘ B^m) as one moving average.
pub(super) fn multiply_ma(theta: &[f64], seasonal: &[f64], m: usize) -> Vec<f64> {
    let negative = |c: &[f64]| c.iter().map(|v| -v).collect::<Vec<f64>>();
    negative(&multiply_ar(&negative(theta), &negative(seasonal), m))
}

/// The first `count` weights ψ₀ = 1, ψ₁, … of shocks in the process.
pub(super) fn shock_weights(phi: &[f64], theta: &[f64], count: usize) -> Vec<f64> {
    let mut psi = vec![0.0; count];
    for k in 0..count {
        let mut value = if k == 0 { 1.0 } else { theta.get(k - 1).copied().unwrap_or(0.0) };
        for (j, c) in phi.iter().enumerate().take(k) {
            value += c * psi[k - 1 - j];
        }
        psi[k] = value;
    }
    psi
}

/// Autocovariances γ₀…γₚ of a stationary process with unit shock variance (Brockwell & Davis 1991, section 3.3).
/// `None` when the equations are singular: a root on the circle.
pub(super) fn autocovariances(phi: &[f64], theta: &[f64]) -> Option<Vec<f64>> {
    let (p, q) = (phi.len(), theta.len());
    let psi = shock_weights(phi, theta, q + 1);
    let weight = |j: usize| if j == 0 { 1.0 } else { theta[j - 1] };
    let right = |k: usize| (k..=q).map(|j| weight(j) * psi[j - k]).sum::<f64>();
    if p == 0 {
        return Some(vec![right(0)]);
    }
    let size = p + 1;
    let mut a = vec![0.0; size * (size + 1)];
    let width = size + 1;
    for k in 0..size {
        a[k * width + k] += 1.0;
        for (j, c) in phi.iter().enumerate() {
            a[k * width + k.abs_diff(j + 1)] -= c;
        }
        if k <= q {
            a[k * width + size] = right(k);
        }
    }
    for column in 0..size {
        let pivot =
            (column..size).max_by(|&x, &y| a[x * width + column].abs().total_cmp(&a[y * width + column].abs()))?;
        if a[pivot * width + column].abs() < 1e-12 {
            return None;
        }
        if pivot != column {
            for k in column..width {
                a.swap(pivot * width + k, column * width + k);
            }
        }
        let (upper, lower) = a.split_at_mut((column + 1) * width);
        let row = &upper[column * width..];
        let inverse = 1.0 / row[column];
        for other in lower.chunks_exact_mut(width) {
            let factor = other[column] * inverse;
            if factor != 0.0 {
                for k in column..width {
                    other[k] -= factor * row[k];
                }
            }
        }
    }
    let mut gamma = vec![0.0; size];
    for k in (0..size).rev() {
        let known: f64 = (k + 1..size).map(|j| a[k * width + j] * gamma[j]).sum();
        gamma[k] = (a[k * width + size] - known) / a[k * width + k];
    }
    (gamma[0] > 0.0 && gamma[0].is_finite()).then_some(gamma)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ar1_has_the_textbook_covariances() {
        let gamma = autocovariances(&[0.5], &[]).expect("stationary");
        assert!((gamma[0] - 4.0 / 3.0).abs() < 1e-12 && (gamma[1] - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn an_arma11_has_the_textbook_variance() {
        let (phi, theta) = (0.6, 0.3);
        let gamma = autocovariances(&[phi], &[theta]).expect("stationary");
        assert!((gamma[0] - (1.0 + 2.0 * phi * theta + theta * theta) / (1.0 - phi * phi)).abs() < 1e-12);
    }

    #[test]
    fn partial_autocorrelations_always_give_stationary_polynomials() {
        let phi = from_partial(&[0.9, -0.8, 0.7]);
        assert!(roots_outside(&phi, 1, 1.0));
        assert!(!roots_outside(&[1.2], 1, 1.0));
        assert!(!roots_outside(&[0.995], 1, 1.01));
    }

    #[test]
    fn seasonal_products_have_the_cross_terms() {
        assert_eq!(multiply_ar(&[0.5], &[0.4], 3), vec![0.5, 0.0, 0.4, -0.2]);
        assert_eq!(multiply_ma(&[0.5], &[0.4], 3), vec![0.5, 0.0, 0.4, 0.2]);
    }
}
