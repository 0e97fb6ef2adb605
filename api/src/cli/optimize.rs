//! `dyocense optimize`: the optimization engine on a problem file, without a server.

use clap::Args;

/// Solve a business problem or a raw model from a file
#[derive(Args)]
pub struct OptimizeArgs {}

pub fn run(_args: OptimizeArgs) -> anyhow::Result<()> {
    anyhow::bail!("not available in this build")
}
