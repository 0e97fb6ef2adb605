//! What causes what? A graph learnt from history, with what people know and decided laid over it.

use serde::{Deserialize, Serialize};

use crate::error::{EvidenceError, Result};
use crate::graphs::adjustment::{Identification, identify};
use crate::graphs::ges::ges;
use crate::graphs::independence::{Independence, IndependenceTest};
use crate::graphs::knowledge::Knowledge;
use crate::graphs::pc::pc;
use crate::graphs::pcmci::{PcmciOptions, pcmci};
use crate::graphs::pdag::{Pdag, bit};
use crate::graphs::score::ScoreKind;
use crate::graphs::stability::bootstrap;
use crate::progress::Progress;
use crate::random::Random;
use crate::statistics::multiple_testing::benjamini_hochberg;
use crate::table::Table;

/// How the rows of the data came about.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Observations {
    /// Equally spaced points of time, oldest first: PCMCI with delays up to `tau_max`.
    TimeSeries { tau_max: usize },
    /// Independent rows: PC where anything is known beforehand, else GES. Whole numbers of at most 12
    /// levels in every column are read as categories.
    Rows,
}

/// What is known before the data speak, by names of columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Background {
    /// `[cause, effect]` pairs that cannot be.
    pub forbidden: Vec<[String; 2]>,
    /// `[cause, effect]` pairs that are certain.
    pub required: Vec<[String; 2]>,
    /// Groups in order: a later one cannot cause an earlier one.
    pub tiers: Vec<Vec<String>>,
}

/// What a person did to an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditKind {
    /// `from` causes `to`: added, or directed where it was found.
    Confirm,
    /// There is no such edge, in either direction.
    Remove,
}

/// A person's decision about an edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    pub from: String,
    pub to: String,
    pub edit: EditKind,
    pub reason: String,
}

/// The question, complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CausalGraphInput {
    pub data: Table,
    pub observations: Observations,
    #[serde(default)]
    pub knowledge: Background,
    /// Laid over the learnt graph in this order; the later wins.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// False discovery rate (time series) or level of the tests (PC), between 0 and 1.
    #[serde(default = "usual_alpha")]
    pub alpha: f64,
    /// Resamples for the stability of each edge; 0 for none.
    #[serde(default)]
    pub repeats: usize,
    #[serde(default)]
    pub seed: u64,
}

fn usual_alpha() -> f64 {
    0.05
}

/// Where an edge comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeSource {
    Learnt,
    /// Background knowledge asked for it.
    Knowledge,
    /// A person's edit.
    Person,
}

/// An edge with its statistics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CausalEdge {
    pub from: String,
    pub to: String,
    /// False: the data cannot tell the direction.
    pub directed: bool,
    /// Points from cause to effect; none for rows.
    pub lag: Option<usize>,
    /// Partial correlation given the other parents (time series).
    pub strength: Option<f64>,
    /// p-value of independence given the other parents; none where no test was made.
    pub p: Option<f64>,
    /// False discovery rate at which the edge passes (time series).
    pub q: Option<f64>,
    /// Share of resamples with the edge, in its direction if directed.
    pub stability: Option<f64>,
    pub source: EdgeSource,
    /// A person's reason.
    pub reason: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CausalGraph {
    pub nodes: Vec<String>,
    pub edges: Vec<CausalEdge>,
    pub method: String,
    pub rows: usize,
    pub warnings: Vec<String>,
    pub reading: String,
}

impl CausalGraph {
    /// The columns to hold fixed for the total effect of one node on another, ignoring delays.
    ///
    /// # Errors
    /// Unknown nodes, or a graph with a circle (as delays may give).
    pub fn identify(&self, from: &str, to: &str) -> Result<Identification> {
        identify(&self.pdag()?, self.node(from)?, self.node(to)?)
    }

    /// The graph without delays and statistics, nodes numbered as in `nodes`.
    ///
    /// # Errors
    /// Two edges between the same nodes in opposite directions, or too many nodes.
    pub fn pdag(&self) -> Result<Pdag> {
        let mut graph = Pdag::empty(self.nodes.len())?;
        for edge in self.edges.iter().filter(|e| e.from != e.to) {
            let (a, b) = (self.node(&edge.from)?, self.node(&edge.to)?);
            if graph.is_directed(b, a) {
                return Err(EvidenceError::Cyclic { node: edge.from.clone() });
            }
            if edge.directed {
                graph.set_directed(a, b);
            } else if !graph.is_adjacent(a, b) {
                graph.set_undirected(a, b);
            }
        }
        Ok(graph)
    }

    fn node(&self, name: &str) -> Result<usize> {
        index(&self.nodes, name)
    }
}

