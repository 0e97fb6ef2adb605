//! Reading what a problem asks of metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::{Bucket, Point};
use dyocense_domain::time_zone::TimeZoneName;
use dyocense_eventlog::{Position, TenantId};
use dyocense_forecasting::normal_quantile;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rust_decimal::prelude::ToPrimitive;

use super::super::calendar::PlanCalendar;
use super::{Ahead, Draft, FURTHEST, Foreseen, Simulated, Sources, WEEK};
use crate::error::Fault;
use crate::execute::Commands;
use crate::forecasting::{ForecastAnswer, History, impossible, word};
use crate::ports::MetricSummary;
use crate::runs::NoAnswer;

/// The shape of a week is learnt from this many weeks.
const WEEKS: i64 = 12;

impl Draft {
    /// Reads what the problem asks for. `known` are futures that an earlier run of the same question saw: a scenario
    /// differs from it in what was changed, and in nothing else.
    pub async fn gather(
        &self,
        commands: &Commands,
        tenant: TenantId,
        calendar: Option<&PlanCalendar>,
        step: Bucket,
        known: &[Foreseen],
    ) -> Result<Result<Sources, NoAnswer>, Fault> {
        let asked = self.asked();
        let mut sources = Sources::default();
        let mut metrics: BTreeMap<&String, MetricSummary> = BTreeMap::new();
        for name in asked.metrics() {
            match metric(commands, tenant, name).await? {
                Some(metric) => drop(metrics.insert(name, metric)),
                None => return Ok(Err(impossible(format!("this business has no metric {name:?}")))),
            }
        }
        let mut histories: BTreeMap<&String, History> = BTreeMap::new();
        for name in asked.ahead.keys().chain(asked.past.keys()).chain(&asked.together) {
            if histories.contains_key(name) {
                continue;
            }
            match History::of_metric(commands, tenant, metrics[name].metric_id, Some(step)).await? {
                Ok(history) => drop(histories.insert(name, history)),
                Err(none) => return Ok(Err(none)),
            }
        }
        for (name, steps) in &asked.past {
            let values: Vec<f64> = histories[name].values.iter().map(|value| value.unwrap_or(0.0)).collect();
            sources.past.insert(name.clone(), values[values.len().saturating_sub(*steps)..].to_vec());
        }
        match together(&asked.together, &histories, asked.together_steps) {
            Ok(together) => sources.together = together,
            Err(reason) => return Ok(Err(impossible(reason))),
        }
        let seen = |name: &String| {
            let steps = asked.ahead.get(name).copied().unwrap_or_default();
            let fits = |known: &&Foreseen| known.metric == *name && known.bucket == step && known.mean.len() >= steps;
            known.iter().find(fits)
        };
        let next = |name: &String| match seen(name) {
            Some(foreseen) => foreseen.starts.first().copied(),
            None => histories[name].steps_ahead(1).first().copied(),
        };
        if let Some(earliest) = asked.ahead.keys().filter_map(next).max() {
            let first_day = calendar.map_or(earliest, |calendar| calendar.first_day);
            if step.start(first_day) != first_day {
                let reason = format!("the first day {first_day} is no first day of a {}", word(step));
                return Ok(Err(impossible(format!("{reason}; {} would be", step.start(first_day)))));
            }
            for (name, steps) in &asked.ahead {
                let Some(begins) = next(name) else { continue };
                let Some(skipped) = between(begins, first_day, step) else {
                    let metric = &metrics[name].name;
                    return Ok(Err(impossible(format!(
                        "the plan's first day {first_day} lies in the history of {metric}: the earliest is {begins}"
                    ))));
                };
                sources.horizon = sources.horizon.max(skipped + steps);
            }
            if sources.horizon > FURTHEST {
                let reason = format!("{} steps ahead: at most {FURTHEST} are forecast", sources.horizon);
                return Ok(Err(impossible(reason)));
            }
            sources.first_day = Some(first_day);
        }
        for name in asked.ahead.keys() {
            let far = |foreseen: &&Foreseen| foreseen.mean.len() >= sources.horizon;
            let ahead = match seen(name).filter(far) {
                Some(foreseen) => Ahead::Known(foreseen.clone()),
                None => {
                    let history = &histories[name];
                    match kept(commands, tenant, name, history, sources.horizon).await? {
                        Some(foreseen) => Ahead::Known(foreseen),
                        None => Ahead::History(history.clone()),
                    }
                }
            };
            sources.ahead.insert(name.clone(), ahead);
        }
        for run in &self.interventions {
            match Simulated::of(commands, tenant, *run).await? {
                Ok(simulated) => sources.interventions.push(simulated),
                Err(none) => return Ok(Err(none)),
            }
        }
        for name in &asked.hours {
            match hours(commands, tenant, &metrics[name]).await? {
                Ok(hours) => drop(sources.hours.insert(name.clone(), hours)),
                Err(none) => return Ok(Err(none)),
            }
        }
        Ok(Ok(sources))
    }
}

