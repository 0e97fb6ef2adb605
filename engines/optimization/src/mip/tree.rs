//! Branch and bound: best bound first with plunging, and reduced cost fixing.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::rc::Rc;

use super::presolve::Restore;
use super::problem::{INTEGRAL, Problem};
use super::propagate::Propagator;
use super::pseudo_cost::PseudoCost;
use super::{Guidance, relative_gap};
use crate::effort::Effort;
use crate::lp::simplex::{Basis, BoundedRow, Place, Simplex};
use crate::lp::{Outcome, Status};

struct Node {
    bound: f64,
    depth: u32,
    order: u64,
    /// Bounds that differ from the root's.
    changes: Vec<(u32, f64, f64)>,
    basis: Rc<Basis>,
    /// The branching that made this node: column, fraction it moved, direction up.
    branch: Option<(usize, f64, bool)>,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Node {}
impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Node {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap's greatest is the node to take: lowest bound, then deepest, then first made.
        other.bound.total_cmp(&self.bound).then(self.depth.cmp(&other.depth)).then(other.order.cmp(&self.order))
    }
}

pub(super) struct Tree<'a> {
    pub problem: &'a Problem,
    pub restore: &'a Restore,
    pub guidance: &'a Guidance<'a>,
    pub simplex: Simplex,
    pub propagator: Propagator,
    /// The problem with the root's cuts as rows, for the propagator.
    with_cuts: Option<Problem>,
    pub root_lower: Vec<f64>,
    pub root_upper: Vec<f64>,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    pub integers: Vec<usize>,
    /// The integers and those that are whole by the rows: all whose bounds a node may move.
    pub whole: Vec<usize>,
    pub incumbent: Option<Vec<f64>>,
    pub value: f64,
    pub bound: f64,
    pub nodes: u64,
    /// Rows the simplex holds beyond the problem's own, in the caller's units.
    pub cut_rows: Vec<BoundedRow>,
    pub root_x: Vec<f64>,
    pub fixed_cost: f64,
    open: BinaryHeap<Node>,
    pub pseudo: Vec<PseudoCost>,
    step: f64,
    made: u64,
    /// Set when some part of the tree could not be decided: then nothing is proven.
    pub undecided: f64,
    pub root_reduced: Vec<f64>,
    root_bound: f64,
    pub strong_work: u64,
    next_neighbourhood: u64,
    neighbourhood_work: u64,
    neighbourhood_due: u64,
    pub neighbourhood_round: u64,
}

/// Distance below the incumbent that a node must promise.
pub(super) const RELATIVE: f64 = 1e-7;

impl<'a> Tree<'a> {
    pub fn new(problem: &'a Problem, restore: &'a Restore, guidance: &'a Guidance<'a>, fixed_cost: f64) -> Self {
        let mut simplex = problem.simplex();
        simplex.reseed(guidance.seed + 1);
        Self {
            simplex,
            propagator: Propagator::new(problem),
            with_cuts: None,
            root_lower: problem.lower.clone(),
            root_upper: problem.upper.clone(),
            lower: problem.lower.clone(),
            upper: problem.upper.clone(),
            integers: (0..problem.columns()).filter(|&j| problem.integer[j] && !problem.implied[j]).collect(),
            whole: (0..problem.columns()).filter(|&j| problem.integer[j]).collect(),
            incumbent: None,
            value: guidance.cutoff.map_or(f64::INFINITY, |c| c - fixed_cost),
            bound: f64::NEG_INFINITY,
            nodes: 0,
            cut_rows: Vec::new(),
            root_x: Vec::new(),
            open: BinaryHeap::new(),
            pseudo: vec![PseudoCost::default(); problem.columns()],
            step: problem.objective_step(),
            made: 0,
            undecided: f64::INFINITY,
            root_reduced: Vec::new(),
            root_bound: f64::NEG_INFINITY,
            strong_work: 0,
            next_neighbourhood: 0,
            neighbourhood_work: 0,
            neighbourhood_due: 0,
            neighbourhood_round: 0,
            problem,
            restore,
            guidance,
            fixed_cost,
        }
    }

