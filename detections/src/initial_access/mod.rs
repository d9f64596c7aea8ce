//! From outside into an account: one file per detection.

pub mod impossible_travel;
pub mod suspicious_vpn;
pub mod unfamiliar_sign_in;
