//! The season of a series that has seen few cycles of it, as far as it has repeated.
//!
//! A shop of a year and a half has one Christmas behind it, and to foretell the next one without it is worse than to repeat
//! last year. One cycle shows a pattern and noise alike; what tells them apart is the part of a second cycle that there is: a
//! season repeats, noise and a wandering level do not. So each place of the cycle is shrunk by how far the places have
//! repeated (Miller & Williams 2003), its slow part and its sharp part each for itself, and where there are hardly any pairs
//! to tell by, towards what is usual of series that are said to have a season.

use crate::seasonality::SeasonalIndex;

/// Pairs of a step and the step a season ago that what is usual counts as, and the share of steps that usually repeats: on
/// stretches of one to two cycles of the open series it lowers MASE by a seventh against pairs alone.
const USUAL_PAIRS: f64 = 2.0;
const USUAL_SHARE: f64 = 0.6;
/// Standard deviations of chance that are taken off the share: more of a pattern than there is costs more than less.
const CAUTION: f64 = 0.5;
/// Pairs of points a season apart that a trend of zero counts as.
const PAIRS_OF_NO_TREND: f64 = 1.0;
/// Parts of a cycle that its slow part is the mean of; a season of fewer than two points a part has no sharp one.
const SLOW_PARTS: usize = 12;

/// The pattern as far as it has repeated; [`SeasonalIndex::None`] where it has not, or where there is not more than one cycle.
/// Of values, or, where that `may_multiply`, of logarithms, whichever repeats more.
pub(crate) fn shrunken(y: &[f64], season: usize, may_multiply: bool) -> SeasonalIndex {
    if season < 2 || y.len() <= season {
        return SeasonalIndex::None;
    }
    let of_values = Repeated::of(y, season);
    if may_multiply && y.iter().all(|v| *v > 0.0) {
        let of_logarithms = Repeated::of(&y.iter().map(|v| v.ln()).collect::<Vec<_>>(), season);
        if of_logarithms.share > 0.0 && of_logarithms.share >= of_values.share {
            let factors: Vec<f64> = of_logarithms.pattern.iter().map(|s| s.exp()).collect();
            let mean = factors.iter().sum::<f64>() / season as f64;
            return SeasonalIndex::Multiplicative(factors.into_iter().map(|f| f / mean).collect());
        }
    }
    if of_values.share > 0.0 { SeasonalIndex::Additive(of_values.pattern) } else { SeasonalIndex::None }
}

/// What of a pattern has repeated.
struct Repeated {
    /// Distances from the level, of sum zero.
    pattern: Vec<f64>,
    /// The larger share that was kept of its parts, 0 to 1.
    share: f64,
}

impl Repeated {
    fn of(y: &[f64], season: usize) -> Repeated {
        let flat = without_trend(y, season);
        let places: Vec<f64> = (0..season)
            .map(|k| {
                let of_place = flat[k..].iter().step_by(season);
                of_place.clone().sum::<f64>() / of_place.count() as f64
            })
            .collect();
        let mean = places.iter().sum::<f64>() / season as f64;
        let mut pattern: Vec<f64> = places.iter().map(|p| p - mean).collect();
        let cycles = y.len() as f64 / season as f64;
        let width = season / SLOW_PARTS;
        if width < 2 {
            let share = shrinkage(&steps(&flat, 1), season, 1, cycles);
            pattern.iter_mut().for_each(|p| *p *= share);
            return Repeated { pattern, share };
        }
        let (slow, level) = (smoothed_around(&pattern, width), smoothed(&flat, width));
        let slow_share = shrinkage(&steps(&flat, width), season, width, cycles);
        let sharp: Vec<f64> = flat.iter().zip(&level).map(|(v, l)| v - l).collect();
        let sharp_share = shrinkage(&sharp, season, 1, cycles);
        for (p, s) in pattern.iter_mut().zip(slow) {
            *p = slow_share * s + sharp_share * (*p - s);
        }
        Repeated { pattern, share: slow_share.max(sharp_share) }
    }
}

/// The series without its straight line: points of the same place in the cycle tell the slope without the season.
fn without_trend(y: &[f64], season: usize) -> Vec<f64> {
    let change: f64 = y[season..].iter().zip(y).map(|(new, old)| new - old).sum();
    let slope = change / ((y.len() - season) as f64 + PAIRS_OF_NO_TREND) / season as f64;
    y.iter().enumerate().map(|(t, v)| v - slope * t as f64).collect()
}

/// Steps between neighbouring means of `width` points. A level that wanders takes steps that do not repeat.
fn steps(y: &[f64], width: usize) -> Vec<f64> {
    let means: Vec<f64> = y.windows(width).map(|w| w.iter().sum::<f64>() / width as f64).collect();
    means.iter().zip(&means[width..]).map(|(old, new)| new - old).collect()
}

/// Mean of the points within half a `width` of each place, around the cycle.
fn smoothed_around(pattern: &[f64], width: usize) -> Vec<f64> {
    let (m, half) = (pattern.len(), width / 2);
    let near = |k: usize| (0..=2 * half).map(move |i| pattern[(k + m + i - half) % m]);
    (0..m).map(|k| near(k).sum::<f64>() / (2 * half + 1) as f64).collect()
}

