//! Members of the ensemble: a family's best model for a series, and the recipe to fit the same again on a shorter
//! stretch of it.

use crate::arima::{self, Budget};
use crate::forecast::Prediction;
use crate::seasonality::{SeasonalIndex, latest};
use crate::shrunken_season::shrunken;
use crate::stl::{MultipleDecomposition, mstl};
use crate::{ets, intermittent, naive, retrospect, theta};

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
    /// Models near the best and their weights.
    Ets(Vec<(ets::Spec, f64)>),
    Theta(Vec<(theta::Variant, f64)>),
    Arima(Vec<(arima::Model, f64)>),
    Intermittent,
    /// Seasons taken out by MSTL, the rest forecast by the inner recipe without a season.
    Adjusted {
        seasons: Vec<usize>,
        inner: Box<Recipe>,
    },
    /// The season taken out by its index, the rest forecast by the inner recipe without a season.
    Indexed {
        family: Family,
        inner: Box<Recipe>,
    },
}

/// Longest season that ARIMA and ETS model themselves; longer ones are taken out first.
const LONGEST_OWN_SEASON: usize = 24;
/// Cycles that a family needs to tell a season better than by how far it has repeated: ETS and ARIMA fit one from the third
/// on, Theta's test of autocorrelation is blind before the fifth (on stretches of the open series of two to five cycles its
/// MASE falls by 5 to 70 %), and of a season too long to fit the pattern of the last cycles is mostly noise before the
/// twentieth.
const CYCLES_FOR_FIT: usize = 3;
const CYCLES_FOR_TEST: usize = 5;
const CYCLES_OF_LONG_SEASON: usize = 20;
/// Elementary operations allowed to one ARIMA search: about a second.
const ARIMA_OPERATIONS: u64 = 1_500_000_000;
/// Models of one family, and of the same differences, that are averaged at most, and the least weight, against the best
/// one's, that is worth a fit.
const ETS_AVERAGED: usize = 8;
const THETA_AVERAGED: usize = 4;
/// With and without outliers.
const ARIMA_AVERAGED: usize = 2 * arima::FINALISTS;
const LEAST_WEIGHT: f64 = 0.05;
/// Weights fall with a tenth to a fifth of what Akaike's criterion says of the evidence: it knows the errors inside the
/// series one step ahead, not those of the horizon, which [`retrospect`] looks at. Theta's models differ in how they go on,
/// and half of the evidence is better there.
const ETS_EVIDENCE: f64 = 0.05;
const ARIMA_EVIDENCE: f64 = 0.1;
const THETA_EVIDENCE: f64 = 0.25;
/// Models of an average that are named in its label.
const NAMED: usize = 4;
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
    if let Some(index) = season_apart(family, y, season) {
        let adjusted = matches!(index, SeasonalIndex::Additive(_));
        let (inner, prediction) = fit_plain(family, &index.remove(y), 1, adjusted, exogenous, horizon)?;
        return Some((Recipe::Indexed { family, inner: Box::new(inner) }, with_index(prediction, &index, y.len())));
    }
    let seasons = seasons_to_remove(family, y, season);
    if !seasons.is_empty() {
        let parts = mstl(y, &seasons);
        let adjusted = without_seasons(y, &parts);
        let (inner, prediction) = fit_plain(family, &adjusted, 1, true, exogenous, horizon)?;
        let whole = with_seasons(prediction, &parts, &seasons, y.len());
        return Some((Recipe::Adjusted { seasons, inner: Box::new(inner) }, whole));
    }
    fit_plain(family, y, season, false, exogenous, horizon)
}

