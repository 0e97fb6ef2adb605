//! Distributions with accurate far tails, least squares, and multiple testing.

pub mod correlation;
pub mod distributions;
pub mod least_squares;
pub mod multiple_testing;
pub mod special;

/// The matrices that results hold.
pub type Matrix = nalgebra::DMatrix<f64>;
