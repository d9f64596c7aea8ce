//! BloodHound's own raw files give BloodHound's own analysed edges: its fixtures, and collections of the lab that it
//! analysed. Every folder below the corpus that holds `raw` and `analysis/analyzed.json`, and every archive of the lab
//! that has its edges beside it, is taken; none is named here.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper fails the test; figures and skips are shown")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use hopwatch_graph::{Estate, Mode};
use hopwatch_ingest::directory::bloodhound;
use hopwatch_ingest::sink::Sink;
use hopwatch_ingest::{Counters, sink};
use hopwatch_model::edge::Origin;
use hopwatch_model::{DirectoryDelta, EdgeKind, Event, Timestamp};

/// Source, kind and target of an edge, identifiers in upper case.
type Triple = (String, String, String);

/// A sink that applies what comes at once.
#[derive(Default)]
struct Applied(Estate);

impl Sink for Applied {
    fn event(&mut self, _event: Event) {}

    fn directory(&mut self, delta: DirectoryDelta) {
        self.0.apply(&delta);
    }
}

fn folder(variable: &str, default: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::env::var_os(variable).map_or_else(|| root.join("../shared").join(default), PathBuf::from)
}

/// Every folder below that holds raw files and what they were analysed to.
fn fixtures(below: &Path, found: &mut Vec<PathBuf>) {
    if below.join("analysis/analyzed.json").is_file() && below.join("raw").is_dir() {
        found.push(below.to_owned());
        return;
    }
    let Ok(entries) = fs::read_dir(below) else { return };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.iter().for_each(|path| fixtures(path, found));
}

fn load(path: &Path) -> Estate {
    let (mut sink, mut counters) = (Applied::default(), Counters::default());
    let time = Timestamp::from_secs(1_700_000_000);
    if path.is_dir() {
        let mut files: Vec<PathBuf> = fs::read_dir(path).unwrap().flatten().map(|entry| entry.path()).collect();
        files.sort();
        for file in files {
            read(&file, time, &mut sink, &mut counters);
        }
    } else {
        read(path, time, &mut sink, &mut counters);
    }
    assert!(counters.dropped.is_empty(), "{}: {:?}", path.display(), counters.dropped);
    sink.0
}

fn read(file: &Path, time: Timestamp, sink: &mut Applied, counters: &mut Counters) {
    let name = file.to_string_lossy();
    let open = File::open(file).unwrap();
    if name.ends_with(".zip") {
        let failed = bloodhound::read_archive(open, &name, time, sink, counters).unwrap();
        assert!(failed.is_empty(), "{failed:?}");
    } else {
        bloodhound::read(open, &name, time, sink, counters).unwrap();
    }
}

fn triples(estate: &Estate) -> BTreeSet<Triple> {
    let id = |node| estate.node(node).map(|node| node.id.to_uppercase()).unwrap_or_default();
    let edges = estate.edges().map(|(_, edge)| edge.key);
    edges.map(|key| (id(key.source), key.kind.name().to_owned(), id(key.target))).collect()
}

/// The edges of an `analyzed.json`, whose ends are node ids of that file.
fn analysed(path: &Path) -> BTreeSet<Triple> {
    let text: serde_json::Value = serde_json::from_reader(BufReader::new(File::open(path).unwrap())).unwrap();
    let graph = text.get("graph").unwrap_or(&text);
    let end = |edge: &serde_json::Value, key: &str| edge[key]["value"].as_str().unwrap().to_uppercase();
    let edges = graph["edges"].as_array().unwrap().iter();
    edges.map(|edge| (end(edge, "start"), edge["kind"].as_str().unwrap().to_owned(), end(edge, "end"))).collect()
}

