//! Parts and the totals that their labels make, forecast and made to add up.

use dyocense_forecasting::calendar::{Frequency, parse_time};
use dyocense_forecasting::hierarchy::{CoherentSet, Method, Part, forecast_hierarchy_on};
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
    forecast_hierarchy_on(&parts, &request, method, true, 2, &|_| {}).expect("a coherent set")
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
        let found = forecast_hierarchy_on(parts, &request, Method::MinTrace, false, 1, &|_| {});
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
