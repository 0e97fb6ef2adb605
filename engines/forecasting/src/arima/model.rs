//! The models that ARIMA averages: what the search found, each also for the series without its outliers.
//!
//! Whether a slump was one of a kind or may come again no criterion knows. The two are averaged, by how each would have
//! foretold the horizon before: an outlier that is taken for one wrongly costs half.

use super::{Budget, Fit, outliers, refit, search_each};
use crate::forecast::Prediction;

/// A fitted model and whether it looks at the series with or without what it takes for outliers.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    fit: Fit,
    cleaned: bool,
    /// Akaike's corrected criterion of the model of the whole series.
    pub criterion: f64,
}

/// Lists of models, best first, as [`search_each`] has them; one without outliers follows the one with them.
pub(crate) fn candidates(y: &[f64], season: usize, exogenous: &[Vec<f64>], budget: &mut Budget) -> Vec<Vec<Model>> {
    let lists = search_each(y, season, exogenous, budget);
    let mut both = |fit: Fit| {
        let clean = outliers::cleaned(y, exogenous, &fit);
        let twin = clean.and_then(|clean| refit(&clean, exogenous, &fit, budget));
        let criterion = fit.aicc;
        let whole = Model { fit, cleaned: false, criterion };
        [Some(whole), twin.map(|fit| Model { fit, cleaned: true, criterion })].into_iter().flatten()
    };
    lists.into_iter().map(|list| list.into_iter().flat_map(&mut both).collect()).collect()
}

/// The models again on another stretch of the series, where they could be fitted, with their weights. Two that differ in
/// the outliers only share what they estimate there.
pub(crate) fn refit_all<'m>(
    models: &'m [(Model, f64)],
    y: &'m [f64],
    exogenous: &'m [Vec<f64>],
    budget: &'m mut Budget,
) -> impl Iterator<Item = (Model, f64)> + 'm {
    let mut last: Option<Fit> = None;
    models.iter().filter_map(move |(model, weight)| {
        let seen = model.seen(y, exogenous);
        let shared = last.as_ref().filter(|fit| model.cleaned && fit.spec == model.fit.spec);
        let fit = match shared {
            Some(fit) => fit.as_known_from(&seen, exogenous)?,
            None => refit(&seen, exogenous, &model.fit, budget)?,
        };
        last = Some(fit.clone());
        Some((Model { fit, ..*model }, *weight))
    })
}

impl Model {
    fn seen(&self, y: &[f64], exogenous: &[Vec<f64>]) -> Vec<f64> {
        let clean = if self.cleaned { outliers::cleaned(y, exogenous, &self.fit) } else { None };
        clean.unwrap_or_else(|| y.to_vec())
    }

    /// As [`Fit::of_columns`].
    pub(crate) fn of_columns(&self, exogenous: &[Vec<f64>]) -> Vec<f64> {
        self.fit.of_columns(exogenous)
    }

    /// As [`Fit::predict`].
    pub(crate) fn predict(&self, y: &[f64], exogenous: &[Vec<f64>], horizon: usize) -> Option<Prediction> {
        let mut prediction = self.fit.predict(&self.seen(y, exogenous), exogenous, horizon)?;
        if self.cleaned {
            prediction.label += " without outliers";
        }
        Some(prediction)
    }

    /// What the model would have foretold from the end of `y`, a beginning of the series: with the parameters that it has,
    /// the state and the outliers that were known then.
    pub(crate) fn foretell(&self, y: &[f64], exogenous: &[Vec<f64>], steps: usize) -> Option<Vec<f64>> {
        let seen = self.seen(y, exogenous);
        let then = self.fit.as_known_from(&seen, exogenous)?;
        Some(then.predict(&seen, exogenous, steps)?.mean)
    }
}
