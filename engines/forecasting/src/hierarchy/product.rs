//! Forecasts of a set of parts and of the totals that their labels make: by shop, by product, by channel, in all.

use super::{Columns, Hierarchy, Method, Reconciler};
use crate::calendar::Frequency;
use crate::engine::{Request, forecast_with_residuals};
use crate::error::ForecastError;
use crate::forecast::Forecast;
use crate::series::Series;
use jiff::civil::DateTime;

/// A series that nothing is a part of, with what it belongs to: its shop, its product, its channel. All parts have the
/// same number of labels, in the same order.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub series: Series,
    pub labels: Vec<String>,
}

/// A total or a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// `total`, a label, or the part's own name.
    pub name: String,
    /// The parts that it sums; itself for a part.
    pub parts: Vec<usize>,
    pub series: Series,
}

/// Forecasts that add up.
#[derive(Debug, Clone, PartialEq)]
pub struct CoherentSet {
    pub hierarchy: Hierarchy,
    /// Totals first, then the parts in the order given.
    pub nodes: Vec<Node>,
    /// Each node's forecast on its own.
    pub base: Vec<Forecast>,
    /// The same, made to add up.
    pub coherent: Vec<Forecast>,
    /// The method that answered: [`Method::WlsStructural`] where residuals were too few for the one asked for.
    pub method: Method,
}

