//! Upcasters: stored events are never rewritten; old shapes are lifted when they are read.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

/// Lifts a payload by one schema version. The error says what was missing or odd.
pub type Upcast = fn(Value) -> Result<Value, String>;

/// The current schema version of each event type and the steps that lead to it.
///
/// Types that are not declared pass as they are. A declared type must have a step from every version from 1 to the one
/// before its current: [`EventLog::open`](crate::EventLog::open) refuses to start otherwise.
#[derive(Clone, Debug, Default)]
pub struct Upcasters {
    chains: HashMap<String, Chain>,
}

#[derive(Clone, Debug)]
struct Chain {
    current: i32,
    steps: BTreeMap<i32, Upcast>,
}

/// A chain that does not lead from version 1 to the current one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    #[error("{event_type} is at schema version {current}, but nothing lifts version {from} to the next")]
    Missing { event_type: String, from: i32, current: i32 },
    #[error("an upcaster lifts {event_type} from version {from}, but its current version is {current}")]
    Beyond { event_type: String, from: i32, current: i32 },
    #[error("an upcaster lifts {event_type} from version {from}, but its current version is not declared")]
    Undeclared { event_type: String, from: i32 },
}

/// A payload that could not be lifted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpcastError {
    #[error("{event_type} has schema version {stored}, newer than {current}, the newest this program knows")]
    FromTheFuture { event_type: String, stored: i32, current: i32 },
    #[error("{event_type} could not be lifted from schema version {from}: {reason}")]
    Refused { event_type: String, from: i32, reason: String },
}

impl Upcasters {
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares the schema version in which `event_type` is written today.
    pub fn current(mut self, event_type: impl Into<String>, version: i32) -> Self {
        self.chain(event_type.into()).current = version;
        self
    }

    /// Adds the step from version `from` to `from + 1`.
    pub fn step(mut self, event_type: impl Into<String>, from: i32, upcast: Upcast) -> Self {
        self.chain(event_type.into()).steps.insert(from, upcast);
        self
    }

    fn chain(&mut self, event_type: String) -> &mut Chain {
        self.chains.entry(event_type).or_insert(Chain { current: 0, steps: BTreeMap::new() })
    }

    /// Checks that every declared type can be lifted from version 1 to its current version.
    pub fn check(&self) -> Result<(), BrokenChain> {
        for (event_type, chain) in &self.chains {
            let event_type = || event_type.clone();
            let current = chain.current;
            if let Some(from) = chain.steps.keys().copied().find(|&from| from >= current || from < 1) {
                return Err(if current == 0 {
                    BrokenChain::Undeclared { event_type: event_type(), from }
                } else {
                    BrokenChain::Beyond { event_type: event_type(), from, current }
                });
            }
            if let Some(from) = (1..current).find(|from| !chain.steps.contains_key(from)) {
                return Err(BrokenChain::Missing { event_type: event_type(), from, current });
            }
        }
        Ok(())
    }

    /// The version that a payload stored at `stored` is lifted to.
    pub(crate) fn target(&self, event_type: &str, stored: i32) -> Result<i32, UpcastError> {
        match self.chains.get(event_type) {
            None => Ok(stored),
            Some(chain) if stored > chain.current => {
                Err(UpcastError::FromTheFuture { event_type: event_type.to_owned(), stored, current: chain.current })
            }
            Some(chain) => Ok(chain.current),
        }
    }

    pub(crate) fn lift(&self, event_type: &str, stored: i32, data: Value) -> Result<Value, UpcastError> {
        let target = self.target(event_type, stored)?;
        let mut data = data;
        for from in stored..target {
            let step = self.chains[event_type].steps.get(&from);
            let lifted = match step {
                Some(upcast) => upcast(data),
                None => Err("there is no such version".to_owned()),
            };
            data = lifted.map_err(|reason| UpcastError::Refused { event_type: event_type.to_owned(), from, reason })?;
        }
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn add_unit(mut data: Value) -> Result<Value, String> {
        data["unit"] = json!("USD");
        Ok(data)
    }

    fn refuse(_: Value) -> Result<Value, String> {
        Err("no title".into())
    }

    #[test]
    fn a_chain_lifts_step_by_step() {
        let upcasters =
            Upcasters::new().current("A", 3).step("A", 1, add_unit).step("A", 2, |data| Ok(json!({"inner": data})));
        assert_eq!(upcasters.check(), Ok(()));
        assert_eq!(upcasters.lift("A", 1, json!({})), Ok(json!({"inner": {"unit": "USD"}})));
        assert_eq!(upcasters.lift("A", 3, json!(1)), Ok(json!(1)));
        assert_eq!(upcasters.lift("B", 7, json!(1)), Ok(json!(1)));
    }

    #[test]
    fn broken_chains_are_found_before_the_first_read() {
        let missing = Upcasters::new().current("A", 3).step("A", 2, add_unit);
        assert!(matches!(missing.check(), Err(BrokenChain::Missing { from: 1, current: 3, .. })));
        let beyond = Upcasters::new().current("A", 2).step("A", 1, add_unit).step("A", 2, add_unit);
        assert!(matches!(beyond.check(), Err(BrokenChain::Beyond { from: 2, current: 2, .. })));
        let undeclared = Upcasters::new().step("A", 1, add_unit);
        assert!(matches!(undeclared.check(), Err(BrokenChain::Undeclared { from: 1, .. })));
    }

    #[test]
    fn what_cannot_be_lifted_says_why() {
        let upcasters = Upcasters::new().current("A", 2).step("A", 1, refuse);
        let refused = upcasters.lift("A", 1, json!({})).expect_err("refused");
        assert!(refused.to_string().contains("no title"));
        assert!(matches!(upcasters.target("A", 3), Err(UpcastError::FromTheFuture { .. })));
    }
}
