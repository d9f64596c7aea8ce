//! Joins a stub of traffic with the directory object that it turned out to be.

use std::collections::BTreeSet;

use super::{Edge, Estate};
use crate::ids::{EdgeId, NodeId};

impl Estate {
    /// Makes `stub` and `real` one node: edges, times and properties of the stub go over, its id keeps pointing there.
    pub(crate) fn merge(&mut self, stub: NodeId, real: NodeId) {
        if stub == real {
            return;
        }
        let moved: BTreeSet<EdgeId> = self.edges_at(stub).into_iter().collect();
        let Some(record) = self.node_mut(stub) else {
            return;
        };
        record.merged_into = Some(real);
        let old = record.clone();
        if let Some(node) = self.node_mut(real) {
            node.first_seen = node.first_seen.min(old.first_seen);
            node.last_seen = node.last_seen.max(old.last_seen);
            for (name, value) in old.properties {
                node.properties.entry(name).or_insert(value);
            }
        }
        for id in moved {
            self.move_edge(id);
        }
        self.aliases.entry(real).or_default().push(stub);
        self.stubs = self.stubs.saturating_sub(1);
        self.counters.merged_stubs += 1;
    }

    /// Brings an edge record under the canonical key of its ends, joining it with a record that is there already.
    fn move_edge(&mut self, id: EdgeId) {
        let Some(edge) = self.edges.get(id.index()).cloned() else {
            return;
        };
        let key = self.canonical_key(edge.key);
        self.index.remove(&edge.key);
        let Some(into) = self.upsert_edge(key, edge.origin, edge.first_seen) else {
            return;
        };
        if let Some(record) = self.edges.get_mut(into.index()) {
            if record.count == 0 {
                *record = Edge { key, ..edge.clone() };
            } else {
                record.intervals.absorb(&edge.intervals);
                record.count = record.count.saturating_add(edge.count);
                record.first_seen = record.first_seen.min(edge.first_seen);
                record.last_seen = record.last_seen.max(edge.last_seen);
                record.confidence = record.confidence.max(edge.confidence);
                edge.sources.iter().for_each(|source| record.sources.insert(source));
            }
        }
        let last = edge.last_seen;
        if let Some(old) = self.edges.get_mut(id.index()) {
            old.intervals.end(last.max(old.intervals.latest_from()));
        }
        for (lists, end) in [(&mut self.outgoing, edge.key.source), (&mut self.incoming, edge.key.target)] {
            if let Some(list) = lists.get_mut(end.index()) {
                list.retain(|known| *known != id);
            }
        }
    }

    /// The stubs that turned out to be a node.
    pub(crate) fn aliases_of(&self, real: NodeId) -> &[NodeId] {
        self.aliases.get(&real).map_or(&[], Vec::as_slice)
    }

    /// Stubs of traffic that bear one of a real node's names.
    pub(crate) fn stubs_like(&self, real: NodeId) -> Vec<NodeId> {
        self.node(real).map_or_else(Vec::new, |node| self.lookup().stubs_of(real, node))
    }
}
