//! `./dev bench NAME` runs one of these. It fails only when it could not measure; a missed target is a result.

mod append;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

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
    /// List the benchmarks
    #[command(hide = true)]
    List,
}

#[tokio::main]
async fn main() -> ExitCode {
    let measured = match Cli::parse().bench {
        Bench::Append(settings) => append::run(settings).await,
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
