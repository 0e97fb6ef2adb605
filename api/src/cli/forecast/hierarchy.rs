//! `dyocense forecast --hierarchy`: what the series of a file belong to, and forecasts that add up over it.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, bail};
use dyocense_forecasting::hierarchy::{Columns, Method, Part, forecast_hierarchy_on, nodes};
use dyocense_forecasting::{Forecast, Request, Series};

use super::Progress;

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

/// Totals and parts with their forecasts. Nothing falls below zero where no part ever did.
pub fn forecast(
    parts: &[Part],
    request: &Request,
    method: Method,
    threads: usize,
) -> anyhow::Result<(Vec<Series>, Vec<Forecast>)> {
    let non_negative = parts.iter().flat_map(|p| p.series.values()).all(|v| v.is_nan() || *v >= 0.0);
    let progress = Progress::new(request.model.name(), nodes(parts)?.1.len());
    let found = forecast_hierarchy_on(parts, &Columns::default(), request, method, non_negative, threads, &|done| {
        progress.tell(done)
    })?;
    progress.end();
    if found.method != method {
        eprintln!(
            "too few errors are known at the same times for {method:?}: {:?} made the forecasts add up",
            found.method
        );
    }
    Ok((found.nodes.into_iter().map(|n| n.series).collect(), found.coherent))
}
