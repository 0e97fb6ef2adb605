//! The traces that a spike and a level shift leave in the residuals of a linear model.

use super::Kind;

/// Points that a level must last for, before a shift and after it.
const SHORTEST_LEVEL: usize = 3;
/// Sweeps in which the sizes of traces settle.
const SWEEPS: usize = 3;

/// An outlier of known kind, place and size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace {
    pub index: usize,
    pub kind: Kind,
    /// In the unit of the series.
    pub size: f64,
    /// In standard deviations of its estimate.
    pub score: f64,
}

/// A shift is a stronger claim than a spike and needs so many times its evidence.
const STRONGER: f64 = 1.1;

impl Trace {
    fn evidence(&self) -> f64 {
        self.score.abs() / if self.kind == Kind::LevelShift { STRONGER } else { 1.0 }
    }

    /// Takes the trace out of residuals.
    pub(super) fn remove(&self, residual: &mut [Option<f64>], weights: &[f64]) {
        let mut sum = 0.0;
        for (i, e) in residual[self.index..].iter_mut().enumerate() {
            let weight = weights.get(i).copied().unwrap_or(0.0);
            sum += weight;
            let trace = match self.kind {
                Kind::Spike if i >= weights.len() => break,
                Kind::Spike => weight,
                Kind::LevelShift => sum,
            };
            if let Some(e) = e {
                *e -= self.size * trace;
            }
        }
    }

    /// Takes the outlier itself out of the series.
    pub(super) fn take_out(&self, y: &mut [f64]) {
        match self.kind {
            Kind::Spike => y[self.index] -= self.size,
            Kind::LevelShift => y[self.index..].iter_mut().for_each(|v| *v -= self.size),
        }
    }
}

/// Sizes of all traces given each other (Gauss-Seidel sweeps over the normal equations), without those that fall below
/// `limit` once the others are known. What was found first was measured while the others were still in the residuals.
pub(super) fn settle(found: &mut Vec<Trace>, residual: &mut [Option<f64>], weights: &[f64], scale: f64, limit: f64) {
    let sums = sums(weights);
    let mut alone: Vec<f64> = found.iter().map(|trace| trace.score).collect();
    loop {
        for _ in 0..SWEEPS {
            for (trace, alone) in found.iter_mut().zip(&alone) {
                Trace { size: -trace.size, ..*trace }.remove(residual, weights);
                let (size, score) = match trace.kind {
                    Kind::Spike => spike_at(residual, weights, scale, trace.index),
                    Kind::LevelShift => shift_at(residual, &sums, scale, trace.index),
                };
                // Two traces side by side can hold each other up: what neither was by itself, neither is.
                trace.size = size;
                trace.score = score.clamp(-alone.abs(), alone.abs());
                trace.remove(residual, weights);
            }
        }
        let weakest = found.iter().enumerate().min_by(|a, b| a.1.score.abs().total_cmp(&b.1.score.abs()));
        match weakest {
            Some((at, trace)) if trace.score.abs() < limit => {
                Trace { size: -trace.size, ..*trace }.remove(residual, weights);
                found.remove(at);
                alone.remove(at);
            }
            _ => return,
        }
    }
}

/// Looks again at every trace given the others, within two seasons of it: a spike moves to the place where one explains more,
/// and a shift that is explained better by a spike, or elsewhere, gives way. The greedy search takes two spikes side by side
/// for a shift and a spike. A spike does not become a shift, the stronger claim. Whether any moved.
pub(super) fn exchange(
    found: &mut [Trace],
    residual: &mut [Option<f64>],
    weights: &[f64],
    scale: f64,
    season: usize,
) -> bool {
    let (sums, n) = (sums(weights), residual.len());
    let reach = 2 * season.max(3);
    let mut moved = false;
    for i in 0..found.len() {
        let old = found[i];
        Trace { size: -old.size, ..old }.remove(residual, weights);
        let taken =
            |t: usize, kind: Kind| found.iter().enumerate().any(|(j, f)| j != i && f.index == t && f.kind == kind);
        let mut best = Trace { score: 0.0, ..old };
        let too_late = too_late_to_tell(residual, &sums, scale);
        for t in old.index.saturating_sub(reach)..(old.index + reach + 1).min(n) {
            if !taken(t, Kind::Spike) {
                let (size, score) = spike_at(residual, weights, scale, t);
                if score.abs() > best.evidence() {
                    best = Trace { index: t, kind: Kind::Spike, size, score };
                }
            }
            if old.kind == Kind::LevelShift && shift_may_be(t, n, season) && !taken(t, Kind::LevelShift) {
                let (size, score) = shift_at(residual, &sums, scale, t);
                let shift = Trace { index: t, kind: Kind::LevelShift, size, score };
                if shift.evidence() > best.evidence() && (t == old.index || score.abs() >= too_late) {
                    best = shift;
                }
            }
        }
        if (best.index, best.kind) == (old.index, old.kind) {
            // Its score stays what it was alone: see [`settle`].
            best = old;
        } else {
            moved = true;
        }
        best.remove(residual, weights);
        found[i] = best;
    }
    moved
}

