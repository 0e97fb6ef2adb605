//! What a reader of a forecast should know, in plain words: counted in days, weeks or months where the series has dates.

use serde::{Deserialize, Serialize};

use crate::calendar::Frequency;

/// Something a reader of the forecast should know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "caveat", rename_all = "snake_case")]
pub enum Caveat {
    /// So few points that only the simplest method is honest.
    Short { points: usize },
    /// Not more than one full season: no seasonal pattern can be told from noise.
    SeasonNotSeen { season: usize, points: usize },
    /// More than one full season and less than two: what is forecast of it rests on few points that came again.
    SeasonHardlySeen { season: usize, points: usize },
    /// The series never changes; its forecast is that value and the interval is empty.
    Constant,
    /// Missing points were filled in from their season's neighbours.
    Filled { points: usize },
    /// Observations of the same time were put together.
    Merged { observations: usize },
    /// Observations did not fall on the grid of the frequency and were moved to it.
    Irregular { observations: usize },
    /// Most points are zero: the forecast is a rate, not a count on any one day.
    Intermittent { zero_share: f64 },
    /// Only the newest points were used, to bound the work.
    Truncated { used: usize, of: usize },
    /// The level moved abruptly close to the end: few points show the new level.
    LevelShift { points_ago: usize },
    /// The method asked for does not fit this series; another answered.
    FellBack { from: String, to: String, why: String },
    /// The interval rests on few or no backtest errors.
    Uncalibrated { errors: usize },
}

impl Caveat {
    /// In words. `frequency` names the steps of the series, where it has dates; without it they are points.
    pub fn told(&self, frequency: Option<Frequency>) -> String {
        let steps = |count: usize| counted(count, frequency);
        match self {
            Caveat::Short { points: 1 } => format!("only {} is known: its value is repeated", steps(1)),
            Caveat::Short { points } => format!("only {} are known: the last value is repeated", steps(*points)),
            Caveat::SeasonNotSeen { season, points } => {
                let one = match usual_season(*season, frequency) {
                    Some(season) => format!("one {season}"),
                    None => format!("one season of {}", steps(*season)),
                };
                format!("{} are not more than {one}: no season is forecast", steps(*points))
            }
            Caveat::SeasonHardlySeen { season, points } => {
                let two = match usual_season(*season, frequency) {
                    Some(season) => format!("two {season}s"),
                    None => format!("two seasons of {}", steps(*season)),
                };
                format!("{} are less than {two}: the season has hardly been seen to repeat", steps(*points))
            }
            Caveat::Constant => "the series never changes: its value is repeated".to_string(),
            Caveat::Filled { points: 1 } => format!("{} without a value was filled in", steps(1)),
            Caveat::Filled { points } => format!("{} without a value were filled in", steps(*points)),
            Caveat::Merged { observations: 1 } => {
                "1 observation fell on a time already seen and was averaged with it".to_string()
            }
            Caveat::Merged { observations } => {
                format!("{observations} observations fell on a time already seen and were averaged with it")
            }
            Caveat::Irregular { observations: 1 } => {
                "1 observation was not on the regular grid and was moved to it".to_string()
            }
            Caveat::Irregular { observations } => {
                format!("{observations} observations were not on the regular grid and were moved to it")
            }
            Caveat::Intermittent { zero_share } => {
                let (one, several) = step(frequency);
                format!(
                    "{:.0} % of the {several} are zero: what is forecast is the mean of a {one}",
                    100.0 * zero_share
                )
            }
            Caveat::Truncated { used, of } => format!("only the newest {used} of {} were used", steps(*of)),
            Caveat::LevelShift { points_ago } => {
                format!("the level changed {} ago: little is known of the new one", steps(*points_ago))
            }
            Caveat::FellBack { from, to, why } => format!("{to} answered instead of {from}: {why}"),
            Caveat::Uncalibrated { errors } => {
                format!("how sure it is rests on {errors} errors of earlier forecasts and on theory")
            }
        }
    }
}

/// One step of a series, and several.
fn step(frequency: Option<Frequency>) -> (&'static str, &'static str) {
    frequency.map_or(("point", "points"), Frequency::step_words)
}

fn counted(count: usize, frequency: Option<Frequency>) -> String {
    match frequency {
        Some(frequency) => frequency.counted(count),
        None if count == 1 => "1 point".to_string(),
        None => format!("{count} points"),
    }
}

/// What a season of the usual length is.
fn usual_season(season: usize, frequency: Option<Frequency>) -> Option<&'static str> {
    let frequency = frequency.filter(|frequency| frequency.usual_season() == season)?;
    Some(match frequency {
        Frequency::Seconds(_) | Frequency::Hourly => "day",
        Frequency::Daily => "week",
        Frequency::Weekly | Frequency::Monthly | Frequency::Quarterly | Frequency::Yearly => "year",
    })
}

impl std::fmt::Display for Caveat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.told(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caveats_count_in_the_steps_of_the_series() {
        use Frequency::{Daily, Monthly, Quarterly, Seconds, Weekly};
        for (caveat, frequency, said) in [
            (Caveat::Short { points: 1 }, Some(Monthly), "only 1 month is known: its value is repeated"),
            (Caveat::Short { points: 3 }, Some(Daily), "only 3 days are known: the last value is repeated"),
            (Caveat::Short { points: 3 }, None, "only 3 points are known: the last value is repeated"),
            (
                Caveat::SeasonHardlySeen { season: 12, points: 20 },
                Some(Monthly),
                "20 months are less than two years: the season has hardly been seen to repeat",
            ),
            (
                Caveat::SeasonNotSeen { season: 7, points: 6 },
                Some(Daily),
                "6 days are not more than one week: no season is forecast",
            ),
            (
                Caveat::SeasonHardlySeen { season: 30, points: 40 },
                Some(Daily),
                "40 days are less than two seasons of 30 days: the season has hardly been seen to repeat",
            ),
            (Caveat::Filled { points: 2 }, Some(Quarterly), "2 quarters without a value were filled in"),
            (Caveat::Filled { points: 1 }, Some(Seconds(1_800)), "1 step of 30 minutes without a value was filled in"),
            (
                Caveat::LevelShift { points_ago: 4 },
                Some(Weekly),
                "the level changed 4 weeks ago: little is known of the new one",
            ),
            (
                Caveat::Intermittent { zero_share: 0.7 },
                Some(Daily),
                "70 % of the days are zero: what is forecast is the mean of a day",
            ),
        ] {
            assert_eq!(caveat.told(frequency), said);
        }
    }
}
