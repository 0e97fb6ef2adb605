//! What splits have cost: the memory of branching.

/// What a change of an integer by one has cost so far, downwards and upwards.
#[derive(Default, Clone, Copy)]
pub(super) struct PseudoCost {
    pub sum: [f64; 2],
    pub count: [u32; 2],
}
