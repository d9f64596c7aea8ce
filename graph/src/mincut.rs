//! The fewest edges whose removal cuts sources off from a set: a minimum cut with one unit for every edge, by Dinic's
//! algorithm (1970). Kinds that are facts and cannot be removed count as unbounded.

use hopwatch_model::EdgeKind;
use rustc_hash::FxHashMap;

use crate::Error;
use crate::bits::Bits;
use crate::filter::{Direction, Filter, Scope};
use crate::ids::{NodeId, at};
use crate::kinds::KindMask;
use crate::limits::Limits;
use crate::paths::hop;
use crate::snapshot::{Hop, Snapshot};

/// The level of a node from which the set cannot be reached any more.
const NONE: u32 = u32::MAX;

/// A minimum cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MinCut {
    /// Its edges, sorted. Of several minimum cuts, the one nearest to the set.
    pub edges: Vec<Hop>,
}

impl KindMask {
    /// The kinds that no change of the directory removes: what their remediation says in the table of kinds.
    #[must_use]
    pub fn fixed() -> Self {
        EdgeKind::ALL.iter().copied().filter(|kind| kind.remediation().starts_with("none")).collect()
    }
}

impl Snapshot {
    /// The fewest edges whose removal cuts every source off from the set. Sources inside the set are left out. Edges of the
    /// kinds `fixed` are never part of the cut.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::EmptySet`], [`Error::LimitReached`] where the cut needs more than `most` edges, or
    /// no cut is possible without a fixed one; [`Error::Stopped`].
    pub fn min_cut(
        &self,
        sources: &[NodeId],
        set: &[NodeId],
        fixed: KindMask,
        most: usize,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<MinCut, Error> {
        if sources.is_empty() || set.is_empty() {
            return Err(Error::EmptySet { what: "the set of sources or targets" });
        }
        self.known(sources)?;
        self.known(set)?;
        let scope = Scope::new(self, filter);
        let mut target = Bits::new(self.node_bound());
        let members = set.iter().filter(|id| !scope.blocked(id.0)).map(|id| id.0).collect::<Vec<_>>();
        for id in &members {
            target.add(*id);
        }
        let mut sources: Vec<u32> =
            sources.iter().map(|id| id.0).filter(|id| !target.has(*id) && !scope.blocked(*id)).collect();
        sources.sort_unstable();
        sources.dedup();
        let mut flow = Flow {
            scope: &scope,
            fixed: (0..=u8::MAX).map(|class| fixed.contains(scope.kind(class))).collect(),
            target,
            level: vec![NONE; self.node_bound()],
            units: FxHashMap::default(),
            out: FxHashMap::default(),
            total: 0,
        };
        loop {
            limits.stopped()?;
            flow.levels(&members);
            if sources.iter().all(|source| flow.level(*source) == NONE) {
                break;
            }
            flow.augment(&sources, most)?;
        }
        let crossing = flow.units.keys().filter(|(from, to, _)| flow.level(*from) == NONE && flow.level(*to) != NONE);
        let mut edges: Vec<Hop> =
            crossing.map(|(from, to, class)| hop(self, &scope, NodeId(*from), NodeId(*to), *class)).collect();
        edges.sort_unstable();
        Ok(MinCut { edges })
    }
}

/// An arc of the residual graph: where it leads, the class of its edge, and whether it takes a unit back.
type Arc = (u32, u8, bool);

struct Flow<'a, 'b> {
    scope: &'a Scope<'b>,
    fixed: Vec<bool>,
    target: Bits,
    /// Arcs to the set.
    level: Vec<u32>,
    /// Units on an edge: source, target, class.
    units: FxHashMap<(u32, u32, u8), u32>,
    /// The edges with units from a node.
    out: FxHashMap<u32, Vec<(u32, u8)>>,
    total: usize,
}

impl Flow<'_, '_> {
    fn level(&self, node: u32) -> u32 {
        self.level.get(at(node)).copied().unwrap_or(NONE)
    }

    fn open(&self, from: u32, to: u32, class: u8) -> bool {
        self.fixed.get(usize::from(class)) == Some(&true) || !self.units.contains_key(&(from, to, class))
    }

