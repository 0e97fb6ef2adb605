//! The JSON form of a raw model:
//! `{"sense":"min","c":[..],"lb":[..],"ub":[..],"int":[..],"names":[..],"rows":[{"n":"..","i":[..],"v":[..],"lo":..,"hi":..}]}`
//! with `null` for an infinite bound. `lb` defaults to 0, `ub` to infinity, `int` to false.

use serde::Deserialize;

use crate::model::{Column, HUGE, MAX_COLUMNS, MAX_ROWS, Model, ModelError, Role, Row, Sense, merged};

#[derive(Deserialize)]
struct RawModel {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    sense: Option<String>,
    c: Vec<f64>,
    #[serde(default)]
    lb: Option<Vec<Option<f64>>>,
    #[serde(default)]
    ub: Option<Vec<Option<f64>>>,
    #[serde(default)]
    int: Option<Vec<Flag>>,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    offset: f64,
    rows: Vec<RawRow>,
}

/// Files say `true` or `1`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Bool(bool),
    Number(u8),
}

#[derive(Deserialize)]
struct RawRow {
    #[serde(default)]
    n: Option<String>,
    i: Vec<usize>,
    v: Vec<f64>,
    #[serde(default)]
    lo: Option<f64>,
    #[serde(default)]
    hi: Option<f64>,
}

fn lower_of(value: Option<f64>) -> f64 {
    match value {
        Some(v) if v > -HUGE => v,
        _ => f64::NEG_INFINITY,
    }
}

fn upper_of(value: Option<f64>) -> f64 {
    match value {
        Some(v) if v < HUGE => v,
        _ => f64::INFINITY,
    }
}

/// Reads a raw model. Errors name the field and the bound it breaks.
pub fn model_from_json(text: &str) -> Result<Model, ModelError> {
    let raw: RawModel = serde_json::from_str(text)
        .map_err(|error| ModelError::Malformed(format!("not a model in JSON form: {error}")))?;
    let n = raw.c.len();
    if n > MAX_COLUMNS {
        return Err(ModelError::TooLarge { what: "columns", count: n, limit: MAX_COLUMNS });
    }
    if raw.rows.len() > MAX_ROWS {
        return Err(ModelError::TooLarge { what: "rows", count: raw.rows.len(), limit: MAX_ROWS });
    }
    let sense = match raw.sense.as_deref() {
        None | Some("min") => Sense::Min,
        Some("max") => Sense::Max,
        Some(other) => {
            return Err(ModelError::OutOfRange {
                field: "sense".into(),
                value: format!("{other:?}"),
                bound: "\"min\" or \"max\"".into(),
            });
        }
    };
    let same_length = |field: &str, len: Option<usize>| match len {
        Some(len) if len != n => Err(ModelError::OutOfRange {
            field: format!("the length of {field}"),
            value: len.to_string(),
            bound: format!("{n}, the length of c"),
        }),
        _ => Ok(()),
    };
    same_length("lb", raw.lb.as_ref().map(Vec::len))?;
    same_length("ub", raw.ub.as_ref().map(Vec::len))?;
    same_length("int", raw.int.as_ref().map(Vec::len))?;
    same_length("names", raw.names.as_ref().map(Vec::len))?;
    let mut model = Model::new(raw.name.unwrap_or_default(), sense);
    model.offset = raw.offset;
    let mut names = raw.names.map(Vec::into_iter);
    for (j, cost) in raw.c.iter().enumerate() {
        model.columns.push(Column {
            name: names.as_mut().and_then(Iterator::next).unwrap_or_else(|| format!("x{j}")),
            cost: *cost,
            lower: raw.lb.as_ref().map_or(0.0, |lb| lower_of(lb[j])),
            upper: raw.ub.as_ref().map_or(f64::INFINITY, |ub| upper_of(ub[j])),
            integer: raw.int.as_ref().is_some_and(|int| match int[j] {
                Flag::Bool(b) => b,
                Flag::Number(k) => k != 0,
            }),
        });
    }
    for (k, row) in raw.rows.into_iter().enumerate() {
        if row.i.len() != row.v.len() {
            return Err(ModelError::OutOfRange {
                field: format!("the length of rows[{k}].v"),
                value: row.v.len().to_string(),
                bound: format!("{}, the length of rows[{k}].i", row.i.len()),
            });
        }
        model.rows.push(Row {
            name: row.n.unwrap_or_else(|| format!("r{k}")),
            terms: merged(row.i.into_iter().zip(row.v).collect()),
            lower: lower_of(row.lo),
            upper: upper_of(row.hi),
            role: Role::Rule,
            says: String::new(),
            unit: String::new(),
        });
    }
    model.validate()?;
    Ok(model)
}
