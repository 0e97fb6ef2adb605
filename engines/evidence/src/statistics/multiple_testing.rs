//! Many tests at once: the false discovery rate.

/// Benjamini-Hochberg q-values (1995, JRSS B 57:289), one per p-value, in the same order.
///
/// A set of claims with q <= 0.05 holds at most 5 % false ones on average. Empty in, empty out.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let m = p.len();
    let mut order: Vec<usize> = (0..m).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut q = vec![1.0; m];
    let mut smallest = 1.0_f64;
    for (rank, &index) in order.iter().enumerate().rev() {
        smallest = smallest.min(p[index] * m as f64 / (rank + 1) as f64);
        // Rounding of p m / m may fall a hair below p itself.
        q[index] = smallest.max(p[index]);
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn q_values_are_those_of_the_paper() {
        // Benjamini and Hochberg (1995), table 1: 15 p-values, 4 rejected at 0.05.
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0,
        ];
        let rejected = benjamini_hochberg(&p).iter().filter(|q| **q <= 0.05).count();
        assert_eq!(rejected, 4);
    }

    proptest! {
        #[test]
        fn q_is_between_p_and_one_and_keeps_the_order(p in prop::collection::vec(0.0f64..=1.0, 1..40)) {
            let q = benjamini_hochberg(&p);
            for i in 0..p.len() {
                prop_assert!(q[i] >= p[i] && q[i] <= 1.0);
                for j in 0..p.len() {
                    if p[i] < p[j] {
                        prop_assert!(q[i] <= q[j]);
                    }
                }
            }
        }
    }
}
