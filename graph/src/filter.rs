//! What a search may use: edge kinds, and the nodes and edges that it must leave out or may assume.

use hopwatch_model::EdgeKind;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::bits::Bits;
use crate::estate::EdgeKey;
use crate::ids::NodeId;
use crate::kinds::KindMask;
use crate::snapshot::{Csr, NodeFlags, Snapshot};

/// Whether a path may pass through disabled accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disabled {
    /// It may: whoever controls a disabled account can often enable it.
    #[default]
    Pass,
    /// It may not.
    Block,
}

/// What a search may use.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The kinds of edges.
    pub kinds: KindMask,
    /// Nodes that no path may touch.
    pub without_nodes: Vec<NodeId>,
    /// Edges that no path may use.
    pub without_edges: Vec<EdgeKey>,
    /// Edges that are assumed beside those of the snapshot, at the default cost of their kind.
    pub with_edges: Vec<EdgeKey>,
    /// Whether paths pass through disabled accounts.
    pub disabled: Disabled,
}

impl Filter {
    /// Only these kinds of edges.
    #[must_use]
    pub fn of_kinds(kinds: KindMask) -> Self {
        Self { kinds, ..Self::default() }
    }

    /// True where only kinds are chosen: such a search runs at full speed.
    #[must_use]
    pub fn plain(&self) -> bool {
        self.without_nodes.is_empty()
            && self.without_edges.is_empty()
            && self.with_edges.is_empty()
            && self.disabled == Disabled::Pass
    }
}

/// Which way a search runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Against the edges: who reaches the start.
    Inbound,
    /// Along the edges: what the start reaches.
    Outbound,
}

