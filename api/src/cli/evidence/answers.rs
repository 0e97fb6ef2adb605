//! Answers about series, treatments and events.

use anyhow::{Context, bail};
use dyocense_evidence::counterfactual::{difference_in_differences, impact, structural::Structure, synthetic_control};
use dyocense_evidence::effects::{
    balance::balance,
    comparison::{Estimated, compare},
    matching::{MatchRule, matches},
    propensity::Scored,
    recommendation::recommend,
    refutation,
    sensitivity::{e_value, rosenbaum_gamma},
    study::Study,
};
use dyocense_evidence::explain::{calendar::Calendar, change};
use dyocense_evidence::series::{
    dickey_fuller::{Deterministic, LagChoice, dickey_fuller},
    granger as granger_test, kpss, var as autoregression, var_responses,
};
use dyocense_evidence::{Progress, Table};
use serde_json::{Map, Value, json};

use super::input::Given;

pub fn granger(given: &Given) -> anyhow::Result<Value> {
    let (x, y) = (given.series("x")?, given.series("y")?);
    let max_lag = given.count("maxlag").or(given.count("lags")).unwrap_or(4);
    let tests = granger_test::granger(&x, &y, max_lag)?;
    let best = tests.iter().min_by(|a, b| a.aic.total_cmp(&b.aic)).context("at least one lag is tested")?;
    let reading = format!(
        "at the lag that fits best ({}), past x {} to predict y (F p = {:.3e}). This is a screen: a third series that drives both passes it too",
        best.lag,
        if best.ssr_ftest.p < 0.05 { "helps" } else { "does not help" },
        best.ssr_ftest.p
    );
    let by_lag: Map<String, Value> =
        tests.iter().map(|t| Ok((t.lag.to_string(), serde_json::to_value(t)?))).collect::<anyhow::Result<_>>()?;
    let stationarity = |series: &[f64]| {
        kpss::differencing(series).map_or_else(|refusal| json!({"refused": refusal.to_string()}), |d| json!(d))
    };
    Ok(json!({
        "reading": reading,
        "lags": by_lag,
        "best_lag": best.lag,
        "differencing": {"x": stationarity(&x), "y": stationarity(&y)},
    }))
}

pub fn adf(given: &Given) -> anyhow::Result<Value> {
    let x = given.series("x")?;
    let deterministic = match given.text("regression").as_deref() {
        None | Some("c") => Deterministic::Constant,
        Some("ct") => Deterministic::ConstantTrend,
        Some("n") => Deterministic::None,
        Some(other) => bail!("`regression` is {other}, but must be n, c or ct"),
    };
    let lags = match given.count("lags") {
        Some(lags) => LagChoice::Fixed(lags),
        None => LagChoice::Aic { max: given.count("maxlag") },
    };
    let test = dickey_fuller(&x, deterministic, lags)?;
    let mut answer = serde_json::to_value(&test)?;
    answer["reading"] = json!(if test.p < 0.05 {
        "the series returns to a level: no unit root"
    } else {
        "the series may wander: a unit root is not rejected"
    });
    answer["kpss"] = kpss::kpss(&x, Deterministic::Constant).map_or(Value::Null, |k| json!(k));
    answer["differencing"] = kpss::differencing(&x).map_or(Value::Null, |d| json!(d));
    Ok(answer)
}

pub fn var(given: &Given) -> anyhow::Result<Value> {
    let data = given.table()?;
    // As many orders as leave ten rows for each coefficient of the largest, at most eight.
    let affordable = data.rows() / (10 * data.width().max(1));
    let most = given.count("maxlag").unwrap_or(affordable.clamp(1, 8));
    let selected = autoregression::select_order(&data, most)?;
    let lags = given.count("lags").or(given.count("p")).unwrap_or(selected.aic.max(1));
    let model = autoregression::fit(&data, lags)?;
    let steps = given.count("steps").unwrap_or(5);
    let rows = |m: &nalgebra_rows::Matrix| nalgebra_rows::rows(m);
    let responses = var_responses::impulse_responses(&model, 10)?;
    let causality: Map<String, Value> = model
        .causality()
        .into_iter()
        .map(|c| (format!("{}->{}", c.cause, c.effect), json!({"stat": c.stat, "p": c.p})))
        .collect();
    let criteria = model.criteria;
    Ok(json!({
        "reading": format!(
            "order {lags}; {}; largest root {:.3}",
            if model.is_stable() { "shocks die out" } else { "shocks do not die out: difference the series first" },
            model.largest_root()
        ),
        "cols": data.names(),
        "lags": lags,
        "nobs": model.nobs,
        "params": rows(&model.params),
        "sigma_u": rows(&model.sigma_u),
        "aic": criteria.aic, "bic": criteria.bic, "hqic": criteria.hqic, "fpe": criteria.fpe,
        "llf": model.log_likelihood,
        "irf": responses.plain.iter().map(rows).collect::<Vec<_>>(),
        "orth_irf": responses.orthogonal.iter().map(rows).collect::<Vec<_>>(),
        "fevd": var_responses::variance_decomposition(&model, 10)?,
        "forecast": rows(&model.forecast(steps)),
        "causality": causality,
        "selected": selected,
    }))
}

