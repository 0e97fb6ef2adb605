use std::collections::HashSet;
use std::time::Duration;

use dyocense_domain::event::Aggregate;
use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::{self, KnownPoints, Metric, MetricEvent, MetricRefusal, Point};
use dyocense_eventlog::{AppendError, Direction, Position, TenantId};
use jiff::Timestamp;

use crate::caller::Caller;
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, Loaded, MOST_ATTEMPTS, Outcome, decode, stream_id};

/// A decision on points needs read models that have seen the metric's last event.
const READ_MODELS_WAIT: Duration = Duration::from_secs(10);

/// What became of recorded points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedPoints {
    pub position: Position,
    /// Points that were new.
    pub added: u64,
    /// Points that replaced another value at their instant.
    pub corrected: u64,
    /// Points that were known with the same value; nothing was recorded for them.
    pub unchanged: u64,
    /// New points before the metric's latest one.
    pub late: u64,
}

impl Commands {
    /// Records points of a metric, singly or up to [`metrics::MOST_POINTS`] at once: all of them or none.
    pub async fn record_points(
        &self,
        caller: &Caller,
        metric_id: MetricId,
        points: &[Point],
    ) -> Result<RecordedPoints, CommandError<MetricRefusal>> {
        let ats: Vec<Timestamp> = points.iter().map(|point| point.at).collect();
        let outcome = self
            .change_metric(caller, metric_id, "RecordPoints", &ats, |metric, known| {
                metrics::record(metric, points, known, None, self.now())
            })
            .await?;
        let given = ats.iter().collect::<HashSet<_>>().len() as u64;
        let mut recorded =
            RecordedPoints { position: outcome.position, added: 0, corrected: 0, unchanged: given, late: 0 };
        for event in &outcome.events {
            if let MetricEvent::MetricPointsRecorded(event) = event {
                let new = event.points.len() as u64;
                recorded.corrected = u64::from(event.corrected);
                recorded.added = new - recorded.corrected;
                recorded.unchanged = given.saturating_sub(new);
                recorded.late = u64::from(event.late);
            }
        }
        Ok(recorded)
    }

    /// Takes points back; instants without a point are passed over.
    pub async fn retract_points(
        &self,
        caller: &Caller,
        metric_id: MetricId,
        ats: &[Timestamp],
    ) -> Result<Outcome<MetricEvent>, CommandError<MetricRefusal>> {
        self.change_metric(caller, metric_id, "RetractPoints", ats, |metric, known| {
            metrics::retract(metric, ats, known)
        })
        .await
    }

    /// As [`Commands::execute`], with the points at `ats` as of the metric's last event.
    pub(super) async fn change_metric(
        &self,
        caller: &Caller,
        metric_id: MetricId,
        command: &'static str,
        ats: &[Timestamp],
        decide: impl Fn(&Metric, &KnownPoints) -> Result<Vec<MetricEvent>, MetricRefusal>,
    ) -> Result<Outcome<MetricEvent>, CommandError<MetricRefusal>> {
        if let Some(outcome) = self.replay(caller).await? {
            return Ok(outcome);
        }
        for _ in 0..MOST_ATTEMPTS {
            let Loaded { state, version } = self.load_metric(caller.tenant, metric_id).await?;
            let known = KnownPoints {
                values: self.reads.values_at(caller.tenant, metric_id, ats).await?,
                latest: self.reads.latest_point(caller.tenant, metric_id).await?.map(|point| point.at),
            };
            let events = decide(&state, &known).map_err(CommandError::Refused)?;
            if events.is_empty() {
                let position = self.log.head(caller.tenant).await?;
                return Ok(Outcome { position, events, replayed: false });
            }
            match self.append(caller, stream_id(metric_id.stream())?, version, command, &events).await {
                Err(AppendError::Conflict { .. }) => continue,
                Err(error) => return Err(Fault::from(error).into()),
                Ok(appended) => return Ok(Outcome { position: appended.last_position, events, replayed: false }),
            }
        }
        Err(Fault::Contended.into())
    }

    /// A metric at the version of its last event. Its stream holds every point ever recorded, so only its definition
    /// is read from there; what became of it since is asked of the read models, which have caught up with it.
    async fn load_metric(&self, tenant: TenantId, metric_id: MetricId) -> Result<Loaded<Metric>, Fault> {
        let stream = stream_id(metric_id.stream())?;
        let last = self.log.read_stream(tenant, &stream, i64::MAX, 1, Direction::Backward).await?;
        let Some(last) = last.first() else { return Ok(Loaded { state: Metric::default(), version: 0 }) };
        self.reads.wait_for(tenant, last.position, READ_MODELS_WAIT).await?;
        let mut state = Metric::default();
        for recorded in &self.log.read_stream(tenant, &stream, 0, 1, Direction::Forward).await? {
            state = state.evolve(&decode(recorded)?);
        }
        if let (Some(defined), Some(now)) = (&mut state.defined, self.reads.metric(tenant, metric_id).await?) {
            (defined.name, defined.description, defined.good_direction) =
                (now.name, now.description, now.good_direction);
            state.archived = now.archived;
        }
        Ok(Loaded { state, version: last.version })
    }
}
