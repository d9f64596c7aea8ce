//! Weaknesses seen in use (one file per detection), and findings of the directory (`findings/`, one file per family).

pub mod findings;

pub use findings::{ALL, Check, Posture};
