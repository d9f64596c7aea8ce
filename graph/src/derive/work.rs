//! The work at hand: the estate's raw edges by kind, and the nodes and edges that were derived so far, which later
//! derivations read as if they were there already.

use std::collections::{BTreeMap, BTreeSet};

use hopwatch_model::directory::Properties;
use hopwatch_model::edge::Origin;
use hopwatch_model::{DirectoryNode, EdgeKind, NodeKind, PropertyValue};
use rustc_hash::FxHashMap;

use crate::estate::{Derivation, DerivedEdge, EdgeKey, Estate, Mode, Node};
use crate::ids::{EdgeId, NodeId};

/// A derived edge, by node ids.
struct Made {
    key: EdgeKey,
    composition: Vec<EdgeKey>,
    properties: Properties,
    confidence: u8,
}

/// The work at hand.
pub(super) struct Work<'e> {
    estate: &'e Estate,
    mode: Mode,
    raw: Vec<Vec<EdgeKey>>,
    /// The records of `raw`, in the same order.
    records: Vec<Vec<EdgeId>>,
    /// Raw edges that are not certain: few.
    unsure: FxHashMap<EdgeKey, u8>,
    kinds: BTreeMap<NodeKind, Vec<NodeId>>,
    added: Vec<Node>,
    made: Vec<Made>,
    place: FxHashMap<EdgeKey, usize>,
    made_into: Chains,
    gaps: BTreeSet<String>,
}

impl<'e> Work<'e> {
    /// Sorts the estate's raw edges and its nodes by kind.
    pub(super) fn new(estate: &'e Estate, mode: Mode) -> Self {
        let mut raw = vec![Vec::new(); EdgeKind::ALL.len()];
        let mut records = vec![Vec::new(); EdgeKind::ALL.len()];
        let mut unsure = FxHashMap::default();
        for (id, edge) in estate.edges().filter(|(_, edge)| edge.origin == Origin::Raw) {
            let kind = usize::from(edge.key.kind.index());
            if let (Some(keys), Some(ids)) = (raw.get_mut(kind), records.get_mut(kind)) {
                keys.push(edge.key);
                ids.push(id);
            }
            if edge.confidence < 100 {
                unsure.insert(edge.key, edge.confidence);
            }
        }
        let mut kinds: BTreeMap<NodeKind, Vec<NodeId>> = BTreeMap::new();
        for (id, node) in estate.nodes() {
            kinds.entry(node.kind).or_default().push(id);
        }
        Self {
            estate,
            mode,
            raw,
            records,
            unsure,
            kinds,
            added: Vec::new(),
            made: Vec::new(),
            place: FxHashMap::default(),
            made_into: Chains::default(),
            gaps: BTreeSet::new(),
        }
    }

    /// By whose rules.
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// The raw edges of a kind, in the order in which they were first reported.
    pub(super) fn raw(&self, kind: EdgeKind) -> &[EdgeKey] {
        self.raw.get(usize::from(kind.index())).map_or(&[], Vec::as_slice)
    }

    /// The raw edges of a kind, each with whether a property of it is true.
    pub(super) fn raw_with_flag(&self, kind: EdgeKind, name: &str) -> Vec<(EdgeKey, bool)> {
        let records = self.records.get(usize::from(kind.index())).into_iter().flatten();
        let flag = |id: &EdgeId| self.estate.edge(*id).is_some_and(|edge| edge.flag(name));
        self.raw(kind).iter().copied().zip(records.map(flag)).collect()
    }

    /// The nodes of a kind.
    pub(super) fn nodes(&self, kind: NodeKind) -> Vec<NodeId> {
        self.kinds.get(&kind).cloned().unwrap_or_default()
    }

    /// How many nodes there are, those that were added included: the bound of their ids.
    pub(super) fn bound(&self) -> usize {
        self.estate.node_count() + self.added.len()
    }

