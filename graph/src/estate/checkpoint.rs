//! The estate as bytes: what a restart reads in place of every file and event since the beginning.
//!
//! Layout: magic, version, length and BLAKE3 digest of the payload, payload in postcard. Kinds are written by name, so
//! that a kind declared later does not change the meaning of an old checkpoint; property names are written once.
//! Indexes are not written but built anew. A damaged checkpoint is refused, never half read.

use std::collections::BTreeMap;
use std::sync::Arc;

use hopwatch_model::directory::Properties;
use hopwatch_model::edge::Origin;
use hopwatch_model::{EdgeKind, NodeKind, PropertyValue, Timestamp};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::sessions::SessionKey;
use super::{Config, Counters, Edge, EdgeKey, Estate, Intervals, Node, SourceSet};
use crate::Error;
use crate::ids::{EdgeId, NodeId, at, narrow};
use crate::tier_zero::Tags;

const MAGIC: &[u8; 8] = b"HOPGRAPH";
/// The version that is written and read. A change of the payload raises it.
const VERSION: u32 = 1;
/// Magic, version, length, digest.
const HEADER_BYTES: usize = 8 + 4 + 8 + 32;

#[derive(Serialize, Deserialize)]
struct Payload {
    node_kinds: Vec<String>,
    edge_kinds: Vec<String>,
    property_names: Vec<String>,
    sources: Vec<String>,
    nodes: Vec<NodeRow>,
    edges: Vec<EdgeRow>,
    sessions: Vec<(u32, Option<u64>, u32, i64)>,
    gaps: Vec<String>,
    tags: Tags,
    counters: Counters,
    latest: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct NodeRow {
    id: String,
    kind: u8,
    properties: Vec<(u32, Value)>,
    first_seen: Timestamp,
    last_seen: Timestamp,
    described_at: Option<Timestamp>,
    removed_at: Option<Timestamp>,
    merged_into: Option<NodeId>,
}

#[derive(Serialize, Deserialize)]
struct EdgeRow {
    key: (u32, u8, u32),
    derived: bool,
    confidence: u8,
    count: u32,
    first_seen: Timestamp,
    last_seen: Timestamp,
    intervals: Intervals,
    sources: SourceSet,
    properties: Vec<(u32, Value)>,
    composition: Vec<(u32, u8, u32)>,
}

/// A property value with its type written, which the model's form leaves to the reader.
#[derive(Serialize, Deserialize)]
enum Value {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<String>),
}

