//! Times the engine inside one process, for the benchmark: reads a question as JSON on each line of
//! standard input and answers with the processor-bound seconds of one run and the result.
//!
//! Where `repeats` is given, a question is run at least so often and for at least a fifth of a second.
//!
//! Questions: `{"do": "granger", "x": [...], "y": [...], "maxlag": 4, "repeats": 20}` and likewise
//! `var`, `adf`, `kpss`, `pc`, `ges`, `pcmci`, `match`, `estimators`, `impact`, `businesses`, `simulations`.

use std::io::BufRead;
use std::time::Instant;

use dyocense_evidence::counterfactual::{impact::impact, structural::Structure};
use dyocense_evidence::effects::{balance, comparison, propensity::Scored, recommendation::recommend, study::Study};
use dyocense_evidence::explain::{
    business,
    calendar::Calendar,
    change::{Question, explain},
};
use dyocense_evidence::graphs::{
    ges::ges, independence::IndependenceTest, knowledge::Knowledge, pc::pc, pcmci, pdag::Pdag, score::ScoreKind,
};
use dyocense_evidence::questions::{SimulationInput, simulate_intervention};
use dyocense_evidence::random::Random;
use dyocense_evidence::series::{dickey_fuller, granger::granger, kpss, var, var_responses};
use dyocense_evidence::statistics::Matrix;
use dyocense_evidence::{Progress, Result, Table};
use serde_json::{Value, json};

fn main() {
    for line in std::io::stdin().lock().lines().map_while(std::io::Result::ok) {
        let answer = match serde_json::from_str::<Value>(&line) {
            Ok(question) => answer(&question),
            Err(error) => json!({"error": error.to_string()}),
        };
        println!("{answer}");
    }
}

fn answer(question: &Value) -> Value {
    let repeats = question["repeats"].as_u64().unwrap_or(1).max(1);
    let timed = question["repeats"].is_u64();
    let prepared = match prepare(question) {
        Ok(prepared) => prepared,
        Err(refusal) => return json!({"error": refusal.to_string()}),
    };
    let start = Clock::start();
    let mut result = prepared();
    let mut runs: u64 = 1;
    // The system counts processor time in ticks of some milliseconds: what is timed runs for many of them.
    while timed && (runs < repeats || start.wall.elapsed().as_secs_f64() < 0.2) {
        result = prepared();
        runs += 1;
    }
    let seconds = start.seconds() / runs as f64;
    match result {
        Ok(value) => json!({"seconds": seconds, "value": value}),
        Err(refusal) => json!({"error": refusal.to_string()}),
    }
}

/// Processor time of this thread where the system tells it, else the time of day.
struct Clock {
    wall: Instant,
    busy: Option<f64>,
}

impl Clock {
    fn start() -> Self {
        Clock { wall: Instant::now(), busy: busy_seconds() }
    }

