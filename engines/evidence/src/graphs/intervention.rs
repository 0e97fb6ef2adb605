//! What would happen if one quantity were set: total effects on a graph, by regression on the
//! adjustment set.

use serde::{Deserialize, Serialize};

use super::adjustment::{Identification, identify};
use super::pdag::Pdag;
use crate::error::{EvidenceError, Result};
use crate::statistics::least_squares;
use crate::table::Table;

/// The effect on one node of raising another by one unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TotalEffect {
    pub of: String,
    pub on: String,
    /// Change of the target per unit of the cause.
    pub effect: f64,
    pub standard_error: f64,
    /// 95 % interval.
    pub lower: f64,
    pub upper: f64,
    pub p: f64,
    pub adjusted_for: Vec<String>,
}

/// The total effect of column `of` on column `on`, assuming linear relations on `graph`.
///
/// `Ok(None)` when the graph says that there is no effect.
///
/// # Errors
/// [`EvidenceError::NotIdentifiable`] when undirected edges leave it open, naming them; unknown
/// columns; collinear adjustment columns; too few rows.
pub fn total_effect(data: &Table, graph: &Pdag, of: &str, on: &str) -> Result<Option<TotalEffect>> {
    let (x, y) = (data.index(of)?, data.index(on)?);
    let name = |j: usize| data.names()[j].as_str();
    let set = match identify(graph, x, y)? {
        Identification::NoEffect => return Ok(None),
        Identification::Undecided { edges } => {
            let edges: Vec<String> = edges.iter().map(|[a, b]| format!("`{}` - `{}`", name(*a), name(*b))).collect();
            return Err(EvidenceError::NotIdentifiable {
                reason: format!(
                    "the effect of `{of}` on `{on}` depends on the direction of {}: direct these edges from what you know",
                    edges.join(", ")
                ),
            });
        }
        Identification::Adjust { set } => set,
    };
    let ones = vec![1.0; data.rows()];
    let mut design: Vec<(&str, &[f64])> = vec![("const", &ones)];
    design.extend(set.iter().map(|&j| (name(j), data.columns()[j].as_slice())));
    design.push((of, &data.columns()[x]));
    let fit = least_squares::fit(&design, &data.columns()[y])?;
    let last = design.len() - 1;
    let (lower, upper) = fit.interval(last, 0.95);
    Ok(Some(TotalEffect {
        of: of.to_string(),
        on: on.to_string(),
        effect: fit.coefficients[last],
        standard_error: fit.standard_error(last),
        lower,
        upper,
        p: fit.p(last),
        adjusted_for: set.iter().map(|&j| name(j).to_string()).collect(),
    }))
}

/// The mean of every column if `of` were set to `value`: only what depends on it moves. A column whose mean cannot be told
/// has the error of its [`total_effect`].
///
/// # Errors
/// An unknown column.
pub fn set_to(data: &Table, graph: &Pdag, of: &str, value: f64) -> Result<Vec<(String, Result<f64>)>> {
    let shift = value - crate::statistics::correlation::mean(data.column(of)?);
    let means = data.names().iter().zip(data.columns()).map(|(name, column)| {
        let before = crate::statistics::correlation::mean(column);
        let after = match name == of {
            true => Ok(value),
            false => total_effect(data, graph, of, name)
                .map(|effect| before + shift * effect.map_or(0.0, |effect| effect.effect)),
        };
        (name.clone(), after)
    });
    Ok(means.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn shop(rows: usize) -> (Table, Pdag) {
        // season -> price, season -> sales, price -> sales (-2), sales -> profit (3).
        let mut random = Random::new(77);
        let data: Vec<Vec<f64>> = (0..rows)
            .map(|_| {
                let season = random.normal();
                let price = 10.0 + season + random.normal();
                let sales = 100.0 - 2.0 * price + 5.0 * season + random.normal();
                vec![season, price, sales, 3.0 * sales + random.normal()]
            })
            .collect();
        let names = ["season", "price", "sales", "profit"].map(String::from);
        let graph = Pdag::from_edges(4, &[[0, 1], [0, 2], [1, 2], [2, 3]], &[]).expect("valid");
        (Table::from_rows(&data, &names).expect("finite"), graph)
    }

    #[test]
    fn the_effect_of_a_price_is_freed_from_the_season() {
        let (data, graph) = shop(2000);
        let effect = total_effect(&data, &graph, "price", "profit").expect("identified").expect("some");
        assert!((effect.effect + 6.0).abs() < 0.3, "{effect:?}");
        assert_eq!(effect.adjusted_for, ["season"]);
        assert!(total_effect(&data, &graph, "profit", "price").expect("valid").is_none());
    }

    #[test]
    fn setting_a_price_moves_what_depends_on_it_and_nothing_else() {
        let (data, graph) = shop(2000);
        let after = set_to(&data, &graph, "price", 11.0).expect("identified");
        let season_before = crate::statistics::correlation::mean(data.column("season").expect("there"));
        assert_eq!(after[0].1, Ok(season_before));
        // 100 - 2 * 11, the season at its mean of about zero.
        assert!(after[2].1.as_ref().is_ok_and(|mean| (mean - 78.0).abs() < 0.5), "{after:?}");
    }

    #[test]
    fn what_an_open_direction_decides_is_refused_and_the_rest_is_told() {
        let (data, _) = shop(500);
        // Whether the season moves the price is left open; sales and profit are a world of their own.
        let graph = Pdag::from_edges(4, &[[2, 3]], &[[0, 1]]).expect("valid");
        let after = set_to(&data, &graph, "price", 11.0).expect("known columns");
        let told: Vec<bool> = after.iter().map(|(_, mean)| mean.is_ok()).collect();
        assert_eq!(told, [false, true, true, true]);
    }
}