    /// A node at or above this is of no use.
    pub fn cutoff(&self) -> f64 {
        if self.value == f64::INFINITY {
            return f64::INFINITY;
        }
        if self.step > 0.0 {
            self.value - self.step + 1e-6 * self.step
        } else {
            self.value - (RELATIVE * (self.value + self.fixed_cost).abs()).max(1e-9)
        }
    }

    fn round_bound(&self, bound: f64) -> f64 {
        if self.step > 0.0 && bound.is_finite() { (bound / self.step - 1e-6).ceil() * self.step } else { bound }
    }

    pub fn search(&mut self, start: Option<Vec<f64>>, effort: &mut Effort) -> Status {
        if let Some(x) = start {
            self.offer(x);
        }
        let outcome = self.simplex.solve(effort);
        self.simplex.perturb_at_start = false;
        self.nodes = 1;
        match outcome {
            Outcome::Optimal => {}
            Outcome::Infeasible | Outcome::CutOff => {
                self.bound = self.value;
                return if self.incumbent.is_some() { Status::Optimal } else { Status::Infeasible };
            }
            Outcome::Unbounded => {
                return Status::Unbounded;
            }
            Outcome::Limit | Outcome::Trouble => {
                return self.final_status(true);
            }
        }
        self.root_x = self.simplex.values();
        self.bound = self.round_bound(self.simplex.objective());
        self.report(effort);
        if self.fractional().is_empty() && self.accept_relaxation(effort) {
            return self.final_status(false);
        }
        self.simple_rounding();
        if self.incumbent.is_none() && self.guidance.depth == 0 {
            self.simple_plans(effort);
            self.report(effort);
        }
        self.remember_root();
        let many_columns = self.integers.len() > self.problem.rows.len() * 3 / 2 && self.problem.columns() > 400;
        if self.guidance.depth == 0 || self.incumbent.is_none() {
            self.dive(effort);
        }
        if many_columns && self.guidance.depth == 0 {
            self.promising_columns(effort);
        }
        if !self.root_cuts(effort) {
            self.bound = self.value;
            return self.final_status(false);
        }
        self.report(effort);
        if self.closed() || effort.is_over() {
            return self.final_status(!self.closed());
        }
        if self.fractional().is_empty() && self.accept_relaxation(effort) {
            return self.final_status(false);
        }
        self.simple_rounding();
        self.dive(effort);
        self.remember_root();
        self.reduced_cost_fixing();
        if self.guidance.depth < 2 {
            let before = self.value;
            self.root_neighbourhoods(effort);
            // A better plan leaves less room, and cuts of what is left are deeper.
            if self.value < before && !self.closed() && !effort.is_over() {
                self.apply_root_bounds();
                if self.simplex.solve(effort) == Outcome::Infeasible || !self.root_cuts(effort) {
                    self.bound = self.value;
                    return self.final_status(false);
                }
                self.remember_root();
            }
        }
        self.report(effort);
        if self.closed() {
            return self.final_status(false);
        }
        self.push_root();
        self.propagate_cuts();
        self.loop_nodes(effort)
    }

    /// From here on cuts are followed like rows.
    fn propagate_cuts(&mut self) {
        let mut all = self.problem.clone();
        for (terms, lower, upper) in &self.cut_rows {
            all.rows.push(terms.clone());
            all.row_lower.push(*lower);
            all.row_upper.push(*upper);
        }
        self.propagator = Propagator::new(&all);
        self.with_cuts = Some(all);
    }

    fn remember_root(&mut self) {
        self.root_reduced = (0..self.problem.columns()).map(|j| self.simplex.reduced_cost(j)).collect();
        self.root_bound = self.simplex.objective();
    }

    /// Whether the gap is within what was asked for.
    pub fn closed(&self) -> bool {
        self.incumbent.is_some()
            && (self.bound >= self.cutoff()
                || relative_gap(self.value + self.fixed_cost, self.bound + self.fixed_cost) <= self.guidance.gap)
    }