/// The strongest that a shift would be which begins with one of the last points. It cannot be told from spikes, and what it
/// explains better is none that began before: that would call the last usual points odd.
fn too_late_to_tell(residual: &[Option<f64>], sums: &[f64], scale: f64) -> f64 {
    let n = residual.len();
    (n.saturating_sub(SHORTEST_LEVEL - 1)..n).map(|t| shift_at(residual, sums, scale, t).1.abs()).fold(0.0, f64::max)
}

/// Before two cycles are known, a level cannot be told from the season.
fn shift_may_be(t: usize, n: usize, season: usize) -> bool {
    let before = if season > 1 { 2 * season } else { 0 };
    t >= before.max(SHORTEST_LEVEL) && t + SHORTEST_LEVEL <= n
}

fn sums(weights: &[f64]) -> Vec<f64> {
    let mut total = 0.0;
    let add = |w: &f64| {
        total += w;
        total
    };
    weights.iter().map(add).collect()
}

/// Least-squares size of a spike at `t` and its score.
pub(super) fn spike_at(residual: &[Option<f64>], weights: &[f64], scale: f64, t: usize) -> (f64, f64) {
    fit(residual[t..].iter().zip(weights.iter().copied()), scale)
}

/// The same for a level shift.
fn shift_at(residual: &[Option<f64>], sums: &[f64], scale: f64, t: usize) -> (f64, f64) {
    let last = sums[sums.len() - 1];
    let reach = residual.len().min(t + 4 * sums.len());
    let trace = sums.iter().copied().chain(std::iter::repeat(last));
    fit(residual[t..reach].iter().zip(trace), scale)
}

/// How strongly each point looks like a shift of the level; 0 where it could not be told from a spike.
pub(super) fn shift_scores(residual: &[Option<f64>], weights: &[f64], scale: f64, season: usize) -> Vec<f64> {
    let (sums, n) = (sums(weights), residual.len());
    (0..n).map(|t| if shift_may_be(t, n, season) { shift_at(residual, &sums, scale, t).1.abs() } else { 0.0 }).collect()
}

fn fit<'a>(pairs: impl Iterator<Item = (&'a Option<f64>, f64)>, scale: f64) -> (f64, f64) {
    let (mut product, mut squares) = (0.0, 0.0);
    for (e, w) in pairs {
        if let Some(e) = e {
            product += e * w;
            squares += w * w;
        }
    }
    if squares < 0.05 { (0.0, 0.0) } else { (product / squares, product / squares.sqrt() / scale) }
}

/// The strongest traces beyond `limit`, no two of them within a season, at most `most`.
pub(super) fn strongest(
    residual: &[Option<f64>],
    weights: &[f64],
    scale: f64,
    limit: f64,
    season: usize,
    most: usize,
) -> Vec<Trace> {
    let sums = sums(weights);
    let (n, apart) = (residual.len(), season.max(3));
    let too_late = too_late_to_tell(residual, &sums, scale);
    let mut candidates: Vec<Trace> = Vec::new();
    for t in 0..n {
        let (size, score) = spike_at(residual, weights, scale, t);
        if score.abs() > limit {
            candidates.push(Trace { index: t, kind: Kind::Spike, size, score });
        }
        // A shift at the ends cannot be told from a spike.
        if shift_may_be(t, n, season) {
            let (size, score) = shift_at(residual, &sums, scale, t);
            if score.abs() > limit * STRONGER && score.abs() >= too_late {
                candidates.push(Trace { index: t, kind: Kind::LevelShift, size, score });
            }
        }
    }
    candidates.sort_by(|a, b| b.score.abs().total_cmp(&a.score.abs()).then(a.index.cmp(&b.index)));
    let mut chosen: Vec<Trace> = Vec::new();
    for candidate in candidates {
        // A shift lifts every point after it: nothing else can be judged before it is taken out.
        if chosen.len() >= most || candidate.kind == Kind::LevelShift && !chosen.is_empty() {
            break;
        }
        if chosen.iter().all(|c| c.index.abs_diff(candidate.index) > apart) {
            chosen.push(candidate);
        }
        if candidate.kind == Kind::LevelShift {
            break;
        }
    }
    chosen
}
