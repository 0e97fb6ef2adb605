//! Classical policies against the figures of Snyder and Shen, *Fundamentals of Supply Chain Theory*.

use dyocense_optimization::inventory::distribution::{normal_cdf, normal_loss, normal_quantile};
use dyocense_optimization::inventory::{
    LeadTimeDemand, Tier, all_units_discount, backorders, economic_order_quantity, incremental_discount,
    min_max_poisson, newsvendor_empirical, newsvendor_normal, newsvendor_poisson, reorder_expected_level,
    reorder_point_for_fill_rate, reorder_point_for_service_level, reorder_poisson, wagner_whitin,
};

fn near(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{a} is not {b}");
}

#[test]
fn lots_of_constant_demand() {
    let plain = economic_order_quantity(8.0, 0.225, 1300.0).unwrap();
    near(plain.quantity, 304.0467800264368);
    near(plain.cost, 68.41052550594829);
    let waiting = backorders(8.0, 0.225, 1.125, 1300.0).unwrap();
    near(waiting.quantity, 333.06655991458126);
    near(waiting.cost, 62.44997998398399);
    let tiers = [(0.0, 0.75), (400.0, 0.72), (800.0, 0.68)].map(|(from, unit_cost)| Tier { from, unit_cost });
    near(all_units_discount(8.0, 0.3, 1300.0, &tiers).unwrap().cost, 978.6);
    near(incremental_discount(8.0, 0.3, 1300.0, &tiers).unwrap().cost, 1043.4105255059483);
    let error = economic_order_quantity(8.0, -1.0, 1300.0).unwrap_err().to_string();
    assert!(error.contains("holding_cost") && error.contains("-1"), "{error}");
}

#[test]
fn one_season() {
    near(newsvendor_normal(0.18, 0.7, 50.0, 8.0, 0.0).unwrap().level, 56.60395592743389);
    near(newsvendor_poisson(1.0, 9.0, 120.0, 0.0).unwrap().level, 134.0);
    let seen = newsvendor_empirical(1.0, 3.0, &[4.0, 1.0, 3.0, 2.0]).unwrap();
    near(seen.level, 3.0);
    near(seen.cost, (2.0 + 1.0 + 0.0 + 3.0) / 4.0);
}

#[test]
fn varying_demand() {
    let plan = wagner_whitin(&[90.0, 120.0, 80.0, 70.0], &[2.0], &[500.0], &[0.0]).unwrap();
    assert_eq!(plan.orders, [210.0, 0.0, 150.0, 0.0]);
    near(plan.cost, 1380.0);
}

#[test]
fn review_policies() {
    let policy = min_max_poisson(1.0, 4.0, 5.0, 6.0).unwrap();
    assert_eq!((policy.reorder_level, policy.up_to), (4.0, 10.0));
    near(policy.cost.unwrap(), 8.034111561471642);
    let policy = reorder_poisson(20.0, 150.0, 100.0, 1.5, 2.0).unwrap();
    assert_eq!((policy.reorder_point, policy.quantity), (3.0, 5.0));
    near(policy.cost.unwrap(), 107.92358063314975);
    let policy = reorder_expected_level(0.225, 7.5, 8.0, 1300.0, 150.0, 1.0 / 12.0).unwrap();
    near(policy.cost.unwrap(), 95.45114022285196);
}

#[test]
fn safety_stocks_keep_their_promise() {
    let demand = LeadTimeDemand::new(20.0, 6.0, 4.0, 1.0).unwrap();
    near(demand.sd, (4.0f64 * 36.0 + 400.0).sqrt());
    let stock = reorder_point_for_service_level(demand, 0.95).unwrap();
    near(normal_cdf(stock.safety_stock / demand.sd), 0.95);
    let stock = reorder_point_for_fill_rate(demand, 200.0, 0.98).unwrap();
    near(demand.sd * normal_loss(stock.safety_stock / demand.sd), 0.02 * 200.0);
}

#[test]
fn quantiles_invert_the_distribution() {
    for p in [1e-12, 1e-5, 0.01, 0.3, 0.5, 0.77, 0.999, 1.0 - 1e-10] {
        let back = normal_cdf(normal_quantile(p));
        assert!((back - p).abs() <= 1e-13 + 1e-10 * p.min(1.0 - p), "{p}: {back}");
    }
}

mod queues {
    use dyocense_optimization::business::ServiceQueue;

    fn queue() -> ServiceQueue {
        // Thirty calls in a quarter of an hour, three minutes each: a load of 6 people.
        ServiceQueue {
            arrivals: 120.0,
            handling_time: 0.05,
            service_level: 0.8,
            target_time: 20.0 / 3600.0,
            patience: None,
        }
    }

    /// Erlang C by its textbook sum.
    fn waiting(load: f64, people: u32) -> f64 {
        let term = |n: u32| (1..=n).fold(1.0, |a, k| a * load / f64::from(k));
        let last = term(people) * f64::from(people) / (f64::from(people) - load);
        last / ((0..people).map(term).sum::<f64>() + last)
    }

    #[test]
    fn waiting_is_erlangs() {
        for people in 7..20 {
            let service = queue().with_people(people).unwrap();
            assert!((service.waiting - waiting(6.0, people as u32)).abs() < 1e-12);
        }
    }

    #[test]
    fn the_fewest_people_keep_the_promise() {
        let service = queue().people_needed().unwrap();
        assert!(service.service_level >= 0.8);
        assert!(queue().with_people(service.people - 1).unwrap().service_level < 0.8);
    }

    #[test]
    fn endless_patience_is_no_patience_model() {
        let plain = queue().with_people(8).unwrap();
        let patient = ServiceQueue { patience: Some(1e7), ..queue() }.with_people(8).unwrap();
        assert!((plain.service_level - patient.service_level).abs() < 1e-4);
        assert!((plain.waiting - patient.waiting).abs() < 1e-4);
        let hasty = ServiceQueue { patience: Some(0.01), ..queue() }.with_people(6).unwrap();
        assert!(hasty.abandoning > 0.0 && hasty.abandoning < 0.5);
    }
}
