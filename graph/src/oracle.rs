//! Random graphs against slow and obvious references: petgraph's algorithms on the same view.

use std::collections::BTreeSet;

use hopwatch_model::{EdgeKind, NodeKind};
use petgraph::visit::{Bfs, Reversed};
use proptest::prelude::*;

use crate::distance::Metric;
use crate::estate::EdgeKey;
use crate::exposure::Share;
use crate::filter::{Direction, Filter};
use crate::ids::NodeId;
use crate::kinds::KindMask;
use crate::limits::Limits;
use crate::snapshot::{EdgeList, Snapshot};

/// Kinds with costs of 0, small, large, and one that no path may use.
const KINDS: &[EdgeKind] =
    &[EdgeKind::MemberOf, EdgeKind::AdminTo, EdgeKind::HasSession, EdgeKind::GenericAll, EdgeKind::GetChanges];

pub(crate) type Edges = Vec<(u32, usize, u32)>;

/// Edges between `nodes` nodes: source, place in [`KINDS`], target.
pub(crate) fn edges(nodes: u32, most: usize) -> impl Strategy<Value = Edges> {
    prop::collection::vec((0..nodes, 0..KINDS.len(), 0..nodes), 0..most)
}

pub(crate) fn graph(nodes: u32, edges: &Edges, zone: &[NodeId]) -> Snapshot {
    let mut list = EdgeList::default();
    let unique: BTreeSet<_> = edges.iter().copied().collect();
    for (source, kind, target) in unique {
        list.push(NodeId(source), KINDS[kind], NodeId(target), 1, 2);
    }
    let kinds = (0..nodes).map(|id| if id % 3 == 0 { NodeKind::Group } else { NodeKind::User }).collect();
    list.into_snapshot(kinds, zone)
}

pub(crate) fn key((source, kind, target): &(u32, usize, u32)) -> EdgeKey {
    EdgeKey { source: NodeId(*source), kind: KINDS[*kind], target: NodeId(*target) }
}

fn all(snapshot: &Snapshot) -> Vec<NodeId> {
    snapshot.nodes().collect()
}

