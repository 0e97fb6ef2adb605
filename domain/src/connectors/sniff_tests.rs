use super::*;

fn look(text: &str) -> Sniffed {
    sniff(text.as_bytes(), true, &FormatOverrides::default(), &TimeZoneName::utc()).unwrap()
}

#[test]
fn a_plain_english_ledger_is_understood() {
    let sniffed = look(
        "customer_id,date,quantity,amount_usd\n00001,1997-01-01,1,11.77\n00004,1997-01-01,2,29.33\n00005,1997-01-02,2,29.33\n",
    );
    assert_eq!(
        sniffed.format,
        CsvFormat {
            delimiter: ',',
            encoding: "utf-8".into(),
            decimal_separator: '.',
            date_format: DateFormat::YearMonthDay,
            header: true
        }
    );
    let mapping = sniffed.mapping.unwrap();
    assert_eq!((mapping.customer, mapping.date, mapping.units, mapping.amount), (Some(0), 1, Some(2), 3));
    assert_eq!(sniffed.doubts, Vec::<String>::new());
}

#[test]
fn a_german_ledger_in_windows_1252_is_understood() {
    let text = "Rechnungsnr;Kunde;Datum;Menge;Betrag\n1001;Müller;31.01.2026;2;1.234,50\n1002;Weiß;01.02.2026;1;9,99\n";
    let (bytes, ..) = encoding_rs::WINDOWS_1252.encode(text);
    let sniffed = sniff(&bytes, true, &FormatOverrides::default(), &TimeZoneName::utc()).unwrap();
    assert_eq!((sniffed.format.delimiter, sniffed.format.decimal_separator), (';', ','));
    assert_eq!(sniffed.format.encoding, "windows-1252");
    assert_eq!(sniffed.format.date_format, DateFormat::DayMonthYear);
    let mapping = sniffed.mapping.unwrap();
    assert_eq!(
        (mapping.order, mapping.customer, mapping.date, mapping.units, mapping.amount),
        (Some(0), Some(1), 2, Some(3), 4)
    );
    assert_eq!(sniffed.sample[0][1], "Müller");
}

#[test]
fn dates_that_fit_both_orders_are_said_to_be_unsure() {
    let sniffed = look("date,amount\n01/02/2026,1.50\n03/04/2026,2.50\n");
    assert_eq!(sniffed.format.date_format, DateFormat::MonthDayYear);
    assert_eq!(sniffed.other_date_formats, vec![DateFormat::DayMonthYear]);
    assert_eq!(sniffed.doubts.len(), 1);
    let sure = look("date,amount\n01/02/2026,1.50\n31/05/2026,2.50\n30/05/2026,2.50\n28/05/2026,2.50\n");
    assert_eq!(sure.format.date_format, DateFormat::DayMonthYear);
}

#[test]
fn a_file_without_a_header_is_read_by_its_values() {
    let sniffed = look("1997-01-01\t7\t11.77\n1997-01-02\t8\t12.77\n");
    assert!(!sniffed.format.header);
    assert_eq!(sniffed.format.delimiter, '\t');
    let mapping = sniffed.mapping.unwrap();
    assert_eq!((mapping.date, mapping.amount), (0, 2));
}

#[test]
fn a_byte_order_mark_names_the_encoding() {
    let mut bytes = vec![0xff, 0xfe];
    "date;amount\n2026-01-01;1,5\n".encode_utf16().for_each(|unit| bytes.extend(unit.to_le_bytes()));
    let sniffed = sniff(&bytes, true, &FormatOverrides::default(), &TimeZoneName::utc()).unwrap();
    assert_eq!(sniffed.format.encoding, "utf-16le");
    assert_eq!(sniffed.columns, ["date", "amount"]);
}

#[test]
fn what_is_not_a_ledger_is_refused_or_doubted() {
    let utc = TimeZoneName::utc();
    let none = FormatOverrides::default();
    assert_eq!(sniff(b"", true, &none, &utc), Err(SniffError::Empty));
    assert_eq!(sniff(b"\n\n", true, &none, &utc), Err(SniffError::Empty));
    assert_eq!(sniff(b"PK\x03\x04rest", true, &none, &utc), Err(SniffError::Workbook));
    assert_eq!(sniff(b"ab\0cd", true, &none, &utc), Err(SniffError::Binary { offset: 2 }));
    let prose = look("Dear all,\nthis is a letter.\nYours\n");
    assert_eq!(prose.mapping, None);
    assert_eq!(prose.doubts.len(), 3);
}

