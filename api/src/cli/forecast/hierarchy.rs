//! `dyocense forecast --hierarchy`: what the series of a file belong to, and forecasts that add up over it.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, bail};
use dyocense_forecasting::hierarchy::{Columns, Method, Part, forecast_hierarchy_on, nodes};
use dyocense_forecasting::{Forecast, Request, Series};

use super::input::{Exogenous, gap};
use super::{Progress, trading_days};

/// Reads the labels of each series: every column of the file but `unique_id`, in the order of the header.
pub fn read_parts(path: &Path, series: Vec<Series>) -> anyhow::Result<Vec<Part>> {
    let named = |what: &str| format!("{}: {what}", path.display());
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let header = reader.headers().with_context(|| named("cannot read the header"))?.clone();
    let Some(id_at) = header.iter().position(|h| h == "unique_id") else {
        bail!(named(&format!("no column unique_id; the header is {}", header.iter().collect::<Vec<_>>().join(","))));
    };
    let mut labels: HashMap<String, Vec<String>> = HashMap::new();
    for (number, record) in reader.records().enumerate() {
        let record = record.with_context(|| named(&format!("line {}", number + 2)))?;
        let own = record.iter().enumerate().filter(|(i, _)| *i != id_at).map(|(_, text)| text.to_string()).collect();
        let id = record.get(id_at).unwrap_or_default().to_string();
        if labels.insert(id.clone(), own).is_some() {
            bail!(named(&format!("line {}: {id} comes twice", number + 2)));
        }
    }
    series
        .into_iter()
        .map(|series| match labels.remove(series.id()) {
            Some(labels) => Ok(Part { series, labels }),
            None => bail!(named(&format!("no row for the series {}", series.id()))),
        })
        .collect()
}

/// What is known ahead: rows of a part's `unique_id` are its own, rows of a total's name (`total`, a label) the total's, and
/// a file without `unique_id` is for all of them. A part without rows has no columns. A total without rows takes the mean
/// of its parts' columns, weighted by their size, where all parts have some.
pub fn columns(path: &Path, parts: &[Part], known: &Exogenous, horizon: usize) -> anyhow::Result<Columns> {
    let nodes = nodes(parts)?.1;
    let totals = &nodes[..nodes.len() - parts.len()];
    let is_node = |id: &str| nodes.iter().any(|node| node.name == id);
    let mut strange: Vec<&str> = known.ids().filter(|id| !id.is_empty() && !is_node(id)).collect();
    strange.sort_unstable();
    if let Some(id) = strange.first() {
        let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        bail!("{}: {id} is neither a series nor a total; there are {}", path.display(), names.join(", "));
    }
    let first = nodes.first().context("there is no series")?;
    let length = first.series.values().len() + horizon;
    let whole = |series: &Series, length: usize| -> anyhow::Result<Vec<Vec<f64>>> {
        let found = known.columns_over(series, length);
        match gap(series, &known.names, &found) {
            Some(gap) => bail!("{}: {gap}", path.display()),
            None => Ok(found),
        }
    };
    let mut columns = Columns::default();
    for part in parts {
        let later = match (first.series.grid(), part.series.grid()) {
            (Some((start, frequency)), Some((own, _))) => frequency.distance(start, own).max(0) as usize,
            _ => 0,
        };
        let own = if known.has(part.series.id()) { whole(&part.series, length - later)? } else { Vec::new() };
        columns.parts.push(own);
    }
    for total in totals.iter().filter(|total| known.has(&total.name)) {
        columns.totals.push((total.name.clone(), whole(&total.series, length)?));
    }
    Ok(columns)
}

/// Adds the weekdays of each month or quarter to what is known of the parts, and of the totals that have columns of their
/// own; the others take them from their parts.
pub fn add_trading_days(columns: &mut Columns, parts: &[Part], horizon: usize) -> anyhow::Result<()> {
    let nodes = nodes(parts)?.1;
    let first = nodes.first().context("there is no series")?;
    let length = first.series.values().len() + horizon;
    columns.parts.resize_with(parts.len(), Vec::new);
    for (columns, part) in columns.parts.iter_mut().zip(parts) {
        columns.extend(trading_days(&part.series, length));
    }
    for (name, columns) in &mut columns.totals {
        let total = nodes.iter().find(|node| node.name == *name);
        columns.extend(total.map_or_else(Vec::new, |total| trading_days(&total.series, length)));
    }
    Ok(())
}

/// Totals and parts with their forecasts. Nothing falls below zero where no part ever did.
pub fn forecast(
    parts: &[Part],
    columns: &Columns,
    request: &Request,
    method: Method,
    threads: usize,
) -> anyhow::Result<(Vec<Series>, Vec<Forecast>)> {
    let non_negative = parts.iter().flat_map(|p| p.series.values()).all(|v| v.is_nan() || *v >= 0.0);
    let progress = Progress::new(request.model.name(), nodes(parts)?.1.len());
    let found =
        forecast_hierarchy_on(parts, columns, request, method, non_negative, threads, &|done| progress.tell(done))?;
    progress.end();
    if found.method != method {
        eprintln!(
            "too few errors are known at the same times for {method:?}: {:?} made the forecasts add up",
            found.method
        );
    }
    Ok((found.nodes.into_iter().map(|n| n.series).collect(), found.coherent))
}
