use dyocense_domain::ids::{ConstraintId, UserId};
use dyocense_domain::optimization::PlanFamily;
use jiff::Timestamp;
use serde_json::Value;

use crate::column::{BadValue, Column, Document, names};
use crate::row::rows;
use crate::{QueryError, Snapshot, find};

names!(PlanFamily);

rows! {
    pub struct Constraint in constraints {
        [constraint_id: ConstraintId],
        family: PlanFamily,
        says: Option<String>,
        means: Document<Value>,
        saved_by: UserId,
        saved_at: Timestamp,
        /// Of its last event.
        position: i64,
    }
}

/// The constraints that are kept, of one family or of all, the older first. There are few: a business may keep a
/// bounded number.
pub async fn constraints(snapshot: &mut Snapshot, family: Option<PlanFamily>) -> Result<Vec<Constraint>, QueryError> {
    let rest = "where tenant_id = $1 and ($2::text is null or family = $2) order by constraint_id";
    find::all(snapshot, rest, |query| query.bind(family.to_wire())).await
}

pub async fn constraint(snapshot: &mut Snapshot, id: ConstraintId) -> Result<Option<Constraint>, QueryError> {
    find::one(snapshot, "where tenant_id = $1 and constraint_id = $2", |query| query.bind(id.to_wire())).await
}
