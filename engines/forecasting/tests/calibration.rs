//! Intervals hold what they say, whoever asks for how much.

use dyocense_forecasting::{Forecast, Model, Request, Series, forecast};

/// Numbers between -1 and 1 that look random, always the same.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// Takings by the day: weeks, a level that wanders, and noise.
fn takings(days: usize, seed: u64) -> Vec<f64> {
    let mut random = noise(seed);
    let mut level = 900.0;
    let mut day = |t: usize| {
        level += 12.0 * random();
        level + [-80.0, -40.0, 0.0, 20.0, 60.0, 140.0, -100.0][t % 7] + 60.0 * (random() + random())
    };
    (0..days).map(&mut day).collect()
}

/// Takings of a new business by the month: a level that wanders, and noise.
fn months(count: usize, seed: u64) -> Vec<f64> {
    let mut random = noise(seed);
    let mut level = 900.0;
    let mut month = || {
        level += 40.0 * random();
        level + 60.0 * (random() + random())
    };
    (0..count).map(|_| month()).collect()
}

fn asked(y: &[f64], season: usize, horizon: usize, model: Model) -> Forecast {
    let series = Series::new("shop", y.to_vec(), season).expect("a series");
    forecast(&series, &[], &Request { horizon, levels: vec![80.0], model, seed: 1 }).expect("an answer")
}

#[test]
fn the_first_step_is_as_sure_however_far_one_asks() {
    for seed in 1..=4 {
        let y = takings(200, seed);
        let first = |horizon: usize| {
            let answer = asked(&y, 7, horizon, Model::Ensemble);
            answer.intervals[0].upper[0] - answer.intervals[0].lower[0]
        };
        let usual = first(28);
        for (horizon, room) in [(1, 0.02), (7, 0.02), (14, 0.02), (56, 0.1)] {
            let ratio = first(horizon) / usual;
            assert!((ratio - 1.0).abs() < room, "{ratio} of the width at 28 steps when {horizon} are asked for");
        }
    }
}

#[test]
fn series_that_are_asked_for_alone_hold_what_they_say() {
    let (mut inside, mut count) = (0, 0);
    for seed in 1..=300 {
        let y = takings(72, seed);
        let answer = asked(&y[..60], 1, 12, Model::Theta);
        for (h, came) in y[60..].iter().enumerate() {
            let held = &answer.intervals[0];
            inside += i32::from((held.lower[h]..=held.upper[h]).contains(came));
            count += 1;
        }
    }
    let share = f64::from(inside) / f64::from(count);
    assert!((share - 0.8).abs() < 0.04, "{share}");
}

#[test]
fn a_series_of_few_points_is_not_taken_for_known() {
    for points in [4, 6, 9, 14] {
        let (mut inside, mut count) = (0, 0);
        for seed in 1..=200 {
            let y = months(points + 6, seed);
            let answer = asked(&y[..points], 1, 6, Model::Ensemble);
            for (h, came) in y[points..].iter().enumerate() {
                let held = &answer.intervals[0];
                inside += i32::from((held.lower[h]..=held.upper[h]).contains(came));
                count += 1;
            }
        }
        let share = f64::from(inside) / f64::from(count);
        assert!((0.72..0.97).contains(&share), "{share} with {points} points");
    }
}
