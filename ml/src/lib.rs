//! Behaviour: what is normal for an account, a host and their peers, and how far an act lies from it. Every score comes
//! apart into the features that made it.
//!
//! Synchronous and deterministic: the same bytes for the same input. No clock, no network.

pub mod bounded;
pub mod travel;
