//! `dyocense optimize`: the optimization engine on a problem file, without a server.

use std::cell::Cell;
use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::{Args, ValueEnum};
use dyocense_optimization::backend::Backend;
use dyocense_optimization::effort::{Effort, Progress, WORK_PER_SECOND};
use dyocense_optimization::lp::Status;
use dyocense_optimization::run::{Options, Outcome, read_task, run as solve_task};
use serde::Serialize;

/// Solve a business problem or a raw model from a file
///
/// The file is a business problem in JSON (its "kind" is inventory, staffing, roster or budget; a
/// "domain" object around it is accepted; "rules" beside it are kept, "today" and "scenarios" are compared
/// with), a
/// classical inventory problem or a marketing history ("kind" and "inputs"), a raw model in JSON ("sense",
/// "c", "lb", "ub", "int", "names", "rows" of "n", "i", "v", "lo", "hi"; null is infinite), or MPS. The
/// engine's README lists the fields. "-" reads standard input.
#[derive(Args)]
pub struct OptimizeArgs {
    /// The problem file
    file: PathBuf,
    /// How long to search, in seconds or with a unit (10s, 500ms, 2m)
    #[arg(long, default_value = "10s", value_parser = parse_seconds)]
    time: f64,
    /// Which solver: auto, microlp, highs (if built with it), cp (if built with it)
    #[arg(long, default_value = "auto")]
    backend: Backend,
    /// Seed of every random choice: the same input, seed and time give the same plan
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// Show the best plan, bound and gap on standard error while searching
    #[arg(long)]
    progress: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// One JSON document
    Json,
    /// A report to read
    Report,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Printed<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    cpu_seconds: f64,
    wall_seconds: f64,
}

/// Files larger than this are refused before they are read.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

fn parse_seconds(text: &str) -> Result<f64, String> {
    let (number, factor) = match text {
        t if t.ends_with("ms") => (&t[..t.len() - 2], 1e-3),
        t if t.ends_with('s') => (&t[..t.len() - 1], 1.0),
        t if t.ends_with('m') => (&t[..t.len() - 1], 60.0),
        t => (t, 1.0),
    };
    let value: f64 = number.trim().parse().map_err(|_| format!("{text:?} is not a time: write 10s, 500ms or 2m"))?;
    let seconds = value * factor;
    if seconds.is_finite() && seconds > 0.0 && seconds <= 86_400.0 {
        Ok(seconds)
    } else {
        Err(format!("{text} is not between 1ms and 24h"))
    }
}

/// CPU seconds of this process.
fn cpu_seconds() -> f64 {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF);
    usage.map_or(0.0, |usage| {
        let seconds = |t: nix::sys::time::TimeVal| t.tv_sec() as f64 + t.tv_usec() as f64 * 1e-6;
        seconds(usage.user_time()) + seconds(usage.system_time())
    })
}

pub fn run(args: OptimizeArgs) -> anyhow::Result<()> {
    let text = read(&args.file)?;
    let task = read_task(&text).with_context(|| args.file.display().to_string())?;
    drop(text);
    let started = Instant::now();
    let cpu_before = cpu_seconds();
    // The work limit makes runs repeatable; the clock only guards against a machine far slower than
    // the one the unit of work was measured on.
    let deadline = args.time;
    let guard = || cpu_seconds() - cpu_before > deadline * 1.02;
    let last = Cell::new(-1.0f64);
    let show = |progress: Progress| {
        let now = started.elapsed().as_secs_f64();
        if now - last.get() < 0.2 {
            return;
        }
        last.set(now);
        eprintln!(
            "{now:7.1}s  best {}  bound {}  gap {}  nodes {}",
            shown(progress.incumbent),
            shown(progress.bound),
            progress.gap.map_or("-".into(), |gap| format!("{:.3} %", gap * 100.0)),
            progress.nodes
        );
    };
    let mut effort = Effort::new((args.time * WORK_PER_SECOND as f64) as u64).with_stop(&guard);
    if args.progress {
        effort = effort.with_progress(&show);
    }
    let options = Options { backend: args.backend, seed: args.seed };
    let outcome = solve_task(&task, options, &mut effort)?;
    let printed = Printed {
        outcome: &outcome,
        cpu_seconds: cpu_seconds() - cpu_before,
        wall_seconds: started.elapsed().as_secs_f64(),
    };
    let mut out = std::io::stdout().lock();
    let written = match args.format {
        Format::Json => serde_json::to_string_pretty(&printed)
            .map_err(std::io::Error::other)
            .and_then(|text| writeln!(out, "{text}")),
        Format::Report => report(&mut out, &printed),
    };
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

fn read(file: &PathBuf) -> anyhow::Result<String> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        if std::io::stdin().is_terminal() {
            eprintln!("reading a problem from standard input");
        }
        std::io::stdin().take(MAX_BYTES).read_to_string(&mut text)?;
        return Ok(text);
    }
    let handle = std::fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let size = handle.metadata()?.len();
    anyhow::ensure!(size <= MAX_BYTES, "{} has {size} bytes: at most {MAX_BYTES} are accepted", file.display());
    handle.take(MAX_BYTES).read_to_string(&mut text).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text)
}

fn shown(value: Option<f64>) -> String {
    value.map_or("-".into(), |v| if v.fract() == 0.0 && v.abs() < 1e12 { format!("{v}") } else { format!("{v:.4}") })
}

