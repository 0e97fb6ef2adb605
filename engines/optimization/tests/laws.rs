//! Laws that hold for every problem, on small random ones, and answers known from the literature.

use dyocense_optimization::backend::{Backend, solve_with};
use dyocense_optimization::business::{InventoryProblem, Plan, Problem, Product, solve as solve_problem};
use dyocense_optimization::effort::Effort;
use dyocense_optimization::explain::{conflict, repairs, sensitivity};
use dyocense_optimization::format::{model_from_json, model_from_mps};
use dyocense_optimization::lp::{Status, solve_lp};
use dyocense_optimization::model::{Model, Role, Sense, check};
use dyocense_optimization::run::{Options, read_task, run};
use dyocense_optimization::solve::solve;
use proptest::prelude::*;

fn effort() -> Effort<'static> {
    Effort::seconds(5.0)
}

/// Small packing and covering problems with a plan: whole or not, cheap to enumerate.
fn models(integer: bool) -> impl Strategy<Value = Model> {
    (2usize..6, 1usize..5).prop_flat_map(move |(n, m)| {
        (
            proptest::collection::vec(-9i32..10, n),
            proptest::collection::vec((proptest::collection::vec(-4i32..6, n), 0i32..12), m),
        )
            .prop_map(move |(costs, rows)| {
                let mut model = Model::new("random", Sense::Min);
                for (j, c) in costs.iter().enumerate() {
                    if integer {
                        model.integer(format!("x{j}"), f64::from(*c), 0.0, 3.0);
                    } else {
                        model.column(format!("x{j}"), f64::from(*c), 0.0, 3.0);
                    }
                }
                for (i, (terms, room)) in rows.iter().enumerate() {
                    let terms = terms.iter().enumerate().map(|(j, &v)| (j, f64::from(v))).collect();
                    model.row(format!("r{i}"), Role::Rule, terms, f64::NEG_INFINITY, f64::from(*room));
                }
                model
            })
    })
}

/// The optimum by trying every whole plan.
fn enumerated(model: &Model) -> f64 {
    let n = model.columns.len();
    let mut best = f64::INFINITY;
    for code in 0..4usize.pow(n as u32) {
        let x: Vec<f64> = (0..n).map(|j| ((code / 4usize.pow(j as u32)) % 4) as f64).collect();
        if check(model, &x).is_empty() {
            best = best.min(model.objective(&x));
        }
    }
    best
}

