//! What cannot be judged in the data at hand.

use serde::{Deserialize, Serialize};

/// A factor that cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotTestable {
    pub name: String,
    pub reason: String,
}
