//! The ids of nodes and edges. They are dense, never reused while an estate lives, and the same in the estate and in
//! every snapshot of it. petgraph's index types never leave this crate.

use serde::{Deserialize, Serialize};

/// A node of an estate and of its snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

/// An edge record of an estate and of its snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EdgeId(pub u32);

impl NodeId {
    /// The place in a column of nodes.
    #[must_use]
    pub fn index(self) -> usize {
        at(self.0)
    }

    /// The id of a place in a column of nodes; places beyond 2³² become an id that no snapshot holds.
    #[must_use]
    pub fn from_index(index: usize) -> Self {
        Self(narrow(index))
    }
}

impl EdgeId {
    /// The place in the table of edges.
    #[must_use]
    pub fn index(self) -> usize {
        at(self.0)
    }

    /// The id of a place in the table of edges; places beyond 2³² become an id that no snapshot holds.
    #[must_use]
    pub fn from_index(index: usize) -> Self {
        Self(narrow(index))
    }
}

/// A 32-bit number as an index. Lossless wherever `usize` has 32 bits or more, and free there.
#[inline]
pub(crate) fn at(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// An index as a 32-bit number; saturates, and the tables refuse to grow that far.
#[inline]
pub(crate) fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
