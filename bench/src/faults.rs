//! Kills of the program and of Postgres while clients write and listen: what is lost, and how long recovery takes.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use dyocense_tests::faults::{CrashLoop, run};

use crate::report::{Report, Target};

#[derive(Args)]
pub struct FaultsArgs {
    /// How many times to kill
    #[arg(long, default_value_t = 200)]
    rounds: u32,
    /// Repeat the random choices of an earlier run
    #[arg(long)]
    seed: Option<u64>,
}

pub async fn measure(args: FaultsArgs) -> anyhow::Result<Report> {
    let seed = args.seed.unwrap_or_else(rand::random);
    println!("{} rounds, seed {seed}", args.rounds);
    let rounds = args.rounds;
    let progress = |round: u32, acknowledged: u64| {
        print!("\r  round {round}, {acknowledged} commands acknowledged ");
        let _ = std::io::stdout().flush();
    };
    let outcome = run(CrashLoop { rounds, businesses: 3, writers: 8, seed, progress }).await;
    println!();
    for violation in &outcome.violations {
        println!("  VIOLATION: {violation}");
    }
    let mut recoveries = outcome.recoveries.clone();
    recoveries.sort_unstable();
    let recovery = |part: f64| {
        let index = ((recoveries.len() as f64 * part) as usize).min(recoveries.len().saturating_sub(1));
        recoveries.get(index).map_or(0.0, Duration::as_secs_f64)
    };

    let mut report = Report::new("faults");
    report.figure("rounds", recoveries.len() as f64, "kills");
    report.figure("commands acknowledged", outcome.acknowledged as f64, "commands");
    report.figure("commands sent more than once", outcome.retried as f64, "commands");
    report.figure("events delivered to listeners", outcome.delivered as f64, "events");
    report.target("lost, repeated or out of order", outcome.violations.len() as f64, "cases", Target::AtMost(0.0));
    report.figure("from kill to ready, median", recovery(0.5), "s");
    report.figure("from kill to ready, p99", recovery(0.99), "s");
    Ok(report)
}
