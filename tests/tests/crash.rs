//! Kill -9 during an import: what was acknowledged before is still there, the data folder opens, and importing the same
//! files again ends where an undisturbed import ends. The real binary, killed at several points of its work.

#![expect(clippy::unwrap_used, reason = "a helper fails the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use hopwatch::estate_file;
use hopwatch::store::{AlertFilter, EventFilter, EventHistory, PageRequest, Store};
use hopwatch_tests::binary::{hopwatch, run, stderr};
use hopwatch_tests::{lab, sample};
use tempfile::TempDir;

/// At which share of an undisturbed import's time it is killed.
const POINTS: [f64; 8] = [0.05, 0.25, 0.5, 0.65, 0.75, 0.85, 0.92, 0.97];

/// What a data folder holds.
#[derive(Debug, PartialEq, Eq)]
struct Content {
    events: u64,
    /// Source, kind, target, count.
    edges: BTreeSet<(String, &'static str, String, u32)>,
    /// Detection, key, events.
    alerts: BTreeSet<(String, String, u64)>,
}

/// A key with the digests of tickets left out: they are keyed by the data folder, and each has its own key.
fn without_digests(key: &str) -> String {
    let digest = |part: &&str| part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    key.split('|').map(|part| if digest(&part) { "ticket" } else { part }).collect::<Vec<_>>().join("|")
}

impl Content {
    fn of(data_dir: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (events, alerts) = runtime.block_on(async {
            let store = Store::open(data_dir).await.unwrap();
            let events = store.events().count(&EventFilter::default()).await.unwrap();
            let page = store.alerts(&AlertFilter::default(), &PageRequest::first(10_000)).await.unwrap();
            let alerts = page.rows.into_iter().map(|row| row.alert);
            let alerts = alerts.map(|alert| (alert.detection, without_digests(&alert.key), alert.events)).collect();
            store.close().await;
            (events, alerts)
        });
        let estate = estate_file::load(data_dir).unwrap();
        let id = |node| estate.node(node).map(|node| node.id.to_string()).unwrap_or_default();
        let edges = estate
            .edges()
            .map(|(_, edge)| (id(edge.key.source), edge.key.kind.name(), id(edge.key.target), edge.count))
            .collect();
        Self { events, edges, alerts }
    }

    /// The edges without their counts.
    fn pairs(&self) -> BTreeSet<(String, &'static str, String)> {
        self.edges.iter().map(|(source, kind, target, _)| (source.clone(), *kind, target.clone())).collect()
    }

    /// Fails with the first differences rather than with two whole graphs.
    fn assert_equal(&self, other: &Self, what: &str) {
        assert_eq!(self.events, other.events, "{what}: events");
        let differs = |a: &BTreeSet<_>, b: &BTreeSet<_>| a.symmetric_difference(b).take(5).cloned().collect::<Vec<_>>();
        let edges: Vec<(String, &str, String, u32)> = differs(&self.edges, &other.edges);
        assert!(edges.is_empty(), "{what}: edges differ: {edges:?}");
        let alerts: Vec<_> = self.alerts.symmetric_difference(&other.alerts).take(5).collect();
        assert!(alerts.is_empty(), "{what}: alerts differ: {alerts:?}");
    }
}

/// A data folder with a digest key of its own choice: keys of alerts hold digests of tickets, and are compared.
fn fresh(folder: &TempDir, name: &str) -> PathBuf {
    let data_dir = folder.path().join(name);
    std::fs::create_dir(&data_dir).unwrap();
    std::fs::write(data_dir.join("digest.key"), [7; 32]).unwrap();
    data_dir
}

/// What is imported first, and acknowledged: the directory and a capture.
fn first() -> Vec<PathBuf> {
    vec![lab().join("directory.zip"), lab().join("workday-mix.pcap.gz")]
}

/// A folder of captures and logs, large enough that an import takes a while: attacks and work of the lab, a day of the
/// sample estate.
fn large(folder: &TempDir) -> PathBuf {
    let large = folder.path().join("large");
    std::fs::create_dir(&large).unwrap();
    let lab = ["admin-work", "dcsync", "kerberoasting", "brute-force", "recon", "pass-the", "golden"];
    let of = |directory: PathBuf, wanted: &dyn Fn(&str) -> bool| {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.ends_with(".gz") && !name.contains("truth") && wanted(&name) {
                std::fs::copy(&path, large.join(&name)).unwrap();
            }
        }
    };
    of(hopwatch_tests::lab(), &|name| lab.iter().any(|start| name.starts_with(start)));
    of(sample(), &|name| name.contains("monday"));
    large
}