    /// Whether there is a plan and more to gain than a proof.
    pub(super) fn is_far(&self) -> bool {
        let (value, bound) = (self.value + self.fixed_cost, self.bound + self.fixed_cost);
        self.incumbent.is_some() && relative_gap(value, bound) > 1e-3
    }

    fn final_status(&mut self, limited: bool) -> Status {
        if !limited {
            let open = self.open.peek().map_or(f64::INFINITY, |node| node.bound);
            let least = open.min(self.undecided).min(self.value);
            self.bound = self.bound.max(least.min(self.value));
        }
        self.bound = self.bound.min(self.value);
        match (&self.incumbent, limited) {
            (Some(_), false) if self.undecided >= self.cutoff() => Status::Optimal,
            (Some(_), _) => {
                if self.closed() {
                    Status::Optimal
                } else {
                    Status::Feasible
                }
            }
            (None, false) if self.undecided == f64::INFINITY => Status::Infeasible,
            (None, _) => Status::Unknown,
        }
    }

    pub fn report(&self, effort: &Effort) {
        self.guidance.progress(
            self.incumbent.is_some().then_some(self.value + self.fixed_cost),
            self.bound + self.fixed_cost,
            self.nodes,
            effort,
        );
    }

    fn push_root(&mut self) {
        let node = Node {
            bound: self.round_bound(self.simplex.objective()).max(self.bound),
            depth: 0,
            order: 0,
            changes: Vec::new(),
            basis: Rc::new(self.simplex.basis()),
            branch: None,
        };
        self.open.push(node);
    }

    pub fn fractional(&self) -> Vec<(usize, f64)> {
        self.integers
            .iter()
            .filter_map(|&j| {
                let x = self.simplex.value(j);
                let away = (x - x.round()).abs();
                (away > INTEGRAL).then_some((j, x))
            })
            .collect()
    }

    /// Gives the simplex the present bounds of all whole columns.
    pub fn apply_bounds(&mut self) {
        for &j in &self.whole {
            self.simplex.set_bounds(j, self.lower[j], self.upper[j]);
        }
    }

    fn apply_root_bounds(&mut self) {
        self.lower.copy_from_slice(&self.root_lower);
        self.upper.copy_from_slice(&self.root_upper);
        self.apply_bounds();
    }

    /// Integers whose root price exceeds what is left between bound and incumbent are fixed for good.
    pub fn reduced_cost_fixing(&mut self) {
        if self.value == f64::INFINITY || self.root_reduced.is_empty() {
            return;
        }
        let room = self.cutoff() - self.root_bound;
        if room < 0.0 {
            return;
        }
        for &j in &self.whole {
            let d = self.root_reduced[j];
            if d.abs() < 1e-9 || self.root_lower[j] == self.root_upper[j] {
                continue;
            }
            let reach = (room / d.abs() + 1e-6).floor();
            if d > 0.0 && self.root_lower[j].is_finite() && self.problem.lower[j] == self.root_lower[j] {
                self.root_upper[j] = self.root_upper[j].min(self.root_lower[j] + reach);
            } else if d < 0.0 && self.root_upper[j].is_finite() && self.problem.upper[j] == self.root_upper[j] {
                self.root_lower[j] = self.root_lower[j].max(self.root_upper[j] - reach);
            }
        }
    }

    /// The same at a node, with the prices of its own relaxation, for all below it.
    pub(super) fn tighten_by_prices(&mut self, relaxed: f64, effort: &mut Effort) -> bool {
        let room = self.cutoff() - relaxed;
        if room == f64::INFINITY || room < 0.0 {
            return room >= 0.0;
        }
        for &j in &self.whole {
            let d = self.simplex.reduced_cost(j);
            let (lower, upper) = (self.lower[j], self.upper[j]);
            if d.abs() * (upper - lower) <= room || lower == upper {
                continue;
            }
            let reach = (room / d.abs() + 1e-6).floor();
            match self.simplex.place[j] {
                Place::Lower if d > 0.0 => self.upper[j] = upper.min(lower + reach),
                Place::Upper if d < 0.0 => self.lower[j] = lower.max(upper - reach),
                _ => continue,
            }
            self.propagator.touch(j);
        }
        self.propagate(effort)
    }

