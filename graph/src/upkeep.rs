//! Who reaches a set, kept up to date edge by edge: what an event changed of the exposure of Tier Zero, without a search
//! of the whole graph.
//!
//! Every node that reaches the set keeps the next node of one way there; together these are a forest that ends in the
//! set. An added edge brings in what lies behind its source. A removed edge matters only where a way used it: then the
//! tree behind it is taken out and put back from whatever of it still has an edge to the rest.

use hopwatch_model::EdgeKind;

use crate::Error;
use crate::estate::EdgeKey;
use crate::filter::{Direction, Filter, Scope};
use crate::ids::{NodeId, at};
use crate::limits::Limits;
use crate::snapshot::Snapshot;

/// The next node of a node that does not reach the set.
const NOWHERE: u32 = u32::MAX;

/// Who reaches a set, under changes of edges.
pub struct Upkeep<'a> {
    scope: Scope<'a>,
    kinds: crate::kinds::KindMask,
    /// The next node of a way to the set; a member's is itself.
    next: Vec<u32>,
    reaching: usize,
}

impl std::fmt::Debug for Upkeep<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upkeep").field("reaching", &self.reaching).finish_non_exhaustive()
    }
}

impl<'a> Upkeep<'a> {
    /// Starts from a snapshot. The nodes must be those of the snapshot: a node that comes later asks for a new one.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::EmptySet`], [`Error::Stopped`].
    pub fn new(snapshot: &'a Snapshot, set: &[NodeId], filter: &Filter, limits: &Limits<'_>) -> Result<Self, Error> {
        if set.is_empty() {
            return Err(Error::EmptySet { what: "the set of targets" });
        }
        snapshot.known(set)?;
        limits.stopped()?;
        let mut scope = Scope::new(snapshot, filter);
        scope.make_changeable();
        let mut upkeep = Self { kinds: filter.kinds, next: vec![NOWHERE; scope.bound()], reaching: 0, scope };
        let mut frontier = Vec::new();
        for member in set {
            upkeep.settle(member.0, member.0, &mut frontier);
        }
        upkeep.spread(frontier);
        Ok(upkeep)
    }

    /// True where a node reaches the set, or is a member.
    #[must_use]
    pub fn reaches(&self, id: NodeId) -> bool {
        self.next.get(id.index()).is_some_and(|next| *next != NOWHERE)
    }

    /// How many nodes reach the set, members included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.reaching
    }

    /// True where not even a member may be touched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reaching == 0
    }

    /// One way from a node to the set, not the cheapest; empty where there is none.
    #[must_use]
    pub fn way(&self, id: NodeId) -> Vec<NodeId> {
        let mut way = Vec::new();
        let mut node = id.0;
        while let Some(next) = self.next.get(at(node)).copied().filter(|next| *next != NOWHERE) {
            way.push(NodeId(node));
            if next == node {
                break;
            }
            node = next;
        }
        way
    }

    /// An edge was added; returns the nodes that reach the set by it and did not before.
    pub fn add(&mut self, edge: EdgeKey) -> Vec<NodeId> {
        if !self.usable(edge) {
            return Vec::new();
        }
        self.scope.assume(edge);
        let mut frontier = Vec::new();
        if self.reaches(edge.target) {
            self.settle(edge.source.0, edge.target.0, &mut frontier);
        }
        let mut gained = self.spread(frontier);
        gained.sort_unstable();
        gained
    }

    /// An edge was removed; returns the nodes that no longer reach the set.
    pub fn remove(&mut self, edge: EdgeKey) -> Vec<NodeId> {
        if !self.usable(edge) {
            return Vec::new();
        }
        self.scope.exclude(edge);
        let source = edge.source.0;
        if source == edge.target.0 || self.next.get(at(source)) != Some(&edge.target.0) {
            return Vec::new();
        }
        let other = |end, _| end == edge.target.0;
        if self.scope.any::<false>(source, Direction::Outbound, other) {
            return Vec::new();
        }
        let behind = self.take_out(source);
        let mut frontier = Vec::new();
        for node in &behind {
            let mut found = NOWHERE;
            self.scope.any::<false>(*node, Direction::Outbound, |end, _| {
                if self.next.get(at(end)).is_some_and(|next| *next != NOWHERE) {
                    found = end;
                }
                found != NOWHERE
            });
            if found != NOWHERE {
                self.settle(*node, found, &mut frontier);
            }
        }
        self.spread(frontier);
        let mut lost: Vec<NodeId> = behind.into_iter().map(NodeId).filter(|id| !self.reaches(*id)).collect();
        lost.sort_unstable();
        lost
    }

    fn usable(&self, edge: EdgeKey) -> bool {
        let inside = |id: NodeId| id.index() < self.next.len();
        let kind: EdgeKind = edge.kind;
        self.kinds.contains(kind) && inside(edge.source) && inside(edge.target)
    }

    /// Gives a node its way, unless it has one.
    fn settle(&mut self, node: u32, next: u32, frontier: &mut Vec<u32>) {
        if self.scope.blocked(node) {
            return;
        }
        if let Some(cell) = self.next.get_mut(at(node)).filter(|cell| **cell == NOWHERE) {
            *cell = next;
            self.reaching += 1;
            frontier.push(node);
        }
    }

    /// Gives a way to everything behind the frontier that has none; returns the frontier and what was added.
    fn spread(&mut self, mut frontier: Vec<u32>) -> Vec<NodeId> {
        let mut done = 0;
        while let Some(node) = frontier.get(done).copied() {
            done += 1;
            let mut new = Vec::new();
            self.scope.each::<false>(node, Direction::Inbound, |end, _| {
                if self.next.get(at(end)) == Some(&NOWHERE) {
                    new.push(end);
                }
            });
            for end in new {
                self.settle(end, node, &mut frontier);
            }
        }
        frontier.into_iter().map(NodeId).collect()
    }

    /// Takes the way from a node and from all whose way leads through it.
    fn take_out(&mut self, root: u32) -> Vec<u32> {
        let mut taken = vec![root];
        if let Some(cell) = self.next.get_mut(at(root)) {
            *cell = NOWHERE;
        }
        let mut done = 0;
        let (scope, next) = (&self.scope, &mut self.next);
        while let Some(node) = taken.get(done).copied() {
            done += 1;
            scope.each::<false>(node, Direction::Inbound, |end, _| {
                if let Some(cell) = next.get_mut(at(end)).filter(|cell| end != node && **cell == node) {
                    *cell = NOWHERE;
                    taken.push(end);
                }
            });
        }
        self.reaching -= taken.len();
        taken
    }
}
