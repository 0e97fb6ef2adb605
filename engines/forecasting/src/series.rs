//! A series: values on a regular grid, with its season and what had to be repaired on the way in.

use jiff::civil::DateTime;

use crate::calendar::Frequency;
use crate::caveat::Caveat;
use crate::error::ForecastError;

/// Longest series accepted, in points.
pub const MAX_POINTS: usize = 1_000_000;
/// Largest absolute value accepted: squares and sums of squares stay finite below it.
pub const MAX_VALUE: f64 = 1e100;
/// Longest season accepted, in points.
pub const MAX_SEASON: usize = 10_000;

/// Values on a regular grid. Missing points are `NaN` until [`Series::filled`].
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    id: String,
    values: Vec<f64>,
    season: usize,
    grid: Option<(DateTime, Frequency)>,
    /// The number of the first point and the distance from one to the next, where points are numbered.
    numbers: Option<(i64, i64)>,
    caveats: Vec<Caveat>,
}

impl Series {
    /// A series without dates. `season` is its length in points, 1 for none; `NaN` marks a missing value.
    ///
    /// # Errors
    /// No finite value, infinite or huge values (beyond [`MAX_VALUE`]), more than [`MAX_POINTS`], a season of 0 or
    /// beyond [`MAX_SEASON`].
    pub fn new(id: impl Into<String>, values: Vec<f64>, season: usize) -> Result<Series, ForecastError> {
        if season == 0 || season > MAX_SEASON {
            return Err(ForecastError::Season { season, bound: MAX_SEASON });
        }
        if values.len() > MAX_POINTS {
            return Err(ForecastError::TooLong { length: values.len(), bound: MAX_POINTS });
        }
        for (index, &value) in values.iter().enumerate() {
            if value.is_infinite() {
                return Err(ForecastError::Infinite { index });
            }
            if value.abs() > MAX_VALUE {
                return Err(ForecastError::TooLarge { index, value, bound: MAX_VALUE });
            }
        }
        if values.iter().all(|v| v.is_nan()) {
            return Err(ForecastError::Empty);
        }
        Ok(Series { id: id.into(), values, season, grid: None, numbers: None, caveats: Vec::new() })
    }

    /// The same series with the time of its first point and its frequency.
    pub fn starting(mut self, first: DateTime, frequency: Frequency) -> Series {
        self.grid = Some((first, frequency));
        self
    }

    /// A series from observations in increasing or any order: sorted, put on the grid of `frequency` (inferred when
    /// `None`), observations of one grid point averaged, absent grid points left missing. `season` defaults to the usual
    /// one of the frequency.
    ///
    /// # Errors
    /// As [`Series::new`]; [`ForecastError::TooLong`] also when the grid between the first and the last time is too long.
    pub fn from_observations(
        id: impl Into<String>,
        mut observations: Vec<(DateTime, f64)>,
        frequency: Option<Frequency>,
        season: Option<usize>,
    ) -> Result<Series, ForecastError> {
        if observations.is_empty() {
            return Err(ForecastError::Empty);
        }
        observations.sort_by_key(|&(at, _)| at);
        let times: Vec<DateTime> = observations.iter().map(|&(at, _)| at).collect();
        let frequency = frequency.or_else(|| Frequency::infer(&times)).unwrap_or(Frequency::Daily);
        let first = times[0];
        let last = times[times.len() - 1];
        let length = frequency.distance(first, last) as usize + 1;
        if length > MAX_POINTS {
            return Err(ForecastError::TooLong { length, bound: MAX_POINTS });
        }
        let placed = observations.into_iter().map(|(at, value)| {
            let slot = frequency.distance(first, at) as usize;
            let moved = frequency.advance(first, slot as i64) != Some(at) && !same_period(frequency, first, at);
            (slot, moved, value)
        });
        let season = season.unwrap_or_else(|| frequency.usual_season());
        Ok(Series { grid: Some((first, frequency)), ..Series::placed(id.into(), length, placed, season)? })
    }

