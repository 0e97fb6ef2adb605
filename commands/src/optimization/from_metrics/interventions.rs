//! Changes that a plan supposes are made: what an intervention was simulated to do to a metric is added to what is
//! expected of it.

use std::collections::BTreeMap;

use dyocense_domain::ids::{MetricId, RunId};
use dyocense_domain::metrics::{MetricKind, SeriesAggregation, default_aggregation};
use dyocense_domain::runs::{Run, RunEnd, RunKind};
use dyocense_eventlog::TenantId;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Foreseen;
use crate::error::Fault;
use crate::evidence::{InterventionAnswer, InterventionRequest};
use crate::execute::{Commands, stream_id};
use crate::forecasting::impossible;
use crate::runs::NoAnswer;

/// Interventions of one problem.
const MOST: usize = 20;
pub(super) const FIELD: &str = "interventions";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FromRun {
    run: RunId,
}

/// The runs that a problem supposes.
pub(super) fn read(problem: &Value) -> Result<Vec<RunId>, String> {
    let from: Vec<FromRun> = match &problem[FIELD] {
        Value::Null => return Ok(Vec::new()),
        list => super::read(FIELD, list)?,
    };
    if from.len() > MOST {
        return Err(format!("{} {FIELD}: at most {MOST} are allowed", from.len()));
    }
    let mut runs: Vec<RunId> = Vec::with_capacity(from.len());
    for FromRun { run } in from {
        if runs.contains(&run) {
            return Err(format!("{FIELD} names the run {run} twice"));
        }
        runs.push(run);
    }
    Ok(runs)
}

/// An intervention as it was simulated, day by day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Simulated {
    run: RunId,
    metric_id: MetricId,
    name: String,
    kind: MetricKind,
    /// What the run said.
    summary: String,
    warnings: Vec<String>,
    first: Date,
    /// What the intervention adds on each day.
    change: Vec<f64>,
    /// Standard error of a day's change; days err together.
    sd: f64,
}

/// What an intervention adds to what was expected of a metric, over the steps of a plan's forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Supposed {
    pub run: RunId,
    pub metric_id: MetricId,
    /// What its simulation said.
    pub summary: String,
    pub starts: Vec<Date>,
    pub change: Vec<f64>,
    /// Standard deviation of each change's error.
    pub sd: Vec<f64>,
}

impl Simulated {
    pub async fn of(commands: &Commands, tenant: TenantId, run_id: RunId) -> Result<Result<Self, NoAnswer>, Fault> {
        let refused = |reason: String| Ok(Err(impossible(reason)));
        let run = commands.load::<Run>(tenant, &stream_id(run_id.stream())?).await?.state;
        let Some(requested) = run.requested.filter(|requested| requested.kind == RunKind::Intervention) else {
            return refused(format!("{run_id} is no simulated intervention of this business"));
        };
        let Some(RunEnd::Completed(completed)) = run.end else {
            return refused(format!("the intervention {run_id} has no answer"));
        };
        let request: InterventionRequest = serde_json::from_value(requested.request).map_err(Fault::internal)?;
        let Ok(answer) = serde_json::from_value::<InterventionAnswer>(completed.answer) else {
            return refused(format!("the intervention {run_id} is of an older shape: simulate it again"));
        };
        let Some(metric) = commands.reads.metric(tenant, answer.metric_id).await? else {
            return refused("the metric of an intervention does not exist in this business".to_owned());
        };
        let simulation = answer.simulation;
        Ok(Ok(Self {
            run: run_id,
            metric_id: answer.metric_id,
            name: metric.name,
            kind: metric.kind,
            summary: completed.summary,
            warnings: simulation.warnings,
            first: answer.first,
            change: simulation.path.iter().zip(&simulation.without).map(|(with, without)| with - without).collect(),
            sd: (request.impact * simulation.standard_error).abs(),
        }))
    }

    /// Over the steps of a forecast. Before the first simulated day nothing is changed; a step that goes on behind the last
    /// cannot be told.
    fn over(&self, foreseen: &Foreseen) -> Result<Supposed, NoAnswer> {
        let aggregation = default_aggregation(self.kind);
        let mut supposed = Supposed {
            run: self.run,
            metric_id: self.metric_id,
            summary: self.summary.clone(),
            starts: foreseen.starts.clone(),
            change: Vec::with_capacity(foreseen.starts.len()),
            sd: Vec::with_capacity(foreseen.starts.len()),
        };
        for start in &foreseen.starts {
            let end = foreseen.bucket.next(*start).ok_or_else(|| impossible(format!("{start} has no end")))?;
            let days = |date: Date| date.since(self.first).map(|span| i64::from(span.get_days())).map_err(impossible);
            let (from, until) = (days(*start)?.max(0) as usize, days(end)?.max(0) as usize);
            if until > self.change.len() {
                let reach = self.first.checked_add((self.change.len() as i64 - 1).days()).unwrap_or(self.first);
                let last = end.yesterday().unwrap_or(end);
                return Err(impossible(format!(
                    "what the intervention does to {} is simulated until {reach}, and the plan needs it until {last}: \
                     simulate it further",
                    self.name
                )));
            }
            let days = &self.change[from.min(until)..until];
            let (change, weight) = match aggregation {
                SeriesAggregation::Sum => (days.iter().sum(), days.len() as f64),
                _ => (days.last().copied().unwrap_or(0.0), f64::from(u8::from(!days.is_empty()))),
            };
            supposed.change.push(change);
            supposed.sd.push(weight * self.sd);
        }
        Ok(supposed)
    }
}

