use super::*;
use crate::connectors::format::DateFormat;

fn options() -> ReadOptions {
    ReadOptions {
        format: CsvFormat {
            delimiter: ',',
            encoding: "utf-8".into(),
            decimal_separator: '.',
            date_format: DateFormat::YearMonthDay,
            header: true,
        },
        mapping: ColumnMapping {
            customer: Some(0),
            date: 1,
            units: Some(2),
            amount: 3,
            order: None,
            product: None,
            currency: None,
        },
        currency: "USD".into(),
        time_zone: TimeZoneName::utc(),
        latest: jiff::civil::date(2026, 3, 2),
        pseudonymize: Box::new(
            |customer| {
                if is_code(customer) { customer.to_owned() } else { format!("p{}", customer.len()) }
            },
        ),
    }
}

fn rows(text: &str, options: ReadOptions) -> Vec<Row> {
    let mut reader = TransactionReader::new(text.as_bytes(), options).unwrap();
    std::iter::from_fn(|| reader.next_row().unwrap()).collect()
}

#[test]
fn good_rows_become_transactions() {
    let read = rows("customer,date,qty,amount\n00004,1997-01-01,2,29.33\n", options());
    let transaction = read[0].outcome.as_ref().unwrap();
    assert_eq!(read[0].line, 2);
    assert_eq!(transaction.customer.as_deref(), Some("00004"));
    assert_eq!(transaction.day, jiff::civil::date(1997, 1, 1));
    assert_eq!((transaction.units.to_string(), transaction.amount.to_string()), ("2".into(), "29.33".into()));
}

#[test]
fn equal_rows_are_told_apart_and_the_same_file_gives_the_same_keys() {
    let text = "customer,date,qty,amount\n7,1997-01-01,1,5\n7,1997-01-01,1,5.00\n8,1997-01-01,1,5\n";
    let keys = |text| rows(text, options()).into_iter().map(|row| row.outcome.unwrap().key).collect::<Vec<_>>();
    let first = keys(text);
    assert_eq!(first.iter().collect::<std::collections::HashSet<_>>().len(), 3);
    assert_eq!(first, keys(text));
}

#[test]
fn a_row_of_an_order_keeps_its_key_when_its_amount_is_corrected() {
    let with_order = || {
        let mut options = options();
        options.mapping.order = Some(0);
        options.mapping.customer = None;
        options
    };
    let key = |amount: &str| {
        let text = format!("order,date,qty,amount\nA-1,1997-01-01,1,{amount}\n");
        rows(&text, with_order()).remove(0).outcome.unwrap().key
    };
    assert_eq!(key("5.00"), key("6.00"));
}

#[test]
fn a_corrected_row_is_not_taken_for_its_twin_in_the_file_it_comes_from() {
    let with_order = || {
        let mut options = options();
        options.mapping.order = Some(0);
        options.mapping.customer = None;
        options
    };
    let reader = |text: &'static str| TransactionReader::new(text.as_bytes(), with_order()).unwrap();
    let file = || reader("order,date,qty,amount\nA-1,1997-01-01,1,5\nA-1,1997-01-01,1,x\n");
    let correction = || reader("order,date,qty,amount\nA-1,1997-01-01,1,7\n");
    let key = |mut reader: TransactionReader<&[u8]>| reader.next_row().unwrap().unwrap().outcome.unwrap().key;

    assert_eq!(key(correction()), key(file()), "on its own it looks like the first line of the order");
    let seen = file().into_occurrences().unwrap();
    let corrected = key(correction().after(seen.clone()));
    assert_ne!(corrected, key(file()));
    assert_eq!(corrected, key(correction().after(seen)), "the same correction again changes nothing");
    let mut whole = reader("order,date,qty,amount\nA-1,1997-01-01,1,5\nA-1,1997-01-01,1,7\n");
    whole.next_row().unwrap();
    assert_eq!(corrected, key(whole), "nor does the whole file, corrected");
}