fn index(names: &[String], name: &str) -> Result<usize> {
    names
        .iter()
        .position(|n| n == name)
        .ok_or_else(|| EvidenceError::UnknownColumn { column: name.to_string(), known: names.join(", ") })
}

/// Learns the graph, then lays knowledge and edits over it.
///
/// # Errors
/// Constant or collinear columns, too few rows, unknown names, contradictory knowledge, an `alpha`
/// outside (0, 1), edits that close a circle of effects without delay; cancelled.
pub fn build_causal_graph(input: &CausalGraphInput, progress: &mut Progress<'_>) -> Result<CausalGraph> {
    let data = &input.data;
    if !(input.alpha > 0.0 && input.alpha < 1.0) {
        return Err(EvidenceError::OutOfRange { name: "alpha", value: input.alpha, bound: "between 0 and 1".into() });
    }
    data.require_varying()?;
    let knowledge = knowledge(&input.knowledge, data)?;
    knowledge.check()?;
    let (mut edges, method) = match input.observations {
        Observations::TimeSeries { tau_max } => (lagged(input, tau_max, &knowledge, progress)?, "PCMCI"),
        Observations::Rows if knowledge.is_empty() => (rows(input, &knowledge, progress)?, "GES"),
        Observations::Rows => (rows(input, &knowledge, progress)?, "PC"),
    };
    for [from, to] in &input.knowledge.required {
        let known = edges.iter_mut().find(|e| joins(e, from, to));
        match known {
            Some(edge) => edge.source = EdgeSource::Knowledge,
            None => edges.push(added(from, to, EdgeSource::Knowledge, None)),
        }
    }
    for edit in &input.edits {
        data.index(&edit.from)?;
        data.index(&edit.to)?;
        apply(edit, &mut edges);
    }
    let undecided = edges.iter().filter(|e| !e.directed).count();
    let mut warnings = vec![
        "causes that no column shows can still hide behind an edge: read directions as leads, not as proof".to_string(),
    ];
    if data.rows() < 20 * data.width() {
        warnings.push(format!("only {} rows for {} columns: weak edges will be missing", data.rows(), data.width()));
    }
    let graph = CausalGraph {
        nodes: data.names().to_vec(),
        method: method.into(),
        rows: data.rows(),
        warnings,
        reading: format!(
            "{} edges by {method}, {undecided} of them with a direction that the data cannot tell",
            edges.len()
        ),
        edges,
    };
    if matches!(input.observations, Observations::Rows) {
        graph.pdag()?.topological_order()?;
    }
    Ok(graph)
}

fn joins(edge: &CausalEdge, a: &str, b: &str) -> bool {
    (edge.from == a && edge.to == b) || (edge.from == b && edge.to == a)
}

fn added(from: &str, to: &str, source: EdgeSource, reason: Option<String>) -> CausalEdge {
    CausalEdge {
        from: from.to_string(),
        to: to.to_string(),
        directed: true,
        lag: None,
        strength: None,
        p: None,
        q: None,
        stability: None,
        source,
        reason,
    }
}

fn apply(edit: &Edit, edges: &mut Vec<CausalEdge>) {
    let Edit { from, to, edit, reason } = edit;
    if *edit == EditKind::Remove {
        edges.retain(|e| !joins(e, from, to));
        return;
    }
    // The opposite direction goes, whatever found it; delayed edges the right way stay.
    edges.retain(|e| !(e.directed && e.from == *to && e.to == *from && from != to));
    let mut found = false;
    for edge in edges.iter_mut().filter(|e| joins(e, from, to)) {
        edge.from.clone_from(from);
        edge.to.clone_from(to);
        edge.directed = true;
        edge.source = EdgeSource::Person;
        edge.reason = Some(reason.clone());
        found = true;
    }
    if !found {
        edges.push(added(from, to, EdgeSource::Person, Some(reason.clone())));
    }
}

fn knowledge(given: &Background, data: &Table) -> Result<Knowledge> {
    let mut known = Knowledge::none(data.width());
    for [from, to] in &given.forbidden {
        known = known.forbid(data.index(from)?, data.index(to)?);
    }
    for [from, to] in &given.required {
        known = known.require(data.index(from)?, data.index(to)?);
    }
    let tiers = given
        .tiers
        .iter()
        .map(|tier| tier.iter().map(|name| data.index(name)).collect::<Result<Vec<_>>>())
        .collect::<Result<Vec<_>>>()?;
    Ok(known.tiers(&tiers))
}

/// Whole numbers with few levels in every column.
pub(crate) fn categorical(data: &Table) -> bool {
    const LEVELS: usize = 12;
    data.columns().iter().all(|column| {
        let mut levels = column.clone();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        levels.len() <= LEVELS && levels.iter().all(|v| v.fract() == 0.0)
    })
}

