//! An event as the API shows it.

use async_graphql::{ID, SimpleObject};
use dyocense_eventlog::RecordedEvent;

use crate::graphql::connection::Named;
use crate::graphql::ids::Kind;
use crate::graphql::scalars::{DateTime, Json, Long, Position};

/// Something that happened, as it was written. It never changes; only what it says of an erased person is gone.
#[derive(SimpleObject, Debug, Clone)]
pub struct Event {
    /// The id of the event.
    pub id: ID,
    /// Its place in the history of the business; pass it as `after` to go on behind it.
    pub position: Position,
    /// The history of one thing that it belongs to, such as `goal-…`.
    pub stream: String,
    /// Its place in that stream, from 1.
    pub version: Long,
    /// What happened, such as `GoalCreated`.
    #[graphql(name = "type")]
    pub event_type: String,
    /// The version of the shape of `data`.
    pub schema_version: i32,
    /// Who did it: `user:…`, `api_key:…` or `system:…`.
    pub actor: String,
    /// When it was recorded.
    pub at: DateTime,
    /// The command it followed from, such as `CreateGoal`.
    pub command: String,
    /// Joins all that followed from one request: the request's id.
    pub correlation: String,
    /// The id of the event that it answers, if it answers one.
    pub causation: Option<String>,
    /// What it says. `{"$personal": …}` is about a person; `{"$erased": …}` was, until that person was erased.
    pub data: Option<Json>,
    /// Why it cannot be read, where it cannot.
    pub unreadable: Option<String>,
}

impl Named for Event {
    const NAME: &'static str = "Event";
}

impl From<&RecordedEvent> for Event {
    fn from(event: &RecordedEvent) -> Self {
        let parsed = event.data().map(serde_json::from_str);
        let (data, unreadable) = match parsed {
            Ok(Ok(data)) => (Some(Json(data)), None),
            Ok(Err(_)) => (None, Some("its data is not JSON".to_owned())),
            Err(reason) => (None, Some(reason.to_string())),
        };
        Self {
            id: Kind::Event.id(event.id),
            position: Position(event.position),
            stream: event.stream.as_str().to_owned(),
            version: Long(event.version),
            event_type: event.event_type.clone(),
            schema_version: event.schema_version,
            actor: event.metadata.actor.clone(),
            at: DateTime(event.metadata.at),
            command: event.metadata.command.clone(),
            correlation: event.metadata.correlation.to_string(),
            causation: event.metadata.causation.map(|id| id.to_string()),
            data,
            unreadable,
        }
    }
}