/// `adjusted` says that seasons were taken off the series.
fn fit_plain(
    family: Family,
    y: &[f64],
    season: usize,
    adjusted: bool,
    exogenous: &[Vec<f64>],
    horizon: usize,
) -> Option<(Recipe, Prediction)> {
    let (recipe, prediction) = match family {
        Family::Naive => (Recipe::Naive, naive::seasonal_naive(y, season, horizon)),
        Family::Ets => {
            let mut fits = ets::search(y, season);
            let mut weights = evidence(fits.iter().map(|f| f.aicc), ETS_EVIDENCE, ETS_AVERAGED);
            fits.truncate(weights.len());
            retrospect::weigh(&mut weights, y, season, horizon, |model, origin, steps| {
                Some(fits[model].predict(&y[..origin], steps).mean)
            });
            let (fits, weights) = worth_a_fit(fits, weights);
            let parts = fits.iter().zip(&weights).map(|(f, w)| (f.predict(y, horizon), *w)).collect();
            (Recipe::Ets(fits.iter().map(|f| f.spec).zip(weights).collect()), average(parts)?)
        }
        Family::Theta => {
            // What is left of a series when seasons were taken off it goes on by sums too.
            let trends: &[theta::Trend] = if adjusted { &[theta::Trend::Additive] } else { &theta::Trend::ALL };
            let lists = theta::search(y, season, trends);
            let (fits, weights) = weigh(lists, THETA_EVIDENCE, THETA_AVERAGED, |f| y.len() as f64 * f.loss);
            let parts = fits.iter().zip(&weights).map(|(f, w)| (f.predict(y, horizon), *w)).collect();
            (Recipe::Theta(fits.iter().map(|f| f.variant).zip(weights).collect()), average(parts)?)
        }
        Family::Arima => {
            let start = y.len().saturating_sub(ARIMA_HISTORY).div_ceil(season.max(1)) * season.max(1);
            let cut = cut_columns(exogenous, start);
            let mut lists = arima::candidates(&y[start..], season, &cut, &mut Budget::new(ARIMA_OPERATIONS));
            // Columns stay where they can be estimated, also where they do not pay: whoever asks what they do is to hear
            // how little it is, and how sure that is.
            if lists.iter().all(Vec::is_empty) && !cut.is_empty() {
                lists = arima::candidates(&y[start..], season, &[], &mut Budget::new(ARIMA_OPERATIONS));
            }
            let (fits, mut weights) = weigh(lists, ARIMA_EVIDENCE, ARIMA_AVERAGED, |f| f.criterion);
            let known = &y[start..];
            retrospect::weigh(&mut weights, known, season, horizon, |model, origin, steps| {
                fits[model].foretell(&known[..origin], &cut, steps)
            });
            let (fits, weights) = worth_a_fit(fits, weights);
            let parts: Option<Vec<_>> =
                fits.iter().zip(&weights).map(|(f, w)| Some((f.predict(known, &cut, horizon)?, *w))).collect();
            let mut prediction = average(parts?)?;
            prediction.fitted.splice(0..0, y[..start].iter().copied());
            (Recipe::Arima(fits.into_iter().zip(weights).collect()), prediction)
        }
        Family::Intermittent => (Recipe::Intermittent, intermittent::combined(y, horizon)),
        Family::Trees | Family::Prophet => return None,
    };
    let prediction = prediction.kept_in_reach(y, season);
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
        Recipe::Ets(specs) => {
            average(specs.iter().filter_map(|(s, w)| Some((ets::refit(y, *s)?.predict(y, horizon), *w))).collect())?
        }
        Recipe::Theta(variants) => average(
            variants.iter().filter_map(|(v, w)| Some((theta::refit(y, season, *v)?.predict(y, horizon), *w))).collect(),
        )?,
        Recipe::Arima(fits) => {
            let start = y.len().saturating_sub(ARIMA_HISTORY).div_ceil(season.max(1)) * season.max(1);
            let cut = cut_columns(exogenous, start);
            let mut budget = Budget::new(ARIMA_OPERATIONS / 4);
            let again = arima::refit_all(fits, &y[start..], &cut, &mut budget);
            let parts = again.filter_map(|(model, w)| Some((model.predict(&y[start..], &cut, horizon)?, w)));
            let mut prediction = average(parts.collect())?;
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
        Recipe::Indexed { family, inner } => {
            let index = season_apart(*family, y, season)?;
            with_index(refit(inner, &index.remove(y), 1, exogenous, horizon)?, &index, y.len())
        }
    };
    let apart = matches!(recipe, Recipe::Adjusted { .. } | Recipe::Indexed { .. });
    // What was taken off lies in reach already.
    let prediction = if apart { prediction } else { prediction.kept_in_reach(y, season) };
    prediction.is_finite().then_some(prediction)
}

/// What a regression with ARIMA errors says that the columns explain of each point of history and horizon, with mean zero
/// over the history. `None` where there is none.
pub(crate) fn explained(y: &[f64], season: usize, exogenous: &[Vec<f64>]) -> Option<Vec<f64>> {
    let reach = exogenous.iter().map(Vec::len).min().filter(|reach| *reach > y.len())?;
    let (recipe, _) = fit(Family::Arima, y, season, exogenous, reach - y.len())?;
    let mut effect = vec![0.0; reach];
    recipe.of_columns(exogenous, &mut effect);
    let middle = effect[..y.len()].iter().sum::<f64>() / y.len() as f64;
    effect.iter_mut().for_each(|v| *v -= middle);
    effect.iter().all(|v| v.is_finite()).then_some(effect)
}

impl Recipe {
    /// Adds what the columns add to each point in the models' mean.
    fn of_columns(&self, exogenous: &[Vec<f64>], effect: &mut [f64]) {
        match self {
            Recipe::Arima(fits) => {
                let total: f64 = fits.iter().map(|(_, w)| w).sum();
                for (fit, weight) in fits {
                    let adds = fit.of_columns(exogenous);
                    effect.iter_mut().zip(adds).for_each(|(sum, v)| *sum += weight / total * v);
                }
            }
            Recipe::Adjusted { inner, .. } => inner.of_columns(exogenous, effect),
            _ => {}
        }
    }
}

/// Weights of models by their criterion, smallest first: of the few nearest to the best.
fn evidence(criteria: impl Iterator<Item = f64>, believed: f64, averaged: usize) -> Vec<f64> {
    let mut best = None;
    criteria
        .take(averaged)
        .map(|c| (-believed * (c - *best.get_or_insert(c))).exp())
        .take_while(|w| *w >= LEAST_WEIGHT)
        .collect()
}

