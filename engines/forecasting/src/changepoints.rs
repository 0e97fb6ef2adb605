//! Where a series changed for good: its level, or the slope of its trend.
//!
//! Seasons are taken out first (MSTL, of logarithms where the season grows with the level), then the segmentation with the smallest penalised cost is found exactly by
//! pruned dynamic programming (PELT: Killick, Fearnhead & Eckley 2012). Two readings compete: constant levels, and
//! straight lines that may bend and jump; the one with the lower modified BIC (Zhang & Siegmund 2007) is told. Noise
//! that hangs together from point to point looks like small changes: its autocorrelation raises the penalty.

use jiff::civil::DateTime;

use crate::calendar::Frequency;
use crate::error::ForecastError;
use crate::normal::normal_quantile;
use crate::series::Series;
use crate::stl::{Seasonal, median, mstl, stl};

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Chance of finding a change where there is only noise, for the whole series; 0.0001 to 0.5.
    pub false_alarms: f64,
    /// Fewest points between two changes, at least 3; a whole season where the series shows one. A change shorter than this
    /// is an anomaly, or a season unlike the others, not a changepoint.
    pub shortest: usize,
}

impl Default for Detection {
    fn default() -> Detection {
        Detection { false_alarms: 0.05, shortest: 5 }
    }
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Level,
    /// The slope of the trend, with or without a jump of the level.
    Trend,
}

/// A change for good.
#[derive(Debug, Clone, PartialEq)]
pub struct Changepoint {
    /// First point of the new regime, counted from 0, and its time where the series has dates.
    pub index: usize,
    pub at: Option<DateTime>,
    pub kind: Kind,
    /// Seasonally adjusted level just before and from the change on.
    pub level_before: f64,
    pub level_after: f64,
    /// Slope before and after, in the unit of the series a point; 0 for constant levels.
    pub slope_before: f64,
    pub slope_after: f64,
    /// One less the chance that noise alone makes as large a change at some point of the two stretches, 0 to 1.
    pub confidence: f64,
    /// What happened, in a sentence.
    pub words: String,
}

/// Twice the difference of log-likelihoods that is strong evidence (Kass & Raftery 1995).
const STRONG_EVIDENCE: f64 = 10.0;
/// A change for good leaves more of a correlation until it is found: noise is not taken to hang together more than this.
const STRONGEST_CORRELATION: f64 = 0.8;
/// Newest points looked at: older changes rarely matter to anyone, and work stays bounded.
const LONGEST: usize = 3_000;

/// Finds changes of level and trend; none in a series that is too short to tell.
///
/// # Errors
/// A rate of false alarms or a shortest stretch out of range.
pub fn detect(series: &Series, detection: Detection) -> Result<Vec<Changepoint>, ForecastError> {
    let refuse = |name: &str, value: String, bound: &str| {
        Err(ForecastError::Setting { name: name.to_string(), value, bound: bound.to_string() })
    };
    if !(0.0001..=0.5).contains(&detection.false_alarms) {
        return refuse("rate of false alarms", detection.false_alarms.to_string(), "0.0001..=0.5");
    }
    if detection.shortest < 3 {
        return refuse("shortest stretch", detection.shortest.to_string(), "3 points and more");
    }
    let (whole, _) = series.filled();
    let dropped = whole.len().saturating_sub(LONGEST);
    let whole = &whole[dropped..];
    let in_logarithms = grows_with_level(whole, series.season());
    let logarithms: Vec<f64> = if in_logarithms { whole.iter().map(|v| v.ln()).collect() } else { vec![] };
    let (y, taken) = adjusted(if in_logarithms { &logarithms } else { whole }, series.season());
    let own_season = if taken > 0.0 { series.season() } else { 1 };
    let detection = Detection { shortest: detection.shortest.max(own_season), ..detection };
    if y.len() < 2 * detection.shortest || y.iter().all(|v| *v == y[0]) {
        return Ok(Vec::new());
    }
    let levels = Reading::new(&y, 1, taken, detection);
    let lines = Reading::new(&y, 2, taken, detection);
    // Both are charged for how noise hangs together around the better description: a trend read as levels leaves steps
    // that hang together, which is no property of the noise. One charge also makes the comparison free of units.
    let inflation = levels.inflation.min(lines.inflation);
    let (of_levels, of_lines) = (levels.criterion(y.len(), inflation), lines.criterion(y.len(), inflation));
    let best = if of_lines < of_levels { &lines } else { &levels };
    // What is told is told in the series' own unit.
    let told = if in_logarithms { y.iter().map(|v| v.exp()).collect() } else { y };
    Ok(best.told(series, &told, dropped, detection))
}

