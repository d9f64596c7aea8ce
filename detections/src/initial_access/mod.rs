//! From outside into an account: one file per detection.

pub mod impossible_travel;
pub mod suspicious_vpn;
