//! Speed of the engine on a seeded random graph of 1 M nodes and 10 M edges with skewed in-degree, with petgraph on the
//! same graph in the same run. `cargo bench -p hopwatch-graph --bench engine -- [nodes [edges]] [--write FILE]`, which
//! also writes the edges for other programs (`tests/bench/graph`: source, target, cost; 4 + 4 + 1 bytes); each figure is the best of
//! three, in milliseconds: wall clock, and time on a processor of all threads (Linux), which a busy machine disturbs
//! less. Targets are for the wall clock of an idle machine.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use hopwatch_graph::{Direction, EdgeKey, EdgeList, Filter, KindMask, Limits, Metric, NodeId, Snapshot, Upkeep};
use hopwatch_model::{EdgeKind, NodeKind};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Bfs, EdgeRef, Reversed};

/// Tier Zero of the graph: its most popular targets.
const HUBS: u32 = 10;

fn main() {
    let mut sizes = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let nodes: u32 = sizes.next().unwrap_or(1_000_000);
    let edges: u32 = sizes.next().unwrap_or(10_000_000);
    let table = table(nodes, edges);
    if let Some(path) = std::env::args().skip_while(|argument| argument != "--write").nth(1) {
        write(&path, &table).unwrap_or_else(|error| println!("{path}: {error}"));
    }
    println!("{nodes} nodes, {edges} edges");
    let hubs: Vec<NodeId> = (0..HUBS).map(NodeId).collect();
    let snapshot = build(nodes, &table, &hubs);
    let reached = searches(&snapshot, &hubs);
    structure(&snapshot, &hubs);
    upkeep(&snapshot, &hubs, nodes);
    against_petgraph(nodes, &table, reached);
}

struct Row {
    source: u32,
    kind: EdgeKind,
    target: u32,
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    }

    fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(((self.next() >> 32) * u64::from(bound)) >> 32).unwrap_or_default()
    }

    /// Small numbers are more likely: the least of three draws stretched once more.
    fn skewed(&mut self, bound: u32) -> u32 {
        let least = (0..3).map(|_| self.below(bound)).min().unwrap_or_default();
        u32::try_from(u64::from(least) * u64::from(self.below(bound)) / u64::from(bound)).unwrap_or_default()
    }
}

fn table(nodes: u32, edges: u32) -> Vec<Row> {
    let kinds: Vec<EdgeKind> = KindMask::traversable().iter().collect();
    let mut random = Random(42);
    (0..edges)
        .map(|_| {
            let place = usize::try_from(random.below(u32::try_from(kinds.len()).unwrap_or(1))).unwrap_or_default();
            Row { source: random.below(nodes), kind: kinds[place], target: random.skewed(nodes) }
        })
        .collect()
}

fn write(path: &str, table: &[Row]) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
    for row in table {
        out.write_all(&row.source.to_le_bytes())?;
        out.write_all(&row.target.to_le_bytes())?;
        out.write_all(&[row.kind.cost()])?;
    }
    out.flush()
}

/// One session comes, then goes: who reaches Tier Zero is right again after each.
fn upkeep(snapshot: &Snapshot, hubs: &[NodeId], nodes: u32) {
    const CHANGES: u32 = 1000;
    let Ok(mut upkeep) = Upkeep::new(snapshot, hubs, &Filter::default(), &Limits::none()) else { return };
    let edge = |place: u32| EdgeKey {
        source: NodeId(place.wrapping_mul(7919) % nodes),
        kind: EdgeKind::HasSession,
        target: NodeId(place.wrapping_mul(104_729) % nodes),
    };
    measured("1000 sessions come and go, reach right again", "target 2000", || {
        (0..CHANGES).map(|place| upkeep.add(edge(place)).len() + upkeep.remove(edge(place)).len()).sum::<usize>()
    });
}

fn build(nodes: u32, table: &[Row], hubs: &[NodeId]) -> Snapshot {
    let mut best = (f64::MAX, f64::MAX);
    let mut built = None;
    for _ in 0..3 {
        let mut list = EdgeList::default();
        for row in table {
            list.push(NodeId(row.source), row.kind, NodeId(row.target), 1, 2);
        }
        let kinds = (0..nodes).map(|id| if id % 4 == 0 { NodeKind::Group } else { NodeKind::User }).collect();
        drop(built.take());
        let clock = Clock::start();
        built = Some(list.into_snapshot(kinds, hubs));
        best = clock.best(best);
    }
    report("build both directions", best, "target 700");
    let snapshot = built.unwrap_or_else(|| EdgeList::default().into_snapshot(Vec::new(), &[]));
    let per_edge = ratio(snapshot.edge_bytes(), snapshot.edge_count());
    println!("{:<46}{per_edge:>10.1} B    target 24, with times and offsets", "bytes for an edge");
    snapshot
}

fn ratio(one: usize, other: usize) -> f64 {
    f64::from(u32::try_from(one / 1000).unwrap_or(u32::MAX)) * 1000.0
        / f64::from(u32::try_from(other).unwrap_or(u32::MAX).max(1))
}

fn measured<T>(name: &str, target: &str, mut work: impl FnMut() -> T) -> T {
    let mut best = (f64::MAX, f64::MAX);
    let mut result = None;
    for _ in 0..3 {
        drop(result.take());
        let clock = Clock::start();
        result = Some(black_box(work()));
        best = clock.best(best);
    }
    report(name, best, target);
    result.unwrap_or_else(work)
}