/// The engine's matrices as lists of rows.
mod nalgebra_rows {
    pub type Matrix = dyocense_evidence::statistics::Matrix;

    pub fn rows(matrix: &Matrix) -> Vec<Vec<f64>> {
        matrix.row_iter().map(|row| row.iter().copied().collect()).collect()
    }
}

pub fn matching(given: &Given) -> anyhow::Result<Value> {
    let pick = |field: &str, usual: &[&str]| -> anyhow::Result<String> {
        given
            .text(field)
            .or_else(|| usual.iter().find(|n| given.has_column(n)).map(|n| (*n).to_string()))
            .with_context(|| format!("give --{field} COLUMN"))
    };
    let treatment = pick("treatment", &["treat", "treatment", "t"])?;
    let outcome = pick("outcome", &["re78", "outcome", "y"])?;
    let covariates = given.texts_of("columns").unwrap_or_else(|| {
        given.column_names().iter().filter(|n| **n != treatment && **n != outcome).cloned().collect()
    });
    let data = given.columns_table(given.column_names())?;
    let study = Study::new(&data, &treatment, &outcome, &covariates)?;
    let scored = Scored::fit(&study)?;
    let all = compare(&scored);
    let recommended = recommend(&study)?;
    let effect = |e: &Estimated| json!(e.estimate().map(|e| e.effect));
    let pair = |e: &Estimated| json!([effect(e), e.estimate().map(|e| e.treated)]);
    let table = balance(&study, study.covariates(), &scored.odds());
    let by_name = |value: fn(&dyocense_evidence::effects::balance::CovariateBalance) -> f64| {
        table.iter().map(|b| (b.covariate.clone(), json!(value(b)))).collect::<Map<String, Value>>()
    };
    let coefficients: Map<String, Value> =
        scored.model.names.iter().cloned().zip(scored.model.coefficients.iter().map(|c| json!(c))).collect();
    let (treated, _) = study.groups();
    let treated_mean = treated.iter().map(|&i| scored.scores()[i]).sum::<f64>() / treated.len() as f64;
    let pairs = matches(&study, scored.scores(), &MatchRule::nearest())?;
    let mut answer = json!({
        "reading": format!(
            "the treatment changed `{outcome}` of the comparable treated rows by {:.4} (95 % interval {:.4} to {:.4}); the plain difference of means is {:.4}",
            recommended.estimate.effect, recommended.estimate.lower, recommended.estimate.upper, study.naive_difference()
        ),
        "recommended": recommended,
        "warnings": recommended.warnings,
        "logit_coef": coefficients,
        "llf": scored.model.log_likelihood,
        "ps_treated_mean": treated_mean,
        "ps_first10": scored.scores().iter().take(10).collect::<Vec<_>>(),
        "naive": study.naive_difference(),
        "nn1_ps_ties_avg": pair(&all.nearest),
        "nn1_logit_cal0_2": pair(&all.nearest_within_caliper),
        "nn5_ps": pair(&all.five_nearest),
        "ipw_att_hajek": effect(&all.weighting),
        "ipw_att_trim_0_1_0_9": effect(&all.weighting_trimmed),
        "aipw_att": effect(&all.doubly_robust),
        "n_after_trim": all.kept_by_trimming,
        "smd_before": by_name(|b| b.smd_before),
        "smd_after_ipw": by_name(|b| b.smd_after),
        "variance_ratio_after_ipw": by_name(|b| b.variance_ratio_after),
        "estimates": {
            "nearest neighbour on the score": all.nearest,
            "nearest neighbour on the log-odds, caliper 0.2 sd": all.nearest_within_caliper,
            "five nearest neighbours": all.five_nearest,
            "nearest neighbour, each used once": all.without_replacement,
            "weighting": all.weighting,
            "weighting, scores 0.1 to 0.9": all.weighting_trimmed,
            "doubly robust": all.doubly_robust,
            "five strata": {"estimate": all.stratification, "strata": all.strata},
        },
        "overlap": scored.overlap(),
        "sensitivity": {
            "e_value": e_value(&study, &recommended.estimate),
            "rosenbaum_gamma": rosenbaum_gamma(&study, &pairs),
        },
    });
    let repeats = given.count("repeats").unwrap_or(0);
    if repeats > 0 {
        let seed = given.count("seed").unwrap_or(1) as u64;
        let estimator = |s: &Study| Ok(recommend(s)?.estimate.effect);
        let mut show = progress("estimating again");
        answer["refutations"] =
            json!(refutation::refute(&study, &estimator, repeats.max(5), seed, &mut Progress::new(&mut show))?);
        let interval = refutation::bootstrap(&study, &estimator, repeats.max(5), seed, &mut Progress::new(&mut show))?;
        answer["bootstrap_interval"] = json!(interval);
    }
    Ok(answer)
}

