//! Setting goals, and following them.

mod of_plans;

use std::time::Duration;

use dyocense_domain::goals::{
    self, Goal, GoalCommand, GoalDraft, GoalEvent, GoalRefusal, History, Lifecycle, MeasureDraft, MeasuredMetric,
    MetricForecast, MilestoneDraft, Outlook, PlanChange,
};
use dyocense_domain::identity::Business;
use dyocense_domain::ids::{BUSINESS_STREAM, GoalId, MetricId, MilestoneId, UserId};
use dyocense_domain::metrics::{Bucket, MetricKind};
use dyocense_domain::time_zone::TimeZoneName;
use dyocense_eventlog::{AppendError, TenantId};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, Loaded, MOST_ATTEMPTS, Outcome, stream_id};
use crate::forecasting::{ForecastAnswer, read};
use crate::ports::MetricSummary;

const READ_MODELS_WAIT: Duration = Duration::from_secs(10);
/// A goal is looked at this long after its calendar's midnight, when the day's last points are likely in.
const AFTER_MIDNIGHT: SignedDuration = SignedDuration::from_mins(5);

/// Kept forecasts among which a goal finds the newest that reaches its due date.
const FORECASTS: usize = 5;
/// What was odd before that says nothing about a goal now.
const ODD_LATELY: SignedDuration = SignedDuration::from_hours(24 * 9);

pub type GoalResult = Result<Outcome<GoalEvent>, CommandError<GoalRefusal>>;

impl Commands {
    /// Sets a goal. History that calls it unlikely refuses it, with the numbers, until `acknowledge` says why it is
    /// taken on all the same.
    pub async fn create_goal(
        &self,
        caller: &Caller,
        draft: GoalDraft,
        milestones: Vec<MilestoneDraft>,
        acknowledge: Option<String>,
    ) -> Result<(GoalId, Outcome<GoalEvent>), CommandError<GoalRefusal>> {
        let by = self.author(caller)?;
        self.check_owner(caller.tenant, draft.owner).await?;
        let goal_id = GoalId::from(Uuid::now_v7());
        let metric_id = match &draft.measure {
            MeasureDraft::Metric { metric_id, .. } => Some(*metric_id),
            MeasureDraft::Manual { .. } => None,
        };
        let zone = draft.time_zone.clone();
        let command = GoalCommand::Create { goal_id, draft: Box::new(draft), milestones, acknowledge, by };
        let outcome = self.decide_goal(caller, goal_id, "CreateGoal", command, Some((metric_id, zone))).await?;
        let created = outcome.events.iter().find_map(|event| match event {
            GoalEvent::GoalCreated(created) => Some(created.goal_id),
            _ => None,
        });
        Ok((created.unwrap_or(goal_id), outcome))
    }

    pub async fn revise_goal(
        &self,
        caller: &Caller,
        goal_id: GoalId,
        change: PlanChange,
        reason: Option<String>,
        acknowledge: Option<String>,
    ) -> GoalResult {
        let by = self.author(caller)?;
        if let Some(owner) = change.owner {
            self.check_owner(caller.tenant, owner).await?;
        }
        let command = GoalCommand::Revise { change: Box::new(change), reason, acknowledge, by };
        self.decide_goal(caller, goal_id, "ReviseGoal", command, None).await
    }

    pub async fn pause_goal(&self, caller: &Caller, goal_id: GoalId, reason: Option<String>) -> GoalResult {
        let by = self.author(caller)?;
        self.decide_goal(caller, goal_id, "PauseGoal", GoalCommand::Pause { reason, by }, None).await
    }

    pub async fn resume_goal(&self, caller: &Caller, goal_id: GoalId, move_due: bool) -> GoalResult {
        let by = self.author(caller)?;
        self.decide_goal(caller, goal_id, "ResumeGoal", GoalCommand::Resume { move_due, by }, None).await
    }

