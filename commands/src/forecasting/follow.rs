//! Forecasts that are made again as data arrives, and the look at what came.
//!
//! A metric is followed while somebody asked for a forecast of it lately or a goal that goes on is measured by it. What
//! arrives sets a timer, so that a burst of points or an import is one change; the timer asks for runs, each under a key
//! made of what is asked, of the values it rests on and of the method, so that a step is forecast and looked at once however
//! often the timer runs, and again when points were corrected or came late, or the program has a newer method.

use std::collections::BTreeMap;
use std::time::Duration;

use dyocense_domain::forecasting::{Insights, insight_stream};
use dyocense_domain::goals::{Goal, Lifecycle};
use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::Bucket;
use dyocense_domain::runs::{RunKind, RunRefusal};
use dyocense_eventlog::{Idempotency, TenantId};
use dyocense_forecasting::{METHOD, Model};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::forecast::{ForecastAnswer, ForecastRequest};
use super::history::{FURTHEST, History, MOST_LEVELS, read};
use super::watch::{KEPT_LOOKED_AT, ONE_IS_ENOUGH, USUAL_LEVEL, WatchRequest, most_news};
use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, Loaded, stream_id};
use crate::ports::{KeptForecast, MetricMoment};
use crate::timers::TimerKind;

/// As the policy is named in the log.
pub(crate) const FOLLOWING: &str = "forecasts_follow_metrics";
/// From the first point of a burst to the look at it.
const DEBOUNCE: SignedDuration = SignedDuration::from_secs(5);
/// How soon it is looked again whether an import has ended, or whether there is room for more runs.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// A day is looked at this long after its midnight, when its last points are likely in.
const AFTER_MIDNIGHT: SignedDuration = SignedDuration::from_mins(5);
/// A forecast that nobody asked for again is kept up this long.
const FOLLOWED_FOR: SignedDuration = SignedDuration::from_hours(24 * 92);
/// Interval levels that every forecast made again has: breaches are judged by them.
const LEVELS: [f64; 3] = [USUAL_LEVEL, 95.0, 99.0];
const FALSE_DISCOVERY_RATE: f64 = 0.05;
/// Goals of one metric whose due dates are looked at.
const MOST_GOALS: usize = 50;
/// Told steps whose values are compared with what is known now.
const MOST_RECHECKED: usize = 50;
const READ_MODELS_WAIT: Duration = Duration::from_secs(30);

/// What is kept up about a metric in steps of one length.
#[derive(Debug, Default)]
struct Followed {
    /// As a person asked.
    asked: Option<ForecastRequest>,
    /// The last due date of the goals that it measures.
    due: Option<Date>,
}

impl Commands {
    /// Looks at a metric soon, if it is followed.
    pub(crate) async fn metric_changed(&self, tenant: TenantId, metric: MetricId) -> Result<(), Fault> {
        if self.followed(tenant, metric).await?.is_empty() {
            return Ok(());
        }
        self.set_timer_by(tenant, TimerKind::MetricRefresh, metric.into(), self.now() + DEBOUNCE).await
    }

    /// Asks for what a followed metric is due; returns when to look next by the clock alone.
    pub(crate) async fn refresh_metric(
        &self,
        tenant: TenantId,
        metric_id: MetricId,
    ) -> Result<Option<Timestamp>, Fault> {
        let importing: bool = sqlx::query_scalar("select exists (select from vault.import_queue where tenant_id = $1)")
            .bind(Uuid::from(tenant))
            .fetch_one(self.vault.across_tenants())
            .await?;
        if importing {
            return Ok(Some(self.now() + LOOK_AGAIN));
        }
        let head = self.log.head(tenant).await?;
        let moment = self.reads.metric_moment(tenant, metric_id, &[], head, READ_MODELS_WAIT).await?;
        let Some(MetricMoment { summary: metric, latest: Some(newest), .. }) = moment else { return Ok(None) };
        if metric.archived {
            return Ok(None);
        }
        let today = metric.time_zone.date_of(self.now());
        for (bucket, followed) in self.followed(tenant, metric_id).await? {
            let Ok(history) = History::of_metric(self, tenant, metric_id, Some(bucket)).await? else { continue };
            let Some(history) = history.over_by(today) else { continue };
            match self.refresh_steps(tenant, &history, &followed).await {
                Ok(()) => {}
                // There are as many runs of this business in the background as there may be.
                Err(CommandError::Refused(RunRefusal::TooMany { .. })) => return Ok(Some(self.now() + LOOK_AGAIN)),
                Err(CommandError::Refused(refusal)) => return Err(Fault::internal(refusal)),
                Err(CommandError::Fault(fault)) => return Err(fault),
            }
        }
        if metric.time_zone.date_of(newest) < today {
            return Ok(None);
        }
        // A day that goes on is looked at when it is over.
        let tomorrow = today.tomorrow().ok().and_then(|tomorrow| metric.time_zone.start_of(tomorrow));
        Ok(tomorrow.map(|midnight| midnight + AFTER_MIDNIGHT))
    }

