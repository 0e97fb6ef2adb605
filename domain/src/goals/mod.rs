//! SMART goals.
