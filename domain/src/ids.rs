//! Typed identifiers: one type per aggregate, so that a goal's id cannot be passed where a metric's is due.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident => $stream:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The name of the stream that holds this aggregate's events.
            pub fn stream(&self) -> String {
                format!(concat!($stream, "-{}"), self.0)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

typed_ids! {
    /// A person with access to a business. Also the data subject of what that person wrote.
    UserId => "user";
    /// One login and its chain of refresh tokens (a token family).
    SessionId => "session";
    ApiKeyId => "api_key";
    InvitationId => "invitation";
    /// Names one password as set at one time; the hash itself is not in the log.
    CredentialId => "credential";
    MetricId => "metric";
    GoalId => "goal";
    MilestoneId => "milestone";
    ImportId => "import";
    /// A file as it was uploaded, before anything was read from it.
    UploadId => "upload";
    /// One run of an engine.
    RunId => "run";
    ConstraintId => "constraint";
    /// Days on which something known happened.
    OccasionId => "occasion";
    /// What is known of the causes among some metrics.
    CausalModelId => "causal_model";
}

/// The stream of the business itself: its profile, people, invitations and API keys.
pub const BUSINESS_STREAM: &str = "business";
