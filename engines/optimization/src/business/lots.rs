//! Plans for many products: each alone at first, then a few at a time while the others stand (fix and
//! optimise; Helber and Sahling, 2010). A part is an inventory problem of its own whose capacity is
//! what the others leave, so that it is small and its inequalities are as tight as the whole's.

use super::inventory::{InventoryProblem, Product};
use crate::effort::{Effort, Progress};
use crate::lp::Status;
use crate::mip::{self, Guidance, Random};
use crate::model::{Model, ModelError};
use crate::solve::{Answer, OPTIMAL_GAP, solve_guided};

/// Problems of fewer decisions than this are searched whole at once.
const SMALL: usize = 100;
/// Problems of more are searched whole only for what is left to gain.
const LARGE: usize = 1000;
/// Nodes in the search of one part.
const NODES: u64 = 200;
/// Decisions that a part starts with; it grows while parts end early and shrinks while they do not.
const PART: usize = 110;

impl InventoryProblem {
    /// Searches for the best orders from a plan to start with, or from a good one.
    pub(super) fn solved(
        &self,
        model: &Model,
        start: Option<Vec<f64>>,
        seed: u64,
        effort: &mut Effort,
    ) -> Result<Answer, ModelError> {
        model.validate()?;
        let small = self.products.len() * self.periods < SMALL;
        let start = match start {
            Some(start) => start,
            None if small => self.no_orders(),
            None => self.good_plan(seed, effort),
        };
        let reach = model.objective(&start);
        let relaxed = if small { None } else { self.relaxed(reach, effort) };
        let mut answer = solve_guided(model, Some(start), Some(self), seed, effort)?;
        if let (Some(relaxed), Some(objective)) = (relaxed, answer.objective) {
            // Rules only add cost: the bound holds with them as well.
            let bound = answer.bound.unwrap_or(f64::NEG_INFINITY).max(relaxed.bound.min(objective));
            answer.bound = Some(bound);
            answer.gap = Some(mip::relative_gap(objective, bound));
            if answer.status == Status::Feasible && answer.gap.is_some_and(|gap| gap <= OPTIMAL_GAP) {
                answer.status = Status::Optimal;
            }
        }
        Ok(answer)
    }

    /// A good plan, found with most of the work that is left.
    pub(super) fn good_plan(&self, seed: u64, effort: &mut Effort) -> Vec<f64> {
        let mut x = self.no_orders();
        let products = self.products.len();
        let large = products * self.periods > LARGE;
        let parts = if large { 14 } else { 11 };
        let budget = effort.limit.saturating_sub(effort.spent) / 20 * parts;
        let end = effort.spent + budget;
        let model = self.model();
        let report = |x: &[f64], effort: &Effort| {
            effort.report(Progress {
                incumbent: Some(model.objective(x)),
                bound: None,
                gap: None,
                nodes: 0,
                work: effort.spent,
            });
        };
        // A first plan where the prices of capacity send each product; then those with the most to lose
        // choose first.
        if large && let Some(relaxed) = self.relaxed(f64::INFINITY, effort) {
            let share = budget / 4;
            if let Some(followed) = effort.part(share, |effort| self.follow(&relaxed, seed, effort))
                && model.objective(&followed) < model.objective(&x)
            {
                x = followed;
            }
            report(&x, effort);
        }
        let mut order: Vec<usize> = (0..products).collect();
        let stake = |p: usize| self.products[p].lost_sale * self.products[p].demand.iter().sum::<f64>();
        order.sort_by(|&a, &b| stake(b).total_cmp(&stake(a)).then(a.cmp(&b)));
        for &p in &order {
            let share = end.saturating_sub(effort.spent) / 10;
            self.improve(&mut x, &[p], seed, share, effort);
            if effort.is_over() {
                return x;
            }
        }
        report(&x, effort);
        let mut random = Random::new(seed ^ 0x51ED);
        let mut size = PART;
        let mut queue: Vec<usize> = Vec::new();
        while effort.spent < end && !effort.is_over() {
            let count = (size / self.periods).clamp(2.min(products), products);
            // Every product gets its turn, each time in other company.
            let mut part = Vec::with_capacity(count);
            while part.len() < count {
                if queue.is_empty() {
                    queue = (0..products).collect();
                    for i in (1..products).rev() {
                        queue.swap(i, random.below(i + 1));
                    }
                }
                let Some(p) = queue.pop() else { break };
                if !part.contains(&p) {
                    part.push(p);
                }
            }
            let share = (budget / 12).min(end.saturating_sub(effort.spent));
            let (better, done) = self.improve(&mut x, &part, random.next(), share, effort);
            if better {
                report(&x, effort);
            }
            size = if done { size + size / 16 } else { (size - size / 8).max(2 * self.periods.min(SMALL)) };
        }
        x
    }

    /// Searches for better orders of `part` while the others stand. Tells whether there were any and
    /// whether the search came to its end.
    fn improve(&self, x: &mut [f64], part: &[usize], seed: u64, share: u64, effort: &mut Effort) -> (bool, bool) {
        let left = |limits: &[f64], uses: &dyn Fn(&Product, usize) -> f64| -> Vec<f64> {
            let mut left = limits.to_vec();
            for p in (0..self.products.len()).filter(|p| !part.contains(p)) {
                for (t, room) in left.iter_mut().enumerate() {
                    *room -= uses(&self.products[p], self.at(p, t));
                }
            }
            // Sums of what others use may be off by a rounding error.
            left.into_iter().map(|room| room.max(0.0)).collect()
        };
        let small = InventoryProblem {
            products: part.iter().map(|&p| self.products[p].clone()).collect(),
            periods: self.periods,
            capacity: left(&self.capacity, &|p, c| p.unit_time * x[c] + p.setup_time * x[c + 1]),
            space: self.space.as_ref().map(|space| left(space, &|p, c| p.space * x[c + 2])),
            budget: self.budget.as_ref().map(|money| left(money, &|p, c| p.unit_cost * x[c] + p.setup_cost * x[c + 1])),
        };
        let (places, small_places) = (self.columns_of(part), {
            let all: Vec<usize> = (0..part.len()).collect();
            small.columns_of(&all)
        });
        let mut start = vec![0.0; small_places.len()];
        for (&from, &to) in places.iter().zip(&small_places) {
            start[to] = x[from];
        }
        let problem = mip::Problem::from_model(&small.model());
        let before = problem.objective(&start);
        let guidance = Guidance {
            separator: Some(&small),
            start: Some(start),
            gap: 2e-4,
            node_limit: Some(NODES),
            depth: 2,
            seed: seed % 1000,
            sign: 1.0,
            ..Guidance::default()
        };
        let answer = effort.part(share, |effort| effort.silently(|effort| mip::solve(&problem, &guidance, effort)));
        let done = answer.status == crate::lp::Status::Optimal;
        let Some(found) = answer.x.filter(|_| answer.objective < before - 1e-9 * before.abs()) else {
            return (false, done);
        };
        for (&to, &from) in places.iter().zip(&small_places) {
            x[to] = found[from];
        }
        (true, done)
    }

    /// The columns of some products, in an order that depends on nothing else.
    fn columns_of(&self, products: &[usize]) -> Vec<usize> {
        let extras = self.extras();
        let mut out = Vec::new();
        for &p in products {
            out.extend(self.at(p, 0)..self.at(p, 0) + 4 * self.periods);
            for first in [extras.backorders[p], extras.waste[p]].into_iter().flatten() {
                out.extend(first..first + self.periods);
            }
        }
        out
    }
}