    /// A series whose points are numbered, in any order: one point for each step of the usual distance between numbers,
    /// those of one number averaged, absent ones left missing.
    ///
    /// # Errors
    /// As [`Series::from_observations`].
    pub fn from_numbered(
        id: impl Into<String>,
        mut observations: Vec<(i64, f64)>,
        season: usize,
    ) -> Result<Series, ForecastError> {
        observations.sort_by_key(|&(number, _)| number);
        let (Some(&(first, _)), Some(&(last, _))) = (observations.first(), observations.last()) else {
            return Err(ForecastError::Empty);
        };
        let distances = observations.windows(2).map(|w| w[1].0.saturating_sub(w[0].0)).filter(|d| *d > 0);
        let mut distances: Vec<i64> = distances.collect();
        distances.sort_unstable();
        let distance = distances.get(distances.len() / 2).copied().unwrap_or(1);
        let place = |number: i64| (number.saturating_sub(first).saturating_add(distance / 2) / distance) as usize;
        let length = place(last).saturating_add(1);
        if length > MAX_POINTS {
            return Err(ForecastError::TooLong { length, bound: MAX_POINTS });
        }
        let placed = observations.into_iter().map(|(number, value)| {
            let slot = place(number);
            (slot, (slot as i64).saturating_mul(distance) != number.saturating_sub(first), value)
        });
        Ok(Series { numbers: Some((first, distance)), ..Series::placed(id.into(), length, placed, season)? })
    }

