//! Answers about causal graphs.

use anyhow::bail;
use dyocense_evidence::graphs::{
    adjustment::{Identification, identify},
    ges as greedy,
    independence::IndependenceTest,
    intervention,
    knowledge::Knowledge,
    pc as constraint,
    pcmci::{PcmciOptions, pcmci as lagged},
    pdag::Pdag,
    score::ScoreKind,
    stability,
};
use dyocense_evidence::{Progress, Table};
use serde_json::{Value, json};

use super::answers::progress;
use super::input::Given;

pub fn pc(given: &Given) -> anyhow::Result<Value> {
    let data = given.table()?;
    let alpha = given.number("alpha").unwrap_or(0.05);
    let test = match given.text("test").as_deref() {
        None if categorical(&data) => IndependenceTest::ChiSquare,
        None | Some("fisherz") => IndependenceTest::FisherZ,
        Some("chisq") => IndependenceTest::ChiSquare,
        Some("gsq") => IndependenceTest::GSquare,
        Some(other) => bail!("`test` is {other}, but must be fisherz, chisq or gsq"),
    };
    let knowledge = knowledge(given, &data)?;
    let learn = |t: &Table, p: &mut Progress<'_>| {
        constraint::pc(t, test, alpha, &knowledge, p).map(|found| (found.graph, found.tests))
    };
    let mut show = progress("testing");
    let (graph, tests) = learn(&data, &mut Progress::new(&mut show))?;
    let mut answer = describe(given, &data, &graph)?;
    answer["tests"] = json!(tests);
    answer["alpha"] = json!(alpha);
    add_effect(given, &data, &graph, &mut answer)?;
    add_stability(given, &data, &mut answer, &mut |t| learn(t, &mut Progress::silent()).map(|found| found.0))?;
    Ok(answer)
}

pub fn ges(given: &Given) -> anyhow::Result<Value> {
    let data = given.table()?;
    let kind = match given.text("score").as_deref() {
        None if categorical(&data) => ScoreKind::bdeu(),
        None | Some("bic" | "local_score_BIC") => ScoreKind::bic(),
        Some("bdeu" | "local_score_BDeu") => ScoreKind::bdeu(),
        Some(other) => bail!("`score` is {other}, but must be bic or bdeu"),
    };
    let mut show = progress("searching");
    let graph = greedy::ges(&data, kind, &mut Progress::new(&mut show))?;
    let mut answer = describe(given, &data, &graph)?;
    add_effect(given, &data, &graph, &mut answer)?;
    add_stability(given, &data, &mut answer, &mut |t| greedy::ges(t, kind, &mut Progress::silent()))?;
    Ok(answer)
}

pub fn pcmci(given: &Given) -> anyhow::Result<Value> {
    let data = given.table()?;
    let options = PcmciOptions {
        tau_max: given.count("tau_max").unwrap_or(3),
        pc_alpha: given.number("pc_alpha").unwrap_or(0.2),
    };
    let level = given.number("alpha").unwrap_or(0.05);
    let mut show = progress("testing");
    let found = lagged(&data, options, &mut Progress::new(&mut show))?;
    let name = |j: usize| data.names()[j].as_str();
    let links: Vec<Value> = found
        .links(level)
        .iter()
        .map(|l| {
            json!({
                "from": l.from, "to": l.to, "lag": l.lag, "value": l.value, "p": l.p, "q": l.q,
                "words": format!(
                    "{} drives {} after {} step{}", name(l.from), name(l.to), l.lag, if l.lag == 1 { "" } else { "s" }
                ),
            })
        })
        .collect();
    Ok(json!({
        "reading": format!("{} lagged links pass at a false discovery rate of {level}", links.len()),
        "nodes": data.names(),
        "links": links,
        "p_matrix": found.p_matrix,
        "val_matrix": found.val_matrix,
        "q_fdr_bh": found.q_matrix,
        "parents": found.parents,
        "rows_used": found.rows,
        "tau_max": options.tau_max,
        "pc_alpha": options.pc_alpha,
    }))
}

/// Whole numbers with few levels in every column: categories, unless the question says otherwise.
fn categorical(data: &Table) -> bool {
    data.columns().iter().all(|column| {
        let mut levels = column.clone();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        levels.len() <= 12 && levels.iter().all(|v| v.fract() == 0.0)
    })
}