/// The same along a series, of as many points as there are.
fn smoothed(y: &[f64], width: usize) -> Vec<f64> {
    let half = width / 2;
    let near = |t: usize| &y[t.saturating_sub(half)..(t + half + 1).min(y.len())];
    (0..y.len()).map(|t| near(t).iter().sum::<f64>() / near(t).len() as f64).collect()
}

/// How much of the mean of `cycles` to keep of a pattern, by what values have in common with those a season before; of
/// values that overlap by `width` only so many count.
fn shrinkage(values: &[f64], season: usize, width: usize, cycles: f64) -> f64 {
    let again = values.get(season..).unwrap_or_default();
    let (mut product, mut differing, mut of_new, mut of_old) = (0.0, 0.0, 0.0, 0.0);
    for (new, old) in again.iter().zip(values) {
        product += new * old;
        differing += (new - old) * (new - old);
        of_new += new * new;
        of_old += old * old;
    }
    let both = (of_new * of_old).sqrt();
    let of_pairs = if both > 0.0 { product / both } else { 0.0 };
    // What came again says how alike; what has not yet come again, how much there is beside the noise, which is half of what
    // a value and that of a season ago differ by. A Christmas that came once is believed half, a bulk order too.
    let noise = 0.5 * differing / (again.len() as f64).max(1.0);
    let size = values.iter().map(|v| v * v).sum::<f64>() / (values.len() as f64).max(1.0);
    let of_all = if size > 0.0 { (1.0 - noise / size).max(-1.0) } else { 0.0 };
    let common = 0.5 * (of_pairs + of_all);
    let pairs = again.len() as f64 / width as f64;
    let common = (pairs * common + USUAL_PAIRS * USUAL_SHARE) / (pairs + USUAL_PAIRS);
    let sure = common - CAUTION * (1.0 - common * common).max(0.0) / (pairs + USUAL_PAIRS).sqrt();
    // Of a mean of several cycles more is signal than of one.
    if sure > 0.0 { cycles * sure / (1.0 + (cycles - 1.0) * sure) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const MONTHS: [f64; 12] = [-20.0, -15.0, 0.0, 5.0, 10.0, 0.0, -10.0, -15.0, 0.0, 5.0, 10.0, 30.0];

    fn shop(n: usize, seed: u64, season: f64) -> Vec<f64> {
        let mut random = Random::new(seed);
        (0..n).map(|t| 200.0 + 0.5 * t as f64 + season * MONTHS[t % 12] + 3.0 * random.normal()).collect()
    }

    fn factors(index: &SeasonalIndex) -> Vec<f64> {
        (0..12).map(|t| index.restore(200.0, t) - 200.0).collect()
    }

    #[test]
    fn a_year_and_a_half_shows_most_of_a_season() {
        for seed in 0..20 {
            let index = shrunken(&shop(18, seed, 1.0), 12, true);
            let found = factors(&index);
            let off: f64 = found.iter().zip(MONTHS).map(|(f, m)| (f - m).abs()).sum::<f64>() / 12.0;
            assert!(off < 5.0 && found[11] > 17.0, "{seed} {found:?}");
        }
    }

    #[test]
    fn noise_that_does_not_repeat_leaves_little() {
        let size = |n: usize| -> f64 {
            let of =
                |seed| factors(&shrunken(&shop(n, seed, 0.0), 12, true)).iter().map(|f| f.abs()).sum::<f64>() / 12.0;
            (0..40).map(of).sum::<f64>() / 40.0
        };
        // Mean distances of noise alone would be 2.4 and 1.4.
        assert!(size(18) < 1.2, "{}", size(18));
        assert!(size(36) < 0.5, "{}", size(36));
    }

    #[test]
    fn one_cycle_shows_nothing_and_a_season_in_another_unit_is_the_same() {
        assert_eq!(shrunken(&shop(12, 1, 1.0), 12, true), SeasonalIndex::None);
        let y = shop(20, 1, 1.0);
        let big: Vec<f64> = y.iter().map(|v| v * 1024.0).collect();
        let (a, b) = (shrunken(&y, 12, true), shrunken(&big, 12, true));
        for t in 0..12 {
            assert!((1024.0 * a.restore(200.0, t) - b.restore(1024.0 * 200.0, t)).abs() < 1e-6);
        }
    }

    #[test]
    fn a_season_of_weeks_keeps_its_slow_and_its_sharp_part() {
        let mut random = Random::new(3);
        let week = |t: usize| {
            let slow = 30.0 * (t as f64 * std::f64::consts::TAU / 52.0).sin();
            slow + if t % 52 == 50 { 80.0 } else { 0.0 }
        };
        let y: Vec<f64> = (0..110).map(|t| 300.0 + week(t) + 5.0 * random.normal()).collect();
        let index = shrunken(&y, 52, true);
        for t in [13, 39, 50] {
            let found = index.restore(300.0, t) - 300.0;
            assert!((found - week(t)).abs() < 0.35 * week(t).abs(), "{t}: {found} {}", week(t));
        }
    }
}
