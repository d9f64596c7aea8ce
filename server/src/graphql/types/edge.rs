//! Edges of the graph with their time, their sources and what composes them.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};
use hopwatch_graph::{Edge, EdgeKey, Hop, Snapshot};
use hopwatch_model::{EdgeKind as Kind, PropertyValue, Timestamp};

use super::entity::Entity;
use crate::graphql::error::{ApiError, ApiResult};
use crate::graphql::kinds::EdgeKind;
use crate::graphql::page::connection;
use crate::graphql::time::DateTime;

/// Whether a source reports an edge or we compute it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "hopwatch_model::edge::Origin")]
pub enum EdgeOrigin {
    /// A source reports it.
    Raw,
    /// It is computed from other edges or properties.
    Derived,
}

/// A property of a node or an edge.
#[derive(Clone, Debug, SimpleObject)]
pub struct Property {
    /// Its name in lower case, as BloodHound's files name it.
    pub name: String,
    /// Its value as text; items of a list in lines.
    pub value: String,
}

impl Property {
    pub(crate) fn new((name, value): (&String, &PropertyValue)) -> Self {
        let value = match value {
            PropertyValue::Bool(value) => value.to_string(),
            PropertyValue::Integer(value) => value.to_string(),
            PropertyValue::Float(value) => value.to_string(),
            PropertyValue::Text(value) => value.clone(),
            PropertyValue::List(items) => items.join("\n"),
        };
        Self { name: name.clone(), value }
    }
}

/// An edge of the graph: who can act on what, or who did.
#[derive(Clone)]
pub struct GraphEdge {
    /// The graph in which it holds.
    pub snapshot: Arc<Snapshot>,
    /// The edge.
    pub hop: Hop,
}

connection!(GraphEdge, GraphEdgeEdge, GraphEdgeConnection);

impl GraphEdge {
    /// The edge of an id, where it holds.
    ///
    /// # Errors
    /// Where the id is none of an edge.
    pub(crate) fn find(snapshot: &Arc<Snapshot>, id: &str) -> ApiResult<Option<Self>> {
        let (source, kind, target) = parts_of(id)?;
        let Some((source, target)) = snapshot.find(source).zip(snapshot.find(target)) else { return Ok(None) };
        let hop = snapshot.between(source, target).find(|hop| hop.kind == kind);
        Ok(hop.map(|hop| Self { snapshot: Arc::clone(snapshot), hop }))
    }

    fn record(&self) -> Option<&Edge> {
        self.snapshot.edge(self.hop.edge)
    }

    fn end(&self, id: hopwatch_graph::NodeId) -> Entity {
        Entity { snapshot: Arc::clone(&self.snapshot), id }
    }

    /// The edge's id: source, kind and target, which no two edges share.
    pub(crate) fn key(&self) -> String {
        let id = |node| self.snapshot.node(node).map(|node| node.id.as_str()).unwrap_or_default();
        format!("{}|{}|{}", id(self.hop.source), self.hop.kind.name(), id(self.hop.target))
    }
}

/// The edge of an id.
pub(crate) fn key_of(snapshot: &Snapshot, id: &str) -> ApiResult<EdgeKey> {
    let (source, kind, target) = parts_of(id)?;
    Ok(EdgeKey { source: snapshot.require(source)?, kind, target: snapshot.require(target)? })
}

/// Source, kind and target of an id.
fn parts_of(id: &str) -> ApiResult<(&str, Kind, &str)> {
    let mut parts = id.split('|');
    let (Some(source), Some(kind), Some(target), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ApiError::BadInput(format!("`{id}` is no id of an edge")));
    };
    let kind = Kind::from_name(kind).ok_or_else(|| ApiError::BadInput(format!("there is no EdgeKind `{kind}`")))?;
    Ok((source, kind, target))
}

/// True where the edge was seen in traffic or logs, as opposed to granted by the directory: an observation kind, or a
/// session that was reported with a time of its own.
pub(crate) fn observed(hop: &Hop) -> bool {
    matches!(hop.kind, Kind::HasSession | Kind::LoggedOnFrom | Kind::LogonTo | Kind::ConnectedTo | Kind::HasAddress)
}

/// An edge of the graph: who can act on what, or who did.
#[Object]
impl GraphEdge {
    /// Source, kind and target.
    async fn id(&self) -> ID {
        ID(self.key())
    }

    /// In what way.
    async fn kind(&self) -> EdgeKind {
        crate::graphql::kinds::Kind(self.hop.kind)
    }

    /// Whether a source reports it or we compute it.
    async fn origin(&self) -> EdgeOrigin {
        self.record().map_or(self.hop.kind.origin(), |record| record.origin).into()
    }

    /// True where it was seen in traffic or logs, false where it is granted.
    async fn observed(&self) -> bool {
        observed(&self.hop)
    }

    /// Who can act.
    async fn source(&self) -> Entity {
        self.end(self.hop.source)
    }

    /// On what.
    async fn target(&self) -> Entity {
        self.end(self.hop.target)
    }

    /// When a source first reported it.
    async fn first_seen_at(&self) -> Option<DateTime> {
        self.record().and_then(|record| DateTime::finite(record.first_seen))
    }

    /// When a source last reported it.
    async fn last_seen_at(&self) -> Option<DateTime> {
        self.record().and_then(|record| DateTime::finite(record.last_seen))
    }

    /// When it ended, where it did.
    async fn ended_at(&self) -> Option<DateTime> {
        let at = self.snapshot.as_of().unwrap_or(Timestamp::MAX);
        let intervals = &self.record()?.intervals;
        let current = intervals.iter().find(|interval| interval.from <= at && at <= interval.until)?;
        DateTime::finite(current.until)
    }

    /// How often it was reported.
    async fn count(&self) -> u32 {
        self.record().map_or(0, |record| record.count)
    }

    /// Who reported it: the first four sources.
    async fn sources(&self) -> Vec<String> {
        let ids = self.record().map(|record| record.sources).unwrap_or_default();
        ids.iter().filter_map(|id| self.snapshot.source_name(id)).map(str::to_owned).collect()
    }

    /// What a path through it costs.
    async fn cost(&self) -> u8 {
        self.hop.cost
    }

    /// Whether a path may use it.
    async fn traversable(&self) -> bool {
        self.hop.kind.traversable()
    }

    /// What the source can do to the target, in one clause.
    async fn help(&self) -> &'static str {
        self.hop.kind.help()
    }

    /// What removes the edge, in one clause.
    async fn remediation(&self) -> &'static str {
        self.hop.kind.remediation()
    }

    /// How sure we are that it holds, 0–100.
    async fn confidence(&self) -> u8 {
        self.record().map_or(100, |record| record.confidence)
    }

    /// Its properties by name.
    async fn properties(&self) -> Vec<Property> {
        let properties = self.record().and_then(|record| record.properties.as_ref());
        properties.into_iter().flat_map(|properties| properties.iter()).map(Property::new).collect()
    }

    /// The edges that compose a derived edge; none for a raw one.
    async fn composition(&self) -> Vec<Self> {
        let keys: BTreeSet<EdgeKey> =
            self.record().into_iter().flat_map(|record| record.composition.iter().copied()).collect();
        let hop = |key: EdgeKey| self.snapshot.between(key.source, key.target).find(|hop| hop.kind == key.kind);
        keys.into_iter().filter_map(hop).map(|hop| Self { snapshot: Arc::clone(&self.snapshot), hop }).collect()
    }
}
