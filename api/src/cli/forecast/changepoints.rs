//! `dyocense changepoints`: where the series of a CSV file changed for good.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use dyocense_forecasting::Series;
use dyocense_forecasting::changepoints::{Changepoint, Detection, Kind, detect};

use super::{Output, known_series, repaired, write_time};

/// Find where the series of a CSV file changed their level or trend for good
///
/// The file is as for `forecast`. The answer has one row per change: unique_id,ds,kind,level_before,level_after,
/// slope_before,slope_after,confidence,words. Slopes are a point.
#[derive(Args)]
pub struct ChangepointsArgs {
    /// CSV file with the columns unique_id,ds,y
    #[arg(long, value_name = "FILE")]
    series: PathBuf,
    /// Points in a season; by default the usual one of the frequency
    #[arg(long, value_name = "POINTS")]
    season: Option<usize>,
    /// Chance of a false alarm in a series that never changes, 0.0001 to 0.5
    #[arg(long, default_value_t = 0.05, value_name = "SHARE")]
    false_alarms: f64,
    /// Fewest points between two changes, 3 and more
    #[arg(long, default_value_t = 5, value_name = "POINTS")]
    shortest: usize,
    /// Where to write; standard output when absent
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub fn changepoints(args: ChangepointsArgs) -> anyhow::Result<()> {
    let detection = Detection { false_alarms: args.false_alarms, shortest: args.shortest };
    let mut found = Vec::new();
    let out = Output::to(args.out.as_deref(), &[Some(args.series.as_path())])?;
    for series in known_series(&args.series, args.season, false)? {
        let changes = detect(&series, detection)?;
        let repaired = repaired(&series);
        if !repaired.is_empty() {
            eprintln!("{}: {}", series.id(), repaired.join("; "));
        }
        found.push((series, changes));
    }
    out.write(|out| write_changes(out, &found))
}

fn write_changes(out: &mut dyn Write, found: &[(Series, Vec<Changepoint>)]) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        "unique_id",
        "ds",
        "kind",
        "level_before",
        "level_after",
        "slope_before",
        "slope_after",
        "confidence",
        "words",
    ])?;
    for (series, changes) in found {
        for c in changes {
            let kind = match c.kind {
                Kind::Level => "level",
                Kind::Trend => "trend",
            };
            csv.write_record([
                series.id(),
                &c.at.map_or_else(|| series.number(c.index).to_string(), write_time),
                kind,
                &c.level_before.to_string(),
                &c.level_after.to_string(),
                &c.slope_before.to_string(),
                &c.slope_after.to_string(),
                &format!("{:.4}", c.confidence),
                &c.words,
            ])?;
        }
    }
    csv.flush()?;
    Ok(())
}