#[test]
fn bad_rows_say_where_and_why_and_the_rest_goes_on() {
    let text = "customer,date,qty,amount\n\
        1,1997-13-01,1,5\n\
        2,1997-01-01,x,5\n\
        3,1997-01-01,1,\n\
        4,1997-01-01\n\
        5,2026-03-03,1,5\n\
        6,1997-01-01,1,2000000000\n\
        \n\
        \"multi\nline 9\",1997-01-01,1,7\n\
        8,1997-01-01,1,5\n";
    let read = rows(text, options());
    let reasons: Vec<(u64, String)> =
        read.iter().filter_map(|row| row.outcome.as_ref().err().map(|error| (row.line, error.to_string()))).collect();
    assert_eq!(
        reasons,
        [
            (2, "date: `1997-13-01` is not a date of the form year-month-day, as in 1997-01-31".to_owned()),
            (3, "qty: `x` is not a number with `.` as the decimal separator".to_owned()),
            (4, "amount is empty".to_owned()),
            (5, "the row has 2 fields; at least 4 are needed".to_owned()),
            (6, "date: `2026-03-03` lies before 1900 or after 2026-03-02".to_owned()),
            (7, "amount: 2000000000 is larger than 1000000000".to_owned()),
        ]
    );
    assert_eq!(read.last().map(|row| row.line), Some(11));
    assert_eq!(read[0].fields.as_deref().map(<[String]>::len), Some(4));
}

#[test]
fn who_could_be_a_person_becomes_a_pseudonym() {
    let read = rows("customer,date,qty,amount\nada@example.com,1997-01-01,1,5\nAda L,1997-01-01,1,5\n", options());
    let customers: Vec<_> = read.into_iter().map(|row| row.outcome.unwrap().customer.unwrap()).collect();
    assert_eq!(customers, ["p15", "p5"]);
}

#[test]
fn another_currency_is_refused() {
    let mut with_currency = options();
    with_currency.mapping.currency = Some(0);
    with_currency.mapping.customer = None;
    let read = rows("cur,date,qty,amount\nusd,1997-01-01,1,5\nEUR,1997-01-01,1,5\n", with_currency);
    assert!(read[0].outcome.is_ok());
    assert_eq!(read[1].outcome.as_ref().unwrap_err().to_string(), "cur: the amount is in `EUR`, this import is in USD");
}

/// What a file says does not depend on the system that wrote it, and every row knows its line.
#[test]
fn lines_are_numbered_whatever_breaks_them() {
    let text = "customer,date,qty,amount\n1,1997-01-01,1,5\n\n\n2,1997-01-01,x,5\n\"multi\nline\",1997-01-01,x,7\n4,1997-01-01,x,5";
    for line_break in ["\n", "\r\n", "\r"] {
        let text = text.replace('\n', line_break);
        let lines: Vec<u64> = rows(&text, options()).iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 5, 6, 8], "{line_break:?}");
        let leading = rows(&format!("{line_break}{line_break}{text}"), options());
        assert_eq!(leading.iter().map(|row| row.line).collect::<Vec<_>>(), [4, 7, 8, 10], "{line_break:?}");
    }
}

#[test]
fn a_byte_order_mark_and_excels_separator_line_are_no_data() {
    let text = "\u{feff}sep=,\r\ncustomer,date,qty,amount\r\n1,1997-01-01,1,5\r\n";
    let read = rows(text, options());
    assert_eq!((read.len(), read[0].line), (1, 3));
    let mut headless = options();
    headless.format.header = false;
    let read = rows("sep=,\n1,1997-01-01,1,5\n", headless);
    assert_eq!((read.len(), read[0].line), (1, 2));
}

#[test]
fn an_unclosed_quote_spoils_its_line_and_nothing_before_or_after_it() {
    let read = rows("customer,date,qty,amount\n1,1997-01-01,1,5\n\"2,1997-01-01,1,5\n3,1997-01-01,1,5\n", options());
    let lines: Vec<_> = read.iter().map(|row| (row.line, row.outcome.is_ok())).collect();
    assert_eq!(lines, [(2, true), (3, false), (4, true)]);
    let reason = read[1].outcome.as_ref().unwrap_err().to_string();
    assert!(reason.starts_with("line 3 opens a quote (\") that is not closed"), "{reason}");
    assert_eq!(read[1].fields.as_deref(), Some(&["\"2,1997-01-01,1,5".to_owned()][..]));
}

