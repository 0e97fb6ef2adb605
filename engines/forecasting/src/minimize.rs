//! Smooth minimisation in a handful of dimensions: BFGS with a gradient, and a wrapper that differentiates numerically.
//!
//! Both are deterministic and bounded by an iteration count, so a fit never runs away on hard input.

/// Where the search ended.
#[derive(Debug, Clone)]
pub(crate) struct Minimum {
    pub x: Vec<f64>,
    pub value: f64,
}

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    pub iterations: usize,
    /// Relative decrease of the objective below which the search ends.
    pub tolerance: f64,
}

/// Minimises `f` from `start` by BFGS with a backtracking line search (Nocedal & Wright 2006, ch. 6).
///
/// `f` writes its gradient into the second argument and returns the value; a value that is not finite is a wall that
/// the line search backs away from.
pub(crate) fn bfgs(start: &[f64], stop: Stop, mut f: impl FnMut(&[f64], &mut [f64]) -> f64) -> Minimum {
    let n = start.len();
    let mut x = start.to_vec();
    let mut gradient = vec![0.0; n];
    let mut value = f(&x, &mut gradient);
    if n == 0 || !value.is_finite() {
        return Minimum { x, value };
    }
    let mut inverse = vec![0.0; n * n];
    let mut fresh = true;
    reset(&mut inverse, n, &gradient);
    let mut direction = vec![0.0; n];
    let mut trial = vec![0.0; n];
    let mut trial_gradient = vec![0.0; n];
    let mut hy = vec![0.0; n];
    let mut quiet = 0;
    for _ in 0..stop.iterations {
        let mut slope = 0.0;
        for i in 0..n {
            direction[i] = -dot(&inverse[i * n..(i + 1) * n], &gradient);
            slope += direction[i] * gradient[i];
        }
        if slope.is_nan() || slope >= 0.0 {
            if fresh {
                break;
            }
            reset(&mut inverse, n, &gradient);
            fresh = true;
            continue;
        }
        let mut step = 1.0;
        let mut found = false;
        for _ in 0..25 {
            for i in 0..n {
                trial[i] = x[i] + step * direction[i];
            }
            let next = f(&trial, &mut trial_gradient);
            if next.is_finite() && next <= value + 1e-4 * step * slope && trial_gradient.iter().all(|g| g.is_finite()) {
                found = true;
                let decrease = value - next;
                update(&mut inverse, &mut hy, n, step, &direction, &gradient, &trial_gradient, fresh);
                fresh = false;
                std::mem::swap(&mut x, &mut trial);
                std::mem::swap(&mut gradient, &mut trial_gradient);
                value = next;
                if decrease <= stop.tolerance * (value.abs() + 1e-8) {
                    quiet += 1;
                } else {
                    quiet = 0;
                }
                break;
            }
            // Parabola through the two values and the slope, kept inside [0.1, 0.5] of the step.
            let quadratic = -0.5 * slope * step * step / (next - value - slope * step);
            step = if quadratic.is_finite() { quadratic.clamp(0.1 * step, 0.5 * step) } else { 0.2 * step };
        }
        if !found {
            if fresh {
                break;
            }
            reset(&mut inverse, n, &gradient);
            fresh = true;
            continue;
        }
        if quiet >= 2 {
            break;
        }
    }
    Minimum { x, value }
}

/// BFGS with forward differences of width `width` in each coordinate.
pub(crate) fn bfgs_numeric(start: &[f64], stop: Stop, width: f64, mut f: impl FnMut(&[f64]) -> f64) -> Minimum {
    let mut probe = start.to_vec();
    bfgs(start, stop, |x, gradient| {
        let value = f(x);
        if value.is_finite() {
            probe.copy_from_slice(x);
            for i in 0..x.len() {
                probe[i] = x[i] + width;
                let mut ahead = f(&probe);
                if ahead.is_finite() {
                    gradient[i] = (ahead - value) / width;
                } else {
                    probe[i] = x[i] - width;
                    ahead = f(&probe);
                    gradient[i] = if ahead.is_finite() { (value - ahead) / width } else { 0.0 };
                }
                probe[i] = x[i];
            }
        }
        value
    })
}

