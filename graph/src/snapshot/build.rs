//! Takes a snapshot of an estate, or makes one of bare edges.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use hopwatch_model::{EdgeKind, NodeKind, Timestamp};

use super::csr::{Classes, Csr, Row};
use super::{NodeFlags, Snapshot};
use crate::estate::{Chunked, Edge, Estate};
use crate::ids::{NodeId, at, narrow};
use crate::names::Names;
use crate::tier_zero::{Reason, Tags, tier_zero};

impl Estate {
    /// The estate as it stands now, or as it stood at a time.
    #[must_use]
    pub fn snapshot(&self, as_of: Option<Timestamp>) -> Snapshot {
        let mut kinds = Vec::with_capacity(self.nodes.len());
        let mut flags = Vec::with_capacity(self.nodes.len());
        for node in self.nodes.iter() {
            kinds.push(node.kind);
            flags.push(if node.existed(as_of) { NodeFlags::of(node) } else { NodeFlags::default() });
        }
        let mut classes = Classes::default();
        let rows = rows(&self.edges, &flags, &mut classes, as_of);
        let mut snapshot = Snapshot {
            csr: Csr::build(kinds.len(), &rows),
            classes,
            kinds,
            flags,
            tier_zero: BTreeMap::new(),
            tier_zero_distances: OnceLock::new(),
            zones: BTreeMap::new(),
            nodes: self.nodes.clone(),
            edges: self.edges.clone(),
            names: Arc::clone(&self.names),
            sources: self.source_names().to_vec(),
            as_of,
            latest: self.latest(),
            serial: super::next_serial(),
        };
        snapshot.mark(&self.tags);
        snapshot
    }
}

impl Snapshot {
    fn mark(&mut self, tags: &Tags) {
        self.tier_zero = tier_zero(self, tags);
        let sets = [(&tags.owned, NodeFlags::OWNED), (&tags.sensitive, NodeFlags::SENSITIVE)];
        let mut marks: Vec<(NodeId, NodeFlags)> = Vec::new();
        for (ids, flag) in sets {
            marks.extend(ids.iter().filter_map(|id| Some((self.find(id)?, flag))));
        }
        for (name, ids) in &tags.zones {
            let mut members: Vec<NodeId> = ids.iter().filter_map(|id| self.find(id)).collect();
            members.sort_unstable();
            self.zones.insert(name.clone(), members);
        }
        marks.extend(self.tier_zero.keys().map(|id| (*id, NodeFlags::TIER_ZERO)));
        for (id, flag) in marks {
            if let Some(flags) = self.flags.get_mut(id.index()) {
                *flags = flags.with(flag);
            }
        }
    }
}

fn rows(edges: &Chunked<Edge>, flags: &[NodeFlags], classes: &mut Classes, as_of: Option<Timestamp>) -> Vec<Row> {
    let exists = |id: NodeId| flags.get(id.index()).is_some_and(|flags| flags.exists());
    let held = edges
        .iter()
        .enumerate()
        .filter(|(_, edge)| edge.held(as_of) && exists(edge.key.source) && exists(edge.key.target));
    held.map(|(record, edge)| Row {
        source: edge.key.source.0,
        target: edge.key.target.0,
        record: narrow(record),
        first: seconds(edge.first_seen),
        last: seconds(edge.last_seen),
        class: classes.of(edge.key.kind, cost(edge)),
    })
    .collect()
}

/// The cost of an edge: that of its kind, and a fifth of the percent by which it is unsure, in steps of five: an edge of
/// which half is guessed costs ten more.
fn cost(edge: &Edge) -> u8 {
    if !edge.key.kind.traversable() {
        return edge.key.kind.cost();
    }
    let doubt = 100 - edge.confidence.min(100);
    edge.key.kind.cost().saturating_add(doubt.div_ceil(25) * 5)
}

/// Seconds since 1970 in 32 bits: earlier is 0, later than 2106 the greatest.
fn seconds(time: Timestamp) -> u32 {
    u32::try_from(time.as_secs().max(0)).unwrap_or(u32::MAX)
}

/// Bare edges: a snapshot without records, for benchmarks, tests and graphs of other origin.
#[derive(Clone, Debug, Default)]
pub struct EdgeList {
    rows: Vec<Row>,
}

impl EdgeList {
    /// Adds an edge, first and last seen at the given seconds since 1970.
    pub fn push(&mut self, source: NodeId, kind: EdgeKind, target: NodeId, first_secs: u32, last_secs: u32) {
        self.rows.push(Row {
            source: source.0,
            target: target.0,
            record: narrow(self.rows.len()),
            first: first_secs,
            last: last_secs,
            class: kind.index(),
        });
    }

    /// A snapshot of these edges between nodes of the given kinds, all of them enabled; `zone` is its Tier Zero. Edges of
    /// which an end lies beyond the nodes are left out.
    #[must_use]
    pub fn into_snapshot(mut self, kinds: Vec<NodeKind>, zone: &[NodeId]) -> Snapshot {
        self.rows.retain(|row| at(row.source) < kinds.len() && at(row.target) < kinds.len());
        let flags = kinds.iter().map(|kind| {
            let flags = NodeFlags::EXISTS.with(NodeFlags::ENABLED);
            let account = matches!(kind, NodeKind::User | NodeKind::Computer);
            if account { flags.with(NodeFlags::ACCOUNT) } else { flags }
        });
        let mut flags: Vec<NodeFlags> = flags.collect();
        for id in zone {
            if let Some(flags) = flags.get_mut(id.index()) {
                *flags = flags.with(NodeFlags::TIER_ZERO);
            }
        }
        let inside = zone.iter().filter(|id| id.index() < kinds.len());
        let tier_zero = inside.map(|id| (*id, Reason::Marked)).collect();
        Snapshot {
            csr: Csr::build(kinds.len(), &self.rows),
            classes: Classes::default(),
            kinds,
            flags,
            tier_zero,
            tier_zero_distances: OnceLock::new(),
            zones: BTreeMap::new(),
            nodes: Chunked::default(),
            edges: Chunked::default(),
            names: Arc::new(Names::default()),
            sources: Vec::new(),
            as_of: None,
            latest: None,
            serial: super::next_serial(),
        }
    }
}
