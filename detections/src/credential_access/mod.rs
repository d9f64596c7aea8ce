//! Getting a credential: one file per detection.

pub mod adcs_abuse;
pub mod as_rep_roasting;
pub mod brute_force;
pub mod brute_force_ldap;
pub mod coercion;
pub mod dpapi_backup_key;
pub mod golden_gmsa;
pub mod gpp_password_read;
pub mod honeytoken_activity;
pub mod kerberoasting;
pub mod key_list;
pub mod laps_read;
pub mod netsync;
pub mod ntlm_relay;
pub mod ntlm_tampering;
pub mod password_spray;
pub mod rogue_pkinit;
pub mod spn_added_to_user;
pub mod timeroasting;
