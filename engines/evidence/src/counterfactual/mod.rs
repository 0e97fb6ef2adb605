//! What would have happened otherwise: a structural model of the past continued, a weighted peer
//! group, or a comparison group before and after.

pub mod difference_in_differences;
pub mod impact;
pub mod structural;
pub mod synthetic_control;
