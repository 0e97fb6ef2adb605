//! The command line. One file per subcommand.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod evidence;
mod forecast;
mod optimize;

/// A coach for small businesses: sales, goals, forecasts, plans and evidence.
#[derive(Parser)]
#[command(name = "dyocense", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Forecast(forecast::ForecastArgs),
    Anomalies(forecast::AnomaliesArgs),
    Optimize(optimize::OptimizeArgs),
    Evidence(evidence::EvidenceArgs),
}

pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Forecast(args) => forecast::forecast(args),
        Command::Anomalies(args) => forecast::anomalies(args),
        Command::Optimize(args) => optimize::run(args),
        Command::Evidence(args) => evidence::run(args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
