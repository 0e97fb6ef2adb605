//! Forecasts that were kept, scored against what then happened.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use dyocense_domain::ids::MetricId;
use dyocense_domain::metrics::Bucket;
use dyocense_eventlog::TenantId;
use jiff::civil::Date;

use super::backtest::LevelCoverage;
use super::forecast::ForecastAnswer;
use super::history::History;
use crate::error::Fault;
use crate::execute::Commands;

/// How a forecast did, as far as its steps are over.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastScore {
    /// Steps that are over and whose value is known.
    pub steps: usize,
    /// In the metric's unit.
    pub mean_absolute_error: f64,
    /// Mean of forecast less actual: above 0 it promised too much.
    pub bias: f64,
    /// How often the intervals held.
    pub coverage: Vec<LevelCoverage>,
}

impl Commands {
    /// Scores answers about one metric; None for those of which nothing is known yet.
    pub async fn score_forecasts(
        &self,
        tenant: TenantId,
        metric: MetricId,
        answers: &[ForecastAnswer],
    ) -> Result<Vec<Option<ForecastScore>>, Fault> {
        let mut known: BTreeMap<Bucket, BTreeMap<Date, f64>> = BTreeMap::new();
        for answer in answers {
            if let Entry::Vacant(unknown) = known.entry(answer.bucket) {
                let history = History::of_metric(self, tenant, metric, Some(answer.bucket)).await?;
                unknown.insert(history.map(|history| history.dated()).unwrap_or_default());
            }
        }
        Ok(answers.iter().map(|answer| score(answer, &known[&answer.bucket])).collect())
    }
}

fn score(answer: &ForecastAnswer, actual: &BTreeMap<Date, f64>) -> Option<ForecastScore> {
    let over: Vec<(usize, f64)> =
        answer.starts.iter().enumerate().filter_map(|(i, start)| Some((i, *actual.get(start)?))).collect();
    let count = over.len();
    if count == 0 {
        return None;
    }
    let mean =
        |of: &dyn Fn(usize, f64) -> f64| over.iter().map(|(i, value)| of(*i, *value)).sum::<f64>() / count as f64;
    let coverage = answer.bands.iter().map(|band| LevelCoverage {
        level: band.level,
        covered: 100.0 * mean(&|i, value| f64::from(u8::from(band.lower[i] <= value && value <= band.upper[i]))),
    });
    Some(ForecastScore {
        steps: count,
        mean_absolute_error: mean(&|i, value| (answer.mean[i] - value).abs()),
        bias: mean(&|i, value| answer.mean[i] - value),
        coverage: coverage.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::forecast::Band;
    use super::super::history::HistorySpan;
    use super::*;

    #[test]
    fn only_steps_that_are_over_count() {
        let day = |text: &str| -> Date { text.parse().unwrap() };
        let answer = ForecastAnswer {
            metric_id: MetricId::from(uuid::Uuid::nil()),
            unit: "USD".into(),
            bucket: Bucket::Day,
            history: HistorySpan { first: day("2026-01-01"), last: day("2026-01-31"), steps: 31 },
            model: "ETS(A,N,N)".into(),
            members: vec![],
            starts: vec![day("2026-02-01"), day("2026-02-02"), day("2026-02-03")],
            mean: vec![10.0, 10.0, 10.0],
            sd: vec![],
            common: 0.0,
            bands: vec![Band { level: 80.0, lower: vec![8.0; 3], upper: vec![12.0; 3] }],
            total: None,
            trading_days: None,
            learned_from: vec![],
            values_sha256: None,
        };
        let actual = BTreeMap::from([(day("2026-02-01"), 11.0), (day("2026-02-02"), 5.0)]);
        let score = score(&answer, &actual).unwrap();
        assert_eq!((score.steps, score.mean_absolute_error, score.bias), (2, 3.0, 2.0));
        assert_eq!(score.coverage, [LevelCoverage { level: 80.0, covered: 50.0 }]);
        assert_eq!(super::score(&answer, &BTreeMap::new()), None);
    }
}
