//! The mutable temporal property graph: what every source has said of the estate, with time on every node and edge.
//!
//! A [`Estate::snapshot`] is the immutable form on which searches run. The estate itself answers only what derivations
//! and upkeep need: a node, its edges in and out, a key.

mod apply;
mod checkpoint;
mod chunked;
mod derived;
mod intervals;
mod merge;
mod observe;
mod record;
mod sessions;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use hopwatch_model::directory::Properties;
use hopwatch_model::edge::Origin;
use hopwatch_model::{NodeKind, PropertyValue, Timestamp};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

pub(crate) use chunked::Chunked;
pub use derived::{Derivation, DerivedEdge, Mode};
pub use intervals::{Interval, Intervals, MAX_INTERVALS};
pub use record::{Edge, EdgeKey, Node, SourceSet};

use sessions::Sessions;

use crate::ids::{EdgeId, NodeId, at};
use crate::lookup::Lookup;
use crate::names::Names;
use crate::tier_zero::Tags;

/// The bounds of an estate and the rules of its upkeep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The most nodes. Beyond it, new ones are dropped and counted.
    pub max_nodes: usize,
    /// The most edge records. Beyond it, new ones are dropped and counted.
    pub max_edges: usize,
    /// The most hosts, accounts and addresses that only traffic named: an attacker can invent names at will.
    pub max_stubs: usize,
    /// The most logon sessions that are tracked until their logoff; the oldest gives way.
    pub max_open_sessions: usize,
    /// After how long an observed session without a logoff is taken as ended: Windows does not log every logoff. Longer
    /// shows more paths through sessions, shorter misses accounts that stay logged on. 16 hours covers a working day.
    pub session_timeout_secs: u32,
    /// The most coverage gaps that are kept by their text.
    pub max_gaps: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_nodes: 20_000_000,
            max_edges: 200_000_000,
            max_stubs: 200_000,
            max_open_sessions: 500_000,
            session_timeout_secs: 16 * 3600,
            max_gaps: 10_000,
        }
    }
}

/// What was taken in and what was dropped, since the estate was made. Every drop has its own reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Directory deltas applied.
    pub deltas: u64,
    /// Events observed.
    pub events: u64,
    /// Events that changed or confirmed an edge or a node.
    pub events_used: u64,
    /// Nodes dropped because the table is full.
    pub dropped_nodes_full: u64,
    /// Edges dropped because the table is full, or an end of theirs was.
    pub dropped_edges_full: u64,
    /// Edges and nodes dropped because an id was empty.
    pub dropped_empty_id: u64,
    /// Hosts and accounts named by traffic alone that were dropped because there were too many.
    pub dropped_stubs_full: u64,
    /// Sessions that were taken as ended because the table of open sessions was full.
    pub evicted_sessions: u64,
    /// Interval lists of which the oldest two were joined.
    pub joined_intervals: u64,
    /// Stubs that turned out to be an object of the directory.
    pub merged_stubs: u64,
    /// Coverage gaps dropped because the list is full.
    pub dropped_gaps_full: u64,
    /// Events whose host or account could not be told (no name, no address, or an ambiguous one).
    pub unresolved: u64,
}

/// Property sets of edges that are looked for among those of earlier edges.
const MAX_COMMON: usize = 32;

/// What became of a record.
pub(crate) enum Entered {
    /// There is one of its key; here is the new one back.
    Known(EdgeId, Edge),
    /// It was entered.
    New(EdgeId),
}

/// The mutable temporal property graph.
#[derive(Clone, Debug, Default)]
pub struct Estate {
    pub(crate) config: Config,
    pub(crate) nodes: Chunked<Arc<Node>>,
    pub(crate) edges: Chunked<Edge>,
    outgoing: Vec<Vec<EdgeId>>,
    incoming: Vec<Vec<EdgeId>>,
    index: FxHashMap<EdgeKey, EdgeId>,
    pub(crate) names: Arc<Names>,
    sources: Vec<Arc<str>>,
    source_ids: FxHashMap<Arc<str>, u16>,
    gaps: BTreeSet<String>,
    pub(crate) stubs: usize,
    pub(crate) sessions: Sessions,
    aliases: FxHashMap<NodeId, Vec<NodeId>>,
    pub(crate) tags: Tags,
    latest: Option<Timestamp>,
    common: Vec<Arc<Properties>>,
    pub(crate) counters: Counters,
}

