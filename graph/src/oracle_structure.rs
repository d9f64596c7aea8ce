//! Structure of random graphs against references: components, dominators, choke points, cuts, k cheapest paths, upkeep.

use std::collections::{BTreeMap, BTreeSet};

use hopwatch_model::EdgeKind;
use petgraph::visit::{EdgeRef, IntoEdges};
use proptest::prelude::*;

use crate::distance::Metric;
use crate::estate::EdgeKey;
use crate::filter::{Direction, Filter};
use crate::ids::NodeId;
use crate::kinds::KindMask;
use crate::limits::Limits;
use crate::oracle::{Edges, edges, graph, key};
use crate::snapshot::Snapshot;
use crate::upkeep::Upkeep;

fn reached_without(snapshot: &Snapshot, set: &[NodeId], nodes: &[NodeId], edges: Vec<EdgeKey>) -> BTreeSet<NodeId> {
    let filter = Filter { without_nodes: nodes.to_vec(), without_edges: edges, ..Filter::default() };
    snapshot.reach(set, Direction::Inbound, &filter, &Limits::none()).unwrap().nodes().collect()
}

/// Simple paths to the target by the cheapest edge of each pair, by enumeration.
fn all_paths(snapshot: &Snapshot, from: NodeId, to: NodeId) -> Vec<(u32, Vec<NodeId>)> {
    fn walk(snapshot: &Snapshot, path: &mut Vec<NodeId>, cost: u32, to: NodeId, found: &mut Vec<(u32, Vec<NodeId>)>) {
        let here = *path.last().unwrap();
        if here == to {
            found.push((cost, path.clone()));
            return;
        }
        let mut next: BTreeMap<NodeId, u8> = BTreeMap::new();
        for edge in snapshot.view(KindMask::traversable()).edges(here) {
            let cost = next.entry(edge.target()).or_insert(u8::MAX);
            *cost = (*cost).min(edge.weight().cost);
        }
        for (node, hop) in next {
            if !path.contains(&node) {
                path.push(node);
                walk(snapshot, path, cost + u32::from(hop), to, found);
                path.pop();
            }
        }
    }
    let mut found = Vec::new();
    walk(snapshot, &mut vec![from], 0, to, &mut found);
    found.sort();
    found
}

