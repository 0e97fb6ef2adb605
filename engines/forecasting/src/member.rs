//! Members of the ensemble: a family's best model for a series, and the recipe to fit the same again on a shorter
//! stretch of it.

use crate::arima::{self, Budget};
use crate::forecast::Prediction;
use crate::stl::{MultipleDecomposition, mstl};
use crate::{ets, intermittent, naive, theta};

/// A family of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Naive,
    Ets,
    Theta,
    Arima,
    Intermittent,
    /// One model over the whole set; fitted outside this module.
    Trees,
    /// Fitted outside this module too: it needs dates.
    Prophet,
}

/// What a search chose, fit to be fitted again.
#[derive(Debug, Clone)]
pub(crate) enum Recipe {
    Naive,
    Ets(Vec<ets::Spec>),
    Theta(Vec<theta::Form>),
    Arima(Box<arima::Fit>),
    Intermittent,
    /// Seasons taken out by MSTL, the rest forecast by the inner recipe without a season.
    Adjusted {
        seasons: Vec<usize>,
        inner: Box<Recipe>,
    },
}

/// Longest season that ARIMA and ETS model themselves; longer ones are taken out first.
const LONGEST_OWN_SEASON: usize = 24;
/// Elementary operations allowed to one ARIMA search: about a second.
const ARIMA_OPERATIONS: u64 = 1_500_000_000;
/// Newest points that ARIMA looks at.
const ARIMA_HISTORY: usize = 3_000;

/// Chooses and fits the family's model. `exogenous` columns cover series and horizon (used by ARIMA only).
pub(crate) fn fit(
    family: Family,
    y: &[f64],
    season: usize,
    exogenous: &[Vec<f64>],
    horizon: usize,
) -> Option<(Recipe, Prediction)> {
    let seasons = seasons_to_remove(family, y, season);
    if !seasons.is_empty() {
        let parts = mstl(y, &seasons);
        let adjusted = without_seasons(y, &parts);
        let (inner, prediction) = fit_plain(family, &adjusted, 1, exogenous, horizon)?;
        let whole = with_seasons(prediction, &parts, &seasons, y.len());
        return Some((Recipe::Adjusted { seasons, inner: Box::new(inner) }, whole));
    }
    fit_plain(family, y, season, exogenous, horizon)
}

fn fit_plain(
    family: Family,
    y: &[f64],
    season: usize,
    exogenous: &[Vec<f64>],
    horizon: usize,
) -> Option<(Recipe, Prediction)> {
    let (recipe, prediction) = match family {
        Family::Naive => (Recipe::Naive, naive::seasonal_naive(y, season, horizon)),
        Family::Ets => {
            let best = ets::search(y, season).into_iter().next()?;
            (Recipe::Ets(vec![best.spec]), best.predict(y, horizon))
        }
        Family::Theta => {
            let best = theta::search(y, season).into_iter().next()?;
            (Recipe::Theta(vec![best.form]), best.predict(y, horizon))
        }
        Family::Arima => {
            let start = y.len().saturating_sub(ARIMA_HISTORY).div_ceil(season.max(1)) * season.max(1);
            let cut = cut_columns(exogenous, start);
            let best =
                arima::search(&y[start..], season, &cut, &mut Budget::new(ARIMA_OPERATIONS)).into_iter().next()?;
            let mut prediction = best.predict(&y[start..], &cut, horizon)?;
            prediction.fitted.splice(0..0, y[..start].iter().copied());
            (Recipe::Arima(Box::new(best)), prediction)
        }
        Family::Intermittent => (Recipe::Intermittent, intermittent::combined(y, horizon)),
        Family::Trees | Family::Prophet => return None,
    };
    prediction.is_finite().then_some((recipe, prediction))
}

/// Fits the recipe's own models again on `y`.
pub(crate) fn refit(
    recipe: &Recipe,
    y: &[f64],
    season: usize,
    exogenous: &[Vec<f64>],
    horizon: usize,
) -> Option<Prediction> {
    let prediction = match recipe {
        Recipe::Naive => naive::seasonal_naive(y, season, horizon),
        Recipe::Ets(specs) => ets::refit(y, *specs.first()?)?.predict(y, horizon),
        Recipe::Theta(forms) => theta::refit(y, season, *forms.first()?).predict(y, horizon),
        Recipe::Arima(fit) => {
            let start = y.len().saturating_sub(ARIMA_HISTORY).div_ceil(season.max(1)) * season.max(1);
            let cut = cut_columns(exogenous, start);
            let mut budget = Budget::new(ARIMA_OPERATIONS / 4);
            let again = arima::refit(&y[start..], &cut, fit, &mut budget)?;
            let mut prediction = again.predict(&y[start..], &cut, horizon)?;
            prediction.fitted.splice(0..0, y[..start].iter().copied());
            prediction
        }
        Recipe::Intermittent => {
            if y.iter().all(|v| *v == 0.0) {
                return None;
            }
            intermittent::combined(y, horizon)
        }
        Recipe::Adjusted { seasons, inner } => {
            if seasons.iter().any(|m| 2 * m >= y.len()) {
                return None;
            }
            let parts = mstl(y, seasons);
            let adjusted = without_seasons(y, &parts);
            with_seasons(refit(inner, &adjusted, 1, exogenous, horizon)?, &parts, seasons, y.len())
        }
    };
    prediction.is_finite().then_some(prediction)
}

/// Seasons that the family cannot model itself and that the series is long enough to show.
fn seasons_to_remove(family: Family, y: &[f64], season: usize) -> Vec<usize> {
    if matches!(family, Family::Naive | Family::Intermittent) || y.len() < 3 * season {
        return Vec::new();
    }
    // A day of hours has a week around it.
    if season == 24 && y.len() >= 3 * 168 {
        return vec![24, 168];
    }
    // Theta's own index averages over all cycles, which a long season has few of.
    if season > LONGEST_OWN_SEASON && family != Family::Theta { vec![season] } else { Vec::new() }
}

fn without_seasons(y: &[f64], parts: &MultipleDecomposition) -> Vec<f64> {
    let mut out = y.to_vec();
    for seasonal in &parts.seasonals {
        for (v, s) in out.iter_mut().zip(seasonal) {
            *v -= s;
        }
    }
    out
}

/// Adds each season's last cycle to the forecast, and its history to the fitted values.
fn with_seasons(mut p: Prediction, parts: &MultipleDecomposition, seasons: &[usize], n: usize) -> Prediction {
    for (seasonal, &m) in parts.seasonals.iter().zip(seasons) {
        for (h, value) in p.mean.iter_mut().enumerate() {
            *value += seasonal[n - m + h % m];
        }
        for (value, s) in p.fitted.iter_mut().zip(seasonal) {
            *value += s;
        }
    }
    let list: Vec<String> = seasons.iter().map(|m| m.to_string()).collect();
    p.label = format!("MSTL[{}]+{}", list.join(","), p.label);
    p
}

fn cut_columns(columns: &[Vec<f64>], start: usize) -> Vec<Vec<f64>> {
    columns.iter().map(|c| c[start..].to_vec()).collect()
}
