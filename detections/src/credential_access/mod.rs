//! Getting a credential: one file per detection.

pub mod brute_force;
pub mod kerberoasting;
pub mod password_spray;
