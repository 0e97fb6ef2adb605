//! A goal's progress as it happens.

use async_graphql::{Context, ID, SimpleObject, Subscription};
use async_stream::try_stream;
use dyocense_domain::ids::GoalId;
use dyocense_projections::goals;
use futures::{FutureExt, Stream, StreamExt, pin_mut};

use super::Goal;
use crate::graphql::fault::{Code, Fault};
use crate::graphql::ids::{self, Kind};
use crate::graphql::live::{Cursor, count_item};
use crate::graphql::request::{behind, log_fault, query_fault, services, visitor};
use crate::graphql::scalars::Position;

/// How long the read models may take to show what the log has.
const REACH: std::time::Duration = std::time::Duration::from_secs(30);

/// A goal as it stands.
#[derive(SimpleObject)]
pub struct GoalProgress {
    /// How far in the history of the business this is; pass it as `after` to go on behind it.
    position: Position,
    /// The goal.
    goal: Goal,
}

#[derive(Default)]
pub struct GoalsSubscription;

#[Subscription]
impl GoalsSubscription {
    /// A goal as it stands, and again whenever anything about it changed. Only the latest state counts: a slow reader
    /// is shown fewer states, never old ones.
    async fn goal_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The goal's id.")] goal_id: ID,
        #[graphql(desc = "Begin with the first change behind this position; with the goal as it stands where it is \
                          left out.")]
        after: Option<Position>,
    ) -> Result<impl Stream<Item = Result<GoalProgress, Fault>> + use<>, Fault> {
        let tenant = visitor(ctx).tenant()?;
        let services = services(ctx).clone();
        let cursor = Cursor::of(ctx);
        let no_such_goal = || Fault::new(Code::Invalid, "there is no such goal in this business");
        let goal_id = ids::of::<GoalId>(Kind::Goal, &goal_id).ok_or_else(no_such_goal)?;
        let mut snapshot = services.projections.snapshot(tenant).await.map_err(query_fault)?;
        let known = goals::goal(&mut snapshot, goal_id).await.map_err(query_fault)?.ok_or_else(no_such_goal)?;
        let now = snapshot.position();
        drop(snapshot);
        let stream = goal_id.stream();
        if let Some(Position(after)) = after {
            behind(services.commands.log(), tenant, after).await?;
        }
        Ok(try_stream! {
            let after = match after {
                Some(Position(after)) => after,
                None => {
                    cursor.set(now);
                    yield GoalProgress { position: Position(now), goal: Goal(known) };
                    now
                }
            };
            let events = services.commands.log().tail(tenant, after);
            pin_mut!(events);
            // Invariant: what is yielded is no older than the last event of the goal that was taken from the tail.
            while let Some(event) = events.next().await {
                let mut event = event.map_err(log_fault)?;
                let mut latest = (event.stream.as_str() == stream).then(|| event.clone());
                // Whatever else has arrived is part of the same new state.
                while let Some(Some(more)) = events.next().now_or_never() {
                    event = more.map_err(log_fault)?;
                    if event.stream.as_str() == stream {
                        latest = Some(event.clone());
                    }
                }
                let Some(latest) = latest else { continue };
                let reached = services.projections.wait_for(tenant, latest.position, REACH).await;
                reached.map_err(|behind| Fault::new(Code::Behind, behind.to_string()))?;
                let mut snapshot = services.projections.snapshot(tenant).await.map_err(query_fault)?;
                let goal = goals::goal(&mut snapshot, goal_id).await.map_err(query_fault)?;
                let position = latest.position;
                drop(snapshot);
                if let Some(goal) = goal {
                    cursor.set(position);
                    count_item("goalProgress", &latest);
                    yield GoalProgress { position: Position(position), goal: Goal(goal) };
                }
            }
        })
    }
}