    pub async fn abandon_goal(&self, caller: &Caller, goal_id: GoalId, reason: String) -> GoalResult {
        let by = self.author(caller)?;
        self.decide_goal(caller, goal_id, "AbandonGoal", GoalCommand::Abandon { reason, by }, None).await
    }

    pub async fn add_milestone(&self, caller: &Caller, goal_id: GoalId, milestone: MilestoneDraft) -> GoalResult {
        let by = self.author(caller)?;
        self.decide_goal(caller, goal_id, "AddMilestone", GoalCommand::AddMilestone { milestone, by }, None).await
    }

    pub async fn remove_milestone(&self, caller: &Caller, goal_id: GoalId, milestone_id: MilestoneId) -> GoalResult {
        let by = self.author(caller)?;
        let command = GoalCommand::RemoveMilestone { milestone_id, by };
        self.decide_goal(caller, goal_id, "RemoveMilestone", command, None).await
    }

    /// Records where a goal that is measured by hand stands at the end of `day` (today where None).
    pub async fn record_goal_progress(
        &self,
        caller: &Caller,
        goal_id: GoalId,
        day: Option<Date>,
        value: Decimal,
        note: Option<String>,
    ) -> GoalResult {
        let by = self.author(caller)?;
        let command = GoalCommand::RecordProgress { day, value, note, by };
        self.decide_goal(caller, goal_id, "RecordGoalProgress", command, None).await
    }

    /// Looks at a goal again: points came, or a day passed. A refusal means that it has nothing left to look at.
    pub(crate) async fn assess_goal(&self, caller: &Caller, goal_id: GoalId) -> Result<(), Fault> {
        match self.decide_goal(caller, goal_id, "AssessGoal", GoalCommand::Assess, None).await {
            Ok(_) | Err(CommandError::Refused(_)) => Ok(()),
            Err(CommandError::Fault(fault)) => Err(fault),
        }
    }

    /// Assesses a goal at the turn of its day; returns when to look next, None once it has ended.
    pub(crate) async fn goal_day(&self, tenant: TenantId, goal_id: GoalId) -> Result<Option<Timestamp>, Fault> {
        self.assess_goal(&Caller::new(tenant, Actor::System("scheduler")), goal_id).await?;
        let goal = self.load::<Goal>(tenant, &stream_id(goal_id.stream())?).await?.state;
        Ok(next_look(&goal, self.now()))
    }

    /// Sets the timer of a goal by its state.
    pub(crate) async fn set_goal_timer(&self, tenant: TenantId, goal_id: GoalId) -> Result<(), Fault> {
        let goal = self.load::<Goal>(tenant, &stream_id(goal_id.stream())?).await?.state;
        let due = next_look(&goal, self.now());
        self.set_timer(tenant, crate::timers::TimerKind::GoalDay, goal_id.into(), due).await
    }

    fn author(&self, caller: &Caller) -> Result<UserId, Fault> {
        caller.actor.user_id().ok_or_else(|| Fault::internal("a goal is changed by a person or a person's API key"))
    }

    /// Whoever owns a goal can be asked about it.
    async fn check_owner(&self, tenant: TenantId, owner: UserId) -> Result<(), CommandError<GoalRefusal>> {
        let business = self.load::<Business>(tenant, &stream_id(BUSINESS_STREAM.to_owned())?).await?.state;
        match business.users.get(&owner) {
            Some(user) if !user.removed => Ok(()),
            _ => Err(CommandError::Refused(GoalRefusal::NoSuchOwner)),
        }
    }

