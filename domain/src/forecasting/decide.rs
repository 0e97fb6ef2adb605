use super::events::*;
use super::findings::{Findings, JudgedStep};
use super::state::{Insights, Told};
use crate::ids::RunId;

/// What of `findings`, which the run `run_id` brought, people have not been told yet.
///
/// A step is told once. Where its value was corrected since, it is taken back if it is odd no more; if it still is, what
/// was told is put right, which is news only where it is odd to the other side now. Where the value is the same nothing
/// changes, whatever newer steps make of it.
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
        let (mut told_as_anomaly, mut withdrawn_as_anomaly) = (false, false);
        let oddity = step.oddity.as_ref().map(|oddity| (oddity, oddity.expected));
        match verdict(step, insights.anomalies.get(&at), oddity) {
            Verdict::Tell { value, what, again } => {
                told_as_anomaly = true;
                let detected = MetricAnomalyDetected { subject: subject.clone(), value, oddity: what.clone(), again };
                events.push(detected.into());
            }
            Verdict::Withdraw { was } => {
                withdrawn_as_anomaly = true;
                let withdrawn = MetricAnomalyWithdrawn { subject: subject.clone(), was, value: step.value };
                events.push(withdrawn.into());
            }
            Verdict::Nothing => {}
        }
        let breach = step.breach.as_ref().map(|breach| (breach, breach.expected));
        match verdict(step, insights.breaches.get(&at), breach) {
            Verdict::Tell { value, what, again } => {
                // Who heard that it is odd no more has to hear that it is a breach still.
                let again = again && !withdrawn_as_anomaly;
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

/// `found` is what was found, and what was expected instead.
fn verdict<'a, T>(step: &JudgedStep, told: Option<&Told>, found: Option<(&'a T, f64)>) -> Verdict<'a, T> {
    match (told, found, step.value) {
        (None, Some((what, _)), Some(value)) if step.is_news => Verdict::Tell { value, what, again: false },
        (Some(told), _, value) if told.value == value => Verdict::Nothing,
        (Some(told), Some((what, expected)), Some(value)) => {
            let stands = told.value.filter(|_| told.explanation.is_some());
            let again = stands.is_some_and(|was| (was > expected) == (value > expected));
            Verdict::Tell { value, what, again }
        }
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

    fn recorded(insights: &Insights, step: JudgedStep) -> Vec<InsightEvent> {
        let findings = Findings {
            metric_id: MetricId::from(Uuid::nil()),
            metric: "Revenue".into(),
            unit: "USD".into(),
            bucket: Bucket::Day,
            steps: vec![step],
        };
        record(insights, &findings, RunId::from(Uuid::nil()))
    }

    fn look(insights: &Insights, step: JudgedStep) -> (Insights, Vec<&'static str>) {
        let events = recorded(insights, step);
        let names = events.iter().map(|event| event.event_type().name).collect();
        (events.iter().fold(insights.clone(), Insights::evolve), names)
    }

    fn is_again(insights: &Insights, step: JudgedStep) -> bool {
        match recorded(insights, step).as_slice() {
            [InsightEvent::MetricAnomalyDetected(fact)] => fact.again,
            other => panic!("{other:?}"),
        }
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
        assert!(is_again(&told, step(Some(300.0), oddity(), None, false)));
        // As odd as before, but to the other side: that is news.
        assert!(!is_again(&told, step(Some(20.0), oddity(), None, false)));
        let (withdrawn, events) = look(&repeated, step(Some(101.0), None, None, false));
        assert_eq!(events, ["MetricAnomalyWithdrawn"]);
        assert_eq!(withdrawn.newest_since(DAY), None);
        assert_eq!(look(&withdrawn, step(Some(101.0), None, None, false)).1, [""; 0]);
        // A correction of the correction brings it back, which is news.
        assert!(!is_again(&withdrawn, step(Some(300.0), oddity(), None, false)));
        assert_eq!(look(&withdrawn, step(Some(300.0), oddity(), None, false)).1, ["MetricAnomalyDetected"]);
        // A step whose points were taken back is not odd.
        assert_eq!(look(&told, step(None, None, None, false)).1, ["MetricAnomalyWithdrawn"]);
    }
}