/// Whether the season and the noise grow with the level, so that logarithms are what has a steady season: the remainder
/// of the logarithms, brought back to the series' unit by its geometric mean, is clearly the smaller one (Box & Cox 1964,
/// the profile likelihoods of the logarithm and of no transformation). Logarithms of a steady line bend, so a tie goes to
/// the series as it is.
fn grows_with_level(y: &[f64], season: usize) -> bool {
    if season < 2 || y.len() < 3 * season || y.iter().any(|v| *v <= 0.0) {
        return false;
    }
    let logarithms: Vec<f64> = y.iter().map(|v| v.ln()).collect();
    let geometric_mean = (logarithms.iter().sum::<f64>() / y.len() as f64).exp();
    let left_over =
        |y: &[f64]| stl(y, season, Seasonal::Periodic, false).remainder.iter().map(|r| r * r).sum::<f64>().sqrt();
    let gain = left_over(y) / (left_over(&logarithms) * geometric_mean);
    2.0 * y.len() as f64 * gain.ln() > STRONG_EVIDENCE
}

/// The series without its season, and how many degrees of freedom went with it; outliers are pulled in so that one of
/// them does not make two changes.
fn adjusted(y: &[f64], season: usize) -> (Vec<f64>, f64) {
    let mut out = y.to_vec();
    let mut taken = 0.0;
    if season > 1 && y.len() >= 3 * season {
        // One for each place in the cycle, and again about every six cycles, since the season may drift.
        taken = (season - 1) as f64 * (1.0 + y.len() as f64 / season as f64 / 6.0);
        for seasonal in mstl(y, &[season]).seasonals {
            out.iter_mut().zip(seasonal).for_each(|(v, s)| *v -= s);
        }
    }
    let spread = noise(&out);
    let near: Vec<f64> =
        (0..out.len()).map(|t| median(out[t.saturating_sub(3)..(t + 4).min(out.len())].to_vec())).collect();
    for (v, m) in out.iter_mut().zip(near) {
        *v = v.clamp(m - 5.0 * spread, m + 5.0 * spread);
    }
    (out, taken)
}

/// Standard deviation of the noise from differences of second order, which levels and slopes do not enter.
fn noise(y: &[f64]) -> f64 {
    let bends: Vec<f64> = y.windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs()).collect();
    let typical = median(bends.clone());
    let robust = typical / (normal_quantile(0.75) * 6f64.sqrt());
    if robust > 0.0 {
        return robust;
    }
    (bends.iter().map(|b| b * b).sum::<f64>() / (6.0 * bends.len().max(1) as f64)).sqrt()
}

/// Sums from which the squares around the best line (or level) of any stretch follow in constant time.
struct Sums {
    y: Vec<f64>,
    ty: Vec<f64>,
    yy: Vec<f64>,
    /// 1 for levels, 2 for lines.
    terms: usize,
}

impl Sums {
    fn new(y: &[f64], terms: usize) -> Sums {
        // Around the mean: less is lost in the differences of sums.
        let mean = y.iter().sum::<f64>() / y.len() as f64;
        let mut sums = Sums { y: vec![0.0], ty: vec![0.0], yy: vec![0.0], terms };
        let (mut a, mut b, mut c) = (0.0, 0.0, 0.0);
        for (t, v) in y.iter().enumerate() {
            let v = v - mean;
            a += v;
            b += t as f64 * v;
            c += v * v;
            sums.y.push(a);
            sums.ty.push(b);
            sums.yy.push(c);
        }
        sums
    }