    async fn followed(&self, tenant: TenantId, metric_id: MetricId) -> Result<BTreeMap<Bucket, Followed>, Fault> {
        let mut followed: BTreeMap<Bucket, Followed> = BTreeMap::new();
        let since = self.now() - FOLLOWED_FOR;
        for asked in self.reads.asked_forecasts(tenant, metric_id).await? {
            let Ok(request) = read::<ForecastRequest>(&asked.request) else { continue };
            if asked.asked_at >= since {
                let bucket = request.bucket.unwrap_or(Bucket::Day);
                followed.entry(bucket).or_default().asked = Some(request);
            }
        }
        // Of goals that are over, none is due at the end of time.
        for goal in self.reads.goals_measured_by(tenant, metric_id, Date::MAX).await?.into_iter().take(MOST_GOALS) {
            let goal = self.load::<Goal>(tenant, &stream_id(goal.stream())?).await?.state;
            if let (Lifecycle::Active, Some(plan)) = (goal.lifecycle, &goal.plan) {
                let due = &mut followed.entry(Bucket::Day).or_default().due;
                *due = (*due).max(Some(plan.due));
            }
        }
        Ok(followed)
    }

    async fn refresh_steps(
        &self,
        tenant: TenantId,
        history: &History,
        followed: &Followed,
    ) -> Result<(), CommandError<RunRefusal>> {
        let (metric_id, bucket, last) = (history.metric_id, history.bucket, history.span().last);
        let kept = self.reads.kept_forecasts(tenant, metric_id, bucket, KEPT_LOOKED_AT).await.map_err(Fault::from)?;
        let own = of_this_method(&kept);
        let kept: Vec<ForecastAnswer> = kept.iter().filter_map(|kept| read(&kept.answer).ok()).collect();
        if let Some(request) = due_forecast(history, followed, &own) {
            // Values may be corrected and put back: what was answered before under them is older than what stands.
            let answered = own.iter().filter(|kept| kept.history.last == last).count();
            let about = (history.values_sha256(), answered);
            self.ask_in_background(tenant, RunKind::Forecast, json!(request), &about).await?;
        }
        let stream = stream_id(insight_stream(metric_id))?;
        let Loaded { state: insights, version: told_so_far } = self.load::<Insights>(tenant, &stream).await?;
        let known = history.dated();
        let again: Vec<(Date, Option<f64>)> = insights
            .told(bucket)
            .into_iter()
            .rev()
            .take(MOST_RECHECKED)
            .map(|(start, told)| (start, told, known.get(&start).copied()))
            .filter(|(_, told, now)| told != now)
            .map(|(start, _, now)| (start, now))
            .collect();
        let watched = self.reads.watched_until(tenant, metric_id, bucket).await.map_err(Fault::from)?;
        let from = match watched {
            Some(until) => bucket.next(until),
            // What was there before anything was forecast is history, not news.
            None => kept.iter().filter_map(|kept| kept.starts.first().copied()).find(|start| *start <= last),
        };
        let oldest_news = history.start_of(history.values.len().saturating_sub(most_news(bucket)));
        let from = from.map_or_else(|| bucket.next(last), Some).unwrap_or(Date::MAX).max(oldest_news);
        if from <= last || !again.is_empty() {
            let request = WatchRequest {
                metric_id,
                bucket,
                from,
                last,
                again: again.iter().map(|(start, _)| *start).collect(),
                false_discovery_rate: FALSE_DISCOVERY_RATE,
            };
            // The same step may be corrected twice, and back to what it was: its values are part of what is asked, and so is
            // how much was told by then.
            let about = (&again, if again.is_empty() { 0 } else { told_so_far });
            self.ask_in_background(tenant, RunKind::Watch, json!(request), &about).await?;
        }
        Ok(())
    }