/// The last steps that all of them have, at most `most`.
fn together(
    names: &BTreeSet<String>,
    histories: &BTreeMap<&String, History>,
    most: usize,
) -> Result<BTreeMap<String, Vec<f64>>, String> {
    let dated: Vec<(&String, BTreeMap<Date, f64>)> =
        names.iter().filter_map(|name| Some((name, histories.get(name)?.dated()))).collect();
    let first = dated.iter().filter_map(|(_, values)| values.keys().next()).max();
    let last = dated.iter().filter_map(|(_, values)| values.keys().next_back()).min();
    let (Some(first), Some(last)) = (first.copied(), last.copied()) else { return Ok(BTreeMap::new()) };
    let step = histories.values().map(|history| history.bucket).next().unwrap_or(Bucket::Day);
    let steps: Vec<Date> =
        std::iter::successors(Some(first), |at| step.next(*at)).take_while(|at| *at <= last).collect();
    if steps.is_empty() {
        return Err("the metrics of the history have no time in common".to_owned());
    }
    let steps = &steps[steps.len().saturating_sub(most)..];
    let value = |values: &BTreeMap<Date, f64>| steps.iter().map(|at| values.get(at).copied().unwrap_or(0.0)).collect();
    Ok(dated.into_iter().map(|(name, values)| (name.clone(), value(&values))).collect())
}

/// By its id or its key: a key has no hyphen, an id has four.
async fn metric(commands: &Commands, tenant: TenantId, name: &str) -> Result<Option<MetricSummary>, Fault> {
    Ok(match name.parse::<MetricId>() {
        Ok(id) => commands.reads.metric(tenant, id).await?,
        Err(_) => commands.reads.metric_by_key(tenant, name).await?,
    })
}

/// The newest kept forecast that begins where the history ends and reaches as far as is needed.
async fn kept(
    commands: &Commands,
    tenant: TenantId,
    name: &str,
    history: &History,
    horizon: usize,
) -> Result<Option<Foreseen>, Fault> {
    let next = history.steps_ahead(1);
    for (run_id, answer) in commands.reads.newest_forecasts(tenant, history.metric_id).await? {
        // An answer of an older shape is no hindrance: the metric is forecast anew.
        let Ok(answer) = serde_json::from_value::<ForecastAnswer>(answer) else { continue };
        let fits = answer.bucket == history.bucket
            && answer.starts.first() == next.first()
            && answer.mean.len() >= horizon
            && answer.starts.len() == answer.mean.len();
        let Some(band) = answer.bands.last().filter(|band| fits && band.upper.len() == answer.mean.len()) else {
            continue;
        };
        let z = normal_quantile(0.5 + band.level / 200.0);
        // The upper bound: a lower one may have been cut at zero.
        let sd = band.upper.iter().zip(&answer.mean).map(|(upper, mean)| ((upper - mean) / z).max(0.0)).collect();
        return Ok(Some(Foreseen {
            metric: name.to_owned(),
            metric_id: history.metric_id,
            name: history.name.clone(),
            unit: history.unit.clone(),
            bucket: history.bucket,
            starts: answer.starts,
            mean: answer.mean,
            sd,
            common: answer.common,
            forecast: Some(run_id),
        }));
    }
    Ok(None)
}

