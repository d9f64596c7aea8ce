//! Getting a credential: one file per detection.

pub mod brute_force;
pub mod kerberoasting;
pub mod key_list;
pub mod netsync;
pub mod ntlm_tampering;
pub mod password_spray;
pub mod spn_added_to_user;
pub mod timeroasting;
