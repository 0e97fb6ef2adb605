//! The history as it happens.

use async_graphql::{Context, Subscription};
use async_stream::try_stream;
use dyocense_domain::identity::Role;
use dyocense_eventlog::RecordedEvent;
use futures::{Stream, StreamExt, pin_mut};

use super::Event;
use crate::graphql::fault::Fault;
use crate::graphql::live::{Cursor, count_item};
use crate::graphql::request::{behind, commands, log_fault, visitor};
use crate::graphql::scalars::Position;

#[derive(Default)]
pub struct AuditSubscription;

#[Subscription]
impl AuditSubscription {
    /// Every event of the business, in order, none left out and none twice: resume with `after` the last position seen.
    /// Members are shown what happens to data and goals; what people do is for owners, admins and auditors.
    async fn tenant_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Begin behind this position, which the history has reached; with the next event where it is left out."
        )]
        after: Option<Position>,
        #[graphql(desc = "Only these types of events (at most 50).", validator(max_items = 50))] types: Option<
            Vec<String>,
        >,
    ) -> Result<impl Stream<Item = Result<Event, Fault>> + use<>, Fault> {
        let tenant = visitor(ctx).tenant()?;
        let about_people_too = !matches!(visitor(ctx).role(), Some(Role::Member) | None);
        let log = commands(ctx).log().clone();
        let cursor = Cursor::of(ctx);
        let after = match after {
            Some(Position(position)) => behind(&log, tenant, position).await?,
            None => log.head(tenant).await.map_err(log_fault)?,
        };
        Ok(try_stream! {
            let events = log.tail(tenant, after);
            pin_mut!(events);
            while let Some(event) = events.next().await {
                let event = event.map_err(log_fault)?;
                let wanted = types.as_ref().is_none_or(|types| types.contains(&event.event_type));
                if wanted && (about_people_too || !is_about_people(&event)) {
                    cursor.set(event.position);
                    count_item("tenantEvents", &event);
                    yield Event::from(&*event);
                }
            }
        })
    }
}

fn is_about_people(event: &RecordedEvent) -> bool {
    matches!(event.stream.category(), "business" | "session")
}
