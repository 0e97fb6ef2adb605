//! Personal data inside events.
//!
//! The event log seals each `$personal` value under a key of its data subject before it is stored. When the
//! subject is erased the key is destroyed, and the value reads back as [`Personal::Erased`] for ever.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::UserId;

/// A value about a person, or the trace that there was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Personal<T> {
    Known { subject: String, value: T },
    Erased { subject: String },
}

impl<T> Personal<T> {
    /// A value about, or written by, a user of the business.
    pub fn of(user: UserId, value: T) -> Self {
        Self::Known { subject: user.stream(), value }
    }

    /// A value about someone who is not a user (yet), such as an invited person.
    pub fn of_subject(subject: impl Into<String>, value: T) -> Self {
        Self::Known { subject: subject.into(), value }
    }

    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Erased { .. } => None,
        }
    }

    /// Forgets the value if it is about `subject`.
    pub fn erase(&mut self, subject: &str) {
        if let Self::Known { subject: about, .. } = self
            && about == subject
        {
            *self = Self::Erased { subject: subject.to_owned() };
        }
    }

    pub fn into_value(self) -> Option<T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Erased { .. } => None,
        }
    }
}

#[derive(Serialize, Deserialize)]
enum Wire<T> {
    #[serde(rename = "$personal")]
    Personal { subject: String, value: T },
    #[serde(rename = "$erased")]
    Erased { subject: String },
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known { subject, value } => Wire::Personal { subject: subject.clone(), value }.serialize(serializer),
            Self::Erased { subject } => Wire::<&T>::Erased { subject: subject.clone() }.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Wire::deserialize(deserializer)? {
            Wire::Personal { subject, value } => Self::Known { subject, value },
            Wire::Erased { subject } => Self::Erased { subject },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_the_way_the_log_seals_it() {
        let name = Personal::of_subject("user-1", "Ada".to_owned());
        let json = serde_json::to_value(&name).unwrap();
        assert_eq!(json, serde_json::json!({"$personal": {"subject": "user-1", "value": "Ada"}}));
        assert_eq!(serde_json::from_value::<Personal<String>>(json).unwrap(), name);
    }

    #[test]
    fn an_erased_value_reads_back_without_it() {
        let json = serde_json::json!({"$erased": {"subject": "user-1"}});
        let erased: Personal<String> = serde_json::from_value(json).unwrap();
        assert_eq!(erased.value(), None);
    }
}
