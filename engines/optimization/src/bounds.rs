//! What a number of a problem may be: refused with its field, its value and its bound.

use crate::model::ModelError;

pub(crate) fn refuse<T>(
    field: impl Into<String>,
    value: impl ToString,
    bound: impl Into<String>,
) -> Result<T, ModelError> {
    Err(ModelError::OutOfRange { field: field.into(), value: value.to_string(), bound: bound.into() })
}

/// A cost or an amount: finite, at least 0, below 1e9.
pub(crate) fn amount(field: impl Into<String>, value: f64) -> Result<(), ModelError> {
    if value.is_finite() && (0.0..1e9).contains(&value) {
        Ok(())
    } else {
        refuse(field, value, "a number from 0 to below 1e9")
    }
}

pub(crate) fn length(field: impl Into<String>, len: usize, wanted: usize, of: &str) -> Result<(), ModelError> {
    if len == wanted {
        Ok(())
    } else {
        refuse(format!("the length of {}", field.into()), len, format!("{wanted}, {of}"))
    }
}

pub(crate) fn count(field: impl Into<String>, value: usize, least: usize, most: usize) -> Result<(), ModelError> {
    if (least..=most).contains(&value) { Ok(()) } else { refuse(field, value, format!("from {least} to {most}")) }
}
