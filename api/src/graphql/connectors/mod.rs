//! Where data comes from: files, and what was read from them.

mod import;
pub mod load;
mod mutations;
mod queries;
mod types;

pub use import::Import;
pub use mutations::ConnectorsMutation;
pub use queries::ConnectorsQuery;
