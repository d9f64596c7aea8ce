//! Edges as a reader of a snapshot sees them.

use hopwatch_model::{EdgeKind, Timestamp};

use super::Snapshot;
use crate::ids::{EdgeId, NodeId};

/// An edge of a snapshot: one hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hop {
    /// Who can act.
    pub source: NodeId,
    /// In what way.
    pub kind: EdgeKind,
    /// On what.
    pub target: NodeId,
    /// What it costs.
    pub cost: u8,
    /// Its record.
    pub edge: EdgeId,
}

impl Snapshot {
    /// The edges from a node, sorted by target.
    pub fn outgoing(&self, id: NodeId) -> impl Iterator<Item = Hop> + '_ {
        self.csr.outward(id.0).map(move |place| self.hop(id, place))
    }

    /// The edges to a node, sorted by source.
    pub fn incoming(&self, id: NodeId) -> impl Iterator<Item = Hop> + '_ {
        let mut last = None;
        self.csr.inward(id.0).filter_map(|place| self.csr.source.get(place).copied()).flat_map(move |source| {
            // Parallel edges lie side by side: their forward places are looked up once.
            let places = if last.replace(source) == Some(source) { 0..0 } else { self.csr.between(source, id.0) };
            places.map(move |place| self.hop(NodeId(source), place))
        })
    }

    /// The edges from one node to another.
    pub fn between(&self, source: NodeId, target: NodeId) -> impl Iterator<Item = Hop> + '_ {
        self.csr.between(source.0, target.0).map(move |place| self.hop(source, place))
    }

    /// When an edge was first and last seen, in whole seconds.
    #[must_use]
    pub fn seen(&self, hop: &Hop) -> Option<(Timestamp, Timestamp)> {
        let place = self
            .csr
            .between(hop.source.0, hop.target.0)
            .find(|place| self.csr.record.get(*place) == Some(&hop.edge.0))?;
        let secs = |column: &[u32]| column.get(place).map(|secs| Timestamp::from_secs(i64::from(*secs)));
        Some((secs(&self.csr.first)?, secs(&self.csr.last)?))
    }

    pub(crate) fn hop(&self, source: NodeId, place: usize) -> Hop {
        let class = self.csr.forward_class.get(place).copied().unwrap_or_default();
        Hop {
            source,
            kind: self.classes.kind(class),
            target: NodeId(self.csr.target.get(place).copied().unwrap_or(u32::MAX)),
            cost: self.classes.cost(class),
            edge: EdgeId(self.csr.record.get(place).copied().unwrap_or(u32::MAX)),
        }
    }
}
