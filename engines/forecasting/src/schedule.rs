//! Where backtests of a series start, and how far they foretell.
//!
//! Two lists of origins. Members are weighed by those that look as far as the horizon. Intervals are calibrated on those
//! that look as far as is usual for the season, whatever the horizon: how sure the first step is does not depend on how many
//! steps are asked for.

/// Origins of a list: at most this many, each half of what is foretold from the next.
const ORIGINS: usize = 6;
/// A series spares this part of itself for what is foretold from one origin.
const PART: usize = 5;

/// When a series is to be foretold again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    n: usize,
    season: usize,
    horizon: usize,
}

/// Steps that are usually asked for, by season: six years, two years of quarters, four weeks of days, one and a half years of
/// months, two days of hours, a quarter of weeks. Horizons of the M3, M4 and M5 competitions (Makridakis et al. 2020).
fn usual(season: usize) -> usize {
    match season {
        0 | 1 => 6,
        2..=4 => 2 * season,
        5..=7 => 4 * season,
        8..=12 => season + season / 2,
        13..=24 => 2 * season,
        _ => (season / 4).max(12),
    }
}

impl Schedule {
    pub(crate) fn new(n: usize, season: usize, horizon: usize) -> Schedule {
        Schedule { n, season, horizon }
    }

    /// Steps by which members are weighed.
    pub(crate) fn span(&self) -> usize {
        self.within(self.farthest())
    }

    /// Origins by which members are weighed, newest first. Empty when the series is too short to spare any point.
    pub(crate) fn weighed(&self) -> Vec<usize> {
        self.origins(self.span())
    }

    /// Steps on which intervals are calibrated.
    pub(crate) fn usual_span(&self) -> usize {
        self.within(usual(self.season))
    }

    /// Origins on which intervals are calibrated, newest first; whatever the horizon the same.
    pub(crate) fn calibrated(&self) -> Vec<usize> {
        self.origins(self.usual_span())
    }

    /// All origins, newest first.
    pub(crate) fn all(&self) -> Vec<usize> {
        let mut all = self.weighed();
        all.extend(self.calibrated());
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.dedup();
        all
    }

    /// Steps that are foretold from an origin: as many as anyone asks for and are known.
    pub(crate) fn steps(&self, origin: usize) -> usize {
        self.farthest().min(self.n - origin)
    }

    /// How much of the horizon the origins that weigh members reach, 0 to 1: errors near an origin say less of what is far.
    pub(crate) fn reach(&self) -> f64 {
        (self.span() as f64 / self.horizon as f64).min(1.0)
    }

    fn farthest(&self) -> usize {
        self.horizon.max(usual(self.season))
    }

    fn within(&self, steps: usize) -> usize {
        steps.min((self.n / PART).max(1))
    }

    fn origins(&self, span: usize) -> Vec<usize> {
        let least = if self.n > 4 * self.season { (2 * self.season + 3).max(10) } else { 8 };
        let apart = span.div_ceil(2).max(1);
        (0..ORIGINS).filter_map(|k| self.n.checked_sub(span + k * apart)).filter(|&from| from >= least).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_leave_enough_to_fit() {
        assert_eq!(Schedule::new(100, 12, 18).weighed(), vec![82, 73, 64, 55, 46, 37]);
        assert!(Schedule::new(5, 1, 6).all().is_empty());
        assert_eq!(Schedule::new(14, 1, 6).all(), vec![12, 11, 10]);
    }

    #[test]
    fn what_intervals_are_calibrated_on_does_not_depend_on_the_horizon() {
        for season in [1, 4, 7, 12, 24, 52] {
            for n in [9, 30, 100, 700] {
                let near = Schedule::new(n, season, 1);
                for horizon in [2, 14, 28, 60] {
                    let far = Schedule::new(n, season, horizon);
                    assert_eq!((near.calibrated(), near.usual_span()), (far.calibrated(), far.usual_span()));
                    assert!(far.all().iter().all(|&origin| origin + far.steps(origin) <= n));
                    assert!(far.weighed().iter().all(|&origin| far.steps(origin) >= far.span()));
                }
            }
        }
    }
}