    /// Squares left over in `from..to`.
    fn cost(&self, from: usize, to: usize) -> f64 {
        let n = (to - from) as f64;
        let sy = self.y[to] - self.y[from];
        let mut left = self.yy[to] - self.yy[from] - sy * sy / n;
        if self.terms == 2 && to - from > 1 {
            let middle = from as f64 + 0.5 * (n - 1.0);
            let cross = self.ty[to] - self.ty[from] - middle * sy;
            left -= cross * cross * 12.0 / (n * (n * n - 1.0));
        }
        left.max(0.0)
    }
}

/// The best segmentation with levels or with lines.
struct Reading {
    /// Ends of the stretches, increasing; the last is the length.
    ends: Vec<usize>,
    sums: Sums,
    variance: f64,
    /// By how much hanging together inflates what noise does to a mean.
    inflation: f64,
}

impl Reading {
    fn new(y: &[f64], terms: usize, taken: f64, detection: Detection) -> Reading {
        let n = y.len();
        let sums = Sums::new(y, terms);
        let shortest = detection.shortest.max(2 * terms);
        let size = y.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let floor = (1e-9 * size).max(f64::MIN_POSITIVE).powi(2);
        let mut variance = noise(y).powi(2).max(floor);
        let mut inflation = 1.0;
        let mut ends = vec![n];
        // The noise is measured again around the stretches found, and so is how it hangs together.
        for _ in 0..4 {
            let unit = variance * inflation;
            let price = unit * penalty(n, terms, detection.false_alarms);
            let found = segments(&sums, n, shortest, price, unit);
            let settled = found == ends;
            ends = found;
            let left = residuals(y, &ends, terms);
            let freedom = (n as f64 - (terms * ends.len()) as f64 - taken).max(0.2 * n as f64).max(1.0);
            variance = (left.iter().map(|r| r * r).sum::<f64>() / freedom).max(floor);
            inflation = hanging_together(&left, terms * ends.len() + ends.len() - 1);
            if settled {
                break;
            }
        }
        Reading { ends, sums, variance, inflation }
    }

    /// Modified BIC: what is left over, the parameters, and the lengths of the stretches.
    fn criterion(&self, n: usize, inflation: f64) -> f64 {
        let left: f64 = self.stretches().map(|(a, b)| self.sums.cost(a, b)).sum();
        let n = n as f64;
        let lengths: f64 = self.stretches().map(|(a, b)| ((b - a) as f64 / n).ln()).sum();
        let stretches = self.ends.len() as f64;
        let parameters = self.sums.terms as f64 * stretches + 2.0 * (stretches - 1.0);
        let floor = 1e-12 * self.sums.yy[self.sums.yy.len() - 1];
        n * (left.max(floor).max(f64::MIN_POSITIVE) / n).ln() / inflation + parameters * n.ln() + lengths
    }

    fn stretches(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        std::iter::once(0).chain(self.ends.iter().copied()).zip(self.ends.iter().copied())
    }

    fn told(&self, series: &Series, y: &[f64], dropped: usize, detection: Detection) -> Vec<Changepoint> {
        let stretches: Vec<(usize, usize)> = self.stretches().collect();
        let mut out = Vec::new();
        for pair in stretches.windows(2) {
            let ((from, at), (_, to)) = (pair[0], pair[1]);
            let gain = self.sums.cost(from, to) - self.sums.cost(from, at) - self.sums.cost(at, to);
            let ratio = gain.max(0.0) / (self.variance * self.inflation);
            let confidence = 1.0 - chance(ratio, to - from, self.sums.terms);
            if confidence < 1.0 - detection.false_alarms {
                continue;
            }
            let before = line(&y[from..at], self.sums.terms);
            let after = line(&y[at..to], self.sums.terms);
            // Both lines at the change: where the old one would have gone on, and where the new one starts.
            let level_before = before.0 + before.1 * (at - from) as f64;
            let kind = if self.sums.terms == 1 { Kind::Level } else { Kind::Trend };
            let mut change = Changepoint {
                index: dropped + at,
                at: series.time(dropped + at),
                kind,
                level_before,
                level_after: after.0,
                slope_before: before.1,
                slope_after: after.1,
                confidence,
                words: String::new(),
            };
            change.words = words(&change, series.grid().map(|(_, frequency)| frequency));
            out.push(change);
        }
        out
    }
}

