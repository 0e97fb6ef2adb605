//! Totals and their parts, made to agree: forecasts of every node are moved as little as possible, in the measure of
//! their errors, so that each total is the sum of its parts (MinT: Wickramasuriya, Athanasopoulos & Hyndman 2019).

mod covariance;
mod known;
mod nonnegative;
mod product;

use std::str::FromStr;

use crate::cholesky::{Square, backward, factor, forward};
use crate::error::ForecastError;

pub use known::Columns;
pub use product::{CoherentSet, Node, Part, forecast_hierarchy_on, nodes};

/// Most nodes of a hierarchy: the work grows with their cube.
pub const MAX_NODES: usize = 1_000;

/// Which parts each total sums. Nodes are numbered with the totals first, in the order given, then the parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Hierarchy {
    parts: usize,
    totals: Vec<Vec<usize>>,
}

/// How errors of the nodes are weighed against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Totals are the sums of the parts' forecasts; the totals' own are not looked at.
    BottomUp,
    /// All nodes err alike.
    Ols,
    /// A total's variance is the number of its parts.
    WlsStructural,
    /// Each node's own mean squared residual.
    WlsVariance,
    /// Variances and correlations of the residuals, shrunk to no correlation (Schäfer & Strimmer 2005).
    #[default]
    MinTrace,
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Method, String> {
        match text {
            "bottom-up" => Ok(Method::BottomUp),
            "ols" => Ok(Method::Ols),
            "wls-structural" => Ok(Method::WlsStructural),
            "wls-variance" => Ok(Method::WlsVariance),
            "mint" => Ok(Method::MinTrace),
            _ => Err(format!("unknown method {text}; one of bottom-up, ols, wls-structural, wls-variance, mint")),
        }
    }
}

impl Hierarchy {
    /// A hierarchy of `parts` parts, where `totals[i]` lists the parts (numbered from 0) that total `i` sums.
    ///
    /// # Errors
    /// No part, more than [`MAX_NODES`] nodes, a total without parts, a part that does not exist or comes twice.
    pub fn new(parts: usize, totals: Vec<Vec<usize>>) -> Result<Hierarchy, ForecastError> {
        let refuse = |reason: String| Err(ForecastError::Hierarchy { reason });
        if parts == 0 || parts + totals.len() > MAX_NODES {
            return refuse(format!("{parts} parts and {} totals are outside 1..={MAX_NODES} nodes", totals.len()));
        }
        for (i, total) in totals.iter().enumerate() {
            let mut sorted = total.clone();
            sorted.sort_unstable();
            if sorted.is_empty() {
                return refuse(format!("total {i} sums no part"));
            }
            if let Some(part) = sorted.iter().find(|p| **p >= parts) {
                return refuse(format!("total {i} sums part {part} of {parts}"));
            }
            if let Some(pair) = sorted.windows(2).find(|w| w[0] == w[1]) {
                return refuse(format!("total {i} sums part {} twice", pair[0]));
            }
        }
        Ok(Hierarchy { parts, totals })
    }

    pub fn parts(&self) -> usize {
        self.parts
    }

    /// Totals and parts.
    pub fn nodes(&self) -> usize {
        self.parts + self.totals.len()
    }

    pub fn totals(&self) -> &[Vec<usize>] {
        &self.totals
    }

    /// The values of all nodes from those of the parts: sums that hold to the last bit of the additions.
    pub fn sum(&self, parts: &[f64]) -> Vec<f64> {
        let mut out: Vec<f64> = self.totals.iter().map(|t| t.iter().map(|&p| parts[p]).sum()).collect();
        out.extend_from_slice(parts);
        out
    }

    /// How far each total is from the sum of its parts.
    fn gaps(&self, nodes: &[f64]) -> Vec<f64> {
        let parts = &nodes[self.totals.len()..];
        self.totals.iter().zip(nodes).map(|(t, v)| v - t.iter().map(|&p| parts[p]).sum::<f64>()).collect()
    }
}

/// The way from forecasts that do not add up to ones that do.
#[derive(Debug, Clone)]
pub struct Reconciler<'a> {
    hierarchy: &'a Hierarchy,
    /// Covariance of the nodes' errors, up to a factor; `None` for bottom-up.
    covariance: Option<Square>,
    /// `W U` for the matrix `U'` of the gaps: a row for each node.
    gain: Vec<Vec<f64>>,
    /// Factor of `U' W U`.
    gaps: Square,
}

