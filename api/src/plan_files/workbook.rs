//! A workbook: the plan, what it costs, what limits it, and where it came from, each on a sheet of its own.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

use super::PlanToExport;
use super::tables::{Cell, about, tables};

/// The longest text that a cell holds.
const LONGEST_TEXT: usize = 32_767;
/// The width of a column is set by so many of its rows.
const ROWS_FOR_WIDTH: usize = 200;

/// The plan as an Office Open XML workbook. Texts are written as texts, never as formulas.
///
/// # Errors
/// The stored answer does not fit the stored problem, or a table has more rows than a sheet.
pub fn workbook(plan: &PlanToExport) -> anyhow::Result<Vec<u8>> {
    let mut tables = tables(plan)?;
    tables.push(about(plan));
    let mut book = Workbook::new();
    // The same plan is the same file, whenever it is fetched.
    let created = ExcelDateTime::from_timestamp(plan.finished_at.as_second())?;
    book.set_properties(&DocProperties::new().set_title("Dyocense plan").set_creation_datetime(&created));
    let (bold, day) = (Format::new().set_bold(), Format::new().set_num_format("yyyy-mm-dd"));
    let time = Format::new().set_num_format("hh:mm");
    for table in &tables {
        let sheet = book.add_worksheet().set_name(table.name)?;
        for (column, name) in (0u16..).zip(&table.columns) {
            sheet.write_string_with_format(0, column, *name, &bold)?;
            let widest = table.rows.iter().take(ROWS_FOR_WIDTH).filter_map(|row| row.get(usize::from(column)));
            let widest = widest.map(width).max().unwrap_or(0).max(name.len());
            sheet.set_column_width(column, widest.clamp(8, 80) as f64 + 2.0)?;
        }
        sheet.set_freeze_panes(1, 0)?;
        for (line, row) in (1u32..).zip(&table.rows) {
            for (column, cell) in (0u16..).zip(row) {
                match cell {
                    Cell::Text(text) => {
                        let shown: String = text.chars().take(LONGEST_TEXT).collect();
                        sheet.write_string(line, column, shown)?
                    }
                    Cell::Number(number) => sheet.write_number(line, column, *number)?,
                    Cell::Day(date) => {
                        let (year, month, of_month) = (date.year(), date.month(), date.day());
                        match excel_day(year, month, of_month) {
                            Ok(date) => sheet.write_datetime_with_format(line, column, &date, &day)?,
                            // Sheets begin in 1900.
                            Err(_) => sheet.write_string(line, column, date.to_string())?,
                        }
                    }
                    Cell::Time(at) => {
                        let at = ExcelDateTime::from_hms(at.hour() as u16, at.minute() as u8, at.second() as u8)?;
                        sheet.write_datetime_with_format(line, column, &at, &time)?
                    }
                    Cell::Nothing => continue,
                };
            }
        }
    }
    Ok(book.save_to_buffer()?)
}

fn excel_day(year: i16, month: i8, day: i8) -> Result<ExcelDateTime, XlsxError> {
    ExcelDateTime::from_ymd(year.try_into().unwrap_or_default(), month as u8, day as u8)
}

fn width(cell: &Cell) -> usize {
    match cell {
        Cell::Text(text) => text.chars().count(),
        Cell::Number(number) => number.to_string().len(),
        Cell::Day(_) => 10,
        Cell::Time(_) => 5,
        Cell::Nothing => 0,
    }
}