    /// Breadth first from the set against the arcs of the residual graph.
    fn levels(&mut self, members: &[u32]) {
        self.level.fill(NONE);
        let mut queue = members.to_vec();
        for member in members {
            if let Some(level) = self.level.get_mut(at(*member)) {
                *level = 0;
            }
        }
        let mut done = 0;
        while let Some(node) = queue.get(done).copied() {
            done += 1;
            let next = self.level(node) + 1;
            let mut found = Vec::new();
            self.scope.each::<false>(node, Direction::Inbound, |from, class| {
                if self.level(from) == NONE && self.open(from, node, class) {
                    found.push(from);
                }
            });
            // An edge from here that carries a unit is an arc back to here.
            found.extend(self.out.get(&node).into_iter().flatten().map(|(to, _)| *to));
            for from in found {
                if let Some(level) = self.level.get_mut(at(from)).filter(|level| **level == NONE) {
                    *level = next;
                    queue.push(from);
                }
            }
        }
    }

    /// Sends units along arcs that lead one level nearer, until none is left.
    fn augment(&mut self, sources: &[u32], most: usize) -> Result<(), Error> {
        let mut arcs: FxHashMap<u32, Vec<Arc>> = FxHashMap::default();
        for source in sources {
            while let Some(way) = self.way(*source, &mut arcs) {
                self.total += 1;
                if self.total > most {
                    let limit = u64::try_from(most).unwrap_or(u64::MAX);
                    return Err(Error::LimitReached { what: "edges of the cut", limit });
                }
                self.send(*source, &way, &mut arcs);
            }
        }
        Ok(())
    }

    /// Depth first from a source; arcs that lead nowhere are dropped for the rest of the phase.
    fn way(&self, source: u32, arcs: &mut FxHashMap<u32, Vec<Arc>>) -> Option<Vec<Arc>> {
        if self.level(source) == NONE {
            return None;
        }
        let mut way: Vec<Arc> = Vec::new();
        let mut node = source;
        while !self.target.has(node) {
            let open = arcs.entry(node).or_insert_with(|| self.nearer(node));
            if let Some(arc) = open.last() {
                way.push(*arc);
                node = arc.0;
                continue;
            }
            // A dead end: the arc that led here is dropped.
            way.pop()?;
            node = way.last().map_or(source, |arc| arc.0);
            if let Some(open) = arcs.get_mut(&node) {
                open.pop();
            }
        }
        Some(way)
    }

    fn nearer(&self, node: u32) -> Vec<Arc> {
        let below = self.level(node).checked_sub(1);
        let leads = |to: u32| Some(self.level(to)) == below;
        let mut arcs = Vec::new();
        self.scope.each::<false>(node, Direction::Outbound, |to, class| {
            if leads(to) && self.open(node, to, class) {
                arcs.push((to, class, false));
            }
        });
        // A unit that came in here can be taken back.
        self.scope.each::<false>(node, Direction::Inbound, |from, class| {
            if leads(from) && self.units.contains_key(&(from, node, class)) {
                arcs.push((from, class, true));
            }
        });
        arcs
    }

    fn send(&mut self, source: u32, way: &[Arc], arcs: &mut FxHashMap<u32, Vec<Arc>>) {
        let mut node = source;
        for (to, class, back) in way {
            let fixed = self.fixed.get(usize::from(*class)) == Some(&true);
            let spent = if *back {
                self.take(*to, node, *class)
            } else {
                self.put(node, *to, *class);
                !fixed
            };
            if spent && let Some(open) = arcs.get_mut(&node) {
                open.pop();
            }
            node = *to;
        }
    }

    /// Puts a unit on an edge.
    fn put(&mut self, from: u32, to: u32, class: u8) {
        let units = self.units.entry((from, to, class)).or_default();
        *units += 1;
        if *units == 1 {
            self.out.entry(from).or_default().push((to, class));
        }
    }

    /// Takes a unit off an edge; true where none is left.
    fn take(&mut self, from: u32, to: u32, class: u8) -> bool {
        let Some(units) = self.units.get_mut(&(from, to, class)) else {
            return true;
        };
        *units -= 1;
        if *units > 0 {
            return false;
        }
        self.units.remove(&(from, to, class));
        if let Some(list) = self.out.get_mut(&from) {
            list.retain(|edge| *edge != (to, class));
        }
        true
    }
}
