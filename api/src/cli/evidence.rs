//! `dyocense evidence`: the evidence engine on a data file, without a server.

mod answers;
mod graphs;
mod input;
mod report;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};

/// Test for causes and effects in a data file
#[derive(Args)]
pub struct EvidenceArgs {
    #[command(subcommand)]
    question: Question,
}

#[derive(Subcommand)]
enum Question {
    /// Does the past of one series help to predict another? (x, y, maxlag)
    Granger(Input),
    /// How do several series move together? (data, lags)
    Var(Input),
    /// Does a series wander, or return to a level? (x, lags)
    Adf(Input),
    /// What did a treatment do to the treated? (data, treatment, outcome, columns, derived)
    Match(Input),
    /// What did an event change, against what would have been? (y, X, n_pre, counterfactual)
    Impact(Input),
    /// A causal graph by tests of independence (data, alpha, test, forbidden, required, tiers)
    Pc(Input),
    /// A causal graph by score (data, score)
    Ges(Input),
    /// Which series drives which, after how many steps? (data, tau_max, pc_alpha)
    Pcmci(Input),
    /// Why did a number change? (data, y, dates, range)
    Explain(Input),
}

/// The data and the settings of a question. Settings may also stand in a JSON file, under the same
/// names; what is given here wins.
#[derive(Args)]
pub struct Input {
    /// A JSON file with the question's inputs, or a table (CSV, tab- or space-separated, first line
    /// names). Rows of several tables are joined. `-` reads from standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Columns to use, separated by commas (match: the covariates; impact: the controls)
    #[arg(long, value_delimiter = ',')]
    columns: Option<Vec<String>>,
    /// Use only the first ROWS rows
    #[arg(long)]
    rows: Option<usize>,
    /// The column that may cause (granger), or the series to test (adf)
    #[arg(long)]
    x: Option<String>,
    /// The column to explain (granger, impact, explain)
    #[arg(long)]
    y: Option<String>,
    /// Largest lag (granger, adf) or largest order to compare (var)
    #[arg(long)]
    maxlag: Option<usize>,
    /// Number of lags (var, adf)
    #[arg(long)]
    lags: Option<usize>,
    /// Level of the tests (pc, pcmci)
    #[arg(long)]
    alpha: Option<f64>,
    /// Test of independence: fisherz, chisq or gsq (pc)
    #[arg(long)]
    test: Option<String>,
    /// Score: bic or bdeu (ges)
    #[arg(long)]
    score: Option<String>,
    /// Longest delay (pcmci, explain)
    #[arg(long)]
    tau_max: Option<usize>,
    /// Level of the selection of parents (pcmci)
    #[arg(long)]
    pc_alpha: Option<f64>,
    /// Points before the event (impact)
    #[arg(long)]
    n_pre: Option<usize>,
    /// Period of a season, in points (impact)
    #[arg(long)]
    season: Option<usize>,
    /// What would have been: by structural time series (the default), by a synthetic control of the other columns
    /// with placebos, or by difference in differences of units (impact)
    #[arg(long, value_name = "structural|synthetic|did")]
    counterfactual: Option<String>,
    /// Columns of the treated units, separated by commas; the others are compared (impact, did)
    #[arg(long, value_delimiter = ',')]
    treated: Option<Vec<String>>,
    /// The effect of one column on another by the graph that is found: what to hold, and how large it is (pc, ges)
    #[arg(long, value_names = ["FROM", "TO"], num_args = 2)]
    effect: Option<Vec<String>>,
    /// With --effect: the mean of every column if FROM were set to this value (pc, ges)
    #[arg(long, requires = "effect", allow_hyphen_values = true)]
    set_to: Option<f64>,
    /// Column of the treatment, 0 or 1 (match)
    #[arg(long)]
    treatment: Option<String>,
    /// Column of the outcome (match)
    #[arg(long)]
    outcome: Option<String>,
    /// Repeats of the bootstrap and of each refutation; 0 for none (match, pc, ges)
    #[arg(long)]
    repeats: Option<usize>,
    /// Seed of everything random
    #[arg(long)]
    seed: Option<u64>,
    /// First and last row of the change to explain, counted from 1 (explain)
    #[arg(long, value_names = ["FIRST", "LAST"], num_args = 2)]
    range: Option<Vec<usize>>,
    /// Column of dates, YYYY-MM-DD (explain)
    #[arg(long)]
    dates: Option<String>,
    /// How to print: JSON, or a report for people (the default on a terminal)
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Report,
}

pub fn run(args: EvidenceArgs) -> anyhow::Result<()> {
    let (title, answer, given): (&str, fn(&input::Given) -> anyhow::Result<_>, &Input) = match &args.question {
        Question::Granger(i) => ("Granger causality", answers::granger, i),
        Question::Var(i) => ("Vector autoregression", answers::var, i),
        Question::Adf(i) => ("Stationarity", answers::adf, i),
        Question::Match(i) => ("Effect on the treated", answers::matching, i),
        Question::Impact(i) => ("Impact of an event", answers::impact, i),
        Question::Pc(i) => ("Causal graph by tests (PC)", graphs::pc, i),
        Question::Ges(i) => ("Causal graph by score (GES)", graphs::ges, i),
        Question::Pcmci(i) => ("Time-lagged causal graph (PCMCI)", graphs::pcmci, i),
        Question::Explain(i) => ("Why the number changed", answers::explain, i),
    };
    let inputs = input::Given::read(given).context("cannot read the question")?;
    let value: serde_json::Value = answer(&inputs)?;
    let format = given.format.unwrap_or(if std::io::stdout().is_terminal() { Format::Report } else { Format::Json });
    let text = match format {
        Format::Json => serde_json::to_string(&value)? + "\n",
        Format::Report => report::render(title, &value),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever reads only the beginning, as `head` does, has had enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot print the answer"),
    }
}
