//! Who reaches a set of nodes, or what it reaches, with the number of hops: a breadth-first search that switches its
//! direction where the frontier is broad (Beamer et al., SC 2012), and that touches the rows of several nodes before it
//! reads them, so that their cache misses overlap.

use crate::Error;
use crate::bits::Bits;
use crate::filter::{Direction, Filter, Scope};
use crate::ids::{NodeId, at, narrow};
use crate::limits::Limits;
use crate::snapshot::Snapshot;

/// The depth of a node that was not reached.
const UNREACHED: u16 = u16::MAX;

/// Nodes whose rows are touched together. More hides more latency until the touched lines fall out of the first cache.
const BATCH: usize = 32;

/// A frontier of more than this share of the nodes (1/n) is searched from the side of the nodes not yet reached.
const PULL_ABOVE: usize = 24;

/// What a search reached.
#[derive(Clone, Debug)]
pub struct Reach {
    depth: Vec<u16>,
    order: Vec<u32>,
}

impl Reach {
    /// The hops between a node and the nearest start: 0 for a start itself, `None` where it was not reached.
    #[must_use]
    pub fn depth(&self, id: NodeId) -> Option<u16> {
        self.depth.get(id.index()).copied().filter(|depth| *depth != UNREACHED)
    }

    /// True where the node was reached, or is a start.
    #[must_use]
    pub fn contains(&self, id: NodeId) -> bool {
        self.depth(id).is_some()
    }

    /// The nodes that were reached, starts included, by depth; equal input gives equal order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.order.iter().copied().map(NodeId)
    }

    /// How many nodes were reached, starts included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// True where there was no start.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

impl Snapshot {
    /// Who reaches `starts` (inbound), or what they reach (outbound).
    ///
    /// # Errors
    /// [`Error::UnknownNode`] for a start that does not exist, [`Error::LimitReached`], [`Error::Stopped`].
    pub fn reach(
        &self,
        starts: &[NodeId],
        direction: Direction,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Reach, Error> {
        self.known(starts)?;
        search_from(&Scope::new(self, filter), starts, direction, limits)
    }

    /// Refuses ids that no existing node has.
    pub(crate) fn known(&self, ids: &[NodeId]) -> Result<(), Error> {
        match ids.iter().find(|id| !self.contains(**id)) {
            Some(id) => Err(Error::UnknownNode { id: id.0.to_string() }),
            None => Ok(()),
        }
    }
}

/// The search of a scope that is made ready already.
pub(crate) fn search_from(
    scope: &Scope<'_>,
    starts: &[NodeId],
    direction: Direction,
    limits: &Limits<'_>,
) -> Result<Reach, Error> {
    if scope.plain {
        search::<true>(scope, starts, direction, limits)
    } else {
        search::<false>(scope, starts, direction, limits)
    }
}

fn search<const PLAIN: bool>(
    scope: &Scope<'_>,
    starts: &[NodeId],
    direction: Direction,
    limits: &Limits<'_>,
) -> Result<Reach, Error> {
    let bound = scope.bound();
    let mut state = State { reached: Bits::new(bound), depth: vec![UNREACHED; bound], order: Vec::new() };
    for start in starts {
        if !scope.blocked(start.0) && state.reached.add(start.0) {
            state.arrive(start.0, 0);
        }
    }
    let mut frontier = Bits::default();
    let (mut from, mut depth) = (0, 0_u16);
    while from < state.order.len() && depth < limits.max_depth {
        limits.stopped()?;
        limits.nodes(state.order.len())?;
        depth += 1;
        let until = state.order.len();
        if (until - from) > bound / PULL_ABOVE {
            if frontier.words().is_empty() {
                frontier = Bits::new(bound);
            }
            frontier.clear();
            for node in state.order.get(from..until).unwrap_or_default() {
                frontier.add(*node);
            }
            state.pull::<PLAIN>(scope, &frontier, direction.reversed(), depth);
        } else {
            state.push::<PLAIN>(scope, from..until, direction, depth);
        }
        from = until;
    }
    limits.nodes(state.order.len())?;
    Ok(Reach { depth: state.depth, order: state.order })
}

struct State {
    reached: Bits,
    depth: Vec<u16>,
    order: Vec<u32>,
}

impl State {
    #[inline]
    fn arrive(&mut self, node: u32, depth: u16) {
        if let Some(cell) = self.depth.get_mut(at(node)) {
            *cell = depth;
        }
        self.order.push(node);
    }

    /// From every node of the frontier to its neighbours.
    fn push<const PLAIN: bool>(
        &mut self,
        scope: &Scope<'_>,
        frontier: std::ops::Range<usize>,
        direction: Direction,
        depth: u16,
    ) {
        let mut batch = [0_u32; BATCH];
        let mut from = frontier.start;
        while from < frontier.end {
            let len = BATCH.min(frontier.end - from);
            if let (Some(batch), Some(nodes)) = (batch.get_mut(..len), self.order.get(from..from + len)) {
                batch.copy_from_slice(nodes);
            }
            let batch = batch.get(..len).unwrap_or_default();
            touch(scope, batch, direction);
            for node in batch {
                scope.each::<PLAIN>(*node, direction, |end, _| {
                    if self.reached.add(end) {
                        self.arrive(end, depth);
                    }
                });
            }
            from += len;
        }
    }

    /// From every node not yet reached back to the frontier: stops at the first edge that leads there.
    fn pull<const PLAIN: bool>(&mut self, scope: &Scope<'_>, frontier: &Bits, direction: Direction, depth: u16) {
        let bound = narrow(scope.bound());
        for word in 0..self.reached.words().len() {
            let mut open = !self.reached.words().get(word).copied().unwrap_or(u64::MAX);
            while open != 0 {
                let node = narrow(word * 64) + open.trailing_zeros();
                open &= open - 1;
                if node < bound
                    && !scope.blocked(node)
                    && scope.any::<PLAIN>(node, direction, |end, _| frontier.has(end))
                {
                    self.reached.add(node);
                    self.arrive(node, depth);
                }
            }
        }
    }
}

/// Reads the first entry of every row, so that the rows are under way when they are walked.
#[inline]
pub(crate) fn touch(scope: &Scope<'_>, nodes: &[u32], direction: Direction) {
    let mut sum = 0_u32;
    for node in nodes {
        let (ends, classes) = scope.row(*node, direction);
        sum ^= ends.first().copied().unwrap_or_default() ^ u32::from(classes.first().copied().unwrap_or_default());
    }
    std::hint::black_box(sum);
}