fn table(path: &Path) -> BTreeSet<Triple> {
    let lines = BufReader::new(flate2::read::GzDecoder::new(File::open(path).unwrap())).lines();
    let row = |line: String| {
        let mut parts = line.split('\t').map(str::to_owned);
        (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
    };
    lines.map(|line| row(line.unwrap())).collect()
}

/// Every collection with the edges that BloodHound gives for it.
fn collections() -> Vec<(PathBuf, BTreeSet<Triple>)> {
    let mut folders = Vec::new();
    fixtures(&folder("HOPWATCH_CORPUS", "corpus").join("bloodhound"), &mut folders);
    let mut all: Vec<_> =
        folders.iter().map(|path| (path.join("raw"), analysed(&path.join("analysis/analyzed.json")))).collect();
    let lab = folder("HOPWATCH_LAB", "lab").join("reference/bloodhound-analyzed");
    let mut archives: Vec<PathBuf> =
        fs::read_dir(lab).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    archives.sort();
    for archive in archives.iter().filter(|path| path.extension().is_some_and(|extension| extension == "zip")) {
        let edges = archive.with_extension("edges.tsv.gz");
        if edges.is_file() {
            all.push((archive.clone(), table(&edges)));
        }
    }
    if all.is_empty() {
        println!("skipped: no corpus");
    }
    all
}

fn compare(what: &str, path: &Path, want: &BTreeSet<Triple>, got: &BTreeSet<Triple>) -> bool {
    let (missing, extra): (Vec<_>, Vec<_>) = (want.difference(got).collect(), got.difference(want).collect());
    println!("{what} {}: want {} missing {} extra {}", path.display(), want.len(), missing.len(), extra.len());
    missing.iter().take(12).for_each(|edge| println!("  missing {edge:?}"));
    extra.iter().take(12).for_each(|edge| println!("  extra {edge:?}"));
    missing.is_empty() && extra.is_empty()
}

#[test]
fn raw_edges_are_those_that_bloodhound_ingests() {
    let raw = |triple: &&Triple| EdgeKind::from_name(&triple.1).is_none_or(|kind| kind.origin() == Origin::Raw);
    // The links of well-known groups are made in analysis, though their kind is raw.
    let synthetic = |triple: &&Triple| {
        triple.1 == "MemberOf" && (triple.2.ends_with("-S-1-5-11") || triple.2.ends_with("-S-1-1-0"))
    };
    let mut equal = true;
    for (path, want) in collections() {
        let want = want.iter().filter(raw).filter(|triple| !synthetic(triple)).cloned().collect();
        let got = triples(&load(&path)).iter().filter(|triple| !synthetic(triple)).cloned().collect();
        equal &= compare("raw", &path, &want, &got);
    }
    assert!(equal);
}

#[test]
fn derived_edges_are_those_that_bloodhound_derives() {
    let mut equal = true;
    for (path, want) in collections() {
        let mut estate = load(&path);
        estate.derive(Mode::BloodHound);
        equal &= compare("derived", &path, &want, &triples(&estate));
    }
    assert!(equal);
}

#[test]
fn every_derived_edge_names_raw_edges_or_nodes_that_exist() {
    for (path, _) in collections() {
        let mut estate = load(&path);
        estate.derive(Mode::Ours);
        for (_, edge) in estate.edges().filter(|(_, edge)| edge.origin == Origin::Derived) {
            for part in &edge.composition {
                assert!(estate.edge_of(*part).is_some(), "{}: {:?} rests on {part:?}", path.display(), edge.key);
            }
        }
    }
}

#[test]
fn a_collected_estate_is_the_same_in_memory_as_applied() {
    for (path, _) in collections().into_iter().filter(|(path, _)| path.extension().is_some()) {
        let (mut memory, mut counters) = (sink::Collected::default(), Counters::default());
        let time = Timestamp::from_secs(1_700_000_000);
        bloodhound::read_archive(File::open(&path).unwrap(), "a.zip", time, &mut memory, &mut counters).unwrap();
        let mut estate = Estate::default();
        memory.deltas.iter().for_each(|delta| estate.apply(delta));
        assert_eq!(triples(&estate), triples(&load(&path)));
    }
}
