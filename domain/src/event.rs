//! What every context's events have in common: a type name, a schema version, and their JSON.

use serde_json::Value;

/// The name and the current schema version of one type of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventType {
    pub name: &'static str,
    pub schema_version: i32,
}

#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("event type `{0}` does not belong to this context")]
    ForeignType(String),
    #[error("event of type `{event_type}` does not have the shape of its schema: {source}")]
    Shape { event_type: String, source: serde_json::Error },
}

/// The events of one context, as the log stores them.
pub trait DomainEvent: Sized + Send + 'static {
    /// Every type of event of the context, in no order.
    const TYPES: &'static [EventType];

    fn event_type(&self) -> EventType;
    fn to_json(&self) -> Value;
    /// Reads `json` in the shape of the type's current schema version.
    fn from_json(event_type: &str, json: &str) -> Result<Self, DecodeError>;

    fn belongs(event_type: &str) -> bool {
        Self::TYPES.iter().any(|known| known.name == event_type)
    }
}

/// State that is folded from the events of one stream.
pub trait Aggregate: Default + Send + 'static {
    type Event: DomainEvent;

    fn evolve(self, event: &Self::Event) -> Self;
}

/// Declares a context's events: an enum whose variants are named like their payload structs.
///
/// `events! { pub enum GoalEvent { GoalCreated = 1, GoalPaused = 1 } }`: the number is the schema version.
#[macro_export]
macro_rules! events {
    ($(#[$doc:meta])* pub enum $name:ident { $($variant:ident = $version:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name { $($variant($variant)),* }

        impl $crate::event::DomainEvent for $name {
            const TYPES: &'static [$crate::event::EventType] = &[
                $($crate::event::EventType { name: stringify!($variant), schema_version: $version }),*
            ];

            fn event_type(&self) -> $crate::event::EventType {
                match self {
                    $(Self::$variant(_) => $crate::event::EventType {
                        name: stringify!($variant),
                        schema_version: $version,
                    }),*
                }
            }

            fn to_json(&self) -> serde_json::Value {
                match self {
                    $(Self::$variant(payload) => {
                        serde_json::to_value(payload).expect("payloads have string keys and finite numbers")
                    }),*
                }
            }

            fn from_json(event_type: &str, json: &str) -> Result<Self, $crate::event::DecodeError> {
                match event_type {
                    $(stringify!($variant) => serde_json::from_str(json).map(Self::$variant).map_err(|source| {
                        $crate::event::DecodeError::Shape { event_type: event_type.to_owned(), source }
                    }),)*
                    other => Err($crate::event::DecodeError::ForeignType(other.to_owned())),
                }
            }
        }

        $(impl From<$variant> for $name {
            fn from(payload: $variant) -> Self {
                Self::$variant(payload)
            }
        })*
    };
}