#[test]
fn an_unclosed_quote_above_the_names_is_told_too() {
    let read = rows("\"My shop\ncustomer,date,qty,amount\n1,1997-01-01,1,5\n", options());
    assert_eq!(read.iter().map(|row| (row.line, row.outcome.is_ok())).collect::<Vec<_>>(), [(1, false), (3, true)]);
}

#[test]
fn control_characters_are_refused_and_spelt_out_where_they_are_kept() {
    let with_product = || {
        let mut options = options();
        options.mapping.product = Some(4);
        options
    };
    let text = "customer,date,qty,amount,product\0\n\
        1,1997-01-01,1,5,Cap\0\n\
        2,1997-01\0-01,1,5,Cap\n\
        3\u{7},1997-01-01,1,5,Cap\n\
        4,1997-01-01,1,\u{85}5\u{9f},Cap\n\
        5,1997-01-01,1,5,\"a cap\n\tfor two\"\n";
    let read = rows(text, with_product());
    let reasons: Vec<String> =
        read.iter().filter_map(|row| row.outcome.as_ref().err().map(ToString::to_string)).collect();
    assert_eq!(
        reasons,
        [
            "product\\u0000: the text has a control character (U+0000)",
            "date: the text has a control character (U+0000)",
            "customer: the text has a control character (U+0007)",
            "amount: the text has a control character (U+009F)",
        ]
    );
    assert_eq!(read[0].fields.as_ref().unwrap()[4], "Cap\\u0000");
    assert_eq!(read[4].outcome.as_ref().unwrap().product.as_deref(), Some("a cap\n\tfor two"));
}

#[test]
fn a_number_too_large_to_hold_is_called_too_large() {
    let read = rows("customer,date,qty,amount\n1,1997-01-01,1,99999999999999999999999999999999\n", options());
    assert_eq!(
        read[0].outcome.as_ref().unwrap_err().to_string(),
        "amount: 99999999999999999999999999999999 is larger than 1000000000"
    );
}

#[test]
fn what_is_kept_of_a_long_field_is_cut() {
    let text = format!("customer,date,qty,amount\n1,never,1,5,{}\n", "é".repeat(10_000));
    let kept = rows(&text, options()).remove(0).fields.unwrap().pop().unwrap();
    assert_eq!(kept.chars().count(), 4_001);
    assert!(kept.ends_with('…'));
}

#[test]
fn progress_is_told_in_bytes_of_the_file() {
    let text = "customer,date,qty,amount\n1,1997-01-01,1,5\n";
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut options = options();
    options.format.encoding = "utf-16le".into();
    let mut reader = TransactionReader::new(utf16.as_slice(), options).unwrap();
    assert!(reader.next_row().unwrap().unwrap().outcome.is_ok());
    assert_eq!(reader.next_row().unwrap(), None);
    assert_eq!(reader.bytes_read(), utf16.len() as u64);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// The same sales in a file give the same keys in any order of its lines, and one key each.
    #[test]
    fn keys_do_not_depend_on_the_order_of_the_lines(
        sales in proptest::collection::vec((0u8..3, 1u8..3, 1u8..3, 0u16..3), 1..40), turn in 0usize..40
    ) {
        let mut lines: Vec<String> = sales
            .iter()
            .map(|(customer, day, units, amount)| format!("{customer},1997-01-0{day},{units},{amount}.50\n"))
            .collect();
        let keys = |lines: &[String]| {
            let text = format!("customer,date,qty,amount\n{}", lines.concat());
            let mut keys: Vec<String> = rows(&text, options()).into_iter().map(|row| row.outcome.unwrap().key).collect();
            keys.sort_unstable();
            keys
        };
        let first = keys(&lines);
        let count = lines.len();
        lines.rotate_left(turn % count);
        proptest::prop_assert_eq!(&keys(&lines), &first);
        let distinct: std::collections::BTreeSet<&String> = first.iter().collect();
        proptest::prop_assert_eq!(distinct.len(), sales.len());
    }

    /// No file, however broken, stops the reader or makes it lose its place.
    #[test]
    fn any_text_is_read_to_its_end(text in "[0-9a,;\"\r\n\\-.é ]{0,200}") {
        let read = rows(&format!("customer,date,qty,amount\n{text}"), options());
        proptest::prop_assert!(read.windows(2).all(|pair| pair[0].line < pair[1].line), "{:?}", read);
    }
}
