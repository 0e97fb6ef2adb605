//! Parts and the totals that their labels make, forecast and made to add up.

use dyocense_forecasting::calendar::{Frequency, parse_time};
use dyocense_forecasting::hierarchy::{CoherentSet, Columns, Method, Part, forecast_hierarchy_on};
use dyocense_forecasting::{ForecastError, Model, Request, Series};

fn part(shop: &str, product: &str, level: f64, phase: usize, late: usize) -> Part {
    let values: Vec<f64> = (late..60)
        .map(|t| {
            let noise = ((t * 7919 + phase * 131 + 31) % 97) as f64 / 97.0 - 0.5;
            let season = (std::f64::consts::TAU * (t + phase) as f64 / 12.0).sin();
            (level + 0.3 * t as f64 + 0.2 * level * season + 0.3 * level * noise).max(0.0)
        })
        .collect();
    let first = Frequency::Monthly.advance(parse_time("2019-01-01").expect("a time"), late as i64).expect("a time");
    let series = Series::new(format!("{shop} {product}"), values, 12).expect("a series");
    Part { series: series.starting(first, Frequency::Monthly), labels: vec![shop.to_string(), product.to_string()] }
}

fn set(method: Method) -> CoherentSet {
    let parts = [
        part("north", "shoes", 40.0, 0, 0),
        part("north", "hats", 5.0, 3, 0),
        part("south", "shoes", 25.0, 6, 0),
        part("south", "hats", 9.0, 8, 20),
    ];
    let request = Request { horizon: 6, levels: vec![80.0, 95.0], model: Model::Ets, seed: 1 };
    forecast_hierarchy_on(&parts, &Columns::default(), &request, method, true, 2, &|_| {}).expect("a coherent set")
}

#[test]
fn shops_and_products_add_up_to_the_total() {
    for method in [Method::BottomUp, Method::Ols, Method::WlsStructural, Method::WlsVariance, Method::MinTrace] {
        let found = set(method);
        let names: Vec<&str> = found.nodes.iter().map(|n| n.name.as_str()).collect();
        let wanted =
            ["total", "north", "south", "shoes", "hats", "north shoes", "north hats", "south shoes", "south hats"];
        assert_eq!(names, wanted);
        assert_eq!(found.method, method);
        for h in 0..6 {
            for (node, forecast) in found.nodes.iter().zip(&found.coherent) {
                let sum: f64 = node.parts.iter().map(|&p| found.coherent[5 + p].mean[h]).sum();
                assert!((forecast.mean[h] - sum).abs() < 1e-9, "{method:?} {} {h}", node.name);
                let (narrow, wide) = (&forecast.intervals[0], &forecast.intervals[1]);
                let bounds = [wide.lower[h], narrow.lower[h], forecast.mean[h], narrow.upper[h], wide.upper[h]];
                assert!(bounds.windows(2).all(|w| w[0] <= w[1]) && bounds[0] >= 0.0, "{} {bounds:?}", node.name);
            }
        }
        assert_eq!(found, set(method));
    }
}

#[test]
fn a_part_that_starts_later_counts_as_nothing_before() {
    let found = set(Method::MinTrace);
    let (total, late) = (&found.nodes[0].series, &found.nodes[8].series);
    assert_eq!(total.values().len(), 60);
    assert_eq!(late.values()[..20], [0.0; 20]);
}

#[test]
fn parts_that_do_not_fit_together_are_refused() {
    let request = Request { horizon: 3, model: Model::Naive, ..Request::default() };
    let refused = |parts: &[Part]| {
        let found = forecast_hierarchy_on(parts, &Columns::default(), &request, Method::MinTrace, false, 1, &|_| {});
        matches!(found, Err(ForecastError::Hierarchy { .. }))
    };
    assert!(refused(&[]));
    let mut other = part("south", "hats", 9.0, 8, 0);
    other.labels.pop();
    assert!(refused(&[part("north", "hats", 5.0, 3, 0), other]));
    let daily = Series::new("x", vec![1.0, 2.0, 3.0], 1).expect("a series");
    let daily = Part { series: daily, labels: vec!["south".into(), "hats".into()] };
    assert!(refused(&[part("north", "hats", 5.0, 3, 0), daily]));
}

const HORIZON: usize = 6;

