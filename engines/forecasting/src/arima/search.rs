//! The walk over orders.

use std::collections::HashMap;

use super::difference::{differences, first_differences, is_constant, seasonal_differences};
use super::{Fit, Spec, estimate};
use crate::minimize::Stop;

/// Bounds the work of a search in elementary operations, so that time is bounded and the same on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    left: u64,
}

impl Budget {
    pub(crate) fn new(operations: u64) -> Budget {
        Budget { left: operations }
    }

    pub(super) fn spend(&mut self, operations: u64) {
        self.left = self.left.saturating_sub(operations);
    }

    pub(super) fn exhausted(&self) -> bool {
        self.left == 0
    }
}

const MAX_ORDER: usize = 5;
const MAX_SEASONAL_ORDER: usize = 2;
/// Criterion differences below this are not worth a step.
const MODELS: usize = 94;
/// Models handed on, and how many of them are estimated to the end.
pub(crate) const FINALISTS: usize = 6;
const SHARPENED: usize = 3;
/// Orders of a longer series are searched for on its newest points, and in no series to the last digit: the finalists are then
/// estimated on all of it. Errors are no larger than after a search to the end (0.985 to 1.007 of them on all of the ten
/// open sets, 0.995 on average), in half of the time, and in a sixth of it on a clean series of two years of days.
const LONGEST_SEARCH: usize = 300;
const SEASONS_OF_SEARCH: usize = 8;
const AS_IT_IS: Stop = Stop { iterations: 0, tolerance: 0.0 };
const COARSE: Stop = Stop { iterations: 8, tolerance: 1e-4 };
const FINE: Stop = Stop { iterations: 40, tolerance: 1e-5 };
const FINEST: Stop = Stop { iterations: 40, tolerance: 1e-8 };

/// The best models found, best first. Empty when the series is too short for any or has nothing to model.
///
/// `season` 1 or beyond the series means no seasonal part. The budget may end the search early: what was found stands.
pub(crate) fn search(y: &[f64], season: usize, exogenous: &[Vec<f64>], budget: &mut Budget) -> Vec<Fit> {
    let m = own_season(y, season);
    let (seasonal_d, _) = seasonal_differences(y, m);
    let d = first_differences(&differences(y, 0, seasonal_d, m)).0;
    search_given(y, m, (d, seasonal_d), exogenous, budget).models
}

/// As [`search`], one list for each pair of numbers of differences that is worth a look: several where the strength of the
/// season or the test for a unit root leaves one in doubt, the likeliest first. Criteria of different lists do not compare.
pub(super) fn search_each(y: &[f64], season: usize, exogenous: &[Vec<f64>], budget: &mut Budget) -> Vec<Vec<Fit>> {
    let m = own_season(y, season);
    let (seasonal_d, in_doubt) = seasonal_differences(y, m);
    let mut found: Vec<Found> = Vec::new();
    for seasonal_d in [Some(seasonal_d), in_doubt.then_some(1 - seasonal_d)].into_iter().flatten() {
        let (d, other) = first_differences(&differences(y, 0, seasonal_d, m));
        for d in [Some(d), other].into_iter().flatten() {
            if found.is_empty() || !budget.exhausted() {
                found.push(search_given(y, m, (d, seasonal_d), exogenous, budget));
            }
        }
    }
    if found.iter().any(|found| !found.at_the_circle) {
        found.retain(|found| !found.at_the_circle);
    }
    found.into_iter().map(|found| found.models).collect()
}

/// The best models of some numbers of differences, best first.
struct Found {
    models: Vec<Fit>,
    /// All of them run to the unit circle when they are estimated to the end: they stand for others.
    at_the_circle: bool,
}

fn own_season(y: &[f64], season: usize) -> usize {
    if season >= 2 && y.len() >= 2 * season + 2 { season } else { 1 }
}

