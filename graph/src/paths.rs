//! Paths: the cheapest one, all cheapest ones as a subgraph, and one through given stops.
//!
//! A reverse pass gives every node its exact distance to the target; an edge is *tight* where it leads exactly as much
//! nearer as it costs. Walking tight edges breadth first from the start gives, of the cheapest paths, one with the
//! fewest hops, also where hops that cost nothing form cycles.

use rustc_hash::FxHashMap;

use crate::Error;
use crate::distance::{Distances, FAR, Metric, distances};
use crate::filter::{Direction, Filter, Scope};
use crate::ids::{EdgeId, NodeId};
use crate::limits::Limits;
use crate::snapshot::{Hop, Snapshot};

/// A way from one node to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    /// What its hops cost together.
    pub cost: u32,
    /// Where it starts.
    pub start: NodeId,
    /// Its hops in order; none where the start is the target.
    pub hops: Vec<Hop>,
}

impl Path {
    pub(crate) fn new(start: NodeId, hops: Vec<Hop>) -> Self {
        Self { cost: hops.iter().map(|hop| u32::from(hop.cost)).sum(), start, hops }
    }

    /// Where it ends.
    #[must_use]
    pub fn end(&self) -> NodeId {
        self.hops.last().map_or(self.start, |hop| hop.target)
    }

    /// Every node on it, from start to end.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::once(self.start).chain(self.hops.iter().map(|hop| hop.target))
    }
}

/// A part of the graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subgraph {
    /// Its nodes, from the start outwards.
    pub nodes: Vec<NodeId>,
    /// Its edges.
    pub hops: Vec<Hop>,
    /// True where the limit of nodes cut it short.
    pub truncated: bool,
}

