//! RFC 4180, with the plan itself as its one table.

use std::borrow::Cow;

use super::PlanToExport;
use super::tables::{Cell, tables};

/// The plan as CSV: a line of names, then a line an order, a tour, a shift or an amount.
///
/// # Errors
/// The stored answer does not fit the stored problem.
pub fn csv(plan: &PlanToExport) -> anyhow::Result<Vec<u8>> {
    let tables = tables(plan)?;
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    if let Some(table) = tables.first() {
        writer.write_record(&table.columns)?;
        for row in &table.rows {
            writer.write_record(row.iter().map(text).collect::<Vec<_>>())?;
        }
    }
    Ok(writer.into_inner().map_err(|error| error.into_error())?)
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => harmless(text).into_owned(),
        Cell::Number(number) => number.to_string(),
        Cell::Day(day) => day.to_string(),
        Cell::Time(time) => time.strftime("%H:%M").to_string(),
        Cell::Nothing => String::new(),
    }
}

/// A spreadsheet computes what begins like a formula; an apostrophe before it makes it a text again.
fn harmless(text: &str) -> Cow<'_, str> {
    match text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) || text.starts_with(['\t', '\r'])
    {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_a_formula_is_a_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", " =HYPERLINK(\"http://x\")", "\t=1", "\r=1", "＝1"] {
            assert_eq!(harmless(formula), format!("'{formula}"));
        }
        for plain in ["Maria", "a-b", "3 = three", ""] {
            assert_eq!(harmless(plain), plain);
        }
    }

    #[test]
    fn numbers_stay_numbers_also_below_zero() {
        assert_eq!(text(&Cell::number(-2.5)), "-2.5");
        assert_eq!(text(&Cell::number(-1e-9)), "0");
    }
}