    fn seconds(&self) -> f64 {
        match (self.busy, busy_seconds()) {
            (Some(before), Some(now)) => now - before,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

fn busy_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    (nanoseconds > 0.0).then_some(nanoseconds / 1e9)
}

type Prepared = Box<dyn Fn() -> Result<Value>>;

fn numbers(question: &Value, field: &str) -> Vec<f64> {
    serde_json::from_value(question[field].clone()).unwrap_or_default()
}

fn table(question: &Value, field: &str) -> Result<Table> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(question[field].clone()).unwrap_or_default();
    Table::from_rows(&rows, &[])
}

fn count(question: &Value, field: &str, usual: usize) -> usize {
    question[field].as_u64().map_or(usual, |v| v as usize)
}

fn prepare(question: &Value) -> Result<Prepared> {
    let text = |field: &str| question[field].as_str().unwrap_or_default().to_string();
    Ok(match text("do").as_str() {
        "granger" => {
            let (x, y) = (numbers(question, "x"), numbers(question, "y"));
            let lags = count(question, "maxlag", 4);
            Box::new(move || Ok(json!(granger(&x, &y, lags)?)))
        }
        "adf" => {
            let x = numbers(question, "x");
            Box::new(move || {
                let lags = dickey_fuller::LagChoice::Aic { max: None };
                let test = dickey_fuller::dickey_fuller(&x, dickey_fuller::Deterministic::Constant, lags)?;
                Ok(json!(test))
            })
        }
        "kpss" => {
            let x = numbers(question, "x");
            Box::new(move || Ok(json!(kpss::kpss(&x, dickey_fuller::Deterministic::Constant)?)))
        }
        "var" => {
            let data = table(question, "data")?;
            let lags = count(question, "lags", 2);
            Box::new(move || {
                let model = var::fit(&data, lags)?;
                let rows =
                    |m: &Matrix| m.row_iter().map(|row| row.iter().copied().collect()).collect::<Vec<Vec<f64>>>();
                let responses = var_responses::impulse_responses(&model, 10)?;
                Ok(json!({
                    "aic": model.criteria.aic, "bic": model.criteria.bic, "hqic": model.criteria.hqic,
                    "llf": model.log_likelihood,
                    "params": rows(&model.params), "sigma_u": rows(&model.sigma_u),
                    "irf": responses.plain.iter().map(rows).collect::<Vec<_>>(),
                    "orth_irf": responses.orthogonal.iter().map(rows).collect::<Vec<_>>(),
                    "fevd": var_responses::variance_decomposition(&model, 10)?,
                    "forecast": rows(&model.forecast(5)),
                    "causality": model.causality(),
                }))
            })
        }
        "pc" => {
            let data = table(question, "data")?;
            let alpha = question["alpha"].as_f64().unwrap_or(0.05);
            let test = match text("test").as_str() {
                "chisq" => IndependenceTest::ChiSquare,
                "gsq" => IndependenceTest::GSquare,
                _ => IndependenceTest::FisherZ,
            };
            Box::new(move || {
                let knowledge = Knowledge::none(data.width());
                let found = pc(&data, test, alpha, &knowledge, &mut Progress::silent())?;
                Ok(edges(&found.graph))
            })
        }
        "ges" => {
            let data = table(question, "data")?;
            let kind = if text("score") == "bdeu" { ScoreKind::bdeu() } else { ScoreKind::bic() };
            Box::new(move || Ok(edges(&ges(&data, kind, &mut Progress::silent())?)))
        }
        "pcmci" => {
            let data = table(question, "data")?;
            let options = pcmci::PcmciOptions {
                tau_max: count(question, "tau_max", 3),
                pc_alpha: question["pc_alpha"].as_f64().unwrap_or(0.2),
            };
            Box::new(move || {
                let found = pcmci::pcmci(&data, options, &mut Progress::silent())?;
                let links = found.links(0.05);
                Ok(json!({"p_matrix": found.p_matrix, "links": links}))
            })
        }
        "match" => {
            let treated: Vec<bool> = numbers(question, "treated").iter().map(|t| *t == 1.0).collect();
            let outcome = numbers(question, "outcome");
            let study = Study::from_parts("treated", treated, outcome, table(question, "data")?)?;
            Box::new(move || Ok(json!(recommend(&study)?)))
        }
        "estimators" => {
            let treated: Vec<bool> = numbers(question, "treated").iter().map(|t| *t == 1.0).collect();
            let outcome = numbers(question, "outcome");
            let study = Study::from_parts("treated", treated, outcome, table(question, "data")?)?;
            Box::new(move || {
                let scored = Scored::fit(&study)?;
                let table = balance::balance(&study, study.covariates(), &scored.odds());
                Ok(json!({
                    "coefficients": scored.model.coefficients,
                    "llf": scored.model.log_likelihood,
                    "scores": scored.scores()[..10.min(study.rows())],
                    "naive": study.naive_difference(),
                    "comparison": comparison::compare(&scored),
                    "balance": table,
                }))
            })
        }
        "impact" => {
            let y = numbers(question, "y");
            let controls = table(question, "X")?;
            let before = count(question, "n_pre", y.len() / 2);
            Box::new(move || Ok(json!(impact(&y, &controls, before, Structure::LOCAL_LEVEL)?)))
        }
        "simulations" => {
            let draws = question["draws"].as_u64().unwrap_or(200);
            Box::new(move || simulations(draws))
        }
        _ => {
            let draws = question["draws"].as_u64().unwrap_or(100);
            Box::new(move || businesses(draws))
        }
    })
}

fn edges(graph: &Pdag) -> Value {
    json!(graph.edges())
}

/// Of `draws` businesses each: how often the planted cause ranks first, and how often an absent cause is admitted.
fn businesses(draws: u64) -> Result<Value> {
    let calendar = Calendar::daily();
    let first = |drawn: &business::Business| -> Result<Option<String>> {
        let question = Question {
            y: &drawn.sales,
            factors: &drawn.factors,
            calendar: &calendar,
            first: drawn.first,
            last: drawn.last,
            max_lag: 5,
            seed: 1,
        };
        let answer = explain(&question, &mut Progress::silent())?;
        Ok(answer.causes.first().map(|factor| factor.name.clone()))
    };
    let (mut right, mut honest) = (0, 0);
    for seed in 0..draws {
        let with = business::draw(10_000 + seed, true);
        right += u32::from(first(&with)? == with.cause);
        honest += u32::from(first(&business::draw(20_000 + seed, false))?.is_none());
    }
    Ok(json!({
        "cause_first": f64::from(right) / draws as f64,
        "absence_admitted": f64::from(honest) / draws as f64,
    }))
}

/// Of shops whose future with two more hands is known: the share of its points inside each band.
fn simulations(draws: u64) -> Result<Value> {
    const PAST: usize = 250;
    const HORIZON: usize = 14;
    let mut inside = [0u32; 3];
    for seed in 0..draws {
        let mut random = Random::new(30_000 + seed);
        let (mut staff, mut rain) = (Vec::new(), Vec::new());
        for t in 0..PAST + HORIZON {
            let held = t >= PAST;
            staff.push(if held { staff[PAST - 1] } else { 5.0 + random.below(4) as f64 });
            rain.push(if held { rain[PAST - 1] } else { random.normal() });
        }
        let week: Vec<f64> = (0..7).map(|_| 4.0 * random.normal()).collect();
        let (memory, effect, lag) = (0.6 * random.uniform(), 2.0 * random.uniform(), random.below(3));
        let mut error = 0.0;
        let sales: Vec<f64> = (0..PAST + HORIZON)
            .map(|t| {
                error = memory * error + 2.0 * random.normal();
                let back = t.saturating_sub(lag);
                let hired = if back >= PAST { 2.0 } else { 0.0 };
                80.0 + week[t % 7] + effect * (staff[back] + hired) - rain[t] + error
            })
            .collect();
        let past = |column: &[f64]| column[..PAST].to_vec();
        let input = SimulationInput {
            values: past(&sales),
            factors: Table::new(vec![("staff".into(), past(&staff)), ("rain".into(), past(&rain))])?,
            calendar: Calendar::daily(),
            factor: "staff".into(),
            impact: 2.0,
            lag,
            horizon: HORIZON,
            seed,
        };
        let answer = simulate_intervention(&input, &mut Progress::silent())?;
        for (count, band) in inside.iter_mut().zip([&answer.band_50, &answer.band_80, &answer.band_95]) {
            let hits = sales[PAST..].iter().enumerate().filter(|(h, y)| band.lower[*h] <= **y && **y <= band.upper[*h]);
            *count += hits.count() as u32;
        }
    }
    let share = |count: u32| f64::from(count) / (draws * HORIZON as u64) as f64;
    Ok(json!({"within_50": share(inside[0]), "within_80": share(inside[1]), "within_95": share(inside[2])}))
}