proptest! {
    #[test]
    fn whole_plans_are_as_good_as_enumeration(model in models(true)) {
        let answer = solve(&model, 0, &mut effort()).unwrap();
        prop_assert_eq!(answer.status, Status::Optimal);
        let x = answer.x.unwrap();
        prop_assert!(check(&model, &x).is_empty());
        prop_assert!((model.objective(&x) - enumerated(&model)).abs() < 1e-6);
    }

    #[test]
    fn microlp_agrees(model in models(true)) {
        let ours = solve(&model, 0, &mut effort()).unwrap().objective.unwrap();
        let theirs = solve_with(&model, Backend::Microlp, 0, &mut effort()).unwrap().objective.unwrap();
        prop_assert!((ours - theirs).abs() < 1e-6);
    }

    #[test]
    fn strong_duality_holds(model in models(false)) {
        let solution = solve_lp(&model, &mut effort());
        prop_assert_eq!(solution.status, Status::Optimal);
        // Every row is `<= room`, every column between 0 and 3.
        let mut dual = 0.0;
        for (row, y) in model.rows.iter().zip(&solution.row_duals) {
            prop_assert!(*y < 1e-9, "a packing row cannot cost: {}", y);
            dual += y * row.upper;
        }
        for (j, d) in solution.reduced_costs.iter().enumerate() {
            let columns: f64 = model.rows.iter().zip(&solution.row_duals)
                .map(|(row, y)| y * row.terms.iter().find(|t| t.0 == j).map_or(0.0, |t| t.1)).sum();
            prop_assert!((model.columns[j].cost - columns - d).abs() < 1e-7);
            dual += 3.0 * d.min(0.0);
        }
        prop_assert!((dual - solution.objective).abs() < 1e-6);
    }

    #[test]
    fn scaling_costs_scales_the_optimum(model in models(true), factor in 1u32..50) {
        let before = solve(&model, 0, &mut effort()).unwrap().objective.unwrap();
        let mut scaled = model;
        for column in &mut scaled.columns {
            column.cost *= f64::from(factor);
        }
        let after = solve(&scaled, 0, &mut effort()).unwrap().objective.unwrap();
        prop_assert!((after - before * f64::from(factor)).abs() < 1e-6 * (1.0 + after.abs()));
    }

    #[test]
    fn another_rule_never_improves(model in models(true), j in 0usize..2) {
        let before = solve(&model, 0, &mut effort()).unwrap().objective.unwrap();
        let mut tighter = model;
        tighter.row("extra", Role::Rule, vec![(j, 1.0)], f64::NEG_INFINITY, 1.0);
        let after = solve(&tighter, 0, &mut effort()).unwrap().objective.unwrap();
        prop_assert!(after >= before - 1e-9);
    }

    #[test]
    fn the_same_run_gives_the_same_plan(model in models(true), seed in 0u64..5) {
        let first = solve(&model, seed, &mut effort()).unwrap();
        let second = solve(&model, seed, &mut effort()).unwrap();
        prop_assert_eq!(first.x, second.x);
        prop_assert_eq!(first.work, second.work);
    }

    #[test]
    fn a_planted_conflict_is_found_whole(model in models(true), floor in 4i32..9) {
        // x0 is at most 3, and the planted rows ask x0 + x1 for more than both can give.
        let mut model = model;
        let a = model.row("planted floor", Role::Rule, vec![(0, 1.0), (1, 1.0)], f64::from(floor), f64::INFINITY);
        let b = model.row("planted ceiling", Role::Rule, vec![(0, 1.0), (1, 1.0)], f64::NEG_INFINITY, f64::from(floor) - 1.0);
        let found = conflict(&model, true, &mut effort()).unwrap();
        prop_assert!(found.verified);
        // Irreducible: without any one row of it, the rest has a plan.
        let rows: Vec<usize> = found.members.iter().filter_map(|m| match m {
            dyocense_optimization::explain::Member::Row { index, .. } => Some(*index),
            _ => None,
        }).collect();
        prop_assert!(!rows.is_empty());
        let only = |keep: &[usize]| {
            let mut part = model.clone();
            let mut i = 0;
            part.rows.retain(|_| { i += 1; keep.contains(&(i - 1)) });
            solve(&part, 0, &mut effort()).unwrap().status
        };
        prop_assert_eq!(only(&rows), Status::Infeasible);
        for &gone in &rows {
            let rest: Vec<usize> = rows.iter().copied().filter(|&i| i != gone).collect();
            prop_assert_ne!(only(&rest), Status::Infeasible);
        }
        let _ = (a, b);
    }
}

fn shop(periods: usize) -> InventoryProblem {
    let product = |demand: f64, moq: f64| Product {
        name: None,
        demand: (0..periods).map(|t| demand + (t % 3) as f64 * 5.0).collect(),
        hold: 1.0,
        setup_cost: 60.0,
        unit_cost: 3.0,
        lost_sale: 40.0,
        setup_time: 5.0,
        unit_time: 1.0,
        moq,
        lead_time: 0,
        arriving: Vec::new(),
        init: 7.0,
        backorder: None,
        shelf_life: None,
        waste_cost: 0.0,
        space: 0.0,
    };
    InventoryProblem {
        products: vec![product(20.0, 0.0), product(12.0, 30.0)],
        periods,
        capacity: vec![90.0; periods],
        space: None,
        budget: None,
    }
}

#[test]
fn an_inventory_plan_is_proven_and_passes_both_checkers() {
    let problem = Problem::Inventory(shop(6));
    let answer = problem.search(0, &mut effort()).unwrap();
    assert_eq!(answer.status, Status::Optimal);
    let x = answer.x.unwrap();
    assert_eq!(problem.check(&x), Vec::<String>::new());
    assert!(check(&problem.model(), &x).is_empty());
    // The plain model without the tight inequalities has the same optimum.
    let plain = solve(&problem.model(), 0, &mut effort()).unwrap();
    assert!((plain.objective.unwrap() - answer.objective.unwrap()).abs() < 1e-4);
}

#[test]
fn permuting_products_permutes_the_plan() {
    let mut turned = shop(6);
    turned.products.reverse();
    let first = Problem::Inventory(shop(6)).search(0, &mut effort()).unwrap();
    let second = Problem::Inventory(turned).search(0, &mut effort()).unwrap();
    assert!((first.objective.unwrap() - second.objective.unwrap()).abs() < 1e-4);
}