/// Cost of one more change, in variances of the noise: the value that the best of all places reaches by chance with the
/// probability asked for, at least the modified BIC's.
fn penalty(n: usize, terms: usize, false_alarms: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1_000.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if chance(middle, n, terms) > false_alarms { low = middle } else { high = middle }
    }
    high.max((terms as f64 + 1.0) * (n as f64).ln())
}

/// Chance that a change at the best of `n` places explains at least `ratio` variances of noise. For one place it is the
/// tail of chi-squared with one degree of freedom a term; neighbouring places say nearly the same, so the number of
/// places that count grows with the logarithm (Darling & Erdős 1956; the factor holds the rate in a test).
fn chance(ratio: f64, n: usize, terms: usize) -> f64 {
    let tail = match terms {
        1 => complementary_error((0.5 * ratio).sqrt()),
        _ => (-0.5 * ratio).exp(),
    };
    let places = 6.0 * (n as f64).ln().max(1.0) * (1.0 + ratio.sqrt());
    (places * tail).min(1.0)
}

/// `erfc(x)` for `x >= 0`, to about 1e-7 (Abramowitz & Stegun 7.1.26).
fn complementary_error(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    series.iter().fold(0.0, |s, c| (s + c) * t) * (-x * x).exp()
}

/// Ends of the stretches with the smallest sum of squares and prices. A stretch pays for being short, as the modified
/// BIC asks.
fn segments(sums: &Sums, n: usize, shortest: usize, price: f64, unit: f64) -> Vec<usize> {
    let short = |a: usize, b: usize| unit * ((b - a) as f64 / n as f64).ln();
    let cost = |a: usize, b: usize| sums.cost(a, b) + price + short(a, b);
    let mut best = vec![f64::INFINITY; n + 1];
    let mut last = vec![0; n + 1];
    best[0] = 0.0;
    let mut open: Vec<usize> = vec![0];
    for end in shortest..=n {
        let mut found = (f64::INFINITY, 0);
        for &from in open.iter().filter(|&&from| from + shortest <= end) {
            let total = best[from] + cost(from, end);
            if total < found.0 {
                found = (total, from);
            }
        }
        (best[end], last[end]) = found;
        // A start that is worse by more than any later change can save is never taken again. The price of shortness can
        // save up to ln n.
        let slack = unit * (n as f64).ln();
        open.retain(|&from| from + shortest > end || best[from] + sums.cost(from, end) <= best[end] + slack);
        open.push(end + 1 - shortest);
        open.dedup();
    }
    let mut ends = Vec::new();
    let mut at = n;
    while at > 0 {
        ends.push(at);
        at = last[at];
    }
    ends.reverse();
    ends
}

/// Level at the first point, and slope.
fn line(y: &[f64], terms: usize) -> (f64, f64) {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    if terms == 1 || y.len() < 2 {
        return (mean, 0.0);
    }
    let middle = 0.5 * (n - 1.0);
    let cross: f64 = y.iter().enumerate().map(|(t, v)| (t as f64 - middle) * (v - mean)).sum();
    let slope = cross * 12.0 / (n * (n * n - 1.0));
    (mean - slope * middle, slope)
}

fn residuals(y: &[f64], ends: &[usize], terms: usize) -> Vec<f64> {
    let mut out = Vec::with_capacity(y.len());
    let mut from = 0;
    for &to in ends {
        let (level, slope) = line(&y[from..to], terms);
        out.extend(y[from..to].iter().enumerate().map(|(t, v)| v - level - slope * t as f64));
        from = to;
    }
    out
}

