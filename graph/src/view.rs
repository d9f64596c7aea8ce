//! A snapshot as petgraph sees it: its visit traits on a view of some kinds of edges, so that petgraph's algorithms run
//! on it without a copy. They serve small parts of a graph and are the oracle of our tests; on a whole estate our own
//! are tens of times faster, and petgraph's recursive ones overflow the stack.

use petgraph::Directed;
use petgraph::visit::{
    Data, EdgeCount, EdgeRef, GraphBase, GraphProp, GraphRef, IntoEdgeReferences, IntoEdges, IntoEdgesDirected,
    IntoNeighbors, IntoNeighborsDirected, IntoNodeIdentifiers, NodeCount, NodeIndexable, VisitMap, Visitable,
};

use hopwatch_model::NodeKind;

use crate::bits::Bits;
use crate::ids::{EdgeId, NodeId};
use crate::kinds::KindMask;
use crate::snapshot::{Hop, Snapshot};

/// The edges of some kinds of a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    snapshot: &'a Snapshot,
    kinds: KindMask,
}

/// An edge of a view.
#[derive(Clone, Copy, Debug)]
pub struct ViewEdge(Hop);

/// The nodes that one of petgraph's searches has visited.
#[derive(Clone, Debug, Default)]
pub struct Visited {
    bits: Bits,
}

impl Snapshot {
    /// The edges of some kinds, for petgraph's algorithms.
    #[must_use]
    pub fn view(&self, kinds: KindMask) -> View<'_> {
        View { snapshot: self, kinds }
    }
}

type Boxed<'a, T> = Box<dyn Iterator<Item = T> + 'a>;

impl<'a> View<'a> {
    fn hops(self, node: NodeId, direction: petgraph::Direction) -> Boxed<'a, Hop> {
        let kinds = self.kinds;
        match direction {
            petgraph::Direction::Outgoing => {
                Box::new(self.snapshot.outgoing(node).filter(move |hop| kinds.contains(hop.kind)))
            }
            petgraph::Direction::Incoming => {
                Box::new(self.snapshot.incoming(node).filter(move |hop| kinds.contains(hop.kind)))
            }
        }
    }
}

impl GraphBase for View<'_> {
    type EdgeId = EdgeId;
    type NodeId = NodeId;
}

impl GraphRef for View<'_> {}

impl Data for View<'_> {
    type EdgeWeight = Hop;
    type NodeWeight = NodeKind;
}

impl GraphProp for View<'_> {
    type EdgeType = Directed;
}

impl NodeCount for View<'_> {
    fn node_count(&self) -> usize {
        self.snapshot.node_count()
    }
}

impl EdgeCount for View<'_> {
    fn edge_count(&self) -> usize {
        self.edge_references().count()
    }
}

impl NodeIndexable for View<'_> {
    fn node_bound(&self) -> usize {
        self.snapshot.node_bound()
    }

    fn to_index(&self, node: NodeId) -> usize {
        node.index()
    }

    fn from_index(&self, index: usize) -> NodeId {
        NodeId::from_index(index)
    }
}

impl<'a> IntoNodeIdentifiers for View<'a> {
    type NodeIdentifiers = Boxed<'a, NodeId>;

    fn node_identifiers(self) -> Self::NodeIdentifiers {
        Box::new(self.snapshot.nodes())
    }
}

impl<'a> IntoNeighbors for View<'a> {
    type Neighbors = Boxed<'a, NodeId>;

    fn neighbors(self, node: NodeId) -> Self::Neighbors {
        self.neighbors_directed(node, petgraph::Direction::Outgoing)
    }
}

impl<'a> IntoNeighborsDirected for View<'a> {
    type NeighborsDirected = Boxed<'a, NodeId>;

    fn neighbors_directed(self, node: NodeId, direction: petgraph::Direction) -> Self::NeighborsDirected {
        match direction {
            petgraph::Direction::Outgoing => Box::new(self.hops(node, direction).map(|hop| hop.target)),
            petgraph::Direction::Incoming => Box::new(self.hops(node, direction).map(|hop| hop.source)),
        }
    }
}

impl EdgeRef for ViewEdge {
    type EdgeId = EdgeId;
    type NodeId = NodeId;
    type Weight = Hop;

    fn source(&self) -> NodeId {
        self.0.source
    }

    fn target(&self) -> NodeId {
        self.0.target
    }

    fn weight(&self) -> &Hop {
        &self.0
    }

    fn id(&self) -> EdgeId {
        self.0.edge
    }
}

impl<'a> IntoEdgeReferences for View<'a> {
    type EdgeRef = ViewEdge;
    type EdgeReferences = Boxed<'a, ViewEdge>;

    fn edge_references(self) -> Self::EdgeReferences {
        Box::new(self.snapshot.nodes().flat_map(move |node| self.edges(node)))
    }
}

impl<'a> IntoEdges for View<'a> {
    type Edges = Boxed<'a, ViewEdge>;

    fn edges(self, node: NodeId) -> Self::Edges {
        self.edges_directed(node, petgraph::Direction::Outgoing)
    }
}

impl<'a> IntoEdgesDirected for View<'a> {
    type EdgesDirected = Boxed<'a, ViewEdge>;

    fn edges_directed(self, node: NodeId, direction: petgraph::Direction) -> Self::EdgesDirected {
        Box::new(self.hops(node, direction).map(ViewEdge))
    }
}

impl VisitMap<NodeId> for Visited {
    fn visit(&mut self, node: NodeId) -> bool {
        self.bits.add(node.0)
    }

    fn is_visited(&self, node: &NodeId) -> bool {
        self.bits.has(node.0)
    }

    fn unvisit(&mut self, node: NodeId) -> bool {
        let known = self.bits.has(node.0);
        self.bits.remove(node.0);
        known
    }
}

impl Visitable for View<'_> {
    type Map = Visited;

    fn visit_map(&self) -> Visited {
        Visited { bits: Bits::new(self.snapshot.node_bound()) }
    }

    fn reset_map(&self, map: &mut Visited) {
        map.bits = Bits::new(self.snapshot.node_bound());
    }
}
