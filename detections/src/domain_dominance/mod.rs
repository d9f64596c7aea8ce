//! Owning the domain: one file per detection.

pub mod forged_pac;
pub mod golden_ticket_anomaly;
pub mod golden_ticket_encryption_downgrade;
pub mod golden_ticket_nonexistent_account;
pub mod golden_ticket_time_anomaly;
pub mod malicious_replication;
pub mod sensitive_group_change;
pub mod zerologon;