    /// Follows the rows from the columns that were touched. `false`: no plan is left.
    pub(super) fn propagate(&mut self, effort: &mut Effort) -> bool {
        let mut changed = Vec::new();
        let rows = self.with_cuts.as_ref().unwrap_or(self.problem);
        let feasible = self.propagator.run(rows, &mut self.lower, &mut self.upper, &mut changed);
        effort.add(std::mem::take(&mut self.propagator.work));
        feasible
    }

    fn changes(&self) -> Vec<(u32, f64, f64)> {
        self.whole
            .iter()
            .filter(|&&j| self.lower[j] != self.root_lower[j] || self.upper[j] != self.root_upper[j])
            .map(|&j| (j as u32, self.lower[j], self.upper[j]))
            .collect()
    }

    fn loop_nodes(&mut self, effort: &mut Effort) -> Status {
        let mut current: Option<Node> = None;
        let mut last_report = self.nodes;
        loop {
            if self.guidance.node_limit.is_some_and(|limit| self.nodes >= limit) || effort.is_over() {
                if let Some(node) = current.take() {
                    self.open.push(node);
                }
                self.update_bound();
                return self.final_status(true);
            }
            let (node, hot) = match current.take() {
                Some(node) => (node, true),
                None => match self.open.pop() {
                    Some(node) => (node, false),
                    None => return self.final_status(false),
                },
            };
            if node.bound >= self.cutoff() {
                if !hot {
                    // Best bound first: nothing that is left can be better.
                    self.open.clear();
                    return self.final_status(false);
                }
                continue;
            }
            if !hot {
                self.bound = self.bound.max(node.bound.min(self.undecided));
                if self.closed() {
                    self.open.push(node);
                    return self.final_status(true);
                }
                // Where nodes are dear, the work between two neighbourhoods counts, not the nodes.
                let due =
                    self.nodes >= self.next_neighbourhood || self.is_far() && effort.spent >= self.neighbourhood_due;
                if due && self.guidance.depth < 2 {
                    self.next_neighbourhood = self.nodes + 200;
                    self.neighbourhood_due = effort.spent + effort.limit / 24;
                    if self.neighbourhood_work * 3 < effort.spent || self.incumbent.is_none() {
                        let before = effort.spent;
                        if self.incumbent.is_some() {
                            self.neighbourhood(effort);
                        }
                        self.neighbourhood_work += effort.spent - before;
                        self.simplex.set_basis(&node.basis);
                    }
                }
            }
            if self.nodes >= last_report + 100 {
                last_report = self.nodes;
                self.report(effort);
            }
            current = self.process(node, hot, effort);
        }
    }

    fn update_bound(&mut self) {
        if let Some(node) = self.open.peek() {
            self.bound = self.bound.max(node.bound.min(self.undecided).min(self.value));
        }
    }