/// Steps from one first day to another; None where the second is before the first or no first day.
fn between(from: Date, to: Date, step: Bucket) -> Option<usize> {
    let mut at = from;
    for steps in 0..=FURTHEST {
        if at >= to {
            return (at == to).then_some(steps);
        }
        at = step.next(at)?;
    }
    None
}

/// How a week's days divide over their hours, from the metric's last weeks.
async fn hours(
    commands: &Commands,
    tenant: TenantId,
    metric: &MetricSummary,
) -> Result<Result<Vec<f64>, NoAnswer>, Fault> {
    // The run has waited for the history that it reads.
    let moment = commands.reads.metric_moment(tenant, metric.metric_id, &[], Position::START, Duration::ZERO).await?;
    let Some(latest) = moment.and_then(|moment| moment.latest) else {
        return Ok(Err(impossible(format!("{} has no points yet", metric.name))));
    };
    let from = latest.checked_sub((WEEKS * 7 * 24).hours()).unwrap_or(Timestamp::MIN);
    let until = latest.checked_add(1.second()).unwrap_or(Timestamp::MAX);
    let points = commands.reads.points(tenant, metric.metric_id, from, until).await?;
    Ok(shares(&points, &metric.time_zone).ok_or_else(|| {
        let name = &metric.name;
        impossible(format!("the points of {name} are one a day: say how a day divides over its hours in `profile`"))
    }))
}

/// Each hour's share of its weekday; None where no day has points of two hours.
fn shares(points: &[Point], zone: &TimeZoneName) -> Option<Vec<f64>> {
    let zone = zone.zone();
    let mut sums = vec![0.0; WEEK];
    let (mut hours_differ, mut before) = (false, None);
    for point in points {
        let local = point.at.to_zoned(zone.clone());
        let hour = local.hour() as usize;
        hours_differ |= before.is_some_and(|(date, at)| date == local.date() && at != hour);
        before = Some((local.date(), hour));
        let day = local.date().weekday().to_monday_zero_offset() as usize;
        sums[day * 24 + hour] += point.value.to_f64().unwrap_or(0.0).max(0.0);
    }
    if !hours_differ {
        return None;
    }
    // A weekday without any value divides as all days together do.
    let all: Vec<f64> = (0..24).map(|hour| (0..7).map(|day| sums[day * 24 + hour]).sum()).collect();
    let mut out = Vec::with_capacity(WEEK);
    for day in sums.chunks(24) {
        let day = if day.iter().sum::<f64>() > 0.0 { day } else { all.as_slice() };
        let total: f64 = day.iter().sum();
        out.extend(day.iter().map(|value| if total > 0.0 { value / total } else { 1.0 / 24.0 }));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: &str, value: i64) -> Point {
        Point { at: at.parse().unwrap(), value: value.into() }
    }

    #[test]
    fn a_week_divides_by_weekday_and_hour_of_the_metrics_own_calendar() {
        let zone = TimeZoneName::parse("Europe/Berlin").unwrap();
        // A Monday in summer: 10:00 and 11:00 in Berlin.
        let points = [point("2026-06-01T08:00:00Z", 3), point("2026-06-01T09:00:00Z", 1)];
        let shares = shares(&points, &zone).unwrap();
        assert_eq!((shares[10], shares[11], shares[9]), (0.75, 0.25, 0.0));
        // No Tuesday is known: it is as all days.
        assert_eq!(shares[24 + 10], 0.75);
        for day in shares.chunks(24) {
            assert!((day.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        // One point a day, at noon in UTC: another hour of the clock in winter, and no shape of a day.
        let daily = [point("2026-10-24T12:00:00Z", 1), point("2026-10-26T12:00:00Z", 1)];
        assert_eq!(super::shares(&daily, &zone), None);
    }

    #[test]
    fn steps_between_first_days_are_counted() {
        let date = |text: &str| text.parse::<Date>().unwrap();
        assert_eq!(between(date("2026-01-01"), date("2026-03-01"), Bucket::Month), Some(2));
        assert_eq!(between(date("2026-01-01"), date("2026-01-01"), Bucket::Day), Some(0));
        assert_eq!(between(date("2026-01-02"), date("2026-01-01"), Bucket::Day), None);
        assert_eq!(between(date("2026-01-01"), date("2026-01-15"), Bucket::Month), None);
    }
}
