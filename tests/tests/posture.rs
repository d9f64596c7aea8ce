//! The findings of posture on the lab's directory: every weakness that was put into it is told, as far as a collection
//! over LDAP carries it, and where the weakness is a plain attribute, nothing else is.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper fails the test; figures and skips are shown")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use hopwatch_detections::posture;
use hopwatch_graph::{Estate, Mode, Snapshot};
use hopwatch_ingest::Counters;
use hopwatch_ingest::directory::bloodhound;
use hopwatch_ingest::sink::Sink;
use hopwatch_model::{DirectoryDelta, Event, Finding, Timestamp};

/// The lab's word for a weakness, the findings that tell it, and whether they tell nothing else in the lab.
const TOLD: &[(&str, &[&str], bool)] = &[
    ("password-in-description", &["password-in-description"], true),
    ("stale-account", &["stale-user"], false),
    ("stale-computer", &["stale-computer"], false),
    ("asrep-roastable", &["as-rep-roastable"], true),
    ("des-only", &["des-only"], true),
    ("password-not-required", &["password-not-required"], true),
    ("reversible-encryption", &["reversible-encryption"], true),
    ("stale-admincount", &["admin-count-orphan"], true),
    ("kerberoastable", &["kerberoastable", "kerberoastable-privileged"], false),
    ("unconstrained-delegation", &["unconstrained-delegation"], true),
    ("constrained-delegation", &["constrained-delegation-to-tier-zero"], false),
    ("constrained-delegation-protocol-transition", &["protocol-transition"], true),
    ("rbcd", &["resource-based-delegation"], true),
    ("pre-windows-2000-computer-password", &["pre-windows-2000-computer"], false),
    ("primary-group-not-domain-users", &["primary-group-not-default"], true),
    ("dcsync-non-admin", &["dcsync-by-non-admins"], false),
    ("sidhistory-privileged", &["sid-history-privileged"], true),
    ("gpo-writable-by-non-admin", &["gpo-writable-by-non-admins"], true),
    ("adcs-esc1", &["certificate-esc1"], true),
    ("adcs-esc2", &["certificate-esc2"], false),
    ("adcs-esc3", &["certificate-esc3"], false),
    ("adcs-esc4", &["certificate-esc4"], true),
    ("adcs-esc9", &["certificate-esc9"], true),
];
/// What a collection over LDAP does not carry, or what is a mark and no weakness.
const NOT_CARRIED: &[&str] = &["honeytoken", "shadow-credential", "gpp-cpassword"];

#[derive(Default)]
struct Deltas(Vec<DirectoryDelta>);

impl Sink for Deltas {
    fn event(&mut self, _event: Event) {}

    fn directory(&mut self, delta: DirectoryDelta) {
        self.0.push(delta);
    }
}

fn lab() -> PathBuf {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/lab");
    std::env::var_os("HOPWATCH_LAB").map_or(default, PathBuf::from)
}

/// The lab's directory at the time of the latest logon in it: a collection does not say when it was made.
fn snapshot(archive: &Path) -> Snapshot {
    let (mut sink, mut counters) = (Deltas::default(), Counters::default());
    let name = archive.to_string_lossy();
    bloodhound::read_archive(File::open(archive).unwrap(), &name, Timestamp::from_secs(1), &mut sink, &mut counters)
        .unwrap();
    let logons = sink.0.iter().flat_map(|delta| &delta.nodes).filter_map(|node| {
        ["lastlogontimestamp", "whencreated"].iter().filter_map(|name| node.properties.get(*name)?.integer()).max()
    });
    let time = Timestamp::from_secs(logons.max().unwrap());
    let mut estate = Estate::default();
    for mut delta in sink.0 {
        delta.time = time;
        estate.apply(&delta);
    }
    estate.derive(Mode::Ours);
    estate.snapshot(None)
}

/// Upper-case names of what a finding exposes.
fn names(findings: &[Finding], snapshot: &Snapshot) -> BTreeSet<String> {
    let ids = findings.iter().flat_map(|finding| &finding.exposed);
    let nodes = ids.filter_map(|id| snapshot.node(snapshot.find(id)?));
    nodes.filter_map(|node| Some(node.text("distinguishedname")?.to_uppercase())).collect()
}

#[test]
fn the_labs_weaknesses_are_told() {
    let archive = lab().join("reference/bloodhound-analyzed/rusthound-ce.zip");
    let Ok(truth) = std::fs::read_to_string(lab().join("reference/directory.json")) else {
        println!("skipped: no lab");
        return;
    };
    let truth: serde_json::Value = serde_json::from_str(&truth).unwrap();
    let snapshot = snapshot(&archive);
    let found: BTreeMap<&str, Vec<Finding>> =
        posture::ALL.iter().map(|posture| (posture.slug(), posture.findings(&snapshot))).collect();
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in truth["findings"].as_array().unwrap() {
        let (kind, name) = (finding["kind"].as_str().unwrap(), finding["dn"].as_str().unwrap());
        wanted.entry(kind.to_owned()).or_default().insert(name.to_uppercase());
    }
    let (mut told, mut missed, mut more) = (0, Vec::new(), Vec::new());
    for (kind, names_wanted) in &wanted {
        if kind == "adminsdholder-ace" {
            // The lab names who holds the entry, the finding names the container and says who.
            let says = found["admin-sd-holder-writable"].iter().flat_map(|finding| &finding.evidence);
            assert!(says.into_iter().any(|line| line.to_uppercase().contains("VERA")), "AdminSDHolder");
            told += 1;
            continue;
        }
        let Some((_, slugs, exact)) = TOLD.iter().find(|(known, ..)| known == kind) else {
            assert!(NOT_CARRIED.contains(&kind.as_str()), "no finding tells {kind}");
            continue;
        };
        let exposed: BTreeSet<String> = slugs.iter().flat_map(|slug| names(&found[slug], &snapshot)).collect();
        told += names_wanted.intersection(&exposed).count();
        missed.extend(names_wanted.difference(&exposed).map(|name| format!("{kind}: {name}")));
        if *exact {
            more.extend(exposed.difference(names_wanted).map(|name| format!("{kind}: {name}")));
        }
    }
    for (slug, findings) in &found {
        findings.iter().for_each(|finding| println!("{slug}: {}", finding.exposed.len()));
    }
    println!("{told} weaknesses of the lab told");
    assert!(missed.is_empty(), "missed: {missed:#?}");
    assert!(more.is_empty(), "told and not there: {more:#?}");
}