/// Shops whose sales are lifted by promotions of their own and by holidays that all share; the south starts later. With
/// the sales of the horizon.
fn promoted() -> (Vec<Part>, Columns, Vec<Vec<f64>>) {
    let holiday = |t: usize| f64::from(u8::from(t * t % 13 == 4));
    let shop = |name: &str, level: f64, phase: usize, late: usize| {
        let promotion = |t: usize| f64::from(u8::from((t + phase) * (t + phase) % 11 == 5));
        let sales = |t: usize| {
            let noise = ((t * 7919 + phase * 131 + 31) % 97) as f64 / 97.0 - 0.5;
            level * (1.0 + 0.8 * promotion(t) - 0.5 * holiday(t) + 0.1 * noise)
        };
        let values: Vec<f64> = (late..90).map(sales).collect();
        let first = Frequency::Daily.advance(parse_time("2024-01-01").expect("a time"), late as i64).expect("a time");
        let series = Series::new(name, values, 7).expect("a series").starting(first, Frequency::Daily);
        let known: Vec<Vec<f64>> =
            vec![(late..90 + HORIZON).map(promotion).collect(), (late..90 + HORIZON).map(holiday).collect()];
        let to_come: Vec<f64> = (90..90 + HORIZON).map(sales).collect();
        (Part { series, labels: vec![name.to_string()] }, known, to_come)
    };
    let (mut parts, mut columns, mut actual) = (Vec::new(), Columns::default(), Vec::new());
    for (part, known, to_come) in [shop("north", 60.0, 0, 0), shop("east", 30.0, 4, 0), shop("south", 45.0, 9, 25)] {
        parts.push(part);
        columns.parts.push(known);
        actual.push(to_come);
    }
    actual.insert(0, (0..HORIZON).map(|h| actual.iter().map(|a| a[h]).sum()).collect());
    (parts, columns, actual)
}

fn with_columns(parts: &[Part], columns: &Columns, model: Model) -> Result<CoherentSet, ForecastError> {
    let request = Request { horizon: HORIZON, model, ..Request::default() };
    forecast_hierarchy_on(parts, columns, &request, Method::MinTrace, true, 2, &|_| {})
}

fn error(found: &CoherentSet, actual: &[Vec<f64>]) -> Vec<f64> {
    let of = |(f, a): (&dyocense_forecasting::Forecast, &Vec<f64>)| {
        f.mean.iter().zip(a).map(|(f, y)| (y - f).abs()).sum::<f64>()
    };
    found.coherent.iter().zip(actual).map(of).collect()
}

#[test]
fn what_parts_know_ahead_lowers_the_error_of_parts_and_total_and_all_adds_up() {
    let (parts, columns, actual) = promoted();
    for model in [Model::Arima, Model::Ensemble] {
        let with = with_columns(&parts, &columns, model).expect("a coherent set");
        let without = with_columns(&parts, &Columns::default(), model).expect("a coherent set");
        for ((node, with), without) in with.nodes.iter().zip(error(&with, &actual)).zip(error(&without, &actual)) {
            assert!(with < 0.7 * without, "{model:?} {}: {with} with the columns, {without} without", node.name);
        }
        for h in 0..HORIZON {
            let sum: f64 = with.coherent[1..].iter().map(|f| f.mean[h]).sum();
            assert!((with.coherent[0].mean[h] - sum).abs() < 1e-9, "{model:?} {h}");
        }
    }
}

#[test]
fn a_total_takes_the_columns_given_to_it_instead_of_its_parts() {
    let (parts, mut columns, _) = promoted();
    let of_parts = with_columns(&parts, &columns, Model::Arima).expect("a coherent set");
    columns.totals = vec![("total".to_string(), Vec::new())];
    let of_none = with_columns(&parts, &columns, Model::Arima).expect("a coherent set");
    assert_ne!(of_none.base[0].mean, of_parts.base[0].mean);
    let plain = with_columns(&parts, &Columns::default(), Model::Arima).expect("a coherent set");
    assert_eq!(of_none.base[0].mean, plain.base[0].mean);
    // The parts keep theirs; how far these are believed hangs a little on the rest of the set.
    for (h, (alone, beside)) in of_none.base[1].mean.iter().zip(&of_parts.base[1].mean).enumerate() {
        assert!((alone / beside - 1.0).abs() < 0.01, "{h} {alone} {beside}");
    }
    // Forecasts move towards what the total alone foresaw, and go on adding up.
    let sum: f64 = of_none.coherent[1..].iter().map(|f| f.mean[0]).sum();
    assert!((of_none.coherent[0].mean[0] - sum).abs() < 1e-9);
}

#[test]
fn columns_that_do_not_reach_are_refused_by_name() {
    let (parts, good, _) = promoted();
    let reason = |columns: &Columns| match with_columns(&parts, columns, Model::Naive) {
        Err(ForecastError::Hierarchy { reason }) => reason,
        other => panic!("{other:?}"),
    };
    let mut short = good.clone();
    short.parts[2][1].pop();
    assert_eq!(reason(&short), "south: column 1 has 70 values, 71 are needed");
    let mut unknown = good.clone();
    unknown.parts[0][0][3] = f64::NAN;
    assert_eq!(reason(&unknown), "north: column 0 has no value at 3");
    let mut stranger = good.clone();
    stranger.totals = vec![("west".to_string(), Vec::new())];
    assert_eq!(reason(&stranger), "columns of west, which is no total");
    let mut many = good;
    many.parts.push(Vec::new());
    assert_eq!(reason(&many), "columns of 4 parts, there are 3");
}
