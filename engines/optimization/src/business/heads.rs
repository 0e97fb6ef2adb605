//! Plans for many tours by simulated annealing (Kirkpatrick, Gelatt and Vecchi, 1983): people move
//! from tour to tour while the hours nobody covers are priced. A covering problem of this size has
//! too many fractions at its relaxation for rounding to be good.

use super::staffing::StaffingProblem;
use crate::effort::Effort;
use crate::mip::Random;

/// Problems with fewer tours are left to the general search.
const SOME_TOURS: usize = 30;
/// With more tours than this rounding a relaxation is poor, and most of the work is well spent here.
const MANY_TOURS: usize = 600;
/// Moves between two looks at the work.
const BATCH: u64 = 2_000;
/// Of the work left, at most one part in this many is spent here: with many tours, with fewer.
const SHARE: (u64, u64) = (2, 15);
/// Moves a tour and person, beyond which a longer schedule brings little.
const MOVES: u64 = 6_000;

struct Search<'a> {
    problem: &'a StaffingProblem,
    /// Rows of the coverage (skill by hour) that one person on a tour adds to.
    covers: Vec<Vec<u32>>,
    /// People there beyond the need; negative is short.
    spare: Vec<f64>,
    people: Vec<f64>,
    heads: Vec<f64>,
    value: f64,
    touched: u64,
}

impl<'a> Search<'a> {
    fn new(problem: &'a StaffingProblem) -> Self {
        let hours = problem.hours();
        let covers: Vec<Vec<u32>> = problem
            .tours
            .iter()
            .map(|tour| {
                let worked = problem.worked(tour);
                (0..=tour.skill).flat_map(|k| worked.iter().map(move |h| (k * hours + h) as u32)).collect()
            })
            .collect();
        let spare: Vec<f64> = problem.needed().into_iter().flatten().map(|d| -d).collect();
        let short: f64 = spare.iter().map(|s| -s.min(0.0)).sum();
        Self {
            value: short * problem.under_penalty,
            covers,
            spare,
            people: vec![0.0; problem.tours.len()],
            heads: vec![0.0; problem.demand.len()],
            problem,
            touched: 0,
        }
    }

    /// One person more (`by` 1) or fewer (-1) on a tour; the change of the objective.
    fn shift(&mut self, tour: usize, by: f64) -> f64 {
        let mut short = 0.0;
        for &row in &self.covers[tour] {
            let before = self.spare[row as usize];
            let after = before + by;
            short += before.min(0.0) - after.min(0.0);
            self.spare[row as usize] = after;
        }
        self.touched += self.covers[tour].len() as u64;
        self.people[tour] += by;
        self.heads[self.problem.tours[tour].skill] += by;
        let change = by * self.problem.tours[tour].cost + short * self.problem.under_penalty;
        self.value += change;
        change
    }

    fn has_room(&self, tour: usize) -> bool {
        let skill = self.problem.tours[tour].skill;
        self.heads[skill] + 1.0 <= self.problem.max_heads[skill] + 1e-9
    }
}

impl StaffingProblem {
    /// A good plan over the tours, by the columns of the model; `None` where the general search does
    /// as well or where more than tours is to be decided.
    pub(super) fn good_plan(&self, seed: u64, effort: &mut Effort) -> Option<Vec<f64>> {
        let tours = self.tours.len();
        if tours < SOME_TOURS || self.has_extras() {
            return None;
        }
        let share = if tours < MANY_TOURS { SHARE.1 } else { SHARE.0 };
        let end = effort.spent + effort.limit.saturating_sub(effort.spent) / share;
        let mut random = Random::new(seed ^ 0x7EAD5);
        let mut search = Search::new(self);
        let mut staffed: Vec<u32> = Vec::new();
        // A first plan: whoever saves most, until nobody saves anything.
        loop {
            let mut best: Option<(f64, usize)> = None;
            for tour in 0..tours {
                if !search.has_room(tour) {
                    continue;
                }
                let saved: f64 = search.covers[tour].iter().map(|&r| (-search.spare[r as usize]).clamp(0.0, 1.0)).sum();
                search.touched += search.covers[tour].len() as u64;
                let gain = saved * self.under_penalty - self.tours[tour].cost;
                if gain > 0.0 && best.is_none_or(|b| gain > b.0) {
                    best = Some((gain, tour));
                }
            }
            let Some((_, tour)) = best else { break };
            search.shift(tour, 1.0);
            staffed.push(tour as u32);
            effort.add(std::mem::take(&mut search.touched));
            if effort.is_over() {
                break;
            }
        }
        let mut best = (search.value, search.people.clone());
        let mean_cost = self.tours.iter().map(|t| t.cost).sum::<f64>() / tours as f64;
        let hot = 0.05 * mean_cost;
        let cold = 0.005 * mean_cost;
        // The schedule is laid out for the work there is.
        let per_move = 3 * search.covers.iter().map(Vec::len).sum::<usize>() as u64 / tours as u64;
        let affordable = 4 * end.saturating_sub(effort.spent) / per_move.max(1);
        let planned = affordable.min(MOVES * (tours + staffed.len()) as u64).max(1);
        let mut done = 0u64;
        let uniform = |random: &mut Random| (random.next() >> 11) as f64 / (1u64 << 53) as f64;
        while done < planned && effort.spent < end && !effort.is_over() {
            let warmth = hot * (cold / hot).powf(done as f64 / planned as f64);
            for _ in 0..BATCH {
                let kind = random.below(10);
                if kind < 8 && !staffed.is_empty() {
                    // From one tour to another.
                    let at = random.below(staffed.len());
                    let from = staffed[at] as usize;
                    let to = random.below(tours);
                    if to == from {
                        continue;
                    }
                    let mut change = search.shift(from, -1.0);
                    let room = search.has_room(to);
                    if room {
                        change += search.shift(to, 1.0);
                    }
                    if room && (change <= 0.0 || uniform(&mut random) < (-change / warmth).exp()) {
                        staffed[at] = to as u32;
                    } else {
                        if room {
                            search.shift(to, -1.0);
                        }
                        search.shift(from, 1.0);
                        continue;
                    }
                } else if kind == 8 {
                    let to = random.below(tours);
                    if !search.has_room(to) {
                        continue;
                    }
                    let change = search.shift(to, 1.0);
                    if change <= 0.0 || uniform(&mut random) < (-change / warmth).exp() {
                        staffed.push(to as u32);
                    } else {
                        search.shift(to, -1.0);
                        continue;
                    }
                } else if !staffed.is_empty() {
                    let at = random.below(staffed.len());
                    let from = staffed[at] as usize;
                    let change = search.shift(from, -1.0);
                    if change <= 0.0 || uniform(&mut random) < (-change / warmth).exp() {
                        staffed.swap_remove(at);
                    } else {
                        search.shift(from, 1.0);
                        continue;
                    }
                }
                if search.value < best.0 - 1e-9 {
                    best.0 = search.value;
                    best.1.copy_from_slice(&search.people);
                }
            }
            done += BATCH;
            // Additions in a row are cheaper than entries of a matrix.
            effort.add(std::mem::take(&mut search.touched) / 4 + BATCH * 2);
        }
        let mut x = best.1;
        let mut there = vec![0.0; search.spare.len()];
        for (tour, people) in x.iter().enumerate().filter(|t| *t.1 > 0.0) {
            for &row in &search.covers[tour] {
                there[row as usize] += people;
            }
        }
        x.extend(self.needed().into_iter().flatten().zip(there).map(|(d, have): (f64, f64)| (d - have).max(0.0)));
        Some(x)
    }
}
