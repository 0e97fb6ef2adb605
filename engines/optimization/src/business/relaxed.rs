//! Lagrangian relaxation of what products share (Thizy and Van Wassenhove, 1985): with a price on
//! capacity, each product alone is an uncapacitated lot-sizing problem with lost sales, exact by
//! dynamic programming. Gives a bound on every plan and shows where orders belong.

use super::inventory::InventoryProblem;
use crate::effort::Effort;
use crate::mip::{self, Guidance};

const ITERATIONS: usize = 250;
/// The subgradient's step shrinks after this many iterations without a better bound.
const PATIENCE: usize = 8;
/// Set-ups are taken over from this many of the last iterations, where at least this share had them.
const REMEMBERED: usize = 40;
const SHARE: f64 = 0.4;

/// What the relaxation shows.
pub(super) struct Relaxed {
    /// No plan costs less.
    pub bound: f64,
    /// Share of the last iterations that order, by product and period.
    orders: Vec<f64>,
}

/// Demand that the stock of the start does not serve, and the cost of holding that stock until it is
/// sold. With one cost of a lost sale over time, stock serves the first demand in some best plan.
fn netted(problem: &InventoryProblem, p: usize) -> (Vec<f64>, f64) {
    let product = &problem.products[p];
    let mut stock = product.init;
    let mut held = 0.0;
    let net = product
        .demand
        .iter()
        .map(|&d| {
            let served = stock.min(d);
            stock -= served;
            held += stock * product.hold;
            d - served
        })
        .collect();
    (net, held)
}

impl InventoryProblem {
    /// `None` where more is shared than capacity, or where customers wait or units spoil. `reach` is
    /// the cost of some plan, infinite if none is known: the closer to the best, the better the steps.
    pub(super) fn relaxed(&self, reach: f64, effort: &mut Effort) -> Option<Relaxed> {
        if !self.is_plain() {
            return None;
        }
        let (products, periods) = (self.products.len(), self.periods);
        let nets: Vec<(Vec<f64>, f64)> = (0..products).map(|p| netted(self, p)).collect();
        let held: f64 = nets.iter().map(|n| n.1).sum();
        let mut prices = vec![0.0f64; periods];
        let mut best = f64::NEG_INFINITY;
        let mut step = 1.0;
        let mut dull = 0;
        let mut orders = vec![0.0; products * periods];
        let mut to_go = vec![0.0; periods + 1];
        let mut choice = vec![0usize; periods];
        for iteration in 0..ITERATIONS {
            let remembered = iteration + REMEMBERED >= ITERATIONS;
            let mut used = vec![0.0; periods];
            let mut value = held - prices.iter().zip(&self.capacity).map(|(a, b)| a * b).sum::<f64>();
            for (p, product) in self.products.iter().enumerate() {
                let net = &nets[p].0;
                to_go[periods] = 0.0;
                for t in (0..periods).rev() {
                    let unit = product.unit_cost + prices[t] * product.unit_time;
                    let setup = product.setup_cost + prices[t] * product.setup_time;
                    let mut least = net[t] * product.lost_sale + to_go[t + 1];
                    let mut until = t;
                    let mut cost = setup;
                    for k in t..periods {
                        cost += net[k] * (unit + product.hold * (k - t) as f64).min(product.lost_sale);
                        if cost + to_go[k + 1] < least {
                            least = cost + to_go[k + 1];
                            until = k + 1;
                        }
                        if cost > least {
                            break;
                        }
                    }
                    to_go[t] = least;
                    choice[t] = until;
                }
                value += to_go[0];
                let mut t = 0;
                while t < periods {
                    if choice[t] == t {
                        t += 1;
                        continue;
                    }
                    let unit = product.unit_cost + prices[t] * product.unit_time;
                    let served = |k: &usize| unit + product.hold * (*k - t) as f64 <= product.lost_sale;
                    let units: f64 = (t..choice[t]).filter(served).map(|k| net[k]).sum();
                    used[t] += product.setup_time + units * product.unit_time;
                    if remembered {
                        orders[p * periods + t] += 1.0 / REMEMBERED as f64;
                    }
                    t = choice[t];
                }
            }
            effort.add((products * periods * periods / 8) as u64);
            if value > best {
                best = value;
                dull = 0;
            } else {
                dull += 1;
                if dull >= PATIENCE {
                    step *= 0.7;
                    dull = 0;
                }
            }
            let slope: Vec<f64> = used.iter().zip(&self.capacity).map(|(a, b)| a - b).collect();
            let size: f64 = slope.iter().zip(&prices).filter(|(s, p)| **s > 0.0 || **p > 0.0).map(|(s, _)| s * s).sum();
            if size < 1e-12 {
                break;
            }
            let aim = reach.min(1.02 * best);
            let length = step * (aim - value).max(1e-6 * aim.abs()) / size;
            for (price, s) in prices.iter_mut().zip(&slope) {
                *price = (*price + length * s).max(0.0);
            }
            if effort.is_over() {
                break;
            }
        }
        // Sums of rounding errors must not push the bound past the truth.
        Some(Relaxed { bound: best - 1e-9 * best.abs(), orders })
    }

    /// A plan with the relaxation's set-ups: how much is ordered then is a linear problem.
    pub(super) fn follow(&self, relaxed: &Relaxed, seed: u64, effort: &mut Effort) -> Option<Vec<f64>> {
        let mut problem = mip::Problem::from_model(&self.model());
        for p in 0..self.products.len() {
            for t in 0..self.periods {
                let y = self.at(p, t) + 1;
                let on = relaxed.orders[p * self.periods + t] >= SHARE;
                let room =
                    self.capacity.get(t).map_or(f64::INFINITY, |capacity| capacity - self.products[p].setup_time);
                let possible = self.products[p].moq * self.products[p].unit_time <= room;
                problem.upper[y] = f64::from(u8::from(on && possible));
            }
        }
        // Orders may still be given up, never added: few decisions are left.
        let guidance = Guidance {
            start: Some(self.no_orders()),
            gap: 5e-3,
            node_limit: Some(1),
            depth: 2,
            seed,
            sign: 1.0,
            ..Guidance::default()
        };
        effort.silently(|effort| mip::solve(&problem, &guidance, effort)).x
    }
}
