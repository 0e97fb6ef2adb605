//! The messages and close codes of the `graphql-transport-ws` protocol.

use serde::Deserialize;

use crate::graphql::gateway::Params;

pub const SUBPROTOCOL: &str = "graphql-transport-ws";

/// What a client sends.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    ConnectionInit {
        #[serde(default)]
        payload: Option<serde_json::Map<String, serde_json::Value>>,
    },
    Ping {
        #[serde(default)]
        payload: Option<serde_json::Value>,
    },
    Pong {
        #[serde(default)]
        #[allow(dead_code)] // Accepted as the protocol says; nothing is done with it.
        payload: Option<serde_json::Value>,
    },
    Subscribe {
        id: String,
        payload: Params,
    },
    Complete {
        id: String,
    },
}

/// The bearer token in a `connection_init` payload: `{"authorization": "Bearer <token>"}`.
pub fn token_of(payload: &serde_json::Map<String, serde_json::Value>) -> Option<&str> {
    let entry = payload.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    entry.1.as_str()
}

pub fn connection_ack() -> String {
    r#"{"type":"connection_ack"}"#.to_owned()
}

pub fn pong(payload: Option<&serde_json::Value>) -> String {
    match payload {
        Some(payload) => format!(r#"{{"type":"pong","payload":{payload}}}"#),
        None => r#"{"type":"pong"}"#.to_owned(),
    }
}

/// `answer` is JSON already.
pub fn next(id: &str, answer: &str) -> String {
    format!(r#"{{"id":{},"type":"next","payload":{answer}}}"#, quoted(id))
}

pub fn error(id: &str, errors: &[async_graphql::ServerError]) -> String {
    let errors = serde_json::to_string(errors).expect("errors have string keys");
    format!(r#"{{"id":{},"type":"error","payload":{errors}}}"#, quoted(id))
}

pub fn complete(id: &str) -> String {
    format!(r#"{{"id":{},"type":"complete"}}"#, quoted(id))
}

fn quoted(id: &str) -> String {
    serde_json::Value::from(id).to_string()
}

/// Why the server closes a socket: a code of the protocol or of RFC 6455, and words for whoever debugs a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    pub code: u16,
    pub reason: String,
}

impl Closing {
    fn new(code: u16, reason: impl Into<String>) -> Closing {
        let mut reason = reason.into();
        // RFC 6455 section 5.5: a control frame holds 125 bytes, two of them the code.
        if reason.len() > 123 {
            let end = (0..=123).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or(0);
            reason.truncate(end);
        }
        Closing { code, reason }
    }

    pub fn bad_request(what: &str) -> Closing {
        Closing::new(4400, what)
    }

    pub fn unauthorized() -> Closing {
        Closing::new(4401, "Unauthorized")
    }

    pub fn forbidden(why: &str) -> Closing {
        Closing::new(4403, format!("Forbidden: {why}"))
    }

    pub fn subprotocol_not_acceptable() -> Closing {
        Closing::new(4406, "Subprotocol not acceptable: use graphql-transport-ws")
    }

    pub fn init_timeout() -> Closing {
        Closing::new(4408, "Connection initialisation timeout")
    }

    pub fn subscriber_exists(id: &str) -> Closing {
        Closing::new(4409, format!("Subscriber for {id} already exists"))
    }

    pub fn too_many_inits() -> Closing {
        Closing::new(4429, "Too many initialisation requests")
    }

    pub fn going_away() -> Closing {
        Closing::new(1001, "the server restarts; connect again")
    }

    pub fn too_big(limit: usize) -> Closing {
        Closing::new(1009, format!("a message may have {limit} bytes"))
    }

    /// "Try again later" (RFC 6455's registry): clients that follow the protocol connect again.
    pub fn slow_consumer(after: Option<i64>) -> Closing {
        match after {
            Some(position) => Closing::new(1013, format!("slow consumer: resume after position {position}")),
            None => Closing::new(1013, "slow consumer: connect again"),
        }
    }

    pub fn silent() -> Closing {
        Closing::new(1001, "no answer to pings")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_the_protocol_says() {
        let good = [
            r#"{"type":"connection_init"}"#,
            r#"{"type":"connection_init","payload":{"authorization":"Bearer x"}}"#,
            r#"{"type":"connection_init","payload":null}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"pong","payload":{"a":1}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":null,"extensions":{}}}"#,
            r#"{"id":"1","type":"complete"}"#,
        ];
        for text in good {
            serde_json::from_str::<ClientMessage>(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
        let bad = [
            "",
            "[]",
            "nonsense",
            r#"{"type":"start","id":"1"}"#,
            r#"{"type":"subscribe","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#,
            r#"{"type":"connection_init","payload":5}"#,
        ];
        for text in bad {
            assert!(serde_json::from_str::<ClientMessage>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_id_is_quoted_and_a_reason_fits_its_frame() {
        assert_eq!(complete("a\"b"), r#"{"id":"a\"b","type":"complete"}"#);
        assert!(Closing::subscriber_exists(&"ä".repeat(200)).reason.len() <= 123);
    }
}