#[test]
fn a_plan_follows_its_products_where_it_is_unique() {
    let orders = |problem: InventoryProblem| {
        let answer = solve_problem(&Problem::Inventory(problem), &[], 0, &mut effort()).unwrap();
        assert_eq!(answer.status, Status::Optimal);
        let Some(Plan::Inventory(plan)) = answer.plan else { panic!() };
        plan.products.into_iter().map(|line| line.orders).collect::<Vec<_>>()
    };
    let mut stated = shop(6);
    // Uneven costs leave no two plans alike.
    stated.products[0].hold = 1.013;
    stated.products[1].setup_cost = 61.7;
    let mut turned = stated.clone();
    turned.products.reverse();
    let (mut first, second) = (orders(stated), orders(turned));
    first.reverse();
    for (a, b) in first.iter().flatten().zip(second.iter().flatten()) {
        assert!((a - b).abs() < 1e-5, "{first:?} {second:?}");
    }
}

#[test]
fn scaling_every_cost_of_a_problem_scales_its_optimum() {
    let worth = |problem: InventoryProblem| Problem::Inventory(problem).search(0, &mut effort()).unwrap();
    let before = worth(shop(6)).objective.unwrap();
    let mut dearer = shop(6);
    for product in &mut dearer.products {
        for cost in [&mut product.hold, &mut product.setup_cost, &mut product.unit_cost, &mut product.lost_sale] {
            *cost *= 7.0;
        }
    }
    let after = worth(dearer).objective.unwrap();
    assert!((after - 7.0 * before).abs() < 1e-4 * after, "{before} {after}");
}

#[test]
fn numbers_that_are_none_and_models_too_large_are_refused() {
    let mut problem = shop(3);
    problem.products[0].unit_cost = f64::NAN;
    let error = Problem::Inventory(problem).validate().unwrap_err().to_string();
    assert!(error.contains("products[0].unit_cost") && error.contains("NaN"), "{error}");
    let mut model = Model::new("large", Sense::Min);
    let x = model.column("x", 1.0, 0.0, 1.0);
    for _ in 0..1_000_000 {
        model.row("", Role::Rule, vec![(x, 1.0)], 0.0, 1.0);
    }
    let error = solve(&model, 0, &mut effort()).unwrap_err().to_string();
    assert!(error.contains("1000000") && error.contains("500000"), "{error}");
    let products = vec![shop(1000).products[0].clone(); 101];
    let large = InventoryProblem { products, capacity: vec![1.0; 1000], periods: 1000, space: None, budget: None };
    let error = Problem::Inventory(large).validate().unwrap_err().to_string();
    assert!(error.contains("101000") && error.contains("100000"), "{error}");
}

