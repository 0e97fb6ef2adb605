//! The constraint solver agrees with the rest where both prove; only with the feature `cp`.
#![cfg(feature = "cp")]

use dyocense_optimization::backend::{Backend, solve_with};
use dyocense_optimization::effort::Effort;
use dyocense_optimization::lp::Status;
use dyocense_optimization::model::{Model, Role, Sense};

/// Four people, three shifts, one each at most, some dislikes.
fn crew(need: f64) -> Model {
    let mut model = Model::new("crew", Sense::Min);
    let dislikes = [[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0], [1.0, 3.0, 4.0]];
    let columns: Vec<Vec<usize>> =
        dislikes.iter().map(|row| row.iter().map(|&cost| model.integer("x", cost, 0.0, 1.0)).collect()).collect();
    for row in &columns {
        model.row("one", Role::Rule, row.iter().map(|&j| (j, 1.0)).collect(), f64::NEG_INFINITY, 1.0);
    }
    for s in 0..3 {
        model.row("need", Role::Rule, columns.iter().map(|row| (row[s], 1.0)).collect(), need, f64::INFINITY);
    }
    model
}

#[test]
fn both_find_the_best_crew() {
    let ours = solve_with(&crew(1.0), Backend::Auto, 0, &mut Effort::seconds(2.0)).unwrap();
    let theirs = solve_with(&crew(1.0), Backend::Cp, 0, &mut Effort::seconds(2.0)).unwrap();
    assert_eq!((ours.status, theirs.status), (Status::Optimal, Status::Optimal));
    assert_eq!(ours.objective, theirs.objective);
}

#[test]
fn both_prove_that_there_is_no_crew() {
    let theirs = solve_with(&crew(2.0), Backend::Cp, 0, &mut Effort::seconds(2.0)).unwrap();
    assert_eq!(theirs.status, Status::Infeasible);
}

#[test]
fn a_row_without_decisions_is_kept_or_not() {
    let answered = |limit: f64| {
        let mut model = crew(1.0);
        model.row("empty", Role::Rule, Vec::new(), f64::NEG_INFINITY, limit);
        solve_with(&model, Backend::Cp, 0, &mut Effort::seconds(2.0)).unwrap().status
    };
    assert_eq!((answered(0.0), answered(-1.0)), (Status::Optimal, Status::Infeasible));
}

#[test]
fn fractions_are_refused() {
    let mut model = crew(1.0);
    model.column("hours", 1.0, 0.0, 8.0);
    let error = solve_with(&model, Backend::Cp, 0, &mut Effort::seconds(2.0)).unwrap_err().to_string();
    assert!(error.contains("hours"), "{error}");
}
