//! The house keeps its order: the dependency law of ARCHITECTURE.md, the sizes of files, the headers.

#![expect(clippy::unwrap_used, reason = "a helper fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};
use hopwatch_tests::root;

/// Direct dependencies of each room, without those of its tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let rooms = metadata.workspace_packages();
    let direct = |kind: DependencyKind| kind != DependencyKind::Development;
    rooms
        .iter()
        .map(|room| {
            let names = room.dependencies.iter().filter(|dependency| direct(dependency.kind));
            (room.name.to_string(), names.map(|dependency| dependency.name.clone()).collect())
        })
        .collect()
}

#[test]
fn the_dependency_law_holds() {
    let law: &[(&str, &[&str])] = &[
        ("hopwatch-model", &[]),
        ("hopwatch-wire", &["hopwatch-model"]),
        ("hopwatch-afpacket", &[]),
        ("hopwatch-ingest", &["hopwatch-model", "hopwatch-wire", "hopwatch-afpacket"]),
        ("hopwatch-graph", &["hopwatch-model"]),
        ("hopwatch-ml", &["hopwatch-model", "hopwatch-graph"]),
        ("hopwatch-detections", &["hopwatch-model", "hopwatch-graph", "hopwatch-ml"]),
        ("hopwatch", &["hopwatch-model", "hopwatch-ingest", "hopwatch-graph", "hopwatch-ml", "hopwatch-detections"]),
    ];
    let dependencies = dependencies();
    for (room, allowed) in law {
        let ours = dependencies[*room].iter().filter(|name| name.starts_with("hopwatch"));
        for name in ours {
            assert!(allowed.contains(&name.as_str()), "{room} must not depend on {name}");
        }
    }
}

#[test]
fn each_heavy_library_stays_in_its_room() {
    let homes: &[(&str, &[&str])] = &[
        ("ldap3", &["hopwatch-ingest"]),
        ("evtx", &["hopwatch-ingest"]),
        ("axum", &["hopwatch"]),
        ("async-graphql", &["hopwatch"]),
        ("sqlx", &["hopwatch"]),
        ("neo4rs", &["hopwatch"]),
        ("petgraph", &["hopwatch-graph"]),
        ("linfa", &["hopwatch-ml"]),
        ("linfa-logistic", &["hopwatch-ml"]),
        ("tokio", &["hopwatch", "hopwatch-ingest"]),
    ];
    for (room, names) in dependencies() {
        if room == "hopwatch-tests" {
            continue;
        }
        for (library, allowed) in homes {
            assert!(
                !names.contains(*library) || allowed.contains(&room.as_str()),
                "{room} must not depend on {library}"
            );
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "target" | "node_modules" | ".git" | "frontend") {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

/// A file of many lines is a room that wants a wall. Tests at the end of a file do not count.
#[test]
fn no_file_has_more_than_800_lines() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        assert!(lines <= 800, "{} has {lines} lines", file.display());
    }
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{} has no header", file.display());
    }
}

/// Only the shell reads the clock: `ingest`'s live sources and `server`.
#[test]
fn no_clock_below_the_shell() {
    let mut files = Vec::new();
    for room in ["model", "wire", "graph", "ml", "detections"] {
        sources(&root().join(room).join("src"), &mut files);
    }
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for clock in ["SystemTime::now", "Instant::now", "Zoned::now", "jiff::Timestamp::now"] {
            assert!(!text.contains(clock), "{} reads the clock by {clock}", file.display());
        }
    }
}
