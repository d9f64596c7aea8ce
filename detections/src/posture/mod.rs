//! Weaknesses seen in use (one file per detection), and findings of the directory (`findings/`, one file per family).

pub mod cleartext_credentials;
pub mod findings;
pub mod weak_protocol;

pub use findings::{ALL, Check, Posture};
