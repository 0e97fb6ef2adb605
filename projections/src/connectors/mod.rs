//! Imports and how far they are.

mod projector;
mod queries;

pub use projector::ConnectorsProjector;
pub use queries::*;
