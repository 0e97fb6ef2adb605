//! Parts of a problem that share no row are searched one by one: skills, shops, regions.

use super::{Guidance, MipAnswer, Problem};
use crate::effort::Effort;
use crate::lp::Status;

/// A part with the columns it is made of.
struct Part {
    columns: Vec<usize>,
    problem: Problem,
}

fn root(parent: &mut [usize], mut j: usize) -> usize {
    while parent[j] != j {
        parent[j] = parent[parent[j]];
        j = parent[j];
    }
    j
}

/// The connected parts of a problem, largest first; a single part is no use and gives `None`.
fn parts(problem: &Problem) -> Option<Vec<Part>> {
    let n = problem.columns();
    let mut parent: Vec<usize> = (0..n).collect();
    for row in &problem.rows {
        let Some(&(first, _)) = row.first() else {
            continue;
        };
        for &(j, _) in row {
            let (a, b) = (root(&mut parent, first), root(&mut parent, j));
            if a != b {
                parent[a.max(b)] = a.min(b);
            }
        }
    }
    let mut part_of = vec![usize::MAX; n];
    let mut columns: Vec<Vec<usize>> = Vec::new();
    for j in 0..n {
        let r = root(&mut parent, j);
        if part_of[r] == usize::MAX {
            part_of[r] = columns.len();
            columns.push(Vec::new());
        }
        let part = part_of[r];
        part_of[j] = part;
        columns[part].push(j);
    }
    if columns.len() < 2 {
        return None;
    }
    let mut place = vec![0usize; n];
    for list in &columns {
        for (k, &j) in list.iter().enumerate() {
            place[j] = k;
        }
    }
    let mut out: Vec<Part> = columns
        .into_iter()
        .map(|columns| Part {
            problem: Problem {
                cost: columns.iter().map(|&j| problem.cost[j]).collect(),
                lower: columns.iter().map(|&j| problem.lower[j]).collect(),
                upper: columns.iter().map(|&j| problem.upper[j]).collect(),
                integer: columns.iter().map(|&j| problem.integer[j]).collect(),
                implied: columns.iter().map(|&j| problem.implied[j]).collect(),
                ..Problem::default()
            },
            columns,
        })
        .collect();
    for (i, row) in problem.rows.iter().enumerate() {
        let Some(&(first, _)) = row.first() else {
            continue;
        };
        let part = &mut out[part_of[first]].problem;
        part.rows.push(row.iter().map(|&(j, v)| (place[j], v)).collect());
        part.row_lower.push(problem.row_lower[i]);
        part.row_upper.push(problem.row_upper[i]);
    }
    out.sort_by_key(|part| std::cmp::Reverse(part.columns.len()));
    Some(out)
}

/// Searches the parts of a problem; `None` if it has only one.
pub(super) fn solve_parts(problem: &Problem, guidance: &Guidance, effort: &mut Effort) -> Option<MipAnswer> {
    // A separator speaks of the whole problem, and so does a cutoff.
    if guidance.separator.is_some() {
        return None;
    }
    let parts = parts(problem)?;
    let mut answer = MipAnswer {
        status: Status::Optimal,
        x: Some(vec![0.0; problem.columns()]),
        objective: 0.0,
        bound: 0.0,
        nodes: 0,
    };
    let mut left: usize = parts.iter().map(|part| part.columns.len().pow(2)).sum();
    for part in &parts {
        let size = part.columns.len().pow(2);
        let remaining = effort.limit.saturating_sub(effort.spent);
        let share = (remaining as f64 * (size as f64 / left as f64)) as u64;
        left -= size;
        let guidance = Guidance {
            start: guidance.start.as_ref().map(|x| part.columns.iter().map(|&j| x[j]).collect()),
            gap: guidance.gap,
            node_limit: guidance.node_limit,
            depth: guidance.depth,
            seed: guidance.seed,
            sign: guidance.sign,
            ..Guidance::default()
        };
        let found =
            effort.part(share, |effort| effort.silently(|effort| super::solve(&part.problem, &guidance, effort)));
        answer.nodes += found.nodes;
        answer.bound += found.bound;
        match (&found.x, &mut answer.x) {
            (Some(part_x), Some(x)) => {
                for (&j, &v) in part.columns.iter().zip(part_x) {
                    x[j] = v;
                }
                answer.objective += found.objective;
                if found.status != Status::Optimal && answer.status == Status::Optimal {
                    answer.status = Status::Feasible;
                }
            }
            _ => answer.x = None,
        }
        match found.status {
            Status::Infeasible => {
                return Some(MipAnswer {
                    status: Status::Infeasible,
                    x: None,
                    objective: f64::INFINITY,
                    bound: f64::INFINITY,
                    nodes: answer.nodes,
                });
            }
            Status::Unbounded => {
                // Only if the others have plans at all; they are searched all the same.
                answer.status = Status::Unbounded;
            }
            _ => {}
        }
    }
    if answer.x.is_none() {
        if answer.status != Status::Unbounded {
            answer.status = Status::Unknown;
        }
        answer.objective = f64::INFINITY;
    }
    Some(answer)
}