/// A filter made ready for one snapshot.
pub(crate) struct Scope<'a> {
    pub(crate) csr: &'a Csr,
    pub(crate) allowed: [bool; 256],
    pub(crate) costs: [u8; 256],
    kind_of: Vec<EdgeKind>,
    blocked: Bits,
    cut: FxHashSet<(u32, EdgeKind, u32)>,
    cut_at: Bits,
    added_in: FxHashMap<u32, Vec<(u32, u8)>>,
    added_out: FxHashMap<u32, Vec<(u32, u8)>>,
    pub(crate) plain: bool,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, filter: &Filter) -> Self {
        let bound = snapshot.node_bound();
        let plain = filter.plain();
        let mut blocked = Bits::new(if plain { 0 } else { bound });
        for node in &filter.without_nodes {
            blocked.add(node.0);
        }
        if filter.disabled == Disabled::Block {
            for id in snapshot.nodes().filter(|id| !snapshot.flags(*id).has(NodeFlags::ENABLED)) {
                blocked.add(id.0);
            }
        }
        let mut cut_at = Bits::new(if filter.without_edges.is_empty() { 0 } else { bound });
        for edge in &filter.without_edges {
            cut_at.add(edge.target.0);
        }
        let mut scope = Self {
            csr: &snapshot.csr,
            allowed: snapshot.classes.allowed(filter.kinds),
            costs: snapshot.classes.costs(),
            kind_of: (0..=u8::MAX).map(|class| snapshot.classes.kind(class)).collect(),
            blocked,
            cut: filter.without_edges.iter().map(|edge| (edge.source.0, edge.kind, edge.target.0)).collect(),
            cut_at,
            added_in: FxHashMap::default(),
            added_out: FxHashMap::default(),
            plain,
        };
        for edge in filter.with_edges.iter().filter(|edge| filter.kinds.contains(edge.kind)) {
            if snapshot.contains(edge.source) && snapshot.contains(edge.target) {
                let class = edge.kind.index();
                scope.added_in.entry(edge.target.0).or_default().push((edge.source.0, class));
                scope.added_out.entry(edge.source.0).or_default().push((edge.target.0, class));
            }
        }
        scope
    }

    /// Makes ready for [`Self::assume`] and [`Self::exclude`].
    pub(crate) fn make_changeable(&mut self) {
        if self.plain {
            self.plain = false;
            self.blocked = Bits::new(self.bound());
        }
        if self.cut.is_empty() {
            self.cut_at = Bits::new(self.bound());
        }
    }

    /// Adds an edge, at the default cost of its kind; one that is there already stays as it is.
    pub(crate) fn assume(&mut self, edge: EdgeKey) {
        let (source, target) = (edge.source.0, edge.target.0);
        self.cut.remove(&(source, edge.kind, target));
        let known = |(end, class): &(u32, u8)| *end == target && self.kind(*class) == edge.kind;
        if self.allowed_edges(source).iter().any(known) {
            return;
        }
        self.added_in.entry(target).or_default().push((source, edge.kind.index()));
        self.added_out.entry(source).or_default().push((target, edge.kind.index()));
    }

    /// Takes an edge away.
    pub(crate) fn exclude(&mut self, edge: EdgeKey) {
        let (source, target) = (edge.source.0, edge.target.0);
        let class = edge.kind.index();
        if let Some(list) = self.added_in.get_mut(&target) {
            list.retain(|added| *added != (source, class));
        }
        if let Some(list) = self.added_out.get_mut(&source) {
            list.retain(|added| *added != (target, class));
        }
        self.cut.insert((source, edge.kind, target));
        self.cut_at.add(target);
    }

    /// The edges from a node, also to nodes that no path may touch.
    fn allowed_edges(&self, node: u32) -> Vec<(u32, u8)> {
        let (ends, classes) = self.row(node, Direction::Outbound);
        let own = ends.iter().copied().zip(classes.iter().copied());
        own.chain(self.added_out.get(&node).into_iter().flatten().copied()).collect()
    }

    pub(crate) fn bound(&self) -> usize {
        self.csr.forward_offsets.len().saturating_sub(1)
    }

    /// True where no path may touch the node.
    pub(crate) fn blocked(&self, node: u32) -> bool {
        !self.plain && self.blocked.has(node)
    }

    /// The row of a node in the direction of a search, and the classes of its edges, without exclusions.
    #[inline]
    pub(crate) fn row(&self, node: u32, direction: Direction) -> (&'a [u32], &'a [u8]) {
        let (range, ends, classes) = match direction {
            Direction::Inbound => (self.csr.inward(node), &self.csr.source, &self.csr.reverse_class),
            Direction::Outbound => (self.csr.outward(node), &self.csr.target, &self.csr.forward_class),
        };
        (ends.get(range.clone()).unwrap_or_default(), classes.get(range).unwrap_or_default())
    }

    /// Calls `visit` with the other end and the class of every edge of the node that the search may use, until it returns
    /// true; returns whether it did.
    #[inline]
    pub(crate) fn any<const PLAIN: bool>(
        &self,
        node: u32,
        direction: Direction,
        mut visit: impl FnMut(u32, u8) -> bool,
    ) -> bool {
        let (ends, classes) = self.row(node, direction);
        for (end, class) in ends.iter().zip(classes) {
            if self.allowed[usize::from(*class)]
                && (PLAIN || self.admits(node, *end, *class, direction))
                && visit(*end, *class)
            {
                return true;
            }
        }
        !PLAIN && self.any_added(node, direction, visit)
    }

    /// Calls `visit` with the other end and the class of every edge of the node that the search may use.
    #[inline]
    pub(crate) fn each<const PLAIN: bool>(&self, node: u32, direction: Direction, mut visit: impl FnMut(u32, u8)) {
        self.any::<PLAIN>(node, direction, |end, class| {
            visit(end, class);
            false
        });
    }

    /// As [`Self::each`], where speed does not matter.
    pub(crate) fn edges(&self, node: u32, direction: Direction) -> Vec<(u32, u8)> {
        let mut edges = Vec::new();
        self.each::<false>(node, direction, |end, class| edges.push((end, class)));
        edges
    }

    pub(crate) fn kind(&self, class: u8) -> EdgeKind {
        self.kind_of.get(usize::from(class)).copied().unwrap_or(EdgeKind::CustomEdge)
    }

    #[inline]
    pub(crate) fn cost(&self, class: u8) -> u32 {
        u32::from(self.costs[usize::from(class)])
    }

    fn admits(&self, node: u32, end: u32, class: u8, direction: Direction) -> bool {
        if self.blocked.has(end) {
            return false;
        }
        let (source, target) = match direction {
            Direction::Inbound => (end, node),
            Direction::Outbound => (node, end),
        };
        !self.cut_at.has(target) || !self.cut.contains(&(source, self.kind(class), target))
    }

    fn any_added(&self, node: u32, direction: Direction, mut visit: impl FnMut(u32, u8) -> bool) -> bool {
        let added = match direction {
            Direction::Inbound => self.added_in.get(&node),
            Direction::Outbound => self.added_out.get(&node),
        };
        added
            .into_iter()
            .flatten()
            .any(|(end, class)| self.admits(node, *end, *class, direction) && visit(*end, *class))
    }
}

impl Direction {
    /// The other way.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Inbound => Self::Outbound,
            Self::Outbound => Self::Inbound,
        }
    }
}