impl Estate {
    /// The estate as bytes.
    ///
    /// # Errors
    /// [`Error::CheckpointCorrupt`] where a value has no byte form; none of today's is such.
    pub fn checkpoint(&self) -> Result<Vec<u8>, Error> {
        let mut names = PropertyNames::default();
        let payload = Payload {
            node_kinds: NodeKind::ALL.iter().map(|kind| kind.name().to_owned()).collect(),
            edge_kinds: EdgeKind::ALL.iter().map(|kind| kind.name().to_owned()).collect(),
            nodes: self.nodes.iter().map(|node| node_row(node, &mut names)).collect(),
            edges: self.edges.iter().map(|edge| edge_row(edge, &mut names)).collect(),
            property_names: names.list,
            sources: self.sources.iter().map(|name| name.to_string()).collect(),
            sessions: self
                .sessions
                .rows()
                .map(|(key, expiry)| (key.host.0, key.logon_id, key.account.0, expiry.as_micros()))
                .collect(),
            gaps: self.gaps.iter().cloned().collect(),
            tags: self.tags.clone(),
            counters: self.counters.clone(),
            latest: self.latest,
        };
        let payload = postcard::to_stdvec(&payload).map_err(|error| corrupt(&error.to_string()))?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&u64::try_from(payload.len()).unwrap_or(u64::MAX).to_le_bytes());
        bytes.extend_from_slice(blake3::hash(&payload).as_bytes());
        bytes.extend_from_slice(&payload);
        Ok(bytes)
    }

    /// The estate of a checkpoint.
    ///
    /// # Errors
    /// [`Error::CheckpointVersion`], [`Error::CheckpointCorrupt`] with what was wrong.
    pub fn restore(config: Config, bytes: &[u8]) -> Result<Self, Error> {
        let payload = verified(bytes)?;
        let (payload, rest): (Payload, _) =
            postcard::take_from_bytes(payload).map_err(|error| corrupt(&error.to_string()))?;
        if !rest.is_empty() {
            return Err(corrupt("bytes behind the payload"));
        }
        let kinds = Kinds::of(&payload)?;
        let mut estate = Self::new(config);
        for name in &payload.sources {
            estate.source_id(name);
        }
        let bound = payload.nodes.len();
        for row in payload.nodes {
            estate.restore_node(row, &kinds, &payload.property_names, bound)?;
        }
        for row in payload.edges {
            estate.restore_edge(row, &kinds, &payload.property_names)?;
        }
        for (host, logon_id, account, expiry) in payload.sessions {
            let key = SessionKey { host: NodeId(host), logon_id, account: NodeId(account) };
            if key.host.index() >= bound || key.account.index() >= bound {
                return Err(corrupt("a session of an unknown node"));
            }
            estate.sessions.insert(key, Timestamp::from_micros(expiry));
        }
        estate.gaps = payload.gaps.into_iter().collect();
        estate.tags = payload.tags;
        estate.counters = payload.counters;
        estate.latest = payload.latest;
        Ok(estate)
    }

    fn restore_node(&mut self, row: NodeRow, kinds: &Kinds, names: &[String], bound: usize) -> Result<(), Error> {
        if row.merged_into.is_some_and(|into| into.index() >= bound) {
            return Err(corrupt("a node was merged into an unknown one"));
        }
        let id = NodeId::from_index(self.nodes.len());
        let node = Node {
            id: row.id,
            kind: kinds.node(row.kind)?,
            properties: properties(row.properties, names)?,
            first_seen: row.first_seen,
            last_seen: row.last_seen,
            described_at: row.described_at,
            removed_at: row.removed_at,
            merged_into: row.merged_into,
        };
        match node.merged_into {
            Some(into) => self.aliases.entry(into).or_default().push(id),
            None => self.stubs += usize::from(node.stub()),
        }
        self.nodes.push(Arc::new(node));
        self.outgoing.push(Vec::new());
        self.incoming.push(Vec::new());
        self.rename(id);
        Ok(())
    }

    fn restore_edge(&mut self, row: EdgeRow, kinds: &Kinds, names: &[String]) -> Result<(), Error> {
        let key = kinds.key(row.key)?;
        let bound = self.nodes.len();
        if key.source.index() >= bound || key.target.index() >= bound {
            return Err(corrupt("an edge of an unknown node"));
        }
        let id = EdgeId::from_index(self.edges.len());
        let composition = row.composition.into_iter().map(|key| kinds.key(key)).collect::<Result<Vec<_>, _>>()?;
        let properties = properties(row.properties, names)?;
        self.edges.push(Edge {
            key,
            origin: if row.derived { Origin::Derived } else { Origin::Raw },
            confidence: row.confidence,
            count: row.count,
            first_seen: row.first_seen,
            last_seen: row.last_seen,
            intervals: row.intervals,
            sources: row.sources,
            properties: (!properties.is_empty()).then(|| Box::new(properties)),
            composition: composition.into_boxed_slice(),
        });
        if self.canonical_key(key) != key {
            // The record of a merged stub: its edges live on under the real node's key.
            return Ok(());
        }
        if self.index.insert(key, id).is_some() {
            return Err(corrupt("an edge occurs twice"));
        }
        if let (Some(out), Some(into)) =
            (self.outgoing.get_mut(at(key.source.0)), self.incoming.get_mut(at(key.target.0)))
        {
            out.push(id);
            into.push(id);
        }
        Ok(())
    }
}

fn verified(bytes: &[u8]) -> Result<&[u8], Error> {
    let (header, payload) = bytes.split_at_checked(HEADER_BYTES).ok_or_else(|| corrupt("shorter than its header"))?;
    let (magic, header) = header.split_at(8);
    let (version, header) = header.split_at(4);
    let (length, digest) = header.split_at(8);
    if magic != MAGIC {
        return Err(corrupt("not a graph checkpoint"));
    }
    let version = version.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
    if version != VERSION {
        return Err(Error::CheckpointVersion { found: version, expected: VERSION });
    }
    let length = length.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
    if u64::try_from(payload.len()) != Ok(length) {
        return Err(corrupt("cut short or too long"));
    }
    if blake3::hash(payload).as_bytes() != digest {
        return Err(corrupt("its digest does not match"));
    }
    Ok(payload)
}

