//! Plans for many products: each alone at first, then a few at a time while the others stand (fix and
//! optimise; Helber and Sahling, 2010). A part is an inventory problem of its own whose capacity is
//! what the others leave, so that it is small and its inequalities are as tight as the whole's.

use super::inventory::InventoryProblem;
use crate::effort::{Effort, Progress};
use crate::mip::{self, Guidance, Random};

/// Problems of fewer decisions than this are searched whole at once.
const SMALL: usize = 100;
/// Nodes in the search of one part.
const NODES: u64 = 200;
/// Decisions that a part starts with; it grows while parts end early and shrinks while they do not.
const PART: usize = 110;

impl InventoryProblem {
    /// A good plan, found with about half of the work that is left.
    pub(super) fn good_plan(&self, seed: u64, effort: &mut Effort) -> Vec<f64> {
        let mut x = self.no_orders();
        let products = self.products.len();
        if products * self.periods < SMALL {
            return x;
        }
        let budget = effort.limit.saturating_sub(effort.spent) / 20 * 11;
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
        // Those with the most to lose choose first.
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
        let mut capacity = self.capacity.clone();
        for p in (0..self.products.len()).filter(|p| !part.contains(p)) {
            for (t, room) in capacity.iter_mut().enumerate() {
                let c = self.at(p, t);
                *room -= self.products[p].unit_time * x[c] + self.products[p].setup_time * x[c + 1];
            }
        }
        for room in &mut capacity {
            // Sums of what others use may be off by a rounding error.
            *room = room.max(0.0);
        }
        let small = InventoryProblem {
            products: part.iter().map(|&p| self.products[p].clone()).collect(),
            periods: self.periods,
            capacity,
        };
        let width = 4 * self.periods;
        let start: Vec<f64> = part.iter().flat_map(|&p| x[self.at(p, 0)..self.at(p, 0) + width].to_vec()).collect();
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
        for (i, &p) in part.iter().enumerate() {
            let at = self.at(p, 0);
            x[at..at + width].copy_from_slice(&found[i * width..(i + 1) * width]);
        }
        (true, done)
    }
}