    async fn ask_in_background(
        &self,
        tenant: TenantId,
        kind: RunKind,
        request: Value,
        about: &impl Serialize,
    ) -> Result<(), CommandError<RunRefusal>> {
        let asked = hex::encode(Sha256::digest(json!([METHOD, kind, request, about]).to_string()));
        let key = format!("{FOLLOWING}:{asked}");
        let request_hash = Sha256::digest(key.as_bytes()).into();
        let caller =
            Caller::new(tenant, Actor::System(FOLLOWING)).with_idempotency(Some(Idempotency { key, request_hash }));
        self.request_run(&caller, kind, request, 1).await?;
        Ok(())
    }
}

/// What an older method answered is made again at the next look; it stays on record, to be scored beside the new one.
fn of_this_method(kept: &[KeptForecast]) -> Vec<ForecastAnswer> {
    kept.iter().filter(|kept| kept.method == METHOD).filter_map(|kept| read(&kept.answer).ok()).collect()
}

/// The forecast that is missing, if one is: it knows the newest step that is over and all values as they are now, and
/// reaches as far as was asked and as the goals are due. `kept` are those there are, the newest first.
fn due_forecast(history: &History, followed: &Followed, kept: &[ForecastAnswer]) -> Option<ForecastRequest> {
    let (bucket, last) = (history.bucket, history.span().last);
    let to_due = followed.due.and_then(|due| usize::try_from(last.until(due).ok()?.get_days()).ok());
    let asked = followed.asked.as_ref().map(|asked| asked.horizon);
    let horizon = asked.max(to_due.filter(|days| *days <= FURTHEST)).filter(|horizon| *horizon > 0)?;
    let mut levels = LEVELS.to_vec();
    if let Some(asked) = &followed.asked {
        levels.extend(asked.levels.iter().copied().filter(|level| !LEVELS.contains(level)));
        levels.truncate(MOST_LEVELS);
    }
    let reaches = history.steps_ahead(horizon).last().copied()?;
    let values = history.values_sha256();
    let would_do = |kept: &&ForecastAnswer| {
        kept.history.last >= last
            && kept.starts.last().is_some_and(|end| *end >= reaches)
            && kept.bands.iter().any(|band| band.level == USUAL_LEVEL)
            && kept.bands.iter().any(|band| band.level >= ONE_IS_ENOUGH)
    };
    // What knows a later step, or was kept by a version that did not say, cannot be compared.
    let comparable = |kept: &ForecastAnswer| kept.values_sha256.clone().filter(|_| kept.history.last == last);
    let newest = kept.iter().find(would_do);
    if newest.is_some_and(|kept| comparable(kept).is_none_or(|known| known == values)) {
        return None;
    }
    Some(ForecastRequest {
        metric_id: history.metric_id,
        horizon,
        levels,
        model: followed.asked.as_ref().map_or(Model::Auto, |asked| asked.model),
        bucket: Some(bucket),
        last: Some(last),
    })
}

#[cfg(test)]
mod tests {

    use super::super::forecast::Band;
    use super::super::history::HistorySpan;
    use super::super::history::revenue;
    use super::*;

    fn history(bucket: Bucket, first: &str, steps: usize) -> History {
        revenue(bucket, first, vec![Some(1.0); steps])
    }

    fn asked(horizon: usize, levels: &[f64]) -> Option<ForecastRequest> {
        Some(ForecastRequest {
            metric_id: MetricId::from(Uuid::nil()),
            horizon,
            levels: levels.to_vec(),
            model: Model::Ets,
            bucket: Some(Bucket::Day),
            last: None,
        })
    }

