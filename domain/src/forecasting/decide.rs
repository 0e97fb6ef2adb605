use super::events::*;
use super::findings::{Findings, JudgedStep};
use super::state::{Insights, Told};
use crate::ids::RunId;

/// What of `findings`, which the run `run_id` brought, people have not been told yet.
///
/// A step is told once. Where its value was corrected since, it is told again if it is still odd, and taken back if it
/// is not; where the value is the same nothing changes, whatever newer steps make of it.
pub fn record(insights: &Insights, findings: &Findings, run_id: RunId) -> Vec<InsightEvent> {
    let mut events = Vec::new();
    for step in &findings.steps {
        let subject = InsightSubject {
            metric_id: findings.metric_id,
            metric: findings.metric.clone(),
            unit: findings.unit.clone(),
            bucket: findings.bucket,
            start: step.start,
            run_id,
        };
        let at = (findings.bucket, step.start);
        let mut told_as_anomaly = false;
        match verdict(step, insights.anomalies.get(&at), step.oddity.as_ref()) {
            Verdict::Tell { value, what, again } => {
                told_as_anomaly = true;
                let detected = MetricAnomalyDetected { subject: subject.clone(), value, oddity: what.clone(), again };
                events.push(detected.into());
            }
            Verdict::Withdraw { was } => {
                let withdrawn = MetricAnomalyWithdrawn { subject: subject.clone(), was, value: step.value };
                events.push(withdrawn.into());
            }
            Verdict::Nothing => {}
        }
        match verdict(step, insights.breaches.get(&at), step.breach.as_ref()) {
            Verdict::Tell { value, what, again } => {
                events.push(ForecastBreached { subject, value, breach: what.clone(), told_as_anomaly, again }.into());
            }
            Verdict::Withdraw { was } => {
                events.push(ForecastBreachWithdrawn { subject, was, value: step.value }.into());
            }
            Verdict::Nothing => {}
        }
    }
    events
}

enum Verdict<'a, T> {
    Tell { value: f64, what: &'a T, again: bool },
    Withdraw { was: f64 },
    Nothing,
}

fn verdict<'a, T>(step: &JudgedStep, told: Option<&Told>, found: Option<&'a T>) -> Verdict<'a, T> {
    match (told, found, step.value) {
        (None, Some(what), Some(value)) if step.is_news => Verdict::Tell { value, what, again: false },
        (Some(told), _, value) if told.value == value => Verdict::Nothing,
        (Some(_), Some(what), Some(value)) => Verdict::Tell { value, what, again: true },
        (Some(Told { value: Some(was), explanation: Some(_) }), _, _) => Verdict::Withdraw { was: *was },
        _ => Verdict::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Date, date};
    use uuid::Uuid;

    use super::super::findings::{AnomalyKind, BreachFinding, Oddity};
    use super::*;
    use crate::event::{Aggregate, DomainEvent};
    use crate::ids::MetricId;
    use crate::metrics::Bucket;

    const DAY: Date = date(2026, 3, 3);

    fn oddity() -> Option<Oddity> {
        let explanation = "Tuesday was odd".to_owned();
        Some(Oddity { kind: AnomalyKind::Spike, expected: 100.0, score: 6.0, p: 1e-6, explanation })
    }

    fn breach() -> Option<BreachFinding> {
        Some(BreachFinding {
            forecast_id: RunId::from(Uuid::nil()),
            expected: 100.0,
            level: 99.0,
            lower: 80.0,
            upper: 120.0,
            steps: 1,
            explanation: "above the forecast".to_owned(),
        })
    }

    fn step(value: Option<f64>, oddity: Option<Oddity>, breach: Option<BreachFinding>, is_news: bool) -> JudgedStep {
        JudgedStep { start: DAY, value, is_news, oddity, breach }
    }

    fn look(insights: &Insights, step: JudgedStep) -> (Insights, Vec<&'static str>) {
        let findings = Findings {
            metric_id: MetricId::from(Uuid::nil()),
            metric: "Revenue".into(),
            unit: "USD".into(),
            bucket: Bucket::Day,
            steps: vec![step],
        };
        let events = record(insights, &findings, RunId::from(Uuid::nil()));
        let names = events.iter().map(|event| event.event_type().name).collect();
        (events.iter().fold(insights.clone(), Insights::evolve), names)
    }

    #[test]
    fn a_step_is_told_once() {
        let (told, events) = look(&Insights::default(), step(Some(200.0), oddity(), breach(), true));
        assert_eq!(events, ["MetricAnomalyDetected", "ForecastBreached"]);
        assert_eq!(told.newest_since(DAY), Some((DAY, "Tuesday was odd")));
        // Neither the same finding nor a milder one on the same value changes what was told.
        assert_eq!(look(&told, step(Some(200.0), oddity(), breach(), true)).1, [""; 0]);
        assert_eq!(look(&told, step(Some(200.0), None, None, true)).1, [""; 0]);
    }

    #[test]
    fn a_breach_beside_an_anomaly_says_so() {
        let findings = Findings {
            metric_id: MetricId::from(Uuid::nil()),
            metric: "Revenue".into(),
            unit: "USD".into(),
            bucket: Bucket::Day,
            steps: vec![step(Some(200.0), oddity(), breach(), true)],
        };
        let events = record(&Insights::default(), &findings, RunId::from(Uuid::nil()));
        assert!(matches!(&events[1], InsightEvent::ForecastBreached(fact) if fact.told_as_anomaly), "{events:?}");
    }

    #[test]
    fn old_steps_do_not_alert() {
        assert_eq!(look(&Insights::default(), step(Some(200.0), oddity(), breach(), false)).1, [""; 0]);
    }

    #[test]
    fn a_corrected_value_takes_back_or_repeats() {
        let (told, _) = look(&Insights::default(), step(Some(200.0), oddity(), None, true));
        let (repeated, events) = look(&told, step(Some(300.0), oddity(), None, false));
        assert_eq!(events, ["MetricAnomalyDetected"]);
        let (withdrawn, events) = look(&repeated, step(Some(101.0), None, None, false));
        assert_eq!(events, ["MetricAnomalyWithdrawn"]);
        assert_eq!(withdrawn.newest_since(DAY), None);
        assert_eq!(look(&withdrawn, step(Some(101.0), None, None, false)).1, [""; 0]);
        // A correction of the correction brings it back.
        assert_eq!(look(&withdrawn, step(Some(300.0), oddity(), None, false)).1, ["MetricAnomalyDetected"]);
        // A step whose points were taken back is not odd.
        assert_eq!(look(&told, step(None, None, None, false)).1, ["MetricAnomalyWithdrawn"]);
    }
}
