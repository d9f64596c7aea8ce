//! Behaviour of the estate under directory deltas.

use std::collections::BTreeMap;

use hopwatch_model::directory::{DeltaKind, Properties};
use hopwatch_model::{DirectoryDelta, DirectoryEdge, DirectoryNode, EdgeKind, NodeKind, PropertyValue, Timestamp};

use super::{EdgeKey, Estate};

pub(crate) fn node(id: &str, kind: NodeKind, properties: &[(&str, &str)]) -> DirectoryNode {
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), PropertyValue::Text((*value).to_owned()));
    DirectoryNode { id: id.into(), kind, properties: properties.iter().map(text).collect() }
}

pub(crate) fn edge(source: &str, kind: EdgeKind, target: &str) -> DirectoryEdge {
    DirectoryEdge { source: source.into(), kind, target: target.into(), properties: BTreeMap::new() }
}

pub(crate) fn delta(
    secs: i64,
    kind: DeltaKind,
    nodes: Vec<DirectoryNode>,
    edges: Vec<DirectoryEdge>,
) -> DirectoryDelta {
    DirectoryDelta {
        time: Timestamp::from_secs(secs),
        source: "test".into(),
        kind,
        nodes,
        edges,
        ..DirectoryDelta::default()
    }
}

fn holds(estate: &Estate, source: &str, kind: EdgeKind, target: &str, secs: Option<i64>) -> bool {
    let key = EdgeKey { source: estate.find(source).unwrap(), kind, target: estate.find(target).unwrap() };
    estate.edge_of(key).is_some_and(|(_, edge)| edge.held(secs.map(Timestamp::from_secs)))
}

#[test]
fn a_reference_becomes_the_object_and_never_the_other_way_round() {
    let mut estate = Estate::default();
    estate.apply(&delta(1, DeltaKind::Merge, vec![], vec![edge("S-1", EdgeKind::MemberOf, "S-2")]));
    assert_eq!(estate.node(estate.find("S-2").unwrap()).unwrap().kind, NodeKind::Base);
    estate.apply(&delta(2, DeltaKind::Merge, vec![node("S-2", NodeKind::Group, &[("name", "G")])], vec![]));
    estate.apply(&delta(3, DeltaKind::Merge, vec![node("S-2", NodeKind::Base, &[])], vec![]));
    let group = estate.node(estate.find("s-2").unwrap()).unwrap();
    assert_eq!((group.kind, group.label()), (NodeKind::Group, "G"));
    assert_eq!((group.first_seen, group.last_seen), (Timestamp::from_secs(1), Timestamp::from_secs(3)));
}

#[test]
fn a_whole_object_ends_what_it_does_not_repeat() {
    let mut estate = Estate::default();
    let group = || node("G", NodeKind::Group, &[]);
    let first = vec![
        edge("A", EdgeKind::MemberOf, "G"),
        edge("B", EdgeKind::MemberOf, "G"),
        edge("A", EdgeKind::GenericAll, "G"),
        edge("G", EdgeKind::GenericAll, "A"),
    ];
    estate.apply(&delta(10, DeltaKind::Replace, vec![group()], first));
    estate.apply(&delta(20, DeltaKind::Replace, vec![group()], vec![edge("B", EdgeKind::MemberOf, "G")]));
    assert!(!holds(&estate, "A", EdgeKind::MemberOf, "G", None));
    assert!(holds(&estate, "A", EdgeKind::MemberOf, "G", Some(15)));
    assert!(!holds(&estate, "A", EdgeKind::GenericAll, "G", None));
    assert!(holds(&estate, "B", EdgeKind::MemberOf, "G", None));
    assert!(holds(&estate, "G", EdgeKind::GenericAll, "A", None), "an entry of another object's descriptor");
}

#[test]
fn a_primary_group_is_an_attribute_of_the_member() {
    let mut estate = Estate::default();
    let mut primary = edge("A", EdgeKind::MemberOf, "G");
    primary.properties = Properties::from([("isprimarygroup".into(), PropertyValue::Bool(true))]);
    estate.apply(&delta(10, DeltaKind::Replace, vec![node("A", NodeKind::User, &[])], vec![primary]));
    estate.apply(&delta(20, DeltaKind::Replace, vec![node("G", NodeKind::Group, &[])], vec![]));
    assert!(holds(&estate, "A", EdgeKind::MemberOf, "G", None));
    estate.apply(&delta(30, DeltaKind::Replace, vec![node("A", NodeKind::User, &[])], vec![]));
    assert!(!holds(&estate, "A", EdgeKind::MemberOf, "G", None));
}

#[test]
fn a_directory_sync_does_not_end_what_a_host_told() {
    let mut estate = Estate::default();
    let computer = || node("C", NodeKind::Computer, &[]);
    estate.apply(&delta(10, DeltaKind::Merge, vec![computer()], vec![edge("C", EdgeKind::HasSession, "A")]));
    estate.apply(&delta(20, DeltaKind::Replace, vec![computer()], vec![]));
    assert!(holds(&estate, "C", EdgeKind::HasSession, "A", None));
    estate.apply(&delta(30, DeltaKind::Replace, vec![computer()], vec![edge("C", EdgeKind::HasSession, "B")]));
    assert!(!holds(&estate, "C", EdgeKind::HasSession, "A", None));
}

#[test]
fn a_removed_object_is_seen_only_in_the_past() {
    let mut estate = Estate::default();
    let nodes = vec![node("A", NodeKind::User, &[]), node("G", NodeKind::Group, &[])];
    estate.apply(&delta(10, DeltaKind::Merge, nodes, vec![edge("A", EdgeKind::MemberOf, "G")]));
    let mut gone = delta(20, DeltaKind::Merge, vec![], vec![]);
    gone.removed.push("A".into());
    estate.apply(&gone);
    let (now, then) = (estate.snapshot(None), estate.snapshot(Some(Timestamp::from_secs(15))));
    assert_eq!((now.find("A"), now.edge_count()), (None, 0));
    assert_eq!((then.find("A").is_some(), then.edge_count()), (true, 1));
    estate.apply(&delta(30, DeltaKind::Merge, vec![node("A", NodeKind::User, &[])], vec![]));
    assert!(estate.snapshot(None).find("A").is_some(), "a restored object is back");
}

#[test]
fn a_snapshot_keeps_what_the_estate_changes_later() {
    let mut estate = Estate::default();
    estate.apply(&delta(10, DeltaKind::Merge, vec![node("A", NodeKind::User, &[("name", "OLD")])], vec![]));
    let before = estate.snapshot(None);
    estate.apply(&delta(20, DeltaKind::Merge, vec![node("A", NodeKind::User, &[("name", "NEW")])], vec![]));
    assert_eq!(before.node(before.find("A").unwrap()).unwrap().label(), "OLD");
    assert_eq!(estate.node(estate.find("A").unwrap()).unwrap().label(), "NEW");
}

#[test]
fn a_full_table_drops_and_counts() {
    let mut estate = Estate::new(super::Config { max_nodes: 2, max_edges: 1, ..super::Config::default() });
    let edges = vec![
        edge("A", EdgeKind::MemberOf, "B"),
        edge("B", EdgeKind::MemberOf, "A"),
        edge("C", EdgeKind::MemberOf, "A"),
        edge("", EdgeKind::MemberOf, "A"),
    ];
    estate.apply(&delta(1, DeltaKind::Merge, vec![], edges));
    let counters = estate.counters();
    assert_eq!((counters.dropped_nodes_full, counters.dropped_edges_full, counters.dropped_empty_id), (1, 1, 1));
}
