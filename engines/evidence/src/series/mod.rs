//! Series in time: is it stationary, does one help to predict another, how do they move together.

pub mod dickey_fuller;
pub mod granger;
pub mod kpss;
pub mod var;
pub mod var_responses;