proptest! {
    #[test]
    fn distances_are_those_of_dijkstra(edges in edges(40, 160), target in 0_u32..40) {
        let snapshot = graph(40, &edges, &[]);
        let view = snapshot.view(KindMask::traversable());
        let expected = petgraph::algo::dijkstra(Reversed(view), NodeId(target), None, |edge| u32::from(petgraph::visit::EdgeRef::weight(&edge).cost));
        let found = snapshot.distances(&[NodeId(target)], Direction::Inbound, Metric::Cost, &Filter::default(), &Limits::none()).unwrap();
        for id in all(&snapshot) {
            prop_assert_eq!(found.get(id), expected.get(&id).copied(), "{:?}", id);
            let path = snapshot.cheapest_path(id, &[NodeId(target)], Metric::Cost, &Filter::default(), &Limits::none()).unwrap();
            prop_assert_eq!(path.as_ref().map(|path| path.cost), expected.get(&id).copied());
            if let Some(path) = path {
                prop_assert_eq!(path.end(), NodeId(target));
                prop_assert!(path.hops.windows(2).all(|pair| pair[0].target == pair[1].source));
                let distinct: BTreeSet<NodeId> = path.nodes().collect();
                prop_assert_eq!(distinct.len(), path.hops.len() + 1, "no node twice");
            }
        }
    }

    #[test]
    fn reach_and_depth_are_those_of_a_breadth_first_search(edges in edges(300, 900), starts in prop::collection::vec(0_u32..300, 1..4), inbound: bool) {
        let snapshot = graph(300, &edges, &[]);
        let starts: Vec<NodeId> = starts.into_iter().map(NodeId).collect();
        let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
        let found = snapshot.reach(&starts, direction, &Filter::default(), &Limits::none()).unwrap();
        let hops = snapshot.distances(&starts, direction, Metric::Hops, &Filter::default(), &Limits::none()).unwrap();
        let view = snapshot.view(KindMask::traversable());
        let mut expected = BTreeSet::new();
        for start in &starts {
            if inbound {
                let mut bfs = Bfs::new(Reversed(view), *start);
                while let Some(id) = bfs.next(Reversed(view)) { expected.insert(id); }
            } else {
                let mut bfs = Bfs::new(view, *start);
                while let Some(id) = bfs.next(view) { expected.insert(id); }
            }
        }
        prop_assert_eq!(found.nodes().collect::<BTreeSet<_>>(), expected.clone());
        prop_assert_eq!(found.len(), expected.len());
        for id in all(&snapshot) {
            prop_assert_eq!(found.depth(id).map(u32::from), hops.get(id));
        }
    }

    #[test]
    fn exclusions_and_assumptions_equal_a_graph_without_and_with_them(
        edges in edges(60, 200), added in edges(60, 6), cut in prop::collection::vec(any::<prop::sample::Index>(), 0..20), gone in prop::collection::vec(0_u32..60, 0..6)
    ) {
        let snapshot = graph(60, &edges, &[]);
        let unique: Vec<_> = edges.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let cut: BTreeSet<_> = if unique.is_empty() { BTreeSet::new() } else { cut.iter().map(|index| *index.get(&unique)).collect() };
        let added: Edges = added.into_iter().filter(|edge| !cut.contains(edge)).collect();
        let filter = Filter {
            without_nodes: gone.iter().copied().map(NodeId).collect(),
            without_edges: cut.iter().map(key).collect(),
            with_edges: added.iter().map(key).collect(),
            ..Filter::default()
        };
        let kept = unique.iter().chain(&added).filter(|edge| !cut.contains(*edge) && !gone.contains(&edge.0) && !gone.contains(&edge.2));
        let changed = graph(60, &kept.copied().collect(), &[]);
        let target = NodeId(59);
        prop_assume!(!gone.contains(&59));
        for direction in [Direction::Inbound, Direction::Outbound] {
            let ours = snapshot.reach(&[target], direction, &filter, &Limits::none()).unwrap();
            let theirs = changed.reach(&[target], direction, &Filter::default(), &Limits::none()).unwrap();
            let costs = snapshot.distances(&[target], direction, Metric::Cost, &filter, &Limits::none()).unwrap();
            let expected = changed.distances(&[target], direction, Metric::Cost, &Filter::default(), &Limits::none()).unwrap();
            prop_assert_eq!(costs, expected);
            for id in all(&snapshot) {
                prop_assert_eq!(ours.depth(id), theirs.depth(id));
            }
        }
    }

    #[test]
    fn exposure_and_impact_count_what_single_searches_reach(edges in edges(200, 700), sets in prop::collection::vec(prop::collection::vec(0_u32..200, 1..3), 1..70)) {
        let zone = [NodeId(3), NodeId(7)];
        let snapshot = graph(200, &edges, &zone);
        let sets: Vec<Vec<NodeId>> = sets.into_iter().map(|set| set.into_iter().map(NodeId).collect()).collect();
        let slices: Vec<&[NodeId]> = sets.iter().map(Vec::as_slice).collect();
        let found = [
            (Direction::Inbound, snapshot.exposure(&slices, &Filter::default(), &Limits::none()).unwrap()),
            (Direction::Outbound, snapshot.impact(&slices, &Filter::default(), &Limits::none()).unwrap()),
        ];
        for (direction, shares) in found {
            prop_assert_eq!(shares.len(), sets.len());
            for (set, share) in sets.iter().zip(shares) {
                let reach = snapshot.reach(set, direction, &Filter::default(), &Limits::none()).unwrap();
                let others: Vec<NodeId> = reach.nodes().filter(|id| !set.contains(id)).collect();
                let count = |test: &dyn Fn(NodeId) -> bool| others.iter().filter(|id| test(**id)).map(|_| 1).sum::<u64>();
                let own = set.iter().copied().collect::<BTreeSet<_>>().into_iter().filter(|id| snapshot.flags(*id).principal()).map(|_| 1).sum::<u64>();
                prop_assert_eq!(share, Share {
                    nodes: count(&|_| true),
                    principals: count(&|id| snapshot.flags(id).principal()),
                    tier_zero: count(&|id| zone.contains(&id)),
                    of_principals: snapshot.principal_count() - own,
                });
            }
        }
    }

    #[test]
    fn the_subgraph_holds_every_cheapest_path_and_nothing_else(edges in edges(14, 40), from in 0_u32..14) {
        let snapshot = graph(14, &edges, &[]);
        let (from, to) = (NodeId(from), NodeId(13));
        let found = snapshot.cheapest_subgraph(from, &[to], Metric::Hops, &Filter::default(), &Limits::none()).unwrap();
        let down = snapshot.distances(&[from], Direction::Outbound, Metric::Hops, &Filter::default(), &Limits::none()).unwrap();
        let up = snapshot.distances(&[to], Direction::Inbound, Metric::Hops, &Filter::default(), &Limits::none()).unwrap();
        let mut expected = BTreeSet::new();
        if let Some(total) = up.get(from) {
            for id in all(&snapshot) {
                for hop in snapshot.outgoing(id).filter(|hop| hop.kind.traversable()) {
                    if let (Some(before), Some(after)) = (down.get(hop.source), up.get(hop.target))
                        && before + 1 + after == total
                    {
                        expected.insert(hop);
                    }
                }
            }
        }
        prop_assert_eq!(found.hops.into_iter().collect::<BTreeSet<_>>(), expected);
        prop_assert!(!found.truncated);
    }
}

