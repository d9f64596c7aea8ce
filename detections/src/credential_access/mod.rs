//! Getting a credential: one file per detection.

pub mod brute_force;
pub mod password_spray;