fn report(name: &str, (wall, busy): (f64, f64), target: &str) {
    println!("{name:<46}{wall:>10.1} ms{busy:>10.1} ms on cpu   {target}");
}

struct Clock {
    wall: Instant,
    busy_ns: u64,
}

impl Clock {
    fn start() -> Self {
        Self { busy_ns: busy_ns(), wall: Instant::now() }
    }

    /// The lesser of a figure and what has passed, wall clock and processor each.
    fn best(&self, (wall, busy): (f64, f64)) -> (f64, f64) {
        let passed = self.wall.elapsed().as_secs_f64() * 1000.0;
        let micros = u32::try_from(busy_ns().saturating_sub(self.busy_ns) / 1000).unwrap_or(u32::MAX);
        (wall.min(passed), busy.min(f64::from(micros) / 1000.0))
    }
}

/// Nanoseconds on a processor of all threads so far: the first number of each `schedstat`; 0 where there is none.
fn busy_ns() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let texts = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
    texts.filter_map(|text| text.split(' ').next()?.parse::<u64>().ok()).sum()
}

fn searches(snapshot: &Snapshot, hubs: &[NodeId]) -> usize {
    let (filter, limits) = (Filter::default(), Limits::none());
    let reach = measured("who reaches ten hubs", "target 40", || {
        snapshot.reach(hubs, Direction::Inbound, &filter, &limits).map_or(0, |reach| reach.len())
    });
    measured("cheapest cost to ten hubs, all sources", "target 230", || {
        snapshot.distances(hubs, Direction::Inbound, Metric::Cost, &filter, &limits).map_or(0, |d| d.iter().count())
    });
    let targets: Vec<NodeId> = (0..64).map(|id| NodeId(id * 15_000 % 1_000_000)).collect();
    let sets: Vec<&[NodeId]> = targets.iter().map(std::slice::from_ref).collect();
    measured("exposure of 64 targets", "target 200", || {
        snapshot.exposure(&sets, &filter, &limits).map_or(0, |s| s.len())
    });
    if let Ok(distances) = snapshot.distances(hubs, Direction::Inbound, Metric::Cost, &filter, &limits) {
        let far: Vec<NodeId> = (0..20).map(|id| NodeId(900_000 + id * 17)).collect();
        measured("10 cheapest paths, 20 sources, shared pass", "target 60", || {
            let paths = far.iter().filter(|from| snapshot.contains(**from)).map(|from| {
                snapshot
                    .cheapest_paths_along(&distances, *from, 10, Metric::Cost, &filter, &limits)
                    .map_or(0, |paths| paths.len())
            });
            paths.sum::<usize>()
        });
    }
    reach
}

fn structure(snapshot: &Snapshot, hubs: &[NodeId]) {
    let (filter, limits) = (Filter::default(), Limits::none());
    measured("dominators towards ten hubs", "target 1900", || {
        snapshot.dominators(hubs, Direction::Inbound, &filter, &limits).is_ok()
    });
    measured("choke points of ten hubs", "", || {
        snapshot.choke_points(hubs, 20, &filter, &limits).map_or(0, |found| found.nodes.len())
    });
    measured("strongly connected components", "", || snapshot.components(&filter, &limits).map_or(0, |c| c.len()));
    let sources: Vec<NodeId> = (0..1000).map(|id| NodeId(500_000 + id)).filter(|id| snapshot.contains(*id)).collect();
    let rare = snapshot.nodes().filter(|id| (4..40).contains(&snapshot.incoming(*id).count())).last();
    if let Some(rare) = rare {
        let cut = measured("fewest edges between 1000 sources and one", "", || {
            snapshot
                .min_cut(&sources, &[rare], KindMask::NONE, 10_000, &filter, &limits)
                .map_or(0, |cut| cut.edges.len())
        });
        println!("    cut of {cut} edges");
    }
}

fn against_petgraph(nodes: u32, table: &[Row], reached: usize) {
    let clock = Clock::start();
    let mut graph: DiGraph<(), u32> = DiGraph::with_capacity(0, table.len());
    for _ in 0..nodes {
        graph.add_node(());
    }
    let place = |id: u32| NodeIndex::new(usize::try_from(id).unwrap_or_default());
    for row in table {
        graph.add_edge(place(row.source), place(row.target), u32::from(row.kind.cost()));
    }
    // petgraph has no search from a set: one node stands for it.
    let root = graph.add_node(());
    for hub in 0..HUBS {
        graph.add_edge(place(hub), root, 0);
    }
    report("petgraph DiGraph: build", clock.best((f64::MAX, f64::MAX)), "");
    let count = measured("petgraph DiGraph: who reaches ten hubs", "", || {
        let mut bfs = Bfs::new(Reversed(&graph), root);
        std::iter::from_fn(|| bfs.next(Reversed(&graph))).count()
    });
    assert_eq!(count, reached + 1, "both reach the same nodes");
    measured("petgraph DiGraph: dijkstra, all sources", "", || {
        petgraph::algo::dijkstra(Reversed(&graph), root, None, |edge| *edge.weight()).len()
    });
    let clock = Clock::start();
    black_box(petgraph::algo::dominators::simple_fast(Reversed(&graph), root).root());
    report("petgraph DiGraph: dominators", clock.best((f64::MAX, f64::MAX)), "");
}
