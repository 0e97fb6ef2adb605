//! A run as it goes on.

use std::time::Duration;

use async_graphql::{Context, ID, SimpleObject, Subscription};
use async_stream::try_stream;
use dyocense_domain::ids::RunId;
use dyocense_projections::runs;
use futures::{Stream, StreamExt, pin_mut};

use super::Run;
use super::run::RunProgress;
use crate::graphql::fault::{Code, Fault};
use crate::graphql::ids::{self, Kind};
use crate::graphql::live::{Cursor, count_item};
use crate::graphql::request::{log_fault, query_fault, services, visitor};
use crate::graphql::scalars::Position;

/// How often progress is looked at: a person sees no more.
const LOOK: Duration = Duration::from_millis(250);
/// How long the read models may take to show what the log has.
const REACH: Duration = Duration::from_secs(30);

/// A run as it stands.
#[derive(SimpleObject)]
pub struct RunUpdate {
    /// How far in the history of the business this is.
    position: Position,
    /// How far the run is; null where it is not being worked on.
    progress: Option<RunProgress>,
    /// The run.
    run: Run,
}

#[derive(Default)]
pub struct RunsSubscription;

#[Subscription]
impl RunsSubscription {
    /// A run as it stands, again whenever its progress or its state changed, until it has ended. Only the latest state
    /// counts.
    async fn run_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The run's id.")] run_id: ID,
    ) -> Result<impl Stream<Item = Result<RunUpdate, Fault>> + use<>, Fault> {
        let tenant = visitor(ctx).tenant()?;
        let services = services(ctx).clone();
        let cursor = Cursor::of(ctx);
        let no_such_run = || Fault::new(Code::Invalid, "there is no such run in this business");
        let run_id = ids::of::<RunId>(Kind::Run, &run_id).ok_or_else(no_such_run)?;
        let mut snapshot = services.projections.snapshot(tenant).await.map_err(query_fault)?;
        let mut run = runs::run(&mut snapshot, run_id).await.map_err(query_fault)?.ok_or_else(no_such_run)?;
        let mut position = snapshot.position();
        drop(snapshot);
        let stream = run_id.stream();
        Ok(try_stream! {
            let told = || services.commands.run_progress(tenant, run_id).map(|watch| watch.borrow().clone());
            let mut progress = told();
            let events = services.commands.log().tail(tenant, position);
            pin_mut!(events);
            loop {
                cursor.set(position);
                yield RunUpdate {
                    position: Position(position),
                    progress: progress.clone().map(Into::into),
                    run: Run(run.clone()),
                };
                if run.status != runs::RunStatus::Open {
                    break;
                }
                loop {
                    match tokio::time::timeout(LOOK, events.next()).await {
                        Ok(None) => return,
                        Ok(Some(event)) => {
                            let event = event.map_err(log_fault)?;
                            if event.stream.as_str() != stream {
                                continue;
                            }
                            position = event.position;
                            let reached = services.projections.wait_for(tenant, position, REACH).await;
                            reached.map_err(|behind| Fault::new(Code::Behind, behind.to_string()))?;
                            let mut snapshot = services.projections.snapshot(tenant).await.map_err(query_fault)?;
                            if let Some(changed) = runs::run(&mut snapshot, run_id).await.map_err(query_fault)? {
                                run = changed;
                            }
                            count_item("runProgress", &event);
                            break;
                        }
                        Err(_) => {
                            let now = told();
                            if now != progress {
                                progress = now;
                                break;
                            }
                        }
                    }
                }
            }
        })
    }
}
