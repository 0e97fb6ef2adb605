//! Models from files: MPS and a compact JSON.

mod json;
mod mps;

pub use json::model_from_json;
pub use mps::model_from_mps;