    /// A node.
    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        match id.index().checked_sub(self.estate.node_count()) {
            None => self.estate.node(id),
            Some(place) => self.added.get(place),
        }
    }

    /// A node's kind.
    pub(super) fn kind(&self, id: NodeId) -> NodeKind {
        self.node(id).map_or(NodeKind::Base, |node| node.kind)
    }

    /// A node's identifier.
    pub(super) fn id(&self, id: NodeId) -> &str {
        self.node(id).map_or("", |node| node.id.as_str())
    }

    /// A text property; empty where it is missing.
    pub(super) fn text(&self, id: NodeId, name: &str) -> &str {
        self.node(id).and_then(|node| node.text(name)).unwrap_or_default()
    }

    /// A truth value; missing is not false.
    pub(super) fn flag(&self, id: NodeId, name: &str) -> Option<bool> {
        self.node(id).and_then(|node| node.flag(name))
    }

    /// The node of an identifier, also one that was added.
    pub(super) fn find(&self, object_id: &str) -> Option<NodeId> {
        let existing = self.estate.find(object_id).filter(|id| self.estate.node(*id).is_some_and(|n| n.existed(None)));
        existing.or_else(|| {
            let place = self.added.iter().position(|node| node.id.eq_ignore_ascii_case(object_id))?;
            Some(NodeId::from_index(self.estate.node_count() + place))
        })
    }

    /// The node of an identifier, made as one of this kind where there is none. The estate appends new nodes of a
    /// derivation in their order, so that their ids are known beforehand.
    pub(super) fn find_or_add(&mut self, object_id: String, kind: NodeKind, properties: &[(&str, &str)]) -> NodeId {
        if let Some(id) = self.find(&object_id) {
            return id;
        }
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), PropertyValue::Text((*value).to_owned()));
        let time = self.estate.latest().unwrap_or_default();
        self.added.push(Node {
            id: object_id,
            kind,
            properties: properties.iter().map(text).collect(),
            first_seen: time,
            last_seen: time,
            removed_at: None,
            merged_into: None,
            described_at: None,
        });
        let id = NodeId::from_index(self.bound() - 1);
        self.kinds.entry(kind).or_default().push(id);
        id
    }

    /// The domains of which a collection was made, in order of their ids.
    pub(super) fn collected_domains(&self) -> Vec<NodeId> {
        let mut domains = self.nodes(NodeKind::Domain);
        domains.retain(|id| match self.flag(*id, "collected") {
            Some(collected) => collected,
            None => self.mode == Mode::Ours && !self.text(*id, "distinguishedname").is_empty(),
        });
        domains
    }

    /// The SID of a domain.
    pub(super) fn domain_sid(&self, domain: NodeId) -> String {
        let named = self.text(domain, "domainsid");
        if named.is_empty() && self.mode == Mode::Ours { self.id(domain).to_owned() } else { named.to_owned() }
    }

    /// The edges into a node of some kinds: raw ones, then those made so far.
    pub(super) fn edges_into(&self, target: NodeId, kinds: &[EdgeKind]) -> Vec<EdgeKey> {
        let raw = self.estate.incoming(target).filter(|(_, edge)| edge.origin == Origin::Raw).map(|(_, edge)| edge.key);
        let made = self.made_into.of(target).filter_map(|place| self.made.get(place));
        raw.chain(made.map(|made| made.key)).filter(|key| kinds.contains(&key.kind)).collect()
    }

    /// The raw edges from a node of some kinds, for nodes that have few.
    pub(super) fn edges_from(&self, source: NodeId, kinds: &[EdgeKind]) -> Vec<EdgeKey> {
        let raw = self.estate.outgoing(source).filter(|(_, edge)| edge.origin == Origin::Raw).map(|(_, edge)| edge.key);
        raw.filter(|key| kinds.contains(&key.kind)).collect()
    }

    /// The edges of a kind that were made so far.
    pub(super) fn made(&self, kind: EdgeKind) -> impl Iterator<Item = EdgeKey> {
        self.made.iter().map(|made| made.key).filter(move |key| key.kind == kind)
    }

    /// The nodes from which edges of some kinds lead to a node, without repetition.
    pub(super) fn sources(&self, target: NodeId, kinds: &[EdgeKind]) -> Vec<NodeId> {
        let mut sources: Vec<NodeId> = self.edges_into(target, kinds).iter().map(|key| key.source).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// Makes an edge; the first composition of a repeated one stands.
    pub(super) fn make(&mut self, source: NodeId, kind: EdgeKind, target: NodeId, composition: Vec<EdgeKey>) {
        self.make_sure(source, kind, target, composition, 100);
    }

    /// Makes an edge that is at most so sure, in percent, even where all that it rests on is certain.
    pub(super) fn make_sure(
        &mut self,
        source: NodeId,
        kind: EdgeKind,
        target: NodeId,
        mut composition: Vec<EdgeKey>,
        at_most: u8,
    ) {
        let key = EdgeKey { source, kind, target };
        if self.place.contains_key(&key) {
            return;
        }
        composition.sort_unstable();
        composition.dedup();
        let confidence = composition.iter().map(|part| self.confidence(*part)).min().unwrap_or(100).min(at_most);
        self.place.insert(key, self.made.len());
        self.made_into.push(target, self.made.len());
        self.made.push(Made { key, composition, properties: Properties::new(), confidence });
    }

    fn confidence(&self, key: EdgeKey) -> u8 {
        if let Some(made) = self.place.get(&key).and_then(|place| self.made.get(*place)) {
            return made.confidence;
        }
        self.unsure.get(&key).copied().unwrap_or(100)
    }

    /// Sets a property of the edge that was made last.
    pub(super) fn with(&mut self, name: &str, value: PropertyValue) {
        if let Some(made) = self.made.last_mut() {
            made.properties.insert(name.to_owned(), value);
        }
    }

    /// Notes what could not be derived for want of a property.
    pub(super) fn gap(&mut self, text: String) {
        self.gaps.insert(text);
    }

    /// Everything that was derived.
    pub(super) fn finish(self) -> Derivation {
        let edges = self.made.into_iter().map(|made| DerivedEdge {
            key: made.key,
            properties: made.properties,
            composition: made.composition,
            confidence: made.confidence,
        });
        Derivation {
            edges: edges.collect(),
            gaps: self.gaps.into_iter().collect(),
            nodes: self
                .added
                .into_iter()
                .map(|node| DirectoryNode { id: node.id, kind: node.kind, properties: node.properties })
                .collect(),
        }
    }
}

/// Lists of places by node, each place in one list, in the order in which they came.
#[derive(Default)]
struct Chains {
    /// The first and the last place of a node's list.
    ends: FxHashMap<NodeId, (usize, usize)>,
    /// The place that follows each.
    next: Vec<Option<usize>>,
}

impl Chains {
    /// Adds a place, which must be the one after the last that was added.
    fn push(&mut self, node: NodeId, place: usize) {
        self.next.push(None);
        let (_, last) = self.ends.entry(node).or_insert((place, place));
        if *last != place
            && let Some(next) = self.next.get_mut(*last)
        {
            *next = Some(place);
            *last = place;
        }
    }

    fn of(&self, node: NodeId) -> impl Iterator<Item = usize> {
        let first = self.ends.get(&node).map(|(first, _)| *first);
        std::iter::successors(first, |place| self.next.get(*place).copied().flatten())
    }
}
