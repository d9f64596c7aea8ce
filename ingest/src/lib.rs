//! Sources: packets, event logs, sign-ins, directory sync and BloodHound files become `model::Event`s and
//! `model::DirectoryDelta`s with provenance. Requests and answers are correlated here, names resolved, secrets reduced to
//! keyed digests.
//!
//! ```text
//! capture ─► flows ─► analyzers ─┐
//! sources ───────────────────────┼─► Sink (events in time order per source, directory deltas)
//! directory ─────────────────────┘
//! ```

pub mod analyzers;
pub mod capture;
pub mod counters;
pub mod directory;
pub mod error;
mod flows;
pub mod load;
pub mod resolution;
pub mod secrets;
pub mod sink;
pub mod sources;

pub use counters::Counters;
pub use error::Error;
pub use secrets::DigestKey;
pub use sink::Sink;