#[test]
fn a_query_stops_at_its_limits() {
    let edges: Edges = (0..99).map(|id| (id, 1, id + 1)).collect();
    let snapshot = graph(100, &edges, &[]);
    let few = Limits { max_nodes: 10, ..Limits::none() };
    let near = Limits { max_depth: 5, ..Limits::none() };
    let cheap = Limits { max_cost: 20, ..Limits::none() };
    let stopped = Limits { stop: Some(&|| true), ..Limits::none() };
    let reach = |limits| snapshot.reach(&[NodeId(99)], Direction::Inbound, &Filter::default(), &limits);
    assert_eq!(reach(few).unwrap_err(), crate::Error::LimitReached { what: "nodes", limit: 10 });
    assert_eq!(reach(stopped).unwrap_err(), crate::Error::Stopped);
    assert_eq!(reach(near).unwrap().len(), 6);
    let path = |limits| snapshot.cheapest_path(NodeId(0), &[NodeId(99)], Metric::Cost, &Filter::default(), &limits);
    assert_eq!(path(cheap).unwrap(), None);
    assert_eq!(path(Limits::none()).unwrap().unwrap().hops.len(), 99);
    let near = snapshot.distances(&[NodeId(99)], Direction::Inbound, Metric::Cost, &Filter::default(), &cheap).unwrap();
    assert_eq!(near.iter().count(), 5, "each hop costs five");
    let unknown = snapshot.reach(&[NodeId(100)], Direction::Inbound, &Filter::default(), &Limits::none());
    assert_eq!(unknown.unwrap_err(), crate::Error::UnknownNode { id: "100".into() });
}

#[test]
fn a_path_passes_its_stops_in_order() {
    let snapshot = graph(6, &vec![(0, 1, 1), (1, 1, 2), (2, 0, 3), (0, 0, 3), (3, 0, 1)], &[]);
    let path = |stops: &[u32]| {
        let stops: Vec<NodeId> = stops.iter().copied().map(NodeId).collect();
        let found = snapshot.path_through(&stops, Metric::Cost, &Filter::default(), &Limits::none()).unwrap();
        found.map(|path| path.nodes().map(|id| id.0).collect::<Vec<_>>())
    };
    assert_eq!(path(&[0, 3]), Some(vec![0, 3]));
    assert_eq!(path(&[0, 2, 3]), Some(vec![0, 3, 1, 2, 3]));
    assert_eq!(path(&[0, 5]), None);
}
