//! What columns that are known ahead explain of a series: a ridge regression of its changes from season to season.
//!
//! Changes instead of levels, because two series that merely wander together explain each other in levels and not in
//! changes (Granger & Newbold 1974). Columns of many values get a squared term: sales of ice cream grow with the
//! temperature up to a point. The penalty is that of Hoerl, Kennard & Baldwin (1975), in proportion to the noise that the
//! columns leave: those that explain nothing are shrunk to nothing, those that explain nearly everything not at all.

use crate::cholesky::{Square, backward, factor, forward};
use crate::stl::median;

/// Values that a column takes at least for its square to say more than the column itself.
const CURVED: usize = 5;
/// What the columns leave of a change is cut at this many usual ones: one wild point must not rule the regression.
const WILD: f64 = 4.0;
/// Changes that a coefficient needs.
const CHANGES_PER_COLUMN: usize = 3;

/// The part of each point, of the history `y` and after it as far as the columns reach, that the columns explain, with
/// mean zero over the history. `None` when they explain nothing or there are too few points to tell.
pub(crate) fn explained(y: &[f64], columns: &[Vec<f64>], season: usize) -> Option<Vec<f64>> {
    let n = y.len();
    let lag = if n >= 2 * season + 2 { season } else { 1 };
    let reach = columns.iter().map(Vec::len).min()?;
    if n < lag + 8 || reach < n {
        return None;
    }
    let mut target = changes(y, lag);
    centre(&mut target);
    let mut terms: Vec<Vec<f64>> = columns.iter().flat_map(|c| terms_of(&c[..reach], n)).collect();
    let mut inputs: Vec<Vec<f64>> = Vec::new();
    terms.retain(|term| {
        let mut x = changes(&term[..n], lag);
        centre(&mut x);
        // A holiday that comes at the same place every year leaves no change to learn from.
        let told = x.iter().any(|v| v.abs() > 1e-9);
        if told {
            inputs.push(x);
        }
        told
    });
    let count = terms.len();
    if count == 0 || target.len() < CHANGES_PER_COLUMN * count {
        return None;
    }
    let sizes: Vec<f64> = inputs.iter().map(|x| dot(x, x).sqrt() / (target.len() as f64).sqrt()).collect();
    for (x, size) in inputs.iter_mut().zip(&sizes) {
        x.iter_mut().for_each(|v| *v /= size);
    }
    let predict = |beta: &[f64], t: usize| (0..count).map(|j| beta[j] * inputs[j][t]).sum::<f64>();
    // What is wild is told from what the columns explain: a rare promotion is no outlier.
    for _ in 0..2 {
        let beta = ridge(&inputs, &target, count as f64)?;
        let left: Vec<f64> = target.iter().enumerate().map(|(t, v)| v - predict(&beta, t)).collect();
        let usual = WILD * 1.4826 * median(left.iter().map(|e| e.abs()).collect());
        if usual > 0.0 {
            for (t, (v, e)) in target.iter_mut().zip(&left).enumerate() {
                *v = predict(&beta, t) + e.clamp(-usual, usual);
            }
        }
    }
    let first = ridge(&inputs, &target, count as f64)?;
    let left = target.iter().enumerate().map(|(t, v)| v - predict(&first, t));
    let unexplained = left.map(|e| e * e).sum::<f64>() / dot(&target, &target);
    let freedom = (target.len() - 1) as f64 / (target.len() - count - 1) as f64;
    let share = 1.0 - unexplained * freedom;
    if share.is_nan() || share <= 0.0 {
        return None;
    }
    // Changes of what wanders share all steps but one with their neighbours: they count for as many as do not overlap.
    let dependence = lag as f64;
    let beta = ridge(&inputs, &target, dependence * count as f64 * (1.0 - share).max(0.0) / share)?;
    let mut out = vec![0.0; reach];
    for ((term, b), size) in terms.iter().zip(&beta).zip(&sizes) {
        for (o, x) in out.iter_mut().zip(term) {
            *o += b / size * x;
        }
    }
    let centre = mean(&out[..n]);
    out.iter_mut().for_each(|v| *v -= centre);
    out.iter().all(|v| v.is_finite()).then_some(out)
}

