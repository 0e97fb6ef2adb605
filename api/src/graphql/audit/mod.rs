//! The history of a business as it was written: for audits, and live.

mod queries;
mod subscription;
mod types;

pub use queries::AuditQuery;
pub use subscription::AuditSubscription;
pub use types::Event;
