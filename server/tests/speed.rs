//! How long the API takes on a made estate of 20,000 accounts; run by hand with `--ignored --nocapture --release`. It
//! prints what it measured and fails only where an answer is wrong.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints and fails by a panic")]

mod common;

use std::time::Duration;

use common::{PASSWORD, at, data, login, logon, sid};
use hopwatch::auth;
use hopwatch::clock;
use hopwatch::config::Config;
use hopwatch::state::AppState;
use hopwatch::store::{Role, Store};
use hopwatch_graph::Estate;
use hopwatch_model::directory::{DeltaKind, Properties};
use hopwatch_model::{DirectoryDelta, DirectoryEdge, DirectoryNode, EdgeKind, NodeKind, PropertyValue};
use serde_json::json;

const USERS: u32 = 20_000;
const GROUPS: u32 = 2_000;

fn estate() -> Estate {
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut below = move |bound: u32| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        u32::try_from(seed % u64::from(bound)).unwrap()
    };
    let node = |rid: u32, kind, name: String| {
        let name = PropertyValue::Text(format!("{name}@LAB.EXAMPLE"));
        DirectoryNode { id: sid(rid), kind, properties: Properties::from([("name".into(), name)]) }
    };
    let mut nodes = vec![node(512, NodeKind::Group, "DOMAIN ADMINS".into())];
    nodes.extend((0..GROUPS).map(|n| node(10_000 + n, NodeKind::Group, format!("GROUP{n}"))));
    nodes.extend((0..USERS).map(|n| node(100_000 + n, NodeKind::User, format!("USER{n}"))));
    let edge = |source: u32, kind, target: u32| DirectoryEdge {
        source: sid(source),
        kind,
        target: sid(target),
        properties: Properties::new(),
    };
    let mut edges = vec![edge(100_000, EdgeKind::MemberOf, 512)];
    for n in 0..USERS {
        edges.extend((0..5).map(|_| edge(100_000 + n, EdgeKind::MemberOf, 10_000 + below(GROUPS))));
    }
    for n in 0..GROUPS {
        edges.extend((0..10).map(|_| edge(10_000 + n, EdgeKind::ForceChangePassword, 100_000 + below(USERS))));
    }
    let mut estate = Estate::default();
    estate.apply(&DirectoryDelta {
        time: at(0),
        source: "made".into(),
        kind: DeltaKind::Merge,
        nodes,
        edges,
        ..DirectoryDelta::default()
    });
    estate
}

fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, run by hand"]
async fn path_queries_and_ingestion_are_timed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    auth::add_user(&store, "vic", Role::Viewer, PASSWORD).await.unwrap();
    let state = AppState::new(Config::default(), store, estate()).await.unwrap();
    let cookie = login(&state, "vic").await;
    let snapshot = state.snapshot();
    println!("{} nodes, {} edges", snapshot.node_count(), snapshot.edge_count());
    let text = "query ($input: PathInput!) { paths(input: $input) { paths { cost length hops { kind source { name } target { name } } } } }";
    let (mut times, mut found) = (Vec::new(), 0);
    for n in 0..400 {
        let input = json!({ "input": { "from": sid(100_000 + (n * 7919) % USERS), "to": sid(100_000 + (n * 104_729) % USERS) } });
        let started = clock::instant();
        let answer = data(&state, &cookie, text, input).await;
        times.push(started.elapsed());
        found += usize::from(!answer["paths"]["paths"].as_array().unwrap().is_empty());
    }
    let (median, slow) = percentiles(times);
    println!("paths between two accounts: p50 {median:?}, p99 {slow:?}, {found} of 400 found");
    // 20,000 rights at random over as many accounts leave a share of 1/e without any: about 253 of 400 have a path.
    assert!((220..290).contains(&found), "{found}");
    let mut times = Vec::new();
    for n in 0..400 {
        let input = json!({ "input": { "from": sid(100_000 + (n * 7919) % USERS), "count": 5 } });
        let started = clock::instant();
        data(&state, &cookie, text, input).await;
        times.push(started.elapsed());
    }
    let (median, slow) = percentiles(times);
    println!("five cheapest paths to Tier Zero: p50 {median:?}, p99 {slow:?}");
    let events: Vec<_> = (0..100_000).map(|n: i64| logon(&format!("user{}", n % 5000), n, n.cast_unsigned())).collect();
    let started = clock::instant();
    for batch in events.chunks(5_000) {
        state.events.append(batch).await.unwrap();
    }
    let took = started.elapsed();
    let size = std::fs::metadata(folder.path().join("hopwatch.db")).unwrap().len();
    println!("100,000 events in batches of 5,000, each durable: {took:?}; database {size} bytes without its log");
}