    /// Solves a node; returns the child to plunge into, with the simplex already there.
    fn process(&mut self, node: Node, hot: bool, effort: &mut Effort) -> Option<Node> {
        self.nodes += 1;
        self.lower.copy_from_slice(&self.root_lower);
        self.upper.copy_from_slice(&self.root_upper);
        for &(j, lo, hi) in &node.changes {
            let j = j as usize;
            self.lower[j] = self.lower[j].max(lo);
            self.upper[j] = self.upper[j].min(hi);
            if self.lower[j] > self.upper[j] {
                return None;
            }
        }
        if let Some((j, _, _)) = node.branch {
            self.propagator.touch(j);
            if !self.propagate(effort) {
                return None;
            }
        }
        self.apply_bounds();
        if !hot {
            self.simplex.set_basis(&node.basis);
        }
        self.simplex.cutoff = self.cutoff();
        let mut outcome = self.simplex.solve(effort);
        if outcome == Outcome::Trouble {
            self.simplex.slack_basis();
            self.simplex.perturb_at_start = true;
            outcome = self.simplex.solve(effort);
            self.simplex.perturb_at_start = false;
        }
        match outcome {
            Outcome::Optimal => {}
            Outcome::Infeasible | Outcome::CutOff => return None,
            Outcome::Limit => {
                self.open.push(node);
                return None;
            }
            Outcome::Unbounded | Outcome::Trouble => {
                self.undecided = self.undecided.min(node.bound);
                return None;
            }
        }
        let relaxed = self.simplex.objective();
        if let Some((j, moved, up)) = node.branch {
            self.learn(j, moved, up, relaxed - node.bound);
        }
        let bound = self.round_bound(relaxed).max(node.bound);
        if bound >= self.cutoff() {
            return None;
        }
        let mut fractional = self.fractional();
        if fractional.is_empty() {
            if self.accept_relaxation(effort) {
                self.reduced_cost_fixing();
                return None;
            }
            // Whole only within tolerance: branch on what is least whole.
            fractional = self
                .integers
                .iter()
                .map(|&j| (j, self.simplex.value(j)))
                .filter(|&(j, x)| (x - x.round()).abs() > 1e-9 && self.lower[j] < self.upper[j])
                .collect();
            if fractional.is_empty() {
                self.undecided = self.undecided.min(bound);
                return None;
            }
        }
        if self.nodes.is_multiple_of(20) {
            self.simple_rounding();
        }
        if self.incumbent.is_none() && self.nodes.is_multiple_of(50) {
            let basis = self.simplex.basis();
            let (lower, upper) = (self.lower.clone(), self.upper.clone());
            self.dive_from_here(effort, 1 + (self.nodes / 50) % 3);
            self.lower = lower;
            self.upper = upper;
            self.apply_bounds();
            self.simplex.set_basis(&basis);
            if self.simplex.solve(effort) != Outcome::Optimal {
                self.undecided = self.undecided.min(bound);
                return None;
            }
            fractional = self.fractional();
            if fractional.is_empty() {
                self.undecided = self.undecided.min(bound);
                return None;
            }
        }
        if !self.tighten_by_prices(relaxed, effort) {
            return None;
        }
        let Some((j, x)) = self.choose_branch(&fractional, relaxed, effort) else {
            // Strong branching tightened bounds: the node is solved again.
            self.made += 1;
            return Some(Node {
                bound,
                depth: node.depth,
                order: self.made,
                changes: self.changes(),
                basis: Rc::new(self.simplex.basis()),
                branch: None,
            })
            .filter(|_| !self.dead());
        };
        let floor = if (x - x.round()).abs() <= INTEGRAL {
            // Nearly whole: the rounded value and its neighbour on the other side.
            if x > x.round() { x.round() } else { x.round() - 1.0 }
        } else {
            x.floor()
        };
        let basis = Rc::new(self.simplex.basis());
        let base = self.changes();
        let make = |tree: &mut Self, up: bool| {
            tree.made += 1;
            let (mut lo, mut hi) = (tree.lower[j], tree.upper[j]);
            let moved = if up {
                lo = floor + 1.0;
                floor + 1.0 - x
            } else {
                hi = floor;
                x - floor
            };
            let mut changes = base.clone();
            match changes.iter_mut().find(|c| c.0 as usize == j) {
                Some(change) => *change = (j as u32, lo, hi),
                None => changes.push((j as u32, lo, hi)),
            }
            Node {
                bound,
                depth: node.depth + 1,
                order: tree.made,
                changes,
                basis: Rc::clone(&basis),
                branch: Some((j, moved.max(1e-6), up)),
            }
        };
        let up_first = self.prefer_up(j, x);
        let near = make(self, up_first);
        let far = make(self, !up_first);
        self.open.push(far);
        Some(near)
    }
}