impl Estate {
    /// An empty estate.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, ..Self::default() }
    }

    /// What an administrator marked.
    #[must_use]
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Puts the marks of an administrator in the place of the former ones; later snapshots have them.
    pub fn set_tags(&mut self, tags: Tags) {
        self.tags = tags;
    }

    /// What was taken in and what was dropped.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What sources could not read, in their words: coverage gaps.
    pub fn gaps(&self) -> impl Iterator<Item = &str> {
        self.gaps.iter().map(String::as_str)
    }

    /// The latest time of anything applied.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        self.latest
    }

    /// Node records, also those of nodes that are gone: the bound of [`NodeId`].
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Edge records, also those of edges that ended: the bound of [`EdgeId`].
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// A node's record, also that of a node that is gone.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.index()).map(|node| &**node)
    }

    /// An edge's record, also that of an edge that ended.
    #[must_use]
    pub fn edge(&self, id: EdgeId) -> Option<&Edge> {
        self.edges.get(id.index())
    }

    /// The record of a key, also that of an edge that ended. Keys that name a merged stub find the edge of the real node.
    #[must_use]
    pub fn edge_of(&self, key: EdgeKey) -> Option<(EdgeId, &Edge)> {
        let id = *self.index.get(&self.canonical_key(key))?;
        Some((id, self.edges.get(id.index())?))
    }

    /// The nodes that exist now.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        let rows = self.nodes.iter().enumerate();
        rows.filter(|(_, node)| node.existed(None)).map(|(index, node)| (NodeId::from_index(index), &**node))
    }

    /// The edges that hold now.
    pub fn edges(&self) -> impl Iterator<Item = (EdgeId, &Edge)> {
        let rows = self.edges.iter().enumerate();
        rows.filter(|(_, edge)| edge.held(None)).map(|(index, edge)| (EdgeId::from_index(index), edge))
    }

    /// The edges from a node that hold now, in the order in which they were first reported.
    pub fn outgoing(&self, id: NodeId) -> impl Iterator<Item = (EdgeId, &Edge)> {
        self.incident(&self.outgoing, id)
    }

    /// The edges to a node that hold now, in the order in which they were first reported.
    pub fn incoming(&self, id: NodeId) -> impl Iterator<Item = (EdgeId, &Edge)> {
        self.incident(&self.incoming, id)
    }

    /// The node of an object id.
    #[must_use]
    pub fn find(&self, object_id: &str) -> Option<NodeId> {
        self.lookup().find(object_id)
    }

    /// Name resolution over the nodes that exist now.
    #[must_use]
    pub fn lookup(&self) -> Lookup<'_> {
        Lookup::new(&self.nodes, &self.names)
    }

    /// The name of a source in an edge's [`SourceSet`].
    #[must_use]
    pub fn source_name(&self, id: u16) -> Option<&str> {
        self.sources.get(usize::from(id)).map(|name| &**name)
    }

    pub(crate) fn source_names(&self) -> &[Arc<str>] {
        &self.sources
    }

    /// The node that a node turned out to be; itself in general.
    #[must_use]
    pub fn canonical(&self, id: NodeId) -> NodeId {
        self.node(id).and_then(|node| node.merged_into).unwrap_or(id)
    }

    fn canonical_key(&self, key: EdgeKey) -> EdgeKey {
        EdgeKey { source: self.canonical(key.source), kind: key.kind, target: self.canonical(key.target) }
    }

    fn incident<'a>(&'a self, lists: &'a [Vec<EdgeId>], id: NodeId) -> impl Iterator<Item = (EdgeId, &'a Edge)> {
        let ids = lists.get(id.index()).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| Some((*id, self.edges.get(id.index())?))).filter(|(_, edge)| edge.held(None))
    }

    /// The id of a source's name; the last id stands for every source beyond the table.
    pub(crate) fn source_id(&mut self, name: &str) -> u16 {
        if let Some(id) = self.source_ids.get(name) {
            return *id;
        }
        let Ok(id) = u16::try_from(self.sources.len()) else {
            return u16::MAX;
        };
        let name: Arc<str> = if id == u16::MAX { "other sources".into() } else { name.into() };
        self.sources.push(Arc::clone(&name));
        self.source_ids.insert(name, id);
        id
    }

    pub(crate) fn passed(&mut self, time: Timestamp) {
        self.latest = Some(self.latest.map_or(time, |latest| latest.max(time)));
    }

    /// Makes a node; `None` where the id is empty or the table is full.
    pub(crate) fn create_node(&mut self, object_id: &str, kind: NodeKind, time: Timestamp) -> Option<NodeId> {
        if object_id.is_empty() {
            self.counters.dropped_empty_id += 1;
            return None;
        }
        if self.nodes.len() >= self.config.max_nodes {
            self.counters.dropped_nodes_full += 1;
            return None;
        }
        let id = NodeId::from_index(self.nodes.len());
        let node = Node {
            id: object_id.to_owned(),
            kind,
            properties: Properties::new(),
            first_seen: time,
            last_seen: time,
            described_at: None,
            removed_at: None,
            merged_into: None,
        };
        self.nodes.push(Arc::new(node));
        self.outgoing.push(Vec::new());
        self.incoming.push(Vec::new());
        Arc::make_mut(&mut self.names).enter_id(id, object_id);
        Some(id)
    }

    pub(crate) fn node_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(id.index()).map(Arc::make_mut)
    }

    /// Enters a node under its present names.
    pub(crate) fn rename(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get(id.index()) {
            Arc::make_mut(&mut self.names).enter(id, node);
        }
    }

    /// Finds or makes the record of a key; a made one is open from `time` on.
    pub(crate) fn upsert_edge(&mut self, key: EdgeKey, origin: Origin, time: Timestamp) -> Option<EdgeId> {
        let fresh = Edge {
            key,
            origin,
            confidence: 100,
            count: 0,
            first_seen: time,
            last_seen: time,
            intervals: Intervals::since(time),
            sources: SourceSet::default(),
            properties: None,
            composition: Box::default(),
        };
        match self.enter_edge(self.canonical_key(key), fresh)? {
            Entered::Known(id, _) | Entered::New(id) => Some(id),
        }
    }

    /// Enters a record under a canonical key, unless there is one.
    pub(crate) fn enter_edge(&mut self, key: EdgeKey, record: Edge) -> Option<Entered> {
        let id = EdgeId::from_index(self.edges.len());
        match self.index.entry(key) {
            Entry::Occupied(known) => return Some(Entered::Known(*known.get(), record)),
            Entry::Vacant(_) if id.index() >= self.config.max_edges => {
                self.counters.dropped_edges_full += 1;
                return None;
            }
            Entry::Vacant(free) => free.insert(id),
        };
        self.edges.push(Edge { key, ..record });
        self.outgoing.get_mut(at(key.source.0))?.push(id);
        self.incoming.get_mut(at(key.target.0))?.push(id);
        Some(Entered::New(id))
    }

    /// Properties of an edge as they are kept: the common ones, such as that an entry is inherited, once for all edges.
    pub(crate) fn shared(&mut self, properties: Properties) -> Option<Arc<Properties>> {
        let (_, value) = properties.first_key_value()?;
        if properties.len() > 1 || !matches!(value, PropertyValue::Bool(_) | PropertyValue::Integer(_)) {
            return Some(Arc::new(properties));
        }
        if let Some(known) = self.common.iter().find(|known| ***known == properties) {
            return Some(Arc::clone(known));
        }
        let kept = Arc::new(properties);
        if self.common.len() < MAX_COMMON {
            self.common.push(Arc::clone(&kept));
        }
        Some(kept)
    }

    /// Notes that an edge was seen to hold.
    pub(crate) fn confirm_edge(&mut self, id: EdgeId, time: Timestamp, source: u16, confidence: u8) {
        let Some(edge) = self.edges.get_mut(id.index()) else {
            return;
        };
        let joined = edge.intervals.seen(time);
        edge.confidence = if edge.count == 0 { confidence } else { edge.confidence.max(confidence) };
        edge.count = edge.count.saturating_add(1);
        edge.first_seen = edge.first_seen.min(time);
        edge.last_seen = edge.last_seen.max(time);
        edge.sources.insert(source);
        self.counters.joined_intervals += u64::from(joined);
    }

    /// Ends an edge.
    pub(crate) fn end_edge(&mut self, id: EdgeId, time: Timestamp) {
        if let Some(edge) = self.edges.get_mut(id.index()) {
            edge.intervals.end(time);
        }
    }

    pub(crate) fn note_gap(&mut self, gap: &str) {
        if self.gaps.len() < self.config.max_gaps {
            self.gaps.insert(gap.to_owned());
        } else if !self.gaps.contains(gap) {
            self.counters.dropped_gaps_full += 1;
        }
    }

    /// Every edge record at a node in either direction, also those that ended.
    pub(crate) fn edges_at(&self, id: NodeId) -> Vec<EdgeId> {
        let lists = [&self.outgoing, &self.incoming];
        lists.into_iter().filter_map(|list| list.get(id.index())).flatten().copied().collect()
    }
}