fn import(paths: &[PathBuf], data_dir: &Path) {
    let mut arguments: Vec<&Path> = vec![Path::new("import")];
    arguments.extend(paths.iter().map(PathBuf::as_path));
    arguments.extend([Path::new("--data-dir"), data_dir]);
    let output = run(arguments);
    assert!(output.status.success(), "{}", stderr(&output));
}

/// Starts an import and kills it after a while; true where it was still at work then.
fn killed(paths: &[PathBuf], data_dir: &Path, after: Duration) -> bool {
    let mut child = hopwatch()
        .arg("import")
        .args(paths)
        .arg("--data-dir")
        .arg(data_dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (_keep, never) = mpsc::channel::<()>();
    assert!(never.recv_timeout(after).is_err());
    // SIGKILL: the process can do nothing about it.
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

#[test]
fn a_killed_import_loses_nothing_and_repeats_to_the_same_end() {
    let folder = TempDir::new().unwrap();
    let large = vec![large(&folder)];
    let undisturbed = fresh(&folder, "undisturbed");
    import(&first(), &undisturbed);
    let acknowledged = Content::of(&undisturbed);
    assert!(acknowledged.events > 0 && acknowledged.edges.len() > 1000);
    #[expect(clippy::disallowed_methods, reason = "the points are shares of the time that this machine takes")]
    let started = Instant::now();
    import(&large, &undisturbed);
    let takes = started.elapsed();
    let end = Content::of(&undisturbed);
    assert!(end.events > 2 * acknowledged.events && !end.alerts.is_empty(), "{}: too little", end.events);

    let mut interrupted = 0;
    for point in POINTS {
        let data_dir = fresh(&folder, &format!("killed-{point}"));
        import(&first(), &data_dir);
        if killed(&large, &data_dir, takes.mul_f64(point)) {
            interrupted += 1;
        }
        let after = Content::of(&data_dir);
        assert!(after.events >= acknowledged.events, "{point}: acknowledged events are lost");
        let lost: Vec<_> = acknowledged.pairs().difference(&after.pairs()).take(5).cloned().collect();
        assert!(lost.is_empty(), "{point}: acknowledged edges are lost: {lost:?}");
        let export = run([Path::new("graph"), Path::new("export"), Path::new("--data-dir"), &data_dir]);
        assert!(export.status.success(), "{point}: {}", stderr(&export));
        import(&large, &data_dir);
        Content::of(&data_dir).assert_equal(&end, &format!("killed at {point} of {takes:?}"));
    }
    assert!(interrupted >= POINTS.len() / 2, "only {interrupted} imports were interrupted: the test shows nothing");
}

#[test]
fn importing_the_same_recordings_again_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let data_dir = folder.path().join("data");
    import(&first(), &data_dir);
    let recordings = vec![lab().join("dcsync.pcap.gz"), lab().join("dcsync.audit.jsonl.gz")];
    import(&recordings, &data_dir);
    let once = Content::of(&data_dir);
    import(&recordings, &data_dir);
    Content::of(&data_dir).assert_equal(&once, "imported twice");
}

/// A directory that is collected again reports its edges once more, and adds none.
#[test]
fn importing_the_same_directory_again_adds_no_edge() {
    let folder = TempDir::new().unwrap();
    let data_dir = folder.path().join("data");
    import(&first(), &data_dir);
    let once = Content::of(&data_dir);
    import(&first(), &data_dir);
    let twice = Content::of(&data_dir);
    assert_eq!(once.pairs(), twice.pairs());
    assert_eq!((once.events, &once.alerts), (twice.events, &twice.alerts));
}

#[test]
fn a_second_process_is_kept_out_by_name() {
    let folder = TempDir::new().unwrap();
    let data_dir = folder.path().join("data");
    std::fs::create_dir(&data_dir).unwrap();
    let lock = std::fs::File::create(data_dir.join("lock")).unwrap();
    lock.lock().unwrap();
    let output = run([Path::new("import"), &lab().join("dcsync.pcap.gz"), Path::new("--data-dir"), &data_dir]);
    assert!(!output.status.success());
    assert!(stderr(&output).contains("in use by another hopwatch"), "{}", stderr(&output));
}

#[test]
fn a_foreign_checkpoint_is_refused_and_kept() {
    let folder = TempDir::new().unwrap();
    let data_dir = folder.path().join("data");
    std::fs::create_dir(&data_dir).unwrap();
    let checkpoint = data_dir.join("graph.checkpoint");
    std::fs::write(&checkpoint, b"no checkpoint").unwrap();
    let output = run([Path::new("import"), &lab().join("dcsync.pcap.gz"), Path::new("--data-dir"), &data_dir]);
    assert!(!output.status.success());
    assert!(stderr(&output).contains("graph.checkpoint"), "{}", stderr(&output));
    assert_eq!(std::fs::read(&checkpoint).unwrap(), b"no checkpoint");
}