impl Reconciler<'_> {
    /// `residuals[i]` are the one-step errors of node `i`, all over the same times (`NaN` where there is none); only
    /// [`Method::WlsVariance`] and [`Method::MinTrace`] look at them.
    ///
    /// # Errors
    /// Residuals of another number of nodes, of different lengths, or fewer than three times at which all nodes have one.
    pub fn new<'a>(
        hierarchy: &'a Hierarchy,
        method: Method,
        residuals: &[Vec<f64>],
    ) -> Result<Reconciler<'a>, ForecastError> {
        let n = hierarchy.nodes();
        let mut covariance = Square::zeros(n);
        match method {
            Method::BottomUp => {
                return Ok(Reconciler { hierarchy, covariance: None, gain: Vec::new(), gaps: Square::zeros(0) });
            }
            Method::Ols => (0..n).for_each(|i| covariance.rows[i * n + i] = 1.0),
            Method::WlsStructural => {
                let sizes = hierarchy.totals.iter().map(Vec::len).chain(std::iter::repeat_n(1, hierarchy.parts));
                sizes.enumerate().for_each(|(i, size)| covariance.rows[i * n + i] = size as f64);
            }
            Method::WlsVariance => covariance = covariance::diagonal(&covariance::complete(residuals, n)?),
            Method::MinTrace => covariance = covariance::shrunk(&covariance::complete(residuals, n)?),
        }
        let totals = &hierarchy.totals;
        let gain: Vec<Vec<f64>> = (0..n)
            .map(|i| {
                let part = |p: usize| covariance.at(i, totals.len() + p);
                let gap = |(k, t): (usize, &Vec<usize>)| covariance.at(i, k) - t.iter().map(|&p| part(p)).sum::<f64>();
                totals.iter().enumerate().map(gap).collect()
            })
            .collect();
        let between =
            |a: usize, b: usize| gain[a][b] - totals[a].iter().map(|&p| gain[totals.len() + p][b]).sum::<f64>();
        let gaps = factor(totals.len(), between).ok_or_else(|| ForecastError::Hierarchy {
            reason: "two totals sum the same parts, or errors hang together completely".to_string(),
        })?;
        Ok(Reconciler { hierarchy, covariance: Some(covariance), gain, gaps })
    }

    /// Values of all nodes that add up, from ones that need not.
    pub fn apply(&self, nodes: &[f64]) -> Vec<f64> {
        self.hierarchy.sum(&self.parts(nodes))
    }

    fn parts(&self, nodes: &[f64]) -> Vec<f64> {
        let first = self.hierarchy.totals.len();
        let mut parts = nodes[first..].to_vec();
        if self.covariance.is_some() {
            let mut gaps = self.hierarchy.gaps(nodes);
            forward(&self.gaps, &mut gaps);
            backward(&self.gaps, &mut gaps);
            for (part, gain) in parts.iter_mut().zip(&self.gain[first..]) {
                *part -= gain.iter().zip(&gaps).map(|(g, v)| g * v).sum::<f64>();
            }
        }
        parts
    }

    /// As [`Reconciler::apply`], with no part below zero: the nearest such values in the same measure (Wickramasuriya,
    /// Turlach & Hyndman 2020).
    pub fn apply_non_negative(&self, nodes: &[f64]) -> Vec<f64> {
        let free = self.parts(nodes);
        if free.iter().all(|p| *p >= 0.0) {
            return self.hierarchy.sum(&free);
        }
        let Some(covariance) = &self.covariance else {
            return self.hierarchy.sum(&free.iter().map(|p| p.max(0.0)).collect::<Vec<_>>());
        };
        self.hierarchy.sum(&nonnegative::nearest(self.hierarchy, covariance, &free))
    }

    /// The spread of what this makes of uncertain values.
    pub(crate) fn spreads(&self) -> Spread<'_> {
        let n = self.hierarchy.nodes();
        let mut map = vec![vec![0.0; n]; n];
        for j in 0..n {
            let mut unit = vec![0.0; n];
            unit[j] = 1.0;
            for (row, v) in map.iter_mut().zip(self.apply(&unit)) {
                row[j] = v;
            }
        }
        Spread { covariance: self.covariance.as_ref(), map }
    }
}

