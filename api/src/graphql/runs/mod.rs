//! Runs of the engines in the background: what was asked, how far it is, what was answered.

pub mod asking;
pub mod load;
mod mutations;
mod queries;
mod run;
mod subscription;

pub use mutations::RunsMutation;
pub use queries::RunsQuery;
pub use run::Run;
pub use subscription::RunsSubscription;