/// Forecasts parts and totals, each by the request's model and with the columns that are known ahead
/// ([`Columns::default`] where there are none), and makes them add up. With `non_negative` no forecast or bound is below
/// zero.
///
/// # Errors
/// No part, labels of different number, parts of different frequencies (or lengths, without dates), columns of more parts
/// than there are or of a total that there is not, columns that do not cover history and horizon, and what a forecast can
/// be refused for.
pub fn forecast_hierarchy_on(
    parts: &[Part],
    columns: &Columns,
    request: &Request,
    method: Method,
    non_negative: bool,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<CoherentSet, ForecastError> {
    let (hierarchy, nodes, offsets) = aligned_nodes(parts)?;
    let columns = columns.of_nodes(&nodes, &offsets, request.horizon)?;
    let series: Vec<Series> = nodes.iter().map(|n| n.series.clone()).collect();
    let found: Vec<(Forecast, Vec<f64>)> =
        forecast_with_residuals(&series, &columns, request, threads, progress).into_iter().collect::<Result<_, _>>()?;
    let length = found.iter().map(|(_, r)| r.len()).min().unwrap_or(0);
    let residuals: Vec<Vec<f64>> = found.iter().map(|(_, r)| r[r.len() - length..].to_vec()).collect();
    let base: Vec<Forecast> = found.into_iter().map(|(f, _)| f).collect();
    let (reconciler, method) = match Reconciler::new(&hierarchy, method, &residuals) {
        Ok(reconciler) => (reconciler, method),
        Err(_) => (Reconciler::new(&hierarchy, Method::WlsStructural, &[])?, Method::WlsStructural),
    };
    let coherent = reconcile(&reconciler, &base, non_negative);
    Ok(CoherentSet { hierarchy, nodes, base, coherent, method })
}

/// Operations up to which the spread is computed for every step; beyond, once for all.
const PER_STEP: usize = 2_000_000_000;

/// Forecasts of all nodes made to add up. Intervals keep their shape around the new means and their widths follow the
/// reconciled spread.
pub(super) fn reconcile(reconciler: &Reconciler, base: &[Forecast], non_negative: bool) -> Vec<Forecast> {
    let steps = base.iter().map(|f| f.mean.len()).min().unwrap_or(0);
    let column = |pick: &dyn Fn(&Forecast) -> f64| base.iter().map(pick).collect::<Vec<f64>>();
    let means: Vec<Vec<f64>> = (0..steps)
        .map(|h| {
            let nodes = column(&|f| f.mean[h]);
            if non_negative { reconciler.apply_non_negative(&nodes) } else { reconciler.apply(&nodes) }
        })
        .collect();
    let per_step = base.len().pow(3).saturating_mul(steps) <= PER_STEP;
    let spread = reconciler.spreads();
    let whole = || {
        let typical = column(&|f| f.sd.iter().sum::<f64>() / steps.max(1) as f64);
        let after = spread.of(&typical);
        typical.iter().zip(after).map(|(b, a)| if *b > 0.0 { a / b } else { 1.0 }).collect::<Vec<f64>>()
    };
    let ratios: Vec<Vec<f64>> = if per_step {
        (0..steps)
            .map(|h| {
                let before = column(&|f| f.sd[h]);
                let after = spread.of(&before);
                before.iter().zip(after).map(|(b, a)| if *b > 0.0 { a / b } else { 1.0 }).collect()
            })
            .collect()
    } else {
        vec![whole(); steps]
    };
    base.iter()
        .enumerate()
        .map(|(i, f)| {
            let mut out = f.clone();
            let never_negative = non_negative || f.intervals.iter().flat_map(|v| &v.lower).all(|l| *l >= 0.0);
            for (h, ratio) in ratios.iter().map(|r| r[i]).enumerate() {
                out.mean[h] = means[h][i];
                out.sd[h] *= ratio;
                for (new, old) in out.intervals.iter_mut().zip(&f.intervals) {
                    let floor = if never_negative { means[h][i].min(0.0) } else { f64::NEG_INFINITY };
                    new.lower[h] = (means[h][i] - ratio * (f.mean[h] - old.lower[h])).max(floor);
                    new.upper[h] = means[h][i] + ratio * (old.upper[h] - f.mean[h]);
                }
            }
            out
        })
        .collect()
}

/// The nodes that the labels make, totals first. Totals of the same parts as another node are left out.
///
/// # Errors
/// As [`forecast_hierarchy_on`].
pub fn nodes(parts: &[Part]) -> Result<(Hierarchy, Vec<Node>), ForecastError> {
    aligned_nodes(parts).map(|(hierarchy, nodes, _)| (hierarchy, nodes))
}

/// [`nodes`], and how many points each part starts after the earliest.
fn aligned_nodes(parts: &[Part]) -> Result<(Hierarchy, Vec<Node>, Vec<usize>), ForecastError> {
    let refuse = |reason: String| Err(ForecastError::Hierarchy { reason });
    let Some(first) = parts.first() else { return refuse("there is no part".to_string()) };
    if let Some(part) = parts.iter().find(|p| p.labels.len() != first.labels.len()) {
        let (a, b) = (part.labels.len(), first.labels.len());
        return refuse(format!("{} has {a} labels, {} has {b}", part.series.id(), first.series.id()));
    }
    let mut totals: Vec<(String, Vec<usize>)> = Vec::new();
    let mut add = |name: &str, members: Vec<usize>| {
        if members.len() > 1 && totals.iter().all(|(_, m)| *m != members) {
            totals.push((name.to_string(), members));
        }
    };
    add("total", (0..parts.len()).collect());
    for level in 0..first.labels.len() {
        let mut seen: Vec<&str> = Vec::new();
        for part in parts {
            let label = part.labels[level].as_str();
            if !seen.contains(&label) {
                seen.push(label);
                add(label, (0..parts.len()).filter(|&i| parts[i].labels[level] == label).collect());
            }
        }
    }
    let hierarchy = Hierarchy::new(parts.len(), totals.iter().map(|(_, m)| m.clone()).collect())?;
    let aligned = aligned(parts)?;
    let mut nodes = Vec::with_capacity(hierarchy.nodes());
    for (name, members) in totals {
        let length = aligned.values[0].len();
        let values = (0..length).map(|t| sum_at(&aligned.values, &members, t)).collect();
        let mut series = Series::new(name.clone(), values, first.series.season())?;
        if let Some((at, frequency)) = aligned.grid {
            series = series.starting(at, frequency);
        }
        nodes.push(Node { name, parts: members, series });
    }
    for (i, part) in parts.iter().enumerate() {
        let mut series = Series::new(part.series.id(), aligned.values[i].clone(), part.series.season())?;
        if let Some((at, frequency)) = aligned.grid {
            series = series.starting(at, frequency);
        }
        nodes.push(Node { name: part.series.id().to_string(), parts: vec![i], series });
    }
    Ok((hierarchy, nodes, aligned.offsets))
}

/// The sum at one time; missing where a part is missing.
fn sum_at(values: &[Vec<f64>], members: &[usize], t: usize) -> f64 {
    members.iter().map(|&i| values[i][t]).sum()
}

struct Aligned {
    values: Vec<Vec<f64>>,
    /// Points from the earliest part's first to each part's.
    offsets: Vec<usize>,
    grid: Option<(DateTime, Frequency)>,
}

/// All parts over the same times. Before its first and after its last observation a part is 0: a shop that was not open
/// yet, a product no longer sold. What is missing between stays missing.
fn aligned(parts: &[Part]) -> Result<Aligned, ForecastError> {
    let refuse = |reason: String| Err(ForecastError::Hierarchy { reason });
    let first = &parts[0].series;
    let Some((_, frequency)) = first.grid() else {
        let length = first.values().len();
        if let Some(part) = parts.iter().find(|p| p.series.values().len() != length || p.series.grid().is_some()) {
            let other = part.series.values().len();
            return refuse(format!(
                "{} has {other} points, {} has {length}: without dates all parts have the same times",
                part.series.id(),
                first.id()
            ));
        }
        let values = parts.iter().map(|p| outside_as_zero(p.series.values().to_vec())).collect();
        return Ok(Aligned { values, offsets: vec![0; parts.len()], grid: None });
    };
    let mut starts = Vec::with_capacity(parts.len());
    for part in parts {
        match part.series.grid() {
            Some((at, f)) if f == frequency => starts.push(at),
            _ => {
                return refuse(format!("{} has another frequency than {}, or none", part.series.id(), first.id()));
            }
        }
    }
    let start = starts.iter().copied().min().unwrap_or_default();
    let offsets: Vec<usize> = starts.iter().map(|&at| frequency.distance(start, at) as usize).collect();
    let length = parts.iter().zip(&offsets).map(|(p, o)| o + p.series.values().len()).max().unwrap_or(0);
    if length > crate::MAX_POINTS {
        return Err(ForecastError::TooLong { length, bound: crate::MAX_POINTS });
    }
    let values = parts
        .iter()
        .zip(&offsets)
        .map(|(p, &offset)| {
            let mut values = vec![f64::NAN; offset];
            values.extend_from_slice(p.series.values());
            values.resize(length, f64::NAN);
            outside_as_zero(values)
        })
        .collect();
    Ok(Aligned { values, offsets, grid: Some((start, frequency)) })
}

fn outside_as_zero(mut values: Vec<f64>) -> Vec<f64> {
    let first = values.iter().position(|v| !v.is_nan()).unwrap_or(values.len());
    let last = values.iter().rposition(|v| !v.is_nan()).map_or(0, |l| l + 1);
    let length = values.len();
    values[..first].fill(0.0);
    values[last.max(first)..length].fill(0.0);
    values
}
