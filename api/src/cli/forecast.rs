//! `dyocense forecast` and `dyocense anomalies`: the forecasting engine on a CSV file, without a server.

use clap::Args;

/// Forecast every series of a CSV file
#[derive(Args)]
pub struct ForecastArgs {}

/// Find odd points in every series of a CSV file
#[derive(Args)]
pub struct AnomaliesArgs {}

pub fn forecast(_args: ForecastArgs) -> anyhow::Result<()> {
    anyhow::bail!("not available in this build")
}

pub fn anomalies(_args: AnomaliesArgs) -> anyhow::Result<()> {
    anyhow::bail!("not available in this build")
}
