//! How an answer is written: errors first, and `data` only where execution began.

use async_graphql::{Response, ServerError};
use serde::Serialize;
use serde::ser::SerializeMap;

use super::gateway::is_request_error;

/// The JSON of a response.
pub struct Answer<'a>(pub &'a Response);

impl Answer<'_> {
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an answer has string keys and finite numbers")
    }
}

impl Serialize for Answer<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.0.errors.is_empty() {
            map.serialize_entry("errors", &self.0.errors)?;
        }
        if !is_request_error(self.0) {
            map.serialize_entry("data", &self.0.data)?;
        }
        if !self.0.extensions.is_empty() {
            map.serialize_entry("extensions", &self.0.extensions)?;
        }
        map.end()
    }
}

/// The JSON of an answer that is errors alone.
pub fn refusal(errors: &[ServerError]) -> String {
    serde_json::json!({ "errors": errors }).to_string()
}
