//! Behaviour: what is normal for an account, a host and their peers, and how far an act lies from it. Every score comes
//! apart into the features that made it.
//!
//! Synchronous and deterministic: the same bytes for the same input. No clock, no network.

pub mod access;
pub mod bounded;
pub mod campaign;
pub mod evaluation;
pub mod features;
pub mod models;
pub mod number;
pub mod paths;
pub mod peers;
pub mod priors;
pub mod random;
pub mod risk;
pub mod scorer;
pub mod simulate;
pub mod store;
pub mod travel;

pub use access::Access;
pub use priors::{Prior, Priors};
pub use scorer::{Score, Scorer};
