//! `docs/detections/` is written from the headers of the detections' files and from their facts; it fails here where it
//! has drifted. `make docs` writes it anew.

#![expect(clippy::unwrap_used, reason = "a helper fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use hopwatch_detections::{ALL, DetectionFactory, Meta, Phase, Sensitivity, manual};
use hopwatch_tests::root;

const PHASES: [(Phase, &str); 7] = [
    (Phase::InitialAccess, "Initial access"),
    (Phase::Reconnaissance, "Reconnaissance"),
    (Phase::CredentialAccess, "Credential access"),
    (Phase::LateralMovement, "Lateral movement"),
    (Phase::DomainDominance, "Domain dominance"),
    (Phase::Exfiltration, "Exfiltration"),
    (Phase::Posture, "Posture"),
];

fn folder() -> PathBuf {
    root().join("docs/detections")
}

/// The thresholds of every level beside one another.
fn thresholds(factory: &dyn DetectionFactory) -> String {
    let levels = [Sensitivity::High, Sensitivity::Medium, Sensitivity::Low].map(|level| factory.thresholds(level));
    let Some(names) = levels[0].as_object().filter(|fields| !fields.is_empty()) else {
        return String::from("None.\n");
    };
    let mut text = String::from("| threshold | high | medium | low |\n|---|---|---|---|\n");
    for name in names.keys() {
        let values: Vec<_> = levels.iter().map(|level| level[name].to_string()).collect();
        writeln!(text, "| `{name}` | {} |", values.join(" | ")).unwrap();
    }
    text
}

fn page(factory: &dyn DetectionFactory) -> String {
    format!(
        "{}\n## Thresholds by sensitivity\n\n`high` is the default: the fewest alerts. What each number means stands under *How it decides*\nand at its field in `detections/src/{}`.\n\n{}",
        manual::page(factory.meta()),
        source(factory.meta()),
        thresholds(factory),
    )
}

/// The detection's file under `detections/src`.
fn source(meta: &Meta) -> String {
    let phase = serde_json::to_value(meta.phase).unwrap();
    format!("{}/{}.rs", phase.as_str().unwrap(), meta.slug.replace('-', "_"))
}

fn index() -> String {
    let mut text = String::from(
        "# Detections\n\nWritten by `make docs` from the detections themselves. *Defender* is the external id of the same alert in Microsoft\nDefender for Identity, sent along so that content written for it keeps working.\n\n| detection | severity | phase | ATT&CK | Defender |\n|---|---|---|---|---|\n",
    );
    for factory in ALL {
        let meta = factory.meta();
        let phase = PHASES.iter().find(|(phase, _)| *phase == meta.phase).map(|(_, name)| *name).unwrap();
        let severity = format!("{:?}", meta.severity).to_lowercase();
        let external = meta.external_id.map_or_else(|| String::from("–"), |id| id.to_string());
        let techniques = meta.techniques.join(", ");
        writeln!(text, "| [{0}]({0}.md) | {severity} | {phase} | {techniques} | {external} |", meta.slug).unwrap();
    }
    text.push_str("\n## Coverage: ATT&CK technique by phase\n\nAn empty cell is a technique that is not detected in that phase, not one that cannot happen.\n\n");
    text.push_str(&matrix());
    text
}

fn matrix() -> String {
    let mut cells: BTreeMap<&str, BTreeMap<Phase, BTreeSet<&str>>> = BTreeMap::new();
    for meta in ALL.iter().map(|factory| factory.meta()) {
        for technique in meta.techniques {
            cells.entry(technique).or_default().entry(meta.phase).or_default().insert(meta.slug);
        }
    }
    let used: Vec<_> = PHASES.iter().filter(|(phase, _)| cells.values().any(|row| row.contains_key(phase))).collect();
    let heads: Vec<_> = used.iter().map(|(_, name)| *name).collect();
    let mut text = format!("| technique | {} |\n|---|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
    for (technique, row) in &cells {
        let columns = used.iter().map(|(phase, _)| {
            let slugs = row.get(phase).into_iter().flatten().map(|slug| format!("[{slug}]({slug}.md)"));
            slugs.collect::<Vec<_>>().join(" ")
        });
        writeln!(text, "| {technique} | {} |", columns.collect::<Vec<_>>().join(" | ")).unwrap();
    }
    text
}

fn pages() -> BTreeMap<String, String> {
    let mut pages: BTreeMap<_, _> =
        ALL.iter().map(|factory| (format!("{}.md", factory.meta().slug), page(*factory))).collect();
    pages.insert(String::from("README.md"), index());
    pages
}

#[test]
fn the_pages_of_the_detections_are_what_their_files_say() {
    let pages = pages();
    if std::env::var_os("HOPWATCH_WRITE_DOCS").is_some() {
        fs::create_dir_all(folder()).unwrap();
        for entry in fs::read_dir(folder()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for (name, text) in &pages {
            fs::write(folder().join(name), text).unwrap();
        }
    }
    let committed: BTreeSet<_> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(committed, pages.keys().cloned().collect(), "docs/detections has other pages; run `make docs`");
    for (name, text) in pages {
        let written = fs::read_to_string(folder().join(&name)).unwrap();
        assert!(written == text, "docs/detections/{name} has drifted; run `make docs`");
    }
}

/// Links between the documents lead somewhere.
#[test]
fn every_relative_link_of_the_documents_leads_to_a_file() {
    let mut documents: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        .iter()
        .map(|name| root().join(name))
        .collect();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") || target.contains(' ') {
                continue;
            }
            let path = document.parent().unwrap().join(target);
            assert!(path.exists(), "{} links to {target}, which is not there", document.display());
        }
    }
}

/// The architecture and the house style name files by path; each is there.
#[test]
fn every_file_that_the_architecture_names_exists() {
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        for word in text.split('`').skip(1).step_by(2) {
            let source = [".rs", ".ts", ".tsx", ".mjs", ".sql", ".md", ".toml"].iter().any(|end| word.ends_with(end));
            let pattern = word.contains(['<', '*', '{', ' ', '…', '$']);
            if source && !pattern && word.contains('/') {
                assert!(root().join(word).exists(), "{document} names {word}, which is not there");
            }
        }
    }
}