/// The column on a scale near one, and its square when it takes many values. Beyond what the history saw, the square
/// goes on along its tangent: a parabola must not be believed where nothing was seen.
fn terms_of(column: &[f64], n: usize) -> Vec<Vec<f64>> {
    let seen = &column[..n];
    let middle = mean(seen);
    let spread = (seen.iter().map(|v| (v - middle) * (v - middle)).sum::<f64>() / n as f64).sqrt();
    if spread.is_nan() || spread <= 0.0 {
        return Vec::new();
    }
    let scaled: Vec<f64> = column.iter().map(|v| (v - middle) / spread).collect();
    let mut values = scaled[..n].to_vec();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[0], values[n - 1]);
    values.dedup();
    if values.len() < CURVED {
        return vec![scaled];
    }
    let squares = scaled.iter().map(|v| {
        let inside = v.clamp(low, high);
        inside * inside + 2.0 * inside * (v - inside)
    });
    let squares = squares.collect();
    vec![scaled, squares]
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn changes(y: &[f64], lag: usize) -> Vec<f64> {
    y.iter().zip(&y[lag..]).map(|(a, b)| b - a).collect()
}

fn centre(x: &mut [f64]) {
    let middle = mean(x);
    x.iter_mut().for_each(|v| *v -= middle);
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn ridge(inputs: &[Vec<f64>], target: &[f64], penalty: f64) -> Option<Vec<f64>> {
    let size = inputs.len();
    let mut products = Square::zeros(size);
    for i in 0..size {
        for j in 0..=i {
            products.rows[i * size + j] = dot(&inputs[i], &inputs[j]);
        }
    }
    // Two columns that say the same still have an answer.
    let least = 1e-6 * target.len() as f64;
    let l = factor(size, |i, j| products.at(i, j) + if i == j { penalty + least } else { 0.0 })?;
    let mut b: Vec<f64> = inputs.iter().map(|x| dot(x, target)).collect();
    forward(&l, &mut b);
    backward(&l, &mut b);
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn a_promotion_is_worth_what_it_brings() {
        let mut random = Random::new(3);
        let promotion: Vec<f64> = (0..110).map(|_| f64::from(random.uniform() < 0.2)).collect();
        let y: Vec<f64> =
            (0..100).map(|t| 50.0 + t as f64 + 10.0 * (t % 7) as f64 + 40.0 * promotion[t] + random.normal()).collect();
        let found = explained(&y, std::slice::from_ref(&promotion), 7).expect("explained");
        let (on, off) = (
            (0..110).find(|&t| promotion[t] == 1.0).expect("a promotion"),
            (0..110).find(|&t| promotion[t] == 0.0).expect("a usual day"),
        );
        assert!((found[on] - found[off] - 40.0).abs() < 1.0, "{}", found[on] - found[off]);
    }

    #[test]
    fn more_warmth_helps_up_to_a_point() {
        let mut random = Random::new(4);
        let warmth: Vec<f64> = (0..420).map(|_| 30.0 * random.uniform()).collect();
        let worth = |w: f64| 200.0 - (w - 20.0) * (w - 20.0);
        let y: Vec<f64> = warmth[..400].iter().map(|w| worth(*w) + 5.0 * random.normal()).collect();
        let found = explained(&y, std::slice::from_ref(&warmth), 7).expect("explained");
        for t in 401..420 {
            let expected = worth(warmth[t]) - worth(warmth[400]);
            assert!((found[t] - found[400] - expected).abs() < 15.0, "{t}");
        }
    }

    #[test]
    fn noise_and_constants_explain_next_to_nothing() {
        let mut random = Random::new(5);
        let y: Vec<f64> = (0..100).map(|_| random.normal()).collect();
        let noise: Vec<f64> = (0..110).map(|_| random.normal()).collect();
        let found = explained(&y, &[noise, vec![3.0; 110]], 1).unwrap_or_default();
        assert!(found.iter().all(|v| v.abs() < 0.3), "{found:?}");
        assert!(explained(&y, &[vec![3.0; 110]], 1).is_none());
    }

    #[test]
    fn the_same_column_twice_has_an_answer() {
        let column: Vec<f64> = (0..60).map(|t| f64::from(u8::from(t % 5 == 2))).collect();
        let y: Vec<f64> = column[..50].iter().map(|v| 10.0 + 4.0 * v).collect();
        let found = explained(&y, &[column.clone(), column], 1).expect("explained");
        assert!((found[2] - found[3] - 4.0).abs() < 0.2, "{found:?}");
    }
}
