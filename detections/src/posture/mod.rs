//! Weaknesses seen in use, and findings of the directory: one file per detection.

pub mod cleartext_credentials;
pub mod weak_protocol;
