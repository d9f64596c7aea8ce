//! Choke points: the nodes and connections whose removal cuts the most principals off from a set, Tier Zero in general.
//! A node cuts off what it dominates; a connection cuts off the tree below its source where every other edge of the
//! source leads back through the source itself.

use crate::Error;
use crate::dominators::{Dominators, ROOT};
use crate::filter::{Direction, Filter, Scope};
use crate::ids::{NodeId, at};
use crate::limits::Limits;
use crate::snapshot::{Hop, Snapshot};

/// A node that cuts principals off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChokeNode {
    /// The node.
    pub node: NodeId,
    /// Enabled users and computers, without itself, that reach the set through it alone.
    pub principals: u64,
}

/// A connection that cuts principals off: all edges from one node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChokeEdge {
    /// Its edges: to cut it, each must be removed.
    pub hops: Vec<Hop>,
    /// Enabled users and computers, its source included, that reach the set through it alone.
    pub principals: u64,
}

/// The choke points of a set, those that cut off the most first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChokePoints {
    /// Enabled users and computers outside the set that reach it.
    pub exposed_principals: u64,
    /// Nodes, without the members of the set.
    pub nodes: Vec<ChokeNode>,
    /// Connections.
    pub edges: Vec<ChokeEdge>,
}

impl Snapshot {
    /// The choke points of the paths into a set: at most `most` nodes and as many connections.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::EmptySet`], [`Error::LimitReached`], [`Error::Stopped`].
    pub fn choke_points(
        &self,
        set: &[NodeId],
        most: usize,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<ChokePoints, Error> {
        let tree = self.dominators(set, Direction::Inbound, filter, limits)?;
        let members: std::collections::BTreeSet<NodeId> = set.iter().copied().collect();
        let counted = |id: NodeId| self.flags(id).principal() && !members.contains(&id);
        let sums = tree.sums(|id| u32::from(counted(id)));
        let scope = Scope::new(self, filter);
        let bridges = bridges(&scope, &tree);
        let mut found = ChokePoints {
            exposed_principals: sums.first().copied().map_or(0, u64::from),
            nodes: Vec::new(),
            edges: Vec::new(),
        };
        let outside = tree.order.iter().zip(&sums).skip(1).filter(|(node, _)| !members.contains(&NodeId(**node)));
        for (node, sum) in outside {
            let node = NodeId(*node);
            let below = u64::from(*sum) - u64::from(counted(node));
            if below > 0 {
                found.nodes.push(ChokeNode { node, principals: below });
            }
        }
        best(&mut found.nodes, most, |choke| (choke.principals, choke.node));
        let mut edges: Vec<(u64, NodeId, NodeId)> = Vec::new();
        for (source, target) in bridges {
            let sum = tree.number_of(source.0).and_then(|number| sums.get(at(number))).copied().unwrap_or_default();
            if sum > 0 {
                edges.push((u64::from(sum), source, target));
            }
        }
        best(&mut edges, most, |(principals, source, _)| (*principals, *source));
        for (principals, source, target) in edges {
            let hops = self.between(source, target).filter(|hop| filter.kinds.contains(hop.kind)).collect();
            found.edges.push(ChokeEdge { hops, principals });
        }
        Ok(found)
    }
}

/// Keeps the entries with the most principals, equal ones by id.
fn best<T>(entries: &mut Vec<T>, most: usize, key: impl Fn(&T) -> (u64, NodeId)) {
    entries.sort_by_cached_key(|entry| {
        let (principals, id) = key(entry);
        (std::cmp::Reverse(principals), id)
    });
    entries.truncate(most);
}

/// The connections through which every path from their source passes.
fn bridges(scope: &Scope<'_>, tree: &Dominators) -> Vec<(NodeId, NodeId)> {
    let (place, sizes) = tree.preorder();
    let mut found = Vec::new();
    for (number, node) in tree.order.iter().enumerate().skip(1) {
        let above = tree.parent.get(number).copied().unwrap_or(ROOT);
        let Some(target) = tree.order.get(at(above)).copied().filter(|_| above != ROOT) else {
            continue;
        };
        let (start, size) = (place.get(number).copied(), sizes.get(number).copied());
        let (Some(start), Some(size)) = (start, size) else {
            continue;
        };
        let leads_past = scope.any::<false>(*node, Direction::Outbound, |end, _| {
            let there = tree.number_of(end).and_then(|number| place.get(at(number)));
            end != target && there.is_some_and(|there| !(start..start + size).contains(there))
        });
        let direct = scope.any::<false>(*node, Direction::Outbound, |end, _| end == target);
        if direct && !leads_past {
            found.push((NodeId(*node), NodeId(target)));
        }
    }
    found
}
