//! The corpus and the lab's audit logs through the loader: every file has an outcome, every record is accounted for, and
//! loading twice gives the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hopwatch_ingest::load::{self, Config, Quiet, Report};
use hopwatch_ingest::sink::Collected;
use hopwatch_ingest::{DigestKey, Error};
use hopwatch_model::Timestamp;

fn folder(variable: &str, default: &str) -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(default);
    let path = std::env::var_os(variable).map_or(default, PathBuf::from);
    path.is_dir().then_some(path)
}

fn load(paths: &[PathBuf]) -> (Collected, Report) {
    let mut sink = Collected::default();
    let config = Config::new(DigestKey::one_shot(), Timestamp::from_secs(0));
    let report = load::paths(paths, &config, &mut sink, &Quiet);
    (sink, report)
}

fn summary(sink: &Collected, report: &Report) {
    let mut kinds = BTreeMap::<&str, u64>::new();
    for event in &sink.events {
        *kinds.entry(event.activity.name()).or_default() += 1;
    }
    let total = report.counters();
    eprintln!(
        "{} files, {} read, {} events\nignored {:#?}\ndropped {:#?}\n{kinds:#?}",
        report.files.len(),
        total.read,
        total.events,
        total.ignored,
        total.dropped
    );
    for failed in report.files.iter().filter(|file| file.error.is_some() && !file.bystander) {
        eprintln!("{failed}");
    }
}

#[test]
fn every_file_of_the_corpus_has_an_outcome() {
    let Some(corpus) = folder("HOPWATCH_CORPUS", "shared/corpus") else {
        eprintln!("skipped: no corpus");
        return;
    };
    for class in ["winjson", "signin", "radius", "syslog", "zeek"] {
        eprintln!("== {class}");
        let (sink, report) = load(&[corpus.join(class)]);
        assert!(!report.files.is_empty());
        summary(&sink, &report);
        assert_eq!(report.counters().events, u64::try_from(sink.events.len()).unwrap());
        for file in &report.files {
            let counters = &file.counters;
            let accounted =
                counters.events + counters.ignored.values().sum::<u64>() + counters.dropped.values().sum::<u64>();
            assert!(accounted >= counters.read, "{file}: {accounted} of {}", counters.read);
            assert!(!matches!(file.error, Some(Error::Read { .. } | Error::Open(_))), "{file}");
        }
    }
}

#[test]
fn every_audit_record_of_the_lab_is_known() {
    let Some(lab) = folder("HOPWATCH_LAB", "shared/lab") else {
        eprintln!("skipped: no lab");
        return;
    };
    let mut logs: Vec<PathBuf> = std::fs::read_dir(lab.join("captures"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".audit.jsonl"))
        .collect();
    logs.sort();
    logs.push(lab.join("reference/samba-logs/auth_json_audit.log"));
    logs.push(lab.join("reference/samba-logs/dsdb_json_audit.log"));
    let (sink, report) = load(&logs);
    summary(&sink, &report);
    let counters = report.counters();
    // The two whole logs were copied while the server wrote: their last lines are cut.
    let cut: u64 = logs.iter().map(|log| cut_lines(&std::fs::read_to_string(log).unwrap())).sum();
    assert_eq!(counters.dropped.values().sum::<u64>(), cut, "{:?}", counters.dropped);
    assert!(!counters.ignored.contains_key("JSON record of no known shape"));
    let (again, _) = load(&logs);
    assert_eq!(sink.events, again.events);
}

fn cut_lines(log: &str) -> u64 {
    let records = log.lines().map(str::trim).filter(|line| line.starts_with('{'));
    u64::try_from(records.filter(|line| serde_json::from_str::<serde_json::Value>(line).is_err()).count()).unwrap()
}
