//! The command line. One file per subcommand.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::settings::Settings;
use crate::telemetry;

/// A line on standard output, as `println!` writes it. Where nobody reads on, as behind `| head`, the program has said
/// what was wanted and ends.
macro_rules! say {
    ($($line:tt)*) => {
        $crate::cli::say_line(format_args!($($line)*))
    };
}

mod config;
mod evidence;
mod forecast;
mod import;
mod migrate;
mod optimize;
mod password;
mod projections;
mod schema;
mod serve;
mod tenant;
mod user;

/// A coach for small businesses: sales, goals, forecasts, plans and evidence.
///
/// Start with `dyocense serve --demo`: it needs nothing but this program and Postgres' binaries, runs a private
/// database, loads a real shop's ledger, and prints where to look.
///
/// Settings come from `dyocense.toml` and from environment variables; `dyocense config --all` lists them.
#[derive(Parser)]
#[command(name = "dyocense", version, arg_required_else_help = true)]
struct Cli {
    /// The settings file [default: dyocense.toml, if there is one]
    #[arg(long, global = true, env = "DYOCENSE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant)] // One lives for one run of the program.
enum Command {
    Serve(serve::ServeArgs),
    Migrate(migrate::MigrateArgs),
    Import(import::ImportArgs),
    #[command(subcommand)]
    Projections(projections::ProjectionsCommand),
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    #[command(subcommand)]
    User(user::UserCommand),
    Config(config::ConfigArgs),
    Schema(schema::SchemaArgs),
    Forecast(forecast::ForecastArgs),
    Anomalies(forecast::AnomaliesArgs),
    Changepoints(forecast::ChangepointsArgs),
    Optimize(optimize::OptimizeArgs),
    Evidence(evidence::EvidenceArgs),
}

pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

fn say_line(line: std::fmt::Arguments<'_>) {
    match writeln!(std::io::stdout(), "{line}") {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("error: cannot write to standard output: {error}");
            std::process::exit(1);
        }
    }
}

/// An error with its causes. Some libraries' errors say their cause's words themselves; nothing is said twice.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| match told.as_str() {
        "" => cause,
        said if said.contains(&cause) => told,
        said => format!("{said}: {cause}"),
    })
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let settings = || Settings::load(cli.config.as_deref());
    match cli.command {
        // These know no settings and no database.
        Command::Forecast(args) => forecast::forecast(args),
        Command::Anomalies(args) => forecast::anomalies(args),
        Command::Changepoints(args) => forecast::changepoints(args),
        Command::Optimize(args) => optimize::run(args),
        Command::Evidence(args) => evidence::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Config(args) => config::run(args, &settings()?),
        Command::Serve(args) => {
            let settings = args.apply(settings()?);
            started(&settings, serve::run(args, settings.clone()))
        }
        Command::Migrate(args) => quiet(&settings()?, async |settings| migrate::run(args, settings).await),
        Command::Import(args) => quiet(&settings()?, async |settings| import::run(args, settings).await),
        Command::Projections(command) => {
            quiet(&settings()?, async |settings| projections::run(command, settings).await)
        }
        Command::Tenant(command) => quiet(&settings()?, async |settings| tenant::run(command, settings).await),
        Command::User(command) => quiet(&settings()?, async |settings| user::run(command, settings).await),
    }
}

/// Runs the server on a runtime with logs and traces as configured.
fn started(settings: &Settings, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let telemetry = telemetry::start(&settings.log, &settings.telemetry)?;
    let outcome = runtime()?.block_on(work);
    telemetry.finish();
    outcome
}

/// Runs a command whose output is for people: of the logs only warnings are shown.
fn quiet(settings: &Settings, work: impl AsyncFnOnce(&Settings) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let log = crate::settings::LogSettings { filter: "warn".to_owned(), ..settings.log.clone() };
    let telemetry = telemetry::start(&log, &settings.telemetry)?;
    let outcome = runtime()?.block_on(work(settings));
    telemetry.finish();
    outcome
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use clap::CommandFactory;

    #[test]
    fn an_errors_causes_are_told_in_order_and_once() {
        let refused = || anyhow::anyhow!("connection refused");
        assert_eq!(super::told(&refused()), "connection refused");
        let twice = Err::<(), _>(refused()).context("cannot connect: connection refused").unwrap_err();
        assert_eq!(super::told(&twice), "cannot connect: connection refused");
        let apart = Err::<(), _>(refused()).context("cannot connect").context("no database").unwrap_err();
        assert_eq!(super::told(&apart), "no database: cannot connect: connection refused");
    }

    #[test]
    fn the_command_line_is_sound_and_every_command_says_what_it_does() {
        let command = super::Cli::command();
        command.clone().debug_assert();
        for subcommand in command.get_subcommands() {
            assert!(subcommand.get_about().is_some(), "{} has no help", subcommand.get_name());
        }
    }
}