/// By how much the variance of a mean of the noise is larger than if it were independent from point to point, at least 1: of
/// an autoregression of order one, or over a few lags (Newey & West 1987) where that says more. Around `parameters` fitted
/// terms residuals are less alike than the noise is, by about one part in n for each term.
fn hanging_together(residuals: &[f64], parameters: usize) -> f64 {
    let n = residuals.len();
    let squares: f64 = residuals.iter().map(|r| r * r).sum();
    if squares <= 0.0 {
        return 1.0;
    }
    let taken_up = parameters as f64 / n as f64;
    let correlation = |lag: usize| -> f64 {
        let product: f64 = residuals.iter().zip(&residuals[lag.min(n)..]).map(|(a, b)| a * b).sum();
        (product / squares + taken_up).min(STRONGEST_CORRELATION)
    };
    let first = correlation(1).max(0.0);
    let lags = (4.0 * (n as f64 / 100.0).powf(2.0 / 9.0)) as usize;
    let weight = |lag: usize| 1.0 - lag as f64 / (lags as f64 + 1.0);
    let several: f64 = 1.0 + 2.0 * (1..=lags).map(|lag| weight(lag) * correlation(lag)).sum::<f64>();
    ((1.0 + first) / (1.0 - first)).max(if first > 0.0 { several } else { 1.0 })
}

/// `frequency` names the time from point to point, where it is known.
fn words(c: &Changepoint, frequency: Option<Frequency>) -> String {
    let when = c.at.map_or_else(|| format!("at point {}", c.index + 1), |at| format!("from {}", at.date()));
    let jump = c.level_after - c.level_before;
    let size = |change: f64, base: f64| {
        if base.abs() > 1e-9 * change.abs() && base != 0.0 {
            format!("{:.1} ({:+.0} %)", change.abs(), 100.0 * change / base.abs())
        } else {
            format!("{:.1}", change.abs())
        }
    };
    let way = |change: f64| if change >= 0.0 { "rose" } else { "fell" };
    match c.kind {
        Kind::Level => format!("{when} the level {} by {}", way(jump), size(jump, c.level_before)),
        Kind::Trend => {
            let slope = |s: f64| format!("{s:+.2} {}", each(frequency));
            let start = format!("{when} the trend changed from {} to {}", slope(c.slope_before), slope(c.slope_after));
            if jump.abs() > 3.0 * (c.slope_after - c.slope_before).abs() {
                format!("{start} and the level {} by {}", way(jump), size(jump, c.level_before))
            } else {
                start
            }
        }
    }
}