/// `differenced` is the number of first and of seasonal differences.
fn search_given(
    y: &[f64],
    m: usize,
    differenced: (usize, usize),
    exogenous: &[Vec<f64>],
    budget: &mut Budget,
) -> Found {
    let (d, seasonal_d) = differenced;
    let after = differences(y, 0, seasonal_d, m);
    let w = differences(&after, d, 0, m);
    if w.len() < 3 || is_constant(&w) {
        let spec = Spec { p: 0, d, q: 0, seasonal_p: 0, seasonal_d, seasonal_q: 0, m, constant: d + seasonal_d <= 1 };
        let models = estimate(y, &[], spec, None, COARSE, budget).into_iter().collect();
        return Found { models, at_the_circle: false };
    }
    let constant = d + seasonal_d <= 1;
    let top = MAX_ORDER.min(w.len() / 3);
    let seasonal_top = if m > 1 { MAX_SEASONAL_ORDER.min(w.len() / 3 / m) } else { 0 };
    let begin = newest(y.len(), m);
    let later: Vec<Vec<f64>> = exogenous.iter().map(|column| column[begin..].to_vec()).collect();
    let mut walk = Walk { y: &y[begin..], exogenous: &later, budget, seen: HashMap::new(), order: Vec::new() };
    let spec = |p: usize, q: usize, sp: usize, sq: usize, constant| Spec {
        p: p.min(top),
        d,
        q: q.min(top),
        seasonal_p: sp.min(seasonal_top),
        seasonal_d,
        seasonal_q: sq.min(seasonal_top),
        m,
        constant,
    };
    let mut starts = vec![
        spec(2, 2, 1, 1, constant),
        spec(0, 0, 0, 0, constant),
        spec(1, 0, 1, 0, constant),
        spec(0, 1, 0, 1, constant),
    ];
    // Without a difference, a model without a mean says that the series comes back to zero wherever it is: two units whose
    // zeros differ would get different forecasts.
    let optional = d + seasonal_d == 1;
    if optional {
        starts.push(spec(0, 0, 0, 0, false));
    }
    let mut best: Option<Fit> = None;
    for start in starts {
        if let Some(fit) = walk.visit(start, best.as_ref())
            && best.as_ref().is_none_or(|b| fit.aicc < b.aicc)
        {
            best = Some(fit);
        }
    }
    while let Some(current) = best.clone() {
        let mut moved = false;
        for next in neighbours(current.spec, top, seasonal_top, optional) {
            if walk.seen.len() >= MODELS || walk.budget.exhausted() {
                break;
            }
            if walk.seen.contains_key(&next) {
                continue;
            }
            if let Some(fit) = walk.visit(next, Some(&current))
                && fit.aicc < current.aicc
            {
                best = Some(fit);
                moved = true;
                break;
            }
        }
        if !moved {
            break;
        }
    }
    let mut found: Vec<Fit> = walk.order.iter().filter_map(|s| walk.seen.get(s).cloned().flatten()).collect();
    found.sort_by(|a, b| a.aicc.total_cmp(&b.aicc));
    found.truncate(FINALISTS);
    // The search stops early in each model and may have seen a part of the series: the finalists are estimated to the end.
    // Those that then run to the circle are left out, unless all do.
    let mut estimated = |stop: Stop| -> Vec<Fit> {
        let whole = found.iter().filter_map(|fit| estimate(y, exogenous, fit.spec, Some(&fit.free), stop, budget));
        whole.collect()
    };
    let whole = estimated(FINE);
    let at_the_circle = whole.is_empty();
    found = if at_the_circle { estimated(AS_IT_IS) } else { whole };
    found.sort_by(|a, b| a.aicc.total_cmp(&b.aicc));
    for fit in found.iter_mut().take(SHARPENED) {
        if let Some(sharp) = estimate(y, exogenous, fit.spec, Some(&fit.free), FINEST, budget) {
            *fit = sharp;
        }
    }
    found.sort_by(|a, b| a.aicc.total_cmp(&b.aicc));
    Found { models: found, at_the_circle }
}

/// Where the points begin on which orders are searched for.
fn newest(n: usize, m: usize) -> usize {
    n.saturating_sub(LONGEST_SEARCH.max(SEASONS_OF_SEARCH * m)) / m * m
}

struct Walk<'a> {
    y: &'a [f64],
    exogenous: &'a [Vec<f64>],
    budget: &'a mut Budget,
    seen: HashMap<Spec, Option<Fit>>,
    order: Vec<Spec>,
}

impl Walk<'_> {
    fn visit(&mut self, spec: Spec, near: Option<&Fit>) -> Option<Fit> {
        if let Some(known) = self.seen.get(&spec) {
            return known.clone();
        }
        let start = near.map(|fit| carry(fit, spec));
        let fit = estimate(self.y, self.exogenous, spec, start.as_deref(), COARSE, self.budget);
        self.seen.insert(spec, fit.clone());
        self.order.push(spec);
        fit
    }
}

/// A start from a neighbouring model: shared partial autocorrelations are kept, new ones start near zero.
fn carry(fit: &Fit, spec: Spec) -> Vec<f64> {
    let from = fit.spec;
    let mut out = Vec::with_capacity(spec.coefficients());
    let mut at = 0;
    for (had, want) in
        [(from.p, spec.p), (from.q, spec.q), (from.seasonal_p, spec.seasonal_p), (from.seasonal_q, spec.seasonal_q)]
    {
        for i in 0..want {
            out.push(if i < had { fit.free[at + i].clamp(-1.5, 1.5) } else { 0.05 });
        }
        at += had;
    }
    out
}