/// The steepest-descent start: the identity, shrunk so that the first step has at most unit length.
fn reset(inverse: &mut [f64], n: usize, gradient: &[f64]) {
    let length = dot(gradient, gradient).sqrt();
    let scale = if length > 1.0 { 1.0 / length } else { 1.0 };
    inverse.fill(0.0);
    for i in 0..n {
        inverse[i * n + i] = scale;
    }
}

#[allow(clippy::too_many_arguments)]
fn update(
    inverse: &mut [f64],
    hy: &mut [f64],
    n: usize,
    step: f64,
    direction: &[f64],
    before: &[f64],
    after: &[f64],
    fresh: bool,
) {
    let mut sy = 0.0;
    let mut yy = 0.0;
    for i in 0..n {
        let y = after[i] - before[i];
        sy += step * direction[i] * y;
        yy += y * y;
    }
    // Without positive curvature the update would lose positive definiteness.
    if sy <= 1e-12 * yy.sqrt() || yy == 0.0 {
        return;
    }
    if fresh {
        inverse.fill(0.0);
        for i in 0..n {
            inverse[i * n + i] = sy / yy;
        }
    }
    let mut yhy = 0.0;
    for i in 0..n {
        let row = &inverse[i * n..(i + 1) * n];
        hy[i] = row.iter().zip(after.iter().zip(before)).map(|(h, (a, b))| h * (a - b)).sum();
    }
    for i in 0..n {
        yhy += (after[i] - before[i]) * hy[i];
    }
    let c = (1.0 + yhy / sy) / sy;
    for i in 0..n {
        let si = step * direction[i];
        for j in 0..n {
            let sj = step * direction[j];
            inverse[i * n + j] += c * si * sj - (hy[i] * sj + si * hy[j]) / sy;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The minimum of `f` on `[low, high]` by golden section, to `width` relative to the interval.
pub(crate) fn golden_section(mut low: f64, mut high: f64, width: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
    const RATIO: f64 = 0.618_033_988_749_894_9;
    let target = width * (high - low);
    let (mut a, mut b) = (high - RATIO * (high - low), low + RATIO * (high - low));
    let (mut fa, mut fb) = (f(a), f(b));
    while high - low > target {
        if fa <= fb {
            high = b;
            b = a;
            fb = fa;
            a = high - RATIO * (high - low);
            fa = f(a);
        } else {
            low = a;
            a = b;
            fa = fb;
            b = low + RATIO * (high - low);
            fb = f(b);
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bfgs_finds_the_bottom_of_rosenbrocks_valley() {
        let stop = Stop { iterations: 200, tolerance: 1e-14 };
        let found = bfgs(&[-1.2, 1.0], stop, |x, g| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            g[0] = -2.0 * a - 400.0 * x[0] * b;
            g[1] = 200.0 * b;
            a * a + 100.0 * b * b
        });
        assert!((found.x[0] - 1.0).abs() < 1e-5 && (found.x[1] - 1.0).abs() < 1e-5, "{found:?}");
    }

    #[test]
    fn numeric_gradients_reach_the_same_bottom() {
        let stop = Stop { iterations: 100, tolerance: 1e-12 };
        let found = bfgs_numeric(&[3.0, -2.0, 0.5], stop, 1e-7, |x| {
            (x[0] - 1.0).powi(2) + 3.0 * (x[1] - 2.0).powi(2) + (x[2] + x[0]).powi(4)
        });
        assert!((found.x[0] - 1.0).abs() < 1e-3 && (found.x[1] - 2.0).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn golden_section_finds_a_parabola() {
        let x = golden_section(-1.0, 4.0, 1e-8, |x| (x - 2.5) * (x - 2.5));
        assert!((x - 2.5).abs() < 1e-6);
    }
}
