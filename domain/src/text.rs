//! Short texts that people type, checked once where they enter.

/// Why a text was refused. `field` is the name the caller knows it by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("{field} is empty")]
    Empty { field: &'static str },
    #[error("{field} has {length} characters; at most {most} are allowed")]
    TooLong { field: &'static str, length: usize, most: usize },
    #[error("{field} contains a control character (U+{code:04X})")]
    Control { field: &'static str, code: u32 },
    #[error("`{value}` is not an e-mail address")]
    NotAnEmail { value: String },
    #[error("`{value}` is not a currency; use an ISO 4217 code such as USD")]
    NotACurrency { value: String },
}

/// One line: trimmed, 1 to `most` characters, no control characters.
pub fn line(field: &'static str, text: &str, most: usize) -> Result<String, TextError> {
    let text = optional_line(field, text, most)?;
    if text.is_empty() { Err(TextError::Empty { field }) } else { Ok(text) }
}

/// As [`line`], but may be empty.
pub fn optional_line(field: &'static str, text: &str, most: usize) -> Result<String, TextError> {
    paragraph(field, text, most).and_then(|text| match text.chars().find(|c| c.is_control()) {
        Some(control) => Err(TextError::Control { field, code: control as u32 }),
        None => Ok(text),
    })
}

/// Several lines: trimmed, at most `most` characters, no control characters but line breaks and tabs.
pub fn paragraph(field: &'static str, text: &str, most: usize) -> Result<String, TextError> {
    let text = text.trim();
    if let Some(control) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(TextError::Control { field, code: control as u32 });
    }
    let length = text.chars().count();
    if length > most { Err(TextError::TooLong { field, length, most }) } else { Ok(text.to_owned()) }
}

/// An address of the form `local@domain.tld`, lower-cased: enough to catch slips; delivery proves the rest.
pub fn email(text: &str) -> Result<String, TextError> {
    let text = optional_line("email", text, 254)?.to_lowercase();
    let refused = || TextError::NotAnEmail { value: text.clone() };
    let (local, domain) = text.split_once('@').ok_or_else(refused)?;
    let domain_ok = domain.contains('.')
        && domain.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '-'));
    if local.is_empty() || !domain_ok || text.chars().any(char::is_whitespace) {
        return Err(refused());
    }
    Ok(text)
}

/// A code of ISO 4217 that is in use, upper-cased.
pub fn currency(text: &str) -> Result<String, TextError> {
    let code = text.trim().to_ascii_uppercase();
    match iso_currency::Currency::from_code(&code) {
        Some(_) => Ok(code),
        None => Err(TextError::NotACurrency { value: text.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_checked_for_form_and_lower_cased() {
        assert_eq!(email(" Ada@Example.COM ").unwrap(), "ada@example.com");
        for bad in ["", "ada", "ada@", "@example.com", "ada@example", "a da@example.com", "ada@exa..mple.com"] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_line_has_no_line_break() {
        assert_eq!(line("title", "a\nb", 10), Err(TextError::Control { field: "title", code: 10 }));
        assert_eq!(line("title", "  ", 10), Err(TextError::Empty { field: "title" }));
        assert!(matches!(line("title", "abc", 2), Err(TextError::TooLong { length: 3, most: 2, .. })));
    }

    #[test]
    fn a_currency_is_one_that_is_in_use() {
        assert_eq!(currency(" eur ").unwrap(), "EUR");
        for bad in ["", "EURO", "XQX", "E R", "12"] {
            assert!(currency(bad).is_err(), "{bad}");
        }
    }
}