#[test]
fn bad_input_is_refused_with_the_field_and_the_bound() {
    let mut problem = shop(3);
    problem.products[1].hold = -1.0;
    let error = Problem::Inventory(problem).validate().unwrap_err().to_string();
    assert!(error.contains("products[1].hold") && error.contains("-1"), "{error}");
    let mut problem = shop(3);
    problem.capacity.pop();
    let error = Problem::Inventory(problem).validate().unwrap_err().to_string();
    assert!(error.contains("capacity") && error.contains('2'), "{error}");
    for (text, field) in [
        (r#"{"c":[1],"lb":[2],"ub":[1],"rows":[]}"#, "lower bound 2"),
        (r#"{"c":[1],"rows":[{"i":[3],"v":[1],"hi":1}]}"#, "rows[0].i"),
        (r#"{"c":[1],"rows":[{"i":[0],"v":[]}]}"#, "rows[0].v"),
        (r#"{"c":[1,2],"ub":[1],"rows":[]}"#, "length of ub"),
        (r#"{"sense":"up","c":[1],"rows":[]}"#, "sense"),
        (r#"{"c":[1e300],"rows":[]}"#, "c[0]"),
    ] {
        let error = model_from_json(text).unwrap_err().to_string();
        assert!(error.contains(field), "{text}: {error}");
    }
}

#[test]
fn an_mps_file_reads_as_the_model_it_is() {
    let text = "NAME tiny\nROWS\n N cost\n L cap\n G need\nCOLUMNS\n    MARKER MARKER INTORG\n    x cost 1 cap 1\n    x need 1\n    MARKER MARKER INTEND\n    y cost 2 cap 1\n    y need 1\nRHS\n    rhs cap 10 need 3.5\nRANGES\n    rng cap 4\nBOUNDS\n UP bnd x 2\nENDATA\n";
    let model = model_from_mps(text).unwrap();
    assert_eq!((model.rows[0].lower, model.rows[0].upper), (6.0, 10.0));
    assert!(model.columns[0].integer && !model.columns[1].integer);
    let answer = solve(&model, 0, &mut effort()).unwrap();
    assert_eq!(answer.objective, Some(10.0));
    assert!(model_from_mps("ROWS\n N c\n Q r\n").unwrap_err().to_string().contains("line 3"));
}

#[test]
fn prices_and_their_ranges_are_those_of_the_textbook() {
    // Maximise 5x + 4y with 6x + 4y <= 24 and x + 2y <= 6: prices 0.75 and 0.5.
    let mut model = Model::new("paint", Sense::Max);
    let x = model.column("x", 5.0, 0.0, f64::INFINITY);
    let y = model.column("y", 4.0, 0.0, f64::INFINITY);
    model.row("m1", Role::Rule, vec![(x, 6.0), (y, 4.0)], f64::NEG_INFINITY, 24.0);
    model.row("m2", Role::Rule, vec![(x, 1.0), (y, 2.0)], f64::NEG_INFINITY, 6.0);
    let solution = solve_lp(&model, &mut effort());
    let prices = sensitivity(&model, &solution.x, &mut effort());
    assert_eq!(prices.binding.len(), 2);
    let first = &prices.binding[0];
    assert!((first.shadow_price - 0.75).abs() < 1e-9);
    assert!((first.holds_from.unwrap() - 12.0).abs() < 1e-6);
    assert!((first.holds_to.unwrap() - 36.0).abs() < 1e-6);
    let cost = &prices.costs[0];
    assert!((cost.from.unwrap() - 2.0).abs() < 1e-6 && (cost.to.unwrap() - 6.0).abs() < 1e-6);
}

#[test]
fn a_conflict_names_its_rules_and_the_cheapest_way_out() {
    let mut model = Model::new("week", Sense::Min);
    let maria = model.integer("shifts of Maria", 1.0, 0.0, 7.0);
    let jo = model.integer("shifts of Jo", 1.0, 0.0, 7.0);
    let need = model.row("need", Role::Rule, vec![(maria, 1.0), (jo, 1.0)], 10.0, f64::INFINITY);
    model.say(need, "ten shifts must be staffed", "shifts");
    let most = model.row("most", Role::Rule, vec![(maria, 1.0)], f64::NEG_INFINITY, 2.0);
    model.say(most, "Maria works at most 2 shifts", "shifts");
    let other = model.row("other", Role::Rule, vec![(jo, 1.0)], f64::NEG_INFINITY, 7.0);
    model.say(other, "Jo works at most 7 shifts", "shifts");
    let found = conflict(&model, false, &mut effort()).unwrap();
    let says: Vec<&str> = found.members.iter().map(|m| m.says()).collect();
    assert!(says.contains(&"ten shifts must be staffed"));
    assert!(says.contains(&"Maria works at most 2 shifts"));
    let ways = repairs(&model, &found, &mut effort());
    assert_eq!(ways[0].says, "ten shifts must be staffed");
    assert!((ways[0].to - 9.0).abs() < 1e-6);
}

#[test]
fn an_unlimited_and_an_impossible_model_are_told_apart() {
    let mut model = Model::new("free", Sense::Max);
    let x = model.column("x", 1.0, 0.0, f64::INFINITY);
    assert_eq!(solve_lp(&model, &mut effort()).status, Status::Unbounded);
    model.row("low", Role::Rule, vec![(x, 1.0)], f64::NEG_INFINITY, -1.0);
    assert_eq!(solve_lp(&model, &mut effort()).status, Status::Infeasible);
}

#[test]
fn a_stopped_run_keeps_a_plan() {
    let problem = Problem::Inventory(shop(12));
    let stop = || true;
    let mut effort = Effort::seconds(5.0).with_stop(&stop);
    let answer = problem.search(0, &mut effort).unwrap();
    let x = answer.x.expect("the plan without orders is always there");
    assert_eq!(problem.check(&x), Vec::<String>::new());
}

#[test]
fn a_task_may_be_classical() {
    let task =
        read_task(r#"{"kind":"eoq","inputs":{"fixed_cost":8,"holding_cost":0.225,"demand_rate":1300}}"#).unwrap();
    let outcome = run(&task, Options::default(), &mut effort()).unwrap();
    assert!((outcome.objective.unwrap() - 68.41052550594829).abs() < 1e-9);
}