proptest! {
    #[test]
    fn components_are_those_of_kosaraju(edges in edges(60, 150)) {
        let snapshot = graph(60, &edges, &[]);
        let found = snapshot.components(&Filter::default(), &Limits::none()).unwrap();
        let expected = petgraph::algo::kosaraju_scc(snapshot.view(KindMask::traversable()));
        prop_assert_eq!(found.len(), expected.len());
        for component in expected {
            let number = found.of(component[0]).unwrap();
            prop_assert_eq!(found.size(number), component.len());
            prop_assert!(component.iter().all(|id| found.of(*id) == Some(number)));
        }
        for id in snapshot.nodes() {
            for hop in snapshot.outgoing(id).filter(|hop| hop.kind.traversable()) {
                prop_assert!(found.of(hop.target) <= found.of(hop.source));
            }
        }
    }

    #[test]
    fn dominators_are_those_of_petgraph(edges in edges(60, 180), inbound: bool) {
        let snapshot = graph(60, &edges, &[]);
        let view = snapshot.view(KindMask::traversable());
        let root = NodeId(7);
        let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
        let found = snapshot.dominators(&[root], direction, &Filter::default(), &Limits::none()).unwrap();
        for id in snapshot.nodes().filter(|id| *id != root) {
            let expected = if inbound {
                petgraph::algo::dominators::simple_fast(petgraph::visit::Reversed(view), root).immediate_dominator(id)
            } else {
                petgraph::algo::dominators::simple_fast(view, root).immediate_dominator(id)
            };
            prop_assert_eq!(found.immediate(id), expected, "{:?}", id);
        }
        prop_assert_eq!(found.immediate(root), None);
    }

    #[test]
    fn a_choke_point_cuts_off_what_its_removal_cuts_off(edges in edges(40, 90)) {
        let set = [NodeId(3), NodeId(8)];
        let snapshot = graph(40, &edges, &set);
        let found = snapshot.choke_points(&set, usize::MAX, &Filter::default(), &Limits::none()).unwrap();
        let whole = reached_without(&snapshot, &set, &[], Vec::new());
        let principals = |reached: &BTreeSet<NodeId>, except: Option<NodeId>| {
            let counted = reached.iter().filter(|id| snapshot.flags(**id).principal() && !set.contains(id) && Some(**id) != except);
            counted.map(|_| 1).sum::<u64>()
        };
        prop_assert_eq!(found.exposed_principals, principals(&whole, None));
        let mut nodes = BTreeMap::new();
        for id in whole.iter().filter(|id| !set.contains(id)) {
            let rest = reached_without(&snapshot, &set, &[*id], Vec::new());
            let lost = principals(&whole, Some(*id)) - principals(&rest, Some(*id));
            if lost > 0 { nodes.insert(*id, lost); }
        }
        prop_assert_eq!(found.nodes.iter().map(|choke| (choke.node, choke.principals)).collect::<BTreeMap<_, _>>(), nodes);
        prop_assert!(found.nodes.is_sorted_by_key(|choke| std::cmp::Reverse(choke.principals)));
        let mut pairs = BTreeMap::new();
        for id in &whole {
            for hop in snapshot.outgoing(*id).filter(|hop| hop.kind.traversable() && !set.contains(id)) {
                let all = snapshot.between(hop.source, hop.target).map(|hop| EdgeKey { source: hop.source, kind: hop.kind, target: hop.target });
                let rest = reached_without(&snapshot, &set, &[], all.collect());
                let lost = principals(&whole, None) - principals(&rest, None);
                if lost > 0 { pairs.insert((hop.source, hop.target), lost); }
            }
        }
        let ours = found.edges.iter().map(|choke| ((choke.hops[0].source, choke.hops[0].target), choke.principals));
        prop_assert_eq!(ours.collect::<BTreeMap<_, _>>(), pairs);
    }

    #[test]
    fn a_minimum_cut_is_as_large_as_the_maximum_flow_and_cuts(edges in edges(16, 60), sources in prop::collection::vec(0_u32..8, 1..4)) {
        let snapshot = graph(16, &edges, &[]);
        let sources: Vec<NodeId> = sources.into_iter().map(NodeId).collect();
        let set = [NodeId(14), NodeId(15)];
        let found = snapshot.min_cut(&sources, &set, KindMask::NONE, usize::MAX, &Filter::default(), &Limits::none()).unwrap();
        let mut network = petgraph::graph::DiGraph::<(), u32>::new();
        let places: Vec<_> = (0..18).map(|_| network.add_node(())).collect();
        for id in snapshot.nodes() {
            for hop in snapshot.outgoing(id).filter(|hop| hop.kind.traversable()) {
                network.add_edge(places[hop.source.index()], places[hop.target.index()], 1);
            }
        }
        for source in sources.iter().collect::<BTreeSet<_>>() { network.add_edge(places[16], places[source.index()], 1000); }
        for member in set { network.add_edge(places[member.index()], places[17], 1000); }
        let (flow, _) = petgraph::algo::maximum_flow::dinics(&network, places[16], places[17]);
        prop_assert_eq!(u32::try_from(found.edges.len()).unwrap(), flow);
        let cut = found.edges.iter().map(|hop| EdgeKey { source: hop.source, kind: hop.kind, target: hop.target }).collect();
        let rest = reached_without(&snapshot, &set, &[], cut);
        prop_assert!(sources.iter().all(|source| !rest.contains(source)));
    }

    #[test]
    fn a_cut_leaves_fixed_kinds_alone(edges in edges(12, 40)) {
        let snapshot = graph(12, &edges, &[]);
        let fixed = KindMask::NONE.with(EdgeKind::MemberOf);
        let (source, target) = (NodeId(0), NodeId(11));
        let only_fixed = snapshot.reach(&[target], Direction::Inbound, &Filter::of_kinds(fixed), &Limits::none()).unwrap();
        let found = snapshot.min_cut(&[source], &[target], fixed, 1000, &Filter::default(), &Limits::none());
        match found {
            Err(error) => {
                prop_assert!(only_fixed.contains(source));
                prop_assert_eq!(error, crate::Error::LimitReached { what: "edges of the cut", limit: 1000 });
            }
            Ok(cut) => {
                prop_assert!(!only_fixed.contains(source));
                prop_assert!(cut.edges.iter().all(|hop| hop.kind != EdgeKind::MemberOf));
                let keys = cut.edges.iter().map(|hop| EdgeKey { source: hop.source, kind: hop.kind, target: hop.target }).collect();
                prop_assert!(!reached_without(&snapshot, &[target], &[], keys).contains(&source));
            }
        }
    }

    #[test]
    fn the_cheapest_paths_are_those_of_an_enumeration(edges in edges(9, 40), k in 1_usize..30) {
        let snapshot = graph(9, &edges, &[]);
        let (from, to) = (NodeId(0), NodeId(8));
        let found = snapshot.cheapest_paths(from, &[to], k, Metric::Cost, &Filter::default(), &Limits::none()).unwrap();
        let expected = all_paths(&snapshot, from, to);
        let costs: Vec<u32> = found.iter().map(|path| path.cost).collect();
        prop_assert_eq!(costs, expected.iter().take(k).map(|(cost, _)| *cost).collect::<Vec<_>>());
        let ours: BTreeSet<Vec<NodeId>> = found.iter().map(|path| path.nodes().collect()).collect();
        prop_assert_eq!(ours.len(), found.len(), "no path twice");
        let theirs: BTreeSet<Vec<NodeId>> = expected.into_iter().map(|(_, nodes)| nodes).collect();
        prop_assert!(ours.is_subset(&theirs));
    }

    #[test]
    fn upkeep_equals_a_new_search_after_every_change(edges in edges(25, 60), changes in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), 0_u32..25, 0_usize..5, 0_u32..25), 1..40)) {
        let set = [NodeId(3), NodeId(8)];
        let snapshot = graph(25, &edges, &[]);
        let mut upkeep = Upkeep::new(&snapshot, &set, &Filter::default(), &Limits::none()).unwrap();
        let mut now: BTreeSet<(u32, usize, u32)> = edges.iter().copied().collect();
        for (add, index, source, kind, target) in changes {
            let before: BTreeSet<NodeId> = snapshot.nodes().filter(|id| upkeep.reaches(*id)).collect();
            let changed: BTreeSet<NodeId> = if add || now.is_empty() {
                now.insert((source, kind, target));
                upkeep.add(key(&(source, kind, target))).into_iter().collect()
            } else {
                let list: Vec<_> = now.iter().copied().collect();
                let gone = *index.get(&list);
                now.remove(&gone);
                upkeep.remove(key(&gone)).into_iter().collect()
            };
            let fresh = graph(25, &now.iter().copied().collect::<Edges>(), &[]);
            let expected = reached_without(&fresh, &set, &[], Vec::new());
            let after: BTreeSet<NodeId> = snapshot.nodes().filter(|id| upkeep.reaches(*id)).collect();
            prop_assert_eq!(&after, &expected);
            prop_assert_eq!(upkeep.len(), expected.len());
            prop_assert_eq!(changed, before.symmetric_difference(&after).copied().collect::<BTreeSet<_>>());
            for id in &after {
                let way = upkeep.way(*id);
                prop_assert!(set.contains(way.last().unwrap()));
                for pair in way.windows(2) {
                    prop_assert!((0..4).any(|kind| now.contains(&(pair[0].0, kind, pair[1].0))));
                }
            }
        }
    }

    #[test]
    fn what_if_equals_the_exposure_of_the_changed_graph(edges in edges(40, 120), cut in prop::collection::vec(any::<prop::sample::Index>(), 0..10), added in edges(40, 5)) {
        let set = [NodeId(3), NodeId(8)];
        let snapshot = graph(40, &edges, &set);
        let cut: Vec<EdgeKey> = if edges.is_empty() { vec![] } else { cut.iter().map(|index| key(index.get(&edges))).collect() };
        let with: Vec<EdgeKey> = added.iter().map(key).filter(|edge| !cut.contains(edge)).collect();
        let changed = Filter { without_edges: cut.clone(), with_edges: with.clone(), ..Filter::default() };
        let found = snapshot.what_if(&set, &Filter::default(), &changed, &Limits::none()).unwrap();
        let rebuilt: Edges = edges.iter().chain(&added).copied().filter(|edge| !cut.contains(&key(edge))).collect();
        let rebuilt = graph(40, &rebuilt, &set);
        prop_assert_eq!(found.before, snapshot.exposure(&[&set], &Filter::default(), &Limits::none()).unwrap()[0]);
        prop_assert_eq!(found.after, rebuilt.exposure(&[&set], &Filter::default(), &Limits::none()).unwrap()[0]);
        prop_assert_eq!(found.before.principals + found.newly_exposed.iter().map(|_| 1).sum::<u64>(), found.after.principals + found.cut_off.iter().map(|_| 1).sum::<u64>());
    }
}

#[test]
fn a_path_longer_than_a_stack_is_deep_has_components_and_dominators() {
    let edges: Edges = (0..200_000).map(|id| (id, 1, id + 1)).collect();
    let snapshot = graph(200_001, &edges, &[]);
    let found = snapshot.components(&Filter::default(), &Limits::none()).unwrap();
    assert_eq!(found.len(), 200_001);
    let tree = snapshot.dominators(&[NodeId(60_000)], Direction::Inbound, &Filter::default(), &Limits::none()).unwrap();
    assert_eq!(tree.chain(NodeId(0)).count(), 60_000);
}