/// The time from point to point, as a slope is told by.
fn each(frequency: Option<Frequency>) -> String {
    match frequency {
        None => "a point".to_string(),
        Some(Frequency::Seconds(seconds)) if seconds % 60 == 0 => format!("every {} minutes", seconds / 60),
        Some(Frequency::Seconds(seconds)) => format!("every {seconds} seconds"),
        Some(Frequency::Hourly) => "an hour".to_string(),
        Some(Frequency::Daily) => "a day".to_string(),
        Some(Frequency::Weekly) => "a week".to_string(),
        Some(Frequency::Monthly) => "a month".to_string(),
        Some(Frequency::Quarterly) => "a quarter".to_string(),
        Some(Frequency::Yearly) => "a year".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::parse_time;
    use crate::random::Random;

    fn noisy(n: usize, seed: u64, mean: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut random = Random::new(seed);
        (0..n).map(|t| mean(t) + random.normal()).collect()
    }

    fn found(y: Vec<f64>, season: usize) -> Vec<Changepoint> {
        detect(&Series::new("s", y, season).expect("a series"), Detection::default()).expect("in range")
    }

    #[test]
    fn noise_raises_an_alarm_no_more_often_than_said() {
        for (n, season) in [(40, 1), (120, 12), (400, 7)] {
            let alarms = (0..300).filter(|&seed| !found(noisy(n, seed, |_| 50.0), season).is_empty()).count();
            assert!(alarms <= 20, "{n}: {alarms} of 300 at a rate of 0.05");
        }
    }

    #[test]
    fn a_steady_trend_with_a_season_is_no_change_whether_the_season_grows_or_not() {
        for (grows, slope, size) in [(true, 0.008, 0.35), (true, 0.0, 0.35), (false, 0.008, 0.35), (false, 0.008, 0.0)]
        {
            let alarms = (0..150)
                .filter(|&seed| {
                    let season = |t: usize| size * (t as f64 * std::f64::consts::TAU / 12.0).sin();
                    let noise = noisy(168, seed, |_| 0.0);
                    let line = noise.iter().enumerate().map(|(t, e)| 4.0 + slope * t as f64 + season(t) + 0.03 * e);
                    !found(line.map(|v| if grows { v.exp() } else { v }).collect(), 12).is_empty()
                })
                .count();
            assert!(alarms <= 10, "{alarms} of 150 at a rate of 0.05: {grows} {slope} {size}");
        }
    }

    #[test]
    fn noise_that_hangs_together_raises_few_alarms() {
        let alarms = (0..100)
            .filter(|&seed| {
                let mut last = 0.0;
                let y = noisy(150, seed, |_| 0.0).into_iter().map(|e| {
                    last = 0.5 * last + e;
                    100.0 + last
                });
                !found(y.collect(), 1).is_empty()
            })
            .count();
        assert!(alarms <= 12, "{alarms} of 100");
    }

    #[test]
    fn a_planted_level_is_found_within_two_points() {
        let mut close = 0;
        for seed in 0..50 {
            let y = noisy(120, seed, |t| {
                100.0 + if t >= 70 { -3.0 } else { 0.0 } + 8.0 * (t as f64 * std::f64::consts::TAU / 12.0).sin()
            });
            let changes = found(y, 12);
            let near =
                changes.iter().any(|c| c.index.abs_diff(70) <= 2 && (c.level_after - c.level_before + 3.0).abs() < 1.5);
            close += usize::from(near && changes.len() == 1);
        }
        assert!(close >= 40, "{close} of 50");
    }

    #[test]
    fn a_planted_bend_is_found_and_told_with_its_slopes() {
        let y = noisy(120, 3, |t| if t < 60 { 2.0 * t as f64 } else { 120.0 - (t as f64 - 60.0) });
        let series = Series::new("s", y, 1)
            .expect("a series")
            .starting(parse_time("2024-01-01").expect("a time"), Frequency::Daily);
        let changes = detect(&series, Detection::default()).expect("in range");
        assert_eq!(changes.len(), 1, "{changes:?}");
        let c = &changes[0];
        assert!(c.index.abs_diff(60) <= 4 && c.kind == Kind::Trend, "{c:?}");
        assert!((c.slope_before - 2.0).abs() < 0.1 && (c.slope_after + 1.0).abs() < 0.1, "{c:?}");
        assert!(c.confidence > 0.999 && c.words.starts_with("from 2024-0"), "{c:?}");
        assert!(c.words.contains(" a day to "), "{}", c.words);
    }

    #[test]
    fn a_steady_trend_and_a_spike_are_no_changes() {
        let mut y = noisy(100, 9, |t| 10.0 + 0.7 * t as f64);
        y[50] += 40.0;
        assert_eq!(found(y, 1), []);
        assert_eq!(found(vec![5.0; 60], 1), []);
        assert_eq!(found(vec![1.0, 9.0, 2.0], 1), []);
    }

    #[test]
    fn the_same_change_in_another_unit_is_the_same_change() {
        let y = noisy(90, 5, |t| if t < 40 { 20.0 } else { 26.0 });
        let a = found(y.clone(), 1);
        let b = found(y.iter().map(|v| v * 1024.0).collect(), 1);
        assert_eq!(a.iter().map(|c| c.index).collect::<Vec<_>>(), b.iter().map(|c| c.index).collect::<Vec<_>>());
        assert_eq!(a.len(), 1);
    }

    #[test]
    fn a_long_series_takes_bounded_work() {
        let y = noisy(20_000, 1, |t| if t < 18_500 { 0.0 } else { 4.0 });
        let changes = found(y, 1);
        assert!(changes.iter().any(|c| c.index.abs_diff(18_500) <= 2), "{changes:?}");
    }
}
