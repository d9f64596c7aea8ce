//! The mirror against a real Neo4j: same counts, same distances, nothing left over. Skipped, with its reason printed,
//! where Java or Maven are missing.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::get_unwrap,
    clippy::print_stdout,
    reason = "a test says by a panic that it fails"
)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use hopwatch::config::Neo4j;
use hopwatch::outputs::neo4j::{connect, mirror};
use hopwatch_graph::{Estate, Filter, Limits, Metric, NodeId, Snapshot};
use hopwatch_model::directory::{DeltaKind, Properties};
use hopwatch_model::{DirectoryDelta, DirectoryEdge, DirectoryNode, EdgeKind, NodeKind, PropertyValue};
use neo4rs::{Graph, query};

/// A running server; it is stopped at the end, however the test ends.
struct Server {
    folder: tempfile::TempDir,
    bolt: String,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/services/neo4j")
}

impl Server {
    /// `None` where it cannot be started here; the reason is printed.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(script()).arg("start").arg(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.code() == Some(77) {
            println!("skipped: {}", String::from_utf8_lossy(&output.stderr).trim());
            return None;
        }
        let bolt = said.lines().find_map(|line| line.strip_prefix("bolt="));
        let bolt = bolt.unwrap_or_else(|| panic!("neo4j does not start: {}", String::from_utf8_lossy(&output.stderr)));
        Some(Self { bolt: format!("bolt://{bolt}"), folder })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _status = Command::new(script()).arg("stop").arg(self.folder.path()).status();
    }
}

/// A reproducible number below a bound (xorshift64).
fn below(seed: &mut u64, bound: usize) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    usize::try_from(*seed % u64::try_from(bound).unwrap()).unwrap()
}

/// An estate of 300 objects and about 1,200 edges of mixed kinds.
fn delta(seed: u64) -> DirectoryDelta {
    let mut seed = seed;
    let kinds = [NodeKind::User, NodeKind::Computer, NodeKind::Group, NodeKind::OU, NodeKind::Base];
    let id = |n: usize| format!("S-1-5-21-7-7-7-{}", 1000 + n);
    let nodes = (0..300).map(|n| {
        let kind = kinds[n % kinds.len()];
        let mut properties = Properties::new();
        properties.insert("name".into(), PropertyValue::Text(format!("NODE{n}@LAB.EXAMPLE")));
        properties.insert("serviceprincipalnames".into(), PropertyValue::List(vec![format!("http/node{n}")]));
        properties.insert("pwdlastset".into(), PropertyValue::Integer(1_700_000_000));
        DirectoryNode { id: id(n), kind, properties }
    });
    let edge_kinds = [
        EdgeKind::MemberOf,
        EdgeKind::GenericAll,
        EdgeKind::HasSession,
        EdgeKind::AddMember,
        EdgeKind::GetChanges,
        EdgeKind::Contains,
    ];
    let edges = (0..1200).map(|_| DirectoryEdge {
        source: id(below(&mut seed, 300)),
        kind: edge_kinds[below(&mut seed, edge_kinds.len())],
        target: id(below(&mut seed, 300)),
        properties: Properties::from([("isacl".into(), PropertyValue::Bool(true))]),
    });
    let edges: Vec<_> = edges.filter(|edge| edge.source != edge.target).collect();
    DirectoryDelta {
        time: common::at(0),
        source: "made".into(),
        kind: DeltaKind::Merge,
        nodes: nodes.collect(),
        edges,
        ..DirectoryDelta::default()
    }
}

async fn counts(graph: &Graph, text: &str) -> BTreeMap<String, u64> {
    let mut rows = graph.execute(query(text)).await.unwrap();
    let mut counts = BTreeMap::new();
    while let Some(row) = rows.next().await.unwrap() {
        let count: i64 = row.get("count").unwrap();
        counts.insert(row.get("kind").unwrap(), count.cast_unsigned());
    }
    counts
}

