//! The bytes of an event: its canonical JSON and its leaf hash.

use jiff::{Timestamp, TimestampRound, Unit};
use sha2::{Digest, Sha256};

use crate::{
    Metadata, NewEvent, StreamId, TenantId,
    canonical::{self, InexactNumber},
};

/// Postgres keeps microseconds; the body must say the same instant as the column.
pub(crate) fn to_microseconds(at: Timestamp) -> Timestamp {
    at.round(TimestampRound::new().smallest(Unit::Microsecond).mode(jiff::RoundMode::Trunc)).unwrap_or(at)
}

/// The whole event as one canonical object. Position and version are not in it: they are known only under the lock of
/// the tenant's head, and the order is proved by the leaf's index.
pub(crate) fn write(
    tenant: TenantId,
    stream: &StreamId,
    event: &NewEvent,
    metadata: &Metadata,
) -> Result<String, InexactNumber> {
    use std::fmt::Write;
    let mut out = String::with_capacity(512);
    out.push_str("{\"actor\":");
    canonical::write_string(&metadata.actor, &mut out);
    let infallible = "writing to a String cannot fail";
    write!(out, ",\"at\":\"{}\"", metadata.at).expect(infallible);
    if let Some(causation) = metadata.causation {
        write!(out, ",\"causation\":\"{}\"", causation.hyphenated()).expect(infallible);
    }
    out.push_str(",\"command\":");
    canonical::write_string(&metadata.command, &mut out);
    write!(out, ",\"correlation\":\"{}\",\"data\":", metadata.correlation.hyphenated()).expect(infallible);
    canonical::write(&event.data, &mut out)?;
    write!(out, ",\"id\":\"{}\",\"schema\":{},\"stream\":", event.id.hyphenated(), event.schema_version)
        .expect(infallible);
    canonical::write_string(stream.as_str(), &mut out);
    write!(out, ",\"tenant\":\"{tenant}\",\"type\":").expect(infallible);
    canonical::write_string(&event.event_type, &mut out);
    out.push('}');
    Ok(out)
}

/// The leaf hash of RFC 9162, section 2.1.1: SHA-256 of a zero byte followed by the entry.
pub fn leaf_hash(body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(body);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use uuid::Uuid;

    #[test]
    fn the_body_is_canonical_json() {
        let event = NewEvent::new("GoalCreated", 2, json!({"title": "é\n", "target": 1.50}));
        let metadata = Metadata {
            actor: "user:\"quoted\"".into(),
            at: to_microseconds("2026-01-02T03:04:05.123456789Z".parse().expect("time")),
            correlation: Uuid::now_v7(),
            causation: Some(Uuid::now_v7()),
            command: "CreateGoal".into(),
        };
        let stream = StreamId::new("goal-1").expect("stream");
        let body = write(TenantId::new(), &stream, &event, &metadata).expect("body");
        let value: Value = serde_json::from_str(&body).expect("json");
        assert_eq!(serde_json_canonicalizer::to_string(&value).expect("canonical"), body);
        assert_eq!(value["at"], "2026-01-02T03:04:05.123456Z");
    }

    #[test]
    fn the_leaf_hash_is_that_of_rfc_9162() {
        // The leaf hash of the empty entry, as published for Certificate Transparency logs.
        let empty = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(hex::encode(leaf_hash(b"")), empty);
    }
}
