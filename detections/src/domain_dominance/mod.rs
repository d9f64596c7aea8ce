//! Owning the domain: one file per detection.

pub mod golden_ticket_nonexistent_account;
pub mod malicious_replication;
pub mod sensitive_group_change;
