use std::time::Duration;

use dyocense_domain::Personal;
use dyocense_domain::ids::{ConstraintId, UserId};
use dyocense_domain::optimization::{
    self, Constraint, ConstraintEvent, ConstraintRefusal, ConstraintSaved, PlanFamily,
};
use dyocense_domain::runs::RunKind;
use dyocense_domain::text;
use serde_json::Value;
use uuid::Uuid;

use super::family::{name, rule};
use super::plan::{stand_in, unfit as in_words};
use crate::caller::Caller;
use crate::error::CommandError;
use crate::execute::{Commands, Outcome};

pub(super) const READ_MODELS_WAIT: Duration = Duration::from_secs(10);
/// Constraints of one business.
const MOST: usize = 200;
const LONGEST_SENTENCE: usize = 500;

/// A constraint to keep.
#[derive(Debug, Clone)]
pub struct SaveConstraint {
    /// The one to change; a new one where None.
    pub constraint_id: Option<ConstraintId>,
    pub family: PlanFamily,
    /// In the words of whoever sets it.
    pub says: String,
    /// What it means: one of the engine's rules of the family, as `{"kind": "spend", …}`.
    pub limit: Value,
    /// A problem that it is to fit: names in it must be there. The newest that was asked of the family where None.
    pub problem: Option<Value>,
}

fn kind(family: PlanFamily) -> RunKind {
    match family {
        PlanFamily::Inventory => RunKind::Inventory,
        PlanFamily::Staffing => RunKind::Staffing,
        PlanFamily::Roster => RunKind::Roster,
        PlanFamily::Budget => RunKind::Budget,
    }
}

/// No limit of any family is below zero.
fn below_zero(limit: &Value) -> Option<f64> {
    match limit {
        Value::Number(number) => number.as_f64().filter(|number| *number < 0.0),
        Value::Array(parts) => parts.iter().find_map(below_zero),
        Value::Object(parts) => parts.values().find_map(below_zero),
        _ => None,
    }
}

impl Commands {
    /// Keeps a constraint: every later plan of its family keeps it, or says that it cannot.
    pub async fn save_constraint(
        &self,
        caller: &Caller,
        input: SaveConstraint,
    ) -> Result<(ConstraintId, Outcome<ConstraintEvent>), CommandError<ConstraintRefusal>> {
        let refused = CommandError::Refused;
        let by: UserId = caller.actor.user_id().ok_or(refused(ConstraintRefusal::NotAPerson))?;
        let says = text::line("says", &input.says, LONGEST_SENTENCE).map_err(|error| refused(error.into()))?;
        let id = input.constraint_id.unwrap_or_else(|| ConstraintId::from(Uuid::now_v7()));
        let unfit = |reason: String| refused(ConstraintRefusal::Limit { reason });
        let rule = rule(&id.to_string(), &says, input.family, &input.limit)
            .map_err(|error| unfit(format!("the limit is none of a {} plan: {error}", name(input.family))))?;
        if let Some(number) = below_zero(&input.limit) {
            return Err(unfit(format!("the limit has {number}: a number of at least 0 is due")));
        }
        let head = self.log.head(caller.tenant).await?;
        self.reads.wait_for(caller.tenant, head, READ_MODELS_WAIT).await?;
        match &input.problem {
            Some(problem) => {
                let problem = stand_in(input.family, problem).map_err(unfit)?;
                rule.validate(&problem).map_err(|error| unfit(in_words(&error, std::slice::from_ref(&rule))))?;
            }
            None => {
                let newest = self.reads.newest_request(caller.tenant, kind(input.family)).await?;
                // A problem that an older version took is no measure.
                let problem = newest.and_then(|asked| stand_in(input.family, &asked["problem"]).ok());
                let fits = problem.map_or(Ok(()), |problem| rule.validate(&problem));
                fits.map_err(|error| {
                    let words = in_words(&error, std::slice::from_ref(&rule));
                    unfit(format!("{words}; give the problem it is for, if that is another"))
                })?;
            }
        }
        let kept = self.reads.constraints(caller.tenant, None).await?;
        let is_new = !kept.iter().any(|known| known.constraint_id == id);
        if is_new && kept.len() >= MOST {
            return Err(refused(ConstraintRefusal::TooMany { kept: kept.len(), bound: MOST }));
        }
        if is_new && input.constraint_id.is_some() {
            return Err(refused(ConstraintRefusal::NotFound));
        }
        let saved = ConstraintSaved {
            constraint_id: id,
            family: input.family,
            says: Personal::of(by, says),
            limit: input.limit,
            saved_by: by,
        };
        let outcome = self
            .execute::<Constraint, ConstraintRefusal>(caller, id.stream(), "SaveConstraint", |constraint| {
                optimization::save(constraint, saved.clone())
            })
            .await?;
        let id = outcome.events.iter().find_map(|event| match event {
            ConstraintEvent::ConstraintSaved(saved) => Some(saved.constraint_id),
            ConstraintEvent::ConstraintRemoved(_) => None,
        });
        Ok((id.unwrap_or(saved.constraint_id), outcome))
    }

    /// Later plans need not keep it.
    pub async fn remove_constraint(
        &self,
        caller: &Caller,
        id: ConstraintId,
    ) -> Result<Outcome<ConstraintEvent>, CommandError<ConstraintRefusal>> {
        let by = caller.actor.user_id().ok_or(CommandError::Refused(ConstraintRefusal::NotAPerson))?;
        self.execute::<Constraint, ConstraintRefusal>(caller, id.stream(), "RemoveConstraint", |constraint| {
            optimization::remove(constraint, by)
        })
        .await
    }
}
