//! Errors of backtests over the spread that was foretold.

/// Errors of one series from earlier origins over the standard deviation foretold, by step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scores {
    /// Steps on which intervals are calibrated, whatever the horizon.
    pub span: usize,
    /// Errors from the origins on which intervals are calibrated, the newest first; `span` steps at most.
    pub near: Vec<Vec<f64>>,
    /// Errors from all origins, the newest first, as far as any of them reach.
    pub whole: Vec<Vec<f64>>,
}

impl Scores {
    /// Of all `origins`, the newest first, those that are `usual` calibrate intervals on their first `span` steps.
    pub(crate) fn new(span: usize, origins: impl IntoIterator<Item = (Vec<f64>, bool)>) -> Scores {
        let mut scores = Scores { span, ..Scores::default() };
        for (errors, usual) in origins {
            if usual {
                scores.near.push(errors[..span.min(errors.len())].to_vec());
            }
            scores.whole.push(errors);
        }
        scores
    }

    pub(crate) fn count(&self) -> usize {
        self.near.iter().map(Vec::len).sum()
    }
}

/// Weight of an origin against the next newer one.
const FORGETTING: f64 = 0.8;

/// Weights of origins, the newest first.
pub(crate) fn ages() -> impl Iterator<Item = f64> {
    std::iter::successors(Some(1.0), |w| Some(w * FORGETTING))
}

/// Logs of the sizes of one origin's errors are cut here. A spread foretold from few points can be tiny by accident, and an
/// exact backtest does not promise an exact future: neither may rule the next interval.
const LOG_SIZE: (f64, f64) = (-1.5, 1.5);

/// Log of the root mean square of the errors of one origin; `None` where there are none.
pub(crate) fn log_size(errors: &[f64]) -> Option<f64> {
    let squares = errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64;
    (!errors.is_empty()).then(|| (0.5 * squares.ln()).clamp(LOG_SIZE.0, LOG_SIZE.1))
}
