//! The audit feed: the log itself, oldest first.

use async_graphql::{Context, InputObject, Object};
use dyocense_eventlog::{Direction, Filter, Position as LogPosition};
use dyocense_projections::{Page, Take};

use super::Event;
use crate::graphql::connection::{Connection, Paging};
use crate::graphql::fault::{Code, Fault};
use crate::graphql::request::{commands, log_fault, visitor};
use crate::graphql::scalars::DateTime;

/// Which events to show. What is left out shows all.
#[derive(InputObject, Default)]
pub struct EventFilter {
    /// Any of these types, such as `GoalCreated` (at most 50).
    #[graphql(validator(max_items = 50))]
    types: Option<Vec<String>>,
    /// Done by this actor, as events show it: `user:…`, `api_key:…`, `system:…`.
    actor: Option<String>,
    /// Of this stream, or of all streams whose names begin so: `goal-` for all goals.
    stream: Option<String>,
    /// Recorded at this instant or later.
    from: Option<DateTime>,
    /// Recorded before this instant.
    to: Option<DateTime>,
}

impl From<EventFilter> for Filter {
    fn from(filter: EventFilter) -> Self {
        Filter {
            event_types: filter.types.unwrap_or_default(),
            stream_prefix: filter.stream,
            actor: filter.actor,
            since: filter.from.map(|at| at.0),
            until: filter.to.map(|at| at.0),
        }
    }
}

#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// What happened in the business, the oldest first. Nothing is left out and nothing was changed since.
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The size of the page, from its start (1 to 500).")] first: Option<i32>,
        #[graphql(desc = "Only events after this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page, from its end (1 to 500).")] last: Option<i32>,
        #[graphql(desc = "Only events before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which events to show.", default)] filter: EventFilter,
    ) -> Result<Connection<Event>, Fault> {
        let tenant = visitor(ctx).tenant()?;
        let position = |text: &str| text.parse().ok().and_then(LogPosition::new);
        let keys = Paging { first, after, last, before }.keyset(position)?;
        if keys.after.is_some() && keys.before.is_some() {
            return Err(Fault::new(Code::Invalid, "`after` goes with `first`, and `before` with `last`"));
        }
        let (count, beyond, direction) = match keys.take {
            Take::First(count) => (count, keys.after.unwrap_or(LogPosition::START), Direction::Forward),
            Take::Last(count) => (count, keys.before.unwrap_or(LogPosition::END), Direction::Backward),
        };
        let log = commands(ctx).log();
        let limit = count as usize + 1;
        let mut events = log.search(tenant, &filter.into(), beyond, limit, direction).await.map_err(log_fault)?;
        let more = events.len() == limit;
        events.truncate(count as usize);
        let (has_next, has_previous) = match keys.take {
            Take::First(_) => (more, keys.after.is_some()),
            Take::Last(_) => {
                events.reverse();
                (keys.before.is_some(), more)
            }
        };
        let page = Page { items: events, has_next, has_previous };
        Ok(Connection::of(page, |event| event.position.get().to_string(), |event| (&event).into()))
    }
}
