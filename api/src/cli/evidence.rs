//! `dyocense evidence`: the evidence engine on a data file, without a server.

use clap::Args;

/// Test for causes and effects in a data file
#[derive(Args)]
pub struct EvidenceArgs {}

pub fn run(_args: EvidenceArgs) -> anyhow::Result<()> {
    anyhow::bail!("not available in this build")
}