    fn answer(to: &History, horizon: usize, levels: &[f64]) -> ForecastAnswer {
        let HistorySpan { first, last, steps } = to.span();
        ForecastAnswer {
            metric_id: to.metric_id,
            unit: "USD".into(),
            bucket: to.bucket,
            history: HistorySpan { first, last, steps },
            model: "ETS(A,N,N)".into(),
            members: vec![],
            starts: to.steps_ahead(horizon),
            mean: vec![1.0; horizon],
            sd: vec![1.0; horizon],
            common: 0.0,
            bands: levels.iter().map(|level| Band { level: *level, lower: vec![], upper: vec![] }).collect(),
            total: None,
            trading_days: None,
            learned_from: vec![],
            values_sha256: Some(to.values_sha256()),
        }
    }

    #[test]
    fn a_forecast_is_due_when_a_step_is_over_that_none_knows() {
        let before = history(Bucket::Day, "2026-03-01", 30);
        let now = history(Bucket::Day, "2026-03-01", 31);
        let followed = Followed { asked: asked(28, &[50.0, 80.0]), due: None };
        let due = due_forecast(&now, &followed, &[answer(&before, 28, &LEVELS)]).unwrap();
        assert_eq!((due.horizon, due.model, due.last), (28, Model::Ets, Some("2026-03-31".parse().unwrap())));
        assert_eq!(due.levels, [80.0, 95.0, 99.0, 50.0]);
        assert_eq!(due_forecast(&now, &followed, &[answer(&now, 28, &LEVELS)]), None);
        // One that lacks the levels that breaches are judged by is no substitute.
        assert!(due_forecast(&now, &followed, &[answer(&now, 28, &[80.0])]).is_some());
    }

    #[test]
    fn a_forecast_of_values_that_were_corrected_is_made_again() {
        let known = history(Bucket::Day, "2026-03-01", 31);
        let mut corrected = known.clone();
        corrected.values[30] = Some(3.0);
        let followed = Followed { asked: asked(28, &LEVELS), due: None };
        assert!(due_forecast(&corrected, &followed, &[answer(&known, 28, &LEVELS)]).is_some());
        assert_eq!(due_forecast(&corrected, &followed, &[answer(&corrected, 28, &LEVELS)]), None);
        // They were put back: the newest forecast is not of them.
        let both = [answer(&corrected, 28, &LEVELS), answer(&known, 28, &LEVELS)];
        assert!(due_forecast(&known, &followed, &both).is_some());
        let unsaid = ForecastAnswer { values_sha256: None, ..answer(&known, 28, &LEVELS) };
        assert_eq!(due_forecast(&corrected, &followed, &[unsaid]), None);
    }

    #[test]
    fn a_forecast_of_an_older_method_is_made_again() {
        let history = history(Bucket::Day, "2026-03-01", 31);
        let followed = Followed { asked: asked(28, &LEVELS), due: None };
        let kept = |method: &str| KeptForecast {
            run_id: Uuid::nil().into(),
            method: method.into(),
            answer: json!(answer(&history, 28, &LEVELS)),
        };
        assert_eq!(due_forecast(&history, &followed, &of_this_method(&[kept("older 0.0.1"), kept(METHOD)])), None);
        assert!(due_forecast(&history, &followed, &of_this_method(&[kept("older 0.0.1")])).is_some());
    }

    #[test]
    fn a_forecast_reaches_the_due_dates_of_goals() {
        let history = history(Bucket::Day, "2026-03-01", 31);
        let due = |date: &str| Followed { asked: asked(7, &[80.0]), due: Some(date.parse().unwrap()) };
        let kept = [answer(&history, 7, &LEVELS)];
        assert_eq!(due_forecast(&history, &due("2026-04-30"), &kept).unwrap().horizon, 30);
        assert_eq!(due_forecast(&history, &due("2026-04-05"), &kept), None);
        assert_eq!(due_forecast(&history, &due("2026-03-10"), &kept), None);
        // No forecast reaches so far.
        assert_eq!(due_forecast(&history, &due("2036-04-30"), &kept), None);
        assert_eq!(due_forecast(&history, &Followed::default(), &[]), None);
    }
}