fn rows(input: &CausalGraphInput, knowledge: &Knowledge, progress: &mut Progress<'_>) -> Result<Vec<CausalEdge>> {
    let data = &input.data;
    let categories = categorical(data);
    let test = if categories { IndependenceTest::ChiSquare } else { IndependenceTest::FisherZ };
    let score = if categories { ScoreKind::bdeu() } else { ScoreKind::bic() };
    let learn = |t: &Table, p: &mut Progress<'_>| {
        if knowledge.is_empty() { ges(t, score, p) } else { pc(t, test, input.alpha, knowledge, p).map(|f| f.graph) }
    };
    let graph = learn(data, progress)?;
    let stable = if input.repeats == 0 {
        Vec::new()
    } else {
        bootstrap(data, &mut |t| learn(t, &mut Progress::silent()), input.repeats, input.seed, progress)?
    };
    let mut independence = Independence::new(data, test)?;
    let mut edges = Vec::new();
    let lists = graph.edges();
    let pairs = lists.directed.iter().map(|e| (e, true)).chain(lists.undirected.iter().map(|e| (e, false)));
    for (&[a, b], directed) in pairs {
        let others = (graph.parents(b) | graph.parents(a)) & !bit(a) & !bit(b);
        // A test on too few rows is refused; the edge then stands without a p-value.
        let p = independence.p(a, b, others).ok().filter(|p| p.is_finite());
        let stability = (input.repeats > 0).then(|| {
            stable.iter().find(|s| (s.a, s.b) == (a.min(b), a.max(b))).map_or(0.0, |s| match (directed, a < b) {
                (false, _) => s.joined,
                (true, true) => s.a_to_b,
                (true, false) => s.b_to_a,
            })
        });
        edges.push(CausalEdge {
            p,
            directed,
            stability,
            ..added(&data.names()[a], &data.names()[b], EdgeSource::Learnt, None)
        });
    }
    Ok(edges)
}

