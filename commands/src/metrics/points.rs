use std::collections::HashSet;
use std::time::Duration;

use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::{self, KnownPoints, Metric, MetricDefined, MetricEvent, MetricRefusal, Point};
use dyocense_eventlog::{AppendError, Direction, Position, TenantId};
use jiff::Timestamp;

use crate::caller::Caller;
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, MOST_ATTEMPTS, Outcome, stream_id};
use crate::ports::{MetricMoment, MetricSummary};

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
        let stream = stream_id(metric_id.stream())?;
        let _turn = self.turns.take(caller.tenant, &stream).await;
        if let Some(outcome) = self.replay(caller).await? {
            return Ok(outcome);
        }
        let mut last = self.log.remembered(caller.tenant, &stream);
        for _ in 0..MOST_ATTEMPTS {
            let remembered = last.take();
            let (metric, known, version) = self.load_metric(caller.tenant, metric_id, ats, remembered).await?;
            let events = match decide(&metric, &known) {
                Ok(events) if !events.is_empty() => events,
                // Only an append finds out that what is remembered is out of date.
                _ if remembered.is_some() => continue,
                nothing => return self.nothing_new(caller, nothing).await,
            };
            match self.append(caller, stream.clone(), version, command, &events).await {
                Err(AppendError::Conflict { .. }) => continue,
                Err(error) => return Err(Fault::from(error).into()),
                Ok(appended) => return self.done(caller, &appended, events).await,
            }
        }
        Err(Fault::Contended.into())
    }

    /// A metric at the version of its last event, with what is known of its points at `ats`. Its stream holds every
    /// point ever recorded, so what it adds up to is asked of the read models, which have seen its last event.
    /// `remembered` may be out of date: the append would then be refused.
    async fn load_metric(
        &self,
        tenant: TenantId,
        metric_id: MetricId,
        ats: &[Timestamp],
        remembered: Option<(Position, i64)>,
    ) -> Result<(Metric, KnownPoints, i64), Fault> {
        let stream = stream_id(metric_id.stream())?;
        let last = match remembered {
            Some(last) => Some(last),
            None => {
                let last = self.log.read_stream(tenant, &stream, i64::MAX, 1, Direction::Backward).await?;
                last.first().map(|event| (event.position, event.version))
            }
        };
        let Some((position, version)) = last else { return Ok((Metric::default(), KnownPoints::default(), 0)) };
        let moment = self.reads.metric_moment(tenant, metric_id, ats, position, READ_MODELS_WAIT).await?;
        let MetricMoment { summary, values, latest } =
            moment.ok_or_else(|| Fault::internal(format!("the read models do not know {stream}")))?;
        Ok((summary.into(), KnownPoints { values, latest }, version))
    }
}

impl From<MetricSummary> for Metric {
    fn from(summary: MetricSummary) -> Self {
        let MetricSummary {
            metric_id,
            key,
            name,
            description,
            unit,
            kind,
            currency,
            time_zone,
            good_direction,
            source,
            archived,
        } = summary;
        let defined = MetricDefined {
            metric_id,
            key,
            name,
            unit,
            kind,
            currency,
            time_zone,
            good_direction,
            source,
            description,
        };
        Metric { defined: Some(defined), archived }
    }
}
