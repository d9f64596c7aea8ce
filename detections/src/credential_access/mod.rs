//! Getting a credential: one file per detection.

pub mod adcs_abuse;
pub mod brute_force;
pub mod golden_gmsa;
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
