//! A level that moved abruptly close to the end: worth a caveat, because few points show the new level.

use crate::seasonality::adjust;
use crate::stl::median;

/// Fewest and most points after the shift. One odd point is a spike as far as anyone can tell; after more points than
/// this the models have seen the new level.
const AFTER: std::ops::RangeInclusive<usize> = 2..=8;
/// Points before the shift that show the old level.
const BEFORE: usize = 12;
/// How far the level must move, in standard deviations of a step.
const JUMP: f64 = 6.0;

/// How many points ago the level of `y` moved, when it did so among the last few points.
pub(crate) fn recent_shift(y: &[f64], season: usize) -> Option<usize> {
    let (y, _) = adjust(y, season);
    let n = y.len();
    let steps: Vec<f64> = y.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
    // The median of absolute normal values is 0.6745 standard deviations; half of a series that never moves is zero.
    let usual = median(steps.clone()) / 0.6745;
    if usual <= 0.0 {
        return None;
    }
    let largest = steps.iter().rev().take(*AFTER.end()).copied().fold(0.0, f64::max);
    AFTER.filter(|after| n >= BEFORE + after && steps[n - after - 1] == largest).find(|&after| {
        let at = n - after;
        let old = median(y[at - BEFORE..at].to_vec());
        let new = median(y[at..].to_vec());
        let size = new - old;
        let stays = y[at..].iter().all(|v| (v - old) / size > 0.5);
        let was_there = y[at - BEFORE..at].iter().all(|v| (v - old) / size < 0.5);
        size.abs() > JUMP * usual && stays && was_there
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noisy(n: usize) -> Vec<f64> {
        (0..n).map(|t| 10.0 + ((t * 7919 + 31) % 97) as f64 / 97.0).collect()
    }

    #[test]
    fn a_step_is_dated_and_a_spike_or_a_trend_is_not_one() {
        let mut y = noisy(40);
        assert_eq!(recent_shift(&y, 1), None);
        y[37..].iter_mut().for_each(|v| *v += 9.0);
        assert_eq!(recent_shift(&y, 1), Some(3));
        y[38..].iter_mut().for_each(|v| *v -= 9.0);
        assert_eq!(recent_shift(&y, 1), None);
        let trend: Vec<f64> = noisy(40).iter().enumerate().map(|(t, v)| v + 3.0 * t as f64).collect();
        assert_eq!(recent_shift(&trend, 1), None);
    }
}