    /// A series of `length` points from values that were put at points, with whether they were moved there.
    fn placed(
        id: String,
        length: usize,
        observations: impl Iterator<Item = (usize, bool, f64)>,
        season: usize,
    ) -> Result<Series, ForecastError> {
        let mut sums = vec![0.0; length];
        let mut counts = vec![0u32; length];
        let mut seen = vec![false; length];
        let mut merged = 0;
        let mut moved = 0;
        for (slot, is_moved, value) in observations {
            if std::mem::replace(&mut seen[slot], true) {
                merged += 1;
            }
            if is_moved {
                moved += 1;
            }
            if !value.is_nan() {
                sums[slot] += value;
                counts[slot] += 1;
            }
        }
        let values = sums.iter().zip(&counts).map(|(s, &c)| if c == 0 { f64::NAN } else { s / f64::from(c) }).collect();
        let mut series = Series::new(id, values, season)?;
        if merged > 0 {
            series.caveats.push(Caveat::Merged { observations: merged });
        }
        if moved > 0 {
            series.caveats.push(Caveat::Irregular { observations: moved });
        }
        Ok(series)
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// All points, `NaN` where missing.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Length of the season in points; 1 for none.
    pub fn season(&self) -> usize {
        self.season
    }

    /// Time of the first point and the frequency, when known.
    pub fn grid(&self) -> Option<(DateTime, Frequency)> {
        self.grid
    }

    /// What was repaired when the series was made.
    pub fn caveats(&self) -> &[Caveat] {
        &self.caveats
    }

    /// The time of point `index` (which may lie past the end).
    pub fn time(&self, index: usize) -> Option<DateTime> {
        let (first, frequency) = self.grid?;
        frequency.advance(first, index as i64)
    }

    /// What point `index` is called where points are numbered: its number, else its place counted from 1.
    pub fn number(&self, index: usize) -> i64 {
        let (first, distance) = self.numbers.unwrap_or((1, 1));
        first.saturating_add(distance.saturating_mul(index as i64))
    }

    /// The values with missing points filled: interpolated between neighbours, around the seasonal pattern where there
    /// are two seasons to see it in. Returns the number of points filled.
    pub fn filled(&self) -> (Vec<f64>, usize) {
        fill(&self.values, self.season)
    }
}

fn same_period(frequency: Frequency, first: DateTime, at: DateTime) -> bool {
    match frequency {
        Frequency::Monthly | Frequency::Quarterly | Frequency::Yearly => {
            at.day() == first.day() || (at.day() >= 28 && first.day() >= 28)
        }
        _ => false,
    }
}

fn fill(values: &[f64], season: usize) -> (Vec<f64>, usize) {
    let missing = values.iter().filter(|v| v.is_nan()).count();
    if missing == 0 {
        return (values.to_vec(), 0);
    }
    let straight = interpolate(values);
    if season < 2 || values.len() < 2 * season {
        return (straight, missing);
    }
    let mut filled = straight;
    // Filled points bend the level around them a little: a few rounds settle it.
    for _ in 0..3 {
        let level = moving_mean(&filled, season);
        let mut sums = vec![0.0; season];
        let mut counts = vec![0u32; season];
        for (t, &v) in values.iter().enumerate() {
            if !v.is_nan() {
                sums[t % season] += v - level[t];
                counts[t % season] += 1;
            }
        }
        let pattern: Vec<f64> =
            sums.iter().zip(&counts).map(|(s, &c)| if c == 0 { 0.0 } else { s / f64::from(c) }).collect();
        let adjusted: Vec<f64> = values.iter().enumerate().map(|(t, v)| v - pattern[t % season]).collect();
        filled = interpolate(&adjusted);
        for (t, value) in filled.iter_mut().enumerate() {
            *value = if values[t].is_nan() { *value + pattern[t % season] } else { values[t] };
        }
    }
    // A count or a price does not become negative because two neighbours suggest it.
    if values.iter().all(|v| v.is_nan() || *v >= 0.0) {
        for value in &mut filled {
            *value = value.max(0.0);
        }
    }
    (filled, missing)
}

fn interpolate(values: &[f64]) -> Vec<f64> {
    let mut out = values.to_vec();
    let mut before: Option<usize> = None;
    let mut t = 0;
    while t < out.len() {
        if !out[t].is_nan() {
            before = Some(t);
            t += 1;
            continue;
        }
        let after = (t..out.len()).find(|&k| !values[k].is_nan());
        let end = after.unwrap_or(out.len());
        for (k, slot) in out.iter_mut().enumerate().take(end).skip(t) {
            *slot = match (before, after) {
                (Some(b), Some(a)) => values[b] + (values[a] - values[b]) * (k - b) as f64 / (a - b) as f64,
                (Some(b), None) => values[b],
                (None, Some(a)) => values[a],
                (None, None) => 0.0,
            };
        }
        t = end;
    }
    out
}

/// Mean of the `width` points around each point; an even width takes half of the points at its two ends, and where the
/// series ends the nearest full mean stands.
pub(crate) fn moving_mean(values: &[f64], width: usize) -> Vec<f64> {
    let n = values.len();
    let half = width / 2;
    if width < 2 || n < 2 * half + 1 {
        let mean = values.iter().sum::<f64>() / n.max(1) as f64;
        return if width < 2 { values.to_vec() } else { vec![mean; n] };
    }
    let mut sums = Vec::with_capacity(n + 1);
    sums.push(0.0);
    let mut total = 0.0;
    for &v in values {
        total += v;
        sums.push(total);
    }
    let mut out = vec![0.0; n];
    for t in half..n - half {
        let full = sums[t + half + 1] - sums[t - half];
        let ends = if width.is_multiple_of(2) { 0.5 * (values[t - half] + values[t + half]) } else { 0.0 };
        out[t] = (full - ends) / width as f64;
    }
    let (first, last) = (out[half], out[n - half - 1]);
    out[..half].fill(first);
    out[n - half..].fill(last);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::parse_time;

    #[test]
    fn a_series_names_the_point_it_refuses() {
        assert_eq!(Series::new("a", vec![1.0, f64::INFINITY], 1), Err(ForecastError::Infinite { index: 1 }));
        assert_eq!(Series::new("a", vec![], 1), Err(ForecastError::Empty));
        assert!(matches!(Series::new("a", vec![1.0], 0), Err(ForecastError::Season { season: 0, .. })));
    }

    #[test]
    fn duplicates_are_averaged_and_gaps_are_left_missing() {
        let at = |t| parse_time(t).expect("a time");
        let series = Series::from_observations(
            "a",
            vec![(at("2024-01-04"), 4.0), (at("2024-01-01"), 1.0), (at("2024-01-01"), 3.0), (at("2024-01-02"), 2.0)],
            None,
            None,
        )
        .expect("a series");
        assert_eq!(series.values().len(), 4);
        assert_eq!(series.values()[0], 2.0);
        assert!(series.values()[2].is_nan());
        assert_eq!(series.caveats(), [Caveat::Merged { observations: 1 }]);
        assert_eq!(series.filled(), (vec![2.0, 2.0, 3.0, 4.0], 1));
    }

    #[test]
    fn numbered_points_keep_their_gaps_and_their_numbers() {
        let rows = vec![(30, 3.0), (10, 1.0), (20, 2.0), (50, 5.0), (20, 4.0)];
        let series = Series::from_numbered("a", rows, 1).expect("a series");
        assert_eq!((series.values().len(), series.number(0), series.number(4)), (5, 10, 50));
        assert_eq!((series.values()[1], series.values()[3].is_nan()), (3.0, true));
        assert_eq!(series.caveats(), [Caveat::Merged { observations: 1 }]);
        assert!(matches!(
            Series::from_numbered("a", vec![(0, 1.0), (1, 2.0), (2, 3.0), (i64::MAX, 4.0)], 1),
            Err(ForecastError::TooLong { .. })
        ));
    }

    #[test]
    fn gaps_in_a_seasonal_series_keep_the_season() {
        let mut values: Vec<f64> = (0..48).map(|t| 10.0 + f64::from(t % 4) * 5.0).collect();
        values[18] = f64::NAN;
        let (filled, missing) = Series::new("a", values, 4).expect("a series").filled();
        assert_eq!(missing, 1);
        assert!((filled[18] - 20.0).abs() < 1.5, "{}", filled[18]);
    }
}
