//! A quasi-Newton search with limited memory (Nocedal & Wright 2006, algorithms 7.4, 3.5 and 3.6), with the constants
//! and the stopping rules with which Stan searches for the maximum of a posterior (Carpenter et al. 2017), so that it
//! ends where the reference implementation of Prophet ends.

/// Pairs of steps and changes of the gradient that are remembered.
const MEMORY: usize = 5;
/// First step along a direction that knows no curvature.
const FIRST_STEP: f64 = 1e-3;
/// Constants of the Wolfe conditions.
const DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;
const SHORTEST: f64 = 1e-12;
/// When to stop: change of the value, absolute and relative; size of the gradient, absolute and relative; of the step.
const VALUE: f64 = 1e-12;
const RELATIVE_VALUE: f64 = 1e4 * f64::EPSILON;
const GRADIENT: f64 = 1e-8;
const RELATIVE_GRADIENT: f64 = 1e7 * f64::EPSILON;
const STEP: f64 = 1e-8;

/// A place with its value and gradient.
#[derive(Debug, Clone)]
struct Place {
    x: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// Minimises `f`, which writes its gradient into the second argument and returns the value. `None` when a line search
/// fails even along the steepest descent. At most `iterations` steps are taken.
pub(super) fn lbfgs(
    start: &[f64],
    iterations: usize,
    mut f: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Option<Vec<f64>> {
    let n = start.len();
    let mut here = Place { x: start.to_vec(), value: 0.0, gradient: vec![0.0; n] };
    here.value = f(&here.x, &mut here.gradient);
    if !here.value.is_finite() {
        return None;
    }
    let mut memory: Vec<(f64, Vec<f64>, Vec<f64>)> = Vec::with_capacity(MEMORY);
    let mut scale = 1.0;
    let mut direction: Vec<f64> = here.gradient.iter().map(|g| -g).collect();
    // The step before: its length, change of value, and slopes along it at its two ends.
    let mut last: Option<(f64, f64, f64, f64)> = None;
    for _ in 0..iterations {
        let mut fresh = last.is_none();
        let first = match last {
            None => FIRST_STEP,
            Some((length, change, from, to)) => {
                (1.01 * cubic_minimum(from, length, change, to, SHORTEST, 1.0)).min(1.0)
            }
        };
        let found = match line_search(&mut f, &here, &direction, first) {
            Some(found) => found,
            None if fresh => return None,
            None => {
                fresh = true;
                direction = here.gradient.iter().map(|g| -g).collect();
                line_search(&mut f, &here, &direction, FIRST_STEP)?
            }
        };
        let (mut length, next) = found;
        let step: Vec<f64> = next.x.iter().zip(&here.x).map(|(a, b)| a - b).collect();
        let turn: Vec<f64> = next.gradient.iter().zip(&here.gradient).map(|(a, b)| a - b).collect();
        let along = dot(&step, &turn);
        let squares = dot(&turn, &turn);
        let (mut from, mut to) = (dot(&here.gradient, &direction), dot(&next.gradient, &direction));
        if fresh {
            memory.clear();
            let factor = squares / along;
            length *= factor;
            from /= factor;
            to /= factor;
        }
        if memory.len() == MEMORY {
            memory.remove(0);
        }
        scale = if squares > 0.0 { along / squares } else { scale };
        memory.push((1.0 / along, turn, step));
        let change = next.value - here.value;
        last = Some((length, change, from, to));
        let moved = memory.last().map_or(0.0, |(_, _, s)| dot(s, s).sqrt());
        here = next;
        direction = two_loops(&memory, scale, &here.gradient);
        let size = here.value.abs().max(1.0);
        let done = change.abs() < VALUE
            || dot(&here.gradient, &here.gradient).sqrt() < GRADIENT
            || moved < STEP
            || dot(&here.gradient, &direction).abs() / size < RELATIVE_GRADIENT
            || change.abs() / size.max((here.value - change).abs()) < RELATIVE_VALUE;
        if done {
            break;
        }
    }
    Some(here.x)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn two_loops(memory: &[(f64, Vec<f64>, Vec<f64>)], scale: f64, gradient: &[f64]) -> Vec<f64> {
    let mut p: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut weights = vec![0.0; memory.len()];
    for (i, (inverse, turn, step)) in memory.iter().enumerate().rev() {
        weights[i] = inverse * dot(step, &p);
        p.iter_mut().zip(turn).for_each(|(v, t)| *v -= weights[i] * t);
    }
    p.iter_mut().for_each(|v| *v *= scale);
    for (i, (inverse, turn, step)) in memory.iter().enumerate() {
        let beta = inverse * dot(turn, &p);
        p.iter_mut().zip(step).for_each(|(v, s)| *v += (weights[i] - beta) * s);
    }
    p
}

/// Where on `low..=high` the cubic is lowest that has value 0 and slope `from` at 0, `value` and slope `to` at `x`.
fn cubic_minimum(from: f64, x: f64, value: f64, to: f64, low: f64, high: f64) -> f64 {
    let third = (-12.0 * value + 6.0 * x * (from + to)) / (x * x * x);
    let second = -(4.0 * from + 2.0 * to) / x + 6.0 * value / (x * x);
    let at = |s: f64| s * (from + s * (second + s * third / 3.0) / 2.0);
    let root = (second * second - 2.0 * from * third).sqrt();
    let mut best = (at(low), low);
    for s in [high, -(second + root) / third, -(second - root) / third] {
        let inside = s == high || (s > low && s < high);
        if inside && at(s) < best.0 {
            best = (at(s), s);
        }
    }
    best.1
}

/// A step along `direction` that satisfies the strong Wolfe conditions; its length and where it leads.
fn line_search(
    f: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
    here: &Place,
    direction: &[f64],
    first: f64,
) -> Option<(f64, Place)> {
    let slope = dot(&here.gradient, direction);
    let mut try_step = |length: f64| {
        let x: Vec<f64> = here.x.iter().zip(direction).map(|(x, p)| x + length * p).collect();
        let mut gradient = vec![0.0; x.len()];
        let value = f(&x, &mut gradient);
        let usable = value.is_finite() && gradient.iter().all(|g| g.is_finite());
        let along = dot(&gradient, direction);
        usable.then_some((Place { x, value, gradient }, along))
    };
    let mut before = (SHORTEST, here.value, slope);
    let mut length = first;
    let mut walls = 0;
    let mut tries = 0;
    while tries < 20 {
        let Some((place, along)) = try_step(length) else {
            walls += 1;
            if walls > 10 {
                return None;
            }
            length = 0.5 * (before.0 + length);
            continue;
        };
        walls = 0;
        let now = (length, place.value, along);
        if place.value > here.value + first * DECREASE * slope || (place.value >= before.1 && tries > 0) {
            return zoom(&mut try_step, here.value, slope, before, now);
        }
        if along.abs() <= -CURVATURE * slope {
            return Some((length, place));
        }
        if along >= 0.0 {
            return zoom(&mut try_step, here.value, slope, now, before);
        }
        before = now;
        length *= 10.0;
        tries += 1;
    }
    None
}

/// Narrows an interval that holds an acceptable step; `low` is the end with the lower value.
fn zoom(
    try_step: &mut impl FnMut(f64) -> Option<(Place, f64)>,
    value: f64,
    slope: f64,
    mut low: (f64, f64, f64),
    mut high: (f64, f64, f64),
) -> Option<(f64, Place)> {
    for round in 1..10_000 {
        let width = (low.0 - high.0).abs();
        if width < 1e-16 {
            return None;
        }
        let middle = 0.5 * (low.0 + high.0);
        let mut length = middle;
        if round % 5 != 0 {
            let d1 = low.2 + high.2 - 3.0 * (low.1 - high.1) / (low.0 - high.0);
            let root = (d1 * d1 - low.2 * high.2).sqrt();
            let d2 = if high.0 < low.0 { -root } else { root };
            length = high.0 - (high.0 - low.0) * (high.2 + d2 - d1) / (high.2 - low.2 + 2.0 * d2);
            let inside = length >= low.0.min(high.0) + 0.01 * width && length <= low.0.max(high.0) - 0.01 * width;
            if !inside {
                length = middle;
            }
        }
        let (place, along) = loop {
            if let Some(found) = try_step(length) {
                break found;
            }
            let near = low.0.min(high.0);
            length = 0.5 * (length + near);
            if (near - length).abs() < 1e-16 {
                return None;
            }
        };
        if place.value > value + length * DECREASE * slope || place.value >= low.1 {
            high = (length, place.value, along);
        } else {
            if along.abs() <= -CURVATURE * slope {
                return Some((length, place));
            }
            if along * (high.0 - low.0) >= 0.0 {
                high = low;
            }
            low = (length, place.value, along);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bottom_of_rosenbrocks_valley_is_found() {
        let found = lbfgs(&[-1.2, 1.0], 1_000, |x, g| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            g[0] = -2.0 * a - 400.0 * x[0] * b;
            g[1] = 200.0 * b;
            a * a + 100.0 * b * b
        });
        let found = found.expect("a minimum");
        assert!((found[0] - 1.0).abs() < 1e-4 && (found[1] - 1.0).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn a_wall_is_backed_away_from() {
        let found = lbfgs(&[3.0], 100, |x, g| {
            g[0] = 1.0 - 1.0 / x[0];
            x[0] - x[0].ln()
        });
        assert!((found.expect("a minimum")[0] - 1.0).abs() < 1e-4);
    }
}
