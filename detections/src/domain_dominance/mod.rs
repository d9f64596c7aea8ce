//! Owning the domain: one file per detection.

pub mod account_re_enabled;
pub mod adminsdholder_change;
pub mod certifried;
pub mod dangerous_ace_added;
pub mod dcshadow;
pub mod dmsa_abuse;
pub mod dsrm_password_change;
pub mod esx_admins_group;
pub mod forged_pac;
pub mod golden_ticket_anomaly;
pub mod golden_ticket_encryption_downgrade;
pub mod golden_ticket_nonexistent_account;
pub mod golden_ticket_rbcd;
pub mod golden_ticket_time_anomaly;
pub mod log_cleared;
pub mod malicious_replication;
pub mod nopac;
pub mod primary_group_change;
pub mod rbcd_write;
pub mod sensitive_group_change;
pub mod sensor_tampering;
pub mod shadow_credentials;
pub mod sid_history_injection;
pub mod skeleton_key;
pub mod zerologon;
