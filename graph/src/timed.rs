//! Paths that could be walked in the order of time: who is on a host now can only use the session that is there now or
//! comes later, never one that had ended before he came.
//!
//! The earliest arrival at every node, by Dijkstra's algorithm over time: to arrive earlier is never worse, since one can
//! wait (Wu et al., *Path Problems in Temporal Graphs*, VLDB 2014). What was observed binds at both ends of its
//! intervals. A right of the directory binds at its end alone: it held before a collector first saw it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hopwatch_model::{EdgeKind, Timestamp};
use rustc_hash::FxHashMap;

use crate::Error;
use crate::bits::Bits;
use crate::estate::{Edge, EdgeKey};
use crate::filter::{Filter, Scope};
use crate::ids::{EdgeId, NodeId};
use crate::limits::Limits;
use crate::paths::Path;
use crate::snapshot::{Hop, Snapshot};

/// A path with the times at which it can be walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedPath {
    /// The path.
    pub path: Path,
    /// The earliest time at which each of its hops is done.
    pub arrivals: Vec<Timestamp>,
}

/// From when until when a path may be walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When one is at the start.
    pub from: Timestamp,
    /// By when the end must be reached.
    pub until: Timestamp,
}

impl Snapshot {
    /// Of the paths from a node to one of a set, the one that can be walked first, and of those that end at the same time
    /// one with the fewest hops; none where no order of waiting and walking leads there within the window.
    ///
    /// Edges that have ended since are used too, as long as they held.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::EmptySet`], [`Error::LimitReached`], [`Error::Stopped`].
    pub fn earliest_path(
        &self,
        from: NodeId,
        to: &[NodeId],
        window: Window,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Option<TimedPath>, Error> {
        if to.is_empty() {
            return Err(Error::EmptySet { what: "the set of targets" });
        }
        self.known(&[from])?;
        self.known(to)?;
        let scope = Scope::new(self, filter);
        if scope.blocked(from.0) {
            return Ok(None);
        }
        let mut wanted = Bits::new(self.node_bound());
        to.iter().for_each(|id| {
            wanted.add(id.0);
        });
        let ended = self.ended(window, filter);
        let mut settled = Bits::new(self.node_bound());
        let mut came: FxHashMap<NodeId, (Arrival, Hop)> = FxHashMap::default();
        let mut open = BinaryHeap::from([Reverse((window.from, 0_u32, from))]);
        while let Some(Reverse((time, hops, node))) = open.pop() {
            if !settled.add(node.0) {
                continue;
            }
            if wanted.has(node.0) {
                return Ok(Some(back(&came, from, node)));
            }
            limits.stopped()?;
            limits.nodes(came.len())?;
            if hops >= u32::from(limits.max_depth) {
                continue;
            }
            let past = ended.get(&node).into_iter().flatten().copied();
            for hop in self.outgoing(node).chain(past) {
                let key = EdgeKey { source: node, kind: hop.kind, target: hop.target };
                let usable = filter.kinds.contains(hop.kind)
                    && !scope.blocked(hop.target.0)
                    && !settled.has(hop.target.0)
                    && !filter.without_edges.contains(&key);
                let Some(done) = usable.then(|| self.done(&hop, time)).flatten().filter(|done| *done <= window.until)
                else {
                    continue;
                };
                let arrival = (done, hops + 1);
                if came.get(&hop.target).is_none_or(|(known, _)| arrival < *known) {
                    came.insert(hop.target, (arrival, hop));
                    open.push(Reverse((done, hops + 1, hop.target)));
                }
            }
        }
        Ok(None)
    }

    /// The edges of the window that hold no longer, by their source. Few as a rule: sessions that ended.
    fn ended(&self, window: Window, filter: &Filter) -> FxHashMap<NodeId, Vec<Hop>> {
        let mut ended: FxHashMap<NodeId, Vec<Hop>> = FxHashMap::default();
        for (place, edge) in self.edges.iter().enumerate() {
            let EdgeKey { source, kind, target } = edge.key;
            let there = || self.contains(source) && self.contains(target);
            if !edge.held(self.as_of())
                && filter.kinds.contains(kind)
                && edge.intervals.iter().any(|held| held.from <= window.until && window.from < held.until)
                && there()
            {
                let hop = Hop { source, kind, target, cost: kind.cost(), edge: EdgeId::from_index(place) };
                ended.entry(source).or_default().push(hop);
            }
        }
        ended
    }

    /// The first time at or after `time` at which a hop can be done.
    fn done(&self, hop: &Hop, time: Timestamp) -> Option<Timestamp> {
        match self.edge(hop.edge) {
            Some(edge) => first_use(edge, time),
            None => Some(time),
        }
    }
}

/// Time and hops of an arrival: less is better.
type Arrival = (Timestamp, u32);

/// The first time at or after `time` at which an edge can be used.
fn first_use(edge: &Edge, time: Timestamp) -> Option<Timestamp> {
    let bound = observed(edge.key.kind);
    edge.intervals
        .iter()
        .filter(|interval| time < interval.until)
        .map(|interval| if bound { time.max(interval.from) } else { time })
        .next()
}

/// Kinds that hold only while they are seen.
fn observed(kind: EdgeKind) -> bool {
    matches!(
        kind,
        EdgeKind::HasSession
            | EdgeKind::LoggedOnFrom
            | EdgeKind::LogonTo
            | EdgeKind::ConnectedTo
            | EdgeKind::HasAddress
    )
}

fn back(came: &FxHashMap<NodeId, (Arrival, Hop)>, from: NodeId, end: NodeId) -> TimedPath {
    let (mut hops, mut arrivals) = (Vec::new(), Vec::new());
    let mut node = end;
    while let Some(((time, _), hop)) = came.get(&node).filter(|_| node != from) {
        hops.push(*hop);
        arrivals.push(*time);
        node = hop.source;
    }
    hops.reverse();
    arrivals.reverse();
    TimedPath { path: Path::new(from, hops), arrivals }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::NodeKind;
    use hopwatch_model::directory::DeltaKind;
    use proptest::prelude::*;

    use super::*;
    use crate::estate::Estate;
    use crate::estate::tests::{delta, edge, node};

    type Row = (u32, bool, u32, i64, i64);

    /// Edges as source, whether a session, target, start and length in seconds.
    fn estate(rows: &[Row]) -> Estate {
        let mut estate = Estate::default();
        let nodes = (0..NODES).map(|id| node(&format!("N{id}"), NodeKind::User, &[])).collect();
        estate.apply(&delta(0, DeltaKind::Merge, nodes, vec![]));
        for (source, session, target, start, length) in rows {
            let kind = if *session { EdgeKind::HasSession } else { EdgeKind::GenericAll };
            let row = edge(&format!("N{source}"), kind, &format!("N{target}"));
            estate.apply(&delta(*start, DeltaKind::Merge, vec![], vec![row]));
            let key = EdgeKey { source: NodeId(*source), kind, target: NodeId(*target) };
            let (id, _) = estate.edge_of(key).unwrap();
            if *length < 90 {
                estate.end_edge(id, Timestamp::from_secs(start + length));
            }
        }
        estate
    }

    const NODES: u32 = 12;

    fn window(from: i64, until: i64) -> Window {
        Window { from: Timestamp::from_secs(from), until: Timestamp::from_secs(until) }
    }

    fn arrival(estate: &Estate, from: u32, to: u32, window: Window) -> Option<(i64, usize)> {
        let snapshot = estate.snapshot(None);
        let found = snapshot
            .earliest_path(NodeId(from), &[NodeId(to)], window, &Filter::default(), &Limits::none())
            .unwrap()?;
        assert_eq!(found.arrivals.len(), found.path.hops.len());
        assert!(found.arrivals.is_sorted());
        let last = found.arrivals.last().copied().unwrap_or(window.from);
        Some((last.as_secs(), found.path.hops.len()))
    }

    #[test]
    fn a_session_that_comes_later_is_waited_for_and_an_edge_that_ends_too_early_is_not_used() {
        let estate = estate(&[(0, true, 1, 50, 100), (1, false, 2, 10, 100)]);
        assert_eq!(arrival(&estate, 0, 2, window(20, 1000)), Some((50, 2)));
        assert_eq!(arrival(&estate, 0, 2, window(20, 40)), None, "the session comes after the window");
        assert_eq!(arrival(&estate, 0, 2, window(60, 1000)), Some((60, 2)));
        assert_eq!(arrival(&estate, 2, 0, window(20, 1000)), None);
    }

    #[test]
    fn a_session_that_has_ended_since_counts_while_it_held() {
        let estate = estate(&[(0, true, 1, 50, 10)]);
        assert_eq!(arrival(&estate, 0, 1, window(20, 1000)), Some((50, 1)));
        assert_eq!(arrival(&estate, 0, 1, window(55, 1000)), Some((55, 1)));
        assert_eq!(arrival(&estate, 0, 1, window(60, 1000)), None);
    }

    #[test]
    fn a_right_that_a_collector_saw_late_counts_before() {
        let estate = estate(&[(0, false, 1, 50, 100)]);
        assert_eq!(arrival(&estate, 0, 1, window(20, 30)), Some((20, 1)));
    }

    proptest! {
        #[test]
        fn the_earliest_arrival_is_that_of_repeated_relaxation(
            rows in prop::collection::vec((0..NODES, any::<bool>(), 0..NODES, 1_i64..80, 1_i64..150), 0..50),
            from in 0..NODES, start in 0_i64..90
        ) {
            let unique: std::collections::BTreeMap<_, _> =
                rows.iter().map(|(source, session, target, start, length)| ((*source, *session, *target), (*start, *length))).collect();
            let rows: Vec<Row> = unique.into_iter().map(|((s, k, t), (start, length))| (s, k, t, start, length)).collect();
            let estate = estate(&rows);
            let mut known = [None; 12];
            known[usize::try_from(from).unwrap()] = Some(start);
            for _ in 0..NODES {
                for (source, session, target, begin, length) in &rows {
                    let Some(here) = known[usize::try_from(*source).unwrap()] else { continue };
                    let there = if *session { here.max(*begin) } else { here };
                    if *length < 90 && there >= begin + length {
                        continue;
                    }
                    let cell: &mut Option<i64> = &mut known[usize::try_from(*target).unwrap()];
                    *cell = Some(cell.map_or(there, |known| known.min(there)));
                }
            }
            for to in 0..NODES {
                let found = arrival(&estate, from, to, window(start, 1000)).map(|(time, _)| time);
                prop_assert_eq!(found, known[usize::try_from(to).unwrap()], "to {}", to);
            }
        }
    }
}
