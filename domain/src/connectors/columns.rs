//! Which column of a file means what: by its name in several languages, then by its values.

use super::format::{ColumnMapping, DateFormat};
use super::values::{parse_number, parse_when};
use crate::time_zone::TimeZoneName;

/// Words that name a column, lower-cased, in English, German, French, Spanish, Italian, Dutch and Portuguese. Earlier
/// words speak louder.
const DATE_WORDS: &[&str] = &[
    "date",
    "datum",
    "fecha",
    "data",
    "day",
    "tag",
    "jour",
    "día",
    "dia",
    "created",
    "time",
    "timestamp",
    "zeit",
    "paid at",
    "processed",
];
const AMOUNT_WORDS: &[&str] = &[
    "amount", "total", "revenue", "betrag", "umsatz", "montant", "importe", "importo", "bedrag", "valor", "gross",
    "brutto", "bruto", "brut", "net", "sum", "summe", "price", "preis", "prix", "precio", "prezzo", "prijs", "sales",
    "paid", "value",
];
const UNITS_WORDS: &[&str] = &[
    "quantity",
    "units",
    "qty",
    "menge",
    "anzahl",
    "quantité",
    "quantite",
    "cantidad",
    "quantità",
    "quantita",
    "aantal",
    "quantidade",
    "pieces",
    "stück",
    "items",
    "count",
];
const CUSTOMER_WORDS: &[&str] = &[
    "customer", "client", "kunde", "cliente", "klant", "buyer", "käufer", "kaeufer", "acheteur", "email", "e-mail",
    "user", "member", "account",
];
const PERSON_NAME_WORDS: &[&str] = &["name", "nom", "naam", "nome"];
const ORDER_WORDS: &[&str] = &[
    "order",
    "bestell",
    "commande",
    "pedido",
    "ordine",
    "invoice",
    "rechnung",
    "facture",
    "factura",
    "fattura",
    "factuur",
    "fatura",
    "receipt",
    "beleg",
    "transaction",
    "transaktion",
    "bon",
];
const PRODUCT_WORDS: &[&str] =
    &["product", "produkt", "produit", "producto", "prodotto", "produto", "sku", "artikel", "article", "item", "title"];
const CURRENCY_WORDS: &[&str] = &["currency", "währung", "waehrung", "devise", "moneda", "valuta", "moeda"];

pub(super) struct ColumnGuess {
    pub mapping: Option<ColumnMapping>,
    /// Sentences on what could not be found.
    pub missing: Vec<String>,
}

pub(super) fn names_a_date(name: &str) -> bool {
    rank(name, DATE_WORDS).is_some()
}

/// How early a word of `words` is found in the name; None if none is. A whole name beats a part of one.
fn rank(name: &str, words: &[&str]) -> Option<usize> {
    let name = name.to_lowercase().replace(['_', '.'], " ");
    let name = name.trim();
    let whole = words.iter().position(|word| name == *word);
    whole.or_else(|| words.iter().position(|word| name.contains(word)).map(|at| at + words.len()))
}

pub(super) fn guess_columns(
    names: &[String],
    columns: &[Vec<&str>],
    date_format: DateFormat,
    decimal_separator: char,
    zone: &TimeZoneName,
) -> ColumnGuess {
    let share = |column: usize, fits: &dyn Fn(&str) -> bool| {
        let filled: Vec<&&str> = columns[column].iter().filter(|value| !value.is_empty()).collect();
        let fit = filled.iter().filter(|value| fits(value)).count();
        if filled.is_empty() { 0 } else { fit * 100 / filled.len() }
    };
    let dates = |column: usize| share(column, &|value| parse_when(value, date_format, zone).is_some());
    let numbers = |column: usize| share(column, &|value| parse_number(value, decimal_separator).is_some());
    // A name is believed while half the values bear it out; without a name, four in five must.
    let (may_be_date, may_be_number) = (|column: usize| dates(column) >= 50, |column: usize| numbers(column) >= 50);
    let (is_date, is_number) = (|column: usize| dates(column) >= 80, |column: usize| numbers(column) >= 80);
    let is_whole = |column: usize| {
        share(column, &|value| parse_number(value, decimal_separator).is_some_and(|n| n.fract().is_zero())) >= 95
    };
    let mut taken = vec![false; names.len()];
    let mut take = |words: &[&str], fits: &dyn Fn(usize) -> bool| {
        let free = (0..names.len()).filter(|column| !taken[*column] && fits(*column));
        let found = free.filter_map(|column| Some((rank(&names[column], words)?, column))).min()?.1;
        taken[found] = true;
        Some(found)
    };

    // What can be known by name alone goes first, so that an order's number is not taken for an amount.
    let date = take(DATE_WORDS, &may_be_date);
    let currency = take(CURRENCY_WORDS, &|_| true);
    let units = take(UNITS_WORDS, &may_be_number);
    let amount = take(AMOUNT_WORDS, &may_be_number);
    // Two people may share a name, but not an address or a number.
    let is_name = |column: usize| PERSON_NAME_WORDS.iter().any(|word| names[column].to_lowercase().contains(word));
    let customer = take(CUSTOMER_WORDS, &|column| !is_name(column)).or_else(|| take(CUSTOMER_WORDS, &is_name));
    let order = take(ORDER_WORDS, &|column| !is_date(column));
    let product = take(PRODUCT_WORDS, &|_| true);

    // Where names say nothing, values do: the first date, and the last number, with a fraction if there is one.
    let date = date.or_else(|| {
        let found = (0..names.len()).find(|column| !taken[*column] && is_date(*column))?;
        taken[found] = true;
        Some(found)
    });
    let amount = amount.or_else(|| {
        let free = || (0..names.len()).rev().filter(|column| !taken[*column] && is_number(*column));
        let found = free().find(|column| !is_whole(*column)).or_else(|| free().next())?;
        taken[found] = true;
        Some(found)
    });

    let mut missing = Vec::new();
    if date.is_none() {
        missing.push("no column looks like a date; say which one is".to_owned());
    }
    if amount.is_none() {
        missing.push("no column looks like an amount; say which one is".to_owned());
    }
    let mapping = date.zip(amount).map(|(date, amount)| ColumnMapping {
        date,
        amount,
        units,
        customer,
        order,
        product,
        currency,
    });
    ColumnGuess { mapping, missing }
}