/// `required` and `forbidden` as lists of [from, to], `tiers` as lists of nodes; numbers or names.
fn knowledge(given: &Given, data: &Table) -> anyhow::Result<Knowledge> {
    let node = |value: &Value| -> anyhow::Result<usize> {
        match value {
            Value::String(name) => Ok(data.index(name)?),
            other => match other.as_u64() {
                Some(j) if (j as usize) < data.width() => Ok(j as usize),
                _ => bail!("{other} is neither a column's name nor its number"),
            },
        }
    };
    let nodes =
        |value: &Value| -> anyhow::Result<Vec<usize>> { value.as_array().into_iter().flatten().map(node).collect() };
    let lists = |field: &str| -> anyhow::Result<Vec<Vec<usize>>> {
        let list = given.field(field).and_then(Value::as_array);
        list.into_iter().flatten().map(nodes).collect()
    };
    let mut known = Knowledge::none(data.width());
    for pair in lists("forbidden")? {
        let [from, to] = pair[..] else {
            bail!("each entry of `forbidden` must be [from, to]");
        };
        known = known.forbid(from, to);
    }
    for pair in lists("required")? {
        let [from, to] = pair[..] else {
            bail!("each entry of `required` must be [from, to]");
        };
        known = known.require(from, to);
    }
    Ok(known.tiers(&lists("tiers")?))
}

fn describe(given: &Given, data: &Table, graph: &Pdag) -> anyhow::Result<Value> {
    let edges = graph.edges();
    let name = |j: usize| data.names()[j].as_str();
    let words: Vec<String> = edges
        .directed
        .iter()
        .map(|[a, b]| format!("{} -> {}", name(*a), name(*b)))
        .chain(edges.undirected.iter().map(|[a, b]| format!("{} - {}", name(*a), name(*b))))
        .collect();
    let mut answer = json!({
        "reading": format!(
            "{} edges, {} of them with a direction that the data cannot tell",
            words.len(),
            edges.undirected.len()
        ),
        "nodes": data.names(),
        "directed": edges.directed,
        "undirected": edges.undirected,
        "edges": words,
        "n_rows": data.rows(),
    });
    if let Some(truth) = given.field("true_cpdag") {
        let list =
            |field: &str| -> anyhow::Result<Vec<[usize; 2]>> { Ok(serde_json::from_value(truth[field].clone())?) };
        let truth = Pdag::from_edges(data.width(), &list("directed")?, &list("undirected")?)?;
        answer["shd_cpdag"] = json!(graph.hamming_distance(&truth));
    }
    Ok(answer)
}

/// The total effect of one column on another by the graph, and what setting it would do.
fn add_effect(given: &Given, data: &Table, graph: &Pdag, answer: &mut Value) -> anyhow::Result<()> {
    let Some(pair) = given.texts_of("effect") else { return Ok(()) };
    let [from, to] = &pair[..] else {
        bail!("`effect` must be two columns: the cause and what it acts on");
    };
    answer["identification"] = match identify(graph, data.index(from)?, data.index(to)?)? {
        Identification::NoEffect => json!(format!("the graph knows no way from {from} to {to}")),
        Identification::Adjust { set } => {
            json!({"hold": set.iter().map(|&j| data.names()[j].as_str()).collect::<Vec<_>>()})
        }
        Identification::Undecided { edges } => json!({
            "depends on the direction of":
                edges.iter().map(|[a, b]| format!("{} - {}", data.names()[*a], data.names()[*b])).collect::<Vec<_>>(),
        }),
    };
    answer["effect"] = match intervention::total_effect(data, graph, from, to) {
        Ok(effect) => json!(effect),
        Err(refusal) => json!({"refused": refusal.to_string()}),
    };
    if let Some(value) = given.number("set_to") {
        let told = |(name, mean): (String, dyocense_evidence::Result<f64>)| {
            let mean = mean.map_or_else(|refusal| json!({"refused": refusal.to_string()}), |mean| json!(mean));
            (name, mean)
        };
        let means = intervention::set_to(data, graph, from, value)?;
        answer["means_if_set"] = Value::Object(means.into_iter().map(told).collect());
    }
    Ok(())
}

fn add_stability(
    given: &Given,
    data: &Table,
    answer: &mut Value,
    learn: &mut dyn FnMut(&Table) -> dyocense_evidence::Result<Pdag>,
) -> anyhow::Result<()> {
    let repeats = given.count("repeats").unwrap_or(0);
    if repeats > 0 {
        let seed = given.count("seed").unwrap_or(1) as u64;
        let mut show = progress("drawing rows anew");
        let edges = stability::bootstrap(data, learn, repeats, seed, &mut Progress::new(&mut show))?;
        answer["stability"] = json!(edges);
    }
    Ok(())
}
