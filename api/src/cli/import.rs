//! `dyocense import`

use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use dyocense_commands::{Actor, Caller};
use dyocense_domain::connectors::{ColumnMapping, CsvFormat, DateFormat, FormatOverrides};
use dyocense_domain::identity::Role;
use dyocense_domain::ids::SessionId;
use flate2::read::GzDecoder;
use uuid::Uuid;

use super::tenant;
use crate::ledger::{self, Progress, Reading};
use crate::node::Node;
use crate::settings::Settings;
use crate::tenants;

/// Import a CSV file of sales
///
/// How the file is written and which column means what is detected; look with --preview first, and say what was
/// guessed wrong. Rows that are not good are kept with their reason and can be downloaded. A file that was imported
/// before changes nothing.
///
/// Examples:
///   dyocense import sales.csv --tenant "Corner Shop" --preview
///   dyocense import sales.csv.gz --tenant 0190… --map date=0,amount=3,customer=1 --date-format day-month-year
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct ImportArgs {
    /// The file; ending in .gz: compressed
    file: PathBuf,
    /// The business, by id or name
    #[arg(long)]
    tenant: String,
    /// Only show how the file would be read
    #[arg(long)]
    preview: bool,
    /// Columns by number from 0: date=0,amount=3 and any of units, customer, order, product, currency
    #[arg(long, value_name = "COLUMNS", value_parser = mapping)]
    map: Option<ColumnMapping>,
    /// What separates columns
    #[arg(long)]
    delimiter: Option<char>,
    /// The character encoding, such as utf-8 or windows-1252
    #[arg(long)]
    encoding: Option<String>,
    /// What separates whole from fraction
    #[arg(long)]
    decimal_separator: Option<char>,
    /// How dates are written
    #[arg(long)]
    date_format: Option<DateShape>,
    /// Whether the first line names the columns
    #[arg(long)]
    header: Option<bool>,
    /// The currency of amounts (ISO 4217), if not the business's own
    #[arg(long)]
    currency: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum DateShape {
    YearMonthDay,
    DayMonthYear,
    MonthDayYear,
    Compact,
    UnixSeconds,
}

impl From<DateShape> for DateFormat {
    fn from(shape: DateShape) -> Self {
        match shape {
            DateShape::YearMonthDay => DateFormat::YearMonthDay,
            DateShape::DayMonthYear => DateFormat::DayMonthYear,
            DateShape::MonthDayYear => DateFormat::MonthDayYear,
            DateShape::Compact => DateFormat::Compact,
            DateShape::UnixSeconds => DateFormat::UnixSeconds,
        }
    }
}

fn mapping(text: &str) -> Result<ColumnMapping, String> {
    let (mut date, mut amount) = (None, None);
    let mut mapping =
        ColumnMapping { date: 0, amount: 0, units: None, customer: None, order: None, product: None, currency: None };
    for part in text.split(',') {
        let (name, column) = part.split_once('=').ok_or_else(|| format!("`{part}` is not of the form date=0"))?;
        let column: usize =
            column.trim().parse().map_err(|_| format!("`{column}` is not a column's number, counted from 0"))?;
        let known = match name.trim() {
            "date" => &mut date,
            "amount" => &mut amount,
            "units" => &mut mapping.units,
            "customer" => &mut mapping.customer,
            "order" => &mut mapping.order,
            "product" => &mut mapping.product,
            "currency" => &mut mapping.currency,
            other => {
                return Err(format!("`{other}` is none of date, amount, units, customer, order, product and currency"));
            }
        };
        *known = Some(column);
    }
    mapping.date = date.ok_or("the date's column is needed: date=0")?;
    mapping.amount = amount.ok_or("the amount's column is needed: amount=3")?;
    Ok(mapping)
}

pub async fn run(args: ImportArgs, settings: &Settings) -> anyhow::Result<()> {
    let file = File::open(&args.file).with_context(|| format!("cannot open {}", args.file.display()))?;
    let name = args.file.file_name().map_or_else(|| "sales.csv".into(), |name| name.to_string_lossy().into_owned());
    let (source, name): (Box<dyn Read + Send>, String) = match name.strip_suffix(".gz") {
        Some(plain) => (Box::new(GzDecoder::new(file)), plain.to_owned()),
        None => (Box::new(file), name),
    };
    let node = Node::open(settings).await?;
    let workers = node.start_workers();
    let outcome = import(&node, args, name, source).await;
    workers.stop().await;
    node.close().await;
    outcome
}

async fn import(node: &Node, args: ImportArgs, name: String, source: Box<dyn Read + Send>) -> anyhow::Result<()> {
    let tenant = tenant::find(node, &args.tenant).await?;
    let owner = tenants::owner(node, tenant).await?.context("the business has no owner to import for")?;
    let actor = Actor::User { user_id: owner, session_id: SessionId::from(Uuid::now_v7()), role: Role::Owner };
    let caller = Caller::new(tenant, actor);
    let reading = Reading {
        format: FormatOverrides {
            delimiter: args.delimiter,
            encoding: args.encoding,
            decimal_separator: args.decimal_separator,
            date_format: args.date_format.map(Into::into),
            header: args.header,
        },
        mapping: args.map,
        currency: args.currency,
    };
    let upload = ledger::upload(&node.commands, &caller, &name, source).await?;
    if args.preview {
        let preview = ledger::preview(&node.commands, &caller, upload, &reading).await?;
        let sniffed = &preview.sniffed;
        say!("columns   {}", sniffed.columns.join(", "));
        say!("format    {}", format_flags(&sniffed.format));
        match &sniffed.mapping {
            Some(mapping) => say!("mapping   {}", mapping_flag(mapping)),
            None => say!("mapping   not clear: say which columns hold the date and the amount with --map"),
        }
        for doubt in &sniffed.doubts {
            say!("doubt     {doubt}");
        }
        for row in &preview.rows {
            match &row.outcome {
                Ok(sale) => {
                    say!("line {:<5} {}  {} × {} {}", row.line, sale.day, sale.units, sale.amount, preview.currency)
                }
                Err(problem) => say!("line {:<5} not good: {problem}", row.line),
            }
        }
        return Ok(());
    }
    let terminal = std::io::stderr().is_terminal();
    let done = ledger::import(&node.commands, &caller, upload, reading, |progress| {
        if terminal {
            show(progress);
        }
    })
    .await?;
    if terminal {
        eprintln!();
    }
    let totals = done.totals;
    say!(
        "{} rows: {} imported ({} of them corrections), {} known already, {} not good",
        totals.rows,
        totals.imported,
        totals.corrected,
        totals.unchanged,
        totals.rejected
    );
    if totals.imported > 0 {
        say!("{} units, {} in all", totals.units, totals.amount);
    }
    if totals.rows > 0 && totals.rejected == totals.rows {
        bail!("no row was good: look with --preview");
    }
    Ok(())
}

/// The flags that would say what was detected, to be changed and given back.
fn format_flags(format: &CsvFormat) -> String {
    let date_format =
        DateShape::value_variants().iter().copied().find(|shape| DateFormat::from(*shape) == format.date_format);
    let date_format = date_format.and_then(|shape| shape.to_possible_value());
    format!(
        "--delimiter '{}' --encoding {} --decimal-separator '{}' --date-format {} --header {}",
        format.delimiter.escape_default(),
        format.encoding,
        format.decimal_separator,
        date_format.as_ref().map_or("year-month-day", |value| value.get_name()),
        format.header
    )
}

fn mapping_flag(mapping: &ColumnMapping) -> String {
    let ColumnMapping { date, amount, units, customer, order, product, currency } = mapping;
    let optional =
        [("units", units), ("customer", customer), ("order", order), ("product", product), ("currency", currency)];
    let optional = optional.iter().filter_map(|(name, column)| column.map(|column| format!(",{name}={column}")));
    format!("--map date={date},amount={amount}{}", optional.collect::<String>())
}

fn show(progress: &Progress) {
    let percent = match progress.bytes {
        0 => 0,
        bytes => progress.bytes_read.min(bytes) * 100 / bytes,
    };
    eprint!("\r{percent:>3} %  {} rows", progress.totals.rows);
    // A terminal that cannot be written to shows nothing.
    let _ = std::io::stderr().flush();
}

#[cfg(test)]
mod tests {
    use super::mapping;

    #[test]
    fn columns_are_given_by_name_and_number() {
        let columns = mapping("date=1,amount=3,units=2,customer=0").unwrap();
        assert_eq!((columns.date, columns.amount, columns.units, columns.customer), (1, 3, Some(2), Some(0)));
        for bad in ["", "date=1", "amount=1", "date=a,amount=1", "date=0,amount=1,colour=2", "date"] {
            assert!(mapping(bad).is_err(), "{bad}");
        }
    }
}
