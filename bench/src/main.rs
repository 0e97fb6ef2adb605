//! `./dev bench NAME` runs one of these. It fails only when it could not measure; a missed target is a result.

mod append;
mod rebuild;
mod shop;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use dyocense_bench::{faults, live, nightly};

/// As the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "dyocense-bench")]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

/// The doc comment's first line is what `./dev bench` lists.
#[derive(Subcommand)]
enum Bench {
    /// Appends per second beside pgbench's plain insert, on the same Postgres
    Append(append::Settings),
    /// Kill the program and Postgres while clients write: what is lost, how long recovery takes
    Faults(faults::FaultsArgs),
    /// From an event to a thousand sockets at 100 and 1,000 events per second
    Live(live::LiveArgs),
    /// A new day for businesses with 20 daily metrics each: forecasts made again, and how long 5,000 such would take
    Nightly(nightly::NightlyArgs),
    /// Rebuild all read models from a log of 1,000,000 events
    Rebuild(rebuild::Settings),
    /// List the benchmarks
    #[command(hide = true)]
    List,
}

#[tokio::main]
async fn main() -> ExitCode {
    let measured = match Cli::parse().bench {
        Bench::Append(settings) => append::run(settings).await,
        Bench::Faults(args) => faults::measure(args).await.map(|report| report.print()),
        Bench::Live(args) => live::measure(args).await.map(|report| report.print()),
        Bench::Nightly(args) => nightly::measure(args).await.map(|report| report.print()),
        Bench::Rebuild(settings) => rebuild::run(settings).await,
        Bench::List => {
            for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
                println!("{:<14} {}", command.get_name(), command.get_about().unwrap_or_default());
            }
            Ok(())
        }
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("could not measure: {error:#}");
            ExitCode::FAILURE
        }
    }
}
