//! The estate as bytes: what a restart reads in place of every file and event since the beginning.
//!
//! Layout: magic, version, length and BLAKE3 digest of the payload, payload in postcard. Kinds are written by name, so
//! that a kind declared later does not change the meaning of an old checkpoint; property names are written once.
//! Indexes are not written but built anew. A damaged checkpoint is refused, never half read.

use std::borrow::Cow;
use std::sync::Arc;

use hopwatch_model::directory::Properties;
use hopwatch_model::edge::Origin;
use hopwatch_model::{EdgeKind, NodeKind, PropertyValue, Timestamp};
use rayon::prelude::*;
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

/// The kinds by their names, in the order of the places that rows use.
#[derive(Serialize, Deserialize)]
struct Header {
    node_kinds: Vec<String>,
    edge_kinds: Vec<String>,
    property_names: Vec<String>,
    sources: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct NodeRow<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    kind: u8,
    #[serde(borrow)]
    properties: Vec<(u32, Value<'a>)>,
    first_seen: Timestamp,
    last_seen: Timestamp,
    described_at: Option<Timestamp>,
    removed_at: Option<Timestamp>,
    merged_into: Option<NodeId>,
}

#[derive(Serialize, Deserialize)]
struct EdgeRow<'a> {
    key: (u32, u8, u32),
    derived: bool,
    confidence: u8,
    count: u32,
    first_seen: Timestamp,
    last_seen: Timestamp,
    intervals: Cow<'a, Intervals>,
    sources: SourceSet,
    #[serde(borrow)]
    properties: Vec<(u32, Value<'a>)>,
    composition: Vec<(u32, u8, u32)>,
}

/// What comes behind the rows.
#[derive(Serialize, Deserialize)]
struct Trailer {
    sessions: Vec<(u32, Option<u64>, u32, i64)>,
    gaps: Vec<String>,
    tags: Tags,
    counters: Counters,
    latest: Option<Timestamp>,
}

/// A property value with its type written, which the model's form leaves to the reader.
#[derive(Serialize, Deserialize)]
enum Value<'a> {
    Bool(bool),
    Integer(i64),
    Float(f64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
    List(Cow<'a, [String]>),
}

/// Rows that a task writes at once.
const PART: usize = 1 << 15;

impl Estate {
    /// The estate as bytes.
    ///
    /// # Errors
    /// [`Error::CheckpointCorrupt`] where a value has no byte form; none of today's is such.
    pub fn checkpoint(&self) -> Result<Vec<u8>, Error> {
        let names = PropertyNames::of(self);
        let header = Header {
            node_kinds: NodeKind::ALL.iter().map(|kind| kind.name().to_owned()).collect(),
            edge_kinds: EdgeKind::ALL.iter().map(|kind| kind.name().to_owned()).collect(),
            property_names: names.list.clone(),
            sources: self.sources.iter().map(|name| name.to_string()).collect(),
        };
        let trailer = Trailer {
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
        let mut bytes = vec![0; HEADER_BYTES];
        put(&mut bytes, &header)?;
        put_rows(&mut bytes, self.nodes.len(), |place| self.nodes.get(place).map(|node| node_row(node, &names)))?;
        put_rows(&mut bytes, self.edges.len(), |place| self.edges.get(place).map(|edge| edge_row(edge, &names)))?;
        put(&mut bytes, &trailer)?;
        if let Some((front, payload)) = bytes.split_at_mut_checked(HEADER_BYTES) {
            let length = u64::try_from(payload.len()).unwrap_or(u64::MAX).to_le_bytes();
            let digest = blake3::hash(payload);
            let fields = MAGIC.iter().chain(&VERSION.to_le_bytes()).chain(&length).copied().collect::<Vec<u8>>();
            front.iter_mut().zip(fields.iter().chain(digest.as_bytes())).for_each(|(slot, byte)| *slot = *byte);
        }
        Ok(bytes)
    }

    /// The estate of a checkpoint.
    ///
    /// # Errors
    /// [`Error::CheckpointVersion`], [`Error::CheckpointCorrupt`] with what was wrong.
    pub fn restore(config: Config, bytes: &[u8]) -> Result<Self, Error> {
        let mut rest = verified(bytes)?;
        let header: Header = take(&mut rest)?;
        let kinds = Kinds::of(&header)?;
        let mut estate = Self::new(config);
        for name in &header.sources {
            estate.source_id(name);
        }
        let bound: usize = take(&mut rest)?;
        for _ in 0..bound {
            estate.restore_node(take(&mut rest)?, &kinds, &header.property_names, bound)?;
        }
        let edges: usize = take(&mut rest)?;
        // A row has more bytes than this: what a damaged count promises is not reserved.
        estate.index.reserve(edges.min(rest.len() / 16));
        for _ in 0..edges {
            estate.restore_edge(take(&mut rest)?, &kinds, &header.property_names)?;
        }
        let trailer: Trailer = take(&mut rest)?;
        if !rest.is_empty() {
            return Err(corrupt("bytes behind the payload"));
        }
        for (host, logon_id, account, expiry) in trailer.sessions {
            let key = SessionKey { host: NodeId(host), logon_id, account: NodeId(account) };
            if key.host.index() >= bound || key.account.index() >= bound {
                return Err(corrupt("a session of an unknown node"));
            }
            estate.sessions.insert(key, Timestamp::from_micros(expiry));
        }
        estate.gaps = trailer.gaps.into_iter().collect();
        estate.tags = trailer.tags;
        estate.counters = trailer.counters;
        estate.latest = trailer.latest;
        Ok(estate)
    }

    fn restore_node(&mut self, row: NodeRow<'_>, kinds: &Kinds, names: &[String], bound: usize) -> Result<(), Error> {
        if row.merged_into.is_some_and(|into| into.index() >= bound) {
            return Err(corrupt("a node was merged into an unknown one"));
        }
        let id = NodeId::from_index(self.nodes.len());
        let node = Node {
            id: row.id.into_owned(),
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

    fn restore_edge(&mut self, row: EdgeRow<'_>, kinds: &Kinds, names: &[String]) -> Result<(), Error> {
        let key = kinds.key(row.key)?;
        let bound = self.nodes.len();
        if key.source.index() >= bound || key.target.index() >= bound {
            return Err(corrupt("an edge of an unknown node"));
        }
        let id = EdgeId::from_index(self.edges.len());
        let composition = row.composition.into_iter().map(|key| kinds.key(key)).collect::<Result<Vec<_>, _>>()?;
        let properties = self.shared(properties(row.properties, names)?);
        self.edges.push(Edge {
            key,
            origin: if row.derived { Origin::Derived } else { Origin::Raw },
            confidence: row.confidence,
            count: row.count,
            first_seen: row.first_seen,
            last_seen: row.last_seen,
            intervals: row.intervals.into_owned(),
            sources: row.sources,
            properties,
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
    fn of(header: &Header) -> Result<Self, Error> {
        let unknown = |name: &String| corrupt(&format!("unknown kind {name}"));
        let node = |name: &String| NodeKind::from_name(name).ok_or_else(|| unknown(name));
        let edge = |name: &String| EdgeKind::from_name(name).ok_or_else(|| unknown(name));
        Ok(Self {
            nodes: header.node_kinds.iter().map(node).collect::<Result<_, _>>()?,
            edges: header.edge_kinds.iter().map(edge).collect::<Result<_, _>>()?,
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
    /// Every name that a property of the estate bears.
    fn of(estate: &Estate) -> Self {
        let mut names = Self::default();
        for node in estate.nodes.iter() {
            node.properties.keys().for_each(|name| names.add(name));
        }
        let mut last: Option<&Arc<Properties>> = None;
        for properties in estate.edges.iter().filter_map(|edge| edge.properties.as_ref()) {
            if !last.is_some_and(|last| Arc::ptr_eq(last, properties)) {
                properties.keys().for_each(|name| names.add(name));
                last = Some(properties);
            }
        }
        names
    }

    fn add(&mut self, name: &str) {
        if !self.places.contains_key(name) {
            self.places.insert(name.to_owned(), narrow(self.list.len()));
            self.list.push(name.to_owned());
        }
    }

    fn rows<'a>(&self, properties: &'a Properties) -> Vec<(u32, Value<'a>)> {
        let row = |(name, value): (&String, &'a PropertyValue)| Some((*self.places.get(name)?, Value::from(value)));
        properties.iter().filter_map(row).collect()
    }
}

fn put<T: Serialize>(bytes: &mut Vec<u8>, value: &T) -> Result<(), Error> {
    postcard::to_io(value, bytes).map(|_| ()).map_err(|error| corrupt(&error.to_string()))
}

/// Writes rows as postcard writes a list of them, some thousand in each task.
fn put_rows<T: Serialize>(
    bytes: &mut Vec<u8>,
    count: usize,
    row: impl Fn(usize) -> Option<T> + Sync,
) -> Result<(), Error> {
    put(bytes, &count)?;
    let starts: Vec<usize> = (0..count).step_by(PART).collect();
    // A few tasks at a time, so that the parts do not stand in memory beside the whole.
    for some in starts.chunks(2 * rayon::current_num_threads()) {
        let written = some.par_iter().map(|start| {
            let mut part = Vec::new();
            (*start..count.min(start + PART)).filter_map(&row).try_for_each(|row| put(&mut part, &row))?;
            Ok(part)
        });
        for part in written.collect::<Result<Vec<_>, Error>>()? {
            bytes.extend_from_slice(&part);
        }
    }
    Ok(())
}

fn take<'a, T: Deserialize<'a>>(bytes: &mut &'a [u8]) -> Result<T, Error> {
    let (value, rest) = postcard::take_from_bytes(bytes).map_err(|error| corrupt(&error.to_string()))?;
    *bytes = rest;
    Ok(value)
}

fn node_row<'a>(node: &'a Node, names: &PropertyNames) -> NodeRow<'a> {
    NodeRow {
        id: Cow::Borrowed(&node.id),
        kind: node.kind.index(),
        properties: names.rows(&node.properties),
        first_seen: node.first_seen,
        last_seen: node.last_seen,
        described_at: node.described_at,
        removed_at: node.removed_at,
        merged_into: node.merged_into,
    }
}

fn edge_row<'a>(edge: &'a Edge, names: &PropertyNames) -> EdgeRow<'a> {
    let key = |key: &EdgeKey| (key.source.0, key.kind.index(), key.target.0);
    EdgeRow {
        key: key(&edge.key),
        derived: edge.origin == Origin::Derived,
        confidence: edge.confidence,
        count: edge.count,
        first_seen: edge.first_seen,
        last_seen: edge.last_seen,
        intervals: Cow::Borrowed(&edge.intervals),
        sources: edge.sources,
        properties: edge.properties.as_ref().map(|properties| names.rows(properties)).unwrap_or_default(),
        composition: edge.composition.iter().map(key).collect(),
    }
}

fn properties(rows: Vec<(u32, Value<'_>)>, names: &[String]) -> Result<Properties, Error> {
    let named = |(place, value): (u32, Value<'_>)| {
        let name = names.get(at(place)).ok_or_else(|| corrupt("a property without a name"))?;
        Ok((name.clone(), value.into()))
    };
    rows.into_iter().map(named).collect()
}

impl<'a> From<&'a PropertyValue> for Value<'a> {
    fn from(value: &'a PropertyValue) -> Self {
        match value {
            PropertyValue::Bool(value) => Self::Bool(*value),
            PropertyValue::Integer(value) => Self::Integer(*value),
            PropertyValue::Float(value) => Self::Float(*value),
            PropertyValue::Text(text) => Self::Text(Cow::Borrowed(text)),
            PropertyValue::List(items) => Self::List(Cow::Borrowed(items)),
        }
    }
}

impl From<Value<'_>> for PropertyValue {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(value),
            Value::Integer(value) => Self::Integer(value),
            Value::Float(value) => Self::Float(value),
            Value::Text(text) => Self::Text(text.into_owned()),
            Value::List(items) => Self::List(items.into_owned()),
        }
    }
}
