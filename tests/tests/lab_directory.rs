//! What was put into the lab's directory, in the graph of its collection: the expected edges, the three expected paths and
//! the one that must not be there. (The expected findings are in `posture.rs`.)

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper fails the test; figures and skips are shown")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use hopwatch_graph::{Estate, Filter, Limits, Metric, Mode, NodeId, Snapshot};
use hopwatch_ingest::Counters;
use hopwatch_ingest::directory::bloodhound;
use hopwatch_ingest::sink::Collected;
use hopwatch_model::{EdgeKind, Timestamp};
use serde_json::Value;

fn lab() -> Option<PathBuf> {
    hopwatch_tests::external("HOPWATCH_LAB", "../shared/lab")
}

struct Lab {
    truth: Value,
    snapshot: Snapshot,
    /// Nodes by distinguished name in upper case.
    names: BTreeMap<String, NodeId>,
}

impl Lab {
    fn load(archive: &str) -> Option<Self> {
        let lab = lab()?;
        let truth = std::fs::read_to_string(lab.join("reference/directory.json")).unwrap();
        let (mut sink, mut counters) = (Collected::default(), Counters::default());
        let file = File::open(lab.join(archive)).unwrap();
        bloodhound::read_archive(file, "lab", Timestamp::from_secs(1), &mut sink, &mut counters).unwrap();
        let mut estate = Estate::default();
        sink.deltas.iter().for_each(|delta| estate.apply(delta));
        estate.derive(Mode::Ours);
        let snapshot = estate.snapshot(None);
        let names =
            snapshot.nodes().filter_map(|id| Some((snapshot.node(id)?.text("distinguishedname")?.to_uppercase(), id)));
        Some(Self { truth: serde_json::from_str(&truth).unwrap(), names: names.collect(), snapshot })
    }

    fn node(&self, edge: &Value, end: &str) -> Option<NodeId> {
        let text = |name: String| edge.get(name).and_then(Value::as_str).map(str::to_owned);
        let by_name = text(end.to_owned()).and_then(|dn| self.names.get(&dn.to_uppercase()).copied());
        by_name.or_else(|| {
            let sid = text(format!("{end}_sid"))?;
            self.snapshot.find(&sid).or_else(|| self.snapshot.find(&format!("LAB.EXAMPLE-{sid}")))
        })
    }

    fn has(&self, from: NodeId, kind: EdgeKind, to: NodeId) -> bool {
        self.snapshot.outgoing(from).any(|hop| hop.kind == kind && hop.target == to)
    }

    /// Whether the estate holds an expected edge; `Err` says why it cannot.
    fn holds(&self, edge: &Value) -> Result<bool, &'static str> {
        let kind = edge["kind"].as_str().unwrap();
        let (from, to) = (self.node(edge, "from"), self.node(edge, "to"));
        match kind {
            // No edge of the vocabulary: the lab's stand-in for the quota of machine accounts.
            "CreateComputer" => Err("creating computers in a folder is no edge"),
            "Trust" => Ok(self.trusted(edge)),
            "GPLink" if edge["disabled"] == true => {
                let (from, to) = (from.unwrap(), to.unwrap());
                // RustHound-CE writes disabled links like others; `make lab` holds ours to leaving them out.
                if self.has(from, EdgeKind::GPLink, to) { Err("a disabled link is collected") } else { Ok(true) }
            }
            _ => {
                let kind = EdgeKind::from_name(kind).ok_or("unknown kind")?;
                let (Some(from), Some(to)) = (from, to) else { return Ok(false) };
                Ok(self.has(from, kind, to))
            }
        }
    }

    /// A trust is an edge to a domain of that name, in the direction that trusts; inbound ones come from it.
    fn trusted(&self, edge: &Value) -> bool {
        let Some(home) = self.node(edge, "from") else { return false };
        let name = edge["to"].as_str().unwrap();
        let partner = |id: NodeId| self.snapshot.node(id).is_some_and(|node| node.label().eq_ignore_ascii_case(name));
        let trust = |kind: EdgeKind| matches!(kind, EdgeKind::CrossForestTrust | EdgeKind::SameForestTrust);
        let outbound = self.snapshot.outgoing(home).any(|hop| trust(hop.kind) && partner(hop.target));
        let inbound = self.snapshot.incoming(home).any(|hop| trust(hop.kind) && partner(hop.source));
        match edge["direction"].as_i64().unwrap() {
            1 => inbound && !outbound,
            2 => outbound && !inbound,
            _ => inbound && outbound,
        }
    }
}

const ARCHIVE: &str = "reference/bloodhound-analyzed/rusthound-ce.zip";

#[test]
fn the_labs_edges_are_in_the_graph() {
    let Some(lab) = Lab::load(ARCHIVE) else { return };
    let (mut held, mut missing, mut beyond) = (0, Vec::new(), Vec::new());
    for edge in lab.truth["edges"].as_array().unwrap() {
        match lab.holds(edge) {
            Ok(true) => held += 1,
            Ok(false) => missing.push(edge.to_string()),
            Err(reason) => beyond.push(format!("{reason}: {edge}")),
        }
    }
    println!("{held} of {} expected edges", held + missing.len() + beyond.len());
    assert!(missing.is_empty(), "missing: {missing:#?}");
    assert!(beyond.len() <= 2 && held >= 49, "{held} held, beyond: {beyond:#?}");
}

#[test]
fn the_labs_paths_are_found_and_the_one_that_must_not_be_is_not() {
    let Some(lab) = Lab::load(ARCHIVE) else { return };
    let path = |from: NodeId, to: NodeId| {
        let found = lab.snapshot.cheapest_path(from, &[to], Metric::Hops, &Filter::default(), &Limits::none());
        found.unwrap().map(|path| path.hops.iter().map(|hop| hop.kind).collect::<Vec<_>>())
    };
    for expected in lab.truth["paths"].as_array().unwrap() {
        let (from, to) = (lab.node(expected, "from").unwrap(), lab.node(expected, "to").unwrap());
        let found = path(from, to).unwrap_or_default();
        let wanted = expected["edges"].as_array().unwrap().len();
        assert!(!found.is_empty() && found.len() <= wanted, "{expected}: {found:?}");
        // The way that the lab names holds edge by edge, where a shorter one is found as well.
        let via: Vec<NodeId> = std::iter::once(from)
            .chain(
                expected["via"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|dn| lab.names[&dn.as_str().unwrap().to_uppercase()]),
            )
            .chain([to])
            .collect();
        let hops: usize = via.windows(2).map(|pair| path(pair[0], pair[1]).unwrap().len()).sum();
        assert!(hops <= wanted.max(via.len() - 1), "{expected}");
    }
    for expected in lab.truth["no_path"].as_array().unwrap() {
        let (Some(from), Some(to)) = (lab.node(expected, "from"), lab.node(expected, "to")) else {
            panic!("unknown ends of {expected}");
        };
        // It is an ordinary account besides, and shares the ways that everybody has; by this right it has none.
        let kinds: Vec<EdgeKind> =
            lab.snapshot.outgoing(from).filter(|hop| hop.target == to).map(|hop| hop.kind).collect();
        assert!(kinds.contains(&EdgeKind::GetChanges) && !kinds.contains(&EdgeKind::DCSync), "{expected}: {kinds:?}");
        assert!(kinds.iter().all(|kind| !kind.traversable()), "{expected}: {kinds:?}");
    }
}
