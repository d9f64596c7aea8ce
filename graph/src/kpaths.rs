//! The k cheapest paths that visit no node twice: Yen's algorithm (1971) with Lawler's restriction of the spurs, each spur
//! searched by A* with the exact distances to the target as potentials, which one reverse pass gives for all. Paths that
//! differ only in the kind of a hop count as one: the cheapest kind stands for it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::Error;
use crate::distance::{Distances, FAR, Metric, distances};
use crate::filter::{Direction, Filter, Scope};
use crate::ids::NodeId;
use crate::limits::Limits;
use crate::paths::{Path, hop, scope_of};
use crate::snapshot::Snapshot;

/// The most paths of a query.
pub const MAX_PATHS: usize = 1000;

impl Snapshot {
    /// The `k` cheapest paths from a node to the nearest of a set, cheapest first; fewer where there are no more.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::EmptySet`], [`Error::OutOfRange`] for more than [`MAX_PATHS`],
    /// [`Error::LimitReached`] where a spur touches too many nodes, [`Error::Stopped`].
    pub fn cheapest_paths(
        &self,
        from: NodeId,
        to: &[NodeId],
        k: usize,
        metric: Metric,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Vec<Path>, Error> {
        if to.is_empty() {
            return Err(Error::EmptySet { what: "the set of targets" });
        }
        self.known(to)?;
        let unbounded = Limits { max_nodes: usize::MAX, ..*limits };
        let found = distances(&scope_of(self, metric, filter), to, Direction::Inbound, &unbounded, None)?;
        self.cheapest_paths_along(&found, from, k, metric, filter, limits)
    }

    /// The `k` cheapest paths along distances to the set that were computed before, by the same filter and metric: the
    /// one pass that [`Self::cheapest_paths`] repeats for every start.
    ///
    /// # Errors
    /// As [`Self::cheapest_paths`].
    pub fn cheapest_paths_along(
        &self,
        distances: &Distances,
        from: NodeId,
        k: usize,
        metric: Metric,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Vec<Path>, Error> {
        self.known(&[from])?;
        if k > MAX_PATHS {
            let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
            return Err(Error::OutOfRange { what: "the number of paths", limit: wide(MAX_PATHS), got: wide(k) });
        }
        let scope = scope_of(self, metric, filter);
        if k == 0 || scope.blocked(from.0) || distances.at(from.0) == FAR {
            return Ok(Vec::new());
        }
        let search = Search { scope: &scope, distances, limits };
        let routes = search.yen(from.0, k)?;
        Ok(routes.iter().map(|route| self.path_of(&scope, route)).collect())
    }

    fn path_of(&self, scope: &Scope<'_>, route: &Route) -> Path {
        let pairs = route.nodes.iter().zip(route.nodes.iter().skip(1)).zip(&route.classes);
        let hops = pairs.map(|((source, target), class)| hop(self, scope, NodeId(*source), NodeId(*target), *class));
        let start = NodeId(route.nodes.first().copied().unwrap_or(u32::MAX));
        Path::new(start, hops.collect())
    }
}

/// A path under search: its cost by the metric, its nodes, the classes of its hops, and where it left its parent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    cost: u32,
    hops: usize,
    nodes: Vec<u32>,
    classes: Vec<u8>,
    left_at: usize,
}

struct Search<'a, 'b> {
    scope: &'a Scope<'b>,
    distances: &'a Distances,
    limits: &'a Limits<'a>,
}

impl Search<'_, '_> {
    fn yen(&self, from: u32, k: usize) -> Result<Vec<Route>, Error> {
        let mut routes: Vec<Route> = Vec::new();
        let mut candidates: BTreeSet<Route> = BTreeSet::new();
        let mut known: FxHashSet<Vec<u32>> = FxHashSet::default();
        let start = Route { cost: 0, hops: 0, nodes: vec![from], classes: Vec::new(), left_at: 0 };
        if let Some(route) = self.spur(&start, 0, &FxHashSet::default(), self.limits.max_cost)? {
            candidates.insert(route);
        }
        while let Some(route) = candidates.pop_first() {
            if !known.insert(route.nodes.clone()) {
                continue;
            }
            routes.push(route.clone());
            if routes.len() == k {
                break;
            }
            for at in route.left_at..route.classes.len() {
                self.limits.stopped()?;
                let missing = k - routes.len();
                while candidates.len() > missing {
                    candidates.pop_last();
                }
                let dearest = candidates.last().filter(|_| candidates.len() == missing);
                let bound = dearest.map_or(self.limits.max_cost, |route| route.cost.min(self.limits.max_cost));
                candidates.extend(self.spur(&route, at, &taken(&routes, &route, at), bound)?);
            }
        }
        Ok(routes)
    }

    /// The cheapest way on from place `at` of a route, without the nodes before it and the next nodes `taken`; none that
    /// costs more than `bound` altogether.
    fn spur(&self, route: &Route, at: usize, taken: &FxHashSet<u32>, bound: u32) -> Result<Option<Route>, Error> {
        let root = route.nodes.get(..at).unwrap_or_default();
        let Some(start) = route.nodes.get(at).copied() else {
            return Ok(None);
        };
        let classes = route.classes.get(..at).unwrap_or_default();
        let spent: u32 = classes.iter().map(|class| self.scope.cost(*class)).sum();
        let mut best: FxHashMap<u32, (u32, u32, u8)> = FxHashMap::default();
        let mut heap = BinaryHeap::new();
        best.insert(start, (spent, start, 0));
        heap.push(Reverse((spent.saturating_add(self.distances.at(start)), self.distances.at(start), start, spent)));
        while let Some(Reverse((_, _, node, cost))) = heap.pop() {
            if best.get(&node).is_some_and(|(known, _, _)| *known < cost) {
                continue;
            }
            if self.distances.in_set(NodeId(node)) {
                return Ok(Some(self.join(route, at, &best, start, node, cost)));
            }
            self.limits.nodes(best.len())?;
            self.scope.each::<false>(node, Direction::Outbound, |end, class| {
                let rest = self.distances.at(end);
                let through = cost.saturating_add(self.scope.cost(class));
                let whole = through.saturating_add(rest);
                if rest == FAR || whole > bound || root.contains(&end) || (node == start && taken.contains(&end)) {
                    return;
                }
                if best.get(&end).is_none_or(|(known, _, _)| through < *known) {
                    best.insert(end, (through, node, class));
                    heap.push(Reverse((whole, rest, end, through)));
                }
            });
        }
        Ok(None)
    }

    fn join(
        &self,
        route: &Route,
        at: usize,
        best: &FxHashMap<u32, (u32, u32, u8)>,
        start: u32,
        end: u32,
        cost: u32,
    ) -> Route {
        let (mut nodes, mut classes) = (Vec::new(), Vec::new());
        let mut node = end;
        while node != start {
            let Some((_, before, class)) = best.get(&node) else {
                break;
            };
            nodes.push(node);
            classes.push(*class);
            node = *before;
        }
        nodes.reverse();
        classes.reverse();
        let nodes = [route.nodes.get(..=at).unwrap_or_default(), &nodes].concat();
        let classes = [route.classes.get(..at).unwrap_or_default(), &classes].concat();
        Route { cost, hops: classes.len(), nodes, classes, left_at: at }
    }
}

/// The nodes to which routes with the same beginning went on.
fn taken(routes: &[Route], route: &Route, at: usize) -> FxHashSet<u32> {
    let root = route.nodes.get(..=at);
    let same = routes.iter().filter(|other| other.nodes.get(..=at) == root);
    same.filter_map(|other| other.nodes.get(at + 1)).copied().collect()
}
