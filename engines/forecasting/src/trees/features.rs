//! What a tree may look at: lags and rolling means relative to the series' recent level, and the calendar.
//!
//! Every value of a series is expressed as its distance from a local level in units of the series' own scale, so that
//! one model serves series of any size and trends need no extrapolation by the trees.

use jiff::civil::DateTime;

use crate::calendar::Frequency;

/// Share of the last season's growth that a season to come is given before the trees say anything (Gardner & McKenzie
/// 1985: trends that are damped err less).
const GROWTH_KEPT: f64 = 0.5;

/// Share of the mean step over the whole history that a step to come is given before the trees say anything.
const DRIFT_KEPT: f64 = 0.5;

/// What target and lags are measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// The value before: the trees learn steps, which suits what wanders.
    Last,
    /// The mean of the last season (the last value without one): the trees learn the season.
    SeasonMean,
    /// The value a season ago, moved by part of what the level has moved since: the season is given, the trees learn its
    /// change.
    SeasonAgo,
}

/// Which features a set has: the same for all its series.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub lags: Vec<usize>,
    pub windows: Vec<usize>,
    pub season: usize,
    calendar: Option<Frequency>,
    level: Level,
}

impl Layout {
    /// Features for series of at least `shortest` points.
    pub(super) fn new(season: usize, shortest: usize, calendar: Option<Frequency>, level: Level) -> Layout {
        let room = 3 * shortest / 4;
        let mut lags: Vec<usize> = (1..=6.min(room.max(1))).collect();
        if season > 1 {
            for lag in [season - 1, season, season + 1, 2 * season, 3 * season] {
                if lag <= room && !lags.contains(&lag) {
                    lags.push(lag);
                }
            }
            if season == 24 && 168 <= room {
                lags.extend([167, 168, 169]);
            }
        }
        lags.sort_unstable();
        let mut windows: Vec<usize> = Vec::new();
        for width in [3, if season > 1 { season } else { 6 }, 2 * season.max(6)] {
            if width <= room && !windows.contains(&width) {
                windows.push(width);
            }
        }
        Layout { lags, windows, season, calendar, level }
    }

    /// Points of history a row needs.
    pub(super) fn reach(&self) -> usize {
        let lag = self.lags.last().copied().unwrap_or(1);
        lag.max(self.windows.last().copied().unwrap_or(1))
    }

    pub(super) fn width(&self) -> usize {
        self.lags.len() + 2 * self.windows.len() + 2 + 4
    }

    /// Whether two whole seasons are in reach, so that the change of the level over one can be seen.
    pub(super) fn two_seasons(&self) -> bool {
        self.season > 1 && 2 * self.season <= self.reach()
    }

    /// What the target of point `t` is measured from.
    pub(super) fn base(&self, y: &[f64], t: usize) -> f64 {
        match self.level {
            Level::SeasonAgo if self.two_seasons() => {
                let grown = self.season_mean(y, t) - self.season_mean(y, t - self.season);
                y[t - self.season] + GROWTH_KEPT * grown
            }
            Level::Last if t > 1 => y[t - 1] + DRIFT_KEPT * (y[t - 1] - y[0]) / (t - 1) as f64,
            Level::Last => y[t - 1],
            _ => self.season_mean(y, t),
        }
    }

    fn season_mean(&self, y: &[f64], t: usize) -> f64 {
        let width = if self.season > 1 && self.season <= self.reach() { self.season } else { 1 };
        y[t - width..t].iter().sum::<f64>() / width as f64
    }

    /// Writes the features of point `t`, which needs `y[..t]` only.
    pub(super) fn write(&self, y: &[f64], t: usize, scale: f64, time: Option<DateTime>, out: &mut Vec<f64>) {
        let level = if self.level == Level::Last { y[t - 1] } else { self.season_mean(y, t) };
        for &lag in &self.lags {
            // Steps, where steps are foretold: what the value did at each lag, not how far away it is.
            let from = if self.level == Level::Last && t > lag { y[t - lag - 1] } else { level };
            out.push((y[t - lag] - from) / scale);
        }
        for &width in &self.windows {
            let part = &y[t - width..t];
            let mean = part.iter().sum::<f64>() / width as f64;
            let variance = part.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / width as f64;
            out.push((mean - level) / scale);
            out.push(variance.sqrt() / scale);
        }
        // Recent slope, and how this season's place did against its level a season ago.
        let season = self.season;
        out.push((y[t - 1] - y[t - self.reach().min(4)]) / scale);
        out.push(if self.two_seasons() {
            (y[t - season] - self.season_mean(y, t - season)) / scale
        } else {
            level / scale
        });
        let parts = match (self.calendar, time) {
            (Some(frequency), Some(at)) => calendar_parts(frequency, at),
            _ => [f64::NAN; 4],
        };
        out.extend(parts);
    }
}

fn calendar_parts(frequency: Frequency, at: DateTime) -> [f64; 4] {
    let weekday = f64::from(at.weekday().to_monday_zero_offset());
    let month = f64::from(at.month());
    let day = f64::from(at.day());
    let hour = f64::from(at.hour()) + f64::from(at.minute()) / 60.0;
    let year_day = f64::from(at.day_of_year());
    match frequency {
        Frequency::Seconds(_) | Frequency::Hourly => [hour, weekday, month, weekday * 24.0 + hour],
        Frequency::Daily => [weekday, month, day, year_day],
        Frequency::Weekly => [year_day, month, f64::NAN, f64::NAN],
        Frequency::Monthly | Frequency::Quarterly => [month, f64::NAN, f64::NAN, f64::NAN],
        Frequency::Yearly => [f64::NAN; 4],
    }
}