    /// As [`Commands::execute`], with the metric behind the goal and its history. `measure` names them where the goal
    /// does not exist yet.
    async fn decide_goal(
        &self,
        caller: &Caller,
        goal_id: GoalId,
        name: &'static str,
        command: GoalCommand,
        measure: Option<(Option<MetricId>, TimeZoneName)>,
    ) -> GoalResult {
        let stream = stream_id(goal_id.stream())?;
        let _turn = self.turns.take(caller.tenant, &stream).await;
        if let Some(outcome) = self.replay(caller).await? {
            return Ok(outcome);
        }
        // Points that the caller has seen must be seen by the decision.
        let head = self.log.head(caller.tenant).await?;
        self.reads.wait_for(caller.tenant, head, READ_MODELS_WAIT).await?;
        for _ in 0..MOST_ATTEMPTS {
            let Loaded { state: goal, version } = self.load::<Goal>(caller.tenant, &stream).await?;
            let measure = measure
                .clone()
                .or_else(|| goal.plan.as_ref().map(|plan| (plan.measure.metric_id(), plan.time_zone.clone())));
            let metric = match measure {
                Some((Some(metric_id), zone)) => self.measured(caller.tenant, metric_id, &zone).await?,
                _ => None,
            };
            let events = match goals::decide(&goal, command.clone(), metric.as_ref(), self.now()) {
                Ok(events) if !events.is_empty() => events,
                nothing => return self.nothing_new(caller, nothing).await,
            };
            match self.append(caller, stream.clone(), version, name, &events).await {
                Err(AppendError::Conflict { .. }) => continue,
                Err(error) => return Err(Fault::from(error).into()),
                Ok(appended) => return self.done(caller, &appended, events).await,
            }
        }
        Err(Fault::Contended.into())
    }

    /// A metric with its days in `zone`: a flow's sums, a level's last values.
    pub(crate) async fn measured(
        &self,
        tenant: TenantId,
        metric_id: MetricId,
        zone: &TimeZoneName,
    ) -> Result<Option<MeasuredMetric>, Fault> {
        let Some(MetricSummary { kind, unit, archived, .. }) = self.reads.metric(tenant, metric_id).await? else {
            return Ok(None);
        };
        let points = self.reads.points(tenant, metric_id, Timestamp::MIN, Timestamp::MAX).await?;
        let zone = zone.zone();
        let mut days: Vec<(Date, Decimal)> = Vec::new();
        for point in points {
            let day = point.at.to_zoned(zone.clone()).date();
            match days.last_mut() {
                Some((last, value)) if *last == day => match kind {
                    MetricKind::Flow => *value = value.saturating_add(point.value),
                    MetricKind::Level => *value = point.value,
                },
                _ => days.push((day, point.value)),
            }
        }
        let history: History = days.into_iter().collect();
        let outlook = self.outlook(tenant, metric_id).await?;
        Ok(Some(MeasuredMetric { metric_id, kind, unit, archived, history, outlook }))
    }

    /// What is known about the days ahead of a metric. Its days are taken for the goal's, whichever their time zones.
    async fn outlook(&self, tenant: TenantId, metric_id: MetricId) -> Result<Outlook, Fault> {
        let kept = self.reads.kept_forecasts(tenant, metric_id, Bucket::Day, FORECASTS).await?;
        let forecasts = kept.into_iter().filter_map(|kept| {
            let answer: ForecastAnswer = read(&kept.answer).ok()?;
            let (first, sd) = (*answer.starts.first()?, answer.spread());
            Some(MetricForecast { run_id: kept.run_id, first, mean: answer.mean, sd })
        });
        let lately = (self.now() - ODD_LATELY).to_zoned(TimeZone::UTC).date();
        let insights = self.insights(tenant, metric_id).await?;
        let oddity = insights.newest_since(lately).map(|(day, text)| (day, text.to_owned()));
        Ok(Outlook { forecasts: forecasts.collect(), oddity })
    }
}

/// Shortly after the next midnight of the goal's calendar; never for a goal that has ended.
fn next_look(goal: &Goal, now: Timestamp) -> Option<Timestamp> {
    let plan = goal.plan.as_ref()?;
    if matches!(goal.lifecycle, Lifecycle::Abandoned | Lifecycle::Evaluated) {
        return None;
    }
    let today = plan.time_zone.date_of(now);
    let tomorrow = today.tomorrow().ok()?;
    Some(plan.time_zone.start_of(tomorrow)? + AFTER_MIDNIGHT)
}