/// What one unit at each node moves every node by, and how the nodes' errors hang together.
pub(crate) struct Spread<'a> {
    covariance: Option<&'a Square>,
    map: Vec<Vec<f64>>,
}

impl Spread<'_> {
    /// Standard deviations of the reconciled values of all nodes, from those of the values before; the correlations are
    /// the residuals' where the method knows them, else none.
    pub(crate) fn of(&self, sd: &[f64]) -> Vec<f64> {
        let n = sd.len();
        let unit: Vec<f64> = (0..n)
            .map(|i| self.covariance.map_or(1.0, |c| c.at(i, i).sqrt()))
            .map(|root| if root > 0.0 { 1.0 / root } else { 0.0 })
            .collect();
        self.map
            .iter()
            .map(|row| {
                let weights: Vec<f64> = row.iter().zip(sd).map(|(m, s)| m * s).collect();
                let mut variance: f64 = weights.iter().map(|w| w * w).sum();
                if let Some(c) = self.covariance {
                    let scaled: Vec<f64> = weights.iter().zip(&unit).map(|(w, u)| w * u).collect();
                    for a in 1..n {
                        let together: f64 = c.rows[a * n..a * n + a].iter().zip(&scaled).map(|(c, w)| c * w).sum();
                        variance += 2.0 * scaled[a] * together;
                    }
                }
                variance.max(0.0).sqrt()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn noise(t: usize) -> f64 {
        ((t * 7919 + 31) % 97) as f64 / 97.0 - 0.5
    }

    fn shops() -> Hierarchy {
        Hierarchy::new(4, vec![vec![0, 1, 2, 3], vec![0, 1], vec![2, 3]]).expect("a hierarchy")
    }

    fn residuals() -> Vec<Vec<f64>> {
        let parts: Vec<Vec<f64>> = (0..4)
            .map(|i| (0..40).map(|k| (i + 1) as f64 * noise(3 * k + 17 * i) + noise(5 * k + 1)).collect())
            .collect();
        let h = shops();
        let mut out = vec![vec![0.0; 40]; 3];
        for k in 0..40 {
            let sums = h.sum(&[parts[0][k], parts[1][k], parts[2][k], parts[3][k]]);
            for (j, row) in out.iter_mut().enumerate() {
                row[k] = sums[j] + 0.5 * noise(11 * k + 29 * j);
            }
        }
        out.extend(parts);
        out
    }

    /// Computed by hierarchicalforecast 1.5.3 (PyPI) on the same forecasts and residuals; what is not negative under the
    /// full covariance by scipy's nnls on the factored problem, whose minimum lies below the package's answer.
    const REFERENCE: [(Method, [[f64; 4]; 2], [f64; 4]); 4] = [
        (
            Method::Ols,
            [[18.571429, 23.571429, 28.571429, 30.571429], [-3.761905, 4.238095, 4.904762, 5.904762]],
            [0.0, 1.923077, 4.615385, 5.615385],
        ),
        (
            Method::WlsStructural,
            [[19.0, 24.0, 28.5, 30.5], [-3.541667, 4.458333, 5.208333, 6.208333]],
            [0.0, 3.0, 5.0, 6.0],
        ),
        (
            Method::WlsVariance,
            [[19.607345, 23.999331, 28.225577, 30.344867], [-3.181214, 4.538181, 5.351681, 6.008836]],
            [0.0, 3.396361, 5.164601, 5.722825],
        ),
        (
            Method::MinTrace,
            [[19.634188, 24.044112, 28.081679, 30.172799], [-3.133194, 4.644038, 5.421619, 5.982641]],
            [0.0, 7.0333904, 5.9241171, 4.7140523],
        ),
    ];
    const FORECASTS: [[f64; 7]; 2] =
        [[100.0, 42.0, 61.0, 20.0, 25.0, 28.0, 30.0], [10.0, 1.0, 11.0, -3.0, 5.0, 6.0, 7.0]];

    #[test]
    fn every_method_agrees_with_the_reference() {
        let (h, residuals) = (shops(), residuals());
        for (method, wanted, non_negative) in REFERENCE {
            let reconciler = Reconciler::new(&h, method, &residuals).expect("a reconciler");
            for (forecasts, parts) in FORECASTS.iter().zip(wanted) {
                for (ours, theirs) in reconciler.apply(forecasts)[3..].iter().zip(parts) {
                    assert!((ours - theirs).abs() < 2e-5, "{method:?}: {ours} {theirs}");
                }
            }
            for (ours, theirs) in reconciler.apply_non_negative(&FORECASTS[1])[3..].iter().zip(non_negative) {
                assert!((ours - theirs).abs() < 2e-4, "{method:?}, not negative: {ours} {theirs}");
            }
        }
        let bottom_up = Reconciler::new(&h, Method::BottomUp, &[]).expect("a reconciler");
        assert_eq!(bottom_up.apply(&FORECASTS[0]), [103.0, 45.0, 58.0, 20.0, 25.0, 28.0, 30.0]);
    }

    #[test]
    fn sums_hold_and_what_adds_up_already_stays() {
        let mut random = Random::new(2);
        for parts in [2, 7, 40] {
            let totals = vec![(0..parts).collect(), (0..parts / 2 + 1).collect::<Vec<usize>>()];
            let totals = if parts == 2 { vec![totals[0].clone()] } else { totals };
            let h = Hierarchy::new(parts, totals).expect("a hierarchy");
            let residuals: Vec<Vec<f64>> = (0..h.nodes()).map(|_| (0..24).map(|_| random.normal()).collect()).collect();
            for method in [Method::Ols, Method::WlsStructural, Method::WlsVariance, Method::MinTrace] {
                let reconciler = Reconciler::new(&h, method, &residuals).expect("a reconciler");
                let nodes: Vec<f64> = (0..h.nodes()).map(|_| 30.0 * random.normal()).collect();
                let all = [reconciler.apply(&nodes), reconciler.apply_non_negative(&nodes)];
                for out in &all {
                    assert!(h.gaps(out).iter().all(|g| g.abs() < 1e-9), "{method:?}");
                }
                assert!(all[1].iter().all(|v| *v >= 0.0), "{method:?} {:?}", all[1]);
                for (a, b) in all[0].iter().zip(reconciler.apply(&all[0])) {
                    assert!((a - b).abs() < 1e-9, "{method:?}");
                }
            }
        }
    }

    /// Errors drawn with the covariance that the method is told: what it says of the spread is what is seen.
    #[test]
    fn the_spread_told_is_the_spread_seen() {
        let h = shops();
        let mut random = Random::new(8);
        let draws: Vec<Vec<f64>> = (0..6_000)
            .map(|_| {
                let common = random.normal();
                let parts: Vec<f64> = (0..4).map(|i| (1.0 + i as f64) * random.normal() + common).collect();
                let mut nodes = h.sum(&parts);
                nodes.iter_mut().take(3).for_each(|v| *v += 0.7 * random.normal());
                nodes
            })
            .collect();
        let residuals: Vec<Vec<f64>> = (0..7).map(|i| draws.iter().map(|d| d[i]).collect()).collect();
        let sd = |values: &[f64]| (values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64).sqrt();
        let base: Vec<f64> = residuals.iter().map(|r| sd(r)).collect();
        let reconciler = Reconciler::new(&h, Method::MinTrace, &residuals).expect("a reconciler");
        let told = reconciler.spreads().of(&base);
        let after: Vec<Vec<f64>> = draws.iter().map(|d| reconciler.apply(d)).collect();
        for i in 0..7 {
            let seen = sd(&after.iter().map(|a| a[i]).collect::<Vec<f64>>());
            assert!((told[i] / seen - 1.0).abs() < 0.02, "{i}: {} {seen}", told[i]);
            assert!(told[i] <= base[i] * 1.001);
        }
    }

    #[test]
    fn what_is_no_hierarchy_is_refused_by_name() {
        for (parts, totals) in [(0, vec![]), (2, vec![vec![0, 2]]), (2, vec![vec![]]), (3, vec![vec![1, 1]])] {
            assert!(matches!(Hierarchy::new(parts, totals), Err(ForecastError::Hierarchy { .. })));
        }
        let h = shops();
        assert!(Reconciler::new(&h, Method::MinTrace, &[vec![1.0; 9]]).is_err());
        assert!(Reconciler::new(&h, Method::MinTrace, &vec![vec![f64::NAN; 9]; 7]).is_err());
    }
}