/// The models that keep enough weight, against the heaviest one's, to be fitted again.
fn worth_a_fit<F>(models: Vec<F>, weights: Vec<f64>) -> (Vec<F>, Vec<f64>) {
    let least = LEAST_WEIGHT * weights.iter().copied().fold(0.0, f64::max);
    models.into_iter().zip(weights).filter(|(_, w)| *w >= least).unzip()
}

/// The models worth a fit and their weights. A criterion compares models of the same differences, or of the same trend, only,
/// so each list has the same share.
fn weigh<F>(lists: Vec<Vec<F>>, believed: f64, averaged: usize, criterion: impl Fn(&F) -> f64) -> (Vec<F>, Vec<f64>) {
    let mut chosen = Vec::new();
    let mut weights = Vec::new();
    for list in lists {
        let within = evidence(list.iter().map(&criterion), believed, averaged);
        let total: f64 = within.iter().sum();
        chosen.extend(list.into_iter().take(within.len()));
        weights.extend(within.iter().map(|w| w / total));
    }
    (chosen, weights)
}

/// The weighted mean of models of one family (Burnham & Anderson 2002; Kolassa 2011): choosing one of several that fit
/// alike adds the chance of the choice to the error of the forecast. The spread is the mixture's.
fn average(mut parts: Vec<(Prediction, f64)>) -> Option<Prediction> {
    parts.retain(|(p, _)| p.is_finite());
    if parts.len() < 2 {
        return parts.pop().map(|(p, _)| p);
    }
    let total: f64 = parts.iter().map(|(_, w)| w).sum();
    let mix = |pick: &dyn Fn(&Prediction, usize) -> f64, length: usize| -> Vec<f64> {
        (0..length).map(|i| parts.iter().map(|(p, w)| w * pick(p, i)).sum::<f64>() / total).collect()
    };
    let (first, _) = &parts[0];
    let mean = mix(&|p, h| p.mean[h], first.mean.len());
    let variance = mix(&|p, h| p.sd[h] * p.sd[h] + (p.mean[h] - mean[h]) * (p.mean[h] - mean[h]), mean.len());
    let fitted = mix(&|p, t| p.fitted[t], first.fitted.len());
    let label = named(&parts, total);
    Some(Prediction { label, sd: variance.into_iter().map(f64::sqrt).collect(), mean, fitted })
}

/// The models of an average with their shares, heaviest first, the lightest of many as one.
fn named(parts: &[(Prediction, f64)], total: f64) -> String {
    let mut parts: Vec<(&str, f64)> = parts.iter().map(|(p, w)| (p.label.as_str(), 100.0 * w / total)).collect();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (heavy, light) = parts.split_at(parts.len().min(NAMED));
    let mut names: Vec<String> = heavy.iter().map(|(label, share)| format!("{label} {share:.0} %")).collect();
    if !light.is_empty() {
        names.push(format!("{} others {:.0} %", light.len(), light.iter().map(|p| p.1).sum::<f64>()));
    }
    format!("mean of {}", names.join(", "))
}

/// The season's index to be taken off before the family looks, [`SeasonalIndex::None`] where there is no season in it; `None`
/// where the family is to look for the season itself, or the series is not longer than one.
fn season_apart(family: Family, y: &[f64], season: usize) -> Option<SeasonalIndex> {
    let long = season > LONGEST_OWN_SEASON;
    // ARIMA does not depend on where a series' zero is.
    let may_multiply = family != Family::Arima;
    let needed = match family {
        Family::Naive | Family::Intermittent | Family::Trees | Family::Prophet => return None,
        _ if long => CYCLES_OF_LONG_SEASON,
        Family::Theta => CYCLES_FOR_TEST,
        Family::Ets | Family::Arima => CYCLES_FOR_FIT,
    };
    if season < 2 || y.len() <= season {
        None
    } else if y.len() < needed * season + 2 {
        Some(shrunken(y, season, may_multiply))
    } else {
        (long && family != Family::Theta).then(|| latest(y, season, may_multiply))
    }
}

/// Puts the season that an index took out back.
fn with_index(mut p: Prediction, index: &SeasonalIndex, n: usize) -> Prediction {
    if *index == SeasonalIndex::None {
        return p;
    }
    for (h, (mean, sd)) in p.mean.iter_mut().zip(&mut p.sd).enumerate() {
        *mean = index.restore(*mean, n + h);
        *sd *= index.spread(n + h);
    }
    for (t, fitted) in p.fitted.iter_mut().enumerate() {
        *fitted = index.restore(*fitted, t);
    }
    p.label = format!("index[{}]+{}", index.period(), p.label);
    p
}

/// A day of hours has a week around it, once three weeks show it.
fn seasons_to_remove(family: Family, y: &[f64], season: usize) -> Vec<usize> {
    let looks = !matches!(family, Family::Naive | Family::Intermittent);
    if looks && season == 24 && y.len() >= 3 * 168 { vec![24, 168] } else { Vec::new() }
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