pub fn impact(given: &Given) -> anyhow::Result<Value> {
    let n_pre = given.count("n_pre").context("give `n_pre`: how many points lie before the event")?;
    let counterfactual = given.text_of("counterfactual").unwrap_or_else(|| "structural".into());
    if counterfactual == "did" {
        return differences(given, n_pre);
    }
    let y = given.series("y")?;
    let controls = match given.matrix("X")? {
        Some(table) => table,
        None => {
            let chosen = given.text("y").unwrap_or_default();
            let mut names = given.texts_of("columns").unwrap_or_else(|| given.column_names().to_vec());
            // A series that controls for itself would show no effect at all.
            names.retain(|n| *n != chosen && n != "y");
            given.columns_table(&names)?
        }
    };
    match counterfactual.as_str() {
        "structural" => {}
        "synthetic" => return synthetic(&y, &controls, n_pre),
        other => bail!("`counterfactual` is {other}, but must be structural, synthetic or did"),
    }
    let structure = Structure {
        slope: given.field("slope").and_then(Value::as_bool).unwrap_or(false),
        season: given.count("season"),
    };
    let answer = impact::impact(&y, &controls, n_pre, structure)?;
    let reading = format!(
        "the event changed the series by {:.4} a point on average (95 % interval {:.4} to {:.4}, p = {:.4}), {:+.1} % of what was to be expected",
        answer.avg_effect,
        answer.avg_lower,
        answer.avg_upper,
        answer.p,
        100.0 * answer.rel_effect
    );
    let params: Map<String, Value> = answer.params.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let mut value = serde_json::to_value(&answer)?;
    value["params"] = Value::Object(params);
    value["reading"] = json!(reading);
    Ok(value)
}

fn synthetic(y: &[f64], donors: &Table, n_pre: usize) -> anyhow::Result<Value> {
    let answer = synthetic_control::synthetic_control(y, donors, n_pre)?;
    let mut value = serde_json::to_value(&answer)?;
    value["reading"] = json!(format!(
        "the event changed the series by {:.4} a point on average; {:.0} % of the units have a gap as unusual (p = {:.3})",
        answer.avg_effect,
        100.0 * answer.p,
        answer.p
    ));
    Ok(value)
}

fn differences(given: &Given, n_pre: usize) -> anyhow::Result<Value> {
    let treated = given.texts_of("treated").context("give --treated COLUMN,COLUMN: the units that the event met")?;
    let panel = given.table()?;
    let answer = difference_in_differences::difference_in_differences(&panel, &treated, n_pre)?;
    let mut value = serde_json::to_value(&answer)?;
    value["reading"] = json!(format!(
        "the event changed the treated units by {:.4} against the others (95 % interval {:.4} to {:.4}, p = {:.4})",
        answer.effect, answer.lower, answer.upper, answer.p
    ));
    Ok(value)
}

/// Shows progress on standard error where a person watches.
pub fn progress(what: &'static str) -> impl FnMut(usize, usize) -> dyocense_evidence::Continue {
    use std::io::IsTerminal;
    let watched = std::io::stderr().is_terminal();
    move |done, total| {
        if watched {
            eprint!("\r{what}: {done} of {total}  ");
            if done == total {
                eprintln!();
            }
        }
        dyocense_evidence::Continue::Yes
    }
}

pub fn explain(given: &Given) -> anyhow::Result<Value> {
    let target = given.text("y").unwrap_or_else(|| "y".into());
    let y = given.series("y")?;
    let range: Vec<usize> = match given.field("range") {
        Some(value) => serde_json::from_value(value.clone())
            .context("`range` must be the first and the last row of the change, counted from 1")?,
        None => bail!("give --range FIRST LAST: the rows of the change, counted from 1"),
    };
    let [first, last] = range[..] else {
        bail!("`range` must hold two rows: the first and the last of the change");
    };
    if first == 0 {
        bail!("rows are counted from 1");
    }
    let known = given.texts_of("known").unwrap_or_default();
    let mut names = given.texts_of("columns").unwrap_or_else(|| given.column_names().to_vec());
    // A series does not explain itself.
    names.retain(|n| *n != target && n != "y" && !known.contains(n));
    let dates = given.text("dates");
    if let Some(column) = &dates {
        given.check_daily(column)?;
    }
    let week = given.count("week").unwrap_or(7);
    let calendar = Calendar { week, year: (week == 7).then_some(365.25), known: given.columns_table(&known)? };
    let factors = given.columns_table(&names)?;
    let question = change::Question {
        y: &y,
        factors: &factors,
        calendar: &calendar,
        first: first - 1,
        last: last.saturating_sub(1),
        max_lag: given.count("tau_max").unwrap_or(5),
        seed: given.count("seed").unwrap_or(1) as u64,
    };
    let mut show = progress("explaining");
    let answer = change::explain(&question, &mut Progress::new(&mut show))?;
    Ok(serde_json::to_value(answer)?)
}
