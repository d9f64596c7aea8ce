//! Owning the domain: one file per detection.

pub mod account_re_enabled;
pub mod adminsdholder_change;
pub mod certifried;
pub mod dmsa_abuse;
pub mod dsrm_password_change;
pub mod esx_admins_group;
pub mod exposure_increase;
pub mod golden_ticket_nonexistent_account;
pub mod golden_ticket_rbcd;
pub mod gpo_tampering;
pub mod log_cleared;
pub mod malicious_replication;
pub mod massive_deletion;
pub mod primary_group_change;
pub mod sensitive_group_change;
pub mod sensor_tampering;
pub mod sid_history_injection;
