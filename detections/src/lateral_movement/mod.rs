//! Using a credential elsewhere: one file per detection.

pub mod attack_path_in_progress;
pub mod bronze_bit;
pub mod delegation_abuse;
pub mod encryption_downgrade;
pub mod lateral_movement_path;
pub mod overpass_the_hash;
pub mod pass_the_hash;
pub mod pass_the_ticket;
pub mod password_reset_by_acl;
pub mod printnightmare;
pub mod rbcd_use;
pub mod remote_execution;
pub mod silver_ticket;
pub mod suspicious_logon;
pub mod suspicious_service_creation;
pub mod tier_violation;
pub mod unusual_protocol;