#[test]
fn what_a_person_says_goes_before_what_is_detected() {
    let overrides = FormatOverrides { date_format: Some(DateFormat::DayMonthYear), ..Default::default() };
    let sniffed = sniff(b"date,amount\n01/02/2026,1.50\n", true, &overrides, &TimeZoneName::utc()).unwrap();
    assert_eq!(sniffed.format.date_format, DateFormat::DayMonthYear);
    assert_eq!(sniffed.other_date_formats, vec![]);
}

#[test]
fn a_small_file_with_a_bad_row_or_a_total_is_still_understood() {
    let mapped = |text: &str| look(text).mapping.map(|mapping| (mapping.date, mapping.amount));
    assert_eq!(mapped("date,customer,amount\n2026-01-02,c1,5.5\n2026-01-03,c2,x\n"), Some((0, 2)));
    assert_eq!(mapped("date,customer,amount\n2026-01-02,c1,5.5\n2026-01-03,c2,6.5\nTotal,,12.0\n"), Some((0, 2)));
}

#[test]
fn dates_with_points_have_the_day_first() {
    let sniffed = look("Datum;Betrag\n02.01.2026;1'234.50\n03.01.2026;99.90\n");
    assert_eq!((sniffed.format.decimal_separator, sniffed.format.date_format), ('.', DateFormat::DayMonthYear));
}

#[test]
fn numbers_that_may_mean_a_thousand_or_one_are_doubted() {
    let sniffed = look("Datum;Betrag\n31.01.2026;1.000\n30.01.2026;2.500\n29.01.2026;900\n");
    assert_eq!(sniffed.format.decimal_separator, ',');
    assert_eq!(sniffed.doubts, ["numbers such as `1.000` may mean a thousand or one; please check them"]);
    let sure = look("Datum;Betrag\n31.01.2026;1.000\n30.01.2026;2.500,50\n29.01.2026;900\n");
    assert_eq!((sure.format.decimal_separator, sure.doubts.len()), (',', 0));
}

#[test]
fn a_shop_systems_export_is_understood() {
    let sniffed = look(
        "Name,Email,Paid at,Currency,Subtotal,Total,Created at,Lineitem quantity,Lineitem name\n\
         #1001,ada@example.com,2026-01-02 10:11:12 -0500,USD,10.00,16.00,2026-01-02 10:11:10 -0500,2,Blue mug\n\
         #1002,ben@example.com,2026-01-03 10:11:12 -0500,USD,10.00,16.00,2026-01-03 10:11:10 -0500,2,\"Mug, red\"\n",
    );
    let mapping = sniffed.mapping.unwrap();
    assert_eq!((mapping.customer, mapping.amount, mapping.units, mapping.currency), (Some(1), 5, Some(7), Some(3)));
    assert!(mapping.date == 2 || mapping.date == 6);
}

#[test]
fn an_address_says_who_a_customer_is_better_than_a_name() {
    let sniffed = look(
        "Order ID,Order Date,Customer Name,Billing Email,Order Total\n17,2026-01-02,Ada L,ada@example.com,16.00\n",
    );
    let mapping = sniffed.mapping.unwrap();
    assert_eq!((mapping.order, mapping.customer, mapping.amount), (Some(0), Some(3), 4));
}

#[test]
fn excels_separator_line_names_the_delimiter() {
    let sniffed = look("sep=;\r\ndate;amount\r\n2026-01-02;5,5\r\n");
    assert_eq!((sniffed.format.delimiter, sniffed.columns), (';', vec!["date".to_owned(), "amount".to_owned()]));
}

#[test]
fn a_quote_that_is_never_closed_hides_no_columns() {
    let rows = "2026-01-02,5.50\n".repeat(3);
    for text in [format!("date,amount\n\"2026-01-01,5.50\n{rows}"), format!("sep=,\ndate,amount\n{rows}\"2026,5\n")] {
        let sniffed = look(&text);
        assert_eq!(sniffed.mapping.map(|mapping| (mapping.date, mapping.amount)), Some((0, 1)), "{text}");
        let line = text.lines().position(|line| line.contains('"')).unwrap() + 1;
        assert_eq!(
            sniffed.doubts,
            [format!("line {line} opens a quote (\") that is never closed; it was passed over")]
        );
    }
}

#[test]
fn names_without_rows_are_said_to_be_that() {
    let sniffed = look("date,customer,amount\n\n");
    assert_eq!((sniffed.mapping, sniffed.columns.len()), (None, 3));
    assert_eq!(sniffed.doubts, ["the file has no rows below the line that names its columns"]);
}