fn corrupt(reason: &str) -> Error {
    Error::CheckpointCorrupt { reason: reason.to_owned() }
}

/// The kinds of a checkpoint by the places that it uses.
struct Kinds {
    nodes: Vec<NodeKind>,
    edges: Vec<EdgeKind>,
}

impl Kinds {
    fn of(payload: &Payload) -> Result<Self, Error> {
        let unknown = |name: &String| corrupt(&format!("unknown kind {name}"));
        let node = |name: &String| NodeKind::from_name(name).ok_or_else(|| unknown(name));
        let edge = |name: &String| EdgeKind::from_name(name).ok_or_else(|| unknown(name));
        Ok(Self {
            nodes: payload.node_kinds.iter().map(node).collect::<Result<_, _>>()?,
            edges: payload.edge_kinds.iter().map(edge).collect::<Result<_, _>>()?,
        })
    }

    fn node(&self, place: u8) -> Result<NodeKind, Error> {
        self.nodes.get(usize::from(place)).copied().ok_or_else(|| corrupt("a node of an unknown kind"))
    }

    fn key(&self, (source, place, target): (u32, u8, u32)) -> Result<EdgeKey, Error> {
        let kind = self.edges.get(usize::from(place)).copied().ok_or_else(|| corrupt("an edge of an unknown kind"))?;
        Ok(EdgeKey { source: NodeId(source), kind, target: NodeId(target) })
    }
}

#[derive(Default)]
struct PropertyNames {
    list: Vec<String>,
    places: FxHashMap<String, u32>,
}

impl PropertyNames {
    fn place(&mut self, name: &str) -> u32 {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = narrow(self.list.len());
        self.list.push(name.to_owned());
        self.places.insert(name.to_owned(), place);
        place
    }

    fn rows(&mut self, properties: &Properties) -> Vec<(u32, Value)> {
        properties.iter().map(|(name, value)| (self.place(name), Value::from(value))).collect()
    }
}

fn node_row(node: &Node, names: &mut PropertyNames) -> NodeRow {
    NodeRow {
        id: node.id.clone(),
        kind: node.kind.index(),
        properties: names.rows(&node.properties),
        first_seen: node.first_seen,
        last_seen: node.last_seen,
        described_at: node.described_at,
        removed_at: node.removed_at,
        merged_into: node.merged_into,
    }
}

fn edge_row(edge: &Edge, names: &mut PropertyNames) -> EdgeRow {
    let key = |key: &EdgeKey| (key.source.0, key.kind.index(), key.target.0);
    EdgeRow {
        key: key(&edge.key),
        derived: edge.origin == Origin::Derived,
        confidence: edge.confidence,
        count: edge.count,
        first_seen: edge.first_seen,
        last_seen: edge.last_seen,
        intervals: edge.intervals.clone(),
        sources: edge.sources,
        properties: edge.properties.as_ref().map(|properties| names.rows(properties)).unwrap_or_default(),
        composition: edge.composition.iter().map(key).collect(),
    }
}

fn properties(rows: Vec<(u32, Value)>, names: &[String]) -> Result<Properties, Error> {
    let mut properties = BTreeMap::new();
    for (place, value) in rows {
        let name = names.get(at(place)).ok_or_else(|| corrupt("a property without a name"))?;
        properties.insert(name.clone(), value.into());
    }
    Ok(properties)
}

impl From<&PropertyValue> for Value {
    fn from(value: &PropertyValue) -> Self {
        match value {
            PropertyValue::Bool(value) => Self::Bool(*value),
            PropertyValue::Integer(value) => Self::Integer(*value),
            PropertyValue::Float(value) => Self::Float(*value),
            PropertyValue::Text(text) => Self::Text(text.clone()),
            PropertyValue::List(items) => Self::List(items.clone()),
        }
    }
}

impl From<Value> for PropertyValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(value),
            Value::Integer(value) => Self::Integer(value),
            Value::Float(value) => Self::Float(value),
            Value::Text(text) => Self::Text(text),
            Value::List(items) => Self::List(items),
        }
    }
}
