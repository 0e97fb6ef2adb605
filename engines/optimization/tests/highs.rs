//! HiGHS agrees with the crate's own search where both prove; only with the feature `highs`.
#![cfg(feature = "highs")]

use dyocense_optimization::backend::{Backend, solve_with};
use dyocense_optimization::effort::Effort;
use dyocense_optimization::lp::Status;
use dyocense_optimization::model::{Model, Role, Sense};

/// Loads of different worth and weight on two vans; how far they drive may be a fraction.
fn vans(sense: Sense, room: f64) -> Model {
    let mut model = Model::new("vans", sense);
    let worth = [9.0, 7.0, 6.5, 5.0, 4.0, 3.0];
    let weight = [5.0, 4.0, 4.0, 3.0, 2.0, 2.0];
    let sign = if sense == Sense::Max { 1.0 } else { -1.0 };
    let mut loads = [Vec::new(), Vec::new()];
    for item in 0..6 {
        let on: Vec<usize> = (0..2).map(|_| model.integer("load", sign * worth[item], 0.0, 1.0)).collect();
        model.row("once", Role::Rule, on.iter().map(|&j| (j, 1.0)).collect(), f64::NEG_INFINITY, 1.0);
        on.iter().zip(&mut loads).for_each(|(&j, van)| van.push((j, weight[item])));
    }
    for mut van in loads {
        let way = model.column("way", -0.5 * sign, 0.25, 9.5);
        van.push((way, -1.0));
        model.row("room", Role::Rule, van, f64::NEG_INFINITY, room);
    }
    model
}

fn both(model: &Model) -> [(Status, Option<f64>); 2] {
    [Backend::Auto, Backend::Highs].map(|backend| {
        let answer = solve_with(model, backend, 0, &mut Effort::seconds(4.0)).unwrap();
        if answer.status == Status::Optimal {
            assert!(answer.gap.unwrap() <= 1e-6, "{answer:?}");
        }
        (answer.status, answer.objective)
    })
}

#[test]
fn both_find_the_best_loads() {
    for sense in [Sense::Max, Sense::Min] {
        let [ours, theirs] = both(&vans(sense, 3.0));
        assert_eq!((ours.0, theirs.0), (Status::Optimal, Status::Optimal));
        assert!((ours.1.unwrap() - theirs.1.unwrap()).abs() < 1e-6, "{ours:?} {theirs:?}");
    }
}

#[test]
fn both_prove_that_there_is_no_plan() {
    let [ours, theirs] = both(&vans(Sense::Max, -20.0));
    assert_eq!((ours.0, theirs.0), (Status::Infeasible, Status::Infeasible));
}

#[test]
fn both_solve_what_has_no_whole_decisions() {
    let mut model = vans(Sense::Max, 3.0);
    for column in &mut model.columns {
        column.integer = false;
    }
    let [ours, theirs] = both(&model);
    assert!((ours.1.unwrap() - theirs.1.unwrap()).abs() < 1e-6, "{ours:?} {theirs:?}");
}