fn of_snapshot(snapshot: &Snapshot) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    let (mut nodes, mut edges) = (BTreeMap::new(), BTreeMap::new());
    for id in snapshot.nodes() {
        *nodes.entry(snapshot.kind(id).name().to_owned()).or_default() += 1;
        for hop in snapshot.outgoing(id) {
            *edges.entry(hop.kind.name().to_owned()).or_default() += 1;
        }
    }
    (nodes, edges)
}

const NODES: &str = "MATCH (n:Base) WITH [l IN labels(n) WHERE l <> 'Base'] AS own \
                     RETURN CASE WHEN size(own) = 0 THEN 'Base' ELSE own[0] END AS kind, count(*) AS count";
const EDGES: &str = "MATCH ()-[r]->() RETURN type(r) AS kind, count(*) AS count";

async fn same_counts(graph: &Graph, snapshot: &Snapshot) {
    let (nodes, edges) = of_snapshot(snapshot);
    assert_eq!(counts(graph, NODES).await, nodes);
    assert_eq!(counts(graph, EDGES).await, edges);
}

/// The length of the shortest path over traversable kinds, by Cypher.
async fn cypher_length(graph: &Graph, source: &str, target: &str) -> Option<i64> {
    let kinds: Vec<&str> = EdgeKind::ALL.iter().filter(|kind| kind.traversable()).map(|kind| kind.name()).collect();
    let text = format!(
        "MATCH (s:Base {{objectid: $source}}), (t:Base {{objectid: $target}}) \
         MATCH p = shortestPath((s)-[:{}*1..]->(t)) RETURN length(p) AS length",
        kinds.join("|")
    );
    let mut rows = graph.execute(query(&text).param("source", source).param("target", target)).await.unwrap();
    let row = rows.next().await.unwrap()?;
    Some(row.get("length").unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn neo4j_holds_the_same_graph_and_the_same_distances() {
    let Some(server) = Server::start() else { return };
    let config = Neo4j { uri: server.bolt.clone(), batch: 100, ..Neo4j::default() };
    let graph = connect(&config).unwrap();
    let mut estate = Estate::default();
    estate.apply(&delta(0x9e37_79b9_7f4a_7c15));
    let snapshot = estate.snapshot(None);
    let first = mirror(&config, &snapshot).await.unwrap();
    assert_eq!((first.nodes_deleted, first.edges_deleted), (0, 0));
    same_counts(&graph, &snapshot).await;

    let ids: Vec<NodeId> = snapshot.nodes().collect();
    let (mut seed, mut pairs, mut reachable) = (7, 0, 0);
    while pairs < 250 {
        let (from, to) = (ids[below(&mut seed, ids.len())], ids[below(&mut seed, ids.len())]);
        if from == to {
            continue;
        }
        pairs += 1;
        let path = snapshot.cheapest_path(from, &[to], Metric::Hops, &Filter::default(), &Limits::none()).unwrap();
        let ours = path.map(|path| i64::try_from(path.hops.len()).unwrap());
        let (source, target) = (&snapshot.node(from).unwrap().id, &snapshot.node(to).unwrap().id);
        assert_eq!(ours, cypher_length(&graph, source, target).await, "{source} to {target}");
        reachable += i32::from(ours.is_some());
    }
    assert!(reachable > 50, "only {reachable} of {pairs} pairs have a path: the comparison says little");

    // A second run changes nothing; a foreign node stays; what is gone goes.
    graph.run(query("CREATE (:Base {objectid: 'FOREIGN'})")).await.unwrap();
    let again = mirror(&config, &snapshot).await.unwrap();
    assert_eq!((again.nodes_deleted, again.edges_deleted), (0, 0));
    let gone: Vec<String> = ids.iter().take(40).map(|id| snapshot.node(*id).unwrap().id.clone()).collect();
    estate.apply(&DirectoryDelta {
        time: common::at(10),
        source: "made".into(),
        removed: gone,
        ..DirectoryDelta::default()
    });
    let smaller = estate.snapshot(None);
    let third = mirror(&config, &smaller).await.unwrap();
    assert_eq!(third.nodes_deleted, 40);
    assert!(third.edges_deleted > 0);
    graph.run(query("MATCH (n:Base {objectid: 'FOREIGN'}) DELETE n")).await.unwrap();
    same_counts(&graph, &smaller).await;
}
