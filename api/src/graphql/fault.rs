//! Faults: what goes wrong with a request, as opposed to what a business rule refuses (that is a `UserError`).
//!
//! A client branches on `extensions.code`. The list is closed, and a message never carries what the database or the
//! operating system said: that goes to the server's log.

use std::fmt;

use async_graphql::{ErrorExtensionValues, ServerError};

/// Every `extensions.code` there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The HTTP request or the message is not a GraphQL request.
    BadRequest,
    /// The document does not parse.
    Syntax,
    /// The document or its variables do not fit the schema.
    Invalid,
    /// The request is larger, deeper or costlier than this server answers.
    LimitExceeded,
    /// Log in (again) first.
    Unauthenticated,
    /// The role of the caller does not allow it.
    Forbidden,
    /// Too many attempts; wait a minute.
    RateLimited,
    /// Read models have not reached `minPosition` in time; ask again.
    Behind,
    /// The server cannot answer now; a retry (with the same idempotency key) is safe.
    Unavailable,
    /// A fault of the server's own. Its log has more under the request id.
    Internal,
}

impl Code {
    pub const ALL: [Code; 10] = [
        Code::BadRequest,
        Code::Syntax,
        Code::Invalid,
        Code::LimitExceeded,
        Code::Unauthenticated,
        Code::Forbidden,
        Code::RateLimited,
        Code::Behind,
        Code::Unavailable,
        Code::Internal,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Code::BadRequest => "BAD_REQUEST",
            Code::Syntax => "SYNTAX",
            Code::Invalid => "INVALID",
            Code::LimitExceeded => "LIMIT_EXCEEDED",
            Code::Unauthenticated => "UNAUTHENTICATED",
            Code::Forbidden => "FORBIDDEN",
            Code::RateLimited => "RATE_LIMITED",
            Code::Behind => "BEHIND",
            Code::Unavailable => "UNAVAILABLE",
            Code::Internal => "INTERNAL",
        }
    }

    /// The code an error carries, if it carries one of ours.
    pub fn of(error: &ServerError) -> Option<Code> {
        let Some(async_graphql::Value::String(text)) = error.extensions.as_ref()?.get("code") else { return None };
        Code::ALL.into_iter().find(|code| code.as_str() == text)
    }
}

/// A fault with the words a client is shown.
///
/// It has no `Display`, so that it keeps its code on the way into async-graphql (whose blanket conversion takes any
/// `Display` and keeps the words alone).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: Code,
    pub message: String,
}

impl Fault {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, "log in first, and send the access token as `Authorization: Bearer …`")
    }

    /// Writes `cause` to the log and keeps it from the client.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(%cause, "internal fault");
        Self::new(Code::Internal, "something went wrong on the server; its log has more under this request's id")
    }

    /// As [`Fault::internal`], where trying again may help.
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        tracing::warn!(%cause, "unavailable");
        Self::new(Code::Unavailable, "the server cannot answer right now; try again in a moment")
    }

    pub fn into_server_error(self) -> ServerError {
        let mut error = ServerError::new(self.message, None);
        error.extensions = Some(extensions(self.code));
        error
    }
}

impl From<Fault> for async_graphql::Error {
    fn from(fault: Fault) -> Self {
        async_graphql::Error { message: fault.message, source: None, extensions: Some(extensions(fault.code)) }
    }
}

fn extensions(code: Code) -> ErrorExtensionValues {
    let mut values = ErrorExtensionValues::default();
    values.set("code", code.as_str());
    values
}

/// Gives every error a code of the closed list. What arrives without one after execution began came from inside, and
/// its words stay inside.
pub fn close(error: &mut ServerError, before_execution: bool) {
    if Code::of(error).is_some() {
        return;
    }
    if before_execution || is_about_input(&error.message) {
        error.extensions = Some(extensions(Code::Invalid));
        return;
    }
    let hidden = Fault::internal(&error.message);
    error.message = hidden.message;
    error.source = None;
    error.extensions = Some(extensions(hidden.code));
}

/// Arguments are parsed when their field runs. What async-graphql says of one that does not parse is about the
/// client's own text; no resolver of ours speaks so, as all of theirs carry a code.
pub fn is_about_input(message: &str) -> bool {
    ["Failed to parse \"", "Expected input type \"", "Invalid value for argument \""]
        .iter()
        .any(|beginning| message.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_inside_is_hidden() {
        let mut error = ServerError::new("password authentication failed for user \"app\" at 10.0.0.7", None);
        close(&mut error, false);
        assert_eq!(Code::of(&error), Some(Code::Internal));
        assert!(!error.message.contains("10.0.0.7"));
    }

    #[test]
    fn a_fault_keeps_its_code_and_words() {
        let error: async_graphql::Error = Fault::new(Code::Behind, "not there yet").into();
        let mut error = error.into_server_error(async_graphql::Pos::default());
        close(&mut error, false);
        assert_eq!((Code::of(&error), error.message.as_str()), (Some(Code::Behind), "not there yet"));
    }
}
