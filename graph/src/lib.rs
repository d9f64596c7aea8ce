//! The temporal property graph of an Active Directory estate.
//!
//! [`Estate`] is the mutable half: it applies directory deltas and events, keeps time on every edge, and derives the
//! edges that no source reports. [`Snapshot`] is the immutable half: a compressed sparse row graph in both directions,
//! shared by `Arc`, on which every search runs. Node and edge ids mean the same in both, as long as the estate lives.
//!
//! What it deliberately does not do: read files, sockets or the clock (every time comes from the data or the caller),
//! store secrets, or judge behaviour.

pub mod derive;
mod error;
pub mod estate;
mod ids;
mod kinds;
pub mod lookup;
mod names;
pub mod snapshot;

pub use error::Error;
pub use estate::{Config, Counters, Edge, EdgeKey, Estate, Interval, Mode, Node};
pub use ids::{EdgeId, NodeId};
pub use kinds::{KindMask, NodeKindMask};
pub use snapshot::{Hop, NodeFlags, Snapshot};