fn lagged(
    input: &CausalGraphInput,
    tau_max: usize,
    knowledge: &Knowledge,
    progress: &mut Progress<'_>,
) -> Result<Vec<CausalEdge>> {
    const PARENTS_LEVEL: f64 = 0.2;
    let options = PcmciOptions { tau_max, pc_alpha: PARENTS_LEVEL };
    let data = &input.data;
    let (names, width) = (data.names(), data.width());
    let found = pcmci(data, options, progress)?;
    // Counts of each link over resamples of blocks: seams spoil only `tau_max` rows of each block.
    let mut counts = vec![0usize; width * width * (tau_max + 1)];
    let place = |from: usize, to: usize, lag: usize| (from * width + to) * (tau_max + 1) + lag;
    let mut learnt = 0usize;
    let mut random = Random::new(input.seed);
    let block = (10 * tau_max).max((data.rows() as f64).sqrt() as usize).min(data.rows());
    for repeat in 0..input.repeats {
        let mut order = Vec::with_capacity(data.rows());
        while order.len() < data.rows() {
            let start = random.below(data.rows() - block + 1);
            order.extend(start..start + block);
        }
        order.truncate(data.rows());
        if let Ok(again) = pcmci(&data.take_rows(&order), options, &mut Progress::silent()) {
            learnt += 1;
            for link in again.links(input.alpha) {
                counts[place(link.from, link.to, link.lag)] += 1;
            }
        }
        progress.report(repeat + 1, input.repeats)?;
    }
    let mut edges = Vec::new();
    for link in found.links(input.alpha) {
        if link.from != link.to && knowledge.is_forbidden(link.from, link.to) {
            continue;
        }
        edges.push(CausalEdge {
            lag: Some(link.lag),
            strength: Some(link.value),
            p: Some(link.p),
            q: Some(link.q),
            stability: (learnt > 0).then(|| counts[place(link.from, link.to, link.lag)] as f64 / learnt as f64),
            ..added(&names[link.from], &names[link.to], EdgeSource::Learnt, None)
        });
    }
    let pairs: Vec<(usize, usize)> = (0..width).flat_map(|a| (a + 1..width).map(move |b| (a, b))).collect();
    let p: Vec<f64> = pairs.iter().map(|&(a, b)| found.p_matrix[a][b][0]).collect();
    let mut now = Pdag::empty(width)?;
    let q = benjamini_hochberg(&p);
    for (&(a, b), &q) in pairs.iter().zip(&q) {
        if q <= input.alpha && !knowledge.is_excluded(a, b) {
            now.set_undirected(a, b);
        }
    }
    knowledge.orient(&mut now);
    for (k, &(a, b)) in pairs.iter().enumerate().filter(|(_, (a, b))| now.is_adjacent(*a, *b)) {
        let (from, to) = if now.is_directed(b, a) { (b, a) } else { (a, b) };
        edges.push(CausalEdge {
            directed: !now.is_undirected(a, b),
            lag: Some(0),
            strength: Some(found.val_matrix[a][b][0]),
            p: Some(p[k]),
            q: Some(q[k]),
            ..added(&names[from], &names[to], EdgeSource::Learnt, None)
        });
    }
    Ok(edges)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of advertising -> visits -> sales, with the weather on sales.
    fn shop(rows: usize) -> Table {
        let mut random = Random::new(5);
        let data: Vec<Vec<f64>> = (0..rows)
            .map(|_| {
                let (ads, weather) = (random.normal(), random.normal());
                let visits = 0.8 * ads + random.normal();
                vec![ads, visits, 0.7 * visits + 0.9 * weather + random.normal(), weather]
            })
            .collect();
        Table::from_rows(&data, &["ads", "visits", "sales", "weather"].map(String::from)).expect("finite")
    }

    fn question(data: Table, observations: Observations) -> CausalGraphInput {
        CausalGraphInput {
            data,
            observations,
            knowledge: Background::default(),
            edits: Vec::new(),
            alpha: 0.05,
            repeats: 0,
            seed: 1,
        }
    }

    fn build(input: &CausalGraphInput) -> CausalGraph {
        build_causal_graph(input, &mut Progress::silent()).expect("valid")
    }

    fn has(graph: &CausalGraph, from: &str, to: &str) -> bool {
        graph.edges.iter().any(|e| e.directed && e.from == from && e.to == to)
    }

    #[test]
    fn the_order_of_time_directs_what_rows_alone_leave_open() {
        let mut input = question(shop(2000), Observations::Rows);
        assert!(build(&input).edges.iter().any(|e| !e.directed));
        input.knowledge.tiers = vec![vec!["ads".into(), "weather".into()], vec!["visits".into()], vec!["sales".into()]];
        let graph = build(&input);
        assert!(has(&graph, "ads", "visits") && has(&graph, "visits", "sales") && has(&graph, "weather", "sales"));
        // Nothing confounds; the weather is held because it makes the estimate sharper.
        assert_eq!(graph.identify("ads", "sales").expect("known"), Identification::Adjust { set: vec![3] });
    }

    #[test]
    fn an_edit_stands_over_what_was_learnt_and_keeps_its_reason() {
        let mut input = question(shop(2000), Observations::Rows);
        input.repeats = 10;
        let confirm = Edit {
            from: "ads".into(),
            to: "visits".into(),
            edit: EditKind::Confirm,
            reason: "we pay per visit".into(),
        };
        let remove =
            Edit { from: "weather".into(), to: "sales".into(), edit: EditKind::Remove, reason: "online shop".into() };
        input.edits = vec![confirm, remove];
        let graph = build(&input);
        let edge = graph.edges.iter().find(|e| e.from == "ads" && e.to == "visits").expect("confirmed");
        assert_eq!((edge.source, edge.reason.as_deref()), (EdgeSource::Person, Some("we pay per visit")));
        assert!(!graph.edges.iter().any(|e| joins(e, "weather", "sales")));
        let read: CausalGraphInput =
            serde_json::from_str(&serde_json::to_string(&input).expect("plain")).expect("its own form");
        assert_eq!(build(&read), graph);
    }

    #[test]
    fn edits_that_close_a_circle_are_refused() {
        let mut input = question(shop(500), Observations::Rows);
        let confirm = |from: &str, to: &str| Edit {
            from: from.into(),
            to: to.into(),
            edit: EditKind::Confirm,
            reason: "so we think".into(),
        };
        input.edits = vec![confirm("ads", "visits"), confirm("visits", "sales"), confirm("sales", "ads")];
        let refused = build_causal_graph(&input, &mut Progress::silent());
        assert!(matches!(refused, Err(EvidenceError::Cyclic { .. })), "{refused:?}");
    }

    #[test]
    fn delays_are_found_in_a_history() {
        let mut random = Random::new(9);
        let mut rows = vec![vec![0.0, 0.0]; 2];
        for t in 2..400 {
            let ads = 0.3 * rows[t - 1][0] + random.normal();
            rows.push(vec![ads, 0.7 * rows[t - 2][0] + random.normal()]);
        }
        let data = Table::from_rows(&rows, &["ads", "sales"].map(String::from)).expect("finite");
        let mut input = question(data, Observations::TimeSeries { tau_max: 3 });
        input.repeats = 5;
        let graph = build(&input);
        let edge = graph.edges.iter().find(|e| e.from == "ads" && e.to == "sales").expect("there");
        assert_eq!(edge.lag, Some(2));
        assert!(edge.stability.expect("asked for") > 0.9);
        assert!(!has(&graph, "sales", "ads"));
    }
}
