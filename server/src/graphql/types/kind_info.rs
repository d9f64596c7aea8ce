//! The legend: every kind of node and edge with its words.

use async_graphql::SimpleObject;

use super::edge::EdgeOrigin;
use crate::graphql::kinds::{EdgeKind, Kind, NodeKind};

/// What is known of a kind of node.
#[derive(Clone, Debug, SimpleObject)]
pub struct NodeKindInfo {
    /// The kind.
    pub kind: NodeKind,
    /// The shape with which the viewer draws it.
    pub glyph: &'static str,
    /// What it stands for, in one clause.
    pub help: &'static str,
}

/// What is known of a kind of edge.
#[derive(Clone, Debug, SimpleObject)]
pub struct EdgeKindInfo {
    /// The kind.
    pub kind: EdgeKind,
    /// Whether a source reports it or we compute it.
    pub origin: EdgeOrigin,
    /// Whether a path may use it.
    pub traversable: bool,
    /// The default cost of a hop.
    pub cost: u8,
    /// What the source can do to the target, in one clause.
    pub help: &'static str,
    /// What removes the edge, in one clause.
    pub remediation: &'static str,
}

/// Every kind of node.
#[must_use]
pub fn node_kinds() -> Vec<NodeKindInfo> {
    let all = hopwatch_model::NodeKind::ALL.iter();
    all.map(|kind| NodeKindInfo { kind: Kind(*kind), glyph: kind.glyph(), help: kind.help() }).collect()
}

/// Every kind of edge.
#[must_use]
pub fn edge_kinds() -> Vec<EdgeKindInfo> {
    let info = |kind: &hopwatch_model::EdgeKind| EdgeKindInfo {
        kind: Kind(*kind),
        origin: kind.origin().into(),
        traversable: kind.traversable(),
        cost: kind.cost(),
        help: kind.help(),
        remediation: kind.remediation(),
    };
    hopwatch_model::EdgeKind::ALL.iter().map(info).collect()
}