fn report(out: &mut impl Write, printed: &Printed) -> std::io::Result<()> {
    let o = printed.outcome;
    let title = if o.name.is_empty() { o.kind } else { &o.name };
    writeln!(out, "{title}")?;
    let verdict = match o.status {
        Status::Optimal => "the best plan there is (proven)",
        Status::Feasible => "a plan that keeps every rule; a better one may exist",
        Status::Infeasible => "no plan keeps every rule (proven)",
        Status::Unbounded => "the objective can grow without end: a limit is missing",
        Status::Unknown => "no plan and no proof within the time given",
    };
    writeln!(out, "  {verdict}")?;
    if let Some(objective) = o.objective {
        writeln!(out, "  objective  {}", shown(Some(objective)))?;
    }
    if let Some(bound) = o.bound {
        let gap = o.gap.map_or(String::new(), |g| format!("  (gap {:.4} %)", g * 100.0));
        writeln!(out, "  bound      {}{gap}", shown(Some(bound)))?;
    }
    writeln!(out, "  solver     {}, {} nodes, {:.2} CPU s", o.solver, o.nodes, printed.cpu_seconds)?;
    terms(out, o)?;
    scenarios(out, o)?;
    if !o.decisions.is_empty() {
        writeln!(out, "\nDecisions")?;
        for decision in o.decisions.iter().take(60) {
            writeln!(out, "  {:<32} {}", decision.name, shown(Some(decision.value)))?;
        }
        if o.decisions.len() > 60 {
            writeln!(out, "  … and {} more (see --format json)", o.decisions.len() - 60)?;
        }
    }
    if !o.binding.is_empty() {
        writeln!(out, "\nWhat limits the plan (change of the objective per unit)")?;
        for row in o.binding.iter().take(20) {
            let from = row.holds_from.map_or("…".into(), |v| shown(Some(v)));
            let to = row.holds_to.map_or("…".into(), |v| shown(Some(v)));
            writeln!(
                out,
                "  {:<40} at {:>12}  {:>12}  while {from} to {to}",
                row.says,
                shown(Some(row.limit)),
                shown(Some(row.shadow_price))
            )?;
        }
        if !o.prices_exact {
            writeln!(out, "  (prices with the whole decisions held as they are)")?;
        }
    }
    if !o.conflict.is_empty() {
        writeln!(out, "\nThese cannot all be kept")?;
        for says in &o.conflict {
            writeln!(out, "  - {says}")?;
        }
    }
    if !o.repairs.is_empty() {
        let together = o.repairs.iter().any(|repair| repair.together);
        let lead =
            if together { "All of these changes together are enough" } else { "Any one of these changes is enough" };
        writeln!(out, "\n{lead} (smallest first)")?;
        for repair in &o.repairs {
            writeln!(
                out,
                "  - {}: from {} to {} {}",
                repair.says,
                shown(Some(repair.from)),
                shown(Some(repair.to)),
                repair.unit
            )?;
        }
    }
    Ok(())
}

/// Each scenario beside the plan for the problem as it is, term by term.
fn scenarios(out: &mut impl Write, o: &Outcome) -> std::io::Result<()> {
    for scenario in &o.scenarios {
        writeln!(out, "\nScenario {:?}: as it is, the scenario, the change", scenario.name)?;
        for part in &scenario.terms {
            let (before, after) = (shown(Some(part.before)), shown(Some(part.after)));
            writeln!(out, "  {:<32} {before:>14} {after:>14} {:>14}", part.name, shown(Some(part.change)))?;
        }
        match (scenario.objective, o.objective) {
            (Some(after), Some(before)) => {
                let change = shown(Some(after - before));
                let (before, after) = (shown(Some(before)), shown(Some(after)));
                writeln!(out, "  {:<32} {before:>14} {after:>14} {change:>14}", "objective")?;
            }
            (None, _) => writeln!(out, "  no plan was found")?,
            (Some(_), None) => {}
        }
        for says in &scenario.conflict {
            writeln!(out, "  cannot all be kept: {says}")?;
        }
    }
    Ok(())
}

/// Costs in parts, beside today's; what the owner's rules cost; where the next unit of money goes.
fn terms(out: &mut impl Write, o: &Outcome) -> std::io::Result<()> {
    if let Some(differences) = &o.against_today {
        writeln!(out, "\nIn parts: today, the plan, the change")?;
        for part in differences {
            let (before, after) = (shown(Some(part.before)), shown(Some(part.after)));
            writeln!(out, "  {:<32} {before:>14} {after:>14} {:>14}", part.name, shown(Some(part.change)))?;
        }
    } else if !o.costs.is_empty() {
        writeln!(out, "\nIn parts")?;
        for part in &o.costs {
            writeln!(out, "  {:<32} {:>14}", part.name, shown(Some(part.amount)))?;
        }
    }
    if !o.binding_rules.is_empty() {
        writeln!(out, "\nRules used up to their limit, and what each costs")?;
        for rule in &o.binding_rules {
            writeln!(out, "  {:<48} {:>12}", rule.says, shown(rule.price))?;
        }
    }
    if !o.marginal_returns.is_empty() {
        writeln!(out, "\nReturn of the next unit of money, by period")?;
        for channel in &o.marginal_returns {
            let returns: Vec<String> = channel.spend.iter().map(|v| format!("{v:.3}")).collect();
            writeln!(out, "  {:<32} {}", channel.channel, returns.join(" "))?;
        }
    }
    if !o.stands.is_empty() {
        writeln!(out, "\nThe plan stands while these are within")?;
        for range in o.stands.iter().take(20) {
            let from = range.from.map_or("…".into(), |v| shown(Some(v)));
            let to = range.to.map_or("…".into(), |v| shown(Some(v)));
            writeln!(out, "  {:<48} {from} to {to} {}", range.says, range.unit)?;
        }
    }
    Ok(())
}
