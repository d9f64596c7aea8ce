//! Owning the domain: one file per detection.

pub mod malicious_replication;
