//! The cost of the cheapest path between every node and a set, in one pass: Dijkstra's algorithm with Dial's buckets
//! (1969), since a hop costs at most 255. Edges that cost nothing are common (group membership) and stay in the bucket.

use crate::Error;
use crate::filter::{Direction, Filter, Scope};
use crate::ids::{NodeId, at};
use crate::limits::Limits;
use crate::reach::touch;
use crate::snapshot::Snapshot;

/// The distance of a node from which there is no path.
pub(crate) const FAR: u32 = u32::MAX;

/// Buckets: one more than the greatest cost of a hop.
const BUCKETS: usize = 256;

/// Nodes whose rows are touched together.
const BATCH: usize = 32;

/// What a path adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// The cost of its hops.
    #[default]
    Cost,
    /// The number of its hops.
    Hops,
}

/// The distance between every node and a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distances {
    pub(crate) distance: Vec<u32>,
    /// The set itself, sorted. Nodes outside may be at distance zero too: a member holds what its group holds.
    pub(crate) set: Vec<NodeId>,
}

impl Distances {
    /// The distance of a node: 0 inside the set and where hops there cost nothing, `None` where there is no path within the limits.
    #[must_use]
    pub fn get(&self, id: NodeId) -> Option<u32> {
        self.distance.get(id.index()).copied().filter(|distance| *distance != FAR)
    }

    /// True for a member of the set from which the distances were computed.
    #[must_use]
    pub fn in_set(&self, id: NodeId) -> bool {
        self.set.binary_search(&id).is_ok()
    }

    /// The nodes from which there is a path, with their distance.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, u32)> + '_ {
        let rows = self.distance.iter().enumerate().filter(|(_, distance)| **distance != FAR);
        rows.map(|(index, distance)| (NodeId::from_index(index), *distance))
    }

    #[inline]
    pub(crate) fn at(&self, node: u32) -> u32 {
        self.distance.get(at(node)).copied().unwrap_or(FAR)
    }
}

impl Snapshot {
    /// The distance of every node to a set (inbound) or from it (outbound).
    ///
    /// # Errors
    /// [`Error::UnknownNode`] for a member of the set that does not exist, [`Error::LimitReached`], [`Error::Stopped`].
    pub fn distances(
        &self,
        set: &[NodeId],
        direction: Direction,
        metric: Metric,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Distances, Error> {
        self.known(set)?;
        let mut scope = Scope::new(self, filter);
        if metric == Metric::Hops {
            scope.costs = [1; 256];
        }
        distances(&scope, set, direction, limits, None)
    }
}

/// The distances of a scope; with `until`, those of nodes no farther than that node, and upper bounds beyond.
pub(crate) fn distances(
    scope: &Scope<'_>,
    set: &[NodeId],
    direction: Direction,
    limits: &Limits<'_>,
    until: Option<NodeId>,
) -> Result<Distances, Error> {
    if scope.plain {
        dial::<true>(scope, set, direction, limits, until)
    } else {
        dial::<false>(scope, set, direction, limits, until)
    }
}

fn dial<const PLAIN: bool>(
    scope: &Scope<'_>,
    set: &[NodeId],
    direction: Direction,
    limits: &Limits<'_>,
    until: Option<NodeId>,
) -> Result<Distances, Error> {
    let mut members = set.to_vec();
    members.sort_unstable();
    members.dedup();
    let mut result = Distances { distance: vec![FAR; scope.bound()], set: members };
    let mut buckets: Vec<Vec<u32>> = vec![Vec::new(); BUCKETS];
    let mut waiting = 0_usize;
    for start in set {
        if let Some(cell) =
            result.distance.get_mut(start.index()).filter(|cell| **cell == FAR && !scope.blocked(start.0))
        {
            *cell = 0;
            waiting += 1;
            buckets[0].push(start.0);
        }
    }
    let (mut cost, mut settled) = (0_u32, 0_usize);
    let mut live: Vec<u32> = Vec::with_capacity(BATCH);
    while waiting > 0 && cost <= limits.max_cost {
        let slot = at(cost) % BUCKETS;
        let Some(mut bucket) = buckets.get_mut(slot).map(std::mem::take) else {
            break;
        };
        if bucket.is_empty() {
            cost += 1;
            continue;
        }
        limits.stopped()?;
        waiting -= bucket.len();
        for chunk in bucket.chunks(BATCH) {
            // A node that was reached more cheaply since it was put here has been settled already.
            live.clear();
            live.extend(chunk.iter().copied().filter(|node| result.at(*node) == cost));
            touch(scope, &live, direction);
            settled += live.len();
            for node in &live {
                scope.each::<PLAIN>(*node, direction, |end, class| {
                    let through = cost.saturating_add(scope.cost(class));
                    if let Some(cell) = result.distance.get_mut(at(end)).filter(|cell| through < **cell) {
                        *cell = through;
                        if let Some(bucket) = buckets.get_mut(at(through) % BUCKETS) {
                            bucket.push(end);
                            waiting += 1;
                        }
                    }
                });
            }
        }
        limits.nodes(settled)?;
        if until.is_some_and(|node| result.at(node.0) <= cost) {
            break;
        }
        if buckets.get(slot).is_some_and(Vec::is_empty) {
            // The bucket's memory is kept for the next cost that falls into it.
            bucket.clear();
            if let Some(slot) = buckets.get_mut(slot) {
                *slot = bucket;
            }
            cost += 1;
        }
    }
    if until.is_none() {
        // Nodes beyond the greatest cost were labelled and never settled: they count as not reached.
        result.distance.iter_mut().filter(|distance| **distance > limits.max_cost).for_each(|distance| *distance = FAR);
    }
    Ok(result)
}