impl Snapshot {
    /// The cheapest path from a node to the nearest of a set, or none.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::EmptySet`], [`Error::LimitReached`], [`Error::Stopped`].
    pub fn cheapest_path(
        &self,
        from: NodeId,
        to: &[NodeId],
        metric: Metric,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Option<Path>, Error> {
        let (scope, distances) = self.towards(from, to, metric, filter, limits)?;
        walk(self, &scope, &distances, from, limits)
    }

    /// All cheapest paths from a node to the nearest of a set, as the subgraph of their edges; empty where there is none.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::EmptySet`], [`Error::Stopped`].
    pub fn cheapest_subgraph(
        &self,
        from: NodeId,
        to: &[NodeId],
        metric: Metric,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Subgraph, Error> {
        let unbounded = Limits { max_nodes: usize::MAX, ..*limits };
        let (scope, distances) = self.towards(from, to, metric, filter, &unbounded)?;
        let mut found = Subgraph::default();
        if distances.at(from.0) == FAR {
            return Ok(found);
        }
        let mut seen = rustc_hash::FxHashSet::from_iter([from]);
        found.nodes.push(from);
        let mut next = 0;
        while let Some(node) = found.nodes.get(next).copied() {
            next += 1;
            limits.stopped()?;
            for (end, class) in tight(&scope, &distances, node) {
                if !seen.contains(&end) {
                    if found.nodes.len() >= limits.max_nodes {
                        found.truncated = true;
                        continue;
                    }
                    seen.insert(end);
                    found.nodes.push(end);
                }
                found.hops.push(hop(self, &scope, node, end, class));
            }
        }
        Ok(found)
    }

    /// The cheapest path that passes the given stops in order, or none.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::EmptySet`] where there are fewer than two stops, [`Error::LimitReached`],
    /// [`Error::Stopped`].
    pub fn path_through(
        &self,
        stops: &[NodeId],
        metric: Metric,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Option<Path>, Error> {
        let [start, rest @ ..] = stops else {
            return Err(Error::EmptySet { what: "the list of stops" });
        };
        if rest.is_empty() {
            return Err(Error::EmptySet { what: "the list of stops after the first" });
        }
        let (mut from, mut hops) = (*start, Vec::new());
        for stop in rest {
            let Some(leg) = self.cheapest_path(from, &[*stop], metric, filter, limits)? else {
                return Ok(None);
            };
            hops.extend(leg.hops);
            from = *stop;
        }
        Ok(Some(Path::new(*start, hops)))
    }

    /// The cheapest path from a node along distances that were computed before, by the same filter and metric.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::LimitReached`], [`Error::Stopped`].
    pub fn path_along(
        &self,
        distances: &Distances,
        from: NodeId,
        metric: Metric,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Option<Path>, Error> {
        self.known(&[from])?;
        walk(self, &scope_of(self, metric, filter), distances, from, limits)
    }

    fn towards(
        &self,
        from: NodeId,
        to: &[NodeId],
        metric: Metric,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<(Scope<'_>, Distances), Error> {
        if to.is_empty() {
            return Err(Error::EmptySet { what: "the set of targets" });
        }
        self.known(&[from])?;
        self.known(to)?;
        let scope = scope_of(self, metric, filter);
        let distances = if scope.blocked(from.0) {
            Distances { distance: Vec::new(), set: Vec::new() }
        } else {
            distances(&scope, to, Direction::Inbound, limits, Some(from))?
        };
        Ok((scope, distances))
    }
}

pub(crate) fn scope_of<'a>(snapshot: &'a Snapshot, metric: Metric, filter: &Filter) -> Scope<'a> {
    let mut scope = Scope::new(snapshot, filter);
    if metric == Metric::Hops {
        scope.costs = [1; 256];
    }
    scope
}

/// The tight edges from a node.
pub(crate) fn tight(scope: &Scope<'_>, distances: &Distances, node: NodeId) -> Vec<(NodeId, u8)> {
    let here = distances.at(node.0);
    if here == FAR || distances.in_set(node) {
        return Vec::new();
    }
    let leads = |(end, class): &(u32, u8)| {
        let there = distances.at(*end);
        there != FAR && there.checked_add(scope.cost(*class)) == Some(here)
    };
    let edges = scope.edges(node.0, Direction::Outbound).into_iter().filter(leads);
    edges.map(|(end, class)| (NodeId(end), class)).collect()
}

/// Breadth first along tight edges until a member of the set.
fn walk(
    snapshot: &Snapshot,
    scope: &Scope<'_>,
    distances: &Distances,
    from: NodeId,
    limits: &Limits<'_>,
) -> Result<Option<Path>, Error> {
    if distances.at(from.0) == FAR || distances.at(from.0) > limits.max_cost {
        return Ok(None);
    }
    let mut came: FxHashMap<NodeId, (NodeId, u8)> = FxHashMap::default();
    let mut queue = vec![from];
    let mut next = 0;
    while let Some(node) = queue.get(next).copied() {
        next += 1;
        if distances.in_set(node) {
            return Ok(Some(back(snapshot, scope, &came, from, node)));
        }
        limits.stopped()?;
        limits.nodes(queue.len())?;
        for (end, class) in tight(scope, distances, node) {
            if end != from && !came.contains_key(&end) {
                came.insert(end, (node, class));
                queue.push(end);
            }
        }
    }
    Ok(None)
}

fn back(
    snapshot: &Snapshot,
    scope: &Scope<'_>,
    came: &FxHashMap<NodeId, (NodeId, u8)>,
    from: NodeId,
    end: NodeId,
) -> Path {
    let mut hops = Vec::new();
    let mut node = end;
    while let Some((before, class)) = came.get(&node).filter(|_| node != from) {
        hops.push(hop(snapshot, scope, *before, node, *class));
        node = *before;
    }
    hops.reverse();
    Path::new(from, hops)
}

/// The hop of an edge that a search used; an edge that the filter assumed has no record.
pub(crate) fn hop(snapshot: &Snapshot, scope: &Scope<'_>, source: NodeId, target: NodeId, class: u8) -> Hop {
    let place =
        snapshot.csr.between(source.0, target.0).find(|place| snapshot.csr.forward_class.get(*place) == Some(&class));
    place.map_or_else(
        || Hop { source, kind: scope.kind(class), target, cost: scope.kind(class).cost(), edge: EdgeId(u32::MAX) },
        |place| snapshot.hop(source, place),
    )
}
