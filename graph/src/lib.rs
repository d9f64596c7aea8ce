//! The temporal property graph of an Active Directory estate.
//!
//! [`Estate`] is the mutable half: it applies directory deltas and events, keeps time on every edge, and derives the
//! edges that no source reports. [`Snapshot`] is the immutable half: a compressed sparse row graph in both directions,
//! shared by `Arc`, on which every search runs. Node and edge ids mean the same in both, as long as the estate lives.
//!
//! What it deliberately does not do: read files, sockets or the clock (every time comes from the data or the caller),
//! store secrets, or judge behaviour.

mod bits;
pub mod choke;
pub mod derive;
pub mod distance;
pub mod dominators;
mod error;
pub mod estate;
pub mod exposure;
pub mod filter;
mod ids;
mod kinds;
pub mod kpaths;
pub mod limits;
pub mod lookup;
pub mod mincut;
mod names;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod oracle_structure;
pub mod paths;
pub mod questions;
pub mod reach;
pub mod scc;
pub mod search;
pub mod snapshot;
mod stubs;
pub mod tier_zero;
pub mod timed;
pub mod upkeep;
pub mod view;
pub mod whatif;

pub use choke::{ChokeEdge, ChokeNode, ChokePoints};
pub use distance::{Distances, Metric};
pub use dominators::Dominators;
pub use error::Error;
pub use estate::{Config, Counters, Edge, EdgeKey, Estate, Interval, Mode, Node};
pub use exposure::Share;
pub use filter::{Direction, Disabled, Filter};
pub use ids::{EdgeId, NodeId};
pub use kinds::{KindMask, NodeKindMask};
pub use limits::Limits;
pub use lookup::Lookup;
pub use mincut::MinCut;
pub use paths::{Path, Subgraph};
pub use questions::Question;
pub use reach::Reach;
pub use scc::Components;
pub use search::Fit;
pub use snapshot::{EdgeList, Hop, NodeFlags, Snapshot};
pub use tier_zero::{Reason, Tags};
pub use timed::{TimedPath, Window};
pub use upkeep::Upkeep;
pub use whatif::WhatIf;