/// Adds what is simulated to what is foreseen, by the metrics' names in the problem.
pub(super) fn suppose(
    foreseen: &mut BTreeMap<String, Foreseen>,
    simulated: &[Simulated],
) -> Result<Vec<Supposed>, NoAnswer> {
    let mut supposed = Vec::new();
    for intervention in simulated {
        let mut met = false;
        for expected in foreseen.values_mut().filter(|expected| expected.metric_id == intervention.metric_id) {
            let added = intervention.over(expected)?;
            for (i, (change, sd)) in added.change.iter().zip(&added.sd).enumerate() {
                expected.mean[i] += change;
                expected.sd[i] = expected.sd[i].hypot(*sd);
            }
            // A metric may be named by its key and by its id.
            if !met {
                supposed.push(added);
            }
            met = true;
        }
        if !met {
            let name = &intervention.name;
            return Err(impossible(format!(
                "the intervention {} changes {name}, of which this problem expects nothing",
                intervention.run
            )));
        }
    }
    Ok(supposed)
}

/// What a reader of the plan should know.
pub(super) fn caveats(simulated: &[Simulated]) -> Vec<String> {
    let mut caveats = Vec::new();
    for Simulated { summary, warnings, .. } in simulated {
        caveats.push(format!("the plan supposes that this is done: {summary}"));
        caveats.extend(warnings.iter().cloned());
    }
    caveats
}

#[cfg(test)]
mod tests {
    use dyocense_domain::metrics::Bucket;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn simulated(kind: MetricKind, change: &[f64]) -> Simulated {
        Simulated {
            run: RunId::from(Uuid::nil()),
            metric_id: MetricId::from(Uuid::nil()),
            name: "Bread sold".into(),
            kind,
            summary: "more".into(),
            warnings: vec![],
            first: date("2026-03-02"),
            change: change.to_vec(),
            sd: 0.5,
        }
    }

    fn foreseen(bucket: Bucket, starts: &[&str]) -> BTreeMap<String, Foreseen> {
        let expected = Foreseen {
            metric: "bread".into(),
            metric_id: MetricId::from(Uuid::nil()),
            name: "Bread sold".into(),
            unit: "loaves".into(),
            bucket,
            starts: starts.iter().map(|start| date(start)).collect(),
            mean: vec![10.0; starts.len()],
            sd: vec![1.2; starts.len()],
            common: 0.0,
            forecast: None,
        };
        BTreeMap::from([("bread".to_owned(), expected)])
    }

    #[test]
    fn days_add_up_to_steps_and_the_days_before_stay() {
        // A Sunday, then two weeks from a Monday on.
        let mut days = foreseen(Bucket::Day, &["2026-03-01", "2026-03-02", "2026-03-03"]);
        suppose(&mut days, &[simulated(MetricKind::Flow, &[1.0, 2.0])]).unwrap();
        assert_eq!(days["bread"].mean, [10.0, 11.0, 12.0]);
        assert_eq!(days["bread"].sd, [1.2, 1.3, 1.3]);
        let mut weeks = foreseen(Bucket::Week, &["2026-02-23", "2026-03-02"]);
        let change = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0];
        let added = suppose(&mut weeks, &[simulated(MetricKind::Flow, &change)]).unwrap();
        assert_eq!((&added[0].change, &added[0].sd), (&vec![0.0, 9.0], &vec![0.0, 3.5]));
        // A level is what it is on the last day.
        let mut weeks = foreseen(Bucket::Week, &["2026-03-02"]);
        let added = suppose(&mut weeks, &[simulated(MetricKind::Level, &change)]).unwrap();
        assert_eq!((&added[0].change, &added[0].sd), (&vec![3.0], &vec![0.5]));
    }

    #[test]
    fn what_was_not_simulated_or_is_not_asked_for_is_refused() {
        let short = [simulated(MetricKind::Flow, &[1.0])];
        let refused = suppose(&mut foreseen(Bucket::Day, &["2026-03-02", "2026-03-03"]), &short).unwrap_err();
        let NoAnswer::Impossible(reason) = refused else { panic!("{refused:?}") };
        assert!(reason.contains("until 2026-03-02") && reason.contains("until 2026-03-03"), "{reason}");
        assert!(suppose(&mut BTreeMap::new(), &short).is_err());
        let run = Uuid::nil();
        assert_eq!(read(&json!({})), Ok(vec![]));
        assert_eq!(read(&json!({"interventions": [{"run": run}]})), Ok(vec![RunId::from(run)]));
        assert!(read(&json!({"interventions": [{"run": run}, {"run": run}]})).unwrap_err().contains("twice"));
        assert!(read(&json!({"interventions": [{"run": "soon"}]})).unwrap_err().starts_with("interventions: "));
        assert!(read(&json!({"interventions": {"run": run}})).is_err());
        let many: Vec<Value> = (0..21).map(|i| json!({"run": Uuid::from_u128(i)})).collect();
        assert!(read(&json!({"interventions": many})).unwrap_err().contains("at most 20"));
    }
}
