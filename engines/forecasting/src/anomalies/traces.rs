//! The traces that a spike and a level shift leave in the residuals of a linear model.

use super::Kind;

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

impl Trace {
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

/// The strongest traces beyond `limit`, no two of them closer than `apart`, at most `most`.
pub(super) fn strongest(
    residual: &[Option<f64>],
    weights: &[f64],
    scale: f64,
    limit: f64,
    apart: usize,
    most: usize,
) -> Vec<Trace> {
    let mut total = 0.0;
    let sums: Vec<f64> = weights
        .iter()
        .map(|w| {
            total += w;
            total
        })
        .collect();
    let n = residual.len();
    let mut candidates: Vec<Trace> = Vec::new();
    for t in 0..n {
        let (size, score) = spike_at(residual, weights, scale, t);
        if score.abs() > limit {
            candidates.push(Trace { index: t, kind: Kind::Spike, size, score });
        }
        // A shift at the last points cannot be told from a spike, and a stronger claim needs stronger evidence.
        if t > 0 && t + 3 < n {
            let (size, score) = shift_at(residual, &sums, scale, t);
            if score.abs() > limit * 1.1 {
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
