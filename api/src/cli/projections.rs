//! `dyocense projections`

use std::io::{IsTerminal, Write};

use clap::{Args, Subcommand};
use dyocense_commands::policies::{self, Unanswered};
use dyocense_projections::{Phase, Projections, State};

use super::tenant;
use crate::node::Node;
use crate::settings::Settings;

/// The read models: what queries are answered from
#[derive(Subcommand)]
pub enum ProjectionsCommand {
    /// How far the read models are behind the log, what is parked, and what the policies have not answered
    Status,
    /// Build all read models anew from the log, beside the live ones, and swap them in; nothing stops meanwhile
    Rebuild,
    /// Streams that a projection could not go on with
    #[command(subcommand)]
    Parked(ParkedCommand),
}

#[derive(Subcommand)]
pub enum ParkedCommand {
    /// List them with the reason
    List,
    /// Apply a stream's waiting events again, after the program was mended
    Retry(ParkedArgs),
    /// Leave the event out that could not be applied, and apply those after it
    Skip(ParkedArgs),
    /// Leave the stream out of this projection for good
    Discard(ParkedArgs),
}

#[derive(Args)]
pub struct ParkedArgs {
    /// The business, by id or name
    #[arg(long)]
    tenant: String,
    /// The projection, as listed
    #[arg(long)]
    projection: String,
    /// The stream, as listed
    #[arg(long)]
    stream: String,
}

pub async fn run(command: ProjectionsCommand, settings: &Settings) -> anyhow::Result<()> {
    let node = Node::open(settings).await?;
    let outcome = match command {
        ProjectionsCommand::Status => status(&node).await,
        ProjectionsCommand::Rebuild => rebuild(&node.projections).await,
        ProjectionsCommand::Parked(command) => parked(&node, command).await,
    };
    node.close().await;
    outcome
}

async fn status(node: &Node) -> anyhow::Result<()> {
    let projections = &node.projections;
    let lag = projections.lag().await?;
    match projections.state() {
        State::Current => say!("The read models are of this program's version."),
        State::Outdated => {
            say!("The read models are of another version; `dyocense projections rebuild` replaces them.")
        }
    }
    say!("Behind the log: {} events of {} businesses", lag.events, lag.tenants);
    say!("Parked streams: {}", projections.parked().await?.len());
    let unanswered = policies::unanswered(&node.commands).await?;
    say!("Policies with unanswered events: {}", unanswered.len());
    for Unanswered { policy, tenant, first, events } in unanswered {
        say!("  {policy}: {events} of business {tenant}, from position {} on", first.get());
    }
    Ok(())
}

async fn rebuild(projections: &Projections) -> anyhow::Result<()> {
    let terminal = std::io::stderr().is_terminal();
    let rebuilt = projections
        .rebuild(|progress| {
            if terminal {
                let phase = match progress.phase {
                    Phase::Building => "Building",
                    Phase::CatchingUp => "Catching up",
                    Phase::Swapping => "Swapping",
                    Phase::Done => "Done",
                };
                eprint!("\r{phase}: {} of {} events   ", progress.events, progress.of);
                // A terminal that cannot be written to shows nothing.
                let _ = std::io::stderr().flush();
            }
        })
        .await?;
    if terminal {
        eprintln!();
    }
    let seconds = rebuilt.elapsed.as_secs_f64();
    say!(
        "Rebuilt {} events of {} businesses in {seconds:.1} s ({:.0} events/s); projecting stood still for {:.0} ms.",
        rebuilt.events,
        rebuilt.tenants,
        rebuilt.events as f64 / seconds.max(0.001),
        rebuilt.pause.as_secs_f64() * 1_000.0
    );
    Ok(())
}

async fn parked(node: &Node, command: ParkedCommand) -> anyhow::Result<()> {
    let projections = &node.projections;
    match command {
        ParkedCommand::List => {
            let all = projections.parked().await?;
            if all.is_empty() {
                say!("Nothing is parked.");
            }
            for parked in all {
                say!(
                    "{}  {}  {}  position {} ({}): {}",
                    parked.tenant,
                    parked.projection,
                    parked.stream,
                    parked.position,
                    parked.event_type,
                    parked.reason
                );
            }
        }
        ParkedCommand::Retry(args) => {
            let tenant = tenant::find(node, &args.tenant).await?;
            let applied = projections.retry(tenant, &args.projection, &args.stream).await?;
            say!("Applied {applied} events; the stream goes on.");
        }
        ParkedCommand::Skip(args) => {
            let tenant = tenant::find(node, &args.tenant).await?;
            let applied = projections.skip(tenant, &args.projection, &args.stream).await?;
            say!("Left one event out and applied {applied}; the stream goes on.");
        }
        ParkedCommand::Discard(args) => {
            let tenant = tenant::find(node, &args.tenant).await?;
            projections.discard(tenant, &args.projection, &args.stream).await?;
            say!("The stream is left out of {} for good.", args.projection);
        }
    }
    Ok(())
}