fn neighbours(s: Spec, top: usize, seasonal_top: usize, constant_is_optional: bool) -> Vec<Spec> {
    let mut out = Vec::with_capacity(17);
    let shifted = |dp: i32, dq: i32, sp: i32, sq: i32| -> Option<Spec> {
        let within = |value: usize, by: i32, bound: usize| {
            let moved = value as i32 + by;
            (0..=bound as i32).contains(&moved).then_some(moved as usize)
        };
        Some(Spec {
            p: within(s.p, dp, top)?,
            q: within(s.q, dq, top)?,
            seasonal_p: within(s.seasonal_p, sp, seasonal_top)?,
            seasonal_q: within(s.seasonal_q, sq, seasonal_top)?,
            ..s
        })
    };
    const STEPS: [(i32, i32, i32, i32); 16] = [
        (0, 0, -1, 0),
        (0, 0, 0, -1),
        (0, 0, 1, 0),
        (0, 0, 0, 1),
        (0, 0, -1, -1),
        (0, 0, -1, 1),
        (0, 0, 1, -1),
        (0, 0, 1, 1),
        (-1, 0, 0, 0),
        (0, -1, 0, 0),
        (1, 0, 0, 0),
        (0, 1, 0, 0),
        (-1, -1, 0, 0),
        (-1, 1, 0, 0),
        (1, -1, 0, 0),
        (1, 1, 0, 0),
    ];
    out.extend(STEPS.iter().filter_map(|&(a, b, c, e)| shifted(a, b, c, e)));
    if constant_is_optional {
        out.push(Spec { constant: !s.constant, ..s });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_autoregression_is_found_and_its_coefficient_too() {
        let mut y = vec![0.0];
        let mut state = 12_345u64;
        for t in 1..300 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let noise: f64 = (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
            y.push(0.7 * y[t - 1] + noise);
        }
        let best = search(&y, 1, &[], &mut Budget::new(u64::MAX)).remove(0);
        assert_eq!(best.spec.d, 0);
        let spec = Spec { p: 1, d: 0, q: 0, seasonal_p: 0, seasonal_d: 0, seasonal_q: 0, m: 1, constant: true };
        let plain = estimate(&y, &[], spec, None, FINEST, &mut Budget::new(u64::MAX)).expect("estimated");
        assert!((plain.phi[0] - 0.7).abs() < 0.08, "{:?}", plain.phi);
    }

    #[test]
    fn a_seasonal_line_is_continued() {
        let y: Vec<f64> = (0..72)
            .map(|t| 100.0 + f64::from(t) + 20.0 * f64::from(t % 12) + ((t * 7919 + 31) % 97) as f64 / 97.0)
            .collect();
        let best = search(&y, 12, &[], &mut Budget::new(u64::MAX)).remove(0);
        let mean = best.predict(&y, &[], 12).expect("forecast").mean;
        for (h, value) in mean.iter().enumerate() {
            let t = 72 + h;
            let expected = 100.5 + t as f64 + 20.0 * (t % 12) as f64;
            assert!((value - expected).abs() < 2.0, "{} {h} {value} {expected}", best.spec.label());
        }
    }

    #[test]
    fn a_column_that_drives_the_series_is_used() {
        let x: Vec<f64> = (0..130).map(|t| if t % 9 == 4 { 1.0 } else { 0.0 }).collect();
        let y: Vec<f64> = (0..120).map(|t| 50.0 + 30.0 * x[t] + ((t * 7919 + 31) % 97) as f64 / 97.0).collect();
        let best = search(&y, 1, std::slice::from_ref(&x), &mut Budget::new(u64::MAX)).remove(0);
        let mean = best.predict(&y, std::slice::from_ref(&x), 10).expect("forecast").mean;
        assert!((mean[1] - 80.5).abs() < 1.0, "{mean:?}");
    }

    #[test]
    fn a_season_of_middling_strength_is_searched_with_and_without_its_difference() {
        let noisy = |height: f64| -> Vec<f64> {
            let mut state = 12_345u64;
            (0..96)
                .map(|t| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let noise = (state >> 11) as f64 / (1u64 << 53) as f64;
                    noise + height * (f64::from(t) * std::f64::consts::TAU / 12.0).sin()
                })
                .collect()
        };
        let orders = |y: &[f64]| -> Vec<usize> {
            let lists = search_each(y, 12, &[], &mut Budget::new(u64::MAX));
            let mut orders: Vec<usize> = lists.iter().map(|list| list[0].spec.seasonal_d).collect();
            orders.dedup();
            orders
        };
        let doubted = (1..30).map(|i| orders(&noisy(f64::from(i) * 0.05))).find(|o| o.len() == 2).expect("a doubt");
        assert_eq!(doubted[0] + doubted[1], 1);
        assert_eq!(orders(&noisy(5.0)), vec![1]);
    }

    #[test]
    fn a_spent_budget_ends_the_search() {
        let y: Vec<f64> = (0..120).map(|t| ((t * 7919 + 31) % 97) as f64).collect();
        search(&y, 12, &[], &mut Budget::new(10_000));
    }
}
