//! Weaknesses seen in use, and findings of the directory: one file per detection.

pub mod cleartext_credentials;
pub mod weak_protocol;
//! Weaknesses seen in use (one file per detection), and findings of the directory (`findings/`, one file per family).

pub mod findings;

pub use findings::{ALL, Check, Posture};
